"""Tables of owners, their telephone numbers and their homes."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Date, ForeignKey, Index, LargeBinary, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Fen, Identified, Stamped, enum_column
from ownercare_api.owners.documents import DocumentKind, Sex
from ownercare_api.owners.lifecycle import FilingStatus, PreferredChannel

_LAST_CHECKED = "COALESCE(checked_on, (created_at AT TIME ZONE 'Asia/Shanghai')::date)"


class Owner(Stamped, Base):
    """A home owner (业主). Personal numbers are encrypted; what may be shown is kept masked beside them (OWN-15)."""

    __tablename__ = "owner"
    __table_args__ = (
        Index("ix_owner_name_sort", "name_sort", "id"),
        Index("ix_owner_name_birth", "name_sort", "birth_date"),
        Index("ix_owner_last_checked", text(_LAST_CHECKED)),
        Index("ix_owner_name_grams", text("name_grams(name, name_sort)"), postgresql_using="gin"),
        Index("ix_owner_merged_into", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
        CheckConstraint("merged_into <> id", name="not_into_itself"),
    )

    name: Mapped[str]
    name_sort: Mapped[str]
    """Pinyin, for order by name."""
    sex: Mapped[Sex | None] = mapped_column(enum_column(Sex))
    birth_date: Mapped[date | None] = mapped_column(Date)
    document_kind: Mapped[DocumentKind | None] = mapped_column(enum_column(DocumentKind))
    document_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    document_index: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    document_masked: Mapped[str | None]
    home_address_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    occupation: Mapped[str | None]
    preferences: Mapped[str | None]
    """Preferences in general (OWN-03)."""
    special_needs: Mapped[str | None]
    """Special needs (特殊需求), such as impaired hearing (OWN-03)."""
    preferred_channel: Mapped[PreferredChannel | None] = mapped_column(enum_column(PreferredChannel))
    preferred_times: Mapped[str | None]
    """When the owner likes to be called, in the owner's words."""
    language: Mapped[str | None]
    """The language or dialect the owner speaks with us."""
    purchase_need: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What the owner looked for when buying: type, area, price, floor, layout (OWN-02, CHN-15)."""
    checked_on: Mapped[date | None] = mapped_column(Date)
    """When the record was last audited (OWN-06)."""
    merged_into: Mapped[UUID | None] = mapped_column(ForeignKey("owner.id"))
    """The record that stands for this one since it was found to be a duplicate; this one only keeps the past."""
    merged_at: Mapped[datetime | None]
    restricted_at: Mapped[datetime | None]
    """Since when the data may only be kept, and used for cases that are open (限制处理, PIPL art. 44, 47)."""
    erased_at: Mapped[datetime | None]
    """When the person's data were erased (个人信息删除, PIPL art. 47); the empty record keeps the past together."""


class OwnerPhone(Identified, Base):
    """A telephone number of an owner. Two owners may share one, and one owner may have several."""

    __tablename__ = "owner_phone"
    __table_args__ = (
        Index("ix_owner_phone_index", "number_index"),
        Index("uq_owner_phone_primary", "owner_id", unique=True, postgresql_where=text("is_primary")),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"), index=True)
    number_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    number_index: Mapped[bytes] = mapped_column(LargeBinary)
    number_masked: Mapped[str]
    is_primary: Mapped[bool]
    label: Mapped[str | None]
    may_log_in: Mapped[bool] = mapped_column(default=True, server_default="true")
    """The owner may log in with it: collected with the record, or verified (OWN-05). One that a single colleague added
    afterwards does not let anybody in: it might be the colleague's own."""


class Ownership(Stamped, Base):
    """An owner's share of a home over time, `[from_date, to_date)`, with its purchase contract (OWN-13)."""

    __tablename__ = "ownership"
    __table_args__ = (
        CheckConstraint("share_bp BETWEEN 1 AND 10000", name="share"),
        CheckConstraint("to_date IS NULL OR to_date > from_date", name="period"),
        Index("ix_ownership_unit", "unit_id"),
        Index("ix_ownership_owner", "owner_id"),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"))
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("unit.id"))
    share_bp: Mapped[int]
    """Share in hundredths of a percent: 10,000 is the whole home."""
    from_date: Mapped[date]
    to_date: Mapped[date | None]
    contract_number: Mapped[str | None]
    contract_signed_on: Mapped[date | None]
    payment_method: Mapped[str | None]
    price_fen: Mapped[int | None] = mapped_column(Fen)
    purchase_place: Mapped[str | None]
    """Where the contract was signed (OWN-02)."""
    deposit_fen: Mapped[int | None] = mapped_column(Fen)
    first_payment_fen: Mapped[int | None] = mapped_column(Fen)
    filing_status: Mapped[FilingStatus] = mapped_column(enum_column(FilingStatus), server_default="draft")
    """Where the contract stands on its way to the files (审核备案)."""
    edited_by: Mapped[UUID | None]
    """Who last wrote the contract's data; null: whoever recorded the ownership before that was kept."""
    makers: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), default=list, server_default="{}")
    """Everybody who wrote the contract or its plan of payments since it was last filed, and who lent the authority."""
    submitted_by: Mapped[UUID | None]
    submitted_at: Mapped[datetime | None]
    reviewed_by: Mapped[UUID | None]
    reviewed_at: Mapped[datetime | None]
    review_note: Mapped[str | None]
    transfer_id: Mapped[UUID | None] = mapped_column(ForeignKey("ownership_transfer.id"), index=True)
    """The transfer by which it began."""
    payment_plan_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment_plan.id"), index=True)
    """What is paid under the contract; joint buyers share one plan."""


class Disclosure(Identified, Base):
    """One look at a clear value: who, why, for which case (OWN-07)."""

    __tablename__ = "disclosure"
    __table_args__ = (Index("ix_disclosure_actor", "actor_id", "at"), Index("ix_disclosure_owner", "owner_id", "at"))

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"))
    actor_id: Mapped[UUID]
    actor_name: Mapped[str]
    field: Mapped[str]
    purpose: Mapped[str]
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))
    at: Mapped[datetime]
