"""RFC 9457 problem documents for every error, the framework's own included."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core import to_json
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException

from ownercare_api.core.errors import (
    BadRequest,
    ConcurrentChange,
    DomainError,
    Forbidden,
    Invalid,
    Language,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from ownercare_api.core.http import denials
from ownercare_api.core.http.state import language
from ownercare_api.core.http.validation import field_errors

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"


class ProblemField(BaseModel):
    """One fault of the input."""

    pointer: str = Field(description="JSON pointer into the body, or `#/query/…`, `#/path/…`, `#/header/…`")
    code: str
    message: str


class Problem(BaseModel):
    """RFC 9457 problem document. `code` never changes with the language; `detail` is for people."""

    type: str = Field(examples=["/problems/wrong_status"])
    title: str = Field(examples=["状态冲突"])
    status: int = Field(examples=[409])
    detail: str = Field(examples=["当前状态为“closed”,不能执行“classification”。"])
    code: str = Field(examples=["wrong_status"])
    instance: str = Field(examples=["/v1/tickets/0198c5f0-0000-7000-8000-000000000001/classification"])
    request_id: str
    rules: list[str] = Field(default_factory=list, description="rules of the rulebook that refuse this")
    errors: list[ProblemField] = Field(default_factory=list)


class MethodNotAllowed(DomainError):
    """405: this resource has no such method; `Allow` lists those it has."""

    status = 405
    code = "method_not_allowed"
    title_zh, title_en = "方法不允许", "Method not allowed"
    zh, en = "此资源不支持该请求方法。", "This resource does not support that method."


class RangeNotSatisfiable(DomainError):
    """416: the content has no such part; `Content-Range` says how long it is."""

    status = 416
    code = "range_not_satisfiable"
    title_zh, title_en = "范围无效", "Range not satisfiable"
    zh, en = "所请求的内容范围不存在。", "The content has no such range."


FRAMEWORK: Mapping[int, type[DomainError]] = {
    400: BadRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
    415: UnsupportedMedia,
    416: RangeNotSatisfiable,
    422: Invalid,
    503: Unavailable,
}


def answer(request: Request, error: DomainError) -> Response:
    """Return the problem document for an error in the caller's language."""
    spoken: Language = language(request)
    body: dict[str, Any] = {
        "type": f"/problems/{error.code}",
        "title": error.title(spoken),
        "status": error.status,
        "detail": error.detail(spoken),
        "code": error.code,
        "instance": request.url.path,
        "request_id": getattr(request.state, "request_id", ""),
        "rules": list(error.rules),
        "errors": [
            {"pointer": item.pointer, "code": item.code, "message": item.zh if spoken == "zh-CN" else item.en}
            for item in error.errors
        ],
    }
    headers = {"Content-Language": spoken, "Cache-Control": "no-store", **error.headers}
    if error.status == 401:
        headers.setdefault("WWW-Authenticate", "Bearer")
    if error.status in (429, 503):
        headers.setdefault("Retry-After", "5")
    return Response(to_json(body), status_code=error.status, media_type=MEDIA_TYPE, headers=headers)


def _sqlstate(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(cause, "sqlstate", None) or "")


def from_database(error: Exception) -> DomainError | None:
    """Translate what is the weather of a database (a lost race, a lost connection); None for a defect of ours.

    Errors come wrapped, or plain from the driver: while it connects, and from hot statements.
    """
    state = _sqlstate(error)
    if state in ("40001", "40P01", "55P03", "23505"):
        return ConcurrentChange()
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or state.startswith(("08", "53", "57")) or isinstance(error, InterfaceError | asyncpg.InterfaceError):
        return Unavailable()
    return None


def unexpected(request: Request, error: Exception) -> Response:
    """Log a defect of ours and return what callers are told of it."""
    log.error("unexpected", path=request.scope.get("path"), exc_info=error)
    return answer(request, DomainError())


def framework_refusal(start: Mapping[str, Any]) -> DomainError | None:
    """Return what to answer instead of a refusal that the framework wrote as plain text, such as of a bad `Range`."""
    if not 400 <= start["status"] < 500:
        return None
    headers = {name.lower(): value for name, value in start["headers"]}
    if headers.get(b"content-type", b"").startswith(MEDIA_TYPE.encode()):
        return None
    kept = {name.decode(): headers[name].decode("latin-1") for name in (b"allow", b"content-range") if name in headers}
    return FRAMEWORK.get(start["status"], BadRequest)(headers=kept)


def install(app: FastAPI) -> None:
    """Register the handlers that turn every exception into a problem document."""

    async def domain(request: Request, error: Exception) -> Response:
        assert isinstance(error, DomainError)
        await denials.note(request, error)
        return answer(request, error)

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        faults = field_errors(error.errors())
        if any(fault.code == "json_invalid" for fault in faults):
            return answer(request, BadRequest(errors=faults))
        return answer(request, Invalid(errors=faults))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        kind = FRAMEWORK.get(error.status_code, BadRequest)
        return answer(request, kind(headers=dict(error.headers or {})))

    async def database(request: Request, error: Exception) -> Response:
        known = from_database(error)
        if known is None:
            return unexpected(request, error)
        log.warning("database", code=known.code, sqlstate=_sqlstate(error))
        return answer(request, known)

    async def stale(request: Request, error: Exception) -> Response:
        return answer(request, ConcurrentChange())

    async def away(request: Request, error: Exception) -> Response:
        if getattr(error, "filename", None) is not None:  # a file of ours, not a connection
            return unexpected(request, error)
        log.warning("database.away", error=type(error).__name__)
        return answer(request, Unavailable())

    app.add_exception_handler(DomainError, domain)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(DBAPIError, database)
    app.add_exception_handler(StaleDataError, stale)
    app.add_exception_handler(PoolTimeout, away)
    app.add_exception_handler(OSError, away)
    app.add_exception_handler(asyncpg.PostgresError, database)
    app.add_exception_handler(asyncpg.InterfaceError, database)


def problems(*kinds: type[DomainError]) -> dict[int | str, dict[str, Any]]:
    """Declare in OpenAPI the refusals of an operation, grouped by status, each with an example document."""
    by_status: dict[int, list[type[DomainError]]] = defaultdict(list)
    for kind in kinds:
        by_status[kind.status].append(kind)
    return {
        status: {
            "description": "; ".join(dict.fromkeys(f"`{kind.code}`" for kind in group)),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {kind.code: {"summary": kind.en, "value": _example(kind)} for kind in group},
                }
            },
        }
        for status, group in by_status.items()
    }


def _example(kind: type[DomainError]) -> dict[str, Any]:
    return {
        "type": f"/problems/{kind.code}",
        "title": kind.title_zh,
        "status": kind.status,
        "detail": kind.zh,
        "code": kind.code,
        "instance": "/v1/…",
        "request_id": "0198c5f00000700080000000000000ff",
        "rules": list(kind.rules),
        "errors": [],
    }
