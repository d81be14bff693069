"""Roles lent to colleagues for a while (授权委托)."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import AppState, Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.identity import authority, delegations, profiles, repository_admin
from ownercare_api.identity.access import Anyone, PasswordChangeRequired
from ownercare_api.identity.authority import MANAGE
from ownercare_api.identity.delegations import (
    DelegationNotFound,
    DelegationOver,
    DelegationOverlaps,
    LentOn,
    NotLendable,
    StaffOnly,
    TooLong,
    UnsuitableDeputy,
)
from ownercare_api.identity.grants import GrantEnded, GrantNotFound, WrongPeriod
from ownercare_api.identity.models import Delegation
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.identity.schemas_admin import DelegationCreate, DelegationRead
from ownercare_api.identity.surroundings import Surroundings
from ownercare_api.identity.tokens import InvalidToken

router = APIRouter(prefix="/v1", tags=["identity"], route_class=OwnerCareRoute)


async def _settled(principal: Anyone) -> Principal:
    """Return the caller; one with an initial password has to change it first, here as where a scope is needed."""
    if principal.must_change_password:
        raise PasswordChangeRequired
    return principal


Settled = Annotated[Principal, Depends(_settled)]


async def _one(
    connection: AsyncConnection | AsyncSession, *, delegation_id: UUID, principal: Principal, state: AppState, now: Now
) -> DelegationRead:
    query = repository_admin.delegations(principal, now=now).where(Delegation.id == delegation_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise DelegationNotFound
    around: Surroundings = state.parts[Surroundings]
    far = await authority.of(connection, principal=principal, scope=MANAGE, surroundings=around, now=now)
    return profiles.delegation_view(far, principal=principal, now=now)(row)


@router.get(
    "/delegations",
    operation_id="delegations_list",
    summary="Roles lent and borrowed (授权委托)",
    response_model=PageOf[DelegationRead],
    responses=problems(InvalidToken, PasswordChangeRequired, InvalidCursor),
    openapi_extra={"x-rules": ["ORG-10", "ORG-28"]},
)
async def delegations_list(
    principal: Settled,
    reader: Reader,
    state: State,
    now: Now,
    paging: PageParams,
    direction: Annotated[Literal["given", "received"] | None, Query(description="by or to the caller")] = None,
    from_person_id: UUID | None = None,
    to_person_id: UUID | None = None,
    grant_id: UUID | None = None,
    active: Annotated[bool | None, Query(description="true: in force now; false: to come, resting or over")] = None,
) -> Response:
    """Those given by or to the caller, newest first; with `identity:read` also those of grants in reach."""
    query = repository_admin.delegations(principal, now=now)
    table = Delegation.__table__.c
    for column, value in (
        (table.from_account_id, from_person_id),
        (table.to_account_id, to_person_id),
        (table.grant_id, grant_id),
        (table.from_account_id, principal.id if direction == "given" else None),
        (table.to_account_id, principal.id if direction == "received" else None),
    ):
        if value is not None:
            query = query.where(column == value)
    if active is not None:
        condition = repository_admin.delegation_in_force(now)
        query = query.where(condition if active else ~condition)
    around: Surroundings = state.parts[Surroundings]
    far = await authority.of(reader, principal=principal, scope=MANAGE, surroundings=around, now=now)
    show = profiles.delegation_view(far, principal=principal, now=now)
    page = await newest_first(reader, query=query, key=table.id, wanted=paging.wanted)
    return paging.answer(page, show=lambda row: show(row).model_dump())


@router.post(
    "/delegations",
    operation_id="delegations_create",
    summary="Lend a role of one's own (新建授权委托)",
    status_code=201,
    response_model=DelegationRead,
    responses=problems(
        InvalidToken, PasswordChangeRequired, StaffOnly, GrantNotFound, LentOn, NotLendable, GrantEnded, WrongPeriod,
        TooLong, UnsuitableDeputy, DelegationOverlaps,
    ),
    openapi_extra={"x-rules": ["ORG-10", "ORG-28"]},
)  # fmt: skip
async def delegations_create(
    principal: Settled, session: Tx, state: State, now: Now, response: Response, body: DelegationCreate
) -> DelegationRead:
    """To another active employee, for at most 90 days and within the grant's own time. It is not lent on. Whatever is
    done with it counts as done by both: the deputy may not check what the lender made, nor what he made himself.
    Roles that administer people or machines are not lent."""
    made = await delegations.make(
        session, **body.model_dump(), surroundings=state.parts[Surroundings], principal=principal, now=now
    )
    response.headers["Location"] = f"/v1/delegations/{made.id}"
    return await _one(session, delegation_id=made.id, principal=principal, state=state, now=now)


@router.get(
    "/delegations/{delegation_id}",
    operation_id="delegations_read",
    summary="A delegation (授权委托详情)",
    response_model=DelegationRead,
    responses=problems(InvalidToken, PasswordChangeRequired, DelegationNotFound),
    openapi_extra={"x-rules": ["ORG-10"]},
)
async def delegations_read(
    principal: Settled, reader: Reader, state: State, now: Now, delegation_id: UUID
) -> DelegationRead:
    """One delegation, for lender, deputy, and those who see the grant by `identity:read`."""
    return await _one(reader, delegation_id=delegation_id, principal=principal, state=state, now=now)


@router.post(
    "/delegations/{delegation_id}/withdrawal",
    operation_id="delegations_withdrawal_create",
    summary="Take a lent role back (收回授权委托)",
    status_code=201,
    response_model=DelegationRead,
    responses=problems(InvalidToken, PasswordChangeRequired, OutOfReach, DelegationNotFound, DelegationOver),
    openapi_extra={"x-rules": ["ORG-10"]},
)
async def delegations_withdrawal_create(
    principal: Settled, session: Tx, state: State, now: Now, delegation_id: UUID
) -> DelegationRead:
    """By the lender, the deputy, or who administers the grant's place (`identity:manage`, `identity:read`); it holds
    within seconds."""
    await delegations.withdraw(
        session, delegation_id=delegation_id, surroundings=state.parts[Surroundings], principal=principal, now=now
    )
    return await _one(session, delegation_id=delegation_id, principal=principal, state=state, now=now)
