"""Tables of what happens to owners' records: change requests, merges, transfers, information audits."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Identified, Stamped, enum_column
from ownercare_api.owners.lifecycle import ChangeStatus


class ChangeChannel(StrEnum):
    """How the owner told us."""

    PHONE = "phone"
    VISIT = "visit"
    WECHAT = "wechat"
    LETTER = "letter"
    EMAIL = "email"
    PORTAL = "portal"
    AUDIT = "audit"
    """Found in an information audit (OWN-06)."""


class Verification(StrEnum):
    """How a change was verified (OWN-05)."""

    CALLED_BACK = "called_back"
    """The recorded number was called (回拨登记号码)."""
    SAW_DOCUMENT = "saw_document"
    """The document was seen (核验证件)."""
    MET_IN_PERSON = "met_in_person"
    """The owner was met in person (当面核实)."""
    SAW_CERTIFICATE = "saw_certificate"
    """A certificate of the authorities was seen (查验户籍、公证等证明)."""


class OwnerChange(Stamped, Base):
    """A change of identity that an owner notified (信息变更): verified by another person, then applied (OWN-05)."""

    __tablename__ = "owner_change"
    __table_args__ = (
        Index("ix_owner_change_owner", "owner_id", "id"),
        Index("ix_owner_change_status", "status", "id"),
    )

    number: Mapped[str] = mapped_column(unique=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"))
    status: Mapped[ChangeStatus] = mapped_column(enum_column(ChangeStatus))
    fields: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Which fields it is about, as `changes.FIELDS`."""
    submitted_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    """The new values as JSON."""
    former_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    """The values they take the place of, as JSON, read when the request was entered."""
    submitted_masked: Mapped[dict[str, Any]]
    former_masked: Mapped[dict[str, Any]]
    channel: Mapped[ChangeChannel] = mapped_column(enum_column(ChangeChannel))
    note: Mapped[str | None]
    evidence_file_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    entered_by: Mapped[UUID]
    entered_by_kind: Mapped[str]
    entered_by_name: Mapped[str]
    makers: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default="{}")
    """Who entered it, and who lent the authority: they don't verify it (reading 10)."""
    entered_at: Mapped[datetime]
    verified_by: Mapped[UUID | None]
    verified_by_name: Mapped[str | None]
    verified_at: Mapped[datetime | None]
    verification: Mapped[Verification | None] = mapped_column(enum_column(Verification))
    verification_note: Mapped[str | None]
    ended_by: Mapped[UUID | None]
    """Who applied, rejected or withdrew it."""
    ended_by_name: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    """Why it was rejected or withdrawn."""


class OwnerMerge(Identified, Base):
    """Two records of one person were merged (合并重复档案)."""

    __tablename__ = "owner_merge"
    __table_args__ = (
        CheckConstraint("survivor_id <> merged_id", name="two_records"),
        Index("ix_owner_merge_survivor", "survivor_id"),
    )

    survivor_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"))
    merged_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"), unique=True)
    """A record is merged once."""
    reason: Mapped[str]
    moved: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """How many rows of each kind moved."""
    merged_by: Mapped[UUID]
    merged_by_name: Mapped[str]
    merged_at: Mapped[datetime]


class OwnerDistinct(Base):
    """Two records that look alike and are two people: decided, and not offered again."""

    __tablename__ = "owner_distinct"
    __table_args__ = (CheckConstraint("first_id < second_id", name="in_order"),)

    first_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"), primary_key=True)
    second_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"), primary_key=True, index=True)
    reason: Mapped[str]
    decided_by: Mapped[UUID]
    decided_by_name: Mapped[str]
    decided_at: Mapped[datetime]


class OwnerTwin(Base):
    """Two records that may be one person, with why. Kept by the database itself whenever a record or a telephone number
    changes (`refresh_owner_twins`), so that nobody compares all with all; merged and erased records are in no pair."""

    __tablename__ = "owner_twin"
    __table_args__ = (CheckConstraint("first_id < second_id", name="in_order"),)

    first_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"), primary_key=True)
    second_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"), primary_key=True, index=True)
    reasons: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """`same_document`, `same_phone_and_name`, `same_name_and_birth`."""


class OwnershipTransfer(Identified, Base):
    """A home, or a share of it, went from some owners to others on one day (产权转移, OWN-13)."""

    __tablename__ = "ownership_transfer"

    number: Mapped[str] = mapped_column(unique=True)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("unit.id"), index=True)
    on_date: Mapped[date]
    """The buyers' first day."""
    contract_number: Mapped[str | None]
    contract_signed_on: Mapped[date | None]
    note: Mapped[str | None]
    evidence_file_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    ended_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    """The ownerships that it ended."""
    recorded_by: Mapped[UUID]
    recorded_by_name: Mapped[str]
    recorded_at: Mapped[datetime]


class AuditOutcome(StrEnum):
    """What an information audit found."""

    ACCURATE = "accurate"
    CORRECTED = "corrected"
    """A change request carries the correction."""
    UNREACHABLE = "unreachable"
    """The owner could not be asked; the record stays due."""


class InformationAudit(Identified, Base):
    """A record was checked for truth and accuracy (信息审核, OWN-06)."""

    __tablename__ = "information_audit"
    __table_args__ = (
        CheckConstraint("(outcome = 'corrected') = (change_id IS NOT NULL)", name="corrections_have_a_request"),
        Index("ix_information_audit_owner", "owner_id", "id"),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"))
    checked_fields: Mapped[list[str]] = mapped_column(ARRAY(Text))
    method: Mapped[Verification] = mapped_column(enum_column(Verification))
    outcome: Mapped[AuditOutcome] = mapped_column(enum_column(AuditOutcome))
    change_id: Mapped[UUID | None] = mapped_column(ForeignKey("owner_change.id"))
    note: Mapped[str | None]
    checked_by: Mapped[UUID]
    checked_by_name: Mapped[str]
    checked_at: Mapped[datetime]
