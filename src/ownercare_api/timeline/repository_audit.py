"""Every SELECT over the audit trail, for auditors."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.listing import count_up_to_ceiling
from ownercare_api.core.pagination import Page, PageRequest, cut
from ownercare_api.identity.models import Account, ApiClient
from ownercare_api.identity.principal import Principal
from ownercare_api.timeline.models import Event, Xid8
from ownercare_api.timeline.models_audit import AuditCheckpoint, AuditLink, AuditVerification, Denial
from ownercare_api.timeline.repository import COLUMNS

Connection = AsyncConnection | AsyncSession
E = Event.__table__.c
D = Denial.__table__.c
L = AuditLink.__table__.c
C = AuditCheckpoint.__table__.c

SCOPE = "audit:read"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters; None: whatever it is."""

    equal: dict[str, Any]
    """By column."""
    begin: datetime | None = None
    end: datetime | None = None


def _conditions(columns: Any, instant: ColumnElement[datetime], wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        columns[name] == value for name, value in wanted.equal.items() if value is not None
    ]
    if wanted.begin is not None:
        found.append(instant >= wanted.begin)
    if wanted.end is not None:
        found.append(instant < wanted.end)
    return found


def _visible(principal: Principal, project: ColumnElement[Any]) -> ColumnElement[bool]:
    """What lies in the projects of one's reach; what belongs to no project is for those who see everything."""
    reach = principal.reach(SCOPE)
    return true() if reach.everywhere else project.in_(list(reach.projects))


def _sealed(stream: str, seq: ColumnElement[Any]) -> tuple[Any, Any]:
    """Return the link of a row, and when it was sealed, to be joined."""
    link = select(L.position).where(L.stream == stream, L.seq == seq).lateral("link")
    point = select(C.at).where(C.position >= link.c.position).order_by(C.position).limit(1).lateral("point")
    return link, point


async def events(connection: Connection, *, principal: Principal, wanted: Wanted, page: PageRequest) -> Page[Any]:
    """Return a page of the events that an auditor may see, newest first, with their places in the chain."""
    link, point = _sealed("event", E.seq)
    query = (
        select(*COLUMNS, E.firm_id, link.c.position, point.c.at.label("sealed_at"))
        .select_from(Event.__table__.outerjoin(link, true()).outerjoin(point, true()))
        .where(_visible(principal, E.project_id), *_conditions(E, E.occurred_at, wanted))
    )
    return await _page(connection, query, key=E.seq, page=page)


async def denials(connection: Connection, *, principal: Principal, wanted: Wanted, page: PageRequest) -> Page[Any]:
    """Return a page of denials, newest first, with the callers' present names and their places in the chain."""
    link, point = _sealed("denial", D.seq)
    name = case(
        (D.actor_kind == "client", select(ApiClient.name).where(ApiClient.id == D.actor_id).scalar_subquery()),
        # An owner's name is no business of the audit trail.
        (D.actor_kind == "owner", null()),
        else_=select(Account.name).where(Account.id == D.actor_id).scalar_subquery(),
    )
    columns = [column for column in D if column.name != "xid"]
    query = (
        select(*columns, name.label("actor_name"), link.c.position, point.c.at.label("sealed_at"))
        .select_from(Denial.__table__.outerjoin(link, true()).outerjoin(point, true()))
        .where(_visible(principal, D.project_id), *_conditions(D, D.at, wanted))
    )
    return await _page(connection, query, key=D.seq, page=page)


async def checkpoints(connection: Connection, *, page: PageRequest) -> Page[Any]:
    """Return a page of checkpoints, newest first."""
    return await _page(connection, select(*C), key=C.number, page=page)


async def _page(connection: Connection, query: Select[Any], *, key: ColumnElement[Any], page: PageRequest) -> Page[Any]:
    total = await count_up_to_ceiling(connection, query) if page.include_total else None
    if page.after is not None:
        query = query.where(key < page.after[0])
    rows: Sequence[Any] = (await connection.execute(query.order_by(key.desc()).limit(page.limit + 1))).all()
    return cut(rows, limit=page.limit, key=lambda row: (row._mapping[key],), total=total)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rows that are not sealed yet, counted up to a ceiling, and since when the oldest one waits."""

    count: int
    since: datetime | None


CEILING = 10_000
"""Unsealed rows are counted no further."""


async def latest(connection: Connection) -> Any:
    """Return the newest checkpoint; None where nothing is sealed."""
    return (await connection.execute(select(*C).order_by(C.number.desc()).limit(1))).one_or_none()


async def waiting(connection: Connection, *, checkpoint: Any) -> Waiting:
    """Return what is committed, complete and not sealed."""
    count, since = 0, []
    for columns, instant, stream in ((E, E.occurred_at, "event"), (D, D.at, "denial")):
        xid, seq = (
            (0, 0) if checkpoint is None else (getattr(checkpoint, f"{stream}_{name}") for name in ("xid", "seq"))
        )
        start = tuple_(cast(literal(str(xid), Text), Xid8()), literal(seq, BigInteger))
        unsealed = (
            select(instant.label("at"))
            .where(and_(columns.xid < func.audit_horizon(), tuple_(columns.xid, columns.seq) > start))
            .order_by(columns.xid, columns.seq)
            .limit(CEILING)
            .subquery()
        )
        row = (
            await connection.execute(select(func.count().label("rows"), func.min(unsealed.c.at).label("since")))
        ).one()
        count += row.rows
        since += [] if row.since is None else [row.since]
    return Waiting(count=count, since=min(since, default=None))


async def last_verification(connection: Connection) -> Any:
    """Return the row of the last stretch that was verified; None where none was."""
    V = AuditVerification.__table__.c  # noqa: N806
    return (await connection.execute(select(*V).order_by(V.id.desc()).limit(1))).one_or_none()


async def looked_lately(connection: Connection, *, actor_id: UUID, look: dict[str, Any], since: datetime) -> bool:
    """Say whether somebody's same look at the audit trail is recorded since an instant."""
    same = select(E.seq).where(E.actor_id == actor_id, E.kind == "audit.read", E.occurred_at >= since, E.data == look)
    return (await connection.execute(select(same.exists()))).scalar_one() is True
