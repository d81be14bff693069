"""The audit trail on a database of its own."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from tests.conftest import MASTER

from ownercare_api.core.database import PooledDatabase
from ownercare_api.timeline.chain import SealKey


@pytest.fixture(scope="session")
def seal_key() -> SealKey:
    """Give the key that signs checkpoints."""
    return SealKey(MASTER)


@pytest.fixture
async def superuser(committed: PooledDatabase) -> AsyncIterator[AsyncEngine]:
    """Give connections to the same database as the server's superuser, who owns the tables."""
    engine = create_async_engine(committed.engine.url, poolclass=NullPool)
    yield engine
    await engine.dispose()
