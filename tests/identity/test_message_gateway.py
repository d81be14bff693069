"""Login codes through a gateway over HTTP: signed, asked again, never twice what was accepted, never logged."""

import asyncio
import hashlib
import hmac
import json
import logging
import re
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs
from tests.conftest import FRIDAY_NOON, MASTER, FakeClock
from tests.factories.owners import make_owner

from ownercare_api import wiring
from ownercare_api.core import jobs
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import Database, PooledDatabase
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.core.jobs import AnyHandler, Job, JobStatus
from ownercare_api.core.message_gateway import HttpsMessages, MessageGatewayAway, gateway
from ownercare_api.core.messages import Message, Purpose
from ownercare_api.core.settings import Settings
from ownercare_api.identity import codes
from ownercare_api.identity import jobs as identity_jobs
from ownercare_api.identity.models import OneTimeCode

MOBILE, NUMBER = "13812341234", "+8613812341234"
SECRET = "a secret that both of us know, 32+"
SOON = 0.3
"""The timeout of these tests, in seconds."""

pytestmark = pytest.mark.rule("ORG-28")


@dataclass
class Gateway:
    """A real server on this machine, which answers as the test says and remembers what it was sent."""

    port: int = 0
    answers: list[str] = field(default_factory=list)
    """What it does with the next requests: a status, `hang`, or `drop` for accepting without an answer; then 200."""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/messages"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        assert first == "POST /messages HTTP/1.1"
        self.got.append((headers, await reader.readexactly(int(headers["content-length"]))))
        self.asked.set()
        answer = self.answers.pop(0) if self.answers else "200"
        if answer == "hang":
            await reader.read()  # until the caller gives up
        elif answer != "drop":
            writer.write(f"HTTP/1.1 {answer} X\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok".encode())
            await writer.drain()
        writer.close()


@asynccontextmanager
async def a_gateway(*answers: str) -> AsyncIterator[Gateway]:
    found = Gateway(answers=list(answers))
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


def handlers(url: str, keyring: Keyring) -> dict[str, AnyHandler]:
    return identity_jobs.handlers(
        keyring=keyring,
        directory=wiring.identity_directory(keyring),
        gateway=HttpsMessages(url=url, secret=SECRET, timeout_seconds=SOON),
    )


@pytest.fixture
async def ask(client: httpx.AsyncClient, session: AsyncSession, state: AppState) -> Callable[[], Any]:
    """Give what asks for a code to the mobile of an owner on record."""
    await make_owner(session, state.keyring, phone=MOBILE)

    async def wish() -> None:
        answer = await client.post("/v1/auth/one-time-codes", json={"mobile": MOBILE})
        assert (answer.status_code, answer.json()) == (202, {"expires_in": 300, "retry_after": 60})

    return wish


async def job(session: AsyncSession) -> Job:
    return (await session.scalars(select(Job).execution_options(populate_existing=True))).one()


async def work(database: Database, made: dict[str, AnyHandler], clock: FakeClock) -> bool:
    return await jobs.run_next(database, handlers=made, now=clock())


async def test_a_message_is_one_signed_post(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, clock: FakeClock, ask: Any
) -> None:
    async with a_gateway() as there:
        await ask()
        assert there.got == []  # nothing is sent while the request is answered
        assert await work(state.database, handlers(there.url, state.keyring), clock) is True
        assert await work(state.database, handlers(there.url, state.keyring), clock) is False
        ((headers, raw),) = there.got
    (sent,) = there.bodies
    wanted = (await session.scalars(select(OneTimeCode))).one()
    code = re.findall(r"[0-9]{6}", sent["text"])[0]
    assert sent == {
        "id": str(wanted.id),
        "to": NUMBER,
        "text": f"【OwnerCare】您的登录验证码为 {code},5 分钟内有效。请勿告诉任何人,工作人员不会向您索取。",
        "purpose": "login_code",
    }
    assert headers["content-type"] == "application/json"
    assert headers["idempotency-key"] == str(wanted.id)
    assert headers["ownercare-timestamp"] == str(int(clock().timestamp())) == "1795147200"
    signed = hmac.new(SECRET.encode(), b"1795147200." + raw, hashlib.sha256).hexdigest()
    assert headers["ownercare-signature"] == f"v1={signed}"
    form = {"grant_type": "one_time_code", "mobile": MOBILE, "code": code}
    assert (await client.post("/v1/auth/token", data=form)).status_code == 200


