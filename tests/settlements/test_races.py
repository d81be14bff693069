"""Races on a really committed database: money moves once, retention never goes below zero, nothing deadlocks."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.contractors import make_contractor
from tests.factories.people import Desk
from tests.factories.settlements import (
    Site,
    certified_settlement,
    finished_order,
    make_site,
    principal_of,
)

from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.errors import DomainError
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.identity.service import Desk as IdentityDesk
from ownercare_api.properties.parts import Trade
from ownercare_api.settlements import accounts, confirmation, payment, repository_ledger, retention
from ownercare_api.settlements.accounts import AccountLine
from ownercare_api.settlements.lifecycle import ContractorAnswer, SettlementStatus
from ownercare_api.settlements.models import FinalAccount, Settlement
from ownercare_api.settlements.models_ledger import LedgerAccount, LedgerAccountKind, LedgerEntry
from ownercare_api.settlements.views_ledger import trial_balance

pytestmark = pytest.mark.slow
TRIALS = 20
Work = Callable[[AsyncSession], Awaitable[object]]


@pytest.fixture
async def place(committed: PooledDatabase, app_shell: FastAPI, clock: FakeClock) -> Site:
    """Give a committed site."""
    desk: IdentityDesk = app_shell.state.ownercare.parts[IdentityDesk]
    async with committed.session() as session:
        site = await make_site(session, Desk(session=session, desk=desk, clock=clock), now=clock())
        await session.commit()
    return site


async def outcome(database: PooledDatabase, work: Work) -> str:
    """Do some work in a transaction of its own; return `done`, or the code of the refusal."""
    async with database.session() as session:
        try:
            await work(session)
            await session.commit()
        except DomainError as error:
            await session.rollback()
            return error.code
    return "done"


async def at_once(database: PooledDatabase, *works: Work) -> list[str]:
    """Do several works at the same time."""
    return list(await asyncio.gather(*(outcome(database, work) for work in works)))


def paying(site: Site, settlement_id: UUID, *, second: bool = False, clock: FakeClock) -> Work:
    async def work(session: AsyncSession) -> object:
        actor = principal_of(site.second_finance if second else site.finance)
        return await payment.pay(session, settlement_id=settlement_id, reference="流水", principal=actor, now=clock())

    return work


def reversing(site: Site, settlement_id: UUID, *, clock: FakeClock) -> Work:
    async def work(session: AsyncSession) -> object:
        actor = principal_of(site.second_finance)
        return await payment.reverse_payment(
            session, settlement_id=settlement_id, reason="冲正", principal=actor, now=clock()
        )

    return work


async def opened(database: PooledDatabase, site: Site, fen: int, *, clock: FakeClock, contract: Any = None) -> None:
    async with database.session() as session:
        await retention.open_retention(
            session,
            contract_id=(contract or site.contractor.contract).id,
            opening_fen=fen,
            principal=principal_of(site.finance),
            now=clock(),
        )
        await session.commit()


async def made(
    database: PooledDatabase, site: Site, shares: Sequence[tuple[int, int]], *, clock: FakeClock, **more: Any
) -> list[UUID]:
    """Commit certified settlements of (amount, share)."""
    async with database.session() as session:
        found = [
            await certified_settlement(session, site, now=clock(), amount_fen=amount, share_fen=share, **more)
            for amount, share in shares
        ]
        ids = [settlement.id for settlement in found]
        await session.commit()
    return ids


async def kinds(database: PooledDatabase) -> dict[LedgerAccountKind, int]:
    """Return the balances by kind; the ledger must agree with its postings."""
    async with database.session() as session:
        shown = trial_balance(await repository_ledger.balances(session))
    assert (shown["balanced"], shown["balance_fen"], shown["disagreeing"]) == (True, 0, [])
    return {line["kind"]: line["balance_fen"] for line in shown["lines"]}


@pytest.mark.rule("FIN-09")
async def test_two_payments_of_one_settlement_pay_once(
    committed: PooledDatabase, place: Site, clock: FakeClock
) -> None:
    await opened(committed, place, 30_000_000, clock=clock)
    for settlement_id in await made(committed, place, [(1_000, 700)] * TRIALS, clock=clock):
        outcomes = await at_once(
            committed,
            paying(place, settlement_id, clock=clock),
            paying(place, settlement_id, second=True, clock=clock),
            paying(place, settlement_id, clock=clock),
        )
        assert Counter(outcomes) == {"done": 1, "wrong_status": 2}
    found = await kinds(committed)
    assert found[LedgerAccountKind.BANK] == 1_000 * TRIALS
    assert found[LedgerAccountKind.RETENTION] == 30_000_000 - 700 * TRIALS
    assert found[LedgerAccountKind.COMPANY_COST] == -300 * TRIALS


@pytest.mark.rule("FIN-09")
async def test_many_settlements_on_one_small_retention_take_exactly_what_is_there(
    committed: PooledDatabase, place: Site, clock: FakeClock
) -> None:
    """Several contracts and both classes at once: no deadlock, and every fen is deducted or claimed."""
    desk_contract = place.contractor
    async with committed.session() as session:
        second = await make_contractor(session, place.org, firm=desk_contract.firm)
        await session.commit()
    await opened(committed, place, 5_000, clock=clock)
    await opened(committed, place, 3_000, clock=clock, contract=second.contract)
    first_ids = await made(committed, place, [(700, 600)] * TRIALS, clock=clock)
    second_ids = await made(committed, place, [(500, 500)] * TRIALS, clock=clock, contractor=second)
    b_ids = await made(committed, place, [(90, 0)] * TRIALS, clock=clock)
    mixed = [settlement_id for trio in zip(first_ids, second_ids, b_ids, strict=True) for settlement_id in trio]
    outcomes = await at_once(committed, *(paying(place, settlement_id, clock=clock) for settlement_id in mixed))
    assert Counter(outcomes) == {"done": 3 * TRIALS}
    found = await kinds(committed)
    assert found == {
        LedgerAccountKind.RETENTION: 0,
        LedgerAccountKind.CONTRACTOR_CLAIM: -((600 + 500) * TRIALS - 8_000),
        LedgerAccountKind.PROPERTY_PAYABLE: 0,
        LedgerAccountKind.COMPANY_COST: -(100 + 90) * TRIALS,
        LedgerAccountKind.WITHHELD_PRICE: -8_000,
        LedgerAccountKind.BANK: (700 + 500 + 90) * TRIALS,
    }
    async with committed.session() as session:
        sums = await session.execute(
            select(func.sum(Settlement.deducted_fen), func.sum(Settlement.claimed_fen), func.count()).where(
                Settlement.status == SettlementStatus.PAID
            )
        )
        assert tuple(sums.one()) == (8_000, 1_100 * TRIALS - 8_000, 3 * TRIALS)


@pytest.mark.rule("FIN-09")
async def test_a_reversal_against_payments(committed: PooledDatabase, place: Site, clock: FakeClock) -> None:
    await opened(committed, place, 1_000, clock=clock)
    (paid_id,) = await made(committed, place, [(900, 900)], clock=clock)
    for settlement_id in await made(committed, place, [(900, 900)] * TRIALS, clock=clock):
        assert await outcome(committed, paying(place, paid_id, clock=clock)) == "done"
        outcomes = await at_once(
            committed,
            reversing(place, paid_id, clock=clock),
            reversing(place, paid_id, clock=clock),
            paying(place, settlement_id, clock=clock),
        )
        assert sorted(outcomes[:2]) == ["done", "wrong_status"]
        assert outcomes[2] == "done"
        found = await kinds(committed)
        async with committed.session() as session:
            row = (
                await session.execute(
                    select(Settlement.deducted_fen, Settlement.claimed_fen).where(Settlement.id == settlement_id)
                )
            ).one()
        # The other payment came before the reversal, or after it; nothing in between.
        assert tuple(row) in ((900, 0), (100, 800))
        assert found[LedgerAccountKind.RETENTION] == 1_000 - row.deducted_fen
        assert found[LedgerAccountKind.CONTRACTOR_CLAIM] == -row.claimed_fen
        assert found[LedgerAccountKind.BANK] == 900
        assert await outcome(committed, reversing(place, settlement_id, clock=clock)) == "done"


@pytest.mark.rule("FIN-09")
async def test_the_first_payments_of_new_firms_open_each_account_once(
    committed: PooledDatabase, place: Site, clock: FakeClock
) -> None:
    for trial in range(TRIALS):
        async with committed.session() as session:
            contractor = await make_contractor(session, place.org)
            await session.commit()
        await opened(committed, place, 10, clock=clock, contract=contractor.contract)
        ids = await made(committed, place, [(100, 100)] * 4, clock=clock, contractor=contractor)
        outcomes = await at_once(committed, *(paying(place, settlement_id, clock=clock) for settlement_id in ids))
        assert outcomes == ["done"] * 4
        async with committed.session() as session:
            claims = select(LedgerAccount.balance_fen).where(
                LedgerAccount.kind == LedgerAccountKind.CONTRACTOR_CLAIM,
                LedgerAccount.firm_id == contractor.firm.id,
            )
            assert list(await session.scalars(claims)) == [-390], trial
    await kinds(committed)


@pytest.mark.rule("FIN-11")
async def test_a_contract_gets_one_retention_account(committed: PooledDatabase, place: Site, clock: FakeClock) -> None:
    for _ in range(TRIALS):
        async with committed.session() as session:
            contractor = await make_contractor(session, place.org)
            await session.commit()

        async def opening(session: AsyncSession, contract_id: UUID = contractor.contract.id) -> object:
            return await retention.open_retention(
                session,
                contract_id=contract_id,
                opening_fen=500,
                principal=principal_of(place.finance),
                now=clock(),
            )

        assert Counter(await at_once(committed, opening, opening, opening)) == {"done": 1, "retention_exists": 2}
    found = await kinds(committed)
    assert found[LedgerAccountKind.RETENTION] == 500 * TRIALS


@pytest.mark.rule("FIN-04")
async def test_a_work_order_gets_one_final_account(committed: PooledDatabase, place: Site, clock: FakeClock) -> None:
    async with committed.session() as session:
        calendar = await CalendarStore().get(session)
    line = AccountLine(
        description="防水", trade=Trade.WATERPROOFING, unit="项", quantity=Decimal(1), unit_price_fen=100
    )
    for _ in range(TRIALS):
        async with committed.session() as session:
            order = await finished_order(session, place, now=clock())
            await session.commit()

        async def filing(session: AsyncSession, order_id: UUID = order.id) -> object:
            return await accounts.file_account(
                session,
                work_order_id=order_id,
                lines=[line],
                note=None,
                calendar=calendar,
                principal=principal_of(place.captain),
                now=clock(),
            )

        assert Counter(await at_once(committed, filing, filing)) == {"done": 1, "account_exists": 1}
    async with committed.session() as session:
        assert await session.scalar(select(func.count()).select_from(FinalAccount)) == TRIALS


@pytest.mark.rule("FIN-07")
async def test_the_contractor_answers_while_the_system_deems(
    committed: PooledDatabase, place: Site, clock: FakeClock
) -> None:
    async with committed.session() as session:
        calendar = await CalendarStore().get(session)
    ids = await made(committed, place, [(1_000, 1_000)] * TRIALS, clock=clock, status=SettlementStatus.WRITTEN)
    auditor, builder = principal_of(place.auditor), principal_of(place.builder)
    for settlement_id in ids:
        async with committed.session() as session:
            await confirmation.notify_contractor(
                session, settlement_id=settlement_id, calendar=calendar, principal=auditor, now=clock()
            )
            await session.commit()
    clock.forward(days=10)
    for settlement_id in ids:
        async with committed.session() as session:
            await confirmation.remind(
                session, settlement_id=settlement_id, calendar=calendar, principal=auditor, now=clock()
            )
            await session.commit()
    clock.forward(days=10)
    told = []
    for settlement_id in ids:

        async def answering(session: AsyncSession, settlement_id: UUID = settlement_id) -> object:
            return await confirmation.answer(
                session,
                settlement_id=settlement_id,
                decision=ContractorAnswer.REFUSED,
                confirmed_fen=None,
                reason="非我方责任",
                principal=builder,
                now=clock(),
            )

        async def deeming(session: AsyncSession) -> object:
            return await confirmation.deem_confirmed_when_silent(session, now=clock(), limit=1)

        told.append((await at_once(committed, answering, deeming))[0])
    assert set(told) <= {"done", "wrong_status"}
    async with committed.session() as session:
        found = Counter(await session.scalars(select(Settlement.status)))
        assert await session.scalar(select(LedgerEntry)) is None
    assert found[SettlementStatus.DISPUTED] == told.count("done")
    assert sum(found.values()) == TRIALS
