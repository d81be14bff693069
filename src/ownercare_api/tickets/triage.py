"""Verification and classification: the responsible department and its fixed person (CMP-05, CMP-06, CMP-17)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import FieldError, Forbidden, Invalid
from ownercare_api.deadlines import service as deadlines
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.models import ClockKind, Deadline
from ownercare_api.identity import service as identity
from ownercare_api.identity.principal import Principal
from ownercare_api.identity.roles import DEPARTMENTS
from ownercare_api.policies import service as policies
from ownercare_api.tickets import clocks, service
from ownercare_api.tickets.lifecycle import Category, CauseClass, WorkOpen
from ownercare_api.tickets.models import Ticket

MANAGER_POST = "customer_service_manager"


class HandlerNotOfDepartment(Invalid):
    """422: the handler is unknown, disabled, or belongs to another department."""

    code = "handler_not_of_department"
    zh, en = "经办人须为该责任部门的在职人员。", "The handler must be an active member of that department."
    rules = ("CMP-06",)


class ManagerHandlesClaim(Invalid):
    """422: claims of this size are handled by the manager."""

    code = "manager_handles_claim"
    zh = "索赔金额达到 {threshold_yuan} 元,须由客户关系经理处理。"
    en = "Claims of CNY {threshold_yuan} and above are handled by the customer-service manager."
    rules = ("CMP-17", "ORG-03")


class NotResponsible(Forbidden):
    """403: only the responsible department, the handler or customer service may say this."""

    code = "not_responsible"
    zh = "只有责任部门、经办人或客服部可以执行此操作。"
    en = "Only the responsible department, the handler or customer service may do this."
    rules = ("CMP-06", "CMP-07")


def must_be_responsible(ticket: Ticket, principal: Principal) -> None:
    """Raise `NotResponsible` unless the caller handles the ticket, or is of its department or of customer service."""
    if principal.id != ticket.handler_id and principal.department not in (ticket.department, "customer_service"):
        raise NotResponsible


async def classify(
    session: AsyncSession,
    *,
    ticket_id: UUID,
    category: Category | None,
    cause_class: CauseClass,
    department: str,
    handler_id: UUID,
    urgent: bool | None,
    claim_fen: int | None,
    note: str,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> Ticket:
    """Classify a ticket and name who is responsible; a corrected category brings its own clocks, from the receipt on.

    Raises `HandlerNotOfDepartment`, `ManagerHandlesClaim`, `WorkOpen`, and what forbids the step.
    """
    ticket = await service.take(session, ticket_id=ticket_id, step="classification", principal=principal)
    policy = await policies.snapshot(session, snapshot_id=ticket.policy_snapshot_id)
    handler = await identity.active_person(session, account_id=handler_id)
    if department not in DEPARTMENTS or handler is None or handler.department != department:
        fault = FieldError(
            "#/handler_id", HandlerNotOfDepartment.code, HandlerNotOfDepartment.zh, HandlerNotOfDepartment.en
        )
        raise HandlerNotOfDepartment(errors=(fault,))
    if claim_fen is not None:
        ticket.claim_fen = claim_fen
    threshold = policy.integer("claim.manager_threshold_fen")
    if ticket.claim_fen is not None and ticket.claim_fen >= threshold and handler.post != MANAGER_POST:
        raise ManagerHandlesClaim(threshold_yuan=threshold // 100)
    before = {"category": ticket.category.value, "department": ticket.department}
    if category is not None and category is not ticket.category:
        if ticket.open_work > 0:
            raise WorkOpen(count=ticket.open_work)
        ticket.category = category
        await _follow_category(session, ticket=ticket, policy=policy, calendar=calendar, principal=principal, now=now)
    handed_over = ticket.department != department or category is not None
    ticket.cause_class, ticket.department, ticket.handler_id = cause_class, department, handler_id
    ticket.urgent = ticket.urgent if urgent is None else urgent
    if handed_over:
        await _start_department_clocks(
            session, ticket=ticket, policy=policy, calendar=calendar, principal=principal, now=now
        )
    await service.record(
        session,
        ticket=ticket,
        kind="ticket.classified",
        step="classification",
        principal=principal,
        now=now,
        data={
            "before": before,
            "category": ticket.category.value,
            "cause_class": cause_class.value,
            "department": department,
            "handler_id": str(handler_id),
            "note": note,
        },
    )
    return ticket


async def _follow_category(
    session: AsyncSession,
    *,
    ticket: Ticket,
    policy: policies.Snapshot,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> None:
    wanted = set(clocks.of_ticket(domain=ticket.domain, category=ticket.category))
    have = await session.execute(
        select(Deadline.kind, func.max(Deadline.round)).where(Deadline.subject_id == ticket.id).group_by(Deadline.kind)
    )
    rounds = {kind: last for kind, last in have}  # noqa: C416 - rows, not pairs
    superfluous = set(rounds) - wanted
    if superfluous:
        await deadlines.cancel(session, subject_id=ticket.id, kinds=superfluous, actor=principal, now=now)
    for kind in sorted(wanted - set(rounds)):
        await _start(
            session,
            ticket=ticket,
            kind=kind,
            started_at=ticket.received_at,
            round_=1,
            policy=policy,
            calendar=calendar,
            principal=principal,
            now=now,
        )


async def _start_department_clocks(
    session: AsyncSession,
    *,
    ticket: Ticket,
    policy: policies.Snapshot,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> None:
    kinds = clocks.of_department(domain=ticket.domain, category=ticket.category)
    both = (ClockKind.INVESTIGATION_START, ClockKind.DEPARTMENT_FEEDBACK)
    await deadlines.cancel(session, subject_id=ticket.id, kinds=both, actor=principal, now=now)
    for kind in kinds:
        last = await session.scalar(
            select(func.max(Deadline.round)).where(Deadline.subject_id == ticket.id, Deadline.kind == kind)
        )
        await _start(
            session,
            ticket=ticket,
            kind=kind,
            started_at=now,
            round_=(last or 0) + 1,
            policy=policy,
            calendar=calendar,
            principal=principal,
            now=now,
        )


async def _start(
    session: AsyncSession,
    *,
    ticket: Ticket,
    kind: ClockKind,
    started_at: datetime,
    round_: int,
    policy: policies.Snapshot,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> None:
    await deadlines.start(
        session,
        calendar=calendar,
        snapshot=policy,
        kind=kind,
        started_at=started_at,
        subject_kind="ticket",
        subject_id=ticket.id,
        ticket_id=ticket.id,
        project_id=ticket.project_id,
        actor=principal,
        now=now,
        round_=round_,
    )


async def restart(
    session: AsyncSession,
    *,
    ticket: Ticket,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> None:
    """Give a reopened ticket new clocks; the first ones stay as they are (reading 3)."""
    policy = await policies.snapshot(session, snapshot_id=ticket.policy_snapshot_id)
    kinds = clocks.of_ticket(domain=ticket.domain, category=ticket.category)
    await deadlines.cancel(session, subject_id=ticket.id, kinds=kinds, actor=principal, now=now)
    for kind in kinds:
        await _start(
            session,
            ticket=ticket,
            kind=kind,
            started_at=now,
            round_=ticket.round,
            policy=policy,
            calendar=calendar,
            principal=principal,
            now=now,
        )
    await _start_department_clocks(
        session, ticket=ticket, policy=policy, calendar=calendar, principal=principal, now=now
    )
