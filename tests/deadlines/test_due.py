"""When clocks run out: the worked cases, the edges, and a day-by-day count as the oracle."""

import csv
from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from tests.deadlines.clocks import CALENDAR, MICROSECOND, due_at, sh

from ownercare_api.deadlines.calendar import BusinessHours, CalendarYearMissing, WorkingCalendar
from ownercare_api.deadlines.due import (
    Due,
    HeldInterval,
    Term,
    Unit,
    add_workdays,
    due,
    fraction_used,
    instant_at_fraction,
)
from ownercare_api.deadlines.official import official_year, provisional_year

CASES = Path(__file__).parent.parent / "cases" / "deadlines.csv"
UNITS_AS_WRITTEN = {
    "WD": Unit.WORKDAYS,
    "business hours": Unit.BUSINESS_HOURS,
    "h elapsed": Unit.ELAPSED_HOURS,
    "calendar days": Unit.CALENDAR_DAYS,
}


def worked_cases() -> list[object]:
    with CASES.open(encoding="utf-8", newline="") as file:
        return [
            pytest.param(row, marks=pytest.mark.rule(row["rule"]), id=f"{row['clock']}-{row['started_at']}")
            for row in csv.DictReader(file)
        ]


def test_there_are_fifteen_worked_cases() -> None:
    assert len(worked_cases()) == 15


@pytest.mark.parametrize("row", worked_cases())
def test_worked_case(row: dict[str, str]) -> None:
    amount, unit = row["policy_value"].split(" ", 1)
    started_at = datetime.fromisoformat(row["started_at"])

    found = due(calendar=CALENDAR, started_at=started_at, term=Term(int(amount), UNITS_AS_WRITTEN[unit]))

    assert found.due_at == datetime.fromisoformat(row["due_at"])
    assert found.due_at.tzinfo is UTC
    assert found.provisional is (row["provisional"] == "yes")


# Days -----------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("CMP-07")
def test_across_new_year_into_a_provisional_year() -> None:
    found = due(calendar=CALENDAR, started_at=sh("2026-12-30T10:00"), term=Term(3, Unit.WORKDAYS))
    assert found == Due(
        due_at=datetime(2027, 1, 5, 10, tzinfo=UTC),
        provisional=True,
        first_counted=date(2026, 12, 31),
        last_counted=date(2027, 1, 5),
    )


@pytest.mark.rule("REP-02")
@pytest.mark.parametrize(
    ("started_at", "expected"),
    [
        ("2026-11-20T00:00", "2026-11-23T18:00"),
        ("2026-11-20T17:59:59", "2026-11-23T18:00"),
        ("2026-11-20T18:00", "2026-11-23T18:00"),
        ("2026-11-20T23:59:59.999999", "2026-11-23T18:00"),
        ("2026-11-21T00:00", "2026-11-23T18:00"),
        ("2026-11-22T23:59:59.999999", "2026-11-23T18:00"),
        ("2026-11-23T00:00", "2026-11-24T18:00"),
    ],
)
def test_one_workday_depends_on_the_day_not_the_hour(started_at: str, expected: str) -> None:
    found = due(calendar=CALENDAR, started_at=sh(started_at), term=Term(1, Unit.WORKDAYS))
    assert found.due_at == sh(expected)
    assert found.first_counted == found.last_counted == sh(expected).date()


@pytest.mark.rule("CMP-10")
@pytest.mark.parametrize(
    ("started_at", "expected"),
    [
        ("2026-11-21T12:00", "2026-11-28T18:00"),  # ends on a Saturday all the same
        ("2026-09-25T23:59:59.999999", "2026-10-02T18:00"),  # and on a public holiday
        ("2026-09-25T00:00", "2026-10-02T18:00"),
    ],
)
def test_calendar_days_may_end_on_a_rest_day(started_at: str, expected: str) -> None:
    found = due(calendar=CALENDAR, started_at=sh(started_at), term=Term(7, Unit.CALENDAR_DAYS))
    assert found == Due(
        due_at=sh(expected).astimezone(UTC),
        provisional=False,
        first_counted=sh(started_at).date() + timedelta(days=1),
        last_counted=sh(expected).date(),
    )


