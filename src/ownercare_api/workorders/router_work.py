"""The steps of the work: dispatch, acceptance, extension, completion, signatures, callback."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Tx
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.files.service import FileNotUsable
from ownercare_api.workorders import callbacks, completion, dispatching, extensions, facts
from ownercare_api.workorders.access import (
    CallbacksRecord,
    WorkOrdersAccept,
    WorkOrdersConsent,
    WorkOrdersDispatch,
    WorkOrdersExecute,
    WorkOrdersRead,
)
from ownercare_api.workorders.lifecycle import (
    ExtensionOpen,
    NoExtensionOpen,
    NotApproved,
    NotTheCaptain,
    SignatureSeat,
)
from ownercare_api.workorders.router_orders import answer, step
from ownercare_api.workorders.schemas_orders import (
    CallbackCreate,
    CompletionCreate,
    CompletionSignatureCreate,
    ConsentCreate,
    DispatchCreate,
    ExtensionCreate,
    ReworkCreate,
    WorkReasonCreate,
)

router = APIRouter(prefix="/v1/work-orders/{work_order_id}", tags=["work-orders"], route_class=OwnerCareRoute)


@router.post(
    "/dispatch",
    **step(
        "dispatch",
        "Dispatch to a repair team (派工)",
        NotApproved,
        dispatching.TeamNotServing,
        dispatching.TradesMissing,
        dispatching.WorkerUnsuitable,
        dispatching.AgreementMissing,
    ),
)
async def dispatch(
    principal: WorkOrdersDispatch,
    session: Tx,
    state: State,
    now: Now,
    response: Response,
    work_order_id: UUID,
    body: DispatchCreate,
) -> dict[str, Any]:
    """To a team that serves the project and has active repairers for all trades of the order; class A only where the
    contractor signed the supplementary repair agreement (REP-09). The repair clock starts: 3 working days for one
    trade, 7 for several (REP-05, REP-06); after a refusal it runs on. An emergency may be dispatched before
    approval."""
    await dispatching.dispatch(
        session,
        work_order_id=work_order_id,
        team_id=body.team_id,
        worker_id=body.worker_id,
        calendar=await state.parts[CalendarStore].get(session),
        principal=principal,
        now=now,
    )
    return await answer(session, work_order_id, principal=principal, now=now, response=response)


@router.post("/acceptance", **step("acceptance", "Take the order (接单)"))
async def accept(
    principal: WorkOrdersExecute, session: Tx, now: Now, response: Response, work_order_id: UUID
) -> dict[str, Any]:
    """The property company's people take the order and begin."""
    await dispatching.accept(session, work_order_id=work_order_id, principal=principal, now=now)
    return await answer(session, work_order_id, principal=principal, now=now, response=response)


@router.post("/refusal", **step("refusal", "Hand the order back (退单)"))
async def refuse(
    principal: WorkOrdersExecute,
    session: Tx,
    now: Now,
    response: Response,
    work_order_id: UUID,
    body: WorkReasonCreate,
) -> dict[str, Any]:
    """The team can't do it: engineering urges the contractor, or another team gets it, within the same limit
    (REP-10)."""
    await dispatching.refuse(session, work_order_id=work_order_id, reason=body.reason, principal=principal, now=now)
    return await answer(session, work_order_id, principal=principal, now=now, response=response)


@router.post(
    "/extension",
    **step("extension", "Ask for more time (申请延期)", NotTheCaptain, ExtensionOpen, extensions.DeadlinePassed),
)
async def ask_for_extension(
    principal: WorkOrdersExecute,
    session: Tx,
    now: Now,
    response: Response,
    work_order_id: UUID,
    body: ExtensionCreate,
) -> dict[str, Any]:
    """The captain asks before the limit has passed; nothing moves until the owner consents (REP-07)."""
    await extensions.ask(
        session,
        work_order_id=work_order_id,
        reason=body.reason,
        extra_workdays=body.extra_workdays,
        principal=principal,
        now=now,
    )
    return await answer(session, work_order_id, principal=principal, now=now, response=response)


