"""The background worker: one pass over everything, woken by what is queued, stopping in good order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs
from tests.conftest import FakeClock
from tests.factories.deadlines import at, calendar_on_file, start_clock
from tests.factories.org import make_org

from ownercare_api import worker
from ownercare_api.core import jobs
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.http.state import AppState
from ownercare_api.core.idempotency_table import KEPT, IdempotentAnswer
from ownercare_api.core.jobs import Job, JobStatus, WorkerHeartbeat
from ownercare_api.core.settings import Settings
from ownercare_api.deadlines import calendar_import, calendars
from ownercare_api.deadlines.models import ClockKind, DeadlineAlert
from ownercare_api.identity.principal import SYSTEM, Grant, Principal, PrincipalKind, Reach

FRIDAY = at("2026-11-20T12:00:00")
ADMINISTRATOR = Principal(
    kind=PrincipalKind.STAFF,
    id=SYSTEM.id,
    name="管理员",
    grants=(Grant("system_administrator", frozenset({"calendars:write"}), Reach(everywhere=True)),),
)


@pytest.fixture
def hand(state: AppState, tmp_path: Path) -> worker.Worker:
    """Give a worker over this test's transaction."""
    return worker.assemble(database=state.database, settings=Settings(data_dir=tmp_path))


async def test_one_pass(session: AsyncSession, hand: worker.Worker) -> None:
    """An alert fires, an imported year moves its clock, old answers go, a heartbeat is left."""
    december = at("2026-12-30T10:00:00")
    org = await make_org(session, now=FRIDAY)
    due = await start_clock(session, org=org, started_at=FRIDAY)
    crossing = await start_clock(session, org=org, kind=ClockKind.DEPARTMENT_FEEDBACK, started_at=december)
    year, notes = calendar_import.from_notice(
        year=2027, days_off=[date(2027, 1, day) for day in (1, 2, 3, 4)], working_days=[]
    )
    await calendar_import.import_year(session, year=year, notes=notes, source="通知", actor=ADMINISTRATOR, now=december)
    for age in (KEPT, KEPT + timedelta(microseconds=1)):
        session.add(
            IdempotentAnswer(
                caller="staff:1", key=str(age), route="POST /", fingerprint=b"", status=201, headers="{}",
                answer=b"", created_at=december - age,
            )
        )  # fmt: skip
    await session.flush()

    assert await worker.tick(hand, now=december) is True, "alerts fired: look again at once"
    assert await worker.tick(hand, now=december) is False

    fired = select(func.count()).select_from(DeadlineAlert).where(DeadlineAlert.deadline_id == due.id)
    assert await session.scalar(fired) == 4
    await session.refresh(crossing)
    assert (crossing.due_at, crossing.provisional) == (at("2027-01-06T18:00:00"), False)
    assert list(await session.scalars(select(IdempotentAnswer.key))) == [str(KEPT)]
    statuses = {job.kind: (job.status, job.last_error) for job in await session.scalars(select(Job))}
    assert statuses == {
        "deadlines.recompute_year": (JobStatus.DONE, None),
        "files.sweep": (JobStatus.DONE, None),
        "owners.compare_recent": (JobStatus.DONE, None),
        "keeping.forget": (JobStatus.QUEUED, None),  # done beside the pass, as the next
        "contract_payments.note_due": (JobStatus.QUEUED, None),
    }
    beat = (await session.scalars(select(WorkerHeartbeat))).one()
    assert (beat.id, beat.name, beat.started_at, beat.seen_at) == (hand.id, hand.name, december, december)


async def test_the_sweep_is_part_of_the_pass(session: AsyncSession, hand: worker.Worker) -> None:
    """A clock was started with the old calendar after the year had become official."""
    december = at("2026-12-30T10:00:00")
    org = await make_org(session, now=FRIDAY)
    old = await calendar_on_file(session)
    year, notes = calendar_import.from_notice(year=2027, days_off=[date(2027, 1, 1), date(2027, 1, 4)], working_days=[])
    await calendars.put_year(session, year=year, notes=notes, source="通知", now=december)
    late = await start_clock(session, org=org, kind=ClockKind.DEPARTMENT_FEEDBACK, started_at=december, calendar=old)
    await worker.tick(hand, now=december)
    await session.refresh(late)
    assert late.due_at == at("2027-01-06T18:00:00")


async def test_now_and_then_means_now_and_then(session: AsyncSession, hand: worker.Worker) -> None:
    for seconds, seen in ((0, 0), (9, 0), (10, 10), (19, 10), (20, 20)):
        await worker.tick(hand, now=FRIDAY + timedelta(seconds=seconds))
        assert await jobs.last_seen(session) == FRIDAY + timedelta(seconds=seen)


