"""Plans of payments under purchase contracts: made, replaced, fixed by the filing, changed with a reason."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.payments import TERMS, pay, put
from tests.factories.people import Actor, Desk
from tests.factories.records import get, post, refused, rows

from ownercare_api.core.http.state import AppState
from ownercare_api.owners.models import Ownership
from ownercare_api.timeline.models import Event


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock(), units=4)


@pytest.fixture
async def seller(people: Desk, org: Org) -> Actor:
    return await people.staff("sales_consultant", project_id=org.project.id)


async def bought(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, seller: Actor, state: AppState, **more: Any
) -> dict[str, Any]:
    """Let somebody buy the first home, or a share of it."""
    owner = await make_owner(session, state.keyring, name=more.pop("name", "王秀英"), phone=None, units=[org.units[2]])
    body = {
        "unit_id": str(org.units[0].id), "from_date": "2025-06-30", "contract_number": "HT-1",
        "contract_signed_on": "2025-06-01", "payment_method": "mortgage", "price_fen": 300_000_000, **more,
    }  # fmt: skip
    return await post(client, f"/v1/owners/{owner.id}/ownerships", seller, **body)


@pytest.mark.rule("OWN-13", "SAL-04")
async def test_a_plan_is_made_and_replaced_as_a_whole(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, seller: Actor, state: AppState
) -> None:
    ownership = await bought(client, session, org, seller, state)
    path = f"/v1/ownerships/{ownership['id']}/payment-plan"
    empty = await get(client, path, seller)
    assert (empty["id"], empty["version"], empty["instalments"], empty["price_fen"]) == (None, 0, [], None)
    assert empty["allowed_actions"] == ["replacement"]
    answer = await put(client, path, seller, TERMS, version=0)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert [(one["kind"], one["state"], one["overdue_days"]) for one in made["instalments"]] == [
        ("deposit", "overdue", 2), ("first_payment", "open", 0), ("loan", "open", 0),
    ]  # fmt: skip
    assert (made["price_fen"], made["received_fen"], made["open_fen"]) == (300_000_000, 0, 300_000_000)
    assert (made["ownership_ids"], made["fixed_at"], made["changes"]) == ([ownership["id"]], None, [])
    _, second, third = made["instalments"]
    kept = {name: second[name] for name in ("id", "kind", "amount_fen", "due_on")}
    terms = {"price_fen": 300_000_000, "instalments": [
        {"kind": "deposit", "amount_fen": 20_000_000, "due_on": "2026-11-25"}, kept,
        {"kind": "balance", "amount_fen": 200_000_000, "due_on": "2027-04-30"},
    ]}  # fmt: skip
    stale = await put(client, path, seller, terms, version=0)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    again = (await put(client, path, seller, terms, version=made["version"])).json()
    assert [one["id"] == second["id"] for one in again["instalments"]] == [False, True, False]
    assert again["version"] == made["version"] + 1
    same = await put(client, path, seller, {**terms, "instalments": [
        {name: one[name] for name in ("id", "kind", "amount_fen", "due_on")} for one in again["instalments"]
    ]})  # fmt: skip
    assert same.json()["version"] == again["version"]
    events = list(await session.scalars(select(Event.kind).where(Event.kind.like("contract_payment.%"))))
    assert events == ["contract_payment.planned", "contract_payment.planned"]
    missing = await client.put(path, json=terms, headers=seller.headers)
    assert missing.status_code == 428
    assert third["id"] not in {one["id"] for one in again["instalments"]}


@pytest.mark.rule("OWN-13")
async def test_a_plan_that_does_not_fit_its_contract_is_refused_and_nothing_changes(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, seller: Actor, state: AppState
) -> None:
    ownership = await bought(client, session, org, seller, state)
    bare = await bought(client, session, org, seller, state, unit_id=str(org.units[1].id), price_fen=None)
    path = f"/v1/ownerships/{ownership['id']}/payment-plan"
    uneven = {**TERMS, "price_fen": 300_000_001}
    other = {"price_fen": 1_000, "instalments": [{"kind": "balance", "amount_fen": 1_000, "due_on": "2026-12-01"}]}
    strange = {**TERMS, "instalments": [{**TERMS["instalments"][0], "id": ownership["id"]}, *TERMS["instalments"][1:]]}
    before = await rows(session)
    for where, body, status, code in (
        (path, uneven, 422, "plan_uneven"),
        (path, other, 409, "plan_price_differs"),
        (path, strange, 422, "instalment_unknown"),
        (f"/v1/ownerships/{bare['id']}/payment-plan", TERMS, 409, "plan_without_contract"),
        (path, {"price_fen": 5, "instalments": []}, 422, "validation_failed"),
    ):
        answer = await put(client, where, seller, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    change = {**TERMS, "reason": "补充协议"}
    assert await refused(client, f"{path}/changes", seller, **change) == (409, "plan_not_fixed")
    assert await rows(session) == before


@pytest.mark.rule("OWN-13")
@pytest.mark.parametrize("prices", [(300_000_000, 300_000_000), (180_000_000, 120_000_000)])
async def test_joint_buyers_share_one_plan(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, seller: Actor, state: AppState, prices: tuple[int, int]
) -> None:
    shares = [
        await bought(client, session, org, seller, state, name=name, share_bp=5000, price_fen=price)
        for name, price in zip(("甲", "乙"), prices, strict=True)
    ]
    paths = [f"/v1/ownerships/{one['id']}/payment-plan" for one in shares]
    made = (await put(client, paths[1], seller, TERMS)).json()
    assert await get(client, paths[0], seller) == made
    assert made["ownership_ids"] == sorted(one["id"] for one in shares)
    found = await get(client, "/v1/contract-payments", seller, unit_id=str(org.units[0].id), include_total=True)
    assert found["total"] == 3
    assert [owner["name"] for owner in found["items"][0]["owners"]] == ["甲", "乙"]
    listed = [
        (await get(client, "/v1/contract-payments", seller, owner_id=one["owner"]["id"]))["items"] for one in shares
    ]
    assert listed[0] == listed[1] == found["items"]


@pytest.mark.rule("OWN-13", "SAL-04", "SAL-05")
async def test_filing_fixes_the_plan_and_a_change_is_reviewed_anew(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, seller: Actor, state: AppState, people: Desk
) -> None:
    ownership = await bought(client, session, org, seller, state)
    contract, path = f"/v1/ownerships/{ownership['id']}", f"/v1/ownerships/{ownership['id']}/payment-plan"
    planner, reviewer, third = [
        await people.staff("customer_relations_specialist", project_id=org.project.id) for _ in range(3)
    ]
    made = (await put(client, path, planner, TERMS)).json()
    await post(client, f"{contract}/submission", seller)
    # Who wrote the plan does not file the contract, also where somebody else edited it last.
    before = await rows(session)
    assert await refused(client, f"{contract}/filing", planner) == (403, "own_contract")
    assert await rows(session) == before
    await post(client, f"{contract}/filing", reviewer)
    fixed = await get(client, path, seller)
    assert (fixed["fixed_at"] is not None, fixed["allowed_actions"]) == (True, ["changes"])
    answer = await put(client, path, seller, TERMS)
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_fixed")
    late = [dict(one) for one in made["instalments"]]
    given = [{name: one[name] for name in ("id", "kind", "amount_fen", "due_on")} for one in late]
    given[2]["due_on"] = "2027-05-31"
    terms = {"price_fen": 300_000_000, "instalments": given, "reason": "银行放款推迟"}
    changed = await post(client, f"{path}/changes", seller, **terms)
    assert changed["instalments"][2]["due_on"] == "2027-05-31"
    (change,) = changed["changes"]
    assert (change["reason"], change["changed_by"]) == ("银行放款推迟", str(seller.id))
    assert (change["former_price_fen"], change["former"][2]["due_on"]) == (300_000_000, "2027-03-31")
    assert (await get(client, contract, seller))["status"] == "draft"
    await post(client, f"{contract}/submission", planner)
    assert await refused(client, f"{contract}/filing", seller) == (403, "missing_scope")
    assert await refused(client, f"{contract}/filing", planner) == (403, "own_contract")
    assert (await post(client, f"{contract}/filing", third))["status"] == "filed"


@pytest.mark.rule("OWN-13")
async def test_a_contract_whose_price_is_not_the_plans_is_not_submitted(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, seller: Actor, state: AppState
) -> None:
    ownership = await bought(client, session, org, seller, state)
    contract = f"/v1/ownerships/{ownership['id']}"
    await put(client, f"{contract}/payment-plan", seller, TERMS)
    headers = seller.headers | {"If-Match": "*"}
    await client.patch(contract, json={"price_fen": 310_000_000}, headers=headers)
    before = await rows(session)
    assert await refused(client, f"{contract}/submission", seller) == (409, "plan_price_differs")
    assert await rows(session) == before
    await client.patch(contract, json={"price_fen": 300_000_000}, headers=headers)
    assert (await post(client, f"{contract}/submission", seller))["status"] == "submitted"


@pytest.mark.rule("OWN-13")
async def test_what_was_received_stays_covered_and_the_plan_follows_a_partial_sale(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, seller: Actor, state: AppState, people: Desk
) -> None:
    ownership = await bought(client, session, org, seller, state)
    path = f"/v1/ownerships/{ownership['id']}/payment-plan"
    made = (await put(client, path, seller, TERMS)).json()
    cashier = await people.staff("finance_officer", project_id=org.project.id)
    deposit = made["instalments"][0]["id"]
    assert (await pay(client, cashier, deposit, amount_fen=4_000_000)).status_code == 201
    smaller: dict[str, Any] = {"price_fen": 300_000_000, "instalments": [
        {"id": deposit, "kind": "deposit", "amount_fen": 3_999_999, "due_on": "2026-11-18"},
        {"kind": "balance", "amount_fen": 296_000_001, "due_on": "2026-12-31"},
    ]}  # fmt: skip
    before = await rows(session)
    for terms in (smaller, TERMS):
        answer = await put(client, path, seller, terms)
        assert (answer.status_code, answer.json()["code"]) == (409, "instalment_received")
    assert await rows(session) == before
    smaller["instalments"][0]["amount_fen"], smaller["instalments"][1]["amount_fen"] = 4_000_000, 296_000_000
    again = (await put(client, path, seller, smaller)).json()
    assert [one["state"] for one in again["instalments"]] == ["paid", "open"]
    # The seller of a part keeps the rest under the same contract and plan.
    sale = {"on_date": "2026-11-20", "sellers": [{"ownership_id": ownership["id"], "share_bp": 4000}], "buyers": [
        {"new_owner": {"name": "陈晓东", "phones": [{"number": "137 5678 1234"}]}, "share_bp": 4000}
    ]}  # fmt: skip
    await post(client, f"/v1/units/{org.units[0].id}/transfers", seller, **sale)
    plans = select(Ownership.owner_id, Ownership.payment_plan_id, Ownership.to_date)
    found = (await session.execute(plans.where(Ownership.unit_id == org.units[0].id))).all()
    mine = [row.payment_plan_id for row in found if row.owner_id == UUID(ownership["owner"]["id"])]
    assert mine == [UUID(made["id"])] * 2
    assert [row.payment_plan_id for row in found].count(None) == 1
    state_now = (await get(client, path, seller))["instalments"][1]["state"]
    assert state_now == "open"
