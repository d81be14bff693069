"""A home goes to others on one day: wholly or in part, from several to several; contracts are reviewed and filed."""

import asyncio
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON, MASTER, FakeClock
from tests.factories.cases import bare_ticket
from tests.factories.org import Org, make_org
from tests.factories.owners import add_ownership, make_owner
from tests.factories.people import Actor, Desk
from tests.factories.records import get, post, refused, rows

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.errors import DomainError
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Grant, Principal, PrincipalKind, Reach
from ownercare_api.owners import service, transfers
from ownercare_api.owners.models import Owner, Ownership
from ownercare_api.timeline.models import Event

DAY = "2026-11-20"


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def seller(people: Desk, org: Org) -> Actor:
    return await people.staff("sales_consultant", project_id=org.project.id)


async def held(session: AsyncSession, org: Org, *, on: date) -> dict[str, int]:
    """Return the shares of the home by name on a day."""
    query = select(Owner.name, Ownership.share_bp).join(Owner, Owner.id == Ownership.owner_id)
    query = query.where(
        Ownership.unit_id == org.units[0].id,
        Ownership.from_date <= on,
        Ownership.to_date.is_(None) | (Ownership.to_date > on),
    )
    return {row.name: row.share_bp for row in await session.execute(query)}


async def ownership_of(session: AsyncSession, owner: Owner) -> str:
    found = await session.scalar(
        select(Ownership.id).where(Ownership.owner_id == owner.id, Ownership.to_date.is_(None))
    )
    return str(found)


def new_owner(**more: Any) -> dict[str, Any]:
    return {"name": "陈晓东", "phones": [{"number": "137 5678 1234"}], **more}


@pytest.mark.rule("OWN-13")
async def test_a_home_is_sold_to_somebody_new_while_a_case_is_open(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, seller: Actor, state: AppState, clock: FakeClock
) -> None:
    old = await make_owner(session, state.keyring, name="甲", units=[org.units[0]])
    ticket = await bare_ticket(session, org, now=clock())
    ticket.owner_id = old.id
    await session.flush()
    path = f"/v1/units/{org.units[0].id}/transfers"
    ownership = await ownership_of(session, old)
    made = await post(
        client,
        path,
        seller,
        on_date=DAY,
        sellers=[{"ownership_id": ownership}],
        buyers=[{"new_owner": new_owner(), "share_bp": 10_000, "price_fen": 312_000_000}],
        contract_number="ESF-1",
    )
    assert (made["number"], made["ended_ids"]) == ("GH-20261120-0001", [ownership])
    (begun,) = made["begun"]
    buyer = UUID(begun["owner_id"])
    assert await held(session, org, on=date(2026, 11, 19)) == {"甲": 10_000}
    assert await held(session, org, on=date(2026, 11, 20)) == {"陈晓东": 10_000}
    for one, owns in ((old.id, False), (buyer, True)):
        unit = org.units[0].id
        assert await service.owns_unit(session, owner_id=one, unit_id=unit, on=date(2026, 11, 20)) is owns
    await session.refresh(ticket)
    assert ticket.owner_id == old.id
    contract = await get(client, f"/v1/ownerships/{begun['id']}", seller)
    assert (contract["contract_number"], contract["price_fen"]) == ("ESF-1", 312_000_000)
    assert contract["transfer_id"] == made["id"]
    assert [one["id"] for one in (await get(client, path, seller))["items"]] == [made["id"]]
    kinds = list(
        await session.scalars(select(Event.kind).where(Event.project_id == org.project.id).order_by(Event.seq))
    )
    assert kinds[-3:] == ["ownership.ended", "ownership.started", "unit.transferred"]


