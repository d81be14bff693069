"""A kept upload read again, chunk by chunk, in a thread: for the check, for the import, for the error workbook."""

import asyncio
from collections.abc import Iterator
from datetime import date
from itertools import islice
from uuid import UUID

from ownercare_api.exchange import columns, entries, tables
from ownercare_api.exchange.columns import Heading
from ownercare_api.exchange.judging import ReadRow
from ownercare_api.exchange.lifecycle import RosterKind
from ownercare_api.exchange.tables import Table
from ownercare_api.exchange.vault import Vault

CHUNK = 2000


class Reading:
    """The rows of one roster, once."""

    def __init__(self, table: Table, *, kind: RosterKind, today: date) -> None:
        self.heading: Heading = columns.matched(table.heading, kind=kind)
        self.about = table.about
        self._rows: Iterator[ReadRow] = (
            ReadRow(number, *entries.read(cells, kind=kind, heading=self.heading, today=today))
            for number, cells in table.rows
        )

        self._ahead: asyncio.Task[list[ReadRow]] | None = None

    async def take(self) -> list[ReadRow]:
        """Return the next rows; none at the end. Raises `RosterRefused` where the file breaks off.

        The rows after them are read meanwhile, while the database is busy with these.
        """
        rows = await (self._ahead or self._read())
        self._ahead = self._read() if rows else None
        return rows

    def _read(self) -> asyncio.Task[list[ReadRow]]:
        task = asyncio.create_task(asyncio.to_thread(lambda: list(islice(self._rows, CHUNK))))
        task.add_done_callback(_heard)  # nobody may ask for it: an import ends early
        return task


def _heard(task: "asyncio.Task[list[ReadRow]]") -> None:
    if not task.cancelled():
        task.exception()


async def begin(vault: Vault, *, file_id: UUID, key_encrypted: bytes, kind: RosterKind, today: date) -> Reading:
    """Open a kept upload; raises `RosterRefused` where its columns are not those of the kind."""

    def opened() -> Reading:
        content = vault.read(file_id, key_encrypted=key_encrypted)
        return Reading(tables.opened(content, scratch=vault.scratch), kind=kind, today=today)

    return await asyncio.to_thread(opened)
