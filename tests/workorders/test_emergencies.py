"""Emergencies: work before survey and approval (CMP-04, reading 8)."""

from uuid import UUID

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import (
    Cast,
    Story,
    co_signed_survey,
    decide_all,
    repair_ticket,
)
from tests.factories.people import Desk
from tests.workorders.conftest import Post, Unchanged, refused
from tests.workorders.test_orders import ORDERS, emergency, patch
from tests.workorders.test_surveys import ticket_facts

from ownercare_api.approvals.models import Approval, Decision
from ownercare_api.workorders.lifecycle import LiableParty
from ownercare_api.workorders.models import WorkOrder


@pytest.mark.rule("CMP-04")
async def test_an_emergency_starts_before_its_survey_and_approval(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    ticket = await repair_ticket(session, cast, now=clock(), urgent=True)
    answer = await post(cast.specialist, ORDERS, **emergency(ticket))
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["status"], body["survey_id"], body["emergency"]) == ("awaiting_approval", None, True)
    assert [reason["code"] for reason in body["class_reasons"]] == ["emergency_provisional"]
    assert body["allowed_actions"] == ["update", "dispatch", "cancellation"]
    approval = await session.get_one(Approval, UUID(body["approval"]["id"]))
    assert approval.emergency
    dispatched = await post(cast.specialist, f"{ORDERS}/{body['id']}/dispatch", team_id=str(cast.company.team.id))
    assert dispatched.json()["status"] == "dispatched"
    await decide_all(session, cast, approval_id=approval.id, now=clock())
    order = await session.get_one(WorkOrder, UUID(body["id"]), populate_existing=True)
    assert (order.status.value, order.approved_at) == ("dispatched", clock())


@pytest.mark.rule("CMP-04")
@pytest.mark.rule("REP-08")
@pytest.mark.parametrize(
    ("liable", "repair_class", "last", "work"),
    [
        (LiableParty.CONTRACTOR, "A", "class_a", (1, 0)),
        (LiableParty.COMPANY, "B", "class_b", (1, 0)),
        (LiableParty.OWNER, "B", "emergency_not_the_companys", (1, 1)),
    ],
)
async def test_the_survey_that_follows_fixes_the_class_of_an_emergency(
    session: AsyncSession,
    cast: Cast,
    clock: FakeClock,
    post: Post,
    liable: LiableParty,
    repair_class: str,
    last: str,
    work: tuple[int, int],
) -> None:
    ticket = await repair_ticket(session, cast, now=clock(), urgent=True)
    body = (await post(cast.specialist, ORDERS, **emergency(ticket))).json()
    survey = await co_signed_survey(session, cast, now=clock(), story=Story(liable=liable), ticket=ticket)
    order = await session.get_one(WorkOrder, UUID(body["id"]), populate_existing=True)
    assert order.survey_id == survey.id
    assert (order.repair_class.value, order.class_reasons[-1]["code"]) == (repair_class, last)
    assert order.contractor_firm_id == (cast.contractor.firm.id if repair_class == "A" else None)
    assert await ticket_facts(session, ticket.id) == work


@pytest.mark.rule("CMP-04")
async def test_a_rejected_emergency_at_work_goes_on_and_may_ask_again(
    session: AsyncSession, client: httpx.AsyncClient, cast: Cast, clock: FakeClock, post: Post
) -> None:
    ticket = await repair_ticket(session, cast, now=clock(), urgent=True)
    body = (await post(cast.specialist, ORDERS, **emergency(ticket))).json()
    await post(cast.specialist, f"{ORDERS}/{body['id']}/dispatch", team_id=str(cast.company.team.id))
    await decide_all(session, cast, approval_id=UUID(body["approval"]["id"]), now=clock(), decision=Decision.REJECTED)
    order = await session.get_one(WorkOrder, UUID(body["id"]), populate_existing=True)
    assert (order.status.value, order.approved_at) == ("dispatched", None)
    assert await ticket_facts(session, ticket.id) == (1, 0)
    again = (await patch(client, cast, order, estimate_fen=90_000)).json()
    assert (again["status"], again["approval"]["status"]) == ("dispatched", "pending")
    assert again["approval"]["id"] != body["approval"]["id"]


@pytest.mark.rule("CMP-04")
async def test_a_rejected_emergency_that_waits_is_over(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    ticket = await repair_ticket(session, cast, now=clock(), urgent=True)
    body = (await post(cast.specialist, ORDERS, **emergency(ticket))).json()
    await decide_all(session, cast, approval_id=UUID(body["approval"]["id"]), now=clock(), decision=Decision.REJECTED)
    path = f"{ORDERS}/{body['id']}"
    async with unchanged():
        team = str(cast.company.team.id)
        refused(await post(cast.specialist, f"{path}/dispatch", team_id=team), 409, "wrong_status")
        refused(await post(cast.specialist, f"{path}/cancellation", reason="x"), 409, "wrong_status")


@pytest.mark.rule("CMP-04")
async def test_what_is_no_emergency(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    calm = await repair_ticket(session, cast, now=clock())
    urgent = await repair_ticket(session, cast, now=clock(), urgent=True)
    reader = await people.staff("engineering_material_engineer", project_id=cast.org.project.id)
    async with unchanged():
        refused(await post(cast.specialist, ORDERS, **emergency(calm)), 409, "not_urgent")
        no_contract = emergency(urgent, building_part="electrics", repair_class="A")
        refused(await post(cast.specialist, ORDERS, **no_contract), 409, "class_a_needs_contract")
        refused(await post(cast.specialist, ORDERS, **emergency(urgent, emergency=False)), 422, "validation_failed")
        refused(await post(cast.specialist, ORDERS, **emergency(urgent, repair_class="none")), 422, "validation_failed")
        refused(await post(cast.specialist, ORDERS, **emergency(urgent, estimate_lines=[1])), 422, "validation_failed")
        refused(await post(reader, ORDERS, **emergency(urgent)), 403, "missing_scope")
        missing = emergency(urgent)
        del missing["trades"]
        refused(await post(cast.specialist, ORDERS, **missing), 422, "validation_failed")
