"""Incremental sync: in order, once, never skipping, to each what concerns it.

Everything here must really be committed: a test's own outer transaction would hold the feed back. So may other tests
on the same server, for the moments their transactions are open; hence the patience.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.conftest import MASTER, FakeClock
from tests.factories.contractors import make_firm
from tests.factories.org import make_org
from tests.factories.people import Actor, Desk

from ownercare_api.app import create_app
from ownercare_api.contractors.models import FirmKind
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.core.settings import Settings
from ownercare_api.identity.models import GrantLevel
from ownercare_api.identity.principal import SYSTEM, Grant, Principal, PrincipalKind, Reach
from ownercare_api.identity.service import Desk as IdentityDesk
from ownercare_api.timeline import repository, service
from ownercare_api.timeline.repository import Position

PATIENCE_SECONDS = 60.0
SYNC = Principal(
    kind=PrincipalKind.CLIENT,
    id=uuid7(),
    name="数据中台",
    grants=(Grant(role="client", scopes=frozenset({"changes:read"}), reach=Reach(everywhere=True)),),
)


async def write(
    database: PooledDatabase,
    *,
    now: datetime,
    kind: str = "ticket.chased",
    subject: UUID | None = None,
    before_commit: Callable[[], Awaitable[None]] | None = None,
    commit: bool = True,
    project_id: UUID | None = None,
    firm_id: UUID | None = None,
) -> UUID:
    made = subject or uuid7()
    async with database.session() as session:
        await service.record(
            session,
            kind=kind,
            subject_kind="ticket",
            subject_id=made,
            project_id=project_id,
            firm_id=firm_id,
            actor=SYSTEM,
            now=now,
        )
        if before_commit is not None:
            await before_commit()
        if commit:
            await session.commit()
    return made


async def read_until(
    database: PooledDatabase, *, wanted: set[UUID], after: Position | None, limit: int = 3
) -> tuple[list[UUID], Position | None]:
    """Read on from a position until everything wanted was seen."""
    seen: list[UUID] = []
    began = time.monotonic()
    while not wanted <= set(seen):
        assert time.monotonic() - began < PATIENCE_SECONDS, "the feed skipped something"
        async with database.reader() as connection:
            found = await repository.changes(connection, principal=SYNC, after=after, kinds=(), limit=limit)
        seen += [row.subject_id for row in found.rows]
        after = found.next
        if not found.has_more:
            await asyncio.sleep(0.002)
    return seen, after


async def test_a_transaction_that_is_still_open_holds_back_what_came_after(
    committed: PooledDatabase, clock: FakeClock
) -> None:
    first = uuid7()
    second = None

    async def others_commit_meanwhile() -> None:
        nonlocal second
        second = await write(committed, now=clock())
        async with committed.reader() as connection:
            found = await repository.changes(connection, principal=SYNC, after=None, kinds=(), limit=10)
        assert (found.rows, found.has_more) == ([], False)

    await write(committed, now=clock(), subject=first, before_commit=others_commit_meanwhile)
    assert second is not None
    seen, after = await read_until(committed, wanted={first, second}, after=None)
    assert seen == [first, second]
    third = await write(committed, now=clock())
    assert (await read_until(committed, wanted={third}, after=after))[0] == [third]


@pytest.mark.slow
@pytest.mark.rule("CMP-14")
async def test_whatever_the_order_of_commits_a_reader_misses_nothing(
    committed: PooledDatabase, clock: FakeClock
) -> None:
    after: Position | None = None
    out_of_order = 0
    for trial in range(25):
        chance = random.Random(trial)
        finished: list[UUID] = []
        subjects = [uuid7() for _ in range(8)]
        doomed = {chance.choice(subjects)}

        async def writer(subject: UUID, pause: float, doomed: set[UUID] = doomed) -> None:
            async def dawdle() -> None:
                await asyncio.sleep(pause)

            await write(committed, now=clock(), subject=subject, before_commit=dawdle, commit=subject not in doomed)

        async def tracked(subject: UUID, pause: float, finished: list[UUID] = finished) -> None:
            await writer(subject, pause)
            finished.append(subject)

        wanted = set(subjects) - doomed
        reading = asyncio.create_task(read_until(committed, wanted=wanted, after=after))
        await asyncio.gather(*(tracked(subject, chance.uniform(0, 0.02)) for subject in subjects))
        seen, after = await reading
        assert len(seen) == len(set(seen)) == len(wanted)
        assert set(seen) == wanted
        out_of_order += [one for one in finished if one in wanted] != seen
    assert out_of_order >= 20  # the race was really run


async def test_the_feed_is_read_from_its_index(committed: PooledDatabase, superuser: AsyncEngine) -> None:
    async with committed.session() as session:
        await session.execute(
            text(
                "INSERT INTO event (id, kind, subject_kind, subject_id, actor_kind, actor_id, actor_name, occurred_at,"
                " rules, data) SELECT gen_random_uuid(), 'ticket.chased', 'ticket', gen_random_uuid(), 'system',"
                " gen_random_uuid(), '系统', now(), '{}', '{}' FROM generate_series(1, 5000)"
            )
        )
        await session.commit()
    async with superuser.begin() as connection:
        await connection.execute(text("ANALYZE event"))
    sent: list[tuple[str, Any]] = []

    def seen(connection: object, cursor: object, statement: str, parameters: Any, *_: object) -> None:
        sent.append((statement, parameters))

    event.listen(committed.engine.sync_engine, "before_cursor_execute", seen)
    async with committed.reader() as connection:
        await repository.changes(connection, principal=SYNC, after=Position(1, 0), kinds=(), limit=100)
        assert len(sent) == 1
        statement, parameters = sent[0]
        plan = await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
        read = "\n".join(plan.scalars())
    assert "Index Scan using ix_event_xid" in read
    assert "Index Cond: ((xid < pg_snapshot_xmin(pg_current_snapshot())) AND (ROW(xid, seq) > ROW(" in read


class Bench:
    """The application on a database of its own."""

    def __init__(self, client: httpx.AsyncClient, database: PooledDatabase, state: AppState) -> None:
        self.client, self.database, self.state = client, database, state

    async def sync(self, actor: Actor, **query: Any) -> dict[str, Any]:
        answer = await self.client.get("/v1/changes", params=query, headers=actor.headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def everything(self, actor: Actor, *, wanted: set[UUID], **query: Any) -> list[str]:
        """Read pages until everything wanted is there."""
        seen: list[str] = []
        began = time.monotonic()
        after: dict[str, str] = {}
        while not {str(one) for one in wanted} <= set(seen):
            assert time.monotonic() - began < PATIENCE_SECONDS
            page = await self.sync(actor, **query, **after)
            seen += [item["subject_id"] for item in page["items"]]
            after = {"after": page["next_after"]}
            await asyncio.sleep(0 if page["has_more"] else 0.01)
        return seen


@pytest.fixture
async def bench(committed: PooledDatabase, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Bench]:
    state = AppState(
        settings=Settings(data_dir=tmp_path), database=committed, keyring=Keyring.from_master(MASTER), clock=clock
    )
    app = create_app(state)
    async with committed.session() as session:
        await state.parts[IdentityDesk].keys.load(session, now=clock())
        await session.commit()
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://ownercare.test") as client:
        yield Bench(client, committed, state)


@pytest.mark.rule("OWN-07")
async def test_each_client_is_told_what_concerns_it(bench: Bench, clock: FakeClock) -> None:
    now = clock()
    async with bench.database.session() as session:
        org = await make_org(session, now=now)
        other = await make_org(session, now=now, name="临澜府", region=org.region)
        firm = await make_firm(session, kind=FirmKind.PROPERTY_COMPANY)
        people = Desk(session=session, desk=bench.state.parts[IdentityDesk], clock=clock)
        group = await people.machine("changes:read")
        local = await people.machine("changes:read", level=GrantLevel.PROJECT, targets=(org.project.id,))
        company = await people.machine("changes:read", level=GrantLevel.FIRM, targets=(firm.id,))
        unable = await people.machine("tickets:read")
        await session.commit()
    plain = await write(bench.database, now=now, project_id=org.project.id)
    shared = await write(bench.database, now=now, project_id=org.project.id, firm_id=firm.id, kind="ticket.shared")
    foreign = await write(bench.database, now=now, project_id=other.project.id)
    nowhere = await write(bench.database, now=now, kind="policy.published")
    four = {plain, shared, foreign, nowhere}

    seen = await bench.everything(group, wanted=four, limit=2)
    assert [one for one in seen if UUID(one) in four] == [str(plain), str(shared), str(foreign), str(nowhere)]
    local_seen = await bench.everything(local, wanted={plain, shared})
    assert set(local_seen) & {str(one) for one in four} == {str(plain), str(shared)}
    assert await bench.everything(company, wanted={shared}) == [str(shared)]
    assert await bench.everything(group, wanted={shared}, kinds=["ticket.shared", "no.such"]) == [str(shared)]

    refused = await bench.client.get("/v1/changes", headers=unable.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")


async def test_the_position_is_ours_and_survives_silence(bench: Bench, clock: FakeClock) -> None:
    async with bench.database.session() as session:
        org = await make_org(session, now=clock())
        people = Desk(session=session, desk=bench.state.parts[IdentityDesk], clock=clock)
        client = await people.machine("changes:read", level=GrantLevel.PROJECT, targets=(org.project.id,))
        await session.commit()
    made = await write(bench.database, now=clock(), project_id=org.project.id)
    await bench.everything(client, wanted={made})
    page = await bench.sync(client, kinds=["ticket.chased"])
    assert [item["subject_id"] for item in page["items"]] == [str(made)]
    assert page["has_more"] is False
    quiet = await bench.sync(client, after=page["next_after"])
    assert (quiet["items"], quiet["has_more"]) == ([], False)
    # What others commit in between moves the position on, and nothing is lost by keeping it.
    await write(bench.database, now=clock(), project_id=uuid7())
    quieter = await bench.sync(client, after=quiet["next_after"])
    later = await write(bench.database, now=clock(), project_id=org.project.id)
    for position in (page, quiet, quieter):
        began = time.monotonic()
        while not (found := await bench.sync(client, after=position["next_after"]))["items"]:
            assert time.monotonic() - began < PATIENCE_SECONDS
            await asyncio.sleep(0.01)
        assert [item["subject_id"] for item in found["items"]] == [str(later)]
    assert found["items"][0]["sentence"] == "系统 登记了业主催办"
    in_english = await bench.client.get(
        "/v1/changes", params={"after": quiet["next_after"]}, headers={**client.headers, "Accept-Language": "en"}
    )
    assert in_english.json()["items"][0]["sentence"] == "系统 recorded that the owner asked again"
    forged = page["next_after"][:-2] + "xx"
    for bad in (forged, "", "渗水"):
        answer = await bench.client.get("/v1/changes", params={"after": bad}, headers=client.headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")
    answer = await bench.client.get("/v1/changes", params={"kinds": "Robert'); --"}, headers=client.headers)
    assert answer.status_code == 422
    assert "Robert" not in answer.text
