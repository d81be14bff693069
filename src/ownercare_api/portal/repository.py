"""The SELECTs of the portal that are no single room's."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.identity.models import Account
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import looks
from ownercare_api.owners.models_looks import OwnerLook
from ownercare_api.owners.models_sharing import OwnerSharing
from ownercare_api.portal.sentences import CLOCKS, ONLY_WITH, SENTENCES
from ownercare_api.privacy import service as privacy
from ownercare_api.tickets.models import Ticket
from ownercare_api.timeline.models import Event

Connection = AsyncConnection | AsyncSession


def _for_the_owner() -> ColumnElement[bool]:
    whole = [kind for kind in SENTENCES if kind not in ONLY_WITH]
    some = [
        and_(Event.kind == kind, Event.data[fact].astext.in_(values or [clock.value for clock in CLOCKS]))
        for kind, (fact, values) in ONLY_WITH.items()
    ]
    return or_(Event.kind.in_(whole), *some)


async def history(connection: Connection, *, ticket_id: UUID, after: int | None, limit: int) -> Any:
    """Return up to `limit + 1` events of a case that are for its owner, oldest first, with the actor's department."""
    columns: list[Any] = [
        Event.seq,
        Event.id,
        Event.kind,
        Event.data,
        Event.occurred_at,
        Event.actor_kind,
        Event.actor_id,
        Account.department,
    ]
    query = select(*columns).outerjoin(Account, Account.id == Event.actor_id)
    query = query.where(Event.ticket_id == ticket_id, _for_the_owner())
    if after is not None:
        query = query.where(Event.seq > after)
    return (await connection.execute(query.order_by(Event.seq).limit(limit + 1))).all()


def own_looks(*, owner_id: UUID) -> Select[Any]:
    """Return the query of who looked at an owner's data, with the number of the case it was for."""
    query = looks.looks(owner_id=owner_id).add_columns(Ticket.number.label("ticket_number"))
    return query.outerjoin(Ticket, Ticket.id == OwnerLook.ticket_id)


def own_sharings(*, principal: Principal, ticket_id: UUID | None) -> Select[Any]:
    """Return the query of which firms were given an owner's data, with the number of the case it was for."""
    query = privacy.own_sharings(principal=principal).add_columns(Ticket.number.label("ticket_number"))
    query = query.outerjoin(Ticket, Ticket.id == OwnerSharing.ticket_id)
    return query if ticket_id is None else query.where(OwnerSharing.ticket_id == ticket_id)
