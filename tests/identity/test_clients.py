"""Machines are registered within one's reach, get secrets that rotate without a gap, and are shut out at once."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.administration import ADMINISTRATOR, events, forget, nothing_changes
from tests.factories.contractors import make_firm
from tests.factories.org import make_org
from tests.factories.people import Actor, Desk

from ownercare_api.contractors.models import FirmKind
from ownercare_api.core.http.state import AppState
from ownercare_api.core.idempotency_table import IdempotentAnswer
from ownercare_api.identity.models import ApiClient, ClientSecret
from ownercare_api.identity.roles import SCOPES


def body(**more: Any) -> dict[str, Any]:
    return {
        "name": "400 客服热线平台",
        "contact": "客服部热线组",
        "scopes": ["call_center:lookup", "tickets:register"],
        "level": "company",
        **more,
    }


async def register(client: httpx.AsyncClient, by: Actor, **more: Any) -> dict[str, Any]:
    made = await client.post("/v1/clients", json=body(**more), headers=by.headers)
    assert made.status_code == 201, made.text
    return dict(made.json())


async def issue(client: httpx.AsyncClient, by: Actor, number: str, **more: Any) -> httpx.Response:
    return await client.post(f"/v1/clients/{number}/secrets", json=more, headers=by.headers)


async def token(client: httpx.AsyncClient, client_id: str, secret: str) -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    return await client.post("/v1/auth/token", data=form)


async def works(client: httpx.AsyncClient, state: AppState, answer: httpx.Response) -> bool:
    forget(state)
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return (await client.get("/v1/me", headers=headers)).status_code == 200


@pytest.mark.rule("ORG-10", "ORG-28")
async def test_a_machine_is_registered_and_logs_in_with_its_secret(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState, clock: FakeClock
) -> None:
    admin = await people.staff(ADMINISTRATOR)
    made = await register(client, admin, requests_per_minute=600)
    assert made["client_id"].startswith("oc-")
    assert (made["scopes"], made["live_secrets"], made["last_used_at"]) == (body()["scopes"], 0, None)
    assert made["allowed_actions"] == ["update", "secrets", "disablement"]
    headers = admin.headers | {"Idempotency-Key": "first-secret"}
    url = f"/v1/clients/{made['id']}/secrets"
    issued = await client.post(url, json={}, headers=headers)
    assert (issued.status_code, issued.headers["cache-control"]) == (201, "no-store")
    secret = issued.json()["secret"]
    assert (len(secret), issued.json()["hint"], issued.json()["live"]) == (43, secret[-4:], True)
    again = await client.post(url, json={}, headers=headers)
    assert again.json() == issued.json() | {"secret": None}
    assert secret.encode() not in bytes(await session.scalar(select(IdempotentAnswer.answer)) or b"")
    assert secret.encode() not in bytes(await session.scalar(select(ClientSecret.digest)) or b"")

    answer = await token(client, made["client_id"], secret)
    assert answer.status_code == 200
    assert answer.json()["scope"] == "call_center:lookup tickets:register"
    read = (await client.get(f"/v1/clients/{made['id']}", headers=admin.headers)).json()
    assert (read["live_secrets"], read["version"]) == (1, 1)  # neither a secret nor its use ends tokens
    assert read["last_used_at"] == clock().isoformat().replace("+00:00", "Z")
    (hint,) = (await client.get(url, headers=admin.headers)).json()["items"]
    assert (hint["hint"], hint["last_used_at"]) == (secret[-4:], read["last_used_at"])
    assert set(hint) == {"id", "client_id", "hint", "created_at", "expires_at", "last_used_at", "live"}
    assert await works(client, state, answer)
    (event,) = await events(session, "client.secret_issued")
    assert secret not in str(event.data)
    assert event.data["replaces"] == []


@pytest.mark.rule("ORG-10", "ORG-28")
async def test_machines_get_neither_administration_nor_decisions_nor_what_is_an_owner_s(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession
) -> None:
    admin = await people.staff(ADMINISTRATOR)
    never = [scope for scope in SCOPES if scope.startswith(("my:", "approvals:decide:"))]
    never += ["identity:manage", "clients:manage", "exports:approve", "privacy:approve", "emperor:rule"]
    assert len(never) == 11
    async with nothing_changes(session):
        for scope in never:
            sent = body(scopes=["tickets:read", scope])
            refused = await client.post("/v1/clients", json=sent, headers=admin.headers)
            assert (refused.status_code, refused.json()["code"]) == (422, "scope_not_for_machines"), scope
        faulty: list[dict[str, Any]] = [
            {"scopes": []},
            {"scopes": ["x y"]},
            {"requests_per_minute": 0},
            {"name": ""},
            {"firm": 1},
        ]
        for wrong in faulty:
            assert (await client.post("/v1/clients", json=body(**wrong), headers=admin.headers)).status_code == 422
    made = await register(client, admin)
    changes = {"scopes": ["identity:manage"]}
    async with nothing_changes(session):
        headers = admin.headers | {"If-Match": "*"}
        refused = await client.patch(f"/v1/clients/{made['id']}", json=changes, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "scope_not_for_machines")


@pytest.mark.rule("ORG-10", "ORG-28")
async def test_a_machine_lies_within_the_reach_of_who_makes_and_sees_it(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, queries: QueryRecorder
) -> None:
    here = await make_org(session, now=clock())
    sibling = await make_org(session, now=clock(), name="江澜府", region=here.region)
    west = await make_org(session, now=clock(), name="翠湖里")
    firm = await make_firm(session, kind=FirmKind.PROPERTY_COMPANY)
    whole = await people.staff(ADMINISTRATOR)
    local = await people.staff(ADMINISTRATOR, project_id=here.project.id)
    regional = await people.staff(ADMINISTRATOR, region_id=here.region.id)
    places: list[tuple[dict[str, Any], list[Actor]]] = [
        ({"level": "project", "target_ids": [str(here.project.id)]}, [whole, regional, local]),
        ({"level": "project", "target_ids": [str(here.project.id), str(sibling.project.id)]}, [whole, regional]),
        ({"level": "region", "target_ids": [str(here.region.id)]}, [whole, regional]),
        ({"level": "region", "target_ids": [str(here.region.id), str(west.region.id)]}, [whole]),
        ({"level": "project", "target_ids": [str(west.project.id)]}, [whole]),
        ({"level": "firm", "firm_id": str(firm.id)}, [whole]),
        ({"level": "company"}, [whole]),
    ]
    seen: dict[UUID, set[str]] = {one.id: set() for one in (whole, local, regional)}
    for number, (place, may) in enumerate(places):
        for by in (local, regional):
            if by not in may:
                async with nothing_changes(session):
                    refused = await client.post("/v1/clients", json=body(**place), headers=by.headers)
                    assert (refused.status_code, refused.json()["code"]) == (403, "out_of_reach"), place
        made = await register(client, may[-1], name=f"接入系统 {number}", **place)
        for by in (whole, local, regional):
            status = 200 if by in may else 404
            url = f"/v1/clients/{made['id']}"
            assert (await client.get(url, headers=by.headers)).status_code == status
            assert (await client.get(f"{url}/secrets", headers=by.headers)).status_code == status
            if by in may:
                seen[by.id].add(made["id"])
                continue
            async with nothing_changes(session):
                for answer in (
                    await client.patch(url, json={"contact": None}, headers=by.headers | {"If-Match": "*"}),
                    await issue(client, by, made["id"]),
                    await client.post(f"{url}/disablement", json={"reason": "unused"}, headers=by.headers),
                    await client.delete(f"{url}/secrets/{uuid4()}", headers=by.headers),
                ):
                    assert (answer.status_code, answer.json()["code"]) == (404, "client_not_found")
    for by in (whole, local, regional):
        listed = (await client.get("/v1/clients?include_total=true", headers=by.headers)).json()
        assert {one["id"] for one in listed["items"]} == seen[by.id]
        assert listed["total"] == len(seen[by.id])
    by_firm = await client.get(f"/v1/clients?firm_id={firm.id}&active=true&q=接入", headers=whole.headers)
    assert [one["firm_id"] for one in by_firm.json()["items"]] == [str(firm.id)]
    with queries:
        await client.get("/v1/clients", headers=whole.headers)
    assert queries.count == 2
    machine, clerk = await people.machine("clients:manage"), await people.staff("hr_officer")
    assert (await client.get("/v1/clients", headers=machine.headers)).json()["items"] == []
    assert (await client.post("/v1/clients", json=body(), headers=machine.headers)).status_code == 403
    assert (await client.get("/v1/clients", headers=clerk.headers)).json()["code"] == "missing_scope"


@pytest.mark.rule("ORG-28")
async def test_places_must_be_such_as_the_level_says(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    org = await make_org(session, now=clock())
    firm = await make_firm(session, kind=FirmKind.PROPERTY_COMPANY)
    admin = await people.staff(ADMINISTRATOR)
    project, own = str(org.project.id), str(firm.id)
    async with nothing_changes(session):
        for place, code in (
            ({"target_ids": [project]}, "wrong_targets"),
            ({"firm_id": own}, "wrong_targets"),
            ({"level": "project"}, "wrong_targets"),
            ({"level": "project", "target_ids": [project], "firm_id": own}, "wrong_targets"),
            ({"level": "firm", "target_ids": [own]}, "wrong_targets"),
            ({"level": "firm", "firm_id": str(uuid4())}, "target_not_found"),
            ({"level": "project", "target_ids": [project, str(uuid4())]}, "target_not_found"),
            ({"level": "region", "target_ids": [project]}, "target_not_found"),
        ):
            refused = await client.post("/v1/clients", json=body(**place), headers=admin.headers)
            assert (refused.status_code, refused.json()["code"]) == (422, code), place


@pytest.mark.rule("ORG-28")
async def test_secrets_rotate_without_a_gap(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, state: AppState
) -> None:
    admin = await people.staff(ADMINISTRATOR)
    made = await register(client, admin)
    number, name = made["id"], made["client_id"]
    first = (await issue(client, admin, number)).json()
    before = await token(client, name, first["secret"])
    second = (await issue(client, admin, number, overlap_hours=48)).json()
    for secret in (first["secret"], second["secret"]):
        assert (await token(client, name, secret)).status_code == 200
    assert await works(client, state, before)
    async with nothing_changes(session):
        third = await issue(client, admin, number)
        assert (third.status_code, third.json()["code"]) == (409, "too_many_secrets")
        for wrong in (-1, 721, 1.5, "2"):
            assert (await issue(client, admin, number, overlap_hours=wrong)).status_code == 422
    listed = (await client.get(f"/v1/clients/{number}/secrets?live=true", headers=admin.headers)).json()["items"]
    ends = (clock() + timedelta(hours=48)).isoformat().replace("+00:00", "Z")
    assert [(one["id"], one["expires_at"]) for one in listed] == [(second["id"], None), (first["id"], ends)]
    clock.forward(hours=48)
    assert (await token(client, name, first["secret"])).json()["code"] == "bad_credentials"
    good = await token(client, name, second["secret"])
    assert good.status_code == 200
    # One that has leaked is replaced without an overlap: what was fetched with it ends too.
    third = await issue(client, admin, number, overlap_hours=0)
    assert third.status_code == 201
    assert not await works(client, state, good)
    assert (await token(client, name, second["secret"])).status_code == 401
    assert await works(client, state, await token(client, name, third.json()["secret"]))


@pytest.mark.rule("ORG-28")
async def test_an_expired_secret_ends_the_tokens_at_once(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState
) -> None:
    admin = await people.staff(ADMINISTRATOR)
    made, other = await register(client, admin), await register(client, admin, name="报表平台")
    secret = (await issue(client, admin, made["id"])).json()
    answer = await token(client, made["client_id"], secret["secret"])
    assert await works(client, state, answer)
    url = f"/v1/clients/{made['id']}/secrets/{secret['id']}"
    async with nothing_changes(session):
        wrong = await client.delete(f"/v1/clients/{other['id']}/secrets/{secret['id']}", headers=admin.headers)
        assert (wrong.status_code, wrong.json()["code"]) == (404, "secret_not_found")
    assert (await client.delete(url, headers=admin.headers)).status_code == 204
    assert not await works(client, state, answer)
    assert (await token(client, made["client_id"], secret["secret"])).status_code == 401
    async with nothing_changes(session):
        assert (await client.delete(url, headers=admin.headers)).json()["code"] == "secret_not_found"
    (event,) = await events(session, "client.secret_expired")
    assert event.data["secret_id"] == secret["id"]


@pytest.mark.rule("ORG-28")
async def test_a_change_or_a_disablement_ends_the_tokens_at_once(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState, clock: FakeClock
) -> None:
    org = await make_org(session, now=clock())
    admin = await people.staff(ADMINISTRATOR)
    made = await register(client, admin)
    await register(client, admin, name="报表平台")
    url = f"/v1/clients/{made['id']}"
    secret = (await issue(client, admin, made["id"])).json()["secret"]
    answer = await token(client, made["client_id"], secret)
    tag = (await client.get(url, headers=admin.headers)).headers["etag"]
    async with nothing_changes(session):
        assert (await client.patch(url, json={"contact": None}, headers=admin.headers)).status_code == 428
        for changes, status, code in (
            ({"name": "报表平台"}, 409, "client_name_taken"),
            ({"level": "project"}, 422, "wrong_targets"),
            ({"client_id": "mine"}, 422, "validation_failed"),
            ({"scopes": None}, 422, "validation_failed"),
        ):
            refused = await client.patch(url, json=changes, headers=admin.headers | {"If-Match": tag})
            assert (refused.status_code, refused.json()["code"]) == (status, code)
        same = await client.patch(url, json={"scopes": made["scopes"][::-1]}, headers=admin.headers | {"If-Match": tag})
        assert (same.status_code, same.json()["version"]) == (200, 1)
    wanted: dict[str, Any] = {
        "level": "project",
        "target_ids": [str(org.project.id)],
        "scopes": ["tickets:read"],
        "contact": None,
    }
    changed = await client.patch(url, json=wanted, headers=admin.headers | {"If-Match": tag})
    assert changed.status_code == 200
    assert {name: changed.json()[name] for name in wanted} == wanted
    assert changed.json()["version"] == 2
    assert not await works(client, state, answer)
    stale = await client.patch(url, json=wanted, headers=admin.headers | {"If-Match": tag})
    assert stale.status_code == 412
    answer = await token(client, made["client_id"], secret)
    assert answer.json()["scope"] == "tickets:read"
    gone = await client.post(f"{url}/disablement", json={"reason": "leaked"}, headers=admin.headers)
    assert (gone.status_code, gone.json()["active"], gone.json()["version"]) == (201, False, 3)
    assert not await works(client, state, answer)
    assert (await token(client, made["client_id"], secret)).status_code == 401
    async with nothing_changes(session):
        for path, sent in (("disablement", {"reason": "unused"}), ("secrets", {})):
            refused = await client.post(f"{url}/{path}", json=sent, headers=admin.headers)
            assert (refused.status_code, refused.json()["code"]) == (409, "client_disabled")
    back = await client.post(f"{url}/reinstatement", headers=admin.headers)
    assert (back.status_code, back.json()["active"]) == (201, True)
    assert not await works(client, state, answer)
    assert await works(client, state, await token(client, made["client_id"], secret))
    twice = await client.post(f"{url}/reinstatement", headers=admin.headers)
    assert (twice.status_code, twice.json()["code"]) == (409, "client_active")
    kinds = ("registered", "updated", "disabled", "reinstated")
    counts = [len(await events(session, f"client.{kind}")) for kind in kinds]
    assert counts == [2, 1, 1, 1]
    assert (await events(session, "client.updated"))[0].data["fields"] == ["contact", "level", "scopes", "target_ids"]
    assert await session.scalar(select(func.count()).select_from(ApiClient)) == 2