async def test_a_failing_part_does_not_keep_the_others_from_work(session: AsyncSession, hand: worker.Worker) -> None:
    org = await make_org(session, now=FRIDAY)
    due = await start_clock(session, org=org, started_at=FRIDAY)
    await session.execute(text("ALTER TABLE worker_heartbeat RENAME TO elsewhere"))
    with capture_logs() as logs:
        await worker.tick(hand, now=due.due_at)
    failed = [entry["part"] for entry in logs if entry["event"] == "worker.part_failed"]
    assert failed == ["beat", "housekeeping"]
    fired = select(func.count()).select_from(DeadlineAlert).where(DeadlineAlert.deadline_id == due.id)
    assert await session.scalar(fired) == 2


@asynccontextmanager
async def running(
    database: PooledDatabase, clock: FakeClock, folder: Path, *, workers: int = 1, poll_seconds: float = 60
) -> AsyncIterator[list["asyncio.Task[None]"]]:
    """Run workers until the block ends; each must stop within five seconds."""
    stop = asyncio.Event()
    settings = Settings(data_dir=folder)
    tasks = [
        asyncio.create_task(
            worker.run(database=database, settings=settings, clock=clock, stop=stop, poll_seconds=poll_seconds)
        )
        for _ in range(workers)
    ]
    try:
        yield tasks
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), timeout=5)


async def until(database: PooledDatabase, statement: str, wanted: object) -> None:
    """Wait until a statement gives a value, at most a minute; as the superuser, who sees every session."""
    every = PooledDatabase(database.engine.url, pool_size=1)
    try:
        async with asyncio.timeout(60):
            while True:
                async with every.reader() as reader:
                    if (await reader.execute(text(statement))).scalar() == wanted:
                        return
                await asyncio.sleep(0.02)
    finally:
        await every.dispose()


HEARTBEATS = "SELECT count(*) FROM worker_heartbeat"
LISTENERS = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND datname = current_database()"
DONE = "SELECT count(*) FROM job WHERE status = 'done' AND kind = 'files.sweep'"
FINISHED = "SELECT count(*) FROM job WHERE status <> 'done'"


async def queue(database: PooledDatabase, clock: FakeClock, number: int = 1) -> None:
    async with database.session() as session:
        for _ in range(number):
            await jobs.enqueue(session, kind="files.sweep", args={}, run_at=clock())
        await session.commit()


async def test_woken_at_once_and_stopped_in_good_order(
    committed: PooledDatabase, clock: FakeClock, tmp_path: Path
) -> None:
    """The poll comes once a minute here: only the notification can be what woke it."""
    async with running(committed, clock, tmp_path):
        await until(committed, LISTENERS, 1)
        await until(committed, DONE, 1)  # the daily sweep, queued by the worker itself
        await until(committed, HEARTBEATS, 1)
        await queue(committed, clock)
        await until(committed, DONE, 2)
    await until(committed, HEARTBEATS, 0)


async def test_polling_finds_what_no_notification_told(
    committed: PooledDatabase, clock: FakeClock, tmp_path: Path
) -> None:
    async with running(committed, clock, tmp_path, poll_seconds=0.05):
        await until(committed, DONE, 1)
        clock.forward(minutes=5)
        async with committed.session() as session:
            later = clock() + timedelta(minutes=1)
            await jobs.enqueue(session, kind="files.sweep", args={}, run_at=later)
            await session.commit()
        clock.forward(minutes=1)
        await until(committed, DONE, 2)


async def test_listening_again_when_the_connection_breaks(
    committed: PooledDatabase, clock: FakeClock, tmp_path: Path
) -> None:
    async with running(committed, clock, tmp_path):
        await until(committed, LISTENERS, 1)
        await until(committed, DONE, 1)
        await until(committed, LISTENERS.replace("count(*)", "count(pg_terminate_backend(pid))"), 1)
        await until(committed, LISTENERS, 0)
        await until(committed, LISTENERS, 1)
        await queue(committed, clock)
        await until(committed, DONE, 2)


@pytest.mark.slow
async def test_workers_side_by_side(committed: PooledDatabase, clock: FakeClock, tmp_path: Path) -> None:
    async with committed.session() as session:
        org = await make_org(session, now=FRIDAY, units=0)
        calendar = await calendar_on_file(session)
        for _ in range(30):
            await start_clock(session, org=org, started_at=FRIDAY, calendar=calendar)
        await session.commit()
    clock.now = at("2026-11-26T18:00:00")
    async with running(committed, clock, tmp_path, workers=4, poll_seconds=0.05):
        await queue(committed, clock, 20)
        await until(committed, HEARTBEATS, 4)
        await until(committed, "SELECT count(*) FROM deadline WHERE next_alert_at IS NOT NULL", 0)
        await until(committed, FINISHED, 0)
    async with committed.session() as session:
        assert await session.scalar(select(func.count()).select_from(DeadlineAlert)) == 120
        assert await session.scalar(text("SELECT max(attempts) FROM job")) == 1
        daily = text("SELECT count(*), count(DISTINCT kind) FROM job WHERE args ? 'day'")
        assert (await session.execute(daily)).one() == (4, 4), "each daily job is queued once, by whichever worker"
