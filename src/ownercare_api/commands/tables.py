"""`ownercare migrate`, as a module of its own."""

import asyncio

from alembic.util.exc import CommandError

from ownercare_api.commands.checks import check_server, settings_of_a_command
from ownercare_api.commands.console import fail, progress, say
from ownercare_api.core import grants, migrations
from ownercare_api.core.clock import system_clock
from ownercare_api.core.database import RUNTIME_ROLE, PooledDatabase
from ownercare_api.deadlines import calendars
from ownercare_api.timeline import restoring


async def _seed(url: str) -> None:
    """Put the official calendars that ship with the program, where they are absent; mend a restored database."""
    database = PooledDatabase(url, pool_size=1)
    try:
        async with database.session() as session:
            await calendars.seed(session, now=system_clock())
            await restoring.mend(session)
            await session.commit()
        async with database.reader() as connection:
            if not all(guard.grants for guard in await grants.guards(connection)):
                progress(
                    f"角色 {RUNTIME_ROLE} 不存在且无权创建,见 docs/operations.md / "
                    f"the role {RUNTIME_ROLE} is missing and may not be made"
                )
    finally:
        await database.dispose()


def main(*, revision: str, down: bool) -> None:
    """Migrate, and say where the tables are now."""
    _, url = settings_of_a_command()
    check_server(url)
    progress(f"迁移到 {revision} / migrating to {revision}")
    try:
        if down:
            migrations.downgrade(url, revision=revision)
        else:
            migrations.upgrade(url, revision=revision)
            if revision == "head":
                asyncio.run(_seed(url))
    except CommandError as error:
        fail(f"迁移失败:{error}", f"The migration failed: {error}")
    say(f"完成 / done: {migrations.head() if revision == 'head' else revision}")


if __name__ == "__main__":
    main(**globals()["ARGUMENTS"])
