"""The SELECTs of plans of payments, what was received, and who is to be reminded."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, not_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.listing import count_up_to_ceiling
from ownercare_api.core.pagination import Page, PageRequest, cut
from ownercare_api.identity.principal import Reach
from ownercare_api.owners.lifecycle_payments import InstalmentState
from ownercare_api.owners.models import Owner, Ownership
from ownercare_api.owners.models_payments import (
    Instalment,
    InstalmentPayment,
    InstalmentReminder,
    InstalmentReversal,
    PaymentPlan,
    PaymentPlanChange,
)
from ownercare_api.owners.repository import places, stood_for
from ownercare_api.properties.models import Unit

Connection = AsyncConnection | AsyncSession

_LIVE = Instalment.withdrawn_at.is_(None)
_UNPAID = Instalment.received_fen < Instalment.amount_fen


def in_force(today: date) -> ColumnElement[bool]:
    """Return the condition on `instalment` that somebody owns the home under its contract, or will."""
    return exists().where(
        Ownership.payment_plan_id == Instalment.plan_id, or_(Ownership.to_date.is_(None), Ownership.to_date > today)
    )


def _columns(today: date) -> list[Any]:
    """What an instalment is shown with."""
    number = select(func.min(Ownership.contract_number)).where(Ownership.payment_plan_id == Instalment.plan_id)
    reminders = select(func.count()).where(InstalmentReminder.instalment_id == Instalment.id)
    latest = select(func.max(InstalmentReminder.reminded_at)).where(InstalmentReminder.instalment_id == Instalment.id)
    return [
        Instalment.id, Instalment.plan_id, Instalment.place, Instalment.kind, Instalment.amount_fen, Instalment.due_on,
        Instalment.received_fen, Instalment.version, in_force(today).label("in_force"),
        number.scalar_subquery().label("contract_number"), reminders.scalar_subquery().label("reminders"),
        latest.scalar_subquery().label("last_reminded_at"),
    ]  # fmt: skip


def instalments(reach: Reach, *, today: date) -> Select[Any]:
    """Return the query of the live instalments within a reach, with home and contract."""
    query: Select[Any] = select(*_columns(today), PaymentPlan.unit_id, Unit.project_id, Unit.address)
    query = query.join(PaymentPlan, PaymentPlan.id == Instalment.plan_id).join(Unit, Unit.id == PaymentPlan.unit_id)
    return query.where(_LIVE, places(reach))


def narrowed(
    query: Select[Any],
    *,
    project_id: UUID | None,
    unit_id: UUID | None,
    due_from: date | None,
    due_to: date | None,
) -> Select[Any]:
    """Narrow a query of instalments by what was given."""
    if project_id is not None:
        query = query.where(Unit.project_id == project_id)
    if unit_id is not None:
        query = query.where(Unit.id == unit_id)
    if due_from is not None:
        query = query.where(Instalment.due_on >= due_from)
    if due_to is not None:
        query = query.where(Instalment.due_on <= due_to)
    return query


def standing(state: InstalmentState, *, today: date) -> ColumnElement[bool]:
    """Return the condition on `instalment` that it stands so today; the same as `lifecycle_payments.state_of`."""
    asked, late = in_force(today), Instalment.due_on < today
    if state is InstalmentState.PAID:
        return not_(_UNPAID)
    if state is InstalmentState.ENDED:
        return and_(_UNPAID, not_(asked))
    if state is InstalmentState.OVERDUE:
        return and_(_UNPAID, asked, late)
    some = Instalment.received_fen > 0
    return and_(_UNPAID, asked, not_(late), some if state is InstalmentState.PARTLY_PAID else not_(some))


def under_contract_of(owner_id: UUID) -> ColumnElement[bool]:
    """Return the condition on `instalment` that an owner, or a record merged into his, bought under the contract."""
    bought = Ownership.owner_id.in_(stood_for(owner_id))
    return Instalment.plan_id.in_(select(Ownership.payment_plan_id).where(bought))


async def by_due_day(connection: Connection, *, query: Select[Any], wanted: PageRequest) -> Page[Any]:
    """Return a page of a query of instalments, the one that is due first in front."""
    total = await count_up_to_ceiling(connection, query) if wanted.include_total else None
    if wanted.after is not None:
        day, last = wanted.after
        query = query.where(tuple_(Instalment.due_on, Instalment.id) > tuple_(date.fromisoformat(day), last))
    query = query.order_by(Instalment.due_on, Instalment.id).limit(wanted.limit + 1)
    rows = (await connection.execute(query)).all()
    return cut(rows, limit=wanted.limit, key=lambda row: (row.due_on.isoformat(), row.id), total=total)


async def instalment(connection: Connection, *, instalment_id: UUID, reach: Reach, today: date) -> Any:
    """Return a visible instalment's row, or None."""
    query = instalments(reach, today=today).where(Instalment.id == instalment_id)
    return (await connection.execute(query)).one_or_none()


