"""Login, roles, and the public keys."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Request, Response

from ownercare_api.core.errors import BadRequest, FieldError, Invalid
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import AppState, Now, State
from ownercare_api.core.phones import InvalidPhone
from ownercare_api.identity import codes, login, service
from ownercare_api.identity.access import Anyone, IdentityRead, MissingScope
from ownercare_api.identity.initial import InitialPasswordExpired
from ownercare_api.identity.limits import TooManyAttempts
from ownercare_api.identity.passwords import LoginsBusy
from ownercare_api.identity.roles import DEPARTMENTS, ROLES
from ownercare_api.identity.schemas import (
    MobileNeeded,
    OneTimeCodeCreate,
    OneTimeCodeRead,
    RoleRead,
    TokenAnswer,
    mobile_number,
)
from ownercare_api.identity.sources import networks, source_of
from ownercare_api.identity.tokens import InvalidToken

router = APIRouter(prefix="/v1", tags=["identity"], route_class=OwnerCareRoute)
public = APIRouter(tags=["identity"], route_class=OwnerCareRoute)

Field255 = Annotated[str | None, Form(max_length=255)]


class GrantFieldsMissing(Invalid):
    """422: the grant type needs fields that were not sent."""

    code = "grant_fields_missing"
    zh = "此 grant_type 缺少必需的字段。"
    en = "Fields that this grant_type needs are missing."


async def _source(request: Request, state: State) -> str:
    return source_of(
        peer=None if request.client is None else request.client.host,
        forwarded_for=request.headers.getlist("x-forwarded-for"),
        trusted=networks(state.settings.trusted_proxies),
    )


Source = Annotated[str, Depends(_source)]


def _need(**fields: str | None) -> list[str]:
    missing = [name for name, value in fields.items() if not value]
    if missing:
        raise GrantFieldsMissing(
            errors=tuple(FieldError(f"#/{name}", "missing", "缺少必填项。", "This is required.") for name in missing)
        )
    return [value for value in fields.values() if value]


@router.post(
    "/auth/one-time-codes",
    operation_id="auth_one_time_codes_create",
    summary="Send an owner a code to log in with (业主登录验证码)",
    status_code=202,
    response_model=OneTimeCodeRead,
    responses=problems(TooManyAttempts),
    openapi_extra={"x-rules": ["OWN-07", "ORG-28"]},
)
async def auth_one_time_codes_create(
    state: State, now: Now, source: Source, body: OneTimeCodeCreate
) -> OneTimeCodeRead:
    """Six digits by short message, good for five minutes, five tries and one login; a new code ends the one before.

    The answer is the same whether or not an owner has the number (OWN-07). At most one code a minute, five an hour and
    ten a day to one number."""
    desk: service.Desk = state.parts[service.Desk]
    await codes.request(state.database, desk=desk, number=body.mobile, source=source, now=now)
    return OneTimeCodeRead(expires_in=int(codes.LIFETIME.total_seconds()), retry_after=int(codes.PAUSE.total_seconds()))


@router.post(
    "/auth/token",
    operation_id="auth_token_create",
    summary="Log in, refresh, or get a machine's token (登录、刷新、接入系统取令牌)",
    response_model=TokenAnswer,
    responses=problems(
        BadRequest,
        service.BadCredentials,
        InitialPasswordExpired,
        service.BadRefreshToken,
        codes.BadCode,
        codes.OwnerAmbiguous,
        GrantFieldsMissing,
        InvalidPhone,
        MobileNeeded,
        TooManyAttempts,
        LoginsBusy,
    ),
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def auth_token_create(
    state: State,
    now: Now,
    source: Source,
    grant_type: Annotated[Literal["password", "one_time_code", "refresh_token", "client_credentials"], Form()],
    username: Field255 = None,
    password: Annotated[str | None, Form(max_length=1024)] = None,
    mobile: Annotated[str | None, Form(max_length=40)] = None,
    code: Annotated[str | None, Form(max_length=20)] = None,
    document_last4: Annotated[str | None, Form(min_length=4, max_length=4)] = None,
    refresh_token: Field255 = None,
    client_id: Field255 = None,
    client_secret: Field255 = None,
) -> TokenAnswer:
    """`password` for staff and firm users; `one_time_code` for owners; `refresh_token`, which rotates (using one twice
    ends the login); `client_credentials` for machines. Form-encoded as in RFC 6749. Attempts are limited per name or
    number, and per source; a right password is refused too while they are paused (429). An initial password that was
    not changed within 72 hours is no longer good: who knows it is told so (403)."""
    if grant_type == "password":
        name, secret = _need(username=username, password=password)
        tokens = await login.by_password(
            state.database, desk=state.parts[service.Desk], username=name, password=secret, source=source, now=now
        )
    elif grant_type == "client_credentials":
        name, secret = _need(client_id=client_id, client_secret=client_secret)
        tokens = await login.by_secret(
            state.database, desk=state.parts[service.Desk], client_id=name, client_secret=secret, source=source, now=now
        )
    elif grant_type == "one_time_code":
        number, given = _need(mobile=mobile, code=code)
        tokens = await codes.exchange(
            state.database,
            desk=state.parts[service.Desk],
            number=mobile_number(number),
            code=given,
            document_last4=document_last4,
            source=source,
            now=now,
        )
    else:
        (given,) = _need(refresh_token=refresh_token)
        tokens = await _refreshed(state, given, now=now)
    return TokenAnswer(
        access_token=tokens.access_token,
        expires_in=tokens.expires_in,
        scope=tokens.scope,
        refresh_token=tokens.refresh_token,
    )


async def _refreshed(state: AppState, refresh_token: str, *, now: datetime) -> service.Tokens:
    async with state.database.session() as session:
        desk: service.Desk = state.parts[service.Desk]
        tokens = await service.refresh(session, desk=desk, refresh_token=refresh_token, now=now)
        await session.commit()  # also when a reused token has just revoked its family
    if tokens is None:
        raise service.BadRefreshToken
    return tokens


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
            await service.logout(session, desk=state.parts[service.Desk], principal=caller, now=now)
            await session.commit()
    return Response(status_code=204)


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
    return [
        RoleRead(code=role.code, name=role.zh, holder=role.holder, scopes=sorted(role.scopes))
        for role in ROLES.values()
    ]


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
