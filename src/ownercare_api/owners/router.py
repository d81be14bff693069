"""Owners: list, record, plain fields, telephone numbers, exact search."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import PreconditionRequired, Stale
from ownercare_api.core.http.etag import IfMatch, put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import count_up_to_ceiling, newest_first
from ownercare_api.core.pagination import InvalidCursor, cut
from ownercare_api.identity.access import MissingScope
from ownercare_api.identity.principal import OutOfReach, Reach
from ownercare_api.identity.tokens import InvalidToken
from ownercare_api.owners import archive, looks, ownerships, repository, restriction, searches, service, views
from ownercare_api.owners import repository_records as records
from ownercare_api.owners.access import OwnersRead, OwnersWrite
from ownercare_api.owners.documents import InvalidDocument
from ownercare_api.owners.looks import Look
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_records import ConsentPurpose
from ownercare_api.owners.schemas import (
    OwnerCreate,
    OwnerRead,
    OwnerSearch,
    OwnersFound,
    OwnerSummary,
    OwnerUpdate,
    PhoneCreate,
)
from ownercare_api.owners.service import READ, WRITE, OwnerMerged, OwnerNotFound
from ownercare_api.properties.service import UnitNotFound

router = APIRouter(prefix="/v1", tags=["owners"], route_class=OwnerCareRoute)

PROFILE = ("special_needs", "preferred_channel", "preferred_times", "language", "purchase_need")
"""Plain fields of a new record beside those that every record has."""


@router.get(
    "/owners",
    operation_id="owners_list",
    summary="Owners (业主)",
    response_model=PageOf[OwnerSummary],
    responses=problems(InvalidToken, MissingScope, InvalidCursor),
    openapi_extra={"x-rules": ["OWN-07", "OWN-10", "OWN-12"]},
)
async def owners_list(
    principal: OwnersRead,
    reader: Reader,
    paging: PageParams,
    now: Now,
    project_id: Annotated[UUID | None, Query(description="has or had a home there")] = None,
    unit_id: Annotated[UUID | None, Query(description="owns or owned this home")] = None,
    q: Annotated[
        str | None, Query(min_length=1, max_length=100, description="a piece of the name, in characters or pinyin")
    ] = None,
    group_id: Annotated[UUID | None, Query(description="is in this group, which the caller may see")] = None,
    tag: Annotated[str | None, Query(max_length=64, description="has the tag with this code")] = None,
    consents_to: Annotated[ConsentPurpose | None, Query(description="agrees to this purpose now")] = None,
    sort: Annotated[Literal["newest", "name"], Query(description="by pinyin of the name, or newest first")] = "newest",
) -> Response:
    """Owners who have or had a home in the caller's reach, masked. Numbers are found with an exact search, never
    with `q`: see `POST /v1/owner-searches`."""
    reach, wanted = principal.reach(READ), paging.wanted
    query = repository.owners(reach, project_id=project_id, unit_id=unit_id, q=q, seen=restriction.may_see(principal))
    if group_id is not None:
        query = query.where(records.in_group(group_id, principal, reach))
    if tag is not None:
        query = query.where(records.tagged(tag))
    if consents_to is not None:
        query = query.where(records.consents_to(consents_to))
    if sort == "newest":
        page = await newest_first(reader, query=query, key=Owner.__table__.c.id, wanted=wanted)
    else:
        total = await count_up_to_ceiling(reader, query) if wanted.include_total else None
        after = None if wanted.after is None else wanted.after[0]
        rows = (await reader.execute(repository.by_name(query, after=after, limit=wanted.limit))).all()
        page = cut(rows, limit=wanted.limit, key=lambda row: (row.id,), total=total)
    ids = [row.id for row in page.items]
    found = await repository.homes(reader, owner_ids=ids, reach=reach)
    homes = views.homes_by_owner(found)
    await looks.record(reader, owner_ids=ids, actor=principal, look=Look.LIST, now=now)
    return paging.answer(page, show=lambda row: views.summary(row, homes=homes[row.id]))


@router.post(
    "/owners",
    operation_id="owners_create",
    summary="Open an owner's record (建立业主档案)",
    status_code=201,
    response_model=OwnerRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, UnitNotFound, InvalidDocument, archive.DocumentMismatch,
        archive.OwnerExists, archive.HomeMissing, ownerships.UnitAlreadySold, ownerships.SharesExceeded,
        ownerships.AlreadyHolds,
    ),
    openapi_extra={"x-rules": ["OWN-01", "OWN-02", "OWN-03", "OWN-04", "OWN-13", "OWN-15"]},
)  # fmt: skip
async def owners_create(
    principal: OwnersWrite, session: Tx, state: State, now: Now, response: Response, body: OwnerCreate
) -> OwnerRead:
    """What is collected at purchase, with numbers in clear: they are encrypted at once and shown masked ever after.
    Sex and birth date are read from a resident ID number. One document, one record."""
    new = archive.NewOwner(
        name=body.name,
        sex=body.sex,
        birth_date=body.birth_date,
        document=None if body.document is None else (body.document.kind, body.document.number),
        home_address=body.home_address,
        occupation=body.occupation,
        preferences=body.preferences,
        phones=[(phone.number, phone.label) for phone in body.phones],
        homes=[ownerships.Purchase(**home.model_dump()) for home in body.homes],
        profile=body.model_dump(include=set(PROFILE)),
    )
    owner = await archive.register(session, new=new, keyring=state.keyring, principal=principal, now=now)
    response.headers["Location"] = f"/v1/owners/{owner.id}"
    return await _answer(session, response, owner_id=owner.id, reach=service.sight(principal, WRITE), now=now)


@router.get(
    "/owners/{owner_id}",
    operation_id="owners_read",
    summary="An owner's record (业主档案)",
    response_model=OwnerRead,
    responses=problems(InvalidToken, MissingScope, OwnerNotFound)
    | {308: {"description": "the record was merged into the one that `Location` names"}},
    openapi_extra={"x-rules": ["OWN-07", "OWN-10", "OWN-15"]},
)
async def owners_read(
    principal: OwnersRead, reader: Reader, now: Now, response: Response, owner_id: UUID
) -> OwnerRead | Response:
    """One owner, masked, with telephone numbers and the homes in the caller's reach. The id of a record that was merged
    into another one keeps leading there: 308."""
    seen, reach = restriction.may_see(principal), principal.reach(READ)
    try:
        found = await _answer(reader, response, owner_id=owner_id, reach=reach, now=now, seen=seen)
    except OwnerNotFound:
        survivor = await repository.survivor_of(reader, owner_id=owner_id, reach=reach)
        if survivor is None:
            raise
        return Response(status_code=308, headers={"Location": f"/v1/owners/{survivor}", "Cache-Control": "no-store"})
    await looks.record(reader, owner_ids=[owner_id], actor=principal, look=Look.RECORD, now=now)
    return found


@router.patch(
    "/owners/{owner_id}",
    operation_id="owners_update",
    summary="Change an owner's plain fields (修改业主资料)",
    response_model=OwnerRead,
    responses=problems(
        InvalidToken,
        MissingScope,
        OutOfReach,
        OwnerNotFound,
        OwnerMerged,
        restriction.OwnerRestricted,
        Stale,
        PreconditionRequired,
    ),
    openapi_extra={"x-rules": ["OWN-02", "OWN-03", "OWN-05"]},
)
async def owners_update(
    principal: OwnersWrite, session: Tx, now: Now, response: Response, if_match: IfMatch, owner_id: UUID,
    body: OwnerUpdate,
) -> OwnerRead:  # fmt: skip
    """JSON Merge Patch of occupation, needs, preferences, and how the owner likes to be reached. Name, document, sex,
    birth date and home address are identity: they change only after staff have verified the change (OWN-05)."""
    owner = await service.owner_for_change(session, owner_id=owner_id, principal=principal)
    if_match.check(owner.version)
    changes = body.model_dump(exclude_unset=True)
    await archive.update(session, owner=owner, changes=changes, principal=principal, now=now)
    return await _answer(session, response, owner_id=owner_id, reach=service.sight(principal, WRITE), now=now)


@router.post(
    "/owners/{owner_id}/phones",
    operation_id="owners_phones_create",
    summary="Add a telephone number (新增联系电话)",
    status_code=201,
    response_model=OwnerRead,
    responses=problems(
        InvalidToken,
        MissingScope,
        OutOfReach,
        OwnerNotFound,
        OwnerMerged,
        restriction.OwnerRestricted,
        archive.PhoneKnown,
    ),
    openapi_extra={"x-rules": ["OWN-01", "OWN-15"]},
)
async def owners_phones_create(
    principal: OwnersWrite, session: Tx, state: State, now: Now, response: Response, owner_id: UUID, body: PhoneCreate
) -> OwnerRead:
    """Several owners may share a number. With `is_primary` it takes the place of the present primary number. The owner
    can't log in with it until a change request for it was verified by a second person (OWN-05)."""
    await archive.add_phone(
        session, owner_id=owner_id, **body.model_dump(), keyring=state.keyring, principal=principal, now=now
    )
    return await _answer(session, response, owner_id=owner_id, reach=service.sight(principal, WRITE), now=now)


