"""Keeping to which account a firm was paid."""

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.contractors import service as contractors
from ownercare_api.settlements.models import Settlement
from ownercare_api.settlements.models_release import RetentionRelease


async def paid_to(session: AsyncSession, paid: Settlement | RetentionRelease) -> None:
    """Write down the firm's account as it is now; the caller holds it with `contractors.service.hold_account`."""
    account = await contractors.account_of(session, firm_id=paid.firm_id)
    paid.paid_bank_name, paid.paid_account_holder = account.bank_name, account.bank_account_holder
    paid.paid_account_masked = account.bank_account_masked


def not_paid(settlement: Settlement) -> None:
    """Forget the account of a payment that was taken back; the events keep it."""
    settlement.paid_bank_name = settlement.paid_account_holder = settlement.paid_account_masked = None
