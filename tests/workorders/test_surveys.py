"""Arranging site surveys, who must attend, and recording what was found (REP-02..04)."""

from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import (
    CLASS_A,
    Cast,
    arranged_survey,
    co_signed_survey,
    make_cast,
    repair_ticket,
)
from tests.factories.contractors import make_contractor, make_firm, make_property_company
from tests.factories.org import make_org
from tests.factories.people import Actor, Desk
from tests.workorders.conftest import Post, Unchanged, refused

from ownercare_api.contractors.models import FirmKind
from ownercare_api.core.ids import uuid7
from ownercare_api.properties.parts import BuildingPart
from ownercare_api.tickets.lifecycle import Category, TicketStatus
from ownercare_api.tickets.models import Ticket, TicketFirm
from ownercare_api.timeline.models import Event

SURVEYS = "/v1/site-surveys"


def arrangement(ticket: Ticket, **changes: Any) -> dict[str, Any]:
    return {
        "ticket_id": str(ticket.id),
        "scheduled_at": "2026-11-23T10:00:00+08:00",
        "building_part": "wet_room_waterproofing",
        **changes,
    }


def found(**changes: Any) -> dict[str, Any]:
    return {
        "visited_at": "2026-11-20T12:00:00+08:00",
        "building_part": "wet_room_waterproofing",
        "cause": "地漏周边防水层开裂",
        "liable_party": "contractor",
        "trades": ["tiling", "waterproofing"],
        "estimate_lines": [
            {"description": "重做防水", "trade": "waterproofing", "amount_fen": 120_000},
            {"description": "恢复地砖", "trade": "tiling", "amount_fen": 60_000},
        ],
        **changes,
    }


def parties(body: dict[str, Any]) -> dict[str, tuple[bool, str | None, str | None]]:
    return {
        one["role"]: (one["required"], one["exempt_because"], one["firm"] and one["firm"]["id"])
        for one in body["parties"]
    }


async def ticket_facts(session: AsyncSession, ticket_id: UUID) -> tuple[int, int]:
    row = (await session.execute(select(Ticket.open_work, Ticket.work_done).where(Ticket.id == ticket_id))).one()
    return row.open_work, row.work_done


