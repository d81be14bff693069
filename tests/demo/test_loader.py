"""The demonstration data set: the same on every run, complete, and true to the rules of the rooms."""

import asyncio
import hashlib
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import ARRAY, String, Text, Uuid, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from tests.conftest import BoundDatabase, FakeClock
from tests.demo.conftest import NOW, rows

from ownercare_api.core.clock import business_date
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.ids import uuid7
from ownercare_api.core.numbers import KINDS, next_number
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.demo import loader
from ownercare_api.demo.accounts import CALL_CENTER_SECRET, DEMO_ACCOUNTS, DEMO_PASSWORD
from ownercare_api.demo.estate import END
from ownercare_api.demo.history import PERIODS
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.identity.models import Account
from ownercare_api.identity.roles import ROLES
from ownercare_api.identity.service import Desk
from ownercare_api.owners import sealing
from ownercare_api.owners.documents import DocumentKind
from ownercare_api.owners.models import Owner, OwnerPhone, Ownership
from ownercare_api.properties.models import Company, CompanyLevel
from ownercare_api.tables import metadata
from ownercare_api.tickets.registration import OWNER_PHONE_INDEX, PHONE_COLUMN

COUNTS = {
    "company": 3,
    "project": 3,
    "building": 19,
    "unit": 1840,
    "firm": 8,
    "construction_contract": 15,
    "repair_team": 3,
    "repair_worker": 40,
    "account": 51,
    "api_client": 3,
    "policy_version": 1,
    "ledger_account": 18,
    "ticket": 2400,
}


async def digest(database: PooledDatabase) -> dict[str, str]:
    """A digest of each table's natural columns, whatever the order; ids inside texts are left out too."""
    found = {}
    for table in metadata.sorted_tables:
        if table.name in ("auth_session", "signing_key", "idempotent_answer"):
            continue
        columns = [
            f'"{column.name}"'
            for column in table.c
            if not isinstance(column.type, Uuid)
            and not column.name.endswith("_encrypted")
            and column.name not in ("password_hash", "xid", "seq")
            and (table.name, column.name) != ("policy_snapshot", "digest")
            and not (table.name == "ledger_account" and column.name in ("code", "created_at", "updated_at"))
        ]
        lines = await rows(
            database,
            "SELECT regexp_replace(row_to_json(x)::text, '[0-9a-f]{8}-[0-9a-f-]{27}', 'id', 'g') "
            f"FROM (SELECT {', '.join(columns)} FROM {table.name}) x",
        )
        found[table.name] = hashlib.sha256("\n".join(sorted(line[0] for line in lines)).encode()).hexdigest()
    return found


@pytest.mark.slow
async def test_two_loads_make_the_same_data_and_of_two_at_once_only_one_loads(
    demo: PooledDatabase, committed: PooledDatabase, keyring: Keyring
) -> None:
    said: list[str] = []

    async def load() -> loader.Summary:
        return await loader.load(committed, keyring=keyring, now=datetime.now(UTC), on_progress=said.append)

    summaries = await asyncio.gather(load(), load())
    (summary,) = [one for one in summaries if one]
    assert sorted(map(bool, summaries)) == [False, True]
    assert said[1] == "业主 1,947 / owners"
    assert {name: count for name, count in summary.counts.items() if name in COUNTS} == {
        name: count for name, count in COUNTS.items() if name not in ("policy_version", "ledger_account")
    }
    mine, theirs = await digest(committed), await digest(demo)
    assert [name for name in mine if mine[name] != theirs[name]] == []


async def test_counts(demo: PooledDatabase) -> None:
    have = {name: (await rows(demo, f"SELECT count(*) FROM {name}"))[0][0] for name in COUNTS}
    assert have == COUNTS
    assert sum(period.count for period in PERIODS) == 2400
    homes = await rows(
        demo,
        "SELECT p.name, count(*), count(u.delivered_on), count(u.moved_in_on), min(u.delivered_on), "
        "max(u.delivered_on), count(DISTINCT u.purchase_batch), count(DISTINCT u.house_type), "
        "count(*) FILTER (WHERE EXISTS (SELECT FROM ownership o WHERE o.unit_id = u.id)) "
        "FROM unit u JOIN project p ON p.id = u.project_id GROUP BY p.name, p.code ORDER BY p.code",
    )
    assert [tuple(row) for row in homes] == [
        ("翠湖里", 240, 0, 0, None, None, 2, 3, 149),
        ("江澜府", 400, 376, 14, date(2026, 11, 2), date(2026, 11, 18), 2, 2, 392),
        ("云栖雅苑", 1200, 1200, 1200, date(2023, 6, 18), date(2025, 4, 27), 3, 3, 1200),
    ]


