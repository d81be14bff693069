"""Importing an official year: what it moves, and what it leaves alone (reading 2)."""

from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.deadlines import at, calendar_on_file, events_of, start_clock
from tests.factories.org import Org, make_org
from tests.factories.people import Actor
from tests.factories.people import Desk as PeopleDesk

from ownercare_api.core.http.state import AppState
from ownercare_api.core.jobs import Job, JobStatus, run_next
from ownercare_api.deadlines import calendar_import, calendars, service
from ownercare_api.deadlines.calendar import YearOfDays, days_of_year
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.deadlines.jobs import handlers
from ownercare_api.deadlines.models import CalendarDay, CalendarYear, ClockKind, Deadline
from ownercare_api.deadlines.official import official_year, provisional_year
from ownercare_api.identity.principal import SYSTEM, Grant, Principal, PrincipalKind, Reach
from ownercare_api.timeline.models import Event

DECEMBER = at("2026-12-30T10:00:00")
LONG_NEW_YEAR = {
    "source": "国务院办公厅关于2027年部分节假日安排的通知",
    "days_off": ["2027-01-01", "2027-01-02", "2027-01-03", "2027-01-04"],
    "working_days": ["2027-01-09"],
}
ONE_DAY = [{"day": "2027-01-01", "is_working": False}]
SHORT_NEW_YEAR = LONG_NEW_YEAR | {"days_off": ["2027-01-01"], "working_days": []}


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    """Give a project under the demo policy; the clock stands at 30 December."""
    clock.now = DECEMBER
    return await make_org(session, now=DECEMBER)


@pytest.fixture
async def manager(people: PeopleDesk, org: Org) -> Actor:
    """Give somebody who may import calendars."""
    return await people.staff("customer_service_manager")


async def put(client: httpx.AsyncClient, actor: Actor, body: dict[str, Any], match: str = "*") -> httpx.Response:
    return await client.put("/v1/calendars/2027", json=body, headers=actor.headers | {"If-Match": match})


async def work(state: AppState, now: datetime) -> int:
    done = 0
    while await run_next(state.database, handlers=handlers(CalendarStore()), now=now):
        done += 1
    return done


async def facts(session: AsyncSession, deadline: Deadline) -> tuple[datetime, bool]:
    await session.refresh(deadline)
    return deadline.due_at, deadline.provisional


async def counts(session: AsyncSession) -> tuple[int, ...]:
    found = [await session.scalar(select(func.count()).select_from(table)) for table in (Event, Job, CalendarDay)]
    revisions = await session.scalar(select(func.sum(CalendarYear.revision)))
    return (*(number or 0 for number in found), revisions or 0)


@pytest.mark.rule("CMP-07")
async def test_the_official_year_moves_what_touched_it(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, org: Org, manager: Actor
) -> None:
    """The worked case: three working days from 30 December, due on 5 January until 4 January turns out a holiday."""
    touching = await start_clock(session, org=org, kind=ClockKind.DEPARTMENT_FEEDBACK, started_at=DECEMBER)
    before_it = await start_clock(session, org=org, started_at=DECEMBER)
    elapsed = await start_clock(session, org=org, kind=ClockKind.RESOLUTION, started_at=DECEMBER)
    stopped = await start_clock(session, org=org, kind=ClockKind.DEPARTMENT_FEEDBACK, started_at=DECEMBER)
    await service.stop(
        session, subject_id=stopped.subject_id, kinds=[stopped.kind], at=DECEMBER, actor=SYSTEM, now=DECEMBER
    )
    assert await facts(session, touching) == (at("2027-01-05T18:00:00"), True)
    assert touching.next_alert_at == at("2027-01-05T11:00:00")  # 0.8 of 8 + 3 * 9 = 35 hours, 28 of them
    others = [before_it, elapsed, stopped]
    as_they_were = [(await facts(session, other), other.next_alert_at) for other in others]

    answer = await put(client, manager, LONG_NEW_YEAR)
    assert answer.status_code == 200, answer.text
    assert await facts(session, touching) == (at("2027-01-05T18:00:00"), True), "a job does it"
    assert await work(state, DECEMBER) == 1

    assert await facts(session, touching) == (at("2027-01-06T18:00:00"), False)
    assert touching.original_due_at == at("2027-01-05T18:00:00")
    assert touching.next_alert_at == at("2027-01-06T11:00:00")
    (moved,) = await events_of(session, subject_id=touching.subject_id, kinds=["deadline.moved", "deadline.confirmed"])
    assert moved == (
        "deadline.moved",
        DECEMBER,
        {
            "deadline_id": str(touching.id),
            "clock": "department_feedback",
            "due_at": "2027-01-06T10:00:00+00:00",
            "from": "2027-01-05T10:00:00+00:00",
            "because": "official_calendar",
        },
    )
    assert [(await facts(session, other), other.next_alert_at) for other in others] == as_they_were
    for other in others:
        kinds = ["deadline.moved", "deadline.confirmed"]
        assert await events_of(session, subject_id=other.subject_id, kinds=kinds) == []


