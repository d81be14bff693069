"""The 360° page: one statement a section, each under its own scope, paged, on record."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.cases import bare_ticket
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.people import Actor, Desk
from tests.factories.records import get, post

from ownercare_api.core.http.state import AppState
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_looks import OwnerLook
from ownercare_api.owners.page import OwnerPage

SECTIONS = [
    "homes", "contacts", "households", "groups", "tags", "consents", "change_requests", "information_audits",
    "contract_payments", "looks", "cases", "complaints", "communication", "work_orders", "callbacks", "surveys",
]  # fmt: skip


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def owner(session: AsyncSession, state: AppState, org: Org) -> Owner:
    return await make_owner(session, state.keyring, units=[org.units[0]])


@pytest.fixture
async def clerk(people: Desk, org: Org) -> Actor:
    return await people.staff("records_clerk", project_id=org.project.id)


async def cases(session: AsyncSession, org: Org, owner: Owner, clock: FakeClock, *, count: int) -> list[str]:
    made = []
    for _ in range(count):
        ticket = await bare_ticket(session, org, now=clock())
        ticket.owner_id = owner.id
        made.append(ticket.number)
    await session.flush()
    return made


@pytest.mark.rule("OWN-10")
@pytest.mark.rule("OWN-02")
async def test_everything_in_one_call_with_one_statement_a_section(
    client: httpx.AsyncClient,
    session: AsyncSession,
    org: Org,
    owner: Owner,
    clerk: Actor,
    clock: FakeClock,
    queries: QueryRecorder,
    state: AppState,
) -> None:
    path = f"/v1/owners/{owner.id}"
    await post(client, f"{path}/contacts", clerk, name="李建国", relation="spouse", number="13911112222")
    await post(client, f"{path}/consents", clerk, purpose="events", channel="phone", text_version="1")
    numbers = await cases(session, org, owner, clock, count=3)
    await client.get("/v1/me", headers=clerk.headers)
    with queries:
        answer = await client.get(f"{path}/page", params={"limit": 2}, headers=clerk.headers)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body["sections"]) == SECTIONS
    assert [one.name for one in state.parts[OwnerPage].sections] == SECTIONS
    assert queries.count == len(SECTIONS) + 4  # the record, its numbers, its homes, and the look
    assert answer.headers["cache-control"] == "no-store"
    assert body["owner"]["name"] == "王秀英"
    sections = body["sections"]
    assert [one["number"] for one in sections["cases"]["items"]] == numbers[:0:-1]
    assert [one["number_masked"] for one in sections["contacts"]["items"]] == ["139****2222"]
    assert [one["purpose"] for one in sections["consents"]["items"]] == ["events"]
    assert [one["address"] for one in sections["homes"]["items"]] == [org.units[0].address]
    assert sections["contacts"]["next_cursor"] is None
    query = {"limit": 2, "sections": "cases", "cursor": sections["cases"]["next_cursor"]}
    rest = await get(client, f"{path}/page", clerk, **query)
    assert {name: [one["number"] for one in part["items"]] for name, part in rest["sections"].items()} == {
        "cases": [numbers[0]]
    }
    looks = list(await session.scalars(select(OwnerLook.look).order_by(OwnerLook.id)))
    assert looks == ["page", "page"]


async def test_sections_go_by_the_callers_own_scopes_and_reach(
    client: httpx.AsyncClient,
    session: AsyncSession,
    people: Desk,
    org: Org,
    owner: Owner,
    clock: FakeClock,
    state: AppState,
) -> None:
    await cases(session, org, owner, clock, count=1)
    path = f"/v1/owners/{owner.id}/page"
    sales = await people.staff("sales_consultant", project_id=org.project.id)
    shown = (await get(client, path, sales))["sections"]
    assert set(shown) == set(SECTIONS) - {"work_orders", "callbacks", "surveys"}
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    stranger = await people.staff("records_clerk", project_id=sibling.project.id)
    hidden = await client.get(path, headers=stranger.headers)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "owner_not_found")
    # Somebody who reads owners everywhere, but cases of the sibling project only.
    mixed = await people.staff("hr_officer")
    assert (await client.get(path, headers=mixed.headers)).status_code == 403


async def test_a_cursor_goes_with_its_section_and_owner(
    client: httpx.AsyncClient,
    session: AsyncSession,
    org: Org,
    owner: Owner,
    clerk: Actor,
    clock: FakeClock,
    state: AppState,
) -> None:
    await cases(session, org, owner, clock, count=2)
    other = await make_owner(session, state.keyring, name="李四", phone=None, units=[org.units[1]])
    path = f"/v1/owners/{owner.id}/page"
    cursor = (await get(client, path, clerk, limit=1))["sections"]["cases"]["next_cursor"]
    wrongs: list[tuple[str, dict[str, Any], str]] = [
        (path, {"cursor": cursor}, "cursor_needs_section"),
        (path, {"cursor": cursor, "sections": ["cases", "looks"]}, "cursor_needs_section"),
        (path, {"cursor": cursor, "sections": "looks"}, "invalid_cursor"),
        (f"/v1/owners/{other.id}/page", {"cursor": cursor, "sections": "cases"}, "invalid_cursor"),
        (path, {"sections": "salary"}, "section_unknown"),
    ]
    for where, query, code in wrongs:
        answer = await client.get(where, params=query, headers=clerk.headers)
        assert (answer.status_code, answer.json()["code"]) == (422, code), query
