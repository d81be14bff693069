"""Roles of people: given, listed, taken back."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.http.paging import PageOf, PageParams, Paging
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import AppState, Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.core.wire import Code
from ownercare_api.identity import authority, grants, profiles, repository_admin
from ownercare_api.identity.access import Anyone, IdentityManage, IdentityRead, MissingScope
from ownercare_api.identity.administrators import LastAdministrator
from ownercare_api.identity.authority import MANAGE, OwnAccount
from ownercare_api.identity.delegations import StaffOnly
from ownercare_api.identity.grants import (
    GrantEnded,
    GrantEndReason,
    GrantNotFound,
    GrantOverlaps,
    RoleNotGrantable,
    TargetNotFound,
    WrongLevel,
    WrongPeriod,
)
from ownercare_api.identity.models import Account, GrantLevel, RoleGrant
from ownercare_api.identity.people import PersonDisabled, PersonNotFound, UnknownFirm
from ownercare_api.identity.principal import OutOfReach, Principal, PrincipalKind
from ownercare_api.identity.schemas_admin import GrantCreate, GrantEnd, RoleGrantRead
from ownercare_api.identity.surroundings import Surroundings
from ownercare_api.identity.tokens import InvalidToken

router = APIRouter(prefix="/v1", tags=["identity"], route_class=OwnerCareRoute)

Active = Annotated[bool | None, Query(description="true: in force now; false: ended, or not begun")]


async def _page(
    reader: AsyncConnection, query: Select[tuple[object, ...]], *, principal: Principal, state: AppState, now: Now,
    paging: Paging,
) -> Response:  # fmt: skip
    around: Surroundings = state.parts[Surroundings]
    far = await authority.of(reader, principal=principal, scope=MANAGE, surroundings=around, now=now)
    show = profiles.grant_view(far, principal=principal, now=now)
    page = await newest_first(reader, query=query, key=RoleGrant.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=lambda row: show(row).model_dump())


async def _one(
    connection: AsyncConnection | AsyncSession, *, grant_id: UUID, principal: Principal, state: AppState, now: Now
) -> RoleGrantRead:
    row = (
        await connection.execute(repository_admin.grants(principal, now=now).where(RoleGrant.id == grant_id))
    ).one_or_none()
    if row is None:
        raise GrantNotFound
    around: Surroundings = state.parts[Surroundings]
    far = await authority.of(connection, principal=principal, scope=MANAGE, surroundings=around, now=now)
    return profiles.grant_view(far, principal=principal, now=now)(row)


@router.get(
    "/me/grants",
    operation_id="me_grants_list",
    summary="One's own grants (本人授权)",
    response_model=PageOf[RoleGrantRead],
    responses=problems(InvalidToken, StaffOnly, InvalidCursor),
    openapi_extra={"x-rules": ["ORG-10", "ORG-28"]},
)
async def me_grants_list(
    principal: Anyone, reader: Reader, state: State, now: Now, paging: PageParams, active: Active = None
) -> Response:
    """The roles that the caller was given, with their ids: those with `delegations` among the allowed actions can be
    lent. What was lent to the caller stands in `/v1/delegations`."""
    if principal.kind not in (PrincipalKind.STAFF, PrincipalKind.FIRM_USER):
        raise StaffOnly
    query = repository_admin.grants(principal, now=now, person_id=principal.id, active=active)
    return await _page(reader, query, principal=principal, state=state, now=now, paging=paging)


@router.get(
    "/people/{person_id}/grants",
    operation_id="people_grants_list",
    summary="Roles of a person (人员授权)",
    response_model=PageOf[RoleGrantRead],
    responses=problems(InvalidToken, MissingScope, PersonNotFound, InvalidCursor),
    openapi_extra={"x-rules": ["ORG-10", "ORG-28"]},
)
async def people_grants_list(
    principal: IdentityRead, reader: Reader, state: State, now: Now, paging: PageParams, person_id: UUID,
    active: Active = None,
) -> Response:  # fmt: skip
    """In force, to come and ended, newest first, as far as they lie in the caller's reach."""
    known = select(Account.id).where(Account.id == person_id, repository_admin.people_visible_to(principal))
    if (await reader.execute(known)).one_or_none() is None:
        raise PersonNotFound
    query = repository_admin.grants(principal, now=now, person_id=person_id, active=active)
    return await _page(reader, query, principal=principal, state=state, now=now, paging=paging)


