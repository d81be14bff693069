"""Use cases: an owner logs in with a code that is sent to the mobile on record.

Asking for a code does the same for every number: it is counted, a row is written, a job queued. Only the job, which
nobody can watch, finds out whether an owner has the number. Neither number nor code is ever written: the row holds the
number's blind index and a keyed digest of the code, the job the row's id.
"""

import hmac
import os
import unicodedata
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core import jobs
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import Database
from ownercare_api.core.errors import Conflict, Unauthenticated
from ownercare_api.core.ids import uuid7
from ownercare_api.core.messages import Message, Purpose
from ownercare_api.identity import attempts, limits
from ownercare_api.identity.directory import Directory, OwnerOfPhone
from ownercare_api.identity.models import Account, AccountKind, OneTimeCode
from ownercare_api.identity.service import OWNER_ROLE, Desk, Tokens, open_login

SEND = "one_time_code.send"
LIFETIME = timedelta(minutes=5)
PAUSE = limits.CODES[0].window
"""Between two codes to one number."""
TRIES = 5
OWNERS_NAME = "业主"


class BadCode(Unauthenticated):
    """401: the code is wrong, used, expired, tried too often, or was never sent; which one is not said."""

    code = "bad_one_time_code"
    zh = "验证码不正确或已失效,请核对,或重新获取。"
    en = "The code is wrong or no longer good; check it, or ask for another."


class OwnerAmbiguous(Conflict):
    """409: several owners have this number; the code was right and stays good."""

    code = "owner_ambiguous"
    zh = "该手机号登记在多位业主名下,请补充本人证件号码的后四位。"
    en = "Several owners have this number; add the last four characters of your document's number."


async def request(database: Database, *, desk: Desk, number: str, source: str, now: datetime) -> None:
    """Take the wish for a code to a number in normal form; raises `TooManyAttempts`, the same for every number."""
    of_number = [(limit, limits.key_of(desk.keyring, limit.name, number)) for limit in limits.CODES]
    of_source = (limits.CODES_PER_SOURCE, limits.key_of(desk.keyring, limits.CODES_PER_SOURCE.name, source))
    async with database.reader() as connection:
        await limits.admit(connection, wanted=[of_source, *of_number], now=now)
    indexes = desk.directory.owners.phone_indexes(number)
    async with database.session() as session:
        older = update(OneTimeCode).where(OneTimeCode.phone_index.in_(indexes), OneTimeCode.expires_at > now)
        await session.execute(older.values(expires_at=now))
        made = OneTimeCode(id=uuid7(), phone_index=indexes[0], digest=os.urandom(16), created_at=now)
        made.expires_at = now + LIFETIME
        session.add(made)
        await session.flush()
        args = {"code_id": str(made.id), "indexes": [one.hex() for one in indexes]}
        await jobs.enqueue(session, kind=SEND, args=args, run_at=now)
        await session.commit()


async def prepare(
    session: AsyncSession,
    *,
    code_id: UUID,
    indexes: Collection[bytes],
    keyring: Keyring,
    directory: Directory,
    now: datetime,
) -> Message | None:
    """Make the code good and return the message with it, if an owner has the number and the code is still wanted.

    Doing it again gives the same message: a gateway that is asked again, because its answer was lost, knows it by its
    id, and whichever of the two arrived holds the right code.
    """
    wanted = await session.get(OneTimeCode, code_id, with_for_update=True)
    if wanted is None or wanted.used_at is not None or wanted.expires_at <= now:
        return None
    number = await directory.owners.number(session, indexes)
    if number is None:
        return None
    code = _code(keyring, wanted.id)
    wanted.digest = _digest(keyring, wanted.id, code)
    await session.flush()
    minutes = int(LIFETIME.total_seconds()) // 60
    text = f"【OwnerCare】您的登录验证码为 {code},{minutes} 分钟内有效。请勿告诉任何人,工作人员不会向您索取。"
    return Message(id=wanted.id, to=number, text=text, purpose=Purpose.LOGIN_CODE)


