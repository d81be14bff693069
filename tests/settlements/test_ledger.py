"""The ledger: append-only, balances that equal their postings, retention never below zero (property tests)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.settlements import Site, Steps, certified_settlement, everything, finished_order, principal_of

from ownercare_api.core.lifecycle import WrongStatus
from ownercare_api.settlements import ledger, payment, repository_ledger, retention
from ownercare_api.settlements.ledger import AccountKey, BalanceTooSmall, Entry, Posting
from ownercare_api.settlements.lifecycle_parts import OwnWork
from ownercare_api.settlements.models_ledger import (
    LedgerAccount,
    LedgerAccountKind,
    LedgerEntry,
    LedgerEntryKind,
    LedgerPosting,
)
from ownercare_api.settlements.views_ledger import trial_balance

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
INSERT = (
    "INSERT INTO ledger_posting "
    "(id, entry_id, position, debit_account_id, credit_account_id, amount_fen, debit_balance_fen, credit_balance_fen)"
    " SELECT gen_random_uuid(), entry_id, 9, {}, 0, 0 FROM ledger_posting"
)
EXAMPLES = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


async def agree(session: AsyncSession) -> dict[str, int]:
    """Check that the ledger balances and that every balance is what its postings say; return the balances by code."""
    rows = await repository_ledger.balances(session)
    shown = trial_balance(rows)
    assert (shown["balanced"], shown["balance_fen"], shown["disagreeing"]) == (True, 0, [])
    last: dict[UUID, int] = defaultdict(int)
    for posting in await session.scalars(select(LedgerPosting).order_by(LedgerPosting.id)):
        last[posting.debit_account_id] = posting.debit_balance_fen
        last[posting.credit_account_id] = posting.credit_balance_fen
    for row in rows:
        assert row.balance_fen == last[row.id]
        if row.kind in (LedgerAccountKind.RETENTION, LedgerAccountKind.PROPERTY_PAYABLE):
            assert row.balance_fen >= 0
        elif row.kind is not LedgerAccountKind.BANK:
            assert row.balance_fen <= 0
    return {row.code: row.balance_fen for row in rows}


@pytest.mark.rule("FIN-09")
@pytest.mark.parametrize("table", ["ledger_entry", "ledger_posting", "account_hand"])
@pytest.mark.parametrize("change", ["DELETE FROM {table}", "TRUNCATE {table} CASCADE", "UPDATE {table} SET {column}"])
async def test_what_is_booked_is_never_changed(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, table: str, change: str
) -> None:
    await steps.retention(30_000)
    await steps.paid(await steps.ready_to_pay(await finished_order(session, site, now=clock()), 100_000))
    before = await everything(session)
    column = {
        "ledger_entry": "memo = 'x'",
        "ledger_posting": "amount_fen = 1",
        "account_hand": "part = 'paid'",
    }[table]
    async with session.begin_nested() as savepoint:
        with pytest.raises(DBAPIError, match="append-only"):
            await session.execute(text(change.format(table=table, column=column)))
        await savepoint.rollback()
    assert await everything(session) == before


@pytest.mark.rule("FIN-09")
@pytest.mark.parametrize(
    ("kind", "balance", "constraint"),
    [
        ("retention", -1, "credit_side_not_below_zero"),
        ("contractor_claim", 1, "debit_side_not_above_zero"),
    ],
)
async def test_the_table_itself_refuses_a_wrong_balance(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, kind: str, balance: int, constraint: str
) -> None:
    await steps.retention(30_000)
    await steps.paid(await steps.ready_to_pay(await finished_order(session, site, now=clock()), 100_000))
    async with session.begin_nested() as savepoint:
        with pytest.raises(IntegrityError, match=constraint):
            await session.execute(text(f"UPDATE ledger_account SET balance_fen = {balance} WHERE kind = '{kind}'"))
        await savepoint.rollback()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE final_account SET department = 'audit_department'",
        "UPDATE final_account SET audited_total_fen = total_fen + 1",
        "UPDATE final_account_line SET audited_amount_fen = amount_fen + 1",
        "UPDATE settlement SET contractor_share_fen = amount_fen + 1",
        "UPDATE settlement SET contractor_share_fen = 0",
        "UPDATE settlement SET kind = 'B'",
        "UPDATE settlement SET status = 'certified'",
        "UPDATE settlement SET deducted_fen = deducted_fen + 1",
        INSERT.format("debit_account_id, credit_account_id, 0"),
        INSERT.format("debit_account_id, debit_account_id, 1"),
    ],
)
async def test_the_tables_refuse_what_the_code_never_does(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, change: str
) -> None:
    await steps.retention(30_000)
    await steps.paid(await steps.ready_to_pay(await finished_order(session, site, now=clock()), 100_000))
    async with session.begin_nested() as savepoint:
        with pytest.raises(IntegrityError):
            await session.execute(text(change))
        await savepoint.rollback()


async def test_an_entry_has_postings_of_something_between_two_accounts(site: Site, session: AsyncSession) -> None:
    entry = Entry(kind=LedgerEntryKind.RETENTION_OPENING, project_id=site.org.project.id, memo="试")
    payable = ledger.property_payable(site.company.firm.id)
    actor = principal_of(site.finance)
    wrong: Sequence[list[Posting]] = (
        [],
        [Posting(payable, ledger.BANK, 0)],
        [Posting(payable, ledger.BANK, -1)],
        [Posting(ledger.BANK, ledger.BANK, 1)],
    )
    for postings in wrong:
        with pytest.raises(ValueError, match="an entry has postings"):
            await ledger.post(session, entry=entry, postings=postings, actor=actor, now=NOON)
    assert await session.scalar(select(LedgerEntry)) is None
    assert await session.scalar(select(LedgerAccount)) is None


Moves = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(1, 1_000)).filter(lambda move: move[0] != move[1]),
    min_size=1,
    max_size=12,
)


@EXAMPLES
@given(entries=st.lists(Moves, min_size=1, max_size=6), undo=st.booleans())
async def test_any_postings_keep_the_ledger_in_balance(
    session: AsyncSession, site: Site, entries: list[list[tuple[int, int, int]]], undo: bool
) -> None:
    """Random entries over accounts of every kind: what can't be booked changes nothing, the rest adds up."""
    keys: list[AccountKey] = [
        ledger.retention(
            contract_id=site.contractor.contract.id,
            firm_id=site.contractor.firm.id,
            project_id=site.org.project.id,
        ),
        ledger.property_payable(site.company.firm.id),
        ledger.BANK,
        ledger.contractor_claim(site.contractor.firm.id),
        ledger.company_cost(site.org.project.id),
    ]
    floors, ceilings = {0, 1}, {3, 4}
    model = [0, 0, 0, 0, 0]
    async with session.begin_nested() as outer:
        for moves in entries:
            after = list(model)
            low = False
            for debit, credit, amount in moves:
                after[debit] -= amount
                after[credit] += amount
                low = low or (debit in floors and after[debit] < 0)
            high = any(after[place] > 0 for place in ceilings)
            entry = Entry(kind=LedgerEntryKind.RETENTION_OPENING, project_id=site.org.project.id, memo="随机分录")
            postings = [Posting(keys[debit], keys[credit], amount) for debit, credit, amount in moves]
            actor = principal_of(site.finance)
            inner = await session.begin_nested()
            try:
                booked = await ledger.post(session, entry=entry, postings=postings, actor=actor, now=NOON)
            except BalanceTooSmall:
                assert low
                await inner.rollback()
                session.expunge_all()
                continue
            except IntegrityError:
                assert high
                assert not low
                await inner.rollback()
                session.expunge_all()
                continue
            assert not low
            assert not high
            await inner.commit()
            model = after
            if undo:
                kind = LedgerEntryKind.PAYMENT_REVERSAL
                await ledger.reverse(session, entry_id=booked.id, kind=kind, memo="冲正", actor=actor, now=NOON)
                model = [model[place] for place in range(5)]
                for debit, credit, amount in moves:
                    model[debit] += amount
                    model[credit] -= amount
                with pytest.raises(IntegrityError):
                    async with session.begin_nested():
                        await ledger.reverse(session, entry_id=booked.id, kind=kind, memo="再冲", actor=actor, now=NOON)
        found = await agree(session)
        assert {key.code: found.get(key.code, 0) for key in keys} == {
            key.code: amount for key, amount in zip(keys, model, strict=True)
        }
        await outer.rollback()
    session.expunge_all()


