"""Background jobs and health over HTTP."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.people import Desk as PeopleDesk

from ownercare_api.core import jobs, migrations
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.core.jobs import Job


@pytest.fixture
async def queued(session: AsyncSession, clock: FakeClock) -> list[str]:
    """Queue three jobs and fail one; gives their ids, newest first."""
    for kind in ("files.sweep", "deadlines.recompute_year", "files.sweep"):
        await jobs.enqueue(session, kind=kind, args={"project_id": "secret"}, run_at=clock())
    await session.execute(text("UPDATE job SET status = 'failed' WHERE kind = 'deadlines.recompute_year'"))
    ids = [str(row[0]) for row in await session.execute(text("SELECT id FROM job ORDER BY id DESC"))]
    assert len(ids) == 3
    return ids


async def test_jobs(client: httpx.AsyncClient, people: PeopleDesk, clock: FakeClock, queued: list[str]) -> None:
    actor = await people.staff("system_administrator")

    async def listed(**params: Any) -> list[str]:
        answer = await client.get("/v1/jobs", headers=actor.headers, params=params)
        assert "secret" not in answer.text, "what a job works on is not told"
        return [item["id"] for item in answer.json()["items"]]

    assert await listed() == queued
    assert await listed(status="failed") == queued[1:2]
    assert await listed(kind="files.sweep") == [queued[0], queued[2]]
    assert await listed(kind="files.sweep", status="done") == []
    first = (await client.get("/v1/jobs", headers=actor.headers, params={"limit": 2, "include_total": True})).json()
    assert (first["total"], await listed(limit=2, cursor=first["next_cursor"])) == (3, queued[2:])

    answer = await client.get(f"/v1/jobs/{queued[0]}", headers=actor.headers)
    found = answer.json()
    assert answer.headers["etag"].startswith('"1.')
    assert {name: found[name] for name in ("id", "kind", "status", "attempts", "last_error", "finished_at")} == {
        "id": queued[0],
        "kind": "files.sweep",
        "status": "queued",
        "attempts": 0,
        "last_error": None,
        "finished_at": None,
    }
    assert found["run_at"] == "2026-11-20T04:00:00Z"


async def test_who_may_see_jobs(client: httpx.AsyncClient, people: PeopleDesk, queued: list[str]) -> None:
    agent = await people.staff("call_center_agent")
    for path, expected in (
        ("/v1/jobs", (403, "missing_scope")),
        (f"/v1/jobs/{queued[0]}", (404, "job_not_found")),  # it could be one's own, so the door is open
    ):
        refused = await client.get(path, headers=agent.headers)
        assert (refused.status_code, refused.json()["code"]) == expected
        assert (await client.get(path)).status_code == 401
    actor = await people.staff("system_administrator")
    missing = await client.get(f"/v1/jobs/{uuid7()}", headers=actor.headers)
    assert (missing.status_code, missing.json()["code"]) == (404, "job_not_found")
    assert (await client.get("/v1/jobs?kind=%25", headers=actor.headers)).status_code == 422
    assert Job.__tablename__ == "job"


async def test_alive_without_a_database(client: httpx.AsyncClient, state: AppState) -> None:
    state.database = None  # type: ignore[assignment]
    answer = await client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert answer.headers["cache-control"] == "no-store"


async def test_ready(client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock) -> None:
    answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "status": "ready",
            "database": "reachable",
            "migration": migrations.head(),
            "worker": {"state": "none", "seen_at": None},
            "audit": {"state": "sealed", "lag_seconds": 0.0},
        },
    )
    await jobs.beat(session, worker_id=uuid7(), name="host:1", started_at=clock(), now=clock())
    for forward, state in ((timedelta(seconds=60), "running"), (timedelta(microseconds=1), "silent")):
        clock.now += forward
        found = (await client.get("/health/ready")).json()["worker"]
        assert found == {"state": state, "seen_at": "2026-11-20T04:00:00Z"}


async def test_not_ready_with_other_tables(client: httpx.AsyncClient, session: AsyncSession) -> None:
    await session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    answer = await client.get("/health/ready", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert answer.json()["detail"] == "Not ready: the tables are not those of this version."
    assert answer.headers["retry-after"] == "5"


async def test_not_ready_without_a_database(client: httpx.AsyncClient, state: AppState) -> None:
    state.database = None  # type: ignore[assignment]
    answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert answer.json()["detail"] == "服务尚未就绪:数据库无法访问。"
