"""Importing an official year, and what that moves: the open clocks that touched provisional days (reading 2)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core import jobs
from ownercare_api.core.errors import FieldError, Invalid
from ownercare_api.deadlines import calendars, repository, service
from ownercare_api.deadlines.calendar import WorkingCalendar, YearOfDays, days_of_year
from ownercare_api.deadlines.models import Deadline
from ownercare_api.identity.principal import SYSTEM, Principal
from ownercare_api.timeline import service as timeline

RECOMPUTE_YEAR = "deadlines.recompute_year"
BATCH = 200
_AGAIN = timedelta(seconds=5)


class InvalidYear(Invalid):
    """422: the days do not make up this year; `errors` points at each fault."""

    code = "invalid_calendar_year"
    zh, en = "日历内容与该年度不符,详见 errors。", "The days do not make up this year; see errors."
    rules = ("CMP-07", "REP-02")


def _fault(pointer: str, code: str, zh: str, en: str) -> FieldError:
    return FieldError(pointer, code, zh, en)


def from_notice(
    *, year: int, days_off: Sequence[date], working_days: Sequence[date]
) -> tuple[YearOfDays, dict[date, str]]:
    """Return the year and its notes from an official notice: Monday to Friday, without the days off (放假), with the
    make-up days (调休上班). Raises `InvalidYear` for days of other years, make-up days on weekdays, and doubles."""
    faults = []
    for name, given in (("days_off", days_off), ("working_days", working_days)):
        for place, day in enumerate(given):
            pointer = f"#/{name}/{place}"
            if day.year != year:
                faults.append(_fault(pointer, "other_year", "日期不属于该年度。", "The day is in another year."))
            elif day in given[:place] or (name == "working_days" and day in days_off):
                faults.append(_fault(pointer, "duplicate_day", "日期重复。", "The day is named twice."))
            elif name == "working_days" and day.weekday() < 5:
                faults.append(
                    _fault(pointer, "not_a_weekend", "调休上班日须为周六或周日。", "A make-up day is on a weekend.")
                )
    if faults:
        raise InvalidYear(errors=tuple(faults))
    off, made_up = frozenset(days_off), frozenset(working_days)
    working = tuple(day in made_up or (day.weekday() < 5 and day not in off) for day in days_of_year(year))
    notes = dict.fromkeys(days_off, "放假") | dict.fromkeys(working_days, "调休上班")
    return YearOfDays(year=year, working=working, provisional=False), notes


def from_full_list(*, year: int, days: Collection[tuple[date, bool]]) -> YearOfDays:
    """Return the year from a list of all of its days. Raises `InvalidYear`."""
    wanted = set(days_of_year(year))
    given = [day for day, _ in days]
    if set(given) != wanted or len(given) != len(wanted):
        fault = _fault(
            "#/days", "incomplete_year", "须逐日列出全年每一天,各一次。", "List every day of the year, each once."
        )
        raise InvalidYear(errors=(fault,))
    return YearOfDays.from_days(year=year, days=dict(days), provisional=False)


async def import_year(
    session: AsyncSession,
    *,
    year: YearOfDays,
    notes: Mapping[date, str],
    source: str,
    actor: Principal,
    now: datetime,
) -> int:
    """Replace a year by the official one and queue the recomputation; returns the year's new revision.

    Lock the year before (`calendars.lock_year`).
    """
    actor.require("calendars:write", project_id=None)  # one calendar for the whole company
    revision = await calendars.put_year(session, year=year, notes=notes, source=source, now=now)
    await timeline.record(
        session,
        kind="calendar.imported",
        subject_kind="calendar_year",
        subject_id=uuid5(NAMESPACE_URL, f"/v1/calendars/{year.year}"),
        actor=actor,
        now=now,
        rules=("CMP-07", "REP-02"),
        data={"year": year.year, "revision": revision, "working_days": sum(year.working)},
    )
    await queue(session, year=year.year, after=None, run_at=now)
    return revision


async def queue(session: AsyncSession, *, year: int, after: UUID | None, run_at: datetime) -> None:
    """Queue the recomputation of the clocks that a year concerns, those after one id."""
    name = None if after is None else str(after)
    await jobs.enqueue(
        session,
        kind=RECOMPUTE_YEAR,
        args={"year": year, "after": name},
        run_at=run_at,
        dedup_key=f"{RECOMPUTE_YEAR}:{year}:{name}",
    )


async def recompute_year(
    session: AsyncSession, *, year: int, after: UUID | None, calendar: WorkingCalendar, now: datetime
) -> None:
    """Recompute one batch of the clocks that a year concerns, and queue the next one."""
    ids = await repository.concerned_by_year(session, year=year, after=after, limit=BATCH)
    if await recompute(session, ids=ids, calendar=calendar, now=now) < len(ids):
        await queue(session, year=year, after=after, run_at=now + _AGAIN)  # somebody is at one of them
    elif len(ids) == BATCH:
        await queue(session, year=year, after=ids[-1], run_at=now)


async def sweep(session: AsyncSession, *, calendar: WorkingCalendar, now: datetime) -> int:
    """Recompute clocks that were started with an old calendar after their year became official; returns how many."""
    ids = await repository.needlessly_provisional(session, limit=BATCH)
    return await recompute(session, ids=ids, calendar=calendar, now=now)


async def recompute(session: AsyncSession, *, ids: Sequence[UUID], calendar: WorkingCalendar, now: datetime) -> int:
    """Recompute open clocks that nobody else is at; returns how many those were.

    One that touched provisional days moves, or is confirmed where it was right, and an event says so. Another one
    keeps its due time: only its ladder is armed anew. Doing it again changes nothing.
    """
    if not ids:
        return 0
    query = (
        select(Deadline)
        .where(Deadline.id.in_(ids))
        .order_by(Deadline.id)
        .with_for_update(skip_locked=True)  # never waits, so it can't be part of a deadlock
        .execution_options(populate_existing=True)
    )
    found = (await session.scalars(query)).all()
    for deadline in found:
        if deadline.stopped_at is not None or deadline.cancelled_at is not None:
            continue
        if not deadline.provisional:
            ended, _ = await service.holds_of(session, subject_id=deadline.subject_id)
            await service.arm(session, deadline=deadline, calendar=calendar, holds=ended)
            continue
        moved = await service.recompute(
            session, deadline=deadline, calendar=calendar, why="official_calendar", actor=SYSTEM, now=now
        )
        if not moved and not deadline.provisional:
            await service.record(session, deadline, "deadline.confirmed", actor=SYSTEM, now=now, more=_BECAUSE)
    await session.flush()
    return len(found)


_BECAUSE = {"because": "official_calendar"}
