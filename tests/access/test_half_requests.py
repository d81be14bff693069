"""Raw sockets against a real server: what is not HTTP, what never ends, what smuggles; always a problem document."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from ownercare_api.core.http import server as http_server
from ownercare_api.core.http.server import ProblemProtocol

MARK = b"zqxj7"


@pytest.fixture
async def port(app_shell: FastAPI, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Serve the application on a socket, with short patience."""
    monkeypatch.setattr(http_server, "HEAD_SECONDS", 0.4)
    monkeypatch.setattr(http_server, "BODY_SECONDS", 0.4)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await app_shell(scope, receive, send)

    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        http=ProblemProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="critical",
        server_header=False,
    )
    serving = uvicorn.Server(config)
    thread = threading.Thread(target=serving.run, daemon=True)
    thread.start()
    while not serving.started:  # noqa: ASYNC110 - the server runs in a thread of its own
        await asyncio.sleep(0.01)
    yield serving.servers[0].sockets[0].getsockname()[1]
    serving.should_exit = True
    await asyncio.to_thread(thread.join)


async def say(port: int, *pieces: bytes, pause: float = 0) -> bytes:
    """Send pieces and return all that comes back until the server hangs up or falls silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def listen() -> bytes:
        got = b""
        try:
            async with asyncio.timeout(3 + pause * len(pieces)):
                while chunk := await reader.read(65536):
                    got += chunk
        except (TimeoutError, ConnectionError):
            pass
        return got

    listening = asyncio.create_task(listen())
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
    except ConnectionError:
        pass
    answer = await listening
    writer.close()
    return answer


def problem(raw: bytes) -> tuple[int, str]:
    """Return status and code of the one problem document in an answer."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    assert any(line.startswith("content-type: application/problem+json") for line in lines), raw[:300]
    document = json.loads(body)
    assert MARK not in raw
    assert document["status"] == int(lines[0].split()[1])
    return document["status"], document["code"]


NOT_HTTP = {
    "not HTTP": b"hello " + MARK + b"\r\n\r\n",
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
    "a blank in the path": b"GET /v1/" + MARK + b" x HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path that is not ASCII": b"GET /v1/\xff\xfe" + MARK + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "an unknown version": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "a header without a colon": b"GET /health/live HTTP/1.1\r\nHost: x\r\n" + MARK + b"\r\n\r\n",
    "a header with NUL": b"GET /health/live HTTP/1.1\r\nHost: x\r\nX: " + MARK + b"\x00\r\n\r\n",
    "a header name with a blank": b"GET /health/live HTTP/1.1\r\nHost: x\r\nX Y: " + MARK + b"\r\n\r\n",
    "two lengths": b"POST /v1/tickets HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length that is none": b"POST /v1/tickets HTTP/1.1\r\nHost: x\r\nContent-Length: " + MARK + b"\r\n\r\n",
    "a negative length": b"POST /v1/tickets HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a huge length": b"POST /v1/tickets HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\n",
    "length and chunks": b"POST /v1/tickets HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("raw", NOT_HTTP.values(), ids=NOT_HTTP)
async def test_what_is_not_http_gets_a_problem_document(port: int, raw: bytes) -> None:
    status, code = problem(await say(port, raw))
    assert (status, code) in {(400, "bad_request"), (408, "request_timeout")}


async def test_too_many_headers_are_refused(port: int) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (place, b"a" * 1000) for place in range(100))
    whole = b"GET /health/live HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n"
    assert problem(await say(port, whole)) == (431, "headers_too_large")
    endless = b"GET /health/live HTTP/1.1\r\nHost: x\r\n" + lines
    assert problem(await say(port, endless)) == (431, "headers_too_large")


@pytest.mark.parametrize(
    "pieces",
    [
        (b"GET /health/li",),
        (b"GET /health/live HTTP/1.1\r\nHost: x\r\n", b"X-1: 1\r\n", b"X-2: 2\r\n", b"X-3: 3\r\n", b"X-4: 4\r\n"),
        (b"\r\n", b"G", b"E", b"T", b" "),
    ],
    ids=["half a line", "a header at a time", "a letter at a time"],
)
async def test_a_head_that_never_ends_is_timed_out(port: int, pieces: tuple[bytes, ...]) -> None:
    """A header now and then does not buy more time."""
    assert problem(await say(port, *pieces, pause=0.15)) == (408, "request_timeout")


async def test_a_line_that_is_opened_and_never_used_is_closed(port: int) -> None:
    assert await say(port) == b""


async def test_a_body_that_stops_is_timed_out(port: int) -> None:
    head = b"POST /v1/auth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    answer = await say(port, head + b"Content-Length: 100\r\n\r\n" + MARK)
    assert problem(answer)[0] in (400, 408)
    answer = await say(port, head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nzq")
    assert problem(answer)[0] in (400, 408)


async def test_a_hang_up_in_the_middle_hurts_nobody(port: int) -> None:
    for cut in (b"POST /v1/auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", b"GET /hea"):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(cut)
        await writer.drain()
        writer.close()
    live = await say(port, b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert live.startswith(b"HTTP/1.1 200")


async def test_no_header_is_injected(port: int) -> None:
    request = (
        b"GET /v1/nowhere HTTP/1.1\r\nHost: x\r\nX-Request-Id: abcdefgh%0d%0aX-Evil:%201\r\nConnection: close\r\n\r\n"
    )
    answer = (await say(port, request)).lower()
    assert b"\r\nx-evil" not in answer
    assert answer.startswith(b"http/1.1 404")
    bare = b"GET /v1/nowhere?a=%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert b"\r\nx-evil" not in (await say(port, bare)).lower()


async def test_requests_on_one_line_are_answered_in_turn(port: int) -> None:
    one = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = await say(port, one + one + last)
    assert answer.count(b"HTTP/1.1 200") == 3
