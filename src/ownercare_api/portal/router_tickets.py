"""An owner's own cases: registering, following, urging, withdrawing."""

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
from ownercare_api.core.listing import containing, newest_first
from ownercare_api.core.pagination import InvalidCursor, cut
from ownercare_api.core.wire import Instant
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.deadlines.views import of_subjects
from ownercare_api.files.service import FileNotUsable
from ownercare_api.identity.access import MissingScope
from ownercare_api.identity.tokens import InvalidToken
from ownercare_api.owners.archive import PhoneNotFound
from ownercare_api.owners.own import HomeSold, NotAnOwner, self_of
from ownercare_api.policies.service import NoPolicy
from ownercare_api.portal import repository, service, views
from ownercare_api.portal.access import MyRead, MyWrite
from ownercare_api.portal.schemas_cases import (
    ChaseCreate,
    MyEventRead,
    MyTicketCreate,
    MyTicketRead,
    MyTicketSummary,
    WithdrawalCreate,
)
from ownercare_api.tickets import own
from ownercare_api.tickets.lifecycle import Category, TicketStatus, WorkOpen
from ownercare_api.tickets.models import Ticket
from ownercare_api.tickets.own import ChasedEnough, NotYourCase, OwnIntake
from ownercare_api.tickets.registration import PlaceNotFound
from ownercare_api.tickets.service import TicketNotFound

router = APIRouter(prefix="/v1/my/tickets", tags=["my"], route_class=OwnerCareRoute)

_FINISHED = (TicketStatus.CLOSED, TicketStatus.WITHDRAWN)


@router.post(
    "",
    operation_id="my_tickets_create",
    summary="Register one's own matter (业主自助报修、投诉、咨询)",
    status_code=201,
    response_model=MyTicketRead,
    responses=problems(
        InvalidToken, MissingScope, NotAnOwner, PlaceNotFound, PhoneNotFound, NoPolicy, FileNotUsable, Invalid,
        KeyInFlight, KeyReused,
    ),
    openapi_extra={"x-rules": ["CHN-01", "CHN-03", "REP-01", "CMP-01", "CMP-02", "REP-02"]},
)  # fmt: skip
async def my_tickets_create(
    principal: MyWrite, session: Tx, state: State, now: Now, spoken: Lang, response: Response, body: MyTicketCreate
) -> dict[str, Any]:
    """About a home that is his now, received now. It gets its number and its line in the 《来电、来访登记表》 like what
    is said on the telephone, and the same clocks. The name and number of his record are used."""
    ticket_id = await service.register(
        session,
        database=state.database,
        intake=OwnIntake(**body.model_dump(exclude={"file_ids"})),
        file_ids=body.file_ids,
        calendar=await state.parts[CalendarStore].get(session),
        keyring=state.keyring,
        principal=principal,
        now=now,
    )
    response.headers["Location"] = f"/v1/my/tickets/{ticket_id}"
    return await _answer(session, response, ticket_id=ticket_id, principal=principal, now=now, spoken=spoken)


@router.get(
    "",
    operation_id="my_tickets_list",
    summary="One's own cases (本人工单列表)",
    response_model=PageOf[MyTicketSummary],
    responses=problems(InvalidToken, MissingScope, NotAnOwner, InvalidCursor, Invalid),
    openapi_extra={"x-rules": ["CMP-14", "OWN-07", "OWN-10"]},
)
async def my_tickets_list(
    principal: MyRead,
    reader: Reader,
    now: Now,
    spoken: Lang,
    paging: PageParams,
    status: TicketStatus | None = None,
    category: Category | None = None,
    unit_id: UUID | None = None,
    mine: Annotated[bool | None, Query(description="in his own name, or only about his home")] = None,
    finished: Annotated[bool | None, Query(description="closed or withdrawn (已办结)")] = None,
    received_from: Annotated[Instant | None, Query(description="received at or after")] = None,
    received_before: Annotated[Instant | None, Query(description="received before")] = None,
    q: Annotated[
        str | None, Query(min_length=1, max_length=100, description="piece of number, title or description")
    ] = None,
) -> Response:
    """Those in his name, and those about a home of his that were received while it was his; newest first."""
    owner_id = self_of(principal)
    query = own.own_cases(owner_id=owner_id, today=business_date(now))
    given = {"status": status, "category": category, "unit_id": unit_id}
    columns = Ticket.__table__.c
    query = query.where(*(columns[name] == value for name, value in given.items() if value is not None))
    if mine is not None:
        query = query.where(Ticket.owner_id == owner_id if mine else Ticket.owner_id.is_distinct_from(owner_id))
    if finished is not None:
        query = query.where(Ticket.status.in_(_FINISHED) if finished else Ticket.status.not_in(_FINISHED))
    if received_from is not None:
        query = query.where(Ticket.received_at >= received_from)
    if received_before is not None:
        query = query.where(Ticket.received_at < received_before)
    if q is not None:
        query = query.where(containing(q, Ticket.number, Ticket.title, Ticket.description))
    page = await newest_first(reader, query=query, key=columns.id, wanted=paging.wanted)
    clocks = await of_subjects(reader, subject_ids=[row.id for row in page.items], now=now)
    return paging.answer(
        page,
        show=lambda row: views.ticket_summary(row, clocks=clocks[row.id], principal=principal, language=spoken),
    )


