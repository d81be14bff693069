"""Setting an installation up: the group, its regional companies, the first project."""

from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.factories.people import Actor, Desk

from ownercare_api.properties.models import Company


async def company(client: httpx.AsyncClient, actor: Actor, **body: Any) -> httpx.Response:
    return await client.post("/v1/companies", json=body, headers=actor.headers)


@pytest.mark.rule("ADM-08")
async def test_an_empty_installation_is_set_up_over_the_api(client: httpx.AsyncClient, people: Desk) -> None:
    admin = await people.staff("system_administrator")
    group = await company(client, admin, code="group", name="云栖集团")
    assert (group.status_code, group.json()["level"], group.json()["parent_id"]) == (201, "group", None)
    region = await company(client, admin, code="east", name="华东区域公司", parent_id=group.json()["id"])
    assert (region.status_code, region.json()["level"]) == (201, "region")
    project = {
        "region_id": region.json()["id"],
        "code": "yunqi",
        "name": "云栖雅苑",
        "city": "临澜",
        "address": "云栖路 88 号",
    }
    opened = await client.post("/v1/projects", json=project, headers=admin.headers)
    assert opened.status_code == 201
    force = await client.get(f"/v1/policies/in-force?project_id={opened.json()['id']}", headers=admin.headers)
    assert force.status_code == 200


async def test_refusals_change_nothing(client: httpx.AsyncClient, people: Desk, session: AsyncSession) -> None:
    admin = await people.staff("system_administrator")
    group = (await company(client, admin, code="group", name="云栖集团")).json()["id"]
    region = (await company(client, admin, code="east", name="华东区域公司", parent_id=group)).json()["id"]
    clerk = await people.staff("receptionist")
    for actor, body, status, code in (
        (admin, {"code": "other", "name": "另一集团"}, 409, "group_exists"),
        (admin, {"code": "east", "name": "重复编码", "parent_id": group}, 409, "name_taken"),
        (admin, {"code": "below", "name": "挂错层级", "parent_id": region}, 422, "not_the_group"),
        (clerk, {"code": "west", "name": "华西区域公司", "parent_id": group}, 403, "missing_scope"),
    ):
        answer = await company(client, actor, **body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await session.scalar(select(func.count()).select_from(Company)) == 2
