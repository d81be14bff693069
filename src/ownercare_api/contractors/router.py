"""Partner firms and construction contracts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ownercare_api.contractors import contracts, firms, repository, views
from ownercare_api.contractors.access import ContractorsRead, ContractorsWrite
from ownercare_api.contractors.models import ConstructionContract, Firm, FirmKind
from ownercare_api.contractors.schemas import (
    ContractCreate,
    ContractRead,
    FirmCreate,
    FirmProjectsReplace,
    FirmRead,
    FirmUpdate,
)
from ownercare_api.contractors.service import (
    ContractNotFound,
    FirmInactive,
    FirmNotFound,
    PartnerNameTaken,
    WrongFirmKind,
)
from ownercare_api.core.errors import PreconditionRequired, Stale
from ownercare_api.core.http.etag import IfMatch, put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.identity.access import MissingScope
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.identity.tokens import InvalidToken
from ownercare_api.policies.service import NoPolicy
from ownercare_api.properties.parts import BuildingPart
from ownercare_api.properties.service import ProjectNotFound

router = APIRouter(prefix="/v1", tags=["contractors"], route_class=OwnerCareRoute)


@router.get(
    "/firms",
    operation_id="firms_list",
    summary="Partner firms (合作单位)",
    response_model=PageOf[FirmRead],
    responses=problems(InvalidToken, MissingScope, InvalidCursor),
    openapi_extra={"x-rules": ["ORG-23", "REP-09"]},
)
async def firms_list(
    principal: ContractorsRead,
    reader: Reader,
    paging: PageParams,
    kind: FirmKind | None = None,
    active: bool | None = None,
    account_change_open: Annotated[
        bool | None, Query(description="true: a change of its bank account waits for confirmation")
    ] = None,
    q: Annotated[str | None, Query(min_length=1, max_length=100, description="a piece of name or credit code")] = None,
) -> Response:
    """Contractors (施工单位) and property companies (物业公司), newest first. Users of a firm see their own only."""
    query = repository.firms(principal, kind=kind, active=active, account_change_open=account_change_open, q=q)
    page = await newest_first(reader, query=query, key=Firm.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=views.plain)


@router.post(
    "/firms",
    operation_id="firms_create",
    summary="Enter a partner firm (新增合作单位)",
    status_code=201,
    response_model=FirmRead,
    responses=problems(InvalidToken, MissingScope, OutOfReach, PartnerNameTaken),
    openapi_extra={"x-rules": ["ORG-23", "REP-09"]},
)
async def firms_create(
    principal: ContractorsWrite, session: Tx, state: State, now: Now, response: Response, body: FirmCreate
) -> FirmRead:
    """Name and unified social credit code are unique. The telephone number is encrypted at once and shown masked ever
    after. The bank account is entered afterwards and confirmed by a second person: `…/bank-account-changes`. Needs
    company-wide reach."""
    given = body.model_dump(exclude_unset=True)
    firm = await firms.register(session, **given, keyring=state.keyring, principal=principal, now=now)
    response.headers["Location"] = f"/v1/firms/{firm.id}"
    return await _firm(session, response, firm_id=firm.id, principal=principal)


@router.get(
    "/firms/{firm_id}",
    operation_id="firms_read",
    summary="A partner firm (合作单位详情)",
    response_model=FirmRead,
    responses=problems(InvalidToken, MissingScope, FirmNotFound),
    openapi_extra={"x-rules": ["ORG-23"]},
)
async def firms_read(principal: ContractorsRead, reader: Reader, response: Response, firm_id: UUID) -> FirmRead:
    """One firm, with the projects that a property company serves."""
    return await _firm(reader, response, firm_id=firm_id, principal=principal)


@router.patch(
    "/firms/{firm_id}",
    operation_id="firms_update",
    summary="Change a firm's plain fields (修改合作单位)",
    response_model=FirmRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, FirmNotFound, PartnerNameTaken, Stale, PreconditionRequired
    ),
    openapi_extra={"x-rules": ["ORG-23"]},
)
async def firms_update(
    principal: ContractorsWrite, session: Tx, state: State, now: Now, response: Response, if_match: IfMatch,
    firm_id: UUID, body: FirmUpdate,
) -> FirmRead:  # fmt: skip
    """JSON Merge Patch of name, contact and activity; the credit code stays. The bank account changes by two people:
    `…/bank-account-changes`. Needs company-wide reach."""
    firm = await firms.for_change(session, firm_id=firm_id, principal=principal)
    if_match.check(firm.version)
    changes = body.model_dump(exclude_unset=True)
    await firms.update(session, firm=firm, changes=changes, keyring=state.keyring, principal=principal, now=now)
    return await _firm(session, response, firm_id=firm_id, principal=principal)


@router.put(
    "/firms/{firm_id}/projects",
    operation_id="firms_projects_update",
    summary="Set the projects a property company serves (物业服务项目)",
    response_model=FirmRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, FirmNotFound, ProjectNotFound, WrongFirmKind, firms.StillServed, Stale,
        PreconditionRequired,
    ),
    openapi_extra={"x-rules": ["ORG-23", "OWN-12"]},
)  # fmt: skip
async def firms_projects_update(
    principal: ContractorsWrite, session: Tx, now: Now, response: Response, if_match: IfMatch, firm_id: UUID,
    body: FirmProjectsReplace,
) -> FirmRead:  # fmt: skip
    """The whole list at once. A project that one of the firm's active teams serves can't be left out."""
    firm = await firms.for_change(session, firm_id=firm_id, principal=principal)
    if_match.check(firm.version)
    await firms.serve(session, firm=firm, project_ids=body.project_ids, principal=principal, now=now)
    return await _firm(session, response, firm_id=firm_id, principal=principal)


@router.get(
    "/construction-contracts",
    operation_id="construction_contracts_list",
    summary="Construction contracts (施工合同)",
    response_model=PageOf[ContractRead],
    responses=problems(InvalidToken, MissingScope, InvalidCursor),
    openapi_extra={"x-rules": ["REP-08", "FIN-11"]},
)
async def construction_contracts_list(
    principal: ContractorsRead,
    reader: Reader,
    paging: PageParams,
    firm_id: UUID | None = None,
    project_id: UUID | None = None,
    building_part: Annotated[BuildingPart | None, Query(description="with a warranty period for this part")] = None,
) -> Response:
    """Contracts of the projects in reach, newest first, with their warranty terms; a firm sees its own."""
    query = repository.contracts(principal, firm_id=firm_id, project_id=project_id, building_part=building_part)
    key = ConstructionContract.__table__.c.id
    page = await newest_first(reader, query=query, key=key, wanted=paging.wanted)
    return paging.answer(page, show=views.contract)


@router.post(
    "/construction-contracts",
    operation_id="construction_contracts_create",
    summary="Enter a construction contract (录入施工合同)",
    status_code=201,
    response_model=ContractRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, ProjectNotFound, FirmNotFound, FirmInactive, PartnerNameTaken, NoPolicy,
        WrongFirmKind, contracts.RetentionTooHigh, contracts.NotAcceptedYet, contracts.PartTwice,
    ),
    openapi_extra={"x-rules": ["REP-08", "REP-09", "FIN-11"]},
)  # fmt: skip
async def construction_contracts_create(
    principal: ContractorsWrite, session: Tx, now: Now, response: Response, body: ContractCreate
) -> ContractRead:
    """A contractor's contract for a project. Its warranty clock runs from completion acceptance, for each part;
    retention is at most what the policy in force allows, never above 3 %."""
    contract = await contracts.sign(
        session,
        **body.model_dump(exclude={"warranty_terms"}),
        terms=[(term.building_part, term.months) for term in body.warranty_terms],
        principal=principal,
        now=now,
    )
    response.headers["Location"] = f"/v1/construction-contracts/{contract.id}"
    put_version(response, contract.version)
    row = await repository.contract(session, contract_id=contract.id)
    return ContractRead.model_validate(views.contract(row))


@router.get(
    "/construction-contracts/{contract_id}",
    operation_id="construction_contracts_read",
    summary="A construction contract (施工合同详情)",
    response_model=ContractRead,
    responses=problems(InvalidToken, MissingScope, ContractNotFound),
    openapi_extra={"x-rules": ["REP-08", "FIN-11"]},
)
async def construction_contracts_read(
    principal: ContractorsRead, reader: Reader, response: Response, contract_id: UUID
) -> ContractRead:
    """One contract with its warranty terms."""
    query = repository.contracts(principal).where(ConstructionContract.id == contract_id)
    row = (await reader.execute(query)).one_or_none()
    if row is None:
        raise ContractNotFound
    put_version(response, row.version)
    return ContractRead.model_validate(views.contract(row))


async def _firm(
    connection: repository.Connection, response: Response, *, firm_id: UUID, principal: Principal
) -> FirmRead:
    row = (await connection.execute(repository.firms(principal).where(Firm.id == firm_id))).one_or_none()
    if row is None:
        raise FirmNotFound
    put_version(response, row.version)
    return FirmRead.model_validate(row)
