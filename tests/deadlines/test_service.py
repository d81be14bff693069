"""The clocks against the database: start, stop, cancel, extend, hold, with exact instants."""

import csv
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.factories.deadlines import at, calendar_on_file, events_of, start_clock
from tests.factories.org import Org, make_org

from ownercare_api.core.ids import uuid7
from ownercare_api.deadlines import service, views
from ownercare_api.deadlines.clocks import REPAIR_MULTI, REPAIR_SINGLE, ClockRule
from ownercare_api.deadlines.models import ClockKind, Deadline
from ownercare_api.deadlines.views import DeadlineState
from ownercare_api.identity.principal import SYSTEM

CASES = list(
    csv.DictReader((Path(__file__).resolve().parents[1] / "cases" / "deadlines.csv").read_text("utf-8").splitlines())
)
MICROSECOND = timedelta(microseconds=1)
FRIDAY = at("2026-11-20T12:00:00")
MONDAY_CLOSE = at("2026-11-23T18:00:00")
CLOCKS: dict[str, tuple[ClockKind, ClockRule | None]] = {
    "survey_visit": (ClockKind.SITE_SURVEY, None),
    "repair_single_trade": (ClockKind.REPAIR, REPAIR_SINGLE),
    "repair_multi_trade": (ClockKind.REPAIR, REPAIR_MULTI),
    "department_feedback": (ClockKind.DEPARTMENT_FEEDBACK, None),
    "callback": (ClockKind.CALLBACK, None),
    "response": (ClockKind.RESPONSE, None),
    "sales_office_feedback": (ClockKind.SALES_OFFICE_FEEDBACK, None),
    "resolution": (ClockKind.RESOLUTION, None),
}


@pytest.fixture
async def org(session: AsyncSession) -> Org:
    """Give a project under the demo policy."""
    return await make_org(session, now=FRIDAY)


async def hold(session: AsyncSession, org: Org, subject_id: UUID, now: datetime) -> None:
    await service.hold(
        session,
        subject_kind="ticket",
        subject_id=subject_id,
        ticket_id=None,
        project_id=org.project.id,
        reason="业主外出,约定返回后继续",
        actor=SYSTEM,
        now=now,
    )


async def release(session: AsyncSession, org: Org, subject_id: UUID, now: datetime) -> None:
    await service.release(
        session,
        calendar=await calendar_on_file(session),
        subject_id=subject_id,
        ticket_id=None,
        project_id=org.project.id,
        actor=SYSTEM,
        now=now,
    )


async def stop(session: AsyncSession, deadline: Deadline, when: datetime) -> None:
    await service.stop(session, subject_id=deadline.subject_id, kinds=[deadline.kind], at=when, actor=SYSTEM, now=when)


async def state(session: AsyncSession, deadline: Deadline, now: datetime) -> DeadlineState:
    shown = await views.of_subjects(session, subject_ids=[deadline.subject_id], now=now)
    (found,) = [item for item in shown[deadline.subject_id] if item.id == deadline.id]
    return found.state


@pytest.mark.rule("REP-02")
@pytest.mark.rule("CMP-07")
@pytest.mark.rule("REP-13")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
async def test_worked_cases_through_the_service(session: AsyncSession, org: Org, case: dict[str, str]) -> None:
    kind, clock_rule = CLOCKS[case["clock"]]
    deadline = await start_clock(
        session, org=org, kind=kind, clock_rule=clock_rule, started_at=datetime.fromisoformat(case["started_at"])
    )
    assert deadline.rule == case["rule"]
    assert deadline.due_at == deadline.original_due_at == datetime.fromisoformat(case["due_at"])
    assert deadline.provisional is (case["provisional"] == "yes")
    assert deadline.policy_snapshot_id == org.snapshot.id


@pytest.mark.rule("REP-02")
async def test_start_keeps_the_policy_value_and_records_it(session: AsyncSession, org: Org) -> None:
    deadline = await start_clock(session, org=org, started_at=FRIDAY)
    assert (deadline.policy_key, deadline.policy_value, deadline.unit) == ("survey_visit.workdays", 1, "workdays")
    assert deadline.next_alert_at == at("2026-11-23T15:00:00")  # 0.8 of 6 + 9 business hours
    assert await events_of(session, subject_id=deadline.subject_id) == [
        (
            "deadline.started",
            FRIDAY,
            {
                "deadline_id": str(deadline.id),
                "clock": "site_survey",
                "due_at": "2026-11-23T10:00:00+00:00",
            },
        )
    ]


