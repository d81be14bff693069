"""Writing the 《维修工程结算书》 from the audit result (FIN-06)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.contractors import service as contractors
from ownercare_api.contractors.models import ConstructionContract
from ownercare_api.core.clock import business_date
from ownercare_api.core.ids import uuid7
from ownercare_api.core.numbers import next_number
from ownercare_api.identity.principal import Principal
from ownercare_api.settlements.lifecycle import SETTLEMENT_LIFECYCLE
from ownercare_api.settlements.lifecycle_parts import Part
from ownercare_api.settlements.models import Settlement
from ownercare_api.settlements.steps import begin_account, finish_account, finish_settlement
from ownercare_api.workorders.lifecycle import RepairClass
from ownercare_api.workorders.models import WorkOrder

_RULES = ("FIN-06",)


async def write_settlement(
    session: AsyncSession, *, final_account_id: UUID, principal: Principal, now: datetime
) -> Settlement:
    """Write the settlement of an audited account: class and contract from the work order, amount from the audit.

    Raises `FinalAccountNotFound`, `OutOfReach`, `WrongStatus`, and `OrderNotApproved` where an emergency was never
    approved (reading 8).
    """
    begun = await begin_account(session, account_id=final_account_id, step="settlement", principal=principal)
    account = begun.account
    order = await session.get_one(WorkOrder, account.work_order_id)
    contract = None
    if order.repair_class is RepairClass.A:
        contract = await session.get_one(ConstructionContract, order.contract_id)
    assert account.audited_total_fen is not None
    settlement = Settlement(
        id=uuid7(),
        number=await next_number(session, kind="JD", day=business_date(now)),
        final_account_id=account.id,
        work_order_id=order.id,
        ticket_id=account.ticket_id,
        project_id=account.project_id,
        firm_id=account.firm_id,
        kind=order.repair_class,
        contract_id=None if contract is None else contract.id,
        contractor_firm_id=None if contract is None else contract.firm_id,
        status=SETTLEMENT_LIFECYCLE.initial,
        amount_fen=account.audited_total_fen,
        contractor_share_fen=0 if contract is None else account.audited_total_fen,
        written_by=principal.id,
        written_by_name=principal.name,
        payee_change_id=await contractors.account_change_in_force(session, firm_id=account.firm_id),
        policy_snapshot_id=account.policy_snapshot_id,
    )
    session.add(settlement)
    account.status = begun.target
    await finish_account(
        session, account=account, kind="settled", part=Part.WRITTEN, rules=_RULES, actor=principal, now=now
    )
    await finish_settlement(
        session, settlement=settlement, kind="written", part=None, rules=_RULES, actor=principal, now=now
    )
    return settlement
