"""Verifying: links, rows and checkpoints are read side by side, in constant memory, up to the first fault.

The rows of each stream, in the order of their transactions, must be exactly those that the links name, in that order,
and every digest must follow. What is not sealed yet is looked at for rows that can't be where they are.
"""

import hashlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from ownercare_api.core.database import Database
from ownercare_api.timeline import verifying_faults
from ownercare_api.timeline.chain import (
    NOTHING_SEALED,
    STREAMS,
    Checkpoint,
    Head,
    PublicKey,
    is_genuine,
    link,
)
from ownercare_api.timeline.verifying_faults import Fault
from ownercare_api.timeline.verifying_sources import (
    Checkpoints,
    Link,
    Links,
    Rows,
    Source,
    checkpoint_at,
    digests_at,
    end_of,
)

Progress = Callable[[int, int], None]
"""Told how many entries are verified, and of how many."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found. `head` is what was verified up to: the chain's end unless it stopped before."""

    head: Head
    entries: int
    seconds: float
    complete: bool
    """The chain's end was reached."""
    pending: Mapping[str, int]
    """Rows not sealed yet, by stream; counted when the end was reached."""
    fault: Fault | None = None

    @property
    def per_second(self) -> float:
        """Return how many entries were verified in a second."""
        return self.entries / self.seconds if self.seconds > 0 else 0.0


