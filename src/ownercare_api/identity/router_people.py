"""Colleagues, and the administration of their accounts and logins."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.errors import PreconditionRequired, Stale
from ownercare_api.core.http.etag import IfMatch, put_version
from ownercare_api.core.http.idempotency import shown_once
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import AppState, Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.core.wire import Code
from ownercare_api.identity import authority, people, profiles, repository_admin, views_admin
from ownercare_api.identity.access import IdentityManage, IdentityRead, MissingScope
from ownercare_api.identity.administrators import LastAdministrator, UsernameTaken
from ownercare_api.identity.authority import MANAGE, OwnAccount
from ownercare_api.identity.models import Account, AccountKind, AuthSession
from ownercare_api.identity.people import (
    DisablementReason,
    PersonActive,
    PersonDisabled,
    PersonNotFound,
    ReinstatementReason,
    UnknownDepartment,
    UnknownFirm,
    UnsuitablePost,
)
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.identity.schemas import PersonRead
from ownercare_api.identity.schemas_admin import (
    DisablementCreate,
    PersonCreate,
    PersonDetail,
    PersonSessionRead,
    PersonUpdate,
    PersonWithPassword,
    ReinstatementCreate,
)
from ownercare_api.identity.surroundings import Surroundings
from ownercare_api.identity.tokens import InvalidToken

router = APIRouter(prefix="/v1", tags=["identity"], route_class=OwnerCareRoute)

Search = Annotated[str | None, Query(min_length=1, max_length=100, description="a piece of the name")]
_CHANGE = (InvalidToken, MissingScope, OutOfReach, PersonNotFound, OwnAccount)


def _around(state: AppState) -> Surroundings:
    found: Surroundings = state.parts[Surroundings]
    return found


async def _person(
    connection: AsyncConnection | AsyncSession, response: Response, *, person_id: UUID, principal: Principal,
    state: AppState, now: Now,
) -> PersonDetail:  # fmt: skip
    query = repository_admin.people(principal, now=now).where(Account.__table__.c.id == person_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise PersonNotFound
    put_version(response, row.version)
    return await profiles.profile(connection, row, principal=principal, surroundings=_around(state), now=now)


async def _with_password(
    session: AsyncSession, request: Request, response: Response, *, account: Account, password: str,
    principal: Principal, state: AppState, now: Now,
) -> PersonWithPassword:  # fmt: skip
    shown_once(request, "initial_password")
    response.headers["Cache-Control"] = "no-store"
    found = await _person(session, response, person_id=account.id, principal=principal, state=state, now=now)
    return PersonWithPassword(**dict(found), initial_password=password)


@router.get(
    "/people",
    operation_id="people_list",
    summary="Colleagues, to name handlers and captains (人员)",
    response_model=PageOf[PersonRead],
    responses=problems(InvalidToken, MissingScope, InvalidCursor),
    openapi_extra={"x-rules": ["ORG-01", "CMP-06"]},
)
async def people_list(
    principal: IdentityRead,
    reader: Reader,
    now: Now,
    paging: PageParams,
    department: Code | None = None,
    post: Code | None = None,
    kind: Annotated[Literal["staff", "firm_user"] | None, Query(description="员工 or 合作单位人员")] = None,
    firm_id: Annotated[UUID | None, Query(description="users of this partner firm")] = None,
    role: Annotated[Code | None, Query(description="who holds this role now, as far as the caller may see")] = None,
    active: Annotated[bool | None, Query(description="false: disabled accounts")] = None,
    q: Search = None,
) -> Response:
    """Staff and users of partner firms, newest first; `q` looks into the name, for administrators also into the login
    name. Users of a firm see that firm's people; users of firms are shown to those with company-wide reach. Owners are
    no colleagues and never appear."""
    query = repository_admin.people(
        principal, now=now, department=department, post=post, kind=None if kind is None else AccountKind(kind),
        firm_id=firm_id, role=role, active=active, q=q,
    )  # fmt: skip
    page = await newest_first(reader, query=query, key=Account.__table__.c.id, wanted=paging.wanted)

    def show(row: Any) -> dict[str, Any]:
        return PersonRead(**views_admin.person(row)).model_dump()

    return paging.answer(page, show=show)


@router.post(
    "/people",
    operation_id="people_create",
    summary="Open an account (新增人员)",
    status_code=201,
    response_model=PersonWithPassword,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, UsernameTaken, UnsuitablePost, UnknownDepartment, UnknownFirm
    ),
    openapi_extra={"x-rules": ["ORG-01", "ORG-28"]},
)
async def people_create(
    principal: IdentityManage, session: Tx, state: State, now: Now, request: Request, response: Response,
    body: PersonCreate,
) -> PersonWithPassword:  # fmt: skip
    """An employee, or a user of a partner firm (for that, company-wide reach). The answer shows an initial password
    once; with it the person can only set one of his own. The account holds no role yet: give it with
    `/people/{person_id}/grants`."""
    account, password = await people.create(
        session, **body.model_dump(exclude={"kind"}), kind=AccountKind(body.kind), surroundings=_around(state),
        principal=principal, now=now,
    )  # fmt: skip
    response.headers["Location"] = f"/v1/people/{account.id}"
    return await _with_password(
        session, request, response, account=account, password=password, principal=principal, state=state, now=now
    )


@router.get(
    "/people/{person_id}",
    operation_id="people_read",
    summary="A person and what he may do (人员详情与授权)",
    response_model=PersonDetail,
    responses=problems(InvalidToken, MissingScope, PersonNotFound),
    openapi_extra={"x-rules": ["ORG-01", "ORG-10", "ORG-28"]},
)
async def people_read(
    principal: IdentityRead, reader: Reader, state: State, now: Now, response: Response, person_id: UUID
) -> PersonDetail:
    """The account with its grants and delegations, as far as they lie in the caller's reach. How the person logs in is
    shown to himself and to those who administer him."""
    return await _person(reader, response, person_id=person_id, principal=principal, state=state, now=now)


@router.patch(
    "/people/{person_id}",
    operation_id="people_update",
    summary="Change name, post and department (修改人员资料)",
    response_model=PersonDetail,
    responses=problems(*_CHANGE, UnsuitablePost, UnknownDepartment, UnknownFirm, Stale, PreconditionRequired),
    openapi_extra={"x-rules": ["ORG-01", "ORG-28"]},
)
async def people_update(
    principal: IdentityManage, session: Tx, state: State, now: Now, response: Response, if_match: IfMatch,
    person_id: UUID, body: PersonUpdate,
) -> PersonDetail:  # fmt: skip
    """JSON Merge Patch. Post and department say where somebody works; what he may do are his grants. Nobody changes
    his own."""
    around = _around(state)
    account = await people.for_change(session, person_id=person_id, surroundings=around, principal=principal, now=now)
    if_match.check(account.version)
    changes = body.model_dump(exclude_unset=True)
    await people.update(session, account=account, changes=changes, surroundings=around, principal=principal, now=now)
    return await _person(session, response, person_id=person_id, principal=principal, state=state, now=now)


@router.post(
    "/people/{person_id}/disablement",
    operation_id="people_disablement_create",
    summary="Disable an account (停用账号)",
    status_code=201,
    response_model=PersonDetail,
    responses=problems(*_CHANGE, PersonDisabled, LastAdministrator),
    openapi_extra={"x-rules": ["ORG-10", "ORG-28"]},
)
async def people_disablement_create(
    principal: IdentityManage, session: Tx, state: State, now: Now, response: Response, person_id: UUID,
    body: DisablementCreate,
) -> PersonDetail:  # fmt: skip
    """Ends every login within seconds. Grants stay as they are and count again after a reinstatement; what the person
    lent rests meanwhile."""
    reason = DisablementReason(body.reason)
    await people.disable(
        session, person_id=person_id, reason=reason, surroundings=_around(state), principal=principal, now=now
    )
    return await _person(session, response, person_id=person_id, principal=principal, state=state, now=now)


@router.post(
    "/people/{person_id}/reinstatement",
    operation_id="people_reinstatement_create",
    summary="Open a disabled account again (恢复账号)",
    status_code=201,
    response_model=PersonDetail,
    responses=problems(*_CHANGE, PersonActive, UnknownFirm),
    openapi_extra={"x-rules": ["ORG-10", "ORG-28"]},
)
async def people_reinstatement_create(
    principal: IdentityManage, session: Tx, state: State, now: Now, response: Response, person_id: UUID,
    body: ReinstatementCreate,
) -> PersonDetail:  # fmt: skip
    """With the password and the grants that it has; logins of before stay ended."""
    reason = ReinstatementReason(body.reason)
    await people.reinstate(
        session, person_id=person_id, reason=reason, surroundings=_around(state), principal=principal, now=now
    )
    return await _person(session, response, person_id=person_id, principal=principal, state=state, now=now)


@router.post(
    "/people/{person_id}/password-reset",
    operation_id="people_password_reset_create",
    summary="Give a new initial password (重置密码)",
    status_code=201,
    response_model=PersonWithPassword,
    responses=problems(*_CHANGE, PersonDisabled),
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def people_password_reset_create(
    principal: IdentityManage, session: Tx, state: State, now: Now, request: Request, response: Response,
    person_id: UUID,
) -> PersonWithPassword:  # fmt: skip
    """Shown once; it buys nothing but a new one. Every login of the person ends within seconds."""
    account, password = await people.reset_password(
        session, person_id=person_id, surroundings=_around(state), principal=principal, now=now
    )
    return await _with_password(
        session, request, response, account=account, password=password, principal=principal, state=state, now=now
    )


@router.get(
    "/people/{person_id}/sessions",
    operation_id="people_sessions_list",
    summary="Logins of a person (登录会话)",
    response_model=PageOf[PersonSessionRead],
    responses=problems(InvalidToken, MissingScope, OutOfReach, PersonNotFound, InvalidCursor),
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def people_sessions_list(
    principal: IdentityManage, reader: Reader, state: State, now: Now, paging: PageParams, person_id: UUID,
    is_open: Annotated[bool | None, Query(description="true: those that are not over")] = None,
) -> Response:  # fmt: skip
    """Newest first; for those who administer the person."""
    query = repository_admin.people(principal, now=now).where(Account.__table__.c.id == person_id)
    row = (await reader.execute(query)).one_or_none()
    if row is None:
        raise PersonNotFound
    far = await authority.of(reader, principal=principal, scope=MANAGE, surroundings=_around(state), now=now)
    if not await people.administers(reader, far=far, person=row, now=now):
        raise OutOfReach
    logins = repository_admin.sessions(account_id=person_id, now=now, is_open=is_open)
    page = await newest_first(reader, query=logins, key=AuthSession.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=lambda one: views_admin.session(one, now=now).model_dump())


@router.post(
    "/people/{person_id}/sessions/{session_id}/revocation",
    operation_id="people_sessions_revocation_create",
    summary="End a login of a person (强制下线)",
    status_code=201,
    response_model=PersonSessionRead,
    responses=problems(*_CHANGE, people.SessionNotFound, people.SessionEnded),
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def people_sessions_revocation_create(
    principal: IdentityManage, session: Tx, state: State, now: Now, person_id: UUID, session_id: UUID
) -> PersonSessionRead:
    """Its tokens are refused within seconds, on every server."""
    ended = await people.revoke_session(
        session, person_id=person_id, session_id=session_id, surroundings=_around(state), principal=principal, now=now
    )
    return views_admin.session(ended, now=now)
