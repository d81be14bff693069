"""Change requests, consents, requests about personal information, and what firms were given."""

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import dispatched_order
from tests.factories.people import Desk
from tests.factories.portal import Login, Neighbours, make_case, rows

from ownercare_api.core.http.state import AppState
from ownercare_api.identity.models import AuthSession
from ownercare_api.owners.models import OwnerPhone
from ownercare_api.privacy import copies
from ownercare_api.tickets.lifecycle import Category


async def ask(client: httpx.AsyncClient, who: Login, **changes: Any) -> httpx.Response:
    return await client.post("/v1/my/change-requests", json={"changes": changes, "note": "已搬家"}, headers=who.headers)


@pytest.mark.rule("OWN-05")
async def test_he_asks_staff_verify_and_apply(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, here: Neighbours
) -> None:
    made = await ask(
        client, here.anna, add_phones=[{"number": "139 8888 6666", "label": "新号"}], primary_phone="139 8888 6666"
    )
    assert made.status_code == 201, made.text
    body = made.json()
    assert made.headers["location"] == f"/v1/my/change-requests/{body['id']}"
    assert (body["status"], body["fields"], body["channel"], body["by_you"], body["allowed_actions"]) == (
        "submitted", ["add_phones", "primary_phone"], "portal", True, ["withdrawal"],
    )  # fmt: skip
    assert "13988886666" not in made.text
    profile = (await client.get("/v1/my/profile", headers=here.anna.headers)).json()
    assert [one["number_masked"] for one in profile["phones"]] == ["138****1234"]  # nothing has changed yet
    supervisor = await people.staff("complaint_supervisor", project_id=here.org.project.id)
    path = f"/v1/owner-change-requests/{body['id']}"
    verified = await client.post(
        f"{path}/verification", json={"verification": "called_back"}, headers=supervisor.headers
    )
    assert verified.status_code == 201, verified.text
    applied = await client.post(f"{path}/application", headers=supervisor.headers)
    assert applied.status_code == 201, applied.text
    shown = (await client.get(f"/v1/my/change-requests/{body['id']}", headers=here.anna.headers)).json()
    assert (shown["status"], shown["allowed_actions"]) == ("applied", [])
    assert not any(name.endswith(("_by", "_by_name")) for name in shown)
    phones = await session.scalars(
        select(OwnerPhone.number_masked).where(OwnerPhone.owner_id == here.anna.id, OwnerPhone.is_primary)
    )
    assert list(phones) == ["139****6666"]


@pytest.mark.rule("OWN-05")
async def test_refused_changes_leave_nothing(
    client: httpx.AsyncClient, session: AsyncSession, here: Neighbours
) -> None:
    before = await rows(session)
    for changes, status, code in (
        ({}, 422, "nothing_changes"),
        ({"name": "王秀英"}, 422, "nothing_changes"),
        ({"sex": "male"}, 422, "document_mismatch"),
        ({"add_phones": [{"number": "13812341234"}]}, 409, "phone_known"),
        # Somebody else's document number can't be tried out here.
        ({"document": {"kind": "resident_id", "number": "330106198503078528"}}, 422, "validation_failed"),
    ):
        refused = await ask(client, here.anna, **changes)
        assert (refused.status_code, refused.json()["code"]) == (status, code), changes
    after = await rows(session)
    assert {name for name in after if after[name] != before[name]} == set()


