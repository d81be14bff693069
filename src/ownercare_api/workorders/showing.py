"""One survey or work order with all that belongs to it, read for an answer."""

from datetime import datetime
from typing import Any

from ownercare_api.deadlines.views import of_subjects
from ownercare_api.identity.principal import Principal
from ownercare_api.workorders import repository, views
from ownercare_api.workorders.repository import Connection


async def survey(connection: Connection, row: Any, *, principal: Principal, now: datetime) -> views.Shown:
    """Return the fields of `SiteSurveyRead` for a row of `repository.surveys`."""
    clocks = await of_subjects(connection, subject_ids=[row.ticket_id], now=now)
    return views.survey(
        row,
        parties=await repository.parties(connection, survey_ids=[row.id]),
        lines=await repository.lines(connection, survey_id=row.id),
        captain_id=await repository.captain(connection, team_id=row.team_id),
        clocks=clocks.get(row.ticket_id, []),
        principal=principal,
    )


async def order(connection: Connection, row: Any, *, principal: Principal, now: datetime) -> views.Shown:
    """Return the fields of `WorkOrderRead` for a row of `repository.orders`."""
    parts = views.OrderParts(
        extensions=await repository.extensions(connection, work_order_id=row.id),
        signatures=await repository.signatures(connection, work_order_id=row.id),
        photos=await repository.photos(connection, work_order_id=row.id),
        callbacks=await repository.callbacks(connection, work_order_id=row.id),
        lines=await repository.order_lines(connection, work_order_id=row.id),
    )
    clocks = await of_subjects(connection, subject_ids=[row.id], now=now)
    return views.order(row, parts, clocks=clocks.get(row.id, []), principal=principal)
