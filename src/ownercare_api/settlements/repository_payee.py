"""Columns about the bank account of who is paid, for settlements and releases of retention alike."""

from typing import Any

from sqlalchemy import ARRAY, Select, Uuid, func, or_, select

from ownercare_api.contractors.lifecycle import AccountChangeStatus
from ownercare_api.contractors.models import Firm
from ownercare_api.contractors.models_accounts import FirmBankAccountChange

_C = FirmBankAccountChange.__table__.c


def with_payee(query: Select[Any], *, table: Any) -> Select[Any]:
    """Add the account that the firm of `table` has now, whether a change of it is open, and who entered and confirmed
    the changes since the row was written."""
    payee, row = Firm.__table__.alias("payee"), table.c
    waiting = select(_C.id).where(_C.firm_id == row.firm_id, _C.status == AccountChangeStatus.SUBMITTED)
    since = select(func.unnest(_C.makers.op("||")(_C.checkers))).where(
        _C.firm_id == row.firm_id,
        _C.status == AccountChangeStatus.CONFIRMED,
        # One change at a time: they were confirmed in the order of their ids, which is that of their entry.
        or_(row.payee_change_id.is_(None), _C.id > row.payee_change_id),
    )
    return query.add_columns(
        payee.c.bank_name.label("payee_bank_name"),
        payee.c.bank_account_holder.label("payee_account_holder"),
        payee.c.bank_account_masked.label("payee_account_masked"),
        waiting.correlate(table).exists().label("payee_change_open"),
        func.array(since.correlate(table).scalar_subquery(), type_=ARRAY(Uuid())).label("payee_hands"),
    ).join(payee, payee.c.id == row.firm_id)
