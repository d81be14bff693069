"""What happened to a home: hand-overs, and who lived there when."""

from uuid import UUID

from fastapi import APIRouter, Response

from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import AppState, State
from ownercare_api.core.http.transaction import Reader
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.identity.access import MissingScope
from ownercare_api.identity.principal import Principal
from ownercare_api.identity.tokens import InvalidToken
from ownercare_api.properties import repository, service, views
from ownercare_api.properties.access import PropertiesRead
from ownercare_api.properties.models import UnitDelivery
from ownercare_api.properties.models_occupancy import UnitOccupancy
from ownercare_api.properties.schemas import DeliveryRead, OccupancyRecordRead
from ownercare_api.properties.service import UnitNotFound

router = APIRouter(prefix="/v1/units/{unit_id}", tags=["properties"], route_class=OwnerCareRoute)


@router.get(
    "/deliveries",
    operation_id="units_deliveries_list",
    summary="Hand-overs of a home (验收交接记录)",
    response_model=PageOf[DeliveryRead],
    responses=problems(InvalidToken, MissingScope, UnitNotFound, InvalidCursor),
    openapi_extra={"x-rules": ["OWN-14"]},
)
async def units_deliveries_list(
    principal: PropertiesRead, reader: Reader, state: State, paging: PageParams, unit_id: UUID
) -> Response:
    """The record of acceptance and hand-over and its corrections, newest first: day, content, material, recorder."""
    await _visible(reader, state, principal, unit_id)
    query = repository.deliveries(unit_id=unit_id)
    page = await newest_first(reader, query=query, key=UnitDelivery.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=views.fields)


@router.get(
    "/occupancies",
    operation_id="units_occupancies_list",
    summary="Who lived in a home when (入住历史)",
    response_model=PageOf[OccupancyRecordRead],
    responses=problems(InvalidToken, MissingScope, UnitNotFound, InvalidCursor),
    openapi_extra={"x-rules": ["OWN-17"]},
)
async def units_occupancies_list(
    principal: PropertiesRead, reader: Reader, state: State, paging: PageParams, unit_id: UUID
) -> Response:
    """The households' times in a home, newest first; without an open one the home is vacant (空置)."""
    await _visible(reader, state, principal, unit_id)
    query = repository.occupancies(unit_id=unit_id)
    page = await newest_first(reader, query=query, key=UnitOccupancy.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=views.fields)


async def _visible(reader: Reader, state: AppState, principal: Principal, unit_id: UUID) -> None:
    places = await service.places(reader, principal=principal, firms=state.parts[service.FirmDirectory])
    if await repository.unit(reader, unit_id=unit_id, places=places) is None:
        raise UnitNotFound
