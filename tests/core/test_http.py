"""What every request meets: problem documents, ETags, strict bodies, signed cursors; never a 5xx for what was sent."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs
from tests.conftest import MASTER

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.http.route import MAX_DEPTH
from ownercare_api.core.pagination import encode_cursor

PROBLEM = "application/problem+json"


async def count(database: PooledDatabase) -> int:
    async with database.session() as session:
        found = await session.scalar(text("SELECT count(*) FROM thing"))
    assert isinstance(found, int)
    return found


async def send(api: httpx.AsyncClient, body: bytes, kind: str = "application/json") -> httpx.Response:
    return await api.post("/things", content=body, headers={"Content-Type": kind})


def nested(depth: int, *, kind: str = "[]") -> bytes:
    inner = b"[" * depth + b"]" * depth if kind == "[]" else b'{"a":' * depth + b"1" + b"}" * depth
    return b'{"name": "x", "more": {"a": ' + inner + b"}}"


class TestETags:
    async def test_a_version_and_a_hash(self, api: httpx.AsyncClient) -> None:
        made = await api.post("/things", json={"name": "甲"})
        where = made.headers["location"]
        read = await api.get(where)
        version, _, digest = read.headers["etag"].strip('"').partition(".")
        assert (version, len(digest)) == ("1", 12)
        assert made.headers["etag"].startswith('"1.')

    async def test_not_modified(self, api: httpx.AsyncClient) -> None:
        where = (await api.post("/things", json={"name": "甲"})).headers["location"]
        tag = (await api.get(where)).headers["etag"]
        for known in (tag, f"W/{tag}", f'"0.aa", {tag}', "*"):
            cached = await api.get(where, headers={"If-None-Match": known})
            assert (cached.status_code, cached.content, cached.headers["etag"]) == (304, b"", tag)
        for unknown in ('"0.aa"', "", "nonsense"):
            assert (await api.get(where, headers={"If-None-Match": unknown})).status_code == 200
        await api.patch(where, json={"name": "乙"}, headers={"If-Match": tag})
        changed = await api.get(where, headers={"If-None-Match": tag})
        assert (changed.status_code, changed.json()["name"]) == (200, "乙")

    async def test_changing_needs_the_version_that_was_read(
        self, api: httpx.AsyncClient, http_database: PooledDatabase
    ) -> None:
        where = (await api.post("/things", json={"name": "甲"})).headers["location"]
        tag = (await api.get(where)).headers["etag"]
        without = await api.patch(where, json={"name": "乙"})
        assert (without.status_code, without.json()["code"]) == (428, "precondition_required")
        for stale in ('"0.aa"', '"2"', "", "nonsense", '"' + "9" * 400 + '"', '"-1"', '"²"'):
            answer = await api.patch(where, json={"name": "乙"}, headers=[(b"If-Match", stale.encode("latin-1"))])
            assert (answer.status_code, answer.json()["code"]) == (412, "stale"), stale
        assert (await api.get(where)).headers["etag"] == tag
        first = await api.patch(where, json={"name": "乙"}, headers={"If-Match": tag})
        assert (first.status_code, first.headers["etag"][:3]) == (200, '"2.')
        assert (await api.patch(where, json={"name": "丙"}, headers={"If-Match": tag})).status_code == 412
        assert (await api.patch(where, json={"name": "丁"}, headers={"If-Match": '"1", "2"'})).status_code == 200
        assert (await api.patch(where, json={"name": "戊"}, headers={"If-Match": "*"})).status_code == 200
        assert (await api.get(where)).json()["name"] == "戊"


class TestProblems:
    @pytest.mark.parametrize(
        ("language", "spoken", "title", "detail"),
        [
            (None, "zh-CN", "状态冲突", "“仓库”已满。"),
            ("zh-CN,zh;q=0.9", "zh-CN", "状态冲突", "“仓库”已满。"),
            ("fr, *;q=0.1", "zh-CN", "状态冲突", "“仓库”已满。"),
            ("en-GB,en;q=0.8,zh;q=0.7", "en", "Conflict", "the store is full."),
            ("en;q=0.3, zh;q=0.5", "zh-CN", "状态冲突", "“仓库”已满。"),
            ("en;q=x, ;;;,", "zh-CN", "状态冲突", "“仓库”已满。"),
        ],
    )
    async def test_in_the_caller_s_language(
        self, api: httpx.AsyncClient, language: str | None, spoken: str, title: str, detail: str
    ) -> None:
        headers = {} if language is None else {"Accept-Language": language}
        headers["X-Request-Id"] = "request-0001"
        answer = await api.post("/things", json={"name": "甲", "fail": "refuse"}, headers=headers)
        assert answer.status_code == 409
        assert answer.headers["content-type"] == PROBLEM
        assert answer.headers["content-language"] == spoken
        assert answer.json() == {
            "type": "/problems/full",
            "title": title,
            "status": 409,
            "detail": detail,
            "code": "full",
            "instance": "/things",
            "request_id": "request-0001",
            "rules": ["REP-02"],
            "errors": [],
        }

    async def test_validation_points_at_each_fault_and_echoes_nothing(self, api: httpx.AsyncClient) -> None:
        secret = "13800138000"
        body = {"name": "", "amount_fen": secret, "on": secret, "at": "2026-11-20T12:00:00", secret: 1}
        answer = await api.post("/things", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
        assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [
            ("#/name", "string_too_short"),
            ("#/amount_fen", "int_type"),
            ("#/on", "not_written_out"),
            ("#/at", "timezone_aware"),
            ("#", "extra_forbidden"),
        ]
        assert answer.json()["errors"][0]["message"] == "内容太短,至少 1 个字符。"
        assert secret not in answer.text

    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "/nowhere", 404, "not_found"),
            ("GET", "/things/", 404, "not_found"),
            ("DELETE", "/things", 405, "method_not_allowed"),
            ("HEAD", "/things", 405, "method_not_allowed"),
            ("GET", "/things/abc", 422, "validation_failed"),
            ("GET", "/things?limit=201", 422, "validation_failed"),
            ("GET", "/things?limit=1e3", 422, "validation_failed"),
            ("GET", "/things?colour=%00", 422, "unstorable_text"),
            ("GET", "/things?colour=%ff", 422, "unstorable_text"),
            ("GET", "/things?colour=%ed%a0%80", 422, "unstorable_text"),
            ("GET", "/things/%00", 404, "not_found"),
            ("GET", "/%ff", 404, "not_found"),
            ("GET", "/away", 503, "unavailable"),
        ],
    )
    async def test_the_framework_s_own(
        self, api: httpx.AsyncClient, method: str, path: str, status: int, code: str
    ) -> None:
        answer = await api.request(method, path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == PROBLEM
        assert len(answer.headers["x-request-id"]) == 32
        if method != "HEAD":
            assert answer.json()["code"] == code
            assert answer.json()["request_id"] == answer.headers["x-request-id"]
        if status == 405:
            assert set(answer.headers["allow"].split(", ")) & {"GET", "POST"}
        if status == 503:
            assert answer.headers["retry-after"] == "5"

    async def test_a_defect_is_logged_and_tells_nothing(self, api: httpx.AsyncClient) -> None:
        with capture_logs() as logs:
            answer = await api.post("/things", json={"name": "13800138000", "fail": "defect"})
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert "13800138000" not in answer.text
        assert "Traceback" not in answer.text
        for name, value in (("x-content-type-options", "nosniff"), ("cache-control", "no-store")):
            assert answer.headers[name] == value
        assert answer.headers["x-request-id"] == answer.json()["request_id"]
        assert [(entry["event"], entry["log_level"]) for entry in logs] == [("unexpected", "error")]

    async def test_a_request_id_that_is_not_plain_is_replaced(self, api: httpx.AsyncClient) -> None:
        for given in ("short", "x" * 65, "a b c d e f", "<script>alert(1)</script>"):
            assert (await api.get("/things", headers={"X-Request-Id": given})).headers["x-request-id"] != given
        kept = await api.get("/things", headers={"X-Request-Id": "abc-DEF_123"})
        assert kept.headers["x-request-id"] == "abc-DEF_123"


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            (b"", 422, "validation_failed"),
            (b"{", 400, "bad_request"),
            (b"null", 422, "validation_failed"),
            (b"[]", 422, "validation_failed"),
            (b'"x"', 422, "validation_failed"),
            (b"1", 422, "validation_failed"),
            (b'{"name": "x"} x', 400, "bad_request"),
            (b'\xef\xbb\xbf{"name": "x"}', 400, "bad_request"),
            (b'{"name": "\xff"}', 400, "bad_request"),
            (b'{"name": "\xed\xa0\x80"}', 400, "bad_request"),
            ('{"name": "甲"}'.encode("gb18030"), 400, "bad_request"),
            ('{"name": "甲"}'.encode("utf-16"), 400, "bad_request"),
            (b'{"name": "a\x00b"}', 400, "bad_request"),
            (b'{"name": "a\\u0000b"}', 422, "unstorable_text"),
            (b'{"name": "a\\\\\\u0000b"}', 422, "unstorable_text"),
            (b'{"name": "x", "more": {"a\\u0000": 1}}', 422, "unstorable_text"),
            (b'{"name": "\\ud800"}', 422, "unstorable_text"),
            (b'{"name": "\\uDC00x"}', 422, "unstorable_text"),
            (b'{"name": "x", "name": "y"}', 422, "duplicate_key"),
            (b'{"name": "x", "more": {"a": 1, "a": 1}}', 422, "duplicate_key"),
            (b'{"name": "x", "more": {"a": NaN}}', 422, "validation_failed"),
            (b'{"name": "x", "more": {"a": -Infinity}}', 422, "validation_failed"),
            (b'{"name": "x", "more": {"a": 1e999}}', 422, "validation_failed"),
            (b'{"name": "x", "amount_fen": 1e2}', 422, "validation_failed"),
            (b'{"name": "x", "amount_fen": 1.5}', 422, "validation_failed"),
            (b'{"name": "x", "amount_fen": true}', 422, "validation_failed"),
            (b'{"name": "x", "amount_fen": 9223372036854775808}', 422, "validation_failed"),
            (b'{"name": "x", "amount_fen": ' + b"9" * 4000 + b"}", 422, "validation_failed"),
            (b'{"name": "x", "amount_fen": ' + b"9" * 5000 + b"}", 400, "bad_request"),
            (nested(MAX_DEPTH), 400, "bad_request"),
            (nested(9000), 400, "bad_request"),
            (nested(3000, kind="{}"), 400, "bad_request"),
            (b"[" * 15000, 400, "bad_request"),
            (b'{"name": "x", "on": "9999-12-31"}', 422, "validation_failed"),
            (b'{"name": "x", "on": "0000-00-00"}', 422, "validation_failed"),
            (b'{"name": "x", "at": "9999-12-31T23:59:59-12:00"}', 422, "validation_failed"),
            (b'{"name": "x", "at": "0001-01-01T00:00:00+14:00"}', 422, "validation_failed"),
            (b'{"name": "x", "at": 1e30}', 422, "validation_failed"),
        ],
        ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else None,
    )
    async def test_hostile(
        self, api: httpx.AsyncClient, http_database: PooledDatabase, body: bytes, status: int, code: str
    ) -> None:
        answer = await send(api, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == PROBLEM
        assert await count(http_database) == 0

    @pytest.mark.parametrize(
        "body",
        [
            b'{"name": "a\\\\u0000b"}',  # a backslash and five characters, no NUL
            '{"name": "𠮷野家"}'.encode(),
            b'{"name": "\\ud842\\udfb7"}',
            b'{"name": "\\\\ud800"}',
            nested(MAX_DEPTH - 2),
            b'{"name": "' + b"[{" * 100 + b'"}',
        ],
    )
    async def test_unusual_but_good(self, api: httpx.AsyncClient, body: bytes) -> None:
        answer = await send(api, body)
        assert answer.status_code == 201, answer.text
        assert answer.json()["name"] == json.loads(body)["name"]

    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            ("application/json; charset=utf-8", 201),
            ("application/merge-patch+json", 201),
            ("APPLICATION/JSON", 201),
            ("text/plain", 415),
            ("", 415),
            ("multipart/form-data; boundary=x", 415),
            ("application/x-www-form-urlencoded", 415),
        ],
    )
    async def test_media_types(
        self, api: httpx.AsyncClient, http_database: PooledDatabase, kind: str, status: int
    ) -> None:
        answer = await send(api, b'{"name": "x"}', kind)
        assert answer.status_code == status
        assert await count(http_database) == (1 if status == 201 else 0)
        if status == 415:
            assert answer.json()["code"] == "unsupported_media_type"

    async def test_forms(self, api: httpx.AsyncClient) -> None:
        assert (await api.post("/login", data={"name": "张三"})).json() == {"length": 2}
        for hostile in (b"name=%00", b"name=a%00b"):
            answer = await send_form(api, hostile)
            assert (answer.status_code, answer.json()["code"]) == (422, "unstorable_text")
        assert (await send_form(api, b"name=%ff")).status_code == 422
        assert (await api.post("/login", json={"name": "x"})).json()["code"] == "unsupported_media_type"
        assert (await api.post("/login")).status_code == 422

    async def test_too_large(self, api: httpx.AsyncClient, http_database: PooledDatabase) -> None:
        """The limit of the small application is 20,000 bytes."""

        async def pieces() -> AsyncIterator[bytes]:
            yield b'{"name": "'
            for _ in range(30):
                yield b"x" * 1000
            yield b'"}'

        declared = await send(api, b'{"name": "' + b"x" * 20_000 + b'"}')
        counted = await api.post("/things", content=pieces(), headers={"Content-Type": "application/json"})
        for answer in (declared, counted):
            assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
            assert answer.headers["content-type"] == PROBLEM
            assert answer.headers["x-request-id"] == answer.json()["request_id"]
        fits = b'{"name": "x", "more": {"a": "' + b"x" * (20_000 - 32) + b'"}}'
        assert (len(fits), (await send(api, fits)).status_code) == (20_000, 201)
        assert await count(http_database) == 1


async def send_form(api: httpx.AsyncClient, body: bytes) -> httpx.Response:
    return await api.post("/login", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})


class TestPages:
    @pytest.fixture
    async def made(self, api: httpx.AsyncClient) -> list[int]:
        """Make five things; gives their ids, newest first."""
        answers = [await api.post("/things", json={"name": str(n)}) for n in range(5)]
        return [answer.json()["id"] for answer in answers][::-1]

    async def test_following_next_gives_everything_once(self, api: httpx.AsyncClient, made: list[int]) -> None:
        found: list[int] = []
        path: str | None = "/things?limit=2&colour=%E7%BA%A2"
        pages = 0
        while path is not None:
            answer = await api.get(path)
            pages += 1
            found += [item["id"] for item in answer.json()["items"]]
            link = answer.headers.get("link")
            assert (link is None) == (answer.json()["next_cursor"] is None)
            path = None if link is None else link.removeprefix("<").removesuffix('>; rel="next"')
        assert (found, pages) == (made, 3)

    async def test_a_cursor_can_t_be_made_or_changed(self, api: httpx.AsyncClient, made: list[int]) -> None:
        cursor = (await api.get("/things?limit=2")).json()["next_cursor"]
        ours = Keyring.from_master(MASTER).cursors
        forged = encode_cursor(key=(1,), shape=["/things", []], secret=b"another installation's")
        of_other_list = encode_cursor(key=(1,), shape=["/other", []], secret=ours)
        swapped = cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")
        tampered = [
            forged,
            of_other_list,
            swapped,
            cursor[1:],
            cursor[:-4],
            cursor + "AAAA",
            "x",
            "",
            "=",
            "甲",
            "x" * 1000,
        ]
        for bad in tampered:
            answer = await api.get("/things", params={"limit": 2, "cursor": bad})
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor"), bad
        other_filters = await api.get("/things", params={"cursor": cursor, "colour": "red"})
        assert other_filters.json()["code"] == "invalid_cursor"
        too_long = await api.get("/things", params={"cursor": "x" * 1001})
        assert (too_long.status_code, too_long.json()["code"]) == (422, "validation_failed")
        other_size = await api.get("/things", params={"cursor": cursor, "limit": 3})
        assert [item["id"] for item in other_size.json()["items"]] == made[2:]

    async def test_a_cursor_tells_nothing(self, api: httpx.AsyncClient, made: list[int]) -> None:
        cursor: Any = (await api.get("/things?limit=2")).json()["next_cursor"]
        assert isinstance(cursor, str)
        assert "thing" not in cursor
