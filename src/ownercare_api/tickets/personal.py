"""The room's part of copies and erasure of personal data: cases, register lines, talks, who was given them."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.personal import ERASED_NAME, ERASED_TEXT, Person, plain, sweep, wipe
from ownercare_api.tickets.models import OwnerContact, RegisterEntry, Ticket, TicketFirm
from ownercare_api.tickets.registration import PHONE_COLUMN

_TICKET, _ENTRY, _CONTACT, _FIRM = (one.__table__ for one in (Ticket, RegisterEntry, OwnerContact, TicketFirm))
_NOBODY: dict[str, Any] = {"caller_name": ERASED_NAME, "caller_phone_masked": None}
_NO_PHONE: dict[str, Any] = {"caller_phone_encrypted": None, "caller_phone_index": None}


async def erase(session: AsyncSession, *, person: Person, keyring: Keyring, now: datetime) -> dict[str, int]:
    """Blank the texts of the person's own cases; in other people's cases take the person out as caller and by name."""
    count: dict[str, int] = {}
    own, near = list(person.ticket_ids), list(person.near_ticket_ids)
    texts = {"title": ERASED_TEXT, "description": ERASED_TEXT, "demand": None}
    await wipe(session, Ticket, where=_TICKET.c.id.in_(own), count=count, **texts, **_NOBODY, **_NO_PHONE)
    resolved = _TICKET.c.id.in_(own) & _TICKET.c.result.is_not(None)
    await wipe(session, Ticket, where=resolved, count={}, result=ERASED_TEXT)
    lines = _ENTRY.c.ticket_id.in_(own)
    await wipe(session, RegisterEntry, where=lines, count=count, summary=ERASED_TEXT, **_NOBODY)
    talks = _CONTACT.c.ticket_id.in_(own)
    await wipe(session, OwnerContact, where=talks, count=count, content=ERASED_TEXT, owner_opinion=None)

    called = _TICKET.c.caller_phone_index.in_(list(person.phone_indexes))
    callers = select(_TICKET.c.id).where(_TICKET.c.id.in_(near), called)
    await wipe(session, RegisterEntry, where=_ENTRY.c.ticket_id.in_(callers), count=count, **_NOBODY)
    await wipe(session, Ticket, where=_TICKET.c.id.in_(near) & called, count=count, **_NOBODY, **_NO_PHONE)
    for table, columns, ticket in (
        (Ticket, ("title", "description", "demand", "result", "caller_name"), _TICKET.c.id),
        (RegisterEntry, ("summary", "caller_name"), _ENTRY.c.ticket_id),
        (OwnerContact, ("content", "owner_opinion"), _CONTACT.c.ticket_id),
        (TicketFirm, ("reason",), _FIRM.c.ticket_id),
    ):
        await sweep(session, table, columns, pattern=person.nearby, count=count, where=ticket.in_([*own, *near]))
        await sweep(session, table, columns, pattern=person.everywhere, count=count)
    return count


async def collect(session: AsyncSession, *, person: Person, keyring: Keyring) -> dict[str, Any]:
    """Return the person's own cases with register lines and talks."""
    own = list(person.ticket_ids)
    cases = []
    for row in await session.execute(select(*_TICKET.c).where(_TICKET.c.id.in_(own)).order_by(_TICKET.c.id)):
        phone = row.caller_phone_encrypted
        number = None if phone is None else keyring.decrypt(bytes(phone), column=PHONE_COLUMN)
        cases.append(plain(row, "policy_snapshot_id", "registered_by", "handler_id") | {"caller_phone": number})
    lines = await session.execute(select(*_ENTRY.c).where(_ENTRY.c.ticket_id.in_(own)).order_by(_ENTRY.c.id))
    talks = await session.execute(select(*_CONTACT.c).where(_CONTACT.c.ticket_id.in_(own)).order_by(_CONTACT.c.id))
    return {
        "tickets": cases,
        "register_entries": [plain(row, "taken_by") for row in lines],
        "contacts": [plain(row, "by") for row in talks],
    }