@pytest.mark.rule("OWN-05")
async def test_he_takes_back_what_he_asked_for_himself(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, here: Neighbours
) -> None:
    own = (await ask(client, here.anna, home_address="临澜市江晖路 12 号")).json()["id"]
    clerk = await people.staff("complaint_specialist", "sales_consultant", project_id=here.org.project.id)
    entered = await client.post(
        "/v1/owner-change-requests",
        json={"owner_id": str(here.anna.id), "changes": {"name": "王秀瑛"}, "channel": "visit"},
        headers=clerk.headers,
    )
    assert entered.status_code == 201, entered.text
    by_staff = entered.json()["id"]
    listed = (await client.get("/v1/my/change-requests?include_total=true", headers=here.anna.headers)).json()
    assert [(one["id"], one["by_you"], one["allowed_actions"]) for one in listed["items"]] == [
        (by_staff, False, []),
        (own, True, ["withdrawal"]),
    ]
    before = await rows(session)
    body = {"reason": "填错了"}
    refused = await client.post(f"/v1/my/change-requests/{by_staff}/withdrawal", json=body, headers=here.anna.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_change")
    assert await rows(session) == before
    done = await client.post(f"/v1/my/change-requests/{own}/withdrawal", json=body, headers=here.anna.headers)
    assert (done.status_code, done.json()["status"], done.json()["reason"]) == (201, "withdrawn", "填错了")
    one = await client.get("/v1/my/change-requests?status=withdrawn", headers=here.anna.headers)
    assert [item["id"] for item in one.json()["items"]] == [own]


@pytest.mark.rule("OWN-07")
async def test_consents_are_given_and_taken_back(client: httpx.AsyncClient, here: Neighbours) -> None:
    def said(answer: httpx.Response) -> dict[str, bool]:
        return {one["purpose"]: one["given"] for one in answer.json()["items"]}

    at_first = await client.get("/v1/my/consents", headers=here.anna.headers)
    assert set(said(at_first).values()) == {False}
    given = await client.post(
        "/v1/my/consents", json={"purpose": "marketing", "text_version": "2026-01"}, headers=here.anna.headers
    )
    assert given.status_code == 201, given.text
    assert [name for name, yes in said(given).items() if yes] == ["marketing"]
    assert not any(said(await client.get("/v1/my/consents", headers=here.carl.headers)).values())
    gone = await client.post("/v1/my/consents/marketing/withdrawal", headers=here.anna.headers)
    assert (gone.status_code, said(gone)["marketing"]) == (201, False)
    history = (await client.get("/v1/my/consents/history", headers=here.anna.headers)).json()["items"]
    assert [(one["purpose"], one["given"], one["channel"]) for one in history] == [
        ("marketing", False, "portal"),
        ("marketing", True, "portal"),
    ]
    english = await client.get("/v1/my/consents", headers=here.anna.headers | {"Accept-Language": "en"})
    assert english.json()["items"][0]["name"] == "service calls and callbacks"
    unknown = await client.post("/v1/my/consents/everything/withdrawal", headers=here.anna.headers)
    assert unknown.status_code == 422


@pytest.mark.rule("OWN-07")
async def test_a_copy_is_handed_out_in_a_fresh_login_only(
    client: httpx.AsyncClient, session: AsyncSession, state: AppState, clock: FakeClock, here: Neighbours
) -> None:
    made = await client.post("/v1/my/privacy-requests", json={"kind": "copy"}, headers=here.anna.headers)
    assert (made.status_code, made.json()["status"]) == (201, "approved"), made.text
    again = await client.post("/v1/my/privacy-requests", json={"kind": "copy"}, headers=here.anna.headers)
    assert (again.status_code, again.json()["code"]) == (409, "privacy_request_open")
    path = f"/v1/my/privacy-requests/{made.json()['id']}"
    # The login of the factory is a year old, as that of a stolen token may be.
    before = await rows(session)
    old = await client.get(f"{path}/copy", headers=here.anna.headers)
    assert (old.status_code, old.json()["code"]) == (403, "fresh_login_needed")
    assert await rows(session) == before
    login = update(AuthSession).where(AuthSession.id == here.anna.actor.session_id)
    await session.execute(login.values(created_at=clock() - timedelta(minutes=10)))
    early = await client.get(f"{path}/copy", headers=here.anna.headers)
    assert (early.status_code, early.json()["code"]) == (409, "privacy_copy_gone")
    collected = {"records": [{"name": "王秀英"}]}
    session.add(copies.seal(request_id=made.json()["id"], collected=collected, keyring=state.keyring, now=clock()))
    await session.flush()
    got = await client.get(f"{path}/copy", headers=here.anna.headers)
    assert (got.status_code, got.headers["content-type"], got.headers["cache-control"]) == (
        200, "application/zip", "no-store",
    )  # fmt: skip
    with zipfile.ZipFile(io.BytesIO(got.content)) as packed:
        assert json.loads(packed.read("data.json"))["records"] == [{"name": "王秀英"}]
    assert (await client.get(path, headers=here.anna.headers)).json()["copy_expires_at"] is not None
    clock.forward(seconds=1)
    late = await client.get(f"{path}/copy", headers=here.anna.headers)
    assert (late.status_code, late.json()["code"]) == (403, "fresh_login_needed")


@pytest.mark.rule("OWN-07")
async def test_an_erasure_is_for_staff_to_decide(
    client: httpx.AsyncClient, session: AsyncSession, here: Neighbours
) -> None:
    made = await client.post(
        "/v1/my/privacy-requests", json={"kind": "erasure", "reason": "不再需要"}, headers=here.anna.headers
    )
    assert (made.status_code, made.json()["status"]) == (201, "received"), made.text
    page = await client.get("/v1/my/privacy-requests?kind=erasure", headers=here.anna.headers)
    assert [one["number"] for one in page.json()["items"]] == [made.json()["number"]]
    assert (await client.get("/v1/my/privacy-requests?kind=copy", headers=here.anna.headers)).json()["items"] == []
    assert (await client.get("/v1/my/privacy-requests", headers=here.ben.headers)).json()["items"] == []


@pytest.mark.rule("OWN-07")
async def test_he_sees_which_firms_got_what(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours
) -> None:
    case = await make_case(
        session, here.org, unit=here.home, owner=here.anna, received_at=clock(), category=Category.REPAIR
    )
    await dispatched_order(session, here.cast, now=clock(), ticket=case)
    items = (await client.get("/v1/my/sharings", headers=here.anna.headers)).json()["items"]
    assert {one["firm"] for one in items} == {here.cast.company.firm.name, here.cast.contractor.firm.name}
    assert {one["ticket"]["number"] for one in items} == {case.number}
    assert {one["ground"] for one in items} == {"contract"}
    assert (await client.get("/v1/my/sharings", headers=here.carl.headers)).json()["items"] == []
    assert (await client.get("/v1/my/sharings", headers=here.ben.headers)).json()["items"] == []
