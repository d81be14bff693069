"""Payment of a settlement and its reversal: money moves in one transaction or not at all (FIN-09, reading 11)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import Conflict
from ownercare_api.identity.principal import Principal
from ownercare_api.settlements import ledger, repository_ledger
from ownercare_api.settlements.ledger import Entry, Posting
from ownercare_api.settlements.lifecycle import SETTLEMENT_LIFECYCLE
from ownercare_api.settlements.lifecycle_parts import Part
from ownercare_api.settlements.models import Settlement
from ownercare_api.settlements.models_ledger import LedgerEntryKind
from ownercare_api.settlements.payee import not_paid, paid_to
from ownercare_api.settlements.steps import begin_settlement, finish_settlement
from ownercare_api.timeline import service as timeline
from ownercare_api.workorders.lifecycle import RepairClass

_RULES = SETTLEMENT_LIFECYCLE.steps["payment"].rules


class RetentionNotOpened(Conflict):
    """409: class A is deducted from the contract's retention account, which finance opens first (with zero, if so)."""

    code = "retention_not_opened"
    zh = "该施工合同尚未建立保证金账户(无保证金的以零建账),不能扣除。"
    en = "The contract has no retention account yet; open it first, with zero where nothing was retained."
    rules = ("FIN-09",)


async def pay(
    session: AsyncSession, *, settlement_id: UUID, reference: str, principal: Principal, now: datetime
) -> Settlement:
    """Pay the property company the audited cost, once. Class A is deducted from the contractor's retention as far as
    that reaches; what it can't cover becomes a claim on the contractor; what the contractor need not bear is the
    company's cost, as all of class B is.

    Raises `SettlementNotFound`, `OutOfReach`, `WrongStatus`, `OwnWork`, `DeductionNotAudited`, `OwnPayeeAccount`,
    `AccountMissing`, `AccountInQuestion`, `RetentionNotOpened`.
    """
    begun = await begin_settlement(session, settlement_id=settlement_id, step="payment", principal=principal, now=now)
    settlement = begun.settlement
    postings = await _share_out(session, settlement=settlement, actor=principal, now=now)
    payable = ledger.property_payable(settlement.firm_id)
    settlement.payments += 1
    entry = await ledger.post(
        session,
        entry=Entry(
            kind=LedgerEntryKind.SETTLEMENT_PAYMENT,
            project_id=settlement.project_id,
            contract_id=settlement.contract_id if settlement.kind is RepairClass.A else None,
            settlement_id=settlement.id,
            round=settlement.payments,
            memo=f"结算书 {settlement.number} 拨付维修费",
        ),
        postings=[*postings, Posting(payable, ledger.BANK, settlement.amount_fen)],
        actor=principal,
        now=now,
    )
    settlement.status = begun.target
    settlement.paid_by, settlement.paid_by_name, settlement.paid_at = principal.id, principal.name, now
    settlement.payers = sorted(principal.acting("settlements:pay", project_id=settlement.project_id))
    settlement.payment_entry_id, settlement.payment_reference = entry.id, reference
    await paid_to(session, settlement)
    await _told(session, settlement=settlement, kind="paid", entry_id=entry.id, actor=principal, now=now)
    return settlement


async def reverse_payment(
    session: AsyncSession, *, settlement_id: UUID, reason: str, principal: Principal, now: datetime
) -> Settlement:
    """Take a payment back by the opposite entry; another person of finance than the payer. The settlement is certified
    again and may be paid anew. Raises `SettlementNotFound`, `OutOfReach`, `WrongStatus`, `OwnWork`."""
    begun = await begin_settlement(
        session, settlement_id=settlement_id, step="payment/reversal", principal=principal, now=now
    )
    settlement = begun.settlement
    assert settlement.payment_entry_id is not None
    entry = await ledger.reverse(
        session,
        entry_id=settlement.payment_entry_id,
        kind=LedgerEntryKind.PAYMENT_REVERSAL,
        memo=f"结算书 {settlement.number} 拨付冲正:{reason}",
        actor=principal,
        now=now,
    )
    await _told(
        session,
        settlement=settlement,
        kind="payment_reversed",
        entry_id=entry.id,
        actor=principal,
        now=now,
        reason=reason,
    )
    settlement.status = begun.target
    settlement.paid_by = settlement.paid_by_name = settlement.paid_at = None
    settlement.payers = []
    settlement.payment_entry_id = settlement.payment_reference = None
    not_paid(settlement)
    settlement.deducted_fen = settlement.claimed_fen = 0
    await session.flush()
    return settlement


async def _share_out(
    session: AsyncSession, *, settlement: Settlement, actor: Principal, now: datetime
) -> list[Posting]:
    """Return who bears the cost, and fill in what is deducted and claimed; locks every account of the payment."""
    payable = ledger.property_payable(settlement.firm_id)
    company = settlement.amount_fen - settlement.contractor_share_fen
    cost = ledger.company_cost(settlement.project_id)
    keys = {payable, ledger.BANK} | ({cost} if company else set())
    if settlement.kind is not RepairClass.A:
        await ledger.lock(session, keys=keys, actor=actor, now=now)
        return [Posting(cost, payable, company)]
    assert settlement.contract_id is not None
    assert settlement.contractor_firm_id is not None
    retained = ledger.retention(
        contract_id=settlement.contract_id, firm_id=settlement.contractor_firm_id, project_id=settlement.project_id
    )
    if await repository_ledger.retention_of(session, contract_id=settlement.contract_id) is None:
        raise RetentionNotOpened
    claim = ledger.contractor_claim(settlement.contractor_firm_id)
    accounts = await ledger.lock(session, keys=keys | {retained, claim}, actor=actor, now=now)
    settlement.deducted_fen = min(accounts[retained].balance_fen, settlement.contractor_share_fen)
    settlement.claimed_fen = settlement.contractor_share_fen - settlement.deducted_fen
    shares = [(retained, settlement.deducted_fen), (claim, settlement.claimed_fen), (cost, company)]
    return [Posting(account, payable, share) for account, share in shares if share]


async def _told(
    session: AsyncSession,
    *,
    settlement: Settlement,
    kind: str,
    entry_id: UUID,
    actor: Principal,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Record the event for the property company and, of class A, those for the contractor."""
    paid = kind == "paid"
    more = {"entry_id": str(entry_id), "round": settlement.payments} | ({"reason": reason} if reason else {})
    account = {"account": settlement.paid_account_masked}
    await finish_settlement(
        session,
        settlement=settlement,
        kind=kind,
        part=Part.PAID if paid else Part.REVERSED,
        rules=_RULES,
        actor=actor,
        now=now,
        data=more | account,
    )
    events = (
        ("retention.deducted" if paid else "retention.deduction_reversed", settlement.deducted_fen),
        ("contractor.claim_raised" if paid else "contractor.claim_reversed", settlement.claimed_fen),
    )
    for name, amount in events:
        if amount:
            await timeline.record(
                session,
                kind=name,
                subject_kind="settlement",
                subject_id=settlement.id,
                ticket_id=settlement.ticket_id,
                project_id=settlement.project_id,
                firm_id=settlement.contractor_firm_id,
                actor=actor,
                now=now,
                rules=_RULES,
                data={"contract_id": str(settlement.contract_id), "amount_fen": amount, **more},
            )
