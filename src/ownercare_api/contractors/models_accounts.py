"""The table of changes of firms' bank accounts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, LargeBinary, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.contractors.lifecycle import AccountChangeStatus, AccountVerification
from ownercare_api.core.database import Base, Stamped, enum_column


class FirmBankAccountChange(Stamped, Base):
    """A firm's new bank account as one person entered it and another confirms it; the former one is kept with it."""

    __tablename__ = "firm_bank_account_change"
    __table_args__ = (
        Index("ix_firm_bank_account_change_firm", "firm_id", "id"),
        Index(
            "uq_firm_bank_account_change_open",
            "firm_id",
            unique=True,
            postgresql_where=text("status = 'submitted'"),
        ),
        CheckConstraint("(status = 'submitted') = (decided_by IS NULL)", name="decided_by_somebody"),
        CheckConstraint(
            "(status = 'confirmed') = (verification IS NOT NULL) AND NOT (makers && checkers)",
            name="confirmed_by_another",
        ),
    )

    firm_id: Mapped[UUID] = mapped_column(ForeignKey("firm.id"))
    status: Mapped[AccountChangeStatus] = mapped_column(enum_column(AccountChangeStatus))
    bank_name: Mapped[str]
    account_holder: Mapped[str]
    account_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    account_masked: Mapped[str]
    former_bank_name: Mapped[str | None]
    former_account_holder: Mapped[str | None]
    former_account_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    former_account_masked: Mapped[str | None]
    reason: Mapped[str]
    evidence_file_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    entered_by: Mapped[UUID]
    entered_by_name: Mapped[str]
    entered_at: Mapped[datetime]
    makers: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    """Who entered it, and who lent the authority."""
    verification: Mapped[AccountVerification | None] = mapped_column(enum_column(AccountVerification))
    verification_note: Mapped[str | None]
    """Whom one spoke to, and when."""
    decided_by: Mapped[UUID | None]
    """Who confirmed, rejected or withdrew it."""
    decided_by_name: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]
    """Why it was rejected or withdrawn."""
    checkers: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default="{}")
    """Who confirmed it, and who lent the authority."""
