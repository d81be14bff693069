"""What every step of an account and of a settlement shares: lock, look, check, remember the hand, record."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.contractors import service as contractors
from ownercare_api.core.errors import NotFound
from ownercare_api.deadlines import views as deadlines
from ownercare_api.identity.principal import Principal
from ownercare_api.settlements import repository, views
from ownercare_api.settlements.lifecycle import (
    ACCOUNT_LIFECYCLE,
    AUDIT_SCOPES,
    SETTLEMENT_LIFECYCLE,
    AccountStatus,
    SettlementFacts,
    SettlementStatus,
)
from ownercare_api.settlements.lifecycle_parts import FOR_FIRMS, Part
from ownercare_api.settlements.models import FinalAccount, Settlement
from ownercare_api.timeline import service as timeline

_SCOPES = {
    Part.PREPARED: "accounts:file",
    Part.WRITTEN: "settlements:write",
    Part.NOTIFIED: "settlements:notify",
    Part.CORRECTED: "settlements:write",
    Part.DETERMINED: "settlements:certify",
    Part.CERTIFIED: "settlements:certify",
    Part.PAID: "settlements:pay",
    Part.REVERSED: "settlements:pay",
}
"""With which scope a person has a part; the audit's is that of the department."""


class FinalAccountNotFound(NotFound):
    """404: no such account, or not visible to the caller."""

    code = "final_account_not_found"
    zh, en = "决算书不存在,或您无权查看。", "There is no such final account, or you may not see it."


class SettlementNotFound(NotFound):
    """404: no such settlement, or not visible to the caller."""

    code = "settlement_not_found"
    zh, en = "结算书不存在,或您无权查看。", "There is no such settlement, or you may not see it."


@dataclass(frozen=True, slots=True)
class AccountStep:
    """A locked account whose step is allowed; `target` is its status afterwards."""

    account: FinalAccount
    row: Any
    target: AccountStatus


@dataclass(frozen=True, slots=True)
class SettlementStep:
    """A locked settlement whose step is allowed; `target` is its status afterwards."""

    settlement: Settlement
    facts: SettlementFacts
    target: SettlementStatus


async def begin_account(session: AsyncSession, *, account_id: UUID, step: str, principal: Principal) -> AccountStep:
    """Lock an account and check a step; raises `FinalAccountNotFound`, `OutOfReach`, `WrongStatus`, and the guards'."""
    account = await repository.lock_account(session, account_id=account_id, principal=principal)
    if account is None:
        raise FinalAccountNotFound
    row = await repository.account(session, account_id=account_id, principal=principal)
    assert row is not None
    scope = ACCOUNT_LIFECYCLE.steps[step].scope
    firm_ids = [account.firm_id] if scope in FOR_FIRMS else []
    principal.require(scope, project_id=account.project_id, firm_ids=firm_ids)
    target = ACCOUNT_LIFECYCLE.check(step, status=account.status, subject=views.account_facts(row), actor=principal)
    return AccountStep(account=account, row=row, target=target)


async def begin_settlement(
    session: AsyncSession, *, settlement_id: UUID, step: str, principal: Principal, now: datetime
) -> SettlementStep:
    """Lock a settlement and check a step; raises `SettlementNotFound`, `OutOfReach`, `WrongStatus`, and the guards'."""
    settlement = await repository.lock_settlement(session, settlement_id=settlement_id, principal=principal)
    if settlement is None:
        raise SettlementNotFound
    scope = SETTLEMENT_LIFECYCLE.steps[step].scope
    firm_ids = [settlement.firm_id, settlement.contractor_firm_id] if scope in FOR_FIRMS else []
    principal.require(scope, project_id=settlement.project_id, firm_ids=firm_ids)
    if step == "payment":
        await contractors.hold_account(session, firm_id=settlement.firm_id)
    facts = await facts_of(session, settlement=settlement, now=now)
    target = SETTLEMENT_LIFECYCLE.check(step, status=settlement.status, subject=facts, actor=principal)
    return SettlementStep(settlement=settlement, facts=facts, target=target)


async def facts_of(session: AsyncSession, *, settlement: Settlement, now: datetime) -> SettlementFacts:
    """Return what the guards look at for a settlement that is locked."""
    row = await repository.settlement(session, settlement_id=settlement.id, principal=None)
    clocks = await deadlines.of_subjects(session, subject_ids=[settlement.id], now=now)
    return views.settlement_facts(row, clocks.get(settlement.id, []))


async def finish_account(
    session: AsyncSession,
    *,
    account: FinalAccount,
    kind: str,
    part: Part | None,
    rules: tuple[str, ...],
    actor: Principal,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """Flush a changed account, remember the actor's hand in it, and record the event."""
    await session.flush()
    scope = AUDIT_SCOPES[account.department] if part in (None, Part.AUDITED) else _SCOPES[part]
    lent = await _hands(session, account.id, account, scope=scope, part=part, actor=actor)
    await timeline.record(
        session,
        kind=f"final_account.{kind}",
        subject_kind="final_account",
        subject_id=account.id,
        ticket_id=account.ticket_id,
        project_id=account.project_id,
        firm_id=account.firm_id,
        actor=actor,
        now=now,
        rules=rules,
        data={"number": account.number, "total_fen": account.total_fen} | lent | (data or {}),
    )


async def finish_settlement(
    session: AsyncSession,
    *,
    settlement: Settlement,
    kind: str,
    part: Part | None,
    rules: tuple[str, ...],
    actor: Principal,
    now: datetime,
    with_contractor: bool = False,
    data: dict[str, Any] | None = None,
) -> None:
    """Flush a changed settlement, remember the actor's hand in it, and record the event.

    A step `with_contractor` is told to the contractor, any other to the property company.
    """
    await session.flush()
    lent: dict[str, list[str]] = {}
    if part is not None:
        account_id = settlement.final_account_id
        lent = await _hands(session, account_id, settlement, scope=_SCOPES[part], part=part, actor=actor)
    await timeline.record(
        session,
        kind=f"settlement.{kind}",
        subject_kind="settlement",
        subject_id=settlement.id,
        ticket_id=settlement.ticket_id,
        project_id=settlement.project_id,
        firm_id=settlement.contractor_firm_id if with_contractor else settlement.firm_id,
        actor=actor,
        now=now,
        rules=rules,
        data={
            "number": settlement.number,
            "class": settlement.kind.value,
            "amount_fen": settlement.amount_fen,
            "contractor_share_fen": settlement.contractor_share_fen,
        }
        | lent
        | (data or {}),
    )


async def _hands(
    session: AsyncSession,
    account_id: UUID,
    subject: FinalAccount | Settlement,
    *,
    scope: str,
    part: Part | None,
    actor: Principal,
) -> dict[str, list[str]]:
    """Remember the hand of the actor and of who lent the authority; return the lender for the event."""
    project_id, firm_ids = subject.project_id, [subject.firm_id]
    if part is not None:
        for person in sorted(actor.acting(scope, project_id=project_id, firm_ids=firm_ids)):
            await repository.add_hand(session, account_id=account_id, person_id=person, part=part)
    return actor.on_behalf_of(scope, project_id=project_id, firm_ids=firm_ids)
