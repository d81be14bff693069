"""Every SELECT of the identity room."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, Uuid, null, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.identity.models import (
    Account,
    AccountKind,
    ApiClient,
    AuthSession,
    ClientSecret,
    Delegation,
    GrantLevel,
    RoleGrant,
)

Connection = AsyncConnection | AsyncSession


async def account_by_username(session: AsyncSession, username: str) -> Account | None:
    """Return an account by its login name."""
    return await session.scalar(select(Account).where(Account.username == username))


async def active_grants(
    connection: Connection, *, account_id: UUID, now: datetime
) -> list[Row[str, GrantLevel, UUID | None, UUID | None]]:
    """Return (role, level, target_id, lent_by) of the grants in force: a person's own, and those lent to him.

    A lent grant holds while the delegation and the grant itself are in force and its holder is not disabled.
    """
    in_force = (RoleGrant.starts_at <= now, or_(RoleGrant.ends_at.is_(None), RoleGrant.ends_at > now))
    own = select(RoleGrant.role, RoleGrant.level, RoleGrant.target_id, null().cast(Uuid()).label("lent_by")).where(
        RoleGrant.account_id == account_id, *in_force
    )
    lent = (
        select(RoleGrant.role, RoleGrant.level, RoleGrant.target_id, Delegation.from_account_id)
        .join(Delegation, Delegation.grant_id == RoleGrant.id)
        .join(Account, Account.id == Delegation.from_account_id)
        .where(
            Delegation.to_account_id == account_id,
            Delegation.starts_at <= now,
            Delegation.ends_at > now,
            Delegation.withdrawn_at.is_(None),
            Account.disabled_at.is_(None),
            *in_force,
        )
    )
    return list((await connection.execute(union_all(own, lent))).all())


async def open_session_account(
    connection: Connection, *, session_id: UUID, now: datetime
) -> Row[UUID, AccountKind, str, str | None, str, UUID | None, UUID | None, bool] | None:
    """Return the account columns of a session that is not revoked or expired, of an account that is not disabled."""
    found = await connection.execute(
        select(
            Account.id,
            Account.kind,
            Account.name,
            Account.department,
            Account.post,
            Account.firm_id,
            Account.owner_id,
            Account.must_change_password,
        )
        .join(AuthSession, AuthSession.account_id == Account.id)
        .where(
            AuthSession.id == session_id,
            AuthSession.revoked_at.is_(None),
            AuthSession.expires_at > now,
            Account.disabled_at.is_(None),
        )
    )
    return found.one_or_none()


async def client_by_client_id(session: AsyncSession, client_id: str) -> ApiClient | None:
    """Return a machine client by its public id."""
    return await session.scalar(select(ApiClient).where(ApiClient.client_id == client_id))


async def client_by_id(
    connection: Connection, client: UUID
) -> Row[UUID, str, list[str], GrantLevel, list[UUID], UUID | None, int] | None:
    """Return the columns of an enabled machine client."""
    found = await connection.execute(
        select(
            ApiClient.id,
            ApiClient.name,
            ApiClient.scopes,
            ApiClient.level,
            ApiClient.target_ids,
            ApiClient.firm_id,
            ApiClient.version,
        ).where(ApiClient.id == client, ApiClient.disabled_at.is_(None))
    )
    return found.one_or_none()


async def live_secrets(session: AsyncSession, *, client: UUID, now: datetime) -> list[bytes]:
    """Return the digests of a client's secrets that are not expired."""
    found = await session.scalars(
        select(ClientSecret.digest).where(
            ClientSecret.client_id == client,
            or_(ClientSecret.expires_at.is_(None), ClientSecret.expires_at > now),
        )
    )
    return [bytes(digest) for digest in found]