def test_only_clocks_that_ask_the_calendar_are_provisional_or_miss_a_year() -> None:
    for unit in (Unit.CALENDAR_DAYS, Unit.ELAPSED_HOURS):
        assert not due(calendar=CALENDAR, started_at=sh("2027-06-01T10:00"), term=Term(5, unit)).provisional
        assert due_at(sh("2031-06-01T10:00"), 24, unit) > sh("2031-06-01T10:00")
    for unit in (Unit.WORKDAYS, Unit.BUSINESS_HOURS):
        assert due(calendar=CALENDAR, started_at=sh("2027-06-01T10:00"), term=Term(5, unit)).provisional
        with pytest.raises(CalendarYearMissing) as caught:
            due(calendar=CALENDAR, started_at=sh("2031-06-01T10:00"), term=Term(5, unit))
        assert caught.value.year == 2031


@pytest.mark.parametrize(
    ("unit", "expected"), [(Unit.WORKDAYS, "2028-01-03T18:00"), (Unit.BUSINESS_HOURS, "2028-01-03T10:00")]
)
def test_running_out_of_years_names_the_next_one(unit: Unit, expected: str) -> None:
    started_at, term = sh("2027-12-31T18:00"), Term(1, unit)
    with pytest.raises(CalendarYearMissing) as caught:
        due(calendar=CALENDAR, started_at=started_at, term=term)
    assert caught.value.year == 2028
    longer = CALENDAR.with_year(provisional_year(2028))
    assert due(calendar=longer, started_at=started_at, term=term).due_at == sh(expected)


def test_the_last_day_of_the_last_year_needs_no_next_year() -> None:
    assert due_at(sh("2027-12-30T10:00"), 1, Unit.WORKDAYS) == sh("2027-12-31T18:00")
    assert due_at(sh("2027-12-31T09:00"), 9, Unit.BUSINESS_HOURS) == sh("2027-12-31T18:00")


def test_a_gap_between_years_is_named_not_jumped() -> None:
    gap = WorkingCalendar.of(years=[official_year(2024), official_year(2026)])
    with pytest.raises(CalendarYearMissing) as caught:
        due(calendar=gap, started_at=sh("2024-12-31T10:00"), term=Term(1, Unit.WORKDAYS))
    assert caught.value.year == 2025


def test_provisional_from_the_start_day_to_the_due_day_only() -> None:
    official_later = WorkingCalendar.of(years=[provisional_year(2025), official_year(2026)])
    for started_at, expected in [("2025-12-31T19:00", True), ("2026-01-01T00:00", False)]:
        for unit in (Unit.WORKDAYS, Unit.BUSINESS_HOURS):
            found = due(calendar=official_later, started_at=sh(started_at), term=Term(1, unit))
            assert found.provisional is expected
    assert not due(calendar=CALENDAR, started_at=sh("2026-12-30T10:00"), term=Term(1, Unit.WORKDAYS)).provisional


# Hours ----------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("CMP-02")
@pytest.mark.parametrize(
    ("started_at", "expected"),
    [
        ("2026-11-20T08:59:59.999999", "2026-11-20T11:00"),
        ("2026-11-20T09:00", "2026-11-20T11:00"),
        ("2026-11-20T09:00:00.000001", "2026-11-20T11:00:00.000001"),
        ("2026-11-20T15:59:59.999999", "2026-11-20T17:59:59.999999"),
        ("2026-11-20T16:00", "2026-11-20T18:00"),
        ("2026-11-20T16:00:00.000001", "2026-11-23T09:00:00.000001"),
        ("2026-11-20T17:59:59.999999", "2026-11-23T10:59:59.999999"),
        ("2026-11-20T18:00", "2026-11-23T11:00"),
        ("2026-02-14T17:00", "2026-02-24T10:00"),  # from the make-up Saturday over the holiday
    ],
)
def test_two_business_hours_at_the_edges(started_at: str, expected: str) -> None:
    assert due_at(sh(started_at), 2, Unit.BUSINESS_HOURS) == sh(expected)


