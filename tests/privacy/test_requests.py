"""Requests of the persons concerned: entered, decided by another, carried out, refused, withdrawn, lifted."""

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import bare_ticket
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.people import Actor, Desk

from ownercare_api import wiring
from ownercare_api.core import jobs
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.core.settings import Settings
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_looks import OwnerLook
from ownercare_api.owners.models_records import Consent, ConsentChannel, ConsentPurpose
from ownercare_api.privacy import jobs as privacy_jobs
from ownercare_api.privacy.models import PrivacyCopy, PrivacyRequest
from ownercare_api.tickets.lifecycle import TicketStatus
from ownercare_api.timeline.models import Event

DOCUMENT = "330106198503078528"
ANSWER = {"question": "quality", "value": 5}


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def owner(session: AsyncSession, org: Org, state: AppState) -> Owner:
    return await make_owner(
        session, state.keyring, units=[org.units[0]], document_number=DOCUMENT, home_address="临澜市江晖路 12 号"
    )


@pytest.fixture
async def counsel(people: Desk, org: Org) -> Actor:
    return await people.staff("legal_counsel", project_id=org.project.id, name="法务甲")


@pytest.fixture
async def manager(people: Desk) -> Actor:
    return await people.staff("general_manager", name="总经理乙")


class Handling:
    """Enters and decides requests, and works them off."""

    def __init__(self, client: httpx.AsyncClient, state: AppState, clock: FakeClock, folder: Path) -> None:
        self.client, self.state, self.clock = client, state, clock
        parts = wiring.privacy_parts(Settings(data_dir=folder), state.keyring)
        self.handlers = privacy_jobs.handlers(parts)

    async def enter(self, actor: Actor, owner: Owner, kind: str, **more: Any) -> dict[str, Any]:
        body = {"owner_id": str(owner.id), "kind": kind, "channel": "visit", "identity_check": "saw_document", **more}
        made = await self.client.post("/v1/privacy-requests", json=body, headers=actor.headers)
        assert made.status_code == 201, made.text
        assert made.headers["location"] == f"/v1/privacy-requests/{made.json()['id']}"
        return dict(made.json())

    async def step(self, actor: Actor, request: dict[str, Any], step: str, **body: Any) -> httpx.Response:
        path = f"/v1/privacy-requests/{request['id']}/{step}"
        return await self.client.post(path, json=body or None, headers=actor.headers)

    async def read(self, actor: Actor, request: dict[str, Any]) -> dict[str, Any]:
        found = await self.client.get(f"/v1/privacy-requests/{request['id']}", headers=actor.headers)
        assert found.status_code == 200, found.text
        return dict(found.json())

    async def work(self) -> None:
        while await jobs.run_next(self.state.database, handlers=self.handlers, now=self.clock()):
            pass


@pytest.fixture
def handling(client: httpx.AsyncClient, state: AppState, clock: FakeClock, tmp_path: Path) -> Handling:
    return Handling(client, state, clock, tmp_path)


async def counts(session: AsyncSession) -> tuple[int, ...]:
    tables = (Event, PrivacyRequest, PrivacyCopy, jobs.Job)
    return tuple([int((await session.execute(select(func.count()).select_from(one))).scalar_one()) for one in tables])


