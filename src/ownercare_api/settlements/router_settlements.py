"""Settlements: writing, the contractor's answer, disputes, certification, payment and its reversal."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic_core import to_json

from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.lifecycle import WrongStatus
from ownercare_api.core.listing import given
from ownercare_api.core.pagination import cut
from ownercare_api.deadlines import views as deadlines
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.identity.declaring import Steps, creates, lists, reads
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.settlements import (
    certification,
    confirmation,
    disputes,
    payment,
    repository,
    settling,
    views,
)
from ownercare_api.settlements.access import (
    SettlementsCertify,
    SettlementsConfirm,
    SettlementsNotify,
    SettlementsPay,
    SettlementsRead,
    SettlementsWrite,
)
from ownercare_api.settlements.ledger import BalanceTooSmall
from ownercare_api.settlements.lifecycle import (
    SETTLEMENT_LIFECYCLE,
    ContractorNotHeard,
    DeductionNotAudited,
    MayNotResolve,
    NotClassA,
    NotTheContractor,
    OrderNotApproved,
    SettlementStatus,
    StillInTime,
)
from ownercare_api.settlements.lifecycle_parts import OwnWork, PersonRequired
from ownercare_api.settlements.lifecycle_payee import AccountInQuestion, AccountMissing, OwnPayeeAccount
from ownercare_api.settlements.schemas import (
    CertificationCreate,
    ConfirmationCreate,
    PaymentCreate,
    ReasonCreate,
    ResolutionCreate,
    SettlementCreate,
    SettlementRead,
    SettlementSummary,
)
from ownercare_api.settlements.steps import FinalAccountNotFound, SettlementNotFound
from ownercare_api.workorders.lifecycle import RepairClass

router = APIRouter(prefix="/v1", tags=["settlements"], route_class=OwnerCareRoute)

_step = Steps("settlements", SETTLEMENT_LIFECYCLE, model=SettlementRead, missing=(SettlementNotFound,))


async def _answer(
    connection: repository.Connection, settlement_id: UUID, *, principal: Principal, now: Now, status_code: int = 200
) -> Response:
    row = await repository.settlement(connection, settlement_id=settlement_id, principal=principal)
    if row is None:
        raise SettlementNotFound
    lines = await repository.lines(connection, account_id=row.final_account_id)
    replies, resolutions = await repository.replies(connection, settlement_id=settlement_id)
    clocks = await deadlines.of_subjects(connection, subject_ids=[settlement_id], now=now)
    shown = views.settlement_full(
        row, lines=lines, replies=replies, resolutions=resolutions, principal=principal, clocks=clocks
    )
    response = Response(to_json(shown), status_code=status_code, media_type="application/json")
    put_version(response, row.version)
    return response


@router.post(
    "/settlements",
    **creates(
        "settlements_create",
        "Write a settlement (编制维修工程结算书)",
        OutOfReach,
        FinalAccountNotFound,
        WrongStatus,
        OrderNotApproved,
        rules=("FIN-06",),
        model=SettlementRead,
    ),
)
async def settlements_create(principal: SettlementsWrite, session: Tx, now: Now, body: SettlementCreate) -> Response:
    """The 《维修工程结算书》, written by customer service from the audit result. Class A or B is the order's,
    the amount from the audit. A work order whose cost was never approved, an emergency included, is not settled."""
    settlement = await settling.write_settlement(
        session, final_account_id=body.final_account_id, principal=principal, now=now
    )
    response = await _answer(session, settlement.id, principal=principal, now=now, status_code=201)
    response.headers["Location"] = f"/v1/settlements/{settlement.id}"
    return response


@router.get(
    "/settlements",
    **lists(
        "settlements_list",
        "List settlements (结算书列表)",
        rules=("FIN-06", "FIN-07", "FIN-08", "FIN-09"),
        model=PageOf[SettlementSummary],
    ),
)
async def settlements_list(
    principal: SettlementsRead,
    reader: Reader,
    now: Now,
    paging: PageParams,
    status: SettlementStatus | None = None,
    kind: Annotated[RepairClass | None, Query(description="class A or B")] = None,
    firm_id: Annotated[UUID | None, Query(description="the property company")] = None,
    contractor_firm_id: Annotated[UUID | None, Query(description="the contractor")] = None,
    project_id: UUID | None = None,
    ticket_id: UUID | None = None,
    work_order_id: UUID | None = None,
) -> Response:
    """The settlements that the caller may see, newest first: own projects, the property company's own; a contractor
    sees those of its contracts from the notice on."""
    filters = given(
        status=status,
        kind=kind,
        firm_id=firm_id,
        contractor_firm_id=contractor_firm_id,
        project_id=project_id,
        ticket_id=ticket_id,
        work_order_id=work_order_id,
    )
    wanted = paging.wanted
    after = None if wanted.after is None else wanted.after[0]
    rows = await repository.settlements_page(
        reader, filters=filters, principal=principal, limit=wanted.limit, after=after
    )
    total = None
    if wanted.include_total:
        total = await repository.settlements_count(reader, filters=filters, principal=principal)
    clocks = await deadlines.of_subjects(reader, subject_ids=[row.id for row in rows], now=now)
    return paging.answer(
        cut(rows, limit=wanted.limit, key=lambda row: (row.id,), total=total),
        show=lambda row: views.settlement_summary(row, principal=principal, clocks=clocks),
    )


@router.get(
    "/settlements/{settlement_id}",
    **reads(
        "settlements_read",
        "Read a settlement (结算书详情)",
        SettlementNotFound,
        rules=("FIN-06", "FIN-07", "FIN-08", "FIN-09"),
        model=SettlementRead,
    ),
)
async def settlements_read(principal: SettlementsRead, reader: Reader, now: Now, settlement_id: UUID) -> Response:
    """Everything about one settlement: audited lines, who bears what, the contractor's answers, payment, and the steps
    that this caller may take now."""
    return await _answer(reader, settlement_id, principal=principal, now=now)


@router.post(
    "/settlements/{settlement_id}/contractor-notice",
    **_step("contractor-notice", "Notify the contractor (通知施工单位确认)", NotClassA),
)
async def settlements_contractor_notice(
    principal: SettlementsNotify, session: Tx, state: State, now: Now, settlement_id: UUID
) -> Response:
    """The audit department puts a class A settlement to the contractor, who sees it from now on; its time to confirm
    begins (`contractor.confirmation_workdays`)."""
    calendar = await state.parts[CalendarStore].get(session)
    await confirmation.notify_contractor(
        session, settlement_id=settlement_id, calendar=calendar, principal=principal, now=now
    )
    return await _answer(session, settlement_id, principal=principal, now=now, status_code=201)


@router.post(
    "/settlements/{settlement_id}/contractor-confirmation",
    **_step(
        "contractor-confirmation",
        "Answer for the contractor (施工单位确认)",
        NotTheContractor,
        confirmation.PartIsNotLess,
    ),
)
async def settlements_contractor_confirmation(
    principal: SettlementsConfirm, session: Tx, now: Now, settlement_id: UUID, body: ConfirmationCreate
) -> Response:
    """By the contractor's own people: confirmed, refused, or confirmed in part. Anything but a full confirmation makes
    it a dispute, which our side settles."""
    await confirmation.answer(
        session,
        settlement_id=settlement_id,
        decision=body.decision,
        confirmed_fen=body.confirmed_amount_fen,
        reason=body.reason,
        principal=principal,
        now=now,
    )
    return await _answer(session, settlement_id, principal=principal, now=now, status_code=201)


@router.post(
    "/settlements/{settlement_id}/reminder",
    **_step("reminder", "Remind the contractor (催告施工单位)", StillInTime),
)
async def settlements_reminder(
    principal: SettlementsNotify, session: Tx, state: State, now: Now, settlement_id: UUID
) -> Response:
    """Once the time to confirm is over; a last time begins (`contractor.reminder_workdays`)."""
    calendar = await state.parts[CalendarStore].get(session)
    await confirmation.remind(session, settlement_id=settlement_id, calendar=calendar, principal=principal, now=now)
    return await _answer(session, settlement_id, principal=principal, now=now, status_code=201)


@router.post(
    "/settlements/{settlement_id}/deemed-confirmation",
    **_step("deemed-confirmation", "Record silence as confirmation (视为确认)", StillInTime),
)
async def settlements_deemed_confirmation(
    principal: SettlementsNotify, session: Tx, now: Now, settlement_id: UUID
) -> Response:
    """Once the last time after the reminder is over as well: deemed confirmed, and recorded as such. The system does
    the same by itself."""
    await confirmation.deem_confirmed(session, settlement_id=settlement_id, principal=principal, now=now)
    return await _answer(session, settlement_id, principal=principal, now=now, status_code=201)


@router.post(
    "/settlements/{settlement_id}/dispute-resolution",
    **_step(
        "dispute-resolution",
        "Settle a dispute (争议处理)",
        MayNotResolve,
        OwnWork,
        PersonRequired,
        disputes.ShareAboveAmount,
    ),
)
async def settlements_dispute_resolution(
    principal: SettlementsRead, session: Tx, state: State, now: Now, settlement_id: UUID, body: ResolutionCreate
) -> Response:
    """A corrected amount (`settlements:write`) is put to the contractor again; a determination of the deputy chief
    engineer (`settlements:certify`) stands against it; moved to B (`settlements:certify`), the company bears the cost.
    What the contractor need not bear is the company's; the property company gets the audited cost in any case."""
    calendar = await state.parts[CalendarStore].get(session)
    await disputes.resolve_dispute(
        session, settlement_id=settlement_id, **body.model_dump(), calendar=calendar, principal=principal, now=now
    )
    return await _answer(session, settlement_id, principal=principal, now=now, status_code=201)