@pytest.mark.rule("OWN-13")
async def test_a_part_goes_to_a_co_owner_who_then_holds_both_as_one(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, seller: Actor, state: AppState
) -> None:
    one = await make_owner(session, state.keyring, name="甲", units=[org.units[0]], share_bp=6000)
    two = await make_owner(session, state.keyring, name="乙", phone=None, units=[org.units[0]], share_bp=4000)
    path = f"/v1/units/{org.units[0].id}/transfers"
    made = await post(
        client,
        path,
        seller,
        on_date=DAY,
        sellers=[{"ownership_id": await ownership_of(session, one), "share_bp": 1000}],
        buyers=[{"owner_id": str(two.id), "share_bp": 1000}],
    )
    assert sorted(begun["share_bp"] for begun in made["begun"]) == [5000, 5000]
    assert await held(session, org, on=date(2026, 11, 19)) == {"甲": 6000, "乙": 4000}
    assert await held(session, org, on=date(2026, 11, 20)) == {"甲": 5000, "乙": 5000}
    third = await make_owner(session, state.keyring, name="丙", phone=None, units=[org.units[1]])
    sellers = [{"ownership_id": await ownership_of(session, owner)} for owner in (one, two)]
    await post(
        client,
        path,
        seller,
        on_date="2026-11-21",
        sellers=sellers,
        buyers=[{"owner_id": str(third.id), "share_bp": 9000}, {"new_owner": new_owner(), "share_bp": 1000}],
    )
    assert await held(session, org, on=date(2026, 11, 21)) == {"丙": 9000, "陈晓东": 1000}


async def test_what_does_not_add_up_changes_nothing(
    client: httpx.AsyncClient,
    session: AsyncSession,
    org: Org,
    people: Desk,
    seller: Actor,
    state: AppState,
    clock: FakeClock,
) -> None:
    one = await make_owner(session, state.keyring, name="甲", units=[org.units[0]], share_bp=6000)
    two = await make_owner(session, state.keyring, name="乙", phone=None, units=[org.units[1]])
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    stranger = await people.staff("sales_consultant", project_id=sibling.project.id)
    far = await make_owner(session, state.keyring, name="丁", phone=None, units=[sibling.units[0]])
    mine, other = await ownership_of(session, one), await ownership_of(session, two)
    later = await make_owner(session, state.keyring, name="戊", phone=None, units=[org.units[1]], share_bp=1)
    await add_ownership(session, owner=later, unit=org.units[0], share_bp=1, from_date=date(2027, 1, 1))
    path = f"/v1/units/{org.units[0].id}/transfers"
    buyer = {"owner_id": str(two.id), "share_bp": 6000}
    before = await rows(session)
    for sellers, buyers, day, status, code in (
        ([{"ownership_id": mine}], [buyer | {"share_bp": 5999}], DAY, 422, "shares_uneven"),
        ([{"ownership_id": mine, "share_bp": 6001}], [buyer | {"share_bp": 6001}], DAY, 422, "sold_too_much"),
        ([{"ownership_id": other}], [buyer], DAY, 422, "not_a_seller"),
        ([{"ownership_id": mine}, {"ownership_id": mine}], [buyer], DAY, 422, "not_a_seller"),
        ([{"ownership_id": mine}], [buyer], "2025-06-30", 422, "not_a_seller"),
        ([{"ownership_id": mine}], [{"owner_id": str(one.id), "share_bp": 6000}], DAY, 409, "seller_buys"),
        ([{"ownership_id": mine}], [{"owner_id": str(later.id), "share_bp": 6000}], DAY, 409, "share_begins_later"),
        ([{"ownership_id": mine}], [{"owner_id": str(far.id), "share_bp": 6000}], DAY, 404, "owner_not_found"),
        ([{"ownership_id": mine}], [buyer, buyer], DAY, 422, "validation_failed"),
        ([{"ownership_id": mine}], [buyer | {"new_owner": new_owner()}], DAY, 422, "validation_failed"),
    ):
        answer = await refused(client, path, seller, on_date=day, sellers=sellers, buyers=buyers)
        assert answer == (status, code), code
    hidden = await refused(client, path, stranger, on_date=DAY, sellers=[{"ownership_id": mine}], buyers=[buyer])
    assert hidden[0] == 404
    assert (await client.get(path, headers=stranger.headers)).json()["code"] == "unit_not_found"
    assert await rows(session) == before