@pytest.mark.rule("REP-02")
async def test_arranging_invites_the_four_parties_and_shares_the_ticket(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    ticket = await repair_ticket(session, cast, now=clock())
    answer = await post(cast.specialist, SURVEYS, **arrangement(ticket))
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert answer.headers["location"] == f"/v1/site-surveys/{body['id']}"
    assert answer.headers["etag"].startswith(f'"{body["version"]}.')
    assert body["number"] == "KC-20261120-0001"
    assert body["status"] == "arranged"
    company, contractor = str(cast.company.firm.id), str(cast.contractor.firm.id)
    assert parties(body) == {
        "customer_service": (True, None, None),
        "engineering_or_property": (True, None, company),
        "repair_captain": (True, None, company),
        "contractor": (True, None, contractor),
    }
    assert body["team_id"] == str(cast.company.team.id)
    assert body["missing_signatures"] == ["customer_service", "engineering_or_property", "repair_captain", "contractor"]
    assert body["signable_seats"] == []
    assert body["allowed_actions"] == ["findings", "cancellation"]
    clocks = [(one["kind"], one["due_at"], one["state"]) for one in body["deadlines"]]
    assert clocks == [("site_survey", "2026-11-23T10:00:00Z", "running")]
    assert await ticket_facts(session, ticket.id) == (1, 0)
    shared = await session.scalars(select(TicketFirm.firm_id).where(TicketFirm.ticket_id == ticket.id))
    assert set(shared) == {cast.company.firm.id, cast.contractor.firm.id}
    event = (await session.scalars(select(Event).where(Event.kind == "site_survey.arranged"))).one()
    assert (event.subject_id, event.ticket_id) == (UUID(body["id"]), ticket.id)
    assert (event.rules, event.firm_id) == (["REP-02", "REP-03"], cast.company.firm.id)


@pytest.mark.rule("REP-03")
@pytest.mark.parametrize(
    ("expected", "required", "why"),
    [(None, True, None), (49_999, False, "below_exempt_amount"), (50_000, True, None), (50_001, True, None)],
)
async def test_the_contractor_is_exempt_strictly_below_the_amount(
    session: AsyncSession,
    cast: Cast,
    clock: FakeClock,
    post: Post,
    expected: int | None,
    required: bool,
    why: str | None,
) -> None:
    ticket = await repair_ticket(session, cast, now=clock())
    given = {} if expected is None else {"expected_cost_fen": expected}
    body = (await post(cast.specialist, SURVEYS, **arrangement(ticket, **given))).json()
    assert parties(body)["contractor"] == (required, why, str(cast.contractor.firm.id))


@pytest.mark.rule("REP-03")
async def test_under_the_factory_policy_the_contractor_always_attends(
    session: AsyncSession, people: Desk, clock: FakeClock, post: Post
) -> None:
    cast = await make_cast(session, people, now=clock(), values={})
    ticket = await repair_ticket(session, cast, now=clock())
    body = (await post(cast.specialist, SURVEYS, **arrangement(ticket, expected_cost_fen=0))).json()
    assert parties(body)["contractor"][0] is True


@pytest.mark.rule("REP-03")
async def test_where_no_contract_covers_the_part_no_contractor_is_invited(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    ticket = await repair_ticket(session, cast, now=clock())
    body = (await post(cast.specialist, SURVEYS, **arrangement(ticket, building_part="electrics"))).json()
    assert parties(body)["contractor"] == (False, "no_contract", None)


async def test_the_last_accepted_contract_of_the_part_counts(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    newer = await make_contractor(session, cast.org, accepted_on=date(2026, 3, 1))
    ticket = await repair_ticket(session, cast, now=clock())
    body = (await post(cast.specialist, SURVEYS, **arrangement(ticket))).json()
    assert body["contractor_firm_id"] == str(newer.firm.id)


@pytest.mark.rule("REP-14")
async def test_team_and_property_company_can_be_named(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post
) -> None:
    second = await make_property_company(session, cast.org, people)
    ticket = await repair_ticket(session, cast, now=clock())
    named = {"team_id": str(second.team.id), "property_firm_id": str(cast.company.firm.id)}
    body = (await post(cast.specialist, SURVEYS, **arrangement(ticket, **named))).json()
    assert parties(body)["repair_captain"][2] == str(second.firm.id)
    assert parties(body)["engineering_or_property"][2] == str(cast.company.firm.id)


@pytest.mark.rule("REP-14")
@pytest.mark.parametrize("field", ["team_id", "property_firm_id"])
async def test_a_team_or_company_of_another_project_is_refused(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged, field: str
) -> None:
    org = await make_org(session, now=clock(), name="临澜府", region=cast.org.region)
    stranger = await make_property_company(session, org, people)
    ticket = await repair_ticket(session, cast, now=clock())
    named = {"team_id": stranger.team.id, "property_firm_id": stranger.firm.id}
    async with unchanged():
        answer = await post(cast.specialist, SURVEYS, **arrangement(ticket, **{field: str(named[field])}))
    refused(answer, 422, "party_not_of_project")
    assert answer.json()["errors"][0]["pointer"] == f"#/{field}"


async def test_a_project_without_a_team_can_t_be_surveyed(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    cast.company.team.active = False
    ticket = await repair_ticket(session, cast, now=clock())
    await session.flush()
    async with unchanged():
        refused(await post(cast.specialist, SURVEYS, **arrangement(ticket)), 409, "no_team_for_project")


@pytest.mark.rule("REP-02")
async def test_one_survey_at_a_time(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    survey = await arranged_survey(session, cast, now=clock())
    ticket = await session.get_one(Ticket, survey.ticket_id)
    async with unchanged():
        refused(await post(cast.specialist, SURVEYS, **arrangement(ticket)), 409, "site_survey_open")
    cancelled = await post(cast.specialist, f"{SURVEYS}/{survey.id}/cancellation", reason="业主改约")
    assert cancelled.json()["status"] == "cancelled"
    assert cancelled.json()["cancellation_reason"] == "业主改约"
    assert cancelled.json()["deadlines"][0]["state"] == "running"
    assert await ticket_facts(session, ticket.id) == (0, 0)
    assert (await post(cast.specialist, SURVEYS, **arrangement(ticket))).status_code == 201
    assert await ticket_facts(session, ticket.id) == (1, 0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"category": Category.COMPLAINT}, "not_a_repair"),
        ({"status": TicketStatus.REGISTERED}, "ticket_not_accepted"),
        ({"status": TicketStatus.RESOLVED}, "ticket_not_accepted"),
        ({"status": TicketStatus.WITHDRAWN}, "ticket_not_accepted"),
    ],
)
@pytest.mark.rule("REP-02")
async def test_only_accepted_repairs_are_surveyed(
    session: AsyncSession,
    cast: Cast,
    clock: FakeClock,
    post: Post,
    unchanged: Unchanged,
    changes: dict[str, Any],
    code: str,
) -> None:
    ticket = await repair_ticket(session, cast, now=clock())
    for name, value in changes.items():
        setattr(ticket, name, value)
    await session.flush()
    async with unchanged():
        refused(await post(cast.specialist, SURVEYS, **arrangement(ticket)), 409, code)


async def test_who_may_not_arrange(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    ticket = await repair_ticket(session, cast, now=clock())
    elsewhere = await make_org(session, now=clock(), name="临澜府", region=cast.org.region)
    stranger = await people.staff("customer_relations_specialist", project_id=elsewhere.project.id)
    reader = await people.staff("legal_counsel", project_id=cast.org.project.id)
    here_reader = await people.staff("legal_counsel", "customer_relations_specialist", project_id=elsewhere.project.id)
    async with unchanged():
        refused(await post(cast.captain, SURVEYS, **arrangement(ticket)), 403, "missing_scope")
        refused(await post(reader, SURVEYS, **arrangement(ticket)), 403, "missing_scope")
        refused(await post(stranger, SURVEYS, **arrangement(ticket)), 404, "ticket_not_found")
        refused(await post(here_reader, SURVEYS, **arrangement(ticket)), 404, "ticket_not_found")
        refused(
            await post(cast.specialist, SURVEYS, **arrangement(ticket, ticket_id=str(uuid7()))), 404, "ticket_not_found"
        )
        early = await post(cast.specialist, SURVEYS, **arrangement(ticket, scheduled_at="2026-11-20T03:59:59.999999Z"))
        refused(early, 422, "time_out_of_range")
        refused(await post(cast.specialist, SURVEYS, **arrangement(ticket, more=1)), 422, "validation_failed")


@pytest.mark.rule("REP-04")
async def test_co_signed_and_cancelled_surveys_stand(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    survey = await co_signed_survey(session, cast, now=clock(), story=CLASS_A)
    path = f"{SURVEYS}/{survey.id}"
    elsewhere = await make_org(session, now=clock(), name="临澜府", region=cast.org.region)
    stranger = await people.staff("customer_relations_specialist", project_id=elsewhere.project.id)
    async with unchanged():
        refused(await post(cast.specialist, f"{path}/findings", **found()), 409, "wrong_status")
        refused(await post(cast.specialist, f"{path}/cancellation", reason="不需要"), 409, "wrong_status")
        refused(await post(cast.captain, f"{path}/findings", **found()), 403, "missing_scope")
        refused(await post(cast.captain, f"{path}/cancellation", reason="不需要"), 403, "missing_scope")
        refused(await post(stranger, f"{path}/findings", **found()), 404, "site_survey_not_found")
        refused(await post(stranger, f"{path}/cancellation", reason="不需要"), 404, "site_survey_not_found")
        refused(await post(cast.specialist, f"{SURVEYS}/{uuid7()}/findings", **found()), 404, "site_survey_not_found")


async def test_firms_see_the_surveys_they_are_invited_to(
    session: AsyncSession, client: httpx.AsyncClient, cast: Cast, people: Desk, clock: FakeClock
) -> None:
    mine = await arranged_survey(session, cast, now=clock())
    clock.forward(minutes=1)
    second = await make_contractor(session, cast.org, parts={BuildingPart.ELECTRICS: 24})
    stranger = await people.firm_user("contractor_representative", firm_id=second.firm.id)
    other_firm = await make_firm(session, kind=FirmKind.PROPERTY_COMPANY)
    idle = await people.firm_user("property_company_manager", firm_id=other_firm.id)

    async def seen(actor: Actor, query: str = "") -> list[str]:
        answer = await client.get(f"{SURVEYS}{query}", headers=actor.headers)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["items"]]

    for actor in (cast.specialist, cast.representative, cast.captain):
        assert await seen(actor) == [str(mine.id)]
        assert (await client.get(f"{SURVEYS}/{mine.id}", headers=actor.headers)).status_code == 200
    for actor in (stranger, idle):
        assert await seen(actor) == []
        refused(await client.get(f"{SURVEYS}/{mine.id}", headers=actor.headers), 404, "site_survey_not_found")
        refused(await client.get(f"{SURVEYS}/{mine.id}/liability", headers=actor.headers), 404, "site_survey_not_found")
    assert await seen(cast.specialist, "?status=recorded") == []
    assert await seen(cast.specialist, f"?status=arranged&ticket_id={mine.ticket_id}") == [str(mine.id)]
    assert await seen(cast.specialist, f"?project_id={cast.org.project.id}") == [str(mine.id)]
    refused(
        await client.get(f"{SURVEYS}/{mine.id}/liability", headers=cast.specialist.headers), 409, "findings_missing"
    )
    later = await repair_ticket(session, cast, now=clock(), unit=1)
    newer = await arranged_survey(session, cast, now=clock(), ticket=later)
    assert await seen(cast.specialist) == [str(newer.id), str(mine.id)]
