"""Companies, projects, buildings and homes; delivery and occupancy; building parts and trades."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ownercare_api.core.errors import PreconditionRequired, Stale
from ownercare_api.core.http.etag import IfMatch, put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import AppState, Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.identity.access import Anyone, MissingScope
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.identity.tokens import InvalidToken
from ownercare_api.properties import estate, handover, repository, service, views
from ownercare_api.properties.access import PropertiesRead, PropertiesWrite
from ownercare_api.properties.models import Building as BuildingTable
from ownercare_api.properties.models import Company, Project, Unit
from ownercare_api.properties.parts import OWNER_WARRANTY_KEY, PART_ZH, TRADE_ZH
from ownercare_api.properties.schemas import (
    BuildingCreate,
    BuildingPartRead,
    BuildingRead,
    CompanyCreate,
    CompanyRead,
    DeliveryCreate,
    OccupancyCreate,
    OccupancyRead,
    ProjectCreate,
    ProjectRead,
    TradeRead,
    UnitCreate,
    UnitRead,
    UnitSummary,
    UnitUpdate,
)
from ownercare_api.properties.service import ProjectNotFound, UnitNotFound

router = APIRouter(prefix="/v1", tags=["properties"], route_class=OwnerCareRoute)

Search = Annotated[str | None, Query(min_length=1, max_length=100, description="a piece of the text")]
Word = Annotated[str | None, Query(min_length=1, max_length=100)]


async def _places(reader: Reader, principal: Principal, state: AppState) -> repository.Places:
    return await service.places(reader, principal=principal, firms=state.parts[service.FirmDirectory])


@router.get(
    "/companies",
    operation_id="companies_list",
    summary="The group and its regional companies (集团与区域公司)",
    response_model=PageOf[CompanyRead],
    responses=problems(InvalidToken, MissingScope, InvalidCursor),
    openapi_extra={"x-rules": ["ADM-08"]},
)
async def companies_list(principal: PropertiesRead, reader: Reader, paging: PageParams) -> Response:
    """The company tree, newest first; projects hang under the regional companies."""
    page = await newest_first(reader, query=repository.companies(), key=Company.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=views.fields)


@router.post(
    "/companies",
    operation_id="companies_create",
    summary="Enter the group or a regional company (建立集团或区域公司)",
    status_code=201,
    response_model=CompanyRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, estate.GroupExists, estate.NotTheGroup, estate.NameTaken
    ),
    openapi_extra={"x-rules": ["ADM-08"]},
)
async def companies_create(
    principal: PropertiesWrite, session: Tx, now: Now, response: Response, body: CompanyCreate
) -> CompanyRead:
    """The first company is the group; regional companies hang under it, projects under them. Needs company-wide
    reach."""
    company = await estate.open_company(session, **body.model_dump(), principal=principal, now=now)
    response.headers["Location"] = f"/v1/companies/{company.id}"
    put_version(response, company.version)
    return CompanyRead.model_validate(company)


@router.get(
    "/projects",
    operation_id="projects_list",
    summary="Projects (项目)",
    response_model=PageOf[ProjectRead],
    responses=problems(InvalidToken, MissingScope, InvalidCursor),
    openapi_extra={"x-rules": ["OWN-12", "ORG-28"]},
)
async def projects_list(
    principal: PropertiesRead,
    reader: Reader,
    state: State,
    paging: PageParams,
    region_id: Annotated[UUID | None, Query(description="of this regional company")] = None,
    q: Search = None,
) -> Response:
    """The projects in the caller's reach, newest first; `q` looks into name, code, city and address. Users of a
    partner firm see the projects that the firm works in."""
    query = repository.projects(places=await _places(reader, principal, state), region_id=region_id, q=q)
    page = await newest_first(reader, query=query, key=Project.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=views.fields)


@router.post(
    "/projects",
    operation_id="projects_create",
    summary="Enter a project (新建项目)",
    status_code=201,
    response_model=ProjectRead,
    responses=problems(InvalidToken, MissingScope, OutOfReach, estate.NotARegion, estate.NameTaken),
    openapi_extra={"x-rules": ["ADM-08"]},
)
async def projects_create(
    principal: PropertiesWrite, session: Tx, now: Now, response: Response, body: ProjectCreate
) -> ProjectRead:
    """A new project starts under the policy values of its region and group. Needs company-wide reach."""
    project = await estate.open_project(session, **body.model_dump(), principal=principal, now=now)
    response.headers["Location"] = f"/v1/projects/{project.id}"
    put_version(response, project.version)
    return ProjectRead.model_validate(project)


@router.get(
    "/projects/{project_id}",
    operation_id="projects_read",
    summary="A project (项目详情)",
    response_model=ProjectRead,
    responses=problems(InvalidToken, MissingScope, ProjectNotFound),
    openapi_extra={"x-rules": ["OWN-12"]},
)
async def projects_read(
    principal: PropertiesRead, reader: Reader, state: State, response: Response, project_id: UUID
) -> ProjectRead:
    """One project in the caller's reach."""
    places = await _places(reader, principal, state)
    row = await repository.project(reader, project_id=project_id, places=places)
    if row is None:
        raise ProjectNotFound
    put_version(response, row.version)
    return ProjectRead.model_validate(row)


