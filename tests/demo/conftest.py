"""The demonstration data set, loaded once for all who look at it."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from tests.conftest import MASTER, TEMPLATE, _sql

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.demo import loader

NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
SHARED = "demo_shared"


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    """Give the keys of the loaded data."""
    return Keyring.from_master(MASTER)


@pytest.fixture(scope="session")
async def demo(postgres: str, keyring: Keyring) -> AsyncIterator[PooledDatabase]:
    """Give a database with the demonstration data: several workers load it at once, and one of them does."""
    with contextlib.suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        await _sql(postgres, f"CREATE DATABASE {SHARED} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
    url = make_url(postgres).set(database=SHARED).render_as_string(hide_password=False)
    database = PooledDatabase(url, pool_size=2)
    try:
        await loader.load(database, keyring=keyring, now=NOW, on_progress=lambda _: None)
        yield database
    finally:
        await database.dispose()


async def rows(database: PooledDatabase, sql: str, **parameters: Any) -> list[Any]:
    """Return the rows of a statement."""
    async with database.reader() as connection:
        return list((await connection.execute(text(sql), parameters)).all())
