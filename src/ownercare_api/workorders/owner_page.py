"""What the work-order room shows of an owner on the 360° page (OWN-10)."""

from typing import Any

from sqlalchemy import select

from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import Page
from ownercare_api.owners.page import Connection, PageSection, Wanted, shown
from ownercare_api.tickets.models import Ticket
from ownercare_api.workorders import repository
from ownercare_api.workorders.models import CallbackAttempt, WorkOrder

SCOPE = "work_orders:read"

W, C, T = WorkOrder.__table__.c, CallbackAttempt.__table__.c, Ticket.__table__.c


async def _work_orders(connection: Connection, wanted: Wanted) -> Page[dict[str, Any]]:
    columns: list[Any] = [
        W.id, W.number, W.ticket_id, T.number.label("ticket_number"), W.unit_id, W.status, W.repair_class,
        W.building_part, W.trades, W.description, W.emergency, W.dispatched_at, W.completed_at, W.signed_off_at,
        W.satisfaction,
    ]  # fmt: skip
    query = (
        select(*columns)
        .join(Ticket.__table__, T.id == W.ticket_id)
        .where(T.owner_id == wanted.owner_id, repository.orders_visible_to(wanted.principal))
    )
    return shown(await newest_first(connection, query=query, key=W.id, wanted=wanted.paging))


async def _callbacks(connection: Connection, wanted: Wanted) -> Page[dict[str, Any]]:
    columns: list[Any] = [
        C.id, C.number, C.work_order_id, W.number.label("work_order_number"), C.attempt, C.outcome, C.satisfaction,
        C.comment, C.called_at, C.called_by_name,
    ]  # fmt: skip
    query = (
        select(*columns)
        .join(WorkOrder.__table__, W.id == C.work_order_id)
        .join(Ticket.__table__, T.id == W.ticket_id)
        .where(T.owner_id == wanted.owner_id, repository.orders_visible_to(wanted.principal))
    )
    return shown(await newest_first(connection, query=query, key=C.id, wanted=wanted.paging))


SECTIONS = (
    PageSection("work_orders", SCOPE, _work_orders),
    PageSection("callbacks", SCOPE, _callbacks),
)
"""The sections of this room."""
