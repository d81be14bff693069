"""The steps of a ticket: classification, clocks, feedback, closure, reopening, holds."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.org import Org, make_org
from tests.factories.people import Actor, Desk
from tests.tickets.test_registration import call

from ownercare_api.tickets import service
from ownercare_api.tickets.models import Ticket
from ownercare_api.timeline.models import Event


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def manager(people: Desk) -> Actor:
    return await people.staff("customer_service_manager")


async def post(client: httpx.AsyncClient, actor: Actor, path: str, **body: Any) -> httpx.Response:
    return await client.post(f"/v1/tickets{path}", json=body, headers=actor.headers)


async def register(client: httpx.AsyncClient, actor: Actor, org: Org, **changes: Any) -> str:
    answer = await post(client, actor, "", **call(org, **changes))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def clock_states(body: dict[str, Any]) -> dict[str, str]:
    return {f"{clock['kind']}/{clock['round']}": clock["state"] for clock in body["deadlines"]}


def classification(handler: Actor, **changes: Any) -> dict[str, Any]:
    return {
        "cause_class": "construction_quality",
        "department": "engineering_material",
        "handler_id": str(handler.id),
        "note": "电话核实,初判防水层失效。",
        **changes,
    }


async def facts(session: AsyncSession, ticket_id: str) -> tuple[Any, ...]:
    events = await session.scalar(select(func.count()).select_from(Event))
    row = await session.execute(select(Ticket.status, Ticket.version).where(Ticket.id == UUID(ticket_id)))
    return (events, *row.one())


@pytest.mark.rule("CMP-05")
@pytest.mark.rule("CMP-06")
@pytest.mark.rule("CMP-07")
@pytest.mark.rule("CMP-08")
@pytest.mark.rule("CMP-13")
@pytest.mark.rule("CMP-14")
async def test_a_complaint_from_the_call_to_the_archive(
    client: httpx.AsyncClient, people: Desk, org: Org, manager: Actor, clock: FakeClock
) -> None:
    engineer = await people.staff("engineering_material_engineer", name="周工")
    ticket = await register(client, manager, org, category="complaint")
    classified = (await post(client, manager, f"/{ticket}/classification", **classification(engineer))).json()
    assert classified["status"] == "accepted"
    assert classified["handler"] == {"id": str(engineer.id), "name": "周工"}
    due = {one["kind"]: one["due_at"] for one in classified["deadlines"]}
    assert due["investigation_start"] == "2026-11-24T10:00:00+00:00"
    assert due["department_feedback"] == "2026-11-25T10:00:00+00:00"
    assert due["owner_feedback"] == "2026-11-27T10:00:00+00:00"
    assert due["resolution"] == "2026-11-27T10:00:00+00:00"
    await post(client, manager, f"/{ticket}/responses", channel="phone", content="已致电业主")
    clock.forward(days=4)  # Tuesday noon
    await post(client, engineer, f"/{ticket}/investigation", note="已到现场")
    clock.forward(days=1, hours=6, microseconds=1)  # one microsecond after closing time on Wednesday
    late = (await post(client, engineer, f"/{ticket}/department-feedback", note="防水层开裂")).json()
    assert clock_states(late)["department_feedback/1"] == "late"
    clock.forward(hours=1)
    resolved = await post(client, engineer, f"/{ticket}/resolution", result="已修复并赔付")
    assert resolved.json()["status"] == "resolved"
    early = await post(client, manager, f"/{ticket}/closure")
    assert (early.status_code, early.json()["code"]) == (409, "owner_not_informed")
    await post(
        client, manager, f"/{ticket}/owner-feedback", channel="phone", content="已说明结果与依据", satisfied=True
    )
    closed = (await post(client, manager, f"/{ticket}/closure", note="归档")).json()
    assert closed["status"] == "closed"
    assert clock_states(closed) == {
        "response/1": "met",
        "owner_feedback/1": "met",
        "resolution/1": "met",
        "investigation_start/1": "met",
        "department_feedback/1": "late",
    }
    assert closed["allowed_actions"] == ["reopening"]


@pytest.mark.parametrize(
    ("claim_fen", "post_of_handler", "status"),
    [
        (1_000_000, "complaint_specialist", 422),
        (1_000_000, "customer_service_manager", 201),
        (999_999, "complaint_specialist", 201),
    ],
)
@pytest.mark.rule("CMP-17")
@pytest.mark.rule("ORG-03")
async def test_large_claims_go_to_the_manager(
    client: httpx.AsyncClient,
    people: Desk,
    org: Org,
    manager: Actor,
    session: AsyncSession,
    claim_fen: int,
    post_of_handler: str,
    status: int,
) -> None:
    handler = await people.staff(post_of_handler)
    ticket = await register(client, manager, org, category="complaint", claim_fen=claim_fen)
    before = await facts(session, ticket)
    body = classification(handler, department="customer_service")
    answer = await post(client, manager, f"/{ticket}/classification", **body)
    assert answer.status_code == status
    if status == 422:
        assert answer.json()["code"] == "manager_handles_claim"
        assert await facts(session, ticket) == before


@pytest.mark.rule("CMP-06")
async def test_the_handler_belongs_to_the_department(
    client: httpx.AsyncClient, people: Desk, org: Org, manager: Actor, session: AsyncSession
) -> None:
    clerk = await people.staff("records_clerk")
    ticket = await register(client, manager, org, category="complaint")
    before = await facts(session, ticket)
    answer = await post(client, manager, f"/{ticket}/classification", **classification(clerk))
    assert (answer.status_code, answer.json()["code"]) == (422, "handler_not_of_department")
    assert await facts(session, ticket) == before


@pytest.mark.rule("CMP-06")
async def test_only_the_responsible_speak_for_the_department(
    client: httpx.AsyncClient, people: Desk, org: Org, manager: Actor, session: AsyncSession
) -> None:
    engineer = await people.staff("engineering_material_engineer")
    designer = await people.staff("design_engineer")
    ticket = await register(client, manager, org, category="complaint")
    await post(client, manager, f"/{ticket}/classification", **classification(engineer))
    before = await facts(session, ticket)
    answer = await post(client, designer, f"/{ticket}/investigation", note="查看")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_responsible")
    assert await facts(session, ticket) == before


@pytest.mark.rule("CHN-08")
async def test_a_corrected_category_brings_its_clocks_from_the_receipt_on(
    client: httpx.AsyncClient, people: Desk, org: Org, manager: Actor, clock: FakeClock
) -> None:
    engineer = await people.staff("engineering_material_engineer")
    ticket = await register(client, manager, org, category="consultation")
    clock.forward(days=3)
    body = classification(engineer, category="repair")
    answer = (await post(client, manager, f"/{ticket}/classification", **body)).json()
    survey = next(one for one in answer["deadlines"] if one["kind"] == "site_survey")
    assert (survey["started_at"], survey["due_at"]) == ("2026-11-20T04:00:00+00:00", "2026-11-23T10:00:00+00:00")
    body = classification(engineer, category="complaint")
    answer = (await post(client, manager, f"/{ticket}/classification", **body)).json()
    assert clock_states(answer)["site_survey/1"] == "cancelled"
    assert clock_states(answer)["resolution/1"] == "running"


@pytest.mark.rule("REP-11")
async def test_a_repair_is_not_resolved_without_work(
    client: httpx.AsyncClient, people: Desk, org: Org, manager: Actor, session: AsyncSession
) -> None:
    engineer = await people.staff("engineering_material_engineer")
    ticket = await register(client, manager, org)
    accepted = await post(client, manager, f"/{ticket}/classification", **classification(engineer))
    assert "resolution" not in accepted.json()["allowed_actions"]
    refused = await post(client, engineer, f"/{ticket}/resolution", result="已处理")
    assert (refused.status_code, refused.json()["code"]) == (409, "repair_without_work")
    await service.work_opened(session, ticket_id=UUID(ticket))
    refused = await post(client, engineer, f"/{ticket}/resolution", result="已处理")
    assert (refused.status_code, refused.json()["code"]) == (409, "ticket_work_open")
    await service.work_finished(session, ticket_id=UUID(ticket), done=True)
    assert (await post(client, engineer, f"/{ticket}/resolution", result="已处理")).status_code == 201


@pytest.mark.rule("CMP-24")
async def test_reopening_keeps_the_first_clocks_and_starts_new_ones(
    client: httpx.AsyncClient, people: Desk, org: Org, manager: Actor, clock: FakeClock
) -> None:
    engineer = await people.staff("engineering_material_engineer")
    ticket = await register(client, manager, org, category="suggestion")
    await post(client, manager, f"/{ticket}/classification", **classification(engineer))
    await post(client, engineer, f"/{ticket}/resolution", result="已采纳")
    await post(client, manager, f"/{ticket}/owner-feedback", channel="phone", content="已告知")
    await post(client, manager, f"/{ticket}/closure")
    clock.forward(days=10)
    reopened = (await post(client, manager, f"/{ticket}/reopening", reason="业主来电称未见改进")).json()
    assert (reopened["status"], reopened["round"], reopened["result"]) == ("accepted", 2, None)
    assert clock_states(reopened) == {
        "response/1": "met",
        "owner_feedback/1": "met",
        "response/2": "running",
        "owner_feedback/2": "running",
    }
    assert "closure" not in reopened["allowed_actions"]


async def test_a_hold_moves_the_clocks_by_what_it_lasted(
    client: httpx.AsyncClient, people: Desk, org: Org, manager: Actor, clock: FakeClock
) -> None:
    ticket = await register(client, manager, org)
    held = (await post(client, manager, f"/{ticket}/hold", reason="业主外出,约定下周上门")).json()
    assert held["held_at"] is not None
    assert "hold" not in held["allowed_actions"]
    again = await post(client, manager, f"/{ticket}/hold", reason="再次暂停")
    assert (again.status_code, again.json()["code"]) == (409, "already_held")
    clock.forward(days=4)  # Tuesday noon: Monday's closing time was held
    released = (await client.post(f"/v1/tickets/{ticket}/hold-release", headers=manager.headers)).json()
    due = {one["kind"]: (one["original_due_at"], one["due_at"]) for one in released["deadlines"]}
    assert due["site_survey"] == ("2026-11-23T10:00:00+00:00", "2026-11-24T10:00:00+00:00")
    # Two business hours were left on Friday noon; they run on from Tuesday noon.
    assert due["response"] == ("2026-11-20T06:00:00+00:00", "2026-11-24T06:00:00+00:00")


async def test_a_withdrawn_ticket_owes_nothing(
    client: httpx.AsyncClient, people: Desk, org: Org, manager: Actor
) -> None:
    ticket = await register(client, manager, org)
    withdrawn = (await post(client, manager, f"/{ticket}/withdrawal", reason="业主自行处理")).json()
    assert withdrawn["status"] == "withdrawn"
    assert set(clock_states(withdrawn).values()) == {"cancelled"}
    assert withdrawn["allowed_actions"] == []
    again = await post(client, manager, f"/{ticket}/withdrawal", reason="重复")
    assert (again.status_code, again.json()["code"]) == (409, "wrong_status")


async def test_further_calls_get_a_line_of_their_own(
    client: httpx.AsyncClient, people: Desk, org: Org, manager: Actor
) -> None:
    ticket = await register(client, manager, org)
    body = {"channel": "visit", "caller_name": "李先生", "caller_phone": "13900000000", "summary": "到访催办"}
    assert (await post(client, manager, f"/{ticket}/register-entries", **body)).status_code == 201
    lines = (await client.get(f"/v1/register-entries?ticket_id={ticket}", headers=manager.headers)).json()["items"]
    assert [(line["number"], line["summary"], line["caller_phone_masked"]) for line in lines] == [
        ("DJ-20261120-0002", "到访催办", "139****0000"),
        ("DJ-20261120-0001", "主卧卫生间渗漏", "138****1234"),
    ]


@pytest.mark.rule("ORG-28")
async def test_steps_need_their_scope_and_their_reach(
    client: httpx.AsyncClient, people: Desk, org: Org, manager: Actor, session: AsyncSession, clock: FakeClock
) -> None:
    ticket = await register(client, manager, org)
    sibling = await make_org(session, now=clock(), name="江澜府", region=org.region)
    agent = await people.staff("call_center_agent")
    outsider = await people.staff("customer_service_manager", project_id=sibling.project.id)
    before = await facts(session, ticket)
    for actor, status, code in ((agent, 403, "missing_scope"), (outsider, 404, "ticket_not_found")):
        answer = await post(client, actor, f"/{ticket}/withdrawal", reason="无权")
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await facts(session, ticket) == before
