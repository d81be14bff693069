"""Brings the server of an embedded PostgreSQL up: identity, ``initdb``, launch, and the wait for its first answer."""

import asyncio
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from ownercare_api.core import embedded_namespace
from ownercare_api.core.embedded_binaries import Binaries, DataFolderError, DataVersionError, ServerStartError
from ownercare_api.core.embedded_folder import PORT, Folder

USER = "ownercare"
DEFAULT_SETTINGS = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
}
_PATIENCE = 60.0  # seconds without a sign of life; a server that says it is recovering gets as long as it needs

Progress = Callable[[str], None]


@dataclass(kw_only=True)
class Starter:
    """Brings the server up; everything here happens under the folder's lock."""

    folder: Folder
    binaries: Binaries
    settings: Mapping[str, str]
    say: Progress
    identity: str = "self"
    password: str = ""

    def run(self, database: str, /) -> str:
        """Start or join; the server's version."""
        for leftover in self.folder.data_dir.glob("postgres.new-*"):  # of one who was killed while making a cluster
            shutil.rmtree(leftover, ignore_errors=True)
        if self._is_made():
            self.password = self.folder.password
            if self.folder.server_alive() and (version := self._wait_ready(database)) is not None:
                return version
            self._choose_identity()
        else:
            self._choose_identity()
            self._initialise()
        log = self._launch()
        version = self._wait_ready(database)
        if version is None:
            raise _failed("PostgreSQL did not start", "PostgreSQL 启动失败", _tail(self.folder.file("log"), log))
        return version

    def _is_made(self) -> bool:
        """Whether there is a cluster; raises when these programs cannot read it."""
        cluster = self.folder.cluster
        try:
            made_by = (cluster / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            if cluster.exists() and any(cluster.iterdir()):
                raise DataFolderError(
                    f"{cluster} exists but is not a PostgreSQL data directory.",
                    f"{cluster} 已存在,但不是 PostgreSQL 数据目录。",
                ) from None
            return False
        if made_by != str(self.binaries.major):
            raise DataVersionError(
                f"The data in {cluster} were made by PostgreSQL {made_by}, but the programs found are version "
                f"{self.binaries.version}. Set PG_BIN to the programs of version {made_by}, or dump and restore.",
                f"{cluster} 中的数据由 PostgreSQL {made_by} 创建,而找到的程序版本为 {self.binaries.version}。"
                f"请将 PG_BIN 指向 {made_by} 版的程序,或导出后重新导入。",
            )
        return True

    def _choose_identity(self) -> None:
        """Whom the server runs as: ourselves; as root the folder's owner, else a namespace, else nobody."""
        owner = self.folder.owner
        root = os.geteuid() == 0
        if root and owner.st_uid != 0:
            self.identity = f"user:{owner.st_uid}:{owner.st_gid}"
        elif (root or not _has_passwd_entry(os.geteuid())) and self._may_use(namespace := _namespace()):
            self.identity = namespace
        elif root:
            nobody = pwd.getpwnam("nobody")
            self.identity = f"user:{nobody.pw_uid}:{nobody.pw_gid}"
            self.folder.data_dir.chmod(self.folder.data_dir.stat().st_mode & 0o7777 | 0o011)  # to pass through
            if self.folder.cluster.exists():
                self._give(self.folder.cluster)
        if self.identity.startswith("user:") and not self._may_use(self.identity):
            self.binaries = self.binaries.copied_to(self._made("bin"))

    def _may_use(self, identity: str, /) -> bool:
        done = self._call("postgres", "--version", identity=identity)
        if done.returncode == embedded_namespace.UNREACHABLE:
            raise DataFolderError(
                f"The user of the database server may not enter {self.folder.data_dir}: {done.stderr.strip()}. "
                "Choose a folder outside of root's home, or start as an ordinary user.",
                f"数据库服务器所用的系统用户无法进入 {self.folder.data_dir}。"
                "请改用 root 主目录以外的目录,或以普通用户启动。",
            )
        return done.returncode == 0

    def _made(self, name: str, /) -> Path:
        path = self.folder.file(name)
        path.mkdir(exist_ok=True)
        return path

    def _server_user(self) -> tuple[int, int]:
        kind, *ids = self.identity.split(":")
        return (int(ids[0]), int(ids[1])) if kind == "user" else (os.geteuid(), os.getegid())

    def _give(self, path: Path, /) -> None:
        """Hand files to the server's user."""
        uid, gid = self._server_user()
        for each in (path, *path.rglob("*")):
            if each.lstat().st_uid != uid:
                os.chown(each, uid, gid, follow_symlinks=False)

    def _initialise(self) -> None:
        """Make the cluster aside and move it into place whole, so that a crash leaves no half-made one."""
        self.say("creating the database files")
        staging = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=self.folder.data_dir))
        self.password = secrets.token_urlsafe(32)
        password = staging / "password"
        descriptor = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self.password)
            file.flush()
            os.fsync(descriptor)
        self._give(staging)
        try:
            self._initdb(staging / "cluster", password)
            password.rename(staging / "cluster" / self.folder.password_file.name)
            (staging / "cluster").rename(self.folder.cluster)
            _sync(self.folder.cluster)
            _sync(self.folder.data_dir)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _initdb(self, cluster: Path, password: Path, /) -> None:
        options = [f"--pgdata={cluster}", f"--pwfile={password}", f"--username={USER}", "--encoding=UTF8"]
        options += ["--auth=scram-sha-256", "--data-checksums"]
        if self.settings.get("fsync") == "off":
            options.append("--no-sync")
        for locale in ("C.UTF-8", "C"):
            done = self._call("initdb", f"--locale={locale}", *options)
            if done.returncode == 0:
                return
            if "invalid locale" not in done.stderr:
                break
        raise _failed("initdb failed", "initdb 失败", done.stdout[-1000:] + done.stderr[-2000:])

    def _launch(self) -> int:
        """Start the server in the background; where in the log its lines begin."""
        self.say(f"starting PostgreSQL {self.binaries.version}")
        self.folder.make_socket_dir(*self._server_user())
        self.folder.clear_stale()
        self.folder.cluster.chmod(0o700)
        ours = {"listen_addresses": "", "unix_socket_directories": str(self.folder.socket_dir), "port": str(PORT)}
        parameters = DEFAULT_SETTINGS | dict(self.settings) | ours | {"unix_socket_permissions": "0700"}
        options = [part for name, value in parameters.items() for part in ("-c", f"{name}={value}")]
        log = self.folder.open_log()
        try:
            begins = os.fstat(log).st_size
            self._call("postgres", "-D", str(self.folder.cluster), *options, log=log)
        finally:
            os.close(log)
        return begins

    def _call(
        self, program: str, *arguments: str, identity: str | None = None, log: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, or with ``log`` in the background, under the server's identity."""
        lock = "" if log is None else str(self.folder.file("server.lock"))
        launcher = [sys.executable, "-I", "-S", embedded_namespace.__file__]
        launcher += [identity or self.identity, str(self.folder.data_dir), lock]
        # Nothing else of the caller's environment may reach the server: neither secrets nor PG* nor a locale.
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        try:
            return subprocess.run(  # noqa: S603
                [*launcher, self.binaries.program(program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if log is None else log,
                stderr=subprocess.PIPE if log is None else log,
                env=kept | {"LC_ALL": "C", "TZ": "UTC"},
                text=True,
                errors="replace",
                check=False,
                start_new_session=True,
            )
        except OSError as error:
            raise _failed("Python could not be run", "无法运行 Python", str(error)) from error

    def _wait_ready(self, database: str, /) -> str | None:
        # In a thread of its own: the caller may be inside a running event loop.
        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(asyncio.run, self._answer(database)).result()

    async def _answer(self, database: str, /) -> str | None:
        """The server's version once it takes connections and has ``database``; None when it has gone."""
        deadline, said = time.monotonic() + _PATIENCE, ""
        while True:
            alive = self.folder.server_alive()  # asked first: a server may go between an attempt and the question
            try:
                return await self._make_database(database)
            except asyncpg.TooManyConnectionsError:
                return self.binaries.version  # busy, so it runs
            except (asyncpg.CannotConnectNowError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError) as error:
                if said != (said := str(error)):
                    self.say(said)
                deadline = time.monotonic() + _PATIENCE
            except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError):
                pass  # no socket yet, or closed in the middle
            except asyncpg.PostgresError as error:
                raise _failed("PostgreSQL refused the connection", "PostgreSQL 拒绝连接", str(error)) from error
            if not alive:
                return None
            if time.monotonic() > deadline:
                raise _failed("PostgreSQL does not answer", "PostgreSQL 无响应", _tail(self.folder.file("log"), 0))
            await asyncio.sleep(0.01)

    async def _make_database(self, database: str, /) -> str:
        connection = await asyncpg.connect(
            host=str(self.folder.socket_dir),
            port=PORT,
            user=USER,
            password=self.password,
            database="postgres",
            timeout=10,
        )
        try:
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", database):
                name = database.replace('"', '""')
                await connection.execute(f'CREATE DATABASE "{name}"')
            return str(connection.get_settings().server_version).partition(" ")[0]
        finally:
            await connection.close()


def _has_passwd_entry(uid: int, /) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _namespace() -> str:
    # 65534 inside would also be the owner of every file whose owner is not mapped.
    known = [entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid not in (0, 65534)]
    return f"namespace:{min(known, default=65534)}"


def _sync(folder: Path, /) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _tail(log: Path, begins: int, /) -> str:
    with log.open("rb") as file:
        file.seek(begins)
        return "\n".join(file.read().decode(errors="replace").splitlines()[-15:])


def _failed(en: str, zh: str, detail: str, /) -> ServerStartError:
    return ServerStartError(f"{en}:\n{detail.strip()}", f"{zh}。")
