"""Who looked at an owner's data, and which partner firms got them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.transaction import Reader
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.core.wire import Outward, Ref
from ownercare_api.identity.access import MissingScope
from ownercare_api.identity.principal import PrincipalKind
from ownercare_api.identity.tokens import InvalidToken
from ownercare_api.owners import looks, service, sharing
from ownercare_api.owners.access import OwnersRead
from ownercare_api.owners.looks import Look
from ownercare_api.owners.models_sharing import SharingGround
from ownercare_api.owners.schemas import DisclosedField
from ownercare_api.owners.service import OwnerNotFound

router = APIRouter(prefix="/v1", tags=["owners"], route_class=OwnerCareRoute)


class LookRead(Outward):
    """Who looked at what, when and why."""

    id: UUID
    actor_kind: PrincipalKind
    actor_id: UUID
    actor_name: str
    department: str | None = Field(description="of the person at the time; null for machines")
    post: str | None
    look: Look
    field: DisclosedField | None = Field(description="which clear value, for a disclosure")
    purpose: str | None
    ticket_id: UUID | None
    at: datetime


class SharingRead(Outward):
    """What a partner firm was given, when, why and on which ground."""

    id: UUID
    firm: Ref
    ticket_id: UUID | None
    categories: list[str] = Field(
        description="caller_name, home_address, case_description, photographs", examples=[["caller_name"]]
    )
    ground: SharingGround = Field(description="the owner's consent, or the repair that the owner asked for")
    purpose: str = Field(examples=["派工 PG-20261120-0003"])
    at: datetime


@router.get(
    "/owners/{owner_id}/looks",
    operation_id="owners_looks_list",
    summary="Who looked at this owner's data (个人信息查看记录)",
    response_model=PageOf[LookRead],
    responses=problems(InvalidToken, MissingScope, OwnerNotFound, InvalidCursor),
    openapi_extra={"x-rules": ["OWN-07"]},
)
async def owners_looks_list(principal: OwnersRead, reader: Reader, paging: PageParams, owner_id: UUID) -> Response:
    """Every look at the record, masked or clear, newest first; the owner sees the same list. Kept for three years."""
    await service.ensure_visible(reader, owner_id=owner_id, principal=principal)
    query = looks.looks(owner_id=owner_id)
    page = await newest_first(reader, query=query, key=looks.KEY, wanted=paging.wanted)
    return paging.answer(page, show=look_fields)


@router.get(
    "/owners/{owner_id}/sharings",
    operation_id="owners_sharings_list",
    summary="Which partner firms got this owner's data (个人信息提供记录)",
    response_model=PageOf[SharingRead],
    responses=problems(InvalidToken, MissingScope, OwnerNotFound, InvalidCursor),
    openapi_extra={"x-rules": ["OWN-07"]},
)
async def owners_sharings_list(principal: OwnersRead, reader: Reader, paging: PageParams, owner_id: UUID) -> Response:
    """Every case that was passed to a partner firm, newest first: from then on the firm's people and systems see the
    case and nothing else of the owner (PIPL art. 23). The owner sees the same list."""
    await service.ensure_visible(reader, owner_id=owner_id, principal=principal)
    query = sharing.sharings(owner_id=owner_id)
    page = await newest_first(reader, query=query, key=sharing.KEY, wanted=paging.wanted)
    return paging.answer(page, show=sharing_fields)


def sharing_fields(row: Any) -> dict[str, Any]:
    """Return the fields of `SharingRead` for a row of `sharing.sharings`."""
    return {
        "id": row.id,
        "firm": {"id": row.firm_id, "name": row.firm_name},
        "ticket_id": row.ticket_id,
        "categories": row.categories,
        "ground": row.ground,
        "purpose": row.purpose,
        "at": row.at,
    }


def look_fields(row: Any) -> dict[str, Any]:
    """Return the fields of `LookRead` for a row of `looks.looks`."""
    return dict(row._mapping)
