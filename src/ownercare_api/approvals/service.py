"""Use cases of the approvals: ask for one, decide in a seat, withdraw; the room knows no subject type."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.approvals import repository
from ownercare_api.approvals.chain import Chain, Reason, Seat, Taken, reason, route, scope_of
from ownercare_api.approvals.models import Approval, ApprovalMaker, ApprovalStatus, ApprovalStep, Decision
from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import FieldError, Invalid, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.core.numbers import next_number
from ownercare_api.deadlines import service as deadlines
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.clocks import APPROVAL_EMERGENCY, CLOCKS
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.identity.principal import Principal, PrincipalKind
from ownercare_api.policies import service as policies
from ownercare_api.policies.service import Snapshot
from ownercare_api.timeline import service as timeline

__all__ = [
    "ApprovalHooks",
    "ApprovalNotFound",
    "CommentRequired",
    "OnDecided",
    "Reason",
    "Seat",
    "decide",
    "edited",
    "reason",
    "request",
    "route",
    "withdraw",
]

READ = "approvals:read"
LENT = "lent_authority"
"""The part of one whose lent authority decided in a seat."""

OnDecided = Callable[[AsyncSession, Approval, Principal, datetime], Awaitable[None]]
"""Told once, in the same transaction, when a request ends: `approval.status` is approved or rejected."""


@dataclass(frozen=True)
class ApprovalHooks:
    """Who is told of a decision, by `subject_kind`; plugged together by the composition roots."""

    on_decided: Mapping[str, OnDecided] = field(default_factory=dict)


class ApprovalNotFound(NotFound):
    """404: no such request, or not visible to the caller."""

    code = "approval_not_found"
    zh, en = "没有此审批单,或您无权查看。", "There is no such approval request, or you may not see it."


class CommentRequired(Invalid):
    """422: a rejection says why."""

    code = "comment_required"
    zh, en = "驳回时必须填写意见。", "A rejection needs a comment."
    rules = ("FIN-01", "FIN-02", "FIN-03")


async def request(
    session: AsyncSession,
    *,
    subject_kind: str,
    subject_id: UUID,
    ticket_id: UUID | None,
    project_id: UUID,
    title: str,
    amount_fen: int,
    total_fen: int,
    emergency: bool,
    snapshot: Snapshot,
    calendar: WorkingCalendar,
    makers: Mapping[UUID, str],
    actor: Principal,
    now: datetime,
) -> Approval:
    """Ask for approval of an amount; a pending request about the same subject is superseded (reading 10).

    `total_fen` is the whole repair with this amount in it; it chooses the seats (reading 7). `makers` maps the people
    who prepared, estimated or edited the thing to what they did; `actor` and the makers of a superseded request are
    added. The APPROVAL clock runs for the whole request (`approval.decision_workdays`, in an emergency
    `approval.emergency_workdays`). The caller holds the subject's row lock.
    """
    people = {actor.id: "requested"} if actor.kind in _PEOPLE else {}
    people |= makers
    people = await _supersede(session, subject_id=subject_id, actor=actor, now=now) | people
    why = reason(snapshot, total_fen)
    approval = Approval(
        id=uuid7(),
        number=await next_number(session, kind="SP", day=business_date(now)),
        subject_kind=subject_kind,
        subject_id=subject_id,
        ticket_id=ticket_id,
        project_id=project_id,
        title=title,
        amount_fen=amount_fen,
        total_fen=total_fen,
        emergency=emergency,
        status=ApprovalStatus.PENDING,
        policy_snapshot_id=snapshot.id,
        requested_by=actor.id,
        requested_at=now,
    )
    session.add(approval)
    await session.flush()
    seats = route(snapshot, total_fen)
    session.add_all(
        ApprovalStep(id=uuid7(), approval_id=approval.id, position=position, kind=seat.kind, tier=seat.tier)
        for position, seat in enumerate(seats, start=1)
    )
    session.add_all(
        ApprovalMaker(approval_id=approval.id, account_id=account, part=part) for account, part in people.items()
    )
    await session.flush()
    await deadlines.start(
        session,
        calendar=calendar,
        snapshot=snapshot,
        kind=ClockKind.APPROVAL,
        started_at=now,
        subject_kind="approval",
        subject_id=approval.id,
        ticket_id=ticket_id,
        project_id=project_id,
        actor=actor,
        now=now,
        clock_rule=APPROVAL_EMERGENCY if emergency else replace(CLOCKS[ClockKind.APPROVAL], rule=why.rule),
    )
    await _record(
        session,
        approval,
        "approval.requested",
        actor=actor,
        now=now,
        rules=(why.rule, "CMP-04") if emergency else (why.rule,),
        more={
            "number": approval.number,
            "amount_fen": amount_fen,
            "total_fen": total_fen,
            "route": [seat.tier.value for seat in seats],
            "policy_key": why.policy_key,
            "policy_value": why.value_fen,
            "policy_snapshot_id": str(snapshot.id),
        },
    )
    return approval


async def decide(
    session: AsyncSession,
    *,
    approval_id: UUID,
    decision: Decision,
    comment: str | None,
    hooks: ApprovalHooks,
    actor: Principal,
    now: datetime,
) -> Approval:
    """Decide in the seat whose turn it is. The last approval, or any rejection, ends the request and tells its subject.

    Raises `CommentRequired`, `ApprovalNotFound`, `WrongTier`, `OutOfReach`, `PersonRequired`, `OwnWork`,
    `AlreadyDecided`, `OutOfTurn`, `TwoPeople`, and what the subject's hook raises.
    """
    if decision is Decision.REJECTED and not comment:
        fault = FieldError("#/comment", "missing", "驳回时必须填写意见。", "A rejection needs a comment.")
        raise CommentRequired(errors=(fault,))
    approval = await repository.lock_visible(session, approval_id=approval_id, principal=actor, scope=READ)
    if approval is None:
        raise ApprovalNotFound
    steps = await repository.steps(session, approval_id=approval.id)
    makers = await repository.makers(session, approval_id=approval.id)
    taken = _chain(approval, steps, makers).check(actor)
    step = next(step for step in steps if step.position == taken.position)
    step.decision, step.comment = decision, comment
    step.decided_by, step.decided_by_name, step.decided_at = actor.id, actor.name, now
    # Who lent the authority has used it up: the other seat is another person's.
    scope = scope_of(step.tier)
    await add_makers(
        session, approval, persons=actor.acting(scope, project_id=approval.project_id) - {actor.id}, part=LENT
    )
    approval.updated_at = now  # the version rises also where only a seat was taken
    ends = decision is Decision.REJECTED or step is steps[-1]
    if ends:
        approval.status = ApprovalStatus.REJECTED if decision is Decision.REJECTED else ApprovalStatus.APPROVED
        approval.decided_at = now
    await session.flush()
    why = reason(await policies.snapshot(session, snapshot_id=approval.policy_snapshot_id), approval.total_fen)
    seat = {"position": step.position, "tier": step.tier.value, "decision": decision.value}
    lent = actor.on_behalf_of(scope, project_id=approval.project_id)
    await _record(session, approval, "approval.decided", actor=actor, now=now, rules=(why.rule,), more={**seat, **lent})
    if ends:
        await deadlines.stop(session, subject_id=approval.id, kinds=(ClockKind.APPROVAL,), at=now, actor=actor, now=now)
        kind = f"approval.{approval.status.value}"
        await _record(session, approval, kind, actor=actor, now=now, rules=(why.rule,), more=lent)
        # No listener is a fault of the wiring: a decision that its subject never hears of must not be committed.
        await hooks.on_decided[approval.subject_kind](session, approval, actor, now)
        await session.flush()
    return approval


async def add_makers(session: AsyncSession, approval: Approval, *, persons: Collection[UUID], part: str) -> None:
    """Add people to those who may not decide a request any more: they edited its subject, or lent a seat."""
    known = {maker.account_id for maker in await repository.makers(session, approval_id=approval.id)}
    session.add_all(
        ApprovalMaker(approval_id=approval.id, account_id=person, part=part) for person in sorted(set(persons) - known)
    )
    await session.flush()


async def edited(session: AsyncSession, *, subject_id: UUID, persons: Collection[UUID], now: datetime) -> None:
    """Note who edited the subject of a pending request: they don't decide it (reading 10)."""
    approval = await repository.lock_pending(session, subject_id=subject_id)
    if approval is not None:
        await add_makers(session, approval, persons=persons, part="edited")
        approval.updated_at = now


