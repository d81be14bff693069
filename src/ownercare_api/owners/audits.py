"""Use cases: owners' records are checked for truth and accuracy at intervals (信息审核, OWN-06)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import FieldError, Invalid
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.owners.models_changes import AuditOutcome, InformationAudit, OwnerChange, Verification
from ownercare_api.owners.service import Connection, owner_for_change, projects_of
from ownercare_api.policies import service as policies
from ownercare_api.policies.catalogue import FACTORY
from ownercare_api.timeline import service as timeline

INTERVAL = "information_audit.interval_days"


class ChangeNotAbout(Invalid):
    """422: the named change request is missing, or not about this owner."""

    code = "change_not_about_owner"
    zh, en = "所填变更申请不存在,或与该业主无关。", "The change request does not exist, or is not about this owner."
    rules = ("OWN-06",)

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/change_request_id", self.code, self.zh, self.en),))


async def record(
    session: AsyncSession,
    *,
    owner_id: UUID,
    checked_fields: Sequence[str],
    method: Verification,
    outcome: AuditOutcome,
    change_id: UUID | None,
    note: str | None,
    principal: Principal,
    now: datetime,
) -> tuple[InformationAudit, date]:
    """Record an audit; returns it with the day on which the next one is due. Who was not reached stays due.

    Raises `OwnerNotFound`, `OutOfReach`, `ChangeNotAbout`.
    """
    owner = await owner_for_change(session, owner_id=owner_id, principal=principal)
    if change_id is not None:
        change = await session.get(OwnerChange, change_id)
        if change is None or change.owner_id != owner_id:
            raise ChangeNotAbout
    made = InformationAudit(
        id=uuid7(),
        owner_id=owner_id,
        checked_fields=list(checked_fields),
        method=method,
        outcome=outcome,
        change_id=change_id,
        note=note,
        checked_by=principal.id,
        checked_by_name=principal.name,
        checked_at=now,
    )
    session.add(made)
    today = business_date(now)
    if outcome is not AuditOutcome.UNREACHABLE:
        owner.checked_on, owner.updated_at = today, now
    await session.flush()
    projects = await projects_of(session, owner_id=owner_id)
    await timeline.record(
        session,
        kind="owner.audited",
        subject_kind="owner",
        subject_id=owner_id,
        actor=principal,
        now=now,
        project_id=min(projects, default=None),
        rules=("OWN-06",),
        data={"audit_id": str(made.id), "fields": list(checked_fields), "outcome": outcome.value},
    )
    days = min([await interval_days(session, project_id=one, now=now) for one in projects], default=FACTORY[INTERVAL])
    since = owner.checked_on or business_date(owner.created_at)
    return made, since + timedelta(days=days)


async def interval_days(connection: Connection, *, project_id: UUID, now: datetime) -> int:
    """Return how many days after one audit the next is due in a project."""
    try:
        return (await policies.in_force(connection, project_id=project_id, at=now)).integer(INTERVAL)
    except policies.NoPolicy:
        return int(FACTORY[INTERVAL])
