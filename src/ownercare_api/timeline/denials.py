"""The record of denials: who was refused what, when and why; written before the refusal is answered.

The first refusals of a caller in a minute are a row each. A flood of them becomes rows with a count, each for twice as
many as the one before, so that it neither fills the table nor goes unrecorded.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from ownercare_api.core.denials import DenialLog, Denied, Place
from ownercare_api.identity.sources import networks, source_of

log = structlog.get_logger()

EACH = 20
"""Refusals of one status to one caller in one minute, in one process, that are a row each."""
_CALLERS = 10_000
"""Callers told apart within a minute; the others share a count."""
_PATIENCE_SECONDS = 2.0
"""An answer waits no longer than this for its record; then the log has it."""
_COLUMN = "denial.source"

_INSERT = (
    "INSERT INTO denial (at, actor_kind, actor_id, operation, method, path, status, code, project_id, subject_id,"
    " request_id, source, count) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
)
MANY = "many"
"""The code of a row that stands for several refusals."""


@dataclass(slots=True)
class _Count:
    """The refusals of one caller and status in the present minute."""

    first: tuple[Any, ...]
    """Instant, kind and id of the caller, status, source."""
    seen: int = 0
    waiting: int = 0
    next: int = EACH


class Denials(DenialLog):
    """Writes denials into the table, each in a transaction of its own."""

    def __init__(self) -> None:
        self._minute: datetime | None = None
        self._counts: dict[tuple[str, int], _Count] = {}

    async def note(self, place: Place, denied: Denied) -> None:
        """Record a denial."""
        kind, actor_id = _caller(denied.caller)
        source = _source(place, denied)
        late = self._turn(denied.at)
        count = self._count(denied, kind=kind, actor_id=actor_id, source=source)
        count.seen += 1
        rows = late
        if count.seen <= EACH:
            rows.append(
                (
                    denied.at,
                    kind,
                    actor_id,
                    denied.operation,
                    denied.method,
                    denied.path,
                    denied.status,
                    denied.code,
                    denied.project_id,
                    denied.subject_id,
                    denied.request_id,
                    source,
                    1,
                )
            )
        else:
            count.waiting += 1
            if count.waiting >= count.next:
                rows.append(_several(count))
                count.waiting, count.next = 0, count.next * 2
        await _write(place, rows)

    async def close(self, place: Place) -> None:
        """Write the counts that are held back."""
        await _write(place, self._turn(None))

    def _turn(self, at: datetime | None) -> list[tuple[Any, ...]]:
        """Begin a new minute where it is one; returns the rows of what the last one held back."""
        minute = None if at is None else at.replace(second=0, microsecond=0)
        if minute is not None and minute == self._minute:
            return []
        rows = [_several(count) for count in self._counts.values() if count.waiting]
        self._minute, self._counts = minute, {}
        return rows

    def _count(self, denied: Denied, *, kind: str | None, actor_id: UUID | None, source: bytes) -> _Count:
        key = (denied.caller or source.hex(), denied.status)
        if key not in self._counts and len(self._counts) >= _CALLERS:
            key, kind, actor_id = ("", denied.status), None, None
        if key not in self._counts:
            self._counts[key] = _Count(first=(denied.at, kind, actor_id, denied.status, source if key[0] else None))
        return self._counts[key]


def _several(count: _Count) -> tuple[Any, ...]:
    at, kind, actor_id, status, source = count.first
    return (at, kind, actor_id, None, None, None, status, MANY, None, None, None, source, count.waiting)


def _caller(caller: str | None) -> tuple[str | None, UUID | None]:
    if caller is None:
        return None, None
    kind, _, actor_id = caller.partition(":")
    return kind, UUID(actor_id)


def _source(place: Place, denied: Denied) -> bytes:
    source = source_of(
        peer=denied.peer, forwarded_for=denied.forwarded_for, trusted=networks(place.settings.trusted_proxies)
    )
    return place.keyring.lock_key(source, column=_COLUMN).to_bytes(8, signed=True)


async def _write(place: Place, rows: list[tuple[Any, ...]]) -> None:
    if not rows:
        return
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), place.database.driver() as driver:
            for row in rows:
                await driver.fetch(_INSERT, *row)
    except Exception as error:
        for at, kind, actor_id, operation, _, _, status, code, *_, count in rows:
            log.error(
                "denial.not_recorded",
                at=at.isoformat(),
                actor=f"{kind}:{actor_id}",
                operation=operation,
                status=status,
                code=code,
                count=count,
                error=type(error).__name__,
            )
