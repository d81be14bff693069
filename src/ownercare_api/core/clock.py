"""Instants are aware and in UTC; business dates are Asia/Shanghai."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

Clock = Callable[[], datetime]
"""Gives the present instant; passed in from the edge so that domain code never reads a clock."""


def system_clock() -> datetime:
    """Return the present instant in UTC, to the microsecond."""
    return datetime.now(UTC)


def business_date(instant: datetime) -> date:
    """Return the date in Asia/Shanghai on which an instant falls."""
    return instant.astimezone(SHANGHAI).date()
