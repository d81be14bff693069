"""The calendar of days: official notices, provisional years, whole years only."""

from dataclasses import FrozenInstanceError
from datetime import UTC, date, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.deadlines import oracle

from ownercare_api.deadlines.calendar import (
    BusinessHours,
    CalendarYearMissing,
    WorkingCalendar,
    YearOfDays,
    days_of_year,
)
from ownercare_api.deadlines.official import OFFICIAL_YEARS, official_year, provisional_year

OFFICIAL = WorkingCalendar.of(years=[official_year(year) for year in OFFICIAL_YEARS])
CALENDAR = OFFICIAL.with_year(provisional_year(2027))


def test_official_years_are_the_ones_with_a_notice() -> None:
    assert OFFICIAL_YEARS == (2024, 2025, 2026)
    assert [official_year(year).provisional for year in OFFICIAL_YEARS] == [False, False, False]
    with pytest.raises(ValueError, match="2027"):
        official_year(2027)


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_official_year_is_the_notice_on_every_day(year: int) -> None:
    off = oracle.notice_off_days(year)
    make_up = oracle.notice_make_up_days(year)
    # The table itself: make-up days are weekend days outside the holidays.
    assert all(day.isoweekday() > 5 for day in make_up)
    assert not off & make_up

    days = dict(official_year(year).days())

    assert {day for day, working in days.items() if working and day.isoweekday() > 5} == make_up
    assert {day for day, working in days.items() if not working and day.isoweekday() <= 5} == {
        day for day in off if day.isoweekday() <= 5
    }
    assert not any(days[day] for day in off)


@pytest.mark.parametrize(("year", "workdays"), [(2024, 251), (2025, 248), (2026, 248)])
def test_official_number_of_working_days(year: int, workdays: int) -> None:
    assert sum(official_year(year).working) == workdays
    assert OFFICIAL.workdays_between(start=date(year, 1, 1), end=date(year + 1, 1, 1)) == workdays


def test_new_years_eve_2024_by_the_moon_is_only_a_recommendation() -> None:
    assert OFFICIAL.is_working(date(2024, 2, 9))


def test_provisional_year_is_monday_to_friday_minus_the_fixed_dates() -> None:
    year = provisional_year(2027)
    assert year.provisional
    assert [day for day, working in year.days() if not working and day.isoweekday() <= 5] == [
        date(2027, 1, 1),
        date(2027, 10, 1),
    ]
    assert not any(working for day, working in year.days() if day.isoweekday() > 5)
    assert date(2027, 1, 1).isoweekday() == 5
    assert [day for day, working in provisional_year(2029).days() if not working and day.isoweekday() <= 5] == [
        date(2029, 1, 1),
        date(2029, 5, 1),
        date(2029, 5, 2),
        date(2029, 10, 1),
        date(2029, 10, 2),
        date(2029, 10, 3),
    ]


def test_provisional_marks_the_year_and_only_it() -> None:
    assert CALENDAR.is_provisional(date(2027, 1, 1))
    assert not CALENDAR.is_provisional(date(2026, 12, 31))
    assert not CALENDAR.touches_provisional(first=date(2024, 1, 1), last=date(2026, 12, 31))
    assert CALENDAR.touches_provisional(first=date(2026, 12, 31), last=date(2027, 1, 1))
    official = CALENDAR.with_year(YearOfDays(2027, provisional_year(2027).working, provisional=False))
    assert not official.is_provisional(date(2027, 1, 1))
    assert CALENDAR.is_provisional(date(2027, 1, 1))


@pytest.mark.parametrize("year", [2023, 2028])
def test_a_year_without_data_says_which(year: int) -> None:
    for ask in (CALENDAR.is_working, CALENDAR.is_provisional):
        with pytest.raises(CalendarYearMissing) as caught:
            ask(date(year, 6, 1))
        assert caught.value.year == year


def test_a_gap_between_years_is_not_jumped() -> None:
    gap = WorkingCalendar.of(years=[official_year(2024), official_year(2026)])
    assert tuple(gap.years) == (2024, 2026)
    with pytest.raises(CalendarYearMissing) as caught:
        gap.workdays_between(start=date(2024, 12, 30), end=date(2026, 1, 10))
    assert caught.value.year == 2025
    with pytest.raises(CalendarYearMissing) as caught:
        gap.touches_provisional(first=date(2024, 12, 30), last=date(2026, 1, 10))
    assert caught.value.year == 2025
    assert gap.with_year(official_year(2025)).workdays_between(start=date(2024, 12, 30), end=date(2026, 1, 10)) == (
        2 + 248 + 6
    )


