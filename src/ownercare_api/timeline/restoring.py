"""After a restore into another server: the order of transactions goes on where it was.

Every event carries the number of its transaction, and the feed and the seals go by that. Another server counts from
elsewhere. Where its numbers lie below those in the tables, a constant is added to them from now on; no row is touched,
so every seal and every cursor stays good.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.timeline.chain import STREAMS

Connection = AsyncConnection | AsyncSession

MARGIN = 2**32
"""Transactions that may have passed on the old server after the last row that was saved. Readers of the feed may have
followed them, and a row with a number below a reader's position would never be shown to it."""

_HIGHEST = " UNION ALL ".join(f"SELECT max(xid) AS xid FROM {stream}" for stream in STREAMS)  # noqa: S608
_BEHIND = text(
    f"SELECT coalesce(max(x.xid) >= audit_next_xid(), false) FROM ({_HIGHEST}) x"  # noqa: S608
)
_SHORTFALL = text(
    f"SELECT CAST(CAST(max(x.xid) AS text) AS bigint) + {MARGIN} - CAST(CAST(pg_current_xact_id() AS text) AS bigint)"  # noqa: S608
    f" FROM ({_HIGHEST}) x"
)
_FUNCTIONS = {
    "audit_xid": ("VOLATILE PARALLEL UNSAFE", "pg_current_xact_id()"),
    "audit_horizon": ("STABLE PARALLEL SAFE", "pg_snapshot_xmin(pg_current_snapshot())"),
    "audit_next_xid": ("STABLE PARALLEL SAFE", "pg_snapshot_xmax(pg_current_snapshot())"),
}


@dataclass(frozen=True, slots=True)
class Mended:
    """What was done: `added` to this server's transaction numbers; 0 where nothing was amiss."""

    added: int


async def is_behind(connection: Connection) -> bool:
    """Say whether rows carry transaction numbers that this server has not reached: the database was restored."""
    return bool((await connection.execute(_BEHIND)).scalar_one())


async def mend(connection: Connection) -> Mended:
    """Let the order of transactions go on after the rows that are there, where it does not; the caller commits.

    Needs the owner of the tables. Nothing else may write meanwhile.
    """
    if not await is_behind(connection):
        return Mended(added=0)
    for stream in STREAMS:
        await connection.execute(text(f"LOCK TABLE {stream} IN SHARE ROW EXCLUSIVE MODE"))
    added = int((await connection.execute(_SHORTFALL)).scalar_one())
    await set_constant(connection, constant=added)
    return Mended(added=added)


async def set_constant(connection: Connection, *, constant: int) -> None:
    """Let the three functions add a constant to this server's transaction numbers."""
    for name, (kind, own) in _FUNCTIONS.items():
        body = f"SELECT CAST(CAST(CAST(CAST({own} AS text) AS bigint) + {constant} AS text) AS xid8)"
        await connection.execute(
            text(f"CREATE OR REPLACE FUNCTION {name}() RETURNS xid8 LANGUAGE sql {kind} AS '{body}'")
        )
