"""Requests to the real application without a client in between: thousands of them are made."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

from fastapi import FastAPI

BOUNDARY = "ownercare-matrix"


@dataclass(frozen=True)
class Answer:
    """What the application answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body as JSON; None where there is none."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            return None

    @property
    def code(self) -> str:
        """Return the code of a problem document, or nothing."""
        found = self.json if self.headers.get("content-type", "").startswith("application/problem+json") else None
        return str(found["code"]) if isinstance(found, dict) else ""


@dataclass(frozen=True)
class Request:
    """A request; `body` is JSON, `form` goes as multipart with a file beside, `raw` as it is."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    form: dict[str, Any] | None = None
    urlencoded: dict[str, str] | None = None
    raw: bytes | None = None

    def content(self) -> tuple[bytes, str | None]:
        """Return the bytes of the body and their media type."""
        if self.raw is not None:
            return self.raw, None
        if self.form is not None:
            return multipart(self.form), f"multipart/form-data; boundary={BOUNDARY}"
        if self.urlencoded is not None:
            return urlencode(self.urlencoded).encode(), "application/x-www-form-urlencoded"
        if self.body is not None:
            return json.dumps(self.body, ensure_ascii=False).encode(), "application/json"
        return b"", None


def multipart(form: dict[str, Any]) -> bytes:
    """Return a form's bytes; a tuple (name, bytes) is a file."""
    parts = []
    for name, value in form.items():
        if isinstance(value, tuple):
            head = f'Content-Disposition: form-data; name="{name}"; filename="{value[0]}"\r\n'
            parts.append(head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + value[1])
        else:
            parts.append(f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode())
    line = f"--{BOUNDARY}\r\n".encode()
    return b"".join(line + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()


async def ask(app: FastAPI, request: Request) -> Answer:
    """Send a request through the whole application: middleware, authentication, validation, transaction."""
    content, media_type = request.content()
    headers = {"host": "ownercare.test", **{name.lower(): value for name, value in request.headers.items()}}
    if media_type is not None:
        headers.setdefault("content-type", media_type)
    if content:
        headers.setdefault("content-length", str(len(content)))
    path, _, asked = request.path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": (asked or urlencode(request.query)).encode(),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("127.0.0.1", 40000),
        "server": ("ownercare.test", 80),
        "state": {},
    }
    sent: list[Any] = [{"type": "http.request", "body": content, "more_body": False}]
    got: dict[str, Any] = {"status": 0, "headers": [], "body": []}

    async def receive() -> Any:
        return sent.pop(0) if sent else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            got["status"], got["headers"] = message["status"], message["headers"]
        elif message["type"] == "http.response.body":
            got["body"].append(message.get("body", b""))

    await app(scope, receive, send)
    answered = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in got["headers"]}
    return Answer(got["status"], answered, b"".join(got["body"]))