@pytest.mark.rule("REP-02")
@pytest.mark.parametrize(
    ("stopped_at", "found", "event"),
    [
        (MONDAY_CLOSE - MICROSECOND, DeadlineState.MET, "deadline.met"),
        (MONDAY_CLOSE, DeadlineState.MET, "deadline.met"),
        (MONDAY_CLOSE + MICROSECOND, DeadlineState.LATE, "deadline.late"),
    ],
)
async def test_in_time_or_late_to_the_microsecond(
    session: AsyncSession, org: Org, stopped_at: datetime, found: DeadlineState, event: str
) -> None:
    deadline = await start_clock(session, org=org, started_at=FRIDAY)
    assert await state(session, deadline, MONDAY_CLOSE) is DeadlineState.RUNNING
    assert await state(session, deadline, MONDAY_CLOSE + MICROSECOND) is DeadlineState.OVERDUE
    await stop(session, deadline, stopped_at)
    assert deadline.stopped_at == stopped_at
    assert deadline.next_alert_at is None
    assert await state(session, deadline, stopped_at) is found
    assert [row[0] for row in await events_of(session, subject_id=deadline.subject_id)] == ["deadline.started", event]


async def test_clocks_of_a_subject_are_independent(session: AsyncSession, org: Org) -> None:
    """Reading 3: stopping one leaves the others running, and a second stop finds nothing."""
    subject_id = uuid7()
    response = await start_clock(session, org=org, kind=ClockKind.RESPONSE, started_at=FRIDAY, subject_id=subject_id)
    feedback = await start_clock(
        session, org=org, kind=ClockKind.OWNER_FEEDBACK, started_at=FRIDAY, subject_id=subject_id
    )
    await stop(session, response, FRIDAY + timedelta(hours=1))
    assert [found.id for found in await service.running(session, subject_id=subject_id)] == [feedback.id]
    again = await service.stop(
        session, subject_id=subject_id, kinds=[ClockKind.RESPONSE], at=FRIDAY, actor=SYSTEM, now=FRIDAY
    )
    assert again == []
    assert response.stopped_at == FRIDAY + timedelta(hours=1)
    assert len(await events_of(session, subject_id=subject_id)) == 3


async def test_a_reopened_case_keeps_its_first_clock(session: AsyncSession, org: Org) -> None:
    """Reading 3."""
    first = await start_clock(session, org=org, started_at=FRIDAY)
    await stop(session, first, MONDAY_CLOSE + MICROSECOND)
    second = await start_clock(
        session, org=org, started_at=at("2026-11-25T09:00:00"), subject_id=first.subject_id, round_=2
    )
    shown = (await views.of_subjects(session, subject_ids=[first.subject_id], now=second.started_at))[first.subject_id]
    assert [(item.round, item.state, item.due_at) for item in shown] == [
        (1, DeadlineState.LATE, MONDAY_CLOSE),
        (2, DeadlineState.RUNNING, at("2026-11-26T18:00:00")),
    ]


async def test_cancel(session: AsyncSession, org: Org) -> None:
    deadline = await start_clock(session, org=org, started_at=FRIDAY)
    later = FRIDAY + timedelta(hours=1)
    await service.cancel(session, subject_id=deadline.subject_id, actor=SYSTEM, now=later)
    assert (deadline.cancelled_at, deadline.stopped_at, deadline.next_alert_at) == (later, None, None)
    assert await state(session, deadline, MONDAY_CLOSE + MICROSECOND) is DeadlineState.CANCELLED
    assert [row[0] for row in await events_of(session, subject_id=deadline.subject_id)] == [
        "deadline.started",
        "deadline.cancelled",
    ]
    assert await service.running(session, subject_id=deadline.subject_id) == []


@pytest.mark.rule("REP-07")
async def test_extension_keeps_the_original_due_time_and_arms_a_new_ladder(session: AsyncSession, org: Org) -> None:
    deadline = await start_clock(session, org=org, kind=ClockKind.REPAIR, clock_rule=REPAIR_SINGLE, started_at=FRIDAY)
    original = at("2026-11-25T18:00:00")
    assert deadline.due_at == original
    deadline.alerts_fired = 1
    now = at("2026-11-25T17:00:00")
    await service.extend(
        session, deadline=deadline, by=2, calendar=await calendar_on_file(session), actor=SYSTEM, now=now
    )
    assert (deadline.original_due_at, deadline.due_at) == (original, at("2026-11-27T18:00:00"))
    assert (deadline.extended_by, deadline.policy_value, deadline.alerts_fired) == (2, 3, 0)
    # 6 + 5 * 9 = 51 business hours; 0.8 of them, 40.8, end 7.8 hours into Thursday.
    assert deadline.next_alert_at == at("2026-11-26T16:48:00")
    assert (await events_of(session, subject_id=deadline.subject_id, kinds=["deadline.moved"])) == [
        (
            "deadline.moved",
            now,
            {
                "deadline_id": str(deadline.id),
                "clock": "repair",
                "due_at": "2026-11-27T10:00:00+00:00",
                "from": "2026-11-25T10:00:00+00:00",
                "because": "extension",
            },
        )
    ]


