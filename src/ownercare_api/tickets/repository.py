"""Every SELECT of the ticket room. Statements are built once per shape and kept: the hot reads build nothing."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    any_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.types import Boolean, DateTime, Text, Uuid

from ownercare_api.core.hot import Driver, HotStatement
from ownercare_api.core.pagination import COUNT_CEILING
from ownercare_api.deadlines.models import Deadline
from ownercare_api.deadlines.views import DeadlineState, in_state
from ownercare_api.identity.models import Account
from ownercare_api.identity.principal import Principal, Reach
from ownercare_api.owners.models import Owner, OwnerPhone
from ownercare_api.properties.models import Project, Unit
from ownercare_api.tickets.models import RegisterEntry, Ticket, TicketFirm

Connection = AsyncConnection | AsyncSession
T = Ticket.__table__.c
D = Deadline.__table__.c

_PROJECTS = bindparam("reach_projects", type_=ARRAY(Uuid()))
_FIRMS = bindparam("reach_firms", type_=ARRAY(Uuid()))


def _within(reach_shape: tuple[bool, bool]) -> ColumnElement[bool]:
    """Return the visibility of a reach of (some projects, some firms): what the ticket room shows to whom."""
    projects, firms = reach_shape
    ways: list[ColumnElement[bool]] = []
    if projects:
        ways.append(T.project_id == any_(_PROJECTS))
    if firms:
        shared = TicketFirm.__table__.c
        ways.append(exists().where(shared.ticket_id == T.id, shared.firm_id == any_(_FIRMS)))
    return or_(*ways) if ways else literal(False)


def _reach_parameters(reach: Reach) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if not reach.everywhere:
        if reach.projects:
            found["reach_projects"] = list(reach.projects)
        if reach.firms:
            found["reach_firms"] = list(reach.firms)
    return found


def _reach_shape(reach: Reach) -> tuple[bool, bool] | None:
    return None if reach.everywhere else (bool(reach.projects), bool(reach.firms))


def visible_to(principal: Principal, *, scope: str = "tickets:read") -> ColumnElement[bool]:
    """Return the condition on `ticket` for what a caller may see, with its values bound; for the rooms above."""
    reach = principal.reach(scope)
    if reach.everywhere:
        return literal(True)
    shared = TicketFirm.__table__.c
    ways: list[ColumnElement[bool]] = [T.project_id.in_(list(reach.projects))]
    if reach.firms:
        ways.append(exists().where(shared.ticket_id == T.id, shared.firm_id.in_(list(reach.firms))))
    return or_(*ways)


_NOW = bindparam("now", type_=DateTime(timezone=True))
_state = case(
    *(
        (in_state(state, now=_NOW), text(f"'{state.value}'"))
        for state in DeadlineState
        if state is not DeadlineState.RUNNING
    ),
    else_=text(f"'{DeadlineState.RUNNING.value}'"),
)
_clocks = (
    select(
        func.coalesce(
            func.json_agg(
                aggregate_order_by(
                    func.json_build_object(
                        text("'id'"), D.id,
                        text("'kind'"), D.kind,
                        text("'round'"), D.round,
                        text("'rule'"), D.rule,
                        text("'started_at'"), D.started_at,
                        text("'due_at'"), D.due_at,
                        text("'original_due_at'"), D.original_due_at,
                        text("'stopped_at'"), D.stopped_at,
                        text("'state'"), _state,
                        text("'held_since'"), D.held_since,
                        text("'provisional'"), D.provisional,
                        text("'why'"), text("'/v1/deadlines/' || deadline.id"),
                    ),
                    D.id,
                )
            ),
            func.json_build_array(),
        )
    )
    .where(D.subject_id == T.id)
    .correlate(Ticket.__table__)
    .scalar_subquery()
)  # fmt: skip
_phone = (
    select(OwnerPhone.number_masked)
    .where(OwnerPhone.owner_id == T.owner_id, OwnerPhone.is_primary)
    .correlate(Ticket.__table__)
    .scalar_subquery()
)
_register_number = (
    select(RegisterEntry.number)
    .where(RegisterEntry.ticket_id == T.id)
    .order_by(RegisterEntry.id)
    .limit(1)
    .correlate(Ticket.__table__)
    .scalar_subquery()
)


def _object(**fields: Any) -> Any:
    """Return a JSON object of PostgreSQL's making; names are ours, never a caller's."""
    parts: list[Any] = []
    for name, value in fields.items():
        parts += [text(f"'{name}'"), value]
    return func.json_build_object(*parts)


def _brief(key: ColumnElement[Any], **fields: Any) -> Any:
    """Return an object for something that may be absent."""
    return case((key.is_not(None), _object(id=key, **fields)))


_SUMMARY: dict[str, Any] = {
    name: T[name]
    for name in (
        "id", "number", "status", "category", "domain", "channel", "title", "urgent", "department", "received_at",
        "created_at", "updated_at", "version",
    )
} | {
    "project": _object(id=T.project_id, name=Project.name),
    "unit": _brief(T.unit_id, address=Unit.address),
    "owner": _brief(T.owner_id, name=Owner.name, phone_masked=_phone),
    "handler": _brief(T.handler_id, name=Account.name),
    "deadlines": _clocks,
}  # fmt: skip
_FULL: dict[str, Any] = {
    name: T[name]
    for name in (
        "description", "demand", "claim_fen", "caller_name", "caller_phone_masked", "registered_by", "cause_class",
        "open_work", "round", "result", "held_at", "resolved_at", "owner_informed_at", "closed_at",
        "policy_snapshot_id",
    )
} | {"register_number": _register_number}  # fmt: skip
# What `views` needs beside the JSON, to add the caller's allowed actions.
_FACTS = [
    T.id, T.version, T.project_id, T.status, T.category, T.department, T.open_work, T.work_done,
    T.owner_informed_at.is_not(None).label("owner_informed"), T.held_at.is_not(None).label("held"),
    T.owner_id, Owner.restricted_at.is_not(None).label("restricted"),
]  # fmt: skip
_SOURCES = (
    Ticket.__table__.join(Project.__table__, Project.id == T.project_id)
    .outerjoin(Unit.__table__, Unit.id == T.unit_id)
    .outerjoin(Owner.__table__, Owner.id == T.owner_id)
    .outerjoin(Account.__table__, Account.id == T.handler_id)
)

_of_restricted = exists().where(Owner.id == T.owner_id, Owner.restricted_at.is_not(None)).correlate(Ticket.__table__)

FILTERS: Mapping[str, ColumnElement[bool]] = {
    "status": T.status == bindparam("status", type_=T.status.type),
    "category": T.category == bindparam("category", type_=T.category.type),
    "domain": T.domain == bindparam("domain", type_=T.domain.type),
    "channel": T.channel == bindparam("channel", type_=T.channel.type),
    "project_id": T.project_id == bindparam("project_id", type_=Uuid()),
    "unit_id": T.unit_id == bindparam("unit_id", type_=Uuid()),
    "owner_id": T.owner_id == bindparam("owner_id", type_=Uuid()),
    "handler_id": T.handler_id == bindparam("handler_id", type_=Uuid()),
    "department": T.department == bindparam("department", type_=Text()),
    "urgent": T.urgent == bindparam("urgent", type_=Boolean()),
    "received_from": T.received_at >= bindparam("received_from", type_=DateTime(timezone=True)),
    "received_before": T.received_at < bindparam("received_before", type_=DateTime(timezone=True)),
    "overdue": exists().where(D.subject_id == T.id, in_state(DeadlineState.OVERDUE, now=_NOW)),
    "q": or_(
        T.title.ilike(bindparam("q", type_=Text()), escape="\\"),
        T.number.ilike(bindparam("q", type_=Text()), escape="\\"),
        # The caller's name is masked where the owner's record is restricted; seeking it must not tell it.
        and_(T.caller_name.ilike(bindparam("q", type_=Text()), escape="\\"), ~_of_restricted),
        T.description.ilike(bindparam("q", type_=Text()), escape="\\"),
    ),
}
"""The filters of the list, by the name of the query parameter."""


@lru_cache(maxsize=512)
def _page_query(
    filters: frozenset[str], reach_shape: tuple[bool, bool] | None, after: bool, oldest_first: bool, size: int
) -> HotStatement:
    conditions = [FILTERS[name] for name in sorted(filters)]
    if reach_shape is not None:
        conditions.append(_within(reach_shape))
    if after:
        last = bindparam("after", type_=Uuid())
        conditions.append(T.id > last if oldest_first else T.id < last)
    order = T.id.asc() if oldest_first else T.id.desc()
    # The page is cut before anything is joined or aggregated. Its size is written out: with a parameter there, the
    # planner expects a tenth of the table, and so plans every run anew.
    page = select(T.id).where(and_(true(), *conditions)).order_by(order).limit(literal_column(str(size))).subquery()
    body = cast(_object(**_SUMMARY), Text()).label("body")
    return HotStatement(select(body, *_FACTS).select_from(_SOURCES.join(page, page.c.id == T.id)).order_by(order))


@lru_cache(maxsize=256)
def _count_query(filters: frozenset[str], reach_shape: tuple[bool, bool] | None) -> HotStatement:
    conditions = [FILTERS[name] for name in sorted(filters)]
    if reach_shape is not None:
        conditions.append(_within(reach_shape))
    matches = select(literal(1)).select_from(Ticket).where(and_(true(), *conditions))
    return HotStatement(select(func.count()).select_from(matches.limit(COUNT_CEILING + 1).subquery()))


@lru_cache(maxsize=8)
def _one_query(reach_shape: tuple[bool, bool] | None) -> HotStatement:
    body = cast(_object(**_SUMMARY, **_FULL), Text()).label("body")
    query = select(body, *_FACTS).select_from(_SOURCES).where(T.id == bindparam("ticket_id", type_=Uuid()))
    return HotStatement(query if reach_shape is None else query.where(_within(reach_shape)))


async def page(
    driver: Driver,
    *,
    filters: Mapping[str, Any],
    principal: Principal,
    limit: int,
    after: UUID | None,
    oldest_first: bool,
    now: datetime,
) -> list[Any]:
    """Return up to `limit + 1` records for `views`, in one statement."""
    reach = principal.reach("tickets:read")
    query = _page_query(frozenset(filters), _reach_shape(reach), after is not None, oldest_first, limit + 1)
    return await query.rows(driver, {**filters, **_reach_parameters(reach), "after": after, "now": now})


async def count(driver: Driver, *, filters: Mapping[str, Any], principal: Principal, now: datetime) -> int:
    """Return how many tickets match, up to one more than the ceiling."""
    reach = principal.reach("tickets:read")
    query = _count_query(frozenset(filters), _reach_shape(reach))
    return int((await query.rows(driver, {**filters, **_reach_parameters(reach), "now": now}))[0][0])


async def one(
    driver: Driver, *, ticket_id: UUID, principal: Principal, now: datetime, scope: str = "tickets:read"
) -> Any:
    """Return the record for `views`, or None where it is missing or not visible; one statement."""
    reach = principal.reach(scope)
    query = _one_query(_reach_shape(reach))
    found = await query.rows(driver, {"ticket_id": ticket_id, **_reach_parameters(reach), "now": now})
    return found[0] if found else None


async def lock(
    session: AsyncSession, *, ticket_id: UUID, principal: Principal, scope: str, for_update: bool
) -> Ticket | None:
    """Return a visible ticket, locked for change where asked."""
    query = select(Ticket).where(Ticket.id == ticket_id, visible_to(principal, scope=scope))
    if for_update:
        query = query.with_for_update(of=Ticket).execution_options(populate_existing=True)
    return await session.scalar(query)


R = RegisterEntry.__table__.c


async def register_page(
    connection: Connection,
    *,
    filters: Mapping[str, Any],
    principal: Principal,
    limit: int,
    after: UUID | None,
) -> Any:
    """Return up to `limit + 1` lines of the register, newest first."""
    query = select(
        *R, T.number.label("ticket_number"), T.owner_id, Owner.restricted_at.is_not(None).label("restricted")
    )
    query = query.join(Ticket.__table__, T.id == R.ticket_id).outerjoin(Owner.__table__, Owner.id == T.owner_id)
    query = query.where(visible_to(principal)).order_by(R.id.desc()).limit(limit + 1)
    for name, value in filters.items():
        if name == "received_from":
            query = query.where(R.received_at >= value)
        elif name == "received_before":
            query = query.where(R.received_at < value)
        else:
            query = query.where(R[name] == value)
    if after is not None:
        query = query.where(R.id < after)
    return (await connection.execute(query)).all()
