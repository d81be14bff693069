"""Changing the password: what it needs, what it ends, and that nobody gets in with the old one meanwhile."""

import asyncio
from pathlib import Path

import httpx
import pytest
from passlib.hash import argon2
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON, MASTER, FakeClock
from tests.factories.logins import OFFICE, PASSWORD, at, bearer, log_in, refresh, server, with_password
from tests.factories.people import Desk

from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.http.state import AppState
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.identity.models import Account, AuthSession
from ownercare_api.identity.service import Desk as IdentityDesk
from ownercare_api.timeline.models import Event

NEW = "青山不改绿水长流后会有期"

pytestmark = pytest.mark.rule("ORG-28")


async def change(
    client: httpx.AsyncClient, headers: dict[str, str], *, current: str = PASSWORD, new: str = NEW
) -> httpx.Response:
    return await client.post(
        "/v1/me/password", json={"current_password": current, "new_password": new}, headers=headers
    )


async def test_a_new_password_ends_every_other_login(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState, clock: FakeClock
) -> None:
    actor, account = await with_password(session, people)
    other = await log_in(client, username=account.username)
    here = await log_in(client, username=account.username)
    assert (await change(client, bearer(here))).status_code == 204
    state.parts[PrincipalCache] = PrincipalCache()
    assert (await client.get("/v1/me", headers=bearer(here))).status_code == 200
    for headers in (bearer(other), actor.headers):
        assert (await client.get("/v1/me", headers=headers)).status_code == 401
    assert (await refresh(client, other.json()["refresh_token"])).status_code == 401
    assert (await refresh(client, here.json()["refresh_token"])).status_code == 200
    assert (await log_in(client, username=account.username)).json()["code"] == "bad_credentials"
    assert (await log_in(client, username=account.username, password=NEW)).status_code == 200
    await session.refresh(account)
    assert account.password_changed_at == clock()
    event = (await session.scalars(select(Event).where(Event.kind == "password.changed"))).one()
    assert (event.actor_id, event.subject_kind, event.data) == (account.id, "person", {"sessions_ended": 2})


@pytest.mark.parametrize(
    ("current", "new", "code", "pointer"),
    [
        ("something else", NEW, "wrong_password", "#/current_password"),
        (PASSWORD, PASSWORD, "same_password", "#/new_password"),
        (PASSWORD, "雨过天青云破处，这般颜色做将来", "same_password", "#/new_password"),  # full-width comma
        (PASSWORD, "password1234", "weak_password", "#/new_password"),
        (PASSWORD, "十一个字符的密码不够的", "weak_password", "#/new_password"),
        (PASSWORD, "plum-zhangyun-kettle", "weak_password", "#/new_password"),
        (PASSWORD, "春江花月夜张云海上明月", "weak_password", "#/new_password"),
        (PASSWORD, "x" * 1025, "string_too_long", "#/new_password"),
        (PASSWORD, "", "string_too_short", "#/new_password"),
    ],
)
async def test_refused_changes_change_nothing(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, current: str, new: str, code: str, pointer: str
) -> None:
    actor, account = await with_password(session, people)
    account.name = "张云"
    await session.flush()
    before = (account.password_hash, account.version, await session.scalar(select(func.count()).select_from(Event)))
    answer = await change(client, actor.headers, current=current, new=new)
    assert answer.status_code == 422
    assert [(fault["code"], fault["pointer"]) for fault in answer.json()["errors"]] == [(code, pointer)]
    await session.refresh(account)
    after = (account.password_hash, account.version, await session.scalar(select(func.count()).select_from(Event)))
    assert after == before
    assert (await client.get("/v1/me", headers=actor.headers)).status_code == 200


