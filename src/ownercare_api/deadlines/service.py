"""Use cases of the clocks: start, stop, cancel, extend, hold; all with their events."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import Conflict
from ownercare_api.core.ids import uuid7
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.clocks import ClockRule, of_policy, plan, rung_at
from ownercare_api.deadlines.due import HeldInterval, Term, Unit, due_after_holds
from ownercare_api.deadlines.models import ClockKind, Deadline, Hold
from ownercare_api.identity.principal import Principal
from ownercare_api.policies import service as policies
from ownercare_api.policies.service import Snapshot
from ownercare_api.timeline import service as timeline


class AlreadyHeld(Conflict):
    """409: the case is on hold already."""

    code = "already_held"
    zh, en = "该事项已处于暂停计时状态。", "It is on hold already."


class NotHeld(Conflict):
    """409: the case is not on hold."""

    code = "not_held"
    zh, en = "该事项未处于暂停计时状态。", "It is not on hold."


async def start(
    session: AsyncSession,
    *,
    calendar: WorkingCalendar,
    snapshot: Snapshot,
    kind: ClockKind,
    started_at: datetime,
    subject_kind: str,
    subject_id: UUID,
    ticket_id: UUID | None,
    project_id: UUID,
    actor: Principal,
    now: datetime,
    clock_rule: ClockRule | None = None,
    round_: int = 1,
) -> Deadline:
    """Start a clock and record it. `round_` is 1, and one more for each reopening (reading 3).

    It may start in the past: holds of its subject since then count, and one that is open holds it too.
    """
    ended, open_hold = await holds_of(session, subject_id=subject_id)
    row = plan(
        calendar=calendar,
        snapshot=snapshot,
        kind=kind,
        started_at=started_at,
        subject_kind=subject_kind,
        subject_id=subject_id,
        ticket_id=ticket_id,
        project_id=project_id,
        clock_rule=clock_rule,
        round_=round_,
        holds=ended,
    )
    deadline = Deadline(**row)
    _stand_still_in(deadline, open_hold)
    session.add(deadline)
    await session.flush()
    await record(session, deadline, "deadline.started", actor=actor, now=now)
    return deadline


async def running(session: AsyncSession, *, subject_id: UUID, kinds: Collection[ClockKind] = ()) -> list[Deadline]:
    """Return and lock the clocks of a subject that are neither stopped nor cancelled, oldest first."""
    query = select(Deadline).where(
        Deadline.subject_id == subject_id, Deadline.stopped_at.is_(None), Deadline.cancelled_at.is_(None)
    )
    if kinds:
        query = query.where(Deadline.kind.in_(kinds))
    query = query.order_by(Deadline.id).with_for_update().execution_options(populate_existing=True)
    return list(await session.scalars(query))


async def stop(
    session: AsyncSession,
    *,
    subject_id: UUID,
    kinds: Collection[ClockKind],
    at: datetime,
    actor: Principal,
    now: datetime,
) -> list[Deadline]:
    """Stop the running clocks of these kinds: what they were for has happened `at`. Returns them.

    At its due time a clock is in time, a microsecond later it is late; one that stands still is in time.
    """
    stopped = await running(session, subject_id=subject_id, kinds=kinds)
    for deadline in stopped:
        deadline.stopped_at, deadline.next_alert_at = at, None
        in_time = deadline.held_since is not None or at <= deadline.due_at
        await record(session, deadline, "deadline.met" if in_time else "deadline.late", actor=actor, now=now)
    await session.flush()
    return stopped


async def cancel(
    session: AsyncSession, *, subject_id: UUID, kinds: Collection[ClockKind] = (), actor: Principal, now: datetime
) -> None:
    """Cancel running clocks: what they were for is no longer owed."""
    for deadline in await running(session, subject_id=subject_id, kinds=kinds):
        deadline.cancelled_at, deadline.next_alert_at = now, None
        await record(session, deadline, "deadline.cancelled", actor=actor, now=now)
    await session.flush()


async def move(
    session: AsyncSession,
    *,
    deadline: Deadline,
    due_at: datetime,
    provisional: bool,
    calendar: WorkingCalendar,
    why: str,
    actor: Principal,
    now: datetime,
) -> None:
    """Move a due time and re-arm the ladder; `why` is `extension`, `hold` or `official_calendar` and nothing else.

    A new due time has a ladder of its own, but after a hold the rungs that were reached stay reached (reading 3).
    """
    before = deadline.due_at
    deadline.due_at, deadline.provisional = due_at, provisional
    if why != "hold":
        deadline.alerts_fired = 0
    ended, _ = await holds_of(session, subject_id=deadline.subject_id)
    await arm(session, deadline=deadline, calendar=calendar, holds=ended)
    await session.flush()
    await record(
        session, deadline, "deadline.moved", actor=actor, now=now, more={"from": before.isoformat(), "because": why}
    )


async def arm(
    session: AsyncSession, *, deadline: Deadline, calendar: WorkingCalendar, holds: Sequence[HeldInterval]
) -> None:
    """Set when the next rung of the ladder is due; never while the clock stands still. `holds` are the ended ones."""
    snapshot = await policies.snapshot(session, snapshot_id=deadline.policy_snapshot_id)
    deadline.next_alert_at = (
        None
        if deadline.held_since is not None
        else rung_at(
            calendar=of_policy(calendar, snapshot),
            ladder=snapshot.values["escalation.ladder"],
            rung=deadline.alerts_fired,
            started_at=deadline.started_at,
            due_at=deadline.due_at,
            unit=Unit(deadline.unit),
            holds=holds,
        )
    )


async def hold(
    session: AsyncSession,
    *,
    subject_kind: str,
    subject_id: UUID,
    ticket_id: UUID | None,
    project_id: UUID,
    reason: str,
    actor: Principal,
    now: datetime,
) -> Hold:
    """Stop a subject's clocks from counting until `release`; nothing is reset (reading 3). Raises `AlreadyHeld`."""
    if await _open_hold(session, subject_id) is not None:
        raise AlreadyHeld
    held = Hold(
        id=uuid7(), subject_kind=subject_kind, subject_id=subject_id, reason=reason, started_at=now, started_by=actor.id
    )
    session.add(held)
    for deadline in await running(session, subject_id=subject_id):
        _stand_still_in(deadline, HeldInterval(now, None))
    await session.flush()
    await timeline.record(
        session,
        kind="hold.started",
        subject_kind=subject_kind,
        subject_id=subject_id,
        ticket_id=ticket_id,
        project_id=project_id,
        actor=actor,
        now=now,
        data={"hold_id": str(held.id), "reason": reason},
    )
    return held


