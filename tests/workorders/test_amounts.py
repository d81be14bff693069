"""Amounts: the tier of the whole repair, editing, and what leaves the total (FIN-01..03, readings 7 and 10)."""

from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import (
    CLASS_A,
    CLASS_B,
    Cast,
    Story,
    approved_order,
    co_signed_survey,
    decide_all,
    dispatched_order,
    raised_order,
)
from tests.workorders.conftest import Post, Unchanged, refused
from tests.workorders.test_orders import DEPUTIES, MANAGER, ORDERS, TOP, patch, raising, route
from tests.workorders.test_surveys import ticket_facts

from ownercare_api.approvals.models import Approval, ApprovalMaker, Decision
from ownercare_api.properties.parts import Trade
from ownercare_api.tickets.models import Ticket
from ownercare_api.timeline.models import Event
from ownercare_api.workorders import service
from ownercare_api.workorders.models import SiteSurvey, WorkOrder


@pytest.mark.rule("FIN-02")
@pytest.mark.parametrize(
    ("fen", "seats"),
    [(200_000, MANAGER), (200_001, DEPUTIES), (2_000_000, DEPUTIES), (2_000_001, TOP)],
)
async def test_the_tier_follows_the_amount(
    session: AsyncSession, cast: Cast, clock: FakeClock, fen: int, seats: list[str]
) -> None:
    order = await raised_order(session, cast, now=clock(), story=Story.costing(fen))
    assert await route(session, order.approval_id) == seats


