"""What an import and an export have in common: each step is on the timeline, and the worker does the long ones."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core import jobs
from ownercare_api.exchange.models import RosterExport, RosterImport
from ownercare_api.identity.principal import Principal
from ownercare_api.timeline import service as timeline

_ABOUT: dict[type[RosterImport | RosterExport], tuple[str, tuple[str, ...]]] = {
    RosterImport: ("import", ("OWN-04", "OWN-12")),
    RosterExport: ("export", ("OWN-07",)),
}


async def record(
    session: AsyncSession,
    found: RosterImport | RosterExport,
    *,
    step: str,
    actor: Principal,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """Record a step as `import.<step>` or `export.<step>`."""
    subject, rules = _ABOUT[type(found)]
    await timeline.record(
        session,
        kind=f"{subject}.{step}",
        subject_kind=subject,
        subject_id=found.id,
        actor=actor,
        now=now,
        project_id=found.project_id,
        rules=rules,
        data=data,
    )


async def queue(
    session: AsyncSession, found: RosterImport | RosterExport, *, kind: str, requester_id: UUID, now: datetime
) -> UUID:
    """Hand a long step to the worker; returns the job's id."""
    subject, _ = _ABOUT[type(found)]
    return await jobs.enqueue_for(
        session,
        kind=kind,
        args={f"{subject}_id": str(found.id)},
        run_at=now,
        requester_id=requester_id,
        project_id=found.project_id,
        unit="rows",
    )
