"""Registering, urging, withdrawing: an owner's own steps."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import arranged_survey, who
from tests.factories.owners import add_phone
from tests.factories.people import Desk
from tests.factories.portal import Neighbours, make_case, rows

from ownercare_api.core.http.state import AppState
from ownercare_api.deadlines.models import Deadline
from ownercare_api.tickets import handling
from ownercare_api.tickets.lifecycle import Category, TicketStatus
from ownercare_api.tickets.models import RegisterEntry, Ticket
from ownercare_api.timeline.models import Event


def matter(here: Neighbours, **changes: Any) -> dict[str, Any]:
    return {
        "unit_id": str(here.home.id),
        "category": "repair",
        "title": "主卧卫生间渗漏",
        "description": "昨晚起地面渗水。",
        **changes,
    }


@pytest.mark.rule("CHN-03")
@pytest.mark.rule("CHN-01")
@pytest.mark.rule("REP-01")
async def test_his_own_registration_has_the_same_numbers_and_clocks(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, here: Neighbours
) -> None:
    agent = await people.staff("call_center_agent")
    by_phone = await client.post(
        "/v1/tickets", json=matter(here, channel="hotline", caller_name="王秀英"), headers=agent.headers
    )
    assert (by_phone.json()["number"], by_phone.json()["register_number"]) == (
        "TS-20261120-0001",
        "DJ-20261120-0001",
    )
    answer = await client.post("/v1/my/tickets", json=matter(here, demand="两日内止漏"), headers=here.anna.headers)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert answer.headers["location"] == f"/v1/my/tickets/{body['id']}"
    assert answer.headers["etag"].startswith('"1.')
    assert (body["number"], body["status"], body["channel"], body["mine"]) == (
        "TS-20261120-0002", "registered", "web_form", True,
    )  # fmt: skip
    assert (body["caller_name"], body["caller_phone_masked"]) == ("王秀英", "138****1234")
    assert body["received_at"] == "2026-11-20T04:00:00Z"
    assert body["allowed_actions"] == ["chase", "withdrawal"]
    assert {one["kind"]: one["due_at"] for one in body["deadlines"]} == {
        "response": "2026-11-20T06:00:00Z",
        "site_survey": "2026-11-23T10:00:00Z",
    }
    entry = await session.scalar(select(RegisterEntry).where(RegisterEntry.ticket_id == UUID(body["id"])))
    assert entry is not None
    assert (entry.number, entry.taken_by, entry.taken_by_name) == ("DJ-20261120-0002", here.anna.actor.id, "业主")
    event = await session.scalar(select(Event).where(Event.ticket_id == UUID(body["id"])))
    assert event is not None
    assert (event.kind, event.actor_kind, event.actor_name) == ("ticket.registered", "owner", "业主")
    clerk = await people.staff("records_clerk", project_id=here.org.project.id)
    seen = await client.get(f"/v1/tickets/{body['id']}", headers=clerk.headers)
    assert seen.json()["owner"]["name"] == "王秀英"


async def test_he_says_which_of_his_numbers_to_call(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, here: Neighbours
) -> None:
    second = await add_phone(session, state.keyring, owner=here.anna.record, phone="13700008888")
    bens = await add_phone(session, state.keyring, owner=here.ben.record, phone="13700009999")
    answer = await client.post("/v1/my/tickets", json=matter(here, phone_id=str(second.id)), headers=here.anna.headers)
    assert answer.json()["caller_phone_masked"] == "137****8888"
    before = await rows(session)
    refused = await client.post("/v1/my/tickets", json=matter(here, phone_id=str(bens.id)), headers=here.anna.headers)
    assert (refused.status_code, refused.json()["code"]) == (404, "phone_not_found")
    assert await rows(session) == before


@pytest.mark.rule("OWN-10")
@pytest.mark.parametrize(
    ("person", "home", "status"),
    [("anna", 0, 201), ("carl", 0, 201), ("fred", 0, 404), ("anna", 1, 404), ("ben", 2, 404)],
)
async def test_only_about_a_home_that_is_his_now(
    client: httpx.AsyncClient, session: AsyncSession, here: Neighbours, person: str, home: int, status: int
) -> None:
    before = await rows(session)
    answer = await client.post(
        "/v1/my/tickets",
        json=matter(here, unit_id=str(here.org.units[home].id)),
        headers=getattr(here, person).headers,
    )
    assert answer.status_code == status, answer.text
    if status == 404:
        assert answer.json()["code"] == "place_not_found"
        assert await rows(session) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"owner_id": "0198c5f0-0000-7000-8000-000000000201"},
        {"project_id": "0198c5f0-0000-7000-8000-000000000001"},
        {"channel": "hotline"},
        {"domain": "sales_office"},
        {"received_at": "2026-11-19T09:00:00+08:00"},
        {"caller_name": "别人"},
        {"title": ""},
        {"claim_fen": 0},
    ],
)
async def test_what_is_not_his_to_say_is_refused(
    client: httpx.AsyncClient, session: AsyncSession, here: Neighbours, changes: dict[str, Any]
) -> None:
    before = await rows(session)
    answer = await client.post("/v1/my/tickets", json=matter(here, **changes), headers=here.anna.headers)
    assert answer.status_code == 422
    assert await rows(session) == before


@pytest.mark.rule("CHN-03")
async def test_registering_twice_with_one_key_registers_once(
    client: httpx.AsyncClient, session: AsyncSession, here: Neighbours
) -> None:
    headers = here.anna.headers | {"Idempotency-Key": "k-1"}
    first = await client.post("/v1/my/tickets", json=matter(here), headers=headers)
    again = await client.post("/v1/my/tickets", json=matter(here), headers=headers)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.json() == first.json()
    assert len((await session.scalars(select(Ticket.id))).all()) == 1


@pytest.mark.rule("CHN-03")
@pytest.mark.rule("CMP-24")
async def test_urging_gets_its_line_and_moves_no_clock(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours
) -> None:
    made = await client.post("/v1/my/tickets", json=matter(here), headers=here.anna.headers)
    path = f"/v1/my/tickets/{made.json()['id']}/chase"
    clocks = (await session.execute(select(Deadline.id, Deadline.due_at, Deadline.stopped_at))).all()
    clock.forward(hours=3)
    for number in range(5):
        answer = await client.post(path, json={"summary": "请尽快"}, headers=here.anna.headers)
        assert answer.status_code == 201, answer.text
        assert answer.json()["version"] == 2 + number
    assert (await session.execute(select(Deadline.id, Deadline.due_at, Deadline.stopped_at))).all() == clocks
    before = await rows(session)
    enough = await client.post(path, json={"summary": "请尽快"}, headers=here.anna.headers)
    assert (enough.status_code, enough.json()["code"], enough.headers["retry-after"]) == (429, "chased_enough", "3600")
    assert await rows(session) == before
    co_owner = await client.post(path, json={"summary": "我也催一下"}, headers=here.carl.headers)
    assert co_owner.status_code == 201
    clock.forward(days=1)
    assert (await client.post(path, json={"summary": "第二天"}, headers=here.anna.headers)).status_code == 201
    lines = (await session.scalars(select(RegisterEntry).order_by(RegisterEntry.id))).all()
    assert [line.summary for line in lines] == ["主卧卫生间渗漏", *["请尽快"] * 5, "我也催一下", "第二天"]
    assert [line.number for line in lines][:2] == ["DJ-20261120-0001", "DJ-20261120-0002"]
    assert lines[6].caller_name == "陈志强"


@pytest.mark.rule("CMP-24")
async def test_of_a_finished_case_it_asks_to_take_it_up_again(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, clock: FakeClock, here: Neighbours
) -> None:
    case = await make_case(
        session, here.org, unit=here.home, owner=here.anna, received_at=clock(), status=TicketStatus.CLOSED
    )
    path = f"/v1/my/tickets/{case.id}/chase"
    answer = await client.post(path, json={"summary": "灯又坏了"}, headers=here.anna.headers)
    assert (answer.status_code, answer.json()["status"]) == (201, "closed")
    history = (await client.get(f"/v1/my/tickets/{case.id}/history", headers=here.anna.headers)).json()["items"]
    assert [(one["kind"], one["who"]) for one in history] == [("ticket.reopening_asked", "you")]
    await session.refresh(case)
    case.status = TicketStatus.WITHDRAWN
    await session.flush()
    before = await rows(session)
    refused = await client.post(path, json={"summary": "灯又坏了"}, headers=here.anna.headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_status")
    assert await rows(session) == before


@pytest.mark.rule("CMP-14")
async def test_withdrawing_is_for_who_raised_it_while_no_work_is_open(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours
) -> None:
    made = await client.post("/v1/my/tickets", json=matter(here), headers=here.anna.headers)
    path, body = f"/v1/my/tickets/{made.json()['id']}/withdrawal", {"reason": "已自行修好"}
    before = await rows(session)
    carl = await client.post(path, json=body, headers=here.carl.headers)
    assert (carl.status_code, carl.json()["code"]) == (403, "not_your_case")
    assert await rows(session) == before
    done = await client.post(path, json=body, headers=here.anna.headers)
    assert (done.status_code, done.json()["status"], done.json()["allowed_actions"]) == (201, "withdrawn", [])
    assert {one["state"] for one in done.json()["deadlines"]} == {"cancelled"}
    again = await client.post(path, json=body, headers=here.anna.headers)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_status")

    case = await make_case(
        session, here.org, unit=here.home, owner=here.anna, received_at=clock(), category=Category.REPAIR
    )
    await arranged_survey(session, here.cast, now=clock(), ticket=case)
    shown = await client.get(f"/v1/my/tickets/{case.id}", headers=here.anna.headers)
    assert shown.json()["allowed_actions"] == ["chase"]
    before = await rows(session)
    busy = await client.post(f"/v1/my/tickets/{case.id}/withdrawal", json=body, headers=here.anna.headers)
    assert (busy.status_code, busy.json()["code"]) == (409, "ticket_work_open")
    assert await rows(session) == before


async def test_allowed_actions_are_what_the_steps_let_him_do(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours
) -> None:
    for status in TicketStatus:
        for person in (here.anna, here.carl):
            case = await make_case(
                session, here.org, unit=here.home, owner=here.anna, received_at=clock(), status=status
            )
            allowed = (await client.get(f"/v1/my/tickets/{case.id}", headers=person.headers)).json()["allowed_actions"]
            for step, body in (("chase", {"summary": "请尽快"}), ("withdrawal", {"reason": "不用了"})):
                async with session.begin_nested() as nested:
                    answer = await client.post(f"/v1/my/tickets/{case.id}/{step}", json=body, headers=person.headers)
                    await nested.rollback()
                assert (answer.status_code == 201) == (step in allowed), (status, step)


async def test_staff_reopen_what_an_owner_asked_for(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, clock: FakeClock, here: Neighbours
) -> None:
    case = await make_case(session, here.org, unit=here.home, owner=here.anna, received_at=clock())
    specialist = who(here.cast.specialist)
    await handling.resolve(session, ticket_id=case.id, result="已更换灯具", principal=specialist, now=clock())
    await client.post(f"/v1/my/tickets/{case.id}/chase", json={"summary": "又坏了"}, headers=here.anna.headers)
    supervisor = await people.staff("complaint_supervisor", project_id=here.org.project.id)
    reopened = await client.post(
        f"/v1/tickets/{case.id}/reopening", json={"reason": "业主反映复发"}, headers=supervisor.headers
    )
    assert reopened.status_code == 201, reopened.text
    shown = await client.get(f"/v1/my/tickets/{case.id}", headers=here.anna.headers)
    assert (shown.json()["status"], shown.json()["round"]) == ("accepted", 2)
