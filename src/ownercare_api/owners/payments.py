"""Use cases: money received under a purchase contract, taken back, and reminders (OWN-13).

Nobody pays more than is open of an instalment: a surplus is recorded on the next one, or given back. So what was
received never exceeds what was planned; the row's lock sees to it, with a CHECK behind it.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal, PrincipalKind
from ownercare_api.owners import repository_payments as repository
from ownercare_api.owners.lifecycle import EmployeeRequired, PreferredChannel
from ownercare_api.owners.lifecycle_payments import (
    AlreadyReversed,
    ContractPaymentNotFound,
    NothingOpen,
    OwnPayment,
    PaymentExceedsOpen,
    PaymentKnown,
    PaymentNotFound,
    ReceivedInFuture,
)
from ownercare_api.owners.models_payments import (
    Instalment,
    InstalmentPayment,
    InstalmentReminder,
    InstalmentReversal,
    PaymentPlan,
)
from ownercare_api.owners.payment_plans import READ, lock_plan, record
from ownercare_api.properties.models import Unit

RECORD, REMIND = "contract_payments:record", "contract_payments:remind"


@dataclass(frozen=True, slots=True)
class Locked:
    """An instalment that the caller may do something about, with its plan, both locked."""

    instalment: Instalment
    plan: PaymentPlan
    project_id: UUID


async def _locked(session: AsyncSession, *, instalment_id: UUID, scope: str, principal: Principal) -> Locked:
    query = (
        select(Instalment.plan_id, Unit.project_id)
        .join(PaymentPlan, PaymentPlan.id == Instalment.plan_id)
        .join(Unit, Unit.id == PaymentPlan.unit_id)
        .where(Instalment.id == instalment_id)
    )
    found = (await session.execute(query)).one_or_none()
    if found is None or not principal.may(READ, project_id=found.project_id):
        raise ContractPaymentNotFound
    principal.require(scope, project_id=found.project_id)
    plan = await lock_plan(session, plan_id=found.plan_id)
    one = await session.get_one(Instalment, instalment_id, populate_existing=True, with_for_update=True)
    if one.withdrawn_at is not None:
        raise ContractPaymentNotFound
    return Locked(one, plan, found.project_id)


async def receive(
    session: AsyncSession,
    *,
    instalment_id: UUID,
    amount_fen: int,
    received_on: date,
    reference: str,
    principal: Principal,
    now: datetime,
) -> InstalmentPayment:
    """Record money received for an instalment, all of it or a part.

    Raises `ContractPaymentNotFound`, `OutOfReach`, `ReceivedInFuture`, `PaymentKnown`, `PaymentExceedsOpen`.
    """
    held = await _locked(session, instalment_id=instalment_id, scope=RECORD, principal=principal)
    one = held.instalment
    if received_on > business_date(now):
        raise ReceivedInFuture
    same = select(InstalmentPayment.id).where(
        InstalmentPayment.instalment_id == one.id,
        InstalmentPayment.reference == reference,
        ~exists().where(InstalmentReversal.payment_id == InstalmentPayment.id),
    )
    if await session.scalar(same.limit(1)) is not None:
        raise PaymentKnown
    open_fen = one.amount_fen - one.received_fen
    if amount_fen > open_fen:
        raise PaymentExceedsOpen(open_fen=open_fen)
    made = InstalmentPayment(
        id=uuid7(),
        instalment_id=one.id,
        amount_fen=amount_fen,
        received_on=received_on,
        reference=reference,
        recorded_by=principal.id,
        recorded_by_name=principal.name,
        recorded_at=now,
        makers=sorted(principal.acting(RECORD, project_id=held.project_id)),
    )
    session.add(made)
    one.received_fen += amount_fen
    await _told(session, held, "received", payment=made, principal=principal, now=now)
    return made


async def reverse(
    session: AsyncSession, *, instalment_id: UUID, payment_id: UUID, reason: str, principal: Principal, now: datetime
) -> None:
    """Take a payment back: another employee than who recorded it (reading 10).

    Raises `ContractPaymentNotFound`, `PaymentNotFound`, `OutOfReach`, `EmployeeRequired`, `OwnPayment`,
    `AlreadyReversed`.
    """
    held = await _locked(session, instalment_id=instalment_id, scope=RECORD, principal=principal)
    payment = await session.get(InstalmentPayment, payment_id)
    if payment is None or payment.instalment_id != instalment_id:
        raise PaymentNotFound
    if principal.kind is not PrincipalKind.STAFF:
        raise EmployeeRequired
    acting = principal.acting(RECORD, project_id=held.project_id)
    if not acting.isdisjoint({payment.recorded_by, *payment.makers}):
        raise OwnPayment
    if await session.scalar(select(InstalmentReversal.id).where(InstalmentReversal.payment_id == payment_id)):
        raise AlreadyReversed
    session.add(
        InstalmentReversal(
            id=uuid7(),
            payment_id=payment_id,
            reason=reason,
            reversed_by=principal.id,
            reversed_by_name=principal.name,
            reversed_at=now,
        )
    )
    held.instalment.received_fen -= payment.amount_fen
    await _told(session, held, "reversed", payment=payment, principal=principal, now=now)


async def _told(
    session: AsyncSession,
    held: Locked,
    kind: str,
    *,
    payment: InstalmentPayment,
    principal: Principal,
    now: datetime,
) -> None:
    held.instalment.updated_at = now
    await session.flush()
    await record(
        session,
        kind=kind,
        plan=held.plan,
        project_id=held.project_id,
        actor=principal,
        now=now,
        instalment_id=str(payment.instalment_id),
        payment_id=str(payment.id),
        amount_fen=payment.amount_fen,
        **principal.on_behalf_of(RECORD, project_id=held.project_id),
    )


async def remind(
    session: AsyncSession,
    *,
    instalment_id: UUID,
    channel: PreferredChannel,
    reached: bool,
    note: str | None,
    principal: Principal,
    now: datetime,
) -> None:
    """Record an attempt to remind the buyers, whether or not anybody was reached.

    Raises `ContractPaymentNotFound`, `OutOfReach`, `NothingOpen`.
    """
    held = await _locked(session, instalment_id=instalment_id, scope=REMIND, principal=principal)
    one = held.instalment
    asked = await session.scalar(
        select(repository.in_force(business_date(now))).select_from(Instalment).where(Instalment.id == one.id)
    )
    if one.received_fen >= one.amount_fen or not asked:
        raise NothingOpen
    made = InstalmentReminder(
        id=uuid7(),
        instalment_id=one.id,
        channel=channel,
        reached=reached,
        note=note,
        reminded_by=principal.id,
        reminded_by_name=principal.name,
        reminded_at=now,
    )
    session.add(made)
    await session.flush()
    await record(
        session,
        kind="reminded",
        plan=held.plan,
        project_id=held.project_id,
        actor=principal,
        now=now,
        instalment_id=str(one.id),
        reminder_id=str(made.id),
        channel=channel.value,
        reached=reached,
    )
