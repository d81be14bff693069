"""What is append-only stays so: the application's role lacks the right, and triggers stop whoever has it."""

import asyncio
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs
from tests.conftest import _sql
from tests.timeline.sealed import rows, write

from ownercare_api.core import grants
from ownercare_api.core.database import RUNTIME_ROLE, PooledDatabase
from ownercare_api.tables import metadata

FIXED = (
    "account_hand",
    "audit_checkpoint",
    "audit_link",
    "audit_verification",
    "contractor_reply",
    "denial",
    "disclosure",
    "dispute_resolution",
    "event",
    "ledger_entry",
    "ledger_posting",
    "owner_look",
)


def changes(table: str) -> dict[str, str]:
    column = next(one.name for one in metadata.tables[table].columns if one.identity is None)
    return {
        "update": f'UPDATE {table} SET "{column}" = "{column}"',
        "delete": f"DELETE FROM {table}",
        "truncate": f"TRUNCATE {table} CASCADE",
        "merge": f"MERGE INTO {table} t USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
        "disable": f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        "drop": f"DROP TABLE {table} CASCADE",
        "lock": f"SELECT * FROM {table} FOR UPDATE",
    }


async def test_every_append_only_table_is_guarded(committed: PooledDatabase) -> None:
    async with committed.reader() as connection:
        found = await grants.guards(connection)
    assert {guard.name for guard in found} >= set(FIXED)
    assert [guard.name for guard in found if not (guard.trigger and guard.grants)] == []


@pytest.mark.rule("CMP-14")
@pytest.mark.rule("FIN-09")
@pytest.mark.parametrize("table", FIXED)
async def test_the_application_has_no_right_to_change_it(committed: PooledDatabase, table: str) -> None:
    await write(committed, events=2, denials=1)
    async with committed.reader() as connection:
        before = await rows(connection, "SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM denial)")
    for statement in changes(table).values():
        async with committed.session() as session:
            with pytest.raises(DBAPIError) as refused:
                await session.execute(text(statement))
        assert refused.value.orig is not None
        assert getattr(refused.value.orig, "sqlstate", None) == "42501", statement
        async with committed.driver() as driver:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await driver.fetch(statement)
    async with committed.reader() as connection:
        assert await rows(connection, "SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM denial)") == before


@pytest.mark.parametrize("table", FIXED)
async def test_triggers_stop_the_owner_too(committed: PooledDatabase, superuser: AsyncEngine, table: str) -> None:
    await write(committed, events=1, denials=1)
    wanted = changes(table)
    # Looks have triggers by row: see below.
    for name in ("truncate",) if table in ("disclosure", "owner_look") else ("update", "delete", "truncate"):
        async with superuser.connect() as connection:
            with pytest.raises(DBAPIError, match="append-only"):
                await connection.execute(text(wanted[name]))


@pytest.mark.rule("OWN-07")
async def test_looks_stay_for_three_years_and_then_go(committed: PooledDatabase, superuser: AsyncEngine) -> None:
    insert = (
        "INSERT INTO owner_look (id, owner_ids, actor_kind, actor_id, actor_name, look, at) SELECT gen_random_uuid(),"
        " '{}', 'staff', gen_random_uuid(), '周', 'record', now() - make_interval(days => age) + interval '1 minute'"
        " FROM unnest(ARRAY[0, 1, 1094, 1095, 1096, 4000]) age"
    )
    async with committed.session() as session:
        await session.execute(text(insert))
        await session.commit()
    for statement, refusal in (
        ("DELETE FROM owner_look", "kept for 1095 days"),
        ("UPDATE owner_look SET actor_name = '别人'", "append-only"),
    ):
        async with superuser.connect() as connection:
            with pytest.raises(DBAPIError, match=refusal):
                await connection.execute(text(statement))
    async with committed.session() as session:
        with pytest.raises(DBAPIError, match="1095 days"):
            await session.execute(text("SELECT forget_looks(now())"))
    async with committed.session() as session:
        await session.execute(text("SELECT forget_looks(now() - interval '1095 days')"))
        await session.commit()
    async with committed.reader() as connection:
        assert (await rows(connection, "SELECT count(*) FROM owner_look"))[0][0] == 4


async def test_every_other_table_can_be_worked_with(committed: PooledDatabase) -> None:
    lacking = []
    async with committed.reader() as connection:
        fixed = {guard.name for guard in await grants.guards(connection)}
        for table in metadata.tables:
            rights = "SELECT, INSERT" if table in fixed else "SELECT, INSERT, UPDATE, DELETE"
            for right in rights.split(", "):
                query = "SELECT has_table_privilege(current_user, :table, :right)"
                if not (await rows(connection, query, table=table, right=right))[0][0]:
                    lacking.append(f"{right} {table}")
        assert (await rows(connection, "SELECT current_user, next_number('TS', '2026-11-20')"))[0][0] == RUNTIME_ROLE
    assert lacking == []


