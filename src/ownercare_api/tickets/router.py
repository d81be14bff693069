"""The register and the tickets: registering, reading, searching, the history."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from ownercare_api.core.hot import driver_of
from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Lang, Now, State, app_state, present
from ownercare_api.core.http.transaction import Hot, OneStatement, Reader
from ownercare_api.core.listing import given, pattern
from ownercare_api.core.pagination import cut
from ownercare_api.core.wire import Instant
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.identity.declaring import creates, lists, reads
from ownercare_api.identity.principal import Principal
from ownercare_api.owners.looks import CaseLooks
from ownercare_api.tickets import registration, repository
from ownercare_api.tickets.access import HistoryRead, TicketsRead, TicketsRegister
from ownercare_api.tickets.lifecycle import Category, Channel
from ownercare_api.tickets.schemas import RegisterEntryRead, TicketCreate, TicketFilters, TicketRead, TicketSummary
from ownercare_api.tickets.service import TicketNotFound
from ownercare_api.tickets.views import TicketShower, register_entry
from ownercare_api.timeline import service as timeline
from ownercare_api.timeline import views as events
from ownercare_api.timeline.views import EventRead

router = APIRouter(prefix="/v1", tags=["tickets"], route_class=OwnerCareRoute)


def ticket_answer(record: Any, *, principal: Principal, status_code: int = 200) -> Response:
    """Write one ticket straight to bytes, with its version for the `ETag`."""
    body = TicketShower(principal).text(record)
    response = Response(body, status_code=status_code, media_type="application/json")
    put_version(response, record["version"])
    return response


@router.post(
    "/tickets",
    **creates(
        "tickets_create",
        "Register a call, visit or letter (登记来电、来访、报修、投诉)",
        *registration.REFUSALS,
        rules=("CHN-03", "CHN-08", "REP-01", "CMP-01", "CMP-02", "REP-02"),
        model=TicketRead,
    ),
)
async def tickets_create(
    principal: TicketsRegister, driver: OneStatement, state: State, now: Now, body: TicketCreate
) -> Response:
    """About a unit or project that the caller sees (`properties:read`). Gives the ticket and its line in the
    《来电、来访登记表》 their unified numbers and starts the clocks of its domain and category from the time of
    receipt: the first response (CMP-02), the site survey of a repair (REP-02), the feedback and solution of a complaint
    (CMP-03, CMP-10), or the hours of the sales office (CMP-12, REP-20)."""
    calendar = await state.parts[CalendarStore].current(state.database)
    fields = body.model_dump()
    fields["received_at"] = body.received_at or now
    found = await registration.register(
        driver,
        database=state.database,
        intake=registration.Intake(**fields),
        calendar=calendar,
        keyring=state.keyring,
        principal=principal,
        now=now,
    )
    record = await repository.one(
        driver, ticket_id=found.ticket_id, principal=principal, now=now, scope="tickets:register"
    )
    response = ticket_answer(record, principal=principal, status_code=201)
    response.headers["Location"] = f"/v1/tickets/{found.ticket_id}"
    return response


@router.get(
    "/tickets",
    **lists(
        "tickets_list",
        "List and search tickets (工单列表)",
        rules=("CHN-03", "CMP-05", "CMP-14"),
        model=PageOf[TicketSummary],
    ),
)
async def tickets_list(
    principal: TicketsRead, request: Request, paging: PageParams, wanted: Annotated[TicketFilters, Query()]
) -> Response:
    """The tickets that the caller may see, newest first: own projects, or those passed to the caller's firm."""
    now, page = present(request), paging.wanted
    filters: dict[str, Any] = {name: value for name, value in wanted if value is not None and name != "sort"}
    if "q" in filters:
        filters["q"] = pattern(wanted.q or "")
    async with app_state(request).database.driver() as driver:
        records = await repository.page(
            driver,
            filters=filters,
            principal=principal,
            limit=page.limit,
            after=None if page.after is None else page.after[0],
            oldest_first=wanted.sort == "oldest",
            now=now,
        )
        total = None
        if page.include_total:
            total = await repository.count(driver, filters=filters, principal=principal, now=now)
        shown = [record["owner_id"] for record in records[: page.limit]]
        await app_state(request).parts[CaseLooks].listed(driver, owner_ids=shown, actor=principal, now=now)
    return paging.answer_text(
        cut(records, limit=page.limit, key=lambda record: (record["id"],), total=total),
        texts=TicketShower(principal).text,
    )


