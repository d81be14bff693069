"""The role that the application works with: it may read and write, but never change or remove what is append-only.

Which tables are append-only, the tables say themselves: those with the trigger `refuse_change` on UPDATE.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from ownercare_api.core.database import RUNTIME_ROLE, normalise_url

# 16 is the bit of UPDATE in tgtype.
_TABLES = """
SELECT c.relname AS name, t.tgname IS NOT NULL AS append_only, t.tgenabled IN ('O', 'A') AS guarded
  FROM pg_class c
  LEFT JOIN LATERAL (
      SELECT t.tgname, t.tgenabled FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
       WHERE t.tgrelid = c.oid AND p.proname = 'refuse_change' AND t.tgtype & 16 <> 0 LIMIT 1) t ON true
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
 ORDER BY c.relname
"""

# Roles belong to the whole server, so another database may be making the same one, or the same membership, just now.
_MAKE_ROLE = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{RUNTIME_ROLE}') THEN
        BEGIN
            CREATE ROLE {RUNTIME_ROLE} NOLOGIN;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN RAISE NOTICE 'may not create the role {RUNTIME_ROLE}';
        END;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{RUNTIME_ROLE}')
       AND NOT pg_has_role(current_user, '{RUNTIME_ROLE}', 'MEMBER') THEN
        BEGIN
            EXECUTE format('GRANT {RUNTIME_ROLE} TO %I', current_user);
        EXCEPTION
            WHEN duplicate_object OR unique_violation OR internal_error THEN NULL;
            WHEN insufficient_privilege THEN RAISE NOTICE 'may not become {RUNTIME_ROLE}';
        END;
    END IF;
END $$
"""  # noqa: S608 - the role's name is ours
_HAS_ROLE = text(f"SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '{RUNTIME_ROLE}')")  # noqa: S608


@dataclass(frozen=True, slots=True)
class TableGuard:
    """A table that nothing is changed in or removed from."""

    name: str
    trigger: bool
    """The trigger is there and on."""
    grants: bool
    """The application's role can't change it."""


async def complete(url: str) -> bool:
    """Make the role where that is allowed and give it its rights on every table; returns whether there is a role.

    To be called as the owner of the tables, after migrations; safe to repeat and in several databases at once.
    """
    engine = create_async_engine(normalise_url(url), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('ownercare_grants'))"))
            await connection.execute(text(_MAKE_ROLE))
            if not (await connection.execute(_HAS_ROLE)).scalar_one():
                return False
            await _grant(connection)
            return True
    finally:
        await engine.dispose()


async def _grant(connection: AsyncConnection) -> None:
    tables = (await connection.execute(text(_TABLES))).all()
    fixed = [row.name for row in tables if row.append_only]
    read = [row.name for row in tables if row.name == "alembic_version"]
    ordinary = [row.name for row in tables if row.name not in fixed and row.name not in read]
    schema = (await connection.execute(text("SELECT quote_ident(current_schema())"))).scalar_one()
    await connection.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO {RUNTIME_ROLE}"))
    await connection.execute(text(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {RUNTIME_ROLE}"))
    for rights, names in (
        ("SELECT", read),
        ("SELECT, INSERT", fixed),
        ("SELECT, INSERT, UPDATE, DELETE", ordinary),
    ):
        if names:
            listed = ", ".join(f'"{name}"' for name in names)
            await connection.execute(text(f"REVOKE ALL ON {listed} FROM {RUNTIME_ROLE}"))
            await connection.execute(text(f"GRANT {rights} ON {listed} TO {RUNTIME_ROLE}"))


async def guards(connection: AsyncConnection | AsyncSession) -> list[TableGuard]:
    """Return the append-only tables and how each is guarded; without the role no grants hold."""
    role = (await connection.execute(_HAS_ROLE)).scalar_one()
    found = []
    for row in (await connection.execute(text(_TABLES))).all():
        if not row.append_only:
            continue
        held = False
        if role:
            may = text(
                "SELECT has_table_privilege(:role, quote_ident(:name), 'UPDATE, DELETE, TRUNCATE')"
                " OR has_any_column_privilege(:role, quote_ident(:name), 'UPDATE')"
            )
            held = not (await connection.execute(may, {"role": RUNTIME_ROLE, "name": row.name})).scalar_one()
        found.append(TableGuard(name=row.name, trigger=row.guarded, grants=held))
    return found
