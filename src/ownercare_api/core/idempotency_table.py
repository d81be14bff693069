"""The table of answers kept for `Idempotency-Key`, and how long they are kept."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Index, LargeBinary
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


def over(now: datetime) -> ColumnElement[bool]:
    """Return the condition on answers older than 48 hours: they are not kept."""
    return IdempotentAnswer.created_at < now - KEPT
