"""What other rooms ask of the owner room, and what its own use cases share."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.errors import Conflict, NotFound
from ownercare_api.core.names import mask_name
from ownercare_api.core.phones import normalise_phone
from ownercare_api.identity.principal import Principal, Reach
from ownercare_api.owners import repository, sealing
from ownercare_api.owners.documents import Sex
from ownercare_api.owners.models import Owner

Connection = AsyncConnection | AsyncSession
READ, WRITE, DISCLOSE = "owners:read", "owners:write", "owners:disclose"
VERIFY, MERGE = "owners:verify", "owners:merge"
MATCHES_SHOWN = 20


class OwnerNotFound(NotFound):
    """404: no such owner, or not visible."""

    code = "owner_not_found"
    zh, en = "业主不存在,或您无权查看。", "The owner does not exist, or you may not see it."


class OwnerMerged(Conflict):
    """409: the record was merged into another one, which `Location` names."""

    code = "owner_merged"
    zh = "该业主档案已合并到另一份档案,请在合并后的档案上办理。"
    en = "The record was merged into another one; go on with that one."
    rules = ("OWN-12",)


@dataclass(frozen=True, slots=True)
class CallerMatch:
    """An owner of a number, masked, with present homes.

    A home has the keys ownership_id, unit_id, project_id, project_name, address, share_bp, from_date, delivered_on,
    moved_in_on, policy_snapshot_id; its ids and dates are texts.
    """

    owner_id: UUID
    name: str
    sex: Sex | None
    document_masked: str | None
    preferences: str | None
    restricted: bool
    """The data may only be kept; the name is masked."""
    phone_masked: str
    phone_label: str | None
    phone_is_primary: bool
    homes: list[dict[str, Any]]
    contact_name: str | None = None
    """The number is that of this contact of the owner's; `phone_label` says so, too."""
    contact_relation: str | None = None
    may_speak_for_owner: bool = False


def phone_indexes(keyring: Keyring, phone: str) -> list[bytes]:
    """Return the blind indexes that a number, as people write it, may be stored with; raises `InvalidPhone`."""
    return keyring.blind_indexes(normalise_phone(phone), column=sealing.PHONE)


async def lookup_by_phone(
    connection: Connection, *, keyring: Keyring, phone: str, now: datetime, reach: Reach | None = None
) -> list[CallerMatch]:
    """Return the owners who have a number, with their present homes, in one statement; at most twenty.

    Only what lies within `reach` is shown where one is given. Raises `InvalidPhone`.
    """
    rows = await repository.by_phone(
        connection,
        indexes=phone_indexes(keyring, phone),
        reach=reach,
        today=business_date(now),
        now=now,
        size=MATCHES_SHOWN,
    )
    return [
        CallerMatch(
            owner_id=row.id,
            name=row.name if row.restricted_at is None else mask_name(row.name),
            sex=row.sex,
            document_masked=row.document_masked,
            preferences=row.preferences if row.restricted_at is None else None,
            restricted=row.restricted_at is not None,
            phone_masked=row.number_masked,
            phone_label=row.label,
            phone_is_primary=row.is_primary,
            homes=row.homes,
            contact_name=row.contact_name if row.restricted_at is None else None,
            contact_relation=row.contact_relation if row.restricted_at is None else None,
            may_speak_for_owner=row.may_speak_for_owner,
        )
        for row in rows
    ]


async def ensure_visible(connection: Connection, *, owner_id: UUID, principal: Principal, scope: str = READ) -> Any:
    """Return a visible owner's row (`repository.FULL`); raises `OwnerNotFound`."""
    row = await repository.owner(connection, owner_id=owner_id, reach=principal.reach(scope))
    if row is None:
        raise OwnerNotFound
    return row


async def owns_unit(connection: Connection, *, owner_id: UUID, unit_id: UUID, on: date) -> bool:
    """Say whether an owner holds a share of a home on a day."""
    return await repository.owns_unit(connection, owner_id=owner_id, unit_id=unit_id, on=on)


async def projects_of(connection: Connection, *, owner_id: UUID) -> frozenset[UUID]:
    """Return the projects in which an owner has or had a home."""
    return await repository.projects_of(connection, owner_id=owner_id)


def sight(principal: Principal, *scopes: str) -> Reach:
    """Return what one with any of some scopes sees: of the answer to a change also without the scope to read."""
    reaches = [principal.reach(scope) for scope in (READ, *scopes)]
    return Reach(
        everywhere=any(one.everywhere for one in reaches),
        projects=frozenset().union(*(one.projects for one in reaches)),
    )


async def owner_for_change(session: AsyncSession, *, owner_id: UUID, principal: Principal, scope: str = WRITE) -> Owner:
    """Return an owner locked for change; raises `OwnerNotFound`, `OwnerMerged`, and `OutOfReach` for one who may only
    look."""
    owner = await session.get(Owner, owner_id, with_for_update={"key_share": True}, populate_existing=True)
    if owner is None or owner.erased_at is not None:
        raise OwnerNotFound
    if owner.merged_into is not None:
        seen = await repository.survivor_of(session, owner_id=owner_id, reach=sight(principal, scope))
        if seen is None:
            raise OwnerNotFound
        raise OwnerMerged(headers={"Location": f"/v1/owners/{seen}"})
    places = [*await projects_of(session, owner_id=owner_id), None]
    if not any(principal.may(one, project_id=place) for one in (READ, scope) for place in places):
        raise OwnerNotFound
    if not any(principal.may(scope, project_id=place) for place in places):
        principal.require(scope, project_id=None)
    return owner


async def acting_for(session: AsyncSession, *, owner_id: UUID, principal: Principal, scope: str) -> frozenset[UUID]:
    """Return the persons who act when the caller uses a scope on an owner (reading 10): himself, and who lent it.

    Where several of the owner's projects are within reach, the one in which he acts for the fewest counts.
    """
    places = [*await projects_of(session, owner_id=owner_id), None]
    ways = [principal.acting(scope, project_id=place) for place in places if principal.may(scope, project_id=place)]
    return min(ways, key=len, default=frozenset({principal.id}))