async def test_a_second_load_does_nothing(demo: PooledDatabase, keyring: Keyring) -> None:
    before = await rows(demo, "SELECT max(seq), count(*) FROM event")
    summary = await loader.load(demo, keyring=keyring, now=NOW, on_progress=lambda _: pytest.fail("it loads again"))
    assert (bool(summary), summary.counts) == (False, {})
    assert await rows(demo, "SELECT max(seq), count(*) FROM event") == before


async def test_a_database_of_somebody_else_is_left_alone(committed: PooledDatabase, keyring: Keyring) -> None:
    async with committed.session() as session:
        session.add(Company(id=uuid7(), level=CompanyLevel.GROUP, code="JT-1", name="某某集团"))
        await session.commit()
    with pytest.raises(loader.NotEmpty):
        await loader.load(committed, keyring=keyring, now=NOW, on_progress=lambda _: None)
    assert (await rows(committed, "SELECT (SELECT count(*) FROM company), (SELECT count(*) FROM account)"))[0] == (1, 0)


async def test_owners_and_their_shares(demo: PooledDatabase) -> None:
    async with demo.session() as session:
        with_homes = select(func.count()).where(Owner.id.in_(select(Ownership.owner_id)))
        assert await session.scalar(with_homes) == 1947
        shares = (await session.scalars(select(Ownership))).all()
        shared = (
            await session.execute(
                select(func.count(), OwnerPhone.number_masked)
                .where(OwnerPhone.is_primary)
                .group_by(OwnerPhone.number_index, OwnerPhone.number_masked)
                .having(func.count() > 1)
            )
        ).all()
        kinds = await session.execute(select(Owner.document_kind, func.count()).group_by(Owner.document_kind))
        abroad = {kind.value: count for kind, count in kinds if kind not in (None, DocumentKind.RESIDENT_ID)}
    by_unit: dict[Any, list[Ownership]] = defaultdict(list)
    for share in shares:
        by_unit[share.unit_id].append(share)
    for parts in by_unit.values():
        for day in {part.from_date for part in parts}:
            held = [
                one.share_bp for one in parts if one.from_date <= day and (one.to_date is None or one.to_date > day)
            ]
            assert sum(held) == 10_000
    assert sum(share.to_date is not None for share in shares) == 14
    assert [tuple(one) for one in shared] == [(3, shared[0][1])]  # the family
    assert abroad == {"hk_macao_permit": 7, "taiwan_permit": 4, "passport": 6, "foreign_permanent_resident": 2}
    assert await rows(
        demo,
        "SELECT count(*) FROM (SELECT owner_id FROM ownership WHERE to_date IS NULL GROUP BY 1 HAVING count(*) = 2) x",
    ) == [(67,)]


@pytest.mark.rule("OWN-07")
@pytest.mark.rule("OWN-15")
async def test_no_number_is_kept_in_clear(demo: PooledDatabase, keyring: Keyring) -> None:
    async with demo.session() as session:
        phones = (await session.scalars(select(OwnerPhone))).all()
        owners = (await session.scalars(select(Owner).where(Owner.id.in_(select(OwnerPhone.owner_id))))).all()
    clear: set[str] = set()
    for phone in phones:
        number = keyring.decrypt(phone.number_encrypted, column=sealing.PHONE)
        assert phone.number_index == keyring.blind_index(number, column=sealing.PHONE)
        assert re.fullmatch(r"\d{3}\*{4}\d{4}|\+85[23] \*{4}\d{4}", phone.number_masked)
        clear |= {number, number.removeprefix("+"), number.removeprefix("+86")}
    for owner in owners:
        assert owner.document_encrypted is not None
        number = keyring.decrypt(owner.document_encrypted, column=sealing.DOCUMENT)
        assert owner.document_index == keyring.blind_index(number, column=sealing.DOCUMENT)
        assert owner.document_masked is not None
        assert "*" * (len(number) - 2) in owner.document_masked
        clear.add(number)
    assert len(clear) > 7000
    for table in metadata.sorted_tables:
        columns = [f'"{column.name}"' for column in table.c if isinstance(column.type, (String, JSONB, ARRAY))]
        if not columns:
            continue
        for line in await rows(
            demo, f"SELECT row_to_json(x)::text FROM (SELECT {', '.join(columns)} FROM {table.name}) x"
        ):
            assert clear.isdisjoint(re.findall(r"\+?[0-9A-Z]{7,}", line[0])), table.name


