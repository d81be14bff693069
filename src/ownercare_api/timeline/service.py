"""The one door for history, audit and everything told to the outside."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.copying import copy_rows
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal, PrincipalKind
from ownercare_api.timeline import repository
from ownercare_api.timeline.models import Event


def name_of(actor: Principal) -> str:
    """Return the name that an event keeps of who did it: events can't be erased, so an owner is only 业主; the id says
    which."""
    return "业主" if actor.kind is PrincipalKind.OWNER else actor.name


async def record(
    session: AsyncConnection | AsyncSession,
    *,
    kind: str,
    subject_kind: str,
    subject_id: UUID,
    actor: Principal,
    now: datetime,
    ticket_id: UUID | None = None,
    project_id: UUID | None = None,
    firm_id: UUID | None = None,
    rules: tuple[str, ...] = (),
    data: dict[str, Any] | None = None,
) -> None:
    """Append an event in the caller's transaction. `data` holds JSON values: ids, codes, amounts, instants as text."""
    await session.execute(
        insert(Event).values(
            id=uuid7(),
            kind=kind,
            subject_kind=subject_kind,
            subject_id=subject_id,
            ticket_id=ticket_id,
            project_id=project_id,
            firm_id=firm_id,
            actor_kind=actor.kind.value,
            actor_id=actor.id,
            actor_name=name_of(actor),
            occurred_at=now,
            rules=list(rules),
            data=data or {},
        )
    )


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One of many events of the same moment and actor."""

    kind: str
    subject_kind: str
    subject_id: UUID
    project_id: UUID | None = None
    rules: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)


async def record_all(session: AsyncSession, *, events: Sequence[NewEvent], actor: Principal, now: datetime) -> None:
    """Append thousands of events at once, in their order; otherwise like `record`."""
    rows = [
        {
            "id": uuid7(),
            "kind": event.kind,
            "subject_kind": event.subject_kind,
            "subject_id": event.subject_id,
            "ticket_id": None,
            "project_id": event.project_id,
            "firm_id": None,
            "actor_kind": actor.kind.value,
            "actor_id": actor.id,
            "actor_name": actor.name,
            "occurred_at": now,
            "rules": list(event.rules),
            "data": event.data,
        }
        for event in events
    ]
    await copy_rows(session, Event, rows)


async def history(
    connection: AsyncConnection | AsyncSession,
    *,
    ticket_id: UUID,
    after: int | None,
    limit: int,
    firms: Collection[UUID] | None = None,
) -> list[Any]:
    """Return up to `limit + 1` events of a case, oldest first, for `cut(..., key=lambda row: (row.seq,))` and
    `views.show`. `after` is a sequence number; with `firms` only what concerns these partner firms (OWN-07). That the
    caller may see the case is for the room of tickets to check.
    """
    return await repository.history(connection, ticket_id=ticket_id, firms=firms, after=after, limit=limit)
