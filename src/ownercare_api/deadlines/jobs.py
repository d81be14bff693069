"""Background work of the calendar."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.jobs import Handler
from ownercare_api.deadlines import calendar_import
from ownercare_api.deadlines.calendars import CalendarStore


def handlers(calendars: CalendarStore) -> dict[str, Handler]:
    """Return the handlers of this room's jobs."""

    async def recompute_year(session: AsyncSession, args: Mapping[str, Any], now: datetime) -> None:
        calendars.forget()
        await calendar_import.recompute_year(
            session,
            year=args["year"],
            after=None if args["after"] is None else UUID(args["after"]),
            calendar=await calendars.get(session),
            now=now,
        )

    return {calendar_import.RECOMPUTE_YEAR: recompute_year}
