"""Logins of people: opened, refreshed, ended; and who a token stands for.

A login (会话) is a family of refresh tokens, each good once. It ends when it is ended, after `refresh_lifetime` however
much it is used, and, for staff and firms' users, when it lies unused for `refresh_idle`.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, cast
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import Database
from ownercare_api.core.errors import Unauthenticated
from ownercare_api.core.ids import uuid7
from ownercare_api.identity import repository
from ownercare_api.identity.directory import Directory
from ownercare_api.identity.keys import KeyStore
from ownercare_api.identity.models import Account, AccountKind, AuthSession, GrantLevel
from ownercare_api.identity.principal import SYSTEM, Grant, Principal, PrincipalKind, Reach
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

REUSED = "refresh_token_reused"

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
    keyring: Keyring
    refresh_lifetime: timedelta
    refresh_idle: timedelta

    def ends(self, *, kind: AccountKind, opened_at: datetime, now: datetime) -> datetime:
        """Return when a login that is used now ends if it is not used again."""
        last = opened_at + self.refresh_lifetime
        return last if kind is AccountKind.OWNER else min(last, now + self.refresh_idle)


def digest(secret: str) -> bytes:
    """Return the digest of a random secret (of at least 128 bits, so no slow hash is needed)."""
    return hashlib.sha256(secret.encode()).digest()


async def open_login(session: AsyncSession, *, desk: Desk, account: Account, now: datetime) -> Tokens:
    """Open a login of a person and return its first tokens; who it is has been checked."""
    principal = await load_person(session, account=account, session_id=None, directory=desk.directory, now=now)
    secret = secrets.token_urlsafe(32)
    opened = AuthSession(
        id=uuid7(),
        account_id=account.id,
        created_at=now,
        expires_at=desk.ends(kind=account.kind, opened_at=now, now=now),
        refresh_digest=digest(secret),
        generation=1,
    )
    session.add(opened)
    await session.flush()
    await desk.directory.record(
        session,
        kind="session.opened",
        subject_kind="session",
        subject_id=opened.id,
        actor=principal,
        now=now,
        rules=("ORG-28",),
        data={"by": "one_time_code" if account.kind is AccountKind.OWNER else "password"},
    )
    return await _person_tokens(session, desk=desk, principal=principal, opened=opened, secret=secret, now=now)


async def refresh(session: AsyncSession, *, desk: Desk, refresh_token: str, now: datetime) -> Tokens | None:
    """Exchange a refresh token for a new pair. None: it was used before, and its login is now revoked: commit that.

    Raises `BadRefreshToken` when it is unknown or expired, or the login has ended. Only a token that we gave out once
    counts as reuse: its family's id is no secret, and with that alone nobody may end a colleague's login.
    """
    family, _, rest = refresh_token.partition(".")
    secret, _, tag = rest.partition(".")
    try:
        family_id = UUID(family)
    except ValueError:
        raise BadRefreshToken from None
    opened = await session.scalar(select(AuthSession).where(AuthSession.id == family_id).with_for_update())
    if opened is None or opened.revoked_at is not None or opened.expires_at <= now:
        raise BadRefreshToken
    account = await session.get_one(Account, opened.account_id)
    if not hmac.compare_digest(bytes(opened.refresh_digest), digest(secret)):
        if not hmac.compare_digest(_tag(desk, opened.id, secret).encode(), tag.encode()):
            raise BadRefreshToken
        await _end_reused(session, desk=desk, opened=opened, account=account, now=now)
        return None
    if account.disabled_at is not None or not await _owner_may_log_in(session, account, desk.directory):
        raise BadRefreshToken
    fresh = secrets.token_urlsafe(32)
    opened.refresh_digest, opened.generation = digest(fresh), opened.generation + 1
    opened.expires_at = desk.ends(kind=account.kind, opened_at=opened.created_at, now=now)
    principal = await load_person(session, account=account, session_id=opened.id, directory=desk.directory, now=now)
    await session.flush()
    return await _person_tokens(session, desk=desk, principal=principal, opened=opened, secret=fresh, now=now)


async def _end_reused(
    session: AsyncSession, *, desk: Desk, opened: AuthSession, account: Account, now: datetime
) -> None:
    opened.revoked_at, opened.revoked_because = now, REUSED
    await session.flush()
    await desk.directory.record(
        session,
        kind="session.revoked",
        subject_kind="session",
        subject_id=opened.id,
        actor=SYSTEM,
        now=now,
        rules=("ORG-28",),
        data={"because": REUSED, "account_id": str(account.id)},
    )


def _tag(desk: Desk, family: UUID, secret: str) -> str:
    number = desk.keyring.lock_key(f"{family}.{secret}", column="auth_session.refresh_token")
    return f"{number & (1 << 64) - 1:016x}"


async def logout(session: AsyncSession, *, desk: Desk, principal: Principal, now: datetime) -> None:
    """End the caller's own login on every worker, within the seconds that principals are cached."""
    if principal.session_id is None:
        return
    if await revoke(session, session_id=principal.session_id, now=now, because="logout"):
        await desk.directory.record(
            session,
            kind="session.ended",
            subject_kind="session",
            subject_id=principal.session_id,
            actor=principal,
            now=now,
            rules=("ORG-28",),
        )


