"""Whose case it is, what of it an owner reads, and the history in his words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.cases import calendar_of, closed_order, who
from tests.factories.owners import add_ownership
from tests.factories.people import Desk
from tests.factories.portal import Login, Neighbours, make_case

from ownercare_api.deadlines import service as deadlines
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.owners.models import Ownership
from ownercare_api.portal.sentences import SENTENCES
from ownercare_api.tickets import handling, triage
from ownercare_api.tickets.lifecycle import Category, CauseClass, Channel, TicketStatus
from ownercare_api.tickets.models import Ticket

BEFORE = datetime(2025, 6, 29, 15, 59, tzinfo=UTC)
"""The last minute in Shanghai in which the home was the former owner's."""


async def mine(client: httpx.AsyncClient, who: Login, **query: Any) -> list[str]:
    answer = await client.get("/v1/my/tickets", params=query, headers=who.headers)
    assert answer.status_code == 200, answer.text
    return [one["number"] for one in answer.json()["items"]]


async def read(client: httpx.AsyncClient, who: Login, ticket: Ticket, **headers: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/my/tickets/{ticket.id}", headers=who.headers | headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.rule("OWN-07")
@pytest.mark.rule("OWN-10")
async def test_whose_case_it_is(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours
) -> None:
    now, home = clock(), here.home
    cases = {
        "annas": await make_case(session, here.org, unit=home, owner=here.anna, received_at=now),
        "nobodys": await make_case(session, here.org, unit=home, owner=None, received_at=now),
        "freds": await make_case(session, here.org, unit=home, owner=here.fred, received_at=BEFORE),
        "of_before": await make_case(session, here.org, unit=home, owner=None, received_at=BEFORE),
        "first_minute": await make_case(
            session, here.org, unit=home, owner=None, received_at=BEFORE + timedelta(minutes=1)
        ),
        "bens": await make_case(session, here.org, unit=here.other_home, owner=here.ben, received_at=now),
        "bens_without_home": await make_case(session, here.org, unit=None, owner=here.ben, received_at=now),
        "of_no_home": await make_case(session, here.org, unit=None, owner=None, received_at=now),
    }
    sees = {
        "anna": {"annas", "nobodys", "first_minute"},
        "carl": {"annas", "nobodys", "first_minute"},
        "fred": {"freds"},
        "ben": {"bens", "bens_without_home"},
    }
    for name, expected in sees.items():
        person: Login = getattr(here, name)
        assert set(await mine(client, person)) == {cases[one].number for one in expected}, name
        for case, ticket in cases.items():
            answer = await client.get(f"/v1/my/tickets/{ticket.id}", headers=person.headers)
            assert answer.status_code == (200 if case in expected else 404), (name, case)
            if case not in expected:
                assert answer.json()["code"] == "ticket_not_found"
    assert await mine(client, here.anna, mine=True) == [cases["annas"].number]
    assert set(await mine(client, here.anna, mine=False)) == {cases["nobodys"].number, cases["first_minute"].number}


@pytest.mark.rule("OWN-07")
async def test_after_selling_only_what_is_in_his_name(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours
) -> None:
    own = await make_case(session, here.org, unit=here.home, owner=here.anna, received_at=clock())
    about = await make_case(session, here.org, unit=here.home, owner=here.carl, received_at=clock())
    (held,) = await session.scalars(
        Ownership.__table__.select().with_only_columns(Ownership.id).where(Ownership.owner_id == here.anna.id)
    )
    ownership = await session.get_one(Ownership, held)
    ownership.to_date = clock().date() + timedelta(days=1)
    await add_ownership(
        session, owner=here.ben.record, unit=here.home, share_bp=5000, from_date=clock().date() + timedelta(days=1)
    )
    assert set(await mine(client, here.anna)) == {own.number, about.number}
    clock.forward(days=1)
    assert await mine(client, here.anna) == [own.number]
    assert await mine(client, here.ben) == []  # received before it was his
    later = await make_case(session, here.org, unit=here.home, owner=here.carl, received_at=clock())
    assert await mine(client, here.ben) == [later.number]
    assert await mine(client, here.anna) == [own.number]
    repair = await make_case(
        session, here.org, unit=here.home, owner=here.anna, received_at=clock() - timedelta(days=3),
        category=Category.REPAIR,
    )  # fmt: skip
    # The complaint is still hers to withdraw; the repair is the new owner's concern.
    assert (await read(client, here.anna, own))["allowed_actions"] == ["chase", "withdrawal"]
    assert (await read(client, here.anna, repair))["allowed_actions"] == ["chase"]
    answer = await client.post(
        f"/v1/my/tickets/{repair.id}/withdrawal", json={"reason": "不修了"}, headers=here.anna.headers
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "home_no_longer_yours")
    # Bought back: what was received while it was hers before is hers to see again.
    clock.forward(days=1)
    await add_ownership(session, owner=here.anna.record, unit=here.home, share_bp=1, from_date=clock().date())
    assert about.number in await mine(client, here.anna)
    assert later.number not in await mine(client, here.anna)


@pytest.mark.rule("OWN-07")
async def test_a_co_owner_reads_the_case_and_not_the_person(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, clock: FakeClock, here: Neighbours
) -> None:
    case = await make_case(session, here.org, unit=here.home, owner=here.anna, received_at=clock())
    case.caller_name = here.anna.record.name
    case.department = "customer_service"
    await session.flush()
    specialist = who(here.cast.specialist)
    await handling.respond(
        session, ticket_id=case.id, channel=Channel.PHONE, content="已安排电工", principal=specialist, now=clock()
    )
    await handling.resolve(session, ticket_id=case.id, result="已更换灯具", principal=specialist, now=clock())
    hers = await read(client, here.anna, case)
    assert (hers["mine"], hers["caller_name"], hers["claim_fen"]) == (True, "王秀英", 30_000)
    assert (hers["result"], hers["told_at"]) == (None, None)  # resolved, and not told yet
    await handling.feed_back_to_owner(
        session, ticket_id=case.id, channel=Channel.PHONE, content="灯具老化,已更换", owner_opinion="满意",
        satisfied=True, principal=specialist, now=clock(),
    )  # fmt: skip
    hers = await read(client, here.anna, case)
    assert hers["result"] == "已更换灯具"
    assert [(one["kind"], one["content"], one["opinion"], one["satisfied"]) for one in hers["told"]] == [
        ("response", "已安排电工", None, None),
        ("owner_feedback", "灯具老化,已更换", "满意", True),
    ]
    assert hers["department"] == {"code": "customer_service", "name": "客服部"}
    his = await read(client, here.carl, case)
    assert (his["mine"], his["caller_name"], his["caller_phone_masked"], his["claim_fen"]) == (False, None, None, None)
    assert [(one["opinion"], one["satisfied"]) for one in his["told"]] == [(None, None), (None, None)]
    assert his["allowed_actions"] == ["chase"]
    answer = await client.get(f"/v1/my/tickets/{case.id}", headers=here.carl.headers)
    assert not any(secret in answer.text for secret in ("王秀英", "138", str(here.anna.id), str(specialist.id)))
    internal = {
        "handler", "handler_id", "registered_by", "cause_class", "policy_snapshot_id", "open_work", "owner", "owner_id",
    }  # fmt: skip
    assert internal.isdisjoint(hers)


@pytest.mark.rule("CMP-14")
async def test_lists_filter_page_and_count(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours, queries: QueryRecorder
) -> None:
    made = []
    for number in range(5):
        status = TicketStatus.CLOSED if number == 0 else TicketStatus.REGISTERED
        category = Category.REPAIR if number % 2 else Category.COMPLAINT
        at = clock() - timedelta(days=number)
        made.append(
            await make_case(
                session, here.org, unit=here.home, owner=here.anna, received_at=at, status=status, category=category
            )
        )
    made[3].title = "厨房 100% 漏水"
    await session.flush()
    numbers = [one.number for one in reversed(made)]
    first = (await client.get("/v1/my/tickets?limit=3&include_total=true", headers=here.anna.headers)).json()
    assert ([one["number"] for one in first["items"]], first["total"]) == (numbers[:3], 5)
    assert await mine(client, here.anna, limit=3, cursor=first["next_cursor"]) == numbers[3:]
    wrong = await client.get(
        "/v1/my/tickets", params={"cursor": first["next_cursor"], "mine": True}, headers=here.anna.headers
    )
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_cursor")
    for query, count in (
        ({"status": "closed"}, 1),
        ({"finished": False}, 4),
        ({"finished": True}, 1),
        ({"category": "repair"}, 2),
        ({"unit_id": str(here.home.id)}, 5),
        ({"unit_id": str(here.other_home.id)}, 0),
        ({"received_from": (clock() - timedelta(days=1)).isoformat()}, 2),
        ({"received_before": (clock() - timedelta(days=1)).isoformat()}, 3),
        ({"q": "100% 漏"}, 1),
        ({"q": "%"}, 1),
        ({"q": "_"}, 0),
    ):
        assert len(await mine(client, here.anna, **query)) == count, query
    with queries:
        await mine(client, here.anna)
    assert queries.count == 2  # the page, and its clocks
    with queries:
        await read(client, here.anna, made[0])
    assert queries.count == 6


@pytest.mark.rule("CMP-02")
@pytest.mark.rule("CMP-07")
async def test_the_clocks_between_departments_are_not_his(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours
) -> None:
    case = await make_case(session, here.org, unit=here.home, owner=here.anna, received_at=clock())
    for kind in (
        ClockKind.RESPONSE,
        ClockKind.RESOLUTION,
        ClockKind.DEPARTMENT_FEEDBACK,
        ClockKind.INVESTIGATION_START,
    ):
        await deadlines.start(
            session, calendar=await calendar_of(session), snapshot=here.org.snapshot, kind=kind, started_at=clock(),
            subject_kind="ticket", subject_id=case.id, ticket_id=case.id, project_id=case.project_id,
            actor=who(here.cast.specialist), now=clock(),
        )  # fmt: skip
    shown = (await read(client, here.anna, case))["deadlines"]
    assert [(one["kind"], one["name"], one["due_at"], one["state"]) for one in shown] == [
        ("response", "首次响应", "2026-11-20T06:00:00Z", "running"),
        ("resolution", "投诉解决", "2026-11-27T10:00:00Z", "running"),
    ]
    assert "why" not in shown[0]
    english = await read(client, here.anna, case, **{"Accept-Language": "en"})
    assert [one["name"] for one in english["deadlines"]] == ["first response", "solution"]


@pytest.mark.rule("CMP-14")
@pytest.mark.rule("OWN-07")
async def test_the_history_is_told_without_names_and_money(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, clock: FakeClock, here: Neighbours
) -> None:
    made = await client.post(
        "/v1/my/tickets",
        json={
            "unit_id": str(here.home.id), "category": "repair", "title": "主卧飘窗渗水", "description": "雨后渗水。",
        },
        headers=here.anna.headers,
    )  # fmt: skip
    assert made.status_code == 201, made.text
    case = await session.get_one(Ticket, made.json()["id"])
    cast = here.cast
    await triage.classify(
        session, ticket_id=case.id, category=None, cause_class=CauseClass.CONSTRUCTION_QUALITY,
        department="engineering_material", handler_id=cast.engineer.id, urgent=None, claim_fen=None, note="渗漏",
        calendar=await calendar_of(session), principal=who(cast.colleague), now=clock(),
    )  # fmt: skip
    await closed_order(session, cast, now=clock(), ticket=case)
    answer = await client.get(f"/v1/my/tickets/{case.id}/history?limit=200", headers=here.anna.headers)
    items = answer.json()["items"]
    kinds = [one["kind"] for one in items]
    assert kinds == [
        "ticket.registered",
        "ticket.classified",
        "site_survey.arranged",
        "site_survey.co_signed",
        "work_order.dispatched",
        "work_order.accepted",
        "work_order.completed",
        "work_order.signed",
        "work_order.signed_off",
        "work_order.called_back",
        "work_order.closed",
    ]
    told = {one["kind"]: (one["sentence"], one["who"], one["department"]) for one in items}
    service = {"code": "customer_service", "name": "客服部"}
    assert told["ticket.registered"] == ("工单已登记", "you", None)
    assert told["ticket.classified"] == ("已核实分类并指定责任部门", "staff", service)
    assert told["site_survey.arranged"] == ("已预约现场勘察:2026-11-20 12:00", "staff", service)
    assert told["work_order.completed"] == ("维修已完工,等待验收", "partner", None)
    names = [cast.specialist.name, cast.colleague.name, cast.captain.name, cast.worker.name, cast.clerk.name]
    assert not any(name in answer.text for name in names)
    assert "fen" not in answer.text
    seen_by_carl = await client.get(f"/v1/my/tickets/{case.id}/history", headers=here.carl.headers)
    assert seen_by_carl.json()["items"][0]["who"] == "other_owner"
    english = await client.get(
        f"/v1/my/tickets/{case.id}/history?limit=2", headers=here.anna.headers | {"Accept-Language": "en"}
    )
    assert english.json()["items"][0]["sentence"] == "The case was registered"
    rest = await client.get(
        f"/v1/my/tickets/{case.id}/history",
        params={"limit": 2, "cursor": english.json()["next_cursor"]},
        headers=here.anna.headers,
    )
    assert [one["kind"] for one in rest.json()["items"]] == kinds[2:4]
    hidden = await client.get(f"/v1/my/tickets/{case.id}/history", headers=here.ben.headers)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "ticket_not_found")
    shown = await read(client, here.anna, case)
    assert [(one["status"], one["scheduled_at"]) for one in shown["visits"]] == [("co_signed", "2026-11-20T04:00:00Z")]
    assert [one["status"] for one in shown["work_orders"]] == ["closed"]


def test_sentences_are_in_both_languages() -> None:
    for kind, (zh, en) in SENTENCES.items():
        assert any("\u4e00" <= letter <= "\u9fff" for letter in zh), kind
        assert en.isascii(), kind
        assert "{actor}" not in zh + en, kind
