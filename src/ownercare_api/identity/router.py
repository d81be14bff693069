"""Login, the caller, roles, colleagues, and the public keys."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request, Response
from pydantic import StringConstraints
from sqlalchemy import select

from ownercare_api.core.errors import BadRequest, FieldError, Invalid
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader
from ownercare_api.core.pagination import cut
from ownercare_api.identity import service
from ownercare_api.identity.access import Anyone, IdentityRead, MissingScope
from ownercare_api.identity.models import Account
from ownercare_api.identity.roles import DEPARTMENTS, ROLES
from ownercare_api.identity.schemas import GrantRead, MeRead, PersonRead, ReachRead, RoleRead, TokenAnswer
from ownercare_api.identity.tokens import InvalidToken

router = APIRouter(prefix="/v1", tags=["identity"], route_class=OwnerCareRoute)
public = APIRouter(tags=["identity"], route_class=OwnerCareRoute)

Field255 = Annotated[str | None, Form(max_length=255)]


class GrantFieldsMissing(Invalid):
    """422: the grant type needs fields that were not sent."""

    code = "grant_fields_missing"
    zh = "此 grant_type 缺少必需的字段。"
    en = "Fields that this grant_type needs are missing."


def _need(**fields: str | None) -> list[str]:
    missing = [name for name, value in fields.items() if not value]
    if missing:
        raise GrantFieldsMissing(
            errors=tuple(FieldError(f"#/{name}", "missing", "缺少必填项。", "This is required.") for name in missing)
        )
    return [value for value in fields.values() if value]


@router.post(
    "/auth/token",
    operation_id="auth_token_create",
    summary="Log in, refresh, or get a machine's token (登录、刷新、接入系统取令牌)",
    response_model=TokenAnswer,
    responses=problems(BadRequest, service.BadCredentials, service.BadRefreshToken, GrantFieldsMissing),
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def auth_token_create(
    state: State,
    now: Now,
    grant_type: Annotated[Literal["password", "refresh_token", "client_credentials"], Form()],
    username: Field255 = None,
    password: Annotated[str | None, Form(max_length=1024)] = None,
    refresh_token: Field255 = None,
    client_id: Field255 = None,
    client_secret: Field255 = None,
) -> TokenAnswer:
    """`password` for staff and firm users; `refresh_token`, which rotates (using one twice ends the login);
    `client_credentials` for machines. Form-encoded as in RFC 6749."""
    desk: service.Desk = state.parts[service.Desk]
    async with state.database.session() as session:
        tokens: service.Tokens | None
        if grant_type == "password":
            name, secret = _need(username=username, password=password)
            tokens = await service.login(session, desk=desk, username=name, password=secret, now=now)
        elif grant_type == "client_credentials":
            name, secret = _need(client_id=client_id, client_secret=client_secret)
            tokens = await service.client_token(session, desk=desk, client_id=name, client_secret=secret, now=now)
        else:
            (given,) = _need(refresh_token=refresh_token)
            tokens = await service.refresh(session, desk=desk, refresh_token=given, now=now)
        await session.commit()  # also when a reused token has just revoked its family
    if tokens is None:
        raise service.BadRefreshToken
    return TokenAnswer(
        access_token=tokens.access_token,
        expires_in=tokens.expires_in,
        scope=tokens.scope,
        refresh_token=tokens.refresh_token,
    )


@router.post(
    "/auth/logout",
    operation_id="auth_logout_create",
    summary="End this login (退出登录)",
    status_code=204,
    responses=problems(InvalidToken),
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def auth_logout_create(caller: Anyone, state: State, now: Now) -> Response:
    """End the login that this token belongs to, on every server within five seconds; machines have none to end."""
    if caller.session_id is not None:
        async with state.database.session() as session:
            await service.logout(session, session_id=caller.session_id, now=now)
            await session.commit()
    return Response(status_code=204)


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


@router.get(
    "/roles",
    operation_id="roles_list",
    summary="Roles and their scopes (岗位与权限)",
    response_model=list[RoleRead],
    responses=problems(InvalidToken, MissingScope),
    openapi_extra={"x-rules": ["ORG-01", "ORG-10", "ORG-28"]},
)
async def roles_list(caller: IdentityRead) -> list[RoleRead]:
    """Every role of the installation, from the one file that defines them."""
    return [RoleRead(code=role.code, name=role.zh, scopes=sorted(role.scopes)) for role in ROLES.values()]


@router.get(
    "/departments",
    operation_id="departments_list",
    summary="Departments (部门)",
    response_model=dict[str, str],
    responses=problems(InvalidToken),
    openapi_extra={"x-rules": ["ORG-11", "ORG-15"]},
)
async def departments_list(caller: Anyone) -> dict[str, str]:
    """Department codes and their Chinese names."""
    return dict(DEPARTMENTS)


@router.get(
    "/people",
    operation_id="people_list",
    summary="Colleagues, to name handlers and captains (人员)",
    response_model=PageOf[PersonRead],
    responses=problems(InvalidToken, MissingScope),
    openapi_extra={"x-rules": ["ORG-01", "CMP-06"]},
)
async def people_list(
    caller: IdentityRead,
    reader: Reader,
    paging: PageParams,
    department: Annotated[str | None, StringConstraints(max_length=64)] = None,
    post: Annotated[str | None, StringConstraints(max_length=64)] = None,
) -> Response:
    """Staff and firm users, newest first, with filters by department and post."""
    accounts = Account.__table__.c
    query = select(Account.__table__).order_by(accounts.id.desc()).limit(paging.wanted.limit + 1)
    if not caller.reach("identity:read").everywhere:
        query = query.where(accounts.firm_id.is_(None) | accounts.firm_id.in_(caller.reach("identity:read").firms))
    if department is not None:
        query = query.where(accounts.department == department)
    if post is not None:
        query = query.where(accounts.post == post)
    if paging.wanted.after is not None:
        query = query.where(accounts.id < paging.wanted.after[0])
    rows = (await reader.execute(query)).all()

    def show(row: Any) -> dict[str, Any]:
        role = ROLES.get(row.post)
        return PersonRead(
            id=row.id,
            name=row.name,
            kind=row.kind.value,
            post=row.post,
            post_name=role.zh if role else row.post,
            department=row.department,
            firm_id=row.firm_id,
            active=row.disabled_at is None,
        ).model_dump()

    return paging.answer(cut(rows, limit=paging.wanted.limit, key=lambda row: (row.id,)), show=show)


@public.get(
    "/.well-known/jwks.json",
    operation_id="jwks_read",
    summary="Public keys of the access tokens (令牌公钥)",
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def jwks_read(request: Request, state: State, now: Now, response: Response) -> dict[str, list[dict[str, Any]]]:
    """JSON Web Key Set; cacheable for five minutes."""
    desk: service.Desk = state.parts[service.Desk]
    pairs = await desk.keys.pairs(state.database, now=now)
    response.headers["Cache-Control"] = "public, max-age=300"
    return {"keys": [dict(pair.public_jwk) for pair in pairs.values()]}
