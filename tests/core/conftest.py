"""A small application on the house's HTTP parts, over tables that are really committed."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.conftest import FakeClock
from tests.core.http_app import DROP, EMPTY, TABLES, execute, running

from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.settings import Settings


@pytest.fixture(scope="module")
async def http_tables(database_url: str) -> AsyncIterator[PooledDatabase]:
    """Keep the small application's tables in this worker's database while one module runs."""
    database = PooledDatabase(database_url, pool_size=12)
    await execute(database, TABLES)
    yield database
    await execute(database, DROP)
    await database.dispose()


@pytest.fixture
async def http_database(http_tables: PooledDatabase) -> AsyncIterator[PooledDatabase]:
    """Give the small application's database, empty."""
    yield http_tables
    await execute(http_tables, EMPTY)


@pytest.fixture
async def api(http_database: PooledDatabase, clock: FakeClock, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the small application."""
    async with running(http_database, clock, Settings(data_dir=tmp_path, max_body_bytes=20_000)) as client:
        yield client
