"""An owner's requests about his personal information, the copy of it, and which firms were given of it."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from ownercare_api.core.errors import Invalid
from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.idempotency import KeyInFlight, KeyReused
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
from ownercare_api.identity.principal import Principal
from ownercare_api.identity.tokens import InvalidToken
from ownercare_api.owners import sharing
from ownercare_api.owners.own import NotAnOwner
from ownercare_api.portal import repository, service
from ownercare_api.portal import views_records as views
from ownercare_api.portal.access import MyRead, MyWrite
from ownercare_api.portal.schemas_records import MyPrivacyRequestCreate, MyPrivacyRequestRead, MySharingRead
from ownercare_api.portal.service import FreshLoginNeeded
from ownercare_api.privacy import service as privacy
from ownercare_api.privacy.copies import CopyGone
from ownercare_api.privacy.lifecycle import RequestKind, RequestStatus
from ownercare_api.privacy.models import PrivacyRequest
from ownercare_api.privacy.requests import RequestNotFound, RequestOpen

router = APIRouter(prefix="/v1/my", tags=["my"], route_class=OwnerCareRoute)


@router.get(
    "/privacy-requests",
    operation_id="my_privacy_requests_list",
    summary="One's requests about personal information (个人信息权利请求列表)",
    response_model=PageOf[MyPrivacyRequestRead],
    responses=problems(InvalidToken, MissingScope, NotAnOwner, InvalidCursor, Invalid),
    openapi_extra={"x-rules": ["OWN-07"]},
)
async def my_privacy_requests_list(
    principal: MyRead,
    reader: Reader,
    paging: PageParams,
    kind: RequestKind | None = None,
    status: RequestStatus | None = None,
) -> Response:
    """What he asked for, how it was decided and why; newest first."""
    query = privacy.own_requests(principal=principal)
    given = {"kind": kind, "status": status}
    columns = PrivacyRequest.__table__.c
    query = query.where(*(columns[name] == value for name, value in given.items() if value is not None))
    page = await newest_first(reader, query=query, key=privacy.KEY, wanted=paging.wanted)
    return paging.answer(page, show=views.privacy_request)


@router.post(
    "/privacy-requests",
    operation_id="my_privacy_requests_create",
    summary="Ask for a copy, correction, restriction, erasure, or object (提出个人信息权利请求)",
    status_code=201,
    response_model=MyPrivacyRequestRead,
    responses=problems(InvalidToken, MissingScope, NotAnOwner, RequestOpen, Invalid, KeyInFlight, KeyReused),
    openapi_extra={"x-rules": ["OWN-07"]},
)
async def my_privacy_requests_create(
    principal: MyWrite, session: Tx, state: State, now: Now, response: Response, body: MyPrivacyRequestCreate
) -> dict[str, Any]:
    """A copy is made and an objection holds at once; the rest is decided by staff within fifteen working days, and a
    refusal names its ground in law."""
    made = await privacy.ask(
        session,
        kind=body.kind,
        reason=body.reason,
        calendar=await state.parts[CalendarStore].get(session),
        principal=principal,
        now=now,
    )
    await session.flush()
    response.headers["Location"] = f"/v1/my/privacy-requests/{made.id}"
    return await _request(session, response, request_id=made.id, principal=principal)


@router.get(
    "/privacy-requests/{request_id}",
    operation_id="my_privacy_requests_read",
    summary="A request about personal information (个人信息权利请求详情)",
    response_model=MyPrivacyRequestRead,
    responses=problems(InvalidToken, MissingScope, NotAnOwner, RequestNotFound, Invalid),
    openapi_extra={"x-rules": ["OWN-07"]},
)
async def my_privacy_requests_read(
    principal: MyRead, reader: Reader, response: Response, request_id: UUID
) -> dict[str, Any]:
    """Where it stands, until when it is due, and what he is told."""
    return await _request(reader, response, request_id=request_id, principal=principal)


@router.post(
    "/privacy-requests/{request_id}/withdrawal",
    operation_id="my_privacy_requests_withdrawal_create",
    summary="Take a request back (撤回个人信息权利请求)",
    status_code=201,
    response_model=MyPrivacyRequestRead,
    responses=problems(
        InvalidToken, MissingScope, NotAnOwner, RequestNotFound, WrongStatus, Invalid, KeyInFlight, KeyReused
    ),
    openapi_extra={"x-rules": ["OWN-07"]},
)
async def my_privacy_requests_withdrawal_create(
    principal: MyWrite, session: Tx, now: Now, response: Response, request_id: UUID
) -> dict[str, Any]:
    """Before it is decided, also where staff entered it at his word. A restriction that holds is lifted by staff."""
    await privacy.withdraw_own(session, request_id=request_id, principal=principal, now=now)
    return await _request(session, response, request_id=request_id, principal=principal)


async def _request(
    connection: repository.Connection, response: Response, *, request_id: UUID, principal: Principal
) -> dict[str, Any]:
    query = privacy.own_requests(principal=principal).where(PrivacyRequest.id == request_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise RequestNotFound
    put_version(response, row.version)
    return views.privacy_request(row)


@router.get(
    "/privacy-requests/{request_id}/copy",
    operation_id="my_privacy_requests_copy_read",
    summary="The copy of one's data (下载个人信息副本)",
    response_class=Response,
    responses=problems(InvalidToken, MissingScope, NotAnOwner, FreshLoginNeeded, RequestNotFound, CopyGone, Invalid)
    | {
        200: {
            "description": "a ZIP archive with everything as JSON and as a page to read",
            "content": {"application/zip": {"schema": {"type": "string"}}},
        }
    },
    openapi_extra={"x-rules": ["OWN-07"]},
)
async def my_privacy_requests_copy_read(
    principal: MyRead, session: Tx, state: State, now: Now, request_id: UUID
) -> Response:
    """Everything in clear, for seven days after it was made. Only in a login of the last ten minutes: who has stolen a
    token has no code from the owner's telephone."""
    await service.require_fresh_login(session, principal=principal, now=now)
    content = await privacy.own_copy(
        session, request_id=request_id, keyring=state.keyring, principal=principal, now=now
    )
    headers = {
        "Content-Disposition": 'attachment; filename="personal-information.zip"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type="application/zip", headers=headers)


@router.get(
    "/sharings",
    operation_id="my_sharings_list",
    summary="Which firms were given one's data (向谁提供了我的信息)",
    response_model=PageOf[MySharingRead],
    responses=problems(InvalidToken, MissingScope, NotAnOwner, InvalidCursor, Invalid),
    openapi_extra={"x-rules": ["OWN-07"]},
)
async def my_sharings_list(
    principal: MyRead, reader: Reader, paging: PageParams, ticket_id: UUID | None = None
) -> Response:
    """Property companies and contractors that a case was passed to: what they got, why, on which ground, when."""
    query = repository.own_sharings(principal=principal, ticket_id=ticket_id)
    page = await newest_first(reader, query=query, key=sharing.KEY, wanted=paging.wanted)
    return paging.answer(page, show=views.sharing)
