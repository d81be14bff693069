"""Owners log in with a code that is sent to the mobile on record; nobody learns whose numbers are on record."""

import asyncio
import json
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON, MASTER, FakeClock, QueryRecorder
from tests.factories.logins import ELSEWHERE, OFFICE, at, bearer, refresh, server
from tests.factories.owners import add_phone, make_owner
from tests.factories.people import Desk

from ownercare_api import wiring
from ownercare_api.core import jobs, keeping, message_gateway, messages
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import Database, PooledDatabase
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.core.jobs import Job, LongHandler, Run
from ownercare_api.core.settings import Settings
from ownercare_api.identity import codes, service
from ownercare_api.identity import jobs as identity_jobs
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.identity.models import Account, AccountKind, AuthSession, OneTimeCode, Throttle
from ownercare_api.owners.models import Owner, OwnerPhone
from ownercare_api.timeline.models import Event

MOBILE, STRANGER = "13812341234", "13900000000"
ID_A, ID_B = "330106198502143021", "33010619900307511X"

pytestmark = pytest.mark.rule("ORG-28")


class Phone:
    """What arrived, by number in normal form; and the worker that sends it."""

    def __init__(self, *, database: Database, keyring: Keyring, folder: Path) -> None:
        self.database, self.file = database, folder / messages.OUTBOX
        self.handlers = identity_jobs.handlers(
            keyring=keyring,
            directory=wiring.identity_directory(keyring),
            gateway=message_gateway.gateway(Settings(data_dir=folder, messages="file")),
        )

    async def work(self, clock: FakeClock) -> None:
        """Do the queued jobs."""
        while await jobs.run_next(self.database, handlers=self.handlers, now=clock()):
            pass

    def arrived(self) -> list[dict[str, Any]]:
        """Return every message."""
        return self.read(self.file)

    @staticmethod
    def read(file: Path) -> list[dict[str, Any]]:
        """Return the messages in a file."""
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []

    def code(self) -> str:
        """Return the code that came last."""
        found = re.search(r"[0-9]{6}", self.arrived()[-1]["text"])
        assert found is not None
        return found[0]


@pytest.fixture
def phone(state: AppState, tmp_path: Path) -> Phone:
    return Phone(database=state.database, keyring=state.keyring, folder=tmp_path)


async def ask(client: httpx.AsyncClient, mobile: str = MOBILE) -> httpx.Response:
    return await client.post("/v1/auth/one-time-codes", json={"mobile": mobile})


async def enter(client: httpx.AsyncClient, code: str, mobile: str = MOBILE, **more: str) -> httpx.Response:
    form = {"grant_type": "one_time_code", "mobile": mobile, "code": code, **more}
    return await client.post("/v1/auth/token", data=form)


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


async def make(session: AsyncSession, state: AppState, **more: Any) -> Owner:
    return await make_owner(session, state.keyring, phone=MOBILE, **more)


async def test_an_owner_logs_in_and_is_somebody_without_a_name(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, clock: FakeClock, phone: Phone
) -> None:
    owner = await make(session, state)
    asked = await ask(client)
    assert (asked.status_code, asked.json()) == (202, {"expires_in": 300, "retry_after": 60})
    await phone.work(clock)
    assert [one["number"] for one in phone.arrived()] == ["+8613812341234"]
    answer = await enter(client, phone.code())
    assert (answer.status_code, answer.json()["scope"]) == (200, "my:read my:write")
    me = (await client.get("/v1/me", headers=bearer(answer))).json()
    assert (me["kind"], me["name"], me["owner_id"]) == ("owner", "业主", str(owner.id))
    assert [grant["reach"] for grant in me["grants"]] == [{"everywhere": False, "project_ids": [], "firm_ids": []}]
    account = (await session.scalars(select(Account).where(Account.kind == AccountKind.OWNER))).one()
    assert (account.username, account.name, account.password_hash) == (f"owner:{owner.id}", "业主", None)
    opened = (await session.scalars(select(Event).where(Event.kind == "session.opened"))).one()
    assert (opened.actor_name, opened.data) == ("业主", {"by": "one_time_code"})
    again = await refresh(client, answer.json()["refresh_token"])
    assert (again.status_code, again.json()["scope"]) == (200, "my:read my:write")
    clock.forward(minutes=2)
    await ask(client)
    await phone.work(clock)
    assert (await enter(client, phone.code())).status_code == 200
    assert await session.scalar(select(func.count()).select_from(Account).where(Account.owner_id == owner.id)) == 1


