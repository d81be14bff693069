"""Delivery starts the owner's warranty clock once; occupancy is counted per household."""

from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.org import Org, make_org
from tests.factories.people import Actor, Desk

from ownercare_api.core.http.state import AppState
from ownercare_api.properties.models import Unit, UnitDelivery
from ownercare_api.timeline.models import Event


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock(), units=2, delivered_on=None)


@pytest.fixture
async def admin(people: Desk) -> Actor:
    return await people.staff("system_administrator")


async def kinds(session: AsyncSession, org: Org) -> list[str]:
    found = select(Event.kind).where(Event.subject_id == org.units[0].id).order_by(Event.seq)
    return list(await session.scalars(found))


@pytest.mark.rule("OWN-14")
async def test_a_home_is_delivered_once_and_corrected_with_a_reason(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, admin: Actor
) -> None:
    path = f"/v1/units/{org.units[0].id}/delivery"
    body = {"delivered_on": "2026-11-20", "content": "验收合格", "handover_material": ["住宅质量保证书", "钥匙 3 把"]}
    first = await client.post(path, json=body, headers=admin.headers)
    assert first.status_code == 201, first.text
    assert (first.json()["delivered_on"], first.json()["version"]) == ("2026-11-20", 2)
    assert first.json()["allowed_actions"] == ["occupancy"]
    second = await client.post(path, json={"delivered_on": "2026-11-19"}, headers=admin.headers)
    assert (second.status_code, second.json()["code"]) == (409, "already_delivered")
    assert second.json()["rules"] == ["OWN-14"]
    assert await kinds(session, org) == ["unit.delivered"]
    corrected = await client.post(
        path, json={"delivered_on": "2026-11-19", "correction_reason": "交接单日期为 19 日"}, headers=admin.headers
    )
    assert (corrected.status_code, corrected.json()["delivered_on"]) == (201, "2026-11-19")
    assert await kinds(session, org) == ["unit.delivered", "unit.delivery_corrected"]
    records = list(await session.scalars(select(UnitDelivery).order_by(UnitDelivery.id)))
    assert [(one.delivered_on, one.correction_reason, one.handover_material) for one in records] == [
        (date(2026, 11, 20), None, ["住宅质量保证书", "钥匙 3 把"]),
        (date(2026, 11, 19), "交接单日期为 19 日", []),
    ]


@pytest.mark.rule("OWN-14")
async def test_no_delivery_tomorrow_and_no_correction_of_nothing(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, admin: Actor, clock: FakeClock
) -> None:
    path = f"/v1/units/{org.units[0].id}/delivery"
    clock.forward(hours=11, minutes=59)  # 23:59 in Shanghai
    future = await client.post(path, json={"delivered_on": "2026-11-21"}, headers=admin.headers)
    assert (future.status_code, future.json()["code"]) == (422, "wrong_day")
    assert future.json()["errors"][0]["pointer"] == "#/delivered_on"
    nothing = await client.post(
        path, json={"delivered_on": "2026-11-20", "correction_reason": "更正"}, headers=admin.headers
    )
    assert (nothing.status_code, nothing.json()["code"]) == (409, "not_delivered")
    assert await kinds(session, org) == []
    assert (await session.get_one(Unit, org.units[0].id, populate_existing=True)).version == 1
    clock.forward(minutes=1)  # the 21st has begun there
    today = await client.post(path, json={"delivered_on": "2026-11-21"}, headers=admin.headers)
    assert today.status_code == 201


@pytest.mark.rule("OWN-17")
async def test_households_move_in_after_delivery_and_out_again(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, admin: Actor
) -> None:
    unit = org.units[0]
    path = f"/v1/units/{unit.id}/occupancy"
    early = await client.post(path, json={"moved_in_on": "2026-11-20"}, headers=admin.headers)
    assert (early.status_code, early.json()["code"]) == (409, "not_delivered")
    await client.post(f"/v1/units/{unit.id}/delivery", json={"delivered_on": "2026-11-10"}, headers=admin.headers)
    before_delivery = await client.post(path, json={"moved_in_on": "2026-11-09"}, headers=admin.headers)
    assert (before_delivery.status_code, before_delivery.json()["code"]) == (422, "wrong_day")
    moved = await client.post(path, json={"moved_in_on": "2026-11-10"}, headers=admin.headers)
    assert (moved.status_code, moved.json()["moved_in_on"]) == (201, "2026-11-10")
    again = await client.post(path, json={"moved_in_on": "2026-11-11"}, headers=admin.headers)
    assert (again.status_code, again.json()["code"]) == (409, "occupancy_unchanged")
    later = await client.post(
        f"/v1/units/{unit.id}/delivery",
        json={"delivered_on": "2026-11-11", "correction_reason": "晚一天"},
        headers=admin.headers,
    )
    assert (later.status_code, later.json()["code"]) == (422, "wrong_day")
    out = await client.post(path, json={"moved_in_on": None}, headers=admin.headers)
    assert (out.status_code, out.json()["moved_in_on"]) == (201, None)
    empty = await client.post(path, json={"moved_in_on": None}, headers=admin.headers)
    assert empty.status_code == 409
    assert await kinds(session, org) == ["unit.delivered", "unit.moved_in", "unit.moved_out"]


@pytest.mark.rule("OWN-17")
@pytest.mark.rule("CBK-03")
@pytest.mark.parametrize(
    ("moved_in", "total", "share"), [(0, 0, 0), (1, 3, 3333), (2, 3, 6666), (1, 2, 5000), (3, 3, 10_000)]
)
async def test_occupancy_is_counted_in_one_statement(
    client: httpx.AsyncClient,
    session: AsyncSession,
    people: Desk,
    clock: FakeClock,
    queries: QueryRecorder,
    state: AppState,
    moved_in: int,
    total: int,
    share: int,
) -> None:
    org = await make_org(session, now=clock(), units=total, delivered_on=None)
    for unit in org.units[:moved_in]:
        unit.delivered_on = unit.moved_in_on = clock().date() - timedelta(days=30)
    await session.flush()
    reader = await people.staff("records_clerk", project_id=org.project.id)
    await client.get("/v1/me", headers=reader.headers)
    with queries:
        answer = await client.get(f"/v1/projects/{org.project.id}/occupancy", headers=reader.headers)
    assert queries.count == 1
    assert answer.json() == {
        "project_id": str(org.project.id),
        "units": total,
        "delivered": moved_in,
        "moved_in": moved_in,
        "moved_in_bp": share,
    }
    assert int((await session.execute(select(func.count()).select_from(Unit))).scalar_one()) == total
