"""The repairs in an owner's home: what he reads, his consent beforehand, his signature."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.cases import accepted_order, accepting, approved_order, calendar_of, completed_order, who
from tests.factories.files import make_file
from tests.factories.people import Desk
from tests.factories.portal import Login, Neighbours, make_case, rows

from ownercare_api.files.models import FilePurpose
from ownercare_api.owners.models import Ownership
from ownercare_api.tickets.lifecycle import Category
from ownercare_api.tickets.models import Ticket
from ownercare_api.timeline.models import Event
from ownercare_api.workorders import completion, extensions
from ownercare_api.workorders.lifecycle import SignatureSeat
from ownercare_api.workorders.models import CompletionSignature, Extension, WorkOrder


@pytest.fixture
async def case(session: AsyncSession, clock: FakeClock, here: Neighbours) -> Ticket:
    """Give a repair case of Anna's."""
    return await make_case(
        session, here.org, unit=here.home, owner=here.anna, received_at=clock(), category=Category.REPAIR
    )


async def read(client: httpx.AsyncClient, who: Login, order: WorkOrder) -> dict[str, Any]:
    answer = await client.get(f"/v1/my/work-orders/{order.id}", headers=who.headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def ask(session: AsyncSession, here: Neighbours, order: WorkOrder, clock: FakeClock) -> None:
    """Let the captain ask for two more working days."""
    await extensions.ask(
        session,
        work_order_id=order.id,
        reason="瓷砖缺货",
        extra_workdays=2,
        principal=who(here.cast.captain),
        now=clock(),
    )


async def consent(client: httpx.AsyncClient, who: Login, order: WorkOrder, **body: Any) -> httpx.Response:
    return await client.post(
        f"/v1/my/work-orders/{order.id}/consent", json={"consented": True, **body}, headers=who.headers
    )


async def sign(client: httpx.AsyncClient, who: Login, order: WorkOrder, **body: Any) -> httpx.Response:
    return await client.post(
        f"/v1/my/work-orders/{order.id}/signature", json={"satisfaction": 5, **body}, headers=who.headers
    )


@pytest.mark.rule("OWN-07")
@pytest.mark.rule("REP-15")
async def test_he_reads_who_comes_and_until_when_and_no_money(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours, case: Ticket,
    queries: QueryRecorder,
) -> None:  # fmt: skip
    order = await accepted_order(session, here.cast, now=clock(), ticket=case)
    shown = await read(client, here.anna, order)
    company = here.cast.company
    assert (shown["status"], shown["ticket"]["number"], shown["trades"]) == (
        "in_progress", case.number, ["waterproofing", "tiling"],
    )  # fmt: skip
    assert (shown["company"], shown["team"], shown["worker"]) == (
        company.firm.name, company.team.name, company.workers[0].name,
    )  # fmt: skip
    assert shown["survey_appointment_at"] == "2026-11-20T04:00:00Z"
    assert [(one["kind"], one["name"], one["due_at"]) for one in shown["deadlines"]] == [
        ("repair", "维修", "2026-12-01T10:00:00Z")
    ]
    answer = await client.get(f"/v1/my/work-orders/{order.id}", headers=here.anna.headers)
    contractor = here.cast.contractor.firm.name
    assert not any(word in answer.text for word in ("fen", "estimate", "class", "contract", "approval", contractor))
    listed = await client.get("/v1/my/work-orders?include_total=true", headers=here.carl.headers)
    assert [one["id"] for one in listed.json()["items"]] == [str(order.id)]
    with queries:
        await client.get("/v1/my/work-orders", headers=here.anna.headers)
    assert queries.count == 2
    for person in (here.ben, here.fred):
        hidden = await client.get(f"/v1/my/work-orders/{order.id}", headers=person.headers)
        assert (hidden.status_code, hidden.json()["code"]) == (404, "work_order_not_found")
        assert (await client.get("/v1/my/work-orders", headers=person.headers)).json()["items"] == []
    for query, count in (
        ({"status": "in_progress"}, 1),
        ({"status": "preparing"}, 0),
        ({"ticket_id": str(case.id)}, 1),
        ({"unit_id": str(here.other_home.id)}, 0),
    ):
        page = await client.get("/v1/my/work-orders", params=query, headers=here.anna.headers)
        assert len(page.json()["items"]) == count, query


async def test_how_the_cost_is_decided_is_not_his_concern(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours, case: Ticket
) -> None:
    order = await approved_order(session, here.cast, now=clock(), ticket=case)
    assert (await read(client, here.anna, order))["status"] == "preparing"
    page = await client.get("/v1/my/work-orders", params={"status": "preparing"}, headers=here.anna.headers)
    assert [one["id"] for one in page.json()["items"]] == [str(order.id)]


@pytest.mark.rule("REP-07")
async def test_consent_up_to_the_old_limit_moves_it(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours, case: Ticket
) -> None:
    order = await accepted_order(session, here.cast, now=clock(), ticket=case)
    before = await rows(session)
    nothing_asked = await consent(client, here.anna, order)
    assert (nothing_asked.status_code, nothing_asked.json()["code"]) == (409, "no_extension_open")
    assert await rows(session) == before
    await ask(session, here, order, clock)
    shown = await read(client, here.anna, order)
    assert shown["allowed_actions"] == ["consent"]
    assert [(one["reason"], one["extra_workdays"], one["consented"]) for one in shown["extensions"]] == [
        ("瓷砖缺货", 2, None)
    ]
    clock.now = clock.now.replace(month=12, day=1, hour=10)  # the limit itself, Tuesday 18:00 in Shanghai
    answer = await consent(client, here.anna, order, note="同意")
    assert answer.status_code == 201, answer.text
    (deadline,) = answer.json()["deadlines"]
    assert (deadline["due_at"], deadline["original_due_at"]) == ("2026-12-03T10:00:00Z", "2026-12-01T10:00:00Z")
    assert answer.json()["extensions"][0]["consented"] is True
    kept = await session.scalar(select(Extension))
    assert kept is not None
    assert (kept.consent_by, kept.consent_channel, kept.recorded_by) == (
        "王秀英", "web_form", here.anna.actor.id,
    )  # fmt: skip
    event = await session.scalar(select(Event).where(Event.kind == "work_order.extension_answered"))
    assert event is not None
    assert (event.actor_kind, event.actor_id, event.data["consented"]) == ("owner", here.anna.actor.id, True)


@pytest.mark.rule("REP-07")
async def test_consent_a_microsecond_late_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours, case: Ticket
) -> None:
    order = await accepted_order(session, here.cast, now=clock(), ticket=case)
    await ask(session, here, order, clock)
    clock.now = clock.now.replace(month=12, day=1, hour=10) + timedelta(microseconds=1)
    before = await rows(session)
    late = await consent(client, here.anna, order)
    assert (late.status_code, late.json()["code"]) == (409, "consent_too_late")
    assert await rows(session) == before
    refused = await consent(client, here.anna, order, consented=False)
    assert (refused.status_code, refused.json()["extensions"][0]["consented"]) == (201, False)