@pytest.mark.rule("OWN-07")
async def test_a_request_is_due_in_fifteen_working_days_and_read_by_those_in_reach(
    handling: Handling, client: httpx.AsyncClient, session: AsyncSession, org: Org, owner: Owner, counsel: Actor,
    manager: Actor, people: Desk, clock: FakeClock,
) -> None:  # fmt: skip
    made = await handling.enter(counsel, owner, "copy", reason="想看看存了什么")
    assert (made["status"], made["due_at"], made["overdue"]) == ("received", "2026-12-11T10:00:00Z", False)
    assert (made["entered_by"]["name"], made["allowed_actions"]) == ("法务甲", ["withdrawal"])
    assert (await handling.read(manager, made))["allowed_actions"] == ["approval", "refusal"]
    clock.forward(days=30)
    for params, found in (({}, 1), ({"overdue": True}, 1), ({"kind": "erasure"}, 0), ({"status": "received"}, 1)):
        page = await client.get("/v1/privacy-requests", params=params, headers=counsel.headers)
        assert len(page.json()["items"]) == found, params
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    stranger = await people.staff("legal_counsel", project_id=sibling.project.id)
    page = await client.get("/v1/privacy-requests", headers=stranger.headers)
    assert page.json()["items"] == []
    before = await counts(session)
    hidden = await client.get(f"/v1/privacy-requests/{made['id']}", headers=stranger.headers)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "privacy_request_not_found")
    unseen = await handling.step(stranger, made, "withdrawal")
    assert (unseen.status_code, unseen.json()["code"]) == (404, "privacy_request_not_found")
    elsewhere = {"owner_id": str(owner.id), "kind": "erasure", "channel": "visit", "identity_check": "saw_document"}
    absent = await client.post("/v1/privacy-requests", json=elsewhere, headers=stranger.headers)
    assert (absent.status_code, absent.json()["code"]) == (404, "owner_not_found")
    twice = await client.post("/v1/privacy-requests", json=elsewhere | {"kind": "copy"}, headers=counsel.headers)
    assert (twice.status_code, twice.json()["code"]) == (409, "privacy_request_open")
    assert await counts(session) == before


@pytest.mark.rule("OWN-07")
async def test_whoever_entered_a_request_does_not_decide_on_it(
    handling: Handling, session: AsyncSession, org: Org, owner: Owner, people: Desk, manager: Actor
) -> None:
    both = await people.staff("customer_service_manager", project_id=org.project.id)
    made = await handling.enter(both, owner, "restriction")
    assert made["allowed_actions"] == ["withdrawal"]
    before = await counts(session)
    for step, body in (("approval", {"note": "同意"}), ("refusal", {"ground": "unfounded", "note": "无"})):
        refused = await handling.step(both, made, step, **body)
        assert (refused.status_code, refused.json()["code"]) == (403, "own_privacy_request")
    assert await counts(session) == before
    done = await handling.step(manager, made, "approval", note="同意")
    assert (done.status_code, done.json()["status"]) == (201, "approved")


@pytest.mark.rule("OWN-07")
async def test_a_refusal_names_its_ground_and_a_request_is_withdrawn_before_it_is_decided(
    handling: Handling, owner: Owner, counsel: Actor, manager: Actor, session: AsyncSession
) -> None:
    made = await handling.enter(counsel, owner, "erasure")
    refused = await handling.step(manager, made, "refusal", ground="warranty_running", note="仍在保修期")
    assert refused.status_code == 201, refused.text
    body = refused.json()
    assert (body["status"], body["refusal_ground"], body["decision_note"]) == (
        "refused",
        "warranty_running",
        "仍在保修期",
    )
    late = await handling.step(counsel, made, "withdrawal")
    assert (late.status_code, late.json()["code"]) == (409, "wrong_status")
    again = await handling.enter(counsel, owner, "erasure")
    gone = await handling.step(counsel, again, "withdrawal")
    assert (gone.json()["status"], gone.json()["ended_at"]) == ("withdrawn", "2026-11-20T04:00:00Z")


@pytest.mark.rule("OWN-07")
async def test_an_erasure_waits_for_open_cases_also_for_one_opened_after_the_approval(
    handling: Handling, session: AsyncSession, org: Org, owner: Owner, counsel: Actor, manager: Actor, clock: FakeClock
) -> None:
    ticket = await bare_ticket(session, org, now=clock())
    ticket.owner_id = owner.id
    await session.flush()
    made = await handling.enter(counsel, owner, "erasure")
    assert made["hindrances"] == ["open_cases", "warranty_running"]
    before = await counts(session)
    refused = await handling.step(manager, made, "approval", note="同意")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_erasable_yet")
    assert "未办结的工单" in refused.json()["detail"]
    assert await counts(session) == before
    ticket.status = TicketStatus.CLOSED
    await session.flush()
    assert (await handling.step(manager, made, "approval", note="同意")).status_code == 201
    ticket.status = TicketStatus.ACCEPTED
    await session.flush()
    await handling.work()
    waiting = await handling.read(manager, made)
    assert (waiting["status"], waiting["hindrances"], waiting["decided_by"]) == (
        "received",
        ["open_cases", "warranty_running"],
        None,
    )
    await session.refresh(owner)
    assert (owner.name, owner.erased_at) == ("王秀英", None)


