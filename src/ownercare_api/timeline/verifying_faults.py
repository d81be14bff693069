"""What can be wrong with the audit trail, and the questions that tell one fault from another."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ownercare_api.core.database import Database
from ownercare_api.timeline.chain import STREAMS, Checkpoint, canonical_sql
from ownercare_api.timeline.chain import link as link_digest
from ownercare_api.timeline.verifying_sources import Link, Row

FAULTS: Mapping[str, tuple[str, str]] = {
    "row_changed": ("内容被改动", "the row was changed"),
    "row_removed": ("记录被删除", "the row was removed"),
    "row_inserted": ("封存区间内被插入记录", "a row was inserted among sealed ones"),
    "row_out_of_turn": ("记录的序号早于其写入时间", "the row bears a number from before its time"),
    "row_reordered": ("记录顺序被改动", "rows or links were put into another order"),
    "link_changed": ("哈希链节点被改动", "the link was changed"),
    "link_removed": ("哈希链节点被删除", "the link was removed"),
    "checkpoint_forged": ("检查点签名无效", "the checkpoint's signature is not valid"),
    "checkpoint_removed": ("检查点被删除", "a checkpoint was removed"),
    "rewritten": ("历史记录被整体改写", "history was rewritten"),
    "truncated": ("链尾被截断", "the end of the chain was cut off"),
    "table_replaced": ("审计表不是原来的表", "a table of the audit trail is not the one it was"),
}
"""Codes and what they say to people."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that is wrong. For `rewritten` it lies at the position or after it, up to the checkpoint."""

    code: str
    position: int | None = None
    stream: str | None = None
    seq: int | None = None
    checkpoint: int | None = None

    def __str__(self) -> str:
        zh, en = FAULTS[self.code]
        places = (
            ("position", self.position),
            (self.stream or "stream", self.seq),
            ("checkpoint", self.checkpoint),
        )
        where = ", ".join(f"{name} {value}" for name, value in places if value is not None)
        return f"{zh} / {en} [{self.code}] {where}".rstrip()


_STRUCTURE = """
SELECT n.name
  FROM unnest(CAST($1 AS text[])) WITH ORDINALITY AS n (name, place)
  LEFT JOIN pg_class c ON c.oid = to_regclass(n.name)
 WHERE c.oid IS NULL OR c.relkind <> 'r' OR c.relrowsecurity OR c.relhasrules OR c.relhassubclass
    OR NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid)
 ORDER BY n.place LIMIT 1
"""


async def _ask(database: Database, query: str, *arguments: Any) -> list[Any]:
    async with database.driver() as driver:
        return await driver.fetch(query, *arguments)


async def of_structure(database: Database) -> Fault | None:
    """Look whether the tables are plain ones with their keys: a view or a rule could show each reader another row."""
    found = await _ask(database, _STRUCTURE, [*STREAMS, "audit_link", "audit_checkpoint"])
    return Fault("table_replaced", stream=found[0][0]) if found else None


async def has_link(database: Database, *, stream: str, seq: int) -> bool:
    """Say whether a row is linked anywhere."""
    return bool(await _ask(database, "SELECT 1 FROM audit_link WHERE stream = $1 AND seq = $2", stream, seq))


async def of_order(database: Database, *, link: Link, row: Row | None, digest: bytes) -> Fault:
    """Say what is wrong where the next row is not the one that the next link names. `digest` is the one before."""
    place, stream, named_seq, stored = link
    if stream not in STREAMS:
        return Fault("link_changed", position=place, stream=stream, seq=named_seq)
    if row is not None and link_digest(digest, row[2]) == stored:
        return Fault("link_changed", position=place, stream=stream, seq=row[0])
    if row is not None and not await has_link(database, stream=stream, seq=row[0]):
        return Fault("row_inserted", position=place, stream=stream, seq=row[0])
    form = canonical_sql(stream, alias="r")
    named = await _ask(database, f"SELECT {form} FROM {stream} r WHERE r.seq = $1", named_seq)  # noqa: S608
    if not named:
        return Fault("row_removed", position=place, stream=stream, seq=named_seq)
    if row is not None and link_digest(digest, named[0][0]) == stored:
        # The named row is as it was, so the other one stands where it did not stand.
        return Fault("row_changed", position=place, stream=stream, seq=row[0])
    return Fault("row_reordered", position=place, stream=stream, seq=named_seq)


async def among_unsealed(database: Database, *, latest: Checkpoint) -> Fault | None:
    """Look among the rows after the latest checkpoint for such as no insert of ours can have left there."""
    for stream in STREAMS:
        future = await _ask(
            database,
            f"SELECT seq FROM {stream} WHERE xid IS NULL OR xid >= audit_next_xid() ORDER BY seq LIMIT 1",  # noqa: S608
        )
        if future:
            return Fault("row_inserted", stream=stream, seq=future[0][0])
        # Who began after the checkpoint drew a number above all that were sealed by then.
        low = await _ask(
            database,
            f"SELECT seq FROM {stream} WHERE xid >= CAST(CAST($1 AS text) AS xid8) AND seq <= $2"  # noqa: S608
            " ORDER BY seq LIMIT 1",
            str(latest.next_xid),
            latest.tails[stream].highest,
        )
        if low:
            return Fault("row_out_of_turn", stream=stream, seq=low[0][0])
    return None


async def pending(database: Database, *, latest: Checkpoint) -> dict[str, int]:
    """Count the rows that are not sealed yet, by stream."""
    counts = {}
    for stream in STREAMS:
        tail = latest.tails[stream]
        found = await _ask(
            database,
            f"SELECT count(*) FROM {stream} WHERE (xid, seq) >"  # noqa: S608
            " (CAST(CAST($1 AS text) AS xid8), CAST($2 AS bigint))",
            str(tail.xid),
            tail.seq,
        )
        counts[stream] = int(found[0][0])
    return counts