@pytest.mark.rule("REP-07")
@pytest.mark.rule("OWN-07")
async def test_consent_is_for_who_has_the_home_now(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours, case: Ticket
) -> None:
    order = await accepted_order(session, here.cast, now=clock(), ticket=case)
    await ask(session, here, order, clock)
    before = await rows(session)
    for person in (here.ben, here.fred):
        hidden = await consent(client, person, order)
        assert (hidden.status_code, hidden.json()["code"]) == (404, "work_order_not_found")
    (held,) = (await session.scalars(select(Ownership).where(Ownership.owner_id == here.anna.id))).all()
    held.to_date = clock().date()
    await session.flush()
    before["ownership"] = (await rows(session))["ownership"]
    assert (await read(client, here.anna, order))["allowed_actions"] == []
    sold = await consent(client, here.anna, order)
    assert (sold.status_code, sold.json()["code"]) == (403, "home_no_longer_yours")
    assert await rows(session) == before
    assert (await consent(client, here.carl, order)).status_code == 201


@pytest.mark.rule("REP-12")
@pytest.mark.rule("REP-13")
async def test_his_signature_is_the_fourth_seat(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours, case: Ticket
) -> None:
    order = await completed_order(session, here.cast, now=clock(), ticket=case)
    for seat in SignatureSeat:
        if seat is not SignatureSeat.OWNER:
            await completion.sign(
                session, work_order_id=order.id, given=completion.Acceptance(seat=seat),
                calendar=await calendar_of(session), principal=who(accepting(here.cast, seat)), now=clock(),
            )  # fmt: skip
    shown = await read(client, here.anna, order)
    assert (shown["status"], shown["allowed_actions"], shown["signature"]) == ("completed", ["signature"], None)
    assert shown["work_done"] == "防水两遍,闭水试验 48 小时无渗漏"
    assert {one["phase"] for one in shown["photos"]} == {"before", "after"}
    drawn = await make_file(
        session, project_id=here.org.project.id, uploaded_by=here.anna.actor.id, now=clock(),
        purpose=FilePurpose.SIGNATURE,
    )  # fmt: skip
    answer = await sign(client, here.anna, order, opinion="干净利落", signature_file_id=str(drawn.id))
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["status"], body["allowed_actions"]) == ("signed_off", [])
    assert body["signature"] == {
        "satisfied": True, "satisfaction": 5, "opinion": "干净利落", "signed_at": "2026-11-20T04:00:00Z",
    }  # fmt: skip
    assert [(one["kind"], one["due_at"]) for one in body["deadlines"]][-1] == ("callback", "2026-11-23T10:00:00Z")
    kept = await session.scalar(select(CompletionSignature).where(CompletionSignature.seat == SignatureSeat.OWNER))
    assert kept is not None
    assert (kept.signed_by, kept.taken_by, kept.signed_by_name) == (here.anna.actor.id, None, "王秀英")
    seen = await client.get(f"/v1/work-orders/{order.id}", headers=here.cast.colleague.headers)
    assert [one["satisfaction"] for one in seen.json()["signatures"] if one["seat"] == "owner"] == [5]
    # The co-owner sees that it was signed, not what she thinks.
    his = await read(client, here.carl, order)
    assert his["signature"] == {
        "satisfied": None, "satisfaction": None, "opinion": None, "signed_at": "2026-11-20T04:00:00Z",
    }  # fmt: skip


