"""The data folder of an embedded PostgreSQL: its files, who owns them, and who is using the server.

* ``postgres/`` the cluster, 0700, with the password in ``postgres/ownercare.password``, 0600
* ``postgres.socket/`` the socket, 0700; a link to a private folder under /tmp where the path would be too long
* ``postgres.log`` the server's log
* ``postgres.start.lock`` held while somebody starts, joins or stops the server
* ``postgres.users.lock`` held shared by every user of the server: a killed one is gone at once
* ``postgres.server.lock`` inherited by every server process: free exactly when none is left
"""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ownercare_api.core.embedded_binaries import DataFolderError, ServerStartError

PORT = 5432  # only a part of the socket's name: nothing listens on TCP
_LONGEST_SOCKET_PATH = 99  # bytes; the kernel takes 103 to 107
_LONGEST_LOG = 10_000_000  # bytes
_LOCK_PATIENCE = 300.0  # seconds: another process may be making the cluster on a slow disk
_FAST_STOP = 60.0  # seconds for SIGINT, which writes a checkpoint
_IMMEDIATE_STOP = 10.0  # seconds for SIGQUIT, after which the next start recovers


@dataclass(frozen=True)
class Folder:
    """One data folder."""

    data_dir: Path

    @classmethod
    def at(cls, data_dir: Path, /) -> "Folder":
        """The folder, made when absent. Raises DataFolderError when it cannot be written."""
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = cls(data_dir.resolve(strict=True))
            os.close(folder.open("start.lock"))
        except OSError as error:
            raise unusable(data_dir, error) from error
        return folder

    def file(self, name: str, /) -> Path:
        """The path of one of our files."""
        return self.data_dir / f"postgres.{name}"

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.data_dir / "postgres"

    @property
    def password_file(self) -> Path:
        """Inside the cluster, so that neither is ever without the other."""
        return self.cluster / "ownercare.password"

    @property
    def password(self) -> str:
        """The password of the database's only user."""
        return self.password_file.read_text()

    @property
    def owner(self) -> os.stat_result:
        """Whose files these are (``st_uid``, ``st_gid``): the cluster's, or before there is one the folder's."""
        return (self.cluster if self.cluster.exists() else self.data_dir).stat()

    def open(self, name: str, flags: int = os.O_RDWR, /) -> int:
        """Open or make one of our files, 0600; as root it goes to the folder's owner."""
        descriptor = os.open(self.file(name), flags | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.geteuid() == 0:
            os.fchown(descriptor, self.owner.st_uid, self.owner.st_gid)
        return descriptor

    def open_log(self) -> int:
        """The log, for appending; a long one is put aside first as ``postgres.log.1``."""
        log = self.file("log")
        if log.exists() and log.stat().st_size > _LONGEST_LOG:
            log.replace(self.file("log.1"))
        return self.open("log", os.O_WRONLY | os.O_APPEND)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Alone among those who start, join and stop the server. Raises ServerStartError after five minutes."""
        descriptor = self.open("start.lock")
        try:
            deadline = time.monotonic() + _LOCK_PATIENCE
            while not _flock(descriptor, fcntl.LOCK_EX):
                if time.monotonic() > deadline:
                    raise ServerStartError(
                        f"Another process has been starting or stopping PostgreSQL in {self.data_dir} for too long.",
                        f"另一个进程正在 {self.data_dir} 启动或停止 PostgreSQL,等待超时。",
                    )
                time.sleep(0.01)
            yield
        finally:
            _unlock(descriptor)

    def take_seat(self) -> int:
        """Become a user of the server, until the returned descriptor is closed or this process dies."""
        descriptor = self.open("users.lock")
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return descriptor

    def server_alive(self) -> bool:
        """Whether any process of the server is left. A zombie is none, nor is a reused process id."""
        return not self._free("server.lock", fcntl.LOCK_SH)

    def _free(self, name: str, how: int, /) -> bool:
        descriptor = self.open(name)
        try:
            return _flock(descriptor, how)
        finally:
            _unlock(descriptor)

    def recorded_pid(self) -> int | None:
        """The process id in ``postmaster.pid`` if any process has it now, a zombie and a stranger included."""
        try:
            pid = abs(int((self.cluster / "postmaster.pid").read_text().partition("\n")[0]))
            os.kill(pid, 0)
        except (OSError, ValueError):
            return None
        return pid

    def postmaster(self) -> int | None:
        """The process id of the server that works on the cluster, if it lives."""
        pid = self.recorded_pid()
        process = Path("/proc", str(pid))
        if pid is None or not process.exists():  # without /proc (macOS) the number is all there is
            return pid
        try:
            return pid if (process / "cwd").samefile(self.cluster) else None
        except PermissionError:  # another user's process
            return pid if os.fsencode(self.cluster) in (process / "cmdline").read_bytes() else None
        except OSError:  # a zombie works nowhere
            return None

    def clear_stale(self) -> None:
        """Before a start: remove what a killed server left and PostgreSQL would take for a running one.

        Raises DataFolderError when a server that we did not start works on the cluster.
        """
        if (pid := self.postmaster()) is not None:
            raise DataFolderError(
                f"Another PostgreSQL (process {pid}) already works on {self.cluster}. Stop it first.",
                f"已有另一个 PostgreSQL(进程 {pid})正在使用 {self.cluster},请先将其停止。",
            )
        if self.recorded_pid() is not None:  # of a dead process PostgreSQL itself knows what to think
            (self.cluster / "postmaster.pid").unlink()
        for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
            (self.socket_dir / name).unlink(missing_ok=True)

    @property
    def socket_dir(self) -> Path:
        """Where the socket is."""
        return Path(os.path.realpath(self.file("socket")))

    def make_socket_dir(self, uid: int, gid: int, /) -> None:
        """Make the socket's folder, private to the server's user."""
        place = self.file("socket")
        short = len(os.fsencode(place / f".s.PGSQL.{PORT}")) <= _LONGEST_SOCKET_PATH
        if short and re.fullmatch(r"[\w./-]+", str(place), re.ASCII):  # else it would need quoting in the URL
            if place.is_symlink():
                place.unlink()
            place.mkdir(mode=0o700, exist_ok=True)
        elif not _is_private(self.socket_dir, uid) or not place.is_symlink():
            if place.is_symlink():
                place.unlink()
            else:
                shutil.rmtree(place, ignore_errors=True)
            place.symlink_to(tempfile.mkdtemp(prefix="ownercare-", dir="/tmp"))
        if os.geteuid() == 0:
            os.chown(self.socket_dir, uid, gid)
        self.socket_dir.chmod(0o700)

    def stop_unused(self) -> bool:
        """Stop the server unless somebody uses it; whether it is stopped. Call under ``locked``."""
        if not self._free("users.lock", fcntl.LOCK_EX):
            return False
        for order, patience in ((signal.SIGINT, _FAST_STOP), (signal.SIGQUIT, _IMMEDIATE_STOP)):
            pid = self.postmaster() if self.server_alive() else None
            if pid is None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, order)
            deadline = time.monotonic() + patience
            while self.server_alive() and time.monotonic() < deadline:
                time.sleep(0.005)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)  # ours only where we are process 1 of a container
        if self.server_alive():
            return False
        if self.file("socket").is_symlink():
            shutil.rmtree(self.socket_dir, ignore_errors=True)
            self.file("socket").unlink()
        return True


def unusable(data_dir: Path, error: OSError, /) -> DataFolderError:
    """The error for a folder that the system does not let us use."""
    return DataFolderError(
        f"The data folder {data_dir} cannot be used or written: {error}",
        f"数据目录 {data_dir} 无法使用或写入:{error.strerror or error}。",
    )


def _flock(descriptor: int, how: int, /) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unlock(descriptor: int, /) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing is not enough: a fork in between has the lock too
    os.close(descriptor)


def _is_private(path: Path, uid: int, /) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return path.is_dir() and found.st_uid == uid and found.st_mode & 0o077 == 0
