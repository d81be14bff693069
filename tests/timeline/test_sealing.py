"""Sealing: everything committed, once, in the order of its transactions; by one sealer at a time; safe to be killed."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs
from tests.conftest import FRIDAY_NOON, MASTER, FakeClock
from tests.timeline.sealed import PATIENCE_SECONDS, rows, seal_all, write, write_denial, write_event

from ownercare_api.core.database import PooledDatabase
from ownercare_api.timeline import audit, sealing
from ownercare_api.timeline.audit import Keeper
from ownercare_api.timeline.chain import GENESIS, NOTHING_SEALED, Head, SealKey, is_genuine
from ownercare_api.timeline.heads import HeadFile
from ownercare_api.timeline.sealing import ChainBroken
from ownercare_api.timeline.verifying import Report, verify


async def check(database: PooledDatabase, key: SealKey, *, start: int = 0, at_most: int | None = None) -> Report:
    report = await verify(database, keys=[key.public], start=start, at_most=at_most)
    assert report.fault is None, str(report.fault)
    return report


async def test_nothing_to_seal(committed: PooledDatabase, seal_key: SealKey) -> None:
    assert await sealing.seal(committed, key=seal_key, now=FRIDAY_NOON) is None
    report = await check(committed, seal_key)
    assert (report.entries, report.head, report.complete) == (0, Head(0, GENESIS), True)


@pytest.mark.rule("CMP-14")
async def test_batches_follow_from_one_another(committed: PooledDatabase, seal_key: SealKey) -> None:
    await write(committed, events=25, denials=4)
    made = await seal_all(committed, key=seal_key, entries=29, batch=10)
    assert [(one.number, one.head.position, one.entries) for one in made] == [(1, 14, 14), (2, 24, 10), (3, 29, 5)]
    assert all(is_genuine(one, keys=[seal_key.public]) for one in made)
    assert not is_genuine(NOTHING_SEALED, keys=[seal_key.public])
    report = await check(committed, seal_key)
    assert (report.entries, report.head, report.pending) == (29, made[-1].head, {"event": 0, "denial": 0})
    for start, entries in ((0, 29), (13, 29), (14, 15), (23, 15), (24, 5), (29, 0), (1000, 0)):
        assert (await check(committed, seal_key, start=start)).entries == entries
    stretch = await check(committed, seal_key, at_most=1)
    assert (stretch.entries, stretch.complete, stretch.head) == (14, False, made[0].head)
    await write(committed, events=2)
    assert sum((await check(committed, seal_key)).pending.values()) == 2


async def test_the_chain_is_what_the_documentation_says(
    committed: PooledDatabase, superuser: AsyncEngine, seal_key: SealKey
) -> None:
    """docs/audit.md: every digest computed by PostgreSQL alone."""
    await write(committed, events=6)
    await seal_all(committed, key=seal_key, entries=6)
    statement = (
        "SELECT l.digest = sha256(coalesce(lag(l.digest) OVER (ORDER BY l.position), decode(repeat('00', 32), 'hex'))"
        " || record_send(ROW('event/1'::text, e.seq, e.id, e.kind, e.subject_kind, e.subject_id, e.ticket_id,"
        " e.project_id, e.firm_id, e.actor_kind, e.actor_id, e.actor_name, e.occurred_at, e.rules, e.data, e.xid)))"
        " FROM audit_link l JOIN event e ON e.seq = l.seq WHERE l.stream = 'event' ORDER BY l.position"
    )
    async with superuser.connect() as connection:
        assert [row[0] for row in await rows(connection, statement)] == [True] * 6


async def test_events_that_sql_inserts_are_sealed_alike(committed: PooledDatabase, seal_key: SealKey) -> None:
    async with committed.session() as session:
        await session.execute(
            text(
                "INSERT INTO event (id, kind, subject_kind, subject_id, actor_kind, actor_id, actor_name, occurred_at,"
                " rules, data) SELECT gen_random_uuid(), 'ticket.registered', 'ticket', gen_random_uuid(), 'staff',"
                " gen_random_uuid(), '登记员', now(), '{CHN-03}', '{}' FROM generate_series(1, 7)"
            )
        )
        await session.commit()
    (made,) = await seal_all(committed, key=seal_key, entries=7)
    assert (made.entries, made.tails["event"].seq, made.tails["event"].highest) == (7, 7, 7)
    assert (await check(committed, seal_key)).entries == 7


async def test_an_open_transaction_holds_sealing_back(committed: PooledDatabase, seal_key: SealKey) -> None:
    async with committed.session() as slow:
        await write_event(slow, place=1)
        await write(committed, events=3)
        assert await sealing.seal(committed, key=seal_key, now=FRIDAY_NOON) is None
        await slow.commit()
    await seal_all(committed, key=seal_key, entries=4)
    async with committed.reader() as connection:
        assert [row[0] for row in await rows(connection, "SELECT seq FROM audit_link ORDER BY position")] == [
            1,
            2,
            3,
            4,
        ]


@pytest.mark.slow
async def test_many_writers_and_sealers_at_once(committed: PooledDatabase, seal_key: SealKey) -> None:
    """Numbers are drawn and committed in any order, some are given up; each event is sealed once, never twice."""
    dice = random.Random(7)
    written = 0

    async def writer(place: int) -> None:
        nonlocal written
        async with committed.session() as session:
            await write_event(session, place=place)
            await asyncio.sleep(dice.uniform(0, 0.01))
            if place % 3 == 0:
                await write_denial(session, place=place)
            if place % 7 == 0:
                return
            await session.commit()
            written += 2 if place % 3 == 0 else 1

    done = asyncio.Event()

    async def sealer() -> int:
        sealed = 0
        while not done.is_set():
            made = await sealing.seal(committed, key=seal_key, now=FRIDAY_NOON, batch=9)
            sealed += 0 if made is None else made.checkpoint.entries
            await asyncio.sleep(0.001)
        return sealed

    sealers = [asyncio.create_task(sealer()) for _ in range(3)]
    for trial in range(25):
        await asyncio.gather(*(writer(trial * 8 + place) for place in range(8)))
    done.set()
    sealed = sum([await one for one in sealers])
    await seal_all(committed, key=seal_key, entries=written - sealed, batch=9)
    report = await check(committed, seal_key)
    assert (report.entries, sum(report.pending.values())) == (written, 0)


async def test_a_sealer_that_dies_leaves_nothing_half_done(
    committed: PooledDatabase, superuser: AsyncEngine, seal_key: SealKey
) -> None:
    await write(committed, events=5)
    async with superuser.begin() as connection:
        await connection.execute(text("ALTER TABLE audit_checkpoint ADD CONSTRAINT dies CHECK (number < 1)"))
    with pytest.raises(Exception, match="dies"):
        await seal_all(committed, key=seal_key, entries=5)
    async with superuser.begin() as connection:
        assert (await rows(connection, "SELECT count(*) FROM audit_link"))[0][0] == 0
        await connection.execute(text("ALTER TABLE audit_checkpoint DROP CONSTRAINT dies"))
    await seal_all(committed, key=seal_key, entries=5)
    assert (await check(committed, seal_key)).entries == 5


async def tamper(superuser: AsyncEngine, *statements: str) -> None:
    async with superuser.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            await connection.execute(text(statement))


async def test_sealing_stops_where_the_chain_is_not_the_one_it_left(
    committed: PooledDatabase, superuser: AsyncEngine, seal_key: SealKey, tmp_path: Path
) -> None:
    """Cut off and sealed anew by ourselves, the end of the chain would be as good as true."""
    keeper = Keeper(key=seal_key, heads=HeadFile(tmp_path / "new" / "audit-head"))
    await write(committed, events=3)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while keeper.heads.read() is None:
            await keeper.seal(committed, now=FRIDAY_NOON)
    kept = keeper.heads.read()
    assert kept is not None
    assert kept.position == 3
    await tamper(superuser, "TRUNCATE audit_link, audit_checkpoint", "DELETE FROM event WHERE seq = 2")
    with capture_logs() as logs:
        for _ in range(3):
            assert await keeper.seal(committed, now=FRIDAY_NOON) is False
    assert [(entry["event"], entry["code"]) for entry in logs] == [("audit.chain_broken", "truncated")]
    with pytest.raises(ChainBroken, match="truncated at position 3"):
        await sealing.seal(committed, key=seal_key, now=FRIDAY_NOON, known=kept)
    report = await verify(committed, keys=[seal_key.public], expect=[kept])
    assert report.fault is not None
    assert (report.fault.code, report.fault.position) == ("truncated", 3)

    await seal_all(committed, key=seal_key, entries=2)
    await write(committed, events=2)
    await seal_all(committed, key=seal_key, entries=2)
    with pytest.raises(ChainBroken, match="rewritten at position 3"):
        await sealing.seal(committed, key=seal_key, now=FRIDAY_NOON, known=kept)


async def test_sealing_does_not_go_on_from_a_forged_checkpoint(
    committed: PooledDatabase, superuser: AsyncEngine, seal_key: SealKey
) -> None:
    await write(committed, events=3)
    await seal_all(committed, key=seal_key, entries=3)
    await tamper(superuser, "UPDATE audit_checkpoint SET event_xid = event_xid + 1000")
    with pytest.raises(ChainBroken, match="checkpoint_forged"):
        await sealing.seal(committed, key=seal_key, now=FRIDAY_NOON)


async def test_a_number_from_before_its_time(
    committed: PooledDatabase, superuser: AsyncEngine, seal_key: SealKey
) -> None:
    """A row inserted today under a number left free months ago would stand among those months' in every history."""
    await write(committed, events=6)
    async with superuser.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text("DELETE FROM event WHERE seq = 3"))
    await seal_all(committed, key=seal_key, entries=5)
    backdated = (
        "INSERT INTO event (seq, id, kind, subject_kind, subject_id, actor_kind, actor_id, actor_name, occurred_at,"
        " rules, data) OVERRIDING SYSTEM VALUE SELECT 3, gen_random_uuid(), kind, subject_kind, subject_id, actor_kind,"
        " actor_id, actor_name, occurred_at, rules, data FROM event WHERE seq = 2"
    )
    await tamper(superuser, backdated)
    pending = await verify(committed, keys=[seal_key.public])
    assert pending.fault is not None
    assert (pending.fault.code, pending.fault.stream, pending.fault.seq) == ("row_out_of_turn", "event", 3)
    await seal_all(committed, key=seal_key, entries=1)  # the sealer seals whatever was committed
    sealed = await verify(committed, keys=[seal_key.public])
    assert sealed.fault is not None
    assert (sealed.fault.code, sealed.fault.position, sealed.fault.seq) == ("row_out_of_turn", 6, 3)


