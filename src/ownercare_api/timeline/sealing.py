"""Sealing: the worker appends committed events and denials to the hash chain, in the order of their transactions.

One statement sees every transaction below the horizon, and none can come to lie there later: what is sealed once is
complete. A batch of links and its checkpoint are one transaction, so a crash leaves either both or nothing; an absent
worker only delays. Nobody waits for sealing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text

from ownercare_api.core.database import Database
from ownercare_api.core.hot import Driver, driver_of
from ownercare_api.timeline.chain import (
    NOTHING_SEALED,
    STREAMS,
    Checkpoint,
    Head,
    SealKey,
    Tail,
    canonical_sql,
    is_genuine,
    link,
)

BATCH = 2000
"""Rows of each stream in one checkpoint at most."""

_LOCK = select(func.pg_try_advisory_xact_lock(func.hashtext("audit_seal")))

_LATEST = text("SELECT * FROM audit_checkpoint ORDER BY number DESC LIMIT 1")
_HORIZON = text("SELECT CAST(audit_horizon() AS text)")
_OWN_XID = text("SELECT CAST(audit_xid() AS text)")


def _unsealed(stream: str) -> str:
    after = "(r.xid, r.seq) > (CAST(CAST($1 AS text) AS xid8), CAST($2 AS bigint))"
    return (
        f"SELECT r.seq, CAST(r.xid AS text), {canonical_sql(stream, alias='r')} FROM {stream} r"  # noqa: S608
        f" WHERE r.xid < CAST(CAST($3 AS text) AS xid8) AND {after} ORDER BY r.xid, r.seq LIMIT $4"
    )


_UNSEALED = {stream: _unsealed(stream) for stream in STREAMS}
_LINKS = (
    "INSERT INTO audit_link (position, stream, seq, digest) SELECT * FROM unnest("
    "CAST($1 AS bigint[]), CAST($2 AS text[]), CAST($3 AS bigint[]), CAST($4 AS bytea[]))"
)
_COLUMNS = tuple(NOTHING_SEALED.columns())
_CHECKPOINT = text(
    f"INSERT INTO audit_checkpoint ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"  # noqa: S608
)


class ChainBroken(Exception):
    """Sealing does not go on: the chain is not the one that was left. `code` is one of `verifying.FAULTS`."""

    def __init__(self, code: str, *, position: int) -> None:
        super().__init__(f"{code} at position {position}")
        self.code, self.position = code, position


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one batch sealed."""

    checkpoint: Checkpoint
    more: bool
    """There may be more to seal at once."""


async def seal(
    database: Database, *, key: SealKey, now: datetime, known: Head | None = None, batch: int = BATCH
) -> Sealed | None:
    """Seal the next batch; None where there is nothing to seal or somebody else is sealing.

    `known` is a head that must still be in the chain. Raises `ChainBroken` where it is not, or where the latest
    checkpoint is not signed by `key`.
    """
    async with database.session() as session:
        if not (await session.execute(_LOCK)).scalar_one():
            return None
        row = (await session.execute(_LATEST)).mappings().one_or_none()
        latest = NOTHING_SEALED if row is None else Checkpoint.of_row(dict(row))
        if row is not None and not is_genuine(latest, keys=[key.public]):
            raise ChainBroken("checkpoint_forged", position=latest.head.position)
        driver = await driver_of(session)
        if known is not None:
            await _must_hold(driver, known)
        horizon: str = (await session.execute(_HORIZON)).scalar_one()
        links, tails, more = await _links(driver, latest=latest, horizon=horizon, batch=batch)
        if not links[0]:
            return None
        checkpoint = key.sign(
            Checkpoint(
                number=latest.number + 1,
                head=Head(links[0][-1], links[3][-1]),
                entries=len(links[0]),
                at=now,
                next_xid=int((await session.execute(_OWN_XID)).scalar_one()),
                tails=tails,
            )
        )
        await driver.fetch(_LINKS, *links)
        await session.execute(_CHECKPOINT, checkpoint.columns())
        await session.commit()
        return Sealed(checkpoint=checkpoint, more=more)


async def _must_hold(driver: Driver, known: Head) -> None:
    found = await driver.fetch("SELECT digest FROM audit_link WHERE position = $1", known.position)
    if not found:
        raise ChainBroken("truncated", position=known.position)
    if bytes(found[0][0]) != known.digest:
        raise ChainBroken("rewritten", position=known.position)


async def _links(
    driver: Driver, *, latest: Checkpoint, horizon: str, batch: int
) -> tuple[tuple[list[int], list[str], list[int], list[bytes]], Mapping[str, Tail], bool]:
    """Return the new links as columns, the new tails, and whether a batch was full."""
    positions: list[int] = []
    streams: list[str] = []
    numbers: list[int] = []
    digests: list[bytes] = []
    position, digest = latest.head.position, latest.head.digest
    tails: dict[str, Tail] = dict(latest.tails)
    more = False
    for stream in STREAMS:
        tail = tails[stream]
        rows: list[Any] = await driver.fetch(_UNSEALED[stream], str(tail.xid), tail.seq, horizon, batch)
        for seq, xid, canonical in rows:
            position += 1
            digest = link(digest, canonical)
            positions.append(position)
            streams.append(stream)
            numbers.append(seq)
            digests.append(digest)
            tail = replace(tail, xid=int(xid), seq=seq, highest=max(tail.highest, seq))
        tails[stream] = tail
        more = more or len(rows) == batch
    return (positions, streams, numbers, digests), tails, more
