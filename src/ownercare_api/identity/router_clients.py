"""Machine clients (接入系统) and their secrets."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.errors import PreconditionRequired, Stale
from ownercare_api.core.http.etag import IfMatch, put_version
from ownercare_api.core.http.idempotency import shown_once
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import AppState, Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.identity import authority, clients, repository_admin, views_admin
from ownercare_api.identity.access import ClientsManage, MissingScope
from ownercare_api.identity.authority import CLIENTS
from ownercare_api.identity.clients import (
    ClientActive,
    ClientDisabled,
    ClientDisablementReason,
    ClientNameTaken,
    ClientNotFound,
    ScopeNotForMachines,
    SecretNotFound,
    TooManySecrets,
    WrongTargets,
)
from ownercare_api.identity.grants import TargetNotFound
from ownercare_api.identity.models import ApiClient, ClientSecret
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.identity.schemas_clients import (
    ClientCreate,
    ClientDisablementCreate,
    ClientRead,
    ClientUpdate,
    SecretCreate,
    SecretIssued,
    SecretRead,
)
from ownercare_api.identity.surroundings import Surroundings
from ownercare_api.identity.tokens import InvalidToken

router = APIRouter(prefix="/v1", tags=["identity"], route_class=OwnerCareRoute)

_CONTENT = (OutOfReach, ScopeNotForMachines, WrongTargets, TargetNotFound, ClientNameTaken)
_ONE = (InvalidToken, MissingScope, ClientNotFound)


async def _visible(
    connection: AsyncConnection | AsyncSession, *, principal: Principal, state: AppState, now: Now, **filters: Any
) -> Select[Any]:
    around: Surroundings = state.parts[Surroundings]
    far = await authority.of(connection, principal=principal, scope=CLIENTS, surroundings=around, now=now)
    return repository_admin.clients(
        everywhere=far.everywhere, regions=far.regions, projects=far.projects, now=now, **filters
    )


async def _one(
    connection: AsyncConnection | AsyncSession, response: Response, *, client_id: UUID, principal: Principal,
    state: AppState, now: Now,
) -> ClientRead:  # fmt: skip
    query = await _visible(connection, principal=principal, state=state, now=now)
    row = (await connection.execute(query.where(ApiClient.id == client_id))).one_or_none()
    if row is None:
        raise ClientNotFound
    put_version(response, row.version)
    return views_admin.client(row)


@router.get(
    "/clients",
    operation_id="clients_list",
    summary="Machine clients (接入系统)",
    response_model=PageOf[ClientRead],
    responses=problems(InvalidToken, MissingScope, InvalidCursor),
    openapi_extra={"x-rules": ["ORG-10", "ORG-28"]},
)
async def clients_list(
    principal: ClientsManage,
    reader: Reader,
    state: State,
    now: Now,
    paging: PageParams,
    active: Annotated[bool | None, Query(description="false: disabled ones")] = None,
    firm_id: Annotated[UUID | None, Query(description="of this partner firm")] = None,
    q: Annotated[
        str | None, Query(min_length=1, max_length=100, description="a piece of the name or of the client id")
    ] = None,
) -> Response:
    """Those that lie wholly within what the caller administers, newest first, with when they last fetched a token."""
    query = await _visible(reader, principal=principal, state=state, now=now, active=active, firm_id=firm_id, q=q)
    page = await newest_first(reader, query=query, key=ApiClient.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=lambda row: views_admin.client(row).model_dump())


@router.post(
    "/clients",
    operation_id="clients_create",
    summary="Register a machine client (登记接入系统)",
    status_code=201,
    response_model=ClientRead,
    responses=problems(InvalidToken, MissingScope, *_CONTENT),
    openapi_extra={"x-rules": ["ORG-10", "ORG-28"]},
)
async def clients_create(
    principal: ClientsManage, session: Tx, state: State, now: Now, response: Response, body: ClientCreate
) -> ClientRead:
    """With its scopes and where they hold, within the caller's own reach. Machines get neither what is an owner's own,
    nor administration, nor decisions of people. Its first secret is issued with `/clients/{client_id}/secrets`."""
    client = await clients.register(
        session, **body.model_dump(), surroundings=state.parts[Surroundings], principal=principal, now=now
    )
    response.headers["Location"] = f"/v1/clients/{client.id}"
    return await _one(session, response, client_id=client.id, principal=principal, state=state, now=now)


@router.get(
    "/clients/{client_id}",
    operation_id="clients_read",
    summary="A machine client (接入系统详情)",
    response_model=ClientRead,
    responses=problems(*_ONE),
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def clients_read(
    principal: ClientsManage, reader: Reader, state: State, now: Now, response: Response, client_id: UUID
) -> ClientRead:
    """One machine: scopes, places, quota, last use."""
    return await _one(reader, response, client_id=client_id, principal=principal, state=state, now=now)


@router.patch(
    "/clients/{client_id}",
    operation_id="clients_update",
    summary="Change a machine client (修改接入系统)",
    response_model=ClientRead,
    responses=problems(*_ONE, *_CONTENT, Stale, PreconditionRequired),
    openapi_extra={"x-rules": ["ORG-10", "ORG-28"]},
)
async def clients_update(
    principal: ClientsManage, session: Tx, state: State, now: Now, response: Response, if_match: IfMatch,
    client_id: UUID, body: ClientUpdate,
) -> ClientRead:  # fmt: skip
    """JSON Merge Patch. Every change ends the machine's tokens within seconds: it fetches a new one."""
    around: Surroundings = state.parts[Surroundings]
    client, far = await clients.for_change(
        session, client_id=client_id, surroundings=around, principal=principal, now=now
    )
    if_match.check(client.version)
    changes = body.model_dump(exclude_unset=True)
    await clients.update(
        session, client=client, far=far, changes=changes, surroundings=around, principal=principal, now=now
    )
    return await _one(session, response, client_id=client_id, principal=principal, state=state, now=now)