async def release(
    session: AsyncSession,
    *,
    calendar: WorkingCalendar,
    subject_id: UUID,
    ticket_id: UUID | None,
    project_id: UUID,
    actor: Principal,
    now: datetime,
) -> Hold:
    """End a hold; every clock that stood still is due later by that time. Raises `NotHeld`."""
    held = await _open_hold(session, subject_id)
    if held is None:
        raise NotHeld
    held.ended_at, held.ended_by = now, actor.id
    await session.flush()
    await timeline.record(
        session,
        kind="hold.ended",
        subject_kind=held.subject_kind,
        subject_id=subject_id,
        ticket_id=ticket_id,
        project_id=project_id,
        actor=actor,
        now=now,
        data={"hold_id": str(held.id), "started_at": held.started_at.isoformat()},
    )
    for deadline in await running(session, subject_id=subject_id):
        if deadline.held_since is not None:
            await recompute(session, deadline=deadline, calendar=calendar, why="hold", actor=actor, now=now)
    return held


async def extend(
    session: AsyncSession,
    *,
    deadline: Deadline,
    by: int,
    calendar: WorkingCalendar,
    actor: Principal,
    now: datetime,
) -> None:
    """Add to a running clock, in its own unit; the original due time stays (reading 4). The caller checks consent."""
    deadline.extended_by += by
    await recompute(session, deadline=deadline, calendar=calendar, why="extension", actor=actor, now=now)


async def recompute(
    session: AsyncSession, *, deadline: Deadline, calendar: WorkingCalendar, why: str, actor: Principal, now: datetime
) -> bool:
    """Compute when a running clock is due, and move it there; says whether it moved.

    A hold that is still open is left out: it moves the clock when it ends. The ladder is armed anew in any case.
    """
    snapshot = await policies.snapshot(session, snapshot_id=deadline.policy_snapshot_id)
    ended, open_hold = await holds_of(session, subject_id=deadline.subject_id)
    found = due_after_holds(
        calendar=of_policy(calendar, snapshot),
        started_at=deadline.started_at,
        term=Term(deadline.policy_value + deadline.extended_by, Unit(deadline.unit)),
        holds=ended,
    )
    assert found is not None  # only an open hold leaves it open
    deadline.held_since = None
    _stand_still_in(deadline, open_hold, due_at=found.due_at)
    if found.due_at == deadline.due_at:
        deadline.provisional = found.provisional
        await arm(session, deadline=deadline, calendar=calendar, holds=ended)
        await session.flush()
        return False
    await move(
        session,
        deadline=deadline,
        due_at=found.due_at,
        provisional=found.provisional,
        calendar=calendar,
        why=why,
        actor=actor,
        now=now,
    )
    return True


async def holds_of(session: AsyncSession, *, subject_id: UUID) -> tuple[list[HeldInterval], HeldInterval | None]:
    """Return a subject's ended holds, and the one that is open."""
    found = await session.execute(select(Hold.started_at, Hold.ended_at).where(Hold.subject_id == subject_id))
    intervals = [HeldInterval(row.started_at, row.ended_at) for row in found]
    open_ones = [interval for interval in intervals if interval.to_at is None]
    return [interval for interval in intervals if interval.to_at is not None], open_ones[0] if open_ones else None


def _stand_still_in(deadline: Deadline, hold: HeldInterval | None, *, due_at: datetime | None = None) -> None:
    """Let a clock stand still in an open hold, unless it had run out before: such a clock goes on escalating."""
    if hold is not None and hold.from_at < (due_at or deadline.due_at):
        deadline.held_since, deadline.next_alert_at = hold.from_at, None


async def _open_hold(session: AsyncSession, subject_id: UUID) -> Hold | None:
    return await session.scalar(
        select(Hold).where(Hold.subject_id == subject_id, Hold.ended_at.is_(None)).with_for_update()
    )


async def record(
    session: AsyncSession,
    deadline: Deadline,
    kind: str,
    *,
    actor: Principal,
    now: datetime,
    more: dict[str, str] | None = None,
) -> None:
    await timeline.record(
        session,
        kind=kind,
        subject_kind=deadline.subject_kind,
        subject_id=deadline.subject_id,
        ticket_id=deadline.ticket_id,
        project_id=deadline.project_id,
        actor=actor,
        now=now,
        rules=(deadline.rule,),
        data={
            "deadline_id": str(deadline.id),
            "clock": deadline.kind.value,
            "due_at": deadline.due_at.isoformat(),
            **(more or {}),
        },
    )
