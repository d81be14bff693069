"""Tables of owners, their telephone numbers and their homes."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Fen, Identified, Stamped, enum_column
from ownercare_api.owners.documents import DocumentKind, Sex


class Owner(Stamped, Base):
    """A home owner (业主). Personal numbers are encrypted; what may be shown is kept masked beside them (OWN-15)."""

    __tablename__ = "owner"
    __table_args__ = (
        Index("ix_owner_name_sort", "name_sort", "id"),
        Index("ix_owner_name_grams", text("name_grams(name, name_sort)"), postgresql_using="gin"),
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
    """Special needs and preferences (OWN-03)."""


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
