"""Every SELECT of the owner room."""

from collections.abc import Collection, Sequence
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    and_,
    any_,
    bindparam,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    table,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.types import DateTime, LargeBinary, Text, Uuid

from ownercare_api.core.listing import containing
from ownercare_api.identity.principal import Reach
from ownercare_api.owners.models import Disclosure, Owner, OwnerPhone, Ownership
from ownercare_api.policies.service import in_force_id
from ownercare_api.properties.models import Project, Unit

Connection = AsyncConnection | AsyncSession

_phone: Any = (
    select(OwnerPhone.number_masked)
    .where(OwnerPhone.owner_id == Owner.id, OwnerPhone.is_primary)
    .correlate(Owner)
    .scalar_subquery()
    .label("phone_masked")
)
SUMMARY: list[Any] = [Owner.id, Owner.name, Owner.sex, Owner.document_masked, Owner.version, _phone]
FULL: list[Any] = [
    *SUMMARY, Owner.birth_date, Owner.document_kind, Owner.occupation, Owner.preferences,
    Owner.home_address_encrypted.is_not(None).label("home_address_recorded"),
]  # fmt: skip
HOME: list[Any] = [
    Ownership.id.label("ownership_id"), Ownership.owner_id, Ownership.unit_id, Unit.project_id,
    Project.name.label("project_name"), Unit.address, Ownership.share_bp, Ownership.from_date, Ownership.to_date,
]  # fmt: skip
OWNERSHIP: list[Any] = [
    *Ownership.__table__.c, Owner.name.label("owner_name"), Unit.project_id, Unit.address,
]  # fmt: skip

# The cases live in a room above; a look at one names the case it is for by foreign key, so only its columns are known.
_ticket = table("ticket", column("id"), column("owner_id"), column("unit_id"), column("project_id"))


def places(reach: Reach) -> ColumnElement[bool]:
    """Return the condition on `unit` for what is within a reach."""
    return literal(True) if reach.everywhere else Unit.project_id.in_(list(reach.projects))


def visible_to(reach: Reach) -> ColumnElement[bool]:
    """Return the condition on `owner` for who is within a reach: has or had a home there. Firms see no owners."""
    return literal(True) if reach.everywhere else _has_home(Unit.project_id.in_(list(reach.projects)))