@pytest.mark.rule("OWN-07", "OWN-15")
async def test_a_restricted_record_is_veiled_and_not_used_until_the_restriction_is_lifted(
    handling: Handling, client: httpx.AsyncClient, session: AsyncSession, org: Org, owner: Owner, counsel: Actor,
    manager: Actor, people: Desk,
) -> None:  # fmt: skip
    made = await handling.enter(counsel, owner, "restriction")
    await handling.step(manager, made, "approval", note="同意")
    await handling.work()
    assert (await handling.read(manager, made))["status"] == "in_force"
    clerk = await people.staff("complaint_supervisor", project_id=org.project.id)
    path = f"/v1/owners/{owner.id}"
    for shown in (
        (await client.get("/v1/owners", headers=clerk.headers)).json()["items"][0],
        (await client.get(path, headers=clerk.headers)).json(),
        (await client.post("/v1/owner-searches", json={"phone": "13812341234"}, headers=clerk.headers)).json()["items"][
            0
        ],
    ):
        assert (shown["name"], shown["restricted"]) == ("王**", True)
        assert (shown["phone_masked"], shown["document_masked"]) == (None, None)
        assert len(shown["homes"]) == 1
    full = (await client.get(path, headers=counsel.headers)).json()
    assert (full["name"], full["restricted"], full["phones"][0]["number_masked"]) == ("王秀英", True, "138****1234")
    more = {"number": "13900000000", "is_primary": False}
    kept = await client.post(f"{path}/phones", json=more, headers=clerk.headers)
    assert (kept.status_code, kept.json()["code"]) == (409, "owner_restricted")
    look = {"field": "mobile", "purpose": "约定上门"}
    refused = await client.post(f"{path}/disclosures", json=look, headers=clerk.headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "owner_restricted")
    agent = await people.staff("call_center_agent", project_id=org.project.id)
    popped = await client.post("/v1/call-center/caller-lookups", json={"phone": "13812341234"}, headers=agent.headers)
    (known,) = popped.json()["owners"]
    assert (known["name"], known["restricted"], known["preferences"]) == ("王**", True, None)
    asked = await client.post(
        "/v1/survey-responses",
        json={"questionnaire_id": str(uuid7()), "unit_id": str(org.units[0].id), "mode": "phone", "answers": [ANSWER]},
        headers=(await people.staff("customer_relations_supervisor")).headers,
    )
    assert (asked.status_code, asked.json()["code"]) == (409, "owner_restricted")
    lifted = await handling.step(manager, made, "lifting", note="业主要求恢复")
    assert (lifted.status_code, lifted.json()["status"]) == (201, "lifted")
    assert (await client.get(path, headers=clerk.headers)).json()["name"] == "王秀英"
    assert (await client.post(f"{path}/disclosures", json=look, headers=clerk.headers)).status_code == 201


