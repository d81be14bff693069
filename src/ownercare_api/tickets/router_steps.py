"""The steps of a ticket, each a sub-resource that is POSTed."""

from uuid import UUID

from fastapi import APIRouter, Response

from ownercare_api.core.hot import driver_of
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Tx
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.identity.declaring import Steps
from ownercare_api.identity.principal import Principal
from ownercare_api.tickets import handling, repository, triage
from ownercare_api.tickets.access import TicketsClose, TicketsHandle, TicketsRegister, TicketsTriage
from ownercare_api.tickets.lifecycle import (
    LIFECYCLE,
    AlreadyHeld,
    DepartmentMissing,
    NotHeld,
    OwnerNotInformed,
    RepairWithoutWork,
    WorkOpen,
)
from ownercare_api.tickets.registration import ReceivedOutOfRange
from ownercare_api.tickets.router import ticket_answer
from ownercare_api.tickets.schemas import (
    ClassificationCreate,
    ClosureCreate,
    NoteCreate,
    OwnerFeedbackCreate,
    ReasonCreate,
    RegisterEntryCreate,
    ResolutionCreate,
    ResponseCreate,
    TicketRead,
)
from ownercare_api.tickets.service import TicketNotFound

router = APIRouter(prefix="/v1/tickets/{ticket_id}", tags=["tickets"], route_class=OwnerCareRoute)

_step = Steps("tickets", LIFECYCLE, model=TicketRead, missing=(TicketNotFound,))


async def _answer(session: Tx, ticket_id: UUID, principal: Principal, now: Now) -> Response:
    await session.flush()
    record = await repository.one(await driver_of(session), ticket_id=ticket_id, principal=principal, now=now)
    return ticket_answer(record, principal=principal, status_code=201)


@router.post("/responses", **_step("responses", "Respond to the owner (首次响应)"))
async def respond(principal: TicketsHandle, session: Tx, now: Now, ticket_id: UUID, body: ResponseCreate) -> Response:
    """The first response stops the response clock (CMP-02; in the sales office REP-20)."""
    await handling.respond(session, ticket_id=ticket_id, **body.model_dump(), principal=principal, now=now)
    return await _answer(session, ticket_id, principal, now)


@router.post(
    "/classification",
    **_step(
        "classification",
        "Verify, classify, name department and handler (核实分类、指定责任部门与经办人)",
        triage.HandlerNotOfDepartment,
        triage.ManagerHandlesClaim,
        WorkOpen,
    ),
)
async def classify(
    principal: TicketsTriage, session: Tx, state: State, now: Now, ticket_id: UUID, body: ClassificationCreate
) -> Response:
    """Names the cause class, the responsible department and its fixed person, and starts the department's clocks
    (CMP-07, CMP-08). May be repeated while the ticket is open; a corrected category changes the clocks, counted from
    the receipt. Claims of the threshold and above must be handled by the manager (CMP-17)."""
    calendar = await state.parts[CalendarStore].get(session)
    await triage.classify(
        session, ticket_id=ticket_id, **body.model_dump(), calendar=calendar, principal=principal, now=now
    )
    return await _answer(session, ticket_id, principal, now)


@router.post(
    "/investigation",
    **_step("investigation", "Begin the investigation (启动调查)", DepartmentMissing, triage.NotResponsible),
)
async def investigate(principal: TicketsHandle, session: Tx, now: Now, ticket_id: UUID, body: NoteCreate) -> Response:
    """The responsible department has begun to investigate (CMP-08)."""
    await handling.investigate(session, ticket_id=ticket_id, note=body.note, principal=principal, now=now)
    return await _answer(session, ticket_id, principal, now)


@router.post(
    "/department-feedback",
    **_step(
        "department-feedback", "Feed back to customer service (责任部门反馈)", DepartmentMissing, triage.NotResponsible
    ),
)
async def feed_back_to_department(
    principal: TicketsHandle, session: Tx, now: Now, ticket_id: UUID, body: NoteCreate
) -> Response:
    """The responsible department's handling information, owed within 3 working days of receipt (CMP-07)."""
    await handling.feed_back_to_department(session, ticket_id=ticket_id, note=body.note, principal=principal, now=now)
    return await _answer(session, ticket_id, principal, now)