def _has_home(where: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(Ownership.owner_id == Owner.id, Unit.id == Ownership.unit_id, where)


def owners(
    reach: Reach, *, project_id: UUID | None = None, unit_id: UUID | None = None, q: str | None = None
) -> Select[Any]:
    """Return the query of the visible owners."""
    query: Select[Any] = select(*SUMMARY).where(visible_to(reach))
    if project_id is not None:
        query = query.where(_has_home(Unit.project_id == project_id), _has_home(places(reach)))
    if unit_id is not None:
        query = query.where(_has_home((Unit.id == unit_id) & places(reach)))
    if q is not None:
        query = query.where(_named(q))
    return query


def _named(q: str) -> ColumnElement[bool]:
    """Letters are sought in the spelling, anything else in the name; the index finds pieces of both (`name_grams`)."""
    letters = "".join(q.split()).lower()
    if letters.isascii() and letters.isalnum():
        found = containing(letters, func.replace(Owner.name_sort, " ", ""))
        size = min(3, len(letters))
        pieces = _pieces(letters, size) if size > 1 else set()
    else:
        found, folded = containing(q, Owner.name), q.lower()
        # What a server's collation may not fold to lower case as Python does is left to the comparison above.
        pieces = {one for one in _pieces(folded, min(2, len(folded))) if one.isascii() or one == one.upper()}
    if not pieces:
        return found
    grams = func.name_grams(Owner.name, Owner.name_sort, type_=ARRAY(Text()))
    return and_(found, grams.contains(sorted(pieces)))


def _pieces(whole: str, size: int) -> set[str]:
    return {whole[place : place + size] for place in range(len(whole) - size + 1)}


def by_name(query: Select[Any], *, after: UUID | None, limit: int) -> Select[Any]:
    """Order a query of owners by pinyin. The cursor holds an id only: names have no place in addresses."""
    if after is not None:
        last = select(Owner.name_sort).where(Owner.id == after).correlate(None).scalar_subquery()
        query = query.where(tuple_(Owner.name_sort, Owner.id) > tuple_(last, after))
    return query.order_by(Owner.name_sort, Owner.id).limit(limit + 1)


def exact(
    reach: Reach, *, phone_index: bytes | None, document_indexes: Collection[bytes] | None, name: str | None
) -> Select[Any]:
    """Return the query of the visible owners that fit every given criterion."""
    query = owners(reach)
    if phone_index is not None:
        holders = select(OwnerPhone.owner_id).where(OwnerPhone.number_index == phone_index)
        query = query.where(Owner.id.in_(holders))
    if document_indexes is not None:
        query = query.where(Owner.document_index.in_(list(document_indexes)))
    if name is not None:
        query = query.where(Owner.name == name)
    return query


async def owner(connection: Connection, *, owner_id: UUID, reach: Reach) -> Any:
    """Return a visible owner's row, or None."""
    query: Select[Any] = select(*FULL).where(Owner.id == owner_id, visible_to(reach))
    return (await connection.execute(query)).one_or_none()


async def phones(connection: Connection, *, owner_id: UUID) -> Any:
    """Return an owner's numbers, the primary one first."""
    query = (
        select(OwnerPhone.id, OwnerPhone.number_masked, OwnerPhone.is_primary, OwnerPhone.label)
        .where(OwnerPhone.owner_id == owner_id)
        .order_by(OwnerPhone.is_primary.desc(), OwnerPhone.id)
    )
    return (await connection.execute(query)).all()


async def homes(connection: Connection, *, owner_ids: Collection[UUID], reach: Reach) -> Any:
    """Return the homes, within a reach, of some owners; newest ownership first."""
    query: Select[Any] = (
        select(*HOME)
        .join(Unit, Unit.id == Ownership.unit_id)
        .join(Project, Project.id == Unit.project_id)
        .where(Ownership.owner_id.in_(list(owner_ids)), places(reach))
        .order_by(Ownership.from_date.desc(), Ownership.id.desc())
    )
    return (await connection.execute(query)).all()


async def ownership(connection: Connection, *, ownership_id: UUID, reach: Reach) -> Any:
    """Return a visible ownership's row, or None."""
    query: Select[Any] = (
        select(*OWNERSHIP)
        .join(Owner, Owner.id == Ownership.owner_id)
        .join(Unit, Unit.id == Ownership.unit_id)
        .where(Ownership.id == ownership_id, places(reach))
    )
    return (await connection.execute(query)).one_or_none()


async def overlapping(
    session: AsyncSession, *, unit_id: UUID, from_date: date, to_date: date | None
) -> Sequence[Ownership]:
    """Return the ownerships of a home that share a day with `[from_date, to_date)`."""
    query = select(Ownership).where(
        Ownership.unit_id == unit_id, or_(Ownership.to_date.is_(None), Ownership.to_date > from_date)
    )
    if to_date is not None:
        query = query.where(Ownership.from_date < to_date)
    return (await session.scalars(query.order_by(Ownership.id))).all()


async def projects_of(connection: Connection, *, owner_id: UUID) -> frozenset[UUID]:
    """Return the projects in which an owner has or had a home."""
    query = select(Unit.project_id).join(Ownership, Ownership.unit_id == Unit.id)
    return frozenset((await connection.execute(query.where(Ownership.owner_id == owner_id))).scalars())


async def owns_unit(connection: Connection, *, owner_id: UUID, unit_id: UUID, on: date) -> bool:
    """Say whether an owner holds a share of a home on a day."""
    query = select(
        exists().where(
            Ownership.owner_id == owner_id,
            Ownership.unit_id == unit_id,
            Ownership.from_date <= on,
            or_(Ownership.to_date.is_(None), Ownership.to_date > on),
        )
    )
    return bool((await connection.execute(query)).scalar_one())


async def ticket_project(session: AsyncSession, *, ticket_id: UUID, owner_id: UUID) -> UUID | None:
    """Return the project of a case that is about an owner or one of the owner's homes; None if it is not."""
    homes_of = select(Ownership.unit_id).where(Ownership.owner_id == owner_id)
    query = select(_ticket.c.project_id).where(
        _ticket.c.id == ticket_id, or_(_ticket.c.owner_id == owner_id, _ticket.c.unit_id.in_(homes_of))
    )
    found: UUID | None = await session.scalar(query)
    return found


async def looks_since(session: AsyncSession, *, actor_id: UUID, since: Any) -> Any:
    """Return the instants after `since` at which a person looked at clear values, oldest first."""
    query = select(Disclosure.at).where(Disclosure.actor_id == actor_id, Disclosure.at > since).order_by(Disclosure.at)
    return (await session.scalars(query)).all()


def disclosures(*, owner_id: UUID) -> Select[Any]:
    """Return the query of who looked at an owner's clear values."""
    columns: list[Any] = [
        Disclosure.id,
        Disclosure.actor_id,
        Disclosure.actor_name,
        Disclosure.field,
        Disclosure.purpose,
        Disclosure.ticket_id,
        Disclosure.at,
    ]
    return select(*columns).where(Disclosure.owner_id == owner_id)


@lru_cache(maxsize=2)
def _caller_query(limited: bool) -> Select[Any]:
    """The screen-pop: owners of a number with their present homes as JSON, in one statement built once."""
    today, now = bindparam("today", type_=Date()), bindparam("now", type_=DateTime(timezone=True))
    here = Unit.project_id == any_(bindparam("projects", type_=ARRAY(Uuid()))) if limited else literal(True)
    home = func.json_build_object(
        "ownership_id", Ownership.id,
        "unit_id", Unit.id,
        "project_id", Unit.project_id,
        "project_name", Project.name,
        "address", Unit.address,
        "share_bp", Ownership.share_bp,
        "from_date", Ownership.from_date,
        "delivered_on", Unit.delivered_on,
        "moved_in_on", Unit.moved_in_on,
        "policy_snapshot_id", in_force_id(Unit.project_id, at=now),
    )  # fmt: skip
    homes_now = (
        select(
            func.coalesce(
                func.json_agg(aggregate_order_by(home, Ownership.from_date, Ownership.id)), func.json_build_array()
            )
        )
        .select_from(Ownership)
        .join(Unit, Unit.id == Ownership.unit_id)
        .join(Project, Project.id == Unit.project_id)
        .where(
            Ownership.owner_id == Owner.id,
            Ownership.from_date <= today,
            or_(Ownership.to_date.is_(None), Ownership.to_date > today),
            here,
        )
        .correlate(Owner)
        .scalar_subquery()
        .label("homes")
    )
    query: Select[Any] = (
        select(
            Owner.id,
            Owner.name,
            Owner.sex,
            Owner.document_masked,
            Owner.preferences,
            OwnerPhone.number_masked,
            OwnerPhone.is_primary,
            OwnerPhone.label,
            homes_now,
        )
        .join(Owner, Owner.id == OwnerPhone.owner_id)
        .where(OwnerPhone.number_index == bindparam("index", type_=LargeBinary()))
        .order_by(Owner.id)
        .limit(bindparam("size"))
    )
    return query.where(_has_home(here)) if limited else query


async def by_phone(
    connection: Connection, *, index: bytes, reach: Reach | None, today: date, now: Any, size: int
) -> Any:
    """Return the owners of a number, oldest record first, within a reach where one is given."""
    limited = reach is not None and not reach.everywhere
    parameters: dict[str, Any] = {"index": index, "today": today, "now": now, "size": size}
    if limited and reach is not None:
        parameters["projects"] = list(reach.projects)
    return (await connection.execute(_caller_query(limited), parameters)).all()