async def exchange(
    database: Database,
    *,
    desk: Desk,
    number: str,
    code: str,
    document_last4: str | None,
    source: str,
    now: datetime,
) -> Tokens:
    """Log an owner in with a code; raises `TooManyAttempts`, `BadCode`, `OwnerAmbiguous`.

    Every try is counted before it is judged, so that tries at the same instant get no further than five.
    """
    by_number = limits.key_of(desk.keyring, limits.TRIES_PER_NUMBER.name, number)
    by_source = limits.key_of(desk.keyring, limits.TRIES_PER_SOURCE.name, source)
    indexes = desk.directory.owners.phone_indexes(number)
    async with database.reader() as connection:
        wanted = [(limits.TRIES_PER_SOURCE, by_source), (limits.TRIES_PER_NUMBER, by_number)]
        counted = await limits.admit(connection, wanted=wanted, now=now)
    tried = await _try(database, indexes=indexes, now=now)
    given = unicodedata.normalize("NFKC", code).strip()
    known_id, known = (UUID(int=0), b"") if tried is None else tried
    if not hmac.compare_digest(_digest(desk.keyring, known_id, given), known):
        await attempts.failed(
            database, directory=desk.directory, name=by_number, counted=counted, account_id=None, now=now
        )
        raise BadCode
    async with database.session() as session:
        owners = await desk.directory.owners.owners_of_phone(session, indexes)
        owner_id = _the_one(owners, document_last4)
        if not await _use(session, code_id=known_id, now=now):
            raise BadCode
        account = await _account(session, owner_id=owner_id, now=now)
        await limits.give_back(session, counted)
        tokens = await open_login(session, desk=desk, account=account, now=now)
        await session.commit()
    return tokens


def _code(keyring: Keyring, code_id: UUID) -> str:
    """Return the six digits of a code; they follow from its id and the installation's key, and are kept nowhere."""
    return f"{keyring.lock_key(str(code_id), column='one_time_code.code') % 10**6:06d}"


def _digest(keyring: Keyring, code_id: UUID, code: str) -> bytes:
    """Return a keyed digest: a million codes are quickly tried on a plain one."""
    return keyring.lock_key(f"{code_id}\0{code}", column="one_time_code.digest").to_bytes(8, signed=True)


async def _try(database: Database, *, indexes: Collection[bytes], now: datetime) -> tuple[UUID, bytes] | None:
    """Count a try on a number's code and commit; returns (id, digest) unless there is none, or its tries are spent."""
    latest = (
        select(OneTimeCode.id)
        .where(OneTimeCode.phone_index.in_(indexes), OneTimeCode.expires_at > now, OneTimeCode.used_at.is_(None))
        .order_by(OneTimeCode.created_at.desc(), OneTimeCode.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    count = (
        update(OneTimeCode)
        .where(OneTimeCode.id == latest, OneTimeCode.attempts < TRIES)
        .values(attempts=OneTimeCode.attempts + 1)
        .returning(OneTimeCode.id, OneTimeCode.digest)
        .execution_options(synchronize_session=False)
    )
    async with database.session() as session:
        row = (await session.execute(count)).one_or_none()
        await session.commit()
    return None if row is None else (row.id, bytes(row.digest))


def _the_one(owners: Sequence[OwnerOfPhone], document_last4: str | None) -> UUID:
    """Return who it is; the document counts whenever it is given."""
    fitting = owners
    if document_last4 is not None:
        last4 = unicodedata.normalize("NFKC", document_last4).strip()
        fitting = [one for one in owners if one.has_document_ending(last4)]
    if not fitting:
        raise BadCode
    if len(fitting) > 1:
        raise OwnerAmbiguous
    return fitting[0].owner_id


async def _use(session: AsyncSession, *, code_id: UUID, now: datetime) -> bool:
    """Use a code up; False when somebody else was faster, or a newer one was asked for."""
    use = update(OneTimeCode).where(
        OneTimeCode.id == code_id, OneTimeCode.used_at.is_(None), OneTimeCode.expires_at > now
    )
    return (await session.scalar(use.values(used_at=now).returning(OneTimeCode.id))) is not None


async def _account(session: AsyncSession, *, owner_id: UUID, now: datetime) -> Account:
    """Return the owner's account, made at the first login; it carries nothing personal. Raises `BadCode`."""
    await session.execute(
        insert(Account)
        .values(
            id=uuid7(),
            kind=AccountKind.OWNER,
            username=f"owner:{owner_id}",
            name=OWNERS_NAME,
            post=OWNER_ROLE,
            owner_id=owner_id,
            created_at=now,
            updated_at=now,
        )
        .on_conflict_do_nothing()
    )
    found = select(Account).where(Account.owner_id == owner_id, Account.disabled_at.is_(None))
    account = await session.scalar(found.with_for_update(key_share=True))
    if account is None:
        raise BadCode
    return account


def over(now: datetime) -> ColumnElement[bool]:
    """Return the condition on codes that were used or ran out more than a day ago: they are not kept."""
    before = now - timedelta(days=1)
    return or_(OneTimeCode.expires_at < before, OneTimeCode.used_at < before)
