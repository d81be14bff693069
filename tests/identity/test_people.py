"""Accounts of staff and firms' users: opened, seen, changed, disabled; passwords given anew; logins ended."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.administration import (
    ADMINISTRATOR,
    account_of,
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
from ownercare_api.core.idempotency_table import IdempotentAnswer
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.models import Account, AuthSession, GrantLevel
from ownercare_api.identity.passwords import verify_password

LIANG = {
    "kind": "staff",
    "username": "liang.sumei",
    "name": "梁素梅",
    "post": "records_clerk",
    "department": "customer_service",
}


async def log_in(client: httpx.AsyncClient, username: str, password: str) -> httpx.Response:
    form = {"grant_type": "password", "username": username, "password": password}
    return await client.post("/v1/auth/token", data=form)


async def me(client: httpx.AsyncClient, actor: Actor) -> httpx.Response:
    return await client.get("/v1/me", headers=actor.headers)


@pytest.mark.rule("ORG-01", "ORG-28")
async def test_a_new_account_has_a_password_shown_once_and_holds_nothing(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession
) -> None:
    admin = await people.staff(ADMINISTRATOR)
    headers = admin.headers | {"Idempotency-Key": "open-liang"}
    made = await client.post("/v1/people", json=LIANG, headers=headers)
    assert made.status_code == 201
    body = made.json()
    assert made.headers["location"] == f"/v1/people/{body['id']}"
    assert (body["grants"], body["delegations"]) == ([], [])
    assert (body["name"], body["post_name"], body["active"]) == ("梁素梅", "资料员", True)
    assert body["logins"]["username"] == "liang.sumei"
    assert body["logins"]["must_change_password"] is True
    assert body["allowed_actions"] == ["grants", "update", "disablement", "password-reset"]
    password = body["initial_password"]
    assert len(password) == 23
    account = await session.get_one(Account, UUID(body["id"]))
    assert await verify_password(password, account.password_hash)

    again = await client.post("/v1/people", json=LIANG, headers=headers)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.json() == body | {"initial_password": None}
    assert password.encode() not in bytes(await session.scalar(select(IdempotentAnswer.answer)) or b"")

    answer = await log_in(client, "liang.sumei", password)
    assert answer.status_code == 200
    assert answer.json()["scope"] == ""
    (event,) = await events(session, "person.created")
    assert (event.subject_kind, event.subject_id, event.actor_id) == ("person", account.id, admin.id)
    assert event.data == {
        "account_kind": "staff",
        "post": "records_clerk",
        "department": "customer_service",
        "firm_id": None,
    }


@pytest.mark.rule("ORG-28")
@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"post": "emperor"}, 422, "unsuitable_post"),
        ({"post": "repair_captain"}, 422, "unsuitable_post"),
        ({"post": "owner"}, 422, "unsuitable_post"),
        ({"department": None}, 422, "unknown_department"),
        ({"department": "palace"}, 422, "unknown_department"),
        ({"username": "Liang"}, 422, "validation_failed"),
        ({"username": "梁素梅"}, 422, "validation_failed"),
        ({"kind": "owner"}, 422, "validation_failed"),
        ({"kind": "firm_user"}, 422, "validation_failed"),
        ({"firm_id": str(uuid4())}, 422, "validation_failed"),
        ({"kind": "firm_user", "firm_id": str(uuid4()), "department": None}, 422, "unknown_firm"),
        ({"username": "taken.name"}, 409, "username_taken"),
    ],
)
async def test_accounts_that_make_no_sense_are_refused(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, changes: dict[str, Any], status: int, code: str
) -> None:
    admin = await people.staff(ADMINISTRATOR)
    session.add(account_of("taken.name"))
    await session.flush()
    async with nothing_changes(session):
        refused = await client.post("/v1/people", json=LIANG | changes, headers=admin.headers)
        assert (refused.status_code, refused.json()["code"]) == (status, code)


@pytest.mark.rule("ORG-28")
async def test_posts_of_a_firm_s_user_are_those_of_its_kind(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession
) -> None:
    admin = await people.staff(ADMINISTRATOR)
    firm = await make_firm(session, kind=FirmKind.PROPERTY_COMPANY)
    body = {"kind": "firm_user", "username": "lei.jianjun", "name": "雷建军", "firm_id": str(firm.id)}
    for post, status in (("records_clerk", 422), ("contractor_representative", 422), ("repair_captain", 201)):
        answer = await client.post("/v1/people", json=body | {"post": post}, headers=admin.headers)
        assert answer.status_code == status, post
    assert (answer.json()["firm_id"], answer.json()["department"]) == (str(firm.id), None)


@pytest.mark.rule("ORG-10", "ORG-28")
async def test_who_may_not_manage_people_does_not(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession
) -> None:
    target = await people.staff("records_clerk")
    lender = await people.staff(ADMINISTRATOR)
    deputy = await people.staff("customer_service_manager")
    now = people.clock()
    session.add(lent(await own_grant(session, lender), to=deputy.id, starts_at=now, ends_at=now + timedelta(days=1)))
    await session.flush()
    deputy.scopes |= {"identity:manage"}
    machine = await people.machine("identity:manage", "identity:read")
    clerk = await people.staff("hr_officer")
    firm = await make_firm(session, kind=FirmKind.CONTRACTOR)
    user = await people.firm_user("contractor_representative", firm_id=firm.id)
    path = f"/v1/people/{target.id}"
    calls = [
        ("/v1/people", LIANG),
        (f"{path}/disablement", {"reason": "left"}),
        (f"{path}/password-reset", None),
        (f"{path}/sessions/{target.session_id}/revocation", None),
        (f"{path}/grants", {"role": "auditor", "level": "company", "reason": "试图授权"}),
    ]
    async with nothing_changes(session):
        for caller, code in (
            (clerk, "missing_scope"),
            (user, "missing_scope"),
            (machine, "out_of_reach"),  # a machine with the scope is still no administrator
            (deputy, "out_of_reach"),  # nor is one to whom an administrator lent his role
        ):
            for url, body in calls:
                refused = await client.post(url, json=body, headers=caller.headers)
                assert (refused.status_code, refused.json()["code"]) == (403, code), (caller.name, url)
    for url, body in calls[3:] + calls[:1] + calls[1:2]:
        right = await client.post(url, json=body, headers=lender.headers)
        assert right.status_code == 201, right.text


@pytest.mark.rule("ORG-28", "OWN-07")
async def test_lists_show_colleagues_to_staff_own_people_to_firms_and_owners_to_nobody(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, queries: QueryRecorder
) -> None:
    org = await make_org(session, now=clock())
    anting = await make_firm(session, kind=FirmKind.PROPERTY_COMPANY)
    heyue = await make_firm(session, kind=FirmKind.PROPERTY_COMPANY)
    captain = await people.firm_user("repair_captain", firm_id=anting.id, name="雷建军")
    other = await people.firm_user("repair_captain", firm_id=heyue.id, name="熊志强")
    admin = await people.staff(ADMINISTRATOR, name="丁浩然")
    clerk = await people.staff("records_clerk", project_id=org.project.id, name="梁素梅")
    machine = await people.machine("identity:read", level=GrantLevel.FIRM, targets=(anting.id,))
    gone = account_of("song.yuqing", name="宋雨晴")
    gone.disabled_at = clock()
    session.add(gone)
    await session.flush()

    async def names(caller: Actor, query: str = "") -> set[str]:
        answer = await client.get(f"/v1/people{query}", headers=caller.headers)
        assert answer.status_code == 200, answer.text
        return {one["name"] for one in answer.json()["items"]}

    everybody = {"雷建军", "熊志强", "丁浩然", "梁素梅", "宋雨晴"}
    assert await names(admin) == everybody
    assert await names(clerk) == {"丁浩然", "梁素梅", "宋雨晴"}
    assert await names(machine) == {"雷建军"}
    assert await names(admin, "?kind=firm_user") == {"雷建军", "熊志强"}
    assert await names(admin, f"?firm_id={heyue.id}") == {"熊志强"}
    assert await names(admin, "?active=false") == {"宋雨晴"}
    assert await names(admin, "?role=repair_captain") == {"雷建军", "熊志强"}
    assert await names(clerk, "?role=repair_captain") == set()
    assert await names(admin, "?department=information") == {"丁浩然"}
    assert await names(admin, "?post=records_clerk&active=true") == {"梁素梅"}
    assert await names(admin, "?q=song.yu") == {"宋雨晴"}
    assert await names(clerk, "?q=song.yu") == set()  # login names are no help to the curious
    assert await names(clerk, "?q=雨") == {"宋雨晴"}
    assert await names(admin, "?q=%25") == set()
    with queries:
        await names(admin, "?role=repair_captain&q=军&include_total=true")
    assert queries.count == 2
    for caller, known in ((clerk, clerk), (clerk, admin), (admin, captain), (machine, captain)):
        assert (await client.get(f"/v1/people/{known.id}", headers=caller.headers)).status_code == 200
    for caller, unknown in ((clerk, captain.id), (machine, other.id), (machine, admin.id), (admin, uuid4())):
        hidden = await client.get(f"/v1/people/{unknown}", headers=caller.headers)
        assert (hidden.status_code, hidden.json()["code"]) == (404, "person_not_found")


@pytest.mark.rule("OWN-07", "ORG-28")
async def test_an_owner_s_account_is_no_colleague(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, state: AppState
) -> None:
    admin = await people.staff(ADMINISTRATOR)
    owner = await people.owner((await make_owner(session, state.keyring)).id)
    listed = (await client.get("/v1/people?include_total=true", headers=admin.headers)).json()
    assert ([one["id"] for one in listed["items"]], listed["total"]) == ([str(admin.id)], 1)
    async with nothing_changes(session):
        for method, path, body in (
            ("GET", "", None),
            ("GET", "/grants", None),
            ("GET", "/sessions", None),
            ("POST", "/password-reset", None),
            ("POST", "/disablement", {"reason": "other"}),
            ("POST", "/grants", {"role": "auditor", "level": "company", "reason": "业主不能授予角色"}),
        ):
            hidden = await client.request(method, f"/v1/people/{owner.id}{path}", json=body, headers=admin.headers)
            assert (hidden.status_code, hidden.json()["code"]) == (404, "person_not_found"), path
        for path in ("/v1/people", f"/v1/people/{admin.id}", "/v1/role-grants", "/v1/clients"):
            assert (await client.get(path, headers=owner.headers)).status_code == 403


@pytest.mark.rule("ORG-10", "ORG-28")
async def test_a_person_is_shown_with_what_he_may_do(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, queries: QueryRecorder
) -> None:
    org, other = await make_org(session, now=clock()), await make_org(session, now=clock(), name="翠湖里")
    admin, colleague = await people.staff(ADMINISTRATOR), await people.staff("records_clerk", project_id=org.project.id)
    person = await people.staff("auditor", name="严正平")
    now = clock()
    session.add_all(
        [
            grant_of(person.id, role="records_clerk", starts_at=now - timedelta(days=9), ends_at=now),
            grant_of(
                person.id,
                role="records_clerk",
                starts_at=now + timedelta(days=9),
                level=GrantLevel.PROJECT,
                target_id=other.project.id,
            ),
        ]
    )
    made = lent(
        await own_grant(session, await people.staff("auditor", name="白静怡")),
        to=person.id,
        starts_at=now,
        ends_at=now + timedelta(days=3),
    )
    session.add(made)
    await session.flush()
    seen = (await client.get(f"/v1/people/{person.id}", headers=admin.headers)).json()
    with queries:
        await client.get(f"/v1/people/{person.id}", headers=admin.headers)
    assert queries.count == 5
    assert {(one["role"], one["level"], one["state"]) for one in seen["grants"]} == {
        ("auditor", "company", "in_force"),
        ("records_clerk", "company", "ended"),
        ("records_clerk", "project", "future"),
    }
    (delegation,) = seen["delegations"]
    assert (delegation["from_person"]["name"], delegation["state"]) == ("白静怡", "in_force")
    assert seen["logins"]["open_sessions"] == 1
    assert seen["logins"]["last_login_at"] is not None

    curious = (await client.get(f"/v1/people/{person.id}", headers=colleague.headers)).json()
    assert (curious["logins"], curious["grants"], curious["allowed_actions"]) == (None, [], [])
    himself = (await client.get(f"/v1/people/{person.id}", headers=person.headers)).json()
    assert himself["logins"]["username"].startswith("auditor")
    assert himself["allowed_actions"] == []


@pytest.mark.rule("ORG-01", "ORG-28")
async def test_plain_fields_are_changed_with_the_version_that_was_read(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession
) -> None:
    admin, person = await people.staff(ADMINISTRATOR), await people.staff("records_clerk", name="梁素梅")
    url = f"/v1/people/{person.id}"
    tag = (await client.get(url, headers=admin.headers)).headers["etag"]
    body = {"name": "梁素媚", "post": "complaint_specialist"}
    async with nothing_changes(session):
        for headers, status in (({}, 428), ({"If-Match": '"99"'}, 412)):
            assert (await client.patch(url, json=body, headers=admin.headers | headers)).status_code == status
        for wrong, code in (
            ({"post": "repair_worker"}, "unsuitable_post"),
            ({"department": "palace"}, "unknown_department"),
            ({"name": None}, "validation_failed"),
            ({"username": "another"}, "validation_failed"),
            ({"active": False}, "validation_failed"),
        ):
            refused = await client.patch(url, json=wrong, headers=admin.headers | {"If-Match": tag})
            assert (refused.status_code, refused.json()["code"]) == (422, code)
    changed = await client.patch(url, json=body, headers=admin.headers | {"If-Match": tag})
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["post"]) == ("梁素媚", "complaint_specialist")
    assert changed.json()["version"] == 2
    (event,) = await events(session, "person.updated")
    assert event.data == {"fields": ["name", "post"], "post": "complaint_specialist"}
    assert "梁" not in str(event.data)


@pytest.mark.rule("ORG-28")
async def test_a_disabled_person_is_out_at_once_and_may_come_back(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState
) -> None:
    admin, person = await people.staff(ADMINISTRATOR), await people.staff("records_clerk")
    assert (await me(client, person)).status_code == 200
    url = f"/v1/people/{person.id}"
    body = {"reason": "left"}
    gone = await client.post(f"{url}/disablement", json=body, headers=admin.headers)
    assert (gone.status_code, gone.json()["active"]) == (201, False)
    assert gone.json()["logins"]["open_sessions"] == 0
    assert gone.json()["allowed_actions"] == ["update", "reinstatement"]
    forget(state)
    assert (await me(client, person)).json()["code"] == "invalid_token"
    opened = await session.get_one(AuthSession, person.session_id, populate_existing=True)
    assert opened.revoked_because == "disabled"
    async with nothing_changes(session):
        for step, sent in (("disablement", body), ("password-reset", None)):
            twice = await client.post(f"{url}/{step}", json=sent, headers=admin.headers)
            assert (twice.status_code, twice.json()["code"]) == (409, "person_disabled")
    back = await client.post(f"{url}/reinstatement", json={"reason": "returned"}, headers=admin.headers)
    assert (back.status_code, back.json()["active"]) == (201, True)
    assert back.json()["grants"][0]["state"] == "in_force"
    again = await client.post(f"{url}/reinstatement", json={"reason": "returned"}, headers=admin.headers)
    assert (again.status_code, again.json()["code"]) == (409, "person_active")
    forget(state)
    assert (await me(client, person)).status_code == 401  # a reinstatement revives no login
    assert [(await events(session, f"person.{kind}"))[0].data for kind in ("disabled", "reinstated")] == [
        {"reason": "left"},
        {"reason": "returned"},
    ]


@pytest.mark.rule("ORG-28")
async def test_a_reset_password_ends_the_logins_and_the_old_password(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState
) -> None:
    admin, person = await people.staff(ADMINISTRATOR), await people.staff("records_clerk")
    username = (await session.get_one(Account, person.id)).username
    url = f"/v1/people/{person.id}/password-reset"
    first = (await client.post(url, headers=admin.headers)).json()["initial_password"]
    assert (await log_in(client, username, first)).status_code == 200
    second = await client.post(url, headers=admin.headers)
    assert second.status_code == 201
    assert second.headers["cache-control"] == "no-store"
    forget(state)
    assert (await me(client, person)).status_code == 401
    assert (await log_in(client, username, first)).status_code == 401
    answer = await log_in(client, username, second.json()["initial_password"])
    assert (answer.status_code, answer.json()["scope"]) == (200, "")
    account = await session.get_one(Account, person.id, populate_existing=True)
    assert (account.must_change_password, account.password_changed_at) == (True, people.clock())
    assert len(await events(session, "person.password_reset")) == 2


@pytest.mark.rule("ORG-28")
async def test_one_login_is_ended_by_an_administrator(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, state: AppState
) -> None:
    admin, person = await people.staff(ADMINISTRATOR), await people.staff("records_clerk")
    second = AuthSession(id=uuid7(), account_id=person.id, refresh_digest=b"")
    second.created_at, second.expires_at = clock(), clock() + timedelta(days=1)
    session.add(second)
    await session.flush()
    url = f"/v1/people/{person.id}/sessions"
    listed = (await client.get(url, headers=admin.headers)).json()["items"]
    assert [one["id"] for one in listed] == [str(second.id), str(person.session_id)]
    assert "refresh_digest" not in listed[0]
    ended = await client.post(f"{url}/{person.session_id}/revocation", headers=admin.headers)
    assert (ended.status_code, ended.json()["is_open"]) == (201, False)
    assert ended.json()["revoked_because"] == "administrator"
    forget(state)
    assert (await me(client, person)).status_code == 401
    for query, ids in (("true", [str(second.id)]), ("false", [str(person.session_id)])):
        found = await client.get(f"{url}?is_open={query}", headers=admin.headers)
        assert [one["id"] for one in found.json()["items"]] == ids
    async with nothing_changes(session):
        for wrong, status, code in (
            (person.session_id, 409, "session_ended"),
            (admin.session_id, 404, "session_not_found"),
            (uuid4(), 404, "session_not_found"),
        ):
            refused = await client.post(f"{url}/{wrong}/revocation", headers=admin.headers)
            assert (refused.status_code, refused.json()["code"]) == (status, code)


@pytest.mark.rule("ORG-10")
async def test_nobody_administers_himself(client: httpx.AsyncClient, people: Desk, session: AsyncSession) -> None:
    await people.staff(ADMINISTRATOR)
    admin = await people.staff(ADMINISTRATOR)
    url = f"/v1/people/{admin.id}"
    async with nothing_changes(session):
        for step, body in (
            ("disablement", {"reason": "other"}),
            ("reinstatement", {"reason": "other"}),
            ("password-reset", None),
            ("grants", {"role": "auditor", "level": "company", "reason": "给自己加一个角色"}),
        ):
            refused = await client.post(f"{url}/{step}", json=body, headers=admin.headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "own_account"), step
        patched = await client.patch(url, json={"post": "general_manager"}, headers=admin.headers | {"If-Match": "*"})
        assert (patched.status_code, patched.json()["code"]) == (403, "own_account")


@pytest.mark.rule("ORG-10", "ORG-28")
async def test_an_administrator_of_a_project_reaches_those_who_reach_no_further(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    here, there = await make_org(session, now=clock()), await make_org(session, now=clock(), name="翠湖里")
    local = await people.staff(ADMINISTRATOR, project_id=here.project.id)
    mine = await people.staff("records_clerk", project_id=here.project.id)
    both = await people.staff("records_clerk", project_id=here.project.id)
    borrower = await people.staff("records_clerk", project_id=here.project.id)
    sibling = await people.staff("records_clerk", project_id=there.project.id)
    chief = await people.staff("general_manager")
    firm = await make_firm(session, kind=FirmKind.PROPERTY_COMPANY)
    captain = await people.firm_user("repair_captain", firm_id=firm.id)
    now = clock()
    session.add_all(
        [
            grant_of(both.id, role="auditor", starts_at=now + timedelta(days=30)),
            lent(
                await own_grant(session, chief),
                to=borrower.id,
                starts_at=now + timedelta(days=2),
                ends_at=now + timedelta(days=5),
            ),
        ]
    )
    await session.flush()
    async with nothing_changes(session):
        for person, status in ((both, 403), (borrower, 403), (sibling, 403), (chief, 403), (captain, 404)):
            for step, body in (("password-reset", None), ("disablement", {"reason": "other"})):
                refused = await client.post(f"/v1/people/{person.id}/{step}", json=body, headers=local.headers)
                assert refused.status_code == status, (person.name, step)
            refused = await client.get(f"/v1/people/{person.id}/sessions", headers=local.headers)
            assert refused.status_code == status
        user = {"kind": "firm_user", "username": "new.user", "name": "葛永刚", "post": "repair_worker"}
        refused = await client.post("/v1/people", json=user | {"firm_id": str(firm.id)}, headers=local.headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "out_of_reach")
    assert (await client.post(f"/v1/people/{mine.id}/password-reset", headers=local.headers)).status_code == 201
    made = await client.post("/v1/people", json=LIANG, headers=local.headers)
    assert made.status_code == 201
    granted = await client.post(
        f"/v1/people/{made.json()['id']}/grants",
        json={
            "role": "records_clerk",
            "level": "project",
            "target_id": str(here.project.id),
            "reason": "云栖雅苑新任资料员",
        },
        headers=local.headers,
    )
    assert granted.status_code == 201
    assert await session.scalar(select(func.count()).select_from(Account)) == 8
