"""Copies and erasure of what a person pays under purchase contracts.

Amounts and days of what was received stay as the firm's accounts, without the person: nothing leads from them to the
record any more, and words and references are gone. Where somebody else bought under the same contract, it is his
record, too, and stays as it is.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from ownercare_api.core.personal import ERASED_TEXT, plain, wipe
from ownercare_api.owners.models import Ownership
from ownercare_api.owners.models_payments import (
    Instalment,
    InstalmentPayment,
    InstalmentReminder,
    InstalmentReversal,
    PaymentPlan,
    PaymentPlanChange,
)

_PAYMENT, _REVERSAL = InstalmentPayment.__table__, InstalmentReversal.__table__
_REMINDER, _CHANGE = InstalmentReminder.__table__, PaymentPlanChange.__table__


async def erase(session: AsyncSession, *, owner_ids: Sequence[UUID], count: dict[str, int]) -> None:
    """Empty the words around contracts that only these owners have; before the links from their homes are cut."""
    other = aliased(Ownership)
    shared = select(other.id).where(
        other.payment_plan_id == Ownership.payment_plan_id, other.owner_id.not_in(list(owner_ids))
    )
    plans = select(Ownership.payment_plan_id).where(Ownership.owner_id.in_(list(owner_ids)), ~shared.exists())
    instalments = select(Instalment.id).where(Instalment.plan_id.in_(plans))
    payments = select(InstalmentPayment.id).where(InstalmentPayment.instalment_id.in_(instalments))
    await wipe(session, InstalmentReversal, where=_REVERSAL.c.payment_id.in_(payments), count=count, reason=ERASED_TEXT)
    of_these = _PAYMENT.c.instalment_id.in_(instalments)
    await wipe(session, InstalmentPayment, where=of_these, count=count, reference=ERASED_TEXT)
    await wipe(session, InstalmentReminder, where=_REMINDER.c.instalment_id.in_(instalments), count=count, note=None)
    await wipe(session, PaymentPlanChange, where=_CHANGE.c.plan_id.in_(plans), count=count, reason=ERASED_TEXT)


async def collect(session: AsyncSession, *, owner_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Return the plans of the owners' contracts with instalments, payments and reminders."""
    bought = select(Ownership.payment_plan_id).where(Ownership.owner_id.in_(list(owner_ids)))
    plans = select(*PaymentPlan.__table__.c).where(PaymentPlan.id.in_(bought)).order_by(PaymentPlan.id)
    found = []
    for plan in (await session.execute(plans)).all():
        query = select(*Instalment.__table__.c).where(Instalment.plan_id == plan.id, Instalment.withdrawn_at.is_(None))
        instalments = (await session.execute(query.order_by(Instalment.place))).all()
        ids = [one.id for one in instalments]
        paid = (
            select(*_PAYMENT.c, InstalmentReversal.reason, InstalmentReversal.reversed_at)
            .outerjoin(InstalmentReversal, InstalmentReversal.payment_id == InstalmentPayment.id)
            .where(InstalmentPayment.instalment_id.in_(ids))
        )
        reminded = select(*_REMINDER.c).where(InstalmentReminder.instalment_id.in_(ids))
        found.append(
            plain(plan)
            | {
                "instalments": [plain(one, "due_noted_on", "overdue_noted_on") for one in instalments],
                "payments": [plain(one, "makers", "recorded_by") for one in await session.execute(paid)],
                "reminders": [plain(one, "reminded_by") for one in await session.execute(reminded)],
            }
        )
    return found
