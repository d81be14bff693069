"""Why a clock is due when it is: the counted days, by the same arithmetic that set the due time, and a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from ownercare_api.core.clock import SHANGHAI, business_date
from ownercare_api.core.errors import Language
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.due import Due, HeldInterval, Term, Unit, due_after_holds

_MOST_DAYS = 100
_UNITS = {
    Unit.WORKDAYS: ("个工作日", "working days"),
    Unit.BUSINESS_HOURS: ("个工作小时", "business hours"),
    Unit.ELAPSED_HOURS: ("小时", "hours"),
    Unit.CALENDAR_DAYS: ("个自然日", "calendar days"),
}


@dataclass(frozen=True, slots=True)
class Counting:
    """How a clock was counted."""

    first_counted: date | None
    last_counted: date | None
    counted_days: list[date]
    provisional_days: list[date]
    holds: list[HeldInterval]
    follows_calendar: bool
    """The present calendar still gives the kept due time."""


def count(*, clock: Any, calendar: WorkingCalendar, holds: Sequence[HeldInterval]) -> Counting:
    """Count a clock again; `clock` is a row of `deadline`, `calendar` has the policy's business hours."""
    unit, amount = Unit(clock.unit), clock.policy_value + clock.extended_by
    until = clock.stopped_at or clock.cancelled_at
    counting = [hold for hold in holds if hold.from_at < clock.due_at and not _before(hold.to_at, clock.started_at)]
    # One that was open when the clock was stopped never moved it.
    ended = [hold for hold in counting if hold.to_at is not None and (until is None or hold.to_at <= until)]

    def due(term: int) -> Due:
        found = due_after_holds(calendar=calendar, started_at=clock.started_at, term=Term(term, unit), holds=ended)
        assert found is not None
        return found

    whole = due(amount)
    days: list[date] = []
    if unit in (Unit.WORKDAYS, Unit.CALENDAR_DAYS):
        lasts = (due(number).last_counted for number in range(1, min(amount, _MOST_DAYS) + 1))
        days = [day for day in lasts if day is not None]
    elif whole.first_counted is not None and whole.last_counted is not None:
        between = _days(whole.first_counted, whole.last_counted)
        days = list(islice((day for day in between if calendar.is_working(day)), _MOST_DAYS))
    touched = _days(business_date(clock.started_at), business_date(clock.due_at)) if unit.uses_calendar else ()
    return Counting(
        first_counted=whole.first_counted,
        last_counted=whole.last_counted,
        counted_days=days,
        provisional_days=list(islice((day for day in touched if calendar.is_provisional(day)), _MOST_DAYS)),
        holds=counting,
        follows_calendar=whole.due_at == clock.due_at,
    )


def _before(ended_at: datetime | None, started_at: datetime) -> bool:
    return ended_at is not None and ended_at <= started_at


def _days(first: date, last: date) -> Sequence[date]:
    return [first + timedelta(days=step) for step in range((last - first).days + 1)]


def explain(
    *, clock: Any, counting: Counting, policy_name: str, published: bool, hours: str, language: Language
) -> str:
    """Return the counting as a sentence; times are in Asia/Shanghai."""
    return (_chinese if language == "zh-CN" else _english)(clock, counting, policy_name, published, hours)


def _chinese(clock: Any, counting: Counting, policy_name: str, published: bool, hours: str) -> str:
    unit, amount = Unit(clock.unit), clock.policy_value + clock.extended_by
    parts = [
        f"依据 {clock.rule},政策“{policy_name}”为 {clock.policy_value} {_UNITS[unit][0]}"
        f"({'已发布的政策版本' if published else '出厂值,尚未确认'})"
    ]
    if clock.extended_by:
        parts.append(f"经业主事先同意延长 {clock.extended_by} {_UNITS[unit][0]},合计 {amount} {_UNITS[unit][0]}")
    start = f"自 {_time(clock.started_at)} 起算"
    if unit in (Unit.WORKDAYS, Unit.CALENDAR_DAYS):
        start += ",起算当日不计"
        start += f",计入 {counting.first_counted} 至 {counting.last_counted},至末日营业时间结束({hours})为止"
    elif unit is Unit.BUSINESS_HOURS:
        start += f",只计工作日营业时间({hours})"
    else:
        start += ",连续计算,不扣除夜间和节假日"
    parts.append(start)
    if counting.holds:
        parts.append(f"其间暂停 {len(counting.holds)} 次,暂停时间不计")
    if _stands_still(clock):
        parts.append(f"自 {_time(clock.held_since)} 起暂停计时,恢复后到期时间顺延")
    if clock.provisional:
        years = "、".join(str(year) for year in sorted({day.year for day in counting.provisional_days}))
        parts.append(f"{years} 年的官方放假通知尚未发布,暂按固定日期法定节假日计算")
    if not counting.follows_calendar:
        parts.append("工作日历此后有过更正,更正不改变已定的期限")
    return ";".join(parts) + f";到期时间为 {_time(clock.due_at)}。"


def _english(clock: Any, counting: Counting, policy_name: str, published: bool, hours: str) -> str:
    unit, amount = Unit(clock.unit), clock.policy_value + clock.extended_by
    source = "a published version" if published else "the factory value, not confirmed yet"
    parts = [f"By {clock.rule} the policy {clock.policy_key} allows {clock.policy_value} {_UNITS[unit][1]} ({source})"]
    if clock.extended_by:
        parts.append(f"the owner consented beforehand to {clock.extended_by} more, {amount} in all")
    start = f"counted from {_time(clock.started_at)}"
    if unit in (Unit.WORKDAYS, Unit.CALENDAR_DAYS):
        start += ", that day left out"
        start += f", from {counting.first_counted} to {counting.last_counted}, until business hours ({hours}) end"
    elif unit is Unit.BUSINESS_HOURS:
        start += f", inside business hours ({hours}) of working days only"
    else:
        start += ", through nights and holidays"
    parts.append(start)
    if counting.holds:
        parts.append(f"{len(counting.holds)} hold(s) in between are left out")
    if _stands_still(clock):
        parts.append(f"it stands still since {_time(clock.held_since)} and will be due later by that time")
    if clock.provisional:
        years = ", ".join(str(year) for year in sorted({day.year for day in counting.provisional_days}))
        parts.append(f"the official notice for {years} is not out, so fixed-date holidays alone are assumed")
    if not counting.follows_calendar:
        parts.append("the calendar was corrected later, which moves no deadline")
    return "; ".join(parts) + f"; due at {_time(clock.due_at)}."


def _stands_still(clock: Any) -> bool:
    return clock.held_since is not None and clock.stopped_at is None and clock.cancelled_at is None


def _time(instant: datetime) -> str:
    return f"{instant.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
