"""Every SELECT of the worklist, of the years on file, and of the clocks that a year concerns."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Row, Select, SelectBase, and_, cast, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.clock import SHANGHAI
from ownercare_api.core.listing import count_up_to_ceiling
from ownercare_api.core.pagination import Page, PageRequest, cut
from ownercare_api.deadlines.models import CalendarDay, CalendarYear, ClockKind, Deadline, Hold
from ownercare_api.deadlines.views import COLUMNS, DeadlineState, in_state
from ownercare_api.identity.principal import Principal

Connection = AsyncConnection | AsyncSession

ITEM: list[Any] = [*COLUMNS, Deadline.subject_kind, Deadline.subject_id, Deadline.ticket_id, Deadline.project_id]
"""The columns of `schemas.DeadlineItem`."""
_OPEN = and_(Deadline.stopped_at.is_(None), Deadline.cancelled_at.is_(None))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the deadline room must know of the rooms above; the composition root plugs it in."""

    tickets_of_firms: Callable[[Collection[UUID]], SelectBase]
    """Ids of the tickets that are shared with some firms (OWN-07)."""


def visible_to(query: Select[Any], *, principal: Principal, surroundings: Surroundings) -> Select[Any]:
    """Return a query on `deadline` cut to what the caller may see: the clocks of the projects whose tickets it may
    read; for partner firms those of the tickets that were shared with them, our approvals left out."""
    reach = principal.reach("tickets:read")
    if reach.everywhere:
        return query
    ways: list[ColumnElement[bool]] = [Deadline.project_id.in_(list(reach.projects))]
    if reach.firms:
        shared = Deadline.ticket_id.in_(surroundings.tickets_of_firms(reach.firms))
        ways.append(and_(shared, Deadline.kind != ClockKind.APPROVAL))
    return query.where(or_(*ways))


@dataclass(frozen=True, slots=True)
class Filters:
    """What the worklist is asked for; None: anything."""

    state: DeadlineState | None = None
    kind: ClockKind | None = None
    project_id: UUID | None = None
    ticket_id: UUID | None = None
    due_before: datetime | None = None
    provisional: bool | None = None

    @property
    def by_due_time(self) -> bool:
        """Say whether the list is work to be done, soonest first; otherwise it is history, newest first."""
        return self.state in (DeadlineState.RUNNING, DeadlineState.OVERDUE)

    def conditions(self, *, now: datetime) -> list[ColumnElement[bool]]:
        """Return the conditions on `deadline`."""
        wanted = {
            Deadline.kind: self.kind,
            Deadline.project_id: self.project_id,
            Deadline.ticket_id: self.ticket_id,
            Deadline.provisional: self.provisional,
        }
        found: list[ColumnElement[bool]] = [column == value for column, value in wanted.items() if value is not None]
        if self.state is not None:
            found.append(in_state(self.state, now=now))
        if self.due_before is not None:
            found.append(Deadline.due_at < self.due_before)
        return found


async def page(
    connection: Connection,
    *,
    filters: Filters,
    wanted: PageRequest,
    principal: Principal,
    surroundings: Surroundings,
    now: datetime,
) -> Page[Row[Any]]:
    """Return a page of the worklist, counted where asked."""
    query = select(*ITEM).where(*filters.conditions(now=now))
    query = visible_to(query, principal=principal, surroundings=surroundings)
    total = await count_up_to_ceiling(connection, query) if wanted.include_total else None
    if filters.by_due_time:
        if wanted.after is not None:
            last = datetime.fromisoformat(wanted.after[0]), wanted.after[1]
            query = query.where(tuple_(Deadline.due_at, Deadline.id) > tuple_(*map(literal, last)))
        query = query.order_by(Deadline.due_at, Deadline.id)
    else:
        if wanted.after is not None:
            query = query.where(Deadline.id < wanted.after[1])
        query = query.order_by(Deadline.id.desc())
    rows = (await connection.execute(query.limit(wanted.limit + 1))).all()
    return cut(rows, limit=wanted.limit, key=lambda row: (row.due_at.isoformat(), row.id), total=total)


async def one(
    connection: Connection, *, deadline_id: UUID, principal: Principal, surroundings: Surroundings
) -> Row[Any] | None:
    """Return a visible clock with all of its columns."""
    query: Select[Any] = select(Deadline.__table__).where(Deadline.id == deadline_id)
    query = visible_to(query, principal=principal, surroundings=surroundings)
    row: Row[Any] | None = (await connection.execute(query)).one_or_none()
    return row


async def holds(connection: Connection, *, subject_id: UUID) -> Sequence[Row[Any]]:
    """Return a subject's holds, oldest first."""
    columns: list[Any] = [Hold.started_at, Hold.ended_at, Hold.reason]
    query = select(*columns).where(Hold.subject_id == subject_id).order_by(Hold.started_at)
    return (await connection.execute(query)).all()


async def years(connection: Connection) -> Sequence[Row[Any]]:
    """Return the years on file, newest first."""
    return (await connection.execute(select(CalendarYear.__table__).order_by(CalendarYear.year.desc()))).all()


async def year(connection: Connection, *, number: int) -> Row[Any] | None:
    """Return a year on file."""
    query = select(CalendarYear.__table__).where(CalendarYear.year == number)
    row: Row[Any] | None = (await connection.execute(query)).one_or_none()
    return row


async def days(connection: Connection, *, number: int) -> Sequence[Row[Any]]:
    """Return the days of a year on file."""
    query = select(CalendarDay.__table__).where(CalendarDay.day.between(date(number, 1, 1), date(number, 12, 31)))
    return (await connection.execute(query.order_by(CalendarDay.day))).all()


async def concerned_by_year(connection: Connection, *, year: int, after: UUID | None, limit: int) -> Sequence[UUID]:
    """Return open clocks, in order of id, that are provisional and touch a year, or whose next rung lies in it."""
    begins, ends = datetime(year, 1, 1, tzinfo=SHANGHAI), datetime(year + 1, 1, 1, tzinfo=SHANGHAI)
    touching = and_(Deadline.provisional, Deadline.started_at < ends, Deadline.due_at >= begins)
    query = select(Deadline.id).where(_OPEN, or_(touching, Deadline.next_alert_at >= begins))
    if after is not None:
        query = query.where(Deadline.id > after)
    return (await connection.execute(query.order_by(Deadline.id).limit(limit))).scalars().all()


async def needlessly_provisional(connection: Connection, *, limit: int) -> Sequence[UUID]:
    """Return open clocks that are marked provisional although every year they touch is official."""
    first, last = _year_of(Deadline.started_at), _year_of(Deadline.due_at)
    official = (
        select(func.count())
        .select_from(CalendarYear)
        .where(~CalendarYear.provisional, CalendarYear.year.between(first, last))
        .correlate(Deadline)
        .scalar_subquery()
    )
    settled = official == last - first + 1
    query = select(Deadline.id).where(_OPEN, Deadline.provisional, settled).order_by(Deadline.id).limit(limit)
    return (await connection.execute(query)).scalars().all()


def _year_of(instant: Any) -> ColumnElement[int]:
    return cast(func.extract("year", func.timezone("Asia/Shanghai", instant)), Integer)
