"""Rows that are over are deleted in batches, and none a second too early."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON
from tests.factories.people import Desk

from ownercare_api import worker
from ownercare_api.core import jobs, keeping
from ownercare_api.core.database import Base, PooledDatabase
from ownercare_api.core.http.state import AppState
from ownercare_api.core.idempotency_table import IdempotentAnswer
from ownercare_api.core.ids import uuid7
from ownercare_api.core.jobs import Job, JobStatus, WorkerHeartbeat
from ownercare_api.core.keeping import Rule
from ownercare_api.identity import codes
from ownercare_api.identity.jobs import LOGINS_KEPT
from ownercare_api.identity.models import ApiClient, AuthSession, ClientSecret, GrantLevel, OneTimeCode, Throttle

NOW = FRIDAY_NOON
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
NEVER = NOW + timedelta(days=3650)


def job(at: datetime, kind: str = "files.sweep") -> Job:
    return Job(id=uuid7(), kind=kind, args={}, run_at=at, status=JobStatus.DONE, finished_at=at)


def answer(at: datetime) -> IdempotentAnswer:
    return IdempotentAnswer(
        caller="staff:1", key=at.isoformat(), route="POST /", fingerprint=b"", status=201, headers="{}", answer=b"",
        created_at=at,
    )  # fmt: skip


def code(at: datetime, used_at: datetime | None = None) -> OneTimeCode:
    return OneTimeCode(
        id=uuid7(), phone_index=b"i", digest=b"d", created_at=at - timedelta(minutes=5), expires_at=at, used_at=used_at
    )


def count(at: datetime) -> Throttle:
    return Throttle(key=str(at).encode(), window_start=at, count=1, blocked_until=None)


@pytest.mark.parametrize(
    ("made", "kept_for"),
    [
        (job, timedelta(days=30)),
        (lambda at: job(at, codes.SEND), DAY),
        (lambda at: WorkerHeartbeat(id=uuid7(), name="a:1", started_at=at, seen_at=at), timedelta(days=30)),
        (answer, timedelta(hours=48)),
        (code, DAY),
        (lambda at: code(NEVER, used_at=at), DAY),
        (count, timedelta(hours=25)),
    ],
    ids=["job", "job that sent a code", "worker", "kept answer", "expired code", "used code", "count of attempts"],
)
async def test_the_boundary(session: AsyncSession, made: Any, kept_for: timedelta) -> None:
    rows = {name: made(NOW - kept_for + late) for name, late in (("before", SECOND), ("at", 0 * SECOND))}
    rows["after"] = made(NOW - kept_for - SECOND)
    await over(session, rows)


async def over(session: AsyncSession, rows: dict[str, Base]) -> None:
    """Make sure that of three rows only the one a second too old goes."""
    model = type(rows["at"])
    session.add_all(rows.values())
    await session.flush()
    keys = {name: model.__mapper__.primary_key_from_instance(row)[0] for name, row in rows.items()}
    for rule in worker.KEPT:
        await keeping.forget_some(session, rule=rule, now=NOW)
    (column,) = model.__mapper__.primary_key[-1:]
    found = set(await session.scalars(select(column)))
    names = {name for name, row in rows.items() if getattr(row, column.name) in found}
    assert names == {"before", "at"}, keys


async def test_the_boundary_of_logins_and_secrets(session: AsyncSession, people: Desk) -> None:
    person = await people.staff("records_clerk")

    def login(expires: datetime, revoked: datetime | None) -> AuthSession:
        return AuthSession(
            id=uuid7(), account_id=person.id, created_at=NOW, expires_at=expires, refresh_digest=b"", generation=1,
            revoked_at=revoked,
        )  # fmt: skip

    client = ApiClient(
        id=uuid7(), name="400", client_id="c", scopes=[], level=GrantLevel.COMPANY, target_ids=[], created_at=NOW
    )
    session.add(client)
    await session.flush()
    ages = {"before": LOGINS_KEPT - SECOND, "at": LOGINS_KEPT, "after": LOGINS_KEPT + SECOND}
    assert timedelta(days=190) == LOGINS_KEPT
    await over(session, {name: login(NOW - age, None) for name, age in ages.items()})
    await over(session, {name: login(NEVER, NOW - age) for name, age in ages.items()})
    await over(
        session,
        {
            name: ClientSecret(id=uuid7(), client_id=client.id, digest=b"", created_at=NOW, expires_at=NOW - age)
            for name, age in ages.items()
        },
    )
    live = select(func.count()).select_from(AuthSession).where(AuthSession.id == person.session_id)
    assert await session.scalar(live) == 1


async def test_what_is_still_paused_or_queued_stays(session: AsyncSession) -> None:
    long_ago = NOW - timedelta(days=400)
    paused = Throttle(key=b"paused", window_start=long_ago, count=1, blocked_until=NOW + SECOND)
    queued = Job(id=uuid7(), kind="files.sweep", args={}, run_at=long_ago, status=JobStatus.QUEUED)
    session.add_all([paused, queued])
    await session.flush()
    for rule in worker.KEPT:
        assert await keeping.forget_some(session, rule=rule, now=NOW) == 0


def test_the_audit_trail_and_the_ledger_have_no_rule() -> None:
    named = {rule.table.name for rule in worker.KEPT}
    assert named == {
        "idempotent_answer", "job", "worker_heartbeat", "one_time_code", "throttle", "auth_session", "client_secret",
    }  # fmt: skip


async def ended(database: PooledDatabase | Any, number: int) -> None:
    async with database.session() as session:
        session.add_all(job(NOW - timedelta(days=31)) for _ in range(number))
        await session.commit()


async def left(database: PooledDatabase | Any, kinds: Sequence[str] = ("files.sweep",)) -> int:
    async with database.session() as session:
        query = select(func.count()).select_from(Job).where(Job.kind.in_(kinds))
        return int(await session.scalar(query) or 0)


async def test_the_daily_job_goes_on_batch_by_batch_until_nothing_is_left(state: AppState) -> None:
    rule = Rule(Job, keeping.KEPT[1].over)
    await ended(state.database, 7)
    async with state.database.session() as session:
        assert await keeping.forget_some(session, rule=rule, now=NOW, limit=2) == 2
        await session.commit()
    assert await left(state.database) == 5
    async with state.database.session() as session:
        await jobs.enqueue_daily(session, kind=keeping.FORGET, day=NOW.date(), run_at=NOW)
        await session.commit()
    handlers = {keeping.FORGET: keeping.handler([rule], batch=2)}
    assert await jobs.run_next(state.database, handlers=handlers, now=NOW) is True
    assert await left(state.database) == 0
    async with state.database.session() as session:
        done = (await session.scalars(select(Job).where(Job.kind == keeping.FORGET))).one()
        assert (done.status, done.result) == (JobStatus.DONE, {"rows": {"job": 5}})


@pytest.mark.slow
async def test_rows_that_somebody_holds_do_not_keep_the_others_waiting(committed: PooledDatabase) -> None:
    await ended(committed, 3)
    async with committed.session() as busy:
        await busy.execute(select(Job.id).limit(1).with_for_update())
        async with committed.session() as session:
            assert await keeping.forget_some(session, rule=keeping.KEPT[1], now=NOW) == 2
            await session.commit()
    assert await left(committed) == 1