@router.get(
    "/projects/{project_id}/buildings",
    operation_id="projects_buildings_list",
    summary="Buildings of a project (楼栋)",
    response_model=PageOf[BuildingRead],
    responses=problems(InvalidToken, MissingScope, ProjectNotFound, InvalidCursor),
    openapi_extra={"x-rules": ["OWN-12"]},
)
async def projects_buildings_list(
    principal: PropertiesRead, reader: Reader, state: State, paging: PageParams, project_id: UUID
) -> Response:
    """The buildings of a visible project, newest first."""
    places = await _places(reader, principal, state)
    query = repository.buildings(places=places, project_id=project_id)
    page = await newest_first(reader, query=query, key=BuildingTable.__table__.c.id, wanted=paging.wanted)
    if not page.items and await repository.project(reader, project_id=project_id, places=places) is None:
        raise ProjectNotFound
    return paging.answer(page, show=views.fields)


@router.get(
    "/projects/{project_id}/occupancy",
    operation_id="projects_occupancy_read",
    summary="Moved-in households of a project (入住情况)",
    response_model=OccupancyRead,
    responses=problems(InvalidToken, MissingScope, ProjectNotFound),
    openapi_extra={"x-rules": ["OWN-17", "CBK-03", "CBK-04", "CBK-05"]},
)
async def projects_occupancy_read(
    principal: PropertiesRead, reader: Reader, state: State, project_id: UUID
) -> OccupancyRead:
    """Counts of homes, delivered homes and moved-in households as they are now. A home counts once, whoever and
    however many own it."""
    places = await _places(reader, principal, state)
    row = await repository.occupancy(reader, project_id=project_id, places=places)
    if row is None:
        raise ProjectNotFound
    share = row.moved_in * 10_000 // row.units if row.units else 0
    return OccupancyRead(**views.fields(row), moved_in_bp=share)


@router.post(
    "/buildings",
    operation_id="buildings_create",
    summary="Enter a building (新建楼栋)",
    status_code=201,
    response_model=BuildingRead,
    responses=problems(InvalidToken, MissingScope, OutOfReach, ProjectNotFound, estate.NameTaken),
    openapi_extra={"x-rules": ["OWN-12"]},
)
async def buildings_create(
    principal: PropertiesWrite, session: Tx, now: Now, response: Response, body: BuildingCreate
) -> BuildingRead:
    """A building of a project; its name is unique there."""
    building = await estate.add_building(session, **body.model_dump(), principal=principal, now=now)
    response.headers["Location"] = f"/v1/buildings/{building.id}"
    put_version(response, building.version)
    return BuildingRead.model_validate(building)


@router.get(
    "/units",
    operation_id="units_list",
    summary="Homes (房源)",
    response_model=PageOf[UnitSummary],
    responses=problems(InvalidToken, MissingScope, InvalidCursor),
    openapi_extra={"x-rules": ["OWN-12", "OWN-17", "SUR-04"]},
)
async def units_list(
    principal: PropertiesRead,
    reader: Reader,
    state: State,
    paging: PageParams,
    project_id: UUID | None = None,
    building_id: UUID | None = None,
    house_type: Word = None,
    purchase_batch: Word = None,
    occupied: Annotated[bool | None, Query(description="true: moved in; false: nobody lives there")] = None,
    q: Search = None,
) -> Response:
    """The homes in the caller's reach, newest first; `q` looks into number and address."""
    wanted = {
        "project_id": project_id,
        "building_id": building_id,
        "house_type": house_type,
        "purchase_batch": purchase_batch,
    }
    query = repository.units(
        places=await _places(reader, principal, state),
        filters={name: value for name, value in wanted.items() if value is not None},
        occupied=occupied,
        q=q,
    )
    page = await newest_first(reader, query=query, key=Unit.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=views.fields)


@router.post(
    "/units",
    operation_id="units_create",
    summary="Enter a home (新建房源)",
    status_code=201,
    response_model=UnitRead,
    responses=problems(InvalidToken, MissingScope, OutOfReach, estate.BuildingNotFound, estate.NameTaken),
    openapi_extra={"x-rules": ["OWN-12"]},
)
async def units_create(
    principal: PropertiesWrite, session: Tx, now: Now, response: Response, body: UnitCreate
) -> UnitRead:
    """A home of a building; its number is unique there. Delivery and occupancy are recorded later, as steps."""
    unit = await estate.add_unit(
        session,
        building_id=body.building_id,
        number=body.number,
        address=body.address,
        fields=body.model_dump(include={"floor", "house_type", "purchase_batch", "area_cm2"}),
        principal=principal,
        now=now,
    )
    response.headers["Location"] = f"/v1/units/{unit.id}"
    return await _answer(session, response, unit_id=unit.id, principal=principal)


