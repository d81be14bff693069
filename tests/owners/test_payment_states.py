"""States and sums of instalments for any amounts and days; many at once on one instalment, and workers beside each
other."""

import asyncio
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON, MASTER, FakeClock
from tests.factories.org import make_org
from tests.factories.owners import make_owner
from tests.factories.payments import make_plan

from ownercare_api.core import jobs
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.errors import DomainError
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Grant, Principal, PrincipalKind, Reach
from ownercare_api.owners import jobs as owners_jobs
from ownercare_api.owners import payments
from ownercare_api.owners.lifecycle_payments import (
    InstalmentKind,
    InstalmentState,
    PaymentExceedsOpen,
    PlanUneven,
    fits,
    overdue_days,
    state_of,
)
from ownercare_api.owners.models import Ownership
from ownercare_api.owners.models_payments import Instalment, InstalmentPayment
from ownercare_api.owners.payment_plans import Terms, Wanted
from ownercare_api.owners.repository_payments import standing
from ownercare_api.timeline.models import Event

TODAY = date(2026, 11, 20)
SCOPES = frozenset({"contract_payments:record", "contract_payments:read"})
amounts = st.integers(1, 10**12)


@pytest.mark.rule("OWN-13")
@given(amounts, st.floats(0, 1), st.integers(-400, 400), st.booleans())
def test_every_instalment_stands_in_exactly_one_state(amount: int, part: float, days: int, in_force: bool) -> None:
    received, due_on = min(amount, int(amount * part)), TODAY + timedelta(days=days)
    state = state_of(amount_fen=amount, received_fen=received, due_on=due_on, today=TODAY, in_force=in_force)
    late = overdue_days(state, due_on=due_on, today=TODAY)
    assert (state is InstalmentState.PAID) == (received == amount)
    assert (state is InstalmentState.ENDED) == (received < amount and not in_force)
    assert (state is InstalmentState.OVERDUE) == (received < amount and in_force and days < 0)
    assert (state is InstalmentState.PARTLY_PAID) == (0 < received < amount and in_force and days >= 0)
    assert late == (-days if state is InstalmentState.OVERDUE else 0)


@pytest.mark.rule("OWN-13", "SAL-04")
@given(st.lists(amounts, min_size=1, max_size=30), st.integers(-5, 5))
def test_a_plan_adds_up_to_the_fen(parts: list[int], off: int) -> None:
    wanted = [Wanted(InstalmentKind.INSTALMENT, amount, TODAY) for amount in parts]
    terms = Terms(sum(parts) + off, wanted)
    if off:
        with pytest.raises(PlanUneven):
            terms.check()
    else:
        terms.check()
    assert fits(sum(parts), list(parts))
    assert fits(sum(parts), [sum(parts)] * len(parts))
    assert not fits(sum(parts), [*parts, None])
    assert not fits(sum(parts) + 1, list(parts))


@pytest.mark.rule("OWN-13")
async def test_the_lists_filter_agrees_with_the_state_shown(session: AsyncSession, clock: FakeClock) -> None:
    org = await make_org(session, now=clock())
    keyring = Keyring.from_master(MASTER)
    for unit, to_date in ((org.units[0], None), (org.units[1], TODAY)):
        owner = await make_owner(session, keyring, phone=None, units=[unit])
        ownership = await session.scalar(select(Ownership).where(Ownership.owner_id == owner.id))
        assert ownership is not None
        ownership.to_date = to_date
        days = [TODAY + timedelta(days=away) for away in (-1, 0, 1)]
        made = (await make_plan(session, ownerships=[ownership], parts=[(10, day) for day in days for _ in range(3)]))[
            1
        ]
        for place, one in enumerate(made):
            one.received_fen = (0, 3, 10)[place % 3]
        await session.flush()
        for one in made:
            shown = state_of(
                amount_fen=10, received_fen=one.received_fen, due_on=one.due_on, today=TODAY, in_force=to_date is None
            )
            found = [
                state
                for state in InstalmentState
                if await session.scalar(
                    select(Instalment.id).where(Instalment.id == one.id, standing(state, today=TODAY))
                )
            ]
            assert found == [shown]


@pytest.mark.slow
@pytest.mark.rule("OWN-13")
async def test_of_payments_at_once_no_more_is_received_than_was_planned(committed: PooledDatabase) -> None:
    trials, at_once = 20, 4
    async with committed.session() as session:
        org = await make_org(session, now=FRIDAY_NOON, units=1)
        owner = await make_owner(session, Keyring.from_master(MASTER), phone=None, units=org.units)
        ownership = await session.scalar(select(Ownership).where(Ownership.owner_id == owner.id))
        assert ownership is not None
        parts = [(1_000, TODAY)] * trials
        instalments = (await make_plan(session, ownerships=[ownership], parts=parts))[1]
        ids = [one.id for one in instalments]
        await session.commit()
    grant = Grant("x", SCOPES, Reach(everywhere=True))

    async def pay(place: int, which: int) -> type[Exception] | None:
        actor = Principal(kind=PrincipalKind.STAFF, id=uuid7(), name="出纳", grants=(grant,))
        async with committed.session() as session:
            try:
                await payments.receive(
                    session,
                    instalment_id=ids[place],
                    amount_fen=400,
                    received_on=TODAY,
                    reference=f"POS-{which}",
                    principal=actor,
                    now=FRIDAY_NOON,
                )
                await session.commit()
            except DomainError as refusal:
                return type(refusal)
            return None

    for place in range(trials):
        outcomes = await asyncio.gather(*(pay(place, which) for which in range(at_once)))
        assert sorted(map(str, outcomes)) == sorted(map(str, (None, None, PaymentExceedsOpen, PaymentExceedsOpen)))
    async with committed.session() as session:
        sums = select(func.sum(InstalmentPayment.amount_fen)).group_by(InstalmentPayment.instalment_id)
        assert list(await session.scalars(sums)) == [800] * trials
        assert list(await session.scalars(select(Instalment.received_fen))) == [800] * trials
        events = select(func.count()).where(Event.kind == "contract_payment.received")
        assert await session.scalar(events) == 2 * trials


@pytest.mark.slow
@pytest.mark.rule("OWN-13")
async def test_of_many_workers_each_instalment_is_noted_once(committed: PooledDatabase) -> None:
    async with committed.session() as session:
        org = await make_org(session, now=FRIDAY_NOON, units=1)
        owner = await make_owner(session, Keyring.from_master(MASTER), phone=None, units=org.units)
        ownership = await session.scalar(select(Ownership).where(Ownership.owner_id == owner.id))
        assert ownership is not None
        parts = [(1_000, TODAY - timedelta(days=place % 2)) for place in range(1_200)]
        await make_plan(session, ownerships=[ownership], parts=parts)
        await session.commit()
    handler = owners_jobs.handlers()[owners_jobs.NOTE_DUE]

    async def work() -> int:
        run = jobs.Run(job_id=uuid7(), database=committed)
        assert isinstance(handler, jobs.LongHandler)
        await handler.work(run, {}, FRIDAY_NOON)
        assert run.result is not None
        return int(run.result["noted"])

    assert sum(await asyncio.gather(*(work() for _ in range(4)))) == 1_200
    async with committed.session() as session:
        kinds = select(Event.kind, func.count(), func.count(Event.data["instalment_id"].astext.distinct()))
        found = {row[0]: row[1:] for row in await session.execute(kinds.group_by(Event.kind))}
        assert found["contract_payment.due"] == (1_200, 1_200)
        assert found["contract_payment.overdue"] == (600, 600)