async def test_a_code_works_once_for_five_minutes_and_is_ended_by_the_next(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, clock: FakeClock, phone: Phone
) -> None:
    await make(session, state)
    await ask(client)
    await phone.work(clock)
    used = phone.code()
    assert (await enter(client, f" {used} ")).status_code == 200
    assert (await enter(client, used)).json()["code"] == "bad_one_time_code"
    clock.forward(minutes=1)
    await ask(client)
    await phone.work(clock)
    first = phone.code()
    clock.forward(minutes=1)
    await ask(client)
    assert (await enter(client, first)).status_code == 401  # from the moment on that another is asked for
    await phone.work(clock)
    second = phone.code()
    clock.forward(minutes=4, seconds=59)
    assert (await enter(client, second)).status_code == 200
    await ask(client)
    await phone.work(clock)
    third = phone.code()
    clock.forward(minutes=5)
    assert (await enter(client, third)).status_code == 401


async def test_five_tries_and_no_more(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, clock: FakeClock, phone: Phone
) -> None:
    await make(session, state)
    await ask(client)
    await phone.work(clock)
    for _ in range(4):
        assert (await enter(client, other_than(phone.code()))).status_code == 401
    assert (await enter(client, phone.code())).status_code == 200
    clock.forward(minutes=1)
    await ask(client)
    await phone.work(clock)
    for _ in range(5):
        assert (await enter(client, other_than(phone.code()))).status_code == 401
    assert (await enter(client, phone.code())).status_code == 401
    assert await session.scalar(select(func.count()).select_from(AuthSession)) == 1


async def test_strangers_and_owners_are_answered_alike_with_the_same_work(
    app: FastAPI, session: AsyncSession, state: AppState, clock: FakeClock, phone: Phone, queries: QueryRecorder
) -> None:
    await make(session, state)
    seen: dict[str, list[Any]] = {}

    async def watched(number: str, answer: httpx.Response) -> None:
        headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        body = {name: value for name, value in answer.json().items() if name != "request_id"}
        shape = [" ".join(one.split()[:3]) for one in queries.statements]
        seen.setdefault(number, []).append((answer.status_code, headers, body, shape))

    for number in (MOBILE, STRANGER):
        async with at(app, OFFICE if number == MOBILE else ELSEWHERE) as client:
            for _ in range(2):
                with queries:
                    answer = await ask(client, number)
                await watched(number, answer)
            for _ in range(6):
                with queries:
                    answer = await enter(client, "000000", number)
                await watched(number, answer)
    assert [status for status, *_ in seen[STRANGER]] == [202, 429] + [401] * 6
    assert seen[MOBILE] == seen[STRANGER]
    await phone.work(clock)
    assert [one["number"] for one in phone.arrived()] == ["+8613812341234"]
    assert {job.last_error for job in await session.scalars(select(Job).where(Job.kind == codes.SEND))} == {None}


async def test_numbers_and_codes_are_kept_nowhere(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, clock: FakeClock, phone: Phone
) -> None:
    await make(session, state)
    await ask(client)
    await phone.work(clock)
    row = (await session.scalars(select(OneTimeCode))).one()
    job = (await session.scalars(select(Job).where(Job.kind == codes.SEND))).one()
    throttles = (await session.scalars(select(Throttle.key))).all()
    kept = json.dumps(job.args) + row.digest.hex() + row.phone_index.hex() + "".join(one.hex() for one in throttles)
    for secret in (phone.code(), MOBILE):
        assert secret not in kept
        assert secret.encode().hex() not in kept
    stolen = Keyring.from_master(bytes(32))  # a table without its keys: not one of the million codes fits
    assert codes._digest(state.keyring, row.id, phone.code()) == row.digest
    assert row.digest not in {codes._digest(stolen, row.id, f"{number:06d}") for number in range(10**5)}
    assert stat.S_IMODE(phone.file.stat().st_mode) == 0o600


