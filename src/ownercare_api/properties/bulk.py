"""Use case: thousands of buildings and homes are entered in a few statements, by the rules of `estate`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.copying import copy_rows
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.properties.estate import NameTaken
from ownercare_api.properties.models import Building, Project, Unit
from ownercare_api.properties.service import WRITE
from ownercare_api.timeline import service as timeline
from ownercare_api.timeline.service import NewEvent


@dataclass(frozen=True, slots=True)
class NewUnit:
    """A home to be entered; without an address it is called after project, building and number."""

    building_id: UUID
    building_name: str
    number: str
    floor: int
    house_type: str
    purchase_batch: str
    area_cm2: int
    address: str | None


async def hold_project(session: AsyncSession, *, project_id: UUID) -> Project:
    """Let no other import enter homes of a project until the transaction ends."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("estate"), func.hashtext(str(project_id)))))
    return await session.get_one(Project, project_id)


async def add_buildings(
    session: AsyncSession,
    *,
    project_id: UUID,
    buildings: Sequence[tuple[str, int]],
    principal: Principal,
    now: datetime,
) -> dict[str, UUID]:
    """Enter buildings by name and number of floors; returns their ids by name. Raises `OutOfReach`, `NameTaken`."""
    principal.require(WRITE, project_id=project_id)
    names = [name for name, _ in buildings]
    taken = select(Building.id).where(Building.project_id == project_id, Building.name.in_(names)).limit(1)
    if len(set(names)) != len(names) or await session.scalar(taken) is not None:
        raise NameTaken
    made = [Building(id=uuid7(), project_id=project_id, name=name, floors=floors) for name, floors in buildings]
    session.add_all(made)
    await session.flush()
    events = [
        NewEvent("building.added", "building", one.id, project_id=project_id, data={"floors": one.floors})
        for one in made
    ]
    await timeline.record_all(session, events=events, actor=principal, now=now)
    return {one.name: one.id for one in made}


async def add_units(
    session: AsyncSession, *, project: Project, units: Sequence[NewUnit], principal: Principal, now: datetime
) -> list[UUID]:
    """Enter homes; returns their ids in their order. Raises `OutOfReach`, `NameTaken`."""
    principal.require(WRITE, project_id=project.id)
    keys = {(unit.building_id, unit.number) for unit in units}
    known = await session.execute(
        select(Unit.building_id, Unit.number).where(
            Unit.building_id.in_({unit.building_id for unit in units}), Unit.number.in_({unit.number for unit in units})
        )
    )
    if len(keys) != len(units) or not keys.isdisjoint((row.building_id, row.number) for row in known):
        raise NameTaken
    rows: list[dict[str, Any]] = [
        {
            "id": uuid7(),
            "project_id": project.id,
            "building_id": unit.building_id,
            "number": unit.number,
            "address": unit.address or f"{project.name} {unit.building_name} {unit.number}室",
            "floor": unit.floor,
            "house_type": unit.house_type,
            "purchase_batch": unit.purchase_batch,
            "area_cm2": unit.area_cm2,
        }
        for unit in units
    ]
    await copy_rows(session, Unit, rows)
    ids: list[UUID] = [row["id"] for row in rows]
    events = [
        NewEvent("unit.added", "unit", made, project_id=project.id, data={"building_id": str(unit.building_id)})
        for made, unit in zip(ids, units, strict=True)
    ]
    await timeline.record_all(session, events=events, actor=principal, now=now)
    return ids
