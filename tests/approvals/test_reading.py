"""The in-tray and the single request: filters, sight, what may be decided, number of statements."""

from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.approvals.conftest import Heard
from tests.approvals.test_decisions import decide
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.approvals import make_request
from tests.factories.org import Org, make_org
from tests.factories.people import Desk

from ownercare_api.approvals.models import Approval

TIERS = ("customer_service_manager", "deputy_chief_engineer", "deputy_general_manager", "general_manager")


async def listed(client: httpx.AsyncClient, headers: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    answer = await client.get("/v1/approvals", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def three(session: AsyncSession, org: Org, clock: FakeClock) -> list[Approval]:
    """One request of each tier."""
    return [
        await make_request(session, org=org, now=clock(), amount_fen=amount)
        for amount in (200_000, 2_000_000, 2_000_001)
    ]


@pytest.mark.rule("FIN-02")
async def test_one_request_says_why_it_goes_where_it_goes(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock
) -> None:
    asked = await make_request(session, org=org, now=clock(), amount_fen=150_000, total_fen=210_000)
    engineer = await people.staff("deputy_chief_engineer")
    answer = await client.get(f"/v1/approvals/{asked.id}", headers=engineer.headers)
    assert answer.status_code == 200
    body = answer.json()
    assert body["route"] == {
        "rule": "FIN-02",
        "policy_key": "approval.deputy_general_manager_max_fen",
        "value_fen": 2_000_000,
        "source": org.snapshot.sources["approval.deputy_general_manager_max_fen"],
        "policy_snapshot_id": str(org.snapshot.id),
    }
    assert (body["amount_fen"], body["total_fen"], body["turn"]) == (150_000, 210_000, "deputy_chief_engineer")
    assert body["allowed_actions"] == ["decisions"]
    assert body["deadlines"][0]["why"] == f"/v1/deadlines/{body['deadlines'][0]['id']}"
    same = await client.get(
        f"/v1/approvals/{asked.id}", headers={**engineer.headers, "If-None-Match": answer.headers["etag"]}
    )
    assert same.status_code == 304


@pytest.mark.rule("FIN-03")
async def test_an_unset_limit_is_the_factory_s(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    org = await make_org(session, now=clock(), values={})
    asked = await make_request(session, org=org, now=clock(), amount_fen=1)
    boss = await people.staff("general_manager")
    body = (await client.get(f"/v1/approvals/{asked.id}", headers=boss.headers)).json()
    assert (body["route"]["rule"], body["route"]["value_fen"], body["route"]["source"]) == ("FIN-03", None, "factory")
    snapshot = await client.get(f"/v1/policy-snapshots/{body['route']['policy_snapshot_id']}", headers=boss.headers)
    assert snapshot.json()["values"]["approval.department_manager_max_fen"] is None


@pytest.mark.rule("ORG-28")
async def test_only_the_own_projects_are_seen(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock
) -> None:
    other = await make_org(session, now=clock(), name="湖畔里")
    here = await make_request(session, org=org, now=clock())
    there = await make_request(session, org=other, now=clock())
    manager = await people.staff("customer_service_manager", project_id=org.project.id)
    assert [item["id"] for item in await listed(client, manager.headers)] == [str(here.id)]
    assert await listed(client, manager.headers, project_id=other.project.id) == []
    for hidden in (there.id, other.project.id):
        answer = await client.get(f"/v1/approvals/{hidden}", headers=manager.headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "approval_not_found")
    of_region = await people.staff("customer_service_manager", region_id=other.region.id)
    assert [item["id"] for item in await listed(client, of_region.headers)] == [str(there.id)]
    counted = await client.get("/v1/approvals?include_total=true", headers=manager.headers)
    assert counted.json()["total"] == 1
    refused = await client.get("/v1/approvals", headers=(await people.staff("repair_worker")).headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")


@pytest.mark.rule("FIN-02")
async def test_the_filters(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock, heard: Heard
) -> None:
    small, middle, large = await three(session, org, clock)
    supplement = await make_request(session, org=org, now=clock(), subject_kind="final_account")
    staff = {role: await people.staff(role) for role in TIERS}
    look = staff["general_manager"].headers

    async def found(**query: Any) -> list[str]:
        return [item["id"] for item in await listed(client, look, **query)]

    assert await found() == [str(one.id) for one in (supplement, large, middle, small)]
    assert await found(tier="deputy_chief_engineer") == [str(middle.id)]
    assert await found(tier="deputy_general_manager") == []
    assert await found(subject_kind="final_account") == [str(supplement.id)]
    assert await found(project_id=org.project.id, tier="department_manager") == [str(supplement.id), str(small.id)]
    assert await found(ticket_id=org.project.id) == []
    await decide(client, middle.id, staff["deputy_chief_engineer"])
    await decide(client, small.id, staff["customer_service_manager"])
    assert await found(tier="deputy_general_manager") == [str(middle.id)]
    assert await found(tier="department_manager") == [str(supplement.id)]
    assert await found(status="approved") == [str(small.id)]
    assert await found(status="pending") == [str(supplement.id), str(large.id), str(middle.id)]
    for wrong in ({"tier": "caretaker"}, {"status": "open"}, {"ticket_id": "7"}, {"mine": "perhaps"}, {"cursor": "x"}):
        assert (await client.get("/v1/approvals", params=wrong, headers=look)).status_code == 422


@pytest.mark.rule("FIN-01")
async def test_mine_is_what_the_answer_says_i_may_do(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock, heard: Heard
) -> None:
    other = await make_org(session, now=clock(), name="湖畔里")
    both = await people.staff("deputy_chief_engineer", "deputy_general_manager")
    staff = [await people.staff(role) for role in TIERS]
    staff += [await people.staff(role, project_id=org.project.id) for role in TIERS]
    staff += [both, await people.staff("auditor"), await people.staff("deputy_general_manager", "general_manager")]
    for place in (org, other):
        requests = await three(session, place, clock)
        requests += await three(session, place, clock)
        await decide(client, requests[1].id, both)
        await decide(client, requests[0].id, staff[0])
        await make_request(session, org=place, now=clock(), makers={staff[0].id: "estimated"})
        await make_request(session, org=place, now=clock(), amount_fen=900_000, actor=both.principal)
    sizes = []
    for actor in staff:
        everything = await listed(client, actor.headers)
        mine = await listed(client, actor.headers, mine=True)
        assert [item["id"] for item in mine] == [item["id"] for item in everything if item["allowed_actions"]]
        sizes.append(len(mine))
    # Small ones: one of two is decided, and one is the manager's own work. Middle ones: one of three waits for the
    # deputy general manager. Large ones: two. Twice, for two projects.
    assert sizes == [2, 4, 2, 4, 2, 2, 1, 2, 2, 0, 6]


async def test_a_list_is_two_statements_and_one_request_too(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock, queries: QueryRecorder
) -> None:
    boss = await people.staff("general_manager")
    for _ in range(4):
        await three(session, org, clock)
    asked = await make_request(session, org=org, now=clock())
    headers = boss.headers
    await client.get(f"/v1/approvals/{asked.id}", headers=headers)  # the caller and the snapshot are known from now on
    with queries:
        page = await client.get("/v1/approvals?limit=5", headers=headers)
    assert (len(page.json()["items"]), queries.count) == (5, 2)
    assert page.headers["link"].endswith('; rel="next"')
    with queries:
        await client.get(f"/v1/approvals/{asked.id}", headers=headers)
    assert queries.count == 2
    seen, cursor = [item["id"] for item in page.json()["items"]], page.json()["next_cursor"]
    while cursor:
        page = await client.get("/v1/approvals", params={"limit": 5, "cursor": cursor}, headers=headers)
        seen += [item["id"] for item in page.json()["items"]]
        cursor = page.json()["next_cursor"]
    assert len(seen) == len(set(seen)) == 13
    assert seen == sorted(seen, reverse=True)
