"""Background jobs: claimed once, retried with pauses, recovered after a crash, never lost."""

import asyncio
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON

from ownercare_api.core import jobs, keeping
from ownercare_api.core.database import Database, PooledDatabase
from ownercare_api.core.errors import Conflict
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.core.jobs import LEASE, MAX_ATTEMPTS, Job, JobStatus, WorkerHeartbeat, enqueue, run_next
from ownercare_api.core.numbers import NumberDay

NOW = FRIDAY_NOON
MICROSECOND = timedelta(microseconds=1)


async def queue(database: Database, *, kind: str = "work", run_at: datetime = NOW, key: str | None = None) -> None:
    async with database.session() as session:
        await enqueue(session, kind=kind, args={"n": 1}, run_at=run_at, dedup_key=key)
        await session.commit()


async def rows(database: Database) -> list[Job]:
    async with database.session() as session:
        return list(await session.scalars(select(Job).order_by(Job.id)))


class Recorder:
    """A handler that leaves a row in the job's transaction, and fails as often as it is told."""

    def __init__(self, *, failures: int = 0, error: Exception | None = None) -> None:
        self.calls = 0
        self.failures = failures
        self.error = error or RuntimeError("secret 13800138000")

    async def __call__(self, session: AsyncSession, args: Mapping[str, Any], now: datetime) -> None:
        self.calls += 1
        await session.execute(insert(NumberDay).values(kind=str(uuid7()), day=date(2026, 1, 1), base=0))
        if self.calls <= self.failures:
            raise self.error


async def effects(database: Database) -> int:
    async with database.session() as session:
        return len(list(await session.scalars(select(NumberDay.kind).where(NumberDay.day == date(2026, 1, 1)))))


async def test_a_job_is_done_once_and_not_before_its_time(state: AppState) -> None:
    work = Recorder()
    await queue(state.database, run_at=NOW + timedelta(minutes=1))
    handlers = {"work": work}
    assert await run_next(state.database, handlers=handlers, now=NOW + timedelta(minutes=1) - MICROSECOND) is False
    assert await run_next(state.database, handlers=handlers, now=NOW + timedelta(minutes=1)) is True
    assert await run_next(state.database, handlers=handlers, now=NOW + timedelta(days=1)) is False
    (job,) = await rows(state.database)
    assert (job.status, job.attempts, job.finished_at) == (JobStatus.DONE, 1, NOW + timedelta(minutes=1))
    assert (work.calls, await effects(state.database)) == (1, 1)


async def test_jobs_of_other_workers_are_left_alone(state: AppState) -> None:
    await queue(state.database, kind="theirs")
    assert await run_next(state.database, handlers={"work": Recorder()}, now=NOW) is False
    assert [job.status for job in await rows(state.database)] == [JobStatus.QUEUED]


async def test_the_most_overdue_first(state: AppState) -> None:
    done: list[str] = []

    async def work(session: AsyncSession, args: Mapping[str, Any], now: datetime) -> None:
        done.append(args["name"])

    async with state.database.session() as session:
        for name, minutes in (("b", 2), ("a", 1), ("c", 3)):
            run_at = NOW + timedelta(minutes=minutes)
            await enqueue(session, kind="work", args={"name": name}, run_at=run_at)
        await session.commit()
    for _ in range(3):
        await run_next(state.database, handlers={"work": work}, now=NOW + timedelta(hours=1))
    assert done == ["a", "b", "c"]


async def test_a_failure_undoes_its_effect_and_is_retried_with_growing_pauses(state: AppState) -> None:
    work = Recorder(failures=2)
    handlers = {"work": work}
    await queue(state.database)
    now = NOW
    for attempt, pause in ((1, 15), (2, 45)):
        assert await run_next(state.database, handlers=handlers, now=now) is True
        (job,) = await rows(state.database)
        assert (job.status, job.attempts, job.last_error) == (JobStatus.QUEUED, attempt, "RuntimeError")
        assert job.run_at == now + timedelta(seconds=pause)
        assert await run_next(state.database, handlers=handlers, now=job.run_at - MICROSECOND) is False
        now = job.run_at
    assert await effects(state.database) == 0
    assert await run_next(state.database, handlers=handlers, now=now) is True
    (job,) = await rows(state.database)
    assert (job.status, job.attempts, job.last_error) == (JobStatus.DONE, 3, None)
    assert await effects(state.database) == 1


