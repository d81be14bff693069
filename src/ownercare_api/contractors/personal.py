"""The room's part of copies and erasure of personal data: owners' numbers that somebody wrote into a reason.

Firms are no persons concerned; their contacts are business contacts. The purposes of looks at firms are never changed
and may hold no owners' names.
"""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.contractors.models_accounts import FirmBankAccountChange
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.personal import Person, sweep

_TEXTS = ("reason", "verification_note", "decision_reason")


async def erase(session: AsyncSession, *, person: Person, keyring: Keyring, now: datetime) -> dict[str, int]:
    """Hide the person's numbers in what was written about changes of accounts."""
    count: dict[str, int] = {}
    await sweep(session, FirmBankAccountChange, _TEXTS, pattern=person.everywhere, count=count)
    return count


async def collect(session: AsyncSession, *, person: Person, keyring: Keyring) -> dict[str, Any]:
    """Firms and their accounts are nothing of the person's."""
    return {}
