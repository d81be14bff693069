"""Payment: who pays what, to the fen; retention that does not reach; reversal (FIN-09, reading 11)."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.people import Desk
from tests.factories.settlements import Site, Steps, everything, finished_order, refused

from ownercare_api.core.ids import uuid7
from ownercare_api.settlements.models_ledger import LedgerEntry, LedgerPosting
from ownercare_api.timeline.models import Event
from ownercare_api.workorders.lifecycle import RepairClass

PAY = {"reference": "网银流水 20261120-000318"}


def path_of(settlement: dict[str, Any], step: str = "payment") -> str:
    return f"/v1/settlements/{settlement['id']}/{step}"


async def booked(steps: Steps, settlement: dict[str, Any]) -> list[list[tuple[str, str, int]]]:
    """Return the postings of a settlement's entries, oldest first, as (debit kind, credit kind, fen)."""
    page = await steps.read(f"/v1/ledger/entries?settlement_id={settlement['id']}")
    return [
        [(posting["debit_kind"], posting["credit_kind"], posting["amount_fen"]) for posting in entry["postings"]]
        for entry in reversed(page["items"])
    ]


async def balances(steps: Steps) -> dict[str, int]:
    """Return the balances by kind of account; the trial balance must agree."""
    trial = await steps.read("/v1/ledger/trial-balance")
    assert (trial["balanced"], trial["balance_fen"], trial["disagreeing"]) == (True, 0, [])
    assert trial["debit_fen"] == trial["credit_fen"]
    return {line["kind"]: line["balance_fen"] for line in trial["lines"]}


@pytest.mark.rule("FIN-09")
async def test_class_a_is_paid_and_deducted_in_one_entry(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock
) -> None:
    account = await steps.retention(30_000_000)
    settlement = await steps.ready_to_pay(await finished_order(session, site, now=clock()), 95_500)
    assert (await steps.read(f"/v1/settlements/{settlement['id']}"))["allowed_actions"] == ["payment"]
    clock.forward(hours=1)
    answer = await steps.post(path_of(settlement), site.finance, PAY, key=True)
    paid = answer.json()
    assert answer.status_code == 201, answer.text
    assert (paid["status"], paid["paid_at"], paid["paid_by"]) == ("paid", "2026-11-20T05:00:00Z", str(site.finance.id))
    assert (paid["deducted_fen"], paid["claimed_fen"], paid["payment_reference"]) == (95_500, 0, PAY["reference"])
    assert await booked(steps, settlement) == [
        [("retention", "property_payable", 95_500), ("property_payable", "bank", 95_500)]
    ]
    assert await balances(steps) == {
        "retention": 29_904_500,
        "contractor_claim": 0,
        "property_payable": 0,
        "withheld_price": -30_000_000,
        "bank": 95_500,
    }
    position = await steps.read(f"/v1/retention-accounts/{account['id']}", site.builder)
    assert (position["opening_fen"], position["deducted_fen"], position["balance_fen"]) == (
        30_000_000,
        95_500,
        29_904_500,
    )
    kinds = select(Event.kind, Event.firm_id).where(Event.subject_id == UUID(settlement["id"])).order_by(Event.seq)
    assert [(row.kind, row.firm_id) for row in await session.execute(kinds)][-2:] == [
        ("settlement.paid", site.company.firm.id),
        ("retention.deducted", site.contractor.firm.id),
    ]


@pytest.mark.rule("FIN-09")
async def test_class_b_is_the_company_s_cost(steps: Steps, site: Site, session: AsyncSession, clock: FakeClock) -> None:
    order = await finished_order(session, site, now=clock(), repair_class=RepairClass.B)
    settlement = await steps.ready_to_pay(order, 80_000)
    paid = await steps.paid(settlement)
    assert (paid["deducted_fen"], paid["claimed_fen"], paid["company_share_fen"]) == (0, 0, 80_000)
    assert await booked(steps, settlement) == [
        [("company_cost", "property_payable", 80_000), ("property_payable", "bank", 80_000)]
    ]
    assert await balances(steps) == {"company_cost": -80_000, "property_payable": 0, "bank": 80_000}
    events = select(Event.kind).where(Event.kind.like("retention.%") | Event.kind.like("contractor.%"))
    assert list(await session.scalars(events)) == []


