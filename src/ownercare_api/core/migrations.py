"""Runs the migrations that are shipped beside the package."""

import asyncio
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from ownercare_api.core import grants
from ownercare_api.core.database import Database


def scripts_folder() -> Path:
    """Return the folder of the migration scripts: of the checkout, or of the installed package."""
    checkout = Path(__file__).resolve().parents[3] / "migrations"
    return checkout if (checkout / "env.py").is_file() else Path(str(files("ownercare_api") / "_migrations"))


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts_folder()).replace("%", "%%"))
    config.attributes["url"] = url
    return config


def upgrade(url: str, *, revision: str = "head") -> None:
    """Bring the database up to a revision and the grants up to its tables; blocks, so call it outside an event loop."""
    command.upgrade(_config(url), revision)
    asyncio.run(grants.complete(url))


def downgrade(url: str, *, revision: str) -> None:
    """Take the database back to a revision; blocks."""
    command.downgrade(_config(url), revision)


def check(url: str) -> None:
    """Raise when the tables of the code and of the migrated database differ."""
    command.check(_config(url))


def head() -> str:
    """Return the newest revision of the code."""
    found = ScriptDirectory(str(scripts_folder())).get_current_head()
    assert found is not None
    return found


async def applied(database: Database) -> str | None:
    """Return the revision that a database is at; None where it has no tables of ours."""
    async with database.reader() as connection:
        if (await connection.execute(text("SELECT to_regclass('alembic_version')"))).scalar() is None:
            return None
        found = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
        return None if found is None else str(found)
