"""What every request passes: a request id, safe headers, a limit for the body, no texts that can't be stored."""

import re
from urllib.parse import unquote_to_bytes

import structlog
from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ownercare_api.core.errors import DomainError, NotFound, TooLarge
from ownercare_api.core.http.problems import answer, framework_refusal, unexpected
from ownercare_api.core.http.route import UnstorableText
from ownercare_api.core.http.state import app_state
from ownercare_api.core.ids import uuid7

_UPLOAD_EXTRA = 16 * 1024 * 1024
"""Uploads are counted exactly by the operation that takes them; this bounds them everywhere else."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{8,64}")


class EdgeMiddleware:
    """Pure ASGI, so that it costs microseconds and never buffers a body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = given.decode() if _REQUEST_ID.fullmatch(given) else uuid7().hex
        scope.setdefault("state", {})["request_id"] = request_id
        begun = replaced = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun, replaced
            if replaced:
                return
            if message["type"] == "http.response.start":
                begun = True
                refusal = framework_refusal(message)
                if refusal is not None:
                    await answer(Request(scope), refusal)(scope, receive, send_with_headers)
                    replaced = True
                    return
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Cache-Control", "no-store")
                headers.setdefault("Referrer-Policy", "no-referrer")
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            refusal = _refusal(scope)
            if refusal is not None:
                await answer(Request(scope), refusal)(scope, receive, send_with_headers)
                return
            try:
                await self.app(scope, _limited(scope, receive), send_with_headers)
            except Exception as error:
                if begun:
                    raise
                await unexpected(Request(scope), error)(scope, receive, send_with_headers)


def _refusal(scope: Scope) -> DomainError | None:
    query: bytes = scope["query_string"]
    if b"%" in query and not _storable(unquote_to_bytes(query)):
        return UnstorableText()
    if "\0" in scope["path"] or "\ufffd" in scope["path"]:
        return NotFound()
    declared = Headers(scope=scope).get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > _most(scope):
        return TooLarge()
    return None


def _storable(raw: bytes) -> bool:
    try:
        return "\0" not in raw.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _most(scope: Scope) -> int:
    """Return the size limit of a body."""
    settings = app_state(Request(scope)).settings
    kind = Headers(scope=scope).get("content-type", "").lower()
    upload = kind.startswith("multipart/form-data")
    return settings.max_file_bytes + _UPLOAD_EXTRA if upload else settings.max_body_bytes


def _limited(scope: Scope, receive: Receive) -> Receive:
    """Count a body of undeclared length while it arrives."""
    if not any(name == b"transfer-encoding" for name, _ in scope["headers"]):
        return receive
    most, seen = _most(scope), 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise TooLarge
        return message

    return counted
