"""Use cases: people log in with a password, machines with a secret."""

import hmac
from datetime import datetime

from sqlalchemy import select, update

from ownercare_api.core.database import Database
from ownercare_api.identity import attempts, initial, limits, repository
from ownercare_api.identity.models import Account, ApiClient, ClientSecret
from ownercare_api.identity.passwords import LoginsBusy, hash_password, is_outdated, verify_password
from ownercare_api.identity.principal import PrincipalKind
from ownercare_api.identity.service import BadCredentials, Desk, Tokens, digest, open_login


async def by_password(
    database: Database, *, desk: Desk, username: str, password: str, source: str, now: datetime
) -> Tokens:
    """Log a person in; raises `TooManyAttempts`, `BadCredentials` after the same work for every cause, `LoginsBusy`,
    and to who knows the password `InitialPasswordExpired`.

    No connection is held while the password is hashed, so a flood of logins does not starve other requests.
    """
    attempt = await attempts.begin(database, desk=desk, kind="person", name=username, source=source, now=now)
    async with database.reader() as connection:
        found = await repository.credentials(connection, username=username)
    stored = None if found is None or found.disabled_at is not None else found.password_hash
    try:
        right = await verify_password(password, stored)
        fresh = await hash_password(password) if right and stored is not None and is_outdated(stored) else None
    except LoginsBusy:
        await attempts.withdrawn(database, attempt)
        raise
    if not right or found is None:
        await attempts.failed(
            database,
            directory=desk.directory,
            name=attempt.name,
            counted=attempt.counted,
            account_id=None if found is None else found.id,
            now=now,
        )
        raise BadCredentials
    async with database.session() as session:
        # The password was read without a lock: whoever has changed it or disabled the account since has won.
        still = select(Account).where(Account.id == found.id, Account.password_hash == stored)
        account = await session.scalar(still.where(Account.disabled_at.is_(None)).with_for_update(key_share=True))
        if account is None:
            raise BadCredentials
        if initial.is_over(account, now=now):  # told to nobody but who knows the password
            await limits.give_back(session, attempt.counted)
            await session.commit()
            raise initial.InitialPasswordExpired
        if fresh is not None:
            await session.execute(
                update(Account)
                .where(Account.id == account.id)
                .values(password_hash=fresh, updated_at=Account.updated_at)
                .execution_options(synchronize_session=False)
            )
        await attempts.succeeded(session, attempt, now=now)
        tokens = await open_login(session, desk=desk, account=account, now=now)
        await session.commit()
    return tokens


async def by_secret(
    database: Database, *, desk: Desk, client_id: str, client_secret: str, source: str, now: datetime
) -> Tokens:
    """Give a machine its token; raises `TooManyAttempts`, `BadCredentials`."""
    attempt = await attempts.begin(database, desk=desk, kind="machine", name=client_id, source=source, now=now)
    given = digest(client_secret)
    async with database.reader() as connection:
        secrets = await repository.live_secrets(connection, client_id=client_id, now=now)
    right = [one for one in secrets if hmac.compare_digest(given, bytes(one.digest))]
    if not right:
        await attempts.failed(
            database,
            directory=desk.directory,
            name=attempt.name,
            counted=attempt.counted,
            account_id=secrets[0].id if secrets else None,
            now=now,
        )
        raise BadCredentials
    (used,) = right
    async with database.session() as session:
        key = await desk.keys.current(session, now=now)
        await session.execute(
            update(ApiClient).where(ApiClient.id == used.id).values(last_used_at=now, updated_at=ApiClient.updated_at)
        )
        await session.execute(update(ClientSecret).where(ClientSecret.id == used.secret_id).values(last_used_at=now))
        await attempts.succeeded(session, attempt, now=now)
        await session.commit()
    scopes = frozenset(used.scopes)
    token, seconds = desk.mint.sign(
        key=key,
        kind=PrincipalKind.CLIENT.value,
        subject=used.id,
        session_id=used.id,
        scopes=scopes,
        now=now,
        generation=used.version,
    )
    return Tokens(token, seconds, " ".join(sorted(scopes)), None)
