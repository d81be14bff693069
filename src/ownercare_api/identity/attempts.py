"""Attempts to log in, counted by source, by name and source, and by name; the same for names that do not exist."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.database import Database
from ownercare_api.identity import limits
from ownercare_api.identity.directory import Directory
from ownercare_api.identity.principal import SYSTEM
from ownercare_api.identity.service import Desk


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was counted and let through."""

    name: bytes
    """What stands for the name it was made with, in the history."""
    pair: bytes
    known: bytes
    counted: list[limits.Counted]


async def begin(database: Database, *, desk: Desk, kind: str, name: str, source: str, now: datetime) -> Attempt:
    """Count an attempt with a name; raises `TooManyAttempts`. `kind` tells names of people from those of machines."""
    plain = unicodedata.normalize("NFKC", name).casefold().strip()
    whole = limits.key_of(desk.keyring, f"{kind}.name", plain)
    pair = limits.key_of(desk.keyring, f"{kind}.pair", plain, source)
    known = limits.key_of(desk.keyring, f"{kind}.known", plain, source)
    wanted = zip(limits.LOGIN, (limits.key_of(desk.keyring, "login.source", source), pair, whole), strict=True)
    async with database.reader() as connection:
        is_known = await limits.is_known(connection, key=known, now=now)
        counted = await limits.admit(connection, wanted=wanted, now=now, known=is_known)
    return Attempt(name=whole, pair=pair, known=known, counted=counted)


async def succeeded(session: AsyncSession, attempt: Attempt, *, now: datetime) -> None:
    """Take the attempt back and remember that this source is the name's own, in the transaction of the login."""
    await limits.give_back(session, [one for one in attempt.counted if one.key != attempt.pair])
    await limits.clear(session, key=attempt.pair)
    await limits.make_known(session, key=attempt.known, now=now)


async def withdrawn(database: Database, attempt: Attempt) -> None:
    """Take back an attempt that was never judged."""
    async with database.session() as session:
        await limits.give_back(session, attempt.counted)
        await session.commit()


async def failed(
    database: Database,
    *,
    directory: Directory,
    name: bytes,
    counted: list[limits.Counted],
    account_id: UUID | None,
    now: datetime,
) -> None:
    """Put on record that a failed attempt was the last one before a pause. Single failures are only counted: there is
    no end to them. A name that nobody has is recorded in the same way, without the name."""
    exhausted = [one.limit.name for one in counted if one.exhausted]
    if not exhausted:
        return
    async with database.session() as session:
        await directory.record(
            session,
            kind="session.refused",
            subject_kind="login_name" if account_id is None else "person",
            subject_id=account_id or UUID(bytes=bytes(8) + name),
            actor=SYSTEM,
            now=now,
            rules=("ORG-28",),
            data={"limits": exhausted},
        )
        await session.commit()
