"""Every SELECT of final accounts and settlements; `repository_ledger` has those of the ledger."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.contractors.models import RepairTeam
from ownercare_api.core.pagination import COUNT_CEILING
from ownercare_api.identity.principal import Principal
from ownercare_api.settlements.lifecycle_parts import Part
from ownercare_api.settlements.models import (
    AccountHand,
    ContractorReply,
    DisputeResolution,
    FinalAccount,
    FinalAccountLine,
    Settlement,
)
from ownercare_api.settlements.repository_payee import with_payee
from ownercare_api.tickets.models import Ticket
from ownercare_api.workorders.models import WorkOrder

Connection = AsyncConnection | AsyncSession
READ = "settlements:read"

A = FinalAccount.__table__.c
S = Settlement.__table__.c
_H = AccountHand.__table__.c
_W = WorkOrder.__table__.c


def accounts_visible_to(principal: Principal) -> ColumnElement[bool]:
    """Return the condition on `final_account`: the caller's projects, or the property company's own."""
    reach = principal.reach(READ)
    if reach.everywhere:
        return true()
    return or_(A.project_id.in_(list(reach.projects)), A.firm_id.in_(list(reach.firms)))


def settlements_visible_to(principal: Principal) -> ColumnElement[bool]:
    """Return the condition on `settlement`: a contractor sees its own once it has been notified (FIN-07)."""
    reach = principal.reach(READ)
    if reach.everywhere:
        return true()
    firms = list(reach.firms)
    return or_(
        S.project_id.in_(list(reach.projects)),
        S.firm_id.in_(firms),
        and_(S.contractor_firm_id.in_(firms), S.notified_at.is_not(None)),
    )


def _hands(account_id: ColumnElement[Any]) -> ColumnElement[Any]:
    pairs = func.json_agg(func.json_build_array(_H.person_id, _H.part), type_=JSON)
    return (
        select(func.coalesce(pairs, func.json_build_array(), type_=JSON))
        .where(_H.account_id == account_id)
        .scalar_subquery()
    )


_ACCOUNTS = (
    select(
        *A,
        _W.number.label("work_order_number"),
        _W.estimate_fen,
        _W.approved_at.label("order_approved_at"),
        RepairTeam.captain_id,
        select(S.id).where(S.final_account_id == A.id).scalar_subquery().label("settlement_id"),
        _hands(A.id).label("hands"),
    )
    .join(WorkOrder.__table__, _W.id == A.work_order_id)
    .join(RepairTeam, RepairTeam.id == A.team_id)
)
_SETTLEMENTS = with_payee(
    select(
        *S,
        A.number.label("final_account_number"),
        A.department,
        A.audit_threshold_fen,
        _W.number.label("work_order_number"),
        _hands(S.final_account_id).label("hands"),
    )
    .join(FinalAccount.__table__, A.id == S.final_account_id)
    .join(WorkOrder.__table__, _W.id == S.work_order_id),
    table=Settlement.__table__,
)


async def account(connection: Connection, *, account_id: UUID, principal: Principal) -> Any:
    """Return the row for `views.final_account`, or None where it is missing or not visible."""
    query = _ACCOUNTS.where(A.id == account_id, accounts_visible_to(principal))
    return (await connection.execute(query)).one_or_none()


async def settlement(connection: Connection, *, settlement_id: UUID, principal: Principal | None) -> Any:
    """Return the row for `views.settlement`, or None; without a principal the system itself looks."""
    query = _SETTLEMENTS.where(S.id == settlement_id)
    if principal is not None:
        query = query.where(settlements_visible_to(principal))
    return (await connection.execute(query)).one_or_none()


async def lines(connection: Connection, *, account_id: UUID) -> Sequence[Any]:
    """Return the lines of an account in order."""
    table = FinalAccountLine.__table__
    query = select(table).where(table.c.account_id == account_id).order_by(table.c.position)
    return (await connection.execute(query)).all()


async def replies(connection: Connection, *, settlement_id: UUID) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return the contractor's answers and how disputes were settled, round by round."""
    answers, ends = ContractorReply.__table__, DisputeResolution.__table__
    said = await connection.execute(
        select(answers).where(answers.c.settlement_id == settlement_id).order_by(answers.c.round)
    )
    settled = await connection.execute(select(ends).where(ends.c.settlement_id == settlement_id).order_by(ends.c.round))
    return said.all(), settled.all()


def _filtered(query: Select[Any], *, table: Any, filters: Mapping[str, Any]) -> Select[Any]:
    return query.where(*(table[name] == value for name, value in filters.items()))


