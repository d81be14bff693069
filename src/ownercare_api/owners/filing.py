"""Use cases: a purchase contract is completed, submitted, reviewed and filed (合同审核备案, OWN-13, SAL-04)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.identity.principal import Principal
from ownercare_api.owners import repository_payments as payments
from ownercare_api.owners.lifecycle import FILING_LIFECYCLE, FilingStatus, OwnContract
from ownercare_api.owners.lifecycle_payments import PlanPriceDiffers, fits
from ownercare_api.owners.models import Ownership
from ownercare_api.owners.models_payments import PaymentPlan
from ownercare_api.owners.ownerships import OwnershipNotFound
from ownercare_api.owners.service import READ, VERIFY, WRITE
from ownercare_api.properties import service as properties
from ownercare_api.properties.models import Unit
from ownercare_api.timeline import service as timeline

NEEDED = ("contract_number", "contract_signed_on", "payment_method", "price_fen")
"""What a contract must say before it is submitted."""


@dataclass(frozen=True, slots=True)
class Contract:
    """An ownership's contract with who acts, for the guards of `FILING_LIFECYCLE`."""

    complete: bool
    makers: frozenset[UUID | None]
    acting: frozenset[UUID]

    @classmethod
    def of(cls, row: Any, *, project_id: UUID, principal: Principal) -> "Contract":
        """Look at an ownership's row or object."""
        return cls(
            complete=all(getattr(row, name) is not None for name in NEEDED),
            makers=frozenset({row.edited_by, row.submitted_by, *row.makers}),
            acting=principal.acting(VERIFY, project_id=project_id),
        )

    def check_not_own(self, actor: Principal) -> None:
        """Raise `OwnContract` where the actor, or who lent the authority, wrote or submitted it."""
        if not self.makers.isdisjoint(self.acting | {actor.id}):
            raise OwnContract


async def update(
    session: AsyncSession,
    *,
    ownership: Ownership,
    unit: Unit,
    changes: Mapping[str, Any],
    principal: Principal,
    now: datetime,
) -> None:
    """Change contract data of an ownership that the caller locked; what was filed must be reviewed again."""
    changed = {name: value for name, value in changes.items() if getattr(ownership, name) != value}
    if not changed:
        return
    for name, value in changed.items():
        setattr(ownership, name, value)
    if ownership.payment_plan_id is None:
        ownership.payment_plan_id = await payments.plan_of_contract(
            session, unit_id=unit.id, contract_number=ownership.contract_number
        )
    reopen(ownership, project_id=unit.project_id, principal=principal, now=now)
    await _record(
        session, ownership, unit, "contract_updated", principal=principal, now=now, data={"fields": sorted(changed)}
    )


def reopen(ownership: Ownership, *, project_id: UUID, principal: Principal, now: datetime) -> None:
    """Take note of who wrote a contract, or its plan of payments; it must be reviewed (again). Of a contract that was
    filed, who wrote it before has been checked."""
    before = () if ownership.filing_status is FilingStatus.FILED else ownership.makers
    ownership.makers = sorted({*before, *principal.acting(WRITE, project_id=project_id)})
    ownership.edited_by, ownership.filing_status, ownership.updated_at = principal.id, FilingStatus.DRAFT, now


async def step(
    session: AsyncSession, *, name: str, ownership_id: UUID, note: str | None, principal: Principal, now: datetime
) -> Ownership:
    """Take a step of `FILING_LIFECYCLE`.

    A contract with a plan of payments goes on only where the plan's price is the contract's; from its filing on the
    plan is fixed. Raises `OwnershipNotFound`, `OutOfReach`, `WrongStatus`, `ContractIncomplete`, `PlanPriceDiffers`,
    `EmployeeRequired`, `OwnContract`.
    """
    scope = FILING_LIFECYCLE.steps[name].scope
    ownership, unit = await for_change(session, ownership_id=ownership_id, principal=principal, scope=scope)
    subject = Contract.of(ownership, project_id=unit.project_id, principal=principal)
    target = FILING_LIFECYCLE.check(name, status=ownership.filing_status, subject=subject, actor=principal)
    if name != "return":
        await _check_plan(session, ownership=ownership, fix=name == "filing", now=now)
    ownership.filing_status = target
    behalf: dict[str, Any] = {}
    if name == "submission":
        ownership.submitted_by, ownership.submitted_at = principal.id, now
        ownership.makers = sorted({*ownership.makers, *principal.acting(WRITE, project_id=unit.project_id)})
        ownership.reviewed_by = ownership.reviewed_at = ownership.review_note = None
    else:
        ownership.reviewed_by, ownership.reviewed_at, ownership.review_note = principal.id, now, note
        behalf = principal.on_behalf_of(VERIFY, project_id=unit.project_id)
    kind = {"submission": "contract_submitted", "filing": "contract_filed", "return": "contract_returned"}[name]
    await _record(session, ownership, unit, kind, principal=principal, now=now, data=behalf)
    return ownership


async def _check_plan(session: AsyncSession, *, ownership: Ownership, fix: bool, now: datetime) -> None:
    """Raise `PlanPriceDiffers` unless the contract's plan, where there is one, has its price; `fix` it for good."""
    if ownership.payment_plan_id is None:
        return
    contract = await payments.contract(session, ownership=ownership)
    plan = await session.get_one(PaymentPlan, ownership.payment_plan_id, populate_existing=True, with_for_update=True)
    if not fits(plan.price_fen, [one.price_fen for one in contract]):
        raise PlanPriceDiffers
    if fix and plan.fixed_at is None:
        plan.fixed_at, plan.updated_at = now, now


async def for_change(
    session: AsyncSession, *, ownership_id: UUID, principal: Principal, scope: str = WRITE
) -> tuple[Ownership, Unit]:
    """Return an ownership and its home, locked for change; raises `OwnershipNotFound`, `OutOfReach`."""
    unit_id = await session.scalar(select(Ownership.unit_id).where(Ownership.id == ownership_id))
    if unit_id is None:
        raise OwnershipNotFound
    unit = await properties.lock_unit(session, unit_id=unit_id)  # in the order in which sales lock
    if not any(principal.may(one, project_id=unit.project_id) for one in (READ, scope)):
        raise OwnershipNotFound
    principal.require(scope, project_id=unit.project_id)
    return await session.get_one(Ownership, ownership_id, populate_existing=True, with_for_update=True), unit


async def _record(
    session: AsyncSession,
    ownership: Ownership,
    unit: Unit,
    what: str,
    *,
    principal: Principal,
    now: datetime,
    data: dict[str, Any],
) -> None:
    ownership.updated_at = now
    await session.flush()
    await timeline.record(
        session,
        kind=f"ownership.{what}",
        subject_kind="owner",
        subject_id=ownership.owner_id,
        actor=principal,
        now=now,
        project_id=unit.project_id,
        rules=("OWN-13", "SAL-04"),
        data={"ownership_id": str(ownership.id), "unit_id": str(unit.id), **data},
    )