async def test_guessing_the_present_password_is_limited(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    actor, _ = await with_password(session, people)
    for _ in range(5):
        assert (await change(client, actor.headers, current="guess")).status_code == 422
    answer = await change(client, actor.headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
    clock.forward(seconds=30)
    assert (await change(client, actor.headers)).status_code == 204


async def test_an_initial_password_buys_nothing_but_a_new_one(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState
) -> None:
    _, account = await with_password(session, people)
    account.must_change_password = True
    await session.flush()
    answer = await log_in(client, username=account.username)
    assert answer.json()["scope"] == ""
    me = (await client.get("/v1/me", headers=bearer(answer))).json()
    assert (me["must_change_password"], me["scopes"], me["grants"]) == (True, [], [])
    for path in ("/v1/owners", "/v1/tickets", "/v1/roles"):
        refused = await client.get(path, headers=bearer(answer))
        assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required")
    assert (await client.get("/v1/me/sessions", headers=bearer(answer))).status_code == 200
    assert (await change(client, bearer(answer))).status_code == 204
    state.parts[PrincipalCache] = PrincipalCache()
    fresh = await refresh(client, answer.json()["refresh_token"])
    assert "callbacks:record" in fresh.json()["scope"].split()
    me = (await client.get("/v1/me", headers=bearer(fresh))).json()
    assert (me["must_change_password"], len(me["grants"])) == (False, 1)
    assert (await client.post("/v1/auth/logout", headers=bearer(fresh))).status_code == 204


async def test_an_old_hash_is_made_anew_at_the_next_login(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession
) -> None:
    _, account = await with_password(session, people)
    account.password_hash = old = argon2.using(type="ID", memory_cost=19456, rounds=2, parallelism=1).hash(PASSWORD)
    await session.flush()
    version = account.version
    assert (await log_in(client, username=account.username, password="not this one")).status_code == 401
    await session.refresh(account)
    assert account.password_hash == old
    assert (await log_in(client, username=account.username)).status_code == 200
    await session.refresh(account)
    assert account.password_hash is not None
    assert account.password_hash.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert account.version == version
    assert (await log_in(client, username=account.username)).status_code == 200


async def test_a_hash_of_64_chinese_characters_logs_in_over_http(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession
) -> None:
    long = "落霞与孤鹜齐飞秋水共长天一色渔舟唱晚响穷彭蠡之滨雁阵惊寒声断衡阳之浦" * 2
    actor, account = await with_password(session, people)
    assert (await change(client, actor.headers, new=long[:64])).status_code == 204
    assert (await log_in(client, username=account.username, password=long[:64])).status_code == 200
    assert (await log_in(client, username=account.username, password=long[:63])).status_code == 401
    assert (await log_in(client, username=account.username, password=long[:65])).status_code == 401


async def test_a_password_is_never_in_an_answer_or_an_event(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession
) -> None:
    actor, account = await with_password(session, people)
    texts = [
        (await change(client, actor.headers, current="猜一个密码试试看")).text,
        (await change(client, actor.headers, new="123456789012")).text,
        (await log_in(client, username=account.username, password="猜一个密码试试看")).text,
        (await change(client, actor.headers)).text,
    ]
    texts += [str(one) for one in await session.scalars(select(Event.data))]
    for secret in (PASSWORD, NEW, "猜一个密码试试看", "123456789012"):
        assert not any(secret in text for text in texts)


@pytest.mark.slow
async def test_nobody_slips_in_with_the_old_password_while_it_is_changed(
    committed: PooledDatabase, tmp_path: Path
) -> None:
    clock = FakeClock(FRIDAY_NOON)
    workers = [server(committed, clock=clock, folder=tmp_path, master=MASTER) for _ in range(2)]
    for trial in range(20):
        async with committed.session() as session:
            desk: IdentityDesk = workers[0].state.ownercare.parts[IdentityDesk]
            await desk.keys.load(session, now=clock())
            people = Desk(session=session, desk=desk, clock=clock, made=trial)
            actor, account = await with_password(session, people)
            await session.commit()
        async with at(workers[0], OFFICE) as one, at(workers[1], OFFICE) as two:
            answers = await asyncio.gather(
                change(one, actor.headers), *(log_in(two, username=account.username) for _ in range(4))
            )
        assert answers[0].status_code == 204
        async with committed.session() as session:
            still_open = await session.scalars(
                select(AuthSession.id).where(AuthSession.account_id == account.id, AuthSession.revoked_at.is_(None))
            )
            assert set(still_open) == {actor.session_id}, trial
            assert (await session.get_one(Account, account.id)).password_hash != account.password_hash
        clock.forward(minutes=16)
