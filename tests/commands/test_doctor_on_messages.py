"""`ownercare doctor` says so where owners may log in and nothing brings them their codes."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.owners import make_owner

from ownercare_api.commands.doctor import BAD, GOOD, NOTE, sending
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.core.jobs import Job, JobStatus
from ownercare_api.core.settings import Settings
from ownercare_api.identity import codes

HTTPS: dict[str, Any] = {
    "messages": "https",
    "messages_url": "https://sms.example/",
    "messages_secret": "a secret that both of us know, 32+",
}


@pytest.mark.parametrize(("messages", "mark"), [("none", BAD), ("file", NOTE)])
async def test_owners_may_log_in_and_nothing_is_sent(
    session: AsyncSession, state: AppState, clock: FakeClock, tmp_path: Path, messages: Any, mark: str
) -> None:
    settings = Settings(data_dir=tmp_path, messages=messages)
    assert await sending(session, settings=settings, now=clock()) == []  # no owner is on record yet
    await make_owner(session, state.keyring, phone="13812341234")
    ((found, _),) = await sending(session, settings=settings, now=clock())
    assert found == mark


async def test_a_gateway_that_takes_no_codes(session: AsyncSession, clock: FakeClock, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, **HTTPS)
    ((mark, said),) = await sending(session, settings=settings, now=clock())
    assert (mark, said[-1]) == (GOOD, "0")
    for age in (timedelta(minutes=59), timedelta(minutes=61)):
        at = clock() - age
        session.add(
            Job(id=uuid7(), kind=codes.SEND, args={}, run_at=at, status=JobStatus.DONE, created_at=at,
                attempts=2)
        )  # fmt: skip
    await session.flush()
    ((mark, said),) = await sending(session, settings=settings, now=clock())
    assert (mark, said[-1]) == (BAD, "1")
