"""Databases of their own for the contract tests, beside the ones that `conftest.py` clones."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.engine import make_url


async def _execute(url: str, *statements: str) -> None:
    parsed = make_url(url)
    connection = await asyncpg.connect(
        user=parsed.username,
        password=parsed.password,
        host=str(dict(parsed.query).get("host", parsed.host)),
        port=int(str(dict(parsed.query).get("port", parsed.port or 5432))),
        database="postgres",
    )
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def database(server_url: str, *, name: str, template: str = "template0") -> Iterator[str]:
    """Make a database on the tests' server, give its URL, drop it at the end; for use outside an event loop."""
    name = f"{name}_{os.getpid()}"
    copy = "" if template == "template0" else " STRATEGY FILE_COPY"
    asyncio.run(_execute(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"{copy}'))
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        asyncio.run(_execute(server_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
