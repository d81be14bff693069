"""Work orders: finding and judging one, editing its amount, cancellation (FIN-01..03, readings 7 and 10)."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.approvals import service as approvals
from ownercare_api.core.errors import NotFound
from ownercare_api.deadlines import service as deadlines
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.identity.principal import Principal
from ownercare_api.tickets import service as tickets
from ownercare_api.workorders import approving, history, partners, repository
from ownercare_api.workorders.facts import FOR_FIRMS, OrderFactSheet, with_makers
from ownercare_api.workorders.lifecycle import WORK_ORDER_LIFECYCLE, WorkOrderStatus
from ownercare_api.workorders.models import WorkOrder
from ownercare_api.workorders.views import order_facts


class WorkOrderNotFound(NotFound):
    """404: no such work order, or not visible to the caller."""

    code = "work_order_not_found"
    zh, en = "派工单不存在,或您无权查看。", "There is no such work order, or you may not see it."


async def get(
    session: AsyncSession, *, work_order_id: UUID, principal: Principal, scope: str, lock: bool = False
) -> WorkOrder:
    """Return a visible work order that the scope reaches, locked for change if asked.

    Raises `WorkOrderNotFound` and `OutOfReach`.
    """
    order = await repository.visible_order(session, work_order_id=work_order_id, principal=principal, lock=lock)
    if order is None:
        raise WorkOrderNotFound
    if scope != "work_orders:read":  # seeing it is having that scope here
        firm_ids = (order.firm_id, order.contractor_firm_id) if scope in FOR_FIRMS else ()
        principal.require(scope, project_id=order.project_id, firm_ids=firm_ids)
    return order


async def facts_of(session: AsyncSession, order: WorkOrder) -> OrderFactSheet:
    """Return what the guards of a work order look at."""
    return order_facts(
        order,
        signatures=await repository.signatures(session, work_order_id=order.id),
        open_extension=await repository.open_extension(session, work_order_id=order.id) is not None,
        captain_id=await partners.captain_of(session, team_id=order.team_id),
    )


async def check(session: AsyncSession, order: WorkOrder, step: str, *, principal: Principal) -> WorkOrderStatus:
    """Return the status after a step, or raise why it is refused; the scope must reach the order's own firm."""
    scope = WORK_ORDER_LIFECYCLE.steps[step].scope
    firm_ids = (order.firm_id,) if scope in FOR_FIRMS else ()
    principal.require(scope, project_id=order.project_id, firm_ids=firm_ids)
    facts = await facts_of(session, order)
    return WORK_ORDER_LIFECYCLE.check(step, status=order.status, subject=facts, actor=principal)


async def update(
    session: AsyncSession,
    *,
    work_order_id: UUID,
    check_version: Callable[[int], None],
    description: str | None,
    estimate_fen: int | None,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> WorkOrder:
    """Edit the description or the amount; None leaves it.

    A changed amount reopens the approval, with the editor among those who may not decide it (reading 10); so does
    the same amount where the last request was refused in an emergency. Raises `WorkOrderNotFound`, `OutOfReach`,
    `Stale`, `WrongStatus`, `AmountFixed`.
    """
    order = await _take_with_ticket(session, work_order_id=work_order_id, principal=principal)
    check_version(order.version)
    await check(session, order, "update", principal=principal)
    before = order.estimate_fen
    changed = [
        name
        for name, value in (("description", description), ("estimate_fen", estimate_fen))
        if value is not None and value != getattr(order, name)
    ]
    pending = await repository.approval_pending(session, approval_id=order.approval_id)
    again = estimate_fen is not None and (estimate_fen != before or not (pending or order.approved))
    if not changed and not again:
        return order
    persons = principal.acting("work_orders:raise", project_id=order.project_id)
    order.makers = with_makers(order.makers, persons, "edited")
    if description is not None:
        order.description = description
    if pending and not again:
        await approvals.edited(session, subject_id=order.id, persons=persons, now=now)
    if again:
        assert estimate_fen is not None
        order.estimate_fen, order.approved_at = estimate_fen, None
        if order.status is WorkOrderStatus.APPROVED:
            order.status = WorkOrderStatus.AWAITING_APPROVAL
        await session.flush()
        await approving.ask(
            session,
            order,
            lifted_by=estimate_fen - before,
            calendar=calendar,
            principal=principal,
            now=now,
        )
    await history.of_order(
        session,
        order,
        "updated",
        actor=principal,
        now=now,
        rules=approving.RULES,
        fields=changed,
        estimate_fen_before=before,
        estimate_fen=order.estimate_fen,
    )
    return order


async def cancel(
    session: AsyncSession, *, work_order_id: UUID, reason: str, principal: Principal, now: datetime
) -> WorkOrder:
    """Cancel an order on which no work has begun; its lines are free again. Raises what forbids the step."""
    order = await _take_with_ticket(session, work_order_id=work_order_id, principal=principal)
    order.status = await check(session, order, "cancellation", principal=principal)
    order.cancellation_reason = reason
    await session.flush()
    await approvals.withdraw(session, subject_id=order.id, actor=principal, now=now)
    await deadlines.cancel(session, subject_id=order.id, actor=principal, now=now)
    await overtake_extension(session, order, now=now)
    await tickets.work_finished(session, ticket_id=order.ticket_id, done=False)
    await history.of_order(session, order, "cancelled", actor=principal, now=now, rules=("REP-08",), reason=reason)
    return order


async def overtake_extension(session: AsyncSession, order: WorkOrder, *, now: datetime) -> None:
    """Close a request for more time that events have overtaken."""
    waiting = await repository.open_extension(session, work_order_id=order.id)
    if waiting is not None:
        waiting.answered_at = now
        await session.flush()


async def account_filed(session: AsyncSession, *, work_order_id: UUID) -> None:
    """Note that a final account was filed for an order; the caller holds its lock."""
    order = await repository.lock_order(session, work_order_id=work_order_id)
    if order is None:
        raise WorkOrderNotFound
    order.account_filed = True
    await session.flush()


async def _take_with_ticket(session: AsyncSession, *, work_order_id: UUID, principal: Principal) -> WorkOrder:
    """Lock the ticket before the order, as raising does, so that the total holds still."""
    seen = await get(session, work_order_id=work_order_id, principal=principal, scope="work_orders:raise")
    await tickets.get_visible(session, ticket_id=seen.ticket_id, principal=principal, lock=True)
    return await get(session, work_order_id=work_order_id, principal=principal, scope="work_orders:raise", lock=True)
