"""The SELECTs of change requests, merges, duplicates, transfers and information audits."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Date,
    Select,
    and_,
    cast,
    distinct,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased

from ownercare_api.identity.principal import Reach
from ownercare_api.owners.models import Owner, OwnerPhone, Ownership
from ownercare_api.owners.models_changes import (
    InformationAudit,
    OwnerChange,
    OwnerDistinct,
    OwnerMerge,
    OwnershipTransfer,
)
from ownercare_api.owners.repository import places, visible_to
from ownercare_api.properties.models import Unit

Connection = AsyncConnection | AsyncSession

_SECRET = ("submitted_encrypted", "former_encrypted")
_AUDIT: list[Any] = [*InformationAudit.__table__.c, Owner.name.label("owner_name")]
CHANGE: list[Any] = [
    *(one for one in OwnerChange.__table__.c if one.name not in _SECRET), Owner.name.label("owner_name"),
]  # fmt: skip


def changes(
    reach: Reach, *, filters: Mapping[str, Any], project_id: UUID | None = None, own: UUID | None = None
) -> Select[Any]:
    """Return the query of the change requests of visible owners; with `own` those of one owner, whoever asks."""
    query: Select[Any] = select(*CHANGE).join(Owner, Owner.id == OwnerChange.owner_id)
    query = query.where(visible_to(reach)) if own is None else query.where(OwnerChange.owner_id == own)
    for name, value in filters.items():
        query = query.where(OwnerChange.__table__.c[name] == value)
    if project_id is not None:
        here = and_(Ownership.owner_id == Owner.id, Unit.id == Ownership.unit_id, Unit.project_id == project_id)
        query = query.where(exists().where(here, places(reach)))
    return query


async def change(connection: Connection, *, change_id: UUID, reach: Reach) -> Any:
    """Return a visible change request's row, or None."""
    query = changes(reach, filters={"id": change_id})
    return (await connection.execute(query)).one_or_none()


def merges(reach: Reach) -> Select[Any]:
    """Return the query of the merges into visible records."""
    query: Select[Any] = select(*OwnerMerge.__table__.c).join(Owner, Owner.id == OwnerMerge.survivor_id)
    # The survivor of an earlier merge may itself have been merged since: what stands for it now is what one must see.
    stands = func.coalesce(Owner.merged_into, Owner.id)
    seen = select(Owner.id).where(visible_to(reach)).correlate(None)
    return query.where(stands.in_(seen))


def duplicates(
    reach: Reach, *, owner_id: UUID | None, project_id: UUID | None, after: tuple[Any, ...] | None, limit: int
) -> Select[Any]:
    """Return the query of the pairs of visible records that may be one person, with why; newest first.

    Reasons: `same_document`; `same_phone_and_name` (one number and one reading of the name); `same_name_and_birth`.
    """
    one, two = aliased(Owner, name="one"), aliased(Owner, name="two")
    p_one, p_two = aliased(OwnerPhone, name="p_one"), aliased(OwnerPhone, name="p_two")

    def pair(reason: str) -> Select[Any]:
        columns: list[Any] = [one.id.label("first_id"), two.id.label("second_id"), literal(reason).label("reason")]
        return select(*columns)

    same_name = and_(one.name_sort == two.name_sort, one.id < two.id)
    found: list[Select[Any]] = [
        pair("same_document").join_from(one, two, and_(one.document_index == two.document_index, one.id < two.id)),
        pair("same_phone_and_name")
        .join_from(one, p_one, p_one.owner_id == one.id)
        .join(p_two, p_two.number_index == p_one.number_index)
        .join(two, and_(two.id == p_two.owner_id, same_name)),
        pair("same_name_and_birth").join_from(one, two, and_(same_name, one.birth_date == two.birth_date)),
    ]
    if owner_id is not None:
        found = [query.where(or_(one.id == owner_id, two.id == owner_id)) for query in found]
    pairs = union_all(*found).subquery("pairs")
    here = and_(Ownership.owner_id == Owner.id, Unit.id == Ownership.unit_id, Unit.project_id == project_id)
    seen = select(Owner.id).where(visible_to(reach))
    query = (
        select(pairs.c.first_id, pairs.c.second_id, func.array_agg(distinct(pairs.c.reason)).label("reasons"))
        .where(
            pairs.c.first_id.in_(seen),
            pairs.c.second_id.in_(seen),
            ~exists().where(OwnerDistinct.first_id == pairs.c.first_id, OwnerDistinct.second_id == pairs.c.second_id),
        )
        .group_by(pairs.c.first_id, pairs.c.second_id)
    )
    if project_id is not None:
        local = select(Owner.id).where(exists().where(here, places(reach)))
        query = query.where(or_(pairs.c.first_id.in_(local), pairs.c.second_id.in_(local)))
    if after is not None:
        query = query.where(tuple_(pairs.c.first_id, pairs.c.second_id) < tuple_(after[0], after[1]))
    return query.order_by(pairs.c.first_id.desc(), pairs.c.second_id.desc()).limit(limit + 1)


def transfers(*, unit_id: UUID) -> Select[Any]:
    """Return the query of the transfers of a home."""
    return select(*OwnershipTransfer.__table__.c).where(OwnershipTransfer.unit_id == unit_id)


async def begun_by_all(connection: Connection, *, transfer_ids: Collection[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """Return id, owner_id and share_bp of the ownerships that transfers began, by transfer."""
    query = (
        select(Ownership.transfer_id, Ownership.id, Ownership.owner_id, Ownership.share_bp)
        .where(Ownership.transfer_id.in_(list(transfer_ids)))
        .order_by(Ownership.id)
    )
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in await connection.execute(query):
        found[row.transfer_id].append({"id": row.id, "owner_id": row.owner_id, "share_bp": row.share_bp})
    return found


def audits(reach: Reach, *, owner_id: UUID | None = None) -> Select[Any]:
    """Return the query of the information audits of visible owners."""
    query: Select[Any] = select(*_AUDIT).join(Owner, Owner.id == InformationAudit.owner_id).where(visible_to(reach))
    return query if owner_id is None else query.where(InformationAudit.owner_id == owner_id)


def audits_due(reach: Reach, *, project_id: UUID, today: date, interval_days: int) -> Select[Any]:
    """Return the query of the owners of a project's homes whose records are due for an audit on a day."""
    since = last_checked()
    columns: list[Any] = [
        Owner.id, Owner.name, Owner.checked_on, (since + interval_days).label("due_on"),
    ]  # fmt: skip
    holds = and_(
        Ownership.owner_id == Owner.id,
        Unit.id == Ownership.unit_id,
        Unit.project_id == project_id,
        Ownership.from_date <= today,
        or_(Ownership.to_date.is_(None), Ownership.to_date > today),
    )
    query: Select[Any] = select(*columns).where(visible_to(reach), exists().where(holds, places(reach)))
    return query.where(since <= today - timedelta(days=interval_days))


def last_checked() -> Any:
    """Return the expression of the day from which an owner's next audit counts."""
    made = cast(func.timezone("Asia/Shanghai", Owner.created_at), Date)
    return func.coalesce(Owner.checked_on, made)
