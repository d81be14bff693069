"""Who sees which owner, in lists, searches and by id; order and search by name."""

from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.contractors import make_property_company
from tests.factories.org import Org, make_org
from tests.factories.owners import add_ownership, make_owner
from tests.factories.people import Actor, Desk

from ownercare_api.core.http.state import AppState
from ownercare_api.owners import service
from ownercare_api.owners.models import Owner
from ownercare_api.timeline.models import Event

DOCUMENT = "330106198503078528"


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock(), units=6)


@pytest.fixture
async def sibling(session: AsyncSession, clock: FakeClock, org: Org) -> Org:
    return await make_org(session, now=clock(), name="滨江壹号", region=org.region)


async def names(client: httpx.AsyncClient, actor: Actor, **query: Any) -> list[str]:
    answer = await client.get("/v1/owners", params=query, headers=actor.headers)
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["items"]]


async def search(client: httpx.AsyncClient, actor: Actor, **body: Any) -> list[str]:
    answer = await client.post("/v1/owner-searches", json=body, headers=actor.headers)
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["items"]]


@pytest.mark.rule("OWN-07")
async def test_an_owner_is_seen_where_a_home_is_or_was(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, sibling: Org, state: AppState
) -> None:
    here = await make_owner(session, state.keyring, name="甲", phone="13800000001", units=[org.units[0]])
    there = await make_owner(
        session, state.keyring, name="乙", phone="13800000002", units=[sibling.units[0]], document_number=DOCUMENT
    )
    both = await make_owner(session, state.keyring, name="丙", phone="13800000003", units=[org.units[1]])
    await add_ownership(session, owner=both, unit=sibling.units[1], to_date=None)
    former = await make_owner(session, state.keyring, name="丁", phone="13800000004")
    await add_ownership(session, owner=former, unit=org.units[2], to_date=here.created_at.date())
    homeless = await make_owner(session, state.keyring, name="戊", phone="13800000005")
    clerk = await people.staff("records_clerk", project_id=org.project.id)
    region = await people.staff("records_clerk", region_id=org.region.id)
    everyone = await people.staff("records_clerk")
    assert await names(client, clerk) == ["丁", "丙", "甲"]
    assert await names(client, region) == ["丁", "丙", "乙", "甲"]
    assert await names(client, everyone) == ["戊", "丁", "丙", "乙", "甲"]
    assert await names(client, region, project_id=str(sibling.project.id)) == ["丙", "乙"]
    # A project out of reach adds nothing, though one of its owners is visible for another home.
    assert await names(client, clerk, unit_id=str(sibling.units[1].id)) == []
    listed = await client.get("/v1/owners", params={"include_total": True}, headers=clerk.headers)
    assert listed.json()["total"] == 3
    shown = await client.get(f"/v1/owners/{both.id}", headers=clerk.headers)
    assert [one["project_name"] for one in shown.json()["homes"]] == ["云栖雅苑"]
    assert len((await client.get(f"/v1/owners/{both.id}", headers=region.headers)).json()["homes"]) == 2
    for hidden in (there, homeless):
        answer = await client.get(f"/v1/owners/{hidden.id}", headers=clerk.headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "owner_not_found")
    assert await search(client, clerk, phone="13800000002") == []
    assert await search(client, clerk, document_number=DOCUMENT) == []
    assert await search(client, clerk, name="乙") == []
    assert await search(client, region, phone="13800000002", document_number=DOCUMENT) == ["乙"]
    assert await search(client, everyone, name="戊") == ["戊"]


