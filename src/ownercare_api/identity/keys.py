"""Signing keys: kept encrypted in the database, known to every process within seconds, rotated without a restart.

A key's id carries a tag that only an installation's own processes can make. So a token that names a key not seen yet is
reason to look in the database at once, while made-up ids cost nothing.
"""

import asyncio
import hmac
import time
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import Database
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.models import SigningKey
from ownercare_api.identity.tokens import SigningKeyPair, generate_pem, parse_pair

_COLUMN = "signing_key.private_pem"
FRESH_SECONDS = 10.0
"""How long a process goes without looking whether keys were retired before their time."""


class KeyStore:
    """The keys of one process."""

    def __init__(self, *, keyring: Keyring) -> None:
        self._keyring = keyring
        self._pairs: dict[str, SigningKeyPair] = {}
        self._current = ""
        self._loaded = 0.0
        self._next_end: datetime | None = None
        self._gone: set[str] = set()
        self._loading = asyncio.Lock()

    async def pairs(self, database: Database, *, now: datetime, wanted: str | None = None) -> dict[str, SigningKeyPair]:
        """Return the keys that verify, by id; with `wanted` also when that one is a few moments old."""
        if self._stale(now, wanted):
            async with self._loading:  # many requests find out at once, one goes and looks
                if self._stale(now, wanted):
                    async with database.session() as session:
                        await self.load(session, now=now)
                        await session.commit()
                    if wanted is not None and wanted not in self._pairs and self._is_ours(wanted):
                        self._gone.add(wanted)
        return self._pairs

    def _stale(self, now: datetime, wanted: str | None = None) -> bool:
        if not self._pairs or time.monotonic() - self._loaded > FRESH_SECONDS:
            return True
        if self._next_end is not None and self._next_end <= now:
            return True
        unseen = wanted is not None and wanted not in self._pairs and wanted not in self._gone
        return unseen and self._is_ours(wanted)

    def _name(self, number: str) -> str:
        tag = self._keyring.lock_key(number, column="signing_key.kid") & (1 << 64) - 1
        return f"{number}-{tag:016x}"

    def _is_ours(self, kid: str | None) -> bool:
        return kid is not None and hmac.compare_digest(self._name(kid.partition("-")[0]).encode(), kid.encode())

    async def current(self, session: AsyncSession, *, now: datetime) -> SigningKeyPair:
        """Return the key that signs."""
        if self._stale(now):
            await self.load(session, now=now)
        return self._pairs[self._current]

    async def load(self, session: AsyncSession, *, now: datetime) -> None:
        """Read the keys, making the first one of an installation."""
        began = time.monotonic()
        rows = await self._rows(session, now=now)
        if not any(row.retired_at is None for row in rows):
            await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("signing_key"))))
            rows = await self._rows(session, now=now)
            if not any(row.retired_at is None for row in rows):
                await self.add(session, now=now)
                rows = await self._rows(session, now=now)
        self._pairs = {
            row.kid: self._pairs.get(row.kid)
            or parse_pair(
                kid=row.kid,
                private_pem=self._keyring.decrypt(bytes(row.private_pem), column=_COLUMN).encode(),
                public_pem=row.public_pem,
            )
            for row in rows
        }
        self._current = next(row.kid for row in rows if row.retired_at is None)
        self._next_end = min((row.expires_at for row in rows if row.expires_at is not None), default=None)
        self._loaded = began
        self._gone.clear()

    async def add(self, session: AsyncSession, *, now: datetime) -> str:
        """Add a key that signs from now on; returns its id."""
        private, public = generate_pem()
        kid = self._name(uuid7().hex)
        stored = self._keyring.encrypt(private.decode(), column=_COLUMN)
        session.add(SigningKey(kid=kid, private_pem=stored, public_pem=public, created_at=now))
        await session.flush()
        return kid

    async def rotate(self, session: AsyncSession, *, now: datetime, overlap: timedelta) -> str:
        """Add a new key and retire the others, which go on verifying for `overlap`; returns the new id.

        No overlap at all ends every access token in use within seconds: for a key that has leaked.
        """
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("signing_key"))))
        ends = now + overlap
        await session.execute(
            update(SigningKey)
            .where(or_(SigningKey.expires_at.is_(None), SigningKey.expires_at > ends))
            .values(retired_at=func.coalesce(SigningKey.retired_at, now), expires_at=ends)
            .execution_options(synchronize_session=False)
        )
        kid = await self.add(session, now=now)
        await self.load(session, now=now)
        return kid

    @staticmethod
    async def _rows(session: AsyncSession, *, now: datetime) -> list[SigningKey]:
        alive = or_(SigningKey.expires_at.is_(None), SigningKey.expires_at > now)
        found = await session.scalars(
            select(SigningKey)
            .where(alive)
            .order_by(SigningKey.created_at.desc(), SigningKey.kid.desc())
            .execution_options(populate_existing=True)
        )
        return list(found)
