"""Completion with photos, rework, the four signatures, and the callback (REP-11..13)."""

from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import (
    Cast,
    accepted_order,
    accepting,
    completed_order,
    make_cast,
    photo,
    repair_ticket,
    signed_off_order,
)
from tests.factories.contractors import make_property_company
from tests.factories.files import make_file
from tests.factories.people import Desk
from tests.workorders.conftest import Post, Unchanged, refused
from tests.workorders.test_dispatch import repair_clocks
from tests.workorders.test_orders import ORDERS
from tests.workorders.test_surveys import ticket_facts

from ownercare_api.core.ids import uuid7
from ownercare_api.demo.policy import DEMO_POLICY
from ownercare_api.files.models import FileObject, FilePurpose
from ownercare_api.timeline.models import Event
from ownercare_api.workorders.lifecycle import SignatureSeat
from ownercare_api.workorders.models import WorkOrder


async def photos(session: AsyncSession, cast: Cast, clock: FakeClock) -> dict[str, Any]:
    return {
        "note": "闭水试验 48 小时无渗漏",
        "photos_before": [str(await photo(session, cast, FilePurpose.PHOTO_BEFORE, now=clock()))],
        "photos_after": [str(await photo(session, cast, FilePurpose.PHOTO_AFTER, now=clock()))],
    }


@pytest.mark.rule("REP-11")
@pytest.mark.rule("REP-12")
async def test_completion_stops_the_clock_and_binds_the_photos(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    order = await accepted_order(session, cast, now=clock())
    clock.now = clock.now.replace(month=12, day=1, hour=10, minute=0)
    given = await photos(session, cast, clock)
    answer = await post(cast.worker, f"{ORDERS}/{order.id}/completion", **given)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["status"], body["completed_by"]) == ("completed", str(cast.worker.id))
    assert body["completion_note"] == "闭水试验 48 小时无渗漏"
    assert repair_clocks(body) == [(1, "REP-06", "2026-12-01T10:00:00Z", "met")]
    assert body["photos"] == [
        {"file_id": given["photos_before"][0], "phase": "before", "round": 1},
        {"file_id": given["photos_after"][0], "phase": "after", "round": 1},
    ]
    bound = await session.scalars(select(FileObject.ticket_id).where(FileObject.purpose == FilePurpose.PHOTO_AFTER))
    assert list(bound) == [order.ticket_id]
    assert body["missing_signatures"] == ["customer_service", "engineering_or_property", "repair_captain", "owner"]
    assert body["allowed_actions"] == []  # the worker has no seat


@pytest.mark.rule("REP-12")
async def test_completion_needs_photos_of_before_and_after(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    order = await accepted_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}/completion"
    good = await photos(session, cast, clock)
    other = await make_property_company(session, cast.org, people)
    async with unchanged():
        refused(await post(cast.worker, path, **good | {"photos_before": []}), 422, "validation_failed")
        refused(await post(cast.worker, path, **good | {"photos_after": []}), 422, "validation_failed")
        swapped = good | {"photos_before": good["photos_after"]}
        refused(await post(cast.worker, path, **swapped), 422, "file_not_usable")
        refused(await post(cast.worker, path, **good | {"photos_after": [str(uuid7())]}), 422, "file_not_usable")
        refused(await post(other.captain, path, **good), 404, "work_order_not_found")
        refused(await post(cast.specialist, path, **good), 403, "missing_scope")


@pytest.mark.rule("REP-12")
async def test_rework_starts_a_new_round(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    order = await completed_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}"
    await post(cast.engineer, f"{path}/signatures", seat="engineering_or_property")
    clock.forward(days=3)  # Monday
    async with unchanged():
        refused(await post(cast.engineer, f"{path}/rework", reason="仍渗水"), 403, "missing_scope")
        refused(await post(cast.captain, f"{path}/rework", reason="仍渗水"), 403, "missing_scope")
    body = (await post(cast.colleague, f"{path}/rework", reason="闭水试验仍渗水")).json()
    assert (body["status"], body["round"], body["rework_reason"]) == ("in_progress", 2, "闭水试验仍渗水")
    assert (body["completed_at"], body["completed_by"]) == (None, None)
    assert repair_clocks(body) == [
        (1, "REP-06", "2026-12-01T10:00:00Z", "met"),
        (2, "REP-06", "2026-12-02T10:00:00Z", "running"),
    ]
    assert body["missing_signatures"] == ["customer_service", "engineering_or_property", "repair_captain", "owner"]
    again = (await post(cast.captain, f"{path}/completion", **await photos(session, cast, clock))).json()
    assert [one["round"] for one in again["photos"]] == [1, 1, 2, 2]
    # The second round has its own seats; the captain reported it this time.
    signed = await post(cast.engineer, f"{path}/signatures", seat="engineering_or_property")
    assert [(one["round"], one["seat"]) for one in signed.json()["signatures"]] == [
        (1, "engineering_or_property"),
        (2, "engineering_or_property"),
    ]
    assert (await post(cast.captain, f"{path}/signatures", seat="repair_captain")).status_code == 201


