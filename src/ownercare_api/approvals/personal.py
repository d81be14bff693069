"""The room's part of erasure of personal data: titles and comments are swept; decisions and amounts stay."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.approvals.models import Approval, ApprovalStep
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.personal import Person, sweep

_APPROVAL, _STEP = Approval.__table__, ApprovalStep.__table__


async def erase(session: AsyncSession, *, person: Person, keyring: Keyring, now: datetime) -> dict[str, int]:
    """Hide names and numbers in what was asked for and answered."""
    count: dict[str, int] = {}
    cases = [*person.ticket_ids, *person.near_ticket_ids]
    theirs = _APPROVAL.c.ticket_id.in_(cases)
    steps = _STEP.c.approval_id.in_(select(_APPROVAL.c.id).where(theirs))
    for table, columns, where in ((Approval, ("title",), theirs), (ApprovalStep, ("comment",), steps)):
        await sweep(session, table, columns, pattern=person.nearby, count=count, where=where)
        await sweep(session, table, columns, pattern=person.everywhere, count=count)
    return count


async def collect(session: AsyncSession, *, person: Person, keyring: Keyring) -> dict[str, Any]:
    """Approvals are the company's own decisions: nothing of the person's."""
    return {}
