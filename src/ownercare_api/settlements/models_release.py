"""The table of releases of retention."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Fen, Stamped, enum_column
from ownercare_api.settlements.lifecycle_release import ReleaseStatus
from ownercare_api.settlements.models_payee import PaidToFirm


class RetentionRelease(PaidToFirm, Stamped, Base):
    """A request to pay retention back, with the 《工程尾款支付意见》 of customer service (FIN-11)."""

    __tablename__ = "retention_release"
    __table_args__ = (
        Index("ix_retention_release_account", "account_id", "id"),
        Index(
            "uq_retention_release_open",
            "account_id",
            unique=True,
            postgresql_where=text("status IN ('requested', 'supported')"),
        ),
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint("(status = 'released') = (entry_id IS NOT NULL)", name="released_has_an_entry"),
    )

    account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger_account.id"))
    contract_id: Mapped[UUID] = mapped_column(ForeignKey("construction_contract.id"))
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    firm_id: Mapped[UUID] = mapped_column(ForeignKey("firm.id"))
    """The contractor."""
    status: Mapped[ReleaseStatus] = mapped_column(enum_column(ReleaseStatus))
    amount_fen: Mapped[int] = mapped_column(Fen)
    note: Mapped[str | None]
    requested_by: Mapped[UUID]
    requested_by_name: Mapped[str]
    makers: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default="{}")
    """Who asked for it, who gave the opinion, and who lent them the authority: they don't pay it (reading 10)."""
    opinion: Mapped[str | None]
    """Quality in the warranty period and cooperation in repairs, weighed by customer service."""
    opinion_by: Mapped[UUID | None]
    opinion_by_name: Mapped[str | None]
    opinion_at: Mapped[datetime | None]
    released_by: Mapped[UUID | None]
    released_by_name: Mapped[str | None]
    released_at: Mapped[datetime | None]
    entry_id: Mapped[UUID | None] = mapped_column(ForeignKey("ledger_entry.id"))
    """The ledger entry of the payment."""
