"""The audit trail for auditors: events and denials with their places in the sealed chain, checkpoints, its state."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import StringConstraints

from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Lang, Now
from ownercare_api.core.http.transaction import Reader
from ownercare_api.core.wire import Code, Instant
from ownercare_api.identity.declaring import lists, reads
from ownercare_api.identity.principal import PrincipalKind
from ownercare_api.timeline import audit, repository_audit, views_audit
from ownercare_api.timeline.access import AuditRead
from ownercare_api.timeline.repository_audit import Wanted

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=OwnerCareRoute)

EventKind = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}\.[a-z_]{1,40}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,80}$")]
Begin = Annotated[Instant | None, Query(description="at or after (起)")]
End = Annotated[Instant | None, Query(description="before (止)")]


@router.get(
    "/events",
    **lists(
        "audit_events_list",
        "Everything that happened, newest first (审计记录)",
        rules=("CMP-14", "ORG-28"),
        model=PageOf[views_audit.AuditEventRead],
    ),
)
async def audit_events_list(
    principal: AuditRead,
    reader: Reader,
    now: Now,
    spoken: Lang,
    paging: PageParams,
    actor_id: Annotated[UUID | None, Query(description="who did it (操作人)")] = None,
    actor_kind: Annotated[PrincipalKind | None, Query(description="what kind of caller (操作人类别)")] = None,
    kind: Annotated[EventKind | None, Query(description="what happened", examples=["settlement.paid"])] = None,
    subject_kind: Annotated[Word | None, Query(description="what it was about", examples=["owner"])] = None,
    subject_id: Annotated[UUID | None, Query()] = None,
    ticket_id: Annotated[UUID | None, Query(description="the case it belongs to (工单)")] = None,
    project_id: Annotated[UUID | None, Query(description="项目")] = None,
    occurred_from: Begin = None,
    occurred_before: End = None,
) -> Response:
    """The events within the auditor's projects, with their places in the hash chain; what belongs to no project, such
    as roles and logins, only for whoever sees everything. A look is itself recorded: once for the same question within
    ten minutes."""
    equal = {
        "actor_id": actor_id,
        "actor_kind": actor_kind,
        "kind": kind,
        "subject_kind": subject_kind,
        "subject_id": subject_id,
        "ticket_id": ticket_id,
        "project_id": project_id,
    }
    filters = _filters(**equal, occurred_from=occurred_from, occurred_before=occurred_before)
    await audit.looked(reader, principal=principal, what="events", filters=filters, project_id=project_id, now=now)
    wanted = Wanted(equal=equal, begin=occurred_from, end=occurred_before)
    page = await repository_audit.events(reader, principal=principal, wanted=wanted, page=paging.wanted)
    return paging.answer(page, show=lambda row: views_audit.show_event(row, language=spoken))


@router.get(
    "/denials",
    **lists(
        "audit_denials_list",
        "What was refused, newest first (拒绝记录)",
        rules=("CMP-14", "ORG-28", "OWN-07"),
        model=PageOf[views_audit.DenialRead],
    ),
)
async def audit_denials_list(
    principal: AuditRead,
    reader: Reader,
    now: Now,
    paging: PageParams,
    actor_id: Annotated[UUID | None, Query(description="who was refused (被拒绝人)")] = None,
    status: Annotated[int | None, Query(ge=400, le=499, description="HTTP status")] = None,
    code: Annotated[Code | None, Query(description="problem code", examples=["out_of_reach"])] = None,
    operation: Annotated[Word | None, Query(description="operation id", examples=["owners_read"])] = None,
    subject_id: Annotated[UUID | None, Query(description="the id that was asked for")] = None,
    project_id: Annotated[UUID | None, Query(description="项目")] = None,
    at_from: Begin = None,
    at_before: End = None,
) -> Response:
    """Every 403, every 401 with credentials that were not good, and every 404 to a known caller: what lies outside
    somebody's reach is answered so. Ids and codes only. After the twentieth refusal of a caller within a minute rows
    stand for several. Refusals that name no project are for whoever sees everything."""
    equal = {
        "actor_id": actor_id,
        "status": status,
        "code": code,
        "operation": operation,
        "subject_id": subject_id,
        "project_id": project_id,
    }
    filters = _filters(**equal, at_from=at_from, at_before=at_before)
    await audit.looked(reader, principal=principal, what="denials", filters=filters, project_id=project_id, now=now)
    wanted = Wanted(equal=equal, begin=at_from, end=at_before)
    page = await repository_audit.denials(reader, principal=principal, wanted=wanted, page=paging.wanted)
    return paging.answer(page, show=views_audit.show_denial)


@router.get(
    "/checkpoints",
    **lists(
        "audit_checkpoints_list",
        "Signed checkpoints of the chain, newest first (检查点)",
        rules=("CMP-14",),
        model=PageOf[views_audit.CheckpointRead],
    ),
)
async def audit_checkpoints_list(principal: AuditRead, reader: Reader, paging: PageParams) -> Response:
    """Keep a `head` now and then where the database's administrators can't reach it."""
    page = await repository_audit.checkpoints(reader, page=paging.wanted)
    return paging.answer(page, show=views_audit.show_checkpoint)


@router.get(
    "/status",
    **reads(
        "audit_status_read",
        "How the audit trail is doing (审计状态)",
        rules=("CMP-14",),
        model=views_audit.AuditStatusRead,
    ),
)
async def audit_status_read(
    principal: AuditRead, reader: Reader, now: Now, spoken: Lang
) -> views_audit.AuditStatusRead:
    """The head of the chain, how far sealing is behind, and what the daily verification of everything found."""
    found = await audit.state(reader, now=now)
    verification = found.verification
    return views_audit.AuditStatusRead(
        head=None if found.head is None else str(found.head),
        sealed_at=found.sealed_at,
        waiting=found.waiting,
        lag_seconds=found.lag.total_seconds(),
        verification=None if verification is None else views_audit.show_verification(verification, language=spoken),
    )


def _filters(**given: object) -> dict[str, str]:
    return {name: str(value) for name, value in given.items() if value is not None}
