"""`ownercare worker`, as a module of its own."""

import asyncio
import gc
import signal

from ownercare_api import worker
from ownercare_api.commands.checks import check_schema, check_server, settings_of_a_command
from ownercare_api.commands.console import say
from ownercare_api.core.clock import system_clock
from ownercare_api.core.database import RUNTIME_ROLE, PooledDatabase
from ownercare_api.core.logs import configure
from ownercare_api.core.settings import Settings


async def _work(settings: Settings, url: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    database = PooledDatabase(url, pool_size=4, role=RUNTIME_ROLE)
    try:
        await worker.run(database=database, settings=settings, clock=system_clock, stop=stop)
    finally:
        await database.dispose()


def main() -> None:
    """Work until stopped."""
    settings, url = settings_of_a_command()
    check_server(url)
    check_schema(url)
    configure(settings.log_level)
    gc.collect()  # as in `asgi`: what start-up made stays for good
    gc.freeze()
    say("后台任务已启动 / worker running")
    asyncio.run(_work(settings, url))


if __name__ == "__main__":
    main()