@pytest.mark.parametrize(("day", "missing"), [(date(2023, 12, 31), 2023), (date(2028, 1, 1), 2028)])
def test_a_stretch_of_years_ends_where_it_ends(day: date, missing: int) -> None:
    with pytest.raises(CalendarYearMissing) as caught:
        CALENDAR.stretch(2026).look_up(day.toordinal())
    assert caught.value.year == missing


def test_an_empty_calendar_misses_every_year() -> None:
    with pytest.raises(CalendarYearMissing) as caught:
        WorkingCalendar.from_days(days={}).is_working(date(2026, 1, 5))
    assert caught.value.year == 2026


def test_built_from_days_equals_built_from_years() -> None:
    days = {day: oracle.is_working(day) for year in (2026, 2027) for day in days_of_year(year)}
    calendar = WorkingCalendar.from_days(days=days, provisional_years={2027})
    assert tuple(calendar.years) == (2026, 2027)
    assert calendar.years[2026] == official_year(2026)
    assert calendar.years[2027] == provisional_year(2027)
    assert calendar.hours == BusinessHours(time(9), time(18))


def test_a_year_with_a_missing_day_is_refused() -> None:
    days = dict(official_year(2024).days())
    del days[date(2024, 2, 29)]
    with pytest.raises(ValueError, match="2024-02-29 is missing from the year 2024"):
        WorkingCalendar.from_days(days=days)
    with pytest.raises(ValueError, match="2024 has 366 days, 365 given"):
        YearOfDays(2024, (True,) * 365, provisional=False)
    with pytest.raises(ValueError, match="provisional year has no days"):
        WorkingCalendar.from_days(days=dict(official_year(2026).days()), provisional_years={2027})


def test_nothing_changes_in_place() -> None:
    later = CALENDAR.with_hours(BusinessHours(time(8, 30), time(17, 30)))
    assert str(CALENDAR.hours) == "09:00-18:00"
    assert str(later.hours) == "08:30-17:30"
    assert tuple(OFFICIAL.years) == (2024, 2025, 2026)
    assert tuple(later.years) == (2024, 2025, 2026, 2027)
    with pytest.raises(FrozenInstanceError):
        CALENDAR.hours = later.hours  # type: ignore[misc]
    with pytest.raises(TypeError):
        CALENDAR.years[2028] = provisional_year(2028)  # type: ignore[index]


def test_workdays_between_is_half_open() -> None:
    friday, saturday, monday = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 23)
    assert CALENDAR.workdays_between(start=friday, end=friday) == 0
    assert CALENDAR.workdays_between(start=friday, end=saturday) == 1
    assert CALENDAR.workdays_between(start=friday, end=monday) == 1
    assert CALENDAR.workdays_between(start=friday, end=monday + timedelta(days=1)) == 2
    assert CALENDAR.workdays_between(start=date(2027, 12, 31), end=date(2028, 1, 1)) == 1
    with pytest.raises(ValueError, match="before"):
        CALENDAR.workdays_between(start=monday, end=friday)
    with pytest.raises(CalendarYearMissing) as caught:
        CALENDAR.workdays_between(start=date(2027, 12, 31), end=date(2028, 1, 2))
    assert caught.value.year == 2028


@settings(deadline=None)
@given(start=st.dates(date(2024, 1, 1), date(2027, 12, 31)), end=st.dates(date(2024, 1, 1), date(2028, 1, 1)))
def test_workdays_between_counts_like_one_by_one(start: date, end: date) -> None:
    start, end = min(start, end), max(start, end)
    days = [start + timedelta(days=n) for n in range((end - start).days)]
    assert CALENDAR.workdays_between(start=start, end=end) == sum(oracle.is_working(day) for day in days)


def test_business_hours_are_read_as_the_policy_writes_them() -> None:
    assert BusinessHours.parse("09:00-18:00") == BusinessHours(time(9), time(18))
    assert BusinessHours.parse("08:30-17:45") == BusinessHours(time(8, 30), time(17, 45))
    assert str(BusinessHours.parse("08:30-17:45")) == "08:30-17:45"


@pytest.mark.parametrize(
    "text",
    ["", "9:00-18:00", "09:00 - 18:00", "09:00-24:00", "18:00-09:00", "09:00-09:00", "09:00-18:60", "０9:00-18:00"],
)
def test_other_business_hours_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="business hours"):
        BusinessHours.parse(text)


def test_business_hours_have_no_zone_of_their_own() -> None:
    with pytest.raises(ValueError, match="zone"):
        BusinessHours(time(9, tzinfo=UTC), time(18, tzinfo=UTC))
