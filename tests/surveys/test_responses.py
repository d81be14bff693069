"""Recording answers, reading them, and what they add up to."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.cases import bare_ticket
from tests.factories.contractors import make_firm
from tests.factories.org import Org, make_org
from tests.factories.people import Actor, Desk
from tests.factories.surveys import answers, make_questionnaire

from ownercare_api.contractors.models import FirmKind
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.ids import uuid7
from ownercare_api.demo.policy import DEMO_POLICY
from ownercare_api.identity.principal import Grant, OutOfReach, Principal, PrincipalKind, Reach
from ownercare_api.surveys import service
from ownercare_api.surveys.lifecycle import QuestionnaireStatus, SurveyMode
from ownercare_api.surveys.models import SurveyResponse
from ownercare_api.timeline.models import Event


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


async def totals(session: AsyncSession) -> tuple[int, int]:
    responses = await session.scalar(select(func.count()).select_from(SurveyResponse))
    events = await session.scalar(select(func.count()).select_from(Event))
    return responses or 0, events or 0


async def record(client: httpx.AsyncClient, actor: Actor, **body: Any) -> httpx.Response:
    wanted = {"mode": "phone", "answers": answers(repair_quality=5)} | {
        key: str(value) if isinstance(value, UUID) else value for key, value in body.items()
    }
    return await client.post("/v1/survey-responses", json=wanted, headers=actor.headers)


@pytest.mark.rule("SUR-03")
@pytest.mark.rule("CBK-12")
@pytest.mark.rule("CBK-13")
async def test_a_seriously_dissatisfied_owner_is_flagged(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, org: Org
) -> None:
    clerk = await people.staff("records_clerk", project_id=org.project.id)
    questionnaire = await make_questionnaire(session, now=clock())
    ticket = await bare_ticket(session, org, now=clock())
    given = answers(suggestion="师傅迟到了两次。", best_point="一次修好", attitude=1, repair_quality=5, fixed=True)
    made = await record(
        client,
        clerk,
        questionnaire_id=questionnaire.id,
        ticket_id=ticket.id,
        answers=given,
        respondent_name="沈若溪",
        mode="interview",
    )
    assert made.status_code == 201, made.text
    body = made.json()
    assert made.headers["location"] == f"/v1/survey-responses/{body['id']}"
    assert body == {
        "id": body["id"],
        "number": body["number"],
        "questionnaire_id": str(questionnaire.id),
        "project_id": str(org.project.id),
        "ticket_id": str(ticket.id),
        "unit_id": str(org.units[0].id),
        "mode": "interview",
        "score_hundredths": 300,
        "scale_max": 5,
        "dissatisfied": True,
        "severe": True,
        "recorded_by": str(clerk.id),
        "recorded_by_name": clerk.name,
        "recorded_at": "2026-11-20T04:00:00Z",
        "version": 1,
        "respondent_name": "沈若溪",
        "policy_snapshot_id": str(org.snapshot.id),
        "answers": [
            {"question": "repair_quality", "value": 5},
            {"question": "attitude", "value": 1},
            {"question": "best_point", "value": "一次修好"},
            {"question": "fixed", "value": True},
            {"question": "suggestion", "value": "师傅迟到了两次。"},
        ],
    }
    assert body["number"].startswith("WJ-20261120-")
    event = (await session.scalars(select(Event).where(Event.subject_id == UUID(body["id"])))).one()
    assert (event.kind, event.ticket_id, event.project_id) == ("survey_response.recorded", ticket.id, org.project.id)
    assert event.rules == ["SUR-03", "CBK-13", "CBK-12"]
    assert event.data == {
        "number": body["number"],
        "questionnaire_id": str(questionnaire.id),
        "mode": "interview",
        "score_hundredths": 300,
        "dissatisfied": True,
        "severe": True,
        "dissatisfied_questions": ["attitude"],
    }
    read = await client.get(made.headers["location"], headers=clerk.headers)
    assert read.json() == body
    assert read.headers["etag"].startswith('"1.')


@pytest.mark.rule("CBK-08")
async def test_a_case_is_surveyed_once_and_a_home_as_often_as_asked(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, org: Org
) -> None:
    clerk = await people.staff("records_clerk", project_id=org.project.id)
    one = await make_questionnaire(session, now=clock())
    other = await make_questionnaire(session, now=clock(), code="MYD-RH")
    ticket = await bare_ticket(session, org, now=clock())
    assert (await record(client, clerk, questionnaire_id=one.id, ticket_id=ticket.id)).status_code == 201
    before = await totals(session)
    for questionnaire in (one, other):
        again = await record(client, clerk, questionnaire_id=questionnaire.id, ticket_id=ticket.id)
        assert (again.status_code, again.json()["code"]) == (409, "already_surveyed")
    assert await totals(session) == before
    for _ in range(2):
        home = await record(client, clerk, questionnaire_id=one.id, unit_id=org.units[0].id)
        assert home.status_code == 201
        assert (home.json()["ticket_id"], home.json()["unit_id"]) == (None, str(org.units[0].id))


async def test_what_does_not_fit_changes_nothing(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, org: Org
) -> None:
    clerk = await people.staff("records_clerk", project_id=org.project.id)
    questionnaire = await make_questionnaire(session, now=clock())
    unpublished = await make_questionnaire(session, now=clock(), code="MYD-RH", status=QuestionnaireStatus.DRAFT)
    elsewhere = await make_org(session, now=clock(), name="临澜府", region=org.region)
    foreign = await bare_ticket(session, elsewhere, now=clock())
    ticket = await bare_ticket(session, org, now=clock())
    firm = await make_firm(session, kind=FirmKind.PROPERTY_COMPANY)
    company = await people.firm_user("property_company_manager", firm_id=firm.id)
    analyst_elsewhere = await people.staff("data_analyst", project_id=org.project.id)
    before = await totals(session)

    async def refused(actor: Actor = clerk, **body: Any) -> tuple[int, str]:
        answer = await record(client, actor, **{"questionnaire_id": questionnaire.id, "ticket_id": ticket.id, **body})
        return answer.status_code, answer.json()["code"]

    assert await refused(questionnaire_id=unpublished.id) == (409, "questionnaire_not_published")
    assert await refused(questionnaire_id=uuid7()) == (404, "questionnaire_not_found")
    assert await refused(ticket_id=foreign.id) == (404, "ticket_not_found")
    assert await refused(ticket_id=None, unit_id=elsewhere.units[0].id) == (404, "unit_not_found")
    assert await refused(ticket_id=None, unit_id=uuid7()) == (404, "unit_not_found")
    assert await refused(unit_id=org.units[0].id) == (422, "validation_failed")
    assert await refused(ticket_id=None) == (422, "validation_failed")
    assert await refused(mode="fax") == (422, "validation_failed")
    assert await refused(answers=[]) == (422, "validation_failed")
    assert await refused(answers=[{"question": "repair_quality", "value": 4.0}]) == (422, "validation_failed")
    assert await refused(answers=answers(repair_quality=6)) == (422, "invalid_answers")
    assert await refused(company) == (403, "missing_scope")
    assert await refused(analyst_elsewhere) == (403, "missing_scope")
    assert await totals(session) == before
    answer = await record(
        client,
        clerk,
        questionnaire_id=questionnaire.id,
        ticket_id=ticket.id,
        answers=answers(best_point="张三 13800001111"),
    )
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("#/answers/0/value", "not_an_option"),
        ("#/answers", "answer_missing"),
    ]
    assert "13800001111" not in answer.text


async def test_one_who_sees_a_case_may_not_thereby_survey_it(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, org: Org
) -> None:
    elsewhere = await make_org(session, now=clock(), name="临澜府", region=org.region)
    both = await people.staff("data_analyst")
    assert both.principal is not None
    questionnaire = await make_questionnaire(session, now=clock())
    ticket = await bare_ticket(session, org, now=clock())
    # Company-wide eyes, hands in one other project.
    who = Principal(
        kind=PrincipalKind.STAFF,
        id=both.id,
        name=both.name,
        grants=(
            *both.principal.grants,
            Grant("records_clerk", frozenset({"surveys:record"}), Reach(projects=frozenset({elsewhere.project.id}))),
        ),
    )
    before = await totals(session)
    for about in ({"ticket_id": ticket.id, "unit_id": None}, {"ticket_id": None, "unit_id": org.units[0].id}):
        with pytest.raises(OutOfReach):
            await service.record_response(
                session,
                questionnaire_id=questionnaire.id,
                **about,
                mode=SurveyMode.PHONE,
                respondent_name=None,
                answers=[("repair_quality", 5)],
                principal=who,
                now=clock(),
            )
    assert await totals(session) == before


@pytest.mark.rule("ADM-08")
async def test_the_scale_is_the_project_s_policy(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    ten = DEMO_POLICY | {
        "satisfaction.scale_max": 10,
        "satisfaction.dissatisfied_max": 4,
        "satisfaction.severe_max": 2,
    }
    org = await make_org(session, now=clock(), values=ten)
    clerk = await people.staff("records_clerk", project_id=org.project.id)
    questionnaire = await make_questionnaire(session, now=clock())
    seen = []
    for value in (10, 5, 4, 2):
        made = await record(
            client,
            clerk,
            questionnaire_id=questionnaire.id,
            unit_id=org.units[0].id,
            answers=answers(repair_quality=value),
        )
        body = made.json()
        seen.append((body["score_hundredths"], body["scale_max"], body["dissatisfied"], body["severe"]))
    assert seen == [(1000, 10, False, False), (500, 10, False, False), (400, 10, True, False), (200, 10, True, True)]


@pytest.mark.rule("OWN-07")
async def test_responses_are_listed_to_the_project_s_own(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, org: Org, queries: QueryRecorder
) -> None:
    other = await make_org(session, now=clock(), name="临澜府", region=org.region)
    questionnaire = await make_questionnaire(session, now=clock())
    clerk = await people.staff("records_clerk", project_id=org.project.id)
    neighbour = await people.staff("records_clerk", project_id=other.project.id)
    manager = await people.staff("general_manager")
    firm = await make_firm(session, kind=FirmKind.PROPERTY_COMPANY)
    company = await people.firm_user("property_company_manager", firm_id=firm.id)
    shared = await bare_ticket(session, org, now=clock(), firm_id=firm.id)
    made = []
    for actor, about, value, mode in (
        (clerk, {"ticket_id": shared.id}, 5, "phone"),
        (clerk, {"unit_id": org.units[1].id}, 1, "wechat"),
        (neighbour, {"unit_id": other.units[0].id}, 2, "phone"),
    ):
        answer = await record(
            client,
            actor,
            questionnaire_id=questionnaire.id,
            mode=mode,
            answers=answers(repair_quality=value),
            **about,
        )
        made.append(answer.json()["id"])

    async def listed(actor: Actor, **query: Any) -> list[str]:
        answer = await client.get("/v1/survey-responses", params=query, headers=actor.headers)
        assert answer.status_code == 200, answer.text
        assert all("answers" not in one and "respondent_name" not in one for one in answer.json()["items"])
        return [one["id"] for one in answer.json()["items"]]

    with queries:
        assert await listed(clerk) == [made[1], made[0]]
    assert queries.count == 1
    assert await listed(neighbour) == [made[2]]
    assert await listed(manager) == [made[2], made[1], made[0]]
    assert await listed(company) == []
    assert await listed(manager, severe=True) == [made[1]]
    assert await listed(manager, dissatisfied=True) == [made[2], made[1]]
    assert await listed(manager, mode="phone", project_id=org.project.id) == [made[0]]
    assert await listed(manager, ticket_id=shared.id) == [made[0]]
    assert await listed(clerk, unit_id=other.units[0].id) == []
    for actor, response_id in ((company, made[0]), (neighbour, made[0]), (clerk, made[2])):
        hidden = await client.get(f"/v1/survey-responses/{response_id}", headers=actor.headers)
        assert (hidden.status_code, hidden.json()["code"]) == (404, "survey_response_not_found")


@pytest.mark.rule("CBK-09")
@pytest.mark.rule("SUR-05")
@pytest.mark.rule("SUR-08")
async def test_results_count_what_the_caller_may_see(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, org: Org, queries: QueryRecorder
) -> None:
    other = await make_org(session, now=clock(), name="临澜府", region=org.region)
    questionnaire = await make_questionnaire(session, now=clock())
    newer = await make_questionnaire(session, now=clock(), edition=2)
    clerk = await people.staff("records_clerk", project_id=org.project.id)
    neighbour = await people.staff("records_clerk", project_id=other.project.id)
    manager = await people.staff("general_manager")
    here, there = org.units[0].id, other.units[0].id
    for actor, unit, asked, given in (
        (clerk, here, questionnaire, {"repair_quality": 5, "attitude": 4, "best_point": "一次修好", "fixed": True}),
        (clerk, here, questionnaire, {"repair_quality": 4, "suggestion": "好", "fixed": False}),
        (clerk, here, questionnaire, {"repair_quality": 3, "best_point": "一次修好", "suggestion": "尚可"}),
        (neighbour, there, questionnaire, {"repair_quality": 1, "attitude": 2, "best_point": "上门及时"}),
        (clerk, here, newer, {"repair_quality": 1}),
    ):
        made = await record(client, actor, questionnaire_id=asked.id, unit_id=unit, answers=answers(**given))
        assert made.status_code == 201, made.text

    async def results(actor: Actor, **query: Any) -> dict[str, Any]:
        answer = await client.get(f"/v1/questionnaires/{questionnaire.id}/results", params=query, headers=actor.headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    await client.get("/v1/me", headers=clerk.headers)
    with queries:
        own = await results(clerk)
    assert queries.count == 2
    # Scores 4.50, 4.00, 3.00: mean 3.8333; two of three above the middle.
    assert {key: value for key, value in own.items() if key != "questions"} == {
        "questionnaire_id": str(questionnaire.id),
        "project_id": None,
        "responses": 3,
        "scored": 3,
        "mean_hundredths": 383,
        "satisfied_percent_hundredths": 6667,
        "dissatisfied": 0,
        "severe": 0,
    }
    quality, attitude, best, fixed, suggestion = own["questions"]
    assert quality == {
        "key": "repair_quality",
        "text": "您对维修质量是否满意?",
        "kind": "scale",
        "dimension": "after_sales_service",
        "answered": 3,
        "distribution": [
            {"value": 1, "count": 0},
            {"value": 2, "count": 0},
            {"value": 3, "count": 1},
            {"value": 4, "count": 1},
            {"value": 5, "count": 1},
        ],
        "mean_hundredths": 400,
        "satisfied_percent_hundredths": 6667,
    }
    assert (attitude["answered"], attitude["mean_hundredths"], attitude["satisfied_percent_hundredths"]) == (
        1,
        400,
        10000,
    )
    assert [(one["value"], one["count"]) for one in best["distribution"]] == [
        ("上门及时", 0),
        ("态度热情", 0),
        ("一次修好", 2),
    ]
    assert best["mean_hundredths"] is None
    assert [(one["value"], one["count"]) for one in fixed["distribution"]] == [(True, 1), (False, 1)]
    assert (suggestion["answered"], suggestion["distribution"]) == (2, [])

    everything = await results(manager)
    # 4.50, 4.00, 3.00 and 1.50: mean 3.25.
    assert (everything["responses"], everything["mean_hundredths"]) == (4, 325)
    assert (everything["satisfied_percent_hundredths"], everything["dissatisfied"], everything["severe"]) == (
        5000,
        1,
        1,
    )
    assert await results(manager, project_id=org.project.id) == own | {"project_id": str(org.project.id)}
    nothing = await results(clerk, project_id=other.project.id)
    assert (nothing["responses"], nothing["mean_hundredths"], nothing["satisfied_percent_hundredths"]) == (
        0,
        None,
        None,
    )
    assert [one["answered"] for one in nothing["questions"]] == [0, 0, 0, 0, 0]
    missing = await client.get(f"/v1/questionnaires/{uuid7()}/results", headers=manager.headers)
    assert (missing.status_code, missing.json()["code"]) == (404, "questionnaire_not_found")


@pytest.mark.slow
@pytest.mark.rule("CBK-08")
async def test_two_clerks_with_one_case_make_one_response(committed: PooledDatabase, clock: FakeClock) -> None:
    who = Principal(
        kind=PrincipalKind.STAFF,
        id=uuid7(),
        name="资料员",
        grants=(
            Grant(
                role="records_clerk",
                scopes=frozenset({"surveys:record", "tickets:read"}),
                reach=Reach(everywhere=True),
            ),
        ),
    )
    async with committed.session() as session:
        org = await make_org(session, now=clock())
        questionnaire = (await make_questionnaire(session, now=clock())).id
        cases = [(await bare_ticket(session, org, now=clock())).id for _ in range(20)]
        await session.commit()

    async def attempt(ticket_id: UUID) -> bool:
        async with committed.session() as session:
            try:
                await service.record_response(
                    session,
                    questionnaire_id=questionnaire,
                    ticket_id=ticket_id,
                    unit_id=None,
                    mode=SurveyMode.PHONE,
                    respondent_name=None,
                    answers=[("repair_quality", 5)],
                    principal=who,
                    now=clock(),
                )
            except service.AlreadySurveyed:
                return False
            await session.commit()
            return True

    for ticket_id in cases:
        assert sorted(await asyncio.gather(*(attempt(ticket_id) for _ in range(3)))) == [False, False, True]
    async with committed.session() as session:
        assert await session.scalar(select(func.count()).select_from(SurveyResponse)) == 20
        recorded = select(func.count()).select_from(Event).where(Event.kind == "survey_response.recorded")
        assert await session.scalar(recorded) == 20
