"""What happened to surveys and work orders, recorded with their rules; and the version that rises with it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from ownercare_api.identity.principal import Principal
from ownercare_api.timeline import service as timeline
from ownercare_api.workorders.models import SiteSurvey, WorkOrder


def touch(subject: SiteSurvey | WorkOrder, *, now: datetime) -> None:
    """Let the version rise also where only something that belongs to the subject changed."""
    subject.updated_at = now
    flag_modified(subject, "updated_at")


async def of_survey(
    session: AsyncSession,
    survey: SiteSurvey,
    kind: str,
    *,
    actor: Principal,
    now: datetime,
    rules: tuple[str, ...],
    **data: object,
) -> None:
    """Record an event of a survey, after flushing what it is about."""
    firm_id = survey.property_firm_id
    await _record(session, survey, "site_survey", kind, firm_id=firm_id, actor=actor, now=now, rules=rules, data=data)


async def of_order(
    session: AsyncSession,
    order: WorkOrder,
    kind: str,
    *,
    actor: Principal,
    now: datetime,
    rules: tuple[str, ...],
    **data: object,
) -> None:
    """Record an event of a work order, after flushing what it is about."""
    firm_id = order.firm_id
    await _record(session, order, "work_order", kind, firm_id=firm_id, actor=actor, now=now, rules=rules, data=data)


async def _record(
    session: AsyncSession,
    subject: SiteSurvey | WorkOrder,
    subject_kind: str,
    kind: str,
    *,
    firm_id: UUID | None,
    actor: Principal,
    now: datetime,
    rules: tuple[str, ...],
    data: dict[str, object],
) -> None:
    touch(subject, now=now)
    await session.flush()
    await timeline.record(
        session,
        kind=f"{subject_kind}.{kind}",
        subject_kind=subject_kind,
        subject_id=subject.id,
        ticket_id=subject.ticket_id,
        project_id=subject.project_id,
        firm_id=firm_id,
        actor=actor,
        now=now,
        rules=rules,
        data={"number": subject.number, **data},
    )
