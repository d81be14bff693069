"""One mutation at a time, made by the superuser with every trigger off: verifying finds it and names where."""

import os
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool
from tests.conftest import TEMPLATE, _sql
from tests.timeline import mutations, mutations_chain
from tests.timeline.mutations import CHANGES, Mutation, Trail
from tests.timeline.mutations_chain import DENIALS, EVENTS, STRANGER
from tests.timeline.sealed import OneConnection, rows, seal_all, write

from ownercare_api.core.database import RUNTIME_ROLE, PooledDatabase
from ownercare_api.timeline.chain import FORM, Checkpoint, Head, PublicKey, SealKey
from ownercare_api.timeline.verifying import Report, verify
from ownercare_api.timeline.verifying_faults import FAULTS

MUTATIONS = [
    *mutations.columns(),
    *mutations.transactions(),
    *mutations.removals(),
    *mutations.insertions(),
    *mutations.orders(),
    *mutations_chain.links(),
    *mutations_chain.rewritings(),
    *mutations_chain.checkpoints(),
    *mutations_chain.ends(),
    *mutations_chain.structures(),
]


@pytest.fixture(scope="module")
async def trail(postgres: str, worker_id: str, seal_key: SealKey) -> AsyncIterator[Trail]:
    name = f"tampering_{worker_id}_{os.getpid()}"
    await _sql(postgres, f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE} STRATEGY FILE_COPY')
    url = make_url(postgres).set(database=name)
    database = PooledDatabase(url, pool_size=4, role=RUNTIME_ROLE)
    checkpoints: list[Checkpoint] = []
    for part in range(3):  # denials between the events, several batches
        await write(database, events=EVENTS // 3, denials=DENIALS // 3, first=part * EVENTS // 3)
        checkpoints += await seal_all(database, key=seal_key, entries=(EVENTS + DENIALS) // 3, batch=40)
    await database.dispose()
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        chain = await rows(connection, "SELECT position, stream, seq FROM audit_link ORDER BY position")
    yield Trail(engine, tuple((row[0], row[1], row[2]) for row in chain), tuple(checkpoints))
    await engine.dispose()
    await _sql(postgres, f'DROP DATABASE "{name}" WITH (FORCE)')


async def examine(connection: AsyncConnection, key: SealKey, *, expect: tuple[Head, ...] = ()) -> Report:
    return await verify(OneConnection(connection), keys=[key.public], expect=expect)


def test_there_are_mutations_enough_and_of_every_column() -> None:
    assert len(MUTATIONS) >= 120
    assert len({one.name for one in MUTATIONS}) == len(MUTATIONS)
    assert {stream: set(changes) for stream, changes in CHANGES.items()} == {
        stream: set(names) for stream, names in FORM.items()
    }
    assert {code for one in MUTATIONS for code in one.codes} <= set(FAULTS)


async def test_what_nobody_touched_is_intact(trail: Trail, seal_key: SealKey) -> None:
    async with trail.engine.connect() as connection:
        report = await examine(connection, seal_key, expect=tuple(point.head for point in trail.checkpoints))
    assert (report.fault, report.complete, report.entries) == (None, True, EVENTS + DENIALS)
    assert report.head == trail.checkpoints[-1].head
    assert report.pending == {"event": 0, "denial": 0}


@pytest.mark.rule("CMP-14")
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
async def test_tampering_is_found(trail: Trail, seal_key: SealKey, mutation: Mutation) -> None:
    expect = (trail.checkpoints[-1].head,) if mutation.expecting_head else ()
    async with trail.engine.connect() as connection:
        outer = await connection.begin()
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await mutation.do(trail, connection)
        report = await examine(connection, seal_key, expect=expect)
        await outer.rollback()
    fault = report.fault
    assert fault is not None, "nothing found"
    assert fault.code in mutation.codes, str(fault)
    assert not report.complete
    if mutation.position is not None:
        assert fault.position == mutation.position(trail), str(fault)
    if mutation.row is not None:
        assert (fault.stream, fault.seq) == mutation.row(trail), str(fault)
    assert f"[{fault.code}]" in str(fault)


async def test_a_stranger_s_key_verifies_nothing(trail: Trail) -> None:
    async with trail.engine.connect() as connection:
        report = await examine(connection, STRANGER)
    assert report.fault is not None
    assert (report.fault.code, report.fault.checkpoint) == ("checkpoint_forged", 1)


def test_keys_are_written_and_read(seal_key: SealKey) -> None:
    assert PublicKey.parse(str(seal_key.public)) == seal_key.public
    assert SealKey(bytes(range(32))).public == seal_key.public
    for wrong in ("", "AAAA", "nonsense!", str(seal_key.public)[:-4]):
        with pytest.raises(ValueError):
            PublicKey.parse(wrong)
