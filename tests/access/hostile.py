"""Hostile values, and where they are put: into every field of every body, every query parameter, path id and header."""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from tests.access.calling import Request

MARK = "zqxj7"
"""In every hostile text: no problem document may repeat it."""

RAW: Mapping[str, str] = {
    "NUL": f'"{MARK}\\u0000"',
    "lone surrogate": f'"{MARK}\\ud800"',
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "1e400": "1e400",
    "10**30": str(10**30),
    "-10**30": str(-(10**30)),
    "thousands of digits": "1" * 5000,
    "-1": "-1",
    "fraction": "0.1",
    "year 9999": '"9999-12-31T23:59:59-23:59"',
    "year 1": '"0001-01-01T00:00:00+23:59"',
    "year 0": '"0000-00-00"',
    "list": f'["{MARK}"]',
    "object": f'{{"{MARK}": "{MARK}"}}',
    "null": "null",
    "empty": '""',
    "true": "true",
    "wild cards": f'"%_\\\\{MARK}"',
    "markup": f'"<script>{MARK}</script>"',
    "sql": f'"\'; DROP TABLE ticket; -- {MARK}"',
    "formula": f'"=cmd|{MARK}"',
    "long": f'"{MARK * 20_000}"',
    "deep": "[" * 200 + "]" * 200,
}
"""Hostile JSON values by name, as they stand in a body."""

QUERY: Mapping[str, str] = {
    "NUL": f"{MARK}%00",
    "not UTF-8": f"{MARK}%ff%fe",
    "surrogate": f"{MARK}%ed%a0%80",
    "-1": "-1",
    "10**30": str(10**30),
    "NaN": "NaN",
    "year 9999": quote("9999-12-31T23:59:59-23:59"),
    "year 1": quote("0001-01-01T00:00:00+23:59"),
    "year 0": "0000-00-00",
    "empty": "",
    "wild cards": quote(f"%_\\{MARK}"),
    "sql": quote(f"' OR 1=1 -- {MARK}"),
    "long": MARK * 1000,
    "list": f"a&{{name}}=b{MARK}",
}
"""Hostile query values, percent-encoded; `{name}` repeats the parameter."""

PATH: Mapping[str, str] = {
    "NUL": f"{MARK}%00",
    "not UTF-8": f"{MARK}%ff",
    "dots": "..",
    "encoded dots": "%2e%2e%2f%2e%2e",
    "semicolon": "..;",
    "long": MARK * 1000,
    "-1": "-1",
    "braces": "{019940d2-0000-7000-8000-000000000000}",
    "number": str(10**30),
    "blank": "%20",
}
"""Hostile path ids, percent-encoded."""

HEADERS: tuple[Mapping[str, str], ...] = (
    {"Accept-Language": MARK * 2000},
    {"Accept-Language": ";;q=,,zh;q=99999999999999999999,*;q=NaN"},
    {"Idempotency-Key": MARK * 100},
    {"Idempotency-Key": ""},
    {"Idempotency-Key": f"{MARK}\xff"},
    {"X-Request-Id": f"{MARK}\r\nX-Evil: 1"},
    {"X-Request-Id": MARK * 500},
    {"If-None-Match": f'"{MARK}' * 300},
    {"If-Match": MARK},
    {"If-Match": '"99999999999999999999999999"'},
    {"If-Match": ","},
    {"Authorization": f"Bearer {MARK}"},
    {"Authorization": f"Basic {MARK}"},
    {"Authorization": "Bearer " + ".".join(["eyJhbGciOiJub25lIn0", "e30", MARK])},
    {"Authorization": f"Bearer {MARK}\xe9"},
    {"Cookie": f"session={MARK}"},
    {"Content-Encoding": "gzip"},
    {"X-Forwarded-For": f"{MARK}, 127.0.0.1"},
    {"Range": "bytes=0-99999999999999999999999,5-1"},
)