async def revoke(session: AsyncSession, *, session_id: UUID, now: datetime, because: str) -> bool:
    """End one login; says whether it was open."""
    return bool(await _revoke(session, AuthSession.id == session_id, now=now, because=because))


async def revoke_all(
    session: AsyncSession, *, account_id: UUID, now: datetime, because: str, but: UUID | None = None
) -> int:
    """End every login of a person, `but` one: password or role change, disabling; returns how many."""
    which = AuthSession.account_id == account_id
    return await _revoke(session, which if but is None else which & (AuthSession.id != but), now=now, because=because)


async def end_owner_logins(session: AsyncSession, *, owner_id: UUID, now: datetime, because: str) -> int:
    """End every login of an owner, who may log in again: a number of his is no longer his, or the record is another
    person's too (OWN-05); returns how many."""
    account_id = await session.scalar(select(Account.id).where(Account.owner_id == owner_id))
    return 0 if account_id is None else await revoke_all(session, account_id=account_id, now=now, because=because)


async def close_owner_account(session: AsyncSession, *, owner_id: UUID, now: datetime, because: str) -> None:
    """End an owner's logins for good: the record was erased, or merged into another."""
    account = await session.scalar(select(Account).where(Account.owner_id == owner_id).with_for_update())
    if account is not None:
        account.disabled_at = account.disabled_at or now
        await revoke_all(session, account_id=account.id, now=now, because=because)


async def _revoke(session: AsyncSession, which: ColumnElement[bool], *, now: datetime, because: str) -> int:
    done = await session.scalars(
        update(AuthSession)
        .where(which, AuthSession.revoked_at.is_(None))
        .values(revoked_at=now, revoked_because=because)
        .returning(AuthSession.id)
    )
    return len(done.all())


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
    refresh_token = f"{opened.id}.{secret}.{_tag(desk, opened.id, secret)}"
    return Tokens(token, seconds, " ".join(sorted(principal.scopes)), refresh_token)


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
        must_change_password=account.must_change_password,
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
                requests_per_minute=client.requests_per_minute,
            )
        row = await repository.open_session_account(connection, session_id=session_id, now=now)
        if row is None or row.id != subject or row.kind.value != kind:
            return None
        person = cast(PersonFacts, row)
        if not await _owner_may_log_in(connection, person, desk.directory):
            return None
        return await load_person(
            connection,
            account=person,
            session_id=session_id,
            directory=desk.directory,
            now=now,
        )


async def _owner_may_log_in(connection: repository.Connection, account: PersonFacts, directory: Directory) -> bool:
    return account.owner_id is None or await directory.owners.may_log_in(connection, account.owner_id)


async def active_person(session: AsyncSession, *, account_id: UUID) -> Account | None:
    """Return a person who is not disabled, or None; to name handlers, captains and the like."""
    account = await session.get(Account, account_id)
    return account if account is not None and account.disabled_at is None else None
