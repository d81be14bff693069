"""Representations of plans of payments; states are worked out for a day."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from ownercare_api.owners.lifecycle_payments import overdue_days, state_of
from ownercare_api.owners.schemas_payments import InstalmentPaymentRead, PaymentPlanChangeRead, PaymentReminderRead
from ownercare_api.owners.views import owner_ref

Shown = dict[str, Any]

_FIELDS = ("id", "place", "kind", "amount_fen", "due_on", "received_fen")
_WHERE = (
    "plan_id", "contract_number", "unit_id", "project_id", "address", "reminders", "last_reminded_at", "version",
)  # fmt: skip


def instalment(row: Any, *, today: date) -> Shown:
    """Return the fields of `InstalmentRead`."""
    state = state_of(
        amount_fen=row.amount_fen,
        received_fen=row.received_fen,
        due_on=row.due_on,
        today=today,
        in_force=row.in_force,
    )
    return {name: getattr(row, name) for name in _FIELDS} | {
        "open_fen": row.amount_fen - row.received_fen,
        "state": state,
        "overdue_days": overdue_days(state, due_on=row.due_on, today=today),
    }


def instalment_of_home(row: Any, *, today: date) -> Shown:
    """Return an instalment with its home and contract, for the 360° page."""
    return instalment(row, today=today) | {name: getattr(row, name) for name in _WHERE}


def contract_payment(row: Any, *, buyers: Sequence[Any], seen: bool, today: date) -> Shown:
    """Return the fields of `ContractPaymentSummary`."""
    return instalment_of_home(row, today=today) | {"owners": [owner_ref(one, seen=seen) for one in buyers]}


def payment(row: Any) -> Shown:
    """Return the fields of `InstalmentPaymentRead`."""
    return {name: getattr(row, name) for name in InstalmentPaymentRead.model_fields}


def own_payment(row: Any) -> Shown:
    """Return a payment as the owner sees it."""
    return {name: getattr(row, name) for name in ("id", "amount_fen", "received_on", "reference")}


def reminder(row: Any) -> Shown:
    """Return the fields of `PaymentReminderRead`."""
    return {name: getattr(row, name) for name in PaymentReminderRead.model_fields}


def plan(row: Any | None, *, instalments: Sequence[Any], changes: Sequence[Any], today: date, **more: Any) -> Shown:
    """Return the fields of `PaymentPlanRead`; `more` are those of the contract and the caller."""
    received = sum(one.received_fen for one in instalments)
    return more | {
        "id": None if row is None else row.id,
        "price_fen": None if row is None else row.price_fen,
        "received_fen": received,
        "open_fen": sum(one.amount_fen for one in instalments) - received,
        "fixed_at": None if row is None else row.fixed_at,
        "instalments": [instalment(one, today=today) for one in instalments],
        "changes": [{name: getattr(one, name) for name in PaymentPlanChangeRead.model_fields} for one in changes],
        "version": 0 if row is None else row.version,
    }
