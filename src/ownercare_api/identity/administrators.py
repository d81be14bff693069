"""Administrators of an installation: the first one, made from the command line, and the last one, who stays."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import Conflict
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.directory import Record
from ownercare_api.identity.models import Account, AccountKind, GrantLevel, RoleGrant
from ownercare_api.identity.passwords import check_strength, hash_password
from ownercare_api.identity.principal import SYSTEM

ROLE = "system_administrator"


class UsernameTaken(Conflict):
    """409: somebody has this login name."""

    code = "username_taken"
    zh, en = "该用户名已被使用。", "This user name is taken."


class LastAdministrator(Conflict):
    """409: nobody would be left who administers the whole company without an end date."""

    code = "last_administrator"
    zh = "系统须至少保留一名在用的、全公司且无终止日期的系统管理员。"
    en = "At least one active system administrator of the whole company, without an end date, must remain."
    rules = ("ORG-10", "ORG-28")


async def add_administrator(
    session: AsyncSession, *, username: str, name: str, password: str, record: Record, now: datetime
) -> UUID:
    """Add a system administrator whose role reaches the whole company (ORG-28); returns the account's id.

    The events say that the system did it: whoever has the command line has the installation. Raises
    `WeakPassword` and `UsernameTaken`.
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
    told: dict[str, Any] = {"actor": SYSTEM, "now": now, "rules": ("ORG-28",)}
    opened = {"account_kind": account.kind.value, "post": ROLE, "department": account.department, "firm_id": None}
    given: dict[str, Any] = {"person_id": str(account.id), "role": ROLE, "level": grant.level.value, "target_id": None}
    given |= {"starts_at": now.isoformat(), "ends_at": None}
    await record(session, kind="person.created", subject_kind="person", subject_id=account.id, data=opened, **told)
    await record(session, kind="grant.given", subject_kind="role_grant", subject_id=grant.id, data=given, **told)
    return account.id


async def take_turns(session: AsyncSession) -> None:
    """Let changes of authority happen one after another, until the transaction ends.

    Taken before any row is locked, so that nobody waits in a circle. What is read afterwards includes whatever the one
    before committed: that is what makes "no overlap" and "one administrator remains" hold in a race.
    """
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("identity.administration"))))


def _permanent(now: datetime) -> Select[UUID]:
    return (
        select(RoleGrant.id)
        .join(Account, Account.id == RoleGrant.account_id)
        .where(
            RoleGrant.role == ROLE,
            RoleGrant.level == GrantLevel.COMPANY,
            RoleGrant.starts_at <= now,
            RoleGrant.ends_at.is_(None),
            Account.disabled_at.is_(None),
        )
    )


async def is_permanent(session: AsyncSession, *, account_id: UUID, now: datetime) -> bool:
    """Say whether a person is one of those of whom one must remain."""
    return await session.scalar(_permanent(now).where(RoleGrant.account_id == account_id).limit(1)) is not None


async def require_one(session: AsyncSession, *, now: datetime) -> None:
    """Raise `LastAdministrator` if the change just flushed leaves no permanent administrator. Needs `take_turns`."""
    if await session.scalar(_permanent(now).limit(1)) is None:
        raise LastAdministrator
