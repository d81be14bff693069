"""Hot statements: written in Core, compiled once, run on the driver itself.

The busiest reads ask PostgreSQL for finished JSON and pass it on as bytes, so that no row is hydrated. A statement is
compiled for the asyncpg dialect when it is first built; running it costs one look-up of its prepared form.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.sql.compiler import SQLCompiler

_dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]


class Driver(Protocol):
    """What we use of an asyncpg connection."""

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """Run a statement and return its rows."""
        ...


class HotStatement:
    """A Core statement with named parameters, compiled to the driver's form."""

    __slots__ = ("_constants", "_order", "sql")

    def __init__(self, statement: Executable) -> None:
        compiled = statement.compile(dialect=_dialect, compile_kwargs={"render_postcompile": True})  # type: ignore[attr-defined]
        assert isinstance(compiled, SQLCompiler)
        self.sql = compiled.string
        self._order = tuple(compiled.positiontup or ())
        # Literals inside the statement; the parameters that are named come with each run.
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}

    def arguments(self, parameters: Mapping[str, Any]) -> list[Any]:
        """Return the values in the statement's order."""
        constants = self._constants
        return [parameters[name] if name in parameters else constants[name] for name in self._order]

    async def rows(self, driver: Driver, parameters: Mapping[str, Any]) -> list[Any]:
        """Run on the driver; returns its records."""
        return await driver.fetch(self.sql, *self.arguments(parameters))


async def driver_of(connection: AsyncConnection | AsyncSession) -> Driver:
    """Return the driver's connection under ours: the same transaction, once that has begun."""
    if isinstance(connection, AsyncSession):
        connection = await connection.connection()
    raw = await connection.get_raw_connection()
    driver: Driver = raw.driver_connection  # type: ignore[assignment]
    return driver