async def test_codes_to_one_number_are_limited_for_strangers_too(
    app: FastAPI, session: AsyncSession, state: AppState, clock: FakeClock, phone: Phone
) -> None:
    await make(session, state)
    outcomes: dict[str, list[tuple[int, str | None]]] = {MOBILE: [], STRANGER: []}
    async with at(app, OFFICE) as client:
        for pause in (0, 59, 1, 60, 60, 60, 60, 3300, *[61] * 3):
            clock.forward(seconds=pause)
            for number, found in outcomes.items():
                answer = await ask(client, number)
                found.append((answer.status_code, answer.headers.get("retry-after")))
    assert outcomes[MOBILE] == outcomes[STRANGER]
    sent = [(202, None)]
    assert outcomes[MOBILE] == [*sent, (429, "1"), *sent * 4, (429, "3300"), *sent * 4]
    clock.forward(seconds=61)
    async with at(app, ELSEWHERE) as client:  # a number's limits hold from everywhere
        assert (await ask(client)).status_code == 202
        clock.forward(hours=1)
        refused = await ask(client)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_attempts")
        assert 20 * 3600 < int(refused.headers["retry-after"]) < 24 * 3600  # ten a day
    await phone.work(clock)
    assert len(phone.arrived()) == 0  # all of them ran out before the worker came


async def test_several_owners_of_one_number_are_told_apart_by_their_documents(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, clock: FakeClock, phone: Phone
) -> None:
    await make(session, state, name="王秀英", document_number=ID_A)
    second = await make(session, state, name="李建国", document_number=ID_B)
    await ask(client)
    await phone.work(clock)
    assert len(phone.arrived()) == 1
    wrong = await enter(client, other_than(phone.code()))
    assert wrong.json()["code"] == "bad_one_time_code"  # without the code nobody learns that there are several
    asked = await enter(client, phone.code())
    assert (asked.status_code, asked.json()["code"]) == (409, "owner_ambiguous")
    assert (await enter(client, phone.code(), document_last4="9999")).json()["code"] == "bad_one_time_code"
    answer = await enter(client, phone.code(), document_last4="511x")
    assert answer.status_code == 200
    assert (await client.get("/v1/me", headers=bearer(answer))).json()["owner_id"] == str(second.id)
    clock.forward(minutes=1)
    await ask(client)
    await phone.work(clock)
    for guess in ("1111", "2222", "3333", "4444", "5555"):
        assert (await enter(client, phone.code(), document_last4=guess)).status_code == 401
    assert (await enter(client, phone.code(), document_last4="511X")).status_code == 401  # a wrong end is a failed try


async def test_a_document_that_is_given_counts_also_for_a_single_owner(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, clock: FakeClock, phone: Phone
) -> None:
    await make(session, state, document_number=ID_A)
    await ask(client)
    await phone.work(clock)
    assert (await enter(client, phone.code(), document_last4="9999")).status_code == 401
    assert (await enter(client, phone.code(), document_last4="3021")).status_code == 200