@router.post(
    "/consent",
    **step(
        "consent",
        "Record the owner's answer (登记业主延期答复)",
        NoExtensionOpen,
        extensions.ConsentTooLate,
        FileNotUsable,
    ),
)
async def record_consent(
    principal: WorkOrdersConsent,
    session: Tx,
    state: State,
    now: Now,
    response: Response,
    work_order_id: UUID,
    body: ConsentCreate,
) -> dict[str, Any]:
    """Consent counts when it is recorded up to the old limit, that instant included; it moves the limit, and the
    original one stays visible. Later consent is refused (REP-07)."""
    await extensions.answer(
        session,
        work_order_id=work_order_id,
        given=extensions.Answer(**body.model_dump()),
        calendar=await state.parts[CalendarStore].get(session),
        principal=principal,
        now=now,
    )
    return await answer(session, work_order_id, principal=principal, now=now, response=response)


@router.post("/completion", **step("completion", "Report the work done (报完工)", FileNotUsable))
async def complete(
    principal: WorkOrdersExecute,
    session: Tx,
    now: Now,
    response: Response,
    work_order_id: UUID,
    body: CompletionCreate,
) -> dict[str, Any]:
    """With at least one photo of before and one of after; the repair clock stops now."""
    await completion.complete(session, work_order_id=work_order_id, **body.model_dump(), principal=principal, now=now)
    return await answer(session, work_order_id, principal=principal, now=now, response=response)


@router.post("/rework", **step("rework", "Send back for rework (返工)"))
async def rework(
    principal: WorkOrdersAccept,
    session: Tx,
    state: State,
    now: Now,
    response: Response,
    work_order_id: UUID,
    body: ReworkCreate,
) -> dict[str, Any]:
    """The acceptance found faults: a new round with its own repair clock of the same term; the signatures begin
    anew."""
    await completion.rework(
        session,
        work_order_id=work_order_id,
        reason=body.reason,
        calendar=await state.parts[CalendarStore].get(session),
        principal=principal,
        now=now,
    )
    return await answer(session, work_order_id, principal=principal, now=now, response=response)


@router.post(
    "/signatures",
    **step(
        "signatures",
        "Sign the acceptance, or take the owner's signature (竣工验收签字、业主签认)",
        facts.NotYourSeat,
        facts.SeatTaken,
        facts.ReporterSignsAsCaptain,
        facts.OnePersonOneSeat,
        FileNotUsable,
        one_of=[f"work_orders:sign:{seat.value}" for seat in SignatureSeat],
    ),
)
async def sign(
    principal: WorkOrdersRead,
    session: Tx,
    state: State,
    now: Now,
    response: Response,
    work_order_id: UUID,
    body: CompletionSignatureCreate,
) -> dict[str, Any]:
    """Customer service, engineering or property, the captain, and the owner, in any order (REP-12). Besides
    `work_orders:read` you need the scope of the seat (`work_orders:sign:…`). The three staff seats are three
    people, and who reported the work done signs as captain only. The fourth signature signs off and starts the
    callback clock (REP-13)."""
    await completion.sign(
        session,
        work_order_id=work_order_id,
        given=completion.Acceptance(**body.model_dump()),
        calendar=await state.parts[CalendarStore].get(session),
        principal=principal,
        now=now,
    )
    return await answer(session, work_order_id, principal=principal, now=now, response=response)


@router.post(
    "/callbacks",
    **step("callbacks", "Record a callback attempt (登记回访)", callbacks.SatisfactionOutOfScale),
)
async def call_back(
    principal: CallbacksRecord,
    session: Tx,
    now: Now,
    response: Response,
    work_order_id: UUID,
    body: CallbackCreate,
) -> dict[str, Any]:
    """Owed within one working day of the sign-off. Answered or declined ends it, as does the last attempt that the
    policy allows; then the clock stops, the order is closed, and the ticket can be resolved (REP-13)."""
    await callbacks.attempt(session, work_order_id=work_order_id, **body.model_dump(), principal=principal, now=now)
    return await answer(session, work_order_id, principal=principal, now=now, response=response)
