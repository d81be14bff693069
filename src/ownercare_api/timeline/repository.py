"""Every SELECT over the events."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Text, cast, false, func, literal, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.identity.principal import Principal
from ownercare_api.timeline.models import Event, Xid8

Connection = AsyncConnection | AsyncSession
E = Event.__table__.c

COLUMNS = (
    E.seq,
    E.id,
    E.kind,
    E.subject_kind,
    E.subject_id,
    E.ticket_id,
    E.project_id,
    E.actor_kind,
    E.actor_id,
    E.actor_name,
    E.occurred_at,
    E.rules,
    E.data,
)
"""What a representation is made of."""

UNTOLD = ("audit.read",)
"""Kinds of events that are for auditors only."""


async def history(
    connection: Connection, *, ticket_id: UUID, firms: Collection[UUID] | None, after: int | None, limit: int
) -> list[Any]:
    """Return up to `limit + 1` events of a case, oldest first, after a sequence number."""
    query = select(*COLUMNS).where(E.ticket_id == ticket_id).order_by(E.seq).limit(limit + 1)
    if firms is not None:
        query = query.where(E.firm_id.in_(list(firms)))
    if after is not None:
        query = query.where(E.seq > after)
    return list((await connection.execute(query)).all())


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order of transactions: everything up to it has been read."""

    xid: int
    seq: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Events after a position, and where to read on."""

    rows: list[Any]
    has_more: bool
    next: Position


async def changes(
    connection: Connection, *, principal: Principal, after: Position | None, kinds: Collection[str], limit: int
) -> Changes:
    """Return the events that a caller may see, in the order of their transactions, none skipped; one statement.

    Sequence numbers alone would skip: a transaction that drew a low number may commit after a reader has passed it.
    So only events of transactions below the oldest one that is still open are shown, in the order (transaction,
    number): later commits can only come after them. A long transaction delays the feed and loses nothing.
    """
    horizon = select(func.audit_horizon(type_=Xid8()).label("xid")).cte("horizon")
    place = tuple_(E.xid, E.seq)
    seen = _visible_to(principal), E.kind.not_in(UNTOLD)
    matches = select(*COLUMNS, E.xid).where(E.xid < horizon.c.xid, *seen).order_by(E.xid, E.seq)
    if after is not None:
        start = cast(literal(str(after.xid), Text), Xid8())
        matches = matches.where(place > tuple_(start, literal(after.seq, BigInteger)))
    if kinds:
        matches = matches.where(E.kind.in_(list(kinds)))
    found = matches.limit(limit + 1).lateral("found")
    columns = [column for column in found.c if column.name != "xid"]
    query = (
        select(cast(horizon.c.xid, Text).label("horizon"), cast(found.c.xid, Text).label("xid"), *columns)
        .select_from(horizon.outerjoin(found, true()))
        .order_by(found.c.xid, found.c.seq)
    )
    rows = (await connection.execute(query)).all()
    events = [row for row in rows if row.seq is not None]
    if len(events) > limit:
        last = events[limit - 1]
        return Changes(events[:limit], True, Position(int(last.xid), last.seq))
    # All that lies below the horizon has been read, so the next reader need not pass over it again.
    end = Position(int(rows[0].horizon), 0)
    if after is not None and (after.xid, after.seq) > (end.xid, end.seq):
        end = after
    return Changes(events, False, end)


def _visible_to(principal: Principal) -> ColumnElement[bool]:
    reach = principal.reach("changes:read")
    if reach.everywhere:
        return true()
    ways: list[ColumnElement[bool]] = []
    if reach.projects:
        ways.append(E.project_id.in_(list(reach.projects)))
    if reach.firms:
        ways.append(E.firm_id.in_(list(reach.firms)))
    return or_(*ways) if ways else false()
