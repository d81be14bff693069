"""Background jobs: rows written in the transaction that wants them, done in one transaction of their own.

A job names what to do and carries ids only. A worker claims it with `SKIP LOCKED` and a lease, so that a crash counts
as an attempt and the job comes back when the lease lapses. Then its effect and its completion commit together, under
the job's row lock: whoever holds the lock is alive, so nobody else takes the job however long it lasts.

A `LongHandler` works in transactions of its own while the job's transaction only holds the lock. Its progress and the
wish to cancel it stand in a row beside the job, which is never locked for long.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ForeignKey, Index, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.clock import Clock
from ownercare_api.core.database import Base, Database, Identified, Stamped, enum_column
from ownercare_api.core.errors import DomainError
from ownercare_api.core.ids import uuid7

log = structlog.get_logger()

CHANNEL = "ownercare_jobs"
MAX_ATTEMPTS = 8
LEASE = timedelta(seconds=60)
ALIVE = timedelta(seconds=60)
"""A worker that was not seen for so long is taken for gone."""


class JobStatus(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job(Stamped, Base):
    """One piece of background work."""

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_queue", "run_at", "id", postgresql_where=text("status IN ('queued', 'running')")),
        Index("uq_job_dedup", "dedup_key", unique=True, postgresql_where=text("status = 'queued'")),
    )

    kind: Mapped[str]
    args: Mapped[dict[str, Any]]
    dedup_key: Mapped[str | None]
    """Freed when the job is claimed: what is queued from then on must run again, this one may have looked already."""
    run_at: Mapped[datetime]
    """Not before; while it runs, when its lease lapses."""
    status: Mapped[JobStatus] = mapped_column(enum_column(JobStatus), default=JobStatus.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often it was claimed; also the token that only the latest claim may complete the job with."""
    last_error: Mapped[str | None]
    """A code, never a message: messages may hold personal data."""
    finished_at: Mapped[datetime | None]
    requester_id: Mapped[UUID | None] = mapped_column(index=True)
    """The person or machine that asked for it and may always see it; None: the system itself."""
    project_id: Mapped[UUID | None]
    """The project it works in, for the sight of others."""
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What came out: counts, codes and links, never personal data."""
    result_file_id: Mapped[UUID | None]
    """The file it made, which the room that queued it hands out."""


class JobProgress(Base):
    """How far a long job is. The job's own row is locked while it runs, so this stands beside it."""

    __tablename__ = "job_progress"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    done: Mapped[int] = mapped_column(default=0, server_default="0")
    total: Mapped[int | None]
    """None: not known yet."""
    unit: Mapped[str]
    """What is counted: `rows`."""
    cancel_requested_at: Mapped[datetime | None]


class WorkerHeartbeat(Identified, Base):
    """A background worker that runs, or did until it was killed."""

    __tablename__ = "worker_heartbeat"

    name: Mapped[str]
    """Host and process, for the operators."""
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]


Handler = Callable[[AsyncSession, Mapping[str, Any], datetime], Awaitable[None]]
"""Does one job inside the given transaction; must be safe to run again after a failure."""


class JobCancelled(Exception):
    """Raised inside a long job at the next report of progress after somebody asked to cancel it."""


@dataclass(slots=True)
class Run:
    """One run of a long job. `result` and `result_file_id` are kept with the job when it is done."""

    job_id: UUID
    database: Database
    result: dict[str, Any] | None = None
    result_file_id: UUID | None = None
    _lock: AsyncSession | None = None

    async def progress(self, *, done: int, total: int | None) -> None:
        """Tell everybody how far the job is, at once; raises `JobCancelled` where that was asked for.

        To be called at least every thirty seconds: it also keeps the transaction alive that holds the job.
        """
        table = JobProgress.__table__.c
        told = update(JobProgress).where(table.job_id == self.job_id).values(done=done, total=total)
        async with self.database.session() as session:
            cancelled = await session.scalar(told.returning(table.cancel_requested_at))
            await session.commit()
        if self._lock is not None:
            await self._lock.execute(select(1))
        if cancelled is not None:
            raise JobCancelled


