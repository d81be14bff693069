"""`ownercare tokens`: the signing key rotates from the command line, on record and without printing a secret."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.commands.inside import command
from tests.conftest import FRIDAY_NOON, MASTER

from ownercare_api.commands import tokens
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.identity.models import SigningKey
from ownercare_api.timeline.models import Event


async def test_a_rotation_is_on_record(committed: PooledDatabase) -> None:
    keyring, overlap = Keyring.from_master(MASTER), timedelta(minutes=20)
    first = await tokens.rotate(committed, keyring=keyring, overlap=overlap, now=FRIDAY_NOON)
    later = FRIDAY_NOON + timedelta(days=90)
    second = await tokens.rotate(committed, keyring=keyring, overlap=overlap, now=later)
    async with committed.session() as session:
        rows = {row.kid: row for row in await session.scalars(select(SigningKey))}
        events = (
            await session.scalars(select(Event).where(Event.kind == "signing_key.rotated").order_by(Event.seq))
        ).all()
    assert (rows[first].retired_at, rows[first].expires_at) == (later, later + overlap)
    assert (rows[second].retired_at, rows[second].expires_at) == (None, None)
    assert [event.data for event in events] == [
        {"kid": first, "overlap_seconds": 1200},
        {"kid": second, "overlap_seconds": 1200},
    ]


@pytest.mark.slow
async def test_the_command(committed: PooledDatabase, tmp_path: Path) -> None:
    url = committed.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    code, said = await command("tokens", "rotate", folder=tmp_path, DATABASE_URL=url)
    assert (code, "新密钥" in said, said.count("签发 signs")) == (0, True, 1), said
    code, said = await command("tokens", "rotate", "--at-once", folder=tmp_path, DATABASE_URL=url)
    assert (code, "旧密钥已作废" in said, said.count("verifies until")) == (0, True, 0), said
    code, said = await command("tokens", "status", folder=tmp_path, DATABASE_URL=url)
    assert (code, said.count("签发 signs"), "PRIVATE" in said) == (0, 1, False), said
