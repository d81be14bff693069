"""`ownercare keys`, as a module of its own: rotation of the keys of encrypted personal data."""

import asyncio
from datetime import timedelta

from sqlalchemy import select

from ownercare_api.commands.checks import check_schema, check_server, settings_of_a_command
from ownercare_api.commands.console import fail, say
from ownercare_api.commands.place import load_keyring
from ownercare_api.core import field_keys
from ownercare_api.core.clock import system_clock
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import Database, PooledDatabase
from ownercare_api.core.errors import DomainError
from ownercare_api.core.field_keys import FieldKeyRow
from ownercare_api.privacy.columns import ENCRYPTED

_STATES = {
    "prepared": "已准备 prepared",
    "active": "使用中 active",
    "draining": "替换中 draining",
    "retired": "已停用 retired",
}


async def rotate(url: str, keyring: Keyring, *, wait: bool, settle: timedelta = field_keys.SETTLE) -> None:
    """Begin a rotation; with `wait`, take its steps here until it has ended."""
    database = PooledDatabase(url, pool_size=3)
    try:
        async with database.session() as session:
            await field_keys.load(session, keyring=keyring)
            try:
                made = await field_keys.prepare(session, keyring=keyring, now=system_clock())
                await session.commit()
                say(f"已生成密钥 {made},各进程正在载入 / key {made} is prepared; every process learns it")
            except field_keys.RotationRunning as running:
                if not wait:
                    raise
                await session.rollback()
                say(running.detail("zh-CN") + " 继续等待 / waiting for it")
        if wait:
            await _finish(database, keyring, settle=settle)
        else:
            say("后台任务将继续轮换;用 ownercare keys status 查看进度 / the worker goes on with it")
    finally:
        await database.dispose()


async def _finish(database: Database, keyring: Keyring, *, settle: timedelta) -> None:
    """Take the steps here; a worker that is faster does no harm."""
    said = -1
    while True:
        now = system_clock()
        await field_keys.advance(database, keyring=keyring, columns=ENCRYPTED, now=now, settle=settle)
        async with database.reader() as connection:
            progress = await field_keys.progress(connection, columns=ENCRYPTED)
        if not progress.running:
            say(f"轮换完成,当前密钥 {progress.active} / done: everything is written with key {progress.active}")
            return
        if progress.rows_left != said:
            said = progress.rows_left
            say(f"剩余 {said} 项 / {said} values left")
        await asyncio.sleep(min(1, settle.total_seconds()))


async def status(url: str) -> None:
    """Show the keys, what is written with each, and how much is left."""
    database = PooledDatabase(url, pool_size=1)
    try:
        async with database.reader() as connection:
            for key in (await connection.execute(select(FieldKeyRow.__table__).order_by(FieldKeyRow.id))).all():
                since = key.retired_at or key.activated_at or key.created_at
                say(f"密钥 key {key.id}: {_STATES[key.state.value]}, {since:%Y-%m-%d %H:%M} UTC")
            counts = await field_keys.used_by(connection, columns=ENCRYPTED)
            for (table, column), keys in counts.items():
                used = ", ".join(f"{key}: {rows}" for key, rows in keys.items()) or "—"
                say(f"  {table}.{column}: {used}")
            progress = await field_keys.progress(connection, columns=ENCRYPTED)
            say(f"待改写 / values left to rewrite: {progress.rows_left}")
    finally:
        await database.dispose()


def main(*, action: str, wait: bool = False) -> None:
    """Rotate the keys, or show them."""
    settings, url = settings_of_a_command()
    check_server(url)
    check_schema(url)
    keyring = load_keyring(settings)
    try:
        asyncio.run(status(url) if action == "status" else rotate(url, keyring, wait=wait))
    except DomainError as error:
        fail(error.detail("zh-CN"), error.detail("en"))


if __name__ == "__main__":
    main(**globals()["ARGUMENTS"])