@pytest.mark.parametrize("trouble", ["500", "503", "429", "408", "hang", "drop"])
async def test_it_is_asked_again_with_the_same_message(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, clock: FakeClock, ask: Any, trouble: str
) -> None:
    async with a_gateway(trouble) as there:
        made = handlers(there.url, state.keyring)
        await ask()
        assert await work(state.database, made, clock) is True
        put_back = await job(session)
        assert (put_back.status, put_back.last_error) == (JobStatus.QUEUED, "MessageGatewayAway")
        assert put_back.run_at == clock() + timedelta(seconds=15)
        assert await work(state.database, made, clock) is False  # not before its time
        clock.forward(seconds=15)
        assert await work(state.database, made, clock) is True
        assert (await job(session)).status is JobStatus.DONE
        clock.forward(minutes=2)
        assert await work(state.database, made, clock) is False  # what was accepted is not sent again
        first, second = there.bodies
        assert first == second
        assert {headers["idempotency-key"] for headers, _ in there.got} == {first["id"]}
    code = re.findall(r"[0-9]{6}", second["text"])[0]
    form = {"grant_type": "one_time_code", "mobile": MOBILE, "code": code}
    assert (await client.post("/v1/auth/token", data=form)).status_code == 200


async def test_a_gateway_that_is_not_there_is_asked_again(
    session: AsyncSession, state: AppState, clock: FakeClock, ask: Any
) -> None:
    async with a_gateway() as there:
        url = there.url
    await ask()
    assert await work(state.database, handlers(url, state.keyring), clock) is True
    put_back = await job(session)
    assert (put_back.status, put_back.last_error) == (JobStatus.QUEUED, "MessageGatewayAway")


async def test_an_id_that_it_knows_was_accepted(
    session: AsyncSession, state: AppState, clock: FakeClock, ask: Any
) -> None:
    async with a_gateway("drop", "409") as there:
        made = handlers(there.url, state.keyring)
        await ask()
        await work(state.database, made, clock)
        clock.forward(seconds=15)
        await work(state.database, made, clock)
        assert len(there.got) == 2
    assert (await job(session)).status is JobStatus.DONE


@pytest.mark.parametrize(("age", "sent"), [(299, 1), (300, 0), (301, 0)])
async def test_a_code_that_ran_out_is_not_sent_any_more(
    session: AsyncSession, state: AppState, clock: FakeClock, ask: Any, age: int, sent: int
) -> None:
    async with a_gateway() as there:
        await ask()
        clock.forward(seconds=age)
        assert await work(state.database, handlers(there.url, state.keyring), clock) is True
        assert len(there.got) == sent
    assert (await job(session)).status is JobStatus.DONE


async def test_a_refusal_for_good_is_logged_and_not_repeated(
    session: AsyncSession, state: AppState, clock: FakeClock, ask: Any
) -> None:
    async with a_gateway("400") as there:
        await ask()
        with capture_logs() as logs:
            assert await work(state.database, handlers(there.url, state.keyring), clock) is True
        assert (await job(session)).status is JobStatus.DONE
        (said,) = [one for one in logs if one["event"] == "message.refused"]
        assert (said["status"], said["purpose"], said["log_level"]) == (400, "login_code", "error")
        assert said["message"] == there.bodies[0]["id"]