async def test_a_hold_moves_the_due_time_by_what_stood_still(session: AsyncSession, org: Org) -> None:
    """Reading 3: two business hours from Friday 16:00; held 17:00 to Monday 10:00; the second hour ends at 11:00."""
    deadline = await start_clock(session, org=org, kind=ClockKind.RESPONSE, started_at=at("2026-11-20T16:00:00"))
    assert deadline.due_at == at("2026-11-20T18:00:00")
    await hold(session, org, deadline.subject_id, at("2026-11-20T17:00:00"))
    assert (deadline.held_since, deadline.next_alert_at) == (at("2026-11-20T17:00:00"), None)
    assert await state(session, deadline, at("2026-11-21T12:00:00")) is DeadlineState.RUNNING
    await release(session, org, deadline.subject_id, at("2026-11-23T10:00:00"))
    assert deadline.held_since is None
    assert (deadline.due_at, deadline.original_due_at) == (at("2026-11-23T11:00:00"), at("2026-11-20T18:00:00"))
    assert deadline.next_alert_at == at("2026-11-23T10:36:00")  # 0.8 of two hours, the hold left out
    kinds = [row[0] for row in await events_of(session, subject_id=deadline.subject_id)]
    assert kinds == ["deadline.started", "hold.started", "hold.ended", "deadline.moved"]


async def test_a_hold_that_costs_no_day_moves_nothing(session: AsyncSession, org: Org) -> None:
    deadline = await start_clock(session, org=org, started_at=FRIDAY)
    armed = deadline.next_alert_at
    await hold(session, org, deadline.subject_id, at("2026-11-23T10:00:00"))
    await release(session, org, deadline.subject_id, at("2026-11-23T10:30:00"))
    assert deadline.due_at == MONDAY_CLOSE
    assert armed == at("2026-11-23T15:00:00")
    assert deadline.next_alert_at == at("2026-11-23T15:06:00")  # 0.8 of 14.5 hours that counted
    assert await events_of(session, subject_id=deadline.subject_id, kinds=["deadline.moved"]) == []


async def test_rungs_reached_before_a_hold_stay_reached(session: AsyncSession, org: Org) -> None:
    deadline = await start_clock(session, org=org, started_at=FRIDAY)
    deadline.alerts_fired = 1
    await session.flush()
    await hold(session, org, deadline.subject_id, at("2026-11-23T16:00:00"))
    await release(session, org, deadline.subject_id, at("2026-11-24T10:00:00"))
    assert deadline.due_at == at("2026-11-24T18:00:00")
    assert (deadline.alerts_fired, deadline.next_alert_at) == (1, at("2026-11-24T18:00:00"))


async def test_an_extension_after_a_hold_counts_both(session: AsyncSession, org: Org) -> None:
    """3 WD from Friday, held over Monday's close, extended by one: Tuesday, Wednesday, Thursday, Friday."""
    deadline = await start_clock(session, org=org, kind=ClockKind.REPAIR, clock_rule=REPAIR_SINGLE, started_at=FRIDAY)
    await hold(session, org, deadline.subject_id, at("2026-11-23T09:00:00"))
    await release(session, org, deadline.subject_id, at("2026-11-24T09:00:00"))
    assert deadline.due_at == at("2026-11-26T18:00:00")
    await service.extend(
        session,
        deadline=deadline,
        by=1,
        calendar=await calendar_on_file(session),
        actor=SYSTEM,
        now=at("2026-11-24T09:30:00"),
    )
    assert (deadline.due_at, deadline.original_due_at) == (at("2026-11-27T18:00:00"), at("2026-11-25T18:00:00"))


async def test_an_extension_during_a_hold_shows_at_once_and_the_hold_counts_at_its_end(
    session: AsyncSession, org: Org
) -> None:
    deadline = await start_clock(session, org=org, started_at=FRIDAY)
    await hold(session, org, deadline.subject_id, at("2026-11-20T17:00:00"))
    await service.extend(
        session,
        deadline=deadline,
        by=1,
        calendar=await calendar_on_file(session),
        actor=SYSTEM,
        now=at("2026-11-23T12:00:00"),
    )
    assert (deadline.due_at, deadline.next_alert_at) == (at("2026-11-24T18:00:00"), None)
    await release(session, org, deadline.subject_id, at("2026-11-24T09:00:00"))
    assert deadline.due_at == at("2026-11-25T18:00:00")  # Monday closed on hold; Tuesday and Wednesday count
    because = [
        row[2]["because"] for row in await events_of(session, subject_id=deadline.subject_id, kinds=["deadline.moved"])
    ]
    assert because == ["extension", "hold"]


