"""The SELECTs of change requests, merges, duplicates, transfers and information audits."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    and_,
    any_,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.identity.principal import Reach
from ownercare_api.owners.models import Owner, Ownership
from ownercare_api.owners.models_changes import (
    InformationAudit,
    OwnerChange,
    OwnerDistinct,
    OwnerMerge,
    OwnershipTransfer,
    OwnerTwin,
)
from ownercare_api.owners.repository import places, visible_to
from ownercare_api.properties.models import Unit

Connection = AsyncConnection | AsyncSession

_SECRET = ("submitted_encrypted", "former_encrypted")
_AUDIT: list[Any] = [*InformationAudit.__table__.c, Owner.name.label("owner_name"), Owner.restricted_at]
CHANGE: list[Any] = [
    *(one for one in OwnerChange.__table__.c if one.name not in _SECRET), Owner.name.label("owner_name"),
    Owner.restricted_at,
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
    twin = OwnerTwin
    columns: list[Any] = [twin.first_id, twin.second_id, twin.reasons]
    query: Select[Any] = select(*columns).where(
        _is_seen(twin.first_id, reach),
        _is_seen(twin.second_id, reach),
        ~exists().where(OwnerDistinct.first_id == twin.first_id, OwnerDistinct.second_id == twin.second_id),
    )
    if owner_id is not None:
        query = query.where(or_(twin.first_id == owner_id, twin.second_id == owner_id))
    if project_id is not None:
        of_either = Ownership.owner_id == any_(array([twin.first_id, twin.second_id]))
        here = and_(of_either, Unit.id == Ownership.unit_id, Unit.project_id == project_id)
        query = query.where(exists().where(here, places(reach)))
    if after is not None:
        query = query.where(tuple_(twin.first_id, twin.second_id) < tuple_(after[0], after[1]))
    return query.order_by(twin.first_id.desc(), twin.second_id.desc()).limit(limit + 1)


async def refresh_twins(session: AsyncSession, *, since: datetime) -> None:
    """Compare the records made since an instant again: of two that were entered at the same moment neither saw the
    other, for neither had been committed."""
    recent = select(Owner.id).where(Owner.created_at >= since).order_by(Owner.id)
    await session.execute(select(func.refresh_owner_twins(func.array(recent.scalar_subquery()))))


def _is_seen(owner_id: Any, reach: Reach) -> ColumnElement[bool]:
    return exists().where(Owner.id == owner_id, visible_to(reach))


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
        Owner.id.label("owner_id"), Owner.name.label("owner_name"), Owner.restricted_at, Owner.checked_on,
        (since + interval_days).label("due_on"),
    ]  # fmt: skip
    holds = and_(
        Ownership.owner_id == Owner.id,
        Unit.id == Ownership.unit_id,
        Unit.project_id == project_id,
        Ownership.from_date <= today,
        or_(Ownership.to_date.is_(None), Ownership.to_date > today),
    )
    # Who has a home there now is within the reach already: of the rest it only matters that the record stands.
    query: Select[Any] = select(*columns).where(
        visible_to(Reach(everywhere=True)), exists().where(holds, places(reach))
    )
    return query.where(since <= today - timedelta(days=interval_days))


def last_checked() -> Any:
    """Return the expression of the day from which an owner's next audit counts."""
    made = cast(func.timezone(literal_column("'Asia/Shanghai'"), Owner.created_at), Date)  # as `ix_owner_last_checked`
    return func.coalesce(Owner.checked_on, made)
