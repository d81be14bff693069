"""The escalation ladder in the database: at exact instants, in order, each rung once (CMP-15)."""

import asyncio
from collections import Counter
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.factories.deadlines import at, calendar_on_file, events_of, start_clock
from tests.factories.org import Org, make_org

from ownercare_api.core.database import PooledDatabase
from ownercare_api.deadlines import alerts, calendar_import, service
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.models import ClockKind, Deadline, DeadlineAlert
from ownercare_api.identity.principal import SYSTEM
from ownercare_api.timeline.models import Event

MICROSECOND = timedelta(microseconds=1)
FRIDAY = at("2026-11-20T12:00:00")
LADDER = [
    (at("2026-11-23T15:00:00"), "deadline.due_soon", "handler"),
    (at("2026-11-23T18:00:00"), "deadline.due", "supervisor"),
    (at("2026-11-24T18:00:00"), "deadline.escalated", "department_manager"),
    (at("2026-11-26T18:00:00"), "deadline.escalated", "general_manager"),
]
"""Of one working day from Friday noon: 0.8 of 15 business hours, due, one and three working days later."""
ALERTS = sorted({kind for _, kind, _ in LADDER})


@pytest.fixture
async def org(session: AsyncSession) -> Org:
    """Give a project under the demo policy."""
    return await make_org(session, now=FRIDAY)


async def fire(session: AsyncSession, now: datetime, **more: object) -> int:
    calendar = await calendar_on_file(session)
    return await alerts.fire(session, now=now, calendar=calendar, limit=100, **more)  # type: ignore[arg-type]


async def fired(session: AsyncSession, deadline_id: UUID) -> list[tuple[int, str]]:
    query = select(DeadlineAlert.rung, DeadlineAlert.role).where(DeadlineAlert.deadline_id == deadline_id)
    return [(rung, role) for rung, role in await session.execute(query.order_by(DeadlineAlert.rung))]


@pytest.mark.rule("CMP-15")
async def test_each_rung_at_its_instant_and_not_a_microsecond_before(session: AsyncSession, org: Org) -> None:
    deadline = await start_clock(session, org=org, started_at=FRIDAY)
    for rung, (reached_at, kind, role) in enumerate(LADDER):
        assert deadline.next_alert_at == reached_at
        assert await fire(session, reached_at - MICROSECOND) == 0
        assert await fire(session, reached_at) == 1
        assert await fire(session, reached_at) == 0
        event = (await events_of(session, subject_id=deadline.subject_id))[-1]
        assert event == (
            kind,
            reached_at,
            {
                "deadline_id": str(deadline.id),
                "clock": "site_survey",
                "due_at": "2026-11-23T10:00:00+00:00",
                "role": role,
                "rung": rung,
                "reached_at": event[2]["reached_at"],
            },
        )
        assert datetime.fromisoformat(event[2]["reached_at"]) == reached_at
    assert (deadline.next_alert_at, deadline.alerts_fired) == (None, 4)
    assert await fired(session, deadline.id) == [(rung, role) for rung, (_, _, role) in enumerate(LADDER)]
    assert await fire(session, at("2027-06-01T12:00:00")) == 0


@pytest.mark.rule("CMP-15")
async def test_missed_rungs_fire_in_order(session: AsyncSession, org: Org) -> None:
    """A worker that was away catches up."""
    deadline = await start_clock(session, org=org, started_at=FRIDAY)
    late = at("2026-11-25T09:00:00")
    assert await fire(session, late) == 3
    events = await events_of(session, subject_id=deadline.subject_id, kinds=ALERTS)
    assert [(kind, when, data["role"]) for kind, when, data in events] == [
        (kind, late, role) for _, kind, role in LADDER[:3]
    ]
    assert (deadline.alerts_fired, deadline.next_alert_at) == (3, LADDER[3][0])


async def test_a_stopped_or_cancelled_clock_is_silent(session: AsyncSession, org: Org) -> None:
    stopped = await start_clock(session, org=org, started_at=FRIDAY)
    cancelled = await start_clock(session, org=org, started_at=FRIDAY)
    kinds = [stopped.kind]
    await service.stop(session, subject_id=stopped.subject_id, kinds=kinds, at=FRIDAY, actor=SYSTEM, now=FRIDAY)
    await service.cancel(session, subject_id=cancelled.subject_id, actor=SYSTEM, now=FRIDAY)
    assert await fire(session, at("2026-12-31T12:00:00")) == 0


