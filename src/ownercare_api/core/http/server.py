"""The HTTP protocol of the server: what is not HTTP gets a problem document too, and nobody holds a line half-sent."""

import asyncio
from typing import Any

from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ownercare_api.core.errors import BadRequest, DomainError, Language
from ownercare_api.core.ids import uuid7

HEAD_SECONDS = 15.0
"""From the first byte of a request, or the opening of the line, to the end of its headers."""
BODY_SECONDS = 30.0
"""How long a body may pause."""
MAX_HEAD_BYTES = 64 * 1024
DEFAULT: Language = "zh-CN"


class RequestTimeout(DomainError):
    """408: the request was not sent to its end in time."""

    status = 408
    code = "request_timeout"
    title_zh, title_en = "请求超时", "Request timeout"
    zh, en = "请求未在规定时间内发送完毕。", "The request was not sent to its end in time."


class HeadersTooLarge(DomainError):
    """431: the headers are larger than 64 KiB."""

    status = 431
    code = "headers_too_large"
    title_zh, title_en = "请求头过大", "Request header fields too large"
    zh, en = "请求头总长超过 64 KiB。", "The headers are larger than 64 KiB."


class ProblemProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits on the head of a request and on waiting, and problem documents for both."""

    _waiting: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_body = False

    def connection_made(self, transport: Any) -> None:
        """Start waiting for the first request."""
        super().connection_made(transport)
        self._wait(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; bound the head, and let the time for a body begin anew."""
        if self._waiting is None and not self._in_body and self.cycle_is_over:
            self._wait(HEAD_SECONDS)
        if self._in_body:
            self._wait(BODY_SECONDS)
        else:
            self._head_bytes += len(data)
        super().data_received(data)
        if not self._in_body and self._waiting is not None and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HeadersTooLarge())

    @property
    def cycle_is_over(self) -> bool:
        """Say whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def on_headers_complete(self) -> None:
        """The head is there: refuse one that is too large, else wait for the body."""
        size = sum(len(name) + len(value) for name, value in self.headers) + len(self.url)
        if size > MAX_HEAD_BYTES:
            self._refuse(HeadersTooLarge())
            return
        self._head_bytes, self._in_body = 0, True
        self._wait(BODY_SECONDS)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on, unless the request was refused already."""
        if self.cycle is not None and not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole: its answer may take its time."""
        self._in_body = False
        self._stop()
        if self.cycle is not None and not self.transport.is_closing():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._refuse(BadRequest())

    def _wait(self, seconds: float) -> None:
        self._stop()
        self._waiting = asyncio.get_running_loop().call_later(seconds, self._late)

    def _stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _late(self) -> None:
        self._waiting = None
        if self._in_body and self.flow.read_paused:  # it is us who do not read on
            self._wait(BODY_SECONDS)
        elif self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.close()
        elif not self._in_body and self._head_bytes == 0:
            self.transport.close()  # a line that was opened and never used
        else:
            self._refuse(RequestTimeout())

    def _refuse(self, refusal: DomainError) -> None:
        """Write a problem document past the application, and hang up; a second refusal is silent."""
        self._stop()
        if self.transport.is_closing():
            return
        request_id = uuid7().hex
        body = to_json(
            {
                "type": f"/problems/{refusal.code}",
                "title": refusal.title(DEFAULT),
                "status": refusal.status,
                "detail": refusal.detail(DEFAULT),
                "code": refusal.code,
                "instance": "",
                "request_id": request_id,
                "rules": [],
                "errors": [],
            }
        )
        head = (
            f"HTTP/1.1 {refusal.status} {refusal.title_en}\r\n"
            "content-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\n"
            f"content-language: {DEFAULT}\r\n"
            "cache-control: no-store\r\n"
            "x-content-type-options: nosniff\r\n"
            f"x-request-id: {request_id}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()
