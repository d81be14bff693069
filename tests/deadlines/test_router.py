"""The worklist, and why a clock is due when it is."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.cases import bare_ticket
from tests.factories.contractors import make_firm
from tests.factories.deadlines import at, calendar_on_file, start_clock
from tests.factories.org import Org, make_org
from tests.factories.people import Actor
from tests.factories.people import Desk as PeopleDesk

from ownercare_api.contractors.models import FirmKind
from ownercare_api.core.ids import uuid7
from ownercare_api.deadlines import service
from ownercare_api.deadlines.clocks import REPAIR_SINGLE
from ownercare_api.deadlines.models import ClockKind, Deadline
from ownercare_api.identity.principal import SYSTEM

FRIDAY = at("2026-11-20T12:00:00")


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    """Give a project under the demo policy."""
    return await make_org(session, now=clock())


@pytest.fixture
async def reader(people: PeopleDesk, org: Org) -> Actor:
    """Give somebody who may read everything."""
    return await people.staff("data_analyst")


async def listed(client: httpx.AsyncClient, actor: Actor, **params: Any) -> dict[str, Any]:
    answer = await client.get("/v1/deadlines", headers=actor.headers, params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(page: dict[str, Any]) -> list[str]:
    return [item["id"] for item in page["items"]]


def names(*deadlines: Deadline) -> list[str]:
    return [str(deadline.id) for deadline in deadlines]


async def test_filters_and_order(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, org: Org, reader: Actor
) -> None:
    elsewhere = await make_org(session, now=clock(), name="听澜花园", region=org.region)
    slow = await start_clock(session, org=org, kind=ClockKind.RESOLUTION, started_at=FRIDAY)
    quick = await start_clock(session, org=org, kind=ClockKind.RESPONSE, started_at=FRIDAY)
    other = await start_clock(session, org=elsewhere, started_at=FRIDAY)
    far = await start_clock(session, org=org, started_at=at("2026-12-31T12:00:00"))
    done = await start_clock(session, org=org, started_at=FRIDAY)
    await service.stop(session, subject_id=done.subject_id, kinds=[done.kind], at=FRIDAY, actor=SYSTEM, now=FRIDAY)
    clock.now = at("2026-11-20T15:00:00")  # the response was due at 14:00
    assert ids(await listed(client, reader)) == names(done, far, other, quick, slow)
    assert ids(await listed(client, reader, state="running")) == names(other, slow, far)
    assert ids(await listed(client, reader, state="overdue")) == names(quick)
    assert ids(await listed(client, reader, state="met")) == names(done)
    assert ids(await listed(client, reader, state="late")) == []
    assert ids(await listed(client, reader, state="cancelled")) == []
    assert ids(await listed(client, reader, kind="site_survey")) == names(done, far, other)
    assert ids(await listed(client, reader, project_id=str(elsewhere.project.id))) == names(other)
    assert ids(await listed(client, reader, provisional=True)) == names(far)
    assert ids(await listed(client, reader, state="running", due_before="2026-11-27T18:00:00+08:00")) == names(other)
    assert ids(await listed(client, reader, ticket_id=str(uuid7()))) == []


async def test_pages_of_work_and_of_history(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, reader: Actor
) -> None:
    made = [await start_clock(session, org=org, started_at=FRIDAY) for _ in range(5)]
    for params, wanted in (({"state": "running"}, made), ({}, made[::-1])):
        found: list[str] = []
        cursor: dict[str, Any] = {}
        for _ in range(3):
            page = await listed(client, reader, limit=2, include_total=True, **params, **cursor)
            assert (page["total"], page["total_is_exact"]) == (5, True)
            found += ids(page)
            cursor = {"cursor": page["next_cursor"]}
        assert (found, cursor) == (names(*wanted), {"cursor": None})
    page = await listed(client, reader, limit=2, state="running")
    for changed in ({"state": "overdue"}, {}, {"state": "running", "kind": "approval"}):
        answer = await client.get(
            "/v1/deadlines", headers=reader.headers, params={"cursor": page["next_cursor"], **changed}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


async def test_a_page_is_one_statement(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, reader: Actor, queries: QueryRecorder
) -> None:
    for _ in range(5):
        await start_clock(session, org=org, started_at=FRIDAY)
    await listed(client, reader)
    with queries:
        await listed(client, reader, state="running")
    assert queries.count == 1
    with queries:
        await listed(client, reader, include_total=True)
    assert queries.count == 2


async def test_who_sees_what(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, org: Org, people: PeopleDesk
) -> None:
    elsewhere = await make_org(session, now=clock(), name="听澜花园", region=org.region)
    firm = await make_firm(session, kind=FirmKind.CONTRACTOR)
    shared = await bare_ticket(session, org, now=clock(), firm_id=firm.id)
    here = await start_clock(session, org=org, started_at=FRIDAY)
    there = await start_clock(session, org=elsewhere, started_at=FRIDAY)
    passed_on = await start_clock(session, org=org, started_at=FRIDAY, ticket_id=shared.id)
    internal = await start_clock(session, org=org, kind=ClockKind.APPROVAL, started_at=FRIDAY, ticket_id=shared.id)
    of_project = await people.staff("complaint_specialist", project_id=elsewhere.project.id)
    of_firm = await people.firm_user("contractor_representative", firm_id=firm.id)
    nobody = await people.staff("hr_officer")

    assert ids(await listed(client, of_project)) == names(there)
    assert ids(await listed(client, of_firm)) == names(passed_on)
    assert (await listed(client, of_firm, include_total=True))["total"] == 1
    seen = {}
    for who, actor in (("project", of_project), ("firm", of_firm)):
        for deadline in (here, there, passed_on, internal):
            answer = await client.get(f"/v1/deadlines/{deadline.id}", headers=actor.headers)
            seen[who, deadline.id] = answer.status_code
            if answer.status_code != 200:
                assert answer.json()["code"] == "deadline_not_found"
    assert {key for key, status in seen.items() if status == 200} == {("project", there.id), ("firm", passed_on.id)}
    assert set(seen.values()) == {200, 404}
    refused = await client.get("/v1/deadlines", headers=nobody.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert (await client.get("/v1/deadlines")).status_code == 401


@pytest.mark.rule("ADM-08")
async def test_why_a_clock_is_due(client: httpx.AsyncClient, session: AsyncSession, org: Org, reader: Actor) -> None:
    deadline = await start_clock(session, org=org, kind=ClockKind.REPAIR, clock_rule=REPAIR_SINGLE, started_at=FRIDAY)
    answer = await client.get(f"/v1/deadlines/{deadline.id}", headers=reader.headers)
    assert answer.status_code == 200, answer.text
    version = org.snapshot.sources["repair.single_trade_workdays"]
    assert answer.json() == {
        "id": str(deadline.id),
        "kind": "repair",
        "round": 1,
        "rule": "REP-05",
        "started_at": "2026-11-20T04:00:00Z",
        "due_at": "2026-11-25T10:00:00Z",
        "original_due_at": "2026-11-25T10:00:00Z",
        "stopped_at": None,
        "state": "running",
        "held_since": None,
        "provisional": False,
        "why": f"/v1/deadlines/{deadline.id}",
        "subject_kind": "ticket",
        "subject_id": str(deadline.subject_id),
        "ticket_id": None,
        "project_id": str(org.project.id),
        "policy": {
            "key": "repair.single_trade_workdays",
            "name": "单工种维修时限",
            "value": 3,
            "unit": "workdays",
            "snapshot_id": str(org.snapshot.id),
            "version_id": version,
            "source": "published",
            "business_hours": "09:00-18:00",
        },
        "extended_by": 0,
        "first_counted": "2026-11-23",
        "last_counted": "2026-11-25",
        "counted_days": ["2026-11-23", "2026-11-24", "2026-11-25"],
        "provisional_days": [],
        "holds": [],
        "follows_calendar": True,
        "explanation": "依据 REP-05,政策“单工种维修时限”为 3 个工作日(已发布的政策版本);自 2026-11-20 12:00 起算,"
        "起算当日不计,计入 2026-11-23 至 2026-11-25,至末日营业时间结束(09:00-18:00)为止;"
        "到期时间为 2026-11-25 18:00。",
    }
    english = await client.get(f"/v1/deadlines/{deadline.id}", headers=reader.headers | {"Accept-Language": "en"})
    assert english.json()["explanation"] == (
        "By REP-05 the policy repair.single_trade_workdays allows 3 working days (a published version); "
        "counted from 2026-11-20 12:00, that day left out, from 2026-11-23 to 2026-11-25, "
        "until business hours (09:00-18:00) end; due at 2026-11-25 18:00."
    )
    assert (answer.headers["content-language"], english.headers["content-language"]) == ("zh-CN", "en")
    assert answer.headers["etag"] != english.headers["etag"]
    cached = await client.get(
        f"/v1/deadlines/{deadline.id}", headers=reader.headers | {"If-None-Match": answer.headers["etag"]}
    )
    assert (cached.status_code, cached.content) == (304, b"")


async def test_why_with_a_hold_an_extension_and_a_provisional_year(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, reader: Actor
) -> None:
    """Three working days from Tuesday noon, held over Wednesday's close, one day more: 31 December, 4, 5, 6 January."""
    deadline = await start_clock(
        session, org=org, kind=ClockKind.REPAIR, clock_rule=REPAIR_SINGLE, started_at=at("2026-12-29T12:00:00")
    )
    where = {"subject_id": deadline.subject_id, "ticket_id": None, "project_id": org.project.id, "actor": SYSTEM}
    calendar = await calendar_on_file(session)
    began, ended = at("2026-12-30T10:00:00"), at("2026-12-31T10:00:00")
    await service.hold(session, subject_kind="ticket", reason="业主出差", now=began, **where)  # type: ignore[arg-type]
    standing = (await client.get(f"/v1/deadlines/{deadline.id}", headers=reader.headers)).json()
    assert (standing["state"], standing["held_since"]) == ("running", "2026-12-30T02:00:00Z")
    assert "自 2026-12-30 10:00 起暂停计时,恢复后到期时间顺延" in standing["explanation"]
    await service.release(session, calendar=calendar, now=ended, **where)  # type: ignore[arg-type]
    await service.extend(session, deadline=deadline, by=1, calendar=calendar, actor=SYSTEM, now=ended)
    why = (await client.get(f"/v1/deadlines/{deadline.id}", headers=reader.headers)).json()
    assert (why["due_at"], why["original_due_at"]) == ("2027-01-06T10:00:00Z", "2027-01-04T10:00:00Z")
    assert (why["extended_by"], why["follows_calendar"]) == (1, True)
    assert why["counted_days"] == ["2026-12-31", "2027-01-04", "2027-01-05", "2027-01-06"]
    assert why["provisional_days"] == [f"2027-01-0{day}" for day in range(1, 7)]
    assert why["holds"] == [
        {"started_at": "2026-12-30T02:00:00Z", "ended_at": "2026-12-31T02:00:00Z", "reason": "业主出差"}
    ]
    assert "经业主事先同意延长 1 个工作日,合计 4 个工作日;" in why["explanation"]
    assert "其间暂停 1 次,暂停时间不计;2027 年的官方放假通知尚未发布" in why["explanation"]


