"""What happened to surveys and work orders, recorded with their rules; and the version that rises with it."""

from datetime import datetime

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
    touch(survey, now=now)
    await session.flush()
    await timeline.record(
        session,
        kind=f"site_survey.{kind}",
        subject_kind="site_survey",
        subject_id=survey.id,
        ticket_id=survey.ticket_id,
        project_id=survey.project_id,
        firm_id=survey.property_firm_id,
        actor=actor,
        now=now,
        rules=rules,
        data={"number": survey.number, **data},
    )


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
    touch(order, now=now)
    await session.flush()
    await timeline.record(
        session,
        kind=f"work_order.{kind}",
        subject_kind="work_order",
        subject_id=order.id,
        ticket_id=order.ticket_id,
        project_id=order.project_id,
        firm_id=order.firm_id,
        actor=actor,
        now=now,
        rules=rules,
        data={"number": order.number, **data},
    )
