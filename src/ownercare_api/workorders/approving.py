"""Approval of a work order's estimate: asking by the ticket's total, and following the decision (reading 7)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.approvals import service as approvals
from ownercare_api.approvals.models import Approval, ApprovalStatus
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.identity.principal import Principal
from ownercare_api.policies import service as policies
from ownercare_api.policies.service import Snapshot
from ownercare_api.properties.parts import PART_ZH
from ownercare_api.tickets import service as tickets
from ownercare_api.workorders import history, repository
from ownercare_api.workorders.lifecycle import WORK_ORDER_LIFECYCLE, WorkOrderStatus
from ownercare_api.workorders.models import WorkOrder

SUBJECT_KIND = "work_order"
RULES = ("FIN-01", "FIN-02", "FIN-03")


async def ask(
    session: AsyncSession,
    order: WorkOrder,
    *,
    lifted_by: int,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> None:
    """Ask for the order's approval by the ticket's total, under the ticket's lock (reading 7).

    Siblings whose approval is still pending follow to a higher tier. `lifted_by`: fen that this order adds.
    """
    snapshot = await policies.snapshot(session, snapshot_id=order.policy_snapshot_id)
    total = await repository.estimates_total(session, ticket_id=order.ticket_id)
    asked = [order]
    if lifted_by > 0 and approvals.route(snapshot, total) != approvals.route(snapshot, max(total - lifted_by, 1)):
        asked += await repository.pending_siblings(session, ticket_id=order.ticket_id, besides=order.id)
    for one in asked:
        await _request(session, one, total=total, snapshot=snapshot, calendar=calendar, principal=principal, now=now)
        if one is not order:
            history.touch(one, now=now)
    await session.flush()


async def _request(
    session: AsyncSession,
    order: WorkOrder,
    *,
    total: int,
    snapshot: Snapshot,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> None:
    approval = await approvals.request(
        session,
        subject_kind=SUBJECT_KIND,
        subject_id=order.id,
        ticket_id=order.ticket_id,
        project_id=order.project_id,
        title=f"{order.number} {PART_ZH[order.building_part]}维修",
        amount_fen=order.estimate_fen,
        total_fen=total,
        emergency=order.emergency,
        snapshot=snapshot,
        calendar=calendar,
        makers={UUID(account): str(part) for account, part in order.makers.items()},
        actor=principal,
        now=now,
    )
    order.approval_id = approval.id


async def on_approval_decided(session: AsyncSession, approval: Approval, actor: Principal, now: datetime) -> None:
    """Let an order follow the decision about its estimate, in the same transaction.

    An emergency that is at work already goes on without it: it can't be settled before it is approved (reading 8).
    """
    order = await repository.lock_order(session, work_order_id=approval.subject_id)
    if order is None or order.approval_id != approval.id or order.status is WorkOrderStatus.CANCELLED:
        return
    waiting = order.status is WorkOrderStatus.AWAITING_APPROVAL
    if approval.status is ApprovalStatus.APPROVED:
        order.approved_at = now
        if waiting:
            order.status = _by_itself("approval", order, actor)
        await history.of_order(
            session, order, "approved", actor=actor, now=now, rules=RULES, approval_id=str(approval.id)
        )
    elif approval.status is ApprovalStatus.REJECTED:
        if waiting:
            order.status = _by_itself("rejection", order, actor)
            await session.flush()
            await tickets.work_finished(session, ticket_id=order.ticket_id, done=False)
        await history.of_order(
            session, order, "rejected", actor=actor, now=now, rules=RULES, approval_id=str(approval.id)
        )


async def estimates_total(session: AsyncSession, *, ticket_id: UUID) -> int:
    """Return the estimates of all live work orders of a ticket, in fen: what chooses the tier (reading 7)."""
    return await repository.estimates_total(session, ticket_id=ticket_id)


def _by_itself(step: str, order: WorkOrder, actor: Principal) -> WorkOrderStatus:
    return WORK_ORDER_LIFECYCLE.check(step, status=order.status, subject=order, actor=actor)
