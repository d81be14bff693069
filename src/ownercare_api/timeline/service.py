"""The one door for history, audit and everything told to the outside."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.timeline import repository
from ownercare_api.timeline.models import Event


async def record(
    session: AsyncSession,
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
            actor_name=actor.name,
            occurred_at=now,
            rules=list(rules),
            data=data or {},
        )
    )


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
