"""Dispatch to a repair team, its acceptance and refusal (REP-08..11, REP-14)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import Conflict, FieldError, Invalid
from ownercare_api.deadlines import service as deadlines
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.identity.principal import Principal
from ownercare_api.tickets import service as tickets
from ownercare_api.workorders import clocks, history, orders, partners
from ownercare_api.workorders.lifecycle import RepairClass, WorkOrderStatus
from ownercare_api.workorders.models import WorkOrder


class TeamNotServing(Invalid):
    """422: the team does not exist, is not active, or does not serve the project."""

    code = "team_not_serving"
    zh, en = "所选维修队不存在、已停用,或不服务该项目。", "The team does not serve this project."
    rules = ("REP-14",)


class TradesMissing(Conflict):
    """409: the team has no active repairer for one of the trades."""

    code = "team_lacks_trades"
    zh = "该维修队没有以下工种的在岗维修人员:{trades}。"
    en = "The team has no active repairer for: {trades}."
    rules = ("REP-14",)


class WorkerUnsuitable(Invalid):
    """422: the repairer is not of this team, not active, or knows none of the trades."""

    code = "worker_unsuitable"
    zh, en = (
        "维修人员须为该队在岗人员,并具备所需工种之一。",
        "The repairer must be of this team and know one of the trades.",
    )
    rules = ("REP-14",)


class AgreementMissing(Conflict):
    """409: the contractor has not signed the agreement under which the team may do its warranty work."""

    code = "repair_agreement_missing"
    zh = "施工单位尚未签订售后维修补充协议,维修队不得实施其质保范围内的维修。"
    en = "The contractor has not signed the supplementary repair agreement; the team may not do its warranty work."
    rules = ("REP-09", "REP-10")


async def dispatch(
    session: AsyncSession,
    *,
    work_order_id: UUID,
    team_id: UUID,
    worker_id: UUID | None,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> WorkOrder:
    """Dispatch an approved order, or an emergency, to a team; its limit counts from here (REP-05, REP-06, reading 5).

    After a refusal the clock of the first dispatch runs on: another team has the same time limit (REP-10). Raises
    `WorkOrderNotFound`, `OutOfReach`, `WrongStatus`, `NotApproved`, `TeamNotServing`, `TradesMissing`,
    `WorkerUnsuitable`, `AgreementMissing`.
    """
    order = await orders.get(
        session, work_order_id=work_order_id, principal=principal, scope="work_orders:dispatch", lock=True
    )
    status = await orders.check(session, order, "dispatch", principal=principal)
    team = await partners.team(session, project_id=order.project_id, wanted=team_id)
    if team is None:
        raise TeamNotServing(
            errors=(FieldError("#/team_id", TeamNotServing.code, TeamNotServing.zh, TeamNotServing.en),)
        )
    workers = await partners.workers(session, team_id=team_id)
    missing = partners.trades_missing(workers, order.trades)
    if missing:
        raise TradesMissing(trades=", ".join(missing))
    if worker_id is not None and not any(
        worker.id == worker_id and set(worker.trades) & set(order.trades) for worker in workers
    ):
        raise WorkerUnsuitable(
            errors=(FieldError("#/worker_id", WorkerUnsuitable.code, WorkerUnsuitable.zh, WorkerUnsuitable.en),)
        )
    if order.repair_class is RepairClass.A:
        contract = await partners.contract_for(
            session, project_id=order.project_id, building_part=order.building_part, contract_id=order.contract_id
        )
        if contract is None or not contract.has_repair_agreement:
            raise AgreementMissing
    order.status, order.firm_id, order.team_id, order.worker_id = status, team.firm_id, team.id, worker_id
    order.dispatched_by, order.dispatched_at, order.refusal_reason = principal.id, now, None
    await session.flush()
    await tickets.share_with_firm(
        session, ticket_id=order.ticket_id, firm_id=team.firm_id, reason=f"派工 {order.number}", now=now
    )
    if not await deadlines.running(session, subject_id=order.id, kinds=(ClockKind.REPAIR,)):
        await clocks.start_repair(session, order, calendar=calendar, principal=principal, now=now)
    await history.of_order(
        session,
        order,
        "dispatched",
        actor=principal,
        now=now,
        rules=("REP-08", "REP-14", "REP-15"),
        team_id=str(team.id),
        worker_id=None if worker_id is None else str(worker_id),
        before_approval=not order.approved,
    )
    return order


async def accept(session: AsyncSession, *, work_order_id: UUID, principal: Principal, now: datetime) -> WorkOrder:
    """The team takes the order and begins (REP-11). Raises what forbids the step."""
    order = await orders.get(
        session, work_order_id=work_order_id, principal=principal, scope="work_orders:execute", lock=True
    )
    order.status = await orders.check(session, order, "acceptance", principal=principal)
    order.accepted_at = now
    await history.of_order(session, order, "accepted", actor=principal, now=now, rules=("REP-11",))
    return order


async def refuse(
    session: AsyncSession, *, work_order_id: UUID, reason: str, principal: Principal, now: datetime
) -> WorkOrder:
    """The team can't do it: the order waits for another dispatch, its clock runs on (REP-10)."""
    order = await orders.get(
        session, work_order_id=work_order_id, principal=principal, scope="work_orders:execute", lock=True
    )
    status = await orders.check(session, order, "refusal", principal=principal)
    # An emergency that is not approved yet goes back to where it was.
    order.status = status if order.approved else WorkOrderStatus.AWAITING_APPROVAL
    # Firm and team stay on it until the next dispatch: they go on seeing what they handed back.
    order.refusal_reason, order.dispatched_by, order.dispatched_at, order.worker_id = reason, None, None, None
    await orders.overtake_extension(session, order, now=now)
    await history.of_order(
        session,
        order,
        "refused",
        actor=principal,
        now=now,
        rules=("REP-10",),
        reason=reason,
        team_id=str(order.team_id),
    )
    return order
