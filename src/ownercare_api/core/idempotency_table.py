"""The table of answers kept for `Idempotency-Key`, and how long they are kept."""

from datetime import datetime, timedelta

from sqlalchemy import Index, LargeBinary, delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base

KEPT = timedelta(hours=48)


class IdempotentAnswer(Base):
    """A committed answer. The body is encrypted: it may show personal data to the caller it was given to."""

    __tablename__ = "idempotent_answer"
    __table_args__ = (Index("ix_idempotent_answer_created_at", "created_at"),)

    caller: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int]
    headers: Mapped[str]
    answer: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


async def forget(session: AsyncSession, *, now: datetime) -> int:
    """Delete answers older than 48 hours; returns how many."""
    old = delete(IdempotentAnswer).where(IdempotentAnswer.created_at < now - KEPT)
    return len((await session.execute(old.returning(IdempotentAnswer.key))).all())
