"""Denials: what is recorded, what is not, and how a flood of them is bounded."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs
from tests.conftest import FRIDAY_NOON, FakeClock
from tests.factories.org import make_org
from tests.factories.people import Desk

from ownercare_api.core.denials import DenialLog, Denied
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.timeline.denials import EACH, Denials


async def denials(session: AsyncSession) -> list[dict[str, Any]]:
    found = await session.execute(text("SELECT * FROM denial ORDER BY seq"))
    return [dict(row) for row in found.mappings()]


async def test_a_missing_scope(client: httpx.AsyncClient, people: Desk, session: AsyncSession) -> None:
    captain = await people.staff("hr_officer")
    answer = await client.get("/v1/tickets", headers=captain.headers | {"X-Request-Id": "request-0001"})
    assert answer.status_code == 403
    (row,) = await denials(session)
    assert {name: row[name] for name in ("actor_kind", "actor_id", "operation", "method", "path")} == {
        "actor_kind": "staff",
        "actor_id": captain.id,
        "operation": "tickets_list",
        "method": "GET",
        "path": "/v1/tickets",
    }
    assert (row["status"], row["code"], row["subject_id"], row["project_id"]) == (403, "missing_scope", None, None)
    assert (row["request_id"], row["count"], row["at"], len(row["source"])) == ("request-0001", 1, FRIDAY_NOON, 8)


@pytest.mark.rule("OWN-07")
async def test_probing_for_what_lies_outside_one_s_reach(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession
) -> None:
    org = await make_org(session, now=FRIDAY_NOON)
    colleague = await people.staff("customer_relations_specialist", project_id=org.project.id)
    asked = uuid7()
    answer = await client.get(f"/v1/owners/{asked}?secret=13800138000", headers=colleague.headers)
    assert answer.status_code == 404
    (row,) = await denials(session)
    assert (row["operation"], row["path"], row["subject_id"]) == ("owners_read", "/v1/owners/{owner_id}", asked)
    assert (row["status"], row["actor_id"]) == (404, colleague.id)
    assert "13800138000" not in str(row)


async def test_credentials_that_are_not_good(client: httpx.AsyncClient, people: Desk, session: AsyncSession) -> None:
    for name in ("nobody", "nobody-else"):
        form = {"grant_type": "password", "username": name, "password": "not-the-password-2026"}
        assert (await client.post("/v1/auth/token", data=form)).status_code == 401
    forged = await client.get("/v1/me", headers={"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."})
    assert forged.status_code == 401
    found = await denials(session)
    assert [(row["operation"], row["code"], row["actor_id"], row["count"]) for row in found] == [
        ("auth_token_create", "bad_credentials", None, 1),
        ("auth_token_create", "bad_credentials", None, 1),
        ("me_read", "invalid_token", None, 1),
    ]
    assert len({row["source"] for row in found}) == 1
    assert "nobody" not in str(found)


async def test_what_is_no_denial(client: httpx.AsyncClient, people: Desk, session: AsyncSession) -> None:
    clerk = await people.staff("records_clerk")
    assert (await client.get("/v1/me")).status_code == 401, "no token at all"
    assert (await client.get("/v1/nowhere", headers=clerk.headers)).status_code == 404, "no such operation"
    assert (await client.get("/v1/tickets?limit=0", headers=clerk.headers)).status_code == 422
    assert (await client.get("/v1/tickets", headers=clerk.headers)).status_code == 200
    assert await denials(session) == []


async def test_a_flood_is_bounded_and_every_one_is_counted(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, state: AppState
) -> None:
    prober, other = await people.staff("hr_officer"), await people.staff("hr_officer")
    headers = prober.headers
    for _ in range(100):
        assert (await client.get("/v1/tickets", headers=headers)).status_code == 403
    await client.get("/v1/tickets", headers=other.headers)
    found = await denials(session)
    own = [row for row in found if row["actor_id"] == prober.id]
    assert [row["count"] for row in own] == [1] * EACH + [20, 40]
    several = own[-1]
    assert (several["code"], several["operation"], several["path"], several["status"]) == ("many", None, None, 403)
    assert [row["count"] for row in found if row["actor_id"] == other.id] == [1]

    clock.forward(seconds=61)
    await client.get("/v1/tickets", headers=other.headers)  # the next minute writes what the last one held back
    own = [row for row in await denials(session) if row["actor_id"] == prober.id]
    assert sum(row["count"] for row in own) == 100
    assert own[-1]["at"] == FRIDAY_NOON
    for _ in range(EACH + 3):
        await client.get("/v1/tickets", headers=prober.headers)
    await state.parts[DenialLog].close(state)
    own = [row for row in await denials(session) if row["actor_id"] == prober.id]
    assert sum(row["count"] for row in own) == 100 + EACH + 3


def denied(place: int, **more: Any) -> Denied:
    given: dict[str, Any] = {
        "at": FRIDAY_NOON + timedelta(microseconds=place),
        "caller": None,
        "operation": "me_read",
        "method": "GET",
        "path": "/v1/me",
        "status": 401,
        "code": "invalid_token",
        "project_id": None,
        "subject_id": None,
        "request_id": "",
        "peer": "192.0.2.1",
        "forwarded_for": (),
    }
    return Denied(**(given | more))


async def test_sources_are_told_apart_but_not_kept(session: AsyncSession, state: AppState) -> None:
    log = Denials()
    for peer in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "2001:db8::1", "2001:db8::2", None):
        await log.note(state, denied(0, peer=peer, forwarded_for=("198.51.100.7",)))
    sources = [bytes(row["source"]) for row in await denials(session)]
    assert [sources.index(one) for one in sources] == [0, 1, 0, 3, 3, 5]
    assert not any(b"192" in one for one in sources)


async def test_callers_without_number_share_a_count(
    session: AsyncSession, state: AppState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ownercare_api.timeline.denials._CALLERS", 5)
    log = Denials()
    for place in range(60):
        await log.note(state, denied(place, caller=f"staff:{uuid7()}", status=403))
    await log.close(state)
    found = await denials(session)
    assert sum(row["count"] for row in found) == 60
    assert len(found) == 5 + EACH + 2
    assert [(row["actor_id"], row["source"]) for row in found if row["code"] == "many"] == [(None, None)] * 2


async def test_a_database_that_is_away_costs_the_answer_nothing_and_the_log_has_it(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ownercare_api.timeline.denials._PATIENCE_SECONDS", 0.05)
    prober = await people.staff("hr_officer")

    class Away:
        async def __aenter__(self) -> None:
            await asyncio.sleep(10)

        async def __aexit__(self, *_: object) -> None: ...

    monkeypatch.setattr(state.database, "driver", Away)
    with capture_logs() as logs:
        answer = await client.get("/v1/identity/nowhere", headers=prober.headers)
        assert answer.status_code == 404
        answer = await client.get("/v1/tickets", headers=prober.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    (entry,) = [entry for entry in logs if entry["event"] == "denial.not_recorded"]
    assert (entry["actor"], entry["operation"], entry["code"]) == (
        f"staff:{prober.id}",
        "tickets_list",
        "missing_scope",
    )
    assert await denials(session) == []
