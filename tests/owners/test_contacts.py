"""Contacts of owners: kept encrypted, found by number, ended and never deleted; households of homes."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.people import Actor, Desk
from tests.factories.records import get, post, refused, rows

from ownercare_api.core.http.state import AppState
from ownercare_api.owners.contacts import NUMBER
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_looks import OwnerLook
from ownercare_api.owners.models_records import OwnerContactPerson
from ownercare_api.timeline.models import Event

WIFE = "13987654321"


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def clerk(people: Desk, org: Org) -> Actor:
    return await people.staff("records_clerk", project_id=org.project.id)


@pytest.fixture
async def owner(session: AsyncSession, state: AppState, org: Org) -> Owner:
    return await make_owner(session, state.keyring, units=[org.units[0]])


def contact(**changes: Any) -> dict[str, Any]:
    return {"name": "李建国", "relation": "spouse", "number": "139 8765 4321", "is_emergency": True, **changes}


@pytest.mark.rule("OWN-01")
@pytest.mark.rule("OWN-15")
async def test_a_contact_is_entered_changed_and_ended(
    client: httpx.AsyncClient, session: AsyncSession, clerk: Actor, owner: Owner, state: AppState
) -> None:
    path = f"/v1/owners/{owner.id}/contacts"
    made = await post(client, path, clerk, **contact())
    assert (made["number_masked"], made["valid_from"], made["valid_to"]) == ("139****4321", "2026-11-20", None)
    assert (made["may_speak_for_owner"], made["is_emergency"], made["version"]) == (False, True, 1)
    kept = await session.get_one(OwnerContactPerson, made["id"])
    assert state.keyring.decrypt(kept.number_encrypted, column=NUMBER) == "+86" + WIFE
    stored = await session.execute(text("SELECT owner_contact_person::text FROM owner_contact_person"))
    assert WIFE not in stored.scalar_one()
    one = f"{path}/{made['id']}"
    read = await client.get(one, headers=clerk.headers)
    assert read.json() == made
    speaks = {"may_speak_for_owner": True, "authorisation": "书面授权", "number": "13711112222"}
    changed = await client.patch(one, json=speaks, headers=clerk.headers | {"If-Match": read.headers["etag"]})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["number_masked"], changed.json()["version"]) == ("137****2222", 2)
    before = await rows(session)
    for headers, status in (({"If-Match": read.headers["etag"]}, 412), ({}, 428)):
        stale = await client.patch(one, json={"note": "x"}, headers=clerk.headers | headers)
        assert stale.status_code == status
        assert (await client.delete(one, headers=clerk.headers | headers)).status_code == status
    wrong = await client.patch(one, json={"authorisation": None}, headers=clerk.headers | {"If-Match": "*"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "authorisation_missing")
    assert await rows(session) == before
    gone = await client.delete(one, headers=clerk.headers | {"If-Match": changed.headers["etag"]})
    assert gone.status_code == 204
    ended = await get(client, one, clerk)
    assert (ended["valid_to"], ended["version"]) == ("2026-11-20", 3)
    again = await client.delete(one, headers=clerk.headers | {"If-Match": "*"})
    assert (again.status_code, again.json()["code"]) == (409, "contact_ended")
    kinds = list(await session.scalars(select(Event.kind).where(Event.subject_id == owner.id).order_by(Event.seq)))
    assert kinds == ["owner.contact_added", "owner.contact_updated", "owner.contact_ended"]


@pytest.mark.rule("OWN-07")
async def test_a_contacts_number_finds_the_owner_while_it_is_one(
    client: httpx.AsyncClient, session: AsyncSession, clerk: Actor, owner: Owner, clock: FakeClock
) -> None:
    path = f"/v1/owners/{owner.id}/contacts"
    made = await post(client, path, clerk, **contact(valid_to="2026-11-22"))

    async def found() -> list[str]:
        answer = await client.post("/v1/owner-searches", json={"phone": WIFE}, headers=clerk.headers)
        return [one["name"] for one in answer.json()["items"]]

    async def pops() -> list[tuple[str, str]]:
        answer = await client.post("/v1/call-center/caller-lookups", json={"phone": WIFE}, headers=clerk.headers)
        assert answer.status_code == 200, answer.text
        return [(one["name"], one["phone_label"]) for one in answer.json()["owners"]]

    assert await found() == ["王秀英"]
    assert await pops() == [("王秀英", "联系人 李建国")]
    clock.forward(days=1)
    assert await found() == ["王秀英"]
    clock.forward(days=1)
    assert (await found(), await pops()) == ([], [])
    assert made["valid_to"] == "2026-11-22"


async def test_what_is_refused_changes_nothing(
    client: httpx.AsyncClient,
    session: AsyncSession,
    people: Desk,
    org: Org,
    clerk: Actor,
    owner: Owner,
    clock: FakeClock,
    state: AppState,
) -> None:
    path = f"/v1/owners/{owner.id}/contacts"
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    stranger = await people.staff("records_clerk", project_id=sibling.project.id)
    looker = await people.staff("finance_officer", project_id=org.project.id)
    made = await post(client, path, clerk, **contact())
    other = await make_owner(session, state.keyring, name="李四", phone=None, units=[org.units[0]])
    before = await rows(session)
    assert await refused(client, path, stranger, **contact()) == (404, "owner_not_found")
    assert await refused(client, path, looker, **contact()) == (403, "missing_scope")
    assert await refused(client, path, clerk, **contact(number="12")) == (422, "validation_failed")
    assert await refused(client, path, clerk, **contact(may_speak_for_owner=True)) == (422, "authorisation_missing")
    assert await refused(client, path, clerk, **contact(valid_to="2026-01-01")) == (422, "contact_period")
    with_file = contact(authorisation_file_id="0198c5f0-0000-7000-8000-000000000001")
    assert await refused(client, path, clerk, **with_file) == (422, "file_not_usable")
    for where in (f"/v1/owners/{other.id}/contacts/{made['id']}", f"{path}/{other.id}"):
        answer = await client.get(where, headers=clerk.headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "contact_not_found")
    for method in ("GET", "PATCH", "DELETE"):
        answer = await client.request(
            method, f"{path}/{made['id']}", json={} if method == "PATCH" else None,
            headers=stranger.headers | {"If-Match": "*"},
        )  # fmt: skip
        assert (answer.status_code, answer.json()["code"]) == (404, "owner_not_found"), method
    assert await rows(session) == before


@pytest.mark.rule("OWN-07")
async def test_contacts_of_a_restricted_record_are_closed(
    client: httpx.AsyncClient,
    session: AsyncSession,
    people: Desk,
    org: Org,
    clerk: Actor,
    owner: Owner,
    clock: FakeClock,
) -> None:
    path = f"/v1/owners/{owner.id}/contacts"
    made = await post(client, path, clerk, **contact())
    owner = await session.get_one(Owner, owner.id, populate_existing=True)
    owner.restricted_at = clock()
    await session.flush()
    for where in (path, f"{path}/{made['id']}"):
        closed = await client.get(where, headers=clerk.headers)
        assert (closed.status_code, closed.json()["code"]) == (409, "owner_restricted")
    page = await get(client, f"/v1/owners/{owner.id}/page", clerk)
    assert set(page["sections"]) == {"homes", "cases"}
    manager = await people.staff("customer_service_manager", project_id=org.project.id)
    assert len((await get(client, path, manager))["items"]) == 1


async def test_every_look_at_contacts_is_on_record(
    client: httpx.AsyncClient, session: AsyncSession, clerk: Actor, owner: Owner
) -> None:
    await get(client, f"/v1/owners/{owner.id}/contacts", clerk)
    await get(client, f"/v1/owners/{owner.id}", clerk)
    await get(client, "/v1/owners", clerk)
    looks = (await session.execute(select(OwnerLook.look, OwnerLook.owner_ids).order_by(OwnerLook.id))).all()
    assert [tuple(one) for one in looks] == [
        ("record", [owner.id]),
        ("record", [owner.id]),
        ("list", [owner.id]),
    ]


@pytest.mark.rule("OWN-10")
@pytest.mark.rule("OWN-17")
async def test_a_household_has_one_head_and_keeps_its_past(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, clerk: Actor, owner: Owner, state: AppState
) -> None:
    wife = await post(client, f"/v1/owners/{owner.id}/contacts", clerk, **contact())
    co_owner = await make_owner(session, state.keyring, name="李四", phone=None, units=[org.units[1]])
    path = f"/v1/units/{org.units[0].id}/households"
    made = await post(
        client,
        path,
        clerk,
        name="王秀英一家",
        from_date="2026-01-10",
        members=[
            {"owner_id": str(owner.id), "is_head": True},
            {"contact_id": wife["id"], "relation": "丈夫"},
            {"name": "王小明", "relation": "儿子"},
        ],
    )
    assert [(one["name"], one["is_head"], one["relation"]) for one in made["members"]] == [
        ("王秀英", True, None),
        ("李建国", False, "丈夫"),
        ("王小明", False, "儿子"),
    ]
    one = f"/v1/households/{made['id']}"
    head = [{"owner_id": str(co_owner.id), "is_head": True}]
    grown = await post(client, f"{one}/members", clerk, from_date="2026-11-01", members=head)
    assert [one["name"] for one in grown["members"] if one["is_head"]] == ["李四"]
    before = await rows(session)
    again = await refused(client, f"{one}/members", clerk, from_date="2026-11-01", members=head)
    assert again == (409, "already_in_household")
    two = [{"name": "甲", "is_head": True}, {"name": "乙", "is_head": True}]
    both = await refused(client, f"{one}/members", clerk, from_date="2026-11-01", members=two)
    assert both == (422, "validation_failed")
    nobody = [{"owner_id": str(org.project.id)}]
    unknown = await refused(client, f"{one}/members", clerk, from_date="2026-11-01", members=nobody)
    assert unknown == (422, "person_unknown")
    assert await rows(session) == before
    son = next(one["id"] for one in made["members"] if one["name"] == "王小明")
    assert (await client.delete(f"{one}/members/{son}", headers=clerk.headers)).status_code == 204
    left = await get(client, one, clerk)
    assert {one["name"]: one["to_date"] for one in left["members"]}["王小明"] == "2026-11-20"
    early = await refused(client, f"{one}/end", clerk, to_date="2026-01-09")
    assert early == (422, "household_period")
    ended = await post(client, f"{one}/end", clerk, to_date="2026-11-20")
    assert ended["to_date"] == "2026-11-20"
    assert all(one["to_date"] is not None for one in ended["members"])
    assert await refused(client, f"{one}/end", clerk, to_date="2026-11-21") == (409, "household_ended")
    listed = await get(client, path, clerk)
    assert [one["name"] for one in listed["items"]] == ["王秀英一家"]


async def test_households_of_a_sibling_project_are_out_of_sight(
    client: httpx.AsyncClient,
    session: AsyncSession,
    people: Desk,
    org: Org,
    clerk: Actor,
    clock: FakeClock,
    owner: Owner,
) -> None:
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    stranger = await people.staff("records_clerk", project_id=sibling.project.id)
    made = await post(
        client, f"/v1/units/{org.units[0].id}/households", clerk, name="甲家", from_date="2026-01-10", members=[]
    )
    before = await rows(session)
    path = f"/v1/units/{org.units[0].id}/households"
    assert await refused(client, path, stranger, name="乙家", from_date="2026-01-10") == (404, "unit_not_found")
    answer = await client.get(f"/v1/households/{made['id']}", headers=stranger.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "household_not_found")
    end = await refused(client, f"/v1/households/{made['id']}/end", stranger, to_date="2026-11-20")
    assert end == (404, "household_not_found")
    # An owner out of sight can't be made a member, nor be found out about.
    mine = f"/v1/units/{sibling.units[0].id}/households"
    theirs = await refused(
        client, mine, stranger, name="丙家", from_date="2026-01-10", members=[{"owner_id": str(owner.id)}]
    )
    assert theirs == (422, "person_unknown")
    assert await rows(session) == before