@pytest.mark.parametrize("cause", ["merged", "erased", "disabled", "phone removed"])
async def test_who_is_no_longer_an_owner_with_this_number_does_not_get_in(
    cause: str, client: httpx.AsyncClient, session: AsyncSession, state: AppState, clock: FakeClock, phone: Phone
) -> None:
    owner = await make(session, state)
    kept = await make_owner(session, state.keyring, name="王秀英", phone=None)
    await ask(client)
    await phone.work(clock)
    before = await enter(client, phone.code())
    assert before.status_code == 200
    clock.forward(minutes=1)
    await ask(client)
    await phone.work(clock)
    code = phone.code()
    if cause == "merged":
        owner.merged_into, owner.merged_at = kept.id, clock()
    elif cause == "erased":
        owner.erased_at = clock()
    elif cause == "disabled":
        await service.close_owner_account(session, owner_id=owner.id, now=clock(), because="test")
    else:
        own = (await session.scalars(select(OwnerPhone).where(OwnerPhone.owner_id == owner.id))).one()
        await session.delete(own)
    await session.flush()
    assert (await enter(client, code)).json()["code"] == "bad_one_time_code"
    state.parts[PrincipalCache] = PrincipalCache()
    still_in = cause == "phone removed"  # who has logged in stays in; the number opens nothing new
    assert (await client.get("/v1/me", headers=bearer(before))).status_code == (200 if still_in else 401)
    assert (await refresh(client, before.json()["refresh_token"])).status_code == (200 if still_in else 401)
    clock.forward(minutes=1)
    sent = len(phone.arrived())
    assert (await ask(client)).status_code == 202
    await phone.work(clock)
    assert len(phone.arrived()) == sent + (cause == "disabled")


async def test_any_number_of_the_owner_will_do(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, clock: FakeClock, phone: Phone
) -> None:
    owner = await make(session, state)
    await add_phone(session, state.keyring, owner=owner, phone="+852 9123 4567")
    assert (await ask(client, "00852 9123 4567")).status_code == 202
    await phone.work(clock)
    assert (await enter(client, phone.code(), "+85291234567")).status_code == 200


@pytest.mark.rule("OWN-05")
async def test_a_number_that_one_colleague_added_opens_nothing_before_another_has_verified_it(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState, clock: FakeClock, phone: Phone
) -> None:
    owner, own = await make(session, state), "13700007777"
    curious, other = await people.staff("records_clerk"), await people.staff("customer_relations_specialist")
    added = await client.post(
        f"/v1/owners/{owner.id}/phones", json={"number": own, "is_primary": True}, headers=curious.headers
    )
    assert [(one["number_masked"], one["may_log_in"]) for one in added.json()["phones"]] == [
        ("137****7777", False),
        ("138****1234", True),
    ]
    assert (await ask(client, own)).status_code == 202
    await phone.work(clock)
    assert phone.arrived() == []

    body = {"owner_id": str(owner.id), "channel": "visit", "changes": {"primary_phone": own}}
    made = await client.post("/v1/owner-change-requests", json=body, headers=curious.headers)
    assert made.status_code == 201, made.text
    path = f"/v1/owner-change-requests/{made.json()['id']}"
    verification = {"verification": "saw_document", "note": "本人持身份证到场"}
    refused = await client.post(f"{path}/verification", json=verification, headers=curious.headers)
    assert refused.status_code == 403
    assert (await client.post(f"{path}/verification", json=verification, headers=other.headers)).status_code == 201
    assert (await client.post(f"{path}/application", json={}, headers=curious.headers)).status_code == 201
    clock.forward(minutes=2)
    assert (await ask(client, own)).status_code == 202
    await phone.work(clock)
    assert (await enter(client, phone.code(), own)).status_code == 200


@pytest.mark.parametrize(
    ("mobile", "code"), [("010-12345678", "mobile_needed"), ("12345", "invalid_phone"), ("x" * 30, "invalid_phone")]
)
async def test_what_is_no_mobile_is_refused(client: httpx.AsyncClient, mobile: str, code: str) -> None:
    asked = await ask(client, mobile)
    assert (asked.status_code, asked.json()["errors"][0]["code"]) == (422, code)
    entered = await enter(client, "123456", mobile)
    assert (entered.status_code, entered.json()["code"]) == (422, code)
    assert mobile not in asked.text + entered.text


async def test_missing_fields_are_named(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/auth/token", data={"grant_type": "one_time_code", "mobile": MOBILE})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/code")