@pytest.mark.rule("REP-12")
@pytest.mark.parametrize(("score", "satisfied"), [(1, False), (2, False), (3, False), (4, True), (5, True)])
async def test_satisfied_is_above_the_middle(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours, case: Ticket, score: int,
    satisfied: bool,
) -> None:  # fmt: skip
    order = await completed_order(session, here.cast, now=clock(), ticket=case)
    answer = await sign(client, here.anna, order, satisfaction=score)
    assert answer.json()["signature"]["satisfied"] is satisfied
    assert answer.json()["status"] == "completed"  # three seats are empty still


@pytest.mark.rule("REP-12")
async def test_refusals_of_a_signature_change_nothing(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours, case: Ticket
) -> None:
    order = await accepted_order(session, here.cast, now=clock(), ticket=case)
    before = await rows(session)
    early = await sign(client, here.anna, order)
    assert (early.status_code, early.json()["code"]) == (409, "wrong_status")
    assert await rows(session) == before
    other = await make_case(
        session, here.org, unit=here.home, owner=here.anna, received_at=clock(), category=Category.REPAIR
    )
    order = await completed_order(session, here.cast, now=clock(), ticket=other)
    bens = await make_file(
        session, project_id=here.org.project.id, uploaded_by=here.ben.actor.id, now=clock(),
        purpose=FilePurpose.SIGNATURE,
    )  # fmt: skip
    before = await rows(session)
    for body, status, code in (
        ({"satisfaction": 6}, 422, "satisfaction_out_of_scale"),
        ({"satisfaction": 0}, 422, "validation_failed"),
        ({"satisfaction": "5"}, 422, "validation_failed"),
        ({"signature_file_id": str(bens.id)}, 422, "file_not_usable"),
        ({"satisfied": True}, 422, "validation_failed"),
    ):
        refused = await sign(client, here.anna, order, **body)
        assert (refused.status_code, refused.json()["code"]) == (status, code), body
    for person in (here.ben, here.fred):
        assert (await sign(client, person, order)).status_code == 404
    assert await rows(session) == before
    assert (await sign(client, here.carl, order)).status_code == 201
    before = await rows(session)
    taken = await sign(client, here.anna, order)
    assert (taken.status_code, taken.json()["code"]) == (409, "seat_taken")
    assert await rows(session) == before


async def test_staff_can_not_take_a_seat_that_the_owner_signed(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, clock: FakeClock, here: Neighbours, case: Ticket
) -> None:
    order = await completed_order(session, here.cast, now=clock(), ticket=case)
    assert (await sign(client, here.anna, order)).status_code == 201
    before = await rows(session)
    again = await client.post(
        f"/v1/work-orders/{order.id}/signatures", json={"seat": "owner"}, headers=here.cast.captain.headers
    )
    assert (again.status_code, again.json()["code"]) == (409, "seat_taken")
    assert await rows(session) == before
