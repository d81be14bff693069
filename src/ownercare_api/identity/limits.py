"""Limits of attempts, shared by every worker: so many within a window, then pauses.

An attempt is counted before it is judged and given back when it was right, so that any number of attempts at the same
instant gets no further than the limit. Counting commits by itself: it stays although the login fails. What is counted
is kept as a keyed digest, which survives the rotation of keys: no name, number or address is in the table.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Float, and_, case, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.errors import TooMany
from ownercare_api.identity.models import Throttle
from ownercare_api.identity.repository import Connection

_INSTANT = DateTime(timezone=True)
_HOUR = timedelta(hours=1)
_KNOWN_FOR = timedelta(days=30)
_LONGEST_WINDOW = timedelta(days=1)


class TooManyAttempts(TooMany):
    """429: too many attempts with this name or number, or from this source; the same whether or not it exists."""

    code = "too_many_attempts"
    zh = "尝试次数过多,请在 Retry-After 指明的秒数之后再试。"
    en = "Too many attempts; try again after the seconds in Retry-After."

    def __init__(self, *, seconds: int = 60) -> None:
        super().__init__(headers={"Retry-After": str(seconds)})


@dataclass(frozen=True, slots=True)
class Limit:
    """So many attempts within a window. Afterwards: nothing until the window ends, or, with a `pause`, one attempt
    after each pause, which doubles up to `longest`."""

    name: str
    allowed: int
    window: timedelta
    pause: timedelta | None = None
    longest: timedelta = timedelta(minutes=15)
    refuses_known: bool = True
    """Whether it also stops a source that has logged in to the account before."""


PER_SOURCE = Limit("login.source", 60, timedelta(minutes=15), timedelta(minutes=1))
"""One address, over all names: an office behind one address has its failures in common."""
PER_PAIR = Limit("login.account_and_source", 5, _HOUR, timedelta(seconds=30))
PER_ACCOUNT = Limit("login.account", 40, _HOUR, timedelta(minutes=1), timedelta(minutes=1), refuses_known=False)
"""One name, over all sources: with its pauses at most a hundred an hour. Short pauses, and none for a source that the
person has logged in from, so that nobody can keep a colleague out."""
LOGIN = (PER_SOURCE, PER_PAIR, PER_ACCOUNT)

CODES_PER_SOURCE = Limit("code.source", 300, _HOUR)
"""Wide, because the networks of mobiles put thousands of owners behind one address."""
CODES = (
    Limit("code.minute", 1, timedelta(minutes=1)),
    Limit("code.hour", 5, _HOUR),
    Limit("code.day", 10, _LONGEST_WINDOW),
)
"""Codes sent to one number."""
TRIES_PER_SOURCE = Limit("code_try.source", 300, timedelta(minutes=15), timedelta(minutes=1))
TRIES_PER_NUMBER = Limit("code_try.number", 20, _HOUR, timedelta(minutes=1))
PASSWORD_CHANGE = Limit("password_change", 5, _HOUR, timedelta(seconds=30))


@dataclass(frozen=True, slots=True)
class Counted:
    """An attempt that was counted against a limit."""

    limit: Limit
    key: bytes
    count: int

    @property
    def exhausted(self) -> bool:
        """Say whether it was the last one before a pause."""
        return self.count >= self.limit.allowed


def key_of(keyring: Keyring, kind: str, *parts: str) -> bytes:
    """Return the digest under which something is counted."""
    return keyring.lock_key("\0".join((kind, *parts)), column="throttle.key").to_bytes(8, signed=True)


async def admit(
    connection: Connection, *, wanted: Iterable[tuple[Limit, bytes]], now: datetime, known: bool = False
) -> list[Counted]:
    """Count an attempt against each limit in turn and return the counts; raises `TooManyAttempts` at the first that
    has none left. `connection` commits by itself (`Database.reader`)."""
    counted = []
    for limit, key in wanted:
        count = (await connection.execute(_count(limit, key, now=now))).scalar()
        if count is not None:
            counted.append(Counted(limit, key, count))
            continue
        until = (await connection.execute(select(Throttle.blocked_until).where(Throttle.key == key))).scalar()
        if until is not None and (limit.refuses_known or not known):
            raise TooManyAttempts(seconds=max(1, math.ceil((until - now).total_seconds())))
    return counted


def _count(limit: Limit, key: bytes, *, now: datetime) -> Any:
    """Count one more, unless it is paused: then no row comes back."""
    present = literal(now, _INSTANT)
    over = Throttle.window_start <= literal(now - limit.window, _INSTANT)
    count = case((over, 1), else_=Throttle.count + 1)
    start = case((over, present), else_=Throttle.window_start)
    if limit.pause is None:
        until = start + limit.window
        first = now + limit.window
    else:
        doubled = literal(limit.pause.total_seconds(), Float()) * func.power(2.0, func.least(count - limit.allowed, 20))
        until = present + func.make_interval(0, 0, 0, 0, 0, 0, func.least(doubled, limit.longest.total_seconds()))
        first = now + limit.pause
    return (
        insert(Throttle)
        .values(key=key, window_start=now, count=1, blocked_until=first if limit.allowed == 1 else None)
        .on_conflict_do_update(
            index_elements=[Throttle.key],
            set_={
                "window_start": start,
                "count": count,
                "blocked_until": case((count >= limit.allowed, until), else_=None),
            },
            where=or_(Throttle.blocked_until.is_(None), Throttle.blocked_until <= present),
        )
        .returning(Throttle.count)
    )


async def give_back(session: AsyncSession, counted: Sequence[Counted]) -> None:
    """Take back attempts that were right, in the transaction of what they led to."""
    for one in counted:
        left = func.greatest(Throttle.count - 1, 0)
        await session.execute(
            update(Throttle)
            .where(Throttle.key == one.key)
            .values(count=left, blocked_until=case((left < one.limit.allowed, None), else_=Throttle.blocked_until))
        )


async def clear(session: AsyncSession, *, key: bytes) -> None:
    """Forget what was counted under a key."""
    await session.execute(delete(Throttle).where(Throttle.key == key))


async def is_known(connection: Connection, *, key: bytes, now: datetime) -> bool:
    """Say whether an account was logged in to from a source in the last thirty days."""
    found = await connection.execute(select(Throttle.window_start).where(Throttle.key == key))
    until = found.scalar()
    return until is not None and until > now


async def make_known(session: AsyncSession, *, key: bytes, now: datetime) -> None:
    """Remember a source of an account for thirty days; `window_start` is when that ends."""
    row = {"window_start": now + _KNOWN_FOR, "count": 0, "blocked_until": None}
    await session.execute(
        insert(Throttle)
        .values(key=key, **row)
        .on_conflict_do_update(index_elements=[Throttle.key], set_={"window_start": row["window_start"]})
    )


def over(now: datetime) -> ColumnElement[bool]:
    """Return the condition on counts that no limit looks at any more: they are not kept."""
    old = Throttle.window_start < now - _LONGEST_WINDOW - _HOUR
    return and_(old, or_(Throttle.blocked_until.is_(None), Throttle.blocked_until < now))
