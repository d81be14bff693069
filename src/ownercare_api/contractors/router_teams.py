"""Repair teams and their workers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ownercare_api.contractors import repository, service, teams, views
from ownercare_api.contractors.access import ContractorsRead, ContractorsWrite
from ownercare_api.contractors.models import RepairTeam, RepairWorker
from ownercare_api.contractors.schemas import TeamCreate, TeamRead, TeamSummary, WorkerCreate, WorkerRead, WorkerUpdate
from ownercare_api.contractors.service import (
    FirmInactive,
    FirmNotFound,
    PartnerNameTaken,
    TeamNotFound,
    WorkerNotFound,
    WrongFirmKind,
)
from ownercare_api.core.errors import PreconditionRequired, Stale
from ownercare_api.core.http.etag import IfMatch, put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.identity.access import MissingScope
from ownercare_api.identity.principal import OutOfReach
from ownercare_api.identity.tokens import InvalidToken
from ownercare_api.properties.parts import Trade
from ownercare_api.properties.service import ProjectNotFound

router = APIRouter(prefix="/v1", tags=["contractors"], route_class=OwnerCareRoute)


@router.get(
    "/repair-teams",
    operation_id="repair_teams_list",
    summary="Repair teams (维修队)",
    response_model=PageOf[TeamSummary],
    responses=problems(InvalidToken, MissingScope, InvalidCursor),
    openapi_extra={"x-rules": ["ORG-23", "REP-14"]},
)
async def repair_teams_list(
    principal: ContractorsRead,
    reader: Reader,
    paging: PageParams,
    project_id: UUID | None = None,
    firm_id: UUID | None = None,
    trade: Annotated[Trade | None, Query(description="with an active worker who knows it")] = None,
) -> Response:
    """Teams that serve a project in reach, newest first; a firm sees its own."""
    query = repository.teams(principal, project_id=project_id, firm_id=firm_id, trade=trade)
    page = await newest_first(reader, query=query, key=RepairTeam.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=views.team)


@router.post(
    "/repair-teams",
    operation_id="repair_teams_create",
    summary="Form a repair team (组建维修队)",
    status_code=201,
    response_model=TeamRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, ProjectNotFound, FirmNotFound, FirmInactive, PartnerNameTaken,
        WrongFirmKind, teams.NotOfFirm, teams.FirmNotServing,
    ),
    openapi_extra={"x-rules": ["ORG-23"]},
)  # fmt: skip
async def repair_teams_create(
    principal: ContractorsWrite, session: Tx, now: Now, response: Response, body: TeamCreate
) -> TeamRead:
    """A team sits under a property company, works in projects that the company serves, and has a captain of the
    company's people, named by customer service."""
    team = await teams.form(session, **body.model_dump(), principal=principal, now=now)
    response.headers["Location"] = f"/v1/repair-teams/{team.id}"
    put_version(response, team.version)
    row = await service.team(session, team_id=team.id)
    return TeamRead.model_validate({**views.team(row), "workers": []})


@router.get(
    "/repair-teams/{team_id}",
    operation_id="repair_teams_read",
    summary="A repair team with its workers (维修队详情)",
    response_model=TeamRead,
    responses=problems(InvalidToken, MissingScope, TeamNotFound),
    openapi_extra={"x-rules": ["ORG-23", "REP-14"]},
)
async def repair_teams_read(principal: ContractorsRead, reader: Reader, response: Response, team_id: UUID) -> TeamRead:
    """One team, with its workers, their trades and skill."""
    row = (await reader.execute(repository.teams(principal).where(RepairTeam.id == team_id))).one_or_none()
    if row is None:
        raise TeamNotFound
    put_version(response, row.version)
    members = await service.workers_of(reader, team_id=team_id)
    return TeamRead.model_validate({**views.team(row), "workers": [views.worker(one) for one in members]})


@router.get(
    "/repair-workers",
    operation_id="repair_workers_list",
    summary="Repair workers (维修人员)",
    response_model=PageOf[WorkerRead],
    responses=problems(InvalidToken, MissingScope, InvalidCursor),
    openapi_extra={"x-rules": ["REP-14"]},
)
async def repair_workers_list(
    principal: ContractorsRead,
    reader: Reader,
    paging: PageParams,
    team_id: UUID | None = None,
    project_id: UUID | None = None,
    trade: Trade | None = None,
    skill_level_min: Annotated[int | None, Query(ge=1, le=5)] = None,
    active: bool | None = None,
) -> Response:
    """Workers of the visible teams, newest first: who can do this trade in this project?"""
    query = repository.workers(
        principal,
        team_id=team_id,
        project_id=project_id,
        trade=trade,
        skill_level_min=skill_level_min,
        active=active,
    )
    page = await newest_first(reader, query=query, key=RepairWorker.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=views.worker)


@router.post(
    "/repair-workers",
    operation_id="repair_workers_create",
    summary="Enter a repair worker (新增维修人员)",
    status_code=201,
    response_model=WorkerRead,
    responses=problems(InvalidToken, MissingScope, OutOfReach, TeamNotFound, teams.NotOfFirm),
    openapi_extra={"x-rules": ["REP-14"]},
)
async def repair_workers_create(
    principal: ContractorsWrite, session: Tx, now: Now, response: Response, body: WorkerCreate
) -> WorkerRead:
    """A worker of a team, with trades, skill level and years of experience."""
    worker = await teams.hire(session, **body.model_dump(), principal=principal, now=now)
    response.headers["Location"] = f"/v1/repair-workers/{worker.id}"
    put_version(response, worker.version)
    return WorkerRead.model_validate(views.worker(worker))


@router.get(
    "/repair-workers/{worker_id}",
    operation_id="repair_workers_read",
    summary="A repair worker (维修人员详情)",
    response_model=WorkerRead,
    responses=problems(InvalidToken, MissingScope, WorkerNotFound),
    openapi_extra={"x-rules": ["REP-14"]},
)
async def repair_workers_read(
    principal: ContractorsRead, reader: Reader, response: Response, worker_id: UUID
) -> WorkerRead:
    """One worker of a visible team."""
    row = (await reader.execute(repository.workers(principal).where(RepairWorker.id == worker_id))).one_or_none()
    if row is None:
        raise WorkerNotFound
    put_version(response, row.version)
    return WorkerRead.model_validate(views.worker(row))


@router.patch(
    "/repair-workers/{worker_id}",
    operation_id="repair_workers_update",
    summary="Change a repair worker (修改维修人员)",
    response_model=WorkerRead,
    responses=problems(InvalidToken, MissingScope, OutOfReach, WorkerNotFound, Stale, PreconditionRequired),
    openapi_extra={"x-rules": ["REP-14"]},
)
async def repair_workers_update(
    principal: ContractorsWrite, session: Tx, now: Now, response: Response, if_match: IfMatch, worker_id: UUID,
    body: WorkerUpdate,
) -> WorkerRead:  # fmt: skip
    """JSON Merge Patch of name, trades, skill, experience and activity."""
    worker = await teams.worker_for_change(session, worker_id=worker_id, principal=principal)
    if_match.check(worker.version)
    changes = body.model_dump(exclude_unset=True)
    await teams.update_worker(session, worker=worker, changes=changes, principal=principal, now=now)
    put_version(response, worker.version)
    return WorkerRead.model_validate(views.worker(worker))
