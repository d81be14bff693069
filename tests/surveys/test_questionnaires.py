"""Drafting, changing and publishing questionnaires."""

import copy
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.people import Actor, Desk
from tests.factories.surveys import QUESTIONS, make_questionnaire

from ownercare_api.core.ids import uuid7
from ownercare_api.surveys.lifecycle import QuestionnaireStatus
from ownercare_api.surveys.models import Questionnaire
from ownercare_api.timeline.models import Event

BODY: dict[str, Any] = {"code": "MYD-WX", "title": "维修服务满意度调查表", "questions": QUESTIONS}


async def state_of(session: AsyncSession) -> tuple[list[tuple[str, int, str, int]], int]:
    rows = await session.execute(
        select(Questionnaire.code, Questionnaire.edition, Questionnaire.title, Questionnaire.version).order_by(
            Questionnaire.id
        )
    )
    events = await session.scalar(select(func.count()).select_from(Event))
    return [(row.code, row.edition, row.title, row.version) for row in rows], events or 0


async def draft(client: httpx.AsyncClient, actor: Actor, **changes: Any) -> httpx.Response:
    return await client.post("/v1/questionnaires", json=BODY | changes, headers=actor.headers)


@pytest.mark.rule("CBK-08")
@pytest.mark.rule("SUR-08")
async def test_editions_follow_each_other_and_published_ones_stay(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    manager = await people.staff("customer_service_manager")
    made = await draft(client, manager)
    assert made.status_code == 201, made.text
    first = made.json()
    assert made.headers["location"] == f"/v1/questionnaires/{first['id']}"
    assert (first["code"], first["edition"], first["status"], first["version"]) == ("MYD-WX", 1, "draft", 1)
    assert first["allowed_actions"] == ["publication"]
    assert first["dimensions"] == ["after_sales_service", "product", "sales_service"]
    assert first["question_count"] == 5
    assert first["questions"] == QUESTIONS
    assert (first["drafted_by"], first["published_at"], first["deadlines"]) == (str(manager.id), None, [])

    before = await state_of(session)
    twin = await draft(client, manager)
    assert (twin.status_code, twin.json()["code"]) == (409, "questionnaire_draft_exists")
    assert await state_of(session) == before

    url = f"/v1/questionnaires/{first['id']}"
    changed = await client.patch(
        url, json={"title": "维修满意度(2026)"}, headers={**manager.headers, "If-Match": made.headers["etag"]}
    )
    assert (changed.status_code, changed.json()["title"], changed.json()["version"]) == (200, "维修满意度(2026)", 2)
    assert changed.json()["questions"] == QUESTIONS
    stale = await client.patch(
        url, json={"title": "晚了一步"}, headers={**manager.headers, "If-Match": made.headers["etag"]}
    )
    assert stale.status_code == 412
    blind = await client.patch(url, json={"title": "没有版本"}, headers=manager.headers)
    assert blind.status_code == 428

    clock.forward(hours=1)
    published = await client.post(f"{url}/publication", headers=manager.headers)
    assert published.status_code == 201
    assert published.json()["status"] == "published"
    assert published.json()["published_at"] == "2026-11-20T05:00:00Z"
    assert published.json()["allowed_actions"] == []
    before = await state_of(session)
    frozen = await client.patch(
        url, json={"questions": QUESTIONS[:1]}, headers={**manager.headers, "If-Match": published.headers["etag"]}
    )
    assert (frozen.status_code, frozen.json()["code"]) == (409, "questionnaire_published")
    again = await client.post(f"{url}/publication", headers=manager.headers)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_status")
    assert await state_of(session) == before

    second = (await draft(client, manager, questions=QUESTIONS[:1])).json()
    assert (second["edition"], second["status"], second["question_count"]) == (2, "draft", 1)
    assert (await client.get(url, headers=manager.headers)).json()["questions"] == QUESTIONS
    kinds = await session.scalars(
        select(Event.kind).where(Event.subject_id.in_([UUID(first["id"]), UUID(second["id"])])).order_by(Event.seq)
    )
    assert list(kinds) == [
        "questionnaire.created",
        "questionnaire.updated",
        "questionnaire.published",
        "questionnaire.created",
    ]


def _broken(**changes: Any) -> list[dict[str, Any]]:
    broken = copy.deepcopy(QUESTIONS)
    broken[2].update(changes)
    return broken


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"questions": []}, "#/questions", "too_short"),
        ({"questions": QUESTIONS + QUESTIONS[:1]}, "#", "repeated"),
        ({"questions": _broken(options=["只有一个"])}, "#/questions/2", "options_mismatch"),
        ({"questions": _broken(options=["同", "同"])}, "#/questions/2", "repeated"),
        ({"questions": _broken(kind="scale")}, "#/questions/2", "options_mismatch"),
        ({"questions": _broken(kind="essay")}, "#/questions/2/kind", "enum"),
        ({"questions": _broken(dimension="weather")}, "#/questions/2/dimension", "enum"),
        ({"questions": _broken(key="Best Point")}, "#/questions/2/key", "string_pattern_mismatch"),
        ({"code": "满意度"}, "#/code", "string_pattern_mismatch"),
        ({"title": " "}, "#/title", "string_too_short"),
        ({"edition": 7}, "#", "extra_forbidden"),
    ],
)
async def test_malformed_questionnaires_are_refused(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, changes: dict[str, Any], pointer: str, code: str
) -> None:
    manager = await people.staff("customer_service_manager")
    before = await state_of(session)
    answer = await draft(client, manager, **changes)
    assert answer.status_code == 422, answer.text
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [(pointer, code)]
    assert await state_of(session) == before