Steps_ = st.lists(
    st.tuples(st.sampled_from(["pay", "reverse"]), st.integers(0, 3), st.booleans()), min_size=1, max_size=14
)
Shares = st.tuples(st.integers(1, 900), st.integers(0, 900))


@EXAMPLES
@pytest.mark.rule("FIN-09")
@given(opening=st.integers(0, 1_500), made=st.lists(Shares, min_size=4, max_size=4), taken=Steps_)
async def test_any_order_of_payments_and_reversals_adds_up(
    session: AsyncSession,
    site: Site,
    opening: int,
    made: list[tuple[int, int]],
    taken: list[tuple[str, int, bool]],
) -> None:
    """Four settlements on one retention account, paid and reversed in any order by two people, against a model."""
    people = [principal_of(site.finance), principal_of(site.second_finance)]
    async with session.begin_nested() as outer:
        await retention.open_retention(
            session,
            contract_id=site.contractor.contract.id,
            opening_fen=opening,
            principal=people[0],
            now=NOON,
        )
        settlements = [
            await certified_settlement(
                session, site, now=NOON, amount_fen=share + company or 1, share_fen=share if company % 3 else 0
            )
            for share, company in made
        ]
        paid: dict[int, tuple[int, int, int, UUID]] = {}
        left, claims, cost = opening, 0, 0
        for what, place, second in taken:
            settlement, actor = settlements[place], people[second]
            before = (left, claims, cost)
            if what == "pay":
                work = payment.pay(session, settlement_id=settlement.id, reference="流水", principal=actor, now=NOON)
            else:
                work = payment.reverse_payment(
                    session, settlement_id=settlement.id, reason="冲正", principal=actor, now=NOON
                )
            possible = (what == "pay") is (place not in paid)
            own = what == "reverse" and place in paid and paid[place][3] == actor.id
            if not possible or own:
                with pytest.raises(WrongStatus if not possible else OwnWork):
                    await work
                assert before == (left, claims, cost)
                continue
            await work
            if what == "pay":
                deducted = min(left, settlement.contractor_share_fen)
                claimed = settlement.contractor_share_fen - deducted
                company = settlement.amount_fen - settlement.contractor_share_fen
                paid[place] = (deducted, claimed, company, actor.id)
                left, claims, cost = left - deducted, claims + claimed, cost + company
                assert (settlement.deducted_fen, settlement.claimed_fen) == (deducted, claimed)
            else:
                deducted, claimed, company, _ = paid.pop(place)
                left, claims, cost = left + deducted, claims - claimed, cost - company
        found = await agree(session)
        kinds = {code.split(":")[0]: amount for code, amount in found.items()}
        assert kinds["retention"] == left
        assert kinds.get("contractor_claim", 0) == -claims
        assert kinds.get("company_cost", 0) == -cost
        assert kinds.get("property_payable", 0) == 0
        assert kinds.get("bank", 0) == sum(settlements[place].amount_fen for place in paid)
        await outer.rollback()
    session.expunge_all()
