"""Approval requests: the in-tray, one request, a decision in a seat."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy import Row

from ownercare_api.approvals import repository, service, views
from ownercare_api.approvals.access import ApprovalsRead
from ownercare_api.approvals.chain import (
    AlreadyDecided,
    OutOfTurn,
    OwnWork,
    PersonRequired,
    TwoPeople,
    WrongTier,
    scope_of,
)
from ownercare_api.approvals.models import ApprovalStatus, Tier
from ownercare_api.approvals.schemas import ApprovalRead, DecisionCreate
from ownercare_api.approvals.service import ApprovalHooks, ApprovalNotFound, CommentRequired
from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import given, newest_first
from ownercare_api.deadlines.views import of_subjects
from ownercare_api.identity.declaring import creates, lists, reads
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.policies import service as policies

router = APIRouter(prefix="/v1/approvals", tags=["approvals"], route_class=OwnerCareRoute)


async def _shown(
    connection: repository.Connection, rows: Collection[Row[Any]], *, principal: Principal, now: datetime
) -> dict[UUID, ApprovalRead]:
    clocks = await of_subjects(connection, subject_ids=[row.id for row in rows], now=now)
    snapshots = await policies.snapshots(connection, snapshot_ids={row.policy_snapshot_id for row in rows})
    return {
        row.id: views.show(
            row, snapshot=snapshots[row.policy_snapshot_id], deadlines=clocks.get(row.id, []), principal=principal
        )
        for row in rows
    }


async def _one(
    connection: repository.Connection, *, approval_id: UUID, principal: Principal, now: datetime, response: Response
) -> ApprovalRead:
    row = await repository.one(connection, approval_id=approval_id, principal=principal, scope=service.READ)
    if row is None:
        raise ApprovalNotFound
    put_version(response, row.version)
    return (await _shown(connection, [row], principal=principal, now=now))[row.id]


@router.get(
    "",
    **lists(
        "approvals_list",
        "Approval requests (审批单列表)",
        rules=("FIN-01", "FIN-02", "FIN-03"),
        model=PageOf[ApprovalRead],
    ),
)
async def approvals_list(
    principal: ApprovalsRead,
    reader: Reader,
    now: Now,
    paging: PageParams,
    status: ApprovalStatus | None = None,
    ticket_id: UUID | None = None,
    project_id: UUID | None = None,
    subject_kind: Annotated[str | None, Query(max_length=64, description="such as `work_order`")] = None,
    tier: Annotated[Tier | None, Query(description="whose turn it is (当前审批人)")] = None,
    mine: Annotated[bool, Query(description="only what you may decide now (待我审批)")] = False,
) -> Response:
    """The requests of the projects you may see, newest first, each with its seats, clocks and what you may do now."""
    filters = given(status=status, ticket_id=ticket_id, project_id=project_id, subject_kind=subject_kind)
    query = repository.filtered(principal=principal, scope=service.READ, filters=filters, tier=tier, mine=mine)
    page = await newest_first(reader, query=query, key=repository.A.id, wanted=paging.wanted)
    shown = await _shown(reader, page.items, principal=principal, now=now)
    return paging.answer(page, show=lambda row: shown[row.id])


@router.get(
    "/{approval_id}",
    **reads(
        "approvals_read",
        "One approval request (审批单)",
        ApprovalNotFound,
        rules=("FIN-01", "FIN-02", "FIN-03"),
        model=ApprovalRead,
    ),
)
async def approvals_read(
    principal: ApprovalsRead, reader: Reader, now: Now, response: Response, approval_id: UUID
) -> ApprovalRead:
    """Its seats and decisions, the people who may not decide it because it is their own work, its clock, and the policy
    value that chose the route."""
    return await _one(reader, approval_id=approval_id, principal=principal, now=now, response=response)


@router.post(
    "/{approval_id}/decisions",
    **creates(
        "approvals_decisions_create",
        "Decide in your seat (审核、批准、驳回)",
        OutOfReach,
        WrongTier,
        PersonRequired,
        OwnWork,
        TwoPeople,
        ApprovalNotFound,
        AlreadyDecided,
        OutOfTurn,
        CommentRequired,
        rules=("FIN-01", "FIN-02", "FIN-03", "ORG-10"),
        model=ApprovalRead,
        one_of=[scope_of(tier) for tier in Tier],
    ),
)
async def approvals_decisions_create(
    principal: ApprovalsRead,
    session: Tx,
    state: State,
    now: Now,
    response: Response,
    approval_id: UUID,
    body: DecisionCreate,
) -> ApprovalRead:
    """Decide in the seat whose turn it is; besides `approvals:read` you need the scope of that seat's tier for the
    project (`approvals:decide:…`). In the middle tier the deputy chief engineer reviews and the deputy general manager
    approves, two different people (FIN-02). Nobody decides about their own work, whatever roles they hold. A rejection
    needs a comment and ends the request; the last approval ends it too, and its subject goes on at once.
    """
    await service.decide(
        session,
        approval_id=approval_id,
        decision=body.decision,
        comment=body.comment,
        hooks=state.parts[ApprovalHooks],
        actor=principal,
        now=now,
    )
    return await _one(session, approval_id=approval_id, principal=principal, now=now, response=response)