async def test_a_caller_is_found_among_the_owners(demo: PooledDatabase, keyring: Keyring) -> None:
    found = await rows(
        demo,
        "SELECT t.caller_phone_encrypted, t.caller_phone_index, t.caller_phone_masked, count(*) FROM ticket t "
        "JOIN owner_phone p ON p.number_index = t.caller_phone_index AND p.owner_id = t.owner_id GROUP BY 1, 2, 3",
    )
    assert len(found) > 1500
    for encrypted, index, masked, _ in found[:50]:
        number = keyring.decrypt(encrypted, column=PHONE_COLUMN)
        assert keyring.blind_index(number, column=OWNER_PHONE_INDEX) == index
        assert masked[-4:] == number[-4:]


@pytest.mark.rule("ORG-28")
async def test_every_role_has_a_user(demo: PooledDatabase) -> None:
    async with demo.session() as session:
        accounts = (await session.scalars(select(Account))).all()
    staff_and_firms = set(ROLES) - {"owner"}  # owners have no account before they first log in
    assert {account.post for account in accounts} == staff_and_firms
    assert {(account.username, account.name) for account in accounts} == {
        (one.username, one.name) for one in DEMO_ACCOUNTS
    }
    assert {account.username for account in accounts if account.post == account.username} >= staff_and_firms - {
        "repair_captain",
        "contractor_representative",
    }
    assert await rows(
        demo,
        "SELECT count(*) FROM account a WHERE NOT EXISTS "
        "(SELECT FROM role_grant g WHERE g.account_id = a.id AND g.role = a.post AND g.starts_at <= :now)",
        now=NOW,
    ) == [(0,)]


@pytest.fixture
async def touched(demo: PooledDatabase) -> AsyncIterator[BoundDatabase]:
    """Give the demonstration to somebody who writes: others compare it, so nothing of it stays."""
    async with demo.engine.connect() as connection:
        transaction = await connection.begin()
        await connection.execute(text("SELECT 1"))  # the driver begins at the first statement, not by itself
        yield BoundDatabase(connection)
        await transaction.rollback()


async def test_people_and_machines_log_in(
    touched: BoundDatabase, app_shell: FastAPI, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = app_shell.state.ownercare
    monkeypatch.setattr(state, "database", touched)
    monkeypatch.setattr(state, "clock", clock)
    monkeypatch.setitem(state.parts, PrincipalCache, PrincipalCache())
    monkeypatch.setitem(state.parts, CalendarStore, CalendarStore())
    async with touched.session() as session:
        await state.parts[Desk].keys.load(session, now=clock())
        await session.commit()
    transport = httpx.ASGITransport(app=app_shell, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://ownercare.test") as client:
        for username, post in (("captain.yunqi", "repair_captain"), ("service_specialist", "service_specialist")):
            form = {"grant_type": "password", "username": username, "password": DEMO_PASSWORD}
            answer = await client.post("/v1/auth/token", data=form)
            assert answer.status_code == 200, answer.text
            headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            me = await client.get("/v1/me", headers=headers)
            assert me.json()["post"] == post
            listed = await client.get("/v1/tickets?limit=5&include_total=true", headers=headers)
            assert listed.status_code == 200, listed.text
            assert len(listed.json()["items"]) == 5
        form = {
            "grant_type": "client_credentials",
            "client_id": "call-center",
            "client_secret": CALL_CENTER_SECRET,
        }
        answer = await client.post("/v1/auth/token", data=form)
        assert answer.status_code == 200, answer.text
        assert "call_center:lookup" in answer.json()["scope"]


@pytest.mark.rule("CHN-03")
async def test_numbers_go_on_behind_the_data(demo: PooledDatabase) -> None:
    today = business_date(END)
    tables = {"TS": "ticket", "DJ": "register_entry", "KC": "site_survey", "PG": "work_order", "SP": "approval"}
    async with demo.session() as session:  # rolled back
        for kind, table in tables.items():
            last = await session.scalar(
                text(f"SELECT count(*) FROM {table} WHERE number LIKE :day"), {"day": f"{kind}-{today:%Y%m%d}-%"}
            )
            assert await next_number(session, kind=kind, day=today) == f"{kind}-{today:%Y%m%d}-{(last or 0) + 1:04d}"
        for kind in KINDS:
            assert await next_number(session, kind=kind, day=date(2026, 11, 21)) == f"{kind}-20261121-0001"
        drawn = [await next_number(session, kind="TS", day=date(2026, 11, 3)) for _ in range(3)]
        known = await session.scalars(text("SELECT number FROM ticket").columns(number=Text()))
        assert not set(drawn) & set(known)
