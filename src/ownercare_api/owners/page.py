"""The 360° page (业主全景): everything about one owner in one call (OWN-10).

A section is one statement. This room has some; rooms above plug in theirs, each by its own scope and reach.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import Page, PageRequest, cut
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import looks, restriction, views, views_payments
from ownercare_api.owners import repository_changes as changes
from ownercare_api.owners import repository_payments as payments
from ownercare_api.owners import repository_records as records
from ownercare_api.owners.models import Ownership
from ownercare_api.owners.models_changes import InformationAudit, OwnerChange
from ownercare_api.owners.models_records import Household, OwnerContactPerson, OwnerGroupMember
from ownercare_api.owners.payment_plans import READ as PAYMENTS
from ownercare_api.owners.repository import homes_of
from ownercare_api.owners.service import READ

Connection = AsyncConnection | AsyncSession


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a section is asked for."""

    owner_id: UUID
    principal: Principal
    paging: PageRequest
    now: datetime


Load = Callable[[Connection, Wanted], Awaitable[Page[dict[str, Any]]]]


@dataclass(frozen=True, slots=True)
class PageSection:
    """One section: its name, the scope without which it is left out, and how it is read in one statement."""

    name: str
    scope: str
    load: Load


@dataclass(frozen=True, slots=True)
class OwnerPage:
    """The sections in their order; the composition root plugs in those of the rooms above."""

    sections: tuple[PageSection, ...]


async def load(
    connection: Connection, *, page: OwnerPage, names: Collection[str] | None, wanted: Wanted
) -> dict[str, Page[dict[str, Any]]]:
    """Read the sections that the caller may see; only the named ones where names are given."""
    return {
        section.name: await section.load(connection, wanted)
        for section in page.sections
        if section.scope in wanted.principal.scopes and (names is None or section.name in names)
    }


def shown(page: Page[Any]) -> Page[dict[str, Any]]:
    """Turn a page of rows into one of plain fields."""
    return Page(items=[dict(row._mapping) for row in page.items], next_key=page.next_key)


async def _newest(connection: Connection, query: Select[Any], key: Any, wanted: Wanted) -> Page[dict[str, Any]]:
    page = shown(await newest_first(connection, query=query, key=key.__table__.c.id, wanted=wanted.paging))
    for item in page.items:
        item.pop("restricted_at", None)  # these sections are not shown of a restricted record
    return page


async def _homes(connection: Connection, wanted: Wanted) -> Page[dict[str, Any]]:
    query = homes_of(wanted.principal.reach(READ)).where(Ownership.owner_id == wanted.owner_id)
    if wanted.paging.after is not None:
        query = query.where(Ownership.id < wanted.paging.after[0])
    rows = (await connection.execute(query.order_by(Ownership.id.desc()).limit(wanted.paging.limit + 1))).all()
    return shown(cut(rows, limit=wanted.paging.limit, key=lambda row: (row.ownership_id,)))


async def _contacts(connection: Connection, wanted: Wanted) -> Page[dict[str, Any]]:
    return await _newest(connection, records.contacts(owner_id=wanted.owner_id), OwnerContactPerson, wanted)


async def _households(connection: Connection, wanted: Wanted) -> Page[dict[str, Any]]:
    query = records.households(wanted.principal.reach(READ), owner_id=wanted.owner_id)
    seen = restriction.may_see(wanted.principal)
    page = await newest_first(connection, query=query, key=Household.__table__.c.id, wanted=wanted.paging)
    return Page(items=[views.household(row, seen=seen) for row in page.items], next_key=page.next_key)


async def _groups(connection: Connection, wanted: Wanted) -> Page[dict[str, Any]]:
    principal = wanted.principal
    query = records.memberships(owner_id=wanted.owner_id, principal=principal, reach=principal.reach(READ))
    return await _newest(connection, query, OwnerGroupMember, wanted)


async def _tags(connection: Connection, wanted: Wanted) -> Page[dict[str, Any]]:
    rows = await records.tags_of(connection, owner_ids=[wanted.owner_id])
    return Page(items=[{"id": row.id, "code": row.code, "name": row.name} for row in rows])


async def _consents(connection: Connection, wanted: Wanted) -> Page[dict[str, Any]]:
    rows = (await connection.execute(records.consents_now(owner_id=wanted.owner_id))).all()
    return Page(items=[dict(row._mapping) for row in rows])


async def _changes(connection: Connection, wanted: Wanted) -> Page[dict[str, Any]]:
    query = changes.changes(wanted.principal.reach(READ), filters={"owner_id": wanted.owner_id})
    return await _newest(connection, query, OwnerChange, wanted)


async def _audits(connection: Connection, wanted: Wanted) -> Page[dict[str, Any]]:
    query = changes.audits(wanted.principal.reach(READ), owner_id=wanted.owner_id)
    return await _newest(connection, query, InformationAudit, wanted)


async def _payments(connection: Connection, wanted: Wanted) -> Page[dict[str, Any]]:
    today = business_date(wanted.now)
    query = payments.instalments(wanted.principal.reach(PAYMENTS), today=today)
    query = query.where(payments.under_contract_of(wanted.owner_id))
    page = await payments.by_due_day(connection, query=query, wanted=wanted.paging)
    items = [views_payments.instalment_of_home(row, today=today) for row in page.items]
    return Page(items=items, next_key=page.next_key)


async def _looks(connection: Connection, wanted: Wanted) -> Page[dict[str, Any]]:
    query = looks.looks(owner_id=wanted.owner_id)
    return shown(await newest_first(connection, query=query, key=looks.KEY, wanted=wanted.paging))


SECTIONS: tuple[PageSection, ...] = (
    PageSection("homes", READ, _homes),
    PageSection("contacts", READ, _contacts),
    PageSection("households", READ, _households),
    PageSection("groups", READ, _groups),
    PageSection("tags", READ, _tags),
    PageSection("consents", READ, _consents),
    PageSection("change_requests", READ, _changes),
    PageSection("information_audits", READ, _audits),
    PageSection("contract_payments", PAYMENTS, _payments),
    PageSection("looks", READ, _looks),
)
"""The sections of this room."""