async def test_a_right_guess_is_confirmed(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, org: Org, manager: Actor
) -> None:
    deadline = await start_clock(session, org=org, kind=ClockKind.DEPARTMENT_FEEDBACK, started_at=DECEMBER)
    assert (await put(client, manager, SHORT_NEW_YEAR)).status_code == 200
    await work(state, DECEMBER)
    assert await facts(session, deadline) == (at("2027-01-05T18:00:00"), False)
    (event,) = await events_of(session, subject_id=deadline.subject_id, kinds=["deadline.moved", "deadline.confirmed"])
    assert (event[0], event[2]["because"]) == ("deadline.confirmed", "official_calendar")


async def test_a_corrected_official_year_moves_nothing(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, org: Org, manager: Actor
) -> None:
    """Nothing else ever moves a deadline (reading 2)."""
    deadline = await start_clock(session, org=org, kind=ClockKind.DEPARTMENT_FEEDBACK, started_at=DECEMBER)
    first = await put(client, manager, SHORT_NEW_YEAR)
    await work(state, DECEMBER)
    again = await put(client, manager, LONG_NEW_YEAR, match=first.headers["etag"])
    assert again.status_code == 200
    await work(state, DECEMBER)
    assert await facts(session, deadline) == (at("2027-01-05T18:00:00"), False)
    assert await events_of(session, subject_id=deadline.subject_id, kinds=["deadline.moved"]) == []
    why = (await client.get(f"/v1/deadlines/{deadline.id}", headers=manager.headers)).json()
    assert why["follows_calendar"] is False
    assert "更正不改变已定的期限" in why["explanation"]


async def test_a_held_clock_moves_and_goes_on_standing_still(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, org: Org, manager: Actor
) -> None:
    deadline = await start_clock(session, org=org, kind=ClockKind.DEPARTMENT_FEEDBACK, started_at=DECEMBER)
    await service.hold(
        session,
        subject_kind="ticket",
        subject_id=deadline.subject_id,
        ticket_id=None,
        project_id=org.project.id,
        reason="等待业主",
        actor=SYSTEM,
        now=DECEMBER + timedelta(hours=1),
    )
    await put(client, manager, LONG_NEW_YEAR)
    await work(state, DECEMBER + timedelta(hours=2))
    assert await facts(session, deadline) == (at("2027-01-06T18:00:00"), False)
    assert (deadline.held_since, deadline.next_alert_at) == (DECEMBER + timedelta(hours=1), None)


async def test_the_ladder_of_a_clock_that_is_not_provisional_follows_the_year(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, org: Org, manager: Actor
) -> None:
    """Due on 31 December; the rung one working day later was expected on 4 January and falls on the 5th."""
    deadline = await start_clock(session, org=org, started_at=DECEMBER)
    deadline.alerts_fired, deadline.next_alert_at = 2, at("2027-01-04T18:00:00")
    await session.flush()
    await put(client, manager, LONG_NEW_YEAR)
    await work(state, DECEMBER)
    assert await facts(session, deadline) == (at("2026-12-31T18:00:00"), False)
    assert (deadline.alerts_fired, deadline.next_alert_at) == (2, at("2027-01-05T18:00:00"))


async def test_the_sweep_catches_a_clock_started_with_the_old_calendar(session: AsyncSession, org: Org) -> None:
    old = await calendar_on_file(session)
    listed, notes = calendar_import.from_notice(
        year=2027, days_off=[date(2027, 1, day) for day in (1, 2, 3, 4)], working_days=[]
    )
    await calendars.put_year(session, year=listed, notes=notes, source="通知", now=DECEMBER)
    late = await start_clock(session, org=org, kind=ClockKind.DEPARTMENT_FEEDBACK, started_at=DECEMBER, calendar=old)
    beyond = await start_clock(
        session, org=org, kind=ClockKind.DEPARTMENT_FEEDBACK, started_at=at("2027-12-30T10:00:00"), calendar=old
    )
    assert (await facts(session, late), (await facts(session, beyond))[1]) == ((at("2027-01-05T18:00:00"), True), True)
    new = await calendar_on_file(session)
    assert await calendar_import.sweep(session, calendar=new, now=DECEMBER) == 1
    assert await facts(session, late) == (at("2027-01-06T18:00:00"), False)
    assert (await facts(session, beyond))[1] is True, "2028 is still provisional"
    assert await calendar_import.sweep(session, calendar=new, now=DECEMBER) == 0


