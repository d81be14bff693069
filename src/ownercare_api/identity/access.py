"""The caller of a request as a dependency. Rooms name their scopes as types in their own `access.py`:

`TicketsRead = Annotated[Principal, door("tickets:read")]`.
"""

import time
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.openapi.models import OAuthFlowClientCredentials, OAuthFlowPassword, OAuthFlows
from fastapi.security import OAuth2, SecurityScopes

from ownercare_api.core.errors import Forbidden
from ownercare_api.core.http.state import AppState, app_state, present
from ownercare_api.identity import service
from ownercare_api.identity.principal import Principal, PrincipalKind
from ownercare_api.identity.quotas import Quotas
from ownercare_api.identity.roles import SCOPES
from ownercare_api.identity.tokens import Claims, InvalidToken, key_id

FRESH_SECONDS = 2.0
"""How long a process trusts a loaded principal: logout, disabling and role changes work everywhere within this."""

TOKEN_URL = "/v1/auth/token"  # noqa: S105 - a path


class MissingScope(Forbidden):
    """403: the caller does not hold the scope."""

    code = "missing_scope"
    zh = "您的岗位没有此项权限:{scope}。"
    en = "Your role does not include this scope: {scope}."


class PasswordChangeRequired(Forbidden):
    """403: the password was given by an administrator; until the caller has set one, nothing else is allowed."""

    code = "password_change_required"
    zh = "请先修改初始密码(POST /v1/me/password),并刷新令牌。"
    en = "Change your initial password first (POST /v1/me/password), then refresh the token."


class PrincipalCache:
    """Verified tokens and loaded principals of one process, for two seconds."""

    def __init__(self, *, size: int = 20_000) -> None:
        self._size = size
        self._claims: dict[str, Claims] = {}
        self._principals: dict[Any, tuple[float, Principal]] = {}

    def claims(self, token: str, *, now: float) -> Claims | None:
        """Return the claims of a token verified before, unless it has expired since."""
        found = self._claims.get(token)
        return found if found is not None and found.expires_at > now else None

    def put_claims(self, token: str, claims: Claims) -> None:
        """Remember a verified token."""
        if len(self._claims) >= self._size:
            self._claims.clear()
        self._claims[token] = claims

    def principal(self, key: object) -> Principal | None:
        """Return a principal loaded in the last two seconds."""
        found = self._principals.get(key)
        return found[1] if found is not None and time.monotonic() - found[0] < FRESH_SECONDS else None

    def put_principal(self, key: object, principal: Principal, *, asked_at: float) -> None:
        """Remember a principal; `asked_at` (monotonic) is before it was read: it is never older than it seems."""
        if len(self._principals) >= self._size:
            self._principals.clear()
        self._principals[key] = (asked_at, principal)


_scheme = OAuth2(
    flows=OAuthFlows(
        password=OAuthFlowPassword(tokenUrl=TOKEN_URL, refreshUrl=TOKEN_URL, scopes=dict(SCOPES)),
        clientCredentials=OAuthFlowClientCredentials(tokenUrl=TOKEN_URL, scopes=dict(SCOPES)),
    ),
    scheme_name="OwnerCare",
    description="Bearer access token (ES256 JWT). Scopes are `resource:action`; the approval tiers are scopes.",
    auto_error=False,
)


async def current_principal(
    request: Request, needed: SecurityScopes, authorization: Annotated[str | None, Depends(_scheme)]
) -> Principal:
    """Return the caller; raises `InvalidToken`, or `MissingScope` naming what is lacking."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise InvalidToken
    state = app_state(request)
    claims = await _claims(state, token, now=present(request))
    principal = await _principal(state, claims, now=present(request))
    request.state.caller, request.state.authority = principal.caller, principal
    if principal.kind is PrincipalKind.CLIENT:
        quotas: Quotas = state.parts[Quotas]
        per_minute = principal.requests_per_minute
        await quotas.take(state.database, client_id=principal.id, per_minute=per_minute, now=present(request))
    if principal.must_change_password and needed.scopes:
        raise PasswordChangeRequired
    for scope in needed.scopes:
        # Both must hold it: the token (what the login was given) and the grants (what is true now).
        if scope not in principal.scopes or scope not in claims.scopes:
            raise MissingScope(scope=scope)
    return principal


async def _claims(state: AppState, token: str, *, now: datetime) -> Claims:
    desk: service.Desk = state.parts[service.Desk]
    cache: PrincipalCache = state.parts[PrincipalCache]
    keys = await desk.keys.pairs(state.database, now=now)
    claims = cache.claims(token, now=now.timestamp())
    if claims is not None and claims.kid in keys:  # a key that was withdrawn takes its tokens with it
        return claims
    kid = key_id(token)
    if kid not in keys:  # another process may have made it a moment ago
        keys = await desk.keys.pairs(state.database, now=now, wanted=kid)
    claims = desk.mint.verify(token, keys=keys, now=now)
    cache.put_claims(token, claims)
    return claims


async def _principal(state: AppState, claims: Claims, *, now: datetime) -> Principal:
    cache: PrincipalCache = state.parts[PrincipalCache]
    key = (claims.kind, claims.subject, claims.session_id, claims.generation)
    principal = cache.principal(key)
    if principal is None:
        asked_at = time.monotonic()
        principal = await service.load_principal(
            state.database,
            kind=claims.kind,
            subject=claims.subject,
            session_id=claims.session_id,
            generation=claims.generation,
            desk=state.parts[service.Desk],
            now=now,
        )
        if principal is None:
            raise InvalidToken
        cache.put_principal(key, principal, asked_at=asked_at)
    return principal


def door(*scopes: str) -> Any:
    """Return the dependency on a caller who holds all of these scopes. Whoever changes a thing must be able to see it:
    the door names that scope too, and with it the document does."""
    return Security(current_principal, scopes=scopes)


Anyone = Annotated[Principal, door()]
"""Any logged-in caller."""
IdentityRead = Annotated[Principal, door("identity:read")]
IdentityManage = Annotated[Principal, door("identity:manage", "identity:read")]
ClientsManage = Annotated[Principal, door("clients:manage")]