@router.get(
    "/{ticket_id}",
    operation_id="my_tickets_read",
    summary="A case of one's own (本人工单详情)",
    response_model=MyTicketRead,
    responses=problems(InvalidToken, MissingScope, NotAnOwner, TicketNotFound, Invalid),
    openapi_extra={"x-rules": ["CMP-03", "CMP-13", "OWN-07"]},
)
async def my_tickets_read(
    principal: MyRead, reader: Reader, now: Now, spoken: Lang, response: Response, ticket_id: UUID
) -> dict[str, Any]:
    """Where it stands, what is owed until when, what he was told, appointments, repairs, and the attachments that are
    for him. The result with its grounds appears once he was told (CMP-13)."""
    return await _answer(reader, response, ticket_id=ticket_id, principal=principal, now=now, spoken=spoken)


@router.get(
    "/{ticket_id}/history",
    operation_id="my_tickets_history_list",
    summary="What happened in a case (工单进度)",
    response_model=PageOf[MyEventRead],
    responses=problems(InvalidToken, MissingScope, NotAnOwner, TicketNotFound, InvalidCursor, Invalid),
    openapi_extra={"x-rules": ["CMP-14", "OWN-07"]},
)
async def my_tickets_history_list(
    principal: MyRead, reader: Reader, now: Now, spoken: Lang, paging: PageParams, ticket_id: UUID
) -> Response:
    """In order, in plain sentences, with the department and without names. Approvals, accounts and what passes between
    departments and firms are not in it."""
    await own.case_of(reader, ticket_id=ticket_id, owner_id=self_of(principal), today=business_date(now))
    after = None if paging.wanted.after is None else paging.wanted.after[0]
    rows = await repository.history(reader, ticket_id=ticket_id, after=after, limit=paging.wanted.limit)
    return paging.answer(
        cut(rows, limit=paging.wanted.limit, key=lambda row: (row.seq,)),
        show=lambda row: views.event(row, principal=principal, language=spoken),
    )


@router.post(
    "/{ticket_id}/chase",
    operation_id="my_tickets_chase_create",
    summary="Urge, or ask to take it up again (催办、请求重新受理)",
    status_code=201,
    response_model=MyTicketRead,
    responses=problems(
        InvalidToken, MissingScope, NotAnOwner, TicketNotFound, WrongStatus, ChasedEnough, Invalid, KeyInFlight,
        KeyReused,
    ),
    openapi_extra={"x-rules": ["CHN-03", "CMP-24"]},
)  # fmt: skip
async def my_tickets_chase_create(
    principal: MyWrite, session: Tx, state: State, now: Now, spoken: Lang, response: Response, ticket_id: UUID,
    body: ChaseCreate,
) -> dict[str, Any]:  # fmt: skip
    """Gets its own line in the register; no clock moves. Of a case that is resolved or closed it is the wish to take
    it up again, which customer service decides. At most five a day for a case."""
    await own.chase(
        session,
        ticket_id=ticket_id,
        channel=body.channel,
        summary=body.summary,
        keyring=state.keyring,
        principal=principal,
        now=now,
    )
    return await _answer(session, response, ticket_id=ticket_id, principal=principal, now=now, spoken=spoken)


@router.post(
    "/{ticket_id}/withdrawal",
    operation_id="my_tickets_withdrawal_create",
    summary="Withdraw one's own case (撤回工单)",
    status_code=201,
    response_model=MyTicketRead,
    responses=problems(
        InvalidToken, MissingScope, NotAnOwner, NotYourCase, HomeSold, TicketNotFound, WrongStatus, WorkOpen, Invalid,
        KeyInFlight, KeyReused,
    ),
    openapi_extra={"x-rules": ["CMP-14"]},
)  # fmt: skip
async def my_tickets_withdrawal_create(
    principal: MyWrite, session: Tx, now: Now, spoken: Lang, response: Response, ticket_id: UUID, body: WithdrawalCreate
) -> dict[str, Any]:
    """Only who raised it, while no survey or repair is open; the repair of a home that he sold is its new owner's. It
    stays in the register."""
    await own.withdraw(session, ticket_id=ticket_id, reason=body.reason, principal=principal, now=now)
    return await _answer(session, response, ticket_id=ticket_id, principal=principal, now=now, spoken=spoken)


async def _answer(
    connection: repository.Connection, response: Response, *, ticket_id: UUID, principal: MyRead, now: Now, spoken: Lang
) -> dict[str, Any]:
    shown = await service.ticket(connection, ticket_id=ticket_id, principal=principal, now=now, language=spoken)
    put_version(response, shown["version"])
    return shown
