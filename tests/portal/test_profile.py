"""One's own record, homes and warranty; and who looked."""

from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.org import make_org
from tests.factories.owners import add_ownership, add_phone
from tests.factories.people import Desk
from tests.factories.portal import Login, Neighbours, make_case

from ownercare_api.core.http.state import AppState
from ownercare_api.owners import looks
from ownercare_api.owners.looks import Look
from ownercare_api.portal.sentences import LOOKS
from ownercare_api.properties.models import Unit


async def get(client: httpx.AsyncClient, who: Login, path: str, **query: Any) -> Any:
    answer = await client.get(f"/v1/my{path}", params=query, headers=who.headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


@pytest.mark.rule("OWN-07")
@pytest.mark.rule("OWN-15")
async def test_the_own_record_is_masked_too(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, here: Neighbours
) -> None:
    await add_phone(session, state.keyring, owner=here.anna.record, phone="13700008888")
    shown = await get(client, here.anna, "/profile")
    assert shown["id"] == str(here.anna.id)
    assert shown["name"] == "王秀英"
    assert shown["document_masked"] == "3****************8"
    assert [(one["number_masked"], one["is_primary"]) for one in shown["phones"]] == [
        ("138****1234", True),
        ("137****8888", False),
    ]
    assert [(one["id"], one["share_bp"]) for one in shown["homes"]] == [(str(here.home.id), 5000)]
    answer = await client.get("/v1/my/profile", headers=here.anna.headers)
    assert not any(secret in answer.text for secret in ("13812341234", "330106198503078528", "陈志强", "李建国"))
    again = await client.get("/v1/my/profile", headers=here.anna.headers | {"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert (await get(client, here.fred, "/profile"))["homes"] == []


@pytest.mark.rule("OWN-10")
async def test_only_homes_that_are_his_now(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours, queries: QueryRecorder
) -> None:
    assert [one["id"] for one in (await get(client, here.anna, "/homes"))["items"]] == [str(here.home.id)]
    assert [one["id"] for one in (await get(client, here.ben, "/homes"))["items"]] == [str(here.other_home.id)]
    assert (await get(client, here.fred, "/homes"))["items"] == []
    second = await make_org(session, now=clock(), name="滨江壹号", region=here.org.region, units=3)
    for unit in second.units:
        await add_ownership(session, owner=here.anna.record, unit=unit, from_date=date(2026, 11, 20))
    bought_tomorrow = await add_ownership(
        session, owner=here.anna.record, unit=here.org.units[2], from_date=date(2026, 11, 21)
    )
    first = await get(client, here.anna, "/homes", limit=2, include_total=True)
    assert (len(first["items"]), first["total"]) == (2, 4)
    rest = await get(client, here.anna, "/homes", limit=2, include_total=True, cursor=first["next_cursor"])
    assert len({one["id"] for one in first["items"] + rest["items"]}) == 4
    there = await get(client, here.anna, "/homes", project_id=str(second.project.id))
    assert {one["id"] for one in there["items"]} == {str(unit.id) for unit in second.units}
    with queries:
        await get(client, here.anna, "/homes")
    assert queries.count == 1
    clock.forward(days=1)
    assert str(bought_tomorrow.unit_id) in [one["id"] for one in (await get(client, here.anna, "/homes"))["items"]]


@pytest.mark.rule("REP-08")
@pytest.mark.rule("OWN-14")
async def test_the_warranty_counts_from_the_delivery(
    client: httpx.AsyncClient, session: AsyncSession, here: Neighbours, clock: FakeClock
) -> None:
    shown = await get(client, here.anna, f"/homes/{here.home.id}")
    assert (shown["delivered_on"], shown["building"], shown["number"]) == ("2025-06-30", "3栋", "1-1203")
    covers = {one["building_part"]: (one["covered_until"], one["in_warranty"]) for one in shown["warranty"]}
    assert covers == {
        "roof_waterproofing": ("2030-06-30", True),
        "wet_room_waterproofing": ("2030-06-30", True),
        "facade_waterproofing": ("2030-06-30", True),
        "heating_cooling": ("2027-09-15", True),
        "electrics": ("2027-06-30", True),
        "plumbing": ("2027-06-30", True),
        "equipment": ("2027-06-30", True),
        "decoration": ("2027-06-30", True),
    }
    clock.now = datetime(2027, 6, 30, 15, 59, tzinfo=UTC)  # the last minute of the last day in Shanghai
    last = {one["building_part"]: one for one in (await get(client, here.anna, f"/homes/{here.home.id}"))["warranty"]}
    assert last["electrics"]["in_warranty"] is True
    clock.forward(minutes=1)
    over = {one["building_part"]: one for one in (await get(client, here.anna, f"/homes/{here.home.id}"))["warranty"]}
    assert (over["electrics"]["in_warranty"], over["roof_waterproofing"]["in_warranty"]) == (False, True)
    home = await session.get_one(Unit, here.other_home.id)
    home.delivered_on = home.moved_in_on = None
    await session.flush()
    fresh = await get(client, here.ben, f"/homes/{here.other_home.id}")
    assert {(one["covered_until"], one["in_warranty"]) for one in fresh["warranty"]} == {(None, True)}


@pytest.mark.rule("OWN-07")
async def test_every_look_is_shown_with_person_department_and_reason(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, clock: FakeClock, here: Neighbours
) -> None:
    clerk = await people.staff("complaint_specialist", project_id=here.org.project.id, name="周晓岚")
    case = await make_case(session, here.org, unit=here.home, owner=here.anna, received_at=clock())
    assert clerk.principal is not None
    assert here.anna.actor.principal is not None
    await looks.record(
        session, owner_ids=[here.anna.id, here.ben.id], actor=clerk.principal, look=Look.LIST, now=clock()
    )
    clock.forward(minutes=5)
    answer = await client.post(
        f"/v1/owners/{here.anna.id}/disclosures",
        json={"field": "mobile", "purpose": "联系业主确认上门时间", "ticket_id": str(case.id)},
        headers=clerk.headers,
    )
    assert answer.status_code == 201, answer.text
    await looks.record(
        session, owner_ids=[here.anna.id], actor=here.anna.actor.principal, look=Look.RECORD, now=clock()
    )
    seen = (await get(client, here.anna, "/looks"))["items"]
    assert [(one["look"], one["words"], one["who"]) for one in seen] == [
        ("disclosure", "查看了您的明文信息", "周晓岚"),
        ("list", "在列表中看到了您的信息", "周晓岚"),
    ]
    assert seen[0]["field"] == "mobile"
    assert seen[0]["purpose"] == "联系业主确认上门时间"
    assert seen[0]["ticket"] == {"id": str(case.id), "number": case.number}
    assert seen[0]["department"] == {"code": "customer_service", "name": "客服部"}
    assert seen[0]["post"] == {"code": "complaint_specialist", "name": "投诉管理专员"}
    assert "id" not in [key for key in seen[0] if key.startswith("actor")]
    english = await client.get("/v1/my/looks", headers=here.anna.headers | {"Accept-Language": "en"})
    assert english.json()["items"][0]["words"] == "looked at a value of yours in clear"
    assert [one["look"] for one in (await get(client, here.ben, "/looks"))["items"]] == ["list"]
    assert (await get(client, here.carl, "/looks"))["items"] == []
    for query, count in (
        ({"look": "list"}, 1),
        ({"look": "export"}, 0),
        ({"who_kind": "staff", "department": "customer_service"}, 2),
        ({"department": "finance"}, 0),
        ({"ticket_id": str(case.id)}, 1),
        ({"at_from": clock().isoformat()}, 1),
        ({"at_before": clock().isoformat()}, 1),
    ):
        page = await get(client, here.anna, "/looks", include_total=True, **query)
        assert (page["total"], len(page["items"])) == (count, count), query


def test_every_kind_of_look_has_words_in_both_languages() -> None:
    assert set(LOOKS) == set(Look)
    assert all(zh != en and en.isascii() for zh, en in LOOKS.values())