LongWork = Callable[[Run, Mapping[str, Any], datetime], Awaitable[None]]
GivenUp = Callable[[AsyncSession, Mapping[str, Any], str, datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class LongHandler:
    """Does a job that lasts, in transactions of its own from `Run.database`.

    Its effect and the job's completion are not one commit: `work` must find what an earlier run has done already.
    """

    work: LongWork
    given_up: GivenUp | None = None
    """Told with the code of the last failure, in the transaction that gives the job up."""


AnyHandler = Handler | LongHandler


async def enqueue(
    session: AsyncSession,
    *,
    kind: str,
    args: dict[str, Any],
    run_at: datetime,
    dedup_key: str | None = None,
) -> None:
    """Queue a job with the caller's transaction; a queued twin with the same `dedup_key` makes this a no-op."""
    await session.execute(
        insert(Job)
        .values(id=uuid7(), kind=kind, args=args, run_at=run_at, dedup_key=dedup_key, status=JobStatus.QUEUED)
        .on_conflict_do_nothing()
    )
    await session.execute(select(func.pg_notify(CHANNEL, kind)))


async def enqueue_for(
    session: AsyncSession,
    *,
    kind: str,
    args: dict[str, Any],
    run_at: datetime,
    requester_id: UUID,
    project_id: UUID | None,
    unit: str,
) -> UUID:
    """Queue a job that somebody asked for and may follow; returns its id. `unit` says what its progress counts."""
    job_id = uuid7()
    await session.execute(
        insert(Job).values(
            id=job_id,
            kind=kind,
            args=args,
            run_at=run_at,
            status=JobStatus.QUEUED,
            requester_id=requester_id,
            project_id=project_id,
        )
    )
    await session.execute(insert(JobProgress).values(job_id=job_id, unit=unit))
    await session.execute(select(func.pg_notify(CHANNEL, kind)))
    return job_id


async def cancel(session: AsyncSession, *, job_id: UUID, now: datetime) -> bool:
    """Cancel a job that waits, and ask one that runs to stop; says whether it is cancelled already."""
    table = JobProgress.__table__.c
    await session.execute(
        update(JobProgress)
        .where(table.job_id == job_id, table.cancel_requested_at.is_(None))
        .values(cancel_requested_at=now)
    )
    waiting = select(Job.id).where(Job.id == job_id, Job.status == JobStatus.QUEUED).with_for_update(skip_locked=True)
    if await session.scalar(waiting) is None:
        return False
    await session.execute(
        update(Job).where(Job.id == job_id).values(status=JobStatus.CANCELLED, finished_at=now, dedup_key=None)
    )
    return True


async def enqueue_daily(session: AsyncSession, *, kind: str, day: date, run_at: datetime) -> None:
    """Queue a job once for a business date, whichever worker asks and however often."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("job_daily"), func.hashtext(kind))))
    args = {"day": day.isoformat()}
    if await session.scalar(select(Job.id).where(Job.kind == kind, Job.args == args).limit(1)) is None:
        await enqueue(session, kind=kind, args=args, run_at=run_at)


@dataclass(frozen=True, slots=True)
class _Claim:
    id: UUID
    kind: str
    args: Mapping[str, Any]
    attempts: int


async def run_next(
    database: Database, *, handlers: Mapping[str, AnyHandler], now: datetime, clock: Clock | None = None
) -> bool:
    """Do the most overdue job, if any; returns whether there was one. A failing job is retried with growing pauses.

    With a `clock` jobs end when they end, and not at `now`.
    """
    claim = await _claim(database, kinds=list(handlers), now=now)
    if claim is None:
        return False
    handler = handlers[claim.kind]
    if claim.attempts > MAX_ATTEMPTS:  # every worker that tried it died of it
        await _put_back(database, claim=claim, handler=handler, cause="worker_lost", now=now)
        return True
    try:
        async with database.session() as session:
            if await _hold(session, claim):
                kept = await _work(database, session, claim=claim, handler=handler, now=now)
                end = now if clock is None else clock()
                done = update(Job).where(Job.id == claim.id)
                await session.execute(done.values(status=JobStatus.DONE, finished_at=end, last_error=None, **kept))
                await session.commit()
    except JobCancelled:
        mine = update(Job).where(Job.id == claim.id, Job.status == JobStatus.RUNNING, Job.attempts == claim.attempts)
        async with database.session() as session:
            await session.execute(mine.values(status=JobStatus.CANCELLED, finished_at=now))
            await session.commit()
    except Exception as error:
        log.warning("job.failed", job=str(claim.id), kind=claim.kind, attempt=claim.attempts, exc_info=error)
        await _put_back(database, claim=claim, handler=handler, cause=_code(error), now=now)
    return True


async def _work(
    database: Database, session: AsyncSession, *, claim: _Claim, handler: AnyHandler, now: datetime
) -> dict[str, Any]:
    """Do a job that is held; returns what its row keeps of it."""
    if not isinstance(handler, LongHandler):
        await handler(session, claim.args, now)
        return {}
    run = Run(job_id=claim.id, database=database, _lock=session)
    await handler.work(run, claim.args, now)
    return {"result": run.result, "result_file_id": run.result_file_id}


async def _claim(database: Database, *, kinds: list[str], now: datetime) -> _Claim | None:
    """Claim a job that is due, or one whose worker died; committed at once."""
    due = (
        select(Job.id)
        .where(Job.status.in_([JobStatus.QUEUED, JobStatus.RUNNING]), Job.run_at <= now, Job.kind.in_(kinds))
        .order_by(Job.run_at, Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    claim = (
        update(Job)
        .where(Job.id == due.c.id)
        .values(status=JobStatus.RUNNING, attempts=Job.attempts + 1, run_at=now + LEASE, dedup_key=None)
        .returning(Job.id, Job.kind, Job.args, Job.attempts)
        .execution_options(synchronize_session=False)
    )
    async with database.session() as session:
        row = (await session.execute(claim)).one_or_none()
        await session.commit()
    return None if row is None else _Claim(row.id, row.kind, row.args, row.attempts)


async def _hold(session: AsyncSession, claim: _Claim) -> bool:
    """Lock the claimed job for the time it runs; False when the lease lapsed and somebody else has it.

    It waits rather than skips: another worker's claim may hold the row for a moment after reading it too early.
    """
    mine = select(Job.id).where(Job.id == claim.id, Job.status == JobStatus.RUNNING, Job.attempts == claim.attempts)
    return await session.scalar(mine.with_for_update()) is not None


async def _put_back(database: Database, *, claim: _Claim, handler: AnyHandler, cause: str, now: datetime) -> None:
    final = claim.attempts >= MAX_ATTEMPTS
    pause = timedelta(seconds=min(3600, 5 * 3**claim.attempts))
    mine = update(Job).where(Job.id == claim.id, Job.status == JobStatus.RUNNING, Job.attempts == claim.attempts)
    async with database.session() as session:
        changed = mine.values(
            status=JobStatus.FAILED if final else JobStatus.QUEUED,
            run_at=now + pause,
            last_error=cause,
            finished_at=now if final else None,
        )
        hit = await session.scalar(changed.returning(Job.id).execution_options(synchronize_session=False))
        if final and hit is not None and isinstance(handler, LongHandler) and handler.given_up is not None:
            await handler.given_up(session, claim.args, cause, now)
        await session.commit()


def _code(error: Exception) -> str:
    if isinstance(error, DomainError):
        return error.code
    if isinstance(error, DBAPIError):
        return f"{type(error).__name__} {getattr(error.orig, 'sqlstate', '')}".strip()
    return type(error).__name__


async def beat(session: AsyncSession, *, worker_id: UUID, name: str, started_at: datetime, now: datetime) -> None:
    """Write that a worker is alive."""
    await session.execute(
        insert(WorkerHeartbeat)
        .values(id=worker_id, name=name, started_at=started_at, seen_at=now)
        .on_conflict_do_update(index_elements=[WorkerHeartbeat.id], set_={"seen_at": now})
    )


async def sign_off(session: AsyncSession, *, worker_id: UUID) -> None:
    """Take away the heartbeat of a worker that ends in good order."""
    await session.execute(delete(WorkerHeartbeat).where(WorkerHeartbeat.id == worker_id))


async def last_seen(connection: AsyncConnection | AsyncSession) -> datetime | None:
    """Return when a worker was last seen; None where none runs."""
    seen: datetime | None = (await connection.execute(select(func.max(WorkerHeartbeat.seen_at)))).scalar()
    return seen