@pytest.mark.rule("OWN-13")
@pytest.mark.rule("SAL-04")
async def test_a_contract_is_completed_submitted_and_filed_by_another_person(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, people: Desk, seller: Actor, state: AppState
) -> None:
    owner = await make_owner(session, state.keyring, name="甲", phone=None, units=[org.units[1]], share_bp=1)
    sold = {"unit_id": str(org.units[0].id), "from_date": "2026-01-01", "contract_number": "HT-1"}
    made = await post(client, f"/v1/owners/{owner.id}/ownerships", seller, **sold)
    path = f"/v1/ownerships/{made['id']}"
    reviewer = await people.staff("customer_relations_specialist", project_id=org.project.id)
    assert (made["status"], made["allowed_actions"]) == ("draft", [])
    before = await rows(session)
    assert await refused(client, f"{path}/submission", seller) == (409, "contract_incomplete")
    assert await refused(client, f"{path}/filing", reviewer) == (409, "wrong_status")
    assert await rows(session) == before
    rest = {"contract_signed_on": "2025-12-24", "payment_method": "mortgage", "price_fen": 268_000_000,
            "purchase_place": "云栖雅苑售楼处", "deposit_fen": 5_000_000}  # fmt: skip
    full = await client.patch(path, json=rest, headers=seller.headers | {"If-Match": "*"})
    assert full.status_code == 200, full.text
    assert (full.json()["purchase_place"], full.json()["allowed_actions"]) == ("云栖雅苑售楼处", ["submission"])
    sent = await post(client, f"{path}/submission", seller)
    assert (sent["status"], sent["submitted_by"]) == ("submitted", str(seller.id))
    two_hats = await people.staff("customer_relations_specialist", project_id=org.project.id)
    returned = await post(client, f"{path}/return", reviewer, note="付款方式与凭证不符")
    assert (returned["status"], returned["review_note"]) == ("returned", "付款方式与凭证不符")
    await post(client, f"{path}/submission", two_hats)
    before = await rows(session)
    assert await refused(client, f"{path}/filing", two_hats) == (403, "own_contract")
    assert await rows(session) == before
    filed = await post(client, f"{path}/filing", reviewer, note="已备案")
    assert (filed["status"], filed["reviewed_by"], filed["allowed_actions"]) == ("filed", str(reviewer.id), [])
    # What was filed and is edited must be reviewed again.
    edit = {"price_fen": 269_000_000}
    edited = await client.patch(path, json=edit, headers=reviewer.headers | {"If-Match": "*"})
    assert edited.json()["status"] == "draft"
    await post(client, f"{path}/submission", seller)
    assert await refused(client, f"{path}/filing", reviewer) == (403, "own_contract")


@pytest.mark.slow
@pytest.mark.rule("OWN-13")
async def test_a_home_that_is_transferred_twice_at_once_is_transferred_once(committed: PooledDatabase) -> None:
    keyring, trials = Keyring.from_master(MASTER), 20
    async with committed.session() as session:
        org = await make_org(session, now=FRIDAY_NOON, units=trials)
        old = await make_owner(session, keyring, name="甲", phone=None, units=org.units)
        buyers = [await make_owner(session, keyring, name=name, phone=None) for name in ("乙", "丙")]
        sold = {row.unit_id: row.id for row in await session.execute(select(Ownership.unit_id, Ownership.id))}
        await session.commit()
    grant = Grant("x", frozenset({"owners:read", "owners:write"}), Reach(everywhere=True))

    async def sell(unit_id: UUID, buyer: Owner) -> type[Exception] | None:
        deal = transfers.Deal(
            on_date=date(2026, 11, 20), sellers=[transfers.Sale(sold[unit_id], None)],
            buyers=[transfers.Buyer(buyer.id, None, 10_000, None)], contract_number=None, contract_signed_on=None,
            payment_method=None, note=None, evidence_file_ids=[],
        )  # fmt: skip
        actor = Principal(kind=PrincipalKind.STAFF, id=uuid7(), name="销售", grants=(grant,))
        async with committed.session() as session:
            try:
                await transfers.transfer(
                    session, unit_id=unit_id, deal=deal, keyring=keyring, principal=actor, now=FRIDAY_NOON
                )
                await session.commit()
            except DomainError as refusal:
                return type(refusal)
            return None

    for unit in org.units:
        outcomes = await asyncio.gather(*(sell(unit.id, buyer) for buyer in buyers))
        assert sorted(map(str, outcomes)) == sorted(map(str, (None, transfers.NotASeller)))
    async with committed.session() as session:
        open_shares = select(Ownership.unit_id, func.sum(Ownership.share_bp)).where(Ownership.to_date.is_(None))
        sums = (await session.execute(open_shares.group_by(Ownership.unit_id))).all()
        assert sorted(row[1] for row in sums) == [10_000] * trials
        left = await session.scalar(
            select(func.count()).where(Ownership.owner_id == old.id, Ownership.to_date.is_(None))
        )
        assert left == 0
