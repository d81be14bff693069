"""The steps of handling: response, investigation, feedback, resolution, closure, reopening, withdrawal, holds."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.ids import uuid7
from ownercare_api.core.numbers import next_number
from ownercare_api.core.phones import mask_phone
from ownercare_api.deadlines import service as deadlines
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.identity.principal import Principal
from ownercare_api.tickets import service, triage
from ownercare_api.tickets.lifecycle import Channel
from ownercare_api.tickets.models import ContactKind, OwnerContact, RegisterEntry, Ticket
from ownercare_api.tickets.registration import LATEST_ENTRY, ReceivedOutOfRange, normalised_phone


async def respond(
    session: AsyncSession, *, ticket_id: UUID, channel: Channel, content: str, principal: Principal, now: datetime
) -> Ticket:
    """Record a response to the owner; the first one stops the response clock (CMP-02, REP-20)."""
    ticket = await service.take(session, ticket_id=ticket_id, step="responses", principal=principal)
    _contact(session, ticket, ContactKind.RESPONSE, channel, content, principal=principal, now=now)
    kinds = (ClockKind.RESPONSE, ClockKind.FACILITY_RESPONSE)
    await deadlines.stop(session, subject_id=ticket.id, kinds=kinds, at=now, actor=principal, now=now)
    _touch(ticket, now)
    await service.record(
        session, ticket=ticket, kind="ticket.responded", step="responses", principal=principal, now=now,
        data={"channel": channel.value},
    )  # fmt: skip
    return ticket


async def investigate(
    session: AsyncSession, *, ticket_id: UUID, note: str, principal: Principal, now: datetime
) -> Ticket:
    """Record that the department's investigation has begun; stops its clock (CMP-08)."""
    return await _hear_department(
        session, ticket_id=ticket_id, step="investigation", event="ticket.investigation_started",
        clock=ClockKind.INVESTIGATION_START, note=note, principal=principal, now=now,
    )  # fmt: skip


async def feed_back_to_department(
    session: AsyncSession, *, ticket_id: UUID, note: str, principal: Principal, now: datetime
) -> Ticket:
    """Record the department's handling information; stops its clock (CMP-07)."""
    return await _hear_department(
        session, ticket_id=ticket_id, step="department-feedback", event="ticket.department_fed_back",
        clock=ClockKind.DEPARTMENT_FEEDBACK, note=note, principal=principal, now=now,
    )  # fmt: skip


async def resolve(
    session: AsyncSession, *, ticket_id: UUID, result: str, principal: Principal, now: datetime
) -> Ticket:
    """Record the result; stops the clock of solving it (CMP-10, REP-20)."""
    ticket = await service.take(session, ticket_id=ticket_id, step="resolution", principal=principal)
    triage.must_be_responsible(ticket, principal)
    ticket.result, ticket.resolved_at, ticket.owner_informed_at = result, now, None
    kinds = (ClockKind.RESOLUTION, ClockKind.FACILITY_COMPLETION)
    await deadlines.stop(session, subject_id=ticket.id, kinds=kinds, at=now, actor=principal, now=now)
    await service.record(
        session, ticket=ticket, kind="ticket.resolved", step="resolution", principal=principal, now=now
    )
    return ticket


async def feed_back_to_owner(
    session: AsyncSession,
    *,
    ticket_id: UUID,
    channel: Channel,
    content: str,
    owner_opinion: str | None,
    satisfied: bool | None,
    principal: Principal,
    now: datetime,
) -> Ticket:
    """Record that the owner was told result and grounds, and what the owner said (CMP-03, CMP-12, CMP-13)."""
    ticket = await service.take(session, ticket_id=ticket_id, step="owner-feedback", principal=principal)
    contact = _contact(session, ticket, ContactKind.OWNER_FEEDBACK, channel, content, principal=principal, now=now)
    contact.owner_opinion, contact.satisfied = owner_opinion, satisfied
    ticket.owner_informed_at = now
    kinds = (ClockKind.OWNER_FEEDBACK, ClockKind.SALES_OFFICE_FEEDBACK, ClockKind.RESPONSE)
    await deadlines.stop(session, subject_id=ticket.id, kinds=kinds, at=now, actor=principal, now=now)
    await service.record(
        session, ticket=ticket, kind="ticket.owner_informed", step="owner-feedback", principal=principal, now=now,
        data={"channel": channel.value, "satisfied": satisfied},
    )  # fmt: skip
    return ticket


async def close(
    session: AsyncSession, *, ticket_id: UUID, note: str | None, principal: Principal, now: datetime
) -> Ticket:
    """Close and archive; clocks that still run are no longer owed (CMP-14)."""
    ticket = await service.take(session, ticket_id=ticket_id, step="closure", principal=principal)
    ticket.closed_at = now
    await deadlines.cancel(session, subject_id=ticket.id, actor=principal, now=now)
    await service.record(
        session, ticket=ticket, kind="ticket.closed", step="closure", principal=principal, now=now, data={"note": note}
    )
    return ticket


