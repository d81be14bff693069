"""Logins: how long they last, how they end, and what of them is on record."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON, MASTER, FakeClock
from tests.factories.logins import OFFICE, at, bearer, log_in, refresh, server, with_password
from tests.factories.owners import make_owner
from tests.factories.people import Desk

from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.http.state import AppState
from ownercare_api.identity import service
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.identity.models import Account, AuthSession, RoleGrant
from ownercare_api.identity.service import Desk as IdentityDesk
from ownercare_api.timeline.models import Event

pytestmark = pytest.mark.rule("ORG-28")


async def me(client: httpx.AsyncClient, state: AppState, answer: httpx.Response) -> int:
    """Ask who one is, of a server that knows nothing yet."""
    state.parts[PrincipalCache] = PrincipalCache()
    return (await client.get("/v1/me", headers=bearer(answer))).status_code


async def kinds(session: AsyncSession) -> list[str]:
    found = await session.scalars(select(Event.kind).where(Event.subject_kind == "session").order_by(Event.seq))
    return list(found)


async def test_a_login_unused_for_twelve_hours_ends(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    _, account = await with_password(session, people)
    first = await log_in(client, username=account.username)
    clock.forward(hours=11, minutes=59)
    second = await refresh(client, first.json()["refresh_token"])
    assert second.status_code == 200
    clock.forward(hours=12)
    assert (await refresh(client, second.json()["refresh_token"])).json()["code"] == "bad_refresh_token"


async def test_a_login_ends_after_fourteen_days_however_much_it_is_used(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    _, account = await with_password(session, people)
    began = clock()
    answer = await log_in(client, username=account.username)
    used = 0
    while True:
        clock.forward(hours=8)
        following = await refresh(client, answer.json()["refresh_token"])
        if following.status_code != 200:
            break
        answer, used = following, used + 1
    assert (used, clock() - began) == (41, timedelta(days=14))
    ends = await session.scalar(select(AuthSession.expires_at).where(AuthSession.account_id == account.id).limit(1))
    assert ends is not None


async def test_an_owner_s_login_may_lie_unused(
    session: AsyncSession, state: AppState, people: Desk, clock: FakeClock
) -> None:
    owner = await make_owner(session, state.keyring)
    actor = await people.owner(owner.id)
    account = await session.get_one(Account, actor.id)
    desk: IdentityDesk = state.parts[IdentityDesk]
    tokens = await service.open_login(session, desk=desk, account=account, now=clock())
    clock.forward(days=13)
    assert tokens.refresh_token is not None
    again = await service.refresh(session, desk=desk, refresh_token=tokens.refresh_token, now=clock())
    assert again is not None
    assert again.refresh_token is not None
    clock.forward(days=1)
    with pytest.raises(service.BadRefreshToken):
        await service.refresh(session, desk=desk, refresh_token=again.refresh_token, now=clock())


async def test_only_a_token_that_was_given_out_counts_as_reuse(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState
) -> None:
    _, account = await with_password(session, people)
    answer = await log_in(client, username=account.username)
    token = str(answer.json()["refresh_token"])
    family, secret, tag = token.split(".")
    made_up = [
        family,
        f"{family}.",
        f"{family}.{secret}x.{tag}",
        f"{family}.guess.{tag}",
        f"{family}.guess.0000000000000000",
        f"{family}.guess",
        f"{family.upper()}.x.y",
        "nonsense",
        "x" * 255,
    ]
    for forged in made_up:
        refused = await refresh(client, forged)
        assert (refused.status_code, refused.json()["code"]) == (401, "bad_refresh_token")
    assert await me(client, state, answer) == 200  # whoever knows a login's id can't end it
    second = await refresh(client, token)
    assert second.status_code == 200
    assert (await refresh(client, token)).status_code == 401
    assert await me(client, state, second) == 401
    assert (await refresh(client, second.json()["refresh_token"])).status_code == 401
    revoked = (await session.scalars(select(Event).where(Event.kind == "session.revoked"))).one()
    assert (revoked.actor_kind, str(revoked.subject_id)) == ("system", family)
    assert revoked.data == {"because": "refresh_token_reused", "account_id": str(account.id)}
    assert await kinds(session) == ["session.opened", "session.revoked"]


async def test_a_token_s_scopes_shrink_with_the_grants(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState, clock: FakeClock
) -> None:
    actor, account = await with_password(session, people)
    before = await log_in(client, username=account.username)
    assert "callbacks:record" in before.json()["scope"].split()
    held = (await session.scalars(select(RoleGrant).where(RoleGrant.account_id == actor.id))).one()
    held.role = "hr_officer"
    await session.flush()
    state.parts[PrincipalCache] = PrincipalCache()
    seen = (await client.get("/v1/me", headers=bearer(before))).json()
    assert seen["scopes"] == ["calendars:read", "identity:read", "policies:read"]
    after = await refresh(client, before.json()["refresh_token"])
    assert after.json()["scope"] == "calendars:read identity:read policies:read"
    held.role = "records_clerk"
    await session.flush()
    state.parts[PrincipalCache] = PrincipalCache()
    # What came back is in force again, but this token was not given it; the next one is.
    listed = await client.get("/v1/owners", headers=bearer(after))
    assert (listed.status_code, listed.json()["code"]) == (403, "missing_scope")
    last = await refresh(client, after.json()["refresh_token"])
    assert "callbacks:record" in last.json()["scope"].split()
    held.ends_at = clock.forward(minutes=1)
    await session.flush()
    assert (await refresh(client, last.json()["refresh_token"])).json()["scope"] == ""


async def test_a_disabled_account_s_login_is_not_refreshed(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState, clock: FakeClock
) -> None:
    _, account = await with_password(session, people)
    answer = await log_in(client, username=account.username)
    account.disabled_at = clock()
    await session.flush()
    assert (await refresh(client, answer.json()["refresh_token"])).status_code == 401
    assert await me(client, state, answer) == 401
    assert (await log_in(client, username=account.username)).json()["code"] == "bad_credentials"


async def test_a_person_sees_the_open_logins_and_ends_one(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState, clock: FakeClock
) -> None:
    actor, account = await with_password(session, people)
    stale = (await session.scalars(select(AuthSession).where(AuthSession.account_id == actor.id))).one()
    stale.expires_at = clock()
    await session.flush()
    lost = await log_in(client, username=account.username)
    clock.forward(hours=1)
    here = await log_in(client, username=account.username)
    listed = (await client.get("/v1/me/sessions", headers=bearer(here))).json()
    assert [one["current"] for one in listed["items"]] == [True, False]
    assert [datetime.fromisoformat(one["opened_at"]) for one in listed["items"]] == [
        clock(),
        clock() - timedelta(hours=1),
    ]
    first_page = (await client.get("/v1/me/sessions?limit=1", headers=bearer(here))).json()
    second_page = await client.get(f"/v1/me/sessions?limit=1&cursor={first_page['next_cursor']}", headers=bearer(here))
    assert [*first_page["items"], *second_page.json()["items"]] == listed["items"]
    other = listed["items"][1]["id"]
    ended = await client.post(f"/v1/me/sessions/{other}/revocation", headers=bearer(here))
    assert (ended.status_code, ended.json()["id"], ended.json()["current"]) == (201, other, False)
    assert datetime.fromisoformat(ended.json()["ended_at"]) == clock()
    assert await me(client, state, lost) == 401
    assert await me(client, state, here) == 200
    assert (await refresh(client, lost.json()["refresh_token"])).status_code == 401
    again = await client.post(f"/v1/me/sessions/{other}/revocation", headers=bearer(here))
    assert (again.status_code, again.json()["code"]) == (409, "session_ended")
    assert len((await client.get("/v1/me/sessions", headers=bearer(here))).json()["items"]) == 1
    assert await kinds(session) == ["session.opened", "session.opened", "session.ended"]


async def test_nobody_ends_somebody_else_s_login(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession
) -> None:
    victim, attacker = await people.staff("records_clerk"), await people.staff("system_administrator")
    before = await session.scalar(select(func.count()).select_from(Event))
    for target in (victim.session_id, victim.id):
        answer = await client.post(f"/v1/me/sessions/{target}/revocation", headers=attacker.headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "session_not_found")
    assert (await client.get("/v1/me", headers=victim.headers)).status_code == 200
    revoked = select(func.count()).select_from(AuthSession).where(AuthSession.revoked_at.is_not(None))
    assert await session.scalar(revoked) == 0
    assert await session.scalar(select(func.count()).select_from(Event)) == before


async def test_machines_have_no_logins(client: httpx.AsyncClient, people: Desk) -> None:
    caller = await people.machine("tickets:read")
    assert (await client.get("/v1/me/sessions", headers=caller.headers)).json()["items"] == []
    assert (await client.post("/v1/auth/logout", headers=caller.headers)).status_code == 204
    assert (await client.get("/v1/me", headers=caller.headers)).status_code == 200


async def test_logging_out_is_on_record_once(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState
) -> None:
    _, account = await with_password(session, people)
    answer = await log_in(client, username=account.username)
    for _ in range(2):  # a second request within the seconds for which a server remembers the caller
        assert (await client.post("/v1/auth/logout", headers=bearer(answer))).status_code == 204
    assert await me(client, state, answer) == 401
    assert await kinds(session) == ["session.opened", "session.ended"]
    events = (await session.scalars(select(Event).where(Event.subject_kind == "session"))).all()
    assert {one.actor_id for one in events} == {account.id}
    assert not any(account.username in str(one.data) for one in events)


@pytest.mark.slow
async def test_of_two_uses_of_a_refresh_token_at_one_instant_one_wins_and_the_login_ends(
    committed: PooledDatabase, tmp_path: Path
) -> None:
    clock = FakeClock(FRIDAY_NOON)
    workers = [server(committed, clock=clock, folder=tmp_path, master=MASTER) for _ in range(2)]
    desk: IdentityDesk = workers[0].state.ownercare.parts[IdentityDesk]
    async with committed.session() as session:
        await desk.keys.load(session, now=clock())
        _, account = await with_password(session, Desk(session=session, desk=desk, clock=clock))
        await session.commit()
    for _ in range(20):
        async with committed.session() as session:
            again = await session.get_one(Account, account.id)
            tokens = await service.open_login(session, desk=desk, account=again, now=clock())
            await session.commit()
        assert tokens.refresh_token is not None
        async with at(workers[0], OFFICE) as one, at(workers[1], OFFICE) as two:
            given = str(tokens.refresh_token)
            answers = await asyncio.gather(*(refresh(client, given) for client in (one, two, one, two)))
            assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
            (won,) = [answer for answer in answers if answer.status_code == 200]
            assert (await refresh(two, won.json()["refresh_token"])).status_code == 401
    async with committed.session() as session:
        revoked = select(func.count()).select_from(Event).where(Event.kind == "session.revoked")
        assert await session.scalar(revoked) == 20
