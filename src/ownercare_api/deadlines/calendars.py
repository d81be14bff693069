"""The working calendar in the database: cached per process, seeded, and replaced year by year."""

import time
from collections import defaultdict
from datetime import date, datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.deadlines.calendar import WorkingCalendar, YearOfDays
from ownercare_api.deadlines.models import CalendarDay, CalendarYear
from ownercare_api.deadlines.official import OFFICIAL_YEARS, official_year, provisional_year

_FRESH_SECONDS = 5.0
PROVISIONAL_SOURCE = "官方放假通知尚未发布,按周一至周五及固定日期法定节假日暂算"


class CalendarStore:
    """The calendar of one process, reread every five seconds.

    A clock started by another process in those seconds may still be provisional after its year became official;
    the worker's sweep recomputes it.
    """

    def __init__(self) -> None:
        self._calendar: WorkingCalendar | None = None
        self._revised: object = None
        self._checked = 0.0

    def forget(self) -> None:
        """Read again at the next use: a year was replaced here."""
        self._checked = 0.0

    async def get(self, connection: AsyncConnection | AsyncSession) -> WorkingCalendar:
        """Return the calendar. Years beyond the last one kept are computed provisionally, five of them."""
        if self._calendar is not None and time.monotonic() - self._checked < _FRESH_SECONDS:
            return self._calendar
        years = (
            await connection.execute(select(CalendarYear.year, CalendarYear.provisional, CalendarYear.revised_at))
        ).all()
        revised = sorted((row.year, row.revised_at) for row in years)
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
        kept = [
            YearOfDays.from_days(year=year, days=days[year], provisional=provisional)
            for year, provisional in years.items()
        ]
        last = max(years, default=2026)
        # A clock may run past the last year on file; those years are provisional by nature (reading 2).
        kept += [provisional_year(year) for year in range(last + 1, last + 6)]
        return WorkingCalendar.of(years=kept)


async def put_year(
    session: AsyncSession, *, year: YearOfDays, notes: dict[date, str], source: str, now: datetime
) -> None:
    """Keep a year, replacing what was there."""
    values = {"year": year.year, "provisional": year.provisional, "source": source, "revised_at": now}
    await session.execute(
        upsert(CalendarYear)
        .values(values)
        .on_conflict_do_update(
            index_elements=[CalendarYear.year], set_={k: v for k, v in values.items() if k != "year"}
        )
    )
    first, last = date(year.year, 1, 1), date(year.year, 12, 31)
    await session.execute(delete(CalendarDay).where(CalendarDay.day.between(first, last)))
    await session.execute(
        insert(CalendarDay),
        [{"day": day, "is_working": working, "note": notes.get(day)} for day, working in year.days()],
    )


async def seed(session: AsyncSession, *, now: datetime) -> None:
    """Put the official years that we know and one provisional year after them, where absent."""
    have = set(await session.scalars(select(CalendarYear.year)))
    for number in OFFICIAL_YEARS:
        if number not in have:
            source = f"国务院办公厅关于{number}年部分节假日安排的通知"
            await put_year(session, year=official_year(number), notes={}, source=source, now=now)
    following = max(OFFICIAL_YEARS) + 1
    if following not in have:
        await put_year(session, year=provisional_year(following), notes={}, source=PROVISIONAL_SOURCE, now=now)
