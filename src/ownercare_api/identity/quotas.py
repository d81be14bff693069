"""Quotas of machines: so many requests a minute over all workers, without a statement for each request.

A process leases a chunk of the minute's requests from the shared count and spends it alone. So never more than the
quota is let through within a minute; what other processes have leased and not spent may be missing: at most one request
less than a chunk for each of them.
"""

import asyncio
import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import DateTime, case, literal, or_, select
from sqlalchemy.dialects.postgresql import insert

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import Database
from ownercare_api.core.errors import TooMany
from ownercare_api.identity.limits import key_of
from ownercare_api.identity.models import Throttle

WINDOW = timedelta(minutes=1)
_SPAN = 2 * WINDOW
"""A lease may begin a little after the request that uses it: the clocks of hosts differ."""
_USED_UP = -1
_INSTANT = DateTime(timezone=True)


class QuotaExceeded(TooMany):
    """429: this machine has used up its requests of the minute."""

    code = "quota_exceeded"
    zh = "本接入系统本分钟的调用次数已用完,请在 Retry-After 指明的秒数之后再试。"
    en = "This client has used up its requests of the minute; come back after the seconds in Retry-After."

    def __init__(self, *, seconds: int = 60) -> None:
        super().__init__(headers={"Retry-After": str(seconds)})


@dataclass(slots=True)
class _Lease:
    left: int
    ends: datetime


def chunk_of(per_minute: int) -> int:
    """Return how many requests a process leases at once: a twentieth of the quota."""
    return max(1, per_minute // 20)


class Quotas:
    """The leases of one process."""

    def __init__(self, *, keyring: Keyring, default_per_minute: int) -> None:
        self._keyring = keyring
        self._default = default_per_minute
        self._leases: dict[UUID, _Lease] = {}
        self._leasing: defaultdict[UUID, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def take(self, database: Database, *, client_id: UUID, per_minute: int | None, now: datetime) -> None:
        """Spend one request of a machine; raises `QuotaExceeded`."""
        if self._spend(client_id, now=now):
            return
        async with self._leasing[client_id]:
            if self._spend(client_id, now=now):
                return
            most = self._default if per_minute is None else per_minute
            self._leases[client_id] = await self._lease(database, client_id=client_id, most=most, now=now)
            if not self._spend(client_id, now=now):  # the minute ended meanwhile
                raise QuotaExceeded(seconds=1)

    def _spend(self, client_id: UUID, *, now: datetime) -> bool:
        lease = self._leases.get(client_id)
        if lease is None or not lease.ends - _SPAN < now < lease.ends:
            return False
        if lease.left == _USED_UP:  # no need to ask again
            raise QuotaExceeded(seconds=max(1, math.ceil((lease.ends - now).total_seconds())))
        if lease.left == 0:
            return False
        lease.left -= 1
        return True

    async def _lease(self, database: Database, *, client_id: UUID, most: int, now: datetime) -> _Lease:
        chunk = chunk_of(most)
        key = key_of(self._keyring, "quota", client_id.hex)
        present = literal(now, _INSTANT)
        began_long_ago = Throttle.window_start <= literal(now - WINDOW, _INSTANT)
        over = or_(began_long_ago, Throttle.window_start > literal(now + WINDOW, _INSTANT))
        statement = (
            insert(Throttle)
            .values(key=key, window_start=now, count=chunk)
            .on_conflict_do_update(
                index_elements=[Throttle.key],
                set_={
                    "window_start": case((over, present), else_=Throttle.window_start),
                    "count": case((over, chunk), else_=Throttle.count + chunk),
                },
                where=or_(over, Throttle.count < most),
            )
            .returning(Throttle.count, Throttle.window_start)
        )
        async with database.reader() as connection:
            row = (await connection.execute(statement)).one_or_none()
            if row is not None:
                leased, began = row
                return _Lease(left=chunk - max(0, leased - most), ends=began + WINDOW)
            spent = (await connection.execute(select(Throttle.window_start).where(Throttle.key == key))).scalar()
            return _Lease(left=_USED_UP, ends=(spent or now) + WINDOW)