async def test_recomputing_again_changes_nothing(session: AsyncSession, org: Org) -> None:
    deadline = await start_clock(session, org=org, kind=ClockKind.DEPARTMENT_FEEDBACK, started_at=DECEMBER)
    calendar = (await calendar_on_file(session)).with_year(official_2027())
    for _ in range(2):
        await calendar_import.recompute(session, ids=[deadline.id], calendar=calendar, now=DECEMBER)
    moved = await events_of(session, subject_id=deadline.subject_id, kinds=["deadline.moved", "deadline.confirmed"])
    assert [row[0] for row in moved] == ["deadline.moved"]


def official_2027() -> YearOfDays:
    listed, _ = calendar_import.from_notice(year=2027, days_off=[date(2027, 1, 1), date(2027, 1, 4)], working_days=[])
    return listed


async def test_batches_follow_one_another(
    session: AsyncSession, state: AppState, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar_import, "BATCH", 2)
    deadlines = [
        await start_clock(session, org=org, kind=ClockKind.DEPARTMENT_FEEDBACK, started_at=DECEMBER) for _ in range(5)
    ]
    await calendar_import.import_year(
        session,
        year=official_2027(),
        notes={},
        source="通知",
        actor=everywhere(),
        now=DECEMBER,
    )
    assert await work(state, DECEMBER) == 3
    assert [await facts(session, deadline) for deadline in deadlines] == [(at("2027-01-06T18:00:00"), False)] * 5


def everywhere() -> Principal:
    grant = Grant("system_administrator", frozenset({"calendars:write"}), Reach(everywhere=True))
    return Principal(kind=PrincipalKind.STAFF, id=SYSTEM.id, name="管理员", grants=(grant,))


async def test_the_year_is_kept_day_by_day(client: httpx.AsyncClient, manager: Actor) -> None:
    answer = await put(client, manager, LONG_NEW_YEAR)
    year = answer.json()
    assert (year["year"], year["provisional"], year["source"]) == (2027, False, LONG_NEW_YEAR["source"])
    assert (year["version"], year["revised_at"]) == (2, "2026-12-30T02:00:00Z")
    assert len(year["days"]) == 365
    assert year["working_day_count"] == 261 - 2 + 1  # Monday to Friday, without the 1st and 4th, with the 9th
    assert year["days"][:10] == [
        {"day": "2027-01-01", "is_working": False, "note": "放假"},
        {"day": "2027-01-02", "is_working": False, "note": "放假"},
        {"day": "2027-01-03", "is_working": False, "note": "放假"},
        {"day": "2027-01-04", "is_working": False, "note": "放假"},
        *({"day": f"2027-01-0{day}", "is_working": True, "note": None} for day in (5, 6, 7, 8)),
        {"day": "2027-01-09", "is_working": True, "note": "调休上班"},
        {"day": "2027-01-10", "is_working": False, "note": None},
    ]
    read = await client.get("/v1/calendars/2027", headers=manager.headers)
    assert (read.json(), read.headers["etag"]) == (year, answer.headers["etag"])
    assert answer.headers["etag"].startswith('"2.')


async def test_the_full_list(client: httpx.AsyncClient, manager: Actor) -> None:
    days = [{"day": day.isoformat(), "is_working": day.weekday() < 5} for day in days_of_year(2027)]
    days[0] |= {"is_working": False, "note": "元旦"}
    answer = await put(client, manager, {"source": "通知", "days": days})
    assert answer.status_code == 200, answer.text
    assert answer.json()["working_day_count"] == 260
    assert answer.json()["days"][0] == {"day": "2027-01-01", "is_working": False, "note": "元旦"}


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"days_off": ["2026-12-31"]}, "#/days_off/0", "other_year"),
        ({"days_off": ["2027-01-01", "2027-01-01"]}, "#/days_off/1", "duplicate_day"),
        ({"working_days": ["2027-01-02"]}, "#/working_days/0", "duplicate_day"),
        ({"working_days": ["2027-01-08"]}, "#/working_days/0", "not_a_weekend"),
        (
            {"days_off": None, "working_days": [], "days": [{"day": "2027-01-01", "is_working": False}]},
            "#/days",
            "incomplete_year",
        ),
        ({"days": [{"day": "2027-01-01", "is_working": False}]}, "#", "one_form"),
        ({"days_off": None}, "#", "one_form"),
        ({"days_off": []}, "#/days_off", "too_short"),
        ({"days_off": ["2027-02-30"]}, "#/days_off/0", "date_from_datetime_parsing"),
        ({"source": ""}, "#/source", "string_too_short"),
        ({"provisional": True}, "#", "extra_forbidden"),
    ],
)
async def test_a_faulty_notice_changes_nothing(
    client: httpx.AsyncClient, session: AsyncSession, manager: Actor, change: dict[str, Any], pointer: str, code: str
) -> None:
    before = await counts(session)
    answer = await put(client, manager, LONG_NEW_YEAR | change)
    assert answer.status_code == 422, answer.text
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [(pointer, code)]
    assert await counts(session) == before


