"""A role of one's own is lent to a colleague for a while: within bounds, visibly, and never on."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.administration import (
    ADMINISTRATOR,
    events,
    forget,
    grant_of,
    lent,
    nothing_changes,
    own_grant,
)
from tests.factories.contractors import make_firm
from tests.factories.org import make_org
from tests.factories.owners import make_owner
from tests.factories.people import Actor, Desk

from ownercare_api.contractors.models import FirmKind
from ownercare_api.core.http.state import AppState
from ownercare_api.identity.models import Account, Delegation, RoleGrant


async def lend(
    client: httpx.AsyncClient, by: Actor, grant: RoleGrant | UUID, to: Actor | UUID, *, days: float = 7, **more: Any
) -> httpx.Response:
    body = {
        "grant_id": str(grant if isinstance(grant, UUID) else grant.id),
        "to_person_id": str(to if isinstance(to, UUID) else to.id),
        "ends_at": (by.clock() + timedelta(days=days)).isoformat(),
        "reason": "年休假期间代行",
    }
    return await client.post("/v1/delegations", json=body | more, headers=by.headers)


async def withdraw(client: httpx.AsyncClient, by: Actor, number: str) -> httpx.Response:
    return await client.post(f"/v1/delegations/{number}/withdrawal", headers=by.headers)


@pytest.mark.rule("ORG-10", "ORG-28")
async def test_a_lent_role_holds_for_its_time_and_is_both_persons(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, state: AppState
) -> None:
    await make_org(session, now=clock())
    lender, deputy = await people.staff("auditor", name="严正平"), await people.staff("hr_officer", name="陶雅琴")
    deputy.scopes |= {"tickets:read"}
    made = await lend(client, lender, await own_grant(session, lender), deputy)
    assert made.status_code == 201, made.text
    seen = made.json()
    assert (seen["from_person"]["name"], seen["to_person"]["name"]) == ("严正平", "陶雅琴")
    assert (seen["role_name"], seen["state"], seen["allowed_actions"]) == (
        "审计核算部审计员",
        "in_force",
        ["withdrawal"],
    )
    assert made.headers["location"] == f"/v1/delegations/{seen['id']}"
    forget(state)
    assert (await client.get("/v1/tickets", headers=deputy.headers)).status_code == 200
    me = (await client.get("/v1/me", headers=deputy.headers)).json()
    assert "accounts:audit:audit_department" in me["scopes"]
    clock.forward(days=7)
    forget(state)
    assert (await client.get("/v1/tickets", headers=deputy.headers)).status_code == 403
    assert (await client.get(made.headers["location"], headers=lender.headers)).json()["state"] == "ended"
    (event,) = await events(session, "delegation.made")
    assert (event.data["from_person_id"], event.data["to_person_id"]) == (str(lender.id), str(deputy.id))
    assert "reason" not in event.data


@pytest.mark.rule("ORG-10", "ORG-28")
async def test_what_is_lent_stays_within_bounds(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, state: AppState
) -> None:
    lender, deputy = await people.staff("auditor"), await people.staff("hr_officer")
    grant = await own_grant(session, lender)
    short = grant_of(
        lender.id, role="finance_officer", starts_at=clock() + timedelta(days=2), ends_at=clock() + timedelta(days=5)
    )
    over = grant_of(lender.id, role="data_analyst", starts_at=clock() - timedelta(days=5), ends_at=clock())
    firm = await make_firm(session, kind=FirmKind.PROPERTY_COMPANY)
    user = await people.firm_user("repair_captain", firm_id=firm.id)
    owner = await people.owner((await make_owner(session, state.keyring)).id)
    gone = await people.staff("hr_officer")
    (await session.get_one(Account, gone.id)).disabled_at = clock()
    session.add_all([short, over])
    await session.flush()
    at = [(clock() + timedelta(days=count)).isoformat() for count in range(7)]
    past = (clock() - timedelta(seconds=1)).isoformat()
    refusals: list[tuple[RoleGrant | UUID, Actor | UUID, dict[str, Any], int, str]] = [
        (grant, lender, {}, 422, "unsuitable_deputy"),
        (grant, user, {}, 422, "unsuitable_deputy"),
        (grant, owner, {}, 422, "unsuitable_deputy"),
        (grant, gone, {}, 422, "unsuitable_deputy"),
        (grant, uuid4(), {}, 422, "unsuitable_deputy"),
        (grant, deputy, {"days": 90.001}, 422, "delegation_too_long"),
        (grant, deputy, {"ends_at": at[0]}, 422, "wrong_period"),
        (grant, deputy, {"starts_at": past}, 422, "wrong_period"),
        (grant, deputy, {"reason": ""}, 422, "validation_failed"),
        (grant, deputy, {"ends_at": None}, 422, "validation_failed"),
        (short, deputy, {"starts_at": at[3], "ends_at": at[6]}, 422, "delegation_too_long"),
        (short, deputy, {"starts_at": at[1], "ends_at": at[4]}, 422, "delegation_too_long"),
        (over, deputy, {}, 409, "grant_ended"),
        (await own_grant(session, deputy), deputy, {}, 404, "grant_not_found"),
        (uuid4(), deputy, {}, 404, "grant_not_found"),
    ]
    async with nothing_changes(session):
        for number, (what, to, more, status, code) in enumerate(refusals):
            refused = await lend(client, lender, what, to, **more)
            assert (refused.status_code, refused.json()["code"]) == (status, code), number
    assert (await lend(client, lender, grant, deputy, days=90)).status_code == 201
    within = await lend(client, lender, short, deputy, starts_at=at[2], ends_at=at[5])
    assert (within.status_code, within.json()["state"]) == (201, "future")
    async with nothing_changes(session):
        twin = await lend(client, lender, grant, deputy, starts_at=at[5], ends_at=at[6])
        assert (twin.status_code, twin.json()["code"]) == (409, "delegation_overlaps")


@pytest.mark.rule("ORG-10")
async def test_what_is_lent_is_not_lent_on_and_administration_not_at_all(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, state: AppState
) -> None:
    lender, deputy, third = [await people.staff("auditor") for _ in range(3)]
    admin = await people.staff(ADMINISTRATOR)
    grant = await own_grant(session, lender)
    assert (await lend(client, lender, grant, deputy)).status_code == 201
    firm = await make_firm(session, kind=FirmKind.PROPERTY_COMPANY)
    user = await people.firm_user("repair_captain", firm_id=firm.id)
    machine = await people.machine("tickets:read")
    owner = await people.owner((await make_owner(session, state.keyring)).id)
    async with nothing_changes(session):
        for by, what, code, status in (
            (deputy, grant, "lent_on", 403),
            (third, grant, "grant_not_found", 404),
            (admin, await own_grant(session, admin), "not_lendable", 403),
            (user, await own_grant(session, user), "staff_only", 403),
            (machine, grant, "staff_only", 403),
            (owner, grant, "staff_only", 403),
        ):
            refused = await lend(client, by, what, third)
            assert (refused.status_code, refused.json()["code"]) == (status, code), by.name
    assert (await lend(client, deputy, await own_grant(session, deputy), third)).status_code == 201


@pytest.mark.rule("ORG-10", "ORG-28")
async def test_lender_deputy_and_administrator_take_it_back(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, state: AppState
) -> None:
    here, west = await make_org(session, now=clock()), await make_org(session, now=clock(), name="翠湖里")
    lender = await people.staff("customer_service_manager", project_id=here.project.id)
    deputy, stranger = await people.staff("hr_officer"), await people.staff("call_center_agent")
    admin, local = await people.staff(ADMINISTRATOR), await people.staff(ADMINISTRATOR, project_id=here.project.id)
    away = await people.staff(ADMINISTRATOR, project_id=west.project.id)
    reader = await people.staff("auditor")
    grant = await own_grant(session, lender)
    for by in (lender, deputy, admin, local):
        made = (await lend(client, lender, grant, deputy)).json()["id"]
        async with nothing_changes(session):
            for other, status, code in (
                (stranger, 404, "delegation_not_found"),
                (away, 404, "delegation_not_found"),
                (reader, 403, "out_of_reach"),
            ):
                refused = await withdraw(client, other, made)
                assert (refused.status_code, refused.json()["code"]) == (status, code)
        taken = await withdraw(client, by, made)
        assert (taken.status_code, taken.json()["state"]) == (201, "withdrawn")
        assert (taken.json()["withdrawn_by"], taken.json()["allowed_actions"]) == (str(by.id), [])
        again = await withdraw(client, by, made)
        assert (again.status_code, again.json()["code"]) == (409, "delegation_over")
    forget(state)
    me = (await client.get("/v1/me", headers=deputy.headers)).json()
    assert "approvals:decide:department_manager" not in me["scopes"]
    assert len(await events(session, "delegation.withdrawn")) == 4


@pytest.mark.rule("ORG-10", "ORG-28")
async def test_it_rests_while_the_lender_is_disabled_and_ends_with_the_grant(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, state: AppState
) -> None:
    admin, lender, deputy = [await people.staff(role) for role in (ADMINISTRATOR, "auditor", "hr_officer")]
    grant = await own_grant(session, lender)
    made = (await lend(client, lender, grant, deputy)).json()["id"]

    async def state_and_scope() -> tuple[str, bool]:
        forget(state)
        seen = (await client.get(f"/v1/delegations/{made}", headers=deputy.headers)).json()
        scopes = (await client.get("/v1/me", headers=deputy.headers)).json()["scopes"]
        active = (await client.get("/v1/delegations?active=true", headers=deputy.headers)).json()["items"]
        assert bool(active) is (seen["state"] == "in_force")
        return seen["state"], "audit:read" in scopes

    url = f"/v1/people/{lender.id}"
    assert await state_and_scope() == ("in_force", True)
    await client.post(f"{url}/disablement", json={"reason": "long_leave"}, headers=admin.headers)
    assert await state_and_scope() == ("resting", False)
    await client.post(f"{url}/reinstatement", json={"reason": "returned"}, headers=admin.headers)
    assert await state_and_scope() == ("in_force", True)
    ended = await client.post(f"/v1/role-grants/{grant.id}/end", json={"reason": "left"}, headers=admin.headers)
    assert ended.status_code == 201
    assert await state_and_scope() == ("resting", False)


@pytest.mark.rule("ORG-28")
async def test_lists_show_one_s_own_and_those_in_reach(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    here, west = await make_org(session, now=clock()), await make_org(session, now=clock(), name="翠湖里")
    lender = await people.staff("records_clerk", project_id=here.project.id)
    deputy = await people.staff("call_center_agent", project_id=here.project.id)
    neighbour = await people.staff("records_clerk", project_id=here.project.id)
    away = await people.staff("records_clerk", project_id=west.project.id)
    chief = await people.staff("auditor")
    now = clock()
    first = lent(await own_grant(session, lender), to=deputy.id, starts_at=now, ends_at=now + timedelta(days=3))
    second = lent(await own_grant(session, away), to=chief.id, starts_at=now, ends_at=now + timedelta(days=3))
    session.add_all([first, second])
    await session.flush()

    async def shown(caller: Actor, query: str = "") -> list[Delegation]:
        answer = await client.get(f"/v1/delegations{query}", headers=caller.headers)
        assert answer.status_code == 200, answer.text
        ids = {UUID(one["id"]) for one in answer.json()["items"]}
        return [one for one in (first, second) if one.id in ids]

    assert await shown(lender) == await shown(deputy) == await shown(neighbour) == [first]
    assert await shown(away) == [second]
    assert await shown(chief) == [first, second]
    assert await shown(chief, "?direction=received") == [second]
    assert await shown(chief, "?direction=given") == []
    assert await shown(chief, f"?from_person_id={lender.id}&to_person_id={deputy.id}") == [first]
    assert await shown(chief, f"?grant_id={second.grant_id}") == [second]
    for query in ("", "?include_total=true"):
        assert await shown(await people.staff("call_center_agent"), query) == []
    hidden = await client.get(f"/v1/delegations/{second.id}", headers=neighbour.headers)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "delegation_not_found")


@pytest.mark.rule("ORG-10", "ORG-28")
async def test_an_initial_password_lends_nothing(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState
) -> None:
    chief, accomplice = await people.staff("general_manager"), await people.staff("hr_officer")
    account = await session.get_one(Account, chief.id)
    account.must_change_password = True
    await session.flush()
    grant = await own_grant(session, chief)
    async with nothing_changes(session):
        refused = await lend(client, chief, grant, accomplice)
        assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required")
        assert (await client.get("/v1/delegations", headers=chief.headers)).status_code == 403
    account.must_change_password = False
    await session.flush()
    forget(state)
    assert (await lend(client, chief, grant, accomplice)).status_code == 201


@pytest.mark.rule("ORG-10", "ORG-28")
async def test_what_is_lent_rests_while_the_lender_has_an_initial_password(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState
) -> None:
    """An administrator who resets a password knows it: until the person sets another, nobody acts for that person."""
    admin, lender, deputy = [await people.staff(role) for role in (ADMINISTRATOR, "auditor", "hr_officer")]
    made = (await lend(client, lender, await own_grant(session, lender), deputy)).json()["id"]

    async def seen() -> tuple[str, bool, bool]:
        forget(state)
        state_of = (await client.get(f"/v1/delegations/{made}", headers=deputy.headers)).json()["state"]
        active = (await client.get("/v1/delegations?active=true", headers=deputy.headers)).json()["items"]
        scopes = (await client.get("/v1/me", headers=deputy.headers)).json()["scopes"]
        return state_of, bool(active), "audit:read" in scopes

    assert await seen() == ("in_force", True, True)
    reset = await client.post(f"/v1/people/{lender.id}/password-reset", headers=admin.headers)
    assert reset.status_code == 201, reset.text
    assert await seen() == ("resting", False, False)
    (await session.get_one(Account, lender.id, populate_existing=True)).must_change_password = False
    await session.flush()
    assert await seen() == ("in_force", True, True)
