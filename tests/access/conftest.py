"""The stage of the tests that try everything on everything."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.access import world_firms, world_more
from tests.access.callers import Callers
from tests.access.stage import Stage
from tests.access.world import EXTRAS, make_world
from tests.conftest import FRIDAY_NOON, BoundDatabase, FakeClock
from tests.factories.people import Desk as PeopleDesk

from ownercare_api.core.http.state import AppState
from ownercare_api.identity import access
from ownercare_api.identity.service import Desk


@pytest.fixture(scope="module")
async def stage(engine: AsyncEngine, app_shell: FastAPI) -> AsyncIterator[Stage]:
    """Build the world once for all chunks of this worker."""
    state: AppState = app_shell.state.ownercare
    # Nobody's grants change while cells run: loading forty people anew every two seconds would only cost time.
    patience = pytest.MonkeyPatch()
    patience.setattr(access, "FRESH_SECONDS", 3600.0)
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
    patience.undo()
