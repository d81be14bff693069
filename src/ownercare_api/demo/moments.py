"""How time passes at work: minutes inside business hours, on working days or, at the sales office, on every day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ownercare_api.core.clock import SHANGHAI
from ownercare_api.deadlines.calendar import WorkingCalendar

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """When somebody is at work, Asia/Shanghai; `every_day` is the sales office, which asks no calendar."""

    calendar: WorkingCalendar
    opens: time = time(9)
    closes: time = time(18)
    every_day: bool = False

    def later(self, at: datetime, minutes: float) -> datetime:
        """Return the instant when so many minutes of work have passed, never outside working time."""
        local = at.astimezone(SHANGHAI)
        left = timedelta(minutes=minutes)
        day = local.date()
        while True:
            if self.works_on(day):
                opens = datetime.combine(day, self.opens, tzinfo=SHANGHAI)
                closes = datetime.combine(day, self.closes, tzinfo=SHANGHAI)
                start = max(local, opens)
                if start + left < closes:
                    return (start + left).astimezone(UTC)
                left -= max(closes - start, timedelta())
            day += _DAY

    def works_on(self, day: date) -> bool:
        """Say whether somebody is there on a day."""
        return self.every_day or self.calendar.is_working(day)


def sales_office(calendar: WorkingCalendar) -> Pace:
    """Return the hours of the sales office: every day until the evening."""
    return Pace(calendar, opens=time(8, 30), closes=time(20, 30), every_day=True)
