"""The working calendar in the database: cached per process, seeded, and replaced year by year."""

import math
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache

from sqlalchemy import delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.database import Database
from ownercare_api.deadlines.calendar import WorkingCalendar, YearOfDays
from ownercare_api.deadlines.models import CalendarDay, CalendarYear
from ownercare_api.deadlines.official import OFFICIAL_YEARS, official_notes, official_year, provisional_year

_FRESH_SECONDS = 5.0
# The wire takes instants of 1990 to 2100; the longest term is 3650 working days.
_FIRST_YEAR, _LAST_YEAR = 1990, 2125

PROVISIONAL_SOURCE = "官方放假通知尚未发布,按周一至周五及固定日期法定节假日暂算"

_computed = cache(provisional_year)


class CalendarStore:
    """The calendar of one process, reread every five seconds.

    A clock started by another process in those seconds may still be provisional after its year became official;
    the worker's sweep recomputes it.
    """

    def __init__(self) -> None:
        self._calendar: WorkingCalendar | None = None
        self._revised: object = None
        self._checked = -math.inf

    def forget(self) -> None:
        """Read again at the next use: a year was replaced here."""
        self._checked = -math.inf

    async def current(self, database: Database) -> WorkingCalendar:
        """Return the calendar, opening a connection only when it is time to look again."""
        if self._calendar is not None and time.monotonic() - self._checked < _FRESH_SECONDS:
            return self._calendar
        async with database.reader() as connection:
            return await self.get(connection)

    async def get(self, connection: AsyncConnection | AsyncSession) -> WorkingCalendar:
        """Return the calendar; a year that is not on file is computed provisionally (reading 2)."""
        if self._calendar is not None and time.monotonic() - self._checked < _FRESH_SECONDS:
            return self._calendar
        years = (
            await connection.execute(select(CalendarYear.year, CalendarYear.provisional, CalendarYear.revision))
        ).all()
        revised = sorted((row.year, row.revision) for row in years)
        if self._calendar is None or revised != self._revised:
            self._calendar = await self._read(connection, {row.year: row.provisional for row in years})
            self._revised = revised
        self._checked = time.monotonic()
        return self._calendar

    @staticmethod
    async def _read(connection: AsyncConnection | AsyncSession, years: dict[int, bool]) -> WorkingCalendar:
        days: dict[int, dict[date, bool]] = defaultdict(dict)
        for row in await connection.execute(select(CalendarDay.day, CalendarDay.is_working)):
            days[row.day.year][row.day] = row.is_working
        return WorkingCalendar.of(
            years=[
                YearOfDays.from_days(year=year, days=days[year], provisional=years[year])
                if year in years
                else _computed(year)
                for year in range(_FIRST_YEAR, _LAST_YEAR + 1)
            ]
        )


async def lock_year(session: AsyncSession, *, year: int) -> int:
    """Let nobody else replace the year in this transaction; returns its revision, 0 when it is not on file."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("calendar_year"), year)))
    revision: int | None = await session.scalar(select(CalendarYear.revision).where(CalendarYear.year == year))
    return revision or 0


async def put_year(
    session: AsyncSession, *, year: YearOfDays, notes: Mapping[date, str], source: str, now: datetime
) -> int:
    """Keep a year, replacing what was there; returns its revision."""
    values = {"provisional": year.provisional, "source": source, "revised_at": now}
    revision: int | None = await session.scalar(
        upsert(CalendarYear)
        .values(year=year.year, **values)
        .on_conflict_do_update(
            index_elements=[CalendarYear.year], set_={**values, "revision": CalendarYear.revision + 1}
        )
        .returning(CalendarYear.revision)
    )
    first, last = date(year.year, 1, 1), date(year.year, 12, 31)
    await session.execute(delete(CalendarDay).where(CalendarDay.day.between(first, last)))
    await session.execute(
        insert(CalendarDay),
        [{"day": day, "is_working": working, "note": notes.get(day)} for day, working in year.days()],
    )
    assert revision is not None
    return revision


async def seed(session: AsyncSession, *, now: datetime) -> None:
    """Put the official years that we know and one provisional year after them, where absent."""
    have = set(await session.scalars(select(CalendarYear.year)))
    for number in OFFICIAL_YEARS:
        if number not in have:
            source = f"国务院办公厅关于{number}年部分节假日安排的通知"
            await put_year(session, year=official_year(number), notes=official_notes(number), source=source, now=now)
    following = max(OFFICIAL_YEARS) + 1
    if following not in have:
        await put_year(session, year=provisional_year(following), notes={}, source=PROVISIONAL_SOURCE, now=now)
