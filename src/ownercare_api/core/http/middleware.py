"""What every request passes: a request id, safe headers, refusal of query texts that can't be stored."""

import re
from urllib.parse import unquote_to_bytes

import structlog
from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ownercare_api.core.errors import DomainError, NotFound
from ownercare_api.core.http.problems import answer
from ownercare_api.core.http.route import UnstorableText
from ownercare_api.core.ids import uuid7

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

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Cache-Control", "no-store")
                headers.setdefault("Referrer-Policy", "no-referrer")
            await send(message)

        query: bytes = scope["query_string"]
        refusal: DomainError | None = None
        if b"%" in query and not _storable(unquote_to_bytes(query)):
            refusal = UnstorableText()
        elif "\0" in scope["path"] or "\ufffd" in scope["path"]:
            refusal = NotFound()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            if refusal is not None:
                response = answer(Request(scope), refusal)
                await response(scope, receive, send_with_headers)
                return
            await self.app(scope, receive, send_with_headers)


def _storable(raw: bytes) -> bool:
    try:
        return "\0" not in raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
