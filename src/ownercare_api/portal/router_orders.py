"""The repairs in an owner's home: following them, consent to more time, the signature."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ownercare_api.core.clock import business_date
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
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.deadlines.views import of_subjects
from ownercare_api.files.service import FileNotUsable
from ownercare_api.identity.access import MissingScope
from ownercare_api.identity.tokens import InvalidToken
from ownercare_api.owners.own import HomeSold, NotAnOwner, self_of
from ownercare_api.portal import repository, service, views
from ownercare_api.portal.access import MyRead, MyWrite
from ownercare_api.portal.lifecycle import RepairStatus, work_order_statuses
from ownercare_api.portal.schemas_cases import MyConsentCreate, MySignatureCreate, MyWorkOrderRead, MyWorkOrderSummary
from ownercare_api.workorders import own
from ownercare_api.workorders.callbacks import SatisfactionOutOfScale
from ownercare_api.workorders.extensions import ConsentTooLate
from ownercare_api.workorders.facts import SeatTaken
from ownercare_api.workorders.lifecycle import NoExtensionOpen
from ownercare_api.workorders.models import WorkOrder
from ownercare_api.workorders.orders import WorkOrderNotFound

router = APIRouter(prefix="/v1/my/work-orders", tags=["my"], route_class=OwnerCareRoute)


@router.get(
    "",
    operation_id="my_work_orders_list",
    summary="Repairs of one's own (本人维修单列表)",
    response_model=PageOf[MyWorkOrderSummary],
    responses=problems(InvalidToken, MissingScope, NotAnOwner, InvalidCursor, Invalid),
    openapi_extra={"x-rules": ["REP-15", "OWN-07"]},
)
async def my_work_orders_list(
    principal: MyRead,
    reader: Reader,
    now: Now,
    spoken: Lang,
    paging: PageParams,
    status: Annotated[RepairStatus | None, Query(description="where it stands for him (状态)")] = None,
    ticket_id: UUID | None = None,
    unit_id: UUID | None = None,
) -> Response:
    """The work orders of his cases, newest first."""
    query = own.own_orders(owner_id=self_of(principal), today=business_date(now))
    given = {"ticket_id": ticket_id, "unit_id": unit_id}
    columns = WorkOrder.__table__.c
    query = query.where(*(columns[name] == value for name, value in given.items() if value is not None))
    if status is not None:
        query = query.where(WorkOrder.status.in_(work_order_statuses(status)))
    page = await newest_first(reader, query=query, key=columns.id, wanted=paging.wanted)
    clocks = await of_subjects(reader, subject_ids=[row.id for row in page.items], now=now)
    return paging.answer(page, show=lambda row: views.order_summary(row, clocks=clocks[row.id], language=spoken))


@router.get(
    "/{work_order_id}",
    operation_id="my_work_orders_read",
    summary="A repair of one's own (本人维修单详情)",
    response_model=MyWorkOrderRead,
    responses=problems(InvalidToken, MissingScope, NotAnOwner, WorkOrderNotFound, Invalid),
    openapi_extra={"x-rules": ["REP-05", "REP-07", "REP-12", "OWN-07"]},
)
async def my_work_orders_read(
    principal: MyRead, reader: Reader, now: Now, spoken: Lang, response: Response, work_order_id: UUID
) -> dict[str, Any]:
    """Who comes, for which trades, until when; requests for more time, photos, his signature. No money, and nothing of
    what passes between the firms."""
    return await _answer(reader, response, work_order_id=work_order_id, principal=principal, now=now, spoken=spoken)


@router.post(
    "/{work_order_id}/consent",
    operation_id="my_work_orders_consent_create",
    summary="Answer a request for more time (答复延期申请)",
    status_code=201,
    response_model=MyWorkOrderRead,
    responses=problems(
        InvalidToken, MissingScope, NotAnOwner, HomeSold, WorkOrderNotFound, WrongStatus, NoExtensionOpen,
        ConsentTooLate, Invalid, KeyInFlight, KeyReused,
    ),
    openapi_extra={"x-rules": ["REP-07"]},
)  # fmt: skip
async def my_work_orders_consent_create(
    principal: MyWrite, session: Tx, state: State, now: Now, spoken: Lang, response: Response, work_order_id: UUID,
    body: MyConsentCreate,
) -> dict[str, Any]:  # fmt: skip
    """Consent counts up to the old limit, that instant included, and moves it; the original stays visible. Later
    consent is refused. A refusal may be given at any time."""
    await own.answer_extension(
        session,
        work_order_id=work_order_id,
        consented=body.consented,
        note=body.note,
        calendar=await state.parts[CalendarStore].get(session),
        principal=principal,
        now=now,
    )
    return await _answer(session, response, work_order_id=work_order_id, principal=principal, now=now, spoken=spoken)


@router.post(
    "/{work_order_id}/signature",
    operation_id="my_work_orders_signature_create",
    summary="Sign the acceptance (业主签认)",
    status_code=201,
    response_model=MyWorkOrderRead,
    responses=problems(
        InvalidToken, MissingScope, NotAnOwner, HomeSold, WorkOrderNotFound, WrongStatus, SeatTaken,
        SatisfactionOutOfScale, FileNotUsable, Invalid, KeyInFlight, KeyReused,
    ),
    openapi_extra={"x-rules": ["REP-12", "FIN-17"]},
)  # fmt: skip
async def my_work_orders_signature_create(
    principal: MyWrite, session: Tx, state: State, now: Now, spoken: Lang, response: Response, work_order_id: UUID,
    body: MySignatureCreate,
) -> dict[str, Any]:  # fmt: skip
    """The owner's seat of the acceptance, with his score and opinion; once in a round. With the three others it signs
    off, and the callback is owed (REP-13)."""
    await own.sign(
        session,
        work_order_id=work_order_id,
        satisfaction=body.satisfaction,
        opinion=body.opinion,
        signature_file_id=body.signature_file_id,
        calendar=await state.parts[CalendarStore].get(session),
        principal=principal,
        now=now,
    )
    return await _answer(session, response, work_order_id=work_order_id, principal=principal, now=now, spoken=spoken)


async def _answer(
    connection: repository.Connection,
    response: Response,
    *,
    work_order_id: UUID,
    principal: MyRead,
    now: Now,
    spoken: Lang,
) -> dict[str, Any]:
    shown = await service.order(connection, work_order_id=work_order_id, principal=principal, now=now, language=spoken)
    put_version(response, shown["version"])
    return shown
