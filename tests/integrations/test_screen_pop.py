"""Who is calling: none, one, several owners; homes with warranties, open cases, last contacts; in three statements."""

from datetime import date
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.org import Org, make_org
from tests.factories.owners import add_ownership, add_phone, make_owner
from tests.factories.people import Actor, Desk

from ownercare_api.core.http.state import AppState
from ownercare_api.identity.models import GrantLevel
from ownercare_api.timeline.models import Event

PHONE = "13812341234"


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock(), units=3)


@pytest.fixture
async def agent(people: Desk, org: Org) -> Actor:
    return await people.staff("call_center_agent")


async def look(client: httpx.AsyncClient, actor: Actor, phone: str = PHONE) -> dict[str, Any]:
    answer = await client.post("/v1/call-center/caller-lookups", json={"phone": phone}, headers=actor.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def register(client: httpx.AsyncClient, actor: Actor, **fields: Any) -> dict[str, Any]:
    body = {
        "category": "repair",
        "channel": "hotline",
        "title": "主卧卫生间渗漏",
        "description": "楼下天花板滴水。",
        "caller_name": "王秀英",
        "caller_phone": PHONE,
    }
    answer = await client.post("/v1/tickets", json=body | fields, headers=actor.headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.rule("CHN-03")
async def test_an_owner_is_known_by_any_spelling_of_the_number(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, agent: Actor, state: AppState
) -> None:
    owner = await make_owner(session, state.keyring, units=org.units[:2], home_address="临澜市江晖路 12 号")
    owner.preferences = "上门前请先电话联系"
    await add_phone(session, state.keyring, owner=owner, phone="010-12345678")
    await session.flush()
    for spelling in (PHONE, "+86 138-1234-1234", "0086 13812341234", "０13812341234", "１３８１２３４１２３４"):
        found = await look(client, agent, spelling)
        assert [one["id"] for one in found["owners"]] == [str(owner.id)], spelling
    (known,) = found["owners"]
    assert (known["name"], known["preferences"], known["phone_is_primary"]) == ("王秀英", "上门前请先电话联系", True)
    assert found["phone_masked"] == "138****1234"
    assert [one["address"] for one in known["homes"]] == [org.units[0].address, org.units[1].address]
    assert known["open_tickets"] == known["last_contacts"] == found["unlinked_tickets"] == []
    assert found["more_owners"] is False
    landline = await look(client, agent, "（010）1234 5678")
    assert [one["phone_is_primary"] for one in landline["owners"]] == [False]
    assert landline["phone_masked"] == "010-****5678"
    assert (await look(client, agent, "010-87654321"))["owners"] == []


@pytest.mark.rule("REP-08")
async def test_homes_carry_the_owner_s_warranty_of_each_part(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, agent: Actor, state: AppState
) -> None:
    org.units[0].delivered_on = org.units[0].moved_in_on = date(2024, 11, 20)
    org.units[1].delivered_on = org.units[1].moved_in_on = date(2024, 11, 19)
    org.units[2].delivered_on = org.units[2].moved_in_on = None
    await session.flush()
    await make_owner(session, state.keyring, units=org.units)
    (known,) = (await look(client, agent))["owners"]
    covers = [
        {one["building_part"]: (one["covered_until"], one["in_warranty"]) for one in home["warranty"]}
        for home in known["homes"]
    ]
    assert covers[0]["plumbing"] == ("2026-11-20", True)  # the last day itself is inside
    assert covers[1]["plumbing"] == ("2026-11-19", False)
    assert covers[1]["roof_waterproofing"] == ("2029-11-19", True)
    assert len(covers[0]) == 8
    assert (known["homes"][2]["delivered_on"], covers[2]) == (None, {})


@pytest.mark.rule("CHN-03")
async def test_three_owners_of_one_number_each_with_their_own_cases(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, agent: Actor, state: AppState
) -> None:
    owners = [
        await make_owner(session, state.keyring, name=name, units=[unit])
        for name, unit in zip(("甲", "乙", "丙"), org.units, strict=True)
    ]
    ticket = await register(client, agent, unit_id=str(org.units[1].id), owner_id=str(owners[1].id))
    found = await look(client, agent)
    assert [one["name"] for one in found["owners"]] == ["甲", "乙", "丙"]
    assert [len(one["homes"]) for one in found["owners"]] == [1, 1, 1]
    assert [[case["number"] for case in one["open_tickets"]] for one in found["owners"]] == [[], [ticket["number"]], []]
    assert found["unlinked_tickets"] == []


async def test_a_former_owner_has_no_home_any_more(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, agent: Actor, state: AppState
) -> None:
    owner = await make_owner(session, state.keyring)
    await add_ownership(session, owner=owner, unit=org.units[0], to_date=date(2026, 11, 20))
    await add_ownership(session, owner=owner, unit=org.units[1], from_date=date(2026, 11, 21))
    await add_ownership(session, owner=owner, unit=org.units[2], from_date=date(2026, 11, 20))
    (known,) = (await look(client, agent))["owners"]
    assert [one["unit_id"] for one in known["homes"]] == [str(org.units[2].id)]


@pytest.mark.rule("CHN-10")
async def test_open_cases_show_the_clock_that_is_due_first_and_the_last_contacts(
    client: httpx.AsyncClient,
    session: AsyncSession,
    org: Org,
    agent: Actor,
    people: Desk,
    state: AppState,
    clock: FakeClock,
) -> None:
    owner = await make_owner(session, state.keyring, units=org.units)
    manager = await people.staff("customer_service_manager")
    unit = str(org.units[0].id)
    first = await register(client, agent, unit_id=unit, owner_id=str(owner.id), title="第一件")
    withdrawn = await register(client, agent, unit_id=unit, owner_id=str(owner.id), title="撤回")
    clock.forward(minutes=30)
    answered = await client.post(
        f"/v1/tickets/{first['id']}/responses",
        json={"channel": "phone", "content": "已告知业主明日上门"},
        headers=manager.headers,
    )
    assert answered.status_code == 201, answered.text
    gone = await client.post(
        f"/v1/tickets/{withdrawn['id']}/withdrawal", json={"reason": "重复"}, headers=manager.headers
    )
    assert gone.status_code == 201, gone.text
    clock.forward(minutes=1)
    second = await register(client, agent, unit_id=unit, owner_id=str(owner.id), title="第二件", urgent=True)
    (known,) = (await look(client, agent))["owners"]
    assert [(one["title"], one["urgent"]) for one in known["open_tickets"]] == [("第二件", True), ("第一件", False)]
    newest, oldest = known["open_tickets"]
    assert (newest["number"], newest["status"], newest["category"]) == (second["number"], "registered", "repair")
    # 12:31 on Friday plus two business hours; the first one is answered, so its site survey is due next.
    assert newest["next_deadline"] == {"kind": "response", "due_at": "2026-11-20T06:31:00Z", "overdue": False}
    assert oldest["next_deadline"]["kind"] == "site_survey"
    contacts = [(one["direction"], one["ticket_number"], one["kind"]) for one in known["last_contacts"]]
    assert contacts[:2] == [("incoming", second["number"], "repair"), ("outgoing", first["number"], "response")]
    assert len(known["last_contacts"]) == 4
    assert known["last_contacts"][-1]["direction"] == "incoming"
    clock.forward(hours=2, microseconds=1)
    (known,) = (await look(client, agent))["owners"]
    assert known["open_tickets"][0]["next_deadline"]["overdue"] is True
    for place in range(4):
        await register(client, agent, unit_id=unit, owner_id=str(owner.id), title=f"第{place}件")
    (known,) = (await look(client, agent))["owners"]
    assert len(known["last_contacts"]) == 5
    assert len(known["open_tickets"]) == 6


async def test_what_an_unknown_number_registered_before_is_shown(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, agent: Actor, state: AppState
) -> None:
    ticket = await register(client, agent, unit_id=str(org.units[0].id))
    await register(client, agent, unit_id=str(org.units[0].id), caller_phone="13900001111")
    found = await look(client, agent)
    assert found["owners"] == []
    assert [one["number"] for one in found["unlinked_tickets"]] == [ticket["number"]]
    owner = await make_owner(session, state.keyring, units=[org.units[1]])
    found = await look(client, agent)
    assert [one["id"] for one in found["owners"]] == [str(owner.id)]
    assert [one["number"] for one in found["unlinked_tickets"]] == [ticket["number"]]


@pytest.mark.rule("OWN-07")
async def test_an_agent_of_one_project_learns_nothing_of_another(
    client: httpx.AsyncClient,
    session: AsyncSession,
    org: Org,
    agent: Actor,
    people: Desk,
    state: AppState,
    clock: FakeClock,
) -> None:
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    owner = await make_owner(session, state.keyring, units=[sibling.units[0]])
    await register(client, agent, unit_id=str(sibling.units[0].id), owner_id=str(owner.id))
    await register(client, agent, unit_id=str(sibling.units[1].id))
    local = await people.staff("call_center_agent", project_id=org.project.id)
    found = await look(client, local)
    assert (found["owners"], found["unlinked_tickets"]) == ([], [])
    await add_ownership(session, owner=owner, unit=org.units[0])
    found = await look(client, local)
    assert [one["project_name"] for one in found["owners"][0]["homes"]] == ["云栖雅苑"]
    assert found["owners"][0]["open_tickets"] == found["owners"][0]["last_contacts"] == []


@pytest.mark.rule("OWN-07")
async def test_a_look_up_is_on_record_without_the_number(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, people: Desk, state: AppState
) -> None:
    owner = await make_owner(session, state.keyring, units=[org.units[0]])
    machine = await people.machine("call_center:lookup", level=GrantLevel.COMPANY)
    found = await look(client, machine)
    event = (await session.scalars(select(Event).where(Event.kind == "caller.looked_up"))).one()
    assert str(event.subject_id) == found["lookup_id"]
    assert (event.actor_id, event.actor_kind) == (machine.id, "client")
    assert event.data == {"owner_ids": [str(owner.id)], "unlinked_tickets": 0}


async def test_the_screen_pop_takes_three_statements_the_look_and_the_event(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, agent: Actor, state: AppState, queries: QueryRecorder
) -> None:
    for name, unit in zip(("甲", "乙", "丙"), org.units, strict=True):
        await make_owner(session, state.keyring, name=name, units=[unit])
    await look(client, agent)  # the process knows the caller and the policy now
    with queries:
        await look(client, agent)
    kinds = [one.split()[0].strip("(") for one in queries.statements]
    assert kinds == ["SELECT", "SELECT", "SELECT", "INSERT", "INSERT"]
    with queries:
        await look(client, agent, "13700000000")
    assert queries.count == 3  # nobody's contacts are asked for, and nobody was looked at


async def test_refused_numbers_and_callers(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, people: Desk, agent: Actor
) -> None:
    for wrong in ("", "anonymous", "12345678", "1381234123", "138123412345", "13812341234转1", "+1 202 555 0100"):
        refused = await client.post("/v1/call-center/caller-lookups", json={"phone": wrong}, headers=agent.headers)
        assert refused.status_code == 422, wrong
        assert refused.json()["errors"][0]["pointer"] == "#/phone"
        assert not wrong or wrong not in refused.text
    clerk = await people.staff("sales_consultant")
    forbidden = await client.post("/v1/call-center/caller-lookups", json={"phone": PHONE}, headers=clerk.headers)
    assert (forbidden.status_code, forbidden.json()["code"]) == (403, "missing_scope")
    unknown = await client.post("/v1/call-center/caller-lookups", json={"phone": PHONE})
    assert unknown.status_code == 401
    assert (await session.scalars(select(Event.id).where(Event.kind == "caller.looked_up"))).all() == []
