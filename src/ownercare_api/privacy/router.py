"""Requests of the persons concerned, and the copies made for them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.lifecycle import WrongStatus
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.identity.access import MissingScope
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.identity.tokens import InvalidToken
from ownercare_api.owners import looks
from ownercare_api.owners.looks import Look
from ownercare_api.owners.service import OwnerMerged, OwnerNotFound
from ownercare_api.privacy import copies, repository, requests, views
from ownercare_api.privacy.access import PrivacyApprove, PrivacyManage, PrivacyRead
from ownercare_api.privacy.lifecycle import (
    MANAGE,
    READ,
    NotErasable,
    NotThisKind,
    OwnRequest,
    RequestKind,
    RequestStatus,
)
from ownercare_api.privacy.requests import RequestNotFound
from ownercare_api.privacy.schemas import (
    Approving,
    Completing,
    Lifting,
    PrivacyRequestCreate,
    PrivacyRequestRead,
    Refusing,
)

router = APIRouter(prefix="/v1/privacy-requests", tags=["privacy"], route_class=OwnerCareRoute)
_RULES = {"x-rules": ["OWN-07"]}
_STEP = (InvalidToken, MissingScope, OutOfReach, RequestNotFound, WrongStatus)


@router.get(
    "",
    operation_id="privacy_requests_list",
    summary="Requests of the persons concerned (个人信息权利请求列表)",
    response_model=PageOf[PrivacyRequestRead],
    responses=problems(InvalidToken, MissingScope, InvalidCursor),
    openapi_extra=_RULES,
)
async def privacy_requests_list(
    principal: PrivacyRead,
    reader: Reader,
    now: Now,
    paging: PageParams,
    owner_id: UUID | None = None,
    kind: RequestKind | None = None,
    status: RequestStatus | None = None,
    overdue: Annotated[bool, Query(description="only those whose time is over and that are pending")] = False,
) -> Response:
    """Requests of owners who have or had a home in the caller's reach, newest first."""
    query = repository.requests(
        principal.reach(READ), owner_id=owner_id, kind=kind, status=status, overdue_at=now if overdue else None
    )
    page = await newest_first(reader, query=query, key=repository.R.id, wanted=paging.wanted)
    kept = await repository.copies(reader, request_ids=[row.id for row in page.items])
    return paging.answer(
        page, show=lambda row: views.show(row, principal=principal, now=now, copy_expires_at=kept.get(row.id))
    )


@router.post(
    "",
    operation_id="privacy_requests_create",
    summary="Enter a request of a person (登记个人信息权利请求)",
    status_code=201,
    response_model=PrivacyRequestRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, OwnerNotFound, OwnerMerged, requests.RequestOpen,
        requests.ReceivedOutOfRange,
    ),
    openapi_extra=_RULES,
)  # fmt: skip
async def privacy_requests_create(
    principal: PrivacyManage, session: Tx, state: State, now: Now, response: Response, body: PrivacyRequestCreate
) -> PrivacyRequestRead:
    """A copy, correction, restriction or erasure of one's data, or an objection. The owner must be visible
    (`owners:read`). Somebody else decides; due within fifteen working days of its receipt."""
    store: CalendarStore = state.parts[CalendarStore]
    made = await requests.enter(
        session, **body.model_dump(), calendar=await store.get(session), principal=principal, now=now
    )
    response.headers["Location"] = f"/v1/privacy-requests/{made.id}"
    return await _answer(session, response, request=made, principal=principal, now=now)


@router.get(
    "/{request_id}",
    operation_id="privacy_requests_read",
    summary="A request (个人信息权利请求详情)",
    response_model=PrivacyRequestRead,
    responses=problems(InvalidToken, MissingScope, RequestNotFound),
    openapi_extra=_RULES,
)
async def privacy_requests_read(
    principal: PrivacyRead, reader: Reader, now: Now, response: Response, request_id: UUID
) -> PrivacyRequestRead:
    """One request with what stands in its way and what may be done next."""
    row = await repository.one(reader, request_id=request_id, reach=principal.reach(READ))
    if row is None:
        raise RequestNotFound
    return await _answer(reader, response, request=row, principal=principal, now=now)


@router.post(
    "/{request_id}/approval",
    operation_id="privacy_requests_approval_create",
    summary="Approve a request (批准)",
    status_code=201,
    response_model=PrivacyRequestRead,
    responses=problems(*_STEP, OwnRequest, NotErasable),
    openapi_extra=_RULES,
)
async def privacy_requests_approval_create(
    principal: PrivacyApprove, session: Tx, now: Now, response: Response, request_id: UUID, body: Approving
) -> PrivacyRequestRead:
    """By another person than who entered it. The worker then carries it out; `job_id` shows how far it is. An erasure
    waits until cases are closed and repairs paid, or is refused on that ground."""
    done = await requests.approve(session, request_id=request_id, note=body.note, principal=principal, now=now)
    return await _answer(session, response, request=done, principal=principal, now=now)


