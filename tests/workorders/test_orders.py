"""Raising work orders: class, tier, editing, emergency, cancellation (REP-08, FIN-01..03, CMP-04)."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import (
    CLASS_A,
    CLASS_B,
    NOT_OURS,
    Cast,
    Story,
    co_signed_survey,
    dispatched_order,
    raised_order,
    recorded_survey,
    repair_ticket,
)
from tests.factories.org import make_org
from tests.factories.people import Desk
from tests.workorders.conftest import Post, Unchanged, refused
from tests.workorders.test_surveys import SURVEYS, ticket_facts

from ownercare_api.approvals.models import Approval, ApprovalMaker, ApprovalStep, Tier
from ownercare_api.core.ids import uuid7
from ownercare_api.tickets.lifecycle import TicketStatus
from ownercare_api.tickets.models import Ticket, TicketFirm
from ownercare_api.timeline.models import Event
from ownercare_api.workorders import service
from ownercare_api.workorders.models import SiteSurvey, WorkOrder

ORDERS = "/v1/work-orders"


def raising(survey: SiteSurvey, **changes: Any) -> dict[str, Any]:
    return {"survey_id": str(survey.id), "description": "重做卫生间防水", **changes}


def emergency(ticket: Ticket, **changes: Any) -> dict[str, Any]:
    return {
        "ticket_id": str(ticket.id),
        "description": "水管爆裂,先行抢修",
        "emergency": True,
        "building_part": "wet_room_waterproofing",
        "trades": ["plumbing"],
        "estimate_fen": 90_000,
        "repair_class": "B",
        **changes,
    }


async def route(session: AsyncSession, approval_id: object) -> list[str]:
    found = await session.scalars(
        select(ApprovalStep.tier)
        .where(ApprovalStep.approval_id == UUID(str(approval_id)))
        .order_by(ApprovalStep.position)
    )
    return [tier.value for tier in found]


MANAGER = ["department_manager"]
DEPUTIES = ["deputy_chief_engineer", "deputy_general_manager"]
TOP = ["general_manager"]


@pytest.mark.rule("REP-08")
@pytest.mark.rule("FIN-01")
@pytest.mark.parametrize(("story", "repair_class"), [(CLASS_A, "A"), (CLASS_B, "B")])
async def test_an_order_takes_everything_from_its_survey_and_asks_for_approval(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, story: Story, repair_class: str
) -> None:
    survey = await co_signed_survey(session, cast, now=clock(), story=story)
    answer = await post(cast.specialist, ORDERS, **raising(survey))
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert answer.headers["location"] == f"/v1/work-orders/{body['id']}"
    assert answer.headers["etag"].startswith(f'"{body["version"]}.')
    assert (body["number"], body["status"]) == ("PG-20261120-0001", "awaiting_approval")
    assert (body["repair_class"], body["class_reasons"][-1]["code"]) == (repair_class, f"class_{repair_class.lower()}")
    assert body["trades"] == ["waterproofing", "tiling"]
    assert (body["building_part"], body["estimate_fen"]) == ("wet_room_waterproofing", 180_000)
    assert [line["work_order_id"] for line in body["estimate_lines"]] == [body["id"]] * 2
    contractor = {"id": str(cast.contractor.firm.id), "name": cast.contractor.firm.name}
    assert body["contractor"] == (contractor if repair_class == "A" else None)
    assert body["contract_id"] == (str(cast.contractor.contract.id) if repair_class == "A" else None)
    assert body["allowed_actions"] == ["update", "cancellation"]
    assert (body["approval"]["status"], body["approval"]["total_fen"]) == ("pending", 180_000)
    assert await route(session, body["approval"]["id"]) == MANAGER
    approval = await session.get_one(Approval, UUID(body["approval"]["id"]))
    assert (approval.subject_kind, approval.subject_id) == ("work_order", UUID(body["id"]))
    assert approval.title == f"{body['number']} 有防水要求的卫生间、房间防水维修"
    makers = await session.execute(
        select(ApprovalMaker.account_id, ApprovalMaker.part).where(ApprovalMaker.approval_id == approval.id)
    )
    assert {row.account_id: row.part for row in makers} == {cast.specialist.id: "arranged"}
    assert await ticket_facts(session, survey.ticket_id) == (1, 0)


@pytest.mark.rule("FIN-02")
async def test_all_who_prepared_it_are_makers(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post
) -> None:
    survey = await recorded_survey(session, cast, now=clock())
    surveyor = await people.staff("engineering_material_engineer", project_id=cast.org.project.id)
    raiser = cast.deciders[Tier.DEPARTMENT_MANAGER]
    lines = [{"description": "重做防水", "trade": "waterproofing", "amount_fen": 150_000}]
    await post(
        surveyor,
        f"{SURVEYS}/{survey.id}/findings",
        visited_at="2026-11-20T12:00:00+08:00",
        building_part="wet_room_waterproofing",
        cause="开裂",
        liable_party="contractor",
        trades=["waterproofing"],
        estimate_lines=lines,
    )
    for actor, role in (
        (cast.colleague, "customer_service"),
        (cast.engineer, "engineering_or_property"),
        (cast.captain, "repair_captain"),
        (cast.representative, "contractor"),
    ):
        await post(actor, f"{SURVEYS}/{survey.id}/signatures", role=role)
    body = (await post(raiser, ORDERS, **raising(survey))).json()
    makers = await session.execute(
        select(ApprovalMaker.account_id, ApprovalMaker.part).where(
            ApprovalMaker.approval_id == UUID(body["approval"]["id"])
        )
    )
    assert {row.account_id: row.part for row in makers} == {
        cast.specialist.id: "arranged",
        surveyor.id: "surveyed",
        raiser.id: "raised",
    }
    own = await post(raiser, f"/v1/approvals/{body['approval']['id']}/decisions", decision="approved")
    refused(own, 403, "own_work")


@pytest.mark.rule("FIN-01")
async def test_the_decision_moves_the_order(session: AsyncSession, cast: Cast, clock: FakeClock, post: Post) -> None:
    manager = cast.deciders[Tier.DEPARTMENT_MANAGER]
    order = await raised_order(session, cast, now=clock())
    decided = await post(manager, f"/v1/approvals/{order.approval_id}/decisions", decision="approved")
    assert decided.status_code == 201, decided.text
    await session.refresh(order)
    assert (order.status.value, order.approved_at) == ("approved", clock())
    assert await ticket_facts(session, order.ticket_id) == (1, 0)
    other = await raised_order(session, cast, now=clock(), story=CLASS_B)
    await post(manager, f"/v1/approvals/{other.approval_id}/decisions", decision="rejected", comment="报价偏高")
    await session.refresh(other)
    assert (other.status.value, other.approved_at) == ("rejected", None)
    assert await ticket_facts(session, other.ticket_id) == (0, 0)
    kinds = list(await session.scalars(select(Event.kind).where(Event.subject_kind == "work_order")))
    assert kinds.count("work_order.approved") == 1
    assert kinds.count("work_order.rejected") == 1


@pytest.mark.rule("REP-08")
async def test_estimate_lines_are_ordered_once(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    survey = await co_signed_survey(session, cast, now=clock())
    await post(cast.specialist, ORDERS, **raising(survey, estimate_lines=[2]))
    async with unchanged():
        refused(
            await post(cast.specialist, ORDERS, **raising(survey, estimate_lines=[1, 2])), 409, "estimate_lines_taken"
        )
        refused(
            await post(cast.specialist, ORDERS, **raising(survey, estimate_lines=[3])), 422, "estimate_line_unknown"
        )
    await post(cast.specialist, ORDERS, **raising(survey))
    async with unchanged():
        refused(await post(cast.specialist, ORDERS, **raising(survey)), 409, "nothing_to_order")


@pytest.mark.rule("REP-04")
@pytest.mark.rule("REP-08")
async def test_what_keeps_an_order_from_being_raised(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    recorded = await recorded_survey(session, cast, now=clock())
    nobody_s = await co_signed_survey(session, cast, now=clock(), story=NOT_OURS)
    unpriced = await co_signed_survey(session, cast, now=clock(), story=Story(lines=()))
    good = await co_signed_survey(session, cast, now=clock())
    resolved = await co_signed_survey(session, cast, now=clock())
    (await session.get_one(Ticket, resolved.ticket_id)).status = TicketStatus.RESOLVED
    await session.flush()
    elsewhere = await make_org(session, now=clock(), name="临澜府", region=cast.org.region)
    stranger = await people.staff("customer_relations_specialist", project_id=elsewhere.project.id)
    async with unchanged():
        refused(await post(cast.specialist, ORDERS, **raising(recorded)), 409, "survey_not_co_signed")
        refused(await post(cast.specialist, ORDERS, **raising(nobody_s)), 409, "not_the_companys_to_pay")
        refused(await post(cast.specialist, ORDERS, **raising(unpriced)), 409, "nothing_to_order")
        refused(await post(cast.specialist, ORDERS, **raising(resolved)), 409, "ticket_not_accepted")
        refused(await post(cast.specialist, ORDERS, **raising(good, emergency=True)), 409, "not_urgent")
        refused(await post(cast.captain, ORDERS, **raising(good)), 403, "missing_scope")
        refused(await post(stranger, ORDERS, **raising(good)), 404, "site_survey_not_found")
        for wrong in ({"trades": ["tiling"]}, {"estimate_fen": 1}, {"repair_class": "B"}, {"ticket_id": str(uuid7())}):
            refused(await post(cast.specialist, ORDERS, **raising(good, **wrong)), 422, "validation_failed")


@pytest.mark.rule("REP-08")
async def test_an_authorised_person_overrides_with_a_reason(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    survey = await co_signed_survey(session, cast, now=clock(), story=NOT_OURS)
    assert await ticket_facts(session, survey.ticket_id) == (0, 1)
    override = {"repair_class": "B", "reason": "老业主关怀,公司承担"}
    manager = cast.deciders[Tier.DEPARTMENT_MANAGER]
    async with unchanged():
        refused(await post(cast.specialist, ORDERS, **raising(survey, override=override)), 403, "out_of_reach")
        without = {"repair_class": "B"}
        refused(await post(manager, ORDERS, **raising(survey, override=without)), 422, "validation_failed")
    body = (await post(manager, ORDERS, **raising(survey, override=override))).json()
    assert (body["repair_class"], body["class_overridden_by"]) == ("B", str(manager.id))
    last = body["class_reasons"][-1]
    assert (last["code"], last["reason"], last["by"]) == ("overridden", "老业主关怀,公司承担", str(manager.id))
    assert body["class_reasons"][-2]["code"] == "class_none"
    assert await ticket_facts(session, survey.ticket_id) == (1, 1)
    event = (await session.scalars(select(Event).where(Event.kind == "work_order.raised"))).one()
    assert event.data["overridden"] is True


@pytest.mark.rule("REP-08")
async def test_class_a_needs_a_contract(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    body = (
        await post(
            cast.specialist,
            SURVEYS,
            ticket_id=str((await repair_ticket(session, cast, now=clock())).id),
            scheduled_at="2026-11-20T12:00:00+08:00",
        )
    ).json()
    await post(
        cast.specialist,
        f"{SURVEYS}/{body['id']}/findings",
        visited_at="2026-11-20T12:00:00+08:00",
        building_part="electrics",
        cause="线路老化",
        liable_party="contractor",
        trades=["electrics"],
        estimate_lines=[{"description": "换线", "trade": "electrics", "amount_fen": 9_000}],
    )
    for actor, role in (
        (cast.colleague, "customer_service"),
        (cast.engineer, "engineering_or_property"),
        (cast.captain, "repair_captain"),
    ):
        signed = await post(actor, f"{SURVEYS}/{body['id']}/signatures", role=role)
    assert signed.json()["status"] == "co_signed"
    survey = await session.get_one(SiteSurvey, UUID(body["id"]))
    override = {"repair_class": "A", "reason": "施工单位承诺"}
    async with unchanged():
        manager = cast.deciders[Tier.DEPARTMENT_MANAGER]
        refused(await post(manager, ORDERS, **raising(survey, override=override)), 409, "class_a_needs_contract")


async def patch(
    client: httpx.AsyncClient, cast: Cast, order: WorkOrder | UUID, etag: str | None = None, **body: Any
) -> httpx.Response:
    order_id = order.id if isinstance(order, WorkOrder) else order
    headers = dict(cast.colleague.headers)
    if etag is None:
        etag = (await client.get(f"{ORDERS}/{order_id}", headers=headers)).headers["etag"]
    return await client.patch(f"{ORDERS}/{order_id}", json=body, headers=headers | {"If-Match": etag})


@pytest.mark.rule("REP-08")
async def test_an_order_at_work_is_not_cancelled(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    order = await dispatched_order(session, cast, now=clock())
    elsewhere = await make_org(session, now=clock(), name="临澜府", region=cast.org.region)
    stranger = await people.staff("customer_relations_specialist", project_id=elsewhere.project.id)
    path = f"{ORDERS}/{order.id}"
    async with unchanged():
        refused(await post(cast.captain, f"{path}/cancellation", reason="x"), 403, "missing_scope")
        refused(await post(stranger, f"{path}/cancellation", reason="x"), 404, "work_order_not_found")
    await post(cast.worker, f"{path}/acceptance")
    async with unchanged():
        refused(await post(cast.specialist, f"{path}/cancellation", reason="x"), 409, "wrong_status")
    other = await dispatched_order(session, cast, now=clock())
    body = (await post(cast.specialist, f"{ORDERS}/{other.id}/cancellation", reason="业主外出")).json()
    assert [(one["kind"], one["state"]) for one in body["deadlines"]] == [("repair", "cancelled")]
    assert await ticket_facts(session, other.ticket_id) == (0, 0)


async def test_a_class_a_order_is_shared_with_its_contractor(
    session: AsyncSession, client: httpx.AsyncClient, cast: Cast, clock: FakeClock
) -> None:
    a = await dispatched_order(session, cast, now=clock())
    b = await dispatched_order(session, cast, now=clock(), story=CLASS_B)
    shared = await session.scalars(select(TicketFirm.firm_id).where(TicketFirm.ticket_id == a.ticket_id))
    assert set(shared) == {cast.contractor.firm.id, cast.company.firm.id}
    listed = await client.get(ORDERS, headers=cast.representative.headers)
    assert [one["id"] for one in listed.json()["items"]] == [str(a.id)]
    refused(await client.get(f"{ORDERS}/{b.id}", headers=cast.representative.headers), 404, "work_order_not_found")
    listed = await client.get(ORDERS, headers=cast.captain.headers)
    assert [one["id"] for one in listed.json()["items"]] == [str(b.id), str(a.id)]


async def test_filing_an_account_is_noted(session: AsyncSession, cast: Cast, clock: FakeClock) -> None:
    order = await raised_order(session, cast, now=clock())
    await service.account_filed(session, work_order_id=order.id)
    await session.refresh(order)
    assert order.account_filed
