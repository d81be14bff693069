"""What events look like in answers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from ownercare_api.core.errors import Language
from ownercare_api.core.wire import Outward
from ownercare_api.timeline.sentences import sentence


class ActorRead(Outward):
    """Who did it."""

    kind: str = Field(description="staff, firm_user, client or system", examples=["staff"])
    id: UUID
    name: str = Field(examples=["周晓岚"])


class EventRead(Outward):
    """Something that happened, never changed afterwards (CMP-14)."""

    id: UUID
    kind: str = Field(examples=["ticket.registered"])
    sentence: str = Field(description="for people, in the caller's language", examples=["周晓岚 登记了工单"])
    subject_kind: str = Field(examples=["ticket"])
    subject_id: UUID
    ticket_id: UUID | None = Field(description="the case it belongs to")
    project_id: UUID | None
    actor: ActorRead
    occurred_at: datetime
    rules: list[str] = Field(examples=[["CHN-03"]])
    data: dict[str, Any] = Field(description="facts of this kind of event: ids, codes, amounts, instants")


class ChangesRead(Outward):
    """A stretch of the events."""

    items: list[EventRead]
    next_after: str = Field(description="pass it as `after` the next time; keep it, also when there are no items")
    has_more: bool = Field(description="true: ask again at once; false: all there is for now")


def show(row: Any, *, language: Language) -> dict[str, Any]:
    """Return the fields of `EventRead` for a row of `repository.COLUMNS`."""
    return {
        "id": row.id,
        "kind": row.kind,
        "sentence": sentence(kind=row.kind, actor=row.actor_name, data=row.data, language=language),
        "subject_kind": row.subject_kind,
        "subject_id": row.subject_id,
        "ticket_id": row.ticket_id,
        "project_id": row.project_id,
        "actor": {"kind": row.actor_kind, "id": row.actor_id, "name": row.actor_name},
        "occurred_at": row.occurred_at,
        "rules": row.rules,
        "data": row.data,
    }
