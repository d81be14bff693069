"""The working calendar, the worklist of clocks, and why a clock is due when it is."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from ownercare_api.core.errors import NotFound
from ownercare_api.core.http.etag import IfMatch, put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Lang, Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.pagination import cut
from ownercare_api.core.wire import Instant
from ownercare_api.deadlines import calendar_import, calendars, repository, views, why
from ownercare_api.deadlines.access import CalendarsRead, CalendarsWrite, DeadlinesRead
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.deadlines.clocks import of_policy
from ownercare_api.deadlines.due import HeldInterval
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.deadlines.official import provisional_year
from ownercare_api.deadlines.repository import Surroundings
from ownercare_api.deadlines.schemas import (
    CalendarDayRead,
    CalendarYearItem,
    CalendarYearRead,
    CalendarYearWrite,
    DeadlineItem,
    DeadlinePolicy,
    DeadlineWhy,
    HoldRead,
)
from ownercare_api.deadlines.views import DeadlineState
from ownercare_api.identity.declaring import lists, reads, updates
from ownercare_api.policies import service as policies
from ownercare_api.policies.catalogue import CATALOGUE

router = APIRouter(prefix="/v1", route_class=OwnerCareRoute)

Year = Annotated[int, Path(description="the year (年度), 2000 to 2100", examples=[2027])]


class CalendarYearNotFound(NotFound):
    """404: the calendar reaches from 2000 to 2100."""

    code = "calendar_year_not_found"
    zh, en = "工作日历仅包含 2000 年至 2100 年。", "The working calendar reaches from 2000 to 2100."


class DeadlineNotFound(NotFound):
    """404: no such clock, or not visible to the caller."""

    code = "deadline_not_found"
    zh, en = "时限不存在,或您无权查看。", "There is no such deadline, or you may not see it."


@router.get(
    "/calendars",
    tags=["calendars"],
    **lists(
        "calendars_list",
        "Years of the working calendar (工作日历年度)",
        rules=("CMP-07", "REP-02"),
        model=PageOf[CalendarYearItem],
    ),
)
async def calendars_list(principal: CalendarsRead, reader: Reader, paging: PageParams) -> Response:
    """The years on file, newest first. A year that is not on file is computed provisionally: ask for it by number."""
    rows = await repository.years(reader)
    total = len(rows) if paging.wanted.include_total else None
    if paging.wanted.after is not None:
        rows = [row for row in rows if row.year < paging.wanted.after[0]]
    page = cut(rows, limit=paging.wanted.limit, key=lambda row: (row.year,), total=total)
    return paging.answer(page, show=lambda row: CalendarYearItem(**_head(row)))


def _head(row: Any) -> dict[str, Any]:
    return {
        "year": row.year,
        "provisional": row.provisional,
        "source": row.source,
        "revised_at": row.revised_at,
        "version": row.revision,
    }


@router.get(
    "/calendars/{year}",
    tags=["calendars"],
    **reads(
        "calendars_read",
        "A year, day by day (某年工作日历)",
        CalendarYearNotFound,
        rules=("CMP-07", "REP-02"),
        model=CalendarYearRead,
    ),
)
async def calendars_read(principal: CalendarsRead, reader: Reader, response: Response, year: Year) -> CalendarYearRead:
    """Every day with whether it is worked. `provisional`: the official notice is not out, and due times that touch the
    year are computed from Monday to Friday minus the fixed-date holidays until it is imported (reading 2)."""
    return await _year(reader, response, _known(year))


def _known(year: int) -> int:
    if not 2000 <= year <= 2100:
        raise CalendarYearNotFound
    return year


async def _year(connection: repository.Connection, response: Response, year: int) -> CalendarYearRead:
    row = await repository.year(connection, number=year)
    if row is None:
        head: dict[str, Any] = {"year": year, "provisional": True, "source": calendars.PROVISIONAL_SOURCE}
        head |= {"revised_at": None, "version": 0}
        days = [CalendarDayRead(day=day, is_working=works, note=None) for day, works in provisional_year(year).days()]
    else:
        head = _head(row)
        days = [CalendarDayRead.model_validate(day) for day in await repository.days(connection, number=year)]
    put_version(response, head["version"])
    return CalendarYearRead(**head, working_day_count=sum(day.is_working for day in days), days=days)


@router.put(
    "/calendars/{year}",
    tags=["calendars"],
    **updates(
        "calendars_update",
        "Import the official year (导入官方放假安排)",
        CalendarYearNotFound,
        calendar_import.InvalidYear,
        rules=("CMP-07", "REP-02"),
        model=CalendarYearRead,
    ),
)
async def calendars_update(
    principal: CalendarsWrite,
    session: Tx,
    state: State,
    now: Now,
    response: Response,
    if_match: IfMatch,
    year: Year,
    body: CalendarYearWrite,
) -> CalendarYearRead:
    """Replaces the year by its official notice. A background job then recomputes the open clocks that touched its days
    while they were provisional: `deadline.moved` because `official_calendar` where the due time changes,
    `deadline.confirmed` where it was right. Nothing else moves, also when an official year is corrected (reading 2)."""
    principal.require("calendars:write", project_id=None)
    if_match.check(await calendars.lock_year(session, year=_known(year)))
    if body.days is not None:
        listed = calendar_import.from_full_list(year=year, days=[(item.day, item.is_working) for item in body.days])
        notes = {item.day: item.note for item in body.days if item.note is not None}
    else:
        listed, notes = calendar_import.from_notice(
            year=year, days_off=body.days_off or [], working_days=body.working_days
        )
    await calendar_import.import_year(session, year=listed, notes=notes, source=body.source, actor=principal, now=now)
    store: CalendarStore = state.parts[CalendarStore]
    store.forget()
    return await _year(session, response, year)


@router.get(
    "/deadlines",
    tags=["deadlines"],
    **lists(
        "deadlines_list",
        "Worklist of clocks (时限清单)",
        rules=("CMP-02", "CMP-03", "CMP-07", "CMP-10", "CMP-12", "REP-02", "REP-05", "REP-13"),
        model=PageOf[DeadlineItem],
    ),
)
async def deadlines_list(
    principal: DeadlinesRead,
    reader: Reader,
    parts: State,
    now: Now,
    paging: PageParams,
    state: Annotated[DeadlineState | None, Query(description="how the clock stands now (状态)")] = None,
    kind: Annotated[ClockKind | None, Query(description="which clock (时限种类)")] = None,
    project_id: Annotated[UUID | None, Query(description="of one project (项目)")] = None,
    ticket_id: Annotated[UUID | None, Query(description="of one case (工单)")] = None,
    due_before: Annotated[Instant | None, Query(description="due before this instant (到期早于)")] = None,
    provisional: Annotated[bool | None, Query(description="touches a year without an official notice (暂算)")] = None,
) -> Response:
    """Clocks of the projects whose tickets one may read, and for partner firms those of the cases passed to them.
    `state=running` and `state=overdue` are work to be done and come soonest due first; everything else is history and
    comes newest first."""
    filters = repository.Filters(
        state=state,
        kind=kind,
        project_id=project_id,
        ticket_id=ticket_id,
        due_before=due_before,
        provisional=provisional,
    )
    page = await repository.page(
        reader,
        filters=filters,
        wanted=paging.wanted,
        principal=principal,
        surroundings=parts.parts[Surroundings],
        now=now,
    )
    return paging.answer(page, show=lambda row: _item(row, views.show(row, now=now)))


def _item(row: Any, shown: views.DeadlineRead) -> DeadlineItem:
    return DeadlineItem(
        **dict(shown),
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        ticket_id=row.ticket_id,
        project_id=row.project_id,
    )


@router.get(
    "/deadlines/{deadline_id}",
    tags=["deadlines"],
    **reads(
        "deadlines_read",
        "Why a clock is due when it is (时限说明)",
        DeadlineNotFound,
        rules=("ADM-08", "CMP-15", "REP-07"),
        model=DeadlineWhy,
    ),
)
async def deadlines_read(
    principal: DeadlinesRead,
    reader: Reader,
    state: State,
    now: Now,
    language: Lang,
    response: Response,
    deadline_id: UUID,
) -> DeadlineWhy:
    """The policy value and the version that set it, the days that count, the holds and the extension, and the same as a
    sentence. A clock has no steps of its own: what it is for stops it."""
    row = await repository.one(
        reader, deadline_id=deadline_id, principal=principal, surroundings=state.parts[Surroundings]
    )
    if row is None:
        raise DeadlineNotFound
    snapshot = await policies.snapshot(reader, snapshot_id=row.policy_snapshot_id)
    store: CalendarStore = state.parts[CalendarStore]
    kept = await repository.holds(reader, subject_id=row.subject_id)
    reasons = {hold.started_at: hold.reason for hold in kept}
    counting = why.count(
        clock=row,
        calendar=of_policy(await store.get(reader), snapshot),
        holds=[HeldInterval(hold.started_at, hold.ended_at) for hold in kept],
    )
    version, name = snapshot.sources.get(row.policy_key), CATALOGUE[row.policy_key].zh
    hours = str(snapshot.values["calendar.business_hours"])
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept-Language"
    put_version(response, 1)
    return DeadlineWhy(
        **dict(_item(row, views.show(row, now=now))),
        policy=DeadlinePolicy(
            key=row.policy_key,
            name=name,
            value=row.policy_value,
            unit=row.unit,
            snapshot_id=snapshot.id,
            version_id=None if version is None else UUID(version),
            source="factory" if version is None else "published",
            business_hours=hours,
        ),
        extended_by=row.extended_by,
        first_counted=counting.first_counted,
        last_counted=counting.last_counted,
        counted_days=counting.counted_days,
        provisional_days=counting.provisional_days,
        holds=[
            HoldRead(started_at=hold.from_at, ended_at=hold.to_at, reason=reasons[hold.from_at])
            for hold in counting.holds
        ],
        follows_calendar=counting.follows_calendar,
        explanation=why.explain(
            clock=row,
            counting=counting,
            policy_name=name,
            published=version is not None,
            hours=hours,
            language=language,
        ),
    )
