"""The clocks of a work order: the repair of the present round (REP-05, REP-06) and the callback (REP-13)."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.deadlines import service as deadlines
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.clocks import REPAIR_MULTI, REPAIR_SINGLE, ClockRule
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.identity.principal import Principal
from ownercare_api.policies import service as policies
from ownercare_api.workorders.models import WorkOrder


async def start_repair(
    session: AsyncSession, order: WorkOrder, *, calendar: WorkingCalendar, principal: Principal, now: datetime
) -> None:
    """Start this round's repair clock: 3 working days for one trade, 7 for several, by the policy."""
    rule = REPAIR_SINGLE if len(order.trades) == 1 else REPAIR_MULTI
    await _start(
        session, order, ClockKind.REPAIR, rule=rule, round_=order.round, calendar=calendar, principal=principal, now=now
    )


async def start_callback(
    session: AsyncSession, order: WorkOrder, *, calendar: WorkingCalendar, principal: Principal, now: datetime
) -> None:
    """Start the callback clock: one working day from the sign-off, by the policy."""
    await _start(session, order, ClockKind.CALLBACK, calendar=calendar, principal=principal, now=now)


async def _start(
    session: AsyncSession,
    order: WorkOrder,
    kind: ClockKind,
    *,
    rule: ClockRule | None = None,
    round_: int = 1,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> None:
    await deadlines.start(
        session,
        calendar=calendar,
        snapshot=await policies.snapshot(session, snapshot_id=order.policy_snapshot_id),
        kind=kind,
        started_at=now,
        subject_kind="work_order",
        subject_id=order.id,
        ticket_id=order.ticket_id,
        project_id=order.project_id,
        actor=principal,
        now=now,
        clock_rule=rule,
        round_=round_,
    )
