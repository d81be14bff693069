"""`ownercare keys`: rotated from the command line to the end, and shown."""

from datetime import timedelta

import pytest
from tests.conftest import MASTER
from tests.factories.owners import make_owner

from ownercare_api.commands import keys
from ownercare_api.core import field_keys
from ownercare_api.core.clock import system_clock
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.field_keys import RotationRunning
from ownercare_api.owners import sealing
from ownercare_api.owners.models import Owner

SETTLE = timedelta(seconds=0.05)


@pytest.mark.rule("OWN-15")
async def test_a_rotation_is_begun_finished_and_shown(
    committed: PooledDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    url, ring = committed.engine.url.render_as_string(hide_password=False), Keyring.from_master(MASTER)
    async with committed.session() as session:
        made = await make_owner(session, ring, home_address="江晖路 12 号")
        await session.commit()
    await keys.rotate(url, Keyring.from_master(MASTER), wait=False)
    assert "密钥 2" in capsys.readouterr().out
    with pytest.raises(RotationRunning):
        await keys.rotate(url, Keyring.from_master(MASTER), wait=False)
    await keys.rotate(url, Keyring.from_master(MASTER), wait=True, settle=SETTLE)
    assert "轮换完成,当前密钥 2" in capsys.readouterr().out
    await keys.status(url)
    shown = capsys.readouterr().out
    assert "密钥 key 1: 已停用 retired" in shown
    assert "密钥 key 2: 使用中 active" in shown
    assert "owner.home_address_encrypted: 2: 1" in shown
    assert "values left to rewrite: 0" in shown
    async with committed.session() as session:
        owner = await session.get_one(Owner, made.id)
        await field_keys.load(session, keyring=ring)
        stored = bytes(owner.home_address_encrypted or b"")
        assert (stored[0], ring.decrypt(stored, column=sealing.HOME_ADDRESS)) == (2, "江晖路 12 号")
        again = await field_keys.prepare(session, keyring=ring, now=system_clock())
    assert again == 3