async def test_a_clock_that_stands_still_is_in_time_when_it_is_stopped(session: AsyncSession, org: Org) -> None:
    deadline = await start_clock(session, org=org, started_at=FRIDAY)
    await hold(session, org, deadline.subject_id, at("2026-11-23T12:00:00"))
    wednesday = at("2026-11-25T12:00:00")
    assert await state(session, deadline, wednesday) is DeadlineState.RUNNING
    await stop(session, deadline, wednesday)
    assert await state(session, deadline, wednesday) is DeadlineState.MET
    assert [row[0] for row in await events_of(session, subject_id=deadline.subject_id)][-1] == "deadline.met"


async def test_a_hold_does_not_silence_a_clock_that_has_run_out(session: AsyncSession, org: Org) -> None:
    deadline = await start_clock(session, org=org, started_at=FRIDAY)
    deadline.alerts_fired, deadline.next_alert_at = 2, at("2026-11-24T18:00:00")
    await session.flush()
    tuesday = at("2026-11-24T09:00:00")
    await hold(session, org, deadline.subject_id, tuesday)
    assert (deadline.held_since, deadline.next_alert_at) == (None, at("2026-11-24T18:00:00"))
    assert await state(session, deadline, tuesday) is DeadlineState.OVERDUE
    await release(session, org, deadline.subject_id, at("2026-11-27T09:00:00"))
    assert (deadline.due_at, deadline.next_alert_at) == (MONDAY_CLOSE, at("2026-11-24T18:00:00"))


async def test_a_clock_started_on_hold_stands_still_from_its_start(session: AsyncSession, org: Org) -> None:
    subject_id = uuid7()
    await hold(session, org, subject_id, FRIDAY)
    deadline = await start_clock(session, org=org, started_at=at("2026-11-20T15:00:00"), subject_id=subject_id)
    assert (deadline.held_since, deadline.next_alert_at, deadline.due_at) == (FRIDAY, None, MONDAY_CLOSE)
    await release(session, org, subject_id, at("2026-11-24T10:00:00"))
    assert deadline.due_at == at("2026-11-24T18:00:00")


async def test_a_clock_started_in_the_past_counts_the_holds_since(session: AsyncSession, org: Org) -> None:
    """A corrected category brings clocks that run from the receipt."""
    subject_id = uuid7()
    await hold(session, org, subject_id, at("2026-11-23T12:00:00"))
    await release(session, org, subject_id, at("2026-11-24T12:00:00"))
    deadline = await start_clock(session, org=org, started_at=FRIDAY, subject_id=subject_id)
    assert deadline.due_at == deadline.original_due_at == at("2026-11-24T18:00:00")


async def test_one_hold_at_a_time(session: AsyncSession, org: Org) -> None:
    subject_id = uuid7()
    with pytest.raises(service.NotHeld):
        await release(session, org, subject_id, FRIDAY)
    await hold(session, org, subject_id, FRIDAY)
    before = await events_of(session, subject_id=subject_id)
    with pytest.raises(service.AlreadyHeld):
        await hold(session, org, subject_id, FRIDAY + timedelta(hours=1))
    assert await events_of(session, subject_id=subject_id) == before
    await release(session, org, subject_id, FRIDAY + timedelta(hours=2))
    await hold(session, org, subject_id, FRIDAY + timedelta(hours=3))


@pytest.mark.parametrize("found", list(DeadlineState))
async def test_the_filter_agrees_with_the_state(session: AsyncSession, org: Org, found: DeadlineState) -> None:
    """`in_state` in SQL says what `state_of` says of each row."""
    now = at("2026-11-25T12:00:00")
    running = await start_clock(session, org=org, kind=ClockKind.RESOLUTION, started_at=FRIDAY)
    overdue = await start_clock(session, org=org, started_at=FRIDAY)
    held, met, late, held_met, cancelled = [await start_clock(session, org=org, started_at=FRIDAY) for _ in range(5)]
    await hold(session, org, held.subject_id, FRIDAY)
    await stop(session, met, MONDAY_CLOSE)
    await stop(session, late, MONDAY_CLOSE + MICROSECOND)
    await hold(session, org, held_met.subject_id, FRIDAY)
    await stop(session, held_met, now)
    await service.cancel(session, subject_id=cancelled.subject_id, actor=SYSTEM, now=now)
    wanted = {
        DeadlineState.RUNNING: {running.id, held.id},
        DeadlineState.OVERDUE: {overdue.id},
        DeadlineState.MET: {met.id, held_met.id},
        DeadlineState.LATE: {late.id},
        DeadlineState.CANCELLED: {cancelled.id},
    }
    query = select(Deadline.id).where(views.in_state(found, now=now))
    assert set(await session.scalars(query)) == wanted[found]
    everything = [running, overdue, held, met, late, held_met, cancelled]
    assert {item.id for item in everything if await state(session, item, now) is found} == wanted[found]