async def test_lag_and_the_daily_verification(
    committed: PooledDatabase, superuser: AsyncEngine, clock: FakeClock, tmp_path: Path
) -> None:
    keeper = Keeper(key=SealKey(MASTER), heads=HeadFile.within(tmp_path))
    assert await keeper.verify_some(committed, now=clock()) is False
    async with committed.reader() as connection:
        assert (await audit.state(connection, now=clock())).verification is None
    await write(committed, events=9)
    clock.forward(minutes=10)
    found = None
    async with asyncio.timeout(PATIENCE_SECONDS):
        while found is None or found.waiting < 9:  # until nothing older is open on the server
            async with committed.reader() as connection:
                found = await audit.state(connection, now=clock())
    assert (found.head, found.lag, found.late) == (None, timedelta(minutes=10), True)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (head := keeper.heads.read()) is None or head.position < 9:
            await keeper.seal(committed, now=clock())
    while await keeper.verify_some(committed, now=clock()):
        pass
    async with committed.reader() as connection:
        found = await audit.state(connection, now=clock())
    assert (found.head, found.waiting, found.lag, found.late, found.broken) == (head, 0, timedelta(0), False, False)
    assert (found.verification.position, found.verification.complete, found.verification.entries) == (9, True, 9)

    await tamper(superuser, "UPDATE event SET actor_name = '别人' WHERE seq = 5")
    assert await keeper.verify_some(committed, now=clock.forward(hours=1)) is False, "once a day"
    async with committed.reader() as connection:
        assert not (await audit.state(connection, now=clock())).broken
    with capture_logs() as logs:
        await keeper.verify_some(committed, now=clock.forward(days=1))
    assert [(entry["event"], entry["code"], entry["position"], entry["seq"]) for entry in logs] == [
        ("audit.broken", "row_changed", 5, 5)
    ]
    async with committed.reader() as connection:
        found = await audit.state(connection, now=clock())
    assert found.broken
    last = found.verification
    assert (last.fault_code, last.fault_position, last.fault_stream, last.fault_seq) == ("row_changed", 5, "event", 5)


