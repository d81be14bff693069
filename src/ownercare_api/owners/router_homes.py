"""Ownership of homes, and looks at clear values."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.idempotency import shown_once
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.identity.access import MissingScope
from ownercare_api.identity.principal import OutOfReach, Principal, Reach
from ownercare_api.identity.tokens import InvalidToken
from ownercare_api.owners import disclosures, looks, ownerships, repository, service, views
from ownercare_api.owners.access import OwnersDisclose, OwnersRead, OwnersWrite
from ownercare_api.owners.archive import PhoneNotFound
from ownercare_api.owners.filing import Contract
from ownercare_api.owners.lifecycle import FILING_LIFECYCLE
from ownercare_api.owners.looks import Look
from ownercare_api.owners.models import Disclosure
from ownercare_api.owners.ownerships import OwnershipNotFound
from ownercare_api.owners.restriction import OwnerRestricted, may_see
from ownercare_api.owners.schemas import (
    DisclosedRead,
    DisclosureCreate,
    DisclosureRead,
    OwnershipCreate,
    OwnershipEnd,
    OwnershipRead,
)
from ownercare_api.owners.service import READ, OwnerMerged, OwnerNotFound
from ownercare_api.policies.looks import QuotaSpent
from ownercare_api.properties.service import UnitNotFound

router = APIRouter(prefix="/v1", tags=["owners"], route_class=OwnerCareRoute)

_ANY = Reach(everywhere=True)


@router.post(
    "/owners/{owner_id}/ownerships",
    operation_id="owners_ownerships_create",
    summary="Record a purchase (登记购房)",
    status_code=201,
    response_model=OwnershipRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, OwnerNotFound, OwnerMerged, UnitNotFound, ownerships.UnitAlreadySold,
        ownerships.SharesExceeded, ownerships.AlreadyHolds,
    ),
    openapi_extra={"x-rules": ["OWN-01", "OWN-13"]},
)  # fmt: skip
async def owners_ownerships_create(
    principal: OwnersWrite, session: Tx, now: Now, response: Response, owner_id: UUID, body: OwnershipCreate
) -> OwnershipRead:
    """An owner acquires a home or a share of it, with the purchase contract. The shares of a home are at most 100 %
    on any day, so a home that is sold can't be sold again before the earlier ownership ends."""
    await service.owner_for_change(session, owner_id=owner_id, principal=principal)
    purchase = ownerships.Purchase(**body.model_dump())
    made, _ = await ownerships.acquire(session, owner_id=owner_id, purchase=purchase, principal=principal, now=now)
    response.headers["Location"] = f"/v1/ownerships/{made.id}"
    return await ownership_answer(session, response, ownership_id=made.id, reach=_ANY, principal=principal)


@router.get(
    "/ownerships/{ownership_id}",
    operation_id="ownerships_read",
    summary="An ownership with its contract (产权与购房合同)",
    response_model=OwnershipRead,
    responses=problems(InvalidToken, MissingScope, OwnershipNotFound),
    openapi_extra={"x-rules": ["OWN-13"]},
)
async def ownerships_read(
    principal: OwnersRead, reader: Reader, now: Now, response: Response, ownership_id: UUID
) -> OwnershipRead:
    """One owner's share of one home, with the contract record."""
    reach = principal.reach(READ)
    found = await ownership_answer(reader, response, ownership_id=ownership_id, reach=reach, principal=principal)
    await looks.record(reader, owner_ids=[found.owner.id], actor=principal, look=Look.RECORD, now=now)
    return found


@router.post(
    "/ownerships/{ownership_id}/end",
    operation_id="ownerships_end_create",
    summary="End an ownership (产权终止)",
    status_code=201,
    response_model=OwnershipRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, OwnershipNotFound, ownerships.AlreadyEnded, ownerships.EndBeforeStart
    ),
    openapi_extra={"x-rules": ["OWN-13"]},
)
async def ownerships_end_create(
    principal: OwnersWrite, session: Tx, now: Now, response: Response, ownership_id: UUID, body: OwnershipEnd
) -> OwnershipRead:
    """The home, or the share, is sold on: `to_date` is the first day without it. The record stays."""
    await ownerships.end(session, ownership_id=ownership_id, to_date=body.to_date, principal=principal, now=now)
    return await ownership_answer(session, response, ownership_id=ownership_id, reach=_ANY, principal=principal)


@router.post(
    "/owners/{owner_id}/disclosures",
    operation_id="owners_disclosures_create",
    summary="Look at a clear value for a purpose (按事由查看明文)",
    status_code=201,
    response_model=DisclosedRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, OwnerNotFound, PhoneNotFound, disclosures.NotRecorded,
        disclosures.TicketNotAbout, disclosures.TicketEnded, QuotaSpent, OwnerRestricted,
    ),
    openapi_extra={"x-rules": ["OWN-07", "OWN-15"]},
)  # fmt: skip
async def owners_disclosures_create(
    principal: OwnersDisclose, session: Tx, state: State, now: Now, request: Request, response: Response,
    owner_id: UUID, body: DisclosureCreate,
) -> DisclosedRead:  # fmt: skip
    """One telephone number, document number or home address in clear. Each look is recorded with its purpose and
    case, for the owner to see; a person has `privacy.unmask_per_hour` of them, after that 429 with `Retry-After`."""
    shown_once(request, "value")
    shown = await disclosures.disclose(
        session, owner_id=owner_id, **body.model_dump(), keyring=state.keyring, principal=principal, now=now
    )
    response.headers["Cache-Control"] = "no-store"
    record = views.disclosure(shown.record)
    return DisclosedRead(**record, value=shown.value, remaining_this_hour=shown.remaining)


@router.get(
    "/owners/{owner_id}/disclosures",
    operation_id="owners_disclosures_list",
    summary="Who looked at this owner's clear values (明文查看记录)",
    response_model=PageOf[DisclosureRead],
    responses=problems(InvalidToken, MissingScope, OwnerNotFound, InvalidCursor),
    openapi_extra={"x-rules": ["OWN-07"]},
)
async def owners_disclosures_list(
    principal: OwnersRead, reader: Reader, paging: PageParams, owner_id: UUID
) -> Response:
    """Every look, newest first: who, what, why, for which case. The values are not in it."""
    await service.ensure_visible(reader, owner_id=owner_id, principal=principal)
    query: Any = repository.disclosures(owner_id=owner_id)
    page = await newest_first(reader, query=query, key=Disclosure.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=views.disclosure)


async def ownership_answer(
    connection: repository.Connection, response: Response, *, ownership_id: UUID, reach: Reach, principal: Principal
) -> OwnershipRead:
    """Return an ownership as every operation on it answers; raises `OwnershipNotFound`."""
    row = await repository.ownership(connection, ownership_id=ownership_id, reach=reach)
    if row is None:
        raise OwnershipNotFound
    put_version(response, row.version)
    actions = FILING_LIFECYCLE.allowed(
        status=row.filing_status,
        subject=Contract.of(row, project_id=row.project_id, principal=principal),
        actor=principal,
        may=lambda scope: principal.may(scope, project_id=row.project_id),
    )
    return OwnershipRead.model_validate(views.ownership(row, allowed_actions=actions, seen=may_see(principal)))
