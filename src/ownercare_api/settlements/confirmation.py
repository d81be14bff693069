"""A class A settlement and its contractor: notice, answer, reminder, silence (FIN-07, reading 11)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import FieldError, Invalid
from ownercare_api.core.ids import uuid7
from ownercare_api.deadlines import service as deadlines
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.models import ClockKind, Deadline
from ownercare_api.deadlines.views import DeadlineState, in_state
from ownercare_api.identity.principal import SYSTEM, Principal
from ownercare_api.policies import service as policies
from ownercare_api.settlements.lifecycle import SETTLEMENT_LIFECYCLE, ContractorAnswer, SettlementStatus
from ownercare_api.settlements.lifecycle_parts import Part
from ownercare_api.settlements.models import ContractorReply, Settlement
from ownercare_api.settlements.steps import begin_settlement, facts_of, finish_settlement
from ownercare_api.tickets import service as tickets

_RULES = ("FIN-07",)
_CLOCKS = (ClockKind.CONTRACTOR_CONFIRMATION, ClockKind.CONTRACTOR_REMINDER)


class PartIsNotLess(Invalid):
    """422: a partial confirmation accepts less than what was asked."""

    code = "part_is_not_less"
    zh = "部分确认的金额须小于通知的金额。"
    en = "A partial confirmation accepts less than what was asked."
    rules = ("FIN-07",)


async def notify_contractor(
    session: AsyncSession, *, settlement_id: UUID, calendar: WorkingCalendar, principal: Principal, now: datetime
) -> Settlement:
    """Put a class A settlement to its contractor: it sees it from now on, and its time to confirm begins.

    Raises `SettlementNotFound`, `OutOfReach`, `WrongStatus`, `NotClassA`.
    """
    begun = await begin_settlement(
        session, settlement_id=settlement_id, step="contractor-notice", principal=principal, now=now
    )
    settlement = begun.settlement
    assert settlement.contractor_firm_id is not None
    settlement.status, settlement.notified_at = begun.target, now
    await tickets.share_with_firm(
        session,
        ticket_id=settlement.ticket_id,
        firm_id=settlement.contractor_firm_id,
        reason=f"结算书 {settlement.number} 通知施工单位确认",
        now=now,
    )
    await finish_settlement(
        session,
        settlement=settlement,
        kind="notified",
        part=Part.NOTIFIED,
        rules=_RULES,
        actor=principal,
        now=now,
        with_contractor=True,
    )
    await start_clock(
        session,
        settlement=settlement,
        kind=ClockKind.CONTRACTOR_CONFIRMATION,
        calendar=calendar,
        actor=principal,
        now=now,
    )
    return settlement


async def answer(
    session: AsyncSession,
    *,
    settlement_id: UUID,
    decision: ContractorAnswer,
    confirmed_fen: int | None,
    reason: str | None,
    principal: Principal,
    now: datetime,
) -> Settlement:
    """Take the contractor's answer; anything but a full confirmation makes it a dispute.

    Raises `SettlementNotFound`, `WrongStatus`, `NotTheContractor`, `PartIsNotLess`.
    """
    begun = await begin_settlement(
        session, settlement_id=settlement_id, step="contractor-confirmation", principal=principal, now=now
    )
    settlement = begun.settlement
    if confirmed_fen is not None and confirmed_fen >= settlement.contractor_share_fen:
        fault = FieldError("#/confirmed_amount_fen", PartIsNotLess.code, PartIsNotLess.zh, PartIsNotLess.en)
        raise PartIsNotLess(errors=(fault,))
    confirmed = decision is ContractorAnswer.CONFIRMED
    settlement.status = begun.target if confirmed else SettlementStatus.DISPUTED
    await _answered(
        session,
        settlement=settlement,
        answer=decision,
        confirmed_fen=confirmed_fen,
        reason=reason,
        actor=principal,
        now=now,
    )
    return settlement


async def remind(
    session: AsyncSession, *, settlement_id: UUID, calendar: WorkingCalendar, principal: Principal, now: datetime
) -> Settlement:
    """Remind a contractor whose time is over; its last time to answer begins. Raises `StillInTime`."""
    begun = await begin_settlement(session, settlement_id=settlement_id, step="reminder", principal=principal, now=now)
    settlement = begun.settlement
    settlement.status, settlement.reminded_at = begun.target, now
    await finish_settlement(
        session,
        settlement=settlement,
        kind="reminded",
        part=Part.NOTIFIED,
        rules=_RULES,
        actor=principal,
        now=now,
        with_contractor=True,
    )
    await start_clock(
        session, settlement=settlement, kind=ClockKind.CONTRACTOR_REMINDER, calendar=calendar, actor=principal, now=now
    )
    return settlement


async def deem_confirmed(
    session: AsyncSession, *, settlement_id: UUID, principal: Principal, now: datetime
) -> Settlement:
    """Record that a reminded contractor stayed silent: deemed confirmed. Raises `StillInTime`."""
    begun = await begin_settlement(
        session, settlement_id=settlement_id, step="deemed-confirmation", principal=principal, now=now
    )
    await _deem(session, settlement=begun.settlement, status=begun.target, actor=principal, now=now)
    return begun.settlement


async def deem_confirmed_when_silent(session: AsyncSession, *, now: datetime, limit: int = 100) -> int:
    """Do the same for every reminded contractor whose last time is over; for the worker. Returns how many.

    Settlements that somebody works on are left for the next tick.
    """
    silent = exists().where(
        Deadline.subject_id == Settlement.id,
        Deadline.kind == ClockKind.CONTRACTOR_REMINDER,
        in_state(DeadlineState.OVERDUE, now=now),
    )
    query = select(Settlement).where(Settlement.status == SettlementStatus.REMINDED, silent).order_by(Settlement.id)
    locked = query.limit(limit).with_for_update(of=Settlement, skip_locked=True)
    found = list(await session.scalars(locked.execution_options(populate_existing=True)))
    for settlement in found:
        facts = await facts_of(session, settlement=settlement, now=now)
        target = SETTLEMENT_LIFECYCLE.check(
            "deemed-confirmation", status=settlement.status, subject=facts, actor=SYSTEM
        )
        await _deem(session, settlement=settlement, status=target, actor=SYSTEM, now=now)
    return len(found)


async def start_clock(
    session: AsyncSession,
    *,
    settlement: Settlement,
    kind: ClockKind,
    calendar: WorkingCalendar,
    actor: Principal,
    now: datetime,
) -> None:
    """Start a clock of the contractor for the settlement's present round."""
    await deadlines.start(
        session,
        calendar=calendar,
        snapshot=await policies.snapshot(session, snapshot_id=settlement.policy_snapshot_id),
        kind=kind,
        started_at=now,
        subject_kind="settlement",
        subject_id=settlement.id,
        ticket_id=settlement.ticket_id,
        project_id=settlement.project_id,
        actor=actor,
        now=now,
        round_=settlement.round,
    )


