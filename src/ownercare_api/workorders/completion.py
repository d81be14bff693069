"""Completion and its acceptance: photos, rework, three signatures and the owner's (REP-11, REP-12)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.ids import uuid7
from ownercare_api.deadlines import service as deadlines
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.files import service as files
from ownercare_api.files.models import FilePurpose
from ownercare_api.identity.principal import Principal
from ownercare_api.workorders import clocks, history, orders, repository
from ownercare_api.workorders.facts import OrderFactSheet
from ownercare_api.workorders.lifecycle import WORK_ORDER_LIFECYCLE, SignatureSeat
from ownercare_api.workorders.models import CompletionSignature, WorkOrder, WorkOrderPhoto


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A signature of the acceptance; `owner_name` for the owner's seat only, the owner on file where absent."""

    seat: SignatureSeat
    opinion: str | None = None
    satisfied: bool | None = None
    signature_file_id: UUID | None = None
    owner_name: str | None = None
    satisfaction: int | None = None
    """The owner's score on the policy's scale, where he signs in person."""


async def complete(
    session: AsyncSession,
    *,
    work_order_id: UUID,
    note: str,
    photos_before: Sequence[UUID],
    photos_after: Sequence[UUID],
    principal: Principal,
    now: datetime,
) -> WorkOrder:
    """Report the work done, with photos of before and after; stops the repair clock (REP-11, REP-12).

    Raises `WorkOrderNotFound`, `OutOfReach`, `WrongStatus`, `FileNotUsable`.
    """
    order = await orders.get(
        session, work_order_id=work_order_id, principal=principal, scope="work_orders:execute", lock=True
    )
    order.status = await orders.check(session, order, "completion", principal=principal)
    order.completed_by, order.completed_at, order.completion_note = principal.id, now, note
    await session.flush()
    for phase, file_ids, purpose in (
        ("before", photos_before, FilePurpose.PHOTO_BEFORE),
        ("after", photos_after, FilePurpose.PHOTO_AFTER),
    ):
        attached = await files.attach(
            session,
            file_ids=file_ids,
            ticket_id=order.ticket_id,
            project_id=order.project_id,
            principal=principal,
            purposes=(purpose,),
        )
        rows = [
            {"work_order_id": order.id, "file_id": photo.id, "phase": phase, "round": order.round} for photo in attached
        ]
        # After rework a photo of the first round may be shown again.
        await session.execute(insert(WorkOrderPhoto).values(rows).on_conflict_do_nothing())
    await deadlines.stop(session, subject_id=order.id, kinds=(ClockKind.REPAIR,), at=now, actor=principal, now=now)
    await orders.overtake_extension(session, order, now=now)
    await history.of_order(
        session,
        order,
        "completed",
        actor=principal,
        now=now,
        rules=("REP-11", "REP-12"),
        round=order.round,
        photos=len(photos_before) + len(photos_after),
    )
    return order


async def rework(
    session: AsyncSession,
    *,
    work_order_id: UUID,
    reason: str,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> WorkOrder:
    """The acceptance found faults: a new round of work with a new repair clock, and new signatures (reading 3).

    Raises `WorkOrderNotFound`, `OutOfReach`, `WrongStatus`.
    """
    order = await orders.get(
        session, work_order_id=work_order_id, principal=principal, scope="work_orders:sign:customer_service", lock=True
    )
    order.status = await orders.check(session, order, "rework", principal=principal)
    order.round += 1
    order.rework_reason = reason
    order.completed_by = order.completed_at = order.completion_note = None
    await session.flush()
    await clocks.start_repair(session, order, calendar=calendar, principal=principal, now=now)
    await history.of_order(
        session, order, "reworked", actor=principal, now=now, rules=("REP-12",), reason=reason, round=order.round
    )
    return order


async def sign(
    session: AsyncSession,
    *,
    work_order_id: UUID,
    given: Acceptance,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> WorkOrder:
    """Sign a seat of the acceptance, or take the owner's signature; the fourth signs off and starts the callback clock.

    The three staff seats are three people, and who reported the work done signs as captain only. Raises
    `WorkOrderNotFound`, `WrongStatus`, `OutOfReach`, `NotYourSeat`, `SeatTaken`, `ReporterSignsAsCaptain`,
    `OnePersonOneSeat`, `FileNotUsable`.
    """
    order = await orders.get(
        session, work_order_id=work_order_id, principal=principal, scope="work_orders:read", lock=True
    )
    seat = given.seat
    facts = (await orders.facts_of(session, order)).wanting(seat)
    WORK_ORDER_LIFECYCLE.check("signatures", status=order.status, subject=facts, actor=principal)
    if seat is SignatureSeat.OWNER:
        name = given.owner_name or await repository.owner_name(session, ticket_id=order.ticket_id)
        signature = CompletionSignature(signed_by_name=name, persons=[], taken_by=principal.id)
    else:
        persons = principal.acting(
            f"work_orders:sign:{seat.value}", project_id=order.project_id, firm_ids=[order.firm_id]
        )
        signature = CompletionSignature(signed_by=principal.id, signed_by_name=principal.name, persons=sorted(persons))
    await put(session, order, facts, signature, given=given, calendar=calendar, principal=principal, now=now)
    return order


async def put(
    session: AsyncSession,
    order: WorkOrder,
    facts: OrderFactSheet,
    signature: CompletionSignature,
    *,
    given: Acceptance,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> None:
    """Put a signature on a locked order, of which the caller has made sure; `signature` says whose it is and who took
    it. The fourth one signs off. Raises `FileNotUsable`."""
    seat = given.seat
    if given.signature_file_id is not None:
        await files.attach(
            session,
            file_ids=[given.signature_file_id],
            ticket_id=order.ticket_id,
            project_id=order.project_id,
            principal=principal,
            purposes=(FilePurpose.SIGNATURE,),
        )
    signature.id, signature.work_order_id, signature.round, signature.seat = uuid7(), order.id, order.round, seat
    signature.opinion, signature.satisfied, signature.satisfaction = given.opinion, given.satisfied, given.satisfaction
    signature.signature_file_id, signature.signed_at = given.signature_file_id, now
    session.add(signature)
    await history.of_order(
        session,
        order,
        "signed",
        actor=principal,
        now=now,
        rules=("REP-12",),
        seat=seat.value,
        satisfied=given.satisfied,
        round=order.round,
        **principal.on_behalf_of(
            f"work_orders:sign:{seat.value}", project_id=order.project_id, firm_ids=[order.firm_id]
        ),
    )
    signed = facts.with_signature(seat, frozenset(signature.persons))
    if not signed.missing_signatures:
        order.status = WORK_ORDER_LIFECYCLE.check("sign-off", status=order.status, subject=signed, actor=principal)
        order.signed_off_at = now
        await session.flush()
        await clocks.start_callback(session, order, calendar=calendar, principal=principal, now=now)
        await history.of_order(session, order, "signed_off", actor=principal, now=now, rules=("REP-12", "REP-13"))
