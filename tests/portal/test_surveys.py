"""Questionnaires that an owner answers by himself."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON, MASTER, FakeClock
from tests.factories.people import Desk
from tests.factories.portal import Neighbours, make_case, make_neighbours, rows
from tests.factories.surveys import answers, make_questionnaire

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.surveys import own
from ownercare_api.surveys.lifecycle import QuestionnaireStatus, SurveyMode
from ownercare_api.surveys.models import Questionnaire, SurveyResponse
from ownercare_api.surveys.service import record_response
from ownercare_api.tickets.lifecycle import TicketStatus


@pytest.fixture
async def sheet(session: AsyncSession, clock: FakeClock) -> Questionnaire:
    """Give a published questionnaire."""
    return await make_questionnaire(session, now=clock())


def filled(sheet: Questionnaire, **about: Any) -> dict[str, Any]:
    return {
        "questionnaire_id": str(sheet.id),
        "answers": answers(repair_quality=5, fixed=True, suggestion="先电话约时间"),
        **{name: str(value) for name, value in about.items()},
    }


@pytest.mark.rule("CBK-08")
@pytest.mark.rule("SUR-03")
async def test_the_newest_published_edition_is_open_to_him(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours, sheet: Questionnaire
) -> None:
    second = await make_questionnaire(session, now=clock(), edition=2)
    await make_questionnaire(session, now=clock(), edition=3, status=QuestionnaireStatus.DRAFT)
    other = await make_questionnaire(session, now=clock(), code="MYD-RZ")
    finished = await make_case(
        session, here.org, unit=here.home, owner=here.anna, received_at=clock(), status=TicketStatus.CLOSED
    )
    await make_case(session, here.org, unit=here.home, owner=here.anna, received_at=clock())
    await client.post("/v1/my/survey-responses", json=filled(second, unit_id=here.home.id), headers=here.anna.headers)
    shown = (await client.get("/v1/my/questionnaires", headers=here.anna.headers)).json()["items"]
    assert [(one["id"], one["edition"]) for one in shown] == [(str(other.id), 1), (str(second.id), 2)]
    home = {"id": str(here.home.id), "address": here.home.address, "scale_max": 5}
    assert [one["homes"] for one in shown] == [[home | {"answered": False}], [home | {"answered": True}]]
    assert shown[0]["cases"] == [{"id": str(finished.id), "number": finished.number}]
    assert [one["key"] for one in shown[0]["questions"]][:2] == ["repair_quality", "attitude"]
    bens = (await client.get("/v1/my/questionnaires", headers=here.ben.headers)).json()["items"]
    assert (bens[0]["homes"][0]["id"], bens[0]["cases"]) == (str(here.other_home.id), [])


@pytest.mark.rule("SUR-03")
@pytest.mark.rule("CBK-13")
async def test_he_answers_once_for_a_home_and_once_for_a_case(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours, sheet: Questionnaire
) -> None:
    case = await make_case(
        session, here.org, unit=here.home, owner=here.anna, received_at=clock(), status=TicketStatus.RESOLVED
    )
    about_home = filled(sheet, unit_id=here.home.id)
    made = await client.post("/v1/my/survey-responses", json=about_home, headers=here.anna.headers)
    assert made.status_code == 201, made.text
    body = made.json()
    assert made.headers["location"] == f"/v1/my/survey-responses/{body['id']}"
    assert (body["number"], body["mode"], body["by_yourself"]) == ("WJ-20261120-0001", "questionnaire", True)
    assert [(one["question"], one["value"]) for one in body["answers"]] == [
        ("repair_quality", 5), ("fixed", True), ("suggestion", "先电话约时间"),
    ]  # fmt: skip
    kept = await session.scalar(select(SurveyResponse))
    assert kept is not None
    assert (kept.owner_id, kept.respondent_name, kept.recorded_by_name, kept.score_hundredths) == (
        here.anna.id, "王秀英", "业主", 500,
    )  # fmt: skip
    about_case = filled(sheet, ticket_id=case.id)
    assert (await client.post("/v1/my/survey-responses", json=about_case, headers=here.anna.headers)).status_code == 201
    before = await rows(session)
    for again, code in ((about_home, "questionnaire_answered"), (about_case, "already_surveyed")):
        refused = await client.post("/v1/my/survey-responses", json=again, headers=here.anna.headers)
        assert (refused.status_code, refused.json()["code"]) == (409, code)
        after = await rows(session)
        after["number_day"] = before["number_day"]
        assert after == before
    # The co-owner has a voice of his own about the home; so does everybody for a new edition.
    assert (await client.post("/v1/my/survey-responses", json=about_home, headers=here.carl.headers)).status_code == 201
    second = await make_questionnaire(session, now=clock(), edition=2)
    newer = filled(second, unit_id=here.home.id)
    assert (await client.post("/v1/my/survey-responses", json=newer, headers=here.anna.headers)).status_code == 201


@pytest.mark.rule("OWN-07")
async def test_refusals_change_nothing(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours, sheet: Questionnaire
) -> None:
    running = await make_case(session, here.org, unit=here.home, owner=here.anna, received_at=clock())
    finished = await make_case(
        session, here.org, unit=here.home, owner=here.anna, received_at=clock(), status=TicketStatus.CLOSED
    )
    draft = await make_questionnaire(session, now=clock(), code="MYD-CG", status=QuestionnaireStatus.DRAFT)
    low = filled(sheet, unit_id=here.home.id) | {"answers": answers(repair_quality=6)}
    before = await rows(session)
    for person, body, status, code in (
        (here.anna, filled(sheet, ticket_id=running.id), 409, "case_not_finished"),
        (here.carl, filled(sheet, ticket_id=finished.id), 403, "not_your_case"),
        (here.ben, filled(sheet, ticket_id=finished.id), 404, "ticket_not_found"),
        (here.ben, filled(sheet, unit_id=here.home.id), 404, "unit_not_found"),
        (here.fred, filled(sheet, unit_id=here.home.id), 404, "unit_not_found"),
        (here.anna, filled(draft, unit_id=here.home.id), 404, "questionnaire_not_found"),
        (here.anna, filled(sheet), 422, "validation_failed"),
        (here.anna, filled(sheet, unit_id=here.home.id, ticket_id=finished.id), 422, "validation_failed"),
        (here.anna, filled(sheet, unit_id=here.home.id, mode="phone"), 422, "validation_failed"),
        (here.anna, low, 422, "invalid_answers"),
    ):
        refused = await client.post("/v1/my/survey-responses", json=body, headers=person.headers)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await rows(session) == before


@pytest.mark.rule("SUR-03")
async def test_his_answers_are_those_he_gave_and_those_he_was_asked_for(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours, sheet: Questionnaire
) -> None:
    case = await make_case(
        session, here.org, unit=here.home, owner=here.anna, received_at=clock(), status=TicketStatus.CLOSED
    )
    staff = here.cast.specialist.principal
    assert staff is not None
    asked = await record_response(
        session, questionnaire_id=sheet.id, ticket_id=case.id, unit_id=None, mode=SurveyMode.PHONE,
        respondent_name="王秀英", answers=[("repair_quality", 4)], principal=staff, now=clock(),
    )  # fmt: skip
    of_the_home = await record_response(
        session, questionnaire_id=sheet.id, ticket_id=None, unit_id=here.home.id, mode=SurveyMode.INTERVIEW,
        respondent_name="陈志强", answers=[("repair_quality", 1)], principal=staff, now=clock(),
    )  # fmt: skip
    own = (
        await client.post(
            "/v1/my/survey-responses", json=filled(sheet, unit_id=here.home.id), headers=here.anna.headers
        )
    ).json()["id"]
    page = (await client.get("/v1/my/survey-responses?include_total=true", headers=here.anna.headers)).json()
    assert [(one["id"], one["by_yourself"]) for one in page["items"]] == [(own, True), (str(asked), False)]
    assert page["total"] == 2
    for query, count in (({"ticket_id": str(case.id)}, 1), ({"unit_id": str(here.other_home.id)}, 0)):
        found = await client.get("/v1/my/survey-responses", params=query, headers=here.anna.headers)
        assert len(found.json()["items"]) == count
    assert (await client.get(f"/v1/my/survey-responses/{asked}", headers=here.anna.headers)).json()["answers"] == [
        {"question": "repair_quality", "value": 4}
    ]
    for response_id in (of_the_home, asked, own):
        for person in (here.carl, here.ben):
            hidden = await client.get(f"/v1/my/survey-responses/{response_id}", headers=person.headers)
            assert (hidden.status_code, hidden.json()["code"]) == (404, "survey_response_not_found")


@pytest.mark.rule("SUR-03")
async def test_one_of_many_at_once_wins(committed: PooledDatabase, people: Desk) -> None:
    keyring = Keyring.from_master(MASTER)
    async with committed.session() as session:
        desk = Desk(session=session, desk=people.desk, clock=lambda: FRIDAY_NOON)
        here = await make_neighbours(session, desk, keyring, now=FRIDAY_NOON)
        sheets = [await make_questionnaire(session, now=FRIDAY_NOON, code=f"MYD-{number:02}") for number in range(20)]
        await session.commit()
    anna = here.anna.actor.principal
    assert anna is not None

    async def answer(sheet: Questionnaire) -> str:
        async with committed.session() as session:
            try:
                await own.respond(
                    session, questionnaire_id=sheet.id, ticket_id=None, unit_id=here.home.id,
                    answers=[("repair_quality", 5)], principal=anna, now=FRIDAY_NOON,
                )  # fmt: skip
            except own.AnsweredAlready:
                return "already"
            await session.commit()
            return "kept"

    for sheet in sheets:
        outcomes = await asyncio.gather(*(answer(sheet) for _ in range(3)))
        assert sorted(outcomes) == ["already", "already", "kept"]
