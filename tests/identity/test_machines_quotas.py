"""Quotas of machines: so many requests a minute, exact over all workers but for what is leased and not spent."""

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON, MASTER, FakeClock, QueryRecorder
from tests.factories.logins import OFFICE, at, server
from tests.factories.people import Actor, Desk

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.identity.models import ApiClient, ClientSecret, Throttle
from ownercare_api.identity.quotas import QuotaExceeded, Quotas, chunk_of
from ownercare_api.identity.service import Desk as IdentityDesk
from ownercare_api.identity.service import digest

pytestmark = pytest.mark.rule("ORG-28")


async def machine(people: Desk, session: AsyncSession, per_minute: int | None) -> Actor:
    """Make a machine with a quota of its own."""
    actor = await people.machine("tickets:read")
    row = await session.get_one(ApiClient, actor.id)
    row.requests_per_minute = per_minute
    await session.flush()
    actor.generation = row.version
    return actor


async def test_a_machine_over_its_quota_waits_for_the_minute_to_end(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    caller, other = await machine(people, session, 7), await machine(people, session, None)
    for _ in range(7):
        assert (await client.get("/v1/me", headers=caller.headers)).status_code == 200
        clock.forward(seconds=1)
    for path in ("/v1/me", "/v1/tickets", "/v1/owners"):  # whatever it asks for
        refused = await client.get(path, headers=caller.headers)
        assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")
        assert refused.headers["retry-after"] == "53"
    assert (await client.get("/v1/me", headers=other.headers)).status_code == 200
    clock.forward(seconds=52, milliseconds=500)
    assert (await client.get("/v1/me", headers=caller.headers)).headers["retry-after"] == "1"
    clock.forward(milliseconds=500)
    assert (await client.get("/v1/me", headers=caller.headers)).status_code == 200


async def test_what_a_quota_costs(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, queries: QueryRecorder
) -> None:
    caller = await machine(people, session, 600)
    assert chunk_of(600) == 30
    await client.get("/v1/me", headers=caller.headers)
    leases = 0
    for _ in range(59):
        with queries:
            await client.get("/v1/me", headers=caller.headers)
        leases += sum("throttle" in statement for statement in queries.statements)
    assert leases == 1  # the first thirty were leased before
    assert await session.scalar(select(Throttle.count)) == 60


async def test_people_have_no_quota(client: httpx.AsyncClient, people: Desk, session: AsyncSession) -> None:
    actor = await people.staff("records_clerk")
    for _ in range(30):
        assert (await client.get("/v1/me", headers=actor.headers)).status_code == 200
    assert (await session.scalars(select(Throttle.key))).all() == []


async def test_a_changed_quota_holds_from_the_next_lease(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState, clock: FakeClock
) -> None:
    caller = await machine(people, session, 3)
    statuses = [(await client.get("/v1/me", headers=caller.headers)).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    row = await session.get_one(ApiClient, caller.id)
    row.requests_per_minute = 5
    await session.flush()
    caller.generation = row.version
    state.parts[PrincipalCache] = PrincipalCache()
    clock.forward(minutes=1)
    statuses = [(await client.get("/v1/me", headers=caller.headers)).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]


@pytest.mark.slow
@pytest.mark.parametrize("per_minute", [1, 19, 60, 137, 600])
async def test_over_four_workers_the_quota_is_never_passed_and_nearly_reached(
    committed: PooledDatabase, per_minute: int
) -> None:
    keyring, clock, client_id = Keyring.from_master(MASTER), FakeClock(FRIDAY_NOON), uuid7()
    workers = [Quotas(keyring=keyring, default_per_minute=per_minute) for _ in range(4)]

    async def one(worker: Quotas) -> bool:
        try:
            await worker.take(committed, client_id=client_id, per_minute=None, now=clock())
        except QuotaExceeded:
            return False
        return True

    for _ in range(4):
        let_through = sum(await asyncio.gather(*(one(workers[n % 4]) for n in range(per_minute * 2 + 8))))
        assert per_minute - 3 * (chunk_of(per_minute) - 1) <= let_through <= per_minute
        rest = [await one(worker) for worker in workers for _ in range(per_minute)]
        assert let_through + sum(rest) == per_minute  # what was leased gets spent
        clock.forward(seconds=59, milliseconds=999)
        assert not any([await one(worker) for worker in workers])
        clock.forward(milliseconds=1)


async def test_clocks_that_differ_a_little_do_not_give_more(committed: PooledDatabase) -> None:
    keyring, client_id = Keyring.from_master(MASTER), uuid7()
    ahead, behind = (Quotas(keyring=keyring, default_per_minute=20) for _ in range(2))
    let_through = 0
    for _ in range(30):
        for worker, offset in ((ahead, 2), (behind, 0)):
            try:
                await worker.take(
                    committed, client_id=client_id, per_minute=None, now=FRIDAY_NOON + timedelta(seconds=offset)
                )
                let_through += 1
            except QuotaExceeded:
                pass
    assert let_through == 20


async def test_a_machine_s_secret_is_guessed_no_oftener_than_a_password(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    caller = await machine(people, session, None)
    row = await session.get_one(ApiClient, caller.id)
    secret = ClientSecret(id=uuid7(), client_id=row.id, digest=digest("the-secret"), created_at=clock())
    session.add(secret)
    await session.flush()

    async def token(client_id: str, given: str) -> httpx.Response:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": given}
        return await client.post("/v1/auth/token", data=form)

    answers = {name: [await token(name, f"guess-{n}") for n in range(6)] for name in (row.client_id, "no-such-client")}
    for found in answers.values():
        assert [answer.status_code for answer in found] == [401] * 5 + [429]
    assert (await token(row.client_id, "the-secret")).status_code == 429
    clock.forward(seconds=30)
    good = await token(row.client_id, "the-secret")
    assert good.status_code == 200
    await session.refresh(row)
    await session.refresh(secret)
    assert (row.last_used_at, secret.last_used_at) == (clock(), clock())


@pytest.mark.slow
async def test_the_quota_holds_over_http_on_two_servers(committed: PooledDatabase, tmp_path: Path) -> None:
    clock = FakeClock(FRIDAY_NOON)
    workers = [server(committed, clock=clock, folder=tmp_path, master=MASTER) for _ in range(2)]
    async with committed.session() as session:
        desk: IdentityDesk = workers[0].state.ownercare.parts[IdentityDesk]
        await desk.keys.load(session, now=clock())
        caller = await machine(Desk(session=session, desk=desk, clock=clock), session, 40)
        await session.commit()
    async with at(workers[0], OFFICE) as one, at(workers[1], OFFICE) as two:
        answers = await asyncio.gather(*((one, two)[n % 2].get("/v1/me", headers=caller.headers) for n in range(100)))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(200), statuses.count(429)) == (40, 60)
