"""Groups, tags and consents: who is in what, who may see it, and what owners agree to now."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.people import Actor, Desk
from tests.factories.records import get, names, post, refused, rows

from ownercare_api.core.http.state import AppState
from ownercare_api.owners import consents
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_records import Consent, ConsentChannel, ConsentPurpose
from ownercare_api.timeline.models import Event


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def sibling(session: AsyncSession, clock: FakeClock, org: Org) -> Org:
    return await make_org(session, now=clock(), name="滨江壹号", region=org.region)


@pytest.fixture
async def clerk(people: Desk, org: Org) -> Actor:
    return await people.staff("records_clerk", project_id=org.project.id)


@pytest.fixture
async def owner(session: AsyncSession, state: AppState, org: Org) -> Owner:
    return await make_owner(session, state.keyring, units=[org.units[0]])


def group(**changes: Any) -> dict[str, Any]:
    return {"code": "elderly", "name": "独居老人", "purpose": "每周电话关怀", **changes}


@pytest.mark.rule("OWN-09")
async def test_owners_come_into_groups_and_leave_them(
    client: httpx.AsyncClient,
    session: AsyncSession,
    org: Org,
    sibling: Org,
    clerk: Actor,
    owner: Owner,
    state: AppState,
    people: Desk,
) -> None:
    far = await make_owner(session, state.keyring, name="李四", phone=None, units=[sibling.units[0]])
    near = await make_owner(session, state.keyring, name="赵六", phone=None, units=[org.units[1]])
    made = await post(client, "/v1/owner-groups", clerk, **group(project_id=str(org.project.id)))
    everyone = await people.staff("records_clerk")
    path = f"/v1/owners/{owner.id}/groups"
    joined = await post(client, path, clerk, group_id=made["id"], reason="子女在外地")
    assert (joined["code"], joined["from_date"], joined["assigned_by"]) == ("elderly", "2026-11-20", str(clerk.id))
    assert await names(client, clerk, group_id=made["id"]) == ["王秀英"]
    before = await rows(session)
    assert await refused(client, path, clerk, group_id=made["id"]) == (409, "already_in_group")
    there = await refused(client, f"/v1/owners/{far.id}/groups", everyone, group_id=made["id"])
    assert there == (409, "group_of_other_project")
    assert await refused(client, path, clerk, group_id=str(near.id)) == (404, "owner_group_not_found")
    absent = await client.delete(f"/v1/owners/{near.id}/groups/{made['id']}", headers=clerk.headers)
    assert (absent.status_code, absent.json()["code"]) == (404, "not_in_group")
    assert await rows(session) == before
    assert (await client.delete(f"{path}/{made['id']}", headers=clerk.headers)).status_code == 204
    assert await names(client, clerk, group_id=made["id"]) == []
    (past,) = (await get(client, path, clerk))["items"]
    assert (past["to_date"], past["reason"]) == ("2026-11-20", "子女在外地")
    await post(client, path, clerk, group_id=made["id"])
    assert len((await get(client, path, clerk))["items"]) == 2
    off = {"active": False}
    stopped = await client.patch(f"/v1/owner-groups/{made['id']}", json=off, headers=clerk.headers | {"If-Match": "*"})
    assert (stopped.status_code, stopped.json()["active"]) == (200, False)
    late = await refused(client, f"/v1/owners/{near.id}/groups", clerk, group_id=made["id"])
    assert late == (409, "not_in_use")


@pytest.mark.rule("OWN-09")
async def test_a_group_is_seen_by_the_roles_it_names_within_their_projects(
    client: httpx.AsyncClient,
    session: AsyncSession,
    people: Desk,
    org: Org,
    sibling: Org,
    clerk: Actor,
    owner: Owner,
) -> None:
    boss = await people.staff("customer_service_manager")
    secret = await post(client, "/v1/owner-groups", boss, **group(code="claims", seen_by=["customer_service_manager"]))
    local = await post(client, "/v1/owner-groups", boss, **group(code="local", project_id=str(org.project.id)))
    await post(client, f"/v1/owners/{owner.id}/groups", boss, group_id=secret["id"])
    stranger = await people.staff("records_clerk", project_id=sibling.project.id)

    async def seen(actor: Actor) -> list[str]:
        return [one["code"] for one in (await get(client, "/v1/owner-groups", actor))["items"]]

    assert (await seen(boss), await seen(clerk), await seen(stranger)) == (["local", "claims"], ["local"], [])
    before = await rows(session)
    # Neither by name, nor through the list of owners, nor in the owner's own list.
    assert await names(client, boss, group_id=secret["id"]) == ["王秀英"]
    assert await names(client, clerk, group_id=secret["id"]) == []
    assert (await get(client, f"/v1/owners/{owner.id}/groups", clerk))["items"] == []
    hidden = await client.get(f"/v1/owner-groups/{secret['id']}", headers=clerk.headers)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "owner_group_not_found")
    leave = await client.delete(f"/v1/owners/{owner.id}/groups/{secret['id']}", headers=clerk.headers)
    assert (leave.status_code, leave.json()["code"]) == (404, "not_in_group")
    change = await client.patch(
        f"/v1/owner-groups/{local['id']}", json={"name": "x"}, headers=stranger.headers | {"If-Match": "*"}
    )
    assert (change.status_code, change.json()["code"]) == (404, "owner_group_not_found")
    assert await refused(client, "/v1/owner-groups", clerk, **group(code="wide")) == (403, "out_of_reach")
    assert await refused(client, "/v1/owner-groups", boss, **group(code="local")) == (409, "owner_code_taken")
    unknown = await refused(client, "/v1/owner-groups", boss, **group(code="x", seen_by=["nobody"]))
    assert unknown == (422, "role_unknown")
    assert await rows(session) == before


@pytest.mark.rule("OWN-09")
async def test_tags_come_from_one_list(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, clerk: Actor, owner: Owner
) -> None:
    boss = await people.staff("customer_service_manager")
    assert await refused(client, "/v1/owner-tags", clerk, code="pets", name="家有宠物") == (403, "out_of_reach")
    tag = await post(client, "/v1/owner-tags", boss, code="pets", name="家有宠物")
    path = f"/v1/owners/{owner.id}/tags"
    given = await post(client, path, clerk, tag_id=tag["id"])
    assert given == {"items": [{"id": tag["id"], "code": "pets", "name": "家有宠物"}]}
    assert await names(client, clerk, tag="pets") == ["王秀英"]
    assert await names(client, clerk, tag="cats") == []
    before = await rows(session)
    assert await refused(client, path, clerk, tag_id=tag["id"]) == (409, "already_in_group")
    assert await refused(client, path, clerk, tag_id=str(owner.id)) == (404, "owner_tag_not_found")
    assert await refused(client, "/v1/owner-tags", boss, code="pets", name="x") == (409, "owner_code_taken")
    assert await rows(session) == before
    assert (await client.delete(f"{path}/{tag['id']}", headers=clerk.headers)).status_code == 204
    assert (await get(client, path, clerk)) == {"items": []}
    off = await client.patch(
        f"/v1/owner-tags/{tag['id']}", json={"active": False}, headers=boss.headers | {"If-Match": "*"}
    )
    assert off.json()["active"] is False
    assert await refused(client, path, clerk, tag_id=tag["id"]) == (409, "not_in_use")
    kinds = list(await session.scalars(select(Event.kind).where(Event.subject_id == owner.id).order_by(Event.seq)))
    assert kinds == ["owner.tagged", "owner.untagged"]


@pytest.mark.rule("OWN-07")
async def test_a_consent_holds_until_it_is_withdrawn_and_both_stay_on_record(
    client: httpx.AsyncClient,
    session: AsyncSession,
    clerk: Actor,
    owner: Owner,
    clock: FakeClock,
) -> None:
    path = f"/v1/owners/{owner.id}/consents"
    surveys = ConsentPurpose.SATISFACTION_SURVEYS

    async def holds() -> bool:
        return await consents.holds(session, owner_id=owner.id, purpose=surveys)

    assert await holds() is False
    given = {"purpose": "satisfaction_surveys", "channel": "paper_form", "text_version": "2026-01"}
    now = await post(client, path, clerk, **given, at="2026-11-01T10:00:00+08:00")
    states = {one["purpose"]: (one["given"], one["since"]) for one in now["items"]}
    assert states["satisfaction_surveys"] == (True, "2026-11-01T02:00:00Z")
    assert states["marketing"] == (False, None)
    assert await holds() is True
    assert await names(client, clerk, consents_to="satisfaction_surveys") == ["王秀英"]
    assert await names(client, clerk, consents_to="marketing") == []
    before = await rows(session)
    future = (clock() + timedelta(seconds=1)).isoformat()
    assert await refused(client, path, clerk, **given, at=future) == (422, "consent_in_future")
    assert await rows(session) == before
    await post(client, f"{path}/withdrawal", clerk, purpose="satisfaction_surveys", channel="phone", note="来电")
    assert await holds() is False
    assert await names(client, clerk, consents_to="satisfaction_surveys") == []
    # A form from before the withdrawal that turns up later does not bring the consent back.
    await post(client, path, clerk, **given, at="2026-11-19T10:00:00+08:00")
    assert await holds() is False
    clock.forward(hours=1)
    await post(client, path, clerk, **given)
    assert await holds() is True
    history = (await get(client, f"{path}/history", clerk))["items"]
    assert [one["given"] for one in history] == [True, True, False, True]
    assert history[2]["note"] == "来电"


async def test_only_who_may_maintain_records_consents(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, sibling: Org, owner: Owner
) -> None:
    stranger = await people.staff("records_clerk", project_id=sibling.project.id)
    looker = await people.staff("finance_officer", project_id=org.project.id)
    path = f"/v1/owners/{owner.id}/consents"
    before = await rows(session)
    body = {"purpose": "marketing", "channel": "phone"}
    assert await refused(client, f"{path}/withdrawal", stranger, **body) == (404, "owner_not_found")
    assert await refused(client, f"{path}/withdrawal", looker, **body) == (403, "missing_scope")
    assert await refused(client, path, stranger, **body, text_version="1") == (404, "owner_not_found")
    assert await rows(session) == before
    purposes = (await get(client, "/v1/consent-purposes", looker))["items"]
    assert {one["purpose"] for one in purposes} == {one.value for one in ConsentPurpose}


words = st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(1, 3)), min_size=1, max_size=6)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=words)
async def test_the_latest_word_counts_whatever_the_order_of_writing(
    session: AsyncSession, people: Desk, owner: Owner, clock: FakeClock, said: list[tuple[bool, int, int]]
) -> None:
    """Withdrawals count from when they are recorded; consents from when they were given, hours before that."""
    actor = await people.staff("records_clerk")
    assert actor.principal is not None
    purpose = ConsentPurpose.EVENTS
    latest: tuple[datetime, int, bool] | None = None
    for place, (given_, hours_ago, pause) in enumerate(said):
        clock.forward(hours=pause)
        now = clock()
        if given_:
            at = now - timedelta(hours=hours_ago)
            await consents.give(
                session, owner_id=owner.id, purpose=purpose, at=at, channel=ConsentChannel.PHONE, text_version="1",
                evidence_file_id=None, note=None, principal=actor.principal, now=now,
            )  # fmt: skip
        else:
            at = now
            await consents.withdraw(
                session, owner_id=owner.id, purpose=purpose, channel=ConsentChannel.PHONE, evidence_file_id=None,
                note=None, principal=actor.principal, now=now,
            )  # fmt: skip
        if latest is None or (at, place) >= latest[:2]:
            latest = (at, place, given_)
    assert latest is not None
    assert await consents.holds(session, owner_id=owner.id, purpose=purpose) is latest[2]
    await session.execute(delete(Consent))
