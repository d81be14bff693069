"""Two years of cases: who turned to us when, about what, and how each case went until the demonstration's present."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from ownercare_api.core.clock import SHANGHAI
from ownercare_api.core.phones import normalise_phone
from ownercare_api.demo import repairs, steps, talks
from ownercare_api.demo.cases import Case, Ended, Intake, Stage
from ownercare_api.demo.estate import CUIHU, END, JIANGLAN, YUNQI, Home
from ownercare_api.demo.fitting_situations import FACILITY_REPAIRS, FITTING_REPAIRS
from ownercare_api.demo.homes import Resident
from ownercare_api.demo.moments import Pace, sales_office
from ownercare_api.demo.repair_situations import STRUCTURE_REPAIRS, Repair
from ownercare_api.demo.talk_situations import COMPLAINTS, CONSULTATIONS, PRAISES, SALES_OFFICE, SUGGESTIONS, Talk
from ownercare_api.properties.parts import BuildingPart
from ownercare_api.tickets.lifecycle import Category, Channel, Domain
from ownercare_api.timeline.models import Event

HOME_REPAIRS = STRUCTURE_REPAIRS + FITTING_REPAIRS
_TOP_FLOORS = (15, 20)
_OFFICE_SPEED, _FACILITY_SPEED = 0.35, 0.16
_HEATING_MONTHS = (11, 12, 1, 2)


@dataclass(frozen=True, slots=True)
class Period:
    """So many cases of a project between two days; `mix` is the share of each category in percent."""

    project: str
    domain: Domain
    first: date
    last: date
    count: int
    mix: dict[Category, int]
    awaiting: bool = False
    """The callers wait for their homes."""


_AT_HOME = {
    Category.REPAIR: 37,
    Category.COMPLAINT: 26,
    Category.CONSULTATION: 24,
    Category.SUGGESTION: 7,
    Category.PRAISE: 6,
}
_AWAITING = {Category.CONSULTATION: 68, Category.COMPLAINT: 22, Category.SUGGESTION: 6, Category.PRAISE: 4}
_HANDED_OVER = {Category.REPAIR: 58, Category.COMPLAINT: 17, Category.CONSULTATION: 22, Category.PRAISE: 3}
_AT_THE_OFFICE = {
    Category.REPAIR: 34,
    Category.COMPLAINT: 22,
    Category.CONSULTATION: 34,
    Category.SUGGESTION: 5,
    Category.PRAISE: 5,
}
_HOME, _OFFICE = Domain.OWNER_HOME, Domain.SALES_OFFICE
_TODAY = date(2026, 11, 20)

PERIODS = (
    Period(YUNQI, _HOME, date(2024, 11, 20), date(2025, 3, 31), 310, _AT_HOME),
    Period(YUNQI, _HOME, date(2025, 4, 1), date(2025, 9, 30), 640, _AT_HOME),
    Period(YUNQI, _HOME, date(2025, 10, 1), _TODAY, 905, _AT_HOME),
    Period(YUNQI, _HOME, _TODAY, _TODAY, 10, _AT_HOME),
    Period(JIANGLAN, _HOME, date(2025, 3, 1), date(2026, 11, 1), 152, _AWAITING, awaiting=True),
    Period(JIANGLAN, _HOME, date(2026, 11, 5), _TODAY, 106, _HANDED_OVER),
    Period(JIANGLAN, _HOME, _TODAY, _TODAY, 7, _HANDED_OVER),
    Period(CUIHU, _HOME, date(2026, 1, 5), _TODAY, 40, _AWAITING, awaiting=True),
    Period(CUIHU, _OFFICE, date(2025, 9, 25), _TODAY, 227, _AT_THE_OFFICE),
    Period(CUIHU, _OFFICE, _TODAY, _TODAY, 3, _AT_THE_OFFICE),
)
"""2,400 cases in all."""

_TALKS = {
    Category.COMPLAINT: COMPLAINTS,
    Category.CONSULTATION: CONSULTATIONS,
    Category.SUGGESTION: SUGGESTIONS,
    Category.PRAISE: PRAISES,
}
_CHANNELS = (
    *((Channel.HOTLINE,) * 40),
    *((Channel.PHONE,) * 17),
    *((Channel.VISIT,) * 12),
    *((Channel.WECHAT_GROUP,) * 13),
    *((Channel.WEB_FORM,) * 6),
    *((Channel.ONLINE_CHAT,) * 5),
    *((Channel.SMS,) * 2),
    *((Channel.EMAIL,) * 2),
    Channel.LETTER,
    Channel.FORUM,
    Channel.SUGGESTION_BOX,
)
_IN_WRITING = (Channel.WEB_FORM, Channel.EMAIL, Channel.LETTER, Channel.FORUM, Channel.SUGGESTION_BOX, Channel.SMS)
_NAMELESS = (Channel.FORUM, Channel.SUGGESTION_BOX)


def build(stage: Stage) -> None:
    """Add every case of the two years; the events go in by time."""
    rng = random.Random(20260607)
    drawn = sorted(_draw(stage, rng), key=lambda one: one[0].registered_at)
    home_pace, office_pace = Pace(stage.calendar), sales_office(stage.calendar)
    for intake, situation in drawn:
        at_office = intake.domain is Domain.SALES_OFFICE
        speed = 1.0 if not at_office else _FACILITY_SPEED if isinstance(situation, Repair) else _OFFICE_SPEED
        case = Case(stage, rng, intake, office_pace if at_office else home_pace, speed=speed)
        case.open()
        try:
            if isinstance(situation, Repair):
                repairs.play(case, situation)
            else:
                talks.play(case, situation)
        except Ended:
            pass
        steps.climb(case)
    stage.sheet.sort(Event, key="occurred_at")


def _draw(stage: Stage, rng: random.Random) -> Iterator[tuple[Intake, Repair | Talk]]:
    home_pace, office_pace = Pace(stage.calendar), sales_office(stage.calendar)
    for period in PERIODS:
        categories = [category for category, share in period.mix.items() for _ in range(share)]
        pace = office_pace if period.domain is Domain.SALES_OFFICE else home_pace
        for _ in range(period.count):
            category = categories[rng.randrange(len(categories))]
            received_at = _received_at(rng, period)
            home, owner = _caller(stage, rng, period, received_at)
            situation = _situation(rng, period, category, received_at, home)
            yield _intake(stage, rng, period, category, received_at, home, owner, situation, pace), situation


def _received_at(rng: random.Random, period: Period) -> datetime:
    """Return an instant of the period: owners call from early to late, the sales office is open by day."""
    days = (period.last - period.first).days + 1
    at_office = period.domain is Domain.SALES_OFFICE
    while True:
        day = period.first + timedelta(days=rng.randrange(days))
        if at_office:
            minutes = rng.randrange(9 * 60, 19 * 60)
        else:
            minutes = rng.randrange(9 * 60, 18 * 60) if rng.random() < 0.78 else rng.randrange(7 * 60, 22 * 60)
            if day.weekday() >= 5 and rng.random() < 0.35:
                continue
        midnight = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
        found = (midnight + timedelta(minutes=minutes, seconds=rng.randrange(60))).astimezone(UTC)
        if found <= END - timedelta(minutes=20):
            return found


def _caller(
    stage: Stage, rng: random.Random, period: Period, received_at: datetime
) -> tuple[Home | None, Resident | None]:
    if period.domain is Domain.SALES_OFFICE:
        return None, None
    today = received_at.astimezone(SHANGHAI).date()
    homes = stage.estate.homes[period.project]
    while True:
        home = homes[rng.randrange(len(homes))]
        residents = stage.owners.of_home.get(home.id, [])
        delivered = home.delivered_on is not None and home.delivered_on <= today
        if residents and stage.owners.since(home) <= today and (period.awaiting or delivered):
            return home, residents[rng.randrange(len(residents))]


def _situation(
    rng: random.Random, period: Period, category: Category, received_at: datetime, home: Home | None
) -> Repair | Talk:
    if category is Category.REPAIR:
        return _repair(rng, period, received_at, home)
    if period.domain is Domain.SALES_OFFICE:
        fitting = [talk for talk in SALES_OFFICE if talk.category is category]
    else:
        fitting = [talk for talk in _TALKS[category] if talk.before_handover is period.awaiting]
    return fitting[rng.randrange(len(fitting))]


def _repair(rng: random.Random, period: Period, received_at: datetime, home: Home | None) -> Repair:
    if home is None:
        return FACILITY_REPAIRS[rng.randrange(len(FACILITY_REPAIRS))]
    month = received_at.astimezone(SHANGHAI).month
    # Roofs leak under the roof, and are repaired where the contractor's agreement lets the team do it.
    under_the_roof = home.floor in _TOP_FLOORS and period.project == YUNQI
    if under_the_roof and rng.random() < 0.3:
        roofs = [one for one in HOME_REPAIRS if one.part is BuildingPart.ROOF_WATERPROOFING]
        return roofs[rng.randrange(len(roofs))]
    while True:
        found = HOME_REPAIRS[rng.randrange(len(HOME_REPAIRS))]
        if found.part is BuildingPart.ROOF_WATERPROOFING:
            continue
        if "地暖" in found.title and month not in _HEATING_MONTHS:
            continue
        return found


def _intake(
    stage: Stage,
    rng: random.Random,
    period: Period,
    category: Category,
    received_at: datetime,
    home: Home | None,
    owner: Resident | None,
    situation: Repair | Talk,
    pace: Pace,
) -> Intake:
    at_office = period.domain is Domain.SALES_OFFICE
    channel = Channel.VISIT if at_office and rng.random() < 0.7 else _CHANNELS[rng.randrange(len(_CHANNELS))]
    if category is Category.REPAIR and channel in _NAMELESS:
        channel = Channel.PHONE
    place = situation.places[rng.randrange(len(situation.places))] if isinstance(situation, Repair) else ""
    name, phone = _who(stage, rng, channel, category, owner)
    return Intake(
        project=period.project,
        domain=period.domain,
        category=category,
        channel=channel,
        title=situation.title.format(place=place),
        description=situation.description.format(place=place),
        demand="尽快安排上门维修。" if isinstance(situation, Repair) else situation.demand,
        urgent=situation.urgent,
        claim_fen=None if isinstance(situation, Repair) else _claim(rng, situation),
        home=home,
        owner=None if phone is None else owner,
        caller_name=name,
        caller_phone=phone,
        received_at=received_at,
        registered_at=_registered_at(rng, channel, received_at, pace),
        taken_by=stage.staff[_taken_by(rng, channel, at_office=at_office)],
    )


def _who(
    stage: Stage, rng: random.Random, channel: Channel, category: Category, owner: Resident | None
) -> tuple[str, str | None]:
    """Return the caller's name and number: an owner, a visitor, the front desk itself, or nobody known."""
    if owner is not None:
        return ("匿名业主", None) if channel in _NAMELESS else (owner.name, owner.phone)
    if category is Category.REPAIR:
        return "案场前台", None
    visitor = stage.people.person()
    return visitor.name, normalise_phone(visitor.mobile) if rng.random() < 0.9 else None


def _claim(rng: random.Random, talk: Talk) -> int | None:
    if talk.claims_yuan is None or rng.random() < 0.45:
        return None
    low, high = talk.claims_yuan
    return rng.randrange(low, high + 1) // 100 * 10_000


def _registered_at(rng: random.Random, channel: Channel, received_at: datetime, pace: Pace) -> datetime:
    """Calls are taken down at once, what is written when somebody reads it."""
    if channel in _IN_WRITING:
        found = pace.later(received_at, rng.randrange(5, 50))
        return found if found <= END else received_at + timedelta(minutes=10)
    return received_at + timedelta(seconds=rng.randrange(60, 300))


def _taken_by(rng: random.Random, channel: Channel, *, at_office: bool) -> str:
    if at_office:
        return "receptionist" if rng.random() < 0.7 else "service_specialist"
    if channel is Channel.HOTLINE:
        return "call_center_agent" if rng.random() < 0.5 else "call_center_agent.2"
    return "records_clerk" if rng.random() < 0.6 else "records_clerk.2"