async def test_who_may_import(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, manager: Actor, people: PeopleDesk
) -> None:
    before = await counts(session)
    of_project = await people.staff("customer_service_manager", project_id=org.project.id)
    specialist = await people.staff("customer_relations_specialist")
    refused = [await put(client, actor, LONG_NEW_YEAR) for actor in (of_project, specialist)]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [
        (403, "out_of_reach"),
        (403, "missing_scope"),
    ]
    stale = await put(client, manager, LONG_NEW_YEAR, match='"7.abc"')
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    without = await client.put("/v1/calendars/2027", json=LONG_NEW_YEAR, headers=manager.headers)
    assert (without.status_code, without.json()["code"]) == (428, "precondition_required")
    outside = await client.put("/v1/calendars/1999", json=LONG_NEW_YEAR, headers=manager.headers | {"If-Match": "*"})
    assert (outside.status_code, outside.json()["code"]) == (404, "calendar_year_not_found")
    assert await counts(session) == before


async def test_years_on_file_and_computed_ones(client: httpx.AsyncClient, manager: Actor) -> None:
    listed = (await client.get("/v1/calendars", headers=manager.headers, params={"include_total": True})).json()
    assert [(item["year"], item["provisional"], item["version"]) for item in listed["items"]] == [
        (2027, True, 1),
        (2026, False, 1),
        (2025, False, 1),
        (2024, False, 1),
    ]
    assert (listed["total"], listed["next_cursor"]) == (4, None)
    first = (await client.get("/v1/calendars", headers=manager.headers, params={"limit": 3})).json()
    more = {"limit": 3, "cursor": first["next_cursor"]}
    second = (await client.get("/v1/calendars", headers=manager.headers, params=more)).json()
    assert [item["year"] for item in first["items"] + second["items"]] == [2027, 2026, 2025, 2024]

    official = (await client.get("/v1/calendars/2026", headers=manager.headers)).json()
    notes = {day["day"]: (day["is_working"], day["note"]) for day in official["days"]}
    assert notes["2026-02-14"] == (True, "调休上班")
    assert notes["2026-02-17"] == (False, "春节")
    assert official["working_day_count"] == sum(official_year(2026).working) == 248

    computed = await client.get("/v1/calendars/2031", headers=manager.headers)
    year = computed.json()
    assert (year["provisional"], year["version"], year["revised_at"]) == (True, 0, None)
    assert year["working_day_count"] == sum(provisional_year(2031).working)
    created = await client.put(
        "/v1/calendars/2031",
        json={"source": "通知", "days_off": ["2031-01-01"]},
        headers=manager.headers | {"If-Match": computed.headers["etag"]},
    )
    assert (created.status_code, created.json()["version"]) == (200, 1)


async def test_a_year_that_is_not_on_file_is_computed(session: AsyncSession, org: Org) -> None:
    """Also far ahead, and with a gap before it: no clock ever fails for want of a calendar."""
    clock = await start_clock(session, org=org, started_at=at("2045-03-03T10:00:00"))
    assert (clock.due_at, clock.provisional) == (at("2045-03-06T18:00:00"), True)
    past = await start_clock(session, org=org, started_at=at("1995-03-03T10:00:00"))
    assert (past.due_at, past.provisional) == (at("1995-03-06T18:00:00"), True)


async def test_the_job_is_queued_with_the_import(
    client: httpx.AsyncClient, session: AsyncSession, manager: Actor
) -> None:
    await put(client, manager, LONG_NEW_YEAR)
    job = (await session.scalars(select(Job).where(Job.kind == "deadlines.recompute_year"))).one()
    assert (job.args, job.status, job.run_at) == ({"year": 2027, "after": None}, JobStatus.QUEUED, DECEMBER)
    event = (await session.scalars(select(Event).where(Event.kind == "calendar.imported"))).one()
    assert event.data == {"year": 2027, "revision": 2, "working_days": 260}
    assert event.actor_id == manager.id
