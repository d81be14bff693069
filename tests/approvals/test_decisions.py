"""Deciding in a seat: order of the seats, ends, refusals, what the subject hears."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.approvals.conftest import Heard
from tests.conftest import FakeClock
from tests.factories.approvals import everything, make_request
from tests.factories.org import Org
from tests.factories.people import Actor, Desk

from ownercare_api.approvals.models import Approval
from ownercare_api.approvals.service import ApprovalHooks
from ownercare_api.core.errors import Conflict
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.models import GrantLevel, RoleGrant
from ownercare_api.identity.principal import Principal
from ownercare_api.timeline.models import Event

MONDAY_CLOSING = "2026-11-23T10:00:00Z"


async def decide(
    client: httpx.AsyncClient, approval_id: UUID, actor: Actor, decision: str = "approved", **more: Any
) -> httpx.Response:
    body = {"decision": decision, **more}
    return await client.post(f"/v1/approvals/{approval_id}/decisions", json=body, headers=actor.headers)


async def events_of(session: AsyncSession, approval_id: UUID) -> list[tuple[str, list[str]]]:
    query = select(Event.kind, Event.rules).where(Event.subject_id == approval_id).order_by(Event.seq)
    return [(row.kind, row.rules) for row in await session.execute(query)]


async def refused(
    client: httpx.AsyncClient, session: AsyncSession, approval_id: UUID, actor: Actor, *, status: int, code: str
) -> dict[str, Any]:
    before = await everything(session)
    answer = await decide(client, approval_id, actor)
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert await everything(session) == before
    return document


@pytest.mark.rule("FIN-01")
async def test_the_manager_s_approval_ends_a_small_request(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock, heard: Heard
) -> None:
    manager = await people.staff("customer_service_manager", project_id=org.project.id, name="李经理")
    asked = await make_request(session, org=org, now=clock(), amount_fen=200_000)
    clock.forward(hours=2)
    answer = await decide(client, asked.id, manager, comment="同意")
    assert answer.status_code == 201
    body = answer.json()
    assert body["status"] == "approved"
    assert body["decided_at"] == "2026-11-20T06:00:00Z"
    assert body["turn"] is None
    assert body["allowed_actions"] == []
    assert body["steps"] == [
        {
            "position": 1,
            "kind": "approve",
            "tier": "department_manager",
            "decision": "approved",
            "comment": "同意",
            "decided_by": str(manager.id),
            "decided_by_name": "李经理",
            "decided_at": "2026-11-20T06:00:00Z",
        }
    ]
    (clock_read,) = body["deadlines"]
    assert (clock_read["kind"], clock_read["rule"], clock_read["due_at"]) == ("approval", "FIN-01", MONDAY_CLOSING)
    assert (clock_read["state"], clock_read["stopped_at"]) == ("met", "2026-11-20T06:00:00Z")
    assert answer.headers["etag"].startswith('"2.')
    assert heard == [(asked.subject_id, "approved", manager.id)]
    assert await events_of(session, asked.id) == [
        ("deadline.started", ["FIN-01"]),
        ("approval.requested", ["FIN-01"]),
        ("approval.decided", ["FIN-01"]),
        ("deadline.met", ["FIN-01"]),
        ("approval.approved", ["FIN-01"]),
    ]


@pytest.mark.rule("FIN-02")
async def test_the_middle_tier_is_reviewed_and_then_approved(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock, heard: Heard
) -> None:
    engineer = await people.staff("deputy_chief_engineer")
    deputy = await people.staff("deputy_general_manager")
    asked = await make_request(session, org=org, now=clock(), amount_fen=150_000, total_fen=200_001)

    waits = await refused(client, session, asked.id, deputy, status=409, code="out_of_turn")
    assert waits["detail"] == "尚未轮到您:当前环节由副总工程师处理。"

    reviewed = await decide(client, asked.id, engineer)
    assert reviewed.status_code == 201
    assert (reviewed.json()["status"], reviewed.json()["turn"]) == ("pending", "deputy_general_manager")
    assert reviewed.json()["deadlines"][0]["state"] == "running"
    assert reviewed.json()["version"] == 2
    assert heard == []

    await refused(client, session, asked.id, engineer, status=409, code="out_of_turn")

    clock.now = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # closing time itself is still in time
    approved = await decide(client, asked.id, deputy)
    assert (approved.status_code, approved.json()["status"]) == (201, "approved")
    assert approved.json()["deadlines"][0]["state"] == "met"
    assert [step["decision"] for step in approved.json()["steps"]] == ["approved", "approved"]
    assert heard == [(asked.subject_id, "approved", deputy.id)]
    await refused(client, session, asked.id, deputy, status=409, code="already_decided")


@pytest.mark.rule("FIN-03")
async def test_above_the_limits_only_the_general_manager_decides(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock, heard: Heard
) -> None:
    asked = await make_request(session, org=org, now=clock(), amount_fen=2_000_001)
    for role in ("customer_service_manager", "deputy_chief_engineer", "deputy_general_manager", "auditor"):
        document = await refused(client, session, asked.id, await people.staff(role), status=403, code="wrong_tier")
        assert document["detail"] == "此审批须由总经理作出,您没有该审批权限。"
        assert document["rules"] == ["FIN-01", "FIN-02", "FIN-03"]
    assert (await decide(client, asked.id, await people.staff("general_manager"))).json()["status"] == "approved"


@pytest.mark.rule("FIN-02")
@pytest.mark.parametrize("rejecting", ["deputy_chief_engineer", "deputy_general_manager"])
async def test_a_rejection_in_any_seat_ends_the_request(
    client: httpx.AsyncClient,
    people: Desk,
    session: AsyncSession,
    org: Org,
    clock: FakeClock,
    heard: Heard,
    rejecting: str,
) -> None:
    seats = {role: await people.staff(role) for role in ("deputy_chief_engineer", "deputy_general_manager")}
    asked = await make_request(session, org=org, now=clock(), amount_fen=500_000)
    if rejecting == "deputy_general_manager":
        await decide(client, asked.id, seats["deputy_chief_engineer"])
    clock.now = datetime(2026, 11, 23, 10, 0, 1, tzinfo=UTC)
    answer = await decide(client, asked.id, seats[rejecting], "rejected", comment="估价偏高,请重新询价。")
    assert (answer.status_code, answer.json()["status"]) == (201, "rejected")
    assert answer.json()["deadlines"][0]["state"] == "late"
    assert heard == [(asked.subject_id, "rejected", seats[rejecting].id)]
    assert [kind for kind, _ in await events_of(session, asked.id)][-3:] == [
        "approval.decided",
        "deadline.late",
        "approval.rejected",
    ]
    await refused(client, session, asked.id, seats["deputy_general_manager"], status=409, code="already_decided")


@pytest.mark.rule("FIN-01")
@pytest.mark.parametrize("comment", [{}, {"comment": None}])
async def test_a_rejection_without_a_comment_is_refused(
    client: httpx.AsyncClient,
    people: Desk,
    session: AsyncSession,
    org: Org,
    clock: FakeClock,
    comment: dict[str, Any],
) -> None:
    manager = await people.staff("customer_service_manager")
    asked = await make_request(session, org=org, now=clock())
    before = await everything(session)
    answer = await decide(client, asked.id, manager, "rejected", **comment)
    assert (answer.status_code, answer.json()["code"]) == (422, "comment_required")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["#/comment"]
    assert await everything(session) == before


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"decision": "perhaps"}, "#/decision"),
        ({}, "#/decision"),
        ({"decision": "approved", "tier": "general_manager"}, "#"),
        ({"decision": "rejected", "comment": "   "}, "#/comment"),
        ({"decision": "approved", "comment": "好" * 4001}, "#/comment"),
        ({"decision": "approved", "comment": 7}, "#/comment"),
    ],
)
async def test_malformed_decisions_change_nothing(
    client: httpx.AsyncClient,
    people: Desk,
    session: AsyncSession,
    org: Org,
    clock: FakeClock,
    body: dict[str, Any],
    pointer: str,
) -> None:
    manager = await people.staff("customer_service_manager")
    asked = await make_request(session, org=org, now=clock())
    before = await everything(session)
    answer = await client.post(f"/v1/approvals/{asked.id}/decisions", json=body, headers=manager.headers)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert "perhaps" not in answer.text
    assert await everything(session) == before


@pytest.mark.rule("ORG-28")
async def test_who_may_not_see_it_gets_not_found(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock
) -> None:
    asked = await make_request(session, org=org, now=clock())
    elsewhere = await people.staff("customer_service_manager", project_id=uuid7())
    await refused(client, session, asked.id, elsewhere, status=404, code="approval_not_found")
    manager = await people.staff("customer_service_manager")
    await refused(client, session, uuid7(), manager, status=404, code="approval_not_found")
    await refused(client, session, asked.id, await people.staff("repair_captain"), status=403, code="missing_scope")


@pytest.mark.rule("ORG-10")
async def test_a_tier_held_in_another_project_does_not_reach_here(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock
) -> None:
    asked = await make_request(session, org=org, now=clock())
    analyst = await people.staff("data_analyst")
    grant = RoleGrant(
        id=uuid7(), account_id=analyst.id, role="customer_service_manager", level=GrantLevel.PROJECT, target_id=uuid7()
    )
    grant.starts_at = clock()
    session.add(grant)
    await session.flush()
    await refused(client, session, asked.id, analyst, status=403, code="out_of_reach")


@pytest.mark.rule("FIN-01")
async def test_a_repeated_key_replays_the_first_answer(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock, heard: Heard
) -> None:
    manager = await people.staff("customer_service_manager")
    asked = await make_request(session, org=org, now=clock())
    url = f"/v1/approvals/{asked.id}/decisions"
    headers = {**manager.headers, "Idempotency-Key": "approve-once"}
    first = await client.post(url, json={"decision": "approved"}, headers=headers)
    before = await everything(session)
    again = await client.post(url, json={"decision": "approved"}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()
    other = await client.post(url, json={"decision": "rejected", "comment": "不同意"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await everything(session) == before
    assert len(heard) == 1


class SubjectGone(Conflict):
    """409: raised by a subject's hook."""

    code = "subject_gone"


async def test_what_a_subject_refuses_is_not_decided(
    client: httpx.AsyncClient,
    people: Desk,
    session: AsyncSession,
    org: Org,
    clock: FakeClock,
    state: AppState,
    heard: Heard,
) -> None:
    manager = await people.staff("customer_service_manager")
    asked = await make_request(session, org=org, now=clock())

    async def refuse(session: AsyncSession, approval: Approval, actor: Principal, now: datetime) -> None:
        raise SubjectGone

    state.parts[ApprovalHooks] = ApprovalHooks({"work_order": refuse})
    await refused(client, session, asked.id, manager, status=409, code="subject_gone")
    state.parts[ApprovalHooks] = ApprovalHooks()  # nobody listens: a fault of the wiring
    await refused(client, session, asked.id, manager, status=500, code="internal_error")
