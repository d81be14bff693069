"""Exports over HTTP: ask, look, decide, cancel, fetch."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.lifecycle import WrongStatus
from ownercare_api.core.listing import given, newest_first
from ownercare_api.exchange import exports, keeping, repository, views
from ownercare_api.exchange.access import ExportsApprove, ExportsRead, OwnersExport
from ownercare_api.exchange.checking import Desk
from ownercare_api.exchange.exports import (
    ExportEmpty,
    ExportExpired,
    ExportNotFound,
    ExportNotReady,
    ExportOutdated,
    ExportTooLarge,
    NotYourExport,
    OwnExport,
    UnknownColumn,
)
from ownercare_api.exchange.lifecycle import ExportKind, ExportStatus
from ownercare_api.exchange.requesters import PersonsOnly
from ownercare_api.exchange.router_imports import handed_out
from ownercare_api.exchange.schemas import ExportCreate, ExportDecision, ExportRead
from ownercare_api.identity.declaring import creates, downloads, lists, reads
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.policies.service import NoPolicy

router = APIRouter(prefix="/v1", tags=["exchange"], route_class=OwnerCareRoute)


@router.post(
    "/exports",
    **creates(
        "exports_create",
        "Ask for an export (申请导出)",
        OutOfReach,
        PersonsOnly,
        NoPolicy,
        UnknownColumn,
        ExportEmpty,
        ExportTooLarge,
        rules=("OWN-07", "OWN-08", "ORG-06"),
        model=ExportRead,
    ),
)
async def exports_create(
    principal: OwnersExport, session: Tx, now: Now, response: Response, body: ExportCreate
) -> ExportRead:
    """Rows of one project, masked unless `clear_values`, which needs `owners:disclose`. More rows than the policy's
    `privacy.export_row_cap`, counted with what the person exported in the last 24 hours, wait for a second person
    (`exports:approve`); in clear, more than the hour's quota of looks. The file says on its face who made it, when and
    what for, holds no formulas, and is deleted after 24 hours."""
    filters = body.filters.model_dump(mode="json", exclude_none=True)
    found = await exports.request(
        session,
        kind=body.kind,
        format=body.format,
        project_id=body.project_id,
        filters=filters,
        columns=body.columns,
        clear_values=body.clear_values,
        purpose=body.purpose,
        principal=principal,
        now=now,
    )
    response.headers["Location"] = f"/v1/exports/{found.id}"
    return _show(response, found, principal=principal)


@router.get(
    "/exports", **lists("exports_list", "Exports, newest first (导出记录)", rules=("OWN-07",), model=PageOf[ExportRead])
)
async def exports_list(
    principal: ExportsRead,
    reader: Reader,
    paging: PageParams,
    project_id: UUID | None = None,
    kind: ExportKind | None = None,
    status: ExportStatus | None = None,
    requested_by: UUID | None = None,
) -> Response:
    """One's own; for who approves exports, all of the projects in reach."""
    filters = given(project_id=project_id, kind=kind, status=status, requested_by=requested_by)
    query = repository.exports(principal=principal, filters=filters)
    page = await newest_first(reader, query=query, key=repository.E.id, wanted=paging.wanted)
    return paging.answer(page, show=lambda row: views.an_export(row, principal=principal))


@router.get(
    "/exports/{export_id}",
    **reads("exports_read", "An export (导出详情)", ExportNotFound, rules=("OWN-07",), model=ExportRead),
)
async def exports_read(principal: ExportsRead, reader: Reader, response: Response, export_id: UUID) -> ExportRead:
    """Where it stands, who decided, and how often it was downloaded. Others' exports need `exports:approve`."""
    row = await repository.one_export(reader, export_id=export_id, principal=principal)
    if row is None:
        raise ExportNotFound
    return _show(response, row, principal=principal)


@router.post(
    "/exports/{export_id}/decision",
    **creates(
        "exports_decision_create",
        "Approve or reject an export (审批导出)",
        OutOfReach,
        OwnExport,
        ExportNotFound,
        WrongStatus,
        rules=("OWN-07", "OWN-08", "ORG-10"),
        model=ExportRead,
    ),
)
async def exports_decision_create(
    principal: ExportsApprove, session: Tx, now: Now, response: Response, export_id: UUID, body: ExportDecision
) -> ExportRead:
    """By another person than the one who asked, also where authority was lent in between."""
    found = await exports.decide(
        session,
        export_id=export_id,
        approve=body.decision == "approve",
        reason=body.reason,
        principal=principal,
        now=now,
    )
    return _show(response, found, principal=principal)


@router.post(
    "/exports/{export_id}/cancellation",
    **creates(
        "exports_cancellation_create",
        "Give an export up (取消导出)",
        NotYourExport,
        ExportNotFound,
        WrongStatus,
        rules=("OWN-07",),
        model=ExportRead,
    ),
)
async def exports_cancellation_create(
    principal: OwnersExport, session: Tx, now: Now, response: Response, export_id: UUID
) -> ExportRead:
    """By the person who asked for it, before it is made; others see it with `exports:approve` and are refused."""
    found = await exports.cancel(session, export_id=export_id, principal=principal, now=now)
    return _show(response, found, principal=principal)


@router.get(
    "/exports/{export_id}/content",
    response_class=StreamingResponse,
    **downloads(
        "exports_content_read",
        "The file (下载导出文件)",
        NotYourExport,
        ExportNotFound,
        ExportNotReady,
        ExportExpired,
        ExportOutdated,
        rules=("OWN-07",),
        what="the file",
        media=(keeping.XLSX, "text/csv"),
    ),
)
async def exports_content_read(
    principal: OwnersExport, session: Tx, state: State, now: Now, export_id: UUID
) -> Response:
    """For the person who asked for it, for 24 hours, and only while the reach is still held; whoever sees it by
    `exports:approve` is refused. Every download is counted and stands in the log that the owners see."""
    _, file = await exports.hand_out(session, export_id=export_id, principal=principal, now=now)
    return handed_out(state.parts[Desk], file, key=keeping.key_of(file, now=now))


def _show(response: Response, found: Any, *, principal: Principal) -> ExportRead:
    put_version(response, found.version)
    return views.an_export(found, principal=principal)