async def reopen(
    session: AsyncSession,
    *,
    ticket_id: UUID,
    reason: str,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> Ticket:
    """Take a resolved or closed ticket up again: a new round with clocks of its own (reading 3)."""
    ticket = await service.take(session, ticket_id=ticket_id, step="reopening", principal=principal)
    earlier = ticket.result
    ticket.round += 1
    ticket.result = ticket.resolved_at = ticket.owner_informed_at = ticket.closed_at = None
    ticket.work_done = 0
    await session.flush()
    await triage.restart(session, ticket=ticket, calendar=calendar, principal=principal, now=now)
    await service.record(
        session, ticket=ticket, kind="ticket.reopened", step="reopening", principal=principal, now=now,
        data={"reason": reason, "round": ticket.round, "earlier_result": earlier},
    )  # fmt: skip
    return ticket


async def withdraw(
    session: AsyncSession, *, ticket_id: UUID, reason: str, principal: Principal, now: datetime
) -> Ticket:
    """End a ticket that the owner withdrew; it stays in the register."""
    ticket = await service.take(session, ticket_id=ticket_id, step="withdrawal", principal=principal)
    ticket.closed_at = now
    await deadlines.cancel(session, subject_id=ticket.id, actor=principal, now=now)
    await service.record(
        session, ticket=ticket, kind="ticket.withdrawn", step="withdrawal", principal=principal, now=now,
        data={"reason": reason},
    )  # fmt: skip
    return ticket


async def hold(session: AsyncSession, *, ticket_id: UUID, reason: str, principal: Principal, now: datetime) -> Ticket:
    """Let the ticket's clocks stand still from now on; nothing is reset (reading 3)."""
    ticket = await service.take(session, ticket_id=ticket_id, step="hold", principal=principal)
    ticket.held_at = now
    await session.flush()
    await deadlines.hold(
        session, subject_kind="ticket", subject_id=ticket.id, ticket_id=ticket.id, project_id=ticket.project_id,
        reason=reason, actor=principal, now=now,
    )  # fmt: skip
    return ticket


async def release(
    session: AsyncSession, *, ticket_id: UUID, calendar: WorkingCalendar, principal: Principal, now: datetime
) -> Ticket:
    """Let the clocks run on, each later by the time it stood still."""
    ticket = await service.take(session, ticket_id=ticket_id, step="hold-release", principal=principal)
    ticket.held_at = None
    await session.flush()
    await deadlines.release(
        session, calendar=calendar, subject_id=ticket.id, ticket_id=ticket.id, project_id=ticket.project_id,
        actor=principal, now=now,
    )  # fmt: skip
    return ticket


async def register_again(
    session: AsyncSession,
    *,
    ticket_id: UUID,
    channel: Channel,
    caller_name: str,
    caller_phone: str | None,
    summary: str,
    received_at: datetime,
    principal: Principal,
    now: datetime,
) -> Ticket:
    """Enter a further call about an open ticket into the register (CHN-03); no clock moves."""
    if not now - LATEST_ENTRY <= received_at <= now:
        raise ReceivedOutOfRange
    ticket = await service.take(session, ticket_id=ticket_id, step="register-entries", principal=principal)
    phone = normalised_phone(caller_phone)
    number = await next_number(session, kind="DJ", day=business_date(now))
    session.add(
        RegisterEntry(
            id=uuid7(),
            number=number,
            project_id=ticket.project_id,
            ticket_id=ticket.id,
            channel=channel,
            category=ticket.category,
            caller_name=caller_name,
            caller_phone_masked=None if phone is None else mask_phone(phone),
            summary=summary,
            received_at=received_at,
            taken_by=principal.id,
            taken_by_name=principal.name,
        )
    )
    _touch(ticket, now)
    await service.record(
        session, ticket=ticket, kind="ticket.chased", step="register-entries", principal=principal, now=now,
        data={"register_number": number, "channel": channel.value},
    )  # fmt: skip
    return ticket


async def _hear_department(
    session: AsyncSession,
    *,
    ticket_id: UUID,
    step: str,
    event: str,
    clock: ClockKind,
    note: str,
    principal: Principal,
    now: datetime,
) -> Ticket:
    """Take down what the responsible department says, which stops the clock it was owed by."""
    ticket = await service.take(session, ticket_id=ticket_id, step=step, principal=principal)
    triage.must_be_responsible(ticket, principal)
    await deadlines.stop(session, subject_id=ticket.id, kinds=(clock,), at=now, actor=principal, now=now)
    _touch(ticket, now)
    await service.record(
        session, ticket=ticket, kind=event, step=step, principal=principal, now=now, data={"note": note}
    )
    return ticket


def _touch(ticket: Ticket, now: datetime) -> None:
    """Let the version rise although no column of the ticket itself changed."""
    ticket.updated_at = now


def _contact(
    session: AsyncSession,
    ticket: Ticket,
    kind: ContactKind,
    channel: Channel,
    content: str,
    *,
    principal: Principal,
    now: datetime,
) -> OwnerContact:
    contact = OwnerContact(
        id=uuid7(),
        ticket_id=ticket.id,
        kind=kind,
        channel=channel,
        content=content,
        at=now,
        by=principal.id,
        by_name=principal.name,
    )
    session.add(contact)
    return contact
