"""Representations of retention accounts, ledger entries, the trial balance and releases, from rows."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from ownercare_api.identity.principal import Principal
from ownercare_api.settlements.lifecycle_release import RELEASE_LIFECYCLE, ReleaseFacts, ReleaseStatus
from ownercare_api.settlements.models_ledger import LedgerAccountKind
from ownercare_api.settlements.schemas_ledger import (
    LedgerEntryRead,
    PostingRead,
    ReleaseRead,
    RetentionAccountRead,
    StatementLineRead,
)
from ownercare_api.settlements.views_payee import payee_account, payee_facts

_POSITION = ("opening_fen", "deducted_fen", "released_fen", "claimed_fen")


def _fields(row: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names if hasattr(row, name)}


def retention_account(row: Any, *, position: Any | None) -> dict[str, Any]:
    """Return the fields of `RetentionAccountRead`; an account that nothing was posted to has no position row."""
    amounts = {name: 0 if position is None else int(getattr(position, name)) for name in _POSITION}
    return _fields(row, RetentionAccountRead.model_fields) | amounts


def statement_line(row: Any) -> dict[str, Any]:
    """Return the fields of `StatementLineRead`."""
    return _fields(row, StatementLineRead.model_fields)


def entry(row: Any, *, postings: Iterable[Any]) -> dict[str, Any]:
    """Return the fields of `LedgerEntryRead`."""
    shown = [_fields(posting, PostingRead.model_fields) for posting in postings]
    return _fields(row, LedgerEntryRead.model_fields) | {"postings": shown}


def trial_balance(rows: Sequence[Any]) -> dict[str, Any]:
    """Return the fields of `TrialBalanceRead` from the rows of `repository_ledger.balances`."""
    by_kind: dict[LedgerAccountKind, list[Any]] = defaultdict(list)
    for row in rows:
        by_kind[row.kind].append(row)
    lines = [
        {
            "kind": kind,
            "accounts": len(by_kind[kind]),
            "debit_fen": sum(int(row.debit_fen) for row in by_kind[kind]),
            "credit_fen": sum(int(row.credit_fen) for row in by_kind[kind]),
            "balance_fen": sum(row.balance_fen for row in by_kind[kind]),
        }
        for kind in LedgerAccountKind
        if kind in by_kind
    ]
    totals = {name: sum(line[name] for line in lines) for name in ("debit_fen", "credit_fen", "balance_fen")}
    wrong = [row.code for row in rows if row.credit_fen - row.debit_fen != row.balance_fen]
    balanced = not wrong and totals["balance_fen"] == 0 and totals["debit_fen"] == totals["credit_fen"]
    return {"lines": lines, **totals, "balanced": balanced, "disagreeing": wrong[:100]}


def release_facts(row: Any, *, open_deductions: int) -> ReleaseFacts:
    """Return what the guards look at, from a row of `repository_ledger.release`."""
    return ReleaseFacts(row.project_id, frozenset(row.makers), open_deductions, payee_facts(row))


def release(row: Any, *, open_deductions: int, principal: Principal) -> dict[str, Any]:
    """Return the fields of `ReleaseRead`."""
    facts = release_facts(row, open_deductions=open_deductions)

    def may(scope: str) -> bool:
        return principal.may(scope, project_id=row.project_id)

    actions = RELEASE_LIFECYCLE.allowed(status=row.status, subject=facts, actor=principal, may=may)
    account = payee_account(row, paid=row.status is ReleaseStatus.RELEASED, principal=principal)
    more = {"payee_account": account, "allowed_actions": actions, "deadlines": []}
    return _fields(row, ReleaseRead.model_fields) | more
