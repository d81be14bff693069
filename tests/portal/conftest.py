"""What every test of the portal stands on."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.people import Desk
from tests.factories.portal import Neighbours, make_neighbours

from ownercare_api.core.http.state import AppState


@pytest.fixture
async def here(session: AsyncSession, people: Desk, state: AppState, clock: FakeClock) -> Neighbours:
    """Make the neighbours."""
    return await make_neighbours(session, people, state.keyring, now=clock())
