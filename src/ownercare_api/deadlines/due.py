"""When a clock runs out (到期), computed without a database. Rulebook, "Readings settled here" 2 and 3.

Four units, each counted on its own scale:

- WORKDAYS: the day the clock starts is never counted; n working days end at closing time of the n-th working day after.
- CALENDAR_DAYS: the same with every day counted, so the last one may be a rest day; still at closing time.
- BUSINESS_HOURS: time inside business hours [opening, closing) of working days.
- ELAPSED_HOURS: plain time, through nights and holidays.

Holds (暂停), [from, to), suspend a clock and never reset it; overlapping ones count once:

- hours: the held time is not counted, so the clock runs that much longer in its own unit;
- days: a day is not counted when a hold was in force as it closed, that is, in the last moment of its business hours:
  from < closing <= to. A hold lifted before closing costs no day; one that begins at closing leaves that day counted.
- What begins at or after the instant the clock runs out changes nothing.

Days and hours are those of Asia/Shanghai whatever offset an instant is written in, exact to the microsecond.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from ownercare_api.core.clock import SHANGHAI
from ownercare_api.deadlines.calendar import Stretch, WorkingCalendar

# Inside this module an instant is a whole number of microseconds since midnight of 1970-01-01 in Shanghai: then
# `// _DAY` is the local day, and arithmetic needs no datetime objects. Exact for instants since 1992: Shanghai has been
# at UTC+8 without summer time from then on.
_EPOCH = datetime(1970, 1, 1, tzinfo=SHANGHAI).astimezone(UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_DAY = 86_400_000_000
_HOUR = 3_600_000_000
_NEVER = 1 << 62


class Unit(StrEnum):
    """What a term is counted in."""

    WORKDAYS = "workdays"
    BUSINESS_HOURS = "business_hours"
    ELAPSED_HOURS = "elapsed_hours"
    CALENDAR_DAYS = "calendar_days"

    @property
    def uses_calendar(self) -> bool:
        """Whether the working calendar decides: only such a clock can be provisional, or miss a year."""
        return self in (Unit.WORKDAYS, Unit.BUSINESS_HOURS)


@dataclass(frozen=True, slots=True)
class Term:
    """A time limit (时限): `amount` whole units, at least 1. Raises ValueError."""

    amount: int
    unit: Unit

    def __post_init__(self) -> None:
        if self.amount < 1:
            raise ValueError("a term is at least one unit long")


@dataclass(frozen=True, slots=True)
class HeldInterval:
    """A hold (暂停) [from_at, to_at); `to_at` None while it is in force. Raises ValueError for naive or reversed."""

    from_at: datetime
    to_at: datetime | None

    def __post_init__(self) -> None:
        from_us = _microseconds(self.from_at)
        if self.to_at is not None and _microseconds(self.to_at) < from_us:
            raise ValueError("a hold ends before it begins")


@dataclass(frozen=True, slots=True)
class Due:
    """When a clock runs out.

    `due_at` is UTC. `provisional`: a day from the start day to the due day, both included, belongs to a year without
    an official notice; never so for elapsed hours and calendar days, which don't ask the calendar. `first_counted` and
    `last_counted` are the first and the last day that counted, Asia/Shanghai; None for elapsed hours.
    """

    due_at: datetime
    provisional: bool
    first_counted: date | None
    last_counted: date | None


def due(*, calendar: WorkingCalendar, started_at: datetime, term: Term) -> Due:
    """When the term runs out that started at `started_at`.

    Raises CalendarYearMissing, ValueError for a naive datetime.
    """
    due_or_none = due_after_holds(calendar=calendar, started_at=started_at, term=term, holds=())
    assert due_or_none is not None  # only an open hold leaves it open
    return due_or_none


def due_after_holds(
    *, calendar: WorkingCalendar, started_at: datetime, term: Term, holds: Sequence[HeldInterval]
) -> Due | None:
    """When the term runs out, given all holds of the clock in any order; None while an open hold stops it.

    How holds count is at the top of this module; parts before `started_at` count for nothing.
    Raises CalendarYearMissing, ValueError for a naive datetime.
    """
    unit = term.unit
    start_us = _microseconds(started_at)
    start_day = _day(start_us)
    scale = _counting_scale(calendar=calendar, unit=unit, year=start_day.year)
    held = _merged(holds) if holds else []
    if unit in (Unit.WORKDAYS, Unit.CALENDAR_DAYS):
        from_us = start_us - start_us % _DAY + _DAY - 1  # the day itself is over before counting begins
        amount = term.amount
    else:
        from_us = start_us
        amount = term.amount * _HOUR
    due_us = _reach(scale=scale, start_us=from_us, amount=amount, held=held)
    if due_us is None:
        return None
    if unit is Unit.ELAPSED_HOURS:
        return Due(due_at=_instant(due_us), provisional=False, first_counted=None, last_counted=None)
    # The first day that counts is the one where the smallest step of the scale is reached.
    first_us = due_us if amount == 1 else _reach(scale=scale, start_us=from_us, amount=1, held=held)
    assert first_us is not None  # it comes no later than the due instant
    last_counted = _day(due_us)
    return Due(
        due_at=_instant(due_us),
        provisional=unit.uses_calendar and calendar.touches_provisional(first=start_day, last=last_counted),
        first_counted=_day(first_us),
        last_counted=last_counted,
    )


def add_workdays(*, calendar: WorkingCalendar, instant: datetime, n: int) -> datetime:
    """Closing time (UTC) of the n-th working day after the day of `instant`, n >= 1; for steps such as "+1 WD".

    Raises CalendarYearMissing, ValueError.
    """
    return due(calendar=calendar, started_at=instant, term=Term(n, Unit.WORKDAYS)).due_at


def instant_at_fraction(
    *,
    calendar: WorkingCalendar,
    started_at: datetime,
    due_at: datetime,
    unit: Unit,
    fraction: float | Decimal,
    holds: Sequence[HeldInterval] = (),
) -> datetime | None:
    """The instant (UTC) when `fraction` (0 to 1) of the time from `started_at` to `due_at` has passed.

    Time is business time for workdays and business hours, elapsed time for elapsed hours and calendar days; held time
    is left out. `due_at` is the due instant with the holds that have ended; None while an open hold stops the clock
    before the fraction is reached. Rounded to the microsecond; 0 is the start, 1 is `due_at`.
    Raises CalendarYearMissing, ValueError.
    """
    if not 0 <= fraction <= 1:
        raise ValueError("a fraction lies between 0 and 1")
    start_us, due_us = _span(started_at=started_at, due_at=due_at)
    scale = _passing_scale(calendar=calendar, unit=unit, year=_day(start_us).year)
    held = _merged(holds)
    amount = round(_whole(scale=scale, start_us=start_us, due_us=due_us, holds=holds) * fraction)
    reached_us: int | None = start_us
    if amount:
        reached_us = _reach(scale=scale, start_us=start_us, amount=amount, held=held)
    if reached_us is None:
        return None
    # The last fraction may be reached before an agreed `due_at` outside business hours, and by rounding.
    return _instant(due_us if fraction == 1 else min(reached_us, due_us))


def fraction_used(
    *,
    calendar: WorkingCalendar,
    started_at: datetime,
    due_at: datetime,
    unit: Unit,
    at: datetime,
    holds: Sequence[HeldInterval] = (),
) -> float:
    """How much of the time from `started_at` to `due_at` has passed at `at`, 0.0 to 1.0; see `instant_at_fraction`.

    Stands still while a hold is in force. Raises CalendarYearMissing, ValueError.
    """
    start_us, due_us = _span(started_at=started_at, due_at=due_at)
    until_us = min(_microseconds(at), due_us)
    if until_us <= start_us:
        return 0.0
    scale = _passing_scale(calendar=calendar, unit=unit, year=_day(start_us).year)
    whole = _whole(scale=scale, start_us=start_us, due_us=due_us, holds=holds)
    if not whole:
        return float(until_us == due_us)
    return _passed(scale=scale, start_us=start_us, until_us=until_us, held=_merged(holds)) / whole


class _Scale(Protocol):
    """A count that grows with time: `position` at an instant, and the first instant `reaching` a position."""

    def position(self, at_us: int) -> int: ...

    def reaching(self, position: int) -> int: ...


class _Elapsed:
    """Microseconds."""

    def position(self, at_us: int) -> int:
        return at_us

    def reaching(self, position: int) -> int:
        return position


class _BusinessTime:
    """Microseconds inside business hours of working days."""

    def __init__(self, *, stretch: Stretch, opens_us: int, closes_us: int) -> None:
        self._stretch = stretch
        self._opens_us = opens_us
        self._day_us = closes_us - opens_us

    def position(self, at_us: int) -> int:
        day, time_us = divmod(at_us, _DAY)
        days_before, is_working = self._stretch.look_up(day + _EPOCH_ORDINAL)
        position = days_before * self._day_us
        if is_working and time_us > self._opens_us:
            position += min(time_us - self._opens_us, self._day_us)
        return position

    def reaching(self, position: int) -> int:
        # A position on the edge of two days is reached at closing time of the first, hence the -1 and +1.
        number, rest_us = divmod(position - 1, self._day_us)
        return (self._stretch.workday(number) - _EPOCH_ORDINAL) * _DAY + self._opens_us + rest_us + 1


class _WorkingDayClosings:
    """Working days that have closed."""

    def __init__(self, *, stretch: Stretch, closes_us: int) -> None:
        self._stretch = stretch
        self._closes_us = closes_us

    def position(self, at_us: int) -> int:
        day, time_us = divmod(at_us, _DAY)
        days_before, is_working = self._stretch.look_up(day + _EPOCH_ORDINAL)
        return days_before + (is_working and time_us >= self._closes_us)

    def reaching(self, position: int) -> int:
        return (self._stretch.workday(position - 1) - _EPOCH_ORDINAL) * _DAY + self._closes_us


class _DayClosings:
    """Calendar days that have closed."""

    def __init__(self, *, closes_us: int) -> None:
        self._closes_us = closes_us

    def position(self, at_us: int) -> int:
        return (at_us - self._closes_us) // _DAY

    def reaching(self, position: int) -> int:
        return position * _DAY + self._closes_us


def _counting_scale(*, calendar: WorkingCalendar, unit: Unit, year: int) -> _Scale:
    """What a term in this unit is counted on."""
    if unit is Unit.WORKDAYS:
        return _WorkingDayClosings(stretch=calendar.stretch(year), closes_us=calendar.hours.closes_us)
    if unit is Unit.CALENDAR_DAYS:
        return _DayClosings(closes_us=calendar.hours.closes_us)
    return _passing_scale(calendar=calendar, unit=unit, year=year)


def _passing_scale(*, calendar: WorkingCalendar, unit: Unit, year: int) -> _Scale:
    """What passes between start and due in this unit, without steps."""
    if not unit.uses_calendar:
        return _Elapsed()
    return _BusinessTime(
        stretch=calendar.stretch(year),
        opens_us=calendar.hours.opens_us,
        closes_us=calendar.hours.closes_us,
    )


def _reach(*, scale: _Scale, start_us: int, amount: int, held: Sequence[tuple[int, int]]) -> int | None:
    """The first instant when `amount` has passed since the start outside the holds; None when one never ends."""
    position = scale.position(start_us) + amount
    reached_us = scale.reaching(position)
    for from_us, to_us in held:
        if to_us <= start_us:
            continue
        if from_us >= reached_us:
            break
        if to_us == _NEVER:
            return None
        position += scale.position(to_us) - scale.position(max(from_us, start_us))
        reached_us = scale.reaching(position)
    return reached_us


def _passed(*, scale: _Scale, start_us: int, until_us: int, held: Sequence[tuple[int, int]]) -> int:
    """How much passes on the scale from start to until outside the holds."""
    passed = scale.position(until_us) - scale.position(start_us)
    for from_us, to_us in held:
        inside_from, inside_to = max(from_us, start_us), min(to_us, until_us)
        if inside_from < inside_to:
            passed -= scale.position(inside_to) - scale.position(inside_from)
    return passed


def _whole(*, scale: _Scale, start_us: int, due_us: int, holds: Sequence[HeldInterval]) -> int:
    """What passes from start to due with the holds that have ended: the size of the term."""
    ended = _merged(hold for hold in holds if hold.to_at is not None)
    return _passed(scale=scale, start_us=start_us, until_us=due_us, held=ended)


def _merged(holds: Iterable[HeldInterval]) -> list[tuple[int, int]]:
    """The holds as disjoint intervals in order, empty ones left out."""
    merged: list[tuple[int, int]] = []
    for from_us, to_us in sorted(
        (_microseconds(hold.from_at), _NEVER if hold.to_at is None else _microseconds(hold.to_at)) for hold in holds
    ):
        if merged and from_us <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], to_us))
        elif from_us < to_us:
            merged.append((from_us, to_us))
    return merged


def _span(*, started_at: datetime, due_at: datetime) -> tuple[int, int]:
    start_us, due_us = _microseconds(started_at), _microseconds(due_at)
    if due_us < start_us:
        raise ValueError("a clock can't be due before it starts")
    return start_us, due_us


def _microseconds(instant: datetime) -> int:
    if instant.utcoffset() is None:
        raise ValueError("a datetime without a UTC offset is not an instant")
    since = instant - _EPOCH
    return since.days * _DAY + since.seconds * 1_000_000 + since.microseconds


def _instant(at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_us)


def _day(at_us: int) -> date:
    return date.fromordinal(at_us // _DAY + _EPOCH_ORDINAL)