async def test_a_patch_can_not_empty_a_field(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    manager = await people.staff("customer_service_manager")
    made = await draft(client, manager)
    before = await state_of(session)
    wrong: list[dict[str, Any]] = [
        {"title": None},
        {"title": ""},
        {"questions": None},
        {"questions": []},
        {"code": "ANDERS"},
    ]
    for body in wrong:
        answer = await client.patch(
            f"/v1/questionnaires/{made.json()['id']}",
            json=body,
            headers={**manager.headers, "If-Match": made.headers["etag"]},
        )
        assert answer.status_code == 422, body
    assert await state_of(session) == before


@pytest.mark.rule("ORG-10")
async def test_questionnaires_are_the_group_s(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, queries: QueryRecorder
) -> None:
    local = await people.staff("customer_service_manager", project_id=uuid7())
    clerk = await people.staff("records_clerk")
    published = await make_questionnaire(session, now=clock())
    open_draft = await make_questionnaire(session, now=clock(), code="MYD-RH", status=QuestionnaireStatus.DRAFT)
    before = await state_of(session)
    refused = await draft(client, local, code="MYD-XX")
    assert (refused.status_code, refused.json()["code"]) == (403, "out_of_reach")
    refused = await client.post(f"/v1/questionnaires/{open_draft.id}/publication", headers=local.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "out_of_reach")
    refused = await draft(client, clerk, code="MYD-XX")
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    manager = await people.staff("customer_service_manager")
    missing = await client.post(f"/v1/questionnaires/{uuid7()}/publication", headers=manager.headers)
    assert (missing.status_code, missing.json()["code"]) == (404, "questionnaire_not_found")
    assert await state_of(session) == before

    await client.get("/v1/me", headers=clerk.headers)
    with queries:
        listed = (await client.get("/v1/questionnaires", headers=clerk.headers)).json()["items"]
    assert queries.count == 1
    assert [(one["code"], one["question_count"], one["allowed_actions"]) for one in listed] == [
        ("MYD-RH", 5, []),
        ("MYD-WX", 5, []),
    ]
    assert "questions" not in listed[0]
    only = await client.get("/v1/questionnaires", params={"status": "published"}, headers=clerk.headers)
    assert [one["id"] for one in only.json()["items"]] == [str(published.id)]
    by_code = await client.get("/v1/questionnaires", params={"code": "MYD-RH"}, headers=manager.headers)
    assert [(one["id"], one["allowed_actions"]) for one in by_code.json()["items"]] == [
        (str(open_draft.id), ["publication"])
    ]
    assert (await client.get(f"/v1/questionnaires/{uuid7()}", headers=clerk.headers)).status_code == 404