@router.post(
    "/settlements/{settlement_id}/certification",
    **_step(
        "certification", "Certify (副总工程师认定)", ContractorNotHeard, OwnWork, PersonRequired, DeductionNotAudited
    ),
)
async def settlements_certification(
    principal: SettlementsCertify, session: Tx, now: Now, settlement_id: UUID, body: CertificationCreate
) -> Response:
    """The determination of the deputy chief engineer in charge of quality: all of class B; of class A what the
    contractor confirmed, is deemed to have confirmed, or was determined. Nobody certifies what they prepared, audited
    or wrote."""
    await certification.certify(
        session, settlement_id=settlement_id, opinion=body.opinion, principal=principal, now=now
    )
    return await _answer(session, settlement_id, principal=principal, now=now, status_code=201)


@router.post(
    "/settlements/{settlement_id}/payment",
    **_step(
        "payment",
        "Pay and deduct retention (拨付并扣除保证金)",
        OwnWork,
        PersonRequired,
        DeductionNotAudited,
        OwnPayeeAccount,
        AccountMissing,
        AccountInQuestion,
        payment.RetentionNotOpened,
        keyed=True,
    ),
)
async def settlements_payment(
    principal: SettlementsPay, session: Tx, now: Now, settlement_id: UUID, body: PaymentCreate
) -> Response:
    """One transaction: the property company gets the audited cost; class A is deducted from the contractor's retention,
    never below zero, and what that can't cover becomes a claim on the contractor. Needs an `Idempotency-Key`. The payer
    had no hand in any earlier step, nor in the firm's bank account since the settlement was written. While a change of
    that account is open nothing is paid."""
    await payment.pay(session, settlement_id=settlement_id, reference=body.reference, principal=principal, now=now)
    return await _answer(session, settlement_id, principal=principal, now=now, status_code=201)


@router.post(
    "/settlements/{settlement_id}/payment/reversal",
    **_step("payment/reversal", "Reverse a payment (拨付冲正)", OwnWork, PersonRequired, BalanceTooSmall, keyed=True),
)
async def settlements_payment_reversal(
    principal: SettlementsPay, session: Tx, now: Now, settlement_id: UUID, body: ReasonCreate
) -> Response:
    """Books the opposite entry, by another person of finance than the payer; the settlement is `certified` again and
    may be paid anew. Nothing in the ledger is changed or deleted. Needs an `Idempotency-Key`."""
    await payment.reverse_payment(
        session, settlement_id=settlement_id, reason=body.reason, principal=principal, now=now
    )
    return await _answer(session, settlement_id, principal=principal, now=now, status_code=201)
