"""A sealed trail to tamper with, and a database bound to one transaction in which that is undone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from tests.conftest import FRIDAY_NOON

from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.hot import Driver, driver_of
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import SYSTEM
from ownercare_api.timeline import sealing, service
from ownercare_api.timeline.chain import Checkpoint, SealKey

PATIENCE_SECONDS = 60.0


class OneConnection:
    """A database whose every statement runs on one connection, one after another: what it changed, it sees."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection, self._turn = connection, asyncio.Lock()

    @asynccontextmanager
    async def driver(self) -> AsyncIterator[Driver]:
        """Give the driver's connection when it is free."""
        async with self._turn:
            yield await driver_of(self._connection)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """Open a session in the connection's transaction."""
        async with AsyncSession(self._connection, join_transaction_mode="create_savepoint") as session:
            yield session

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[AsyncConnection]:
        """Give the connection."""
        yield self._connection

    async def dispose(self) -> None:
        """Nothing to close."""


async def write_event(session: AsyncSession, *, place: int, subject: UUID | None = None) -> UUID:
    """Record an event that has something in every column."""
    made = subject or uuid7()
    await service.record(
        session,
        kind="ticket.chased",
        subject_kind="ticket",
        subject_id=made,
        ticket_id=made,
        project_id=uuid7(),
        actor=SYSTEM,
        now=FRIDAY_NOON + timedelta(seconds=place),
        rules=("CMP-14", "REP-02"),
        data={"place": place, "amount_fen": 123400 + place, "note": "催办", "list": [1, 2.50, None]},
    )
    return made


_DENIAL = text(
    "INSERT INTO denial (at, actor_kind, actor_id, operation, method, path, status, code, project_id, subject_id,"
    " request_id, source) VALUES (:at, 'staff', :id, 'owners_read', 'GET', '/v1/owners/{owner_id}', 404,"
    " 'owner_not_found', :id, :id, 'request-0001', :source)"
)


async def write_denial(session: AsyncSession, *, place: int) -> None:
    """Record a denial that has something in every column."""
    at = FRIDAY_NOON + timedelta(seconds=place)
    await session.execute(_DENIAL, {"at": at, "id": uuid7(), "source": b"0123456789abcdef"})


async def write(database: PooledDatabase, *, events: int, denials: int = 0, first: int = 0) -> None:
    """Commit events and denials, three at a time."""
    for begin in range(first, first + events, 3):
        async with database.session() as session:
            for place in range(begin, min(begin + 3, first + events)):
                await write_event(session, place=place)
            await session.commit()
    for place in range(denials):
        async with database.session() as session:
            await write_denial(session, place=place)
            await session.commit()


async def seal_all(database: PooledDatabase, *, key: SealKey, entries: int, batch: int = 1000) -> list[Checkpoint]:
    """Seal until so many entries are; other tests' open transactions on the server may hold that up."""
    made: list[Checkpoint] = []
    loop = asyncio.get_running_loop()
    began, sealed = loop.time(), 0
    while sealed < entries:
        assert loop.time() - began < PATIENCE_SECONDS, f"{sealed} of {entries} sealed"
        done = await sealing.seal(database, key=key, now=FRIDAY_NOON + timedelta(minutes=1 + len(made)), batch=batch)
        if done is None:
            await asyncio.sleep(0.005)
            continue
        made.append(done.checkpoint)
        sealed += done.checkpoint.entries
    return made


async def rows(connection: AsyncConnection, statement: str, **values: Any) -> list[Any]:
    """Return what a statement finds."""
    return list((await connection.execute(text(statement), values)).all())
