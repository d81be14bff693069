"""A site of settlements, and the steps taken on it through the API."""

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.people import Desk
from tests.factories.settlements import Site, Steps, make_site


@pytest.fixture
async def site(session: AsyncSession, people: Desk, clock: FakeClock) -> Site:
    """Give a project with a contractor, a property company and their people."""
    return await make_site(session, people, now=clock())


@pytest.fixture
def steps(client: httpx.AsyncClient, site: Site) -> Steps:
    """Give the steps of a settlement."""
    return Steps(client=client, site=site)
