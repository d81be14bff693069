"""Holds suspend a clock and never reset it."""

from datetime import UTC, date

import pytest
from tests.deadlines.clocks import CALENDAR, MICROSECOND, due_at, hold, sh

from ownercare_api.deadlines.calendar import CalendarYearMissing
from ownercare_api.deadlines.due import Due, HeldInterval, Term, Unit, due, due_after_holds


@pytest.mark.rule("REP-05")
@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        # Three working days from Monday 2 November: 3, 4, 5 November.
        ("2026-11-03T10:00", "2026-11-03T12:00", "2026-11-05T18:00"),  # lifted before closing: no day lost
        ("2026-11-03T10:00", "2026-11-03T17:59:59.999999", "2026-11-05T18:00"),
        ("2026-11-03T10:00", "2026-11-03T18:00", "2026-11-06T18:00"),  # in force as the day closed
        ("2026-11-03T17:59:59.999999", "2026-11-03T18:00", "2026-11-06T18:00"),
        ("2026-11-03T18:00", "2026-11-04T09:00", "2026-11-05T18:00"),  # the night between
        ("2026-11-03T18:00", "2026-11-04T18:00", "2026-11-06T18:00"),
        ("2026-11-02T11:00", "2026-11-02T23:00", "2026-11-05T18:00"),  # the start day isn't counted anyway
        ("2026-10-20T11:00", "2026-11-03T23:00", "2026-11-06T18:00"),  # in force since before the start
        ("2026-10-20T11:00", "2026-10-22T23:00", "2026-11-05T18:00"),  # over before the start
        ("2026-11-04T12:00", "2026-11-09T10:00", "2026-11-10T18:00"),  # 4, 5, 6 lost; 9, 10 counted
        ("2026-11-05T17:00", "2026-11-07T12:00", "2026-11-09T18:00"),  # the due day itself and Friday lost
        ("2026-11-05T18:00", "2026-11-12T12:00", "2026-11-05T18:00"),  # begins as the clock runs out
        ("2026-11-05T17:59:59.999999", "2026-11-12T18:00", "2026-11-13T18:00"),
        ("2026-11-03T12:00", "2026-11-03T12:00", "2026-11-05T18:00"),  # empty
        ("2026-11-03T18:00", "2026-11-03T18:00", "2026-11-05T18:00"),
    ],
)
def test_holds_of_working_days(begins: str, ends: str, expected: str) -> None:
    assert due_at(sh("2026-11-02T10:00"), 3, Unit.WORKDAYS, hold(begins, ends)) == sh(expected)


@pytest.mark.rule("CMP-10")
def test_a_weekend_hold_costs_calendar_days_but_no_working_days() -> None:
    weekend = hold("2026-11-20T18:00", "2026-11-23T09:00")
    assert due_at(sh("2026-11-20T12:00"), 7, Unit.CALENDAR_DAYS, weekend) == sh("2026-11-29T18:00")
    assert due_at(sh("2026-11-20T12:00"), 2, Unit.WORKDAYS, weekend) == sh("2026-11-24T18:00")


@pytest.mark.rule("CMP-02")
@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        # Two business hours from Friday 17:00: Monday 10:00.
        ("2026-11-20T17:30", "2026-11-23T09:30", "2026-11-23T11:00"),  # 30 + 30 business minutes held
        ("2026-11-20T18:00", "2026-11-23T09:00", "2026-11-23T10:00"),
        ("2026-11-20T16:00", "2026-11-20T17:15", "2026-11-23T10:15"),
        ("2026-11-23T09:59:59.999999", "2026-11-23T18:00", "2026-11-24T09:00:00.000001"),
        ("2026-11-23T10:00", "2026-11-30T18:00", "2026-11-23T10:00"),
        ("2026-11-20T17:30", "2026-11-20T17:30", "2026-11-23T10:00"),
    ],
)
def test_holds_of_business_hours(begins: str, ends: str, expected: str) -> None:
    assert due_at(sh("2026-11-20T17:00"), 2, Unit.BUSINESS_HOURS, hold(begins, ends)) == sh(expected)


@pytest.mark.rule("CMP-12")
def test_holds_of_elapsed_hours_add_up_and_overlaps_count_once() -> None:
    holds = [
        hold("2026-02-16T19:00", "2026-02-17T03:00"),  # reached only because of the others: 8 h
        hold("2026-02-15T00:00", "2026-02-15T06:00"),
        hold("2026-02-15T05:00", "2026-02-15T08:00"),  # one hour of it is already held
        hold("2026-02-15T06:00", "2026-02-15T07:00"),
    ]
    assert due_at(sh("2026-02-14T20:00"), 48, Unit.ELAPSED_HOURS, *holds) == sh("2026-02-17T12:00")


@pytest.mark.parametrize("unit", list(Unit))
def test_an_open_hold_leaves_no_due_instant_unless_the_clock_ran_out_before(unit: Unit) -> None:
    started_at, term = sh("2026-11-20T17:00"), Term(2, unit)
    plain = due(calendar=CALENDAR, started_at=started_at, term=term)
    at_due, just_before = HeldInterval(plain.due_at, None), HeldInterval(plain.due_at - MICROSECOND, None)

    assert due_after_holds(calendar=CALENDAR, started_at=started_at, term=term, holds=[at_due]) == plain
    assert due_after_holds(calendar=CALENDAR, started_at=started_at, term=term, holds=[just_before]) is None
    # Open since before the start, and beside a closed one.
    holds = [HeldInterval(started_at - MICROSECOND, None), HeldInterval(started_at, plain.due_at)]
    assert due_after_holds(calendar=CALENDAR, started_at=started_at, term=term, holds=holds) is None


def test_days_that_counted_leave_the_held_ones_out() -> None:
    found = due_after_holds(
        calendar=CALENDAR,
        started_at=sh("2026-11-02T10:00"),
        term=Term(1, Unit.WORKDAYS),
        holds=[hold("2026-11-02T11:00", "2026-11-04T10:00")],
    )
    assert found == Due(sh("2026-11-04T18:00").astimezone(UTC), False, date(2026, 11, 4), date(2026, 11, 4))
    found = due_after_holds(
        calendar=CALENDAR,
        started_at=sh("2026-11-02T10:00"),
        term=Term(9, Unit.BUSINESS_HOURS),
        holds=[hold("2026-11-02T10:00", "2026-11-03T10:00")],
    )
    assert found == Due(sh("2026-11-04T10:00").astimezone(UTC), False, date(2026, 11, 3), date(2026, 11, 4))


@pytest.mark.rule("CMP-07")
def test_a_hold_can_carry_a_clock_into_a_provisional_or_a_missing_year() -> None:
    term, started_at = Term(1, Unit.WORKDAYS), sh("2026-12-30T10:00")
    found = due_after_holds(
        calendar=CALENDAR,
        started_at=started_at,
        term=term,
        holds=[hold("2026-12-31T10:00", "2027-01-04T10:00")],
    )
    assert found == Due(sh("2027-01-04T18:00").astimezone(UTC), True, date(2027, 1, 4), date(2027, 1, 4))
    beyond = hold("2026-12-31T10:00", "2028-01-04T10:00")
    with pytest.raises(CalendarYearMissing) as caught:
        due_after_holds(calendar=CALENDAR, started_at=started_at, term=term, holds=[beyond])
    assert caught.value.year == 2028
    # A hold that begins after the clock ran out asks for no year at all.
    later = hold("2029-01-01T10:00", "2029-01-04T10:00")
    assert due_at(started_at, 1, Unit.WORKDAYS, later) == sh("2026-12-31T18:00")
