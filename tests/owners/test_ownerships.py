"""Shares of a home over time: never above the whole, also when two sales race; ends; transfers."""

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON, FakeClock
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.people import Actor, Desk

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.errors import DomainError
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Grant, OutOfReach, Principal, PrincipalKind, Reach
from ownercare_api.owners import service
from ownercare_api.owners.models import Ownership
from ownercare_api.owners.ownerships import Purchase, SharesExceeded, UnitAlreadySold, acquire, peak
from ownercare_api.timeline.models import Event


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def seller(people: Desk, org: Org) -> Actor:
    return await people.staff("sales_consultant", project_id=org.project.id)


async def counts(session: AsyncSession) -> tuple[int, ...]:
    return tuple(
        [int((await session.execute(select(func.count()).select_from(one))).scalar_one()) for one in (Event, Ownership)]
    )


def purchase(org: Org, **changes: Any) -> dict[str, Any]:
    return {"unit_id": str(org.units[1].id), "from_date": "2026-01-01", "share_bp": 10_000, **changes}


@pytest.mark.rule("OWN-13")
async def test_a_home_is_not_sold_twice_and_is_sold_on_after_the_end(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, seller: Actor, state: AppState
) -> None:
    first = await make_owner(session, state.keyring, name="甲", phone="13800000001", units=[org.units[0]])
    second = await make_owner(session, state.keyring, name="乙", phone="13800000002", units=[org.units[0]])
    path = "/v1/owners/{}/ownerships"
    sold = await client.post(path.format(first.id), json=purchase(org, contract_number="HT-1"), headers=seller.headers)
    assert sold.status_code == 201, sold.text
    assert sold.json()["owner"] == {"id": str(first.id), "name": "甲"}
    assert (sold.json()["contract_number"], sold.json()["address"]) == ("HT-1", "云栖雅苑 3栋 1单元 1303室")
    before = await counts(session)
    twice = await client.post(path.format(second.id), json=purchase(org), headers=seller.headers)
    assert (twice.status_code, twice.json()["code"], twice.json()["rules"]) == (409, "unit_already_sold", ["OWN-13"])
    earlier = await client.post(
        path.format(second.id), json=purchase(org, from_date="2025-12-31", share_bp=1), headers=seller.headers
    )
    assert earlier.status_code == 409  # would run into the first one's time
    again = await client.post(path.format(first.id), json=purchase(org, share_bp=1), headers=seller.headers)
    assert (again.status_code, again.json()["code"]) == (409, "already_holds_share")
    assert await counts(session) == before
    end = f"/v1/ownerships/{sold.json()['id']}/end"
    backwards = await client.post(end, json={"to_date": "2026-01-01"}, headers=seller.headers)
    assert (backwards.status_code, backwards.json()["code"]) == (422, "end_before_start")
    ended = await client.post(end, json={"to_date": "2026-11-20"}, headers=seller.headers)
    assert (ended.status_code, ended.json()["to_date"], ended.json()["version"]) == (201, "2026-11-20", 2)
    already = await client.post(end, json={"to_date": "2026-12-20"}, headers=seller.headers)
    assert (already.status_code, already.json()["code"]) == (409, "ownership_ended")
    day_before = await client.post(
        path.format(second.id), json=purchase(org, from_date="2026-11-19"), headers=seller.headers
    )
    assert day_before.json()["code"] == "unit_already_sold"
    on = await client.post(path.format(second.id), json=purchase(org, from_date="2026-11-20"), headers=seller.headers)
    assert on.status_code == 201
    unit = org.units[1].id
    for owner, day, owns in (
        (first, date(2026, 11, 19), True),
        (first, date(2026, 11, 20), False),
        (second, date(2026, 11, 19), False),
        (second, date(2026, 11, 20), True),
        (first, date(2025, 12, 31), False),
    ):
        assert await service.owns_unit(session, owner_id=owner.id, unit_id=unit, on=day) is owns
    kinds = list(
        await session.scalars(select(Event.kind).where(Event.project_id == org.project.id).order_by(Event.seq))
    )
    assert kinds[-3:] == ["ownership.started", "ownership.ended", "ownership.started"]


@pytest.mark.rule("OWN-13")
async def test_a_home_may_have_two_owners_up_to_the_whole(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, seller: Actor, state: AppState
) -> None:
    owners = [
        await make_owner(session, state.keyring, name=name, phone=None, units=[org.units[0]], share_bp=3000)
        for name in ("甲", "乙", "丙")
    ]
    path = "/v1/owners/{}/ownerships"
    for owner, share in zip(owners[:2], (6000, 3999), strict=True):
        made = await client.post(path.format(owner.id), json=purchase(org, share_bp=share), headers=seller.headers)
        assert made.status_code == 201
    before = await counts(session)
    over = await client.post(path.format(owners[2].id), json=purchase(org, share_bp=2), headers=seller.headers)
    assert (over.status_code, over.json()["code"]) == (409, "shares_exceeded")
    assert "最多还可登记 1 个" in over.json()["detail"]
    for wrong in (0, 10_001, 0.5, "1"):
        refused = await client.post(
            path.format(owners[2].id), json=purchase(org, share_bp=wrong), headers=seller.headers
        )
        assert refused.status_code == 422, wrong
    assert await counts(session) == before
    last = await client.post(path.format(owners[2].id), json=purchase(org, share_bp=1), headers=seller.headers)
    assert last.status_code == 201
    listed = await client.get("/v1/owners", params={"unit_id": str(org.units[1].id)}, headers=seller.headers)
    assert [one["name"] for one in listed.json()["items"]] == ["丙", "乙", "甲"]


