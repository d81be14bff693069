"""Jobs that last: progress is seen at once, somebody may cancel, what fails for good is told."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON

from ownercare_api.core import jobs, keeping
from ownercare_api.core.database import Database, PooledDatabase
from ownercare_api.core.ids import uuid7
from ownercare_api.core.jobs import LEASE, MAX_ATTEMPTS, Job, JobProgress, JobStatus, LongHandler, Run
from ownercare_api.core.numbers import NumberDay

NOW = FRIDAY_NOON


async def queue(database: PooledDatabase) -> UUID:
    async with database.session() as session:
        job_id = await jobs.enqueue_for(
            session, kind="long", args={}, run_at=NOW, requester_id=uuid7(), project_id=None, unit="rows"
        )
        await session.commit()
    return job_id


async def state_of(database: PooledDatabase, job_id: UUID) -> tuple[JobStatus, int, int | None]:
    async with database.session() as session:
        job, progress = await session.get_one(Job, job_id), await session.get_one(JobProgress, job_id)
    return job.status, progress.done, progress.total


async def effects(database: PooledDatabase) -> int:
    async with database.session() as session:
        return len(list(await session.scalars(select(NumberDay.kind))))


async def effect(database: Database) -> None:
    async with database.session() as session:
        await session.execute(insert(NumberDay).values(kind=str(uuid7()), day=date(2026, 1, 1), base=0))
        await session.commit()


async def test_progress_is_seen_while_it_runs_and_the_result_when_it_is_done(committed: PooledDatabase) -> None:
    job_id, file_id = await queue(committed), uuid7()
    seen: list[tuple[JobStatus, int, int | None]] = []

    async def work(run: Run, args: Mapping[str, Any], now: datetime) -> None:
        assert run.job_id == job_id
        for done in (1, 2):
            await effect(run.database)
            await run.progress(done=done, total=2)
            seen.append(await state_of(committed, job_id))
        run.result, run.result_file_id = {"href": "/v1/things/1"}, file_id

    end = NOW + timedelta(minutes=2)
    assert await jobs.run_next(committed, handlers={"long": LongHandler(work)}, now=NOW, clock=lambda: end) is True
    assert seen == [(JobStatus.RUNNING, 1, 2), (JobStatus.RUNNING, 2, 2)]
    async with committed.session() as session:
        job = await session.get_one(Job, job_id)
    assert (job.status, job.result, job.result_file_id, job.finished_at) == (
        JobStatus.DONE, {"href": "/v1/things/1"}, file_id, end,
    )  # fmt: skip


async def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_at_its_next_report(
    committed: PooledDatabase,
) -> None:
    async def cancel(job_id: UUID) -> bool:
        async with committed.session() as session:
            at_once = await jobs.cancel(session, job_id=job_id, now=NOW)
            await session.commit()
        return at_once

    async def work(run: Run, args: Mapping[str, Any], now: datetime) -> None:
        await effect(run.database)
        await run.progress(done=1, total=3)
        assert await cancel(run.job_id) is False
        await effect(run.database)
        await run.progress(done=2, total=3)
        raise AssertionError("not reached")

    waiting = await queue(committed)
    assert await cancel(waiting) is True
    assert await jobs.run_next(committed, handlers={"long": LongHandler(work)}, now=NOW) is False
    running = await queue(committed)
    assert await jobs.run_next(committed, handlers={"long": LongHandler(work)}, now=NOW) is True
    assert await state_of(committed, waiting) == (JobStatus.CANCELLED, 0, None)
    assert await state_of(committed, running) == (JobStatus.CANCELLED, 2, 3)
    assert await effects(committed) == 2, "what committed by itself stays; the handler decides what that is"
    assert await jobs.run_next(committed, handlers={"long": LongHandler(work)}, now=NOW + 10 * LEASE) is False


async def test_giving_up_is_told_once_with_the_cause(committed: PooledDatabase) -> None:
    told: list[tuple[Mapping[str, Any], str]] = []

    async def work(run: Run, args: Mapping[str, Any], now: datetime) -> None:
        raise RuntimeError("王秀英 13812341234")

    async def given_up(session: AsyncSession, args: Mapping[str, Any], cause: str, now: datetime) -> None:
        told.append((args, cause))

    job_id = await queue(committed)
    now = NOW
    for _ in range(MAX_ATTEMPTS):
        assert told == []
        assert await jobs.run_next(committed, handlers={"long": LongHandler(work, given_up)}, now=now) is True
        now += timedelta(hours=1)
    assert told == [({}, "RuntimeError")]
    assert (await state_of(committed, job_id))[0] is JobStatus.FAILED


async def test_progress_goes_with_its_job(committed: PooledDatabase) -> None:
    async def work(run: Run, args: Mapping[str, Any], now: datetime) -> None:
        await run.progress(done=1, total=1)

    await queue(committed)
    await jobs.run_next(committed, handlers={"long": LongHandler(work)}, now=NOW)
    async with committed.session() as session:
        for rule in keeping.KEPT:
            await keeping.forget_some(session, rule=rule, now=NOW + keeping.JOBS_KEPT + timedelta(seconds=1))
        await session.commit()
        assert list(await session.scalars(select(JobProgress.job_id))) == []
