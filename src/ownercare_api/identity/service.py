"""Use cases of logging in: tokens for people and machines, refresh families, revocation."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, cast
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.database import Database
from ownercare_api.core.errors import Unauthenticated
from ownercare_api.core.ids import uuid7
from ownercare_api.identity import repository
from ownercare_api.identity.directory import Directory
from ownercare_api.identity.keys import KeyStore
from ownercare_api.identity.models import Account, AccountKind, ApiClient, AuthSession, GrantLevel
from ownercare_api.identity.passwords import verify_password
from ownercare_api.identity.principal import Grant, Principal, PrincipalKind, Reach
from ownercare_api.identity.roles import ROLES
from ownercare_api.identity.tokens import TokenMint


class BadCredentials(Unauthenticated):
    """401: the name, password or secret is wrong; which one is not said."""

    code = "bad_credentials"
    zh = "用户名或密码不正确。"
    en = "The name or the password is wrong."


class BadRefreshToken(Unauthenticated):
    """401: the refresh token is unknown, expired or was used before; a reused one ends its whole login."""

    code = "bad_refresh_token"
    zh = "刷新令牌无效或已被使用,请重新登录。"
    en = "The refresh token is invalid or was used before; log in again."


OWNER_ROLE = "owner"
"""The one role that is not granted: every owner who logs in has it, over what is his own."""

_KINDS = {
    AccountKind.STAFF: PrincipalKind.STAFF,
    AccountKind.FIRM_USER: PrincipalKind.FIRM_USER,
    AccountKind.OWNER: PrincipalKind.OWNER,
}


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login gives."""

    access_token: str
    expires_in: int
    scope: str
    refresh_token: str | None


class PersonFacts(Protocol):
    """The columns of an account that make a principal."""

    @property
    def id(self) -> UUID: ...
    @property
    def kind(self) -> AccountKind: ...
    @property
    def name(self) -> str: ...
    @property
    def department(self) -> str | None: ...
    @property
    def post(self) -> str | None: ...
    @property
    def firm_id(self) -> UUID | None: ...
    @property
    def owner_id(self) -> UUID | None: ...
    @property
    def must_change_password(self) -> bool: ...


@dataclass(frozen=True)
class Desk:
    """The parts that the identity room keeps in a process."""

    mint: TokenMint
    keys: KeyStore
    directory: Directory
    refresh_lifetime: timedelta


def digest(secret: str) -> bytes:
    """Return the digest of a random secret (of at least 128 bits, so no slow hash is needed)."""
    return hashlib.sha256(secret.encode()).digest()


async def login(session: AsyncSession, *, desk: Desk, username: str, password: str, now: datetime) -> Tokens:
    """Log a person in; raises `BadCredentials` in the same time for every cause."""
    account = await repository.account_by_username(session, username)
    usable = account is not None and account.disabled_at is None
    right = await verify_password(password, account.password_hash if usable and account else None)
    if not right or account is None:
        raise BadCredentials
    principal = await load_person(session, account=account, session_id=None, directory=desk.directory, now=now)
    secret = secrets.token_urlsafe(32)
    opened = AuthSession(
        id=uuid7(),
        account_id=account.id,
        created_at=now,
        expires_at=now + desk.refresh_lifetime,
        refresh_digest=digest(secret),
        generation=1,
    )
    session.add(opened)
    await session.flush()
    return await _person_tokens(session, desk=desk, principal=principal, opened=opened, secret=secret, now=now)


async def refresh(session: AsyncSession, *, desk: Desk, refresh_token: str, now: datetime) -> Tokens | None:
    """Exchange a refresh token for a new pair. None: it was used before, and its login is now revoked: commit that.

    Raises `BadRefreshToken` when it is unknown or expired.
    """
    family, _, secret = refresh_token.partition(".")
    try:
        family_id = UUID(family)
    except ValueError:
        raise BadRefreshToken from None
    opened = await session.scalar(select(AuthSession).where(AuthSession.id == family_id).with_for_update())
    if opened is None or opened.revoked_at is not None or opened.expires_at <= now:
        raise BadRefreshToken
    if not hmac.compare_digest(bytes(opened.refresh_digest), digest(secret)):
        opened.revoked_at, opened.revoked_because = now, "refresh_token_reused"
        return None
    account = await session.get(Account, opened.account_id)
    if account is None or account.disabled_at is not None:
        raise BadRefreshToken
    fresh = secrets.token_urlsafe(32)
    opened.refresh_digest, opened.generation = digest(fresh), opened.generation + 1
    principal = await load_person(session, account=account, session_id=opened.id, directory=desk.directory, now=now)
    await session.flush()
    return await _person_tokens(session, desk=desk, principal=principal, opened=opened, secret=fresh, now=now)