@pytest.mark.rule("OWN-07")
async def test_the_copy_holds_everything_in_clear_expires_and_each_fetching_is_a_look(
    handling: Handling, client: httpx.AsyncClient, session: AsyncSession, org: Org, owner: Owner, counsel: Actor,
    manager: Actor, clock: FakeClock,
) -> None:  # fmt: skip
    ticket = await bare_ticket(session, org, now=clock())
    ticket.owner_id, ticket.description = owner.id, "主卧<渗漏>"
    await session.flush()
    made = await handling.enter(counsel, owner, "copy")
    early = await handling.step(counsel, made, "copy-downloads")
    assert (early.status_code, early.json()["code"]) == (409, "privacy_copy_gone")
    await handling.step(manager, made, "approval", note="同意")
    await handling.work()
    done = await handling.read(counsel, made)
    assert (done["status"], done["copy_expires_at"]) == ("done", "2026-11-27T04:00:00Z")
    fetched = await handling.step(counsel, made, "copy-downloads")
    assert (fetched.status_code, fetched.headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(fetched.content)) as packed:
        data = json.loads(packed.read("data.json"))
        text = packed.read("个人信息副本.html").decode()
    assert data["records"][0]["document_number"] == DOCUMENT
    assert data["records"][0]["home_address"] == "临澜市江晖路 12 号"
    assert data["telephones"][0]["number"] == "+8613812341234"
    assert [one["description"] for one in data["tickets"]] == ["主卧<渗漏>"]
    assert "主卧&lt;渗漏&gt;" in text
    assert DOCUMENT in text
    (look,) = (await session.scalars(select(OwnerLook).where(OwnerLook.look == "copy"))).all()
    assert (look.owner_ids, look.actor_id, look.purpose) == ([owner.id], counsel.id, made["number"])
    stored = (await session.scalars(select(PrivacyCopy))).one()
    assert DOCUMENT.encode() not in bytes(stored.content_encrypted)
    clock.forward(days=7)
    late = await handling.step(counsel, made, "copy-downloads")
    assert (late.status_code, late.json()["code"]) == (409, "privacy_copy_gone")
    await privacy_jobs.tidy(session, now=clock())
    assert (await session.scalars(select(PrivacyCopy.id))).all() == []


@pytest.mark.rule("OWN-07")
async def test_an_objection_withdraws_what_rests_on_consent_alone(
    handling: Handling, session: AsyncSession, owner: Owner, counsel: Actor, manager: Actor, clock: FakeClock
) -> None:
    purposes = (ConsentPurpose.MARKETING, ConsentPurpose.EVENTS, ConsentPurpose.SHARE_WITH_CONTRACTOR)
    for purpose, given in zip(purposes, (True, False, True), strict=True):
        session.add(
            Consent(
                id=uuid7(), owner_id=owner.id, purpose=purpose, given=given, at=clock() - timedelta(days=1),
                channel=ConsentChannel.PAPER_FORM, recorded_by=counsel.id, recorded_by_name="甲", recorded_at=clock(),
            )
        )  # fmt: skip
    await session.flush()
    made = await handling.enter(counsel, owner, "objection")
    await handling.step(manager, made, "approval", note="同意")
    await handling.work()
    done = await handling.read(counsel, made)
    assert (done["status"], done["outcome"]) == ("done", {"withdrawn": ["marketing"]})
    rows = (await session.scalars(select(Consent).where(Consent.at == clock()))).all()
    assert [(one.purpose, one.given) for one in rows] == [(ConsentPurpose.MARKETING, False)]


@pytest.mark.rule("OWN-05", "OWN-07")
async def test_a_correction_is_completed_by_an_applied_change_request_only(
    handling: Handling, session: AsyncSession, owner: Owner, counsel: Actor, manager: Actor
) -> None:
    made = await handling.enter(counsel, owner, "correction")
    early = await handling.step(counsel, made, "completion", change_id=str(uuid7()))
    assert (early.status_code, early.json()["code"]) == (409, "wrong_status")
    await handling.step(manager, made, "approval", note="同意")
    await handling.work()
    assert (await handling.read(counsel, made))["status"] == "approved"
    wrong = await handling.step(counsel, made, "completion", change_id=str(uuid7()))
    assert (wrong.status_code, wrong.json()["code"]) == (422, "change_not_applied")
    other = await handling.enter(counsel, owner, "copy")
    await handling.step(manager, other, "approval", note="同意")
    kind = await handling.step(counsel, other, "completion", change_id=str(uuid7()))
    assert (kind.status_code, kind.json()["code"]) == (409, "wrong_request_kind")
