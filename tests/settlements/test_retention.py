"""Retention accounts: opening, position, statement, visibility; the ledger's lists (RPT-15)."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.contractors import make_contractor
from tests.factories.people import Desk
from tests.factories.settlements import Site, Steps, finished_order, refused

from ownercare_api.workorders.lifecycle import RepairClass

PATH = "/v1/retention-accounts"


@pytest.mark.rule("FIN-11")
async def test_an_account_is_opened_once_with_at_most_the_contract_s_percentage(
    steps: Steps, site: Site, session: AsyncSession
) -> None:
    contract = site.contractor.contract  # ten million yuan, 3 %
    body = {"contract_id": str(contract.id), "opening_fen": 30_000_001}
    document = await refused(steps, session, PATH, site.finance, body, status=422, code="retention_above_limit")
    assert document["errors"][0]["pointer"] == "#/opening_fen"
    body["opening_fen"] = -1
    await refused(steps, session, PATH, site.finance, body, status=422, code="validation_failed")
    body["opening_fen"] = 30_000_000
    await refused(steps, session, PATH, site.clerk, body, status=403, code="missing_scope")
    answer = await steps.post(PATH, site.finance, body)
    account = answer.json()
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{PATH}/{account['id']}"
    assert answer.headers["etag"].startswith('"2.')  # opened, then credited
    assert {name: account[name] for name in account if name.endswith("_fen")} == {
        "contract_amount_fen": 1_000_000_000,
        "opening_fen": 30_000_000,
        "deducted_fen": 0,
        "released_fen": 0,
        "balance_fen": 30_000_000,
        "claimed_fen": 0,
    }
    assert (account["firm_name"], account["contract_number"]) == (site.contractor.firm.name, contract.number)
    body["opening_fen"] = 1
    await refused(steps, session, PATH, site.finance, body, status=409, code="retention_exists")


@pytest.mark.rule("FIN-11")
async def test_the_limit_is_rounded_down_and_zero_is_possible(steps: Steps, site: Site, session: AsyncSession) -> None:
    odd = await make_contractor(session, site.org, amount_fen=33_333, retention_bp=299)  # 996.6567
    body = {"contract_id": str(odd.contract.id), "opening_fen": 997}
    await refused(steps, session, PATH, site.finance, body, status=422, code="retention_above_limit")
    assert (await steps.retention(996, contractor=odd))["balance_fen"] == 996
    none = await make_contractor(session, site.org, retention_bp=0)
    account = await steps.retention(0, contractor=none)
    assert (account["balance_fen"], account["opening_fen"]) == (0, 0)
    assert (await steps.read(f"{PATH}/{account['id']}/postings"))["items"] == []
    body = {"contract_id": str(UUID(int=3)), "opening_fen": 0}
    await refused(steps, session, PATH, site.finance, body, status=404, code="contract_not_found")


@pytest.mark.rule("FIN-11")
async def test_finance_of_another_project_does_not_open_it(
    steps: Steps, site: Site, session: AsyncSession, people: Desk
) -> None:
    elsewhere = await people.staff("finance_officer", project_id=UUID(int=5))
    body = {"contract_id": str(site.contractor.contract.id), "opening_fen": 0}
    await refused(steps, session, PATH, elsewhere, body, status=404, code="contract_not_found")
    here = await people.staff("finance_officer", project_id=site.org.project.id)
    assert (await steps.done(PATH, here, body))["opening_fen"] == 0


@pytest.mark.rule("RPT-15")
async def test_positions_and_statement_add_up_and_are_the_contractor_s_own_to_see(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, people: Desk, queries: Any
) -> None:
    account = await steps.retention(100_000)
    other = await make_contractor(session, site.org)
    foreign = await steps.retention(70_000, contractor=other)
    for amount in (60_000, 55_000):
        clock.forward(minutes=1)
        await steps.paid(await steps.ready_to_pay(await finished_order(session, site, now=clock()), amount))
    clock.forward(minutes=1)
    late = await steps.ready_to_pay(await finished_order(session, site, now=clock()), 25_000)
    await steps.paid(late)
    await steps.reversed(late)
    await steps.read(PATH)
    with queries:
        page = await steps.read(PATH, site.finance)
    assert queries.count == 2
    assert [item["id"] for item in page["items"]] == [foreign["id"], account["id"]]
    own = await steps.read(PATH, site.builder)
    (position,) = own["items"]
    assert {name: position[name] for name in ("opening_fen", "deducted_fen", "balance_fen", "claimed_fen")} == {
        "opening_fen": 100_000,
        "deducted_fen": 100_000,
        "balance_fen": 0,
        "claimed_fen": 15_000,
    }
    statement = await steps.read(f"{PATH}/{account['id']}/postings", site.builder)
    assert [(line["kind"], line["change_fen"], line["balance_fen"]) for line in statement["items"]] == [
        ("settlement_payment", -40_000, 0),
        ("settlement_payment", -60_000, 40_000),
        ("retention_opening", 100_000, 100_000),
    ]
    first = await steps.read(f"{PATH}/{account['id']}/postings?limit=2", site.builder)
    rest = await steps.read(f"{PATH}/{account['id']}/postings?limit=2&cursor={first['next_cursor']}", site.builder)
    assert [line["change_fen"] for line in rest["items"]] == [100_000]
    assert statement["items"][0]["settlement_number"].startswith("JD-")
    for path in (f"{PATH}/{foreign['id']}", f"{PATH}/{foreign['id']}/postings"):
        answer = await steps.client.get(path, headers=site.builder.headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "retention_account_not_found")
    for query, expected in {
        f"firm_id={other.firm.id}": [foreign["id"]],
        f"contract_id={site.contractor.contract.id}": [account["id"]],
        f"project_id={site.org.project.id}": [foreign["id"], account["id"]],
        f"project_id={UUID(int=1)}": [],
    }.items():
        found = await steps.read(f"{PATH}?{query}&include_total=true")
        assert [item["id"] for item in found["items"]] == expected, query
        assert found["total"] == len(expected)
    etag = (await steps.client.get(f"{PATH}/{account['id']}", headers=site.finance.headers)).headers["etag"]
    same = await steps.client.get(f"{PATH}/{account['id']}", headers=site.finance.headers | {"If-None-Match": etag})
    assert same.status_code == 304


@pytest.mark.rule("RPT-15")
async def test_entries_and_the_trial_balance_are_for_our_own_people(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, people: Desk, queries: Any
) -> None:
    account = await steps.retention(100_000)
    order = await finished_order(session, site, now=clock(), repair_class=RepairClass.B)
    settlement = await steps.ready_to_pay(order, 80_000)
    await steps.paid(settlement)
    with queries:
        page = await steps.read("/v1/ledger/entries")
    assert queries.count == 2
    assert [entry["kind"] for entry in page["items"]] == ["settlement_payment", "retention_opening"]
    for query, expected in {
        f"account_id={account['id']}": ["retention_opening"],
        f"settlement_id={settlement['id']}": ["settlement_payment"],
        f"contract_id={site.contractor.contract.id}": ["retention_opening"],
        "kind=retention_opening": ["retention_opening"],
        f"project_id={site.org.project.id}": ["settlement_payment", "retention_opening"],
    }.items():
        found = await steps.read(f"/v1/ledger/entries?{query}&include_total=true")
        assert [entry["kind"] for entry in found["items"]] == expected, query
        assert found["total"] == len(expected)
    assert (await steps.read("/v1/ledger/entries", site.builder))["items"] == []
    here = await people.staff("finance_officer", project_id=site.org.project.id)
    assert len((await steps.read("/v1/ledger/entries", here))["items"]) == 2
    for actor, code in ((here, "out_of_reach"), (site.builder, "out_of_reach"), (site.clerk, "missing_scope")):
        answer = await steps.client.get("/v1/ledger/trial-balance", headers=actor.headers)
        assert (answer.status_code, answer.json()["code"]) == (403, code)
    trial = await steps.read("/v1/ledger/trial-balance")
    assert (trial["debit_fen"], trial["credit_fen"], trial["balance_fen"], trial["balanced"]) == (
        260_000,
        260_000,
        0,
        True,
    )
