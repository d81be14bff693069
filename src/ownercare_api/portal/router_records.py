"""An owner's change requests and consents."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from ownercare_api.core.errors import Invalid
from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.idempotency import KeyInFlight, KeyReused
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Lang, Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.lifecycle import WrongStatus
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.files.service import FileNotUsable
from ownercare_api.identity.access import MissingScope
from ownercare_api.identity.tokens import InvalidToken
from ownercare_api.owners import changes, changes_steps, consents, own_records
from ownercare_api.owners.archive import DocumentMismatch, PhoneKnown, PhoneNotFound, PrimaryPhone
from ownercare_api.owners.changes import NothingChanges
from ownercare_api.owners.changes_steps import ChangeNotFound
from ownercare_api.owners.lifecycle import ChangeStatus, NotYourChange
from ownercare_api.owners.models_changes import OwnerChange
from ownercare_api.owners.models_records import Consent, ConsentPurpose
from ownercare_api.owners.own import NotAnOwner, self_of
from ownercare_api.owners.service import OwnerNotFound
from ownercare_api.portal import views_records as views
from ownercare_api.portal.access import MyRead, MyWrite
from ownercare_api.portal.repository import Connection
from ownercare_api.portal.schemas_records import (
    MyChangeCreate,
    MyChangeRead,
    MyChangeSummary,
    MyChangeWithdrawal,
    MyConsentEvent,
    MyConsentGive,
    MyConsentsRead,
)

router = APIRouter(prefix="/v1/my", tags=["my"], route_class=OwnerCareRoute)


@router.get(
    "/change-requests",
    operation_id="my_change_requests_list",
    summary="Changes of one's record (信息变更申请列表)",
    response_model=PageOf[MyChangeSummary],
    responses=problems(InvalidToken, MissingScope, NotAnOwner, InvalidCursor, Invalid),
    openapi_extra={"x-rules": ["OWN-05"]},
)
async def my_change_requests_list(
    principal: MyRead, reader: Reader, paging: PageParams, status: ChangeStatus | None = None
) -> Response:
    """What he asked to change himself, and what staff entered for him; newest first."""
    query = own_records.changes(owner_id=self_of(principal))
    if status is not None:
        query = query.where(OwnerChange.status == status)
    page = await newest_first(reader, query=query, key=OwnerChange.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=lambda row: views.change_summary(row, principal=principal))


@router.post(
    "/change-requests",
    operation_id="my_change_requests_create",
    summary="Ask to change one's record (申请信息变更)",
    status_code=201,
    response_model=MyChangeRead,
    responses=problems(
        InvalidToken, MissingScope, NotAnOwner, OwnerNotFound, NothingChanges, DocumentMismatch, PhoneKnown,
        PhoneNotFound, PrimaryPhone, FileNotUsable, Invalid, KeyInFlight, KeyReused,
    ),
    openapi_extra={"x-rules": ["OWN-05", "OWN-15"]},
)  # fmt: skip
async def my_change_requests_create(
    principal: MyWrite, session: Tx, state: State, now: Now, response: Response, body: MyChangeCreate
) -> dict[str, Any]:
    """Nothing changes until staff have verified it, by calling back on the number on record for instance, and applied
    it. Another identity document is shown to customer service in person."""
    made = await changes.submit_own(
        session,
        changes=body.changes.given(),
        note=body.note,
        evidence_file_ids=body.evidence_file_ids,
        keyring=state.keyring,
        principal=principal,
        now=now,
    )
    response.headers["Location"] = f"/v1/my/change-requests/{made.id}"
    return await _change(session, response, change_id=made.id, principal=principal)


@router.get(
    "/change-requests/{change_id}",
    operation_id="my_change_requests_read",
    summary="A change of one's record (信息变更申请详情)",
    response_model=MyChangeRead,
    responses=problems(InvalidToken, MissingScope, NotAnOwner, ChangeNotFound, Invalid),
    openapi_extra={"x-rules": ["OWN-05"]},
)
async def my_change_requests_read(
    principal: MyRead, reader: Reader, response: Response, change_id: UUID
) -> dict[str, Any]:
    """Former and new values, masked, and how far it is."""
    return await _change(reader, response, change_id=change_id, principal=principal)


@router.post(
    "/change-requests/{change_id}/withdrawal",
    operation_id="my_change_requests_withdrawal_create",
    summary="Take a change request back (撤回信息变更申请)",
    status_code=201,
    response_model=MyChangeRead,
    responses=problems(
        InvalidToken, MissingScope, NotAnOwner, NotYourChange, ChangeNotFound, WrongStatus, Invalid, KeyInFlight,
        KeyReused,
    ),
    openapi_extra={"x-rules": ["OWN-05"]},
)  # fmt: skip
async def my_change_requests_withdrawal_create(
    principal: MyWrite, session: Tx, now: Now, response: Response, change_id: UUID, body: MyChangeWithdrawal
) -> dict[str, Any]:
    """Only what he entered himself, and before it is applied."""
    await changes_steps.withdraw(session, change_id=change_id, reason=body.reason, principal=principal, now=now)
    return await _change(session, response, change_id=change_id, principal=principal)


async def _change(connection: Connection, response: Response, *, change_id: UUID, principal: MyRead) -> dict[str, Any]:
    row = await own_records.change_of(connection, change_id=change_id, owner_id=self_of(principal))
    if row is None:
        raise ChangeNotFound
    put_version(response, row.version)
    return views.change(row, principal=principal)


@router.get(
    "/consents",
    operation_id="my_consents_read",
    summary="What one agrees to (本人同意现状)",
    response_model=MyConsentsRead,
    responses=problems(InvalidToken, MissingScope, NotAnOwner),
    openapi_extra={"x-rules": ["OWN-07"]},
)
async def my_consents_read(principal: MyRead, reader: Reader, spoken: Lang) -> dict[str, Any]:
    """Every purpose with his latest word on it. Who never said anything does not agree."""
    return views.consents(await own_records.consents_now(reader, owner_id=self_of(principal)), language=spoken)


@router.get(
    "/consents/history",
    operation_id="my_consents_history_list",
    summary="Everything one said (同意与撤回记录)",
    response_model=PageOf[MyConsentEvent],
    responses=problems(InvalidToken, MissingScope, NotAnOwner, InvalidCursor, Invalid),
    openapi_extra={"x-rules": ["OWN-07"]},
)
async def my_consents_history_list(
    principal: MyRead, reader: Reader, paging: PageParams, purpose: ConsentPurpose | None = None
) -> Response:
    """Consents and withdrawals, newest first."""
    query = own_records.consents(owner_id=self_of(principal))
    if purpose is not None:
        query = query.where(Consent.purpose == purpose)
    page = await newest_first(reader, query=query, key=Consent.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=views.consent)


@router.post(
    "/consents",
    operation_id="my_consents_create",
    summary="Agree to a purpose (同意)",
    status_code=201,
    response_model=MyConsentsRead,
    responses=problems(InvalidToken, MissingScope, NotAnOwner, OwnerNotFound, Invalid, KeyInFlight, KeyReused),
    openapi_extra={"x-rules": ["OWN-07"]},
)
async def my_consents_create(
    principal: MyWrite, session: Tx, now: Now, spoken: Lang, response: Response, body: MyConsentGive
) -> dict[str, Any]:
    """Of his own free will, for one purpose, by the text that he was shown."""
    await consents.state_own(
        session, purpose=body.purpose, given=True, text_version=body.text_version, principal=principal, now=now
    )
    response.headers["Location"] = "/v1/my/consents"
    return views.consents(await own_records.consents_now(session, owner_id=self_of(principal)), language=spoken)


@router.post(
    "/consents/{purpose}/withdrawal",
    operation_id="my_consents_withdrawal_create",
    summary="Take a consent back (撤回同意)",
    status_code=201,
    response_model=MyConsentsRead,
    responses=problems(InvalidToken, MissingScope, NotAnOwner, OwnerNotFound, Invalid, KeyInFlight, KeyReused),
    openapi_extra={"x-rules": ["OWN-07"]},
)
async def my_consents_withdrawal_create(
    principal: MyWrite, session: Tx, now: Now, spoken: Lang, purpose: ConsentPurpose
) -> dict[str, Any]:
    """Always possible and in force at once, as easy as agreeing; also for what he never agreed to."""
    await consents.state_own(session, purpose=purpose, given=False, text_version=None, principal=principal, now=now)
    return views.consents(await own_records.consents_now(session, owner_id=self_of(principal)), language=spoken)
