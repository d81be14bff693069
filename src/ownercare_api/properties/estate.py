"""Use cases: projects, buildings and homes are entered and corrected."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import Conflict, FieldError, Invalid, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.policies import service as policies
from ownercare_api.properties.models import Building, Company, CompanyLevel, Project, Unit
from ownercare_api.properties.service import WRITE, ProjectNotFound, may_look
from ownercare_api.timeline import service as timeline


class BuildingNotFound(NotFound):
    """404: no such building, or not visible."""

    code = "building_not_found"
    zh, en = "楼栋不存在,或您无权查看。", "The building does not exist, or you may not see it."


class NotARegion(Invalid):
    """422: a project belongs to a regional company."""

    code = "not_a_region"
    zh, en = "项目必须隶属于区域公司。", "A project belongs to a regional company."
    rules = ("ADM-08",)

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/region_id", self.code, self.zh, self.en),))


class NameTaken(Conflict):
    """409: the code, name or number is in use already."""

    code = "name_taken"
    zh, en = "编码、名称或房号已被占用。", "That code, name or number is in use already."


class GroupExists(Conflict):
    """409: an installation serves one group."""

    code = "group_exists"
    zh, en = "集团已建立;区域公司须指明其所属集团。", "The group is there already; name it as the parent of a region."


class NotTheGroup(Invalid):
    """422: a regional company belongs to the group."""

    code = "not_the_group"
    zh, en = "parent_id 必须是集团。", "The parent must be the group."


async def open_company(
    session: AsyncSession, *, parent_id: UUID | None, code: str, name: str, principal: Principal, now: datetime
) -> Company:
    """Enter the group, which has no parent, or a regional company under it.

    Raises `OutOfReach`, `GroupExists`, `NotTheGroup`, `NameTaken`.
    """
    principal.require(WRITE, project_id=None)
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("company"))))
    group_id = await session.scalar(select(Company.id).where(Company.level == CompanyLevel.GROUP))
    if parent_id is None and group_id is not None:
        raise GroupExists
    if parent_id is not None and parent_id != group_id:
        raise NotTheGroup(errors=(FieldError("#/parent_id", NotTheGroup.code, NotTheGroup.zh, NotTheGroup.en),))
    if await session.scalar(select(Company.id).where(Company.code == code)) is not None:
        raise NameTaken
    level = CompanyLevel.GROUP if parent_id is None else CompanyLevel.REGION
    company = Company(id=uuid7(), level=level, parent_id=parent_id, code=code, name=name)
    session.add(company)
    await session.flush()
    await timeline.record(
        session,
        kind="company.opened",
        subject_kind="company",
        subject_id=company.id,
        actor=principal,
        now=now,
        rules=("ADM-08",),
        data={"code": code, "level": level.value},
    )
    return company


async def open_project(
    session: AsyncSession,
    *,
    region_id: UUID,
    code: str,
    name: str,
    city: str,
    address: str,
    has_sales_office: bool,
    principal: Principal,
    now: datetime,
) -> Project:
    """Enter a project and give it the policy of its region and group from now on (ADM-08).

    A new project is in nobody's reach yet, so the caller must reach everywhere; raises `OutOfReach`, `NotARegion`,
    `NameTaken`.
    """
    principal.require(WRITE, project_id=None)
    level = await session.scalar(select(Company.level).where(Company.id == region_id))
    if level is not CompanyLevel.REGION:
        raise NotARegion
    if await session.scalar(select(Project.id).where(Project.code == code)) is not None:
        raise NameTaken
    project = Project(
        id=uuid7(),
        region_id=region_id,
        code=code,
        name=name,
        city=city,
        address=address,
        has_sales_office=has_sales_office,
    )
    session.add(project)
    await session.flush()
    place = policies.ProjectPlace(project_id=project.id, region_id=region_id)
    await policies.open_project(session, place=place, now=now)
    await timeline.record(
        session,
        kind="project.opened",
        subject_kind="project",
        subject_id=project.id,
        actor=principal,
        now=now,
        project_id=project.id,
        rules=("ADM-08",),
        data={"code": code, "region_id": str(region_id)},
    )
    return project


async def add_building(
    session: AsyncSession, *, project_id: UUID, name: str, floors: int, principal: Principal, now: datetime
) -> Building:
    """Enter a building; raises `ProjectNotFound`, `OutOfReach`, `NameTaken`."""
    project = await session.get(Project, project_id)
    if project is None or not may_look(principal, project_id=project_id):
        raise ProjectNotFound
    principal.require(WRITE, project_id=project_id)
    same = select(Building.id).where(Building.project_id == project_id, Building.name == name)
    if await session.scalar(same) is not None:
        raise NameTaken
    building = Building(id=uuid7(), project_id=project_id, name=name, floors=floors)
    session.add(building)
    await session.flush()
    await timeline.record(
        session,
        kind="building.added",
        subject_kind="building",
        subject_id=building.id,
        actor=principal,
        now=now,
        project_id=project_id,
        data={"floors": floors},
    )
    return building


async def add_unit(
    session: AsyncSession,
    *,
    building_id: UUID,
    number: str,
    address: str | None,
    fields: Mapping[str, Any],
    principal: Principal,
    now: datetime,
) -> Unit:
    """Enter a home; `fields` are floor, house_type, purchase_batch, area_cm2.

    Raises `BuildingNotFound`, `OutOfReach`, `NameTaken`.
    """
    building = await session.get(Building, building_id)
    if building is None or not may_look(principal, project_id=building.project_id):
        raise BuildingNotFound
    principal.require(WRITE, project_id=building.project_id)
    await _number_is_free(session, building_id=building_id, number=number)
    if address is None:
        project = await session.get_one(Project, building.project_id)
        address = f"{project.name} {building.name} {number}室"
    unit = Unit(
        id=uuid7(), project_id=building.project_id, building_id=building_id, number=number, address=address, **fields
    )
    session.add(unit)
    await session.flush()
    await timeline.record(
        session,
        kind="unit.added",
        subject_kind="unit",
        subject_id=unit.id,
        actor=principal,
        now=now,
        project_id=unit.project_id,
        data={"building_id": str(building_id)},
    )
    return unit


async def update_unit(
    session: AsyncSession, *, unit: Unit, changes: Mapping[str, Any], principal: Principal, now: datetime
) -> None:
    """Change plain fields of a home that the caller locked for change; raises `NameTaken`."""
    changed = {name: value for name, value in changes.items() if getattr(unit, name) != value}
    if not changed:
        return
    if "number" in changed:
        await _number_is_free(session, building_id=unit.building_id, number=changed["number"])
    for name, value in changed.items():
        setattr(unit, name, value)
    unit.updated_at = now
    await session.flush()
    await timeline.record(
        session,
        kind="unit.updated",
        subject_kind="unit",
        subject_id=unit.id,
        actor=principal,
        now=now,
        project_id=unit.project_id,
        data={"fields": sorted(changed)},
    )


async def _number_is_free(session: AsyncSession, *, building_id: UUID, number: str) -> None:
    same = select(Unit.id).where(Unit.building_id == building_id, Unit.number == number)
    if await session.scalar(same) is not None:
        raise NameTaken
