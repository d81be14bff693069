"""Signing keys: kept encrypted in the database, cached per process, rotated without a restart."""

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
_REFRESH_SECONDS = 60.0


class KeyStore:
    """The keys of one process: reloaded every minute, and at once when a token names a key not seen yet."""

    def __init__(self, *, keyring: Keyring) -> None:
        self._keyring = keyring
        self._pairs: dict[str, SigningKeyPair] = {}
        self._current = ""
        self._loaded = 0.0
        self._missed: dict[str, float] = {}

    async def pairs(self, database: Database, *, now: datetime, wanted: str | None = None) -> dict[str, SigningKeyPair]:
        """Return the keys that verify, by id."""
        age = time.monotonic() - self._loaded
        unseen = wanted is not None and wanted not in self._pairs and self._may_look_for(wanted)
        if not self._pairs or age > _REFRESH_SECONDS or unseen:
            async with database.session() as session:
                await self.load(session, now=now)
                await session.commit()
        return self._pairs

    def _may_look_for(self, kid: str) -> bool:
        # Unknown key ids are free for attackers: at most one reload a second for all of them.
        last = max(self._missed.values(), default=0.0)
        self._missed = {kid: time.monotonic()}
        return time.monotonic() - last > 1.0

    async def current(self, session: AsyncSession, *, now: datetime) -> SigningKeyPair:
        """Return the key that signs."""
        if not self._pairs or time.monotonic() - self._loaded > _REFRESH_SECONDS:
            await self.load(session, now=now)
        return self._pairs[self._current]

    async def load(self, session: AsyncSession, *, now: datetime) -> None:
        """Read the keys, making the first one of an installation."""
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
        self._loaded = time.monotonic()

    async def add(self, session: AsyncSession, *, now: datetime) -> str:
        """Add a key that signs from now on; returns its id."""
        private, public = generate_pem()
        kid = uuid7().hex
        stored = self._keyring.encrypt(private.decode(), column=_COLUMN)
        session.add(SigningKey(kid=kid, private_pem=stored, public_pem=public, created_at=now))
        await session.flush()
        return kid

    async def rotate(self, session: AsyncSession, *, now: datetime, overlap: timedelta) -> str:
        """Add a new key and retire the others, which go on verifying for `overlap`; returns the new id."""
        await session.execute(
            update(SigningKey).where(SigningKey.retired_at.is_(None)).values(retired_at=now, expires_at=now + overlap)
        )
        kid = await self.add(session, now=now)
        await self.load(session, now=now)
        return kid

    @staticmethod
    async def _rows(session: AsyncSession, *, now: datetime) -> list[SigningKey]:
        alive = or_(SigningKey.expires_at.is_(None), SigningKey.expires_at > now)
        found = await session.scalars(select(SigningKey).where(alive).order_by(SigningKey.created_at.desc()))
        return list(found)
