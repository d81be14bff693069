"""Companies, projects, buildings and homes: lists, filters, entering, correcting, who sees what."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.contractors import make_contractor, make_firm, make_property_company
from tests.factories.org import Org, make_org
from tests.factories.people import Actor, Desk

from ownercare_api.contractors.models import FirmKind
from ownercare_api.core.ids import uuid7
from ownercare_api.policies.models import PolicyInForce
from ownercare_api.properties.models import Building, Project, Unit
from ownercare_api.properties.parts import OWNER_WARRANTY_KEY
from ownercare_api.timeline.models import Event


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock(), units=3)


@pytest.fixture
async def clerk(people: Desk, org: Org) -> Actor:
    return await people.staff("records_clerk", project_id=org.project.id)


@pytest.fixture
async def admin(people: Desk) -> Actor:
    return await people.staff("system_administrator")


async def items(client: httpx.AsyncClient, actor: Actor, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(path, params=query, headers=actor.headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def events(session: AsyncSession) -> int:
    return int((await session.execute(select(func.count()).select_from(Event))).scalar_one())


@pytest.mark.rule("OWN-12")
async def test_a_project_clerk_sees_the_own_project_and_no_sibling(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, clerk: Actor, admin: Actor, clock: FakeClock
) -> None:
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    assert [one["name"] for one in await items(client, clerk, "/v1/projects")] == ["云栖雅苑"]
    assert {one["name"] for one in await items(client, admin, "/v1/projects", region_id=org.region.id)} == {
        "云栖雅苑",
        "滨江壹号",
    }
    assert [one["project_id"] for one in await items(client, clerk, "/v1/units")] == [str(org.project.id)] * 3
    for path in (
        f"/v1/projects/{sibling.project.id}",
        f"/v1/projects/{sibling.project.id}/buildings",
        f"/v1/projects/{sibling.project.id}/occupancy",
        f"/v1/units/{sibling.units[0].id}",
    ):
        answer = await client.get(path, headers=clerk.headers)
        assert answer.status_code == 404, path
        assert answer.json()["code"] == ("unit_not_found" if "units" in path else "project_not_found")
    assert await items(client, clerk, "/v1/units", project_id=sibling.project.id) == []


async def test_users_of_a_firm_see_the_projects_it_works_in(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, clock: FakeClock
) -> None:
    await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    company = await make_property_company(session, org, people)
    contractor = await make_contractor(session, org)
    builder = await people.firm_user("contractor_representative", firm_id=contractor.firm.id)
    for caller in (company.captain, builder):
        assert [one["name"] for one in await items(client, caller, "/v1/projects")] == ["云栖雅苑"]
    elsewhere = await make_firm(session, kind=FirmKind.CONTRACTOR)
    stranger = await people.firm_user("contractor_representative", firm_id=elsewhere.id)
    assert await items(client, stranger, "/v1/projects") == []
    assert await items(client, stranger, "/v1/units") == []
    unit = await client.get(f"/v1/units/{org.units[0].id}", headers=builder.headers)
    assert unit.status_code == 200
    assert unit.json()["allowed_actions"] == []


async def test_projects_are_searched_by_text_and_percent_is_a_character(
    client: httpx.AsyncClient, org: Org, clerk: Actor
) -> None:
    assert len(await items(client, clerk, "/v1/projects", q="云栖")) == 1
    assert len(await items(client, clerk, "/v1/projects", q="XM-")) == 1
    assert await items(client, clerk, "/v1/projects", q="%") == []
    assert await items(client, clerk, "/v1/projects", q="_") == []


async def test_homes_are_filtered_and_paged_in_one_statement(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, clerk: Actor, queries: QueryRecorder
) -> None:
    empty = org.units[1]
    empty.moved_in_on = None
    empty.house_type, empty.purchase_batch = "两室一厅", "二期"
    await session.flush()
    numbers = [one["number"] for one in await items(client, clerk, "/v1/units")]
    assert numbers == ["1-1403", "1-1303", "1-1203"]
    for query, expected in (
        ({"occupied": False}, ["1-1303"]),
        ({"occupied": True}, ["1-1403", "1-1203"]),
        ({"house_type": "两室一厅"}, ["1-1303"]),
        ({"purchase_batch": "一期"}, ["1-1403", "1-1203"]),
        ({"building_id": str(org.building.id), "q": "1303"}, ["1-1303"]),
        ({"q": "1单元 14"}, ["1-1403"]),
        ({"building_id": str(uuid7())}, []),
    ):
        assert [one["number"] for one in await items(client, clerk, "/v1/units", **query)] == expected, query
    with queries:
        answer = await client.get("/v1/units?limit=2&include_total=true", headers=clerk.headers)
    assert queries.count == 2  # the page, and the count that was asked for
    body = answer.json()
    assert [one["number"] for one in body["items"]] == ["1-1403", "1-1303"]
    assert (body["total"], body["total_is_exact"]) == (3, True)
    with queries:
        rest = await client.get("/v1/units", params={"limit": 2, "cursor": body["next_cursor"]}, headers=clerk.headers)
    assert queries.count == 1
    assert [one["number"] for one in rest.json()["items"]] == ["1-1203"]
    assert rest.json()["next_cursor"] is None


async def test_a_home_is_shown_with_links_and_answers_304(client: httpx.AsyncClient, org: Org, clerk: Actor) -> None:
    path = f"/v1/units/{org.units[0].id}"
    first = await client.get(path, headers=clerk.headers)
    body = first.json()
    assert body["address"] == "云栖雅苑 3栋 1单元 1203室"
    assert body["project_name"] == "云栖雅苑"
    assert body["building_name"] == "3栋"
    assert body["delivered_on"] == "2025-06-30"
    assert body["links"]["owners"] == f"/v1/owners?unit_id={org.units[0].id}"
    again = await client.get(path, headers=clerk.headers | {"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.rule("ADM-08")
async def test_a_new_project_starts_under_the_policy_of_its_region(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, admin: Actor, clock: FakeClock
) -> None:
    body = {
        "region_id": str(org.region.id),
        "code": "binjiang",
        "name": "滨江壹号",
        "city": "临澜",
        "address": "临澜市滨江路1号",
    }
    made = await client.post("/v1/projects", json=body, headers=admin.headers)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"/v1/projects/{made.json()['id']}"
    assert made.json()["has_sales_office"] is False
    policies = list(
        await session.scalars(select(PolicyInForce).where(PolicyInForce.project_id == UUID(made.json()["id"])))
    )
    assert [one.snapshot_id for one in policies] == [org.snapshot.id]
    assert policies[0].effective_from == clock()
    twice = await client.post("/v1/projects", json=body, headers=admin.headers)
    assert (twice.status_code, twice.json()["code"]) == (409, "name_taken")
    wrong = await client.post("/v1/projects", json=body | {"region_id": str(org.group.id)}, headers=admin.headers)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "not_a_region")
    assert wrong.json()["errors"][0]["pointer"] == "#/region_id"


async def test_one_who_reaches_a_project_only_enters_no_new_one(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org
) -> None:
    local = await people.staff("system_administrator", project_id=org.project.id)
    before = await events(session)
    body = {"region_id": str(org.region.id), "code": "x", "name": "甲", "city": "乙", "address": "丙"}
    answer = await client.post("/v1/projects", json=body, headers=local.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "out_of_reach")
    assert await events(session) == before
    assert await session.scalar(select(Project.id).where(Project.code == "x")) is None


async def test_buildings_and_homes_are_entered(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, clock: FakeClock
) -> None:
    local = await people.staff("system_administrator", project_id=org.project.id)
    building = await client.post(
        "/v1/buildings",
        json={"project_id": str(org.project.id), "name": "5栋", "floors": 33},
        headers=local.headers,
    )
    assert building.status_code == 201, building.text
    home = {
        "building_id": building.json()["id"],
        "number": "1-0801",
        "floor": 8,
        "house_type": "三室两厅",
        "purchase_batch": "二期",
        "area_cm2": 1_285_600,
    }
    made = await client.post("/v1/units", json=home, headers=local.headers)
    assert made.status_code == 201, made.text
    assert made.json()["address"] == "云栖雅苑 5栋 1-0801室"
    assert made.json()["delivered_on"] is None
    assert made.json()["allowed_actions"] == ["delivery"]
    twice = await client.post("/v1/units", json=home, headers=local.headers)
    assert (twice.status_code, twice.json()["code"]) == (409, "name_taken")
    names = [one["name"] for one in await items(client, local, f"/v1/projects/{org.project.id}/buildings")]
    assert names == ["5栋", "3栋"]
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    before = await events(session)
    hidden = await client.post(
        "/v1/units", json=home | {"building_id": str(sibling.building.id)}, headers=local.headers
    )
    assert (hidden.status_code, hidden.json()["code"]) == (404, "building_not_found")
    nowhere = await client.post(
        "/v1/buildings",
        json={"project_id": str(sibling.project.id), "name": "6栋", "floors": 3},
        headers=local.headers,
    )
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "project_not_found")
    assert await events(session) == before
    assert await session.scalar(select(Building.id).where(Building.name == "6栋")) is None


async def test_a_home_is_corrected_only_by_one_who_read_it(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, admin: Actor
) -> None:
    path = f"/v1/units/{org.units[0].id}"
    read = await client.get(path, headers=admin.headers)
    tag = {"If-Match": read.headers["etag"]}
    changed = await client.patch(path, json={"house_type": "四室两厅"}, headers=admin.headers | tag)
    assert changed.status_code == 200, changed.text
    assert changed.json()["house_type"] == "四室两厅"
    assert changed.json()["version"] == 2
    before = await events(session)
    stale = await client.patch(path, json={"floor": 1}, headers=admin.headers | tag)
    assert stale.status_code == 412
    bare = await client.patch(path, json={"floor": 1}, headers=admin.headers)
    assert bare.status_code == 428
    fresh = {"If-Match": changed.headers["etag"]}
    for wrong in ({"address": None}, {"delivered_on": "2026-01-01"}, {"area_cm2": 0}, {"status": "x"}):
        refused = await client.patch(path, json=wrong, headers=admin.headers | fresh)
        assert refused.status_code == 422, wrong
    taken = await client.patch(path, json={"number": "1-1303"}, headers=admin.headers | fresh)
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    same = await client.patch(path, json={"house_type": "四室两厅"}, headers=admin.headers | fresh)
    assert (same.status_code, same.json()["version"]) == (200, 2)
    assert await events(session) == before
    row = await session.get_one(Unit, org.units[0].id, populate_existing=True)
    assert (row.floor, row.version, row.address) == (12, 2, "云栖雅苑 3栋 1单元 1203室")


async def test_a_receptionist_without_the_scope_changes_nothing(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, people: Desk
) -> None:
    reception = await people.staff("receptionist", project_id=org.project.id)
    before = await events(session)
    answer = await client.post(
        f"/v1/units/{org.units[0].id}/occupancy", json={"moved_in_on": None}, headers=reception.headers
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert await events(session) == before


@pytest.mark.rule("REP-08")
async def test_building_parts_name_the_owner_s_warranty(client: httpx.AsyncClient, clerk: Actor, org: Org) -> None:
    answer = await client.get("/v1/building-parts", headers=clerk.headers)
    keys = {one["code"]: one["owner_warranty_key"] for one in answer.json()}
    assert len(keys) == 8
    assert keys["roof_waterproofing"] == "warranty.roof_waterproofing_months"
    assert keys["heating_cooling"] == "warranty.heating_cooling_seasons"
    assert set(OWNER_WARRANTY_KEY.values()) <= set(org.snapshot.values)
    trades = await client.get("/v1/trades", headers=clerk.headers)
    assert {"code": "plumbing", "name": "管道工"} in trades.json()
    companies = await items(client, clerk, "/v1/companies")
    assert {one["level"] for one in companies} == {"group", "region"}
