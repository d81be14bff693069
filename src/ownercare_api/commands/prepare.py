"""Brings the tables up to date and loads the demonstration data once; the first step of `run` and `demo`."""

import asyncio
import time

from ownercare_api.commands.checks import check_server, settings_of_a_command
from ownercare_api.commands.console import fail, progress
from ownercare_api.commands.place import load_keyring
from ownercare_api.core import field_keys, migrations
from ownercare_api.core.clock import system_clock
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.settings import Settings
from ownercare_api.demo import loader


async def _load(settings: Settings, url: str) -> None:
    database = PooledDatabase(url)
    try:
        keyring = load_keyring(settings)
        async with database.reader() as connection:
            await field_keys.load(connection, keyring=keyring)
        await loader.load(database, keyring=keyring, now=system_clock(), on_progress=progress)
    except loader.NotEmpty:
        fail(
            "数据库中已有其他数据,不载入演示数据。请使用空数据库,或用 ownercare serve 启动。",
            "The database holds other data, so the demonstration data is not loaded. Use an empty one, or `serve`.",
        )
    finally:
        await database.dispose()


def main() -> None:
    """Prepare the database that the settings name."""
    settings, url = settings_of_a_command()
    check_server(url)
    started = time.monotonic()
    migrations.upgrade(url)
    progress(f"数据库结构 {migrations.head()} / tables ready ({time.monotonic() - started:.1f} s)")
    asyncio.run(_load(settings, url))


if __name__ == "__main__":
    main()
