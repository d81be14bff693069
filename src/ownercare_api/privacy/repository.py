"""Every SELECT of the privacy room's requests."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.identity.principal import Reach
from ownercare_api.owners.models import Ownership
from ownercare_api.privacy.lifecycle import RequestKind, RequestStatus
from ownercare_api.privacy.models import PrivacyCopy, PrivacyRequest
from ownercare_api.properties.models import Unit
from ownercare_api.settlements.lifecycle import AccountStatus, SettlementStatus
from ownercare_api.settlements.models import FinalAccount, Settlement
from ownercare_api.tickets.lifecycle import TicketStatus
from ownercare_api.tickets.models import Ticket

Connection = AsyncConnection | AsyncSession
R = PrivacyRequest.__table__.c
PENDING = (RequestStatus.RECEIVED, RequestStatus.APPROVED)
ENDED_CASES = (TicketStatus.CLOSED, TicketStatus.WITHDRAWN)


def visible_to(reach: Reach) -> ColumnElement[bool]:
    """Return the condition for requests of owners who have or had a home within a reach."""
    if reach.everywhere:
        return literal(True)
    here = Unit.project_id.in_(list(reach.projects))
    return exists().where(Ownership.owner_id == R.owner_id, Unit.id == Ownership.unit_id, here)


def requests(
    reach: Reach,
    *,
    owner_id: UUID | None = None,
    kind: RequestKind | None = None,
    status: RequestStatus | None = None,
    overdue_at: datetime | None = None,
) -> Select[Any]:
    """Return the query of the visible requests; `overdue_at`: those whose time was over then and that are pending."""
    query: Select[Any] = select(*R).where(visible_to(reach))
    if owner_id is not None:
        query = query.where(R.owner_id == owner_id)
    if kind is not None:
        query = query.where(R.kind == kind)
    if status is not None:
        query = query.where(R.status == status)
    if overdue_at is not None:
        query = query.where(R.status.in_(PENDING), R.due_at < overdue_at)
    return query


async def one(connection: Connection, *, request_id: UUID, reach: Reach) -> Any:
    """Return a visible request's row, or None."""
    return (await connection.execute(requests(reach).where(R.id == request_id))).one_or_none()


async def copies(connection: Connection, *, request_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """Return until when there are copies, by request."""
    rows = await connection.execute(
        select(PrivacyCopy.request_id, PrivacyCopy.expires_at).where(PrivacyCopy.request_id.in_(list(request_ids)))
    )
    return {row.request_id: row.expires_at for row in rows}


async def open_cases(connection: Connection, *, owner_ids: Collection[UUID]) -> bool:
    """Say whether a case of the owner is neither closed nor withdrawn."""
    which = exists().where(Ticket.owner_id.in_(list(owner_ids)), Ticket.status.not_in(ENDED_CASES))
    return bool((await connection.execute(select(which))).scalar_one())


async def unpaid(connection: Connection, *, owner_ids: Collection[UUID]) -> bool:
    """Say whether the repairs of the owner's cases are not all settled and paid."""
    cases = select(Ticket.id).where(Ticket.owner_id.in_(list(owner_ids)))
    accounts = exists().where(FinalAccount.ticket_id.in_(cases), FinalAccount.status != AccountStatus.SETTLED)
    settlements = exists().where(Settlement.ticket_id.in_(cases), Settlement.status != SettlementStatus.PAID)
    return bool((await connection.execute(select(accounts | settlements))).scalar_one())


async def holds_home(connection: Connection, *, owner_ids: Collection[UUID], today: Any) -> bool:
    """Say whether the owner has a home today that was delivered: its warranty runs for years."""
    which = exists().where(
        Ownership.owner_id.in_(list(owner_ids)),
        Ownership.from_date <= today,
        Ownership.to_date.is_(None) | (Ownership.to_date > today),
        Unit.id == Ownership.unit_id,
        Unit.delivered_on.is_not(None),
    )
    return bool((await connection.execute(select(which))).scalar_one())
