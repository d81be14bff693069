"""Every SELECT of the ticket room. Statements are built once per shape and kept: the hot reads build nothing."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, any_, bindparam, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.types import Boolean, DateTime, Text, Uuid

from ownercare_api.core.pagination import COUNT_CEILING
from ownercare_api.deadlines.models import Deadline
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


# One JSON value per ticket keeps a page at one statement; `views` adds the state at the asked instant.
_clocks = (
    select(
        func.coalesce(
            func.json_agg(
                aggregate_order_by(
                    func.json_build_object(
                        "id", D.id,
                        "kind", D.kind,
                        "round", D.round,
                        "rule", D.rule,
                        "started_at", D.started_at,
                        "due_at", D.due_at,
                        "original_due_at", D.original_due_at,
                        "stopped_at", D.stopped_at,
                        "cancelled_at", D.cancelled_at,
                        "provisional", D.provisional,
                    ),
                    D.id,
                )
            ),
            func.json_build_array(),
        )
    )
    .where(D.subject_id == T.id)
    .scalar_subquery()
    .label("clocks")
)  # fmt: skip
_phone = (
    select(OwnerPhone.number_masked)
    .where(OwnerPhone.owner_id == T.owner_id, OwnerPhone.is_primary)
    .scalar_subquery()
    .label("owner_phone")
)
_register_number = (
    select(RegisterEntry.number)
    .where(RegisterEntry.ticket_id == T.id)
    .order_by(RegisterEntry.id)
    .limit(1)
    .scalar_subquery()
    .label("register_number")
)
_JOINED = [
    Project.name.label("project_name"),
    Unit.address.label("unit_address"),
    Owner.name.label("owner_name"),
    _phone,
    Account.name.label("handler_name"),
    _clocks,
]
_LISTED = [
    T.id, T.number, T.status, T.category, T.domain, T.channel, T.title, T.urgent, T.project_id, T.unit_id, T.owner_id,
    T.department, T.handler_id, T.received_at, T.created_at, T.updated_at, T.version, T.open_work, T.work_done,
    T.owner_informed_at, T.held_at,
]  # fmt: skip
_SOURCES = (
    Ticket.__table__.join(Project.__table__, Project.id == T.project_id)
    .outerjoin(Unit.__table__, Unit.id == T.unit_id)
    .outerjoin(Owner.__table__, Owner.id == T.owner_id)
    .outerjoin(Account.__table__, Account.id == T.handler_id)
)

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
    "overdue": exists().where(
        D.subject_id == T.id,
        D.stopped_at.is_(None),
        D.cancelled_at.is_(None),
        D.due_at < bindparam("now", type_=DateTime(timezone=True)),
    ),
    "q": or_(
        T.title.ilike(bindparam("q", type_=Text()), escape="\\"),
        T.number.ilike(bindparam("q", type_=Text()), escape="\\"),
        T.caller_name.ilike(bindparam("q", type_=Text()), escape="\\"),
        T.description.ilike(bindparam("q", type_=Text()), escape="\\"),
    ),
}
"""The filters of the list, by the name of the query parameter."""


@lru_cache(maxsize=512)
def _page_query(
    filters: frozenset[str], reach_shape: tuple[bool, bool] | None, after: bool, oldest_first: bool
) -> Select[Any]:
    conditions = [FILTERS[name] for name in filters]
    if reach_shape is not None:
        conditions.append(_within(reach_shape))
    if after:
        last = bindparam("after", type_=Uuid())
        conditions.append(T.id > last if oldest_first else T.id < last)
    order = T.id.asc() if oldest_first else T.id.desc()
    # The page is cut before anything is joined or aggregated.
    page = select(T.id).where(and_(True, *conditions)).order_by(order).limit(bindparam("size")).subquery()
    outer_order = T.id.asc() if oldest_first else T.id.desc()
    return select(*_LISTED, *_JOINED).select_from(_SOURCES.join(page, page.c.id == T.id)).order_by(outer_order)


@lru_cache(maxsize=256)
def _count_query(filters: frozenset[str], reach_shape: tuple[bool, bool] | None) -> Select[Any]:
    conditions = [FILTERS[name] for name in filters]
    if reach_shape is not None:
        conditions.append(_within(reach_shape))
    matches = select(literal(1)).select_from(Ticket).where(and_(True, *conditions)).limit(COUNT_CEILING + 1).subquery()
    return select(func.count()).select_from(matches)


@lru_cache(maxsize=8)
def _one_query(reach_shape: tuple[bool, bool] | None) -> Select[Any]:
    columns = [*T, *_JOINED, _register_number]
    query = select(*columns).select_from(_SOURCES).where(T.id == bindparam("ticket_id", type_=Uuid()))
    return query if reach_shape is None else query.where(_within(reach_shape))


async def page(
    connection: Connection,
    *,
    filters: Mapping[str, Any],
    principal: Principal,
    limit: int,
    after: UUID | None,
    oldest_first: bool,
    now: datetime,
) -> Any:
    """Return up to `limit + 1` rows for `views.summary`, in one statement."""
    reach = principal.reach("tickets:read")
    parameters = {**filters, **_reach_parameters(reach), "size": limit + 1}
    if after is not None:
        parameters["after"] = after
    if "overdue" in filters:
        parameters["now"] = now
    names = frozenset(filters)
    return (
        await connection.execute(_page_query(names, _reach_shape(reach), after is not None, oldest_first), parameters)
    ).all()


async def count(connection: Connection, *, filters: Mapping[str, Any], principal: Principal, now: datetime) -> int:
    """Return how many tickets match, up to one more than the ceiling."""
    reach = principal.reach("tickets:read")
    parameters = {**filters, **_reach_parameters(reach)} | ({"now": now} if "overdue" in filters else {})
    return int(
        (await connection.execute(_count_query(frozenset(filters), _reach_shape(reach)), parameters)).scalar_one()
    )


async def one(connection: Connection, *, ticket_id: UUID, principal: Principal, scope: str = "tickets:read") -> Any:
    """Return the row for `views.full`, or None where it is missing or not visible; one statement."""
    reach = principal.reach(scope)
    parameters = {"ticket_id": ticket_id, **_reach_parameters(reach)}
    return (await connection.execute(_one_query(_reach_shape(reach)), parameters)).one_or_none()


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
    query = select(*R, T.number.label("ticket_number")).join(Ticket.__table__, T.id == R.ticket_id)
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
