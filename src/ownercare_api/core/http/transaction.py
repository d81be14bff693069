"""The transaction of a request, as dependencies: `Tx` to change things, `Reader` to look."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.hot import Driver, driver_of
from ownercare_api.core.http import idempotency
from ownercare_api.core.http.state import app_state, present


async def _transaction(request: Request) -> AsyncIterator[AsyncSession]:
    state = app_state(request)
    async with state.database.session() as session:
        if request.method == "POST":
            await idempotency.reserve(request, session=session, keyring=state.keyring, now=present(request))
        yield session
        # Function scope: this runs before the answer is sent, so a failed commit becomes an error, never a lie.
        await session.commit()


async def _reader(request: Request) -> AsyncIterator[AsyncConnection]:
    async with app_state(request).database.reader() as connection:
        yield connection


async def _driver(request: Request) -> AsyncIterator[Driver]:
    async with app_state(request).database.driver() as driver:
        yield driver


async def _statement(request: Request) -> AsyncIterator[Driver]:
    if "idempotency-key" in request.headers:
        async for session in _transaction(request):  # the stored answer must commit with the work
            yield await driver_of(session)
    else:
        async with app_state(request).database.driver() as driver:
            yield driver


Tx = Annotated[AsyncSession, Depends(_transaction, scope="function")]
"""One request, one transaction; code only flushes. Declare it after the principal: a replay must know the caller."""

Reader = Annotated[AsyncConnection, Depends(_reader, scope="function")]
"""Reads without a transaction; sees only what is committed."""

Hot = Annotated[Driver, Depends(_driver, scope="function")]
"""The driver's connection for hot statements; each is a transaction of its own."""

OneStatement = Annotated[Driver, Depends(_statement, scope="function")]
"""For work that is a single statement and so needs no transaction around it, unless an idempotency key asks for one."""
