"""Restricted records: kept, and used for nothing but the cases that are open (限制处理, PIPL art. 44, 47)."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, any_, false, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased

from ownercare_api.core.copying import one_of
from ownercare_api.core.errors import Conflict
from ownercare_api.core.names import mask_name
from ownercare_api.identity.principal import Principal
from ownercare_api.owners.models import Owner, Ownership

MANAGE = "privacy:manage"

_KEPT = ("id", "name", "homes", "version", "restricted")
"""What a colleague sees of a restricted record; everything else is empty."""


class OwnerRestricted(Conflict):
    """409: the owner's data may only be kept, at the owner's request."""

    code = "owner_restricted"
    zh = "该业主的个人信息已限制处理,不能执行此操作。"
    en = "The processing of this owner's data is restricted; this can't be done."
    rules = ("OWN-07",)


def ensure_unrestricted(owner: Owner) -> None:
    """Raise `OwnerRestricted` for a restricted record."""
    if owner.restricted_at is not None:
        raise OwnerRestricted


def ensure_usable(owner: Owner, *, principal: Principal) -> None:
    """Raise `OwnerRestricted` for a restricted record, unless the caller handles the requests of the persons."""
    if not may_see(principal):
        ensure_unrestricted(owner)


async def ensure_may_be_asked(
    session: AsyncSession, *, owner_id: UUID | None, unit_id: UUID | None, today: date
) -> None:
    """Raise `OwnerRestricted` where the owner of a case, or without one every present owner of a home, has had the
    processing restricted: such people are not asked how satisfied they are."""
    if owner_id is not None:
        query = select(Owner.restricted_at).where(Owner.id == owner_id)
    else:
        held = Ownership.from_date <= today, or_(Ownership.to_date.is_(None), Ownership.to_date > today)
        query = select(Owner.restricted_at).join(Ownership, Ownership.owner_id == Owner.id)
        query = query.where(Ownership.unit_id == unit_id, *held)
    found = (await session.scalars(query)).all()
    if found and all(one is not None for one in found):
        raise OwnerRestricted


def may_see(principal: Principal) -> bool:
    """Say whether the caller sees restricted records as they are: who handles the requests of the persons concerned."""
    return MANAGE in principal.scopes


def withheld(owner_ids: ColumnElement[list[UUID]], principal: Principal) -> ColumnElement[bool]:
    """Return the condition that something about some owners is kept from a caller: one of them, or the record that he
    was merged into, is restricted."""
    if may_see(principal):
        return false()
    survivor = aliased(Owner)
    about = select(Owner.id).outerjoin(survivor, survivor.id == Owner.merged_into).where(Owner.id == any_(owner_ids))
    restricted = or_(Owner.restricted_at.is_not(None), survivor.restricted_at.is_not(None))
    return about.where(restricted).exists()


async def any_changed(
    connection: AsyncConnection | AsyncSession, *, owner_ids: Collection[UUID], since: datetime
) -> bool:
    """Say whether one of some owners was erased or restricted since, or merged since into a restricted record."""
    survivor = aliased(Owner)
    changed = or_(
        Owner.erased_at >= since,
        Owner.restricted_at >= since,
        survivor.restricted_at >= since,
        and_(Owner.merged_at >= since, survivor.restricted_at.is_not(None)),
    )
    query = select(Owner.id).outerjoin(survivor, survivor.id == Owner.merged_into)
    query = query.where(one_of(Owner.id, owner_ids), changed).limit(1)
    return (await connection.execute(query)).first() is not None


def shown_name(name: str, *, restricted: bool, seen: bool) -> str:
    """Return a person's name as a caller gets it: that of a restricted record is masked unless he may see it."""
    return mask_name(name) if restricted and not seen else name


def veil(fields: dict[str, Any], *, restricted: bool, seen: bool) -> dict[str, Any]:
    """Return a record's representation with `restricted`; who may not see it gets the name masked and little else."""
    shown = fields | {"restricted": restricted}
    if not restricted or seen:
        return shown
    return {
        key: value if key in _KEPT else _empty(value)
        for key, value in (shown | {"name": mask_name(str(fields["name"]))}).items()
    }


def _empty(value: Any) -> Any:
    if isinstance(value, bool):
        return False
    return [] if isinstance(value, list | tuple) else None
