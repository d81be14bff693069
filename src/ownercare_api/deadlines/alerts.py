"""The escalation ladder (升级阶梯): each rung of each clock fires once, whatever number of workers (CMP-15).

The claim is a row lock, and the alert commits with the clock's next instant: a crash in between leaves the rung to be
fired by the next one who looks.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.ids import uuid7
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.clocks import of_policy, rung_at
from ownercare_api.deadlines.due import Unit
from ownercare_api.deadlines.models import Deadline, DeadlineAlert
from ownercare_api.deadlines.service import holds_of
from ownercare_api.identity.principal import SYSTEM
from ownercare_api.policies import service as policies
from ownercare_api.timeline import service as timeline

log = structlog.get_logger()

_RETRY = timedelta(minutes=10)

OnFired = Callable[[AsyncSession, Deadline, DeadlineAlert, datetime], Awaitable[None]]
"""Told of an alert (clock, alert, now) in its transaction; what it raises undoes the alert, to be tried again later."""


async def fire(
    session: AsyncSession,
    *,
    now: datetime,
    calendar: WorkingCalendar,
    limit: int,
    on_fired: OnFired | None = None,
) -> int:
    """Fire the rungs reached by `now` of at most `limit` clocks that nobody else is at; returns how many rungs fired.

    Missed rungs fire in order. The caller commits.
    """
    query = (
        select(Deadline.id)
        .where(Deadline.next_alert_at <= now)
        .order_by(Deadline.next_alert_at, Deadline.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    fired = 0
    for deadline_id in (await session.scalars(query)).all():
        try:
            async with session.begin_nested():
                fired += await _climb(session, deadline_id=deadline_id, now=now, calendar=calendar, on_fired=on_fired)
        except Exception as error:  # one clock must not keep the others from firing
            log.error("alert.failed", deadline=str(deadline_id), exc_info=error)
            postponed = update(Deadline).where(Deadline.id == deadline_id).values(next_alert_at=now + _RETRY)
            await session.execute(postponed.execution_options(synchronize_session=False))
    return fired


async def _climb(
    session: AsyncSession, *, deadline_id: UUID, now: datetime, calendar: WorkingCalendar, on_fired: OnFired | None
) -> int:
    deadline = await session.get_one(Deadline, deadline_id, populate_existing=True)
    snapshot = await policies.snapshot(session, snapshot_id=deadline.policy_snapshot_id)
    local, ladder = of_policy(calendar, snapshot), snapshot.values["escalation.ladder"]
    holds, _ = await holds_of(session, subject_id=deadline.subject_id)
    fired = 0
    while True:
        # Asked again and not taken from the row: the calendar may have become official since.
        reached_at = rung_at(
            calendar=local,
            ladder=ladder,
            rung=deadline.alerts_fired,
            started_at=deadline.started_at,
            due_at=deadline.due_at,
            unit=Unit(deadline.unit),
            holds=holds,
        )
        if reached_at is None or reached_at > now:
            deadline.next_alert_at = reached_at
            await session.flush()
            return fired
        step = ladder[deadline.alerts_fired]
        alert = await _keep(session, deadline=deadline, role=step["role"], now=now)
        if alert is not None:
            await _record(session, deadline=deadline, alert=alert, step=step, reached_at=reached_at, now=now)
            if on_fired is not None:
                await on_fired(session, deadline, alert, now)
            fired += 1
        deadline.alerts_fired += 1


async def _keep(session: AsyncSession, *, deadline: Deadline, role: str, now: datetime) -> DeadlineAlert | None:
    """Keep the alert; None when the rung fired before for this due time."""
    return await session.scalar(
        insert(DeadlineAlert)
        .values(
            id=uuid7(),
            deadline_id=deadline.id,
            rung=deadline.alerts_fired,
            due_at=deadline.due_at,
            role=role,
            fired_at=now,
        )
        .on_conflict_do_nothing()
        .returning(DeadlineAlert)
    )


async def _record(
    session: AsyncSession,
    *,
    deadline: Deadline,
    alert: DeadlineAlert,
    step: Mapping[str, Any],
    reached_at: datetime,
    now: datetime,
) -> None:
    if "fraction" in step:
        kind = "deadline.due_soon"
    else:
        kind = "deadline.due" if step["workdays"] == 0 else "deadline.escalated"
    await timeline.record(
        session,
        kind=kind,
        subject_kind=deadline.subject_kind,
        subject_id=deadline.subject_id,
        ticket_id=deadline.ticket_id,
        project_id=deadline.project_id,
        actor=SYSTEM,
        now=now,
        rules=("CMP-15", deadline.rule),
        data={
            "deadline_id": str(deadline.id),
            "clock": deadline.kind.value,
            "due_at": deadline.due_at.isoformat(),
            "role": alert.role,
            "rung": alert.rung,
            "reached_at": reached_at.isoformat(),
        },
    )