async def test_it_gives_up_after_eight_attempts(state: AppState) -> None:
    work = Recorder(failures=99, error=Conflict())
    await queue(state.database)
    now = NOW
    for _ in range(MAX_ATTEMPTS):
        assert await run_next(state.database, handlers={"work": work}, now=now) is True
        now += timedelta(hours=1)
    (job,) = await rows(state.database)
    assert (job.status, job.attempts, job.last_error) == (JobStatus.FAILED, 8, "conflict")
    assert job.finished_at == now - timedelta(hours=1)
    assert await run_next(state.database, handlers={"work": work}, now=now + timedelta(days=1)) is False


async def test_a_queued_twin_is_not_queued_again_but_a_running_one_is(state: AppState) -> None:
    """What is queued while a job runs must run again: the running one may have looked already."""
    calls = 0

    async def work(session: AsyncSession, args: Mapping[str, Any], now: datetime) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            await enqueue(session, kind="work", args={}, run_at=now, dedup_key="one")

    await queue(state.database, key="one")
    await queue(state.database, key="one")
    await queue(state.database, key="two")
    assert len(await rows(state.database)) == 2
    while await run_next(state.database, handlers={"work": work}, now=NOW):
        pass
    assert calls == 3
    await queue(state.database, key="one")
    assert [job.status for job in await rows(state.database)] == [*[JobStatus.DONE] * 3, JobStatus.QUEUED]


async def test_once_a_day(state: AppState) -> None:
    for hour in (0, 1, 30):
        now = NOW + timedelta(hours=hour)
        async with state.database.session() as session:
            await jobs.enqueue_daily(session, kind="work", day=now.date(), run_at=now)
            await session.commit()
        await run_next(state.database, handlers={"work": Recorder()}, now=now)
    assert [job.args for job in await rows(state.database)] == [{"day": "2026-11-20"}, {"day": "2026-11-21"}]


async def forget(session: AsyncSession, *, now: datetime) -> None:
    for rule in keeping.KEPT:
        await keeping.forget_some(session, rule=rule, now=now)


async def test_forgetting(state: AppState) -> None:
    await queue(state.database)
    await run_next(state.database, handlers={"work": Recorder()}, now=NOW)
    await queue(state.database)
    async with state.database.session() as session:
        await jobs.beat(session, worker_id=uuid7(), name="gone:1", started_at=NOW, now=NOW)
        await forget(session, now=NOW + keeping.JOBS_KEPT)
        assert (len(await rows(state.database)), await jobs.last_seen(session)) == (2, NOW)
        await forget(session, now=NOW + keeping.JOBS_KEPT + MICROSECOND)
        assert [job.status for job in await rows(state.database)] == [JobStatus.QUEUED]
        assert await jobs.last_seen(session) is None


async def test_heartbeats(state: AppState) -> None:
    first, second = uuid7(), uuid7()
    async with state.database.session() as session:
        assert await jobs.last_seen(session) is None
        await jobs.beat(session, worker_id=first, name="host:1", started_at=NOW, now=NOW)
        await jobs.beat(session, worker_id=second, name="host:2", started_at=NOW, now=NOW)
        later = NOW + timedelta(seconds=10)
        await jobs.beat(session, worker_id=first, name="host:1", started_at=NOW, now=later)
        assert await jobs.last_seen(session) == later
        await jobs.sign_off(session, worker_id=first)
        assert await jobs.last_seen(session) == NOW
        assert list(await session.scalars(select(WorkerHeartbeat.id))) == [second]


