"""An embedded PostgreSQL: initialised, started, shared by several processes, and stopped by the last of them.

For trying out, tests and small installations; a set ``DATABASE_URL`` needs none of this. It listens on a unix
socket only and asks everybody for a random password (SCRAM). Needs Linux or macOS.
"""

import atexit
import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from ownercare_api.core.embedded_binaries import EmbeddedPostgresError, find_binaries
from ownercare_api.core.embedded_folder import PORT, Folder, unusable
from ownercare_api.core.embedded_starter import USER, Progress, Starter

__all__ = ["EmbeddedPostgresError", "EmbeddedServer", "find_binaries", "running", "start", "stop"]


@dataclass(frozen=True, kw_only=True)
class EmbeddedServer:
    """One user's hold on a running server; as a context manager it releases at the end.

    ``url`` is for SQLAlchemy with asyncpg; ``psql_url`` for psql and libpq. Both contain the password.
    """

    url: str = field(repr=False)
    data_dir: Path
    socket_dir: Path
    binaries: Path
    version: str
    _seat: "_Seat" = field(repr=False, compare=False)

    @property
    def psql_url(self) -> str:
        """The same address for libpq."""
        return self.url.replace("postgresql+asyncpg:", "postgresql:", 1)

    def release(self) -> None:
        """Stop using the server; the last user stops it. May be called twice. Blocks."""
        self._seat.leave()

    def __enter__(self) -> "EmbeddedServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class _Seat:
    """A shared lock among the users of one server."""

    def __init__(self, *, folder: Folder, descriptor: int) -> None:
        self._folder = folder
        self._descriptor: int | None = descriptor
        atexit.register(self.leave)

    def leave(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            atexit.unregister(self.leave)
            with self._folder.locked():
                os.close(descriptor)
                self._folder.stop_unused()


def start(
    *,
    data_dir: Path,
    database: str = USER,
    settings: Mapping[str, str] | None = None,
    on_progress: Progress | None = None,
) -> EmbeddedServer:
    """Start the server of ``data_dir``, or join it if it runs, and make ``database`` if it is absent.

    Safe in several processes and threads at once. Blocks: about a second at first, then 0.1 to 0.7 s, longer while
    the server recovers. ``settings`` (server parameters) count only for the process that starts it, and cannot make
    it listen elsewhere. Raises EmbeddedPostgresError.
    """
    say = on_progress or (lambda _: None)
    binaries = find_binaries()
    folder = Folder.at(data_dir)
    with folder.locked():
        descriptor = folder.take_seat()
        try:
            starter = Starter(folder=folder, binaries=binaries, settings=settings or {}, say=say)
            version = starter.run(database)
        except BaseException as error:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                folder.stop_unused()
            if isinstance(error, OSError):
                raise unusable(folder.data_dir, error) from error
            raise
    address = f"{USER}:{starter.password}@/{quote(database, safe='')}?host={folder.socket_dir}&port={PORT}"
    return EmbeddedServer(
        url=f"postgresql+asyncpg://{address}",
        data_dir=folder.data_dir,
        socket_dir=folder.socket_dir,
        binaries=binaries.bin_dir,
        version=version,
        _seat=_Seat(folder=folder, descriptor=descriptor),
    )


def stop(*, data_dir: Path) -> bool:
    """Stop a server that a killed process left behind, unless somebody uses it; whether none runs now. Blocks."""
    folder = Folder.at(data_dir)
    with folder.locked():
        return folder.stop_unused()


@contextlib.contextmanager
def running(
    *,
    data_dir: Path,
    database: str = USER,
    settings: Mapping[str, str] | None = None,
    on_progress: Progress | None = None,
) -> Iterator[EmbeddedServer]:
    """``start`` and, at the end, ``release``."""
    with start(data_dir=data_dir, database=database, settings=settings, on_progress=on_progress) as server:
        yield server
