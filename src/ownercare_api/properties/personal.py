"""The room's part of copies and erasure of personal data: what was written down when a home was handed over."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.personal import Person, plain, sweep
from ownercare_api.properties.models import UnitDelivery

_DELIVERY = UnitDelivery.__table__


async def erase(session: AsyncSession, *, person: Person, keyring: Keyring, now: datetime) -> dict[str, int]:
    """Hide names and numbers in the records of delivery of the person's homes; the records are the homes'."""
    count: dict[str, int] = {}
    here = _DELIVERY.c.unit_id.in_(list(person.unit_ids))
    columns = ("content", "correction_reason")
    await sweep(session, UnitDelivery, columns, pattern=person.nearby, count=count, where=here)
    await sweep(session, UnitDelivery, columns, pattern=person.everywhere, count=count)
    return count


async def collect(session: AsyncSession, *, person: Person, keyring: Keyring) -> dict[str, Any]:
    """Return the deliveries of the person's homes."""
    here = select(*_DELIVERY.c).where(_DELIVERY.c.unit_id.in_(list(person.unit_ids))).order_by(_DELIVERY.c.id)
    return {"deliveries": [plain(row, "recorded_by") for row in await session.execute(here)]}