@pytest.mark.slow
async def test_eight_workers_do_each_job_once(committed: PooledDatabase) -> None:
    for trial in range(20):
        done: list[UUID] = []

        async def work(session: AsyncSession, args: Mapping[str, Any], now: datetime) -> None:
            await session.execute(insert(NumberDay).values(kind=args["id"], day=date(2026, 1, 1), base=0))
            done.append(args["id"])  # noqa: B023 - used within this trial

        async with committed.session() as session:
            wanted = [str(uuid7()) for _ in range(12)]
            for name in wanted:
                await enqueue(session, kind="work", args={"id": name}, run_at=NOW)
            await session.commit()

        async def drain() -> None:
            while await run_next(committed, handlers={"work": work}, now=NOW):
                pass

        await asyncio.gather(*(drain() for _ in range(8)))
        assert sorted(map(str, done)) == sorted(wanted), trial
    assert {job.status for job in await rows(committed)} == {JobStatus.DONE}


@pytest.mark.slow
async def test_twins_queued_at_once_are_one(committed: PooledDatabase) -> None:
    for trial in range(20):
        await asyncio.gather(*(queue(committed, key=f"trial {trial}") for _ in range(8)))
    assert len(await rows(committed)) == 20


async def test_a_killed_worker_s_job_comes_back_when_its_lease_lapses(committed: PooledDatabase) -> None:
    """The connection breaks in the middle of the work: nothing half done, and the job runs once more."""
    await queue(committed)
    calls = 0

    async def work(session: AsyncSession, args: Mapping[str, Any], now: datetime) -> None:
        nonlocal calls
        calls += 1
        await session.execute(insert(NumberDay).values(kind="effect", day=date(2026, 1, 1), base=0))
        if calls == 1:
            raise asyncio.CancelledError  # the process dies: no handler of ours runs

    with pytest.raises(asyncio.CancelledError):
        await run_next(committed, handlers={"work": work}, now=NOW)
    (job,) = await rows(committed)
    assert (job.status, job.attempts, job.run_at) == (JobStatus.RUNNING, 1, NOW + LEASE)
    assert await effects(committed) == 0
    assert await run_next(committed, handlers={"work": work}, now=NOW + LEASE - MICROSECOND) is False
    assert await run_next(committed, handlers={"work": work}, now=NOW + LEASE) is True
    (job,) = await rows(committed)
    assert (job.status, job.attempts, calls, await effects(committed)) == (JobStatus.DONE, 2, 2, 1)


async def test_a_slow_worker_keeps_its_job_beyond_the_lease(committed: PooledDatabase) -> None:
    await queue(committed)
    begun, may_end = asyncio.Event(), asyncio.Event()
    calls = 0

    async def work(session: AsyncSession, args: Mapping[str, Any], now: datetime) -> None:
        nonlocal calls
        calls += 1
        begun.set()
        await may_end.wait()

    slow = asyncio.create_task(run_next(committed, handlers={"work": work}, now=NOW))
    await begun.wait()
    assert await run_next(committed, handlers={"work": work}, now=NOW + 10 * LEASE) is False
    may_end.set()
    assert await slow is True
    assert (calls, [job.status for job in await rows(committed)]) == (1, [JobStatus.DONE])


async def test_a_job_that_kills_every_worker_is_given_up(committed: PooledDatabase) -> None:
    await queue(committed)

    async def work(session: AsyncSession, args: Mapping[str, Any], now: datetime) -> None:
        raise asyncio.CancelledError

    now = NOW
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(asyncio.CancelledError):
            await run_next(committed, handlers={"work": work}, now=now)
        now += LEASE
    assert await run_next(committed, handlers={"work": work}, now=now) is True
    (job,) = await rows(committed)
    assert (job.status, job.last_error) == (JobStatus.FAILED, "worker_lost")


async def test_queueing_wakes_the_listeners_with_the_commit(committed: PooledDatabase) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    def listen(connection: Any, pid: int, channel: str, payload: str) -> None:
        heard.put_nowait(payload)

    async with committed.reader() as reader:
        driver: asyncpg.Connection = (await reader.get_raw_connection()).driver_connection
        await driver.add_listener(jobs.CHANNEL, listen)
        async with committed.session() as session:
            await enqueue(session, kind="dropped", args={}, run_at=NOW)
            await session.rollback()
            await enqueue(session, kind="kept", args={}, run_at=NOW)
            await session.commit()
        assert await asyncio.wait_for(heard.get(), timeout=5) == "kept"
        await driver.remove_listener(jobs.CHANNEL, listen)
