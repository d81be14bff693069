"""Use cases: a contract's plan of payments is made, and changed after filing with a reason (OWN-13, SAL-04)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import filing
from ownercare_api.owners import repository_payments as repository
from ownercare_api.owners.lifecycle_payments import (
    InstalmentKind,
    InstalmentReceived,
    InstalmentUnknown,
    PlanFixed,
    PlanNotFixed,
    PlanPriceDiffers,
    PlanUneven,
    PlanWithoutContract,
    fits,
)
from ownercare_api.owners.models import Ownership
from ownercare_api.owners.models_payments import Instalment, PaymentPlan, PaymentPlanChange
from ownercare_api.properties.models import Unit
from ownercare_api.timeline import service as timeline

READ = "contract_payments:read"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An instalment as it is to be; without an id it is a new one."""

    kind: InstalmentKind
    amount_fen: int
    due_on: date
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """A plan as a whole: the contract's price, and instalments that add up to it."""

    price_fen: int
    instalments: Sequence[Wanted]

    def check(self) -> None:
        """Raise `PlanUneven` unless the instalments add up to the price."""
        if sum(one.amount_fen for one in self.instalments) != self.price_fen:
            raise PlanUneven


@dataclass(slots=True)
class _Standing:
    """A contract as it is, everything locked."""

    unit: Unit
    contract: Sequence[Ownership]
    plan: PaymentPlan | None
    instalments: list[Instalment]

    @property
    def version(self) -> int:
        return 0 if self.plan is None else self.plan.version


async def locked(session: AsyncSession, *, ownership_id: UUID, principal: Principal) -> _Standing:
    """Return a contract that the caller may write, locked: home, ownerships, plan, instalments in this order.

    Raises `OwnershipNotFound`, `OutOfReach`.
    """
    ownership, unit = await filing.for_change(session, ownership_id=ownership_id, principal=principal)
    principal.require(READ, project_id=unit.project_id)
    contract = await repository.contract(session, ownership=ownership)
    if ownership.payment_plan_id is None:
        return _Standing(unit, contract, None, [])
    plan = await lock_plan(session, plan_id=ownership.payment_plan_id)
    live = select(Instalment).where(Instalment.plan_id == plan.id, Instalment.withdrawn_at.is_(None))
    live = live.order_by(Instalment.id).with_for_update().execution_options(populate_existing=True)
    return _Standing(unit, contract, plan, sorted(await session.scalars(live), key=lambda one: one.place))


async def lock_plan(session: AsyncSession, *, plan_id: UUID) -> PaymentPlan:
    """Return a plan, locked: whoever changes anything about its instalments has this lock first."""
    return await session.get_one(PaymentPlan, plan_id, populate_existing=True, with_for_update=True)


async def replace(
    session: AsyncSession, *, standing: _Standing, terms: Terms, principal: Principal, now: datetime
) -> None:
    """Make or replace the plan of a contract that was not filed yet. What was submitted goes back to draft.

    Raises `PlanFixed`, `PlanUneven`, `PlanWithoutContract`, `PlanPriceDiffers`, `InstalmentUnknown`,
    `InstalmentReceived`.
    """
    if standing.plan is not None and standing.plan.fixed_at is not None:
        raise PlanFixed
    await _apply(session, standing=standing, terms=terms, kind="planned", reason=None, principal=principal, now=now)


async def change(
    session: AsyncSession, *, ownership_id: UUID, terms: Terms, reason: str, principal: Principal, now: datetime
) -> None:
    """Change the plan of a contract that was filed: the old one is kept, and the contract must be reviewed again.

    Raises `OwnershipNotFound`, `OutOfReach`, `PlanNotFixed` and what `replace` raises.
    """
    standing = await locked(session, ownership_id=ownership_id, principal=principal)
    if standing.plan is None or standing.plan.fixed_at is None:
        raise PlanNotFixed
    await _apply(
        session, standing=standing, terms=terms, kind="plan_changed", reason=reason, principal=principal, now=now
    )