async def test_resetting_the_role_leads_back_to_it(committed: PooledDatabase) -> None:
    async with committed.reader() as connection:
        await connection.execute(text("RESET ROLE"))
        assert (await rows(connection, "SELECT current_user"))[0][0] == RUNTIME_ROLE
    async with committed.driver() as driver:
        assert (await driver.fetch("SELECT current_user"))[0][0] == RUNTIME_ROLE


async def test_without_the_role_it_works_as_the_login_and_says_so(committed: PooledDatabase) -> None:
    database = PooledDatabase(committed.engine.url, pool_size=2, role="no_such_role")
    with capture_logs() as logs:
        async with database.reader() as connection:
            assert (await rows(connection, "SELECT current_user"))[0][0] == "ownercare"
        async with database.driver() as driver:
            assert (await driver.fetch("SELECT current_user"))[0][0] == "ownercare"
    await database.dispose()
    assert [entry["event"] for entry in logs] == ["database.without_role"]


async def test_a_login_of_the_application_s_own(committed: PooledDatabase, worker_id: str) -> None:
    """As docs/operations.md has it: the login is a member of the role and owns nothing."""
    url, name = committed.engine.url, f"api_{worker_id}"
    await _sql(
        url.render_as_string(hide_password=False),
        f"DROP ROLE IF EXISTS {name}",
        f"CREATE ROLE {name} LOGIN PASSWORD 'x' IN ROLE {RUNTIME_ROLE}",
    )
    database = PooledDatabase(url.set(username=name, password="x"), pool_size=1, role=RUNTIME_ROLE)
    await write(database, events=1)
    for statement in ("SET ROLE NONE", "SET SESSION AUTHORIZATION DEFAULT", "RESET ROLE"):
        async with database.session() as session:
            await session.execute(text(statement))
            with pytest.raises(DBAPIError, match="permission denied"):
                await session.execute(text("DELETE FROM event"))
    await database.dispose()
    await _sql(url.render_as_string(hide_password=False), f"DROP ROLE {name}")


async def test_grants_are_completed_again_and_by_several_at_once(
    committed: PooledDatabase, superuser: AsyncEngine
) -> None:
    async with superuser.begin() as connection:
        await connection.execute(text(f"GRANT ALL ON event, denial TO {RUNTIME_ROLE}"))
        await connection.execute(text(f"GRANT UPDATE (actor_name) ON event TO {RUNTIME_ROLE}"))
        await connection.execute(text("CREATE TABLE later (id int)"))
        await connection.execute(text("ALTER TABLE audit_link DISABLE TRIGGER audit_link_append_only"))
    async with committed.reader() as connection:
        found = {guard.name: guard for guard in await grants.guards(connection)}
    assert (found["event"].grants, found["denial"].grants, found["audit_link"].trigger) == (False, False, False)
    url = committed.engine.url.render_as_string(hide_password=False)
    assert await asyncio.gather(*(grants.complete(url) for _ in range(4))) == [True] * 4
    async with committed.session() as session:
        await session.execute(text("DELETE FROM later"))
        found = {guard.name: guard for guard in await grants.guards(session)}
    assert (found["event"].grants, found["denial"].grants) == (True, True)


async def test_an_owner_who_may_not_make_roles(committed: PooledDatabase, worker_id: str) -> None:
    """Migrations end well where the role was made by an administrator, and where there is none."""
    name, plain = f"owner_{worker_id}", f"plain_{worker_id}"
    url = committed.engine.url
    server = url.render_as_string(hide_password=False)
    await _sql(
        server,
        f"DROP DATABASE IF EXISTS {plain}",
        f"DROP ROLE IF EXISTS {name}",
        f"CREATE ROLE {name} LOGIN PASSWORD 'x' IN ROLE {RUNTIME_ROLE}",
        f"CREATE DATABASE {plain} OWNER {name}",
    )
    own = url.set(username=name, password="x", database=plain).render_as_string(hide_password=False)
    connection: Any = await asyncpg.connect(own.replace("+asyncpg", ""))
    await connection.execute("CREATE TABLE thing (id int)")
    assert await grants.complete(own) is True
    assert await connection.fetchval(f"SELECT has_table_privilege('{RUNTIME_ROLE}', 'thing', 'DELETE')") is True
    await connection.close()
    await _sql(server, f"DROP DATABASE {plain} WITH (FORCE)", f"DROP ROLE {name}")