@router.post(
    "/people/{person_id}/grants",
    operation_id="people_grants_create",
    summary="Give a role (授予角色)",
    status_code=201,
    response_model=RoleGrantRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, OwnAccount, PersonNotFound, PersonDisabled, RoleNotGrantable,
        WrongLevel, TargetNotFound, UnknownFirm, WrongPeriod, GrantOverlaps,
    ),
    openapi_extra={"x-rules": ["ORG-10", "ORG-28"]},
)  # fmt: skip
async def people_grants_create(
    principal: IdentityManage, session: Tx, state: State, now: Now, response: Response, person_id: UUID,
    body: GrantCreate,
) -> RoleGrantRead:  # fmt: skip
    """For the company, a region or a project within the caller's own reach; users of a partner firm hold roles of their
    kind of firm, for their own firm. Nobody gives himself a role. It holds within seconds; scopes that are new to the
    person need a refreshed token."""
    grant = await grants.give(
        session, person_id=person_id, **body.model_dump(), surroundings=state.parts[Surroundings],
        principal=principal, now=now,
    )  # fmt: skip
    response.headers["Location"] = f"/v1/role-grants/{grant.id}"
    return await _one(session, grant_id=grant.id, principal=principal, state=state, now=now)


@router.get(
    "/role-grants",
    operation_id="role_grants_list",
    summary="Who holds which role where (授权清单)",
    response_model=PageOf[RoleGrantRead],
    responses=problems(InvalidToken, MissingScope, InvalidCursor),
    openapi_extra={"x-rules": ["ORG-10", "ORG-28"]},
)
async def role_grants_list(
    principal: IdentityRead,
    reader: Reader,
    state: State,
    now: Now,
    paging: PageParams,
    person_id: UUID | None = None,
    role: Annotated[Code | None, Query(description="role code")] = None,
    level: GrantLevel | None = None,
    target_id: Annotated[UUID | None, Query(description="regional company, project or firm")] = None,
    active: Active = None,
) -> Response:
    """For the periodic review of grants, newest first, as far as they lie in the caller's reach."""
    query = repository_admin.grants(
        principal, now=now, person_id=person_id, role=role, level=level, target_id=target_id, active=active
    )
    return await _page(reader, query, principal=principal, state=state, now=now, paging=paging)


@router.get(
    "/role-grants/{grant_id}",
    operation_id="role_grants_read",
    summary="A grant (授权详情)",
    response_model=RoleGrantRead,
    responses=problems(InvalidToken, MissingScope, GrantNotFound),
    openapi_extra={"x-rules": ["ORG-10", "ORG-28"]},
)
async def role_grants_read(
    principal: IdentityRead, reader: Reader, state: State, now: Now, grant_id: UUID
) -> RoleGrantRead:
    """One role of one person."""
    return await _one(reader, grant_id=grant_id, principal=principal, state=state, now=now)


@router.post(
    "/role-grants/{grant_id}/end",
    operation_id="role_grants_end_create",
    summary="Take a role back (终止授权)",
    status_code=201,
    response_model=RoleGrantRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, GrantNotFound, WrongPeriod, GrantEnded, LastAdministrator
    ),
    openapi_extra={"x-rules": ["ORG-10", "ORG-28"]},
)
async def role_grants_end_create(
    principal: IdentityManage, session: Tx, state: State, now: Now, grant_id: UUID, body: GrantEnd
) -> RoleGrantRead:
    """Now, or at a time before its own end; never later. What was lent of it ends with it. One who has not begun never
    does. The last permanent administrator of the company stays."""
    await grants.end(
        session, grant_id=grant_id, ends_at=body.ends_at, reason=GrantEndReason(body.reason),
        surroundings=state.parts[Surroundings], principal=principal, now=now,
    )  # fmt: skip
    return await _one(session, grant_id=grant_id, principal=principal, state=state, now=now)
