"""Registering calls, visits and letters."""

from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.org import Org, make_org
from tests.factories.people import Desk

from ownercare_api.deadlines.views import DeadlineRead
from ownercare_api.tickets.models import RegisterEntry, Ticket
from ownercare_api.tickets.schemas import TicketRead, TicketSummary
from ownercare_api.timeline.models import Event


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


def call(org: Org, **changes: Any) -> dict[str, Any]:
    return {
        "unit_id": str(org.units[0].id),
        "category": "repair",
        "channel": "hotline",
        "title": "主卧卫生间渗漏",
        "description": "昨晚起主卧卫生间地面渗水,楼下天花板滴水。",
        "caller_name": "王秀英",
        "caller_phone": "+86 138 1234 1234",
        **changes,
    }


async def counts(session: AsyncSession) -> tuple[int, int, int]:
    return tuple(
        [await session.scalar(select(func.count()).select_from(t)) or 0 for t in (Ticket, RegisterEntry, Event)]
    )  # type: ignore[return-value]


@pytest.mark.rule("CHN-03")
@pytest.mark.rule("REP-01")
@pytest.mark.rule("CMP-02")
@pytest.mark.rule("REP-02")
async def test_a_repair_gets_its_numbers_and_its_clocks(client: httpx.AsyncClient, people: Desk, org: Org) -> None:
    agent = await people.staff("call_center_agent")
    answer = await client.post("/v1/tickets", json=call(org), headers=agent.headers)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["number"] == "TS-20261120-0001"
    assert body["register_number"] == "DJ-20261120-0001"
    assert answer.headers["location"] == f"/v1/tickets/{body['id']}"
    assert body["status"] == "registered"
    assert body["caller_phone_masked"] == "138****1234"
    clocks = {clock["kind"]: (clock["due_at"], clock["rule"], clock["state"]) for clock in body["deadlines"]}
    assert clocks == {
        "response": ("2026-11-20T06:00:00+00:00", "CMP-02", "running"),
        "site_survey": ("2026-11-23T10:00:00+00:00", "REP-02", "running"),
    }
    second = await client.post("/v1/tickets", json=call(org), headers=agent.headers)
    assert second.json()["number"] == "TS-20261120-0002"


@pytest.mark.parametrize(
    ("domain", "category", "kinds"),
    [
        ("owner_home", "complaint", ["response", "owner_feedback", "resolution"]),
        ("owner_home", "repair", ["response", "site_survey"]),
        ("owner_home", "suggestion", ["response", "owner_feedback"]),
        ("owner_home", "consultation", ["response"]),
        ("owner_home", "praise", []),
        ("sales_office", "complaint", ["sales_office_feedback"]),
        ("sales_office", "repair", ["facility_response", "facility_completion"]),
        ("sales_office", "consultation", ["response"]),
    ],
)
@pytest.mark.rule("CMP-12")
@pytest.mark.rule("REP-20")
@pytest.mark.rule("CMP-03")
@pytest.mark.rule("CMP-10")
@pytest.mark.rule("CHN-08")
async def test_domain_and_category_choose_the_clocks(
    client: httpx.AsyncClient, people: Desk, org: Org, domain: str, category: str, kinds: list[str]
) -> None:
    agent = await people.staff("records_clerk")
    answer = await client.post("/v1/tickets", json=call(org, domain=domain, category=category), headers=agent.headers)
    assert [clock["kind"] for clock in answer.json()["deadlines"]] == kinds


