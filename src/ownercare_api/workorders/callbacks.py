"""The telephone callback after completion (REP-13)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import FieldError, Invalid
from ownercare_api.core.ids import uuid7
from ownercare_api.core.numbers import next_number
from ownercare_api.deadlines import service as deadlines
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.identity.principal import Principal
from ownercare_api.policies import service as policies
from ownercare_api.tickets import service as tickets
from ownercare_api.workorders import history, orders, repository
from ownercare_api.workorders.lifecycle import WORK_ORDER_LIFECYCLE, CallbackOutcome
from ownercare_api.workorders.models import CallbackAttempt, WorkOrder


class SatisfactionOutOfScale(Invalid):
    """422: the satisfaction lies above the policy's scale."""

    code = "satisfaction_out_of_scale"
    zh, en = "满意度超出评分范围。", "The satisfaction lies outside the scale."
    rules = ("REP-13", "CBK-12")


async def attempt(
    session: AsyncSession,
    *,
    work_order_id: UUID,
    outcome: CallbackOutcome,
    satisfaction: int | None,
    comment: str | None,
    principal: Principal,
    now: datetime,
) -> WorkOrder:
    """Record a callback attempt; answered, declined, or unreachable as often as the policy says ends the callback.

    Then the callback clock stops, the order is closed, and its ticket counts the work as done. `satisfaction`, on the
    policy's scale from 1, is given exactly when answered. Raises `WorkOrderNotFound`, `OutOfReach`, `WrongStatus`,
    `SatisfactionOutOfScale`.
    """
    order = await orders.get(
        session, work_order_id=work_order_id, principal=principal, scope="callbacks:record", lock=True
    )
    await orders.check(session, order, "callbacks", principal=principal)
    policy = await policies.snapshot(session, snapshot_id=order.policy_snapshot_id)
    if satisfaction is not None and satisfaction > policy.integer("satisfaction.scale_max"):
        kind = SatisfactionOutOfScale
        raise kind(errors=(FieldError("#/satisfaction", kind.code, kind.zh, kind.en),))
    number = len(await repository.callbacks(session, work_order_id=order.id)) + 1
    session.add(
        CallbackAttempt(
            id=uuid7(),
            work_order_id=order.id,
            ticket_id=order.ticket_id,
            number=await next_number(session, kind="HF", day=business_date(now)),
            attempt=number,
            outcome=outcome,
            satisfaction=satisfaction,
            comment=comment,
            called_at=now,
            called_by=principal.id,
            called_by_name=principal.name,
        )
    )
    severe = satisfaction is not None and satisfaction <= policy.integer("satisfaction.severe_max")
    await history.of_order(
        session,
        order,
        "called_back",
        actor=principal,
        now=now,
        rules=("REP-13", "CBK-12") if severe else ("REP-13",),
        outcome=outcome.value,
        attempt=number,
        satisfaction=satisfaction,
        seriously_dissatisfied=severe,
    )
    if outcome is not CallbackOutcome.UNREACHABLE or number >= policy.integer("callback.max_attempts"):
        await _close(session, order, outcome=outcome, satisfaction=satisfaction, principal=principal, now=now)
    return order


async def _close(
    session: AsyncSession,
    order: WorkOrder,
    *,
    outcome: CallbackOutcome,
    satisfaction: int | None,
    principal: Principal,
    now: datetime,
) -> None:
    order.status = WORK_ORDER_LIFECYCLE.check("closure", status=order.status, subject=order, actor=principal)
    order.callback_done_at, order.satisfaction = now, satisfaction
    await session.flush()
    await deadlines.stop(session, subject_id=order.id, kinds=(ClockKind.CALLBACK,), at=now, actor=principal, now=now)
    await tickets.work_finished(session, ticket_id=order.ticket_id, done=True)
    await history.of_order(session, order, "closed", actor=principal, now=now, rules=("REP-13",), outcome=outcome.value)
