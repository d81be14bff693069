"""Columns of what is paid to a firm: its bank account when it was asked for, and the one that it was paid to."""

from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column


class PaidToFirm:
    """Mixin of what finance pays to a partner firm."""

    payee_change_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm_bank_account_change.id"))
    """The firm's latest confirmed change of bank account when this was written: later ones fall into its life."""
    paid_bank_name: Mapped[str | None]
    paid_account_holder: Mapped[str | None]
    paid_account_masked: Mapped[str | None]
    """The account that the payment that stands went to, as it was shown."""