async def withdraw(session: AsyncSession, *, subject_id: UUID, actor: Principal, now: datetime) -> Approval | None:
    """End the pending request about a subject that was cancelled; returns it, or None where none was pending."""
    approval = await repository.lock_pending(session, subject_id=subject_id)
    if approval is not None:
        await _end(session, approval, ApprovalStatus.WITHDRAWN, actor=actor, now=now)
    return approval


_PEOPLE = (PrincipalKind.STAFF, PrincipalKind.FIRM_USER)


async def _supersede(session: AsyncSession, *, subject_id: UUID, actor: Principal, now: datetime) -> dict[UUID, str]:
    """End a pending request about the subject; return its makers, who stay makers of the next one."""
    earlier = await repository.lock_pending(session, subject_id=subject_id)
    if earlier is None:
        return {}
    await _end(session, earlier, ApprovalStatus.SUPERSEDED, actor=actor, now=now)
    return {maker.account_id: maker.part for maker in await repository.makers(session, approval_id=earlier.id)}


async def _end(
    session: AsyncSession, approval: Approval, status: ApprovalStatus, *, actor: Principal, now: datetime
) -> None:
    approval.status = status
    await session.flush()
    await deadlines.cancel(session, subject_id=approval.id, actor=actor, now=now)
    why = reason(await policies.snapshot(session, snapshot_id=approval.policy_snapshot_id), approval.total_fen)
    await _record(session, approval, f"approval.{status.value}", actor=actor, now=now, rules=(why.rule,))


def _chain(approval: Approval, steps: Sequence[ApprovalStep], makers: Sequence[ApprovalMaker]) -> Chain:
    return Chain(
        status=approval.status,
        project_id=approval.project_id,
        seats=[Taken(step.position, step.tier, step.decision, step.decided_by) for step in steps],
        makers=frozenset(maker.account_id for maker in makers),
    )


async def _record(
    session: AsyncSession,
    approval: Approval,
    kind: str,
    *,
    actor: Principal,
    now: datetime,
    rules: tuple[str, ...],
    more: Mapping[str, object] | None = None,
) -> None:
    await timeline.record(
        session,
        kind=kind,
        subject_kind="approval",
        subject_id=approval.id,
        ticket_id=approval.ticket_id,
        project_id=approval.project_id,
        actor=actor,
        now=now,
        rules=rules,
        data={"about": approval.subject_kind, "about_id": str(approval.subject_id), **(more or {})},
    )