@pytest.mark.rule("REP-12")
@pytest.mark.rule("REP-13")
async def test_four_signatures_sign_off_and_start_the_callback_clock(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    order = await completed_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}/signatures"
    for seat in (SignatureSeat.OWNER, SignatureSeat.REPAIR_CAPTAIN, SignatureSeat.ENGINEERING_OR_PROPERTY):
        clock.forward(hours=1)
        owner = {"owner_name": "王秀英", "satisfied": True, "opinion": "维修及时"} if seat == "owner" else {}
        body = (await post(accepting(cast, seat), path, seat=seat.value, **owner)).json()
        assert body["status"] == "completed"
    clock.forward(hours=2, minutes=59, seconds=59)  # Friday 17:59:59
    body = (await post(cast.colleague, path, seat="customer_service", opinion="验收合格")).json()
    assert (body["status"], body["signed_off_at"]) == ("signed_off", "2026-11-20T09:59:59Z")
    assert body["missing_signatures"] == []
    callback = body["deadlines"][-1]
    assert (callback["kind"], callback["rule"], callback["due_at"]) == ("callback", "REP-13", "2026-11-23T10:00:00Z")
    owner_signature = body["signatures"][0]
    assert (owner_signature["signed_by"], owner_signature["signed_by_name"]) == (None, "王秀英")
    assert (owner_signature["taken_by"], owner_signature["satisfied"]) == (str(cast.captain.id), True)
    assert await ticket_facts(session, order.ticket_id) == (1, 0)  # the callback is still owed
    kinds = await session.scalars(select(Event.kind).where(Event.kind == "work_order.signed_off"))
    assert len(list(kinds)) == 1


@pytest.mark.rule("REP-12")
async def test_seats_of_the_acceptance(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    order = await completed_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}/signatures"
    other = await make_property_company(session, cast.org, people)
    second_captain = await people.firm_user("repair_captain", firm_id=cast.company.firm.id)
    both = await people.staff(
        "customer_relations_specialist", "engineering_material_engineer", project_id=cast.org.project.id
    )
    async with unchanged():
        refused(await post(cast.engineer, path, seat="customer_service"), 403, "out_of_reach")
        refused(await post(cast.specialist, path, seat="engineering_or_property"), 403, "out_of_reach")
        refused(await post(cast.specialist, path, seat="repair_captain"), 403, "out_of_reach")
        refused(await post(second_captain, path, seat="repair_captain"), 403, "not_your_seat")
        refused(await post(cast.engineer, path, seat="owner"), 403, "out_of_reach")
        refused(await post(cast.worker, path, seat="owner"), 403, "out_of_reach")
        refused(await post(cast.representative, path, seat="engineering_or_property"), 403, "not_your_seat")
        refused(await post(other.captain, path, seat="repair_captain"), 404, "work_order_not_found")
        refused(
            await post(cast.colleague, path, seat="customer_service", owner_name="王秀英"), 422, "validation_failed"
        )
    first = (await post(both, path, seat="customer_service")).json()
    assert first["signable_seats"] == ["owner"]
    async with unchanged():
        refused(await post(both, path, seat="engineering_or_property"), 403, "one_person_one_seat")
        refused(await post(cast.colleague, path, seat="customer_service"), 409, "seat_taken")
    taken = await post(both, path, seat="owner")  # taking the owner's signature is not signing
    assert taken.json()["signatures"][-1]["signed_by_name"] == "沈若溪"
    manager = await people.firm_user("property_company_manager", firm_id=cast.company.firm.id)
    assert (await post(manager, path, seat="engineering_or_property")).status_code == 201


@pytest.mark.rule("REP-12")
async def test_who_reported_the_work_done_signs_as_captain_only(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    order = await accepted_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}"
    reporter = await people.firm_user("repair_worker", "property_company_manager", firm_id=cast.company.firm.id)
    given = await photos(session, cast, clock)
    body = (await post(reporter, f"{path}/completion", **given)).json()
    assert (body["completed_by"], body["signable_seats"]) == (str(reporter.id), [])
    async with unchanged():
        refused(await post(reporter, f"{path}/signatures", seat="engineering_or_property"), 403, "own_work")


async def test_a_drawn_signature_is_kept(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    order = await completed_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}/signatures"
    make = partial(make_file, session, project_id=cast.org.project.id, uploaded_by=cast.captain.id, now=clock())
    wrong, drawn = await make(), await make(purpose=FilePurpose.SIGNATURE)
    async with unchanged():
        answer = await post(cast.captain, path, seat="owner", signature_file_id=str(wrong.id))
        refused(answer, 422, "file_not_usable")
    body = (await post(cast.captain, path, seat="owner", signature_file_id=str(drawn.id))).json()
    assert body["signatures"][0]["signature_file_id"] == str(drawn.id)


