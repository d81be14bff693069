"""Where a command works: the settings, the database (embedded or given), the keys; and what can be wrong with them."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg
from sqlalchemy.engine import make_url

from ownercare_api.commands.console import fail, progress
from ownercare_api.core import embedded, migrations
from ownercare_api.core.crypto import Keyring, load_master_key
from ownercare_api.core.database import PooledDatabase, normalise_url
from ownercare_api.core.embedded_binaries import EmbeddedPostgresError
from ownercare_api.core.settings import Settings

OLDEST_SERVER = 150000


@dataclass(frozen=True)
class Place:
    """The settings of a command, with the database's address found."""

    settings: Settings
    url: str
    embedded: bool

    def keyring(self) -> Keyring:
        """Return the installation's keys; made in the data folder on first use."""
        configured = None if self.settings.master_key is None else self.settings.master_key.get_secret_value()
        try:
            return Keyring.from_master(load_master_key(configured=configured, data_dir=self.settings.data_dir))
        except OSError as error:
            fail(
                f"数据目录不可写:{self.settings.data_dir}({error.strerror})。请更换 OWNERCARE_DATA_DIR 或修正权限。",
                f"The data folder {self.settings.data_dir} can't be written ({error.strerror}). "
                "Choose another OWNERCARE_DATA_DIR or mend its permissions.",
            )
        except ValueError:
            fail(
                "OWNERCARE_MASTER_KEY 无效:须为 32 字节的 base64url 文本。",
                "OWNERCARE_MASTER_KEY is not valid: it must be 32 bytes as base64url.",
            )

    def database(self, *, pool_size: int = 5) -> PooledDatabase:
        """Return a pool of connections."""
        return PooledDatabase(self.url, pool_size=pool_size)

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment for a child process that works at the same place."""
        return {**os.environ, "DATABASE_URL": self.url, "OWNERCARE_DATA_DIR": str(self.settings.data_dir), **more}


def load_settings() -> Settings:
    """Read the settings; ends the command where one is wrong."""
    try:
        return Settings()
    except ValueError as error:
        fail(f"配置有误:{error}", "A setting is wrong; see above.")


@contextlib.contextmanager
def place(*, database: str = "ownercare") -> Iterator[Place]:
    """Find the database, starting the embedded server unless `DATABASE_URL` names one; ends the command if it is away."""
    settings = load_settings()
    if settings.database_url is not None:
        given = settings.database_url.get_secret_value()
        try:
            url = normalise_url(given).render_as_string(hide_password=False)
        except ValueError as error:
            fail(f"DATABASE_URL 无效:{error}", f"DATABASE_URL is not valid: {error}")
        found = Place(settings=settings, url=url, embedded=False)
        check_server(found)
        yield found
        return
    try:
        server = embedded.start(data_dir=settings.data_dir, database=database, on_progress=progress)
    except EmbeddedPostgresError as error:
        fail(error.zh, error.en)
    with server:
        yield Place(settings=settings, url=server.url, embedded=True)


def check_server(found: Place) -> None:
    """End the command where the server is away or too old."""

    async def version() -> int:
        parsed = make_url(found.url)
        connection = await asyncpg.connect(
            user=parsed.username,
            password=parsed.password,
            host=str(parsed.query.get("host", parsed.host)),
            port=int(str(parsed.query.get("port", parsed.port or 5432))),
            database=parsed.database,
            timeout=10,
        )
        try:
            return int(await connection.fetchval("SHOW server_version_num"))
        finally:
            await connection.close()

    try:
        number = asyncio.run(version())
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        fail(
            f"无法连接数据库({type(error).__name__})。请检查 DATABASE_URL,以及 PostgreSQL 是否在运行。",
            f"The database can't be reached ({type(error).__name__}). Check DATABASE_URL and that PostgreSQL is running.",
            code=3,
        )
    if number < OLDEST_SERVER:
        fail(
            f"PostgreSQL 版本过低({number // 10000}),需要 15 或更高版本。",
            f"PostgreSQL {number // 10000} is too old; 15 or newer is needed.",
            code=3,
        )


def check_schema(found: Place) -> None:
    """End the command unless the tables are those of this version."""

    async def applied() -> str | None:
        database = found.database(pool_size=1)
        try:
            return await migrations.applied(database)
        finally:
            await database.dispose()

    have, want = asyncio.run(applied()), migrations.head()
    if have != want:
        fail(
            f"数据库结构版本为 {have or '空'},当前程序需要 {want}。请先运行 ownercare migrate。",
            f"The database is at revision {have or 'none'}; this version needs {want}. Run `ownercare migrate` first.",
            code=4,
        )


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
