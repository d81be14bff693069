"""The State Council's notices written out by hand, and a slow day-by-day way to count that shares no code with ours."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
OPENS, CLOSES = time(9), time(18)

# Holidays as the notices name them (weekends inside included): first and last day.
HOLIDAYS: dict[int, list[tuple[str, str]]] = {
    2024: [  # 国办发明电〔2023〕7号
        ("01-01", "01-01"),
        ("02-10", "02-17"),
        ("04-04", "04-06"),
        ("05-01", "05-05"),
        ("06-10", "06-10"),
        ("09-15", "09-17"),
        ("10-01", "10-07"),
    ],
    2025: [  # 国办发明电〔2024〕12号
        ("01-01", "01-01"),
        ("01-28", "02-04"),
        ("04-04", "04-06"),
        ("05-01", "05-05"),
        ("05-31", "06-02"),
        ("10-01", "10-08"),
    ],
    2026: [  # 国办发明电〔2025〕7号
        ("01-01", "01-03"),
        ("02-15", "02-23"),
        ("04-04", "04-06"),
        ("05-01", "05-05"),
        ("06-19", "06-21"),
        ("09-25", "09-27"),
        ("10-01", "10-07"),
    ],
}
# Weekend days worked instead (调休).
MAKE_UP_DAYS: dict[int, list[str]] = {
    2024: ["02-04", "02-18", "04-07", "04-28", "05-11", "09-14", "09-29", "10-12"],
    2025: ["01-26", "02-08", "04-27", "09-28", "10-11"],
    2026: ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"],
}
FIXED_HOLIDAYS = ["01-01", "05-01", "05-02", "10-01", "10-02", "10-03"]

Interval = tuple[datetime, datetime]


def notice_off_days(year: int) -> set[date]:
    """Every day named as a holiday by the notice of the year."""
    off: set[date] = set()
    for first, last in HOLIDAYS[year]:
        day = date.fromisoformat(f"{year}-{first}")
        while day <= date.fromisoformat(f"{year}-{last}"):
            off.add(day)
            day += timedelta(days=1)
    return off


def notice_make_up_days(year: int) -> set[date]:
    """Every weekend day worked by the notice of the year."""
    return {date.fromisoformat(f"{year}-{day}") for day in MAKE_UP_DAYS[year]}


_OFF = {year: notice_off_days(year) for year in HOLIDAYS}
_MAKE_UP = {year: notice_make_up_days(year) for year in HOLIDAYS}


def is_working(day: date) -> bool:
    """Official up to 2026, provisional from 2027."""
    if day.year not in HOLIDAYS:
        return day.isoweekday() <= 5 and f"{day:%m-%d}" not in FIXED_HOLIDAYS
    if day in _MAKE_UP[day.year]:
        return True
    return day.isoweekday() <= 5 and day not in _OFF[day.year]


def at(day: date, clock_time: time) -> datetime:
    return datetime.combine(day, clock_time, SHANGHAI).astimezone(UTC)


def local_day(instant: datetime) -> date:
    return instant.astimezone(SHANGHAI).date()


def days_due(*, started_at: datetime, amount: int, every_day: bool = False, holds: Sequence[Interval] = ()) -> datetime:
    """Walk one day at a time; a day held at its closing isn't counted."""
    day = local_day(started_at)
    while amount:
        day += timedelta(days=1)
        if not every_day and not is_working(day):
            continue
        closing = at(day, CLOSES)
        if any(begins < closing <= ends for begins, ends in holds):
            continue
        amount -= 1
    return at(day, CLOSES)


def _without(pieces: list[Interval], hold: Interval) -> list[Interval]:
    left: list[Interval] = []
    for begins, ends in pieces:
        left += [(begins, min(ends, hold[0])), (max(begins, hold[1]), ends)]
    return [piece for piece in left if piece[0] < piece[1]]


def hours_due(*, started_at: datetime, hours: int, elapsed: bool = False, holds: Sequence[Interval] = ()) -> datetime:
    """Spend the hours one day at a time on what the opening times and the holds leave of it."""
    rest = timedelta(hours=hours)
    day = local_day(started_at)
    while True:
        if elapsed:
            pieces = [(at(day, time(0)), at(day + timedelta(days=1), time(0)))]
        else:
            pieces = [(at(day, OPENS), at(day, CLOSES))] if is_working(day) else []
        pieces = [(max(begins, started_at), ends) for begins, ends in pieces if ends > started_at]
        for hold in holds:
            if hold[0] < hold[1]:
                pieces = _without(pieces, hold)
        for begins, ends in pieces:
            if ends - begins >= rest:
                return begins + rest
            rest -= ends - begins
        day += timedelta(days=1)
