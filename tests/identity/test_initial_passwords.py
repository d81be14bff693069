"""Initial passwords are good for 72 hours; that one has ended is told to nobody but who knows it."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.logins import PASSWORD, bearer, log_in, refresh, with_password
from tests.factories.people import Desk
from tests.factories.records import rows

from ownercare_api.identity.models import Account, Throttle

NEW = "青山不改绿水长流后会有期"

pytestmark = pytest.mark.rule("ORG-28")


async def given(session: AsyncSession, people: Desk, clock: FakeClock) -> Account:
    """Make a records clerk with an initial password of this instant."""
    _, account = await with_password(session, people)
    account.must_change_password, account.password_changed_at = True, clock()
    await session.flush()
    return account


@pytest.mark.parametrize(
    ("age", "status"),
    [
        (timedelta(hours=72, seconds=-1), 200),
        (timedelta(hours=72), 403),
        (timedelta(hours=72, seconds=1), 403),
    ],
)
async def test_it_ends_72_hours_after_it_was_given(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, clock: FakeClock, age: timedelta, status: int
) -> None:
    account = await given(session, people, clock)
    clock.forward(seconds=age.total_seconds())
    before = await rows(session)
    answer = await log_in(client, username=account.username)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "initial_password_expired"
        assert await rows(session) == before


async def test_a_password_of_ones_own_does_not_end(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, clock: FakeClock
) -> None:
    account = await given(session, people, clock)
    answer = await log_in(client, username=account.username)
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert (await client.post("/v1/me/password", json=body, headers=bearer(answer))).status_code == 204
    clock.forward(days=400)
    assert (await log_in(client, username=account.username, password=NEW)).status_code == 200


async def test_a_login_made_with_it_changes_it_in_time_or_not_at_all(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, clock: FakeClock
) -> None:
    account = await given(session, people, clock)
    clock.forward(hours=71)
    answer = await log_in(client, username=account.username)
    clock.forward(hours=1)
    fresh = await refresh(client, answer.json()["refresh_token"])
    assert (fresh.status_code, fresh.json()["scope"]) == (200, "")
    body = {"current_password": PASSWORD, "new_password": NEW}
    refused = await client.post("/v1/me/password", json=body, headers=bearer(fresh))
    assert (refused.status_code, refused.json()["code"]) == (403, "initial_password_expired")
    await session.refresh(account)
    assert account.must_change_password is True
    assert (await log_in(client, username=account.username, password=NEW)).status_code == 401


async def test_who_does_not_know_it_learns_nothing(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, clock: FakeClock
) -> None:
    over = await given(session, people, clock)
    clock.forward(hours=73)
    _, usual = await with_password(session, people)

    def shape(answer: httpx.Response) -> tuple[object, ...]:
        body = {name: value for name, value in answer.json().items() if name not in ("request_id", "instance")}
        headers = {name for name in answer.headers if name not in ("x-request-id",)}
        return answer.status_code, body, headers

    answers = [
        await log_in(client, username=name, password="something else altogether")
        for name in (over.username, usual.username, "nobody.of.this.name")
    ]
    assert [answer.json()["code"] for answer in answers] == ["bad_credentials"] * 3
    assert shape(answers[0]) == shape(answers[1]) == shape(answers[2])


async def test_who_knows_it_is_not_counted_as_guessing(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, clock: FakeClock
) -> None:
    account = await given(session, people, clock)
    clock.forward(hours=72)
    for _ in range(8):
        assert (await log_in(client, username=account.username)).json()["code"] == "initial_password_expired"
    assert await session.scalar(select(func.max(Throttle.count))) == 0


async def test_a_disabled_person_is_told_nothing_of_it(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, clock: FakeClock
) -> None:
    account = await given(session, people, clock)
    account.disabled_at = clock.forward(hours=80)
    await session.flush()
    answer = await log_in(client, username=account.username)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_credentials")


async def test_an_administrator_gives_another(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, clock: FakeClock
) -> None:
    account = await given(session, people, clock)
    boss = await people.staff("system_administrator")
    shown = (await client.get(f"/v1/people/{account.id}", headers=boss.headers)).json()["logins"]
    assert (shown["must_change_password"], shown["initial_password_expires_at"]) == (True, "2026-11-23T04:00:00Z")
    clock.forward(hours=100)
    reset = await client.post(f"/v1/people/{account.id}/password-reset", headers=boss.headers)
    assert reset.status_code == 201, reset.text
    assert reset.json()["logins"]["initial_password_expires_at"] == "2026-11-27T08:00:00Z"
    clock.forward(hours=71, minutes=59, seconds=59)
    answer = await log_in(client, username=account.username, password=reset.json()["initial_password"])
    assert answer.status_code == 200
    body = {"current_password": reset.json()["initial_password"], "new_password": NEW}
    assert (await client.post("/v1/me/password", json=body, headers=bearer(answer))).status_code == 204
    shown = (await client.get(f"/v1/people/{account.id}", headers=boss.headers)).json()["logins"]
    assert shown["initial_password_expires_at"] is None