@router.delete(
    "/owners/{owner_id}/phones/{phone_id}",
    operation_id="owners_phones_delete",
    summary="Remove a telephone number (删除联系电话)",
    status_code=204,
    responses=problems(
        InvalidToken,
        MissingScope,
        OutOfReach,
        OwnerNotFound,
        OwnerMerged,
        archive.PhoneNotFound,
        archive.PrimaryPhone,
    ),
    openapi_extra={"x-rules": ["OWN-01", "OWN-04"]},
)
async def owners_phones_delete(
    principal: OwnersWrite, session: Tx, now: Now, owner_id: UUID, phone_id: UUID
) -> Response:
    """Any number but the primary one."""
    await archive.remove_phone(session, owner_id=owner_id, phone_id=phone_id, principal=principal, now=now)
    return Response(status_code=204)


@router.post(
    "/owner-searches",
    operation_id="owner_searches_create",
    summary="Find owners by a whole number or name (精确查找业主)",
    response_model=OwnersFound,
    responses=problems(InvalidToken, MissingScope, InvalidDocument),
    openapi_extra={"x-rules": ["OWN-07", "OWN-15"]},
)
async def owner_searches_create(
    principal: OwnersRead, session: Tx, state: State, now: Now, body: OwnerSearch
) -> OwnersFound:
    """Exact, through the keyed blind index; a POST, so that numbers never stand in an address. Finds only owners in
    the caller's reach, at most fifty, and is recorded without the number."""
    found = await searches.find(session, **body.model_dump(), keyring=state.keyring, principal=principal, now=now)
    reach = principal.reach(READ)
    homes = views.homes_by_owner(await repository.homes(session, owner_ids=[row.id for row in found.rows], reach=reach))
    items = [OwnerSummary.model_validate(views.summary(row, homes=homes[row.id])) for row in found.rows]
    return OwnersFound(items=items, more=found.more)


async def _answer(
    connection: repository.Connection,
    response: Response,
    *,
    owner_id: UUID,
    reach: Reach,
    now: datetime,
    seen: bool = False,
) -> OwnerRead:
    row = await repository.owner(connection, owner_id=owner_id, reach=reach)
    if row is None:
        raise OwnerNotFound
    phones = await repository.phones(connection, owner_id=owner_id)
    homes = views.homes_by_owner(await repository.homes(connection, owner_ids=[owner_id], reach=reach))
    put_version(response, row.version)
    shown = views.full(row, homes=homes[owner_id], phones=phones, today=business_date(now), seen=seen)
    return OwnerRead.model_validate(shown)
