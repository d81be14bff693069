"""Ways to take back one's own payment of a buyer, and to file a contract whose plan of payments is one's own."""

from typing import Any

from tests.access.bench import Attempt, Bench, Way
from tests.factories.org import make_org
from tests.factories.owners import make_owner
from tests.factories.payments import pay, put
from tests.factories.people import Actor

_TERMS: dict[str, Any] = {
    "price_fen": 268_000_000,
    "instalments": [{"kind": "balance", "amount_fen": 268_000_000, "due_on": "2027-03-31"}],
}
_REASON = {"reason": "银行退回"}


async def _planned(bench: Bench, planner: Actor) -> tuple[str, str]:
    """Let somebody make the plan of a contract; returns the contract's path and the instalment's id."""
    org = await make_org(bench.session, now=bench.now)
    owner = await make_owner(bench.session, bench.state.keyring)
    body = {
        "unit_id": str(org.units[1].id),
        "from_date": "2025-06-30",
        "contract_number": "HT-1",
        "contract_signed_on": "2024-03-17",
        "payment_method": "mortgage",
        "price_fen": 268_000_000,
    }
    seller = await bench.people.staff("customer_relations_supervisor")
    bought = await bench.done(f"/v1/owners/{owner.id}/ownerships", seller, body)
    path = f"/v1/ownerships/{bought['id']}"
    plan = await put(bench.client, f"{path}/payment-plan", planner, _TERMS)
    assert plan.status_code == 200, plan.text
    return path, str(plan.json()["instalments"][0]["id"])


async def _paid(bench: Bench, cashier: Actor) -> str:
    """Let somebody record a payment; returns the path of its reversal."""
    _, instalment = await _planned(bench, await bench.people.staff("customer_relations_specialist"))
    paid = (await pay(bench.client, cashier, instalment, amount_fen=1_000)).json()
    return f"/v1/contract-payments/{instalment}/payments/{paid['payments'][0]['id']}/reversal"


async def reverses_own_payment(bench: Bench) -> Attempt:
    """Who recorded a payment takes it back (OWN-13)."""
    cashier = await bench.people.staff("finance_officer")
    path = await _paid(bench, cashier)
    other = await bench.people.staff("finance_officer")
    return Attempt(cashier, other, path, _REASON, code="own_payment", money=True)


async def lends_the_reversal(bench: Bench) -> Attempt:
    """Who recorded a payment lends the reversal to a friend."""
    cashier = await bench.people.staff("finance_officer")
    path = await _paid(bench, cashier)
    friend = await bench.people.staff("data_analyst")
    await bench.lend(cashier, friend)
    other = await bench.people.staff("finance_officer")
    return Attempt(friend, other, path, _REASON, code="own_payment", money=True)


async def takes_back_what_a_friend_recorded_for_him(bench: Bench) -> Attempt:
    """Who lent the recording takes back what was recorded with his authority."""
    cashier = await bench.people.staff("finance_officer")
    friend = await bench.people.staff("data_analyst")
    await bench.lend(cashier, friend)
    path = await _paid(bench, friend)
    other = await bench.people.staff("finance_officer")
    return Attempt(cashier, other, path, _REASON, code="own_payment", money=True)


async def files_a_contract_whose_plan_is_his(bench: Bench) -> Attempt:
    """Who made the plan of payments files the contract, which another wrote and submitted."""
    planner = await bench.people.staff("customer_relations_specialist")
    path, _ = await _planned(bench, planner)
    await bench.done(f"{path}/submission", await bench.people.staff("customer_relations_supervisor"))
    other = await bench.people.staff("customer_relations_specialist")
    return Attempt(planner, other, f"{path}/filing", {"note": "已备案"}, code="own_contract")


async def files_a_contract_that_another_edited_last(bench: Bench) -> Attempt:
    """Who wrote a contract files it, after somebody else edited and submitted it."""
    writer, editor = [await bench.people.staff("customer_relations_specialist") for _ in range(2)]
    path, _ = await _planned(bench, editor)
    ownership = path.rpartition("/")[2]
    for actor, place in ((writer, "云栖雅苑售楼处"), (editor, "售楼处")):
        headers = actor.headers | {"If-Match": "*"}
        await bench.client.patch(f"/v1/ownerships/{ownership}", json={"purchase_place": place}, headers=headers)
    await bench.done(f"{path}/submission", editor)
    other = await bench.people.staff("customer_relations_specialist")
    return Attempt(writer, other, f"{path}/filing", {"note": "已备案"}, code="own_contract")


WAYS: tuple[Way, ...] = (
    reverses_own_payment,
    lends_the_reversal,
    takes_back_what_a_friend_recorded_for_him,
    files_a_contract_whose_plan_is_his,
    files_a_contract_that_another_edited_last,
)
