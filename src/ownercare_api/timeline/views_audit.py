"""What the audit trail looks like in answers."""

import base64
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from ownercare_api.core.errors import Language
from ownercare_api.core.wire import Outward
from ownercare_api.timeline import views
from ownercare_api.timeline.verifying_faults import FAULTS
from ownercare_api.timeline.views import EventRead


class AuditEventRead(EventRead):
    """An event and its place in the sealed chain."""

    seq: int = Field(description="number in the table of events (序号)", examples=[10482])
    firm_id: UUID | None = Field(description="the partner firm that may see it too")
    sealed: bool = Field(description="part of the signed chain; false for the first seconds (已封存)")
    position: int | None = Field(description="place in the chain", examples=[10513])
    sealed_at: datetime | None = Field(description="when it was sealed: later than it says it happened, by seconds")


class DenialActorRead(Outward):
    """Who was refused."""

    kind: str = Field(examples=["staff"])
    id: UUID
    name: str | None = Field(description="present name; null for owners", examples=["周晓岚"])


class DenialRead(Outward):
    """Something that was refused, or several such things at once (拒绝记录)."""

    seq: int
    at: datetime
    actor: DenialActorRead | None = Field(description="null: nobody known, such as a failed login")
    operation: str | None = Field(description="null where `count` stands for several", examples=["owners_read"])
    method: str | None = Field(examples=["GET"])
    path: str | None = Field(description="template of the operation", examples=["/v1/owners/{owner_id}"])
    status: int = Field(description="HTTP status", examples=[404])
    code: str = Field(description="problem code; `many`: several, see `count`", examples=["owner_not_found"])
    project_id: UUID | None
    subject_id: UUID | None = Field(description="the id that was asked for")
    request_id: str | None
    source: str | None = Field(description="keyed digest of the caller's address: the same for the same one")
    count: int = Field(description="how many refusals the row stands for", examples=[1])
    sealed: bool
    position: int | None
    sealed_at: datetime | None


class CheckpointRead(Outward):
    """A signed end of a batch (检查点). Keep `head` elsewhere: `ownercare audit verify --expect` holds it against the
    chain."""

    number: int
    head: str = Field(description="position and digest", examples=["10513:9f86d081…"])
    entries: int = Field(description="links since the checkpoint before")
    at: datetime
    key_id: str = Field(examples=["3f1c0d8a5b7e9024"])
    signature: str = Field(description="Ed25519, base64")


class VerificationRead(Outward):
    """What the worker's daily verification has found so far (核验)."""

    began_at: datetime
    at: datetime
    result: Literal["running", "intact", "broken"]
    position: int = Field(description="verified up to here")
    entries: int
    seconds: float
    fault: str | None = Field(description="code of the first fault", examples=["row_changed"])
    fault_text: str | None = Field(description="the fault in the caller's language", examples=["内容被改动"])
    fault_position: int | None
    fault_stream: str | None = Field(description="`event` or `denial`")
    fault_seq: int | None


class AuditStatusRead(Outward):
    """How the audit trail is doing (审计状态)."""

    head: str | None = Field(description="of the last checkpoint; null: nothing sealed yet")
    sealed_at: datetime | None
    waiting: int = Field(description="complete rows that are not sealed yet, up to 20,000 (待封存)")
    lag_seconds: float = Field(description="for how long the oldest of them waits (封存延迟)")
    verification: VerificationRead | None = Field(description="null: none yet")


def show_event(row: Any, *, language: Language) -> dict[str, Any]:
    """Return the fields of `AuditEventRead`."""
    return {**views.show(row, language=language), "seq": row.seq, "firm_id": row.firm_id, **_place(row)}


def show_denial(row: Any) -> dict[str, Any]:
    """Return the fields of `DenialRead`."""
    same = ("seq", "at", "operation", "method", "path", "status", "code", "project_id", "subject_id", "request_id")
    actor = None
    if row.actor_id is not None:
        actor = {"kind": row.actor_kind, "id": row.actor_id, "name": row.actor_name}
    return {
        **{name: getattr(row, name) for name in same},
        "actor": actor,
        "source": None if row.source is None else bytes(row.source).hex(),
        "count": row._mapping["count"],
        **_place(row),
    }


def show_checkpoint(row: Any) -> dict[str, Any]:
    """Return the fields of `CheckpointRead`."""
    return {
        "number": row.number,
        "head": f"{row.position}:{bytes(row.digest).hex()}",
        "entries": row.entries,
        "at": row.at,
        "key_id": row.key_id,
        "signature": base64.b64encode(bytes(row.signature)).decode(),
    }


def _place(row: Any) -> dict[str, Any]:
    return {"sealed": row.position is not None, "position": row.position, "sealed_at": row.sealed_at}


def show_verification(row: Any, *, language: Language) -> VerificationRead:
    """Return the last stretch of a verification."""
    broken = row.fault_code is not None
    words = FAULTS.get(row.fault_code)
    return VerificationRead(
        began_at=row.began_at,
        at=row.at,
        result="broken" if broken else "intact" if row.complete else "running",
        position=row.position,
        entries=row.entries,
        seconds=row.milliseconds / 1000,
        fault=row.fault_code,
        fault_text=None if words is None else words[0 if language == "zh-CN" else 1],
        fault_position=row.fault_position,
        fault_stream=row.fault_stream,
        fault_seq=row.fault_seq,
    )