async def _deem(
    session: AsyncSession, *, settlement: Settlement, status: SettlementStatus, actor: Principal, now: datetime
) -> None:
    settlement.status = status
    await _answered(
        session,
        settlement=settlement,
        answer=ContractorAnswer.DEEMED,
        confirmed_fen=None,
        reason=None,
        actor=actor,
        now=now,
    )


async def _answered(
    session: AsyncSession,
    *,
    settlement: Settlement,
    answer: ContractorAnswer,
    confirmed_fen: int | None,
    reason: str | None,
    actor: Principal,
    now: datetime,
) -> None:
    settlement.contractor_answer, settlement.answered_at = answer, now
    session.add(
        ContractorReply(
            id=uuid7(),
            settlement_id=settlement.id,
            round=settlement.round,
            asked_fen=settlement.contractor_share_fen,
            answer=answer,
            confirmed_fen=confirmed_fen,
            reason=reason,
            answered_by=actor.id,
            answered_by_name=actor.name,
            answered_at=now,
        )
    )
    # Silence ends both clocks late, which is the truth about them.
    await deadlines.stop(session, subject_id=settlement.id, kinds=_CLOCKS, at=now, actor=actor, now=now)
    kinds = {
        ContractorAnswer.CONFIRMED: "confirmed",
        ContractorAnswer.REFUSED: "refused",
        ContractorAnswer.PARTLY: "partly_confirmed",
        ContractorAnswer.DEEMED: "deemed_confirmed",
    }
    await finish_settlement(
        session,
        settlement=settlement,
        kind=kinds[answer],
        part=None,
        rules=_RULES,
        actor=actor,
        now=now,
        with_contractor=True,
        data={"round": settlement.round, "confirmed_fen": confirmed_fen},
    )
