"""The one door for history, audit and everything told to the outside."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
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
