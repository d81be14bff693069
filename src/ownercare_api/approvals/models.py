"""Tables of approval requests and their steps."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Fen, Identified, Stamped, enum_column


class ApprovalStatus(StrEnum):
    """Where a request stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


class Tier(StrEnum):
    """The seats of the approval chain (FIN-01..03)."""

    DEPARTMENT_MANAGER = "department_manager"
    DEPUTY_CHIEF_ENGINEER = "deputy_chief_engineer"
    DEPUTY_GENERAL_MANAGER = "deputy_general_manager"
    GENERAL_MANAGER = "general_manager"


class StepKind(StrEnum):
    """What a seat does."""

    REVIEW = "review"
    APPROVE = "approve"


class Decision(StrEnum):
    """What was decided in a seat."""

    APPROVED = "approved"
    REJECTED = "rejected"


class Approval(Stamped, Base):
    """A request to approve an amount. A changed amount supersedes it with a new one (reading 10)."""

    __tablename__ = "approval"
    __table_args__ = (
        Index("ix_approval_subject", "subject_id"),
        Index("ix_approval_status", "status", "id"),
        Index("ix_approval_project", "project_id", "id"),
        Index("uq_approval_open", "subject_id", unique=True, postgresql_where=text("status = 'pending'")),
        CheckConstraint("amount_fen > 0 AND total_fen >= amount_fen", name="amounts"),
    )

    number: Mapped[str] = mapped_column(unique=True)
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"), index=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    title: Mapped[str]
    amount_fen: Mapped[int] = mapped_column(Fen)
    total_fen: Mapped[int] = mapped_column(Fen)
    """The whole repair: all estimates of the ticket (reading 7). It chooses the tier."""
    emergency: Mapped[bool]
    status: Mapped[ApprovalStatus] = mapped_column(enum_column(ApprovalStatus))
    policy_snapshot_id: Mapped[UUID] = mapped_column(ForeignKey("policy_snapshot.id"))
    requested_by: Mapped[UUID]
    requested_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]


class ApprovalStep(Identified, Base):
    """One seat of a request, in order."""

    __tablename__ = "approval_step"
    __table_args__ = (UniqueConstraint("approval_id", "position"),)

    approval_id: Mapped[UUID] = mapped_column(ForeignKey("approval.id"))
    position: Mapped[int]
    kind: Mapped[StepKind] = mapped_column(enum_column(StepKind))
    tier: Mapped[Tier] = mapped_column(enum_column(Tier))
    decision: Mapped[Decision | None] = mapped_column(enum_column(Decision))
    comment: Mapped[str | None]
    decided_by: Mapped[UUID | None]
    decided_by_name: Mapped[str | None]
    decided_at: Mapped[datetime | None]


class ApprovalMaker(Base):
    """A person who prepared, estimated or edited what is to be approved, and so may not decide it (reading 10)."""

    __tablename__ = "approval_maker"

    approval_id: Mapped[UUID] = mapped_column(ForeignKey("approval.id"), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    part: Mapped[str]
    """What the person did: `surveyed`, `estimated`, `requested` …"""
