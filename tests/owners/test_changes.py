"""OWN-05 in two steps: entered, verified by another person, then applied; old and new kept; information audits."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.people import Actor, Desk
from tests.factories.records import enter_change, get, post, refused, rows

from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Grant, Principal, PrincipalKind, Reach
from ownercare_api.owners import changes, changes_steps
from ownercare_api.owners.changes import FORMER, SUBMITTED
from ownercare_api.owners.lifecycle import NotYourChange, OwnChange
from ownercare_api.owners.models import Owner, OwnerPhone
from ownercare_api.owners.models_changes import OwnerChange, Verification
from ownercare_api.timeline.models import Event

OLD = "330106198503078528"
ADDRESS = "临澜市滨江区江晖路 12 号 2 幢 501 室"
PATH = "/v1/owner-change-requests"


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def clerk(people: Desk, org: Org) -> Actor:
    return await people.staff("records_clerk", project_id=org.project.id)


@pytest.fixture
async def checker(people: Desk, org: Org) -> Actor:
    return await people.staff("customer_relations_specialist", project_id=org.project.id)


@pytest.fixture
async def owner(session: AsyncSession, state: AppState, org: Org) -> Owner:
    return await make_owner(session, state.keyring, units=[org.units[0]], document_number=OLD)


async def step(client: httpx.AsyncClient, actor: Actor, made: dict[str, Any], name: str, **body: Any) -> dict[str, Any]:
    return await post(client, f"{PATH}/{made['id']}/{name}", actor, **body)


@pytest.mark.rule("OWN-05")
async def test_a_change_is_verified_by_another_person_and_then_applied(
    client: httpx.AsyncClient,
    session: AsyncSession,
    clerk: Actor,
    checker: Actor,
    owner: Owner,
    state: AppState,
) -> None:
    wanted = {
        "name": "王秀瑛",
        "home_address": ADDRESS,
        "add_phones": [{"number": "139 1234 5678", "label": "新号码"}],
        "primary_phone": "139 1234 5678",
    }
    made = await enter_change(client, clerk, owner_id=owner.id, changes=wanted)
    assert (made["number"], made["status"]) == ("BG-20261120-0001", "submitted")
    assert made["fields"] == ["name", "home_address", "add_phones", "primary_phone"]
    assert made["submitted"] == {
        "name": "王秀瑛",
        "home_address": "******",
        "add_phones": [{"number": "139****5678", "label": "新号码"}],
        "primary_phone": "139****5678",
    }
    assert made["former"]["name"] == "王秀英"
    assert made["former"]["home_address"] is None
    assert [one["number"] for one in made["former"]["add_phones"]] == ["138****1234"]
    assert made["allowed_actions"] == ["withdrawal"]
    stored = (await session.execute(text("SELECT owner_change::text FROM owner_change"))).scalar_one()
    assert not [one for one in ("13912345678", "江晖路", "13812341234") if one in stored]
    shown = await get(client, f"{PATH}/{made['id']}", checker)
    assert shown["allowed_actions"] == ["verification", "rejection", "withdrawal"]
    before = await rows(session)
    early = await refused(client, f"{PATH}/{made['id']}/application", clerk)
    assert early == (409, "wrong_status")
    assert await rows(session) == before
    assert (await session.get_one(Owner, owner.id, populate_existing=True)).name == "王秀英"
    verified = await step(client, checker, made, "verification", verification="called_back", note="本人确认")
    assert (verified["status"], verified["verified_by"]) == ("verified", str(checker.id))
    assert (await session.get_one(Owner, owner.id, populate_existing=True)).name == "王秀英"
    applied = await step(client, clerk, made, "application")
    assert (applied["status"], applied["ended_by"], applied["allowed_actions"]) == ("applied", str(clerk.id), [])
    record = await get(client, f"/v1/owners/{owner.id}", clerk)
    assert (record["name"], record["home_address_recorded"]) == ("王秀瑛", True)
    assert [(one["number_masked"], one["is_primary"]) for one in record["phones"]] == [
        ("139****5678", True),
        ("138****1234", False),
    ]
    assert (await session.get_one(Owner, owner.id, populate_existing=True)).name_sort == "wang xiu ying"
    # Old and new are kept.
    kept = await session.get_one(OwnerChange, UUID(made["id"]))
    former = json.loads(state.keyring.decrypt(kept.former_encrypted, column=FORMER))
    submitted = json.loads(state.keyring.decrypt(kept.submitted_encrypted, column=SUBMITTED))
    assert (former["name"], former["primary_phone"][0]["number"]) == ("王秀英", "+8613812341234")
    assert (submitted["home_address"], submitted["primary_phone"]) == (ADDRESS, "+8613912345678")
    kinds = list(
        await session.scalars(select(Event.kind).where(Event.subject_kind == "owner_change").order_by(Event.seq))
    )
    assert kinds == ["owner_change.submitted", "owner_change.verified", "owner_change.applied"]


@pytest.mark.rule("OWN-05")
async def test_a_new_document_brings_sex_and_birth_date_and_belongs_to_one_person(
    client: httpx.AsyncClient,
    session: AsyncSession,
    clerk: Actor,
    checker: Actor,
    owner: Owner,
    org: Org,
    state: AppState,
) -> None:
    document = {"kind": "resident_id", "number": "110105199001010010"}
    made = await enter_change(client, clerk, owner_id=owner.id, changes={"document": document})
    assert made["fields"] == ["document", "sex", "birth_date"]
    assert made["submitted"] == {
        "document": {"kind": "resident_id", "number": "1****************0"},
        "sex": "male",
        "birth_date": "1990-01-01",
    }
    await step(client, checker, made, "verification", verification="saw_document")
    twin = await make_owner(
        session, state.keyring, name="李四", phone=None, units=[org.units[1]], document_number="110105199001010010"
    )
    before = await rows(session)
    taken = await client.post(f"{PATH}/{made['id']}/application", headers=clerk.headers)
    assert (taken.status_code, taken.json()["code"]) == (409, "owner_exists")
    assert taken.headers["location"] == f"/v1/owners/{twin.id}"
    body = {"owner_id": str(owner.id), "channel": "phone"}
    for change, status, code in (
        ({"document": document}, 409, "owner_exists"),
        ({"document": {"kind": "resident_id", "number": "110105199001010011"}}, 422, "invalid_document"),
        ({"sex": "male"}, 422, "document_mismatch"),
        ({"birth_date": "1999-01-01"}, 422, "document_mismatch"),
        ({"name": "王秀英"}, 422, "nothing_changes"),
        ({}, 422, "nothing_changes"),
        ({"add_phones": [{"number": "13812341234"}]}, 409, "phone_known"),
        ({"remove_phones": [str(org.project.id)]}, 404, "phone_not_found"),
        ({"primary_phone": "13700000000"}, 404, "phone_not_found"),
        ({"name": None}, 422, "validation_failed"),
        ({"nickname": "x"}, 422, "validation_failed"),
    ):
        assert await refused(client, PATH, clerk, **body, changes=change) == (status, code), change
    primary = await session.scalar(select(OwnerPhone.id).where(OwnerPhone.owner_id == owner.id))
    stays = await refused(client, PATH, clerk, **body, changes={"remove_phones": [str(primary)]})
    assert stays == (409, "primary_phone")
    assert await rows(session) == before


@pytest.mark.rule("OWN-05")
async def test_nobody_verifies_what_he_entered_whatever_authority_he_has_or_lends(
    client: httpx.AsyncClient,
    session: AsyncSession,
    people: Desk,
    org: Org,
    owner: Owner,
    state: AppState,
    clock: FakeClock,
) -> None:
    both = await people.staff("customer_relations_specialist", "customer_service_manager", project_id=org.project.id)
    made = await enter_change(client, both, owner_id=owner.id, changes={"name": "王秀瑛"})
    machine = await people.machine("owners:verify", "owners:read")
    before = await rows(session)
    assert made["allowed_actions"] == ["withdrawal"]
    for name, body in (("verification", {"verification": "called_back"}), ("rejection", {"reason": "x"})):
        own = await refused(client, f"{PATH}/{made['id']}/{name}", both, **body)
        assert own == (403, "own_change"), name
        robot = await refused(client, f"{PATH}/{made['id']}/{name}", machine, **body)
        assert robot == (403, "employee_required"), name
    assert await rows(session) == before
    # Authority that the maker lent leads nowhere, and neither does authority lent to the maker.
    reach = Reach(projects=frozenset({org.project.id}))
    scopes = frozenset({"owners:read", "owners:verify"})
    deputy = Principal(
        kind=PrincipalKind.STAFF, id=uuid7(), name="代理", grants=(Grant("x", scopes, reach, lent_by=both.id),)
    )
    for one in (
        deputy,
        Principal(kind=PrincipalKind.STAFF, id=both.id, name="甲", grants=(Grant("x", scopes, reach),)),
    ):
        with pytest.raises(OwnChange):
            await changes_steps.verify(
                session, change_id=UUID(made["id"]), verification=Verification.CALLED_BACK, note=None, principal=one,
                now=clock(),
            )  # fmt: skip
    # What a third person lent is good, and the event says for whom the deputy acted.
    lender = uuid7()
    honest = Principal(
        kind=PrincipalKind.STAFF, id=uuid7(), name="代理", grants=(Grant("x", scopes, reach, lent_by=lender),)
    )
    await changes_steps.verify(
        session, change_id=UUID(made["id"]), verification=Verification.CALLED_BACK, note=None, principal=honest,
        now=clock(),
    )  # fmt: skip
    data = await session.scalar(select(Event.data).where(Event.kind == "owner_change.verified"))
    assert data is not None
    assert data["on_behalf_of"] == [str(lender)]


@pytest.mark.rule("OWN-05")
async def test_a_record_that_changed_meanwhile_refuses_the_old_request(
    client: httpx.AsyncClient, session: AsyncSession, clerk: Actor, checker: Actor, owner: Owner
) -> None:
    first = await enter_change(client, clerk, owner_id=owner.id, changes={"name": "王秀瑛"})
    second = await enter_change(client, clerk, owner_id=owner.id, changes={"name": "王绣英"})
    other = await enter_change(client, clerk, owner_id=owner.id, changes={"home_address": ADDRESS})
    for made in (first, second, other):
        await step(client, checker, made, "verification", verification="met_in_person")
    await step(client, clerk, first, "application")
    before = await rows(session)
    assert await refused(client, f"{PATH}/{second['id']}/application", clerk) == (409, "record_changed")
    assert await rows(session) == before
    await step(client, clerk, other, "application")  # about another field: nothing it compares with has changed
    gone = await step(client, checker, second, "rejection", reason="姓名已另行变更")
    assert (gone["status"], gone["reason"]) == ("rejected", "姓名已另行变更")
    assert await refused(client, f"{PATH}/{second['id']}/withdrawal", clerk, reason="x") == (409, "wrong_status")
    listed = await get(client, PATH, clerk, status="applied")
    assert [one["number"] for one in listed["items"]] == [other["number"], first["number"]]


async def test_requests_of_a_sibling_project_are_out_of_sight(
    client: httpx.AsyncClient,
    session: AsyncSession,
    people: Desk,
    org: Org,
    clerk: Actor,
    owner: Owner,
    clock: FakeClock,
) -> None:
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    stranger = await people.staff("customer_service_manager", project_id=sibling.project.id)
    looker = await people.staff("finance_officer", project_id=org.project.id)
    made = await enter_change(client, clerk, owner_id=owner.id, changes={"name": "王秀瑛"})
    before = await rows(session)
    path = f"{PATH}/{made['id']}"
    hidden = await client.get(path, headers=stranger.headers)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "owner_change_not_found")
    assert (await get(client, PATH, stranger))["items"] == []
    for name, body in (
        ("verification", {"verification": "called_back"}),
        ("application", {}),
        ("rejection", {"reason": "x"}),
        ("withdrawal", {"reason": "x"}),
    ):
        answer = await refused(client, f"{path}/{name}", stranger, **body)
        assert answer == (404, "owner_change_not_found"), name
        assert await refused(client, f"{path}/{name}", looker, **body) == (403, "missing_scope"), name
    far = await refused(client, PATH, stranger, owner_id=str(owner.id), changes={"name": "x"}, channel="phone")
    assert far == (404, "owner_not_found")
    assert await rows(session) == before


@pytest.mark.rule("OWN-05")
async def test_an_owner_files_a_change_himself_and_withdraws_only_his_own(
    session: AsyncSession, owner: Owner, org: Org, state: AppState, clock: FakeClock, clerk: Actor
) -> None:
    def self_of(account: UUID) -> Principal:
        grants = (Grant("owner", frozenset({"my:read", "my:write"}), Reach()),)
        return Principal(kind=PrincipalKind.OWNER, id=account, name="业主", grants=grants, owner_id=owner.id)

    himself = self_of(uuid7())
    made = await changes.submit_own(
        session, changes={"home_address": ADDRESS}, note=None, evidence_file_ids=[], keyring=state.keyring,
        principal=himself, now=clock(),
    )  # fmt: skip
    assert (made.channel.value, made.entered_by_kind, made.owner_id) == ("portal", "owner", owner.id)
    with pytest.raises(NotYourChange):
        await changes_steps.withdraw(session, change_id=made.id, reason="x", principal=self_of(uuid7()), now=clock())
    done = await changes_steps.withdraw(session, change_id=made.id, reason="填错了", principal=himself, now=clock())
    assert done.status.value == "withdrawn"
    stranger = await make_owner(session, state.keyring, name="李四", phone=None, units=[org.units[1]])
    other = Principal(kind=PrincipalKind.OWNER, id=uuid7(), name="业主", grants=(), owner_id=stranger.id)
    with pytest.raises(changes_steps.ChangeNotFound):
        await changes_steps.withdraw(session, change_id=made.id, reason="x", principal=other, now=clock())


@pytest.mark.rule("OWN-06")
async def test_records_are_due_for_an_audit_after_the_policys_interval(
    client: httpx.AsyncClient,
    session: AsyncSession,
    org: Org,
    clerk: Actor,
    checker: Actor,
    owner: Owner,
    clock: FakeClock,
    state: AppState,
) -> None:
    due = "/v1/information-audits/due"

    async def names() -> list[tuple[str, str]]:
        found = (await get(client, due, clerk, project_id=str(org.project.id)))["items"]
        return [(one["owner"]["name"], one["due_on"]) for one in found]

    owner.created_at = clock() - timedelta(days=180)
    young = await make_owner(session, state.keyring, name="李四", phone=None, units=[org.units[1]])
    young.created_at = clock() - timedelta(days=179)
    await session.flush()
    assert await names() == [("王秀英", "2026-11-20")]
    body = {"owner_id": str(owner.id), "checked_fields": ["name", "phones"], "method": "called_back"}
    missed = await post(client, "/v1/information-audits", checker, **body, outcome="unreachable")
    assert (missed["next_due_on"], await names()) == ("2026-11-20", [("王秀英", "2026-11-20")])
    change = await enter_change(client, clerk, owner_id=owner.id, changes={"name": "王秀瑛"}, channel="audit")
    before = await rows(session)
    for wrong, code in (
        ({"outcome": "corrected"}, "validation_failed"),
        ({"outcome": "accurate", "change_request_id": change["id"]}, "validation_failed"),
        ({"outcome": "corrected", "change_request_id": str(owner.id)}, "change_not_about_owner"),
    ):
        assert await refused(client, "/v1/information-audits", checker, **body, **wrong) == (422, code)
    assert await rows(session) == before
    done = await post(
        client, "/v1/information-audits", checker, **body, outcome="corrected", change_request_id=change["id"]
    )
    assert (done["next_due_on"], done["change_request_id"]) == ("2027-05-19", change["id"])
    assert await names() == []
    assert (await get(client, f"/v1/owners/{owner.id}", clerk))["checked_on"] == "2026-11-20"
    clock.forward(days=1)
    assert await names() == [("李四", "2026-11-21")]
    kept = (await get(client, "/v1/information-audits", clerk, owner_id=str(owner.id)))["items"]
    assert [one["outcome"] for one in kept] == ["corrected", "unreachable"]
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    far = await client.get(due, params={"project_id": str(sibling.project.id)}, headers=clerk.headers)
    assert (far.status_code, far.json()["code"]) == (403, "out_of_reach")
