"""The caller: who it is, its password, its logins."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.pagination import cut
from ownercare_api.identity import credentials, service, sessions
from ownercare_api.identity.access import Anyone
from ownercare_api.identity.initial import InitialPasswordExpired
from ownercare_api.identity.limits import TooManyAttempts
from ownercare_api.identity.passwords import LoginsBusy
from ownercare_api.identity.people import SessionEnded, SessionNotFound
from ownercare_api.identity.roles import ROLES
from ownercare_api.identity.schemas import GrantRead, MeRead, PasswordCreate, ReachRead, SessionRead
from ownercare_api.identity.strength import WeakPassword
from ownercare_api.identity.tokens import InvalidToken

router = APIRouter(prefix="/v1", tags=["identity"], route_class=OwnerCareRoute)


@router.get(
    "/me",
    operation_id="me_read",
    summary="Who am I, and what may I do where (本人与权限)",
    response_model=MeRead,
    responses=problems(InvalidToken),
    openapi_extra={"x-rules": ["ORG-10", "ORG-28"]},
)
async def me_read(caller: Anyone) -> MeRead:
    """The caller, its scopes, and the reach of each of its roles."""
    return MeRead(
        id=caller.id,
        kind=caller.kind.value,
        name=caller.name,
        post=caller.post,
        department=caller.department,
        firm_id=caller.firm_id,
        scopes=sorted(caller.scopes),
        must_change_password=caller.must_change_password,
        owner_id=caller.owner_id,
        grants=[
            GrantRead(
                role=grant.role,
                role_name=ROLES[grant.role].zh if grant.role in ROLES else grant.role,
                reach=ReachRead(
                    everywhere=grant.reach.everywhere,
                    project_ids=sorted(grant.reach.projects),
                    firm_ids=sorted(grant.reach.firms),
                ),
            )
            for grant in caller.grants
        ],
    )


@router.post(
    "/me/password",
    operation_id="me_password_create",
    summary="Change the password (修改密码)",
    status_code=204,
    responses=problems(
        InvalidToken,
        credentials.NoPassword,
        credentials.WrongPassword,
        credentials.SamePassword,
        InitialPasswordExpired,
        WeakPassword,
        TooManyAttempts,
        LoginsBusy,
    ),
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def me_password_create(caller: Anyone, state: State, now: Now, body: PasswordCreate) -> Response:
    """Staff and firm users. All other logins of the account end; this one goes on, and after an initial password gets
    its scopes with the next refresh. Repeating the request is refused, so it takes no Idempotency-Key."""
    await credentials.change_password(
        state.database,
        desk=state.parts[service.Desk],
        principal=caller,
        current=body.current_password,
        new=body.new_password,
        now=now,
    )
    return Response(status_code=204)


@router.get(
    "/me/sessions",
    operation_id="me_sessions_list",
    summary="My open logins (本人登录会话)",
    response_model=PageOf[SessionRead],
    responses=problems(InvalidToken),
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def me_sessions_list(caller: Anyone, reader: Reader, paging: PageParams, now: Now) -> Response:
    """Newest first. A login that the caller does not recognise can be ended; then change the password."""
    after = None if paging.wanted.after is None else paging.wanted.after[0]
    rows = await sessions.open_sessions(reader, principal=caller, after=after, limit=paging.wanted.limit, now=now)

    def show(row: Any) -> dict[str, Any]:
        return SessionRead.of(row, current=caller.session_id).model_dump(mode="json")

    return paging.answer(cut(rows, limit=paging.wanted.limit, key=lambda row: (row.id,)), show=show)


@router.post(
    "/me/sessions/{session_id}/revocation",
    operation_id="me_sessions_revocation_create",
    summary="End one of my logins (结束登录会话)",
    status_code=201,
    response_model=SessionRead,
    responses=problems(InvalidToken, SessionNotFound, SessionEnded),
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def me_sessions_revocation_create(
    session_id: UUID, caller: Anyone, session: Tx, state: State, now: Now
) -> SessionRead:
    """End one of the caller's own logins, on every server within five seconds."""
    ended = await sessions.end_session(
        session, desk=state.parts[service.Desk], session_id=session_id, principal=caller, now=now
    )
    return SessionRead.of(ended, current=caller.session_id)
