"""The SELECTs of what stands around an owner: contacts, households, groups, tags, consents."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased

from ownercare_api.identity.principal import Principal, Reach
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_records import (
    Consent,
    ConsentPurpose,
    Household,
    HouseholdMember,
    OwnerContactPerson,
    OwnerGroup,
    OwnerGroupMember,
    OwnerTag,
    OwnerTagging,
)
from ownercare_api.owners.repository import places
from ownercare_api.properties.models import Unit

Connection = AsyncConnection | AsyncSession

_C = OwnerContactPerson
CONTACT: list[Any] = [
    _C.id, _C.owner_id, _C.name, _C.relation, _C.is_emergency, _C.number_masked, _C.valid_from, _C.valid_to,
    _C.may_speak_for_owner, _C.authorisation, _C.authorisation_file_id, _C.note, _C.recorded_by, _C.recorded_by_name,
    _C.created_at, _C.version,
]  # fmt: skip
GROUP: list[Any] = [
    OwnerGroup.id, OwnerGroup.code, OwnerGroup.name, OwnerGroup.purpose, OwnerGroup.project_id, OwnerGroup.seen_by,
    OwnerGroup.active, OwnerGroup.version,
]  # fmt: skip
TAG: list[Any] = [OwnerTag.id, OwnerTag.code, OwnerTag.name, OwnerTag.active, OwnerTag.version]


def contacts(*, owner_id: UUID) -> Select[Any]:
    """Return the query of an owner's contacts, ended ones too."""
    return select(*CONTACT).where(_C.owner_id == owner_id)


async def contact(connection: Connection, *, owner_id: UUID, contact_id: UUID) -> Any:
    """Return a contact's row, or None."""
    return (await connection.execute(contacts(owner_id=owner_id).where(_C.id == contact_id))).one_or_none()


def groups_seen(principal: Principal, reach: Reach) -> ColumnElement[bool]:
    """Return the condition on `owner_group` for who may see it: project in reach, role named."""
    here = (
        literal(True)
        if reach.everywhere
        else or_(OwnerGroup.project_id.is_(None), OwnerGroup.project_id.in_(list(reach.projects)))
    )
    roles = sorted({grant.role for grant in principal.grants})
    named = OwnerGroup.seen_by.overlap(roles) if roles else literal(False)
    return and_(here, or_(func.cardinality(OwnerGroup.seen_by) == 0, named))


def groups(principal: Principal, reach: Reach) -> Select[Any]:
    """Return the query of the visible groups, with how many owners are in each."""
    size = (
        select(func.count())
        .where(OwnerGroupMember.group_id == OwnerGroup.id, OwnerGroupMember.to_date.is_(None))
        .correlate(OwnerGroup)
        .scalar_subquery()
        .label("owners")
    )
    shown = size if reach.everywhere else literal(None).label("owners")
    return select(*GROUP, shown).where(groups_seen(principal, reach))


def memberships(*, owner_id: UUID, principal: Principal, reach: Reach) -> Select[Any]:
    """Return the query of an owner's groups, past ones too, as far as the caller may see the groups."""
    columns: list[Any] = [
        OwnerGroupMember.id, OwnerGroupMember.group_id, OwnerGroup.code, OwnerGroup.name, OwnerGroup.project_id,
        OwnerGroupMember.from_date, OwnerGroupMember.to_date, OwnerGroupMember.reason, OwnerGroupMember.assigned_by,
        OwnerGroupMember.assigned_by_name,
    ]  # fmt: skip
    query: Select[Any] = select(*columns).join(OwnerGroup, OwnerGroup.id == OwnerGroupMember.group_id)
    return query.where(OwnerGroupMember.owner_id == owner_id, groups_seen(principal, reach))


def tags() -> Select[Any]:
    """Return the query of the managed list of tags."""
    return select(*TAG)


async def tags_of(connection: Connection, *, owner_ids: Collection[UUID]) -> Any:
    """Return (owner_id, id, code, name) of the tags of some owners."""
    query = (
        select(OwnerTagging.owner_id, OwnerTag.id, OwnerTag.code, OwnerTag.name)
        .join(OwnerTag, OwnerTag.id == OwnerTagging.tag_id)
        .where(OwnerTagging.owner_id.in_(list(owner_ids)))
        .order_by(OwnerTag.code)
    )
    return (await connection.execute(query)).all()


