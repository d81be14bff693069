"""How time passes at work: minutes inside business hours, on working days or, at the sales office, on every day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from ownercare_api.deadlines.calendar import WorkingCalendar

# Naive local time is quicker to reckon with; Shanghai has been eight hours ahead of UTC since 1992.
_AHEAD = timedelta(hours=8)
_DAY, _NOTHING = timedelta(days=1), timedelta()


@dataclass(frozen=True, slots=True)
class Pace:
    """When somebody is at work, since midnight in Asia/Shanghai; `every_day` is the sales office: no calendar there."""

    calendar: WorkingCalendar
    opens: timedelta = timedelta(hours=9)
    closes: timedelta = timedelta(hours=18)
    every_day: bool = False

    def later(self, at: datetime, minutes: float) -> datetime:
        """Return the instant (UTC) when so many minutes of work have passed, never outside working time."""
        local = at.astimezone(UTC).replace(tzinfo=None) + _AHEAD
        midnight = datetime(local.year, local.month, local.day)  # noqa: DTZ001
        left = timedelta(minutes=minutes)
        while True:
            if self.works_on(midnight.date()):
                start, closes = max(local, midnight + self.opens), midnight + self.closes
                if start + left < closes:
                    return (start + left - _AHEAD).replace(tzinfo=UTC)
                left -= max(closes - start, _NOTHING)
            midnight += _DAY

    def works_on(self, day: date) -> bool:
        """Say whether somebody is there on a day."""
        return self.every_day or self.calendar.is_working(day)


def sales_office(calendar: WorkingCalendar) -> Pace:
    """Return the hours of the sales office: every day until the evening."""
    return Pace(calendar, opens=timedelta(hours=8, minutes=30), closes=timedelta(hours=20, minutes=30), every_day=True)