async def test_homes_of_a_sibling_project_are_not_sold_from_here(
    client: httpx.AsyncClient,
    session: AsyncSession,
    org: Org,
    seller: Actor,
    state: AppState,
    clock: FakeClock,
) -> None:
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    owner = await make_owner(session, state.keyring, units=[org.units[0]])
    there = await make_owner(session, state.keyring, name="李四", phone=None, units=[sibling.units[0]])
    path = f"/v1/owners/{owner.id}/ownerships"
    before = await counts(session)
    hidden = await client.post(path, json=purchase(sibling), headers=seller.headers)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "unit_not_found")
    ownership = await session.scalar(select(Ownership.id).where(Ownership.owner_id == there.id))
    for method, target in (("GET", f"/v1/ownerships/{ownership}"), ("POST", f"/v1/ownerships/{ownership}/end")):
        answer = await client.request(method, target, json={"to_date": "2026-11-20"}, headers=seller.headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "ownership_not_found")
    # In sight for reading only: told so.
    reach = Reach(projects=frozenset({org.project.id}))
    writes = Grant(role="a", scopes=frozenset({"owners:write"}), reach=reach)
    reads = Grant(role="b", scopes=frozenset({"owners:read"}), reach=Reach(everywhere=True))
    reader = Principal(kind=PrincipalKind.STAFF, id=uuid7(), name="甲", grants=(writes, reads))
    wanted = Purchase(unit_id=sibling.units[1].id, share_bp=1, from_date=date(2026, 1, 1))
    with pytest.raises(OutOfReach):
        await acquire(session, owner_id=owner.id, purchase=wanted, principal=reader, now=clock())
    assert await counts(session) == before


periods = st.lists(
    st.tuples(st.integers(0, 20), st.one_of(st.none(), st.integers(1, 20)), st.integers(1, 10_000)), max_size=6
)


@given(held=periods, since=st.integers(0, 20))
def test_the_peak_is_the_greatest_sum_of_any_day(held: list[tuple[int, int | None, int]], since: int) -> None:
    start = date(2026, 1, 1)
    ownerships = [
        Ownership(
            from_date=start + timedelta(days=begin),
            to_date=None if length is None else start + timedelta(days=begin + length),
            share_bp=share,
        )
        for begin, length, share in held
    ]
    by_day = [
        sum(share for begin, length, share in held if begin <= day and (length is None or day < begin + length))
        for day in range(since, 45)
    ]
    assert peak(ownerships, since=start + timedelta(days=since)) == max(by_day)


@dataclass
class Sale:
    principal: Principal
    owner: Any
    share: int


@pytest.mark.slow
@pytest.mark.rule("OWN-13")
async def test_racing_sales_never_give_more_than_the_whole(committed: PooledDatabase) -> None:
    keyring = Keyring.from_master(bytes(range(32)))
    reach = Reach(everywhere=True)
    grant = Grant(role="sales_supervisor", scopes=frozenset({"owners:read", "owners:write"}), reach=reach)
    trials = 20
    async with committed.session() as session:
        org = await make_org(session, now=FRIDAY_NOON, units=trials)
        buyers = [await make_owner(session, keyring, name=f"买家{place}", phone=None) for place in range(5)]
        await session.commit()

    async def buy(unit_id: Any, sale: Sale) -> type[DomainError] | None:
        async with committed.session() as session:
            wanted = Purchase(unit_id=unit_id, share_bp=sale.share, from_date=date(2026, 1, 1))
            try:
                await acquire(
                    session, owner_id=sale.owner.id, purchase=wanted, principal=sale.principal, now=FRIDAY_NOON
                )
                await session.commit()
            except DomainError as refusal:
                return type(refusal)
            return None

    for unit in org.units:
        sales = [
            Sale(Principal(kind=PrincipalKind.STAFF, id=uuid7(), name="销售", grants=(grant,)), buyer, 4000)
            for buyer in buyers
        ]
        outcomes = await asyncio.gather(*(buy(unit.id, sale) for sale in sales))
        assert outcomes.count(None) == 2, outcomes
        assert outcomes.count(SharesExceeded) == 3
    async with committed.session() as session:
        sums = await session.execute(select(func.sum(Ownership.share_bp), func.count()).group_by(Ownership.unit_id))
        assert sums.all() == [(8000, 2)] * trials
        events = await session.scalar(select(func.count()).where(Event.kind == "ownership.started"))
        assert events == 2 * trials
    # The whole home at once: exactly one of five buyers gets it.
    async with committed.session() as session:
        again = await make_org(session, now=FRIDAY_NOON, units=1, name="滨江壹号", region=org.region)
        await session.commit()
    whole = [
        Sale(Principal(kind=PrincipalKind.STAFF, id=uuid7(), name="销售", grants=(grant,)), one, 10_000)
        for one in buyers
    ]
    outcomes = await asyncio.gather(*(buy(again.units[0].id, sale) for sale in whole))
    assert (outcomes.count(None), outcomes.count(UnitAlreadySold)) == (1, 4)