async def _apply(
    session: AsyncSession,
    *,
    standing: _Standing,
    terms: Terms,
    kind: str,
    reason: str | None,
    principal: Principal,
    now: datetime,
) -> None:
    terms.check()
    prices = [one.price_fen for one in standing.contract]
    if None in prices or any(one.contract_number is None for one in standing.contract):
        raise PlanWithoutContract
    if not fits(terms.price_fen, prices):
        raise PlanPriceDiffers
    plan, former, former_price = standing.plan, _plain(standing.instalments), terms.price_fen
    if plan is None:
        plan = PaymentPlan(id=uuid7(), unit_id=standing.unit.id, price_fen=terms.price_fen)
        session.add(plan)
        await session.flush()
    else:
        former_price, plan.price_fen = plan.price_fen, terms.price_fen
    joined = [one for one in standing.contract if one.payment_plan_id != plan.id]
    for one in joined:
        one.payment_plan_id = plan.id
    standing.instalments = _arrange(session, plan, standing.instalments, terms.instalments, now=now)
    await session.flush()
    if not joined and former_price == terms.price_fen and former == _plain(standing.instalments):
        return
    if reason is not None:
        session.add(
            PaymentPlanChange(
                id=uuid7(),
                plan_id=plan.id,
                reason=reason,
                former_price_fen=former_price,
                former=former,
                changed_by=principal.id,
                changed_by_name=principal.name,
                changed_at=now,
            )
        )
    if standing.plan is not None:
        plan.updated_at = now
    for one in standing.contract:
        filing.reopen(one, project_id=standing.unit.project_id, principal=principal, now=now)
    await session.flush()
    data = {"price_fen": plan.price_fen, "instalments": len(standing.instalments)}
    await record(session, kind=kind, plan=plan, project_id=standing.unit.project_id, actor=principal, now=now, **data)


def _arrange(
    session: AsyncSession, plan: PaymentPlan, live: Sequence[Instalment], wanted: Sequence[Wanted], *, now: datetime
) -> list[Instalment]:
    """Bring the instalments into the wanted shape; those with an id keep theirs and what was received."""
    known = {one.id: one for one in live}
    made = []
    for place, want in enumerate(wanted, start=1):
        if want.id is None:
            one = Instalment(id=uuid7(), plan_id=plan.id, received_fen=0)
            session.add(one)
        else:
            found = known.pop(want.id, None)
            if found is None:
                raise InstalmentUnknown(place - 1)
            one = found
            if want.amount_fen < one.received_fen:
                raise InstalmentReceived
            if want.due_on != one.due_on:
                one.due_noted_on = one.overdue_noted_on = None
        one.place, one.kind, one.amount_fen, one.due_on = place, want.kind, want.amount_fen, want.due_on
        made.append(one)
    for one in known.values():
        if one.received_fen:
            raise InstalmentReceived
        one.withdrawn_at = now
    return made


def _plain(instalments: Sequence[Instalment]) -> list[dict[str, Any]]:
    return [
        {
            "id": str(one.id),
            "kind": one.kind.value,
            "amount_fen": one.amount_fen,
            "due_on": one.due_on.isoformat(),
            "received_fen": one.received_fen,
        }
        for one in instalments
    ]


async def record(
    session: AsyncSession,
    *,
    kind: str,
    plan: PaymentPlan,
    project_id: UUID,
    actor: Principal,
    now: datetime,
    **data: Any,
) -> None:
    """Record what happened to a plan in the history of its home."""
    await timeline.record(
        session,
        kind=f"contract_payment.{kind}",
        subject_kind="unit",
        subject_id=plan.unit_id,
        actor=actor,
        now=now,
        project_id=project_id,
        rules=("OWN-13", "SAL-04"),
        data={"plan_id": str(plan.id), **data},
    )
