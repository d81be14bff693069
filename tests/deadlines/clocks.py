"""The calendar the tests count on, and short ways to write instants and holds."""

from datetime import datetime, timedelta

from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.due import HeldInterval, Term, Unit, due_after_holds
from ownercare_api.deadlines.official import OFFICIAL_YEARS, official_year, provisional_year

CALENDAR = WorkingCalendar.of(years=[*map(official_year, OFFICIAL_YEARS), provisional_year(2027)])
MICROSECOND = timedelta(microseconds=1)


def sh(text: str) -> datetime:
    """An instant written as Shanghai local time."""
    return datetime.fromisoformat(f"{text}+08:00")


def hold(from_at: str, to_at: str | None) -> HeldInterval:
    return HeldInterval(sh(from_at), None if to_at is None else sh(to_at))


def due_at(started_at: datetime, amount: int, unit: Unit, *holds: HeldInterval) -> datetime:
    found = due_after_holds(calendar=CALENDAR, started_at=started_at, term=Term(amount, unit), holds=holds)
    assert found is not None
    return found.due_at
