"""Use cases of the property room."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.properties.models import Project


async def projects_of_regions(connection: AsyncConnection | AsyncSession, regions: Collection[UUID]) -> frozenset[UUID]:
    """Return the projects of some regional companies; identity's directory asks it."""
    found = await connection.execute(select(Project.id).where(Project.region_id.in_(list(regions))))
    return frozenset(found.scalars())
