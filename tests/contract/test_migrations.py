"""The migrations go up, down and up again on a database with rows in it, and end where the models are."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from random import Random
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool
from tests.contract.scratch import database

from ownercare_api.core import migrations
from ownercare_api.core.database import normalise_url
from ownercare_api.tables import metadata

LEFTOVERS = """
    SELECT c.relkind::text || ' ' || c.relname FROM pg_class c
      WHERE c.relnamespace = 'public'::regnamespace AND c.relname !~ '^(alembic_version|pk_alembic_version)'
        AND c.relkind IN ('r', 'S', 'v', 'm', 'i', 'p')
    UNION ALL
    SELECT 'function ' || p.proname FROM pg_proc p
      WHERE p.pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'type ' || t.typname FROM pg_type t
      WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'd')
"""


@pytest.fixture
def empty(long_transactions: str) -> Iterator[str]:
    """Give an empty database."""
    with database(long_transactions, name="migrations") as url:
        yield url


def values_for(column: sa.Column[Any], parents: dict[str, dict[str, Any]]) -> list[Any]:
    """Return what may fit a column: where a foreign key points, the words of an enum, samples of its type."""
    for key in column.foreign_keys:
        parent = parents.get(key.column.table.name)
        if parent is not None:
            return [parent.get(key.column.name)]
    kind = column.type
    if isinstance(kind, sa.Enum):
        return list(kind.enum_class) if kind.enum_class else list(kind.enums)
    samples: tuple[tuple[Any, list[Any]], ...] = (
        (sa.Uuid, [UUID(int=7), UUID(int=8)]),
        (sa.Boolean, [True, False]),
        (sa.DateTime, [datetime(2026, 11, 20, 4, tzinfo=UTC), datetime(2026, 11, 21, 4, tzinfo=UTC)]),
        (sa.Date, [date(2026, 11, 20), date(2026, 11, 21)]),
        (sa.Integer, [1, 0, 2]),
        (sa.Numeric, [1, 0]),
        (sa.JSON, [{}, []]),
        (sa.ARRAY, [[]]),
        (sa.LargeBinary, [b"0123456789abcdef"]),
        (sa.String, ["示例"]),
    )
    return next((sample for shape, sample in samples if isinstance(kind, shape)), [])


def candidates(table: sa.Table, parents: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Offer rows for a table: everything filled, only what must be, then mixtures, the same at every run."""
    dice = Random(table.name)
    choices = {
        column: values
        for column in table.columns
        if column.computed is None and column.identity is None and (values := values_for(column, parents))
    }
    yield {column.name: values[0] for column, values in choices.items()}
    yield {column.name: values[0] for column, values in choices.items() if not column.nullable}
    for _ in range(60):
        yield {
            column.name: dice.choice(values)
            for column, values in choices.items()
            if not column.nullable or dice.random() < 0.6
        }


async def fill(connection: AsyncConnection) -> set[str]:
    """Put a row into every table that takes a made-up one; returns the names of the tables that did."""
    parents: dict[str, dict[str, Any]] = {}
    for table in metadata.sorted_tables:
        for row in candidates(table, parents):
            try:
                async with connection.begin_nested():
                    await connection.execute(table.insert().values(row))
            except DBAPIError:
                continue
            parents[table.name] = row
            break
    return set(parents)


def with_connection(url: str, work: Any) -> Any:
    """Run `await work(connection)` in a transaction."""

    async def go() -> Any:
        engine = create_async_engine(normalise_url(url), poolclass=NullPool)
        async with engine.begin() as connection:
            found = await work(connection)
        await engine.dispose()
        return found

    return asyncio.run(go())


async def leftovers(connection: AsyncConnection) -> list[str]:
    """List what stands in the schema besides Alembic's own table."""
    return sorted((await connection.execute(sa.text(LEFTOVERS))).scalars())


def revisions() -> list[str]:
    """Return the revisions, oldest first."""
    config = Config()
    config.set_main_option("script_location", str(migrations.scripts_folder()))
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]


@pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")
def test_up_down_and_up_again_with_rows_in_the_tables(empty: str) -> None:
    migrations.upgrade(empty)
    migrations.check(empty)
    first = with_connection(empty, leftovers)
    filled = with_connection(empty, fill)
    skipped = {table.name for table in metadata.sorted_tables} - filled
    assert len(skipped) <= len(filled) // 10, f"no made-up row fits {sorted(skipped)}"

    for revision in reversed(["base", *revisions()[:-1]]):
        migrations.downgrade(empty, revision=revision)
    assert with_connection(empty, leftovers) == []

    for revision in revisions():
        migrations.upgrade(empty, revision=revision)
    migrations.check(empty)
    assert with_connection(empty, leftovers) == first


def test_one_line_of_revisions_with_dated_names() -> None:
    files = sorted(path.name for path in (migrations.scripts_folder() / "versions").glob("*.py"))
    assert [name for name in files if not re.fullmatch(r"20\d{6}_[a-z0-9_]+\.py", name)] == []
    assert revisions()[-1] == migrations.head()
    assert len(revisions()) == len(files)


def test_upgrading_twice_changes_nothing(empty: str) -> None:
    migrations.upgrade(empty)
    first = with_connection(empty, leftovers)
    migrations.upgrade(empty)
    assert with_connection(empty, leftovers) == first
