"""What the rooms above ask of a ticket, and the parts that every step shares."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import NotFound
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import sharing
from ownercare_api.tickets import repository
from ownercare_api.tickets.lifecycle import LIFECYCLE
from ownercare_api.tickets.models import Ticket, TicketFirm
from ownercare_api.timeline import service as timeline


class TicketNotFound(NotFound):
    """404: no such ticket, or not visible to the caller."""

    code = "ticket_not_found"
    zh, en = "工单不存在,或您无权查看。", "There is no such ticket, or you may not see it."


async def get_visible(
    session: AsyncSession, *, ticket_id: UUID, principal: Principal, scope: str = "tickets:read", lock: bool = False
) -> Ticket:
    """Return a ticket that the caller may see, locked for change if asked; raises `TicketNotFound`."""
    ticket = await repository.lock(session, ticket_id=ticket_id, principal=principal, scope=scope, for_update=lock)
    if ticket is None:
        raise TicketNotFound
    return ticket


async def share_with_firm(session: AsyncSession, *, ticket_id: UUID, firm_id: UUID, reason: str, now: datetime) -> None:
    """Let a partner firm see a case from now on, and keep why (OWN-07)."""
    shared = await session.execute(
        insert(TicketFirm)
        .values(ticket_id=ticket_id, firm_id=firm_id, since=now, reason=reason)
        .on_conflict_do_nothing()
        .returning(TicketFirm.firm_id)
    )
    if shared.scalar_one_or_none() is not None:
        await sharing.record_case(session, ticket_id=ticket_id, firm_id=firm_id, purpose=reason, now=now)


async def work_opened(session: AsyncSession, *, ticket_id: UUID) -> None:
    """Count a survey or work order that is open: the ticket can't be resolved before it ends."""
    await session.execute(
        update(Ticket)
        .where(Ticket.id == ticket_id)
        .values(open_work=Ticket.open_work + 1, version=Ticket.version + 1)
        .execution_options(synchronize_session=False)
    )
    await _refresh(session, ticket_id)


async def work_finished(session: AsyncSession, *, ticket_id: UUID, done: bool) -> None:
    """Count a survey or work order off. `done`: it ends the repair (signed off and called back, or nobody's to pay)."""
    await session.execute(
        update(Ticket)
        .where(Ticket.id == ticket_id)
        .values(
            open_work=Ticket.open_work - 1,
            work_done=Ticket.work_done + (1 if done else 0),
            version=Ticket.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    await _refresh(session, ticket_id)


async def _refresh(session: AsyncSession, ticket_id: UUID) -> None:
    for loaded in session.sync_session.identity_map.values():
        if isinstance(loaded, Ticket) and loaded.id == ticket_id:
            await session.refresh(loaded, attribute_names=["open_work", "work_done", "version"])


async def take(session: AsyncSession, *, ticket_id: UUID, step: str, principal: Principal) -> Ticket:
    """Lock a ticket for a step and move it; raises what forbids it. The caller fills in what the step brings."""
    ticket = await get_visible(session, ticket_id=ticket_id, principal=principal, lock=True)
    principal.require(LIFECYCLE.steps[step].scope, project_id=ticket.project_id)
    ticket.status = LIFECYCLE.check(step, status=ticket.status, subject=ticket, actor=principal)
    return ticket


async def record(
    session: AsyncSession,
    *,
    ticket: Ticket,
    kind: str,
    step: str | None,
    principal: Principal,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """Record an event of a ticket; its rules are those of the step."""
    await session.flush()
    await timeline.record(
        session,
        kind=kind,
        subject_kind="ticket",
        subject_id=ticket.id,
        ticket_id=ticket.id,
        project_id=ticket.project_id,
        actor=principal,
        now=now,
        rules=LIFECYCLE.steps[step].rules if step else (),
        data=data,
    )


async def firms_of(session: AsyncSession, *, ticket_id: UUID) -> list[UUID]:
    """Return the partner firms that a case was shared with."""
    return list(await session.scalars(select(TicketFirm.firm_id).where(TicketFirm.ticket_id == ticket_id)))
