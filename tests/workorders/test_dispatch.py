"""Dispatch, acceptance, refusal, and more time with the owner's consent (REP-05..11, REP-14)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import (
    CLASS_A,
    CLASS_B,
    Cast,
    Story,
    accepted_order,
    approved_order,
    completed_order,
    dispatched_order,
    make_cast,
    raised_order,
)
from tests.factories.contractors import make_property_company
from tests.factories.files import make_file
from tests.factories.org import make_org
from tests.factories.people import Desk
from tests.workorders.conftest import Post, Unchanged, refused
from tests.workorders.test_orders import ORDERS
from tests.workorders.test_surveys import ticket_facts

from ownercare_api.core.ids import uuid7
from ownercare_api.files.models import FilePurpose
from ownercare_api.properties.parts import Trade
from ownercare_api.tickets.models import TicketFirm
from ownercare_api.timeline.models import Event
from ownercare_api.workorders.models import Extension, WorkOrder

SINGLE = Story(trades=(Trade.WATERPROOFING,), lines=(("重做防水", Trade.WATERPROOFING, 120_000),))


def repair_clocks(body: dict[str, Any]) -> list[tuple[int, str, str, str]]:
    return [
        (one["round"], one["rule"], one["due_at"], one["state"]) for one in body["deadlines"] if one["kind"] == "repair"
    ]


@pytest.mark.rule("REP-05")
@pytest.mark.rule("REP-06")
@pytest.mark.rule("REP-08")
@pytest.mark.parametrize(
    ("story", "rule", "due"),
    [(SINGLE, "REP-05", "2026-11-25T10:00:00Z"), (CLASS_A, "REP-06", "2026-12-01T10:00:00Z")],
)
async def test_the_limit_counts_from_dispatch_by_the_trades_found(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, story: Story, rule: str, due: str
) -> None:
    order = await approved_order(session, cast, now=clock() - timedelta(days=3), story=story)
    worker = cast.company.workers[0]
    answer = await post(
        cast.specialist,
        f"{ORDERS}/{order.id}/dispatch",
        team_id=str(cast.company.team.id),
        worker_id=str(worker.id),
    )
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["status"] == "dispatched"
    assert repair_clocks(body) == [(1, rule, due, "running")]
    assert body["firm"]["id"] == str(cast.company.firm.id)
    assert body["team"]["name"] == cast.company.team.name
    assert body["worker"] == {"id": str(worker.id), "name": worker.name}
    assert body["dispatched_by"] == str(cast.specialist.id)
    shared = await session.scalars(select(TicketFirm.firm_id).where(TicketFirm.ticket_id == order.ticket_id))
    assert cast.company.firm.id in set(shared)
    event = (await session.scalars(select(Event).where(Event.kind == "work_order.dispatched"))).one()
    assert (event.firm_id, event.data["before_approval"]) == (cast.company.firm.id, False)


@pytest.mark.rule("FIN-01")
@pytest.mark.rule("REP-08")
async def test_nothing_but_an_emergency_is_dispatched_before_approval(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    waiting = await raised_order(session, cast, now=clock())
    team = str(cast.company.team.id)
    async with unchanged():
        refused(
            await post(cast.specialist, f"{ORDERS}/{waiting.id}/dispatch", team_id=team),
            409,
            "work_order_not_approved",
        )
    urgent = await raised_order(session, cast, now=clock(), story=Story.costing(120_000, urgent=True))
    assert urgent.emergency
    answer = await post(cast.specialist, f"{ORDERS}/{urgent.id}/dispatch", team_id=team)
    assert answer.json()["status"] == "dispatched"
    event = (await session.scalars(select(Event).where(Event.kind == "work_order.dispatched"))).one()
    assert event.data["before_approval"] is True


@pytest.mark.rule("REP-14")
@pytest.mark.rule("REP-09")
async def test_who_can_t_be_dispatched(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    order = await approved_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}/dispatch"
    team = str(cast.company.team.id)
    plumbers = await make_property_company(session, cast.org, people, trades=((Trade.PLUMBING, Trade.TILING),))
    far = await make_org(session, now=clock(), name="临澜府", region=cast.org.region)
    strangers = await make_property_company(session, far, people)
    stranger = await people.staff("customer_relations_specialist", project_id=far.project.id)
    cast.company.workers[1].active = False
    await session.flush()
    async with unchanged():
        answer = await post(cast.specialist, path, team_id=str(plumbers.team.id))
        refused(answer, 409, "team_lacks_trades")
        assert "waterproofing" in answer.json()["detail"]
        refused(await post(cast.specialist, path, team_id=str(strangers.team.id)), 422, "team_not_serving")
        refused(await post(cast.specialist, path, team_id=str(uuid7())), 422, "team_not_serving")
        for worker in (plumbers.workers[0].id, cast.company.workers[1].id, uuid7()):
            answer = await post(cast.specialist, path, team_id=team, worker_id=str(worker))
            refused(answer, 422, "worker_unsuitable")
            assert answer.json()["errors"][0]["pointer"] == "#/worker_id"
        refused(await post(cast.captain, path, team_id=team), 403, "missing_scope")
        refused(await post(stranger, path, team_id=team), 404, "work_order_not_found")
        refused(await post(cast.specialist, f"{ORDERS}/{uuid7()}/dispatch", team_id=team), 404, "work_order_not_found")


@pytest.mark.rule("REP-14")
async def test_a_worker_without_any_of_the_trades_is_refused(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    order = await approved_order(session, cast, now=clock())
    async with unchanged():
        answer = await post(
            cast.specialist,
            f"{ORDERS}/{order.id}/dispatch",
            team_id=str(cast.company.team.id),
            worker_id=str(cast.company.workers[1].id),  # a plumber
        )
    refused(answer, 422, "worker_unsuitable")


@pytest.mark.rule("REP-09")
async def test_class_a_needs_the_supplementary_agreement(
    session: AsyncSession, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    cast = await make_cast(session, people, now=clock(), has_repair_agreement=False)
    a = await approved_order(session, cast, now=clock())
    b = await approved_order(session, cast, now=clock(), story=CLASS_B)
    team = str(cast.company.team.id)
    async with unchanged():
        refused(await post(cast.specialist, f"{ORDERS}/{a.id}/dispatch", team_id=team), 409, "repair_agreement_missing")
    assert (await post(cast.specialist, f"{ORDERS}/{b.id}/dispatch", team_id=team)).status_code == 201


@pytest.mark.rule("REP-11")
async def test_the_team_accepts(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    order = await dispatched_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}/acceptance"
    other = await make_property_company(session, cast.org, people)
    async with unchanged():
        refused(await post(other.captain, path), 404, "work_order_not_found")
        refused(await post(cast.specialist, path), 403, "missing_scope")
        refused(await post(cast.representative, path), 403, "missing_scope")
    body = (await post(cast.worker, path)).json()
    assert (body["status"], body["accepted_at"]) == ("in_progress", "2026-11-20T04:00:00Z")
    assert body["allowed_actions"] == ["completion"]
    async with unchanged():
        refused(await post(cast.worker, path), 409, "wrong_status")
        refused(await post(cast.worker, f"{ORDERS}/{order.id}/refusal", reason="没空"), 409, "wrong_status")


@pytest.mark.rule("REP-10")
async def test_after_a_refusal_the_next_team_has_the_same_limit(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    order = await dispatched_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}"
    async with unchanged():
        refused(await post(cast.captain, f"{path}/refusal"), 422, "validation_failed")
    body = (await post(cast.captain, f"{path}/refusal", reason="无相应资质")).json()
    assert (body["status"], body["refusal_reason"], body["worker"]) == ("approved", "无相应资质", None)
    assert repair_clocks(body) == [(1, "REP-06", "2026-12-01T10:00:00Z", "running")]
    assert await ticket_facts(session, order.ticket_id) == (1, 0)
    clock.forward(days=3)
    second = await make_property_company(session, cast.org, people)
    body = (await post(cast.specialist, f"{path}/dispatch", team_id=str(second.team.id))).json()
    assert (body["status"], body["firm"]["id"]) == ("dispatched", str(second.firm.id))
    assert body["refusal_reason"] is None
    assert repair_clocks(body) == [(1, "REP-06", "2026-12-01T10:00:00Z", "running")]
    async with unchanged():
        refused(await post(cast.captain, f"{path}/acceptance"), 404, "work_order_not_found")
    assert (await post(second.captain, f"{path}/acceptance")).status_code == 201


@pytest.mark.rule("REP-10")
async def test_a_refused_emergency_without_approval_waits_for_it(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    order = await raised_order(session, cast, now=clock(), story=Story.costing(120_000, urgent=True))
    await post(cast.specialist, f"{ORDERS}/{order.id}/dispatch", team_id=str(cast.company.team.id))
    body = (await post(cast.captain, f"{ORDERS}/{order.id}/refusal", reason="人手不足")).json()
    assert (body["status"], body["approved_at"]) == ("awaiting_approval", None)


def asking(**changes: Any) -> dict[str, Any]:
    return {"reason": "防水需分两遍养护", "extra_workdays": 3, **changes}


def consent(**changes: Any) -> dict[str, Any]:
    return {"consented": True, "channel": "phone", "consent_by": "王秀英", **changes}


@pytest.mark.rule("REP-07")
async def test_prior_consent_moves_the_limit_and_the_original_stays_visible(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    order = await accepted_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}"
    asked = (await post(cast.captain, f"{path}/extension", **asking())).json()
    assert (asked["extensions"][0]["consented"], asked["extensions"][0]["old_due_at"]) == (None, "2026-12-01T10:00:00Z")
    assert asked["deadlines"][0]["due_at"] == "2026-12-01T10:00:00Z"
    clock.now = clock.now.replace(month=12, day=1, hour=10, minute=0)  # exactly at the limit
    body = (await post(cast.clerk, f"{path}/consent", **consent(note="同意延至周五"))).json()
    extension = body["extensions"][0]
    assert (extension["consented"], extension["new_due_at"]) == (True, "2026-12-04T10:00:00Z")
    assert (extension["consent_by"], extension["recorded_by"]) == ("王秀英", str(cast.clerk.id))
    repair = body["deadlines"][0]
    assert (repair["due_at"], repair["original_due_at"]) == ("2026-12-04T10:00:00Z", "2026-12-01T10:00:00Z")
    assert repair["state"] == "running"
    # A second extension counts on from the new limit.
    await post(cast.captain, f"{path}/extension", **asking(extra_workdays=1))
    twice = (await post(cast.clerk, f"{path}/consent", **consent())).json()
    assert twice["extensions"][1]["old_due_at"] == "2026-12-04T10:00:00Z"
    assert twice["deadlines"][0]["due_at"] == "2026-12-07T10:00:00Z"


@pytest.mark.rule("REP-07")
async def test_consent_one_microsecond_late_is_refused(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    order = await accepted_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}"
    await post(cast.captain, f"{path}/extension", **asking())
    clock.now = clock.now.replace(month=12, day=1, hour=10, minute=0, microsecond=1)
    async with unchanged():
        refused(await post(cast.clerk, f"{path}/consent", **consent()), 409, "consent_too_late")
    # The owner's refusal may still be recorded, so that nothing stays open; it moves nothing.
    body = (await post(cast.clerk, f"{path}/consent", **consent(consented=False))).json()
    assert (body["extensions"][0]["consented"], body["extensions"][0]["new_due_at"]) == (False, None)
    assert body["deadlines"][0]["due_at"] == "2026-12-01T10:00:00Z"
    async with unchanged():
        refused(await post(cast.captain, f"{path}/extension", **asking()), 409, "repair_deadline_passed")


@pytest.mark.rule("REP-07")
async def test_who_may_not_ask_or_consent(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    order = await accepted_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}"
    other = await make_property_company(session, cast.org, people)
    async with unchanged():
        refused(await post(cast.worker, f"{path}/extension", **asking()), 403, "not_the_captain")
        refused(await post(cast.specialist, f"{path}/extension", **asking()), 403, "missing_scope")
        refused(await post(other.captain, f"{path}/extension", **asking()), 404, "work_order_not_found")
        refused(await post(cast.captain, f"{path}/extension", **asking(extra_workdays=0)), 422, "validation_failed")
        refused(await post(cast.captain, f"{path}/extension", **asking(extra_workdays=61)), 422, "validation_failed")
        refused(await post(cast.clerk, f"{path}/consent", **consent()), 409, "no_extension_open")
    asked = await post(cast.captain, f"{path}/extension", **asking())
    assert asked.json()["allowed_actions"] == ["completion"]
    async with unchanged():
        refused(await post(cast.captain, f"{path}/extension", **asking()), 409, "extension_open")
        refused(await post(cast.captain, f"{path}/consent", **consent()), 403, "missing_scope")
        refused(await post(cast.clerk, f"{path}/consent", **consent(channel="pigeon")), 422, "validation_failed")
        refused(await post(cast.clerk, f"{path}/consent", **consent(file_id=str(uuid7()))), 422, "file_not_usable")


@pytest.mark.rule("REP-07")
async def test_consent_is_kept_with_its_evidence(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    order = await dispatched_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}"
    await post(cast.captain, f"{path}/extension", **asking())
    recording = await make_file(
        session,
        project_id=cast.org.project.id,
        uploaded_by=cast.clerk.id,
        now=clock(),
        purpose=FilePurpose.RECORDING,
    )
    body = (await post(cast.clerk, f"{path}/consent", **consent(file_id=str(recording.id)))).json()
    assert body["extensions"][0]["consent_file_id"] == str(recording.id)


@pytest.mark.rule("REP-07")
async def test_events_overtake_a_request_for_more_time(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    order = await dispatched_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}"
    await post(cast.captain, f"{path}/extension", **asking())
    body = (await post(cast.captain, f"{path}/refusal", reason="无相应资质")).json()
    assert (body["extensions"][0]["consented"], body["extensions"][0]["answered_at"]) == (None, "2026-11-20T04:00:00Z")
    waiting = select(func.count()).select_from(Extension).where(Extension.answered_at.is_(None))
    assert await session.scalar(waiting) == 0


@pytest.mark.rule("REP-11")
async def test_steps_of_the_work_need_their_status(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    done = await completed_order(session, cast, now=clock())
    fresh = await approved_order(session, cast, now=clock(), story=CLASS_B)
    (await session.get_one(WorkOrder, fresh.id)).firm_id = cast.company.firm.id
    await session.flush()
    team = str(cast.company.team.id)
    bodies: dict[str, tuple[Any, dict[str, Any]]] = {
        "dispatch": (cast.specialist, {"team_id": team}),
        "acceptance": (cast.captain, {}),
        "refusal": (cast.captain, {"reason": "x"}),
        "extension": (cast.captain, asking()),
        "consent": (cast.clerk, consent()),
        "completion": (
            cast.worker,
            {"note": "x", "photos_before": [str(uuid7())], "photos_after": [str(uuid7())]},
        ),
        "callbacks": (cast.clerk, {"outcome": "declined"}),
    }
    async with unchanged():
        for step, (actor, body) in bodies.items():
            refused(await post(actor, f"{ORDERS}/{done.id}/{step}", **body), 409, "wrong_status")
            if step != "dispatch":
                refused(await post(actor, f"{ORDERS}/{fresh.id}/{step}", **body), 409, "wrong_status")
        refused(await post(cast.colleague, f"{ORDERS}/{fresh.id}/rework", reason="x"), 409, "wrong_status")
        refused(
            await post(cast.colleague, f"{ORDERS}/{fresh.id}/signatures", seat="customer_service"), 409, "wrong_status"
        )
    assert UUID(str(done.id))
