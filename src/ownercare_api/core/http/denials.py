"""What was refused to somebody, told to whoever keeps a record of it (`state.parts[DenialLog]`).

Told: every 403; 401 with credentials that are not good; 404 to a known caller, for what lies outside somebody's reach
is answered so. Not told: requests without credentials, addresses that no operation has, faults of the input.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.routing import APIRoute

from ownercare_api.core.denials import DenialLog, Denied
from ownercare_api.core.errors import DomainError
from ownercare_api.core.http.state import app_state, present


async def note(request: Request, error: DomainError) -> None:
    """Tell of an error where it is a refusal to somebody."""
    if error.status not in (401, 403, 404):
        return
    state = app_state(request)
    log: DenialLog | None = state.parts.get(DenialLog)
    if log is not None:
        denied = _denied(request, error)
        if denied is not None:
            await log.note(state, denied)


def _denied(request: Request, error: DomainError) -> Denied | None:
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or route.operation_id is None:
        return None
    caller: str | None = getattr(request.state, "caller", None)
    if error.status == 404 and caller is None:
        return None
    # Without a token nobody has tried anything; logins, which send none, refuse with codes of their own.
    if error.status == 401 and error.code == "invalid_token" and "authorization" not in request.headers:
        return None
    return Denied(
        at=present(request),
        caller=caller,
        operation=route.operation_id,
        method=request.method,
        path=route.path_format,
        status=error.status,
        code=error.code,
        project_id=_id(request.path_params.get("project_id")),
        subject_id=_last_id(request.path_params),
        request_id=getattr(request.state, "request_id", ""),
        peer=None if request.client is None else request.client.host,
        forwarded_for=tuple(request.headers.getlist("x-forwarded-for")),
    )


def _last_id(parameters: Mapping[str, Any]) -> UUID | None:
    found = [one for one in map(_id, parameters.values()) if one is not None]
    return found[-1] if found else None


def _id(value: Any) -> UUID | None:
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value) if isinstance(value, str) and len(value) in (32, 36) else None
    except ValueError:
        return None
