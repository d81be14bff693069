"""Repair teams and workers: captain, service area, trades, who can do a job."""

from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.contractors import PropertyCompany, make_contractor, make_firm, make_property_company
from tests.factories.org import Org, make_org
from tests.factories.people import Actor, Desk

from ownercare_api.contractors import service
from ownercare_api.contractors.models import FirmKind, RepairTeam, RepairWorker
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.models import Account
from ownercare_api.properties.parts import Trade
from ownercare_api.timeline.models import Event


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def company(session: AsyncSession, people: Desk, org: Org) -> PropertyCompany:
    return await make_property_company(session, org, people)


@pytest.fixture
async def engineer(people: Desk, org: Org) -> Actor:
    return await people.staff("engineering_material_engineer", project_id=org.project.id)


async def counts(session: AsyncSession) -> tuple[int, ...]:
    tables = (Event, RepairTeam, RepairWorker)
    return tuple([int((await session.execute(select(func.count()).select_from(one))).scalar_one()) for one in tables])


async def items(client: httpx.AsyncClient, actor: Actor, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(path, params=query, headers=actor.headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


@pytest.mark.rule("ORG-23")
async def test_a_team_is_formed_under_a_property_company(
    client: httpx.AsyncClient,
    session: AsyncSession,
    people: Desk,
    org: Org,
    company: PropertyCompany,
    engineer: Actor,
    clock: FakeClock,
) -> None:
    captain = await people.firm_user("repair_captain", firm_id=company.firm.id, name="周队长")
    body = {
        "firm_id": str(company.firm.id),
        "name": "云栖雅苑客户服务维修二队",
        "captain_id": str(captain.id),
        "project_ids": [str(org.project.id)],
    }
    made = await client.post("/v1/repair-teams", json=body, headers=engineer.headers)
    assert made.status_code == 201, made.text
    assert made.json()["captain"] == {"id": str(captain.id), "name": "周队长"}
    assert made.json()["project_ids"] == [str(org.project.id)]
    assert made.json()["workers"] == []
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    builder = await make_firm(session, kind=FirmKind.CONTRACTOR)
    elsewhere = await make_property_company(session, sibling, people)
    gone = await people.firm_user("repair_captain", firm_id=company.firm.id)
    (await session.get_one(Account, gone.id)).disabled_at = clock()
    await session.flush()
    before = await counts(session)
    for wrong, status, code in (
        ({}, 409, "partner_name_taken"),
        ({"name": "三队", "captain_id": str(elsewhere.captain.id)}, 422, "not_of_firm"),
        ({"name": "三队", "captain_id": str(gone.id)}, 422, "not_of_firm"),
        ({"name": "三队", "captain_id": str(engineer.id)}, 422, "not_of_firm"),
        ({"name": "三队", "firm_id": str(builder.id)}, 422, "wrong_firm_kind"),
        ({"name": "三队", "firm_id": str(uuid7())}, 404, "firm_not_found"),
        (
            {"name": "三队", "firm_id": str(elsewhere.firm.id), "captain_id": str(elsewhere.captain.id)},
            422,
            "firm_not_serving",
        ),
        ({"name": "三队", "project_ids": [str(sibling.project.id)]}, 403, "out_of_reach"),
        ({"name": "三队", "project_ids": [str(uuid7())]}, 404, "project_not_found"),
    ):
        refused = await client.post("/v1/repair-teams", json=body | wrong, headers=engineer.headers)
        assert (refused.status_code, refused.json()["code"]) == (status, code), wrong
    assert await counts(session) == before


@pytest.mark.rule("REP-14")
async def test_workers_are_entered_found_and_changed(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, company: PropertyCompany, engineer: Actor, people: Desk
) -> None:
    body = {
        "team_id": str(company.team.id),
        "name": "李德胜",
        "trades": ["electrics", "hvac"],
        "skill_level": 5,
        "experience_years": 20,
    }
    made = await client.post("/v1/repair-workers", json=body, headers=engineer.headers)
    assert made.status_code == 201, made.text
    path = made.headers["location"]
    read = await client.get(path, headers=engineer.headers)
    assert read.json() == made.json()
    assert read.json()["trades"] == ["electrics", "hvac"]
    for query, names in (
        ({"trade": "hvac"}, ["李德胜"]),
        ({"trade": "tiling"}, ["维修工1"]),
        ({"skill_level_min": 4}, ["李德胜"]),
        ({"skill_level_min": 3, "project_id": str(org.project.id)}, ["李德胜", "维修工2", "维修工1"]),
        ({"trade": "masonry"}, []),
        ({"active": False}, []),
    ):
        assert [one["name"] for one in await items(client, engineer, "/v1/repair-workers", **query)] == names, query
    tag = {"If-Match": read.headers["etag"]}
    idle = await client.patch(path, json={"active": False, "trades": ["hvac"]}, headers=engineer.headers | tag)
    assert (idle.status_code, idle.json()["active"], idle.json()["trades"]) == (200, False, ["hvac"])
    before = await counts(session)
    fresh = {"If-Match": idle.headers["etag"]}
    wrongs: list[dict[str, Any]] = [
        {"trades": []},
        {"trades": ["hvac", "hvac"]},
        {"trades": ["alchemy"]},
        {"skill_level": 6},
        {"name": None},
    ]
    for wrong in wrongs:
        refused = await client.patch(path, json=wrong, headers=engineer.headers | fresh)
        assert refused.status_code == 422, wrong
    stranger = await people.staff("records_clerk")
    not_theirs = await client.post(
        "/v1/repair-workers", json=body | {"account_id": str(stranger.id)}, headers=engineer.headers
    )
    assert (not_theirs.status_code, not_theirs.json()["code"]) == (422, "not_of_firm")
    assert await counts(session) == before


async def test_teams_are_seen_by_their_project_and_their_firm_only(
    client: httpx.AsyncClient,
    session: AsyncSession,
    people: Desk,
    org: Org,
    company: PropertyCompany,
    engineer: Actor,
    clock: FakeClock,
    queries: QueryRecorder,
) -> None:
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    hidden = await make_property_company(session, sibling, people)
    for caller in (engineer, company.captain):
        with queries:
            rows = await items(client, caller, "/v1/repair-teams")
        assert [one["id"] for one in rows] == [str(company.team.id)]
        assert len(await items(client, caller, "/v1/repair-workers")) == 2
        answer = await client.get(f"/v1/repair-teams/{hidden.team.id}", headers=caller.headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "team_not_found")
        worker = await client.get(f"/v1/repair-workers/{hidden.workers[0].id}", headers=caller.headers)
        assert (worker.status_code, worker.json()["code"]) == (404, "worker_not_found")
    with queries:
        await items(client, engineer, "/v1/repair-teams")
    assert queries.count == 1
    with queries:
        team = await client.get(f"/v1/repair-teams/{company.team.id}", headers=engineer.headers)
    assert queries.count == 2
    assert [one["name"] for one in team.json()["workers"]] == ["维修工1", "维修工2"]
    assert [one["id"] for one in await items(client, engineer, "/v1/repair-teams", trade="plumbing")] == [
        str(company.team.id)
    ]
    assert await items(client, engineer, "/v1/repair-teams", trade="hvac") == []
    before = await counts(session)
    refused = await client.patch(
        f"/v1/repair-workers/{hidden.workers[0].id}",
        json={"active": False},
        headers=engineer.headers | {"If-Match": "*"},
    )
    assert (refused.status_code, refused.json()["code"]) == (404, "worker_not_found")
    assert await counts(session) == before


async def test_the_services_name_teams_workers_and_companies_of_a_project(
    session: AsyncSession, people: Desk, org: Org, company: PropertyCompany, clock: FakeClock
) -> None:
    project = org.project.id
    second = await make_property_company(session, org, people)
    assert [one.id for one in await service.teams_serving(session, project_id=project)] == [
        company.team.id,
        second.team.id,
    ]
    team = await service.team_for(session, project_id=project)
    assert team is not None
    assert (team.id, team.captain_id, team.firm_id) == (company.team.id, company.captain.id, company.firm.id)
    both = [Trade.WATERPROOFING, Trade.TILING]
    assert [one.id for one in await service.workers_with(session, trades=both, team_id=company.team.id)] == [
        company.workers[0].id
    ]
    every = [Trade.WATERPROOFING, Trade.PLUMBING]
    assert list(await service.workers_with(session, trades=every, project_id=project)) == []
    company.workers[0].active = False
    company.team.active = False
    await session.flush()
    assert [one.id for one in await service.teams_serving(session, project_id=project)] == [second.team.id]
    served = await service.property_company_for(session, project_id=project)
    assert served is not None
    assert served.id == company.firm.id
    builder = await make_contractor(session, org)
    assert await service.projects_of_firms(session, [builder.firm.id, company.firm.id]) == {project}
    other = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    assert await service.team_for(session, project_id=other.project.id) is None