async def test_a_long_chain_is_verified_in_stretches(
    committed: PooledDatabase, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = Keeper(key=SealKey(MASTER), heads=HeadFile.within(tmp_path))
    await write(committed, events=30)
    await seal_all(committed, key=keeper.key, entries=30, batch=10)
    monkeypatch.setattr(audit, "STRETCH", 10)
    said = [await keeper.verify_some(committed, now=clock.forward(seconds=1)) for _ in range(4)]
    assert said == [True, True, False, False]
    async with committed.reader() as connection:
        kept = await rows(connection, "SELECT position, entries, complete FROM audit_verification ORDER BY id")
    assert [tuple(row) for row in kept] == [(10, 10, False), (20, 20, False), (30, 30, True)]


def test_heads_are_written_and_read(tmp_path: Path) -> None:
    file, head = HeadFile.within(tmp_path), Head(12, bytes(range(32)))
    assert file.read() is None
    assert file.put_aside(mark="x") is None
    file.keep(head)
    assert (file.read(), str(head)) == (head, f"12:{bytes(range(32)).hex()}")
    assert [path.name for path in tmp_path.iterdir()] == ["audit-head"]
    assert file.put_aside(mark="old") == tmp_path / "audit-head.old"
    assert file.read() is None
    for wrong in ("", "12", "12:00", "0:" + "00" * 32, "x:" + "00" * 32):
        with pytest.raises(ValueError):
            Head.parse(wrong)
