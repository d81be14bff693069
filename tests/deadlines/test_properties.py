"""Laws that hold for every clock, and agreement with the day-by-day count over 2024 to 2027."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.deadlines import oracle
from tests.deadlines.clocks import CALENDAR, MICROSECOND, due_at

from ownercare_api.deadlines.due import (
    HeldInterval,
    Term,
    Unit,
    add_workdays,
    due,
    due_after_holds,
    fraction_used,
    instant_at_fraction,
)

FIRST, LAST = date(2024, 1, 1), date(2027, 9, 1)
LONGEST = {Unit.WORKDAYS: 30, Unit.BUSINESS_HOURS: 90, Unit.ELAPSED_HOURS: 500, Unit.CALENDAR_DAYS: 40}
SETTINGS = settings(deadline=None, max_examples=60)

units = st.sampled_from(list(Unit))
edges = st.sampled_from(
    [
        (datetime.combine(FIRST, clock_time) + nudge * MICROSECOND).time()
        for clock_time in (time(0), time(9), time(12), time(17), time(18))
        for nudge in (-1, 0, 1)
    ]
)
instants = st.builds(
    oracle.at, st.dates(FIRST, LAST), st.one_of(edges, st.times())
)  # in UTC, often on an edge of the day in Shanghai
terms = units.flatmap(lambda unit: st.builds(Term, st.integers(1, LONGEST[unit]), st.just(unit)))


@st.composite
def clocks(draw: st.DrawFn) -> tuple[datetime, Term, list[HeldInterval]]:
    """A start, a term, and up to four closed holds of up to ten days around them."""
    started_at, term = draw(instants), draw(terms)
    nearby = st.builds(
        oracle.at,
        st.dates(started_at.date() - timedelta(days=5), started_at.date() + timedelta(days=25)),
        st.one_of(edges, st.times()),
    )
    lengths = st.one_of(
        st.timedeltas(timedelta(0), timedelta(days=10)), st.integers(0, 240).map(lambda n: timedelta(hours=n))
    )
    holds = draw(
        st.lists(st.tuples(nearby, lengths).map(lambda pair: HeldInterval(pair[0], pair[0] + pair[1])), max_size=4)
    )
    return started_at, term, holds


def oracle_due(started_at: datetime, term: Term, holds: list[HeldInterval]) -> datetime:
    intervals = [(hold.from_at, hold.to_at) for hold in holds if hold.to_at is not None]
    if term.unit in (Unit.WORKDAYS, Unit.CALENDAR_DAYS):
        return oracle.days_due(
            started_at=started_at,
            amount=term.amount,
            every_day=term.unit is Unit.CALENDAR_DAYS,
            holds=intervals,
        )
    return oracle.hours_due(
        started_at=started_at,
        hours=term.amount,
        elapsed=term.unit is Unit.ELAPSED_HOURS,
        holds=intervals,
    )


@pytest.mark.parametrize("unit", list(Unit))
def test_every_day_from_2024_to_2027_as_counted_day_by_day(unit: Unit) -> None:
    day, checked = FIRST, 0
    while day <= date(2027, 12, 1):
        for clock_time in (time(8, 59, 59, 999_999), time(9), time(17, 59, 59, 999_999), time(18)):
            started_at = oracle.at(day, clock_time)
            for amount in (1, 3, 7):
                term = Term(amount, unit)
                expected = oracle_due(started_at, term, [])
                found = due(calendar=CALENDAR, started_at=started_at, term=term)
                assert found.due_at == expected, (started_at, term)
                asks = unit in (Unit.WORKDAYS, Unit.BUSINESS_HOURS)
                assert found.provisional is (asks and oracle.local_day(expected).year == 2027), (started_at, term)
                checked += 1
        day += timedelta(days=1)
    assert checked == 1431 * 12


@SETTINGS
@given(clock=clocks())
def test_with_holds_as_counted_day_by_day(clock: tuple[datetime, Term, list[HeldInterval]]) -> None:
    started_at, term, holds = clock
    assert due_at(started_at, term.amount, term.unit, *holds) == oracle_due(started_at, term, holds)


@SETTINGS
@given(clock=clocks())
def test_days_that_counted_are_in_order_and_end_on_the_due_day(
    clock: tuple[datetime, Term, list[HeldInterval]],
) -> None:
    started_at, term, holds = clock
    found = due_after_holds(calendar=CALENDAR, started_at=started_at, term=term, holds=holds)
    assert found is not None
    if term.unit is Unit.ELAPSED_HOURS:
        assert (found.first_counted, found.last_counted) == (None, None)
        return
    assert found.first_counted is not None
    assert found.last_counted == oracle.local_day(found.due_at)
    assert oracle.local_day(started_at) <= found.first_counted <= found.last_counted
    if term.unit is not Unit.CALENDAR_DAYS:
        assert oracle.is_working(found.first_counted)
        assert oracle.is_working(found.last_counted)
    one = Term(1, term.unit)
    if term.unit is not Unit.BUSINESS_HOURS:
        assert found.first_counted == oracle.local_day(oracle_due(started_at, one, holds))


@SETTINGS
@given(clock=clocks(), later=st.timedeltas(timedelta(0), timedelta(days=20)))
def test_monotone_in_start(clock: tuple[datetime, Term, list[HeldInterval]], later: timedelta) -> None:
    started_at, term, holds = clock
    first = due_at(started_at, term.amount, term.unit, *holds)
    assert started_at < first
    assert first <= due_at(started_at + later, term.amount, term.unit, *holds)


@SETTINGS
@given(clock=clocks(), more=st.integers(1, 20))
def test_strictly_monotone_in_amount(clock: tuple[datetime, Term, list[HeldInterval]], more: int) -> None:
    started_at, term, holds = clock
    assert due_at(started_at, term.amount, term.unit, *holds) < due_at(
        started_at, term.amount + more, term.unit, *holds
    )


@SETTINGS
@given(clock=clocks(), data=st.data())
def test_a_hold_never_makes_it_earlier_and_an_empty_one_changes_nothing(
    clock: tuple[datetime, Term, list[HeldInterval]], data: st.DataObject
) -> None:
    started_at, term, holds = clock
    without = due_at(started_at, term.amount, term.unit, *holds[1:])
    assert without <= due_at(started_at, term.amount, term.unit, *holds)
    anywhere = data.draw(st.one_of(instants, st.just(started_at), st.just(without)))
    assert due_at(started_at, term.amount, term.unit, *holds[1:], HeldInterval(anywhere, anywhere)) == without
    after = HeldInterval(without, without + timedelta(days=3))
    assert due_at(started_at, term.amount, term.unit, *holds[1:], after) == without


@SETTINGS
@given(clock=clocks(), cut=st.floats(0, 1))
def test_holds_count_the_same_in_any_order_and_in_pieces(
    clock: tuple[datetime, Term, list[HeldInterval]], cut: float
) -> None:
    started_at, term, holds = clock
    pieces: list[HeldInterval] = []
    for hold in holds:
        assert hold.to_at is not None
        middle = hold.from_at + (hold.to_at - hold.from_at) * cut
        pieces += [HeldInterval(middle, hold.to_at), HeldInterval(hold.from_at, middle)]
    expected = due_at(started_at, term.amount, term.unit, *holds)
    assert due_at(started_at, term.amount, term.unit, *reversed(holds)) == expected
    assert due_at(started_at, term.amount, term.unit, *pieces) == expected


@SETTINGS
@given(clock=clocks(), minutes=st.integers(-14 * 60, 14 * 60))
def test_the_offset_an_instant_is_written_in_does_not_matter(
    clock: tuple[datetime, Term, list[HeldInterval]], minutes: int
) -> None:
    started_at, term, holds = clock
    expected = due_after_holds(calendar=CALENDAR, started_at=started_at, term=term, holds=holds)
    for zone in (timezone(timedelta(minutes=minutes)), ZoneInfo("America/New_York"), ZoneInfo("Asia/Shanghai")):
        elsewhere = [
            HeldInterval(hold.from_at.astimezone(zone), hold.to_at and hold.to_at.astimezone(zone)) for hold in holds
        ]
        found = due_after_holds(calendar=CALENDAR, started_at=started_at.astimezone(zone), term=term, holds=elsewhere)
        assert found == expected
        assert found is not None
        assert found.due_at.tzinfo is UTC


@SETTINGS
@given(clock=clocks())
def test_days_always_end_at_ten_utc(clock: tuple[datetime, Term, list[HeldInterval]]) -> None:
    started_at, term, holds = clock
    if term.unit in (Unit.WORKDAYS, Unit.CALENDAR_DAYS):
        assert due_at(started_at, term.amount, term.unit, *holds).time() == time(10)


@SETTINGS
@given(started_at=instants, n=st.integers(1, 30))
def test_add_workdays_is_the_working_day_clock(started_at: datetime, n: int) -> None:
    found = add_workdays(calendar=CALENDAR, instant=started_at, n=n)
    assert found == oracle.days_due(started_at=started_at, amount=n)
    start_day = oracle.local_day(started_at) + timedelta(days=1)
    assert CALENDAR.workdays_between(start=start_day, end=oracle.local_day(found) + timedelta(days=1)) == n


@SETTINGS
@given(clock=clocks(), one=st.floats(0, 1), other=st.floats(0, 1))
def test_fractions_run_from_the_start_to_the_due_instant(
    clock: tuple[datetime, Term, list[HeldInterval]], one: float, other: float
) -> None:
    started_at, term, holds = clock
    ends_at = due_at(started_at, term.amount, term.unit, *holds)

    def instant(fraction: float) -> datetime:
        found = instant_at_fraction(
            calendar=CALENDAR,
            started_at=started_at,
            due_at=ends_at,
            unit=term.unit,
            fraction=fraction,
            holds=holds,
        )
        assert found is not None
        return found

    def used(at: datetime) -> float:
        return fraction_used(
            calendar=CALENDAR, started_at=started_at, due_at=ends_at, unit=term.unit, at=at, holds=holds
        )

    assert instant(0.0) == started_at
    assert instant(1.0) == ends_at
    assert used(started_at) == 0.0
    assert used(ends_at) == 1.0
    low, high = sorted((one, other))
    assert started_at <= instant(low) <= instant(high) <= ends_at
    assert used(instant(low)) <= used(instant(high))
