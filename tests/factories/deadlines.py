"""Clocks that run, and the events they leave."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.factories.org import Org

from ownercare_api.core.ids import uuid7
from ownercare_api.deadlines import service
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.deadlines.clocks import ClockRule
from ownercare_api.deadlines.models import ClockKind, Deadline
from ownercare_api.identity.principal import SYSTEM
from ownercare_api.timeline.models import Event


def at(text: str) -> datetime:
    """Return an instant written as Shanghai local time."""
    return datetime.fromisoformat(f"{text}+08:00")


async def calendar_on_file(session: AsyncSession) -> WorkingCalendar:
    """Return the calendar as it is in the database now."""
    return await CalendarStore().get(session)


async def start_clock(
    session: AsyncSession,
    *,
    org: Org,
    kind: ClockKind = ClockKind.SITE_SURVEY,
    started_at: datetime,
    subject_id: UUID | None = None,
    clock_rule: ClockRule | None = None,
    calendar: WorkingCalendar | None = None,
    round_: int = 1,
    ticket_id: UUID | None = None,
) -> Deadline:
    """Start a clock of the project's policy, of a subject of its own unless one is given."""
    return await service.start(
        session,
        calendar=calendar or await calendar_on_file(session),
        snapshot=org.snapshot,
        kind=kind,
        started_at=started_at,
        subject_kind="ticket",
        subject_id=subject_id or uuid7(),
        ticket_id=ticket_id,
        project_id=org.project.id,
        actor=SYSTEM,
        now=started_at,
        clock_rule=clock_rule,
        round_=round_,
    )


async def events_of(session: AsyncSession, *, subject_id: UUID, kinds: Sequence[str] = ()) -> list[Any]:
    """Return (kind, occurred_at, data) of a subject's events in order."""
    query = select(Event.kind, Event.occurred_at, Event.data).where(Event.subject_id == subject_id)
    if kinds:
        query = query.where(Event.kind.in_(kinds))
    return [tuple(row) for row in await session.execute(query.order_by(Event.seq))]
