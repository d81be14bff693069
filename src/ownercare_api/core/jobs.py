"""Background jobs: rows written in the transaction that wants them, done in one transaction of their own.

A job names what to do and carries ids only. It is claimed with `SKIP LOCKED` and held by the claiming transaction;
its effect and its completion commit together, so a crash leaves it queued and nothing half done.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import Index, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Database, Stamped, enum_column
from ownercare_api.core.ids import uuid7

log = structlog.get_logger()

CHANNEL = "ownercare_jobs"
MAX_ATTEMPTS = 8


class JobStatus(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"


class Job(Stamped, Base):
    """One piece of background work."""

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_queue", "run_at", "id", postgresql_where=text("status = 'queued'")),
        Index("uq_job_dedup", "dedup_key", unique=True, postgresql_where=text("status = 'queued'")),
    )

    kind: Mapped[str]
    args: Mapped[dict[str, Any]]
    dedup_key: Mapped[str | None]
    run_at: Mapped[datetime]
    status: Mapped[JobStatus] = mapped_column(enum_column(JobStatus), default=JobStatus.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    last_error: Mapped[str | None]
    finished_at: Mapped[datetime | None]


Handler = Callable[[AsyncSession, Mapping[str, Any], datetime], Awaitable[None]]
"""Does one job inside the given transaction; must be safe to run again after a failure."""


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


async def run_next(database: Database, *, handlers: Mapping[str, Handler], now: datetime) -> bool:
    """Do the most overdue job, if any; returns whether there was one. A failing job is retried with growing pauses."""
    async with database.session() as session:
        job = await session.scalar(
            select(Job)
            .where(Job.status == JobStatus.QUEUED, Job.run_at <= now, Job.kind.in_(list(handlers)))
            .order_by(Job.run_at, Job.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if job is None:
            return False
        job_id, kind = job.id, job.kind
        try:
            await handlers[kind](session, job.args, now)
            job.status, job.finished_at = JobStatus.DONE, now
            await session.commit()
            return True
        except Exception as error:
            await session.rollback()
            log.warning("job.failed", job=str(job_id), kind=kind, exc_info=error)
            cause = f"{type(error).__name__}: {error}"[:500]
    async with database.session() as session:
        attempts = await session.scalar(
            update(Job)
            .where(Job.id == job_id, Job.status == JobStatus.QUEUED)
            .values(attempts=Job.attempts + 1, last_error=cause)
            .returning(Job.attempts)
        )
        if attempts is not None:
            pause = timedelta(seconds=min(3600, 5 * 3**attempts))
            final = attempts >= MAX_ATTEMPTS
            await session.execute(
                update(Job)
                .where(Job.id == job_id)
                .values(
                    run_at=now + pause,
                    status=JobStatus.FAILED if final else JobStatus.QUEUED,
                    finished_at=now if final else None,
                )
            )
        await session.commit()
    return True
