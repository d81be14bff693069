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
    cast,
    column,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    table,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by, distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.types import DateTime, LargeBinary, Text, Uuid

from ownercare_api.core.listing import containing
from ownercare_api.identity.principal import Reach
from ownercare_api.owners.models import Disclosure, Owner, OwnerPhone, Ownership
from ownercare_api.owners.models_records import OwnerContactPerson
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
SUMMARY: list[Any] = [
    Owner.id, Owner.name, Owner.sex, Owner.document_masked, Owner.restricted_at, Owner.version, _phone,
]  # fmt: skip
FULL: list[Any] = [
    *SUMMARY, Owner.birth_date, Owner.document_kind, Owner.occupation, Owner.preferences, Owner.special_needs,
    Owner.preferred_channel, Owner.preferred_times, Owner.language, Owner.purchase_need, Owner.checked_on,
    Owner.home_address_encrypted.is_not(None).label("home_address_recorded"),
]  # fmt: skip
HOME: list[Any] = [
    Ownership.id.label("ownership_id"), Ownership.owner_id, Ownership.unit_id, Unit.project_id,
    Project.name.label("project_name"), Unit.address, Ownership.share_bp, Ownership.from_date, Ownership.to_date,
]  # fmt: skip
OWNERSHIP: list[Any] = [
    *Ownership.__table__.c, Owner.name.label("owner_name"), Owner.restricted_at, Unit.project_id, Unit.address,
]  # fmt: skip

_Former = aliased(Owner, name="former")
"""A record that may have been merged into another."""

# The cases live in a room above; a look at one names the case it is for by foreign key, so only its columns are known.
_ticket = table("ticket", column("id"), column("owner_id"), column("unit_id"), column("project_id"), column("status"))


def places(reach: Reach) -> ColumnElement[bool]:
    """Return the condition on `unit` for what is within a reach."""
    return literal(True) if reach.everywhere else Unit.project_id.in_(list(reach.projects))


def visible_to(reach: Reach) -> ColumnElement[bool]:
    """Return the condition on `owner` for who is within a reach: has or had a home there. Firms see no owners, and
    nobody sees a record that was merged into another, which stands for it, or one that was erased."""
    stands = and_(Owner.merged_into.is_(None), Owner.erased_at.is_(None))
    return stands if reach.everywhere else and_(stands, _has_home(Unit.project_id.in_(list(reach.projects))))


def _has_home(where: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(Ownership.owner_id == Owner.id, Unit.id == Ownership.unit_id, where)


def owners(
    reach: Reach,
    *,
    project_id: UUID | None = None,
    unit_id: UUID | None = None,
    q: str | None = None,
    seen: bool = False,
) -> Select[Any]:
    """Return the query of the visible owners. A piece of the name finds restricted records only for who may see
    them (`seen`): else the masked name could be guessed letter by letter."""
    query: Select[Any] = select(*SUMMARY).where(visible_to(reach))
    if project_id is not None:
        query = query.where(_has_home(Unit.project_id == project_id), _has_home(places(reach)))
    if unit_id is not None:
        query = query.where(_has_home((Unit.id == unit_id) & places(reach)))
    if q is not None:
        query = query.where(_named(q))
        if not seen:
            query = query.where(Owner.restricted_at.is_(None))
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
    reach: Reach,
    *,
    phone_indexes: Collection[bytes] | None,
    document_indexes: Collection[bytes] | None,
    name: str | None,
    today: date,
    seen: bool = False,
) -> Select[Any]:
    """Return the query of the visible owners that fit every given criterion. A number is the owner's own or that of a
    contact of today's; a name or document that only a merged record carries finds the one that stands for it. A name
    finds restricted records only for who may see them."""
    query = owners(reach)
    if phone_indexes is not None:
        own = select(OwnerPhone.owner_id).where(OwnerPhone.number_index.in_(list(phone_indexes)))
        theirs = select(OwnerContactPerson.owner_id).where(
            OwnerContactPerson.number_index.in_(list(phone_indexes)),
            or_(OwnerContactPerson.valid_to.is_(None), OwnerContactPerson.valid_to > today),
        )
        query = query.where(Owner.id.in_(union_all(own, theirs)))
    if document_indexes is not None:
        query = query.where(_stands_for(_Former.document_index.in_(list(document_indexes))))
    if name is not None:
        query = query.where(_stands_for(_Former.name == name))
        if not seen:
            query = query.where(Owner.restricted_at.is_(None))
    return query