async def test_a_held_clock_is_silent_until_it_runs_again(session: AsyncSession, org: Org) -> None:
    deadline = await start_clock(session, org=org, started_at=FRIDAY)
    where = {"subject_id": deadline.subject_id, "ticket_id": None, "project_id": org.project.id, "actor": SYSTEM}
    await service.hold(session, subject_kind="ticket", reason="等待业主", now=FRIDAY, **where)  # type: ignore[arg-type]
    assert await fire(session, at("2026-11-26T12:00:00")) == 0
    released = at("2026-11-26T12:00:00")
    calendar = await calendar_on_file(session)
    await service.release(session, calendar=calendar, now=released, **where)  # type: ignore[arg-type]
    assert deadline.due_at == at("2026-11-26T18:00:00")
    assert deadline.next_alert_at == at("2026-11-26T16:48:00")  # 0.8 of the 6 hours that count
    assert await fire(session, at("2026-11-26T18:00:00")) == 2


@pytest.mark.rule("REP-07")
async def test_an_extension_has_a_ladder_of_its_own(session: AsyncSession, org: Org) -> None:
    deadline = await start_clock(session, org=org, started_at=FRIDAY)
    assert await fire(session, LADDER[0][0]) == 1
    calendar = await calendar_on_file(session)
    now = at("2026-11-23T15:30:00")
    await service.extend(session, deadline=deadline, by=1, calendar=calendar, actor=SYSTEM, now=now)
    assert await fire(session, at("2026-11-24T18:00:00")) == 2
    events = await events_of(session, subject_id=deadline.subject_id, kinds=ALERTS)
    assert [(kind, data["due_at"]) for kind, _, data in events] == [
        ("deadline.due_soon", "2026-11-23T10:00:00+00:00"),
        ("deadline.due_soon", "2026-11-24T10:00:00+00:00"),
        ("deadline.due", "2026-11-24T10:00:00+00:00"),
    ]


async def test_a_rung_asks_the_calendar_again_before_it_fires(session: AsyncSession, org: Org) -> None:
    """The year became official after the instant was set, and nobody has armed the ladder anew yet."""
    deadline = await start_clock(session, org=org, started_at=at("2026-12-30T10:00:00"))
    assert await fire(session, at("2026-12-31T18:00:00")) == 2
    expected = at("2027-01-04T18:00:00")
    assert deadline.next_alert_at == expected
    official, _ = calendar_import.from_notice(year=2027, days_off=[date(2027, 1, 1), date(2027, 1, 4)], working_days=[])
    calendar = (await calendar_on_file(session)).with_year(official)
    assert await alerts.fire(session, now=expected, calendar=calendar, limit=10) == 0
    assert deadline.next_alert_at == at("2027-01-05T18:00:00")


async def test_the_hook_hears_every_alert_and_its_failure_undoes_only_that_clock(
    session: AsyncSession, org: Org
) -> None:
    heard: list[tuple[UUID, int, str]] = []
    deaf = await start_clock(session, org=org, started_at=FRIDAY)
    good = await start_clock(session, org=org, started_at=FRIDAY + MICROSECOND)

    async def listen(_: AsyncSession, deadline: Deadline, alert: DeadlineAlert, now: datetime) -> None:
        if deadline.id == deaf.id:
            raise RuntimeError("the listener fails")
        heard.append((deadline.id, alert.rung, alert.role))

    due = at("2026-11-23T18:00:00")
    assert await fire(session, due, on_fired=listen) == 2
    assert heard == [(good.id, 0, "handler"), (good.id, 1, "supervisor")]
    assert await fired(session, deaf.id) == []
    assert await events_of(session, subject_id=deaf.subject_id, kinds=ALERTS) == []
    await session.refresh(deaf)
    assert (deaf.alerts_fired, deaf.next_alert_at) == (0, due + timedelta(minutes=10))
    assert await fire(session, due + timedelta(minutes=10)) == 2
    assert await fired(session, deaf.id) == [(0, "handler"), (1, "supervisor")]


async def test_the_limit_takes_the_most_overdue(session: AsyncSession, org: Org) -> None:
    later = await start_clock(session, org=org, started_at=FRIDAY + timedelta(hours=1))
    first = await start_clock(session, org=org, started_at=FRIDAY)
    calendar = await calendar_on_file(session)
    assert await alerts.fire(session, now=LADDER[1][0], calendar=calendar, limit=1) == 2
    assert (await fired(session, later.id), len(await fired(session, first.id))) == ([], 2)


