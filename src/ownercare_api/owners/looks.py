"""Every look at an owner's data leaves a trace that the owner can see (OWN-07, PIPL art. 44)."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.hot import Driver, HotStatement
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal, PrincipalKind
from ownercare_api.owners.models import Disclosure
from ownercare_api.owners.models_looks import OwnerLook
from ownercare_api.owners.repository import stood_for


class Look(StrEnum):
    """What was looked at."""

    RECORD = "record"
    """the record was opened (打开档案)"""
    PAGE = "page"
    """the 360° page (业主全景)"""
    LIST = "list"
    """stood in a list (列表)"""
    SEARCH = "search"
    """was found by a whole number or name (精确查找)"""
    SCREEN_POP = "screen_pop"
    """called, and stood on the agent's screen (来电弹屏)"""
    DISCLOSURE = "disclosure"
    """a clear value was shown (查看明文)"""
    EXPORT = "export"
    """stood in an exported file (导出)"""
    COPY = "copy"
    """the copy of one's data was made or handed out (个人信息副本)"""
    CHANGE_REQUEST = "change_request"
    """a change request with old and new values was opened (信息变更申请)"""
    DUPLICATE = "duplicate"
    """stood in a comparison of possible duplicates (重复档案比对)"""
    CASE = "case"
    """a case of the owner, a work order of it or what was answered about it was opened (打开工单)"""
    FILE = "file"
    """an attachment that shows the owner's data was fetched: evidence, a recording, a signature (下载附件)"""
    IMPORT = "import"
    """stood in an imported roster (名册导入)"""


async def record(
    connection: AsyncConnection | AsyncSession,
    *,
    owner_ids: Collection[UUID],
    actor: Principal,
    look: Look,
    now: datetime,
    ticket_id: UUID | None = None,
    purpose: str | None = None,
    look_id: UUID | None = None,
) -> None:
    """Put a look at some owners on record, in one statement. Owners looking at themselves are not recorded, and nobody
    found is nothing looked at. `look_id` is given where another row, such as a disclosure, has the same id."""
    seen = set(owner_ids)
    if actor.kind is PrincipalKind.OWNER and actor.owner_id is not None:
        seen.discard(actor.owner_id)
    if not seen:
        return
    row = _row(seen, actor=actor, look=look, ticket_id=ticket_id, now=now)
    await connection.execute(insert(OwnerLook).values(row | {"id": look_id or row["id"], "purpose": purpose}))


def _row(
    owner_ids: Iterable[UUID], *, actor: Principal, look: Look, ticket_id: UUID | None, now: datetime
) -> dict[str, Any]:
    """Return a look as a row without a purpose: who is meant, and who looked, as he was at the time."""
    return {
        "id": uuid7(),
        "owner_ids": sorted(owner_ids),
        "actor_kind": actor.kind.value,
        "actor_id": actor.id,
        "actor_name": actor.name,
        "department": actor.department,
        "post": actor.post,
        "look": look.value,
        "ticket_id": ticket_id,
        "at": now,
    }


_NEVER = datetime.min.replace(tzinfo=UTC)
_INSERT = HotStatement(
    insert(OwnerLook).values(
        {name: bindparam(name) for name in ("id", "owner_ids", "actor_kind", "actor_id", "actor_name")}
        | {name: bindparam(name) for name in ("department", "post", "look", "ticket_id", "at")}
    )
)


class CaseLooks:
    """Looks at owners by way of their cases. Whoever works on a case opens it again and again, and is one line of the
    owner's log an hour: each process remembers what it has put on record. What is shown is on record first."""

    _LASTING = timedelta(hours=1)
    _MOST = 50_000

    def __init__(self) -> None:
        self._seen: dict[tuple[UUID, Look, UUID, UUID | None], datetime] = {}

    async def opened(
        self, driver: Driver, *, owner_id: UUID | None, ticket_id: UUID | None, actor: Principal, now: datetime
    ) -> None:
        """Record that somebody opened a case, or what belongs to it; None is nobody's."""
        await self._record(driver, [owner_id], actor=actor, look=Look.CASE, ticket_id=ticket_id, now=now)

    async def listed(
        self, driver: Driver, *, owner_ids: Iterable[UUID | None], actor: Principal, now: datetime
    ) -> None:
        """Record that somebody saw whose cases stand in a list; None is nobody's."""
        await self._record(driver, owner_ids, actor=actor, look=Look.LIST, ticket_id=None, now=now)

    async def _record(
        self,
        driver: Driver,
        owner_ids: Iterable[UUID | None],
        *,
        actor: Principal,
        look: Look,
        ticket_id: UUID | None,
        now: datetime,
    ) -> None:
        since = now - self._LASTING
        new = {
            (actor.id, look, one, ticket_id): one
            for one in owner_ids
            if one is not None
            and one != actor.owner_id
            and self._seen.get((actor.id, look, one, ticket_id), _NEVER) <= since
        }
        if not new:
            return
        await _INSERT.rows(driver, _row(new.values(), actor=actor, look=look, ticket_id=ticket_id, now=now))
        for key in new:
            self._seen.pop(key, None)  # to the end: the oldest are forgotten first
            self._seen[key] = now
        while len(self._seen) > self._MOST:
            del self._seen[next(iter(self._seen))]


def looks(*, owner_id: UUID) -> Select[Any]:
    """Return the query of who looked at an owner, or at a record merged into his, disclosures included, without order.

    Its columns are id, actor_kind, actor_id, actor_name, department, post, look, field (of a disclosure), purpose,
    ticket_id, at; the key for `newest_first` is `OwnerLook.__table__.c.id`, also exported as `KEY`.
    """
    columns: list[Any] = [
        OwnerLook.id,
        OwnerLook.actor_kind,
        OwnerLook.actor_id,
        OwnerLook.actor_name,
        OwnerLook.department,
        OwnerLook.post,
        OwnerLook.look,
        Disclosure.field,
        OwnerLook.purpose,
        OwnerLook.ticket_id,
        OwnerLook.at,
    ]
    query: Select[Any] = select(*columns).outerjoin(Disclosure, Disclosure.id == OwnerLook.id)
    return query.where(OwnerLook.owner_ids.overlap(func.array(stood_for(owner_id).scalar_subquery())))


KEY = OwnerLook.__table__.c.id
"""The column by which lists of looks are ordered and continued."""


async def forget(session: AsyncSession, *, before: datetime) -> int:
    """Delete the looks and disclosures older than `before`, and none younger than 1095 days: the database refuses."""
    latest = func.now() - text("interval '1095 days'")
    found = await session.scalar(select(func.forget_looks(func.least(before, latest))))
    return int(found or 0)
