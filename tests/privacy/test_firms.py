"""Numbers of partner firms: encrypted, masked, in clear for a purpose and for whom they are."""

import asyncio
import base64
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool
from tests.conftest import MASTER
from tests.contract.scratch import database
from tests.factories.contractors import make_firm
from tests.factories.people import Actor, Desk

from ownercare_api.contractors.models import Firm, FirmDisclosure, FirmKind
from ownercare_api.core import migrations
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import normalise_url
from ownercare_api.core.http.state import AppState
from ownercare_api.timeline.models import Event

FIRM = {
    "kind": "contractor",
    "name": "临澜固盾防水工程有限公司",
    "uscc": "91990000MA1K2ABC3B",
    "contact_name": "赵建国",
    "contact_phone": "0571-12345678",
    "bank_name": "临澜银行江晖支行",
    "bank_account": "6217 0015-4000 1234 5678",
    "bank_account_holder": "临澜固盾防水工程有限公司",
}


@pytest.fixture
async def made(client: httpx.AsyncClient, people: Desk) -> dict[str, Any]:
    admin = await people.staff("system_administrator")
    answer = await client.post("/v1/firms", json=FIRM, headers=admin.headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json()) | {"admin": admin}


async def look(client: httpx.AsyncClient, actor: Actor, firm_id: str, field: str) -> httpx.Response:
    body = {"field": field, "purpose": "拨付结算书"}
    return await client.post(f"/v1/firms/{firm_id}/disclosures", json=body, headers=actor.headers)


@pytest.mark.rule("OWN-08", "OWN-15")
async def test_the_bank_account_is_encrypted_masked_and_changed_by_its_clear_value(
    client: httpx.AsyncClient, session: AsyncSession, made: dict[str, Any], state: AppState
) -> None:
    assert (made["bank_account_masked"], made["contact_phone_masked"]) == ("**** 5678", "0571-****5678")
    assert "62170015" not in str(made)
    firm = await session.get_one(Firm, UUID(made["id"]))
    stored = bytes(firm.bank_account_encrypted or b"")
    assert state.keyring.decrypt(stored, column="firm.bank_account") == "6217001540001234 5678".replace(" ", "")
    assert [firm.bank_account_index] == state.keyring.blind_indexes("62170015400012345678", column="firm.bank_account")
    path, admin = f"/v1/firms/{made['id']}", made["admin"]
    tag = {"If-Match": (await client.get(path, headers=admin.headers)).headers["etag"]}
    same = await client.patch(path, json={"bank_account": "62170015400012345678"}, headers=admin.headers | tag)
    assert same.json()["version"] == 1
    gone = await client.patch(path, json={"bank_account": None}, headers=admin.headers | tag)
    assert (gone.json()["version"], gone.json()["bank_account_masked"]) == (2, None)
    for wrong in ("1234567", "6217 0015 40a0", "6" * 31):
        refused = await client.post("/v1/firms", json=FIRM | {"bank_account": wrong}, headers=admin.headers)
        assert refused.status_code == 422, wrong
        assert wrong not in refused.text


@pytest.mark.rule("OWN-08")
async def test_who_pays_sees_the_account_and_every_look_is_on_record(
    client: httpx.AsyncClient, session: AsyncSession, made: dict[str, Any], people: Desk
) -> None:
    finance = await people.staff("finance_officer")
    clerk = await people.staff("records_clerk")
    own = await people.firm_user("contractor_representative", firm_id=UUID(made["id"]))
    other = await make_firm(session, kind=FirmKind.CONTRACTOR)
    stranger = await people.firm_user("contractor_representative", firm_id=other.id)
    phone = await look(client, clerk, made["id"], "contact_phone")
    assert (phone.status_code, phone.json()["value"]) == (201, "+8657112345678")
    for actor in (finance, own):
        shown = await look(client, actor, made["id"], "bank_account")
        assert (shown.status_code, shown.json()["value"]) == (201, "62170015400012345678")
        assert shown.headers["cache-control"] == "no-store"
    refused = await look(client, clerk, made["id"], "bank_account")
    assert (refused.status_code, refused.json()["code"]) == (403, "bank_account_for_finance")
    assert (await look(client, stranger, made["id"], "bank_account")).status_code == 404
    missing = await look(client, finance, str(other.id), "bank_account")
    assert (missing.status_code, missing.json()["code"]) == (409, "value_not_recorded")
    rows = (await session.scalars(select(FirmDisclosure).order_by(FirmDisclosure.id))).all()
    assert [(one.actor_id, one.field) for one in rows] == [
        (clerk.id, "contact_phone"),
        (finance.id, "bank_account"),
        (own.id, "bank_account"),
    ]
    events = (await session.scalars(select(Event).where(Event.kind == "firm.disclosed"))).all()
    assert len(events) == 3
    with pytest.raises(DBAPIError, match="append-only"):
        async with session.begin_nested():
            await session.execute(sa.text("UPDATE firm_disclosure SET purpose = 'x'"))


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
