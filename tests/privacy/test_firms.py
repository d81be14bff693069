"""Numbers of partner firms: encrypted, masked, in clear for a purpose and for whom they are."""

import asyncio
import base64
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool
from tests.conftest import MASTER
from tests.contract.scratch import database
from tests.factories.people import Desk

from ownercare_api.contractors.models import Firm
from ownercare_api.core import migrations
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import normalise_url
from ownercare_api.core.http.state import AppState

FIRM = {
    "kind": "contractor",
    "name": "临澜固盾防水工程有限公司",
    "uscc": "91990000MA1K2ABC3B",
    "contact_name": "赵建国",
    "contact_phone": "0571-12345678",
}


@pytest.mark.rule("OWN-08", "OWN-15")
async def test_the_number_is_encrypted_masked_and_changed_by_its_clear_value(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, state: AppState
) -> None:
    admin = await people.staff("system_administrator")
    answer = await client.post("/v1/firms", json=FIRM, headers=admin.headers)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["bank_account_masked"], made["contact_phone_masked"]) == (None, "0571-****5678")
    firm = await session.get_one(Firm, UUID(made["id"]))
    stored = bytes(firm.contact_phone_encrypted)
    assert state.keyring.decrypt(stored, column="firm.contact_phone") == "+8657112345678"
    path, tag = f"/v1/firms/{made['id']}", {"If-Match": answer.headers["etag"]}
    same = await client.patch(path, json={"contact_phone": "+8657112345678"}, headers=admin.headers | tag)
    assert same.json()["version"] == 1
    other = await client.patch(path, json={"contact_phone": "0571-87654321"}, headers=admin.headers | tag)
    assert (other.json()["version"], other.json()["contact_phone_masked"]) == (2, "0571-****4321")


def test_numbers_on_record_before_are_encrypted_by_the_migration(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWNERCARE_MASTER_KEY", base64.urlsafe_b64encode(MASTER).decode())
    before = sa.text(
        "INSERT INTO firm (id, kind, name, uscc, contact_name, contact_phone)"
        " VALUES (:id, 'contractor', '固盾', '91990000MA1K2ABC3B', '赵建国', '+8657112345678')"
    )

    async def run(url: str, statement: Any, **given: Any) -> Any:
        engine = create_async_engine(normalise_url(url), poolclass=NullPool)
        async with engine.begin() as connection:
            result = await connection.execute(statement, given)
            rows = result.all() if result.returns_rows else None
        await engine.dispose()
        return rows

    with database(postgres, name="firms") as url:
        migrations.upgrade(url, revision="owner_records")
        asyncio.run(run(url, before, id=uuid4()))
        migrations.upgrade(url, revision="privacy")
        ((stored, masked),) = asyncio.run(
            run(url, sa.text("SELECT contact_phone_encrypted, contact_phone_masked FROM firm"))
        )
        assert Keyring.from_master(MASTER).decrypt(bytes(stored), column="firm.contact_phone") == "+8657112345678"
        assert masked == "0571-****5678"
        migrations.downgrade(url, revision="owner_records")
        assert [tuple(row) for row in asyncio.run(run(url, sa.text("SELECT contact_phone FROM firm")))] == [(masked,)]
