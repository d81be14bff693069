"""Companies, projects and buildings are corrected: If-Match, events, codes and addresses of homes that stay."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.contractors import make_property_company
from tests.factories.org import Org, make_org
from tests.factories.people import Actor, Desk

from ownercare_api.core.ids import uuid7
from ownercare_api.properties.models import Building, Unit
from ownercare_api.timeline.models import Event


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock(), name="云栖雅苑")


@pytest.fixture
async def admin(people: Desk) -> Actor:
    return await people.staff("system_administrator")


async def patched(
    client: httpx.AsyncClient, actor: Actor, path: str, body: dict[str, Any], *, tag: str = "*"
) -> httpx.Response:
    return await client.patch(path, json=body, headers=actor.headers | {"If-Match": tag})


@pytest.mark.rule("OWN-04", "OWN-12")
async def test_each_is_read_corrected_and_told(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, admin: Actor
) -> None:
    address = org.units[0].address
    for path, changes, kind in (
        (f"/v1/companies/{org.region.id}", {"name": "华东第一区域公司"}, "company.updated"),
        (
            f"/v1/projects/{org.project.id}",
            {"name": "云栖雅苑一期", "city": "临澜", "address": "云栖路 90 号", "has_sales_office": False},
            "project.updated",
        ),
        (f"/v1/buildings/{org.building.id}", {"name": "三号楼", "floors": 32}, "building.updated"),
    ):
        read = await client.get(path, headers=admin.headers)
        assert read.status_code == 200, read.text
        before = read.json()
        changed = await patched(client, admin, path, changes, tag=read.headers["etag"])
        assert changed.status_code == 200, changed.text
        assert changed.json() == before | changes | {"version": before["version"] + 1}
        again = await client.get(path, headers=admin.headers)
        assert (again.json(), again.headers["etag"]) == (changed.json(), changed.headers["etag"])
        stale = await patched(client, admin, path, changes, tag=read.headers["etag"])
        assert (stale.status_code, stale.json()["code"]) == (412, "stale")
        missing = await client.patch(path, json=changes, headers=admin.headers)
        assert missing.status_code == 428
        # The same once more changes nothing and says nothing.
        same = await patched(client, admin, path, changes, tag=changed.headers["etag"])
        assert (same.status_code, same.json()) == (200, changed.json())
        events = (await session.scalars(select(Event).where(Event.kind == kind))).all()
        new = sorted(name for name, value in changes.items() if before[name] != value)
        assert [one.data for one in events] == [{"fields": new}]
    home = await session.get_one(Unit, org.units[0].id, populate_existing=True)
    assert home.address == address


@pytest.mark.rule("ADM-08", "ORG-10")
async def test_refusals_change_nothing(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, admin: Actor, people: Desk, clock: FakeClock
) -> None:
    sibling = await make_org(session, now=clock(), name="白鹭洲府")
    other = Building(id=uuid7(), project_id=org.project.id, name="九号楼", floors=9)
    session.add(other)
    await session.flush()
    manager = await people.staff("customer_service_manager", project_id=org.project.id)
    firm = (await make_property_company(session, org, people)).firm
    outsider = await people.firm_user("property_company_manager", firm_id=firm.id)
    before = await session.scalar(select(func.count()).select_from(Event))
    region, project, building = (
        f"/v1/companies/{org.region.id}",
        f"/v1/projects/{org.project.id}",
        f"/v1/buildings/{org.building.id}",
    )
    for actor, path, body, status, code in (
        (manager, region, {"name": "改名"}, 403, "out_of_reach"),
        (manager, f"/v1/projects/{sibling.project.id}", {"name": "改名"}, 404, "project_not_found"),
        (manager, f"/v1/buildings/{sibling.building.id}", {"name": "改名"}, 404, "building_not_found"),
        (outsider, project, {"name": "改名"}, 403, "missing_scope"),
        (admin, f"/v1/companies/{uuid4()}", {"name": "改名"}, 404, "company_not_found"),
        (admin, region, {"code": "west"}, 422, "validation_failed"),
        (admin, project, {"code": "west"}, 422, "validation_failed"),
        (admin, project, {"region_id": str(sibling.region.id)}, 422, "validation_failed"),
        (admin, project, {"name": None}, 422, "validation_failed"),
        (admin, building, {"floors": 0}, 422, "validation_failed"),
        (admin, building, {"name": "九号楼"}, 409, "name_taken"),
    ):
        refused = await patched(client, actor, path, body)
        assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
    assert await session.scalar(select(func.count()).select_from(Event)) == before
    seen = await client.get(building, headers=outsider.headers)
    assert (seen.status_code, seen.json()["version"]) == (200, 1)
    hidden = await client.get(f"/v1/buildings/{sibling.building.id}", headers=outsider.headers)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "building_not_found")
    allowed = await patched(client, manager, project, {"address": "云栖路 90 号"})
    assert (allowed.status_code, allowed.json()["address"]) == (200, "云栖路 90 号")