def bodies(request: Request) -> Iterator[tuple[str, Request]]:
    """Yield hostile bodies: every field replaced by every value, and what is wrong as a whole."""
    valid = json.dumps(request.body, ensure_ascii=False)
    for where, text in _replaced(request.body):
        yield where, _raw(request, text.encode("utf-8", "surrogatepass"))
    head = valid.encode()
    whole: dict[str, bytes] = {
        "empty": b"",
        "null": b"null",
        "a list": b"[]",
        "a text": f'"{MARK}"'.encode(),
        "cut off": head[: len(head) // 2],
        "two values": head + head,
        "byte order mark": b"\xef\xbb\xbf" + head,
        "not UTF-8": head[:-1] + b', "x": "\xff\xfe"}',
        "UTF-16": valid.encode("utf-16"),
        "gzip": gzip.compress(head),
        "deep": b'{"a":' * 5000 + b"1" + b"}" * 5000,
        "unknown field": head[:-1] + (b", " if request.body else b"") + f'"{MARK}": "{MARK}"}}'.encode(),
        "many fields": b"{" + b", ".join(f'"{MARK}{place}": 1'.encode() for place in range(2000)) + b"}",
    }
    if request.body:
        name = next(iter(request.body))
        whole["duplicate field"] = head[:-1] + f', "{name}": "{MARK}"}}'.encode()
    for name, content in whole.items():
        yield name, _raw(request, content)
    for kind in ("text/plain", "application/xml", "multipart/form-data", "application/x-www-form-urlencoded", MARK, ""):
        yield f"media type {kind}", _raw(request, head, kind)


def _raw(request: Request, content: bytes, kind: str = "application/json") -> Request:
    headers = {**request.headers, "Content-Type": kind}
    return replace(request, raw=content, body=None, headers=headers)


def _replaced(body: Any) -> Iterator[tuple[str, str]]:
    """Yield the JSON of a body with one value replaced, at every place, by every hostile value."""
    hole = "\x01hole\x01"
    for pointer in _places(body):
        text = json.dumps(_with_hole(body, pointer, hole), ensure_ascii=False)
        for name, value in RAW.items():
            yield f"{'/'.join(map(str, pointer))} {name}", text.replace(json.dumps(hole, ensure_ascii=False), value)


def _places(value: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*prefix, key)
        yield from _places(one, (*prefix, key))


def _with_hole(value: Any, pointer: tuple[Any, ...], hole: str) -> Any:
    if not pointer:
        return hole
    key, rest = pointer[0], pointer[1:]
    if isinstance(value, dict):
        return {name: _with_hole(one, rest, hole) if name == key else one for name, one in value.items()}
    return [_with_hole(one, rest, hole) if place == key else one for place, one in enumerate(value)]


def queries(request: Request, names: frozenset[str]) -> Iterator[tuple[str, Request]]:
    """Yield hostile values of every query parameter."""
    for name in sorted(names):
        others = "&".join(f"{key}={quote(value)}" for key, value in request.query.items() if key != name)
        for kind, value in QUERY.items():
            asked = f"{name}={value.replace('{name}', name)}"
            yield f"?{name} {kind}", replace(request, path=f"{request.path}?{others}&{asked}", query={})


def paths(request: Request, template: str) -> Iterator[tuple[str, Request]]:
    """Yield hostile path ids, one at a time."""
    parts, filled = template.split("/"), request.path.split("/")
    for place, part in enumerate(parts):
        if part.startswith("{"):
            for kind, value in PATH.items():
                path = "/".join([*filled[:place], value, *filled[place + 1 :]])
                yield f"{part} {kind}", replace(request, path=path)


def headers(request: Request) -> Iterator[tuple[str, Request]]:
    """Yield hostile headers."""
    for one in HEADERS:
        name, value = next(iter(one.items()))
        yield f"{name}: {value[:20]}", replace(request, headers={**request.headers, **one})
