"""`ownercare administrator`, as a module of its own: the first account of an installation."""

import asyncio
import getpass
import os
import sys

from ownercare_api.commands.checks import check_schema, check_server, settings_of_a_command
from ownercare_api.commands.console import fail, say
from ownercare_api.core.clock import system_clock
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.errors import DomainError
from ownercare_api.identity.administrators import add_administrator
from ownercare_api.timeline import service as timeline


async def _add(url: str, *, username: str, name: str, password: str) -> None:
    database = PooledDatabase(url, pool_size=1)
    try:
        async with database.session() as session:
            await add_administrator(
                session,
                username=username,
                name=name,
                password=password,
                record=timeline.record,
                now=system_clock(),
            )
            await session.commit()
    finally:
        await database.dispose()


def main(*, username: str, name: str) -> None:
    """Add a system administrator; the password is asked for, or read from OWNERCARE_PASSWORD."""
    _, url = settings_of_a_command()
    check_server(url)
    check_schema(url)
    password = os.environ.get("OWNERCARE_PASSWORD")
    if password is None:
        if not sys.stdin.isatty():
            fail("请用环境变量 OWNERCARE_PASSWORD 提供密码。", "Give the password in OWNERCARE_PASSWORD.")
        password = getpass.getpass("密码 / password: ")
        if getpass.getpass("再输入一次 / again: ") != password:
            fail("两次输入不一致。", "The two passwords differ.")
    try:
        asyncio.run(_add(url, username=username, name=name, password=password))
    except DomainError as error:
        fail(error.detail("zh-CN"), error.detail("en"))
    say(f"已创建系统管理员 {username} / administrator created")


if __name__ == "__main__":
    main(**globals()["ARGUMENTS"])
