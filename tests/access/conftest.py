"""The stage of the tests that try everything on everything."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from tests.access import world_firms, world_more
from tests.access.callers import Callers
from tests.access.stage import Stage
from tests.access.world import EXTRAS, make_world
from tests.conftest import FRIDAY_NOON, TEMPLATE, BoundDatabase, FakeClock, _sql
from tests.factories.people import Desk as PeopleDesk

from ownercare_api.core.http.state import AppState
from ownercare_api.identity import access
from ownercare_api.identity.service import Desk


@pytest.fixture(scope="session")
async def world_stage(long_transactions: str, worker_id: str, app_shell: FastAPI) -> AsyncIterator[Stage]:
    """Build the world once for this worker, in one transaction of a database that no other test writes to."""
    name = f"access_{worker_id}"
    await _sql(long_transactions, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY WAL_LOG")
    options = {"server_settings": {"timezone": "UTC"}, "prepared_statement_cache_size": 1000}
    engine = create_async_engine(make_url(long_transactions).set(database=name), connect_args=options)
    state: AppState = app_shell.state.ownercare
    async with engine.connect() as connection:
        transaction = await connection.begin()
        database = BoundDatabase(connection)
        state.database = database
        async with database.session() as session:
            desk: Desk = state.parts[Desk]
            clock = FakeClock(FRIDAY_NOON)
            state.clock = clock
            await desk.keys.load(session, now=clock())
            people = PeopleDesk(session=session, desk=desk, clock=clock)
            assert {world_more.owners_own, world_firms.bank_accounts} <= set(EXTRAS)
            world = await make_world(app_shell, session, people, state, now=clock())
            callers = Callers(world)
            await callers.make()
            yield Stage(app_shell, connection, state, world, callers)
        await transaction.rollback()
    await engine.dispose()


@pytest.fixture
async def stage(world_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Bind the application to the world; other tests bind it to their own transaction."""
    # Nobody's grants change while cells run: loading forty people anew every two seconds would only cost time.
    monkeypatch.setattr(access, "FRESH_SECONDS", 3600.0)
    world_stage.bind()
    # Other tests left the process with keys of their own, which sign but are not on record here.
    await world_stage.state.parts[Desk].keys.load(world_stage.world.session, now=world_stage.world.now)
    return world_stage
