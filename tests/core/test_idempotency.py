"""`Idempotency-Key`: the first committed answer, once and for the same caller, route and body."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from tests.conftest import FakeClock
from tests.core.http_app import gate_of

from ownercare_api.core import idempotency_table, keeping
from ownercare_api.core.database import PooledDatabase


async def post(api: httpx.AsyncClient, key: str | None, body: Any = None, **headers: str) -> httpx.Response:
    with_key = {} if key is None else {"Idempotency-Key": key}
    return await api.post("/things", json=body or {"name": "甲"}, headers=with_key | headers)


async def count(database: PooledDatabase, table: str = "thing") -> int:
    async with database.session() as session:
        found = await session.scalar(text(f"SELECT count(*) FROM {table}"))
    assert isinstance(found, int)
    return found


async def test_a_retry_gets_the_first_answer(api: httpx.AsyncClient, http_database: PooledDatabase) -> None:
    first = await post(api, "k1")
    again = await post(api, "k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    kept = ("location", "etag", "content-type")
    assert {name: again.headers[name] for name in kept} == {name: first.headers[name] for name in kept}
    assert again.headers["location"] == f"/things/{first.json()['id']}"
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    assert again.headers["cache-control"] == "no-store"
    assert await count(http_database) == 1


async def test_an_answer_of_the_version_before_is_given_again(
    api: httpx.AsyncClient, http_database: PooledDatabase
) -> None:
    first = await post(api, "k1")
    async with http_database.session() as session:
        await session.execute(text("UPDATE idempotent_answer SET headers = CAST(headers AS json) ->> 'headers'"))
        await session.commit()
    again = await post(api, "k1")
    assert (again.status_code, again.content, again.headers["location"]) == (
        201,
        first.content,
        first.headers["location"],
    )


async def test_without_a_key_every_request_counts(api: httpx.AsyncClient, http_database: PooledDatabase) -> None:
    await post(api, None)
    await post(api, None)
    assert (await count(http_database), await count(http_database, "idempotent_answer")) == (2, 0)


async def test_the_answer_is_kept_encrypted(api: httpx.AsyncClient, http_database: PooledDatabase) -> None:
    await post(api, "k1", {"name": "张三 13800138000"})
    async with http_database.session() as session:
        answer = await session.scalar(text("SELECT answer FROM idempotent_answer"))
    assert isinstance(answer, bytes)
    assert b"13800138000" not in answer


@pytest.mark.parametrize(
    ("path", "body"),
    [("/things", {"name": "乙"}), ("/things?x=1", {"name": "甲"}), ("/payments", {"name": "甲"})],
)
async def test_another_body_or_route_is_refused(
    api: httpx.AsyncClient, http_database: PooledDatabase, path: str, body: dict[str, str]
) -> None:
    await post(api, "k1")
    answer = await api.post(path, json=body, headers={"Idempotency-Key": "k1"})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert await count(http_database) == 1


async def test_a_key_belongs_to_its_caller(api: httpx.AsyncClient, http_database: PooledDatabase) -> None:
    first = await post(api, "k1")
    other = await post(api, "k1", **{"X-Caller": "staff:2"})
    assert (other.status_code, other.json()["caller"]) == (201, "staff:2")
    assert other.json()["id"] != first.json()["id"]
    assert await count(http_database) == 2


async def test_while_the_first_is_running(api: httpx.AsyncClient, http_database: PooledDatabase) -> None:
    gate = gate_of(api)
    gate.open.clear()
    first = asyncio.create_task(post(api, "k1"))
    await gate.entered.wait()
    second = await post(api, "k1")
    assert (second.status_code, second.json()["code"]) == (409, "idempotency_in_flight")
    assert second.headers["retry-after"] == "1"
    other_key = asyncio.create_task(post(api, "k2"))
    gate.open.set()
    assert ((await first).status_code, (await other_key).status_code) == (201, 201)
    assert (await post(api, "k1")).headers["idempotency-replayed"] == "true"
    assert await count(http_database) == 2


@pytest.mark.parametrize(
    ("fail", "status", "code"),
    [
        ("refuse", 409, "full"),
        ("defect", 500, "internal_error"),
        ("orphan", 500, "internal_error"),
        ("twin", 409, "concurrent_change"),
    ],
)
async def test_an_error_is_not_kept_and_changes_nothing(
    api: httpx.AsyncClient, http_database: PooledDatabase, fail: str, status: int, code: str
) -> None:
    """`orphan` and `twin` break deferred constraints, which PostgreSQL checks when the request's work is done: that the
    answer is then not 201 proves that the commit comes before the answer."""
    body = {"name": "甲", "fail": fail}
    for _ in range(2):
        answer = await post(api, "k1", body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert "idempotency-replayed" not in answer.headers
        assert "location" not in answer.headers
    assert (await count(http_database), await count(http_database, "idempotent_answer")) == (0, 0)
    assert (await post(api, "k1")).status_code == 201, "the key is still free"


async def test_a_broken_connection_frees_the_key(api: httpx.AsyncClient, http_database: PooledDatabase) -> None:
    gate = gate_of(api)
    gate.open.clear()
    first = asyncio.create_task(post(api, "k1"))
    await gate.entered.wait()
    async with http_database.session() as session:
        holder = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        assert await session.scalar(text(holder)) == 1
    gate.open.set()
    answer = await first
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    again = await post(api, "k1")
    assert (again.status_code, again.headers.get("idempotency-replayed")) == (201, None)
    assert await count(http_database) == 1


_OLD = keeping.Rule(idempotency_table.IdempotentAnswer, idempotency_table.over)


async def test_answers_are_forgotten_after_48_hours(
    api: httpx.AsyncClient, http_database: PooledDatabase, clock: FakeClock
) -> None:
    first = await post(api, "k1")
    clock.forward(hours=48)
    async with http_database.session() as session:
        assert await keeping.forget_some(session, rule=_OLD, now=clock()) == 0
        await session.commit()
    assert (await post(api, "k1")).content == first.content
    clock.forward(microseconds=1)
    async with http_database.session() as session:
        assert await keeping.forget_some(session, rule=_OLD, now=clock()) == 1
        await session.commit()
    assert (await post(api, "k1")).json()["id"] != first.json()["id"]
    assert timedelta(hours=24) < idempotency_table.KEPT


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "schlüssel"])
async def test_malformed_keys(api: httpx.AsyncClient, http_database: PooledDatabase, key: str) -> None:
    answer = await api.post("/things", json={"name": "甲"}, headers=[(b"Idempotency-Key", key.encode("latin-1"))])
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_malformed")
    assert await count(http_database) == 0


async def test_where_money_moves_a_key_is_needed(api: httpx.AsyncClient, http_database: PooledDatabase) -> None:
    answer = await api.post("/payments")
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")
    assert await count(http_database) == 0
    assert (await api.post("/payments", headers={"Idempotency-Key": "x" * 255})).status_code == 201


@pytest.mark.slow
async def test_eight_retries_at_once_have_one_effect(api: httpx.AsyncClient, http_database: PooledDatabase) -> None:
    for trial in range(20):
        answers = await asyncio.gather(*(post(api, f"trial {trial}") for _ in range(8)))
        made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
        assert len(made) == 1, trial
        refused = {answer.json()["code"] for answer in answers if answer.status_code != 201}
        assert refused <= {"idempotency_in_flight"}, trial
        assert (await post(api, f"trial {trial}")).json()["id"] in made
    assert await count(http_database) == 20


@pytest.mark.parametrize(
    ("then", "now", "replayed"),
    [("1", "1", True), ("1", "1 2", True), ("1 2", "1", False), ("1 2", "3", False), ("1", "", False)],
)
async def test_an_answer_is_given_again_only_within_the_reach_it_was_made_with(
    api: httpx.AsyncClient, http_database: PooledDatabase, then: str, now: str, replayed: bool
) -> None:
    first = await post(api, "k1", **{"X-Projects": then})
    again = await post(api, "k1", **{"X-Projects": now})
    if replayed:
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["idempotency-replayed"] == "true"
    else:
        assert (again.status_code, again.json()["code"]) == (403, "out_of_reach")
        assert "caller" not in again.json()
    assert await count(http_database) == 1


async def test_what_only_looks_is_done_again_and_not_kept(
    api: httpx.AsyncClient, http_database: PooledDatabase
) -> None:
    """A search answers 200: it made nothing, so a repetition does no harm, and each one is on record."""
    answers = [await api.post("/searches", headers={"Idempotency-Key": "k1"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.content for answer in answers}) == 3
    assert all("idempotency-replayed" not in answer.headers for answer in answers)
    assert (await count(http_database), await count(http_database, "idempotent_answer")) == (3, 0)