async def test_an_owner_s_account_has_no_password(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, people: Desk
) -> None:
    owner = await make(session, state)
    actor = await people.owner(owner.id)
    form = {"grant_type": "password", "username": f"owner:{owner.id}", "password": "anything at all"}
    assert (await client.post("/v1/auth/token", data=form)).json()["code"] == "bad_credentials"
    body = {"current_password": "anything", "new_password": "青山不改绿水长流后会有期"}
    refused = await client.post("/v1/me/password", json=body, headers=actor.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "no_password")


async def test_a_job_that_runs_twice_sends_the_same_message(
    # A gateway whose answer was lost is asked again: whichever of the two arrives holds the right code.
    client: httpx.AsyncClient,
    session: AsyncSession,
    state: AppState,
    clock: FakeClock,
    phone: Phone,
) -> None:
    await make(session, state)
    await ask(client)
    job = (await session.scalars(select(Job).where(Job.kind == codes.SEND))).one()
    handler = phone.handlers[codes.SEND]
    assert isinstance(handler, LongHandler)
    for _ in range(2):
        await handler.work(Run(job.id, state.database), dict(job.args), clock())
    first, last = (str(one["text"]) for one in phone.arrived())
    assert (await enter(client, str(re.findall(r"[0-9]{6}", last)[0]))).status_code == 200
    assert first == last


async def test_without_a_gateway_nothing_is_delivered(tmp_path: Path) -> None:
    gateway = message_gateway.gateway(Settings(data_dir=tmp_path))
    message = messages.Message(uuid7(), to="+8613812341234", text="123456", purpose=messages.Purpose.LOGIN_CODE)
    await gateway.send(message, now=FRIDAY_NOON)
    assert "123" not in repr(message).replace(str(message.id), "")
    assert isinstance(gateway, messages.NoMessages)
    assert Phone.read(tmp_path / messages.OUTBOX) == []


async def test_old_codes_are_forgotten(session: AsyncSession, client: httpx.AsyncClient, clock: FakeClock) -> None:
    await ask(client)
    for hours, left in ((23, 1), (3, 0)):
        clock.forward(hours=hours)
        for rule in identity_jobs.KEPT:
            await keeping.forget_some(session, rule=rule, now=clock())
        assert await session.scalar(select(func.count()).select_from(OneTimeCode)) == left
    assert await session.scalar(select(func.count()).select_from(Throttle)) == 0


@pytest.mark.slow
async def test_guesses_at_the_same_instant_are_counted_and_a_code_opens_one_login(
    committed: PooledDatabase, tmp_path: Path
) -> None:
    clock, keyring = FakeClock(FRIDAY_NOON), Keyring.from_master(MASTER)
    workers = [server(committed, clock=clock, folder=tmp_path, master=MASTER) for _ in range(2)]
    phone = Phone(database=committed, keyring=keyring, folder=tmp_path)
    for trial in range(20):
        mobile = f"138{trial:08d}"
        async with committed.session() as session:
            await make_owner(session, keyring, name=f"业主{trial}", phone=mobile)
            await session.commit()
        clients = [at(app, f"192.0.2.{trial}") for app in workers]
        await ask(clients[0], mobile)
        await phone.work(clock)
        right = phone.code()
        given: Mapping[int, str] = {0: right, 5: right}
        answers = await asyncio.gather(
            *(enter(clients[n % 2], given.get(n, other_than(right)), mobile) for n in range(12))
        )
        assert [answer.status_code for answer in answers].count(200) <= 1
        async with committed.session() as session:
            row = (await session.scalars(select(OneTimeCode).order_by(OneTimeCode.id.desc()).limit(1))).one()
            assert row.attempts == codes.TRIES
            assert (row.used_at is not None) == (200 in [answer.status_code for answer in answers])
        clock.forward(minutes=2)
        await ask(clients[0], mobile)
        await phone.work(clock)
        twice = await asyncio.gather(*(enter(clients[n % 2], phone.code(), mobile) for n in range(4)))
        assert sorted(answer.status_code for answer in twice) == [200, 401, 401, 401]
        for client in clients:
            await client.aclose()