async def client_token(
    session: AsyncSession, *, desk: Desk, client_id: str, client_secret: str, now: datetime
) -> Tokens:
    """Give a machine its token; raises `BadCredentials`."""
    client = await repository.client_by_client_id(session, client_id)
    given = digest(client_secret)
    known = await repository.live_secrets(session, client=client.id if client else UUID(int=0), now=now)
    if client is None or client.disabled_at is not None or not any(hmac.compare_digest(given, one) for one in known):
        raise BadCredentials
    await session.execute(
        update(ApiClient).where(ApiClient.id == client.id).values(last_used_at=now, updated_at=ApiClient.updated_at)
    )
    key = await desk.keys.current(session, now=now)
    scopes = frozenset(client.scopes)
    token, seconds = desk.mint.sign(
        key=key,
        kind=PrincipalKind.CLIENT.value,
        subject=client.id,
        session_id=client.id,
        scopes=scopes,
        now=now,
        generation=client.version,
    )
    return Tokens(token, seconds, " ".join(sorted(scopes)), None)


async def logout(session: AsyncSession, *, session_id: UUID, now: datetime) -> None:
    """End a login on every worker, within the seconds that principals are cached."""
    await _revoke(session, AuthSession.id == session_id, now=now, because="logout")


async def revoke_all(session: AsyncSession, *, account_id: UUID, now: datetime, because: str) -> None:
    """End every login of a person: password or role change, disabling."""
    await _revoke(session, AuthSession.account_id == account_id, now=now, because=because)


async def _revoke(session: AsyncSession, which: ColumnElement[bool], *, now: datetime, because: str) -> None:
    await session.execute(
        update(AuthSession)
        .where(which, AuthSession.revoked_at.is_(None))
        .values(revoked_at=now, revoked_because=because)
    )


async def _person_tokens(
    session: AsyncSession, *, desk: Desk, principal: Principal, opened: AuthSession, secret: str, now: datetime
) -> Tokens:
    token, seconds = desk.mint.sign(
        key=await desk.keys.current(session, now=now),
        kind=principal.kind.value,
        subject=principal.id,
        session_id=opened.id,
        scopes=principal.scopes,
        now=now,
    )
    return Tokens(token, seconds, " ".join(sorted(principal.scopes)), f"{opened.id}.{secret}")


async def load_person(
    connection: repository.Connection,
    *,
    account: PersonFacts,
    session_id: UUID | None,
    directory: Directory,
    now: datetime,
) -> Principal:
    """Build the principal of a person from the grants in force now.

    An owner holds the role `owner` over what is his own; one who must change the password holds nothing yet.
    """
    return Principal(
        kind=_KINDS[account.kind],
        id=account.id,
        name=account.name,
        grants=() if account.must_change_password else await _grants(connection, account, directory, now=now),
        department=account.department,
        post=account.post,
        firm_id=account.firm_id,
        owner_id=account.owner_id,
        session_id=session_id,
    )


async def _grants(
    connection: repository.Connection, account: PersonFacts, directory: Directory, *, now: datetime
) -> tuple[Grant, ...]:
    if account.kind is AccountKind.OWNER:
        return (Grant(role=OWNER_ROLE, scopes=ROLES[OWNER_ROLE].scopes, reach=Reach()),)
    grants = []
    for row in await repository.active_grants(connection, account_id=account.id, now=now):
        role = ROLES.get(row.role)
        if role is None:
            continue
        reach = await _reach(connection, level=row.level, targets=[row.target_id], directory=directory)
        grants.append(Grant(role=role.code, scopes=role.scopes, reach=reach, lent_by=row.lent_by))
    return tuple(grants)


async def _reach(
    connection: repository.Connection, *, level: GrantLevel, targets: list[UUID], directory: Directory
) -> Reach:
    if level is GrantLevel.COMPANY:
        return Reach(everywhere=True)
    if level is GrantLevel.REGION:
        return Reach(projects=await directory.projects_of_regions(connection, targets))
    if level is GrantLevel.PROJECT:
        return Reach(projects=frozenset(targets))
    return Reach(firms=frozenset(targets))


async def load_principal(
    database: Database, *, kind: str, subject: UUID, session_id: UUID, generation: int, desk: Desk, now: datetime
) -> Principal | None:
    """Load who a verified token stands for; None when the login was ended, or the account or client disabled."""
    async with database.reader() as connection:
        if kind == PrincipalKind.CLIENT.value:
            client = await repository.client_by_id(connection, subject)
            if client is None or client.version != generation:
                return None
            reach = await _reach(
                connection,
                level=client.level,
                targets=list(client.target_ids),
                directory=desk.directory,
            )
            grant = Grant(role="client", scopes=frozenset(client.scopes), reach=reach)
            return Principal(
                kind=PrincipalKind.CLIENT,
                id=subject,
                name=client.name,
                grants=(grant,),
                firm_id=client.firm_id,
            )
        row = await repository.open_session_account(connection, session_id=session_id, now=now)
        if row is None or row.id != subject:
            return None
        return await load_person(
            connection,
            account=cast(PersonFacts, row),
            session_id=session_id,
            directory=desk.directory,
            now=now,
        )


async def active_person(session: AsyncSession, *, account_id: UUID) -> Account | None:
    """Return a person who is not disabled, or None; to name handlers, captains and the like."""
    account = await session.get(Account, account_id)
    return account if account is not None and account.disabled_at is None else None
