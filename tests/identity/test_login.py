"""Logging in: tokens, refresh families, logout, scopes."""

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.people import Desk

from ownercare_api.core.http.state import AppState
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.identity.models import Account
from ownercare_api.identity.passwords import hash_password

PASSWORD = "雨过天青云破处,这般颜色做将来"


async def with_password(session: AsyncSession, people: Desk) -> str:
    actor = await people.staff("records_clerk")
    account = await session.get_one(Account, actor.id)
    account.password_hash = await hash_password(PASSWORD)
    await session.flush()
    return account.username


async def log_in(client: httpx.AsyncClient, **form: str) -> httpx.Response:
    return await client.post("/v1/auth/token", data={"grant_type": "password", **form})


@pytest.mark.rule("ORG-28")
async def test_a_login_opens_the_caller_s_own_scopes(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession
) -> None:
    username = await with_password(session, people)
    answer = await log_in(client, username=username, password=PASSWORD)
    assert answer.status_code == 200
    token = answer.json()["access_token"]
    me = await client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert me.status_code == 200
    assert me.json()["post"] == "records_clerk"
    assert "callbacks:record" in me.json()["scopes"]
    assert "settlements:pay" not in me.json()["scopes"]


async def test_a_wrong_password_and_an_unknown_name_give_the_same_problem(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession
) -> None:
    username = await with_password(session, people)
    wrong = (await log_in(client, username=username, password="x" * 12)).json()
    unknown = (await log_in(client, username="nobody", password="x" * 12)).json()
    assert wrong["status"] == 401
    wrong.pop("request_id")
    unknown.pop("request_id")
    assert wrong == unknown


async def test_a_refresh_token_works_once_and_its_reuse_ends_the_login(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState
) -> None:
    username = await with_password(session, people)
    first = (await log_in(client, username=username, password=PASSWORD)).json()

    async def refresh(token: str) -> httpx.Response:
        return await client.post("/v1/auth/token", data={"grant_type": "refresh_token", "refresh_token": token})

    second = await refresh(first["refresh_token"])
    assert second.status_code == 200
    assert (await refresh(first["refresh_token"])).status_code == 401
    assert (await refresh(second.json()["refresh_token"])).json()["code"] == "bad_refresh_token"
    state.parts[PrincipalCache] = PrincipalCache()
    me = await client.get("/v1/me", headers={"Authorization": f"Bearer {second.json()['access_token']}"})
    assert me.status_code == 401


async def test_logout_ends_the_login(client: httpx.AsyncClient, people: Desk, state: AppState) -> None:
    actor = await people.staff("records_clerk")
    assert (await client.post("/v1/auth/logout", headers=actor.headers)).status_code == 204
    state.parts[PrincipalCache] = PrincipalCache()
    assert (await client.get("/v1/me", headers=actor.headers)).json()["code"] == "invalid_token"


async def test_an_expired_token_is_refused(client: httpx.AsyncClient, people: Desk, clock: FakeClock) -> None:
    headers = (await people.staff("records_clerk")).headers
    assert (await client.get("/v1/me", headers=headers)).status_code == 200
    clock.forward(minutes=15)
    answer = await client.get("/v1/me", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_a_missing_scope_is_named(client: httpx.AsyncClient, people: Desk) -> None:
    actor = await people.staff("repair_worker")
    answer = await client.get("/v1/roles", headers={**actor.headers, "Accept-Language": "en"})
    assert answer.status_code == 403
    assert answer.json()["code"] == "missing_scope"
    assert answer.json()["detail"] == "Your role does not include this scope: identity:read."


async def test_unknown_paths_and_methods_are_problems_too(client: httpx.AsyncClient) -> None:
    missing = await client.get("/v1/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    wrong = await client.delete("/v1/me")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")
    assert wrong.json()["code"] == "method_not_allowed"
