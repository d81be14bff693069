"""Tables of the audit trail: the hash chain over the events and denials, its checkpoints, denials, verifications."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Identified
from ownercare_api.timeline.models import Xid8


class Denial(Base):
    """Something that was refused to somebody, or many such things at once. No personal data, nothing of the body."""

    __tablename__ = "denial"
    __table_args__ = (
        Index("ix_denial_xid", "xid", "seq"),
        Index("ix_denial_actor", "actor_id", "seq"),
        Index("ix_denial_subject", "subject_id", "seq"),
        Index("ix_denial_project", "project_id", "seq"),
        Index("ix_denial_at", "at", postgresql_using="brin"),
    )

    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    actor_kind: Mapped[str | None]
    """None: the caller is unknown."""
    actor_id: Mapped[UUID | None]
    operation: Mapped[str | None]
    """`operationId` of the OpenAPI document; None where several were refused."""
    method: Mapped[str | None]
    path: Mapped[str | None]
    """The operation's template, such as `/v1/owners/{owner_id}`."""
    status: Mapped[int]
    code: Mapped[str]
    project_id: Mapped[UUID | None]
    subject_id: Mapped[UUID | None]
    """The last id in the path."""
    request_id: Mapped[str | None]
    source: Mapped[bytes | None]
    """Keyed digest of the caller's address: tells whether two are the same, not which."""
    count: Mapped[int] = mapped_column(default=1, server_default="1")
    """More than 1: this many that followed one another closely, of one caller and status."""
    xid: Mapped[int] = mapped_column(Xid8(), server_default=text("audit_xid()"), server_onupdate=FetchedValue())


class AuditLink(Base):
    """A link of the hash chain: SHA-256 of the link before and of one row, in the order of transactions."""

    __tablename__ = "audit_link"
    __table_args__ = (UniqueConstraint("stream", "seq"),)

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """From 1, without gaps."""
    stream: Mapped[str]
    """The table of the row: `event` or `denial`."""
    seq: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[bytes]


class AuditCheckpoint(Base):
    """The end of a sealed batch, signed with a key that the database does not hold."""

    __tablename__ = "audit_checkpoint"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """From 1, without gaps."""
    position: Mapped[int] = mapped_column(BigInteger, unique=True)
    digest: Mapped[bytes]
    entries: Mapped[int]
    """Links since the checkpoint before."""
    at: Mapped[datetime]
    next_xid: Mapped[int] = mapped_column(BigInteger)
    """Transactions from here on began afterwards."""
    event_xid: Mapped[int] = mapped_column(BigInteger)
    event_seq: Mapped[int] = mapped_column(BigInteger)
    """Transaction and number of the last sealed event, 0 where there is none."""
    event_highest: Mapped[int] = mapped_column(BigInteger)
    """Highest number among the sealed events: what begins afterwards draws a higher one."""
    denial_xid: Mapped[int] = mapped_column(BigInteger)
    denial_seq: Mapped[int] = mapped_column(BigInteger)
    denial_highest: Mapped[int] = mapped_column(BigInteger)
    key_id: Mapped[str]
    signature: Mapped[bytes]
    """Ed25519 over all the rest."""


class AuditVerification(Identified, Base):
    """A stretch of the chain that the worker verified; one pass over everything is several rows of one `began_at`."""

    __tablename__ = "audit_verification"

    began_at: Mapped[datetime]
    at: Mapped[datetime]
    position: Mapped[int] = mapped_column(BigInteger)
    """Verified up to here."""
    digest: Mapped[bytes]
    entries: Mapped[int] = mapped_column(BigInteger)
    """Of the whole pass so far."""
    milliseconds: Mapped[int] = mapped_column(BigInteger)
    complete: Mapped[bool]
    """The pass is over: it reached the end, or found a fault."""
    fault_code: Mapped[str | None]
    fault_position: Mapped[int | None] = mapped_column(BigInteger)
    fault_stream: Mapped[str | None]
    fault_seq: Mapped[int | None] = mapped_column(BigInteger)
