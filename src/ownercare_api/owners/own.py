"""What an owner sees of his own record and homes (业主本人). Masked as everywhere: a stolen token shows no numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.errors import Forbidden
from ownercare_api.identity.principal import Principal, Reach
from ownercare_api.owners import repository, sealing
from ownercare_api.owners.archive import PhoneNotFound
from ownercare_api.owners.models import Owner, OwnerPhone, Ownership
from ownercare_api.owners.service import Connection, OwnerNotFound
from ownercare_api.properties.models import Building, Project, Unit

READ, WRITE = "my:read", "my:write"

_ALL = Reach(everywhere=True)


class NotAnOwner(Forbidden):
    """403: only an owner who calls for himself has things of his own here."""

    code = "not_an_owner"
    zh, en = "此接口仅供业主本人使用。", "This is for owners themselves."
    rules = ("OWN-07",)


class HomeSold(Forbidden):
    """403: the home belongs to somebody else by now."""

    code = "home_no_longer_yours"
    zh = "该房屋已不在您名下,此项须由现业主办理。"
    en = "The home is no longer yours; its present owner must do this."
    rules = ("OWN-07", "OWN-10")


def self_of(principal: Principal) -> UUID:
    """Return the record of the owner who calls; raises `NotAnOwner` for everybody else."""
    if principal.owner_id is None:
        raise NotAnOwner
    return principal.owner_id


def held_on(day: date) -> ColumnElement[bool]:
    """Return the condition on `ownership` that it holds on a day: `[from_date, to_date)`."""
    return (Ownership.from_date <= day) & or_(Ownership.to_date.is_(None), Ownership.to_date > day)


def homes_held(*, owner_id: UUID, today: date) -> Select[Any]:
    """Return the query of the ids of the homes that an owner has a share of."""
    return select(Ownership.unit_id).where(Ownership.owner_id == owner_id, held_on(today))


def holds(unit_id: Any, *, owner_id: UUID, today: date) -> ColumnElement[bool]:
    """Return the condition that an owner has a share of a home, named by a column or an id."""
    return exists().where(Ownership.unit_id == unit_id, Ownership.owner_id == owner_id, held_on(today))


@dataclass(frozen=True, slots=True)
class Card:
    """Who an owner is, where his name goes into the register: the name, and the number to be reached at."""

    name: str
    phone_masked: str | None
    phone: str | None


async def card(session: AsyncSession, *, owner_id: UUID, phone_id: UUID | None, keyring: Keyring) -> Card:
    """Return the name and one of the owner's own numbers in normal form, the primary one unless another is named.

    For the register only; never shown. Raises `OwnerNotFound`, `PhoneNotFound`.
    """
    name = await session.scalar(select(Owner.name).where(Owner.id == owner_id))
    if name is None:
        raise OwnerNotFound
    wanted = OwnerPhone.is_primary if phone_id is None else OwnerPhone.id == phone_id
    phone = await session.scalar(select(OwnerPhone).where(OwnerPhone.owner_id == owner_id, wanted))
    if phone is None:
        if phone_id is not None:
            raise PhoneNotFound
        return Card(name, None, None)
    number = keyring.decrypt(bytes(phone.number_encrypted), column=sealing.PHONE)
    return Card(name, phone.number_masked, number)


async def record(connection: Connection, *, owner_id: UUID) -> tuple[Any, Sequence[Any]]:
    """Return an owner's own row (`repository.FULL`) and telephone numbers; raises `OwnerNotFound`."""
    row = await repository.owner(connection, owner_id=owner_id, reach=_ALL)
    if row is None:
        raise OwnerNotFound
    return row, await repository.phones(connection, owner_id=owner_id)


def homes(*, owner_id: UUID, today: date) -> Select[Any]:
    """Return the query of the homes that an owner has a share of, with his own purchase."""
    columns: list[Any] = [
        Unit.id, Unit.version, Unit.project_id, Project.name.label("project_name"),
        Building.name.label("building_name"), Unit.number, Unit.address, Unit.floor, Unit.house_type, Unit.area_cm2,
        Unit.delivered_on, Unit.moved_in_on, Ownership.share_bp, Ownership.from_date, Ownership.contract_number,
        Ownership.contract_signed_on, Ownership.payment_method, Ownership.price_fen,
        Ownership.version.label("ownership_version"),
    ]  # fmt: skip
    return (
        select(*columns)
        .join(Ownership, Ownership.unit_id == Unit.id)
        .join(Project, Project.id == Unit.project_id)
        .join(Building, Building.id == Unit.building_id)
        .where(Ownership.owner_id == owner_id, held_on(today))
    )
