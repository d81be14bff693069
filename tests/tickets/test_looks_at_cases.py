"""Whoever sees whose case it is leaves a look: once an hour for each case opened, and for each owner in a list."""

from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import bare_ticket
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.people import Actor, Desk
from tests.factories.records import get

from ownercare_api.core.hot import driver_of
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal, PrincipalKind
from ownercare_api.owners.looks import CaseLooks
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_looks import OwnerLook
from ownercare_api.tickets.models import Ticket


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def owners(session: AsyncSession, state: AppState, org: Org) -> list[Owner]:
    return [
        await make_owner(session, state.keyring, name=name, phone=f"1381234000{place}", units=[org.units[place]])
        for place, name in enumerate(("王秀英", "顾长风"))
    ]


@pytest.fixture
async def colleague(people: Desk, org: Org) -> Actor:
    return await people.staff("complaint_specialist", project_id=org.project.id)


async def case(session: AsyncSession, org: Org, owner: Owner | None, clock: FakeClock) -> Ticket:
    ticket = await bare_ticket(session, org, now=clock())
    ticket.owner_id = None if owner is None else owner.id
    await session.flush()
    return ticket


async def looks(session: AsyncSession) -> list[tuple[Any, ...]]:
    """Return what is on record: who, what, at whom, which case."""
    columns = OwnerLook.actor_id, OwnerLook.look, OwnerLook.owner_ids, OwnerLook.ticket_id
    return [tuple(row) for row in await session.execute(sa.select(*columns).order_by(OwnerLook.id))]


@pytest.mark.rule("OWN-07")
async def test_opening_a_case_is_a_look_once_an_hour(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, owners: list[Owner], colleague: Actor,
    clock: FakeClock,
) -> None:  # fmt: skip
    first, second = [await case(session, org, owners[0], clock) for _ in range(2)]
    one = (colleague.id, "case", [owners[0].id], first.id)
    for _ in range(3):
        await get(client, f"/v1/tickets/{first.id}", colleague)
    assert await looks(session) == [one]
    await get(client, f"/v1/tickets/{second.id}", colleague)
    assert await looks(session) == [one, (colleague.id, "case", [owners[0].id], second.id)]
    clock.forward(minutes=59)
    await get(client, f"/v1/tickets/{first.id}", colleague)
    assert len(await looks(session)) == 2
    clock.forward(minutes=1)
    await get(client, f"/v1/tickets/{first.id}", colleague)
    assert (await looks(session))[2:] == [one]
    login = await people.owner(owners[0].id)
    told = (await get(client, "/v1/my/looks", login))["items"]
    assert [(each["who"], each["words"], each["ticket"]["number"]) for each in told] == [
        (colleague.name, "打开了您的工单", number) for number in (first.number, second.number, first.number)
    ]


@pytest.mark.rule("OWN-07")
async def test_a_list_is_a_look_at_those_who_were_not_seen_within_the_hour(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, owners: list[Owner], colleague: Actor,
    clock: FakeClock,
) -> None:  # fmt: skip
    for owner in (owners[0], owners[0], None):
        await case(session, org, owner, clock)
    for _ in range(2):
        assert len((await get(client, "/v1/tickets", colleague))["items"]) == 3
    assert await looks(session) == [(colleague.id, "list", [owners[0].id], None)]
    await case(session, org, owners[1], clock)
    await get(client, "/v1/tickets", colleague)
    assert (await looks(session))[1:] == [(colleague.id, "list", [owners[1].id], None)]
    other = await people.staff("complaint_supervisor", project_id=org.project.id)
    await get(client, "/v1/tickets", other)
    assert (await looks(session))[2:] == [(other.id, "list", sorted(one.id for one in owners), None)]


@pytest.mark.rule("OWN-07")
async def test_what_is_cut_off_the_page_or_out_of_sight_is_no_look(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, owners: list[Owner], colleague: Actor,
    clock: FakeClock,
) -> None:  # fmt: skip
    hidden, _ = [await case(session, org, owner, clock) for owner in owners]
    await get(client, "/v1/tickets", colleague, limit=1)
    assert await looks(session) == [(colleague.id, "list", [owners[1].id], None)]
    elsewhere = await people.staff("complaint_specialist", project_id=(await make_org(session, now=clock())).project.id)
    answer = await client.get(f"/v1/tickets/{hidden.id}", headers=elsewhere.headers)
    assert answer.status_code == 404
    assert (await get(client, "/v1/tickets", elsewhere))["items"] == []
    assert len(await looks(session)) == 1


@pytest.mark.rule("OWN-07")
async def test_what_was_forgotten_is_recorded_again_and_never_left_out(
    session: AsyncSession, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CaseLooks, "_MOST", 3)
    memory, actor = CaseLooks(), Principal(PrincipalKind.STAFF, uuid7(), "周", ())
    ids = sorted(uuid7() for _ in range(4))
    driver = await driver_of(session)
    for wanted in (ids, ids[1:], [ids[0], None, ids[3]]):
        await memory.listed(driver, owner_ids=wanted, actor=actor, now=clock())
    assert [owner_ids for _, _, owner_ids, _ in await looks(session)] == [ids, [ids[0]]]


@pytest.mark.rule("OWN-07")
async def test_owners_themselves_are_no_lookers(session: AsyncSession, clock: FakeClock) -> None:
    own = uuid7()
    owner = Principal(PrincipalKind.OWNER, uuid7(), "业主", (), owner_id=own)
    await CaseLooks().opened(await driver_of(session), owner_id=own, ticket_id=None, actor=owner, now=clock())
    assert await looks(session) == []
