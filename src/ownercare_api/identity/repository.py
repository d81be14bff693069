"""Every SELECT of the identity room."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, Row, Uuid, column, exists, null, or_, select, table, union_all
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

_FIRM = table("firm", column("id", Uuid()), column("active", Boolean()))
"""The table that `firm_id` refers to; the room of the firms is above this one."""


def _of_a_firm_we_work_with(firm_id: ColumnElement[UUID | None]) -> ColumnElement[bool]:
    """A firm that we no longer work with lets none of its people and machines in (OWN-07)."""
    return ~exists().where(_FIRM.c.id == firm_id, ~_FIRM.c.active)


async def active_grants(
    connection: Connection, *, account_id: UUID, now: datetime
) -> list[Row[str, GrantLevel, UUID | None, UUID | None]]:
    """Return (role, level, target_id, lent_by) of the grants in force: a person's own, and those lent to him.

    A lent grant holds while the delegation and the grant itself are in force and its holder is neither disabled nor
    must change an initial password, which somebody else knows.
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
            Account.must_change_password.is_(False),
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
            _of_a_firm_we_work_with(Account.__table__.c.firm_id),
        )
    )
    return found.one_or_none()


async def client_by_id(
    connection: Connection, client: UUID
) -> Row[UUID, str, list[str], GrantLevel, list[UUID], UUID | None, int | None, int] | None:
    """Return the columns of an enabled machine client."""
    found = await connection.execute(
        select(
            ApiClient.id,
            ApiClient.name,
            ApiClient.scopes,
            ApiClient.level,
            ApiClient.target_ids,
            ApiClient.firm_id,
            ApiClient.requests_per_minute,
            ApiClient.version,
        ).where(
            ApiClient.id == client,
            ApiClient.disabled_at.is_(None),
            _of_a_firm_we_work_with(ApiClient.__table__.c.firm_id),
        )
    )
    return found.one_or_none()


async def live_secrets(
    connection: Connection, *, client_id: str, now: datetime
) -> list[Row[UUID, bytes, UUID, list[str], int]]:
    """Return (secret's id, digest, client's id, scopes, version) of the live secrets of an enabled client."""
    found = await connection.execute(
        select(
            ClientSecret.id.label("secret_id"),
            ClientSecret.digest,
            ApiClient.id,
            ApiClient.scopes,
            ApiClient.version,
        )
        .join(ApiClient, ApiClient.id == ClientSecret.client_id)
        .where(
            ApiClient.client_id == client_id,
            ApiClient.disabled_at.is_(None),
            _of_a_firm_we_work_with(ApiClient.__table__.c.firm_id),
            or_(ClientSecret.expires_at.is_(None), ClientSecret.expires_at > now),
        )
    )
    return list(found.all())


async def credentials(connection: Connection, *, username: str) -> Row[UUID, str | None, datetime | None] | None:
    """Return (id, password_hash, disabled_at) by a login name; owners have no password."""
    found = await connection.execute(
        select(Account.id, Account.password_hash, Account.disabled_at).where(
            Account.username == username,
            Account.kind != AccountKind.OWNER,
            _of_a_firm_we_work_with(Account.__table__.c.firm_id),
        )
    )
    return found.one_or_none()
