"""Every SELECT of the ledger: retention accounts and their positions, statements, entries, the trial balance."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.contractors.models import ConstructionContract, Firm
from ownercare_api.core.pagination import COUNT_CEILING
from ownercare_api.identity.principal import Principal
from ownercare_api.settlements.lifecycle import AccountStatus, SettlementStatus
from ownercare_api.settlements.models import FinalAccount, Settlement
from ownercare_api.settlements.models_ledger import (
    LedgerAccount,
    LedgerAccountKind,
    LedgerEntry,
    LedgerEntryKind,
    LedgerPosting,
)
from ownercare_api.settlements.models_release import RetentionRelease
from ownercare_api.settlements.repository_payee import with_payee
from ownercare_api.workorders.lifecycle import RepairClass
from ownercare_api.workorders.models import WorkOrder

Connection = AsyncConnection | AsyncSession
READ = "ledger:read"

L = LedgerAccount.__table__.c
E = LedgerEntry.__table__.c
P = LedgerPosting.__table__.c
R = RetentionRelease.__table__.c
_C = ConstructionContract.__table__.c
_DEBIT = LedgerAccount.__table__.alias("debit")
_CREDIT = LedgerAccount.__table__.alias("credit")

_RETENTION = (
    select(
        *L,
        _C.number.label("contract_number"),
        _C.title.label("contract_title"),
        _C.amount_fen.label("contract_amount_fen"),
        _C.retention_bp,
        Firm.name.label("firm_name"),
    )
    .join(ConstructionContract.__table__, _C.id == L.contract_id)
    .join(Firm, Firm.id == L.firm_id)
    .where(L.kind == LedgerAccountKind.RETENTION)
)


def _retention_visible_to(principal: Principal) -> ColumnElement[bool]:
    reach = principal.reach(READ)
    if reach.everywhere:
        return true()
    return or_(L.project_id.in_(list(reach.projects)), L.firm_id.in_(list(reach.firms)))


def _entries_visible_to(principal: Principal) -> ColumnElement[bool]:
    # Whole entries show both sides of a payment: they are for our own people, not for the firms in them.
    reach = principal.reach(READ)
    return true() if reach.everywhere else E.project_id.in_(list(reach.projects))


async def retention_of(connection: Connection, *, contract_id: UUID) -> UUID | None:
    """Return the retention account of a contract."""
    query = select(L.id).where(L.kind == LedgerAccountKind.RETENTION, L.contract_id == contract_id)
    return (await connection.execute(query)).scalar_one_or_none()


async def retention_account(connection: Connection, *, account_id: UUID, principal: Principal) -> Any:
    """Return the row of a visible retention account for `views_ledger.retention_account`."""
    query = _RETENTION.where(L.id == account_id, _retention_visible_to(principal))
    return (await connection.execute(query)).one_or_none()


async def retention_page(
    connection: Connection, *, filters: Mapping[str, Any], principal: Principal, limit: int, after: UUID | None
) -> Sequence[Any]:
    """Return up to `limit + 1` retention accounts, newest first; `filters` are equalities by column."""
    query = _RETENTION.where(_retention_visible_to(principal), *(L[name] == value for name, value in filters.items()))
    if after is not None:
        query = query.where(L.id < after)
    return (await connection.execute(query.order_by(L.id.desc()).limit(limit + 1))).all()


async def retention_count(connection: Connection, *, filters: Mapping[str, Any], principal: Principal) -> int:
    """Return how many retention accounts match, up to one more than the ceiling."""
    query = select(L.id).where(L.kind == LedgerAccountKind.RETENTION, _retention_visible_to(principal))
    return await _count(connection, query.where(*(L[name] == value for name, value in filters.items())))


async def positions(connection: Connection, *, contract_ids: Collection[UUID]) -> dict[UUID, Any]:
    """Return opening, deductions, claims and releases of contracts, reversals taken off; one statement (RPT-15)."""

    def total(condition: ColumnElement[bool]) -> ColumnElement[Any]:
        return func.coalesce(func.sum(case((condition, P.amount_fen), else_=0)), 0)

    from_retention = _DEBIT.c.kind == LedgerAccountKind.RETENTION
    to_retention = _CREDIT.c.kind == LedgerAccountKind.RETENTION
    opened = E.kind == LedgerEntryKind.RETENTION_OPENING
    reversed_ = E.kind == LedgerEntryKind.PAYMENT_REVERSAL
    claim = LedgerAccountKind.CONTRACTOR_CLAIM
    query = (
        select(
            E.contract_id,
            total(and_(to_retention, opened)).label("opening_fen"),
            (
                total(and_(from_retention, E.kind == LedgerEntryKind.SETTLEMENT_PAYMENT))
                - total(and_(to_retention, reversed_))
            ).label("deducted_fen"),
            (total(_DEBIT.c.kind == claim) - total(_CREDIT.c.kind == claim)).label("claimed_fen"),
            total(and_(from_retention, E.kind == LedgerEntryKind.RETENTION_RELEASE)).label("released_fen"),
        )
        .select_from(LedgerPosting)
        .join(LedgerEntry.__table__, E.id == P.entry_id)
        .join(_DEBIT, _DEBIT.c.id == P.debit_account_id)
        .join(_CREDIT, _CREDIT.c.id == P.credit_account_id)
        .where(E.contract_id.in_(list(contract_ids)))
        .group_by(E.contract_id)
    )
    return {row.contract_id: row for row in await connection.execute(query)}


async def statement(connection: Connection, *, account_id: UUID, limit: int, after: UUID | None) -> Sequence[Any]:
    """Return up to `limit + 1` postings of one account, newest first, each with the balance after it."""
    credited = P.credit_account_id == account_id
    query = (
        select(
            P.id,
            P.entry_id,
            E.kind,
            E.occurred_at,
            E.memo,
            E.settlement_id,
            Settlement.number.label("settlement_number"),
            case((credited, P.amount_fen), else_=-P.amount_fen).label("change_fen"),
            case((credited, P.credit_balance_fen), else_=P.debit_balance_fen).label("balance_fen"),
        )
        .join(LedgerEntry.__table__, E.id == P.entry_id)
        .outerjoin(Settlement, Settlement.id == E.settlement_id)
        .where(or_(credited, P.debit_account_id == account_id))
    )
    if after is not None:
        query = query.where(P.id < after)
    return (await connection.execute(query.order_by(P.id.desc()).limit(limit + 1))).all()


def _entries(filters: Mapping[str, Any], principal: Principal) -> Select[Any]:
    query = select(LedgerEntry.__table__).where(_entries_visible_to(principal))
    for name, value in filters.items():
        if name == "account_id":
            touched = select(P.entry_id).where(or_(P.debit_account_id == value, P.credit_account_id == value))
            query = query.where(E.id.in_(touched))
        else:
            query = query.where(E[name] == value)
    return query


async def entries_page(
    connection: Connection, *, filters: Mapping[str, Any], principal: Principal, limit: int, after: UUID | None
) -> Sequence[Any]:
    """Return up to `limit + 1` entries, newest first; `account_id` finds those that touch an account."""
    query = _entries(filters, principal)
    if after is not None:
        query = query.where(E.id < after)
    rows: Sequence[Any] = (await connection.execute(query.order_by(E.id.desc()).limit(limit + 1))).all()
    return rows


async def entries_count(connection: Connection, *, filters: Mapping[str, Any], principal: Principal) -> int:
    """Return how many entries match, up to one more than the ceiling."""
    return await _count(connection, _entries(filters, principal).with_only_columns(E.id))


async def postings_of(connection: Connection, *, entry_ids: Collection[UUID]) -> dict[UUID, list[Any]]:
    """Return the postings of some entries in order, with the codes and kinds of their accounts."""
    query = (
        select(
            LedgerPosting.__table__,
            _DEBIT.c.code.label("debit_code"),
            _DEBIT.c.kind.label("debit_kind"),
            _CREDIT.c.code.label("credit_code"),
            _CREDIT.c.kind.label("credit_kind"),
        )
        .join(_DEBIT, _DEBIT.c.id == P.debit_account_id)
        .join(_CREDIT, _CREDIT.c.id == P.credit_account_id)
        .where(P.entry_id.in_(list(entry_ids)))
        .order_by(P.entry_id, P.position)
    )
    found: dict[UUID, list[Any]] = defaultdict(list)
    for row in await connection.execute(query):
        found[row.entry_id].append(row)
    return found


async def balances(connection: Connection) -> Sequence[Any]:
    """Return every account with its stored balance and the sums of its postings, in one statement."""
    sides = (
        select(P.debit_account_id.label("account_id"), P.amount_fen.label("debit"), literal(0).label("credit"))
        .union_all(select(P.credit_account_id, literal(0), P.amount_fen))
        .subquery()
    )
    query = (
        select(
            L.id,
            L.code,
            L.kind,
            L.balance_fen,
            func.coalesce(func.sum(sides.c.debit), 0).label("debit_fen"),
            func.coalesce(func.sum(sides.c.credit), 0).label("credit_fen"),
        )
        .outerjoin(sides, sides.c.account_id == L.id)
        .group_by(L.id)
        .order_by(L.code)
    )
    return (await connection.execute(query)).all()


_RELEASES = with_payee(select(RetentionRelease.__table__), table=RetentionRelease.__table__)


async def release(connection: Connection, *, release_id: UUID, account_id: UUID) -> Any:
    """Return one release of a retention account."""
    query = _RELEASES.where(R.id == release_id, R.account_id == account_id)
    return (await connection.execute(query)).one_or_none()


async def releases_page(connection: Connection, *, account_id: UUID, limit: int, after: UUID | None) -> Sequence[Any]:
    """Return up to `limit + 1` releases of a retention account, newest first."""
    query = _RELEASES.where(R.account_id == account_id)
    if after is not None:
        query = query.where(R.id < after)
    rows: Sequence[Any] = (await connection.execute(query.order_by(R.id.desc()).limit(limit + 1))).all()
    return rows


async def open_deductions(connection: Connection, *, contract_id: UUID) -> int:
    """Return how many class A settlements of a contract are not booked, and filed accounts not settled (reading 12)."""
    unpaid = select(Settlement.id).where(
        Settlement.contract_id == contract_id,
        Settlement.kind == RepairClass.A,
        Settlement.status != SettlementStatus.PAID,
    )
    unsettled = (
        select(FinalAccount.id)
        .join(WorkOrder, WorkOrder.id == FinalAccount.work_order_id)
        .where(
            WorkOrder.contract_id == contract_id,
            WorkOrder.repair_class == RepairClass.A,
            FinalAccount.status != AccountStatus.SETTLED,
        )
    )
    both = unpaid.union_all(unsettled).subquery()
    return int((await connection.execute(select(func.count()).select_from(both))).scalar_one())


async def _count(connection: Connection, query: Select[Any]) -> int:
    matches = query.limit(COUNT_CEILING + 1).subquery()
    return int((await connection.execute(select(func.count()).select_from(matches))).scalar_one())
