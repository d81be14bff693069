"""Every SELECT of the approval room."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, ScalarSelect, Select, and_, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.approvals.chain import scope_of
from ownercare_api.approvals.models import Approval, ApprovalMaker, ApprovalStatus, ApprovalStep, Tier
from ownercare_api.identity.principal import Principal, PrincipalKind

Connection = AsyncConnection | AsyncSession
A, S, M = Approval.__table__.c, ApprovalStep.__table__.c, ApprovalMaker.__table__.c


def visible_to(principal: Principal, *, scope: str) -> ColumnElement[bool]:
    """Return the condition on `approval` for what a caller may see: partner firms see none."""
    reach = principal.reach(scope)
    return literal(True) if reach.everywhere else A.project_id.in_(list(reach.projects))


async def lock_visible(
    session: AsyncSession, *, approval_id: UUID, principal: Principal, scope: str
) -> Approval | None:
    """Return a visible request, locked for change."""
    query = select(Approval).where(A.id == approval_id, visible_to(principal, scope=scope))
    return await session.scalar(query.with_for_update().execution_options(populate_existing=True))


async def lock_pending(session: AsyncSession, *, subject_id: UUID) -> Approval | None:
    """Return the pending request about a subject, locked for change; there is at most one."""
    query = select(Approval).where(A.subject_id == subject_id, A.status == ApprovalStatus.PENDING)
    return await session.scalar(query.with_for_update().execution_options(populate_existing=True))


async def steps(session: AsyncSession, *, approval_id: UUID) -> list[ApprovalStep]:
    """Return the seats of a request in order."""
    query = select(ApprovalStep).where(S.approval_id == approval_id).order_by(S.position)
    return list(await session.scalars(query.execution_options(populate_existing=True)))


async def makers(session: AsyncSession, *, approval_id: UUID) -> list[ApprovalMaker]:
    """Return the people whose work a request is about."""
    return list(await session.scalars(select(ApprovalMaker).where(M.approval_id == approval_id)))


def _gathered(value: Any, *, order: Any, of: Any) -> ScalarSelect[Any]:
    """Return a JSON list per request, so that a page is one statement."""
    gathered = func.coalesce(func.json_agg(aggregate_order_by(value, order)), func.json_build_array())
    return select(gathered).where(of == A.id).scalar_subquery()


_STEPS = _gathered(
    func.json_build_object(
        "position", S.position,
        "kind", S.kind,
        "tier", S.tier,
        "decision", S.decision,
        "comment", S.comment,
        "decided_by", S.decided_by,
        "decided_by_name", S.decided_by_name,
        "decided_at", S.decided_at,
    ),
    order=S.position,
    of=S.approval_id,
)  # fmt: skip
_MAKERS = _gathered(func.json_build_object("id", M.account_id, "part", M.part), order=M.account_id, of=M.approval_id)
_TURN = (
    select(S.tier)
    .where(S.approval_id == A.id, S.decision.is_(None))
    .order_by(S.position)
    .limit(1)
    .correlate(Approval.__table__)
    .scalar_subquery()
)


def everything() -> Select[Any]:
    """Return the query of requests with their seats and makers, as `views` shows them."""
    return select(*A, _STEPS.label("steps"), _MAKERS.label("makers"))


def turn_is(tier: Tier) -> ColumnElement[bool]:
    """Return the condition that a tier decides now."""
    return and_(A.status == ApprovalStatus.PENDING, _TURN.in_([tier]))


def decidable_by(principal: Principal) -> ColumnElement[bool]:
    """Return the condition that a caller may decide now: `Chain.check` as SQL, so that a list can be cut in pages."""
    if principal.kind is not PrincipalKind.STAFF:
        return literal(False)
    seats = [
        and_(turn_is(tier), _seated(principal, scope=scope_of(tier)))
        for tier in Tier
        if scope_of(tier) in principal.scopes
    ]
    return and_(or_(literal(False), *seats), ~_involved(principal.id))


def _seated(principal: Principal, *, scope: str) -> ColumnElement[bool]:
    """Return the condition that a scope is held here, by a grant of one's own or lent by people not involved."""
    own: list[ColumnElement[bool]] = []
    lent: list[ColumnElement[bool]] = []
    barred: list[ColumnElement[bool]] = []
    for grant in principal.grants:
        if scope not in grant.scopes:
            continue
        here = literal(True) if grant.reach.everywhere else A.project_id.in_(list(grant.reach.projects))
        if grant.lent_by is None:
            own.append(here)
        else:
            lent.append(here)
            barred.append(and_(here, _involved(grant.lent_by)))
    return or_(literal(False), *own, and_(or_(literal(False), *lent), ~or_(literal(False), *barred)))


def _involved(person: UUID) -> ColumnElement[bool]:
    made = exists().where(M.approval_id == A.id, M.account_id == person)
    decided = exists().where(S.approval_id == A.id, S.decided_by == person)
    return or_(made, decided)


async def one(connection: Connection, *, approval_id: UUID, principal: Principal, scope: str) -> Row[Any] | None:
    """Return a visible request for `views.show`."""
    query = everything().where(A.id == approval_id, visible_to(principal, scope=scope))
    row: Row[Any] | None = (await connection.execute(query)).one_or_none()
    return row


def filtered(
    *, principal: Principal, scope: str, filters: dict[str, Any], tier: Tier | None, mine: bool
) -> Select[Any]:
    """Return the query of the visible requests; `filters` are equalities by column name."""
    query = everything().where(visible_to(principal, scope=scope))
    query = query.where(*(A[name] == value for name, value in filters.items()))
    if tier is not None:
        query = query.where(turn_is(tier))
    return query.where(decidable_by(principal)) if mine else query
