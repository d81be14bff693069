"""A group, a region, a project with homes, its policy in force, and the working calendar."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.ids import uuid7
from ownercare_api.deadlines import calendars
from ownercare_api.demo.policy import DEMO_POLICY
from ownercare_api.identity.principal import Grant, Principal, PrincipalKind, Reach
from ownercare_api.policies import service as policies
from ownercare_api.policies.models import PolicyLevel
from ownercare_api.policies.service import ProjectPlace, ProjectTree, Snapshot
from ownercare_api.properties.models import Building, Company, CompanyLevel, Project, Unit
from ownercare_api.properties.service import policy_places

HEAD_OFFICE = Principal(
    kind=PrincipalKind.STAFF,
    id=UUID(int=1),
    name="集团客服管理中心",
    grants=(Grant("general_manager", frozenset({"policies:publish"}), Reach(everywhere=True)),),
)
"""Who published the policy before a test begins."""


@dataclass
class Org:
    """What one project stands on; `snapshot` is its policy in force now."""

    group: Company
    region: Company
    project: Project
    building: Building
    units: list[Unit]
    snapshot: Snapshot


async def make_org(
    session: AsyncSession,
    *,
    now: datetime,
    values: Mapping[str, Any] | None = None,
    name: str = "云栖雅苑",
    region: Company | None = None,
    units: int = 2,
    delivered_on: date | None = date(2025, 6, 30),
) -> Org:
    """Make a project with homes, under a new region unless one is given.

    `values` were published for the group a year ago: the complete demo policy unless given; `{}` publishes nothing and
    leaves the factory values. Several projects of one test share the group's policy. The calendar is seeded.
    """
    await calendars.seed(session, now=now)
    group, region = await _companies(session, region=region)
    project = Project(
        id=uuid7(),
        region_id=region.id,
        code=f"XM-{uuid7().hex[-8:]}",
        name=name,
        city="杭州",
        address="杭州市西湖区云栖路1号",
        has_sales_office=True,
    )
    session.add(project)
    await session.flush()
    building = Building(id=uuid7(), project_id=project.id, name="3栋", floors=18)
    session.add(building)
    await session.flush()
    homes = [
        Unit(
            id=uuid7(),
            project_id=project.id,
            building_id=building.id,
            number=f"1-{12 + floor}03",
            address=f"{name} 3栋 1单元 {12 + floor}03室",
            floor=12 + floor,
            house_type="三室两厅",
            purchase_batch="一期",
            area_cm2=895_300,
            delivered_on=delivered_on,
            moved_in_on=delivered_on,
        )
        for floor in range(units)
    ]
    session.add_all(homes)
    await session.flush()
    snapshot = await _policy(session, project=project, values=dict(DEMO_POLICY if values is None else values), now=now)
    return Org(group=group, region=region, project=project, building=building, units=homes, snapshot=snapshot)


async def _companies(session: AsyncSession, *, region: Company | None) -> tuple[Company, Company]:
    if region is not None:
        assert region.parent_id is not None
        return await session.get_one(Company, region.parent_id), region
    group = Company(id=uuid7(), level=CompanyLevel.GROUP, code=f"JT-{uuid7().hex[-8:]}", name="云栖集团")
    session.add(group)
    await session.flush()
    region = Company(
        id=uuid7(), level=CompanyLevel.REGION, parent_id=group.id, code=f"QY-{uuid7().hex[-8:]}", name="浙江区域公司"
    )
    session.add(region)
    await session.flush()
    return group, region


async def _policy(session: AsyncSession, *, project: Project, values: dict[str, Any], now: datetime) -> Snapshot:
    long_ago = now - timedelta(days=365)
    here = ProjectPlace(project_id=project.id, region_id=project.region_id)
    await policies.open_project(session, place=here, now=long_ago)
    found = await policies.in_force(session, project_id=project.id, at=now)
    if any(key not in found.sources or found.values[key] != value for key, value in values.items()):
        await policies.publish(
            session,
            level=PolicyLevel.GROUP,
            target_id=None,
            values=values,
            effective_from=long_ago,
            reason="发布集团客服政策值",
            tree=ProjectTree(places=policy_places),
            actor=HEAD_OFFICE,
            now=long_ago,
        )
        found = await policies.in_force(session, project_id=project.id, at=now)
    return found