async def test_changes_stop_at_the_same_border(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, sibling: Org, state: AppState
) -> None:
    there = await make_owner(session, state.keyring, units=[sibling.units[0]])
    seller = await people.staff("sales_consultant", project_id=org.project.id)
    before = int((await session.execute(select(func.count()).select_from(Event))).scalar_one())
    home = {"unit_id": str(org.units[0].id), "from_date": "2026-01-01"}
    for method, path, body in (
        ("PATCH", f"/v1/owners/{there.id}", {"occupation": "x"}),
        ("POST", f"/v1/owners/{there.id}/phones", {"number": "13900001111"}),
        ("POST", f"/v1/owners/{there.id}/ownerships", home),
        ("GET", f"/v1/owners/{there.id}/disclosures", None),
    ):
        answer = await client.request(method, path, json=body, headers=seller.headers | {"If-Match": "*"})
        assert (answer.status_code, answer.json()["code"]) == (404, "owner_not_found"), path
    looker = await people.staff("finance_officer")  # sees everybody, writes nobody
    refused = await client.post(f"/v1/owners/{there.id}/phones", json={"number": "13900001111"}, headers=looker.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert int((await session.execute(select(func.count()).select_from(Event))).scalar_one()) == before
    assert (await session.get_one(Owner, there.id, populate_existing=True)).version == 1


async def test_partner_firms_see_no_owners(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, state: AppState
) -> None:
    owner = await make_owner(session, state.keyring, units=[org.units[0]])
    company = await make_property_company(session, org, people)
    answer = await client.get(f"/v1/owners/{owner.id}", headers=company.captain.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert company.captain.principal is not None
    with pytest.raises(service.OwnerNotFound):
        await service.ensure_visible(session, owner_id=owner.id, principal=company.captain.principal)


async def test_names_are_found_by_piece_and_pinyin_and_sorted_as_readers_expect(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, state: AppState
) -> None:
    for unit, name in zip(org.units, ("张三丰", "曾国", "欧阳修", "单雄信", "Anna%"), strict=False):
        await make_owner(session, state.keyring, name=name, phone=None, units=[unit])
    clerk = await people.staff("records_clerk", project_id=org.project.id)
    by_name = ["Anna%", "欧阳修", "单雄信", "曾国", "张三丰"]
    assert await names(client, clerk, sort="name") == by_name
    for q, expected in (
        ("三", ["张三丰"]),
        ("zhangsan", ["张三丰"]),
        ("zhang san", ["张三丰"]),
        ("shan", ["单雄信"]),
        ("ou yang", ["欧阳修"]),
        ("ANNA", ["Anna%"]),
        ("%", ["Anna%"]),
        ("_", []),
        ("138", []),
    ):
        assert await names(client, clerk, q=q) == expected, q
    # Pages by name: two, two, one; the cursor carries no name.
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        query: dict[str, str] = {"sort": "name", "limit": "2", **({"cursor": cursor} if cursor else {})}
        answer = (await client.get("/v1/owners", params=query, headers=clerk.headers)).json()
        seen += [one["name"] for one in answer["items"]]
        cursor = answer["next_cursor"]
    assert (seen, cursor) == (by_name, None)


async def test_a_search_is_recorded_without_what_was_searched(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, state: AppState
) -> None:
    await make_owner(session, state.keyring, units=[org.units[0]], document_number=DOCUMENT)
    clerk = await people.staff("records_clerk", project_id=org.project.id)
    assert await search(client, clerk, phone="０１３８-1234-1234", name="王秀英") == ["王秀英"]
    assert await search(client, clerk, phone="13812341234", name="王秀") == []
    assert await search(client, clerk, document_number="330106 19850307 8528") == ["王秀英"]
    recorded = (
        await session.scalars(select(Event.data).where(Event.kind == "owner.searched").order_by(Event.seq))
    ).all()
    assert recorded == [
        {"by": ["phone", "name"], "matches": 1},
        {"by": ["phone", "name"], "matches": 0},
        {"by": ["document_number"], "matches": 1},
    ]
    for wrong, code in (
        ({}, "criterion_missing"),
        ({"phone": "12345"}, "invalid_phone"),
        ({"document_number": "!"}, "invalid_document"),
    ):
        refused = await client.post("/v1/owner-searches", json=wrong, headers=clerk.headers)
        assert refused.status_code == 422
        assert [one["code"] for one in refused.json()["errors"]] == [code]
    last = (await session.scalars(select(Event.data).where(Event.kind == "owner.searched").order_by(Event.seq))).all()
    assert last == recorded
