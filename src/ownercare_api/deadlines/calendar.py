"""The working calendar (工作日历): which days are worked, and from when to when, in Asia/Shanghai.

Everything here is in memory and immutable. Rulebook, "Readings settled here" 2.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time
from functools import lru_cache
from types import MappingProxyType

_HOURS_PATTERN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")


class CalendarYearMissing(LookupError):
    """The calendar has no data for `year`, official or provisional."""

    def __init__(self, year: int) -> None:
        super().__init__(f"the working calendar has no year {year}")
        self.year = year


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """Business hours (营业时间) of a working day, half-open: [opens_at, closes_at), Asia/Shanghai.

    `opens_us` and `closes_us` are the same in microseconds since midnight.
    """

    opens_at: time = time(9)
    closes_at: time = time(18)
    opens_us: int = field(init=False, repr=False, compare=False)
    closes_us: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.opens_at.tzinfo is not None or self.closes_at.tzinfo is not None:
            raise ValueError("business hours are local times without a zone")
        if self.opens_at >= self.closes_at:
            raise ValueError("business hours must open before they close")
        object.__setattr__(self, "opens_us", _microseconds(self.opens_at))
        object.__setattr__(self, "closes_us", _microseconds(self.closes_at))

    @classmethod
    def parse(cls, text: str) -> "BusinessHours":
        """Read the policy value `calendar.business_hours`, e.g. `09:00-18:00`. Raises ValueError."""
        match = _HOURS_PATTERN.fullmatch(text)
        if match is None:
            raise ValueError("business hours are written HH:MM-HH:MM")
        opens_hour, opens_minute, closes_hour, closes_minute = (int(group) for group in match.groups())
        return cls(opens_at=time(opens_hour, opens_minute), closes_at=time(closes_hour, closes_minute))

    def __str__(self) -> str:
        return f"{self.opens_at:%H:%M}-{self.closes_at:%H:%M}"


def _microseconds(clock_time: time) -> int:
    seconds = (clock_time.hour * 60 + clock_time.minute) * 60 + clock_time.second
    return seconds * 1_000_000 + clock_time.microsecond


DEFAULT_HOURS = BusinessHours()


@dataclass(frozen=True, slots=True)
class YearOfDays:
    """One whole year: `working[i]` says whether day i (0 = 1 January) is worked, make-up weekends (调休) included.

    `provisional` marks a year whose official notice is not out yet. Raises ValueError when days are missing.
    """

    year: int
    working: tuple[bool, ...]
    provisional: bool

    def __post_init__(self) -> None:
        length = date(self.year, 12, 31).timetuple().tm_yday
        if len(self.working) != length:
            raise ValueError(f"{self.year} has {length} days, {len(self.working)} given")

    @classmethod
    def from_days(cls, *, year: int, days: Mapping[date, bool], provisional: bool) -> "YearOfDays":
        """Take the days of `year` out of a mapping; days of other years are left alone."""
        try:
            working = tuple(days[day] for day in days_of_year(year))
        except KeyError as error:
            raise ValueError(f"{error.args[0]} is missing from the year {year}") from None
        return cls(year=year, working=working, provisional=provisional)

    def days(self) -> Iterator[tuple[date, bool]]:
        """Each day of the year with whether it is worked, in order."""
        return zip(days_of_year(self.year), self.working, strict=True)


def days_of_year(year: int) -> list[date]:
    """All days of the year, in order."""
    first = date(year, 1, 1).toordinal()
    return [date.fromordinal(ordinal) for ordinal in range(first, date(year, 12, 31).toordinal() + 1)]


class Stretch:
    """Years without a gap between them, with running counts: every question is one list lookup.

    Days are proleptic ordinals (`date.toordinal()`). Whatever lies outside raises CalendarYearMissing.
    """

    __slots__ = ("_before", "_first", "_first_year", "_last_year", "_workdays")

    def __init__(self, years: list[YearOfDays]) -> None:
        self._first_year = years[0].year
        self._last_year = years[-1].year
        self._first = date(self._first_year, 1, 1).toordinal()
        self._before = [0]  # working days before day i; one entry more than there are days
        self._workdays: list[int] = []  # ordinal of the k-th working day
        for offset, is_working in enumerate(working for year in years for working in year.working):
            if is_working:
                self._workdays.append(self._first + offset)
            self._before.append(len(self._workdays))

    def look_up(self, ordinal: int) -> tuple[int, bool]:
        """How many working days of this stretch lie before the day, and whether it is one itself."""
        offset = ordinal - self._first
        if offset < 0:
            raise CalendarYearMissing(self._first_year - 1)
        try:
            before, after = self._before[offset : offset + 2]
        except ValueError:
            raise CalendarYearMissing(self._last_year + 1) from None
        return before, before < after

    def workday(self, number: int) -> int:
        """Ordinal of working day `number` (0 = the first of this stretch)."""
        if number >= len(self._workdays):
            raise CalendarYearMissing(self._last_year + 1)
        return self._workdays[number]


@dataclass(frozen=True, slots=True, eq=False)
class WorkingCalendar:
    """Immutable working calendar: whole years of days, and the business hours of every working day, Asia/Shanghai.

    Build it with `from_days` or `of`. `years` is ascending.
    """

    years: Mapping[int, YearOfDays]
    hours: BusinessHours
    _stretches: Mapping[int, Stretch] = field(repr=False)

    @classmethod
    def from_days(
        cls,
        *,
        days: Mapping[date, bool],
        provisional_years: Collection[int] = (),
        hours: BusinessHours = DEFAULT_HOURS,
    ) -> "WorkingCalendar":
        """A calendar from day -> is it worked; `provisional_years` are the ones without an official notice.

        Raises ValueError for a year with missing days, and for a provisional year without days.
        """
        numbers = {day.year for day in days}
        if not numbers.issuperset(provisional_years):
            raise ValueError("a provisional year has no days")
        years = (YearOfDays.from_days(year=year, days=days, provisional=year in provisional_years) for year in numbers)
        return cls.of(years=years, hours=hours)

    @classmethod
    def of(cls, *, years: Iterable[YearOfDays], hours: BusinessHours = DEFAULT_HOURS) -> "WorkingCalendar":
        """A calendar of whole years; where a year is given twice, the last one counts."""
        by_number = {year.year: year for year in years}
        ascending = {number: by_number[number] for number in sorted(by_number)}
        return cls(MappingProxyType(ascending), hours, _stretches(ascending.values()))

    def with_year(self, year: YearOfDays) -> "WorkingCalendar":
        """A new calendar that has this year too, or instead of the one it had."""
        return WorkingCalendar.of(years=[*self.years.values(), year], hours=self.hours)

    def with_hours(self, hours: BusinessHours) -> "WorkingCalendar":
        """A new calendar of the same days with other business hours; cheap, the days are shared."""
        return replace(self, hours=hours)

    def is_working(self, day: date) -> bool:
        """Whether the day is a working day (工作日). Raises CalendarYearMissing."""
        return self.stretch(day.year).look_up(day.toordinal())[1]

    def is_provisional(self, day: date) -> bool:
        """Whether the day belongs to a year without an official notice. Raises CalendarYearMissing."""
        return self.touches_provisional(first=day, last=day)

    def touches_provisional(self, *, first: date, last: date) -> bool:
        """Whether a day from `first` to `last`, both included, belongs to a provisional year.

        Raises CalendarYearMissing.
        """
        try:
            if first.year == last.year:  # nearly always
                return self.years[first.year].provisional
            return any(self.years[year].provisional for year in range(first.year, last.year + 1))
        except KeyError as error:
            raise CalendarYearMissing(error.args[0]) from None

    def workdays_between(self, *, start: date, end: date) -> int:
        """Number of working days in [start, end). Raises CalendarYearMissing, ValueError when end is before start."""
        if end < start:
            raise ValueError("end is before start")
        if end == start:
            return 0
        stretch = self.stretch(start.year)
        before_start, _ = stretch.look_up(start.toordinal())
        # The last day asked about, not `end` itself: that one may lie in a year nobody needs.
        before_last, last_is_working = stretch.look_up(end.toordinal() - 1)
        return before_last + last_is_working - before_start

    def stretch(self, year: int) -> Stretch:
        """The unbroken run of years around `year`. Raises CalendarYearMissing."""
        try:
            return self._stretches[year]
        except KeyError:
            raise CalendarYearMissing(year) from None


@lru_cache(maxsize=8)
def _stretch(run: tuple[YearOfDays, ...]) -> Stretch:
    """Count the days of a run of years; the same years are counted once in a process."""
    return Stretch(list(run))


def _stretches(years: Iterable[YearOfDays]) -> Mapping[int, Stretch]:
    runs: list[list[YearOfDays]] = []
    for year in years:
        if runs and runs[-1][-1].year == year.year - 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    built = [(run, _stretch(tuple(run))) for run in runs]
    return MappingProxyType({year.year: stretch for run, stretch in built for year in run})