@router.post(
    "/clients/{client_id}/disablement",
    operation_id="clients_disablement_create",
    summary="Shut a machine client out (停用接入系统)",
    status_code=201,
    response_model=ClientRead,
    responses=problems(*_ONE, ClientDisabled),
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def clients_disablement_create(
    principal: ClientsManage, session: Tx, state: State, now: Now, response: Response, client_id: UUID,
    body: ClientDisablementCreate,
) -> ClientRead:  # fmt: skip
    """Its tokens are refused within seconds, on every server."""
    reason = ClientDisablementReason(body.reason)
    await clients.disable(
        session, client_id=client_id, reason=reason, surroundings=state.parts[Surroundings], principal=principal,
        now=now,
    )  # fmt: skip
    return await _one(session, response, client_id=client_id, principal=principal, state=state, now=now)


@router.post(
    "/clients/{client_id}/reinstatement",
    operation_id="clients_reinstatement_create",
    summary="Let a machine client in again (恢复接入系统)",
    status_code=201,
    response_model=ClientRead,
    responses=problems(*_ONE, ClientActive, TargetNotFound),
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def clients_reinstatement_create(
    principal: ClientsManage, session: Tx, state: State, now: Now, response: Response, client_id: UUID
) -> ClientRead:
    """With the secrets that have not expired; tokens of before stay refused."""
    await clients.reinstate(
        session, client_id=client_id, surroundings=state.parts[Surroundings], principal=principal, now=now
    )
    return await _one(session, response, client_id=client_id, principal=principal, state=state, now=now)


@router.get(
    "/clients/{client_id}/secrets",
    operation_id="clients_secrets_list",
    summary="Secrets of a machine client, as hints (密钥清单)",
    response_model=PageOf[SecretRead],
    responses=problems(*_ONE, InvalidCursor),
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def clients_secrets_list(
    principal: ClientsManage, reader: Reader, state: State, now: Now, response: Response, paging: PageParams,
    client_id: UUID, live: Annotated[bool | None, Query(description="true: those that are good")] = None,
) -> Response:  # fmt: skip
    """The last four characters of each, its dates and last use, newest first; a secret itself is never shown again."""
    await _one(reader, response, client_id=client_id, principal=principal, state=state, now=now)
    query = repository_admin.secrets(client_id=client_id, live=live, now=now)
    page = await newest_first(reader, query=query, key=ClientSecret.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=lambda row: views_admin.secret(row, now=now).model_dump())


@router.post(
    "/clients/{client_id}/secrets",
    operation_id="clients_secrets_create",
    summary="Issue a secret, or rotate it (签发或轮换密钥)",
    status_code=201,
    response_model=SecretIssued,
    responses=problems(*_ONE, ClientDisabled, TooManySecrets),
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def clients_secrets_create(
    principal: ClientsManage, session: Tx, state: State, now: Now, request: Request, response: Response,
    client_id: UUID, body: SecretCreate,
) -> SecretIssued:  # fmt: skip
    """Shown once. At most two are good at a time: the one in use expires after the overlap, so that the machine can
    change over without a gap."""
    made, clear = await clients.issue_secret(
        session, client_id=client_id, overlap_hours=body.overlap_hours, surroundings=state.parts[Surroundings],
        principal=principal, now=now,
    )  # fmt: skip
    shown_once(request, "secret")
    response.headers["Cache-Control"] = "no-store"
    return SecretIssued(**dict(views_admin.secret(made, now=now)), secret=clear)


@router.delete(
    "/clients/{client_id}/secrets/{secret_id}",
    operation_id="clients_secrets_delete",
    summary="Expire a secret at once (作废密钥)",
    status_code=204,
    responses=problems(*_ONE, SecretNotFound),
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def clients_secrets_delete(
    principal: ClientsManage, session: Tx, state: State, now: Now, client_id: UUID, secret_id: UUID
) -> Response:
    """For a secret that has leaked: it opens nothing any more, and the machine's tokens end within seconds."""
    await clients.expire_secret(
        session, client_id=client_id, secret_id=secret_id, surroundings=state.parts[Surroundings],
        principal=principal, now=now,
    )  # fmt: skip
    return Response(status_code=204)
