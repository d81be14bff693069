"""The owner's own record, homes, and who looked at his data."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import Invalid
from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Lang, Now
from ownercare_api.core.http.transaction import Reader
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.core.wire import Instant
from ownercare_api.identity.access import MissingScope
from ownercare_api.identity.principal import PrincipalKind
from ownercare_api.identity.tokens import InvalidToken
from ownercare_api.owners import looks, own, own_records
from ownercare_api.owners.looks import Look
from ownercare_api.owners.models_looks import OwnerLook
from ownercare_api.owners.own import NotAnOwner, self_of
from ownercare_api.owners.service import OwnerNotFound
from ownercare_api.portal import repository, service, views
from ownercare_api.portal.access import MyRead
from ownercare_api.portal.schemas import MyHomeRead, MyHomeSummary, MyLookRead, MyProfileRead
from ownercare_api.properties.models import Unit
from ownercare_api.properties.service import UnitNotFound

router = APIRouter(prefix="/v1/my", tags=["my"], route_class=OwnerCareRoute)


@router.get(
    "/profile",
    operation_id="my_profile_read",
    summary="One's own record (本人档案)",
    response_model=MyProfileRead,
    responses=problems(InvalidToken, MissingScope, NotAnOwner, OwnerNotFound),
    openapi_extra={"x-rules": ["OWN-01", "OWN-07", "OWN-15"]},
)
async def my_profile_read(principal: MyRead, reader: Reader, now: Now, response: Response) -> dict[str, Any]:
    """Masked as for everybody, with telephone numbers and the homes that are his now. What is wrong is corrected by
    a change request (OWN-05)."""
    owner_id = self_of(principal)
    row, phones = await own.record(reader, owner_id=owner_id)
    put_version(response, row.version)
    return views.profile(
        row,
        phones=phones,
        contacts=await own_records.contacts(reader, owner_id=owner_id, today=business_date(now)),
        homes=await service.homes_now(reader, principal=principal, now=now),
    )


@router.get(
    "/homes",
    operation_id="my_homes_list",
    summary="One's own homes (本人房屋)",
    response_model=PageOf[MyHomeSummary],
    responses=problems(InvalidToken, MissingScope, NotAnOwner, InvalidCursor),
    openapi_extra={"x-rules": ["OWN-10", "OWN-14", "OWN-17"]},
)
async def my_homes_list(
    principal: MyRead, reader: Reader, now: Now, paging: PageParams, project_id: UUID | None = None
) -> Response:
    """The homes of which he has a share now, whole or in part. A home that he sold is its new owner's affair."""
    query = own.homes(owner_id=self_of(principal), today=business_date(now))
    if project_id is not None:
        query = query.where(Unit.project_id == project_id)
    page = await newest_first(reader, query=query, key=Unit.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=views.home_summary)


@router.get(
    "/homes/{unit_id}",
    operation_id="my_homes_read",
    summary="A home with its warranty (房屋与保修期)",
    response_model=MyHomeRead,
    responses=problems(InvalidToken, MissingScope, NotAnOwner, UnitNotFound, Invalid),
    openapi_extra={"x-rules": ["OWN-13", "OWN-14", "OWN-17", "REP-08"]},
)
async def my_homes_read(
    principal: MyRead, reader: Reader, now: Now, response: Response, unit_id: UUID
) -> dict[str, Any]:
    """Delivery, move-in, his own purchase, and until when each part of the home is under warranty, counted from the
    delivery."""
    query = own.homes(owner_id=self_of(principal), today=business_date(now)).where(Unit.id == unit_id)
    row = (await reader.execute(query)).one_or_none()
    if row is None:
        raise UnitNotFound
    shown = views.home(row, covers=await service.covers(reader, row, now=now))
    put_version(response, shown["version"])
    return shown


@router.get(
    "/looks",
    operation_id="my_looks_list",
    summary="Who looked at one's data (谁查看了我的信息)",
    response_model=PageOf[MyLookRead],
    responses=problems(InvalidToken, MissingScope, NotAnOwner, InvalidCursor, Invalid),
    openapi_extra={"x-rules": ["OWN-07"]},
)
async def my_looks_list(
    principal: MyRead,
    reader: Reader,
    spoken: Lang,
    paging: PageParams,
    look: Annotated[Look | None, Query(description="what was looked at (查看方式)")] = None,
    who_kind: Annotated[PrincipalKind | None, Query(description="staff, user of a firm, machine (身份)")] = None,
    department: Annotated[str | None, Query(max_length=64, description="the department's code (部门)")] = None,
    ticket_id: Annotated[UUID | None, Query(description="the case it was for (工单)")] = None,
    at_from: Annotated[Instant | None, Query(description="at or after")] = None,
    at_before: Annotated[Instant | None, Query(description="before")] = None,
) -> Response:
    """Every look, masked or clear, newest first, for three years: by whom, of which department, when, why, for which
    case. The values are not in it."""
    query = repository.own_looks(owner_id=self_of(principal))
    given = {"look": look, "actor_kind": who_kind, "department": department, "ticket_id": ticket_id}
    columns = OwnerLook.__table__.c
    query = query.where(*(columns[name] == value for name, value in given.items() if value is not None))
    if at_from is not None:
        query = query.where(OwnerLook.at >= at_from)
    if at_before is not None:
        query = query.where(OwnerLook.at < at_before)
    page = await newest_first(reader, query=query, key=looks.KEY, wanted=paging.wanted)
    return paging.answer(page, show=lambda row: views.look(row, language=spoken))