@pytest.mark.rule("CMP-02")
@pytest.mark.parametrize(
    ("started_at", "first", "last"),
    [
        ("2026-11-20T17:59:59.999999", date(2026, 11, 20), date(2026, 11, 23)),
        ("2026-11-20T18:00", date(2026, 11, 23), date(2026, 11, 23)),
        ("2026-11-20T16:00", date(2026, 11, 20), date(2026, 11, 20)),
        ("2026-11-20T07:00", date(2026, 11, 20), date(2026, 11, 20)),
    ],
)
def test_days_that_business_hours_counted(started_at: str, first: date, last: date) -> None:
    found = due(calendar=CALENDAR, started_at=sh(started_at), term=Term(2, Unit.BUSINESS_HOURS))
    assert (found.first_counted, found.last_counted) == (first, last)


@pytest.mark.rule("CMP-12")
def test_elapsed_hours_count_no_days() -> None:
    found = due(calendar=CALENDAR, started_at=sh("2026-02-14T20:00:00.000001"), term=Term(48, Unit.ELAPSED_HOURS))
    assert found == Due(sh("2026-02-16T20:00:00.000001").astimezone(UTC), False, None, None)


def test_other_business_hours_move_opening_and_closing() -> None:
    early = CALENDAR.with_hours(BusinessHours(time(8, 30), time(17, 30)))
    for term, expected in [
        (Term(1, Unit.WORKDAYS), "2026-11-23T17:30"),
        (Term(1, Unit.CALENDAR_DAYS), "2026-11-21T17:30"),
        (Term(2, Unit.BUSINESS_HOURS), "2026-11-23T10:00"),
        (Term(2, Unit.ELAPSED_HOURS), "2026-11-20T19:00"),
    ]:
        assert due(calendar=early, started_at=sh("2026-11-20T17:00"), term=term).due_at == sh(expected)


# Input ----------------------------------------------------------------------------------------------------------------

NAIVE = datetime(2026, 11, 20, 12)  # noqa: DTZ001
AWARE = sh("2026-11-20T12:00")


def test_naive_datetimes_are_refused_everywhere() -> None:
    term = Term(1, Unit.ELAPSED_HOURS)
    with pytest.raises(ValueError, match="UTC offset"):
        due(calendar=CALENDAR, started_at=NAIVE, term=term)
    with pytest.raises(ValueError, match="UTC offset"):
        add_workdays(calendar=CALENDAR, instant=NAIVE, n=1)
    with pytest.raises(ValueError, match="UTC offset"):
        HeldInterval(NAIVE, None)
    with pytest.raises(ValueError, match="UTC offset"):
        HeldInterval(AWARE, NAIVE)
    for started_at, ends_at, at in [(NAIVE, AWARE, AWARE), (AWARE, NAIVE, AWARE), (AWARE, AWARE, NAIVE)]:
        with pytest.raises(ValueError, match="UTC offset"):
            fraction_used(calendar=CALENDAR, started_at=started_at, due_at=ends_at, unit=term.unit, at=at)
    for started_at, ends_at in [(NAIVE, AWARE), (AWARE, NAIVE)]:
        with pytest.raises(ValueError, match="UTC offset"):
            instant_at_fraction(calendar=CALENDAR, started_at=started_at, due_at=ends_at, unit=term.unit, fraction=0.5)


@pytest.mark.parametrize("amount", [0, -1])
def test_a_term_is_at_least_one_unit(amount: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        Term(amount, Unit.WORKDAYS)
    with pytest.raises(ValueError, match="at least one"):
        add_workdays(calendar=CALENDAR, instant=AWARE, n=amount)


def test_a_hold_cannot_end_before_it_begins() -> None:
    with pytest.raises(ValueError, match="ends before"):
        HeldInterval(AWARE, AWARE - MICROSECOND)
    # The same instant under two offsets is an empty hold, not a reversed one.
    assert HeldInterval(AWARE, AWARE.astimezone(UTC)).to_at == AWARE


def test_values_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Term(1, Unit.WORKDAYS).amount = 2  # type: ignore[misc]
