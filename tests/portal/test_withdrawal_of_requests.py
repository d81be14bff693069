"""An owner takes back what he asked for about his personal information, until it is decided (PIPL art. 44, 50)."""

from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.people import Actor, Desk
from tests.factories.portal import Neighbours, rows

from ownercare_api.core.ids import uuid7
from ownercare_api.privacy.models import PrivacyRequest
from ownercare_api.timeline.models import Event

ASK = "/v1/my/privacy-requests"


async def ask(client: httpx.AsyncClient, here: Neighbours, kind: str = "erasure") -> httpx.Response:
    made = await client.post(ASK, json={"kind": kind}, headers=here.anna.headers)
    assert made.status_code == 201, made.text
    return made


@pytest.mark.rule("OWN-07")
async def test_he_takes_his_request_back_until_it_is_decided(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours
) -> None:
    made = await ask(client, here)
    assert (made.json()["allowed_actions"], made.json()["version"]) == (["withdrawal"], 1)
    path = f"{ASK}/{made.json()['id']}"
    read = await client.get(path, headers=here.anna.headers)
    assert read.headers["etag"] == made.headers["etag"]
    same = await client.get(path, headers=here.anna.headers | {"If-None-Match": read.headers["etag"]})
    assert same.status_code == 304
    clock.forward(minutes=5)
    gone = await client.post(f"{path}/withdrawal", headers=here.anna.headers)
    assert gone.status_code == 201, gone.text
    body = gone.json()
    assert (body["status"], body["allowed_actions"], body["version"]) == ("withdrawn", [], 2)
    assert body["ended_at"] == "2026-11-20T04:05:00Z"
    assert gone.headers["etag"] != made.headers["etag"]
    request = await session.get(PrivacyRequest, UUID(body["id"]), populate_existing=True)
    assert request is not None
    assert request.ended_by == here.anna.actor.id
    said = select(Event.kind, Event.actor_id).where(Event.subject_id == request.id).order_by(Event.id)
    assert (await session.execute(said)).all() == [
        ("privacy_request.entered", here.anna.actor.id),
        ("privacy_request.withdrawn", here.anna.actor.id),
    ]
    before = await rows(session)
    again = await client.post(f"{path}/withdrawal", headers=here.anna.headers)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_status")
    assert await rows(session) == before
    assert (await ask(client, here)).json()["status"] == "received"  # and may ask anew


@pytest.mark.rule("OWN-07")
async def test_what_staff_entered_at_his_word_is_his_to_take_back(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, here: Neighbours
) -> None:
    manager = await people.staff("customer_service_manager", project_id=here.org.project.id)
    body = {"owner_id": str(here.anna.id), "kind": "restriction", "channel": "visit", "identity_check": "saw_document"}
    entered = await client.post("/v1/privacy-requests", json=body, headers=manager.headers)
    assert entered.status_code == 201, entered.text
    listed = (await client.get(ASK, headers=here.anna.headers)).json()["items"]
    assert [(one["id"], one["allowed_actions"]) for one in listed] == [(entered.json()["id"], ["withdrawal"])]
    gone = await client.post(f"{ASK}/{entered.json()['id']}/withdrawal", headers=here.anna.headers)
    assert (gone.status_code, gone.json()["status"]) == (201, "withdrawn")


@pytest.mark.rule("OWN-07")
async def test_neither_anothers_nor_one_that_was_decided(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, here: Neighbours
) -> None:
    made = await ask(client, here, "restriction")
    path = f"{ASK}/{made.json()['id']}"
    before = await rows(session)

    async def refused(who: Actor, where: str) -> tuple[int, str]:
        answer = await client.post(f"{where}/withdrawal", headers=who.headers)
        assert await rows(session) == before
        return answer.status_code, answer.json()["code"]

    assert await refused(here.ben.actor, path) == (404, "privacy_request_not_found")
    assert await refused(here.anna.actor, f"{ASK}/{uuid7()}") == (404, "privacy_request_not_found")
    supervisor = await people.staff("customer_service_manager", project_id=here.org.project.id)
    approved = await client.post(
        f"/v1/privacy-requests/{made.json()['id']}/approval", json={"note": "同意"}, headers=supervisor.headers
    )
    assert approved.status_code == 201, approved.text
    before = await rows(session)
    assert await refused(here.anna.actor, path) == (409, "wrong_status")
    read = await client.get(path, headers=here.anna.headers)
    assert (read.json()["status"], read.json()["allowed_actions"]) == ("approved", [])
