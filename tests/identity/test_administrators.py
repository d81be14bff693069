"""The first administrator of an installation."""

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.people import Desk

from ownercare_api.identity.administrators import UsernameTaken, add_administrator
from ownercare_api.identity.models import Account
from ownercare_api.identity.passwords import WeakPassword
from ownercare_api.timeline.models import Event
from ownercare_api.timeline.service import record

PASSWORD = "管理员的第一个密码-2026"


@pytest.mark.rule("ORG-28")
async def test_the_first_administrator_can_log_in(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, clock: FakeClock
) -> None:
    await add_administrator(session, username="admin", name="丁浩然", password=PASSWORD, record=record, now=clock())
    told = [(event.kind, event.actor_kind) for event in await session.scalars(select(Event).order_by(Event.seq))]
    assert told == [("person.created", "system"), ("grant.given", "system")]
    form = {"grant_type": "password", "username": "admin", "password": PASSWORD}
    answer = await client.post("/v1/auth/token", data=form)
    assert answer.status_code == 200
    assert "identity:manage" in answer.json()["scope"].split()


async def test_weak_passwords_and_taken_names_are_refused(session: AsyncSession, clock: FakeClock) -> None:
    await add_administrator(session, username="admin", name="丁浩然", password=PASSWORD, record=record, now=clock())
    with pytest.raises(UsernameTaken):
        await add_administrator(session, username="admin", name="另一人", password=PASSWORD, record=record, now=clock())
    for weak in ("short", "1234567890", "aaaaaaaaaaaa", "长" * 129):
        with pytest.raises(WeakPassword):
            await add_administrator(
                session, username="second", name="另一人", password=weak, record=record, now=clock()
            )
    assert await session.scalar(select(func.count()).select_from(Account)) == 1
