"""After a restore into a server whose transaction numbers are lower: nothing is lost, repeated or unsealed."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from tests.conftest import FRIDAY_NOON
from tests.timeline.sealed import PATIENCE_SECONDS, rows, seal_all, write
from tests.timeline.test_changes import SYNC

from ownercare_api.core.database import PooledDatabase
from ownercare_api.timeline import repository, restoring, sealing
from ownercare_api.timeline.chain import SealKey
from ownercare_api.timeline.repository import Position
from ownercare_api.timeline.verifying import verify


@pytest.fixture
async def owner(superuser: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(superuser) as session:
        yield session


async def feed(database: PooledDatabase, *, after: Position | None, wanted: int) -> tuple[list[int], Position]:
    """Read on until so many events were seen."""
    loop, seen = asyncio.get_running_loop(), list[int]()
    began = loop.time()
    while True:
        async with database.reader() as connection:
            found = await repository.changes(connection, principal=SYNC, after=after, kinds=(), limit=100)
        seen += [row.seq for row in found.rows]
        after = found.next
        if len(seen) >= wanted:
            return seen, after
        assert loop.time() - began < PATIENCE_SECONDS
        await asyncio.sleep(0.005)


@pytest.mark.rule("CMP-14")
async def test_feed_and_seals_go_on(committed: PooledDatabase, owner: AsyncSession, seal_key: SealKey) -> None:
    # As if these rows had been written on a server that was a billion transactions on.
    await restoring.set_constant(owner, constant=1_000_000_000)
    await owner.commit()
    await write(committed, events=6)
    await seal_all(committed, key=seal_key, entries=6)
    seen, after = await feed(committed, after=None, wanted=6)
    assert (seen, after.xid > 1_000_000_000) == ([1, 2, 3, 4, 5, 6], True)
    assert await restoring.is_behind(owner) is False
    assert (await restoring.mend(owner)).added == 0
    await owner.commit()

    await restoring.set_constant(owner, constant=0)  # the new server counts from its own beginning
    await owner.commit()
    assert await restoring.is_behind(owner) is True
    await owner.rollback()
    mended = await restoring.mend(owner)
    await owner.commit()
    # Past every reader: on the old server numbers went on after the last event, and readers with them.
    assert mended.added > 999_000_000 + restoring.MARGIN // 2
    assert await restoring.is_behind(owner) is False
    await owner.rollback()

    await write(committed, events=4)
    seen, _ = await feed(committed, after=after, wanted=4)
    assert seen == [7, 8, 9, 10], "a reader goes on where it was"
    await seal_all(committed, key=seal_key, entries=4)
    report = await verify(committed, keys=[seal_key.public])
    assert (report.fault, report.entries) == (None, 10)


async def test_before_it_is_mended_nothing_goes_wrong(
    committed: PooledDatabase, owner: AsyncSession, seal_key: SealKey
) -> None:
    await restoring.set_constant(owner, constant=1_000_000_000)
    await owner.commit()
    await write(committed, events=3)
    await seal_all(committed, key=seal_key, entries=3)
    await restoring.set_constant(owner, constant=0)
    await owner.commit()
    assert await sealing.seal(committed, key=seal_key, now=FRIDAY_NOON) is None
    async with committed.reader() as connection:
        assert await rows(connection, "SELECT count(*) FROM audit_link") == [(3,)]
    with pytest.raises(Exception, match=r"must be owner|permission denied"):
        async with committed.session() as session:
            await restoring.mend(session)


async def test_a_function_is_inlined(committed: PooledDatabase) -> None:
    async with committed.reader() as connection:
        plan = await rows(connection, "EXPLAIN VERBOSE SELECT audit_horizon()")
    assert "pg_snapshot_xmin(pg_current_snapshot())" in str(plan)
    async with committed.session() as session:
        await session.execute(text("SELECT audit_xid() = pg_current_xact_id()"))
