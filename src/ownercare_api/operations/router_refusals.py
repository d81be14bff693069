"""The catalogue of error codes over HTTP; needs no login: it says nothing about anybody."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.operations import refusals
from ownercare_api.operations.schemas import RefusalRead

router = APIRouter(prefix="/problems", tags=["operations"], route_class=OwnerCareRoute)

_DAY = "public, max-age=86400"


@router.get(
    "",
    operation_id="problems_list",
    summary="Every error code (错误代码一览)",
    response_model=list[RefusalRead],
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def problems_list(response: Response) -> tuple[RefusalRead, ...]:
    """All codes with their causes in both languages, for client developers: generate texts and tests from it."""
    response.headers["Cache-Control"] = _DAY
    return refusals.catalogue()


@router.get(
    "/{code}",
    operation_id="problems_read",
    summary="What an error code means (错误代码说明)",
    response_model=list[RefusalRead],
    responses=problems(refusals.RefusalNotFound),
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def problems_read(
    response: Response, code: Annotated[str, Path(pattern=r"^[a-z0-9_]{1,80}$", examples=["wrong_status"])]
) -> list[RefusalRead]:
    """Where the `type` of a problem document leads; several entries where rooms word a code differently."""
    found = refusals.meanings(code)
    response.headers["Cache-Control"] = _DAY
    return found
