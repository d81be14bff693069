"""Delivery starts the owner's warranty clock once; occupancy is counted per household."""

from datetime import date, timedelta
from typing import Any

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
        "rented": 0,
        "vacant": 0,
        "moved_in_bp": share,
    }
    assert int((await session.execute(select(func.count()).select_from(Unit))).scalar_one()) == total


@pytest.mark.rule("OWN-14")
@pytest.mark.rule("OWN-17")
async def test_hand_overs_and_households_leave_a_history(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, admin: Actor, clock: FakeClock
) -> None:
    path = f"/v1/units/{org.units[0].id}"
    handed = {"delivered_on": "2026-11-01", "content": "验收合格", "handover_material": ["钥匙 3 把"]}
    await client.post(f"{path}/delivery", json=handed, headers=admin.headers)
    mended = {"delivered_on": "2026-11-02", "correction_reason": "晚一天"}
    await client.post(f"{path}/delivery", json=mended, headers=admin.headers)
    steps: tuple[tuple[dict[str, Any], int], ...] = (
        ({"moved_in_on": "2026-11-03", "occupied_by": "owner"}, 201),
        ({"moved_in_on": None, "moved_out_on": "2026-11-02"}, 422),
        ({"moved_in_on": None, "moved_out_on": "2026-11-21"}, 422),
        ({"moved_in_on": None, "moved_out_on": "2026-11-10"}, 201),
        ({"moved_in_on": "2026-11-09", "occupied_by": "tenant"}, 422),
        ({"moved_in_on": "2026-11-10", "moved_out_on": "2026-11-11"}, 422),
        ({"moved_in_on": "2026-11-10", "occupied_by": "tenant"}, 201),
    )
    for body, status in steps:
        answer = await client.post(f"{path}/occupancy", json=body, headers=admin.headers)
        assert answer.status_code == status, (body, answer.text)
    reader = await people.staff("records_clerk", project_id=org.project.id)
    lived = (await client.get(f"{path}/occupancies", headers=reader.headers)).json()["items"]
    assert [(one["moved_in_on"], one["moved_out_on"], one["occupied_by"]) for one in lived] == [
        ("2026-11-10", None, "tenant"),
        ("2026-11-03", "2026-11-10", "owner"),
    ]
    handovers = (await client.get(f"{path}/deliveries", headers=reader.headers)).json()["items"]
    assert [(one["delivered_on"], one["correction_reason"]) for one in handovers] == [
        ("2026-11-02", "晚一天"),
        ("2026-11-01", None),
    ]
    assert handovers[1]["handover_material"] == ["钥匙 3 把"]
    counted = (await client.get(f"/v1/projects/{org.project.id}/occupancy", headers=reader.headers)).json()
    assert (counted["moved_in"], counted["rented"], counted["vacant"]) == (1, 1, counted["delivered"] - 1)
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    stranger = await people.staff("records_clerk", project_id=sibling.project.id)
    for what in ("occupancies", "deliveries"):
        hidden = await client.get(f"{path}/{what}", headers=stranger.headers)
        assert (hidden.status_code, hidden.json()["code"]) == (404, "unit_not_found")