async def test_why_with_factory_values_and_hours(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, people: PeopleDesk
) -> None:
    org = await make_org(session, now=clock(), values={}, name="无政策项目")
    reader = await people.staff("data_analyst")
    hours = await start_clock(session, org=org, kind=ClockKind.RESPONSE, started_at=at("2026-11-20T17:00:00"))
    elapsed = await start_clock(
        session, org=org, kind=ClockKind.SALES_OFFICE_FEEDBACK, started_at=at("2026-02-14T20:00:00")
    )
    why = (await client.get(f"/v1/deadlines/{hours.id}", headers=reader.headers)).json()
    assert (why["policy"]["source"], why["policy"]["version_id"]) == ("factory", None)
    assert (why["counted_days"], why["policy"]["unit"]) == (["2026-11-20", "2026-11-23"], "business_hours")
    assert "(出厂值,尚未确认);自 2026-11-20 17:00 起算,只计工作日营业时间(09:00-18:00);" in why["explanation"]
    why = (await client.get(f"/v1/deadlines/{elapsed.id}", headers=reader.headers)).json()
    assert (why["first_counted"], why["last_counted"], why["counted_days"]) == (None, None, [])
    assert (why["due_at"], why["provisional_days"]) == ("2026-02-16T12:00:00Z", [])
    assert "连续计算,不扣除夜间和节假日;到期时间为 2026-02-16 20:00。" in why["explanation"]