async def verify(
    database: Database,
    *,
    keys: Collection[PublicKey],
    start: int = 0,
    expect: Collection[Head] = (),
    at_most: int | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """Verify the chain from the last checkpoint at or before position `start` on, the whole of it by default.

    `expect` are heads kept elsewhere that must be in the chain; with `at_most` it stops at the first checkpoint after
    so many entries. Reads only, each page in a transaction of its own; new events may be written and sealed meanwhile.
    """
    began = time.monotonic()
    run = _Run(database, keys=tuple(keys), at_most=at_most, on_progress=on_progress)
    fault = await run.find_fault(start, expect)
    if fault is None and run.complete:
        fault = await verifying_faults.among_unsealed(database, latest=run.latest)
    return Report(
        head=Head(run.position, run.digest),
        entries=run.position - run.first,
        seconds=time.monotonic() - began,
        complete=run.complete and fault is None,
        pending=await verifying_faults.pending(database, latest=run.latest) if run.complete else {},
        fault=fault,
    )


class _Run:
    """One walk along the chain."""

    def __init__(
        self,
        database: Database,
        *,
        keys: tuple[PublicKey, ...],
        at_most: int | None,
        on_progress: Progress | None,
    ) -> None:
        self.database, self.keys, self.at_most, self.on_progress = database, keys, at_most, on_progress
        self.latest = NOTHING_SEALED
        """The checkpoint passed last."""
        self.first = self.position = 0
        self.digest = NOTHING_SEALED.head.digest
        self.complete = False
        self._rows: dict[str, Rows] = {}
        self._seen: dict[str, tuple[int, str] | None] = dict.fromkeys(STREAMS)
        """Number and transaction of the last row of each stream since the latest checkpoint."""

    async def find_fault(self, start: int, expect: Collection[Head]) -> Fault | None:
        """Walk; returns the first fault."""
        fault = await verifying_faults.of_structure(self.database)
        if fault is not None:
            return fault
        fault = await self._begin(start)
        if fault is not None:
            return fault
        end = await end_of(self.database, after=self.latest, at_most=self.at_most)
        async with self._sources(end.checkpoint) as (links, checkpoints):
            fault = await self._walk(links, checkpoints, end=end.checkpoint)
        if fault is not None:
            return fault
        if end.links_beyond:
            return Fault("checkpoint_removed", position=end.checkpoint.head.position + 1)
        self.complete = end.is_last
        return await self._expectations(expect)

    async def _begin(self, start: int) -> Fault | None:
        if start <= 0:
            return None
        found = await checkpoint_at(self.database, position=start)
        if found is None:
            return None
        if not is_genuine(found, keys=self.keys):
            return Fault("checkpoint_forged", position=found.head.position, checkpoint=found.number)
        self.latest = found
        self.first = self.position = found.head.position
        self.digest = found.head.digest
        return None

    @asynccontextmanager
    async def _sources(self, end: Checkpoint) -> AsyncIterator[tuple[Links, Checkpoints]]:
        links = Links(self.database, after=self.position, until=end.head.position)
        checkpoints = Checkpoints(self.database, after=self.latest.number, until=end.number)
        self._rows = {
            stream: Rows(self.database, stream=stream, after=self.latest.tails[stream], until=end.tails[stream])
            for stream in STREAMS
        }
        try:
            yield links, checkpoints
        finally:
            sources: list[Source[Any]] = [links, checkpoints, *self._rows.values()]
            for source in sources:
                await source.close()

    async def _walk(self, links: Links, checkpoints: Checkpoints, *, end: Checkpoint) -> Fault | None:
        while True:
            checkpoint = checkpoints.peek() or await checkpoints.refill_and_peek()
            self._stride(links, until=end.head.position if checkpoint is None else checkpoint.head.position)
            if checkpoint is not None and checkpoint.head.position <= self.position:
                fault = self._pass(checkpoint)
                if fault is not None:
                    return fault
                checkpoints.take()
                if self.on_progress is not None:
                    self.on_progress(self.position - self.first, end.head.position - self.first)
                continue
            found = links.peek() or await links.refill_and_peek()
            if found is None:
                break
            fault = await self._step(found, links, checkpoints)
            if fault is not None:
                return fault
        if self.position < end.head.position or checkpoint is not None:
            return await self._missing_link()
        for stream, rows in self._rows.items():
            row = rows.peek() or await rows.refill_and_peek()
            if row is not None:
                return Fault("row_inserted", position=self.position + 1, stream=stream, seq=row[0])
        return None

    def _stride(self, links: Links, *, until: int) -> None:
        """Pass over links as long as all is well and in hand, up to a position; whatever else is for `_step`."""
        page, at, size = links.page, links.at, len(links.page)
        position, digest, next_xid = self.position, self.digest, self.latest.next_xid
        hands: dict[str, list[Any]] = {
            stream: [rows.page, rows.at, len(rows.page), self.latest.tails[stream].highest]
            for stream, rows in self._rows.items()
        }
        sha256 = hashlib.sha256
        while at < size and position < until:
            place, stream, seq, stored = page[at]
            hand = hands.get(stream)
            if hand is None or place != position + 1 or hand[1] == hand[2]:
                break
            row_seq, xid, canonical = hand[0][hand[1]]
            if row_seq != seq or (seq <= hand[3] and int(xid) >= next_xid):
                break
            computed = sha256(digest + canonical).digest()
            if computed != stored:
                break
            self._seen[stream] = (seq, xid)
            hand[1] += 1
            at += 1
            position, digest = place, computed
        links.at, self.position, self.digest = at, position, digest
        for stream, rows in self._rows.items():
            rows.at = hands[stream][1]

    async def _step(self, found: Link, links: Links, checkpoints: Checkpoints) -> Fault | None:
        """Make the next link and its row be in hand, or say what is wrong with them."""
        place, stream, seq, stored = found
        if place != self.position + 1:
            return await self._missing_link()
        rows = self._rows.get(stream)
        row = None if rows is None else rows.peek() or await rows.refill_and_peek()
        if rows is None or row is None or row[0] != seq:
            return await verifying_faults.of_order(self.database, link=found, row=row, digest=self.digest)
        computed = link(self.digest, row[2])
        if computed != stored:
            links.take()
            rows.take()
            return await self._broken(found, computed, links, checkpoints)
        if int(row[1]) >= self.latest.next_xid and seq <= self.latest.tails[stream].highest:
            return Fault("row_out_of_turn", position=place, stream=stream, seq=seq)
        return None

    async def _broken(self, found: Link, computed: bytes, links: Links, checkpoints: Checkpoints) -> Fault:
        """Say whether the row or the link's digest was changed: what follows goes on from the true one."""
        place, stream, seq, _ = found
        changed = Fault("row_changed", position=place, stream=stream, seq=seq)
        only_link = Fault("link_changed", position=place, stream=stream, seq=seq)
        checkpoint = checkpoints.peek() or await checkpoints.refill_and_peek()
        if checkpoint is not None and checkpoint.head == Head(place, computed):
            return only_link if is_genuine(checkpoint, keys=self.keys) else changed
        following = links.peek() or await links.refill_and_peek()
        rows = None if following is None else self._rows.get(following[1])
        row = None if rows is None else rows.peek() or await rows.refill_and_peek()
        if following is not None and row is not None and link(computed, row[2]) == following[3]:
            return only_link
        return changed

    def _pass(self, checkpoint: Checkpoint) -> Fault | None:
        """Check a checkpoint that the walk has reached."""
        before = self.latest
        if checkpoint.number != before.number + 1:
            return Fault("checkpoint_removed", position=self.position, checkpoint=before.number + 1)
        if not is_genuine(checkpoint, keys=self.keys):
            return Fault("checkpoint_forged", position=checkpoint.head.position, checkpoint=checkpoint.number)
        tails = {
            stream: (int(seen[1]), seen[0])
            if seen is not None
            else (before.tails[stream].xid, before.tails[stream].seq)
            for stream, seen in self._seen.items()
        }
        signed = {stream: (tail.xid, tail.seq) for stream, tail in checkpoint.tails.items()}
        if checkpoint.head != Head(self.position, self.digest) or signed != tails:
            # The rows and links agree with one another, so somebody computed them anew: where from is not to be seen.
            return Fault("rewritten", position=before.head.position + 1, checkpoint=checkpoint.number)
        self.latest = checkpoint
        self._seen = dict.fromkeys(STREAMS)
        return None

    async def _missing_link(self) -> Fault:
        """Name the row whose link is gone: the first one that no link has."""
        position = self.position + 1
        for stream, rows in self._rows.items():
            row = rows.peek() or await rows.refill_and_peek()
            if row is not None and not await verifying_faults.has_link(self.database, stream=stream, seq=row[0]):
                return Fault("link_removed", position=position, stream=stream, seq=row[0])
        return Fault("link_removed", position=position)

    async def _expectations(self, expect: Collection[Head]) -> Fault | None:
        known = await digests_at(self.database, positions=[head.position for head in expect])
        for head in sorted(expect, key=lambda head: head.position):
            if head.position not in known:
                return Fault("truncated", position=head.position)
            if known[head.position] != head.digest:
                return Fault("rewritten", position=head.position)
        return None