@router.post(
    "/{request_id}/refusal",
    operation_id="privacy_requests_refusal_create",
    summary="Refuse a request on a ground in law (拒绝并说明理由)",
    status_code=201,
    response_model=PrivacyRequestRead,
    responses=problems(*_STEP, OwnRequest),
    openapi_extra=_RULES,
)
async def privacy_requests_refusal_create(
    principal: PrivacyApprove, session: Tx, now: Now, response: Response, request_id: UUID, body: Refusing
) -> PrivacyRequestRead:
    """By another person than who entered it, with a ground of the closed list and an explanation to the person."""
    done = await requests.refuse(session, request_id=request_id, **body.model_dump(), principal=principal, now=now)
    return await _answer(session, response, request=done, principal=principal, now=now)


@router.post(
    "/{request_id}/withdrawal",
    operation_id="privacy_requests_withdrawal_create",
    summary="The person withdraws the request (撤回)",
    status_code=201,
    response_model=PrivacyRequestRead,
    responses=problems(*_STEP),
    openapi_extra=_RULES,
)
async def privacy_requests_withdrawal_create(
    principal: PrivacyManage, session: Tx, now: Now, response: Response, request_id: UUID
) -> PrivacyRequestRead:
    """Before it is decided."""
    done = await requests.withdraw(session, request_id=request_id, principal=principal, now=now)
    return await _answer(session, response, request=done, principal=principal, now=now)


@router.post(
    "/{request_id}/completion",
    operation_id="privacy_requests_completion_create",
    summary="A correction was made (更正完成)",
    status_code=201,
    response_model=PrivacyRequestRead,
    responses=problems(*_STEP, NotThisKind, requests.ChangeNotAbout),
    openapi_extra={"x-rules": ["OWN-05", "OWN-07"]},
)
async def privacy_requests_completion_create(
    principal: PrivacyManage, session: Tx, now: Now, response: Response, request_id: UUID, body: Completing
) -> PrivacyRequestRead:
    """Names the change request of the owner that was verified and applied (OWN-05)."""
    done = await requests.complete(
        session, request_id=request_id, change_id=body.change_id, principal=principal, now=now
    )
    return await _answer(session, response, request=done, principal=principal, now=now)


@router.post(
    "/{request_id}/lifting",
    operation_id="privacy_requests_lifting_create",
    summary="Lift a restriction (解除限制)",
    status_code=201,
    response_model=PrivacyRequestRead,
    responses=problems(*_STEP, OwnRequest),
    openapi_extra=_RULES,
)
async def privacy_requests_lifting_create(
    principal: PrivacyApprove, session: Tx, now: Now, response: Response, request_id: UUID, body: Lifting
) -> PrivacyRequestRead:
    """From then on the owner's data are used as before. By another person than who entered the request."""
    done = await requests.lift(session, request_id=request_id, note=body.note, principal=principal, now=now)
    return await _answer(session, response, request=done, principal=principal, now=now)


@router.post(
    "/{request_id}/copy-downloads",
    operation_id="privacy_requests_copy_downloads_create",
    summary="Fetch the copy to hand it over (领取个人信息副本)",
    response_class=Response,
    responses=problems(InvalidToken, MissingScope, RequestNotFound, copies.CopyGone)
    | {200: {"description": "a ZIP archive", "content": {"application/zip": {}}}},
    openapi_extra=_RULES,
)
async def privacy_requests_copy_downloads_create(
    principal: PrivacyManage, session: Tx, state: State, now: Now, request_id: UUID
) -> Response:
    """A ZIP archive with everything in clear, for seven days after it was made; every fetching is on record as a look.
    Owners fetch their own copy for themselves."""
    row = await repository.one(session, request_id=request_id, reach=principal.reach(MANAGE))
    if row is None:
        raise RequestNotFound
    content = await copies.fetch(session, request_id=request_id, keyring=state.keyring, now=now)
    await looks.record(session, owner_ids=[row.owner_id], actor=principal, look=Look.COPY, now=now, purpose=row.number)
    headers = {"Content-Disposition": f'attachment; filename="{row.number}.zip"', "Cache-Control": "no-store"}
    return Response(content, media_type="application/zip", headers=headers)


async def _answer(
    connection: repository.Connection, response: Response, *, request: Any, principal: Principal, now: datetime
) -> PrivacyRequestRead:
    kept = await repository.copies(connection, request_ids=[request.id])
    standing = None
    if request.kind is RequestKind.ERASURE and request.status is RequestStatus.RECEIVED:
        standing = await requests.hindrances(connection, request=request, now=now)
    put_version(response, request.version)
    shown = views.show(request, principal=principal, now=now, copy_expires_at=kept.get(request.id), hindrances=standing)
    return PrivacyRequestRead.model_validate(shown)