async def test_why_of_a_clock_that_was_stopped_on_hold(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, reader: Actor
) -> None:
    deadline = await start_clock(session, org=org, started_at=FRIDAY)
    where = {"subject_id": deadline.subject_id, "ticket_id": None, "project_id": org.project.id, "actor": SYSTEM}
    began, stopped = at("2026-11-23T10:00:00"), at("2026-11-25T10:00:00")
    await service.hold(session, subject_kind="ticket", reason="业主出差", now=began, **where)  # type: ignore[arg-type]
    await service.stop(
        session, subject_id=deadline.subject_id, kinds=[deadline.kind], at=stopped, actor=SYSTEM, now=stopped
    )
    calendar = await calendar_on_file(session)
    later = stopped + timedelta(days=1)
    await service.release(session, calendar=calendar, now=later, **where)  # type: ignore[arg-type]
    why = (await client.get(f"/v1/deadlines/{deadline.id}", headers=reader.headers)).json()
    assert (why["state"], why["held_since"], why["follows_calendar"]) == ("met", None, True)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/deadlines/not-an-id", 422, "validation_failed"),
        ("/v1/deadlines?state=sleeping", 422, "validation_failed"),
        ("/v1/deadlines?limit=0", 422, "validation_failed"),
        ("/v1/deadlines?limit=99999999999999999999", 422, "validation_failed"),
        ("/v1/deadlines?due_before=9999-12-31T23:59:59-12:00", 422, "validation_failed"),
        ("/v1/deadlines?due_before=2026-11-20T12:00:00", 422, "validation_failed"),
        ("/v1/deadlines?kind=%00", 422, "unstorable_text"),
        ("/v1/calendars/99999999999999999999", 404, "calendar_year_not_found"),
        ("/v1/calendars/0", 404, "calendar_year_not_found"),
        ("/v1/calendars/next", 422, "validation_failed"),
    ],
)
async def test_hostile_questions(client: httpx.AsyncClient, reader: Actor, path: str, status: int, code: str) -> None:
    answer = await client.get(path, headers=reader.headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