def _stands_for(found: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition that an owner, or a record merged into the owner's, is what was searched for."""
    return Owner.id.in_(select(func.coalesce(_Former.merged_into, _Former.id)).where(found))


def stood_for(owner_id: UUID) -> Select[Any]:
    """Return the query of the ids of a record and of those merged into it, whose history is its own."""
    return select(_Former.id).where(or_(_Former.id == owner_id, _Former.merged_into == owner_id))


async def survivor_of(connection: Connection, *, owner_id: UUID, reach: Reach) -> UUID | None:
    """Return the visible record that stands for a merged one; None where it was not merged or is out of sight."""
    into = select(_Former.merged_into).where(_Former.id == owner_id).scalar_subquery()
    found: UUID | None = (
        await connection.execute(select(Owner.id).where(Owner.id == into, visible_to(reach)))
    ).scalar_one_or_none()
    return found


async def owner(connection: Connection, *, owner_id: UUID, reach: Reach) -> Any:
    """Return a visible owner's row, or None."""
    query: Select[Any] = select(*FULL).where(Owner.id == owner_id, visible_to(reach))
    return (await connection.execute(query)).one_or_none()


async def phones(connection: Connection, *, owner_id: UUID) -> Any:
    """Return an owner's numbers, the primary one first."""
    query = (
        select(OwnerPhone.id, OwnerPhone.number_masked, OwnerPhone.is_primary, OwnerPhone.label, OwnerPhone.may_log_in)
        .where(OwnerPhone.owner_id == owner_id)
        .order_by(OwnerPhone.is_primary.desc(), OwnerPhone.id)
    )
    return (await connection.execute(query)).all()


def homes_of(reach: Reach) -> Select[Any]:
    """Return the query of the homes, within a reach, of owners."""
    query: Select[Any] = select(*HOME).join(Unit, Unit.id == Ownership.unit_id)
    return query.join(Project, Project.id == Unit.project_id).where(places(reach))


async def homes(connection: Connection, *, owner_ids: Collection[UUID], reach: Reach) -> Any:
    """Return the homes, within a reach, of some owners; newest ownership first."""
    query = homes_of(reach).where(Ownership.owner_id.in_(list(owner_ids)))
    return (await connection.execute(query.order_by(Ownership.from_date.desc(), Ownership.id.desc()))).all()


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


async def ticket_of(session: AsyncSession, *, ticket_id: UUID, owner_id: UUID) -> Any:
    """Return project_id and status of a case that is about an owner or one of the owner's homes; None if it is not."""
    homes_of = select(Ownership.unit_id).where(Ownership.owner_id == owner_id)
    query = select(_ticket.c.project_id, _ticket.c.status).where(
        _ticket.c.id == ticket_id, or_(_ticket.c.owner_id == owner_id, _ticket.c.unit_id.in_(homes_of))
    )
    return (await session.execute(query)).one_or_none()


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
    return select(*columns).where(Disclosure.owner_id.in_(stood_for(owner_id)))


def _numbers(today: ColumnElement[date]) -> Any:
    """Whose number it is: an owner's own, or that of one of his contacts of today's; each owner once."""
    wanted = any_(bindparam("indexes", type_=ARRAY(LargeBinary())))
    contact = OwnerContactPerson
    own = select(
        OwnerPhone.owner_id, OwnerPhone.number_masked, OwnerPhone.is_primary, OwnerPhone.label,
        cast(null(), Text).label("contact_name"), cast(null(), Text).label("contact_relation"),
        literal(False).label("may_speak_for_owner"), literal(1).label("rank"),
    ).where(OwnerPhone.number_index == wanted)  # fmt: skip
    theirs = select(
        contact.owner_id, contact.number_masked, literal(False), func.concat("联系人 ", contact.name), contact.name,
        cast(contact.relation, Text), contact.may_speak_for_owner, literal(2),
    ).where(
        contact.number_index == wanted,
        contact.valid_from <= today,
        or_(contact.valid_to.is_(None), contact.valid_to > today),
    )  # fmt: skip
    both = union_all(own, theirs).subquery("both")
    return select(both).ext(distinct_on(both.c.owner_id)).order_by(both.c.owner_id, both.c.rank).subquery("hits")


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
    hits = _numbers(today)
    query: Select[Any] = (
        select(
            Owner.id,
            Owner.name,
            Owner.sex,
            Owner.document_masked,
            Owner.preferences,
            Owner.restricted_at,
            *(one for one in hits.c if one.name not in ("owner_id", "rank")),
            homes_now,
        )
        .join_from(Owner, hits, hits.c.owner_id == Owner.id)
        .order_by(Owner.id)
        .limit(bindparam("size"))
    )
    return query.where(_has_home(here)) if limited else query


async def by_phone(
    connection: Connection, *, indexes: Collection[bytes], reach: Reach | None, today: date, now: Any, size: int
) -> Any:
    """Return the owners of a number, oldest record first, within a reach where one is given."""
    limited = reach is not None and not reach.everywhere
    parameters: dict[str, Any] = {"indexes": list(indexes), "today": today, "now": now, "size": size}
    if limited and reach is not None:
        parameters["projects"] = list(reach.projects)
    return (await connection.execute(_caller_query(limited), parameters)).all()
