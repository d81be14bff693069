"""Where a command works: the settings, the database (embedded or given), the keys; and what can be wrong with them."""

import contextlib
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from ownercare_api.commands.console import fail, progress
from ownercare_api.core import embedded
from ownercare_api.core.crypto import Keyring, load_master_key
from ownercare_api.core.embedded_binaries import EmbeddedPostgresError
from ownercare_api.core.settings import Settings


@dataclass(frozen=True)
class Place:
    """The settings of a command, with the database's address found."""

    settings: Settings
    url: str
    embedded: bool

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment for a child process that works at the same place."""
        return {**os.environ, "DATABASE_URL": self.url, "OWNERCARE_DATA_DIR": str(self.settings.data_dir), **more}

    def adopt(self) -> None:
        """Let this process's own settings name this place."""
        os.environ.update(self.environment())


def load_settings() -> Settings:
    """Read the settings; ends the command where one is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        for fault in error.errors():
            name = ".".join(str(part) for part in fault["loc"])
            fail(f"配置 {name} 有误:{fault['msg']}", f"The setting {name} is wrong: {fault['msg']}")
        raise


def load_keyring(settings: Settings) -> Keyring:
    """Return the installation's keys, made in the data folder on first use; ends the command where that fails."""
    configured = None if settings.master_key is None else settings.master_key.get_secret_value()
    try:
        return Keyring.from_master(load_master_key(configured=configured, data_dir=settings.data_dir))
    except OSError as error:
        fail(
            f"数据目录不可写:{settings.data_dir}({error.strerror})。请更换 OWNERCARE_DATA_DIR 或修正权限。",
            f"The data folder {settings.data_dir} can't be written ({error.strerror}). "
            "Choose another OWNERCARE_DATA_DIR or mend its permissions.",
        )
    except ValueError:
        fail(
            "OWNERCARE_MASTER_KEY 无效:须为 32 字节的 base64url 文本。",
            "OWNERCARE_MASTER_KEY is not valid: it must be 32 bytes as base64url.",
        )


@contextlib.contextmanager
def place() -> Iterator[Place]:
    """Find the database: the one that `DATABASE_URL` names, or the embedded one, started or joined."""
    settings = load_settings()
    if settings.database_url is not None:
        yield Place(settings=settings, url=settings.database_url.get_secret_value(), embedded=False)
        return
    try:
        server = embedded.start(data_dir=settings.data_dir, on_progress=progress)
    except EmbeddedPostgresError as error:
        fail(error.zh, error.en)
    with server:
        yield Place(settings=settings, url=server.url, embedded=True)


def check_port(host: str, port: int) -> None:
    """End the command where the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            fail(
                f"无法监听 {host}:{port}({error.strerror})。请用 OWNERCARE_PORT 或 --port 换一个端口。",
                f"Can't listen on {host}:{port} ({error.strerror}). Choose another with OWNERCARE_PORT or --port.",
                code=5,
            )
