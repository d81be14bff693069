"""What a clock looks like in an answer: its due time, its state now, and where its reason is explained."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.wire import Outward
from ownercare_api.deadlines.models import Deadline


class DeadlineState(StrEnum):
    """How a clock stands at an instant."""

    RUNNING = "running"
    OVERDUE = "overdue"
    MET = "met"
    LATE = "late"
    CANCELLED = "cancelled"


class DeadlineRead(Outward):
    """A clock of a case (reading 3)."""

    id: UUID
    kind: str = Field(examples=["site_survey"])
    round: int
    rule: str = Field(examples=["REP-02"])
    started_at: datetime
    due_at: datetime
    original_due_at: datetime
    stopped_at: datetime | None
    state: DeadlineState
    held_since: datetime | None = Field(default=None, description="it stands still since then (暂停计时)")
    provisional: bool = Field(description="touches days of a year without an official notice")
    why: str = Field(
        description="where the policy value and the counted days are explained", examples=["/v1/deadlines/…"]
    )


COLUMNS = [
    Deadline.id,
    Deadline.subject_id,
    Deadline.kind,
    Deadline.round,
    Deadline.rule,
    Deadline.started_at,
    Deadline.due_at,
    Deadline.original_due_at,
    Deadline.stopped_at,
    Deadline.cancelled_at,
    Deadline.provisional,
    Deadline.held_since,
]


def state_of(
    *,
    due_at: datetime,
    stopped_at: datetime | None,
    cancelled_at: datetime | None,
    now: datetime,
    held_since: datetime | None = None,
) -> DeadlineState:
    """Return how a clock stands; exactly at its due time it is still in time, and so is one that stands still."""
    if cancelled_at is not None:
        return DeadlineState.CANCELLED
    if stopped_at is not None:
        return DeadlineState.MET if held_since is not None or stopped_at <= due_at else DeadlineState.LATE
    return DeadlineState.RUNNING if held_since is not None or now <= due_at else DeadlineState.OVERDUE


def in_state(state: DeadlineState, *, now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Return the same as `state_of` as a condition on `deadline`; `now` may be a parameter."""
    is_open = and_(Deadline.stopped_at.is_(None), Deadline.cancelled_at.is_(None))
    held = Deadline.held_since.is_not(None)
    return {
        DeadlineState.RUNNING: and_(is_open, or_(held, Deadline.due_at >= now)),
        DeadlineState.OVERDUE: and_(is_open, ~held, Deadline.due_at < now),
        DeadlineState.MET: and_(Deadline.stopped_at.is_not(None), or_(held, Deadline.stopped_at <= Deadline.due_at)),
        DeadlineState.LATE: and_(Deadline.stopped_at.is_not(None), ~held, Deadline.stopped_at > Deadline.due_at),
        DeadlineState.CANCELLED: Deadline.cancelled_at.is_not(None),
    }[state]


def show(row: Any, *, now: datetime) -> DeadlineRead:
    """Return the representation of a clock from its row or object."""
    return DeadlineRead(
        id=row.id,
        kind=str(row.kind),
        round=row.round,
        rule=row.rule,
        started_at=row.started_at,
        due_at=row.due_at,
        original_due_at=row.original_due_at,
        stopped_at=row.stopped_at,
        state=state_of(
            due_at=row.due_at,
            stopped_at=row.stopped_at,
            cancelled_at=row.cancelled_at,
            now=now,
            held_since=row.held_since,
        ),
        held_since=row.held_since if row.stopped_at is None and row.cancelled_at is None else None,
        provisional=row.provisional,
        why=f"/v1/deadlines/{row.id}",
    )


async def of_subjects(
    connection: AsyncConnection | AsyncSession, *, subject_ids: Collection[UUID], now: datetime
) -> dict[UUID, list[DeadlineRead]]:
    """Return the clocks of some subjects, oldest first, in one statement."""
    found: dict[UUID, list[DeadlineRead]] = defaultdict(list)
    query = select(*COLUMNS).where(Deadline.subject_id.in_(list(subject_ids))).order_by(Deadline.id)
    for row in await connection.execute(query):
        found[row.subject_id].append(show(row, now=now))
    return found