@pytest.mark.rule("REP-13")
@pytest.mark.parametrize(
    ("given", "satisfaction"),
    [({"outcome": "answered", "satisfaction": 5}, 5), ({"outcome": "declined"}, None)],
)
async def test_an_answer_or_a_refusal_closes_the_order(
    session: AsyncSession,
    cast: Cast,
    clock: FakeClock,
    post: Post,
    unchanged: Unchanged,
    given: dict[str, Any],
    satisfaction: int | None,
) -> None:
    order = await signed_off_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}/callbacks"
    clock.forward(days=3)
    body = (await post(cast.clerk, path, **given, comment="谢谢")).json()
    assert (body["status"], body["callback_done_at"], body["satisfaction"]) == (
        "closed",
        "2026-11-23T04:00:00Z",
        satisfaction,
    )
    (attempt,) = body["callbacks"]
    assert (attempt["number"], attempt["attempt"]) == ("HF-20261123-0001", 1)
    assert attempt["called_by_name"] == cast.clerk.name
    assert body["deadlines"][-1]["state"] == "met"
    assert await ticket_facts(session, order.ticket_id) == (0, 1)
    async with unchanged():
        refused(await post(cast.clerk, path, outcome="declined"), 409, "wrong_status")


@pytest.mark.rule("REP-13")
async def test_three_unanswered_calls_end_it(session: AsyncSession, cast: Cast, clock: FakeClock, post: Post) -> None:
    order = await signed_off_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}/callbacks"
    for attempt in (1, 2):
        clock.forward(hours=1)
        body = (await post(cast.clerk, path, outcome="unreachable")).json()
        assert (body["status"], body["deadlines"][-1]["state"]) == ("signed_off", "running")
        assert len(body["callbacks"]) == attempt
        assert await ticket_facts(session, order.ticket_id) == (1, 0)
    clock.forward(days=4)
    body = (await post(cast.clerk, path, outcome="unreachable")).json()
    assert (body["status"], body["satisfaction"]) == ("closed", None)
    assert body["deadlines"][-1]["state"] == "late"
    assert [one["attempt"] for one in body["callbacks"]] == [1, 2, 3]
    assert await ticket_facts(session, order.ticket_id) == (0, 1)


@pytest.mark.rule("CBK-12")
@pytest.mark.parametrize(("satisfaction", "severe"), [(1, True), (2, False)])
async def test_serious_dissatisfaction_is_flagged(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, satisfaction: int, severe: bool
) -> None:
    order = await signed_off_order(session, cast, now=clock())
    await post(cast.clerk, f"{ORDERS}/{order.id}/callbacks", outcome="answered", satisfaction=satisfaction)
    event = (await session.scalars(select(Event).where(Event.kind == "work_order.called_back"))).one()
    assert event.data["seriously_dissatisfied"] is severe
    assert event.rules == (["REP-13", "CBK-12"] if severe else ["REP-13"])


@pytest.mark.rule("REP-13")
async def test_callbacks_that_are_refused(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    order = await signed_off_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}/callbacks"
    async with unchanged():
        answer = await post(cast.clerk, path, outcome="answered", satisfaction=6)
        refused(answer, 422, "satisfaction_out_of_scale")
        assert answer.json()["errors"][0]["pointer"] == "#/satisfaction"
        refused(await post(cast.clerk, path, outcome="answered", satisfaction=0), 422, "validation_failed")
        refused(await post(cast.clerk, path, outcome="answered"), 422, "validation_failed")
        refused(await post(cast.clerk, path, outcome="unreachable", satisfaction=5), 422, "validation_failed")
        refused(await post(cast.captain, path, outcome="declined"), 403, "missing_scope")
        refused(await post(cast.worker, path, outcome="declined"), 403, "missing_scope")
        refused(await post(cast.engineer, path, outcome="declined"), 403, "missing_scope")


@pytest.mark.rule("REP-13")
async def test_the_policy_says_how_often_to_call(
    session: AsyncSession, people: Desk, clock: FakeClock, post: Post
) -> None:
    values = DEMO_POLICY | {"callback.max_attempts": 1}
    cast = await make_cast(session, people, now=clock(), values=values)
    order = await signed_off_order(session, cast, now=clock())
    body = (await post(cast.clerk, f"{ORDERS}/{order.id}/callbacks", outcome="unreachable")).json()
    assert body["status"] == "closed"


@pytest.mark.rule("REP-12")
async def test_a_ticket_with_two_orders_is_done_when_both_are(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    ticket = await repair_ticket(session, cast, now=clock())
    first = await signed_off_order(session, cast, now=clock(), ticket=ticket)
    second = await signed_off_order(session, cast, now=clock(), ticket=ticket)
    assert await ticket_facts(session, ticket.id) == (2, 0)
    for order, left in ((first, (1, 1)), (second, (0, 2))):
        await post(cast.clerk, f"{ORDERS}/{order.id}/callbacks", outcome="answered", satisfaction=4)
        assert await ticket_facts(session, ticket.id) == left
    assert (await session.get_one(WorkOrder, UUID(str(first.id)), populate_existing=True)).satisfaction == 4
