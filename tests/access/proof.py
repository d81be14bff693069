"""Proof that a refusal left nothing behind."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ownercare_api.core.hot import driver_of

UNTOLD = ("throttle", "denial", "refused_request", "owner_look")
"""Tables that count and log, also for who is refused."""


class Ledger:
    """Counts what this transaction has written, table by table, and proves that a refusal wrote nothing that stayed."""

    _COUNT = (
        "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del AS written FROM pg_stat_xact_user_tables"
        " WHERE n_tup_ins + n_tup_upd + n_tup_del > 0"
    )

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._counts: dict[str, int] = {}

    async def begin(self) -> None:
        """Note what was written until now."""
        self._counts = await self._read()

    async def _read(self) -> dict[str, int]:
        driver = await driver_of(self._connection)
        return {str(row["relname"]): int(row["written"]) for row in await driver.fetch(self._COUNT)}

    async def moved(self) -> set[str]:
        """Return the tables written to since the last call, also where that was rolled back already."""
        counts = await self._read()
        found = {name for name, count in counts.items() if count != self._counts.get(name, 0)}
        self._counts = counts
        return found

    async def undo(self) -> None:
        """Take back everything since the savepoint `cell`."""
        await self._connection.exec_driver_sql("ROLLBACK TO SAVEPOINT cell")

    async def changed(self, tables: set[str]) -> set[str]:
        """Return which of these tables are not as they were at the savepoint, and take it back."""
        tables = tables - set(UNTOLD)
        now = {table: await self._digest(table) for table in tables}
        await self.undo()
        return {table for table, digest in now.items() if digest != await self._digest(table)}

    async def _digest(self, table: str) -> tuple[object, ...]:
        query = f'SELECT count(*), md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM "{table}" t'
        return tuple((await self._connection.execute(text(query))).one())
