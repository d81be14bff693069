"""Work orders: raising, reading, editing, cancelling. The steps of the work are in `router_work`."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from ownercare_api.core.hot import driver_of
from ownercare_api.core.http.etag import IfMatch, put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.lifecycle import WrongStatus
from ownercare_api.core.listing import given, newest_first
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.deadlines.views import of_subjects
from ownercare_api.identity.declaring import Steps, creates, lists, reads, updates
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.owners.looks import CaseLooks
from ownercare_api.tickets.service import TicketNotFound
from ownercare_api.workorders import orders, raising, repository, showing, surveys, views
from ownercare_api.workorders.access import WorkOrdersRaise, WorkOrdersRead
from ownercare_api.workorders.lifecycle import WORK_ORDER_LIFECYCLE, AmountFixed, RepairClass, WorkOrderStatus
from ownercare_api.workorders.orders import WorkOrderNotFound
from ownercare_api.workorders.schemas_orders import (
    WorkOrderCreate,
    WorkOrderRead,
    WorkOrderSummary,
    WorkOrderUpdate,
    WorkReasonCreate,
)

router = APIRouter(prefix="/v1/work-orders", tags=["work-orders"], route_class=OwnerCareRoute)

step = Steps("work_orders", WORK_ORDER_LIFECYCLE, model=WorkOrderRead, missing=(WorkOrderNotFound,))


async def answer(
    connection: repository.Connection, work_order_id: UUID, *, principal: Principal, now: Now, response: Response
) -> dict[str, Any]:
    """Return the full representation, and say its version."""
    row = await _visible(connection, work_order_id, principal=principal)
    put_version(response, row.version)
    return await showing.order(connection, row, principal=principal, now=now)


async def _visible(connection: repository.Connection, work_order_id: UUID, *, principal: Principal) -> Any:
    row = await repository.order(connection, work_order_id=work_order_id, principal=principal)
    if row is None:
        raise WorkOrderNotFound
    return row


@router.post(
    "",
    **creates(
        "work_orders_create",
        "Raise a work order (开具工程派工单)",
        OutOfReach,
        surveys.SurveyNotFound,
        TicketNotFound,
        surveys.NotCoSigned,
        surveys.NotARepair,
        surveys.TicketNotAccepted,
        raising.NotUrgent,
        raising.NotTheCompanysToPay,
        raising.ContractMissing,
        raising.EstimateMissing,
        raising.LinesTaken,
        raising.LineUnknown,
        rules=("REP-08", "FIN-01", "FIN-02", "FIN-03", "CMP-04"),
        model=WorkOrderRead,
    ),
)
async def work_orders_create(
    principal: WorkOrdersRaise, session: Tx, state: State, now: Now, response: Response, body: WorkOrderCreate
) -> dict[str, Any]:
    """From a co-signed survey (`site_surveys:read`) of a visible ticket (`tickets:read`): part, trades, estimate and
    the derived class come from it; another class needs `work_orders:override_class` and a reason, which is recorded. In
    an emergency straight from an urgent ticket, with a provisional class until its survey is co-signed (CMP-04). The
    approval is asked for at once, at the tier of all estimates of the ticket together, and requests still pending for
    its other orders follow to a higher tier (FIN-01..03). Surveyor, estimator and raiser may not decide it."""
    calendar = await state.parts[CalendarStore].get(session)
    if body.survey_id is not None:
        wish = body.override
        order = await raising.raise_from_survey(
            session,
            survey_id=body.survey_id,
            description=body.description,
            emergency=body.emergency,
            positions=body.estimate_lines,
            override=None if wish is None else raising.Override(wish.repair_class, wish.reason),
            calendar=calendar,
            principal=principal,
            now=now,
        )
    else:
        # The schema has made sure of these.
        assert body.ticket_id is not None
        assert body.building_part is not None
        assert body.trades is not None
        assert body.estimate_fen is not None
        assert body.repair_class is not None
        order = await raising.raise_emergency(
            session,
            ticket_id=body.ticket_id,
            description=body.description,
            work=raising.EmergencyWork(body.building_part, body.trades, body.estimate_fen, body.repair_class),
            calendar=calendar,
            principal=principal,
            now=now,
        )
    response.headers["Location"] = f"/v1/work-orders/{order.id}"
    return await answer(session, order.id, principal=principal, now=now, response=response)


@router.get(
    "",
    **lists(
        "work_orders_list",
        "Work orders (派工单列表)",
        rules=("REP-08", "REP-15"),
        model=PageOf[WorkOrderSummary],
    ),
)
async def work_orders_list(
    principal: WorkOrdersRead,
    reader: Reader,
    now: Now,
    paging: PageParams,
    status: WorkOrderStatus | None = None,
    repair_class: RepairClass | None = None,
    ticket_id: UUID | None = None,
    project_id: UUID | None = None,
    team_id: UUID | None = None,
    firm_id: UUID | None = None,
    emergency: bool | None = None,
) -> Response:
    """The orders of your projects, newest first; a property company sees those of its teams, a contractor the class-A
    orders that it answers for."""
    filters = given(
        status=status,
        repair_class=repair_class,
        ticket_id=ticket_id,
        project_id=project_id,
        team_id=team_id,
        firm_id=firm_id,
        emergency=emergency,
    )
    query = repository.orders(principal=principal, filters=filters)
    page = await newest_first(reader, query=query, key=repository.W.id, wanted=paging.wanted)
    clocks = await of_subjects(reader, subject_ids=[row.id for row in page.items], now=now)
    return paging.answer(page, show=lambda row: views.order_summary(row, clocks.get(row.id, [])))


@router.get(
    "/{work_order_id}",
    **reads(
        "work_orders_read",
        "One work order with everything about it (工程派工单)",
        WorkOrderNotFound,
        rules=("REP-08", "REP-15"),
        model=WorkOrderRead,
    ),
)
async def work_orders_read(
    principal: WorkOrdersRead, reader: Reader, state: State, now: Now, response: Response, work_order_id: UUID
) -> dict[str, Any]:
    """Class with its reasons, approval, team, clocks, extensions, photos, signatures, callbacks."""
    row = await _visible(reader, work_order_id, principal=principal)
    looks: CaseLooks = state.parts[CaseLooks]
    driver = await driver_of(reader)
    await looks.opened(driver, owner_id=row.case_owner_id, ticket_id=row.ticket_id, actor=principal, now=now)
    put_version(response, row.version)
    return await showing.order(reader, row, principal=principal, now=now)


@router.patch(
    "/{work_order_id}",
    **updates(
        "work_orders_update",
        "Edit description or amount (修改派工单)",
        WorkOrderNotFound,
        WrongStatus,
        AmountFixed,
        rules=("FIN-01", "FIN-02", "FIN-03"),
        model=WorkOrderRead,
    ),
)
async def work_orders_update(
    principal: WorkOrdersRaise,
    session: Tx,
    state: State,
    now: Now,
    response: Response,
    if_match: IfMatch,
    work_order_id: UUID,
    body: WorkOrderUpdate,
) -> dict[str, Any]:
    """Before dispatch, and in an emergency until it is approved; needs `tickets:read`. A changed amount reopens the
    approval at the tier of the new total, and the editor may not decide it."""
    await orders.update(
        session,
        work_order_id=work_order_id,
        check_version=if_match.check,
        description=body.description,
        estimate_fen=body.estimate_fen,
        calendar=await state.parts[CalendarStore].get(session),
        principal=principal,
        now=now,
    )
    return await answer(session, work_order_id, principal=principal, now=now, response=response)


@router.post(
    "/{work_order_id}/cancellation",
    **step("cancellation", "Cancel an order (撤销派工单)", rules=("REP-08",)),
)
async def work_orders_cancellation_create(
    principal: WorkOrdersRaise,
    session: Tx,
    now: Now,
    response: Response,
    work_order_id: UUID,
    body: WorkReasonCreate,
) -> dict[str, Any]:
    """Before the team has begun; needs `tickets:read`. Withdraws a pending approval, ends the clocks, and frees the
    estimate lines."""
    await orders.cancel(session, work_order_id=work_order_id, reason=body.reason, principal=principal, now=now)
    return await answer(session, work_order_id, principal=principal, now=now, response=response)
