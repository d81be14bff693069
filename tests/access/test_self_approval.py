"""Maker is never checker, by person (reading 10): ways to approve one's own work, each refused with its exact code and
nothing changed, and the same request allowed to the right person."""

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.access import own_accounts, own_authority, own_bank_accounts, own_estimates, own_payments
from tests.access.bench import Bench, Way
from tests.conftest import FakeClock
from tests.factories.people import Desk

from ownercare_api.core.http.state import AppState

WAYS = (*own_estimates.WAYS, *own_accounts.WAYS, *own_authority.WAYS, *own_bank_accounts.WAYS, *own_payments.WAYS)


@pytest.fixture
def bench(session: AsyncSession, people: Desk, client: httpx.AsyncClient, state: AppState, clock: FakeClock) -> Bench:
    return Bench(session=session, people=people, client=client, state=state, now=clock())


def test_there_are_enough_ways() -> None:
    assert len({way.__name__ for way in WAYS}) == len(WAYS)
    assert len(WAYS) >= 50


@pytest.mark.rule("ORG-10", "FIN-01", "FIN-02", "FIN-05", "FIN-08", "FIN-09", "FIN-11", "REP-02", "REP-12")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_nobody_approves_own_work(bench: Bench, way: Way) -> None:
    await bench.prove(await way(bench))
