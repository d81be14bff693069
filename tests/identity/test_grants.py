"""Roles are given within one's reach, never to oneself, take effect at once, and one administrator remains."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.administration import ADMINISTRATOR, events, forget, nothing_changes, own_grant
from tests.factories.contractors import make_firm
from tests.factories.org import Org, make_org
from tests.factories.people import Actor, Desk

from ownercare_api.contractors.models import Firm, FirmKind
from ownercare_api.core.http.state import AppState
from ownercare_api.identity.models import Account, RoleGrant


def body(role: str = "records_clerk", level: str = "company", **more: Any) -> dict[str, Any]:
    return {"role": role, "level": level, "reason": "岗位调整", **more}


async def give(client: httpx.AsyncClient, by: Actor, to: Actor, **wanted: Any) -> httpx.Response:
    return await client.post(f"/v1/people/{to.id}/grants", json=body(**wanted), headers=by.headers)


async def end(client: httpx.AsyncClient, by: Actor, grant: RoleGrant | str, **wanted: Any) -> httpx.Response:
    number = grant if isinstance(grant, str) else grant.id
    sent = {"reason": "post_changed", **wanted}
    return await client.post(f"/v1/role-grants/{number}/end", json=sent, headers=by.headers)


def text(moment: datetime) -> str:
    return moment.isoformat()


@pytest.mark.rule("ORG-10", "ORG-28")
async def test_a_grant_holds_at_once_and_for_its_time(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, state: AppState
) -> None:
    org = await make_org(session, now=clock())
    admin, person = await people.staff(ADMINISTRATOR), await people.staff("hr_officer")
    person.scopes |= {"tickets:read"}  # as a token fetched afterwards has it
    assert (await client.get("/v1/tickets", headers=person.headers)).status_code == 403
    ends = clock() + timedelta(hours=8)
    made = await give(client, admin, person, level="project", target_id=str(org.project.id), ends_at=text(ends))
    assert made.status_code == 201, made.text
    seen = made.json()
    assert made.headers["location"] == f"/v1/role-grants/{seen['id']}"
    assert seen == (await client.get(made.headers["location"], headers=admin.headers)).json()
    assert (seen["role_name"], seen["state"], seen["granted_by"]) == ("资料员", "in_force", str(admin.id))
    assert (seen["person"], seen["allowed_actions"]) == ({"id": str(person.id), "name": person.name}, ["end"])
    forget(state)
    assert (await client.get("/v1/tickets", headers=person.headers)).status_code == 200
    clock.forward(hours=8)
    forget(state)
    assert (await client.get("/v1/tickets", headers=person.headers)).status_code == 403
    (event,) = await events(session, "grant.given")
    assert event.subject_kind == "role_grant"
    assert event.data == {
        "person_id": str(person.id),
        "role": "records_clerk",
        "level": "project",
        "target_id": str(org.project.id),
        "starts_at": seen["starts_at"].replace("Z", "+00:00"),
        "ends_at": text(ends),
    }


@pytest.mark.rule("ORG-28")
async def test_a_role_taken_back_is_gone_from_tokens_already_given(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, state: AppState
) -> None:
    await make_org(session, now=clock())
    admin, person = await people.staff(ADMINISTRATOR), await people.staff("records_clerk", "hr_officer")
    headers = person.headers
    assert (await client.get("/v1/tickets", headers=headers)).status_code == 200
    listed = (await client.get(f"/v1/people/{person.id}/grants", headers=admin.headers)).json()["items"]
    clerk = next(one for one in listed if one["role"] == "records_clerk")
    taken = await end(client, admin, clerk["id"])
    assert (taken.status_code, taken.json()["state"], taken.json()["ended_by"]) == (201, "ended", str(admin.id))
    forget(state)
    refused = await client.get("/v1/tickets", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert (await client.get("/v1/roles", headers=headers)).status_code == 200  # the login and the other role go on
    (event,) = await events(session, "grant.ended")
    assert (event.data["reason"], event.data["role"]) == ("post_changed", "records_clerk")


@pytest.mark.rule("ORG-10", "ORG-28")
async def test_roles_go_to_those_they_are_meant_for(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    org = await make_org(session, now=clock())
    anting = await make_firm(session, kind=FirmKind.PROPERTY_COMPANY)
    gudun = await make_firm(session, kind=FirmKind.CONTRACTOR)
    admin, staff = await people.staff(ADMINISTRATOR), await people.staff("hr_officer")
    user = await people.firm_user("repair_worker", firm_id=anting.id)
    project, own, other = str(org.project.id), str(anting.id), str(gudun.id)
    refusals: list[tuple[Actor, dict[str, Any], str]] = [
        (staff, {"role": "owner"}, "role_not_grantable"),
        (staff, {"role": "emperor"}, "role_not_grantable"),
        (staff, {"role": "repair_captain"}, "role_not_grantable"),
        (staff, {"role": "contractor_representative", "level": "project", "target_id": project}, "role_not_grantable"),
        (staff, {"level": "firm", "target_id": own}, "wrong_level"),
        (staff, {"level": "project", "target_id": str(uuid4())}, "target_not_found"),
        (staff, {"level": "project", "target_id": str(org.region.id)}, "target_not_found"),
        (staff, {"level": "region", "target_id": str(org.group.id)}, "target_not_found"),
        (staff, {"level": "project"}, "validation_failed"),
        (staff, {"target_id": project}, "validation_failed"),
        (user, {"role": "records_clerk", "level": "firm", "target_id": own}, "role_not_grantable"),
        (user, {"role": "contractor_representative", "level": "firm", "target_id": own}, "role_not_grantable"),
        (user, {"role": "repair_captain", "level": "firm", "target_id": other}, "wrong_level"),
        (user, {"role": "repair_captain"}, "wrong_level"),
        (user, {"role": "repair_captain", "level": "project", "target_id": project}, "wrong_level"),
        (staff, {"starts_at": text(clock() - timedelta(seconds=1))}, "wrong_period"),
        (staff, {"ends_at": text(clock())}, "wrong_period"),
        (staff, {"starts_at": text(clock() + timedelta(2)), "ends_at": text(clock() + timedelta(1))}, "wrong_period"),
    ]
    async with nothing_changes(session):
        for person, wanted, code in refusals:
            refused = await give(client, admin, person, **wanted)
            assert (refused.status_code, refused.json()["code"]) == (422, code), wanted
        for wanted in ({"reason": ""}, {"reason": None}, {"granted_by": str(admin.id)}):
            assert (await give(client, admin, staff, **wanted)).status_code == 422
    assert (await give(client, admin, user, role="repair_captain", level="firm", target_id=own)).status_code == 201
    (await session.get_one(Firm, anting.id)).active = False
    await session.flush()
    gone = await give(client, admin, user, role="property_company_manager", level="firm", target_id=own)
    assert (gone.status_code, gone.json()["code"]) == (422, "unknown_firm")


@pytest.mark.rule("ORG-10")
async def test_the_same_role_in_the_same_place_does_not_overlap_in_time(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    org = await make_org(session, now=clock())
    admin, person = await people.staff(ADMINISTRATOR), await people.staff("hr_officer")
    here = {"level": "project", "target_id": str(org.project.id)}
    day = [text(clock() + timedelta(days=count)) for count in range(6)]
    assert (await give(client, admin, person, **here, starts_at=day[2], ends_at=day[4])).status_code == 201
    async with nothing_changes(session):
        for times in (
            {},
            {"starts_at": day[2], "ends_at": day[4]},
            {"starts_at": day[1], "ends_at": day[3]},
            {"starts_at": day[3]},
            {"ends_at": day[5]},
        ):
            twin = await give(client, admin, person, **here, **times)
            assert (twin.status_code, twin.json()["code"]) == (409, "grant_overlaps"), times
    for times in ({"ends_at": day[2]}, {"starts_at": day[4]}):
        assert (await give(client, admin, person, **here, **times)).status_code == 201
    assert (await give(client, admin, person)).status_code == 201  # elsewhere


@pytest.mark.rule("ORG-10")
async def test_a_disabled_person_gets_no_role(client: httpx.AsyncClient, people: Desk, session: AsyncSession) -> None:
    admin, person = await people.staff(ADMINISTRATOR), await people.staff("hr_officer")
    (await session.get_one(Account, person.id)).disabled_at = people.clock()
    await session.flush()
    async with nothing_changes(session):
        refused = await give(client, admin, person)
        assert (refused.status_code, refused.json()["code"]) == (409, "person_disabled")
        absent = await client.post(f"/v1/people/{uuid4()}/grants", json=body(), headers=admin.headers)
        assert (absent.status_code, absent.json()["code"]) == (404, "person_not_found")


async def _org_of_two_regions(session: AsyncSession, now: datetime) -> tuple[Org, Org, Org]:
    here = await make_org(session, now=now)
    sibling = await make_org(session, now=now, name="江澜府", region=here.region)
    return here, sibling, await make_org(session, now=now, name="翠湖里")


@pytest.mark.rule("ORG-10", "ORG-28")
async def test_who_gives_and_takes_stays_within_his_own_reach(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    here, sibling, west = await _org_of_two_regions(session, clock())
    local = await people.staff(ADMINISTRATOR, project_id=here.project.id)
    regional = await people.staff(ADMINISTRATOR, region_id=here.region.id)
    person = await people.staff("hr_officer")
    places: list[tuple[dict[str, Any], bool, bool]] = [
        ({"level": "project", "target_id": str(here.project.id)}, True, True),
        ({"level": "project", "target_id": str(sibling.project.id)}, False, True),
        ({"level": "region", "target_id": str(here.region.id)}, False, True),
        ({"level": "region", "target_id": str(west.region.id)}, False, False),
        ({"level": "project", "target_id": str(west.project.id)}, False, False),
        ({"level": "project", "target_id": str(uuid4())}, False, False),
        ({"level": "company"}, False, False),
    ]
    for place, by_local, by_regional in places:
        for role, admin, may in (("records_clerk", local, by_local), ("data_analyst", regional, by_regional)):
            if may:
                assert (await give(client, admin, person, role=role, **place)).status_code == 201, place
                continue
            async with nothing_changes(session):
                refused = await give(client, admin, person, role=role, **place)
                assert (refused.status_code, refused.json()["code"]) == (403, "out_of_reach"), place
    # Who holds every project of a region does not hold the region.
    whole = await people.staff(ADMINISTRATOR, project_id=west.project.id)
    refused = await give(client, whole, person, level="region", target_id=str(west.region.id))
    assert refused.status_code == 403
    far = await people.staff("records_clerk", project_id=west.project.id)
    async with nothing_changes(session):
        for grant in (await own_grant(session, far), await own_grant(session, regional)):
            unseen = await end(client, local, grant)
            assert (unseen.status_code, unseen.json()["code"]) == (404, "grant_not_found")
            assert (await client.get(f"/v1/role-grants/{grant.id}", headers=local.headers)).status_code == 404
    assert (await end(client, regional, await own_grant(session, local))).status_code == 201


@pytest.mark.rule("ORG-10", "ORG-28")
async def test_lists_show_the_grants_within_reach(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    here, sibling, west = await _org_of_two_regions(session, clock())
    admin = await people.staff(ADMINISTRATOR)
    regional = await people.staff("customer_service_manager", region_id=here.region.id)
    local = await people.staff("records_clerk", project_id=here.project.id)
    next_door = await people.staff("records_clerk", project_id=sibling.project.id)
    await people.staff("records_clerk", project_id=west.project.id)
    firm = await make_firm(session, kind=FirmKind.PROPERTY_COMPANY)
    captain = await people.firm_user("repair_captain", firm_id=firm.id)

    async def holders(caller: Actor, query: str = "") -> list[str]:
        answer = await client.get(f"/v1/role-grants{query}", headers=caller.headers)
        assert answer.status_code == 200, answer.text
        return sorted(one["person"]["name"] for one in answer.json()["items"])

    assert len(await holders(admin)) == 6
    assert await holders(regional) == sorted([regional.name, local.name, next_door.name])
    assert await holders(local) == [local.name]
    assert await holders(admin, "?level=firm") == [captain.name]
    assert await holders(admin, f"?target_id={sibling.project.id}") == [next_door.name]
    assert await holders(admin, f"?role=records_clerk&person_id={local.id}") == [local.name]
    assert await holders(admin, "?active=false") == []
    assert await holders(local, f"?person_id={next_door.id}") == []
    counted = await client.get("/v1/role-grants?include_total=true", headers=local.headers)
    assert counted.json()["total"] == 1
    hidden = await client.get(f"/v1/people/{captain.id}/grants", headers=local.headers)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "person_not_found")
    of_neighbour = await client.get(f"/v1/people/{next_door.id}/grants", headers=local.headers)
    assert of_neighbour.json()["items"] == []
    refused = await client.get("/v1/role-grants", headers=captain.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    mine = await client.get("/v1/me/grants", headers=captain.headers)
    assert [(one["role"], one["allowed_actions"]) for one in mine.json()["items"]] == [("repair_captain", [])]
    mine = await client.get("/v1/me/grants", headers=local.headers)
    assert [(one["role"], one["allowed_actions"]) for one in mine.json()["items"]] == [
        ("records_clerk", ["delegations"])
    ]
    machine = await people.machine("identity:read")
    refused = await client.get("/v1/me/grants", headers=machine.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "staff_only")


@pytest.mark.rule("ORG-10")
async def test_ending_never_prolongs_and_reaches_back_to_nothing(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    admin, person = await people.staff(ADMINISTRATOR), await people.staff("hr_officer")
    day = [clock() + timedelta(days=count) for count in range(6)]
    made = await give(client, admin, person, starts_at=text(day[2]), ends_at=text(day[4]))
    grant = made.json()["id"]
    async with nothing_changes(session):
        for ends_at, status, code in (
            (day[5], 409, "grant_ended"),
            (day[4], 409, "grant_ended"),
            (day[0] - timedelta(seconds=1), 422, "wrong_period"),
        ):
            refused = await end(client, admin, grant, ends_at=text(ends_at))
            assert (refused.status_code, refused.json()["code"]) == (status, code)
    shorter = await end(client, admin, grant, ends_at=text(day[3]))
    assert (shorter.status_code, shorter.json()["state"]) == (201, "future")
    assert shorter.json()["ends_at"] == text(day[3]).replace("+00:00", "Z")
    never = await end(client, admin, grant)
    assert (never.status_code, never.json()["state"]) == (201, "ended")
    assert (await events(session, "grant.ended"))[-1].data["meant_from_at"] == text(day[2])
    async with nothing_changes(session):
        again = await end(client, admin, grant)
        assert (again.status_code, again.json()["code"]) == (409, "grant_ended")
    assert (await give(client, admin, person, starts_at=text(day[2]))).status_code == 201  # the place is free again


@pytest.mark.rule("ORG-10", "ORG-28")
async def test_the_last_administrator_stays_whichever_way(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    org = await make_org(session, now=clock())
    last = await people.staff(ADMINISTRATOR)
    grant = await own_grant(session, last)
    # None of these is one who remains: local, regional, to come, for a while, disabled.
    await people.staff(ADMINISTRATOR, project_id=org.project.id)
    await people.staff(ADMINISTRATOR, region_id=org.region.id)
    future, temporary, disabled = [await people.staff("hr_officer") for _ in range(3)]
    tomorrow = text(clock() + timedelta(days=1))
    assert (await give(client, last, future, role=ADMINISTRATOR, starts_at=tomorrow)).status_code == 201
    assert (await give(client, last, temporary, role=ADMINISTRATOR, ends_at=tomorrow)).status_code == 201
    assert (await give(client, last, disabled, role=ADMINISTRATOR)).status_code == 201
    url = f"/v1/people/{disabled.id}/disablement"
    assert (await client.post(url, json={"reason": "long_leave"}, headers=last.headers)).status_code == 201
    temporary.scopes |= {"identity:manage", "identity:read"}
    async with nothing_changes(session):
        for by in (last, temporary):
            for wanted in ({}, {"ends_at": tomorrow}, {"ends_at": text(clock() + timedelta(days=3650))}):
                refused = await end(client, by, grant, **wanted)
                assert (refused.status_code, refused.json()["code"]) == (409, "last_administrator"), wanted
        url = f"/v1/people/{last.id}/disablement"
        refused = await client.post(url, json={"reason": "other"}, headers=temporary.headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "last_administrator")
    second = await people.staff("hr_officer")
    assert (await give(client, last, second, role=ADMINISTRATOR)).status_code == 201
    assert (await end(client, last, grant)).status_code == 201  # one may lay down one's own while another stays
