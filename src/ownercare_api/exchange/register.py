"""What the register has already, read for thousands of rows at once."""

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from ownercare_api.core.copying import one_of
from ownercare_api.identity.principal import Reach
from ownercare_api.owners.models import Owner, OwnerPhone, Ownership
from ownercare_api.properties.models import Building, Project, Unit


def key(text: str) -> str:
    """Return a name as it is compared: one width, no spaces, any case."""
    return "".join(unicodedata.normalize("NFKC", text).split()).lower()


@dataclass(frozen=True, slots=True)
class KnownBuilding:
    """A building on record."""

    id: UUID
    name: str
    floors: int


class Estate:
    """The buildings and homes of one project, found by the names that a roster gives them."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._buildings: dict[str, KnownBuilding] = {}
        self._units: dict[tuple[str, str], UUID] = {}

    def unit(self, building: str, number: str) -> UUID | None:
        """Return a home's id."""
        return self._units.get((key(building), key(number)))

    def building(self, name: str) -> KnownBuilding | None:
        """Return a building."""
        return self._buildings.get(key(name))

    def put_building(self, building: KnownBuilding) -> None:
        """Take note of a building."""
        self._buildings[key(building.name)] = building


async def estate(session: AsyncSession, *, project_id: UUID) -> Estate:
    """Read a project's buildings and homes."""
    found = Estate(await session.get_one(Project, project_id))
    names: dict[UUID, str] = {}
    for row in await session.execute(
        select(Building.id, Building.name, Building.floors).where(Building.project_id == project_id)
    ):
        found.put_building(KnownBuilding(row.id, row.name, row.floors))
        names[row.id] = key(row.name)
    units = select(Unit.id, Unit.building_id, Unit.number).where(Unit.project_id == project_id)
    async for home in await session.stream(units, execution_options={"yield_per": 2000}):
        found._units[names[home.building_id], key(home.number)] = home.id
    return found


async def units(session: AsyncSession, *, unit_ids: Collection[UUID]) -> dict[UUID, Any]:
    """Return what is on record of some homes."""
    columns: list[Any] = [Unit.id, Unit.floor, Unit.house_type, Unit.purchase_batch, Unit.area_cm2, Unit.address]
    rows = await session.execute(select(*columns).where(one_of(Unit.id, unit_ids)))
    return {row.id: row for row in rows}


@dataclass(frozen=True, slots=True)
class KnownShare:
    """An ownership on record."""

    owner_id: UUID
    share_bp: int
    from_date: date
    to_date: date | None
    contract_number: str | None
    contract_signed_on: date | None
    payment_method: str | None
    price_fen: int | None


async def shares(session: AsyncSession, *, unit_ids: Collection[UUID]) -> dict[UUID, list[KnownShare]]:
    """Return the ownerships of some homes; those of a merged record belong to the one that stands for it."""
    columns: list[Any] = [
        func.coalesce(Owner.merged_into, Owner.id).label("owner_id"), Ownership.unit_id, Ownership.share_bp,
        Ownership.from_date, Ownership.to_date, Ownership.contract_number, Ownership.contract_signed_on,
        Ownership.payment_method, Ownership.price_fen,
    ]  # fmt: skip
    query: Any = select(*columns).join(Owner, Owner.id == Ownership.owner_id)
    found: dict[UUID, list[KnownShare]] = defaultdict(list)
    for row in await session.execute(query.where(one_of(Ownership.unit_id, unit_ids)).order_by(Ownership.id)):
        fields = dict(row._mapping)
        found[fields.pop("unit_id")].append(KnownShare(**fields))
    return found


@dataclass(frozen=True, slots=True)
class KnownOwner:
    """An owner on record, as far as a roster is compared with it."""

    id: UUID
    name: str
    sex: str | None
    birth_date: date | None
    has_document: bool
    home_address_encrypted: bytes | None
    occupation: str | None
    preferences: str | None
    restricted: bool
    """Its processing is restricted: nothing is compared with it or added to it."""
    phone_indexes: frozenset[bytes]
    visible: bool


@dataclass(frozen=True, slots=True)
class KnownOwners:
    """Owners on record, by document number and by id."""

    by_number: Mapping[str, KnownOwner]
    by_id: Mapping[UUID, KnownOwner]


async def owners(
    session: AsyncSession, *, indexes: Mapping[bytes, str], owner_ids: Collection[UUID], reach: Reach
) -> KnownOwners:
    """Return the owners of some documents, given by blind index with their numbers, and some owners by id."""
    former = aliased(Owner, name="former")
    into = func.coalesce(former.merged_into, former.id)
    found = select(into.label("id"), former.document_index).where(one_of(former.document_index, indexes))
    by_index: dict[bytes, UUID] = {}
    if indexes:
        by_index = {bytes(row.document_index): row.id for row in await session.execute(found)}
    wanted = {*by_index.values(), *owner_ids}
    if not wanted:
        return KnownOwners({}, {})
    phones: dict[UUID, set[bytes]] = defaultdict(set)
    numbers = select(OwnerPhone.owner_id, OwnerPhone.number_index).where(one_of(OwnerPhone.owner_id, wanted))
    for row in await session.execute(numbers):
        phones[row.owner_id].add(bytes(row.number_index))
    # Seen is who has or had a home in reach, as everywhere else; those without any home are seen from everywhere only.
    seen = literal(True) if reach.everywhere else _has_home_in(reach)
    columns: list[Any] = [
        Owner.id, Owner.name, Owner.sex, Owner.birth_date, Owner.document_index.is_not(None).label("has_document"),
        Owner.home_address_encrypted, Owner.occupation, Owner.preferences, or_(seen, literal(False)).label("visible"),
        Owner.restricted_at.is_not(None).label("restricted"),
    ]  # fmt: skip
    by_id = {
        row.id: KnownOwner(**row._mapping, phone_indexes=frozenset(phones[row.id]))
        for row in await session.execute(select(*columns).where(one_of(Owner.id, wanted)))
    }
    return KnownOwners(by_number={indexes[index]: by_id[owner_id] for index, owner_id in by_index.items()}, by_id=by_id)


def _has_home_in(reach: Reach) -> Any:
    return exists().where(
        Ownership.owner_id == Owner.id, Unit.id == Ownership.unit_id, Unit.project_id.in_(list(reach.projects))
    )
