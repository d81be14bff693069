"""The first administrator of an installation, made from the command line."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import Conflict
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.models import Account, AccountKind, GrantLevel, RoleGrant
from ownercare_api.identity.passwords import check_strength, hash_password

ROLE = "system_administrator"


class UsernameTaken(Conflict):
    """409: somebody has this login name."""

    code = "username_taken"
    zh, en = "该用户名已被使用。", "This user name is taken."


async def add_administrator(session: AsyncSession, *, username: str, name: str, password: str, now: datetime) -> UUID:
    """Add a system administrator whose role reaches the whole company (ORG-28); returns the account's id.

    Raises `WeakPassword` and `UsernameTaken`.
    """
    check_strength(password)
    if await session.scalar(select(Account.id).where(Account.username == username)) is not None:
        raise UsernameTaken
    account = Account(
        id=uuid7(),
        kind=AccountKind.STAFF,
        username=username,
        name=name,
        post=ROLE,
        department="information",
        password_hash=await hash_password(password),
        password_changed_at=now,
    )
    session.add(account)
    await session.flush()
    grant = RoleGrant(id=uuid7(), account_id=account.id, role=ROLE, level=GrantLevel.COMPANY)
    grant.starts_at = now
    session.add(grant)
    await session.flush()
    return account.id
