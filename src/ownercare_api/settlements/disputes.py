"""Settling a dispute with a contractor: corrected amount, determination, or moving the cost to class B (reading 11)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import FieldError, Invalid
from ownercare_api.core.ids import uuid7
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.identity.principal import Principal
from ownercare_api.settlements.confirmation import start_clock
from ownercare_api.settlements.lifecycle import (
    RESOLUTION_SCOPES,
    SETTLEMENT_LIFECYCLE,
    ResolutionKind,
    SettlementStatus,
    independent_of,
)
from ownercare_api.settlements.lifecycle_parts import Part
from ownercare_api.settlements.models import DisputeResolution, Settlement
from ownercare_api.settlements.steps import begin_settlement, finish_settlement
from ownercare_api.workorders.lifecycle import RepairClass

_OUTCOMES = {
    ResolutionKind.CORRECTED_AMOUNT: SettlementStatus.NOTIFIED,
    ResolutionKind.DETERMINATION: SettlementStatus.DETERMINED,
    ResolutionKind.MOVED_TO_B: SettlementStatus.WRITTEN,
}


class ShareAboveAmount(Invalid):
    """422: a contractor can't bear more than the audited cost."""

    code = "share_above_amount"
    zh = "施工单位承担的金额不得高于审定金额。"
    en = "A contractor can't bear more than the audited cost."
    rules = ("FIN-07",)


async def resolve_dispute(
    session: AsyncSession,
    *,
    settlement_id: UUID,
    kind: ResolutionKind,
    amount_fen: int | None,
    reason: str,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> Settlement:
    """Settle a dispute. What the contractor need not bear, the company bears; the team's cost stays as audited.

    A corrected amount is put to the contractor again, with a new clock. A determination goes to the certification.
    Moved to B, the company bears all of it. Raises `SettlementNotFound`, `WrongStatus`, `MayNotResolve`, `OutOfReach`,
    `OwnWork`, `ShareAboveAmount`.
    """
    begun = await begin_settlement(
        session, settlement_id=settlement_id, step="dispute-resolution", principal=principal, now=now
    )
    settlement = begun.settlement
    principal.require(RESOLUTION_SCOPES[kind], project_id=settlement.project_id)
    if kind is not ResolutionKind.CORRECTED_AMOUNT:  # the deputy chief engineer judges, and so made nothing of it
        independent_of(begun.facts, principal)
    if amount_fen is not None and amount_fen > settlement.amount_fen:
        fault = FieldError("#/amount_fen", ShareAboveAmount.code, ShareAboveAmount.zh, ShareAboveAmount.en)
        raise ShareAboveAmount(errors=(fault,))
    before = settlement.contractor_share_fen
    settlement.contractor_share_fen = amount_fen or 0
    settlement.status = _OUTCOMES[kind]
    session.add(
        DisputeResolution(
            id=uuid7(),
            settlement_id=settlement.id,
            round=settlement.round,
            kind=kind,
            contractor_share_fen=settlement.contractor_share_fen,
            reason=reason,
            resolved_by=principal.id,
            resolved_by_name=principal.name,
            resolved_at=now,
        )
    )
    again = kind is ResolutionKind.CORRECTED_AMOUNT
    if again:
        settlement.round += 1
        settlement.contractor_answer = settlement.answered_at = settlement.reminded_at = None
    if kind is ResolutionKind.MOVED_TO_B:
        settlement.kind = RepairClass.B
    await finish_settlement(
        session,
        settlement=settlement,
        kind="dispute_resolved",
        part=Part.CORRECTED if again else Part.DETERMINED,
        rules=SETTLEMENT_LIFECYCLE.steps["dispute-resolution"].rules,
        actor=principal,
        now=now,
        with_contractor=True,
        data={"resolution": kind.value, "share_before_fen": before, "round": settlement.round},
    )
    if again:
        await start_clock(
            session,
            settlement=settlement,
            kind=ClockKind.CONTRACTOR_CONFIRMATION,
            calendar=calendar,
            actor=principal,
            now=now,
        )
    return settlement
