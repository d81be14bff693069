"""Years to start a calendar from: the official ones, and provisional ones where no notice is out yet."""

from datetime import date

import holidays

from ownercare_api.deadlines.calendar import YearOfDays, days_of_year

# The years for which `holidays` carries the State Council's notice (国务院办公厅放假通知), make-up days included. For a
# year without one it silently gives the statutory days alone, so the list is closed and grows by hand.
OFFICIAL_YEARS = (2024, 2025, 2026)

_FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})


def official_year(year: int) -> YearOfDays:
    """The year as its official notice has it, make-up weekends (调休) worked. Raises ValueError for unknown years."""
    if year not in OFFICIAL_YEARS:
        raise ValueError(f"no official notice for {year} is known here")
    notice = holidays.country_holidays("CN", years=year, categories="public")
    return YearOfDays(
        year=year,
        working=tuple(notice.is_working_day(day) for day in days_of_year(year)),
        provisional=False,
    )


def official_notes(year: int) -> dict[date, str]:
    """The holidays (放假) and make-up days (调休上班) of an official year by name; ValueError for other years."""
    if year not in OFFICIAL_YEARS:
        raise ValueError(f"no official notice for {year} is known here")
    notice = holidays.country_holidays("CN", years=year, categories="public", language="zh_CN")
    notes = {day: name for day, name in notice.items() if day.year == year}
    made_up = [day for day in days_of_year(year) if day.weekday() >= 5 and notice.is_working_day(day)]
    return notes | dict.fromkeys(made_up, "调休上班")


def provisional_year(year: int) -> YearOfDays:
    """The year before its notice is out, marked provisional: Monday to Friday minus the fixed-date public holidays.

    Those are 1 January, 1 and 2 May, 1 to 3 October. Holidays that follow the moon or the sun, days in lieu and make-up
    weekends are the notice's business and not guessed.
    """
    return YearOfDays(year=year, working=tuple(_usually_worked(day) for day in days_of_year(year)), provisional=True)


def _usually_worked(day: date) -> bool:
    return day.weekday() < 5 and (day.month, day.day) not in _FIXED_HOLIDAYS
