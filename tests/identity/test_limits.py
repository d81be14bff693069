"""Brute force: attempts are limited per name and source, per name, and per source; on every worker together."""

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON, MASTER, FakeClock, QueryRecorder
from tests.factories.logins import ELSEWHERE, OFFICE, PASSWORD, at, log_in, server, with_password
from tests.factories.people import Desk

from ownercare_api.core import keeping
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.http.state import AppState
from ownercare_api.identity import limits, passwords
from ownercare_api.identity.models import Account, Throttle
from ownercare_api.timeline.models import Event

WRONG = "wrong-password-entirely"


def outcome(answer: httpx.Response) -> tuple[int, str, str | None]:
    return answer.status_code, answer.json().get("code", "ok"), answer.headers.get("retry-after")


async def fail(client: httpx.AsyncClient, username: str, times: int) -> list[tuple[int, str, str | None]]:
    return [outcome(await log_in(client, username=username, password=WRONG)) for _ in range(times)]


@pytest.mark.rule("ORG-28")
async def test_after_five_failures_even_the_right_password_waits(
    app: FastAPI, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    _, account = await with_password(session, people)
    async with at(app, OFFICE) as client:
        assert await fail(client, account.username, 5) == [(401, "bad_credentials", None)] * 5
        refused = await log_in(client, username=account.username)
        assert outcome(refused) == (429, "too_many_attempts", "30")
        clock.forward(seconds=29)
        assert outcome(await log_in(client, username=account.username)) == (429, "too_many_attempts", "1")
        clock.forward(seconds=1)
        assert (await log_in(client, username=account.username)).status_code == 200
        assert await fail(client, account.username, 6) == [
            *[(401, "bad_credentials", None)] * 5,
            (429, "too_many_attempts", "30"),
        ]


async def test_pauses_double_up_to_a_quarter_of_an_hour_and_end_with_the_window(
    app: FastAPI, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    _, account = await with_password(session, people)
    pauses = []
    async with at(app, OFFICE) as client:
        await fail(client, account.username, 5)
        for _ in range(7):
            answer = await log_in(client, username=account.username)
            assert answer.status_code == 429
            pauses.append(int(answer.headers["retry-after"]))
            clock.forward(seconds=pauses[-1])
            assert (await fail(client, account.username, 1))[0][0] == 401
        assert pauses == [30, 60, 120, 240, 480, 900, 900]
        clock.forward(hours=1)
        assert (await fail(client, account.username, 5))[-1][0] == 401  # a new window


async def test_unknown_disabled_and_known_names_are_limited_alike(
    app: FastAPI, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    _, known = await with_password(session, people)
    _, disabled = await with_password(session, people)
    disabled.disabled_at = clock()
    await session.flush()
    seen = {}
    async with at(app, OFFICE) as client:
        for username in (known.username, disabled.username, "nobody"):
            answers = [await log_in(client, username=username, password=WRONG) for _ in range(6)]
            seen[username] = [
                (
                    answer.status_code,
                    {name: value for name, value in answer.headers.items() if name != "x-request-id"},
                    {name: value for name, value in answer.json().items() if name != "request_id"},
                )
                for answer in answers
            ]
    assert [status for status, _, _ in seen["nobody"]] == [401] * 5 + [429]
    assert seen[known.username] == seen[disabled.username] == seen["nobody"]


async def test_a_login_does_the_same_work_for_every_cause_of_failure(
    app: FastAPI,
    people: Desk,
    session: AsyncSession,
    clock: FakeClock,
    queries: QueryRecorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, known = await with_password(session, people)
    _, disabled = await with_password(session, people)
    disabled.disabled_at = clock()
    without_password = await people.staff("records_clerk")
    nameless = await session.get_one(Account, without_password.id)
    await session.flush()
    hashed: list[int] = []
    real = passwords._context.verify

    def counted(password: str, stored: str) -> bool:
        hashed.append(int(stored.split("m=")[1].split(",")[0]))
        return bool(real(password, stored))

    monkeypatch.setattr(passwords._context, "verify", counted)
    work: dict[int, list[tuple[list[str], list[int]]]] = {}
    for number, username in enumerate((known.username, disabled.username, "nobody", nameless.username)):
        async with at(app, f"203.0.113.{number}") as client:
            for attempt in range(6):
                hashed.clear()
                with queries:
                    await log_in(client, username=username, password=WRONG)
                shape = [" ".join(one.split()[:3]) for one in queries.statements]
                work.setdefault(attempt, []).append((shape, list(hashed)))
    assert [hashes for _, hashes in work[0]] == [[passwords.MEMORY_KIB]] * 4
    assert [hashes for _, hashes in work[5]] == [[]] * 4
    for attempt, found in work.items():
        assert all(one == found[0] for one in found), attempt


async def test_one_source_can_not_lock_a_colleague_out_at_another(
    app: FastAPI, people: Desk, session: AsyncSession
) -> None:
    _, account = await with_password(session, people)
    async with at(app, OFFICE) as attacker, at(app, ELSEWHERE) as colleague:
        await fail(attacker, account.username, 12)
        assert (await fail(attacker, account.username, 1))[0][0] == 429
        assert (await log_in(colleague, username=account.username)).status_code == 200


async def test_many_sources_together_get_no_further_than_the_name_allows(
    app: FastAPI, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    _, account = await with_password(session, people)
    async with at(app, OFFICE) as own:
        assert (await log_in(own, username=account.username)).status_code == 200  # a source of the person's own
    tried = []
    for number in range(12):
        async with at(app, f"192.0.2.{number}") as client:
            tried += [status for status, _, _ in await fail(client, account.username, 4)]
    assert tried == [401] * 40 + [429] * 8
    async with at(app, ELSEWHERE) as new, at(app, OFFICE) as own:
        assert outcome(await log_in(new, username=account.username)) == (429, "too_many_attempts", "60")
        assert (await log_in(own, username=account.username)).status_code == 200  # who was here before is let in
        clock.forward(seconds=60)
        assert (await log_in(new, username=account.username)).status_code == 200


async def guess(client: httpx.AsyncClient, number: int, **headers: str) -> int:
    """Guess the secret of some machine: counted by source with the passwords of people."""
    form = {"grant_type": "client_credentials", "client_id": f"guess{number}", "client_secret": WRONG}
    return (await client.post("/v1/auth/token", data=form, headers=headers)).status_code


async def test_one_source_gets_no_further_over_many_names(app: FastAPI, people: Desk, session: AsyncSession) -> None:
    _, account = await with_password(session, people)
    async with at(app, OFFICE) as client:
        assert [await guess(client, number) for number in range(59)] == [401] * 59
        assert (await fail(client, "guess", 2)) == [(401, "bad_credentials", None), (429, "too_many_attempts", "60")]
        assert await guess(client, 60) == 429
        assert (await log_in(client, username=account.username)).status_code == 429
    async with at(app, ELSEWHERE) as client:
        assert (await log_in(client, username=account.username)).status_code == 200


async def test_right_logins_are_not_counted(app: FastAPI, people: Desk, session: AsyncSession) -> None:
    _, account = await with_password(session, people)
    async with at(app, OFFICE) as client:
        for _ in range(12):
            assert (await log_in(client, username=account.username)).status_code == 200
        await fail(client, account.username, 4)
        assert (await log_in(client, username=account.username)).status_code == 200
        assert (await fail(client, account.username, 5))[-1][0] == 401
    counts = (await session.scalars(select(Throttle.count).order_by(Throttle.count))).all()
    assert counts == [0, 5, 9, 9]  # the known source; the pair; the name and the source: 4 and 5 failures


async def test_spellings_of_one_name_count_together(app: FastAPI, people: Desk, session: AsyncSession) -> None:
    _, account = await with_password(session, people)
    spellings = (
        account.username,
        account.username.upper(),
        f" {account.username} ",
        account.username.title(),
        "ｒecords",
    )
    async with at(app, OFFICE) as client:
        for name in (*spellings[:4], account.username):
            assert (await fail(client, name, 1))[0][0] == 401
        assert (await log_in(client, username=account.username)).status_code == 429


async def test_the_last_failure_before_a_pause_is_on_record_without_names(
    app: FastAPI, people: Desk, session: AsyncSession
) -> None:
    _, account = await with_password(session, people)
    async with at(app, OFFICE) as client:
        await fail(client, account.username, 4)
        assert await session.scalar(select(func.count()).where(Event.kind == "session.refused")) == 0
        await fail(client, account.username, 3)
        await fail(client, "13812341234", 7)
    events = (await session.scalars(select(Event).where(Event.kind == "session.refused").order_by(Event.seq))).all()
    assert [(one.subject_kind, one.data) for one in events] == [
        ("person", {"limits": ["login.account_and_source"]}),
        ("login_name", {"limits": ["login.account_and_source"]}),
    ]
    assert events[0].subject_id == account.id
    keys = (await session.scalars(select(Throttle.key))).all()
    assert all(len(key) == 8 for key in keys)


async def test_a_made_up_address_is_not_another_source(app: FastAPI, people: Desk) -> None:
    async with at(app, "10.0.0.5") as client:
        for number in range(60):
            assert await guess(client, number, **{"X-Forwarded-For": f"198.51.100.{number}"}) == 401
        assert await guess(client, 60, **{"X-Forwarded-For": "198.51.100.60"}) == 429


async def test_behind_a_trusted_proxy_each_caller_is_a_source(
    app: FastAPI, people: Desk, state: AppState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "settings", state.settings.model_copy(update={"trusted_proxies": "10.0.0.0/24"}))
    async with at(app, "10.0.0.5") as proxy:
        for number in range(60):
            assert await guess(proxy, number, **{"X-Forwarded-For": f"1.2.3.4, {OFFICE}"}) == 401
        assert await guess(proxy, 60, **{"X-Forwarded-For": f"5.6.7.8, {OFFICE}"}) == 429
        assert await guess(proxy, 61, **{"X-Forwarded-For": f"5.6.7.8, {ELSEWHERE}"}) == 401


@pytest.mark.slow
async def test_forty_wrong_logins_at_once_get_no_further_than_the_limit(
    committed: PooledDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock(FRIDAY_NOON)
    workers = [server(committed, clock=clock, folder=tmp_path, master=MASTER) for _ in range(4)]
    checked: list[str] = []
    real = passwords._work

    def work(password: str, stored: str | None) -> str:
        checked.append(password)
        return real(password, stored)

    monkeypatch.setattr(passwords, "_work", work)
    for trial in range(20):
        checked.clear()
        clients = [at(app, OFFICE) for app in workers]
        answers = await asyncio.gather(
            *(log_in(clients[n % 4], username=f"victim{trial}", password=WRONG) for n in range(40))
        )
        statuses = [answer.status_code for answer in answers]
        assert (statuses.count(401), statuses.count(429), len(checked)) == (5, 35, 5), trial
        for client in clients:
            await client.aclose()
        clock.forward(minutes=16)  # the source's own count starts again
    async with committed.session() as session:
        refused = await session.scalar(select(func.count()).where(Event.kind == "session.refused"))
    assert refused == 20


@pytest.mark.slow
async def test_counts_of_any_number_of_workers_add_up(committed: PooledDatabase) -> None:
    limit = limits.Limit("test", 50, timedelta(hours=1))
    keyring = Keyring.from_master(MASTER)

    async def attempt(key: bytes) -> bool:
        async with committed.reader() as connection:
            try:
                await limits.admit(connection, wanted=[(limit, key)], now=FRIDAY_NOON)
            except limits.TooManyAttempts:
                return False
            return True

    for trial in range(20):
        key = limits.key_of(keyring, "race", str(trial))
        assert sum(await asyncio.gather(*(attempt(key) for _ in range(120)))) == 50


async def test_housekeeping_forgets_old_counts_and_keeps_those_in_force(session: AsyncSession) -> None:
    now = FRIDAY_NOON
    rows = {
        b"old": (now - timedelta(days=2), None),
        b"paused": (now - timedelta(days=2), now + timedelta(minutes=1)),
        b"young": (now - timedelta(hours=20), None),
        b"known source": (now + timedelta(days=3), None),
    }
    for key, (began, until) in rows.items():
        session.add(Throttle(key=key, window_start=began, count=1, blocked_until=until))
    await session.flush()
    assert await keeping.forget_some(session, rule=keeping.Rule(Throttle, limits.over), now=now) == 1
    assert set((await session.scalars(select(Throttle.key))).all()) == {b"paused", b"young", b"known source"}


async def test_more_logins_than_can_be_hashed_are_told_to_come_back_and_are_not_counted(
    app: FastAPI, people: Desk, session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, account = await with_password(session, people)
    monkeypatch.setattr(passwords._threads, "_waiting", passwords.THREADS + passwords.WAITING)
    async with at(app, OFFICE) as client:
        for _ in range(7):
            assert outcome(await log_in(client, username=account.username)) == (503, "logins_busy", "2")
        monkeypatch.setattr(passwords._threads, "_waiting", 0)
        assert (await log_in(client, username=account.username, password=PASSWORD)).status_code == 200
