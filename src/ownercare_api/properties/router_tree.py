"""Single companies and buildings, and the correction of companies, projects and buildings."""

from uuid import UUID

from fastapi import APIRouter, Response

from ownercare_api.core.http.etag import IfMatch, put_version
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.identity.declaring import reads, updates
from ownercare_api.properties import editing, repository, service
from ownercare_api.properties.access import PropertiesRead, PropertiesWrite
from ownercare_api.properties.editing import CompanyNotFound
from ownercare_api.properties.estate import BuildingNotFound, NameTaken
from ownercare_api.properties.schemas import (
    BuildingRead,
    BuildingUpdate,
    CompanyRead,
    CompanyUpdate,
    ProjectRead,
    ProjectUpdate,
)
from ownercare_api.properties.service import ProjectNotFound

router = APIRouter(prefix="/v1", tags=["properties"], route_class=OwnerCareRoute)


@router.get(
    "/companies/{company_id}",
    **reads(
        "companies_read",
        "The group or a regional company (集团或区域公司详情)",
        CompanyNotFound,
        rules=("ADM-08",),
        model=CompanyRead,
    ),
)
async def companies_read(
    principal: PropertiesRead, reader: Reader, response: Response, company_id: UUID
) -> CompanyRead:
    """One company; who is who in the group is no secret inside it."""
    row = await repository.company(reader, company_id=company_id)
    if row is None:
        raise CompanyNotFound
    put_version(response, row.version)
    return CompanyRead.model_validate(row)


@router.patch(
    "/companies/{company_id}",
    **updates(
        "companies_update",
        "Rename a company (修改公司名称)",
        CompanyNotFound,
        rules=("ADM-08",),
        model=CompanyRead,
    ),
)
async def companies_update(
    principal: PropertiesWrite, session: Tx, now: Now, response: Response, if_match: IfMatch, company_id: UUID,
    body: CompanyUpdate,
) -> CompanyRead:  # fmt: skip
    """JSON Merge Patch of the name; code and place in the tree stay. Needs company-wide reach."""
    company = await editing.company_for_change(session, company_id=company_id, principal=principal)
    if_match.check(company.version)
    changes = body.model_dump(exclude_unset=True)
    await editing.update_company(session, company=company, changes=changes, principal=principal, now=now)
    put_version(response, company.version)
    return CompanyRead.model_validate(company)


@router.patch(
    "/projects/{project_id}",
    **updates(
        "projects_update",
        "Correct a project's plain fields (修改项目资料)",
        ProjectNotFound,
        rules=("OWN-04", "OWN-12"),
        model=ProjectRead,
    ),
)
async def projects_update(
    principal: PropertiesWrite, session: Tx, now: Now, response: Response, if_match: IfMatch, project_id: UUID,
    body: ProjectUpdate,
) -> ProjectRead:  # fmt: skip
    """JSON Merge Patch of name, city, address and sales office; code and region stay, for grants and policies hang on
    them. Addresses of homes stay as they are, and cases keep the deadlines they started with."""
    project = await editing.project_for_change(session, project_id=project_id, principal=principal)
    if_match.check(project.version)
    changes = body.model_dump(exclude_unset=True)
    await editing.update_project(session, project=project, changes=changes, principal=principal, now=now)
    put_version(response, project.version)
    return ProjectRead.model_validate(project)


@router.get(
    "/buildings/{building_id}",
    **reads(
        "buildings_read",
        "A building (楼栋详情)",
        BuildingNotFound,
        rules=("OWN-12",),
        model=BuildingRead,
    ),
)
async def buildings_read(
    principal: PropertiesRead, reader: Reader, state: State, response: Response, building_id: UUID
) -> BuildingRead:
    """One building of a project in the caller's reach."""
    places = await service.places(reader, principal=principal, firms=state.parts[service.FirmDirectory])
    row = await repository.building(reader, building_id=building_id, places=places)
    if row is None:
        raise BuildingNotFound
    put_version(response, row.version)
    return BuildingRead.model_validate(row)


@router.patch(
    "/buildings/{building_id}",
    **updates(
        "buildings_update",
        "Correct a building's plain fields (修改楼栋资料)",
        BuildingNotFound,
        NameTaken,
        rules=("OWN-04", "OWN-12"),
        model=BuildingRead,
    ),
)
async def buildings_update(
    principal: PropertiesWrite, session: Tx, now: Now, response: Response, if_match: IfMatch, building_id: UUID,
    body: BuildingUpdate,
) -> BuildingRead:  # fmt: skip
    """JSON Merge Patch of name and number of floors. Addresses of its homes stay as they are."""
    building = await editing.building_for_change(session, building_id=building_id, principal=principal)
    if_match.check(building.version)
    changes = body.model_dump(exclude_unset=True)
    await editing.update_building(session, building=building, changes=changes, principal=principal, now=now)
    put_version(response, building.version)
    return BuildingRead.model_validate(building)
