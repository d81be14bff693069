"""The room's part of erasure of personal data: why clocks stood still."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.personal import ERASED_TEXT, Person, sweep, wipe
from ownercare_api.deadlines.models import Hold

_HOLD = Hold.__table__


async def erase(session: AsyncSession, *, person: Person, keyring: Keyring, now: datetime) -> dict[str, int]:
    """Blank the reasons of holds of the person's own cases; sweep the others."""
    count: dict[str, int] = {}
    own = _HOLD.c.subject_id.in_(list(person.ticket_ids))
    await wipe(session, Hold, where=own, count=count, reason=ERASED_TEXT)
    near = _HOLD.c.subject_id.in_(list(person.near_ticket_ids))
    await sweep(session, Hold, ("reason",), pattern=person.nearby, count=count, where=near)
    await sweep(session, Hold, ("reason",), pattern=person.everywhere, count=count)
    return count


async def collect(session: AsyncSession, *, person: Person, keyring: Keyring) -> dict[str, Any]:
    """Clocks are the company's own duties: nothing of the person's."""
    return {}