@router.get(
    "/units/{unit_id}",
    operation_id="units_read",
    summary="A home (房源详情)",
    response_model=UnitRead,
    responses=problems(InvalidToken, MissingScope, UnitNotFound),
    openapi_extra={"x-rules": ["OWN-12", "OWN-14", "OWN-17"]},
)
async def units_read(
    principal: PropertiesRead, reader: Reader, state: State, response: Response, unit_id: UUID
) -> UnitRead:
    """One home, with links to its owners and tickets, which have permissions of their own."""
    row = await repository.unit(reader, unit_id=unit_id, places=await _places(reader, principal, state))
    if row is None:
        raise UnitNotFound
    put_version(response, row.version)
    return views.full(row, principal=principal)


@router.patch(
    "/units/{unit_id}",
    operation_id="units_update",
    summary="Correct a home's plain fields (修改房源资料)",
    response_model=UnitRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, UnitNotFound, estate.NameTaken, Stale, PreconditionRequired
    ),
    openapi_extra={"x-rules": ["OWN-04"]},
)
async def units_update(
    principal: PropertiesWrite, session: Tx, now: Now, response: Response, if_match: IfMatch, unit_id: UUID,
    body: UnitUpdate,
) -> UnitRead:  # fmt: skip
    """JSON Merge Patch of number, address, floor, house type, batch and area. Delivery and occupancy are steps."""
    unit = await service.unit_for_change(session, unit_id=unit_id, principal=principal)
    if_match.check(unit.version)
    changes = body.model_dump(exclude_unset=True)
    await estate.update_unit(session, unit=unit, changes=changes, principal=principal, now=now)
    return await _answer(session, response, unit_id=unit.id, principal=principal)


@router.post(
    "/units/{unit_id}/delivery",
    operation_id="units_delivery_create",
    summary="Record acceptance and hand-over (验房交付)",
    status_code=201,
    response_model=UnitRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, UnitNotFound, handover.AlreadyDelivered, handover.NotDelivered,
        handover.WrongDay,
    ),
    openapi_extra={"x-rules": ["OWN-14", "REP-08", "SAL-07"]},
)  # fmt: skip
async def units_delivery_create(
    principal: PropertiesWrite, session: Tx, now: Now, response: Response, unit_id: UUID, body: DeliveryCreate
) -> UnitRead:
    """The owner accepts the home: the owner's warranty clock starts on that day. It happens once; a later call is
    refused unless it gives a `correction_reason`, and every record is kept."""
    await handover.deliver(session, unit_id=unit_id, **body.model_dump(), principal=principal, now=now)
    return await _answer(session, response, unit_id=unit_id, principal=principal)


@router.post(
    "/units/{unit_id}/occupancy",
    operation_id="units_occupancy_create",
    summary="Record moving in or out (登记入住)",
    status_code=201,
    response_model=UnitRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, UnitNotFound, handover.NotDelivered, handover.OccupancyUnchanged,
        handover.WrongDay,
    ),
    openapi_extra={"x-rules": ["OWN-17"]},
)  # fmt: skip
async def units_occupancy_create(
    principal: PropertiesWrite, session: Tx, now: Now, response: Response, unit_id: UUID, body: OccupancyCreate
) -> UnitRead:
    """A household moves in, not before delivery: the owner, his family, or a tenant (出租). `moved_in_on: null` says
    that it moved out: the home is vacant (空置). The history: `GET /v1/units/{unit_id}/occupancies`."""
    await handover.occupy(session, unit_id=unit_id, **body.model_dump(), principal=principal, now=now)
    return await _answer(session, response, unit_id=unit_id, principal=principal)


@router.get(
    "/building-parts",
    operation_id="building_parts_list",
    summary="Building parts with a warranty period of their own (保修部位)",
    response_model=list[BuildingPartRead],
    responses=problems(InvalidToken),
    openapi_extra={"x-rules": ["REP-08"]},
)
async def building_parts_list(principal: Anyone) -> list[BuildingPartRead]:
    """The closed list of parts that surveys, contracts and warranties name."""
    return [
        BuildingPartRead(code=part, name=name, owner_warranty_key=OWNER_WARRANTY_KEY[part])
        for part, name in PART_ZH.items()
    ]


@router.get(
    "/trades",
    operation_id="trades_list",
    summary="Trades (工种)",
    response_model=list[TradeRead],
    responses=problems(InvalidToken),
    openapi_extra={"x-rules": ["REP-05", "REP-06", "REP-14"]},
)
async def trades_list(principal: Anyone) -> list[TradeRead]:
    """The closed list of trades that surveys and workers name."""
    return [TradeRead(code=trade, name=name) for trade, name in TRADE_ZH.items()]


async def _answer(session: Tx, response: Response, *, unit_id: UUID, principal: Principal) -> UnitRead:
    row = await service.unit(session, unit_id=unit_id)
    put_version(response, row.version)
    return views.full(row, principal=principal)