@pytest.mark.rule("FIN-09")
@pytest.mark.parametrize(
    ("opening", "earlier", "deducted", "claimed"),
    [
        (100_000, 0, 100_000, 0),  # exactly enough
        (99_999, 0, 99_999, 1),  # one fen short
        (30_000, 0, 30_000, 70_000),  # smaller than the cost
        (0, 0, 0, 100_000),  # nothing was withheld
        (50_000, 50_000, 0, 100_000),  # already exhausted
        (50_000, 20_000, 30_000, 70_000),
    ],
)
async def test_what_retention_can_t_cover_becomes_a_claim(
    steps: Steps,
    site: Site,
    session: AsyncSession,
    clock: FakeClock,
    opening: int,
    earlier: int,
    deducted: int,
    claimed: int,
) -> None:
    account = await steps.retention(opening)
    if earlier:
        await steps.paid(await steps.ready_to_pay(await finished_order(session, site, now=clock()), earlier))
    settlement = await steps.ready_to_pay(await finished_order(session, site, now=clock()), 100_000)
    paid = await steps.paid(settlement)
    assert (paid["deducted_fen"], paid["claimed_fen"]) == (deducted, claimed)
    shares = [("retention", "property_payable", deducted), ("contractor_claim", "property_payable", claimed)]
    assert await booked(steps, settlement) == [
        [*(share for share in shares if share[2]), ("property_payable", "bank", 100_000)]
    ]
    position = await steps.read(f"/v1/retention-accounts/{account['id']}")
    assert (position["balance_fen"], position["claimed_fen"]) == (opening - earlier - deducted, claimed)
    assert position["deducted_fen"] == earlier + deducted
    found = await balances(steps)
    assert (found["contractor_claim"], found["bank"]) == (-claimed, earlier + 100_000)
    raised = select(Event.data["amount_fen"].as_integer()).where(Event.kind == "contractor.claim_raised")
    assert list(await session.scalars(raised)) == ([claimed] if claimed else [])


@pytest.mark.rule("FIN-09")
async def test_what_the_contractor_need_not_bear_is_the_company_s_cost(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock
) -> None:
    await steps.retention(50_000)
    settlement = await steps.settlement(await finished_order(session, site, now=clock()), 100_000)
    await steps.notified(settlement)
    await steps.answered(settlement, "partly", confirmed_amount_fen=60_000, reason="其余不属我方")
    await steps.resolved(settlement, site.engineer, "determination", amount_fen=70_000)
    await steps.certified(settlement)
    paid = await steps.paid(settlement)
    assert (paid["amount_fen"], paid["deducted_fen"], paid["claimed_fen"], paid["company_share_fen"]) == (
        100_000,
        50_000,
        20_000,
        30_000,
    )
    assert await booked(steps, settlement) == [
        [
            ("retention", "property_payable", 50_000),
            ("contractor_claim", "property_payable", 20_000),
            ("company_cost", "property_payable", 30_000),
            ("property_payable", "bank", 100_000),
        ]
    ]


@pytest.mark.rule("FIN-09")
async def test_moved_to_b_nothing_is_deducted(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock
) -> None:
    account = await steps.retention(50_000)
    settlement = await steps.settlement(await finished_order(session, site, now=clock()), 100_000)
    await steps.notified(settlement)
    await steps.answered(settlement, "refused", reason="非我方责任")
    await steps.resolved(settlement, site.engineer, "moved_to_b")
    await steps.certified(settlement)
    await steps.paid(settlement)
    assert await booked(steps, settlement) == [
        [("company_cost", "property_payable", 100_000), ("property_payable", "bank", 100_000)]
    ]
    assert (await steps.read(f"/v1/retention-accounts/{account['id']}"))["balance_fen"] == 50_000


@pytest.mark.rule("FIN-10")
@pytest.mark.parametrize("total", [1_999_999, 2_000_000, 2_000_001])
async def test_a_large_deduction_has_passed_the_audit_department(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, total: int
) -> None:
    await steps.retention(30_000_000)
    order = await finished_order(session, site, now=clock(), estimate_fen=3_000_000)
    paid = await steps.paid(await steps.ready_to_pay(order, total))
    assert paid["deducted_fen"] == total
    assert (paid["department"] == "audit_department") is (total >= 2_000_000)


@pytest.mark.rule("FIN-09")
async def test_a_payment_is_refused_before_its_turn_and_a_second_time(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock
) -> None:
    settlement = await steps.settlement(await finished_order(session, site, now=clock()), 100_000)
    path = path_of(settlement)
    await refused(steps, session, path, site.finance, PAY, status=400, code="idempotency_key_missing")
    await refused(steps, session, path, site.finance, PAY, status=409, code="wrong_status", key=True)
    await steps.answered(await steps.notified(settlement))
    await refused(steps, session, path, site.finance, PAY, status=409, code="wrong_status", key=True)
    await steps.certified(settlement)
    await refused(steps, session, path, site.clerk, PAY, status=403, code="missing_scope", key=True)
    await refused(steps, session, path, site.finance, {}, status=422, code="validation_failed", key=True)
    # Class A, and finance has not opened the contract's retention account.
    await refused(steps, session, path, site.finance, PAY, status=409, code="retention_not_opened", key=True)
    await steps.retention(0)
    await steps.paid(settlement)
    await refused(steps, session, path, site.finance, PAY, status=409, code="wrong_status", key=True)
    await refused(steps, session, path, site.second_finance, PAY, status=409, code="wrong_status", key=True)
    assert len(await booked(steps, settlement)) == 1


