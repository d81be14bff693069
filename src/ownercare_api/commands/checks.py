"""What must be true of the database before a command works with it; ends the command, saying why, where it is not."""

import asyncio

import asyncpg
from sqlalchemy.engine import make_url

from ownercare_api import tables
from ownercare_api.commands.console import fail
from ownercare_api.commands.place import load_settings
from ownercare_api.core import migrations
from ownercare_api.core.database import PooledDatabase, normalise_url
from ownercare_api.core.settings import Settings
from ownercare_api.timeline import restoring

OLDEST_SERVER = 150000


def settings_of_a_command() -> tuple[Settings, str]:
    """Return the settings and the database's normalised URL."""
    settings = load_settings()
    if settings.database_url is None:
        fail("未设置 DATABASE_URL。", "DATABASE_URL is not set.")
    try:
        url = normalise_url(settings.database_url.get_secret_value()).render_as_string(hide_password=False)
    except ValueError as error:
        fail(f"DATABASE_URL 无效:{error}", f"DATABASE_URL is not valid: {error}")
    return settings, url


async def _server_version(url: str) -> int:
    parsed = make_url(url)
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


def check_server(url: str) -> None:
    """End the command where the server is away or too old."""
    try:
        number = asyncio.run(_server_version(url))
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        fail(
            f"无法连接数据库({type(error).__name__})。请检查 DATABASE_URL,以及 PostgreSQL 是否在运行。",
            f"The database can't be reached ({type(error).__name__}). Check DATABASE_URL; is PostgreSQL running?",
            code=3,
        )
    if number < OLDEST_SERVER:
        fail(
            f"PostgreSQL 版本过低({number // 10000}),需要 15 或更高版本。",
            f"PostgreSQL {number // 10000} is too old; 15 or newer is needed.",
            code=3,
        )


async def applied(url: str) -> str | None:
    """Return the revision that the database is at."""
    database = PooledDatabase(url, pool_size=1)
    try:
        return await migrations.applied(database)
    finally:
        await database.dispose()


def check_schema(url: str) -> None:
    """End the command unless the tables are those of this version."""
    assert "firm" in tables.metadata.tables  # whichever room a command works in, every table is known to it
    have, want = asyncio.run(applied(url)), migrations.head()
    if have != want:
        fail(
            f"数据库结构版本为 {have or '空'},当前程序需要 {want}。请先运行 ownercare migrate。",
            f"The database is at revision {have or 'none'}; this version needs {want}. Run `ownercare migrate` first.",
            code=4,
        )
    if asyncio.run(_restored(url)):
        fail(
            "数据库是从备份恢复的,事务编号须先校正。请运行 ownercare audit after-restore。",
            "The database was restored; its transaction numbers must be mended. Run `ownercare audit after-restore`.",
            code=4,
        )


async def _restored(url: str) -> bool:
    database = PooledDatabase(url, pool_size=1)
    try:
        async with database.reader() as connection:
            return await restoring.is_behind(connection)
    finally:
        await database.dispose()
