"""The room's part of erasure of personal data. Accounts are kept as the law of accounting wants it; names and numbers
are swept from their texts. Ledger, replies and rulings are append-only and hold numbers of documents, not of people."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.personal import Person, sweep
from ownercare_api.settlements.models import FinalAccount, FinalAccountLine, Settlement

_ACCOUNT, _LINE, _SETTLEMENT = FinalAccount.__table__, FinalAccountLine.__table__, Settlement.__table__


async def erase(session: AsyncSession, *, person: Person, keyring: Keyring, now: datetime) -> dict[str, int]:
    """Hide names and numbers in the texts of final accounts and settlements."""
    count: dict[str, int] = {}
    cases = [*person.ticket_ids, *person.near_ticket_ids]
    theirs = _ACCOUNT.c.ticket_id.in_(cases)
    lines = _LINE.c.account_id.in_(select(_ACCOUNT.c.id).where(theirs))
    for table, columns, where in (
        (FinalAccount, ("note", "return_reason"), theirs),
        (FinalAccountLine, ("description", "audit_comment"), lines),
        (Settlement, ("certification_opinion",), _SETTLEMENT.c.ticket_id.in_(cases)),
    ):
        await sweep(session, table, columns, pattern=person.nearby, count=count, where=where)
        await sweep(session, table, columns, pattern=person.everywhere, count=count)
    return count


async def collect(session: AsyncSession, *, person: Person, keyring: Keyring) -> dict[str, Any]:
    """Accounts are the company's and the firms': nothing of the person's."""
    return {}
