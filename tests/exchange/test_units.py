"""Rosters of buildings and homes."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.exchange.conftest import Importer
from tests.factories.org import Org
from tests.factories.people import Actor
from tests.factories.rosters import separated, unit_row, workbook

from ownercare_api.exchange.lifecycle import RosterKind
from ownercare_api.properties.models import Building, Unit
from ownercare_api.timeline.models import Event

Totals = Callable[[], Awaitable[tuple[int, ...]]]
UNITS = RosterKind.UNITS


@pytest.mark.rule("OWN-01")
async def test_a_roster_of_homes(importer: Importer, clerk: Actor, session: AsyncSession, org: Org) -> None:
    rows = [unit_row(place) for place in (198, 199, 200, 201)]
    content = workbook(rows, kind=UNITS)
    found = await importer.done(clerk, content, kind="units")
    assert (found["status"], found["counts"]["created"]) == ("done", 4)
    added = await session.scalars(select(Building).where(Building.project_id == org.project.id, Building.name == "2栋"))
    building = added.one()
    assert building.floors == 20
    shown = await importer.rows(clerk, found["id"])
    unit = await session.get_one(Unit, shown[2]["unit_id"])
    assert (unit.building_id, unit.number, unit.floor) == (building.id, "1-0101", 1)
    assert (unit.address, unit.area_cm2) == ("云栖雅苑 2栋 1-0101室", 1_285_600)
    events = select(Event.kind, Event.data).where(Event.subject_id.in_([unit.id, building.id])).order_by(Event.seq)
    assert [tuple(row) for row in await session.execute(events)] == [
        ("building.added", {"floors": 20}),
        ("unit.added", {"building_id": str(building.id)}),
    ]
    again = await importer.checked(clerk, content, kind="units")
    assert (again["same_file_as"], again["counts"]["unchanged"]) == (found["id"], 4)


@pytest.mark.rule("OWN-04", "OWN-05")
async def test_faults_of_homes(importer: Importer, clerk: Actor, totals: Totals) -> None:
    before = await totals()
    rows = [
        unit_row(0, area="128.56"),
        unit_row(1, house_type="两室一厅"),
        unit_row(2, building_floors="33"),
        unit_row(60, floor="负一"),
        unit_row(61, floor=21),
        unit_row(62, area=0),
        unit_row(63, area="128.56789"),
        unit_row(64, unit_number=101),
        unit_row(65),
        unit_row(65),
        unit_row(200, building_floors=None),
        unit_row(201, building_floors="18"),
        unit_row(202, building_floors="20"),
    ]
    found = await importer.checked(clerk, workbook(rows, kind=UNITS), kind="units", mode="valid_rows_only")
    shown = await importer.rows(clerk, found["id"])
    assert [
        (row["outcome"], *(row["faults"][0][key] for key in ("column", "code") if row["faults"])) for row in shown
    ] == [
        ("unchanged",),
        ("needs_change_request", "house_type", "differs"),
        ("invalid", "building_floors", "differs"),
        ("invalid", "floor", "not_a_number"),
        ("invalid", "floor", "floor_above_building"),
        ("invalid", "area", "out_of_range"),
        ("invalid", "area", "too_precise"),
        ("invalid", "unit_number", "numeric_cell"),
        ("valid",),
        ("invalid", "unit_number", "repeated_in_file"),
        ("invalid", "building_floors", "building_floors_missing"),
        ("valid",),
        ("invalid", "building_floors", "contradicts_building"),
    ]
    assert await totals() == before
    await importer.confirm(clerk, found["id"])
    await importer.work()
    assert (await importer.look(clerk, found["id"]))["counts"]["created"] == 2


async def test_names_are_compared_as_people_read_them(importer: Importer, clerk: Actor) -> None:
    rows = [unit_row(0, building="１ 栋", unit_number="1－0101"), unit_row(1, building="1栋 ")]
    found = await importer.checked(clerk, separated(rows, kind=UNITS), kind="units", name="房源.csv")
    assert found["counts"]["unchanged"] == 2