@router.post(
    "/resolution",
    **_step("resolution", "Record the result (处理完成)", WorkOpen, RepairWithoutWork, triage.NotResponsible),
)
async def resolve(principal: TicketsHandle, session: Tx, now: Now, ticket_id: UUID, body: ResolutionCreate) -> Response:
    """What was done, with grounds. A repair needs signed-off work, or a survey that found the company not liable."""
    await handling.resolve(session, ticket_id=ticket_id, result=body.result, principal=principal, now=now)
    return await _answer(session, ticket_id, principal, now)


@router.post("/owner-feedback", **_step("owner-feedback", "Tell the owner the result (向业主反馈结果)"))
async def feed_back_to_owner(
    principal: TicketsHandle, session: Tx, now: Now, ticket_id: UUID, body: OwnerFeedbackCreate
) -> Response:
    """Result and grounds as told to the owner, and the owner's opinion (CMP-03, CMP-13)."""
    await handling.feed_back_to_owner(session, ticket_id=ticket_id, **body.model_dump(), principal=principal, now=now)
    return await _answer(session, ticket_id, principal, now)


@router.post("/closure", **_step("closure", "Close and archive (办结归档)", WorkOpen, OwnerNotInformed))
async def close(principal: TicketsClose, session: Tx, now: Now, ticket_id: UUID, body: ClosureCreate) -> Response:
    """Closes a resolved ticket whose owner was told, and archives it with its whole history (CMP-14)."""
    await handling.close(session, ticket_id=ticket_id, note=body.note, principal=principal, now=now)
    return await _answer(session, ticket_id, principal, now)


@router.post("/reopening", **_step("reopening", "Reopen (重新受理)"))
async def reopen(
    principal: TicketsClose, session: Tx, state: State, now: Now, ticket_id: UUID, body: ReasonCreate
) -> Response:
    """Takes a resolved or closed ticket up again: it keeps its first clocks and gets new ones (reading 3)."""
    calendar = await state.parts[CalendarStore].get(session)
    await handling.reopen(
        session, ticket_id=ticket_id, reason=body.reason, calendar=calendar, principal=principal, now=now
    )
    return await _answer(session, ticket_id, principal, now)


@router.post("/withdrawal", **_step("withdrawal", "Withdraw (业主撤回)", WorkOpen))
async def withdraw(principal: TicketsHandle, session: Tx, now: Now, ticket_id: UUID, body: ReasonCreate) -> Response:
    """The owner withdrew it; it stays in the register with its reason."""
    await handling.withdraw(session, ticket_id=ticket_id, reason=body.reason, principal=principal, now=now)
    return await _answer(session, ticket_id, principal, now)


@router.post("/hold", **_step("hold", "Let the clocks stand still (暂停计时)", AlreadyHeld, rules=("CMP-14",)))
async def hold(principal: TicketsHandle, session: Tx, now: Now, ticket_id: UUID, body: ReasonCreate) -> Response:
    """Records an interval in which the ticket's clocks do not count; nothing is reset (reading 3)."""
    await handling.hold(session, ticket_id=ticket_id, reason=body.reason, principal=principal, now=now)
    return await _answer(session, ticket_id, principal, now)


@router.post("/hold-release", **_step("hold-release", "Let the clocks run on (恢复计时)", NotHeld, rules=("CMP-14",)))
async def release(principal: TicketsHandle, session: Tx, state: State, now: Now, ticket_id: UUID) -> Response:
    """Ends the interval; every running clock is due later by the time it stood still."""
    calendar = await state.parts[CalendarStore].get(session)
    await handling.release(session, ticket_id=ticket_id, calendar=calendar, principal=principal, now=now)
    return await _answer(session, ticket_id, principal, now)


@router.post(
    "/register-entries", **_step("register-entries", "Enter a further call (再次来电登记)", ReceivedOutOfRange)
)
async def register_again(
    principal: TicketsRegister, session: Tx, now: Now, ticket_id: UUID, body: RegisterEntryCreate
) -> Response:
    """A further call about an open ticket gets its own line in the register (CHN-03); no clock moves."""
    fields = body.model_dump() | {"received_at": body.received_at or now}
    await handling.register_again(session, ticket_id=ticket_id, **fields, principal=principal, now=now)
    return await _answer(session, ticket_id, principal, now)