@pytest.mark.rule("FIN-02")
async def test_splitting_does_not_lower_the_tier(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    """150,000 + 60,000 fen: the first alone was the manager's; pending, it follows the second to the deputies."""
    lines = (("重做防水", Trade.WATERPROOFING, 150_000), CLASS_A.lines[1])
    survey = await co_signed_survey(session, cast, now=clock(), story=Story(lines=lines))
    first = (await post(cast.specialist, ORDERS, **raising(survey, estimate_lines=[1]))).json()
    assert (first["estimate_fen"], first["trades"]) == (150_000, ["waterproofing"])
    assert await route(session, first["approval"]["id"]) == MANAGER
    second = (await post(cast.specialist, ORDERS, **raising(survey))).json()
    assert (second["estimate_fen"], second["trades"]) == (60_000, ["tiling"])
    assert second["approval"]["total_fen"] == 210_000
    assert await route(session, second["approval"]["id"]) == DEPUTIES
    client_view = await session.get_one(WorkOrder, UUID(first["id"]), populate_existing=True)
    assert client_view.approval_id != UUID(first["approval"]["id"])
    assert client_view.version > first["version"]
    assert await route(session, client_view.approval_id) == DEPUTIES
    old = await session.get_one(Approval, UUID(first["approval"]["id"]), populate_existing=True)
    assert old.status.value == "superseded"
    assert await service.estimates_total(session, ticket_id=survey.ticket_id) == 210_000
    assert await ticket_facts(session, survey.ticket_id) == (2, 0)


@pytest.mark.rule("FIN-02")
async def test_an_approved_sibling_stays_and_the_new_order_carries_the_whole(
    session: AsyncSession, cast: Cast, clock: FakeClock
) -> None:
    first = await approved_order(session, cast, now=clock(), story=Story.costing(150_000))
    ticket = await session.get_one(Ticket, first.ticket_id)
    second = await raised_order(session, cast, now=clock(), story=Story.costing(60_000), ticket=ticket)
    await session.refresh(first)
    assert first.status.value == "approved"
    assert await route(session, first.approval_id) == MANAGER
    assert await route(session, second.approval_id) == DEPUTIES


@pytest.mark.rule("FIN-01")
async def test_cancelled_and_rejected_orders_leave_the_total(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    first = await raised_order(session, cast, now=clock(), story=Story.costing(150_000))
    ticket = await session.get_one(Ticket, first.ticket_id)
    body = (await post(cast.specialist, f"{ORDERS}/{first.id}/cancellation", reason="业主改约")).json()
    assert (body["status"], body["approval"]["status"]) == ("cancelled", "withdrawn")
    assert body["cancellation_reason"] == "业主改约"
    assert await ticket_facts(session, ticket.id) == (0, 0)
    assert await service.estimates_total(session, ticket_id=ticket.id) == 0
    survey = await session.get_one(SiteSurvey, first.survey_id)
    again = (await post(cast.specialist, ORDERS, **raising(survey))).json()
    assert (again["approval"]["total_fen"], again["estimate_fen"]) == (150_000, 150_000)
    await decide_all(session, cast, approval_id=UUID(again["approval"]["id"]), now=clock(), decision=Decision.REJECTED)
    assert await service.estimates_total(session, ticket_id=ticket.id) == 0
    assert (await post(cast.specialist, ORDERS, **raising(survey))).status_code == 201


@pytest.mark.rule("FIN-01")
async def test_editing_an_amount_reopens_the_approval_with_the_editor_as_maker(
    session: AsyncSession, client: httpx.AsyncClient, cast: Cast, clock: FakeClock
) -> None:
    order = await approved_order(session, cast, now=clock())
    before = order.approval_id
    answer = await patch(client, cast, order, estimate_fen=210_000)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["status"], body["approved_at"], body["estimate_fen"]) == ("awaiting_approval", None, 210_000)
    assert body["approval"]["id"] != str(before)
    assert await route(session, body["approval"]["id"]) == DEPUTIES
    makers = await session.scalars(
        select(ApprovalMaker.account_id).where(ApprovalMaker.approval_id == UUID(body["approval"]["id"]))
    )
    assert set(makers) == {cast.specialist.id, cast.colleague.id}
    event = (await session.scalars(select(Event).where(Event.kind == "work_order.updated"))).one()
    assert (event.data["estimate_fen_before"], event.data["estimate_fen"]) == (180_000, 210_000)


@pytest.mark.rule("FIN-02")
async def test_a_higher_amount_takes_pending_siblings_along(
    session: AsyncSession, client: httpx.AsyncClient, cast: Cast, clock: FakeClock
) -> None:
    first = await raised_order(session, cast, now=clock(), story=Story.costing(100_000))
    ticket = await session.get_one(Ticket, first.ticket_id)
    second = await raised_order(session, cast, now=clock(), story=Story.costing(60_000), ticket=ticket)
    untouched = first.approval_id
    await patch(client, cast, second, estimate_fen=70_000)
    await session.refresh(first)
    assert first.approval_id == untouched  # the same tier: nothing to ask again
    await patch(client, cast, second, estimate_fen=100_001)
    await session.refresh(first)
    await session.refresh(second)
    assert await route(session, first.approval_id) == DEPUTIES
    assert await route(session, second.approval_id) == DEPUTIES


async def test_a_description_is_edited_without_a_new_approval(
    session: AsyncSession, client: httpx.AsyncClient, cast: Cast, clock: FakeClock, unchanged: Unchanged
) -> None:
    order = await approved_order(session, cast, now=clock())
    body = (await patch(client, cast, order, description="重做防水并更换地漏", estimate_fen=180_000)).json()
    assert (body["status"], body["description"]) == ("approved", "重做防水并更换地漏")
    assert body["approval"]["id"] == str(order.approval_id)
    async with unchanged():
        assert (await patch(client, cast, order)).status_code == 200
        same = await patch(client, cast, order, description="重做防水并更换地漏")
        assert same.json()["version"] == body["version"]


@pytest.mark.rule("FIN-01")
async def test_edits_that_are_refused(
    session: AsyncSession,
    client: httpx.AsyncClient,
    cast: Cast,
    clock: FakeClock,
    unchanged: Unchanged,
) -> None:
    order = await raised_order(session, cast, now=clock())
    gone = await dispatched_order(session, cast, now=clock(), story=CLASS_B)
    path = f"{ORDERS}/{order.id}"
    async with unchanged():
        bare = await client.patch(path, json={"estimate_fen": 1}, headers=cast.colleague.headers)
        refused(bare, 428, "precondition_required")
        refused(await patch(client, cast, order, etag='"0.x"', estimate_fen=1), 412, "stale")
        refused(await patch(client, cast, order, estimate_fen=0), 422, "validation_failed")
        refused(await patch(client, cast, order, estimate_fen=None), 422, "validation_failed")
        refused(await patch(client, cast, order, status="approved"), 422, "validation_failed")
        refused(await patch(client, cast, gone, estimate_fen=1), 409, "estimate_fixed")
        headers = cast.engineer.headers | {"If-Match": "*"}
        refused(await client.patch(path, json={"estimate_fen": 1}, headers=headers), 403, "missing_scope")
