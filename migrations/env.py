"""Runs migrations over asyncpg; the URL comes from the caller or from DATABASE_URL."""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from ownercare_api.core.database import normalise_url
from ownercare_api.tables import metadata

config = context.config


def run(connection: Connection) -> None:
    """Run the migrations, in one transaction each."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        compare_server_default=False,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def online(url: str) -> None:
    """Connect and run."""
    engine = create_async_engine(normalise_url(url), poolclass=pool.NullPool)
    async with engine.connect() as gate, engine.connect() as connection:
        # Two processes that start together must not migrate at once: the second waits here, then finds nothing to do.
        await gate.execute(text("SELECT pg_advisory_lock(hashtext('ownercare_migrations'))"))
        await connection.execute(text("SET lock_timeout = '5s'"))
        await connection.commit()
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


given = config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(online(config.attributes.get("url") or os.environ["DATABASE_URL"]))
