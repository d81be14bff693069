"""More time for complex work, which only the owner's prior consent grants (REP-07, reading 4)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import Conflict
from ownercare_api.core.ids import uuid7
from ownercare_api.deadlines import service as deadlines
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.models import ClockKind, Deadline
from ownercare_api.files import service as files
from ownercare_api.files.models import FilePurpose
from ownercare_api.identity.principal import Principal
from ownercare_api.tickets.lifecycle import Channel
from ownercare_api.workorders import history, orders, repository
from ownercare_api.workorders.models import Extension, WorkOrder

EVIDENCE = (FilePurpose.RECORDING, FilePurpose.DOCUMENT, FilePurpose.SIGNATURE)


class DeadlinePassed(Conflict):
    """409: the limit has passed; consent could not be given before it any more."""

    code = "repair_deadline_passed"
    zh = "维修期限已过,不能再申请延期:业主同意须在原期限届满之前取得。"
    en = "The limit has passed; the owner's consent had to come before it."
    rules = ("REP-07",)


class ConsentTooLate(Conflict):
    """409: the consent was recorded after the old limit."""

    code = "consent_too_late"
    zh = "原维修期限已届满,业主事后同意不能延长期限。"
    en = "The old limit has passed; consent given later does not extend it."
    rules = ("REP-07",)


@dataclass(frozen=True, slots=True)
class Answer:
    """The owner's answer to a request for more time."""

    consented: bool
    channel: Channel
    consent_by: str
    note: str | None = None
    file_id: UUID | None = None


async def ask(
    session: AsyncSession,
    *,
    work_order_id: UUID,
    reason: str,
    extra_workdays: int,
    principal: Principal,
    now: datetime,
) -> WorkOrder:
    """The team's captain asks for more working days while the limit has not passed.

    Raises `WorkOrderNotFound`, `OutOfReach`, `WrongStatus`, `NotTheCaptain`, `ExtensionOpen`, `DeadlinePassed`.
    """
    order = await orders.get(
        session, work_order_id=work_order_id, principal=principal, scope="work_orders:execute", lock=True
    )
    order.status = await orders.check(session, order, "extension", principal=principal)
    clock = await _repair_clock(session, order)
    if clock.held_since is None and now > clock.due_at:
        raise DeadlinePassed
    session.add(
        Extension(
            id=uuid7(),
            work_order_id=order.id,
            reason=reason,
            extra_workdays=extra_workdays,
            requested_by=principal.id,
            requested_by_name=principal.name,
            requested_at=now,
            old_due_at=clock.due_at,
        )
    )
    await history.of_order(
        session,
        order,
        "extension_requested",
        actor=principal,
        now=now,
        rules=("REP-07",),
        extra_workdays=extra_workdays,
        old_due_at=clock.due_at.isoformat(),
    )
    return order


async def answer(
    session: AsyncSession,
    *,
    work_order_id: UUID,
    given: Answer,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> WorkOrder:
    """Record the owner's answer; consent up to the old limit, that instant included, moves it.

    The original limit stays visible. A refusal by the owner may be recorded at any time. Raises `WorkOrderNotFound`,
    `OutOfReach`, `WrongStatus`, `NoExtensionOpen`, `ConsentTooLate`, `FileNotUsable`.
    """
    order = await orders.get(
        session, work_order_id=work_order_id, principal=principal, scope="work_orders:consent", lock=True
    )
    order.status = await orders.check(session, order, "consent", principal=principal)
    await settle(session, order, given=given, calendar=calendar, principal=principal, now=now)
    return order


async def settle(
    session: AsyncSession,
    order: WorkOrder,
    *,
    given: Answer,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> None:
    """Answer the open request of a locked order, of which the caller has made sure.

    Raises `ConsentTooLate`, `FileNotUsable`.
    """
    waiting = await repository.open_extension(session, work_order_id=order.id)
    assert waiting is not None  # the guard has seen it under the same lock
    clock = await _repair_clock(session, order)
    if given.consented and clock.held_since is None and now > clock.due_at:
        raise ConsentTooLate
    if given.file_id is not None:
        await files.attach(
            session,
            file_ids=[given.file_id],
            ticket_id=order.ticket_id,
            project_id=order.project_id,
            principal=principal,
            purposes=EVIDENCE,
        )
    if given.consented:
        await deadlines.extend(
            session, deadline=clock, by=waiting.extra_workdays, calendar=calendar, actor=principal, now=now
        )
        waiting.new_due_at = clock.due_at
    waiting.consented, waiting.consent_channel, waiting.consent_by = (
        given.consented,
        given.channel.value,
        given.consent_by,
    )
    waiting.consent_note, waiting.consent_file_id = given.note, given.file_id
    waiting.answered_at, waiting.recorded_by = now, principal.id
    await history.of_order(
        session,
        order,
        "extension_answered",
        actor=principal,
        now=now,
        rules=("REP-07",),
        consented=given.consented,
        old_due_at=waiting.old_due_at.isoformat(),
        due_at=clock.due_at.isoformat(),
    )


async def _repair_clock(session: AsyncSession, order: WorkOrder) -> Deadline:
    """Return the order's running repair clock, locked; a dispatched order always has one."""
    (clock,) = await deadlines.running(session, subject_id=order.id, kinds=(ClockKind.REPAIR,))
    return clock
