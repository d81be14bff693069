"""The determination of a settlement by the deputy chief engineer in charge of quality (FIN-08)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.identity.principal import Principal
from ownercare_api.settlements.lifecycle import SETTLEMENT_LIFECYCLE
from ownercare_api.settlements.lifecycle_parts import Part
from ownercare_api.settlements.models import Settlement
from ownercare_api.settlements.steps import begin_settlement, finish_settlement


async def certify(
    session: AsyncSession, *, settlement_id: UUID, opinion: str | None, principal: Principal, now: datetime
) -> Settlement:
    """Certify a settlement: all of class B; of class A those that were confirmed, deemed confirmed or determined.

    Raises `SettlementNotFound`, `OutOfReach`, `WrongStatus`, `ContractorNotHeard`, `OwnWork`, `DeductionNotAudited`.
    """
    begun = await begin_settlement(
        session, settlement_id=settlement_id, step="certification", principal=principal, now=now
    )
    settlement = begun.settlement
    settlement.status = begun.target
    settlement.certified_by, settlement.certified_by_name = principal.id, principal.name
    settlement.certified_at, settlement.certification_opinion = now, opinion
    await finish_settlement(
        session,
        settlement=settlement,
        kind="certified",
        part=Part.CERTIFIED,
        rules=SETTLEMENT_LIFECYCLE.steps["certification"].rules,
        actor=principal,
        now=now,
    )
    return settlement