async def test_neither_number_nor_code_is_ever_logged(
    session: AsyncSession, state: AppState, clock: FakeClock, ask: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with a_gateway("500", "hang", "drop", "400") as there:
        made = handlers(there.url, state.keyring)
        await ask()
        with capture_logs() as logs:
            for _ in range(4):
                clock.now = max(clock(), (await job(session)).run_at)
                assert await work(state.database, made, clock) is True
        assert len(there.got) == 4
        code = re.findall(r"[0-9]{6}", there.bodies[0]["text"])[0]
    assert [one["event"] for one in logs] == ["job.failed", "job.failed", "job.failed", "message.refused"]
    raised = [line for one in logs if "exc_info" in one for line in traceback.format_exception(one["exc_info"])]
    said = f"{caplog.text}{logs}{raised}"
    assert "MessageGatewayAway" in said
    assert not [one for one in (MOBILE, code, SECRET) if one in said]
    kept = await job(session)
    assert not [one for one in (MOBILE, code) if one in f"{kept.args} {kept.last_error} {kept.result}"]


@pytest.mark.slow
async def test_nobody_waits_for_a_gateway_that_hangs(committed: PooledDatabase, tmp_path: Any) -> None:
    """The next wish for a code to the same number is taken meanwhile, and the code then sent is the good one."""
    keyring = Keyring.from_master(MASTER)
    async with committed.session() as session:
        await make_owner(session, keyring, phone=MOBILE)
        row = OneTimeCode(
            id=uuid7(), phone_index=keyring.blind_indexes(NUMBER, column="owner_phone.number")[0], digest=b"none",
            created_at=FRIDAY_NOON, expires_at=FRIDAY_NOON + timedelta(minutes=5),
        )  # fmt: skip
        session.add(row)
        args = {"code_id": str(row.id), "indexes": [row.phone_index.hex()]}
        await jobs.enqueue(session, kind=codes.SEND, args=args, run_at=FRIDAY_NOON)
        await session.commit()
    async with a_gateway("hang") as there:
        sender = identity_jobs.handlers(
            keyring=keyring,
            directory=wiring.identity_directory(keyring),
            gateway=HttpsMessages(url=there.url, secret=SECRET, timeout_seconds=20),
        )
        sending = asyncio.create_task(jobs.run_next(committed, handlers=sender, now=FRIDAY_NOON))
        await asyncio.wait_for(there.asked.wait(), timeout=15)
        async with asyncio.timeout(10), committed.session() as session:
            locked = await session.get(OneTimeCode, row.id, with_for_update=True)
            assert locked is not None
            locked.expires_at = FRIDAY_NOON
            await session.commit()
        assert not sending.done()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


async def test_what_the_gateway_raises_says_nothing_of_the_message() -> None:
    message = Message(uuid7(), to=NUMBER, text="验证码 123456", purpose=Purpose.LOGIN_CODE)
    async with a_gateway("drop") as there:
        with pytest.raises(MessageGatewayAway) as raised:
            await HttpsMessages(url=there.url, secret=SECRET, timeout_seconds=SOON).send(message, now=FRIDAY_NOON)
    assert (raised.value.__cause__, raised.value.__suppress_context__) == (None, True)
    assert not [one for one in (NUMBER, "123456") if one in f"{raised.value!r} {message!r}"]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"messages_url": "https://sms.example/messages"},
        {"messages_secret": SECRET},
        {"messages_url": "http://sms.example/messages", "messages_secret": SECRET},
        {"messages_url": "https://user@sms.example/", "messages_secret": SECRET},
        {"messages_url": "https://sms.example/?key=1", "messages_secret": SECRET},
        {"messages_url": "https://", "messages_secret": SECRET},
        {"messages_url": "https://sms.example/messages", "messages_secret": "short"},
    ],
)
def test_half_a_configuration_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings(messages="https", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["https://sms.example/messages", "http://127.0.0.1:8025/messages"])
def test_a_whole_configuration_is_taken(url: str) -> None:
    settings = Settings(messages="https", messages_url=url, messages_secret=SECRET)
    assert isinstance(gateway(settings), HttpsMessages)
