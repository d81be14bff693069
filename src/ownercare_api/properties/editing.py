"""Use cases: names and addresses of companies, projects and buildings are corrected; codes and places in the tree stay.

What was said of a home in its own words, its address, is not changed with the names above it: contracts and letters
have it as it was.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import NotFound
from ownercare_api.identity.principal import Principal
from ownercare_api.properties.estate import BuildingNotFound, NameTaken
from ownercare_api.properties.models import Building, Company, Project
from ownercare_api.properties.service import WRITE, ProjectNotFound, may_look
from ownercare_api.timeline import service as timeline


class CompanyNotFound(NotFound):
    """404: no such company."""

    code = "company_not_found"
    zh, en = "公司不存在。", "The company does not exist."


async def company_for_change(session: AsyncSession, *, company_id: UUID, principal: Principal) -> Company:
    """Return a company locked for change; raises `CompanyNotFound`, and `OutOfReach` for less than all projects."""
    company = await session.get(Company, company_id, with_for_update={"key_share": True}, populate_existing=True)
    if company is None:
        raise CompanyNotFound
    principal.require(WRITE, project_id=None)
    return company


async def project_for_change(session: AsyncSession, *, project_id: UUID, principal: Principal) -> Project:
    """Return a project locked for change; raises `ProjectNotFound` out of sight and `OutOfReach` in sight only."""
    project = await session.get(Project, project_id, with_for_update={"key_share": True}, populate_existing=True)
    if project is None or not may_look(principal, project_id=project_id):
        raise ProjectNotFound
    principal.require(WRITE, project_id=project_id)
    return project


async def building_for_change(session: AsyncSession, *, building_id: UUID, principal: Principal) -> Building:
    """Return a building locked for change; raises `BuildingNotFound` out of sight and `OutOfReach` in sight only."""
    building = await session.get(Building, building_id, with_for_update={"key_share": True}, populate_existing=True)
    if building is None or not may_look(principal, project_id=building.project_id):
        raise BuildingNotFound
    principal.require(WRITE, project_id=building.project_id)
    return building


async def update_company(
    session: AsyncSession, *, company: Company, changes: Mapping[str, Any], principal: Principal, now: datetime
) -> None:
    """Rename a company that the caller locked for change."""
    if fields := _set(company, changes):
        company.updated_at = now
        await session.flush()
        await _record(session, "company", company.id, project_id=None, fields=fields, principal=principal, now=now)


async def update_project(
    session: AsyncSession, *, project: Project, changes: Mapping[str, Any], principal: Principal, now: datetime
) -> None:
    """Change plain fields of a project that the caller locked for change."""
    if fields := _set(project, changes):
        project.updated_at = now
        await session.flush()
        await _record(
            session, "project", project.id, project_id=project.id, fields=fields, principal=principal, now=now
        )


async def update_building(
    session: AsyncSession, *, building: Building, changes: Mapping[str, Any], principal: Principal, now: datetime
) -> None:
    """Change plain fields of a building that the caller locked for change; raises `NameTaken`."""
    wanted = changes.get("name", building.name)
    if wanted != building.name:
        same = select(Building.id).where(Building.project_id == building.project_id, Building.name == wanted)
        if await session.scalar(same) is not None:
            raise NameTaken
    if fields := _set(building, changes):
        building.updated_at = now
        await session.flush()
        await _record(
            session,
            "building",
            building.id,
            project_id=building.project_id,
            fields=fields,
            principal=principal,
            now=now,
        )


def _set(row: Any, changes: Mapping[str, Any]) -> list[str]:
    """Write what is new, and return its names in order."""
    changed = sorted(name for name, value in changes.items() if getattr(row, name) != value)
    for name in changed:
        setattr(row, name, changes[name])
    return changed


async def _record(
    session: AsyncSession,
    kind: str,
    subject_id: UUID,
    *,
    project_id: UUID | None,
    fields: list[str],
    principal: Principal,
    now: datetime,
) -> None:
    await timeline.record(
        session,
        kind=f"{kind}.updated",
        subject_kind=kind,
        subject_id=subject_id,
        actor=principal,
        now=now,
        project_id=project_id,
        data={"fields": fields},
    )
