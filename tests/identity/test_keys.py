"""Signing keys rotate while several servers run: nobody is logged out, nothing is restarted."""

import asyncio
import base64
import json
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON, MASTER, FakeClock, QueryRecorder
from tests.factories.logins import OFFICE, at, bearer, log_in, server, with_password
from tests.factories.people import Desk

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.http.state import AppState
from ownercare_api.identity import keys
from ownercare_api.identity.keys import KeyStore
from ownercare_api.identity.models import SigningKey
from ownercare_api.identity.service import Desk as IdentityDesk

pytestmark = pytest.mark.rule("ORG-28")


def desk_of(app: FastAPI) -> IdentityDesk:
    desk: IdentityDesk = app.state.ownercare.parts[IdentityDesk]
    return desk


async def rotate(database: PooledDatabase, clock: FakeClock, overlap: timedelta) -> str:
    """Rotate from a process of its own, as the command does."""
    async with database.session() as session:
        kid = await KeyStore(keyring=Keyring.from_master(MASTER)).rotate(session, now=clock(), overlap=overlap)
        await session.commit()
    return kid


async def me(client: httpx.AsyncClient, headers: dict[str, str]) -> int:
    return (await client.get("/v1/me", headers=headers)).status_code


async def published(client: httpx.AsyncClient) -> set[str]:
    return {key["kid"] for key in (await client.get("/.well-known/jwks.json")).json()["keys"]}


def let_time_pass(*apps: FastAPI) -> None:
    """Let the seconds pass after which a server looks at the keys again."""
    for app in apps:
        desk_of(app).keys._loaded = time.monotonic() - keys.FRESH_SECONDS - 1


async def test_two_servers_rotate_without_a_restart(committed: PooledDatabase, tmp_path: Path) -> None:
    clock = FakeClock(FRIDAY_NOON)
    first, second = (server(committed, clock=clock, folder=tmp_path, master=MASTER) for _ in range(2))
    async with committed.session() as session:
        people = Desk(session=session, desk=desk_of(first), clock=clock)
        await desk_of(first).keys.load(session, now=clock())
        _, account = await with_password(session, people)
        await session.commit()
    async with at(first, OFFICE) as one, at(second, OFFICE) as two:
        old = bearer(await log_in(one, username=account.username))
        assert (await me(one, old), await me(two, old)) == (200, 200)
        kid = await rotate(committed, clock, timedelta(minutes=20))
        let_time_pass(first)  # the first server has noticed, the second has not
        new = bearer(await log_in(one, username=account.username))
        assert kid in await published(one)
        assert kid not in await published(two)
        assert await me(two, new) == 200  # it looks when it sees a key of ours that it does not know
        assert kid in await published(two)
        assert (await me(one, old), await me(two, old)) == (200, 200)
        clock.forward(minutes=14)
        assert (await me(one, old), await me(two, old)) == (200, 200)
        clock.forward(minutes=6)
        assert (await me(one, old), await me(two, old)) == (401, 401)
        late = bearer(await log_in(two, username=account.username))
        assert (await me(one, late), await me(two, late)) == (200, 200)
        assert await published(one) == await published(two) == {kid}


async def test_a_key_withdrawn_at_once_takes_remembered_tokens_with_it(
    committed: PooledDatabase, tmp_path: Path
) -> None:
    clock = FakeClock(FRIDAY_NOON)
    first, second = (server(committed, clock=clock, folder=tmp_path, master=MASTER) for _ in range(2))
    async with committed.session() as session:
        people = Desk(session=session, desk=desk_of(first), clock=clock)
        await desk_of(first).keys.load(session, now=clock())
        _, account = await with_password(session, people)
        await session.commit()
    async with at(first, OFFICE) as one, at(second, OFFICE) as two:
        answer = await log_in(one, username=account.username)
        assert (await me(one, bearer(answer)), await me(two, bearer(answer))) == (200, 200)
        await rotate(committed, clock, timedelta(minutes=20))
        await rotate(committed, clock, timedelta(0))  # also ends the one before
        let_time_pass(first, second)
        assert (await me(one, bearer(answer)), await me(two, bearer(answer))) == (401, 401)
        form = {"grant_type": "refresh_token", "refresh_token": answer.json()["refresh_token"]}
        again = await two.post("/v1/auth/token", data=form)
        assert (await me(one, bearer(again)), await me(two, bearer(again))) == (200, 200)
        assert len(await published(one)) == 1


def looks(queries: QueryRecorder) -> int:
    """Count the statements that ask for keys."""
    return sum("signing_key" in statement for statement in queries.statements)


async def test_made_up_key_ids_cost_no_statement(
    client: httpx.AsyncClient, people: Desk, state: AppState, queries: QueryRecorder
) -> None:
    actor = await people.staff("records_clerk")
    desk: IdentityDesk = state.parts[IdentityDesk]
    pair = desk.keys._pairs[desk.keys._current]
    await client.get("/v1/me", headers=actor.headers)
    with queries:
        for number in range(50):
            forged = actor.token.replace(actor.token.split(".")[0], _header(f"{number:032x}-{number:016x}"))
            answer = await client.get("/v1/me", headers={"Authorization": f"Bearer {forged}"})
            assert answer.status_code == 401
        for odd in ("x", "../../x", f"{pair.kid}0", pair.kid.replace("-", ""), pair.kid.upper() + "-"):
            forged = actor.token.replace(actor.token.split(".")[0], _header(odd))
            assert (await client.get("/v1/me", headers={"Authorization": f"Bearer {forged}"})).status_code == 401
    assert looks(queries) == 0


def _header(kid: str) -> str:
    header = json.dumps({"alg": "ES256", "typ": "at+jwt", "kid": kid})
    return base64.urlsafe_b64encode(header.encode()).rstrip(b"=").decode()


async def test_an_id_of_ours_that_is_gone_is_looked_for_once(
    client: httpx.AsyncClient, people: Desk, state: AppState, queries: QueryRecorder
) -> None:
    actor = await people.staff("records_clerk")
    desk: IdentityDesk = state.parts[IdentityDesk]
    gone = desk.keys._name("0" * 32)
    forged = actor.token.replace(actor.token.split(".")[0], _header(gone))
    await client.get("/v1/me", headers=actor.headers)
    with queries:
        for _ in range(20):
            assert (await client.get("/v1/me", headers={"Authorization": f"Bearer {forged}"})).status_code == 401
    assert looks(queries) == 1


async def test_processes_that_start_together_make_one_key(committed: PooledDatabase) -> None:
    async with committed.session() as session:
        assert await session.scalar(select(func.count()).select_from(SigningKey)) == 0

    async def start() -> str:
        async with committed.session() as session:
            pair = await KeyStore(keyring=Keyring.from_master(MASTER)).current(session, now=FRIDAY_NOON)
            await session.commit()
            return pair.kid

    assert len(set(await asyncio.gather(*(start() for _ in range(8))))) == 1


async def test_rotations_follow_each_other(session: AsyncSession, clock: FakeClock, people: Desk) -> None:
    store = people.desk.keys
    overlap = timedelta(minutes=20)
    for _ in range(3):
        last = await store.rotate(session, now=clock.forward(minutes=5), overlap=overlap)
    rows = (await session.scalars(select(SigningKey).order_by(SigningKey.created_at))).all()
    assert [row.expires_at for row in rows[:-1]] == [row.retired_at and row.retired_at + overlap for row in rows[:-1]]
    assert (rows[-1].kid, rows[-1].retired_at) == (last, None)
    assert (await store.current(session, now=clock())).kid == last
    assert all(b"PRIVATE" not in bytes(row.private_pem) for row in rows)