async def _page(
    connection: Connection, query: Select[Any], *, table: Any, limit: int, after: UUID | None
) -> Sequence[Any]:
    if after is not None:
        query = query.where(table.id < after)
    rows: Sequence[Any] = (await connection.execute(query.order_by(table.id.desc()).limit(limit + 1))).all()
    return rows


async def _count(connection: Connection, query: Select[Any]) -> int:
    matches = query.limit(COUNT_CEILING + 1).subquery()
    return int((await connection.execute(select(func.count()).select_from(matches))).scalar_one())


async def accounts_page(
    connection: Connection, *, filters: Mapping[str, Any], principal: Principal, limit: int, after: UUID | None
) -> Sequence[Any]:
    """Return up to `limit + 1` accounts, newest first; `filters` are equalities by column."""
    query = _filtered(_ACCOUNTS.where(accounts_visible_to(principal)), table=A, filters=filters)
    return await _page(connection, query, table=A, limit=limit, after=after)


async def accounts_count(connection: Connection, *, filters: Mapping[str, Any], principal: Principal) -> int:
    """Return how many accounts match, up to one more than the ceiling."""
    query = select(A.id).where(accounts_visible_to(principal))
    return await _count(connection, _filtered(query, table=A, filters=filters))


async def settlements_page(
    connection: Connection, *, filters: Mapping[str, Any], principal: Principal, limit: int, after: UUID | None
) -> Sequence[Any]:
    """Return up to `limit + 1` settlements, newest first; `filters` are equalities by column."""
    query = _filtered(_SETTLEMENTS.where(settlements_visible_to(principal)), table=S, filters=filters)
    return await _page(connection, query, table=S, limit=limit, after=after)


async def settlements_count(connection: Connection, *, filters: Mapping[str, Any], principal: Principal) -> int:
    """Return how many settlements match, up to one more than the ceiling."""
    query = select(S.id).where(settlements_visible_to(principal))
    return await _count(connection, _filtered(query, table=S, filters=filters))


async def lock_account(session: AsyncSession, *, account_id: UUID, principal: Principal | None) -> FinalAccount | None:
    """Return a visible account, locked for change; without a principal the system itself looks."""
    query = select(FinalAccount).where(FinalAccount.id == account_id)
    if principal is not None:
        query = query.where(accounts_visible_to(principal))
    return await session.scalar(query.with_for_update(of=FinalAccount).execution_options(populate_existing=True))


async def lock_settlement(session: AsyncSession, *, settlement_id: UUID, principal: Principal) -> Settlement | None:
    """Return a visible settlement, locked for change."""
    query = select(Settlement).where(Settlement.id == settlement_id, settlements_visible_to(principal))
    return await session.scalar(query.with_for_update(of=Settlement).execution_options(populate_existing=True))


async def account_of_order(connection: Connection, *, work_order_id: UUID) -> UUID | None:
    """Return the account filed for a work order."""
    return (await connection.execute(select(A.id).where(A.work_order_id == work_order_id))).scalar_one_or_none()


async def estimates_replaced(connection: Connection, *, ticket_id: UUID, but: UUID) -> int:
    """Return how much the ticket's filed accounts, all `but` one, lie above their orders' estimates, in fen."""
    query = (
        select(func.coalesce(func.sum(A.total_fen - _W.estimate_fen), 0))
        .select_from(FinalAccount)
        .join(WorkOrder.__table__, _W.id == A.work_order_id)
        .where(A.ticket_id == ticket_id, A.id != but)
    )
    return int((await connection.execute(query)).scalar_one())


async def lock_ticket(session: AsyncSession, *, ticket_id: UUID) -> None:
    """Lock a ticket before its orders and accounts, as raising does: the total holds still."""
    await session.execute(select(Ticket.id).where(Ticket.id == ticket_id).with_for_update(key_share=True))


async def account_ticket(connection: Connection, *, account_id: UUID, principal: Principal) -> UUID | None:
    """Return the ticket of a visible account."""
    query = select(A.ticket_id).where(A.id == account_id, accounts_visible_to(principal))
    return (await connection.execute(query)).scalar_one_or_none()


async def hands(session: AsyncSession, *, account_id: UUID, parts: Collection[Part]) -> dict[UUID, str]:
    """Return who had one of these parts in an account, and which."""
    query = select(_H.person_id, _H.part).where(_H.account_id == account_id, _H.part.in_(list(parts)))
    return {row.person_id: Part(row.part).value for row in await session.execute(query)}


async def add_hand(session: AsyncSession, *, account_id: UUID, person_id: UUID, part: Part) -> None:
    """Remember that a person had a part in it; a second time changes nothing."""
    await session.execute(
        insert(AccountHand).values(account_id=account_id, person_id=person_id, part=part).on_conflict_do_nothing()
    )
