"""Every SELECT of the identity room."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.identity.models import (
    Account,
    AccountKind,
    ApiClient,
    AuthSession,
    ClientSecret,
    GrantLevel,
    RoleGrant,
)

Connection = AsyncConnection | AsyncSession


async def account_by_username(session: AsyncSession, username: str) -> Account | None:
    """Return an account by its login name."""
    return await session.scalar(select(Account).where(Account.username == username))


async def active_grants(
    connection: Connection, *, account_id: UUID, now: datetime
) -> list[Row[str, GrantLevel, UUID | None]]:
    """Return (role, level, target_id) of the grants in force."""
    found = await connection.execute(
        select(RoleGrant.role, RoleGrant.level, RoleGrant.target_id).where(
            RoleGrant.account_id == account_id,
            RoleGrant.starts_at <= now,
            or_(RoleGrant.ends_at.is_(None), RoleGrant.ends_at > now),
        )
    )
    return list(found.all())


async def open_session_account(
    connection: Connection, *, session_id: UUID, now: datetime
) -> Row[UUID, AccountKind, str, str | None, str, UUID | None] | None:
    """Return the account columns of a session that is not revoked or expired, of an account that is not disabled."""
    found = await connection.execute(
        select(Account.id, Account.kind, Account.name, Account.department, Account.post, Account.firm_id)
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