def in_group(group_id: UUID, principal: Principal, reach: Reach) -> ColumnElement[bool]:
    """Return the condition on `owner` that he is in a group, which the caller must be able to see."""
    return exists().where(
        OwnerGroupMember.owner_id == Owner.id,
        OwnerGroupMember.group_id == group_id,
        OwnerGroupMember.to_date.is_(None),
        OwnerGroup.id == OwnerGroupMember.group_id,
        groups_seen(principal, reach),
    )


def tagged(code: str) -> ColumnElement[bool]:
    """Return the condition on `owner` that he has a tag."""
    return exists().where(OwnerTagging.owner_id == Owner.id, OwnerTag.id == OwnerTagging.tag_id, OwnerTag.code == code)


def consents_to(purpose: ConsentPurpose) -> ColumnElement[bool]:
    """Return the condition on `owner` that his latest word on a purpose is yes."""
    latest = (
        select(Consent.given)
        .where(Consent.owner_id == Owner.id, Consent.purpose == purpose)
        .order_by(Consent.at.desc(), Consent.id.desc())
        .limit(1)
        .correlate(Owner)
        .scalar_subquery()
    )
    return func.coalesce(latest, literal(False))


def consents(*, owner_id: UUID) -> Select[Any]:
    """Return the query of everything an owner said about purposes."""
    columns: list[Any] = [one for one in Consent.__table__.c if one.name != "owner_id"]
    return select(*columns).where(Consent.owner_id == owner_id)


def consents_now(*, owner_id: UUID) -> Select[Any]:
    """Return the query of an owner's latest word on each purpose."""
    return (
        consents(owner_id=owner_id)
        .ext(distinct_on(Consent.purpose))
        .order_by(Consent.purpose, Consent.at.desc(), Consent.id.desc())
    )


_whose = aliased(Owner, name="whose")
"""The owner whose contact a member is."""
_member = func.json_build_object(
    "id", HouseholdMember.id,
    "owner_id", HouseholdMember.owner_id,
    "contact_id", HouseholdMember.contact_id,
    "name", func.coalesce(Owner.name, _C.name, HouseholdMember.name),
    "restricted", or_(Owner.restricted_at.is_not(None), _whose.restricted_at.is_not(None)),
    "relation", HouseholdMember.relation,
    "is_head", HouseholdMember.is_head,
    "from_date", HouseholdMember.from_date,
    "to_date", HouseholdMember.to_date,
)  # fmt: skip
_members: Any = (
    select(func.coalesce(func.json_agg(aggregate_order_by(_member, HouseholdMember.id)), func.json_build_array()))
    .select_from(HouseholdMember)
    .outerjoin(Owner, Owner.id == HouseholdMember.owner_id)
    .outerjoin(_C, _C.id == HouseholdMember.contact_id)
    .outerjoin(_whose, _whose.id == _C.owner_id)
    .where(HouseholdMember.household_id == Household.id)
    .correlate(Household)
    .scalar_subquery()
    .label("members")
)


def households(reach: Reach, *, unit_id: UUID | None = None, owner_id: UUID | None = None) -> Select[Any]:
    """Return the query of the visible households with their members, ended ones too."""
    columns: list[Any] = [
        Household.id, Household.unit_id, Unit.project_id, Unit.address, Household.name, Household.from_date,
        Household.to_date, Household.version, _members,
    ]  # fmt: skip
    query: Select[Any] = select(*columns).join(Unit, Unit.id == Household.unit_id).where(places(reach))
    if unit_id is not None:
        query = query.where(Household.unit_id == unit_id)
    if owner_id is not None:
        query = query.where(
            exists().where(HouseholdMember.household_id == Household.id, HouseholdMember.owner_id == owner_id)
        )
    return query


async def household(connection: Connection, *, household_id: UUID, reach: Reach) -> Any:
    """Return a visible household's row, or None."""
    return (await connection.execute(households(reach).where(Household.id == household_id))).one_or_none()
