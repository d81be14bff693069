"""Use case: what became due or overdue is recorded once, so that nobody to be reminded is forgotten (OWN-13)."""

from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.identity.principal import SYSTEM
from ownercare_api.owners.models_payments import Instalment, PaymentPlan
from ownercare_api.owners.repository_payments import in_force
from ownercare_api.properties.models import Unit
from ownercare_api.timeline import service as timeline
from ownercare_api.timeline.service import NewEvent

_RULES = ("OWN-13",)


async def note(session: AsyncSession, *, now: datetime, limit: int) -> int:
    """Record up to `limit` instalments that are due, and overdue since, and that nobody recorded yet; returns how many.

    The rows are locked: who comes second waits, looks again and finds them recorded. After a standstill everything
    missed is found: it looks at what was not recorded, not at the day.
    """
    today = business_date(now)
    unnoted = or_(
        Instalment.due_noted_on.is_(None), and_(Instalment.due_on < today, Instalment.overdue_noted_on.is_(None))
    )
    query = (
        select(Instalment)
        .where(
            Instalment.withdrawn_at.is_(None),
            Instalment.received_fen < Instalment.amount_fen,
            Instalment.overdue_noted_on.is_(None),
            Instalment.due_on <= today,
            unnoted,
            in_force(today),
        )
        .order_by(Instalment.id)
        .limit(limit)
        .with_for_update(of=Instalment)
        .execution_options(populate_existing=True)
    )
    found = (await session.scalars(query)).all()
    if not found:
        return 0
    places = select(PaymentPlan.id, PaymentPlan.unit_id, Unit.project_id).join(Unit, Unit.id == PaymentPlan.unit_id)
    rows = await session.execute(places.where(PaymentPlan.id.in_({one.plan_id for one in found})))
    homes = {row.id: row for row in rows}
    events = []
    for one in found:
        home = homes[one.plan_id]
        data = {
            "plan_id": str(one.plan_id),
            "instalment_id": str(one.id),
            "due_on": one.due_on.isoformat(),
            "open_fen": one.amount_fen - one.received_fen,
        }
        kinds = []
        if one.due_noted_on is None:
            one.due_noted_on = today
            kinds.append("due")
        if one.due_on < today:
            one.overdue_noted_on = today
            kinds.append("overdue")
        events += [
            NewEvent(f"contract_payment.{kind}", "unit", home.unit_id, home.project_id, _RULES, data) for kind in kinds
        ]
    await session.flush()
    await timeline.record_all(session, events=events, actor=SYSTEM, now=now)
    return len(found)
