"""Households of homes."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from ownercare_api.core.http.etag import IfMatch, put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import newest_first
from ownercare_api.identity.principal import Principal, Reach
from ownercare_api.owners import households, looks, views
from ownercare_api.owners import repository_records as records
from ownercare_api.owners.access import OwnersRead, OwnersWrite
from ownercare_api.owners.households import HouseholdNotFound, NewMember
from ownercare_api.owners.looks import Look
from ownercare_api.owners.models_records import Household
from ownercare_api.owners.restriction import may_see
from ownercare_api.owners.router_parts import patches, reads, writes
from ownercare_api.owners.schemas_records import (
    HouseholdCreate,
    HouseholdEnd,
    HouseholdRead,
    HouseholdUpdate,
    MemberGiven,
    MembersCreate,
)
from ownercare_api.owners.service import READ
from ownercare_api.properties import service as properties
from ownercare_api.properties.service import UnitNotFound

router = APIRouter(prefix="/v1", tags=["owners"], route_class=OwnerCareRoute)

_RULES = ("OWN-10", "OWN-17")


@router.get(
    "/units/{unit_id}/households",
    **reads(
        "units_households_list",
        "Households of a home (家庭)",
        UnitNotFound,
        rules=_RULES,
        model=PageOf[HouseholdRead],
        paged=True,
    ),
)
async def units_households_list(
    principal: OwnersRead, reader: Reader, now: Now, paging: PageParams, unit_id: UUID
) -> Response:
    """Who lives and lived together in a home, newest first."""
    unit = await properties.unit(reader, unit_id=unit_id)
    if not principal.may(READ, project_id=unit.project_id):
        raise UnitNotFound
    query = records.households(principal.reach(READ), unit_id=unit_id)
    page = await newest_first(reader, query=query, key=Household.__table__.c.id, wanted=paging.wanted)
    await _seen(reader, page.items, principal=principal, now=now)
    return paging.answer(page, show=lambda row: views.household(row, seen=may_see(principal)))


@router.post(
    "/units/{unit_id}/households",
    **writes(
        "units_households_create",
        "Enter a household (登记家庭)",
        UnitNotFound,
        households.UnknownPerson,
        households.AlreadyMember,
        rules=_RULES,
        model=HouseholdRead,
    ),
)
async def units_households_create(
    principal: OwnersWrite, session: Tx, now: Now, response: Response, unit_id: UUID, body: HouseholdCreate
) -> HouseholdRead:
    """Owners, contacts of owners and people freely named who live together from a day on, one of them as the head
    (户主). An owner may be in several households."""
    made = await households.start(
        session,
        unit_id=unit_id,
        name=body.name,
        from_date=body.from_date,
        members=_members(body.members),
        principal=principal,
        now=now,
    )
    response.headers["Location"] = f"/v1/households/{made.id}"
    return await _answer(session, response, household_id=made.id, principal=principal)


@router.get(
    "/households/{household_id}",
    **reads("households_read", "A household (家庭详情)", HouseholdNotFound, rules=_RULES, model=HouseholdRead),
)
async def households_read(
    principal: OwnersRead, reader: Reader, now: Now, response: Response, household_id: UUID
) -> HouseholdRead:
    """One household with its members, past ones too."""
    found = await _answer(reader, response, household_id=household_id, principal=principal, reach=principal.reach(READ))
    ids = {member.owner_id for member in found.members if member.owner_id is not None}
    await looks.record(reader, owner_ids=ids, actor=principal, look=Look.RECORD, now=now)
    return found


@router.patch(
    "/households/{household_id}",
    **patches(
        "households_update", "Rename a household (修改家庭)", HouseholdNotFound, rules=_RULES, model=HouseholdRead
    ),
)
async def households_update(
    principal: OwnersWrite, session: Tx, now: Now, response: Response, if_match: IfMatch, household_id: UUID,
    body: HouseholdUpdate,
) -> HouseholdRead:  # fmt: skip
    """JSON Merge Patch of the name."""
    household, unit = await households.for_change(session, household_id=household_id, principal=principal)
    if_match.check(household.version)
    if "name" in body.model_fields_set:
        await households.rename(session, household=household, unit=unit, name=body.name, principal=principal, now=now)
    return await _answer(session, response, household_id=household_id, principal=principal)


@router.post(
    "/households/{household_id}/members",
    **writes(
        "households_members_create",
        "Add members (新增家庭成员)",
        HouseholdNotFound,
        households.HouseholdEnded,
        households.UnknownPerson,
        households.AlreadyMember,
        rules=_RULES,
        model=HouseholdRead,
    ),
)
async def households_members_create(
    principal: OwnersWrite, session: Tx, now: Now, response: Response, household_id: UUID, body: MembersCreate
) -> HouseholdRead:
    """More people live there from a day on; a new head takes the present one's place."""
    await households.add_members(
        session,
        household_id=household_id,
        members=_members(body.members),
        from_date=body.from_date,
        principal=principal,
        now=now,
    )
    return await _answer(session, response, household_id=household_id, principal=principal)


@router.delete(
    "/households/{household_id}/members/{member_id}",
    **writes(
        "households_members_delete",
        "A member leaves (家庭成员迁出)",
        HouseholdNotFound,
        households.MemberNotFound,
        households.HouseholdEnded,
        rules=_RULES,
        status=204,
    ),
)
async def households_members_delete(
    principal: OwnersWrite, session: Tx, now: Now, household_id: UUID, member_id: UUID
) -> Response:
    """From today on the person lives there no more; that he did stays on record."""
    await households.remove_member(
        session, household_id=household_id, member_id=member_id, principal=principal, now=now
    )
    return Response(status_code=204)


@router.post(
    "/households/{household_id}/end",
    **writes(
        "households_end_create",
        "End a household (终止家庭)",
        HouseholdNotFound,
        households.HouseholdEnded,
        households.HouseholdPeriod,
        rules=_RULES,
        model=HouseholdRead,
    ),
)
async def households_end_create(
    principal: OwnersWrite, session: Tx, now: Now, response: Response, household_id: UUID, body: HouseholdEnd
) -> HouseholdRead:
    """The household moves out; everybody's time in it ends on that day."""
    await households.end(session, household_id=household_id, to_date=body.to_date, principal=principal, now=now)
    return await _answer(session, response, household_id=household_id, principal=principal)


def _members(given: list[MemberGiven]) -> list[NewMember]:
    return [NewMember(**one.model_dump()) for one in given]


async def _seen(reader: Reader, rows: Any, *, principal: Principal, now: Now) -> None:
    ids = {UUID(one["owner_id"]) for row in rows for one in row.members if one["owner_id"] is not None}
    await looks.record(reader, owner_ids=ids, actor=principal, look=Look.LIST, now=now)


_ANY = Reach(everywhere=True)


async def _answer(
    connection: records.Connection, response: Response, *, household_id: UUID, principal: Principal, reach: Reach = _ANY
) -> HouseholdRead:
    row = await records.household(connection, household_id=household_id, reach=reach)
    if row is None:
        raise HouseholdNotFound
    put_version(response, row.version)
    return HouseholdRead.model_validate(views.household(row, seen=may_see(principal)))
