"""A restricted owner's name is masked where it stands, and can't be found out by searching (PIPL art. 44, 47)."""

from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.cases import bare_ticket
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.people import Actor, Desk
from tests.factories.records import get, names

from ownercare_api.core.http.state import AppState
from ownercare_api.owners.models import Owner
from ownercare_api.tickets.models import Ticket

NAME, MASKED, MOBILE = "公冶照夜", "公冶**", "13812341234"

pytestmark = pytest.mark.rule("OWN-07")


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def clerk(people: Desk, org: Org) -> Actor:
    return await people.staff("complaint_specialist", project_id=org.project.id)


@pytest.fixture
async def officer(people: Desk, org: Org) -> Actor:
    return await people.staff("customer_service_manager", project_id=org.project.id)


@pytest.fixture
async def owner(session: AsyncSession, state: AppState, clock: FakeClock, org: Org) -> Owner:
    made = await make_owner(session, state.keyring, name=NAME, phone=MOBILE, units=[org.units[0]])
    made.restricted_at = clock()
    await session.flush()
    return made


@pytest.fixture
async def ticket(session: AsyncSession, clock: FakeClock, org: Org, owner: Owner) -> Ticket:
    made = await bare_ticket(session, org, now=clock())
    made.owner_id, made.caller_name, made.caller_phone_masked = owner.id, NAME, "138****1234"
    await session.flush()
    return made


async def search(client: httpx.AsyncClient, actor: Actor, **by: str) -> list[str]:
    answer = await client.post("/v1/owner-searches", json=by, headers=actor.headers)
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["items"]]


async def test_a_name_finds_him_for_who_may_see_it_only(
    client: httpx.AsyncClient, clerk: Actor, officer: Actor, owner: Owner
) -> None:
    for q in ("公", "照夜", NAME, "gongye"):
        assert await names(client, clerk, q=q) == []
        assert await names(client, officer, q=q) == [MASKED]  # lists are masked for everybody
    assert await names(client, clerk) == [MASKED]
    assert await search(client, clerk, name=NAME) == []
    assert await search(client, clerk, name=NAME, phone=MOBILE) == []
    assert await search(client, clerk, phone=MOBILE) == [MASKED]
    assert await search(client, officer, name=NAME) == [MASKED]


async def test_his_cases_show_a_masked_name_without_another_statement(
    client: httpx.AsyncClient, session: AsyncSession, clerk: Actor, officer: Actor, owner: Owner, ticket: Ticket,
    queries: QueryRecorder,
) -> None:  # fmt: skip
    async def shown(actor: Actor) -> tuple[Any, ...]:
        (listed,) = (await get(client, "/v1/tickets", actor))["items"]
        read = await get(client, f"/v1/tickets/{ticket.id}", actor)
        assert listed["owner"] == read["owner"]
        return read["owner"]["name"], read["owner"]["phone_masked"], read["caller_name"], read["caller_phone_masked"]

    assert await shown(clerk) == (MASKED, None, MASKED, None)
    assert await shown(officer) == (NAME, "138****1234", NAME, "138****1234")
    await get(client, "/v1/tickets", clerk)
    with queries as seen:
        await get(client, "/v1/tickets", clerk)
    restricted = seen.count
    owner.restricted_at = None
    await session.flush()
    assert await shown(clerk) == (NAME, "138****1234", NAME, "138****1234")
    with queries as seen:
        await get(client, "/v1/tickets", clerk)
    assert seen.count == restricted


async def test_the_callers_name_is_not_searched(
    client: httpx.AsyncClient, session: AsyncSession, clerk: Actor, owner: Owner, ticket: Ticket
) -> None:
    async def found(q: str) -> int:
        return len((await get(client, "/v1/tickets", clerk, q=q))["items"])

    assert (await found("照夜"), await found(ticket.title)) == (0, 1)
    owner.restricted_at = None
    await session.flush()
    assert await found("照夜") == 1


async def test_he_sees_his_own_name(client: httpx.AsyncClient, people: Desk, owner: Owner, ticket: Ticket) -> None:
    login = await people.owner(owner.id)
    assert (await get(client, "/v1/my/profile", login))["name"] == NAME
    assert (await get(client, f"/v1/my/tickets/{ticket.id}", login))["caller_name"] == NAME
