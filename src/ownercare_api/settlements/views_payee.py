"""What is shown of the account that a firm is paid to, from rows with the columns of `repository_payee`."""

from typing import Any

from ownercare_api.identity.principal import Principal
from ownercare_api.settlements.lifecycle_payee import PayeeFacts


def payee_facts(row: Any) -> PayeeFacts:
    """Return what the guards look at."""
    return PayeeFacts(
        project_id=row.project_id,
        recorded=row.payee_account_masked is not None,
        change_open=row.payee_change_open,
        hands=frozenset(row.payee_hands or ()),
    )


def payee_account(row: Any, *, paid: bool, principal: Principal) -> dict[str, Any] | None:
    """Return the fields of `PayeeAccountRead`; None for the people of another firm."""
    if principal.firm_id not in (None, row.firm_id):
        return None
    source = "paid" if paid else "payee"
    return {
        "bank_name": getattr(row, f"{source}_bank_name"),
        "bank_account_holder": getattr(row, f"{source}_account_holder"),
        "bank_account_masked": getattr(row, f"{source}_account_masked"),
        "change_open": row.payee_change_open,
        "changed_since_written": bool(row.payee_hands),
    }
