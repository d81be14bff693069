"""The table of events."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, FetchedValue, ForeignKey, Identity, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from ownercare_api.core.database import Base


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the type's name."""
        return "xid8"


class Event(Base):
    """Something that happened, never changed afterwards (CMP-14). Carries ids and facts, never personal data."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_subject", "subject_kind", "subject_id", "seq"),
        Index("ix_event_ticket", "ticket_id", "seq"),
        Index("ix_event_xid", "xid", "seq"),
        Index("ix_event_actor", "actor_id", "seq"),
        Index("ix_event_project", "project_id", "seq"),
        Index("ix_event_occurred", "occurred_at", postgresql_using="brin"),
    )

    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True)
    kind: Mapped[str]
    """`<subject>.<past participle>`, such as `ticket.registered`."""
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    ticket_id: Mapped[UUID | None]
    """The case it belongs to, so that a case's whole history is one query."""
    project_id: Mapped[UUID | None]
    firm_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm.id"))
    """The partner firm that may see it besides the project's staff."""
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID]
    actor_name: Mapped[str]
    occurred_at: Mapped[datetime]
    rules: Mapped[list[str]] = mapped_column(ARRAY(Text))
    data: Mapped[dict[str, Any]]
    xid: Mapped[int] = mapped_column(Xid8(), server_default=text("audit_xid()"), server_onupdate=FetchedValue())
    """Transaction that wrote it: readers stop below the oldest one still open, so nothing is skipped."""