class Ground:
    """A committed project to race on."""

    def __init__(self, database: PooledDatabase, org: Org, calendar: WorkingCalendar) -> None:
        self.database, self.org, self.calendar = database, org, calendar

    async def clocks(self, number: int) -> list[Deadline]:
        async with self.database.session() as session:
            made = [
                await start_clock(session, org=self.org, started_at=FRIDAY, calendar=self.calendar)
                for _ in range(number)
            ]
            await session.commit()
        return made

    async def fire(self, now: datetime, *, keep: bool = True) -> int:
        async with self.database.session() as session:
            number = await alerts.fire(session, now=now, calendar=self.calendar, limit=100)
            await (session.commit() if keep else session.rollback())
        return number


@pytest.fixture
async def ground(committed: PooledDatabase) -> Ground:
    """Give a committed project."""
    async with committed.session() as session:
        org = await make_org(session, now=FRIDAY, units=0)
        calendar = await calendar_on_file(session)
        await session.commit()
    return Ground(committed, org, calendar)


@pytest.mark.slow
@pytest.mark.rule("CMP-15")
async def test_eight_workers_fire_each_rung_once(ground: Ground) -> None:
    now = LADDER[3][0]
    for trial in range(20):
        made = await ground.clocks(6)

        async def work() -> int:
            return sum([await ground.fire(now) for _ in range(3)])

        numbers = await asyncio.gather(*(work() for _ in range(8)))
        assert sum(numbers) == 24, trial
        async with ground.database.session() as session:
            rows = await session.execute(
                select(DeadlineAlert.deadline_id, DeadlineAlert.rung).where(
                    DeadlineAlert.deadline_id.in_([deadline.id for deadline in made])
                )
            )
            seen = Counter((deadline_id, rung) for deadline_id, rung in rows)
            assert seen == Counter((deadline.id, rung) for deadline in made for rung in range(4))
            kinds = select(Event.subject_id, Event.kind, func.count()).where(Event.kind.in_(ALERTS))
            kinds = kinds.where(Event.subject_id.in_([deadline.subject_id for deadline in made]))
            told = {
                (who, kind): number
                for who, kind, number in await session.execute(kinds.group_by(Event.subject_id, Event.kind))
            }
            once = {"deadline.due_soon": 1, "deadline.due": 1, "deadline.escalated": 2}
            assert told == {(deadline.subject_id, kind): times for deadline in made for kind, times in once.items()}


@pytest.mark.slow
async def test_a_crash_between_claim_and_commit_leaves_it_to_be_fired_once(ground: Ground) -> None:
    (deadline,) = await ground.clocks(1)
    now = LADDER[1][0]
    async with ground.database.session() as dying:
        assert await alerts.fire(dying, now=now, calendar=ground.calendar, limit=100) == 2
        assert await ground.fire(now) == 0, "claimed: the others pass by without waiting"
        await dying.rollback()  # what the server does when the connection breaks
    assert await ground.fire(now, keep=False) == 2
    assert await ground.fire(now) == 2
    assert await ground.fire(now) == 0
    async with ground.database.session() as session:
        assert await fired(session, deadline.id) == [(0, "handler"), (1, "supervisor")]
        assert len(await events_of(session, subject_id=deadline.subject_id, kinds=ALERTS)) == 2


@pytest.mark.slow
async def test_stopping_and_firing_at_once(ground: Ground) -> None:
    """Whoever comes first: never an alert after the stop, and no rung is left armed."""
    now = LADDER[1][0]
    for _ in range(20):
        (deadline,) = await ground.clocks(1)

        async def stop(subject_id: UUID = deadline.subject_id, kind: ClockKind = deadline.kind) -> None:
            async with ground.database.session() as session:
                await service.stop(session, subject_id=subject_id, kinds=[kind], at=now, actor=SYSTEM, now=now)
                await session.commit()

        await asyncio.gather(stop(), *(ground.fire(now) for _ in range(3)))
        async with ground.database.session() as session:
            kept = await session.get_one(Deadline, deadline.id)
            assert (kept.stopped_at, kept.next_alert_at) == (now, None)
            kinds = [row[0] for row in await events_of(session, subject_id=deadline.subject_id)]
            assert kinds in (
                ["deadline.started", "deadline.met"],
                ["deadline.started", "deadline.due_soon", "deadline.due", "deadline.met"],
            )
