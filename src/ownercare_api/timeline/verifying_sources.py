"""What verifying reads: pages of links, rows and checkpoints, the next page fetched while one is looked at."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ownercare_api.core.database import Database
from ownercare_api.timeline.chain import NOTHING_SEALED, Checkpoint, Tail, canonical_sql

PAGE = 5000

Item = TypeVar("Item")

Link = tuple[int, str, int, bytes]
"""A row of `audit_link`: position, stream, seq, digest."""
Row = tuple[int, str, bytes]
"""A row of a sealed table: seq, xid, canonical form."""


class Source(ABC, Generic[Item]):
    """Items in order, a page in hand and the next one on its way."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.page: list[Item] = []
        self.at = 0
        """The next item's place in the page; who walks fast sets it himself."""
        self._coming: asyncio.Task[list[Item]] | None = None
        self._over = False

    def peek(self) -> Item | None:
        """Return the next item of the page in hand."""
        return self.page[self.at] if self.at < len(self.page) else None

    def take(self) -> Item | None:
        """Return the next item of the page in hand and pass over it."""
        if self.at >= len(self.page):
            return None
        self.at += 1
        return self.page[self.at - 1]

    async def refill(self) -> Item | None:
        """Turn the page and take the first item; None at the end."""
        await self.refill_and_peek()
        return self.take()

    async def refill_and_peek(self) -> Item | None:
        """Turn the page where it is used up; returns the next item, None at the end."""
        if self.at < len(self.page) or self._over:
            return self.peek()
        coming = self._coming or asyncio.create_task(self._fetch(self.page[-1] if self.page else None))
        self._coming = None
        self.page, self.at = await coming, 0
        if len(self.page) < PAGE:
            self._over = True
        else:
            self._coming = asyncio.create_task(self._fetch(self.page[-1]))
        return self.peek()

    async def close(self) -> None:
        """Give up the page that is on its way."""
        if self._coming is not None:
            self._coming.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._coming

    async def _ask(self, query: str, *arguments: Any) -> list[Any]:
        async with self._database.driver() as driver:
            return await driver.fetch(query, *arguments)

    @abstractmethod
    async def _fetch(self, last: Item | None) -> list[Item]: ...


class Links(Source[Link]):
    """The links after a position, up to another."""

    def __init__(self, database: Database, *, after: int, until: int) -> None:
        super().__init__(database)
        self._after, self._until = after, until

    async def _fetch(self, last: Link | None) -> list[Link]:
        after = self._after if last is None else last[0]
        rows: list[Link] = await self._ask(
            "SELECT position, stream, seq, digest FROM audit_link WHERE position > $1 AND position <= $2"
            " ORDER BY position LIMIT $3",
            after,
            self._until,
            PAGE,
        )
        return rows


class Rows(Source[Row]):
    """The rows of a stream in the order of their transactions, after one tail up to another."""

    def __init__(self, database: Database, *, stream: str, after: Tail, until: Tail) -> None:
        super().__init__(database)
        self._after, self._until = after, until
        self._query = (
            f"SELECT r.seq, CAST(r.xid AS text), {canonical_sql(stream, alias='r')} FROM {stream} r"  # noqa: S608
            " WHERE (r.xid, r.seq) > (CAST(CAST($1 AS text) AS xid8), CAST($2 AS bigint))"
            " AND (r.xid, r.seq) <= (CAST(CAST($3 AS text) AS xid8), CAST($4 AS bigint)) ORDER BY r.xid, r.seq LIMIT $5"
        )

    async def _fetch(self, last: Row | None) -> list[Row]:
        seq, xid = (self._after.seq, str(self._after.xid)) if last is None else last[:2]
        rows: list[Row] = await self._ask(self._query, xid, seq, str(self._until.xid), self._until.seq, PAGE)
        return rows


class Checkpoints(Source[Checkpoint]):
    """The checkpoints after a number, up to another."""

    def __init__(self, database: Database, *, after: int, until: int) -> None:
        super().__init__(database)
        self._after, self._until = after, until

    async def _fetch(self, last: Checkpoint | None) -> list[Checkpoint]:
        rows = await self._ask(
            "SELECT * FROM audit_checkpoint WHERE number > $1 AND number <= $2 ORDER BY number LIMIT $3",
            self._after if last is None else last.number,
            self._until,
            PAGE,
        )
        return [Checkpoint.of_row(row) for row in rows]


@dataclass(frozen=True, slots=True)
class End:
    """Where a walk ends."""

    checkpoint: Checkpoint
    is_last: bool
    links_beyond: bool
    """There are links that no checkpoint covers, though both are written together."""


async def end_of(database: Database, *, after: Checkpoint, at_most: int | None) -> End:
    """Return the last checkpoint, or with `at_most` the first one after so many entries."""
    query = (
        "SELECT c.*, l.last FROM (SELECT max(position) AS last FROM audit_link) l"
        " LEFT JOIN LATERAL (SELECT * FROM audit_checkpoint WHERE number > $1{limit}) c ON true"
    )
    latest = await _one(database, query.format(limit=" ORDER BY number DESC LIMIT 1"), after.number)
    beyond = latest["last"] or 0
    if latest["number"] is None:
        return End(after, True, beyond > after.head.position)
    last = Checkpoint.of_row(latest)
    if at_most is not None:
        nearer = await _one(
            database,
            query.format(limit=" AND position >= $2 ORDER BY number LIMIT 1"),
            after.number,
            after.head.position + at_most,
        )
        if nearer["number"] is not None and nearer["number"] < last.number:
            return End(Checkpoint.of_row(nearer), False, False)
    return End(last, True, beyond > last.head.position)


async def _one(database: Database, query: str, *arguments: Any) -> Any:
    async with database.driver() as driver:
        return (await driver.fetch(query, *arguments))[0]


async def checkpoint_at(database: Database, *, position: int) -> Checkpoint | None:
    """Return the last checkpoint at or before a position."""
    async with database.driver() as driver:
        query = "SELECT * FROM audit_checkpoint WHERE position <= $1 ORDER BY position DESC LIMIT 1"
        rows = await driver.fetch(query, position)
    return Checkpoint.of_row(rows[0]) if rows else None


async def latest_checkpoint(database: Database) -> Checkpoint:
    """Return the newest checkpoint, `NOTHING_SEALED` where there is none."""
    async with database.driver() as driver:
        rows = await driver.fetch("SELECT * FROM audit_checkpoint ORDER BY number DESC LIMIT 1")
    return Checkpoint.of_row(rows[0]) if rows else NOTHING_SEALED


async def digests_at(database: Database, *, positions: Collection[int]) -> dict[int, bytes]:
    """Return the digests at some positions; those beyond the end are missing."""
    if not positions:
        return {}
    async with database.driver() as driver:
        query = "SELECT position, digest FROM audit_link WHERE position = ANY(CAST($1 AS bigint[]))"
        rows = await driver.fetch(query, list(positions))
    return {row[0]: bytes(row[1]) for row in rows}
