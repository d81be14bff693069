"""The room's part of copies and erasure of personal data: the person's login and its one-time codes."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.personal import Person, plain
from ownercare_api.identity.models import Account, AuthSession, OneTimeCode
from ownercare_api.identity.service import close_owner_account

_ACCOUNT, _SESSION, _CODE = Account.__table__, AuthSession.__table__, OneTimeCode.__table__


async def erase(session: AsyncSession, *, person: Person, keyring: Keyring, now: datetime) -> dict[str, int]:
    """End the person's logins for good and delete codes sent to his numbers. The account bears no name."""
    for owner_id in person.owner_ids:
        await close_owner_account(session, owner_id=owner_id, now=now, because="erased")
    codes = _CODE.c.phone_index.in_(list(person.phone_indexes))
    sent = delete(OneTimeCode).where(codes).execution_options(synchronize_session=False)
    gone: Any = await session.execute(sent)
    return {"account": len(person.account_ids), "one_time_code": int(gone.rowcount)}


async def collect(session: AsyncSession, *, person: Person, keyring: Keyring) -> dict[str, Any]:
    """Return when the person logged in."""
    columns = [_SESSION.c.id, _SESSION.c.created_at, _SESSION.c.expires_at, _SESSION.c.revoked_at]
    own = select(*columns).where(_SESSION.c.account_id.in_(list(person.account_ids))).order_by(_SESSION.c.id)
    return {"logins": [plain(row) for row in await session.execute(own)]}