async def test_a_late_registration_counts_from_the_receipt(client: httpx.AsyncClient, people: Desk, org: Org) -> None:
    agent = await people.staff("records_clerk")
    body = call(org, received_at="2026-11-19T17:00:00+08:00")
    clocks = (await client.post("/v1/tickets", json=body, headers=agent.headers)).json()["deadlines"]
    assert {clock["kind"]: clock["state"] for clock in clocks} == {"response": "overdue", "site_survey": "running"}
    assert clocks[0]["due_at"] == "2026-11-20T02:00:00+00:00"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"received_at": "2026-11-20T12:00:01+08:00"}, 422, "received_out_of_range"),
        ({"received_at": "2026-10-21T11:59:59+08:00"}, 422, "received_out_of_range"),
        ({"unit_id": "0198c5f0-0000-7000-8000-000000000000"}, 404, "place_not_found"),
        ({"owner_id": "0198c5f0-0000-7000-8000-000000000000"}, 422, "owner_not_of_unit"),
        ({"caller_phone": "12345"}, 422, "validation_failed"),
        ({"unit_id": None}, 422, "validation_failed"),
        ({"status": "closed"}, 422, "validation_failed"),
        ({"claim_fen": 1.5}, 422, "validation_failed"),
    ],
)
async def test_refusals_change_nothing(
    client: httpx.AsyncClient,
    people: Desk,
    org: Org,
    session: AsyncSession,
    changes: dict[str, Any],
    status: int,
    code: str,
) -> None:
    agent = await people.staff("records_clerk")
    before = await counts(session)
    answer = await client.post("/v1/tickets", json=call(org, **changes), headers=agent.headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await counts(session) == before


@pytest.mark.rule("ORG-28")
async def test_another_project_s_staff_neither_sees_nor_registers(
    client: httpx.AsyncClient, people: Desk, org: Org, session: AsyncSession, clock: FakeClock
) -> None:
    sibling = await make_org(session, now=clock(), name="江澜府", region=org.region)
    insider = await people.staff("records_clerk", project_id=org.project.id)
    outsider = await people.staff("records_clerk", project_id=sibling.project.id)
    created = await client.post("/v1/tickets", json=call(org), headers=insider.headers)
    ticket = created.json()["id"]
    before = await counts(session)
    refused = await client.post("/v1/tickets", json=call(org), headers=outsider.headers)
    assert (refused.status_code, refused.json()["code"]) == (404, "place_not_found")
    assert (await client.get(f"/v1/tickets/{ticket}", headers=outsider.headers)).status_code == 404
    assert (await client.get("/v1/tickets", headers=outsider.headers)).json()["items"] == []
    seen = await client.get("/v1/tickets?include_total=true", headers=insider.headers)
    assert [item["id"] for item in seen.json()["items"]] == [ticket]
    assert (seen.json()["total"], seen.json()["total_is_exact"]) == (1, True)
    assert await counts(session) == before


async def test_a_repeated_key_gives_the_first_answer(
    client: httpx.AsyncClient, people: Desk, org: Org, session: AsyncSession
) -> None:
    agent = await people.staff("records_clerk")
    headers = {**agent.headers, "Idempotency-Key": "call-1"}
    first = await client.post("/v1/tickets", json=call(org), headers=headers)
    again = await client.post("/v1/tickets", json=call(org), headers=headers)
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.json(), again.headers["etag"]) == (201, first.json(), first.headers["etag"])
    assert (await counts(session))[0] == 1
    other = await client.post("/v1/tickets", json=call(org, title="厨房漏水"), headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_lists_filter_search_and_page(client: httpx.AsyncClient, people: Desk, org: Org) -> None:
    agent = await people.staff("records_clerk")
    for number in range(5):
        category = "complaint" if number % 2 else "repair"
        body = call(org, title=f"100%_{number}号诉求", category=category)
        assert (await client.post("/v1/tickets", json=body, headers=agent.headers)).status_code == 201

    async def titles(query: str) -> list[str]:
        answer = await client.get(f"/v1/tickets?{query}", headers=agent.headers)
        assert answer.status_code == 200, answer.text
        return [item["title"][5:6] for item in answer.json()["items"]]

    assert await titles("category=complaint") == ["3", "1"]
    assert await titles("sort=oldest") == ["0", "1", "2", "3", "4"]
    assert await titles("q=%E5%8F%B7") == ["4", "3", "2", "1", "0"]
    assert await titles("q=%25_3") == ["3"]
    assert await titles("q=%25%25") == []
    first = await client.get("/v1/tickets?limit=2&category=repair", headers=agent.headers)
    assert [item["title"][5:6] for item in first.json()["items"]] == ["4", "2"]
    cursor = first.json()["next_cursor"]
    assert first.headers["link"].endswith('rel="next"')
    second = await client.get(f"/v1/tickets?limit=2&category=repair&cursor={cursor}", headers=agent.headers)
    assert [item["title"][5:6] for item in second.json()["items"]] == ["0"]
    assert second.json()["next_cursor"] is None
    other = await client.get(f"/v1/tickets?limit=2&cursor={cursor}", headers=agent.headers)
    assert (other.status_code, other.json()["code"]) == (422, "invalid_cursor")


async def test_the_hot_paths_keep_their_statements(
    client: httpx.AsyncClient, people: Desk, org: Org, queries: QueryRecorder
) -> None:
    agent = await people.staff("records_clerk")
    await client.post("/v1/tickets", json=call(org), headers=agent.headers)
    with queries:
        created = await client.post("/v1/tickets", json=call(org), headers=agent.headers)
    assert queries.count == 3, queries.statements
    with queries:
        await client.get(f"/v1/tickets/{created.json()['id']}", headers=agent.headers)
    assert queries.count == 1, queries.statements
    with queries:
        await client.get("/v1/tickets?status=registered", headers=agent.headers)
    assert queries.count == 1, queries.statements


async def test_the_finished_json_is_what_the_document_declares(
    client: httpx.AsyncClient, people: Desk, org: Org
) -> None:
    agent = await people.staff("records_clerk")
    created = (await client.post("/v1/tickets", json=call(org), headers=agent.headers)).json()
    read = (await client.get(f"/v1/tickets/{created['id']}", headers=agent.headers)).json()
    listed = (await client.get("/v1/tickets", headers=agent.headers)).json()["items"][0]
    assert created == read
    assert set(read) == set(TicketRead.model_fields)
    assert set(listed) == set(TicketSummary.model_fields)
    assert set(read["deadlines"][0]) == set(DeadlineRead.model_fields)
    shown = TicketRead.model_validate(read)
    assert TicketSummary.model_validate(listed).deadlines == shown.deadlines
    assert shown.model_dump(mode="json", include={"id", "number", "status", "allowed_actions", "version"}) == {
        name: read[name] for name in ("id", "number", "status", "allowed_actions", "version")
    }