@router.get(
    "/tickets/{ticket_id}",
    **reads("tickets_read", "Read a ticket (工单详情)", TicketNotFound, rules=("CMP-05", "CMP-14"), model=TicketRead),
)
async def tickets_read(principal: TicketsRead, request: Request, ticket_id: UUID) -> Response:
    """Everything about one ticket: where it stands, its clocks, and the steps that this caller may take now."""
    # The busiest reads take their parts from the request: every dependency costs as much as a tenth of the query.
    state, now = app_state(request), present(request)
    async with state.database.driver() as driver:
        record = await repository.one(driver, ticket_id=ticket_id, principal=principal, now=now)
        if record is None:
            raise TicketNotFound
        looks: CaseLooks = state.parts[CaseLooks]
        await looks.opened(driver, owner_id=record["owner_id"], ticket_id=ticket_id, actor=principal, now=now)
    return ticket_answer(record, principal=principal)


@router.get(
    "/register-entries",
    **lists(
        "register_entries_list",
        "The register of calls and visits (来电、来访登记表)",
        rules=("CHN-03", "CMP-11"),
        model=PageOf[RegisterEntryRead],
    ),
)
async def register_entries_list(
    principal: TicketsRead,
    reader: Reader,
    state: State,
    now: Now,
    paging: PageParams,
    project_id: UUID | None = None,
    ticket_id: UUID | None = None,
    channel: Channel | None = None,
    category: Category | None = None,
    received_from: Annotated[Instant | None, Query()] = None,
    received_before: Annotated[Instant | None, Query()] = None,
) -> Response:
    """Every line of the register that the caller may see, newest first, in one numbering for all channels."""
    filters = given(
        project_id=project_id,
        ticket_id=ticket_id,
        channel=channel,
        category=category,
        received_from=received_from,
        received_before=received_before,
    )
    rows = await repository.register_page(
        reader,
        filters=filters,
        principal=principal,
        limit=paging.wanted.limit,
        after=None if paging.wanted.after is None else paging.wanted.after[0],
    )
    shown = [row.owner_id for row in rows[: paging.wanted.limit]]
    await state.parts[CaseLooks].listed(await driver_of(reader), owner_ids=shown, actor=principal, now=now)
    return paging.answer(
        cut(rows, limit=paging.wanted.limit, key=lambda row: (row.id,)),
        show=lambda row: register_entry(row, principal=principal),
    )


@router.get(
    "/tickets/{ticket_id}/history",
    **lists(
        "tickets_history_list",
        "The whole history of a case (全程记录)",
        TicketNotFound,
        rules=("CMP-14", "OWN-10"),
        model=PageOf[EventRead],
    ),
)
async def tickets_history_list(
    principal: HistoryRead, driver: Hot, reader: Reader, now: Now, spoken: Lang, paging: PageParams, ticket_id: UUID
) -> Response:
    """Everything that happened in a case, in order: register, survey, work orders, approvals, money, feedback.
    A partner firm sees what concerns it."""
    if await repository.one(driver, ticket_id=ticket_id, principal=principal, now=now) is None:
        raise TicketNotFound
    firms = None if principal.firm_id is None else [principal.firm_id]
    after = None if paging.wanted.after is None else paging.wanted.after[0]
    rows = await timeline.history(reader, ticket_id=ticket_id, after=after, limit=paging.wanted.limit, firms=firms)
    return paging.answer(
        cut(rows, limit=paging.wanted.limit, key=lambda row: (row.seq,)),
        show=lambda row: events.show(row, language=spoken),
    )