@pytest.mark.rule("FIN-09")
async def test_a_retried_request_is_answered_from_the_first(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock
) -> None:
    await steps.retention(30_000)
    settlement = await steps.ready_to_pay(await finished_order(session, site, now=clock()), 100_000)
    headers = site.finance.headers | {"Idempotency-Key": uuid7().hex}
    first = await steps.client.post(path_of(settlement), json=PAY, headers=headers)
    before = await everything(session)
    again = await steps.client.post(path_of(settlement), json=PAY, headers=headers)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert await everything(session) == before


@pytest.mark.rule("FIN-09")
async def test_a_reversal_books_the_opposite_and_the_settlement_may_be_paid_anew(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, people: Desk
) -> None:
    account = await steps.retention(30_000)
    settlement = await steps.ready_to_pay(await finished_order(session, site, now=clock()), 100_000)
    start = await balances(steps)
    paid = await steps.paid(settlement)
    path, body = path_of(settlement, "payment/reversal"), {"reason": "收款账户有误"}
    await refused(steps, session, path, site.second_finance, body, status=400, code="idempotency_key_missing")
    await refused(steps, session, path, site.finance, body, status=403, code="own_work", key=True)
    judge = await people.staff("finance_officer", "deputy_chief_engineer")
    assert (await steps.read(f"/v1/settlements/{settlement['id']}", judge))["allowed_actions"] == ["payment/reversal"]
    undone = await steps.reversed(settlement)
    assert (undone["status"], undone["paid_at"], undone["payment_entry_id"]) == ("certified", None, None)
    assert (undone["deducted_fen"], undone["claimed_fen"]) == (0, 0)
    there = [
        ("retention", "property_payable", 30_000),
        ("contractor_claim", "property_payable", 70_000),
        ("property_payable", "bank", 100_000),
    ]
    back = [(credit, debit, fen) for debit, credit, fen in reversed(there)]
    assert await booked(steps, settlement) == [there, back]
    entries = (await steps.read(f"/v1/ledger/entries?settlement_id={settlement['id']}"))["items"]
    assert (entries[0]["kind"], entries[0]["reverses_id"]) == ("payment_reversal", paid["payment_entry_id"])
    assert await balances(steps) == start | {"contractor_claim": 0, "property_payable": 0, "bank": 0}
    position = await steps.read(f"/v1/retention-accounts/{account['id']}")
    assert (position["balance_fen"], position["deducted_fen"], position["claimed_fen"]) == (30_000, 0, 0)
    await refused(steps, session, path, site.second_finance, body, status=409, code="wrong_status", key=True)
    again = await steps.paid(settlement, site.second_finance)
    assert (again["status"], again["deducted_fen"]) == ("paid", 30_000)
    assert await booked(steps, settlement) == [there, back, there]
    await steps.reversed(settlement, site.finance)
    assert await session.scalar(select(func.count()).select_from(LedgerEntry)) == 5
    assert await session.scalar(select(func.count()).select_from(LedgerPosting)) == 13
    wanted = {"settlement.payment_reversed", "retention.deduction_reversed", "contractor.claim_reversed"}
    kinds = set(await session.scalars(select(Event.kind).where(Event.subject_id == UUID(settlement["id"]))))
    assert wanted <= kinds


@pytest.mark.rule("ORG-10")
async def test_whoever_had_a_hand_in_it_neither_pays_nor_reverses(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, people: Desk
) -> None:
    await steps.retention(30_000)
    order = await finished_order(session, site, now=clock())
    settlement = await steps.settlement(order, 100_000)
    notifier = await people.staff("auditor", "finance_officer")
    await steps.done(f"/v1/settlements/{settlement['id']}/contractor-notice", notifier)
    await steps.answered(settlement)
    await steps.certified(settlement)
    await refused(steps, session, path_of(settlement), notifier, PAY, status=403, code="own_work", key=True)
    await steps.paid(settlement)
    body = {"reason": "有误"}
    await refused(
        steps,
        session,
        path_of(settlement, "payment/reversal"),
        notifier,
        body,
        status=403,
        code="own_work",
        key=True,
    )
