"""Representations of final accounts and settlements from rows: plain dictionaries with the fields of `schemas`."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from ownercare_api.core.money import capital_amount
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.deadlines.views import DeadlineRead, DeadlineState
from ownercare_api.identity.principal import Principal
from ownercare_api.settlements.lifecycle import (
    ACCOUNT_LIFECYCLE,
    SETTLEMENT_LIFECYCLE,
    AccountFacts,
    SettlementFacts,
    SettlementStatus,
)
from ownercare_api.settlements.lifecycle_parts import FOR_FIRMS, Part
from ownercare_api.settlements.schemas import (
    AccountLineRead,
    DisputeResolutionRead,
    FinalAccountRead,
    FinalAccountSummary,
    ReplyRead,
    SettlementRead,
    SettlementSummary,
)
from ownercare_api.settlements.views_payee import payee_account, payee_facts

Clocks = Mapping[UUID, Sequence[DeadlineRead]]


def _hands(pairs: Iterable[tuple[str, str]]) -> Mapping[UUID, set[Part]]:
    found: dict[UUID, set[Part]] = defaultdict(set)
    for person, part in pairs:
        found[UUID(person)].add(Part(part))
    return found


def account_facts(row: Any) -> AccountFacts:
    """Return what the guards look at, from a row of `repository.account`."""
    return AccountFacts(
        project_id=row.project_id,
        firm_id=row.firm_id,
        captain_id=row.captain_id,
        department=row.department,
        order_approved=row.order_approved_at is not None,
        hands=_hands(row.hands),
    )


def settlement_facts(row: Any, clocks: Sequence[DeadlineRead]) -> SettlementFacts:
    """Return what the guards look at, from a row of `repository.settlement` and its clocks as they stand now."""
    over = {clock.kind for clock in clocks if clock.state is DeadlineState.OVERDUE}
    return SettlementFacts(
        project_id=row.project_id,
        status=row.status,
        kind=row.kind,
        contractor_firm_id=row.contractor_firm_id,
        contractor_share_fen=row.contractor_share_fen,
        department=row.department,
        audit_threshold_fen=row.audit_threshold_fen,
        confirmation_over=ClockKind.CONTRACTOR_CONFIRMATION in over,
        reminder_over=ClockKind.CONTRACTOR_REMINDER in over,
        payers=frozenset(row.payers or ()),
        payee=payee_facts(row),
        hands=_hands(row.hands),
    )


def _columns(row: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names if hasattr(row, name)}


def _lines(rows: Iterable[Any]) -> list[dict[str, Any]]:
    return [_columns(row, AccountLineRead.model_fields) | {"quantity": _plain(row.quantity)} for row in rows]


def _plain(quantity: Decimal) -> str:
    return f"{quantity:f}".rstrip("0").rstrip(".")


def account_summary(row: Any, *, principal: Principal, clocks: Clocks) -> dict[str, Any]:
    """Return the fields of `FinalAccountSummary`."""

    def may(scope: str) -> bool:
        return principal.may(scope, project_id=row.project_id, firm_ids=[row.firm_id] if scope in FOR_FIRMS else [])

    return _columns(row, FinalAccountSummary.model_fields) | {
        "allowed_actions": ACCOUNT_LIFECYCLE.allowed(
            status=row.status, subject=account_facts(row), actor=principal, may=may
        ),
        "deadlines": [] if row.approval_id is None else clocks.get(row.approval_id, []),
    }


def account_full(row: Any, *, lines: Iterable[Any], principal: Principal, clocks: Clocks) -> dict[str, Any]:
    """Return the fields of `FinalAccountRead`."""
    full = _columns(row, FinalAccountRead.model_fields)
    full |= {"total_capital": capital_amount(row.total_fen), "lines": _lines(lines)}
    return full | account_summary(row, principal=principal, clocks=clocks)


def settlement_summary(row: Any, *, principal: Principal, clocks: Clocks) -> dict[str, Any]:
    """Return the fields of `SettlementSummary`."""
    own = clocks.get(row.id, [])

    def may(scope: str) -> bool:
        firm_ids = [row.firm_id, row.contractor_firm_id] if scope in FOR_FIRMS else []
        return principal.may(scope, project_id=row.project_id, firm_ids=firm_ids)

    return _columns(row, SettlementSummary.model_fields) | {
        "company_share_fen": row.amount_fen - row.contractor_share_fen,
        "allowed_actions": SETTLEMENT_LIFECYCLE.allowed(
            status=row.status, subject=settlement_facts(row, own), actor=principal, may=may
        ),
        "deadlines": own,
    }


def settlement_full(
    row: Any,
    *,
    lines: Iterable[Any],
    replies: Iterable[Any],
    resolutions: Iterable[Any],
    principal: Principal,
    clocks: Clocks,
) -> dict[str, Any]:
    """Return the fields of `SettlementRead`."""
    full = _columns(row, SettlementRead.model_fields)
    full |= {
        "amount_capital": capital_amount(row.amount_fen),
        "lines": _lines(lines),
        "replies": [_columns(reply, ReplyRead.model_fields) for reply in replies],
        "resolutions": [_columns(end, DisputeResolutionRead.model_fields) for end in resolutions],
        "payee_account": payee_account(row, paid=row.status is SettlementStatus.PAID, principal=principal),
    }
    return full | settlement_summary(row, principal=principal, clocks=clocks)
