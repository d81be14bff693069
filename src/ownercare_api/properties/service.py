"""What other rooms ask of the property room, and what its own use cases share."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.errors import NotFound
from ownercare_api.identity.principal import Principal
from ownercare_api.policies.models import PolicyLevel
from ownercare_api.policies.service import PolicyTargetNotFound, ProjectPlace
from ownercare_api.properties import repository
from ownercare_api.properties.models import Company, CompanyLevel, Project, Unit

READ, WRITE = "properties:read", "properties:write"


class ProjectNotFound(NotFound):
    """404: no such project, or not visible."""

    code = "project_not_found"
    zh, en = "项目不存在,或您无权查看。", "The project does not exist, or you may not see it."


class UnitNotFound(NotFound):
    """404: no such home, or not visible."""

    code = "unit_not_found"
    zh, en = "房屋不存在,或您无权查看。", "The home does not exist, or you may not see it."


ProjectsOfFirms = Callable[[AsyncConnection | AsyncSession, Collection[UUID]], Awaitable[frozenset[UUID]]]


@dataclass(frozen=True, slots=True)
class FirmDirectory:
    """Hook that `app` plugs in: the projects that partner firms work in, for the sight of their users."""

    projects_of_firms: ProjectsOfFirms


async def projects_of_regions(connection: AsyncConnection | AsyncSession, regions: Collection[UUID]) -> frozenset[UUID]:
    """Return the projects of some regional companies; identity's directory asks it."""
    return await repository.projects_of_regions(connection, regions)


async def places(
    connection: AsyncConnection | AsyncSession, *, principal: Principal, firms: FirmDirectory, scope: str = READ
) -> repository.Places:
    """Return the projects that a caller may look at, None meaning all; asks the database for users of firms only."""
    reach = principal.reach(scope)
    if reach.everywhere:
        return None
    if not reach.firms:
        return reach.projects
    return reach.projects | await firms.projects_of_firms(connection, reach.firms)


async def unit(connection: AsyncConnection | AsyncSession, *, unit_id: UUID) -> Any:
    """Return a home as a row of `repository.UNIT` with `project_name`, whoever asks; raises `UnitNotFound`."""
    found = await repository.unit(connection, unit_id=unit_id, places=None)
    if found is None:
        raise UnitNotFound
    return found


async def lock_unit(session: AsyncSession, *, unit_id: UUID) -> Unit:
    """Return a home locked for change, whoever asks; raises `UnitNotFound`."""
    found = await session.get(Unit, unit_id, with_for_update={"key_share": True}, populate_existing=True)
    if found is None:
        raise UnitNotFound
    return found


def may_look(principal: Principal, *, project_id: UUID) -> bool:
    """Say whether one who changes things in this room may know of a project's."""
    return principal.may(READ, project_id=project_id) or principal.may(WRITE, project_id=project_id)


async def unit_for_change(session: AsyncSession, *, unit_id: UUID, principal: Principal) -> Unit:
    """Return a home locked for change; raises `UnitNotFound` out of sight and `OutOfReach` in sight only."""
    found = await lock_unit(session, unit_id=unit_id)
    if not may_look(principal, project_id=found.project_id):
        raise UnitNotFound
    principal.require(WRITE, project_id=found.project_id)
    return found


async def policy_places(
    connection: AsyncConnection | AsyncSession, level: PolicyLevel, target_id: UUID | None
) -> list[ProjectPlace]:
    """Return the projects that a policy level reaches; the policy room's `ProjectTree` asks it.

    Raises `PolicyTargetNotFound` for a region or project that there is not.
    """
    query = select(Project.id, Project.region_id).order_by(Project.id)
    if level is PolicyLevel.REGION:
        region = select(Company.id).where(Company.id == target_id, Company.level == CompanyLevel.REGION)
        if (await connection.execute(region)).one_or_none() is None:
            raise PolicyTargetNotFound
        query = query.where(Project.region_id == target_id)
    if level is PolicyLevel.PROJECT:
        query = query.where(Project.id == target_id)
    found = [ProjectPlace(project_id=row.id, region_id=row.region_id) for row in await connection.execute(query)]
    if level is PolicyLevel.PROJECT and not found:
        raise PolicyTargetNotFound
    return found