async def buyers(connection: Connection, *, plan_ids: Collection[UUID]) -> dict[UUID, list[Any]]:
    """Return owner_id, owner_name and restricted_at of who bought under contracts, each once, by plan."""
    query = (
        select(Ownership.payment_plan_id, Owner.id.label("owner_id"), Owner.name.label("owner_name"))
        .add_columns(Owner.restricted_at)
        .join(Owner, Owner.id == Ownership.owner_id)
        .where(Ownership.payment_plan_id.in_(list(plan_ids)))
        .distinct()
        .order_by(Owner.id)
    )
    found: dict[UUID, list[Any]] = defaultdict(list)
    for row in await connection.execute(query) if plan_ids else ():
        found[row.payment_plan_id].append(row)
    return found


async def payments(connection: Connection, *, instalment_ids: Collection[UUID]) -> dict[UUID, list[Any]]:
    """Return the payments of instalments with their reversals, oldest first, by instalment."""
    kept = [column for column in InstalmentPayment.__table__.c if column.name != "makers"]
    more = [column for column in InstalmentReversal.__table__.c if column.name not in ("id", "payment_id")]
    query: Select[Any] = (
        select(*kept, *more)
        .outerjoin(InstalmentReversal, InstalmentReversal.payment_id == InstalmentPayment.id)
        .where(InstalmentPayment.instalment_id.in_(list(instalment_ids)))
        .order_by(InstalmentPayment.id)
    )
    found: dict[UUID, list[Any]] = defaultdict(list)
    for row in (await connection.execute(query)).all() if instalment_ids else ():
        found[row.instalment_id].append(row)
    return found


async def reminders(connection: Connection, *, instalment_id: UUID) -> Sequence[Any]:
    """Return the attempts to remind of an instalment, oldest first."""
    query = select(*InstalmentReminder.__table__.c).where(InstalmentReminder.instalment_id == instalment_id)
    return (await connection.execute(query.order_by(InstalmentReminder.id))).all()


async def plan(connection: Connection, *, plan_id: UUID) -> Any:
    """Return a plan's row."""
    return (await connection.execute(select(*PaymentPlan.__table__.c).where(PaymentPlan.id == plan_id))).one()


async def plan_instalments(connection: Connection, *, plan_ids: Collection[UUID], today: date) -> Sequence[Any]:
    """Return the live instalments of plans, in their order."""
    query = select(*_columns(today)).where(_LIVE, Instalment.plan_id.in_(list(plan_ids)))
    return (await connection.execute(query.order_by(Instalment.plan_id, Instalment.place))).all()


async def changes(connection: Connection, *, plan_id: UUID) -> Sequence[Any]:
    """Return what a plan was before each change after filing, newest first."""
    query = select(*PaymentPlanChange.__table__.c).where(PaymentPlanChange.plan_id == plan_id)
    return (await connection.execute(query.order_by(PaymentPlanChange.id.desc()))).all()


async def plan_of_contract(connection: Connection, *, unit_id: UUID, contract_number: str | None) -> UUID | None:
    """Return the plan of a home's contract by its number, or None."""
    query = select(Ownership.payment_plan_id).where(
        Ownership.unit_id == unit_id,
        Ownership.contract_number == contract_number,
        Ownership.payment_plan_id.is_not(None),
    )
    found: UUID | None = (await connection.execute(query.order_by(Ownership.id.desc()).limit(1))).scalar_one_or_none()
    return found


async def contract(session: AsyncSession, *, ownership: Ownership) -> Sequence[Ownership]:
    """Return the ownerships under one contract, locked: those of the same plan and of the same number."""
    ones = [Ownership.id == ownership.id]
    if ownership.contract_number is not None:
        number = Ownership.contract_number == ownership.contract_number
        ones.append(and_(number, Ownership.payment_plan_id.is_(None)))
    if ownership.payment_plan_id is not None:
        ones.append(Ownership.payment_plan_id == ownership.payment_plan_id)
    query = select(Ownership).where(Ownership.unit_id == ownership.unit_id, or_(*ones)).order_by(Ownership.id)
    return (await session.scalars(query.with_for_update().execution_options(populate_existing=True))).all()


async def shares(connection: Connection, *, plan_id: UUID) -> Sequence[UUID]:
    """Return the ids of the ownerships under a plan's contract."""
    query = select(Ownership.id).where(Ownership.payment_plan_id == plan_id).order_by(Ownership.id)
    return (await connection.execute(query)).scalars().all()


def own_plans(*, owner_id: UUID) -> Select[Any]:
    """Return the query of the plans of an owner's own contracts, with the home."""
    columns: list[Any] = [PaymentPlan.id, PaymentPlan.unit_id, PaymentPlan.price_fen, Unit.address]
    number = select(func.min(Ownership.contract_number)).where(
        Ownership.payment_plan_id == PaymentPlan.id, Ownership.owner_id == owner_id
    )
    query: Select[Any] = select(*columns, number.scalar_subquery().label("contract_number"))
    query = query.join(Unit, Unit.id == PaymentPlan.unit_id)
    return query.where(exists().where(Ownership.payment_plan_id == PaymentPlan.id, Ownership.owner_id == owner_id))
