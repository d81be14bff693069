"""What other rooms ask of the owner room, and what its own use cases share."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.errors import NotFound
from ownercare_api.core.phones import normalise_phone
from ownercare_api.identity.principal import Principal, Reach
from ownercare_api.owners import repository, sealing
from ownercare_api.owners.documents import Sex
from ownercare_api.owners.models import Owner

Connection = AsyncConnection | AsyncSession
READ, WRITE, DISCLOSE = "owners:read", "owners:write", "owners:disclose"
MATCHES_SHOWN = 20


class OwnerNotFound(NotFound):
    """404: no such owner, or not visible."""

    code = "owner_not_found"
    zh, en = "业主不存在,或您无权查看。", "The owner does not exist, or you may not see it."


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
    phone_masked: str
    phone_label: str | None
    phone_is_primary: bool
    homes: list[dict[str, Any]]


def phone_index(keyring: Keyring, phone: str) -> bytes:
    """Return the blind index of a number as people write it; raises `InvalidPhone`."""
    return keyring.blind_index(normalise_phone(phone), column=sealing.PHONE)


async def lookup_by_phone(
    connection: Connection, *, keyring: Keyring, phone: str, now: datetime, reach: Reach | None = None
) -> list[CallerMatch]:
    """Return the owners who have a number, with their present homes, in one statement; at most twenty.

    Only what lies within `reach` is shown where one is given. Raises `InvalidPhone`.
    """
    rows = await repository.by_phone(
        connection,
        index=phone_index(keyring, phone),
        reach=reach,
        today=business_date(now),
        now=now,
        size=MATCHES_SHOWN,
    )
    return [
        CallerMatch(
            owner_id=row.id,
            name=row.name,
            sex=row.sex,
            document_masked=row.document_masked,
            preferences=row.preferences,
            phone_masked=row.number_masked,
            phone_label=row.label,
            phone_is_primary=row.is_primary,
            homes=row.homes,
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


async def owner_for_change(session: AsyncSession, *, owner_id: UUID, principal: Principal) -> Owner:
    """Return an owner locked for change; raises `OwnerNotFound`, and `OutOfReach` for one who may only look."""
    owner = await session.get(Owner, owner_id, with_for_update={"key_share": True}, populate_existing=True)
    if owner is None:
        raise OwnerNotFound
    projects = [*await projects_of(session, owner_id=owner_id), None]
    if not any(principal.may(scope, project_id=one) for scope in (READ, WRITE) for one in projects):
        raise OwnerNotFound
    if not any(principal.may(WRITE, project_id=one) for one in projects):
        principal.require(WRITE, project_id=None)
    return owner
