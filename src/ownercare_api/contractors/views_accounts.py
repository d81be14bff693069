"""Representations of changes of bank accounts, built from rows."""

from datetime import timedelta
from typing import Any

from ownercare_api.contractors.lifecycle import ACCOUNT_CHANGE_LIFECYCLE, AccountChangeFacts
from ownercare_api.identity.principal import Principal

KNOWN_AFTER = timedelta(days=30)
"""How long a number must have stood on record before a change was entered, to be one that can be called back."""
_SUMMARY = (
    "id", "status", "entered_by", "entered_by_name", "entered_at", "verification", "decided_by", "decided_by_name",
    "decided_at", "version",
)  # fmt: skip
_FULL = ("reason", "evidence_file_ids", "verification_note", "decision_reason")


def number_is_known(firm: Any, change: Any) -> bool:
    """Say whether the firm's number stood on record long before the change was entered, so that it can be called.

    Whoever enters a false account could have entered a false number for it first.
    """
    known: bool = firm.contact_phone_set_at + KNOWN_AFTER <= change.entered_at
    return known


def account_change_summary(row: Any) -> dict[str, Any]:
    """Return the fields of `AccountChangeSummary` for a row of `repository.account_changes`."""
    return {name: getattr(row, name) for name in _SUMMARY} | {
        "firm": {"id": row.firm_id, "name": row.firm_name},
        "former": {
            "bank_name": row.former_bank_name,
            "bank_account_holder": row.former_account_holder,
            "bank_account_masked": row.former_account_masked,
        },
        "new": {
            "bank_name": row.bank_name,
            "bank_account_holder": row.account_holder,
            "bank_account_masked": row.account_masked,
        },
    }


def account_change(row: Any, *, principal: Principal) -> dict[str, Any]:
    """Return the fields of `AccountChangeRead`."""
    actions = ACCOUNT_CHANGE_LIFECYCLE.allowed(
        status=row.status,
        subject=AccountChangeFacts(makers=frozenset(row.makers)),
        actor=principal,
        may=lambda scope: principal.may(scope, project_id=None),
    )
    return account_change_summary(row) | {
        **{name: getattr(row, name) for name in _FULL},
        "holder_is_firm": row.account_holder == row.firm_name,
        "number_is_known": number_is_known(row, row),
        "allowed_actions": actions,
    }
