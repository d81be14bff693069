"""Background work of the privacy room."""

from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.jobs import AnyHandler, LongHandler
from ownercare_api.owners import looks
from ownercare_api.policies import service as policies
from ownercare_api.policies.catalogue import FACTORY
from ownercare_api.privacy import copies
from ownercare_api.privacy.execution import Parts, execute
from ownercare_api.privacy.requests import EXECUTE
from ownercare_api.properties.models import Project

_LOG_DAYS, _LEAST_DAYS = "privacy.log_days", 1095


async def tidy(session: AsyncSession, *, now: datetime) -> None:
    """Now and then: delete looks older than `privacy.log_days` and copies that have expired."""
    days = [int(FACTORY[_LOG_DAYS]), _LEAST_DAYS]
    for project_id in await session.scalars(select(Project.id)):
        with suppress(policies.NoPolicy):
            days.append((await policies.in_force(session, project_id=project_id, at=now)).integer(_LOG_DAYS))
    # A look may name owners of several projects: it stays for as long as the longest of them wants.
    await looks.forget(session, before=now - timedelta(days=max(days), hours=1))
    await copies.expire(session, now=now)


def handlers(parts: Parts) -> dict[str, AnyHandler]:
    """Return the handlers of the room's jobs."""
    return {EXECUTE: LongHandler(partial(execute, parts=parts))}
