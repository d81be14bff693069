"""Publishing and reading back: levels, effect in time, what running cases keep, refusals."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.org import HEAD_OFFICE, Org, make_org
from tests.factories.people import Actor, Desk

from ownercare_api.core.ids import uuid7
from ownercare_api.policies import service
from ownercare_api.policies.catalogue import FACTORY, InvalidPolicy
from ownercare_api.policies.models import PolicyInForce, PolicyLevel, PolicySnapshot, PolicyVersion
from ownercare_api.policies.service import ProjectPlace, ProjectTree
from ownercare_api.properties.service import policy_places
from ownercare_api.timeline.models import Event

pytestmark = pytest.mark.rule("ADM-08")

VISIT, REPAIR = "survey_visit.workdays", "repair.single_trade_workdays"
FIRST, SECOND = "approval.department_manager_max_fen", "approval.deputy_general_manager_max_fen"


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    """Give a project under the factory policy."""
    return await make_org(session, now=clock(), values={})


async def publish(client: httpx.AsyncClient, actor: Actor, values: dict[str, Any], **more: Any) -> httpx.Response:
    body: dict[str, Any] = {"level": "group", "values": values, "reason": "经总经理办公会讨论通过", **more}
    return await client.post("/v1/policies", json=body, headers=actor.headers)


async def in_force(
    client: httpx.AsyncClient, actor: Actor, project_id: UUID, at: datetime | None = None
) -> dict[str, Any]:
    query = {"project_id": str(project_id)} | ({"at": at.isoformat()} if at else {})
    answer = await client.get("/v1/policies/in-force", params=query, headers=actor.headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def kept(session: AsyncSession) -> list[Any]:
    """All that the room keeps, to prove that nothing changed."""
    found: list[Any] = []
    for table in (PolicyVersion, PolicySnapshot, PolicyInForce):
        rows = await session.execute(select(table.__table__).order_by(table.id))
        found.append([tuple(row) for row in rows])
    found.append(await session.scalar(select(func.count()).select_from(Event)))
    return found


async def test_the_catalogue_lists_every_key(client: httpx.AsyncClient, people: Desk) -> None:
    analyst = await people.staff("data_analyst")
    answer = await client.get("/v1/policies/catalogue", headers=analyst.headers)
    assert answer.status_code == 200
    entries = {entry["key"]: entry for entry in answer.json()}
    assert {key: entry["factory"] for key, entry in entries.items()} == dict(FACTORY)
    assert entries[VISIT] == {
        "key": VISIT,
        "name": "现场勘察时限",
        "kind": "integer",
        "unit": "workdays",
        "minimum": 1,
        "maximum": 3650,
        "rules": ["REP-02"],
        "factory": 1,
        "blank": False,
    }
    assert (entries["escalation.ladder"]["minimum"], entries["escalation.ladder"]["maximum"]) == (None, None)
    refused = await client.get("/v1/policies/catalogue", headers=(await people.staff("repair_worker")).headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")


async def test_a_published_value_is_in_force_at_once_and_names_its_version(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock
) -> None:
    boss = await people.staff("general_manager")
    before = await in_force(client, boss, org.project.id)
    assert before["values"] == dict(FACTORY)
    assert set(before["sources"].values()) == {"factory"}
    assert len(before["unconfirmed"]) == 16
    answer = await publish(client, boss, {FIRST: 200_000, SECOND: 2_000_000})
    assert answer.status_code == 201
    version = answer.json()
    assert (version["number"], version["effective"], version["effective_from"]) == (1, True, "2026-11-20T04:00:00Z")
    assert version["published_by"] == str(boss.id)
    read = await client.get(answer.headers["location"], headers=boss.headers)
    assert read.json() == version
    after = await in_force(client, boss, org.project.id)
    assert after["values"] == {**FACTORY, FIRST: 200_000, SECOND: 2_000_000}
    assert {key for key, source in after["sources"].items() if source == version["id"]} == {FIRST, SECOND}
    assert after["effective_from"] == "2026-11-20T04:00:00Z"
    assert set(before["unconfirmed"]) - set(after["unconfirmed"]) == {FIRST, SECOND}
    (event,) = await session.scalars(select(Event).where(Event.kind == "policy.published"))
    assert (event.subject_id, event.rules, event.actor_id) == (UUID(version["id"]), ["ADM-08"], boss.id)
    assert event.data == {
        "level": "group",
        "target_id": None,
        "number": 1,
        "effective_from": "2026-11-20T04:00:00+00:00",
        "keys": [FIRST, SECOND],
    }


async def test_a_case_keeps_the_values_it_started_under(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock
) -> None:
    boss = await people.staff("general_manager")
    started = await in_force(client, boss, org.project.id)
    url = f"/v1/policy-snapshots/{started['policy_snapshot_id']}"
    snapshot = await client.get(url, headers=boss.headers)
    assert (snapshot.json()["values"][VISIT], snapshot.json()["sources"][VISIT]) == (1, "factory")
    for days in (2, 3, 4):
        clock.forward(hours=1)
        assert (await publish(client, boss, {VISIT: days})).status_code == 201
    again = await client.get(url, headers=boss.headers)
    assert again.json() == snapshot.json()
    assert again.headers["etag"] == snapshot.headers["etag"]
    assert (await in_force(client, boss, org.project.id))["values"][VISIT] == 4
    service._known.clear()  # what another process reads
    assert (await service.snapshot(session, snapshot_id=UUID(snapshot.json()["id"]))).integer(VISIT) == 1
    history = [
        (await in_force(client, boss, org.project.id, at=clock() - timedelta(hours=hours)))["values"][VISIT]
        for hours in (4, 3, 2, 1, 0)
    ]
    assert history == [1, 1, 2, 3, 4]


async def test_the_nearer_level_wins(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock
) -> None:
    boss = await people.staff("general_manager")
    sister = await make_org(session, now=clock(), values={}, name="湖畔里", region=org.region)
    stranger = await make_org(session, now=clock(), values={}, name="江南府")
    places = (org, sister, stranger)

    async def days() -> list[int]:
        return [(await in_force(client, boss, place.project.id))["values"][VISIT] for place in places]

    assert await days() == [1, 1, 1]
    of_project = await publish(client, boss, {VISIT: 4}, level="project", target_id=str(org.project.id))
    assert await days() == [4, 1, 1]
    of_region = await publish(client, boss, {VISIT: 3}, level="region", target_id=str(org.region.id))
    assert await days() == [4, 3, 1]
    of_group = await publish(client, boss, {VISIT: 2})
    assert await days() == [4, 3, 2]
    assert [answer.json()["number"] for answer in (of_project, of_region, of_group)] == [1, 1, 1]
    sources = [(await in_force(client, boss, place.project.id))["sources"][VISIT] for place in places]
    assert sources == [answer.json()["id"] for answer in (of_project, of_region, of_group)]
    assert (await publish(client, boss, {VISIT: 5}, level="region", target_id=str(org.region.id))).json()["number"] == 2
    assert await days() == [4, 5, 2]


async def test_a_new_project_begins_with_its_region_s_policy(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock
) -> None:
    boss = await people.staff("general_manager")
    await publish(client, boss, {VISIT: 2, REPAIR: 5})
    await publish(client, boss, {VISIT: 3}, level="region", target_id=str(org.region.id))
    later = clock() + timedelta(days=1)
    await publish(client, boss, {REPAIR: 6}, effective_from=later.isoformat())
    fresh = await make_org(session, now=clock(), values={}, name="新里程", region=org.region)
    await session.execute(delete(PolicyInForce).where(PolicyInForce.project_id == fresh.project.id))
    clock.forward(minutes=1)
    assert await _no_policy(client, boss, fresh.project.id) == (409, "no_policy_in_force")
    place = ProjectPlace(project_id=fresh.project.id, region_id=org.region.id)
    await service.open_project(session, place=place, now=clock())
    now = (await in_force(client, boss, fresh.project.id))["values"]
    then = (await in_force(client, boss, fresh.project.id, at=later))["values"]
    assert (now[VISIT], now[REPAIR], then[VISIT], then[REPAIR]) == (3, 5, 3, 6)


async def _no_policy(client: httpx.AsyncClient, actor: Actor, project_id: UUID) -> tuple[int, str]:
    answer = await client.get(f"/v1/policies/in-force?project_id={project_id}", headers=actor.headers)
    return answer.status_code, answer.json()["code"]


async def test_what_is_scheduled_waits_and_later_publications_keep_it(
    client: httpx.AsyncClient, people: Desk, org: Org, clock: FakeClock
) -> None:
    boss = await people.staff("general_manager")
    new_year = "2027-01-01T00:00:00+08:00"
    scheduled = await publish(client, boss, {VISIT: 2}, effective_from=new_year)
    assert (scheduled.json()["effective"], scheduled.json()["effective_from"]) == (False, "2026-12-31T16:00:00Z")
    clock.forward(hours=1)
    # Published later, in force earlier: neither brings the other forward nor throws it away.
    assert (await publish(client, boss, {REPAIR: 5})).json()["number"] == 2
    at = datetime.fromisoformat(new_year)
    instants = [None, at - timedelta(microseconds=1), at, at + timedelta(days=400)]
    seen = [(await in_force(client, boss, org.project.id, at=instant))["values"] for instant in instants]
    assert [(values[VISIT], values[REPAIR]) for values in seen] == [(1, 5), (1, 5), (2, 5), (2, 5)]
    clock.now = at
    assert (await in_force(client, boss, org.project.id))["values"][VISIT] == 2


async def test_at_the_same_instant_the_later_publication_wins(
    client: httpx.AsyncClient, people: Desk, org: Org, clock: FakeClock
) -> None:
    boss = await people.staff("general_manager")
    for days in (2, 3):
        assert (await publish(client, boss, {VISIT: days})).status_code == 201
    found = await in_force(client, boss, org.project.id)
    assert found["values"][VISIT] == 3


@pytest.mark.parametrize(
    ("body", "code", "pointers"),
    [
        ({"values": {VISIT: 0}}, "invalid_policy", [f"#/values/{VISIT}"]),
        ({"values": {VISIT: "1"}}, "invalid_policy", [f"#/values/{VISIT}"]),
        ({"values": {"repair.everything": 1}}, "invalid_policy", ["#/values"]),
        ({"values": {FIRST: 2_000_000, SECOND: 2_000_000}}, "invalid_policy", [f"#/values/{SECOND}"]),
        ({"values": {SECOND: 2_000_000}}, "invalid_policy", [f"#/values/{SECOND}"]),
        ({"values": {}}, "nothing_published", []),
        ({"values": {VISIT: 2}, "effective_from": "2026-11-20T11:59:59.999999+08:00"}, "backdated_policy", []),
        ({"values": {VISIT: 2}, "effective_from": "2027-01-01T00:00:00"}, "validation_failed", ["#/effective_from"]),
        ({"values": {VISIT: 2}, "reason": " "}, "validation_failed", ["#/reason"]),
        ({"values": {VISIT: 2}, "level": "city"}, "validation_failed", ["#/level"]),
        ({"values": {VISIT: 2}, "level": "region"}, "validation_failed", ["#/target_id"]),
        ({"values": {VISIT: 2}, "target_id": str(uuid7())}, "validation_failed", ["#/target_id"]),
        ({"values": {VISIT: 2}, "number": 7}, "validation_failed", ["#"]),
    ],
)
async def test_wrong_publications_change_nothing(
    client: httpx.AsyncClient,
    people: Desk,
    session: AsyncSession,
    org: Org,
    body: dict[str, Any],
    code: str,
    pointers: list[str],
) -> None:
    boss = await people.staff("general_manager")
    before = await kept(session)
    answer = await publish(client, boss, **body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [fault["pointer"] for fault in answer.json()["errors"]] == pointers
    assert await kept(session) == before


async def test_a_limit_that_contradicts_a_project_s_own_is_refused(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org
) -> None:
    boss = await people.staff("general_manager")
    await publish(client, boss, {FIRST: 200_000, SECOND: 2_000_000})
    await publish(client, boss, {FIRST: 500_000}, level="project", target_id=str(org.project.id))
    before = await kept(session)
    answer = await publish(client, boss, {SECOND: 400_000})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_policy")
    assert await kept(session) == before


async def test_contradictions_are_found_where_there_is_no_project_yet(session: AsyncSession, clock: FakeClock) -> None:
    nowhere = ProjectTree(places=_no_places)
    with pytest.raises(InvalidPolicy):
        await service.publish(
            session,
            level=PolicyLevel.GROUP,
            target_id=None,
            values={SECOND: 1},
            effective_from=clock(),
            reason="矛盾",
            tree=nowhere,
            actor=HEAD_OFFICE,
            now=clock(),
        )


async def _no_places(*_: object) -> list[ProjectPlace]:
    return []


async def test_the_publisher_s_reach_must_cover_the_target(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock
) -> None:
    sister = await make_org(session, now=clock(), values={}, name="湖畔里", region=org.region)
    stranger = await make_org(session, now=clock(), values={}, name="江南府")
    of_project = await people.staff("customer_service_manager", project_id=org.project.id)
    of_region = await people.staff("customer_service_manager", region_id=org.region.id)
    everywhere = await people.staff("customer_service_manager")
    targets: list[tuple[str, UUID | None]] = [
        ("group", None),
        ("region", org.region.id),
        ("region", stranger.region.id),
        ("project", org.project.id),
        ("project", sister.project.id),
        ("project", stranger.project.id),
    ]
    allowed = {of_project.id: [3], of_region.id: [1, 3, 4], everywhere.id: [0, 1, 2, 3, 4, 5]}
    for actor in (of_project, of_region, everywhere):
        for place, (level, target) in enumerate(targets):
            before = await kept(session)
            more = {"level": level, "target_id": str(target) if target else None}
            answer = await publish(client, actor, {VISIT: 2}, **more)
            if place in allowed[actor.id]:
                assert answer.status_code == 201
            else:
                assert (answer.status_code, answer.json()["code"]) == (403, "out_of_reach")
                assert await kept(session) == before
    before = await kept(session)
    analyst = await people.staff("data_analyst")
    refused = await publish(client, analyst, {VISIT: 2})
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    for level, target in (
        ("region", uuid7()),
        ("region", org.group.id),
        ("region", org.project.id),
        ("project", uuid7()),
    ):
        answer = await publish(client, everywhere, {VISIT: 2}, level=level, target_id=str(target))
        assert (answer.status_code, answer.json()["code"]) == (404, "policy_target_not_found")
    assert await kept(session) == before


async def test_versions_are_listed_within_sight(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock
) -> None:
    boss = await people.staff("general_manager")
    stranger = await make_org(session, now=clock(), values={}, name="江南府")
    ids = {}
    for name, level, target in (
        ("group", "group", None),
        ("region", "region", org.region.id),
        ("project", "project", org.project.id),
        ("their region", "region", stranger.region.id),
        ("their project", "project", stranger.project.id),
    ):
        answer = await publish(client, boss, {VISIT: 2}, level=level, target_id=str(target) if target else None)
        ids[answer.json()["id"]] = name
    later = await publish(client, boss, {VISIT: 3}, effective_from="2027-01-01T00:00:00+08:00")
    ids[later.json()["id"]] = "scheduled"

    async def seen(actor: Actor, **query: Any) -> list[str]:
        answer = await client.get("/v1/policies", params=query, headers=actor.headers)
        assert answer.status_code == 200
        return [ids[item["id"]] for item in answer.json()["items"]]

    assert await seen(boss) == ["scheduled", "their project", "their region", "project", "region", "group"]
    assert await seen(boss, level="group") == ["scheduled", "group"]
    assert await seen(boss, effective=False) == ["scheduled"]
    assert await seen(boss, level="group", effective=True) == ["group"]
    assert await seen(boss, target_id=org.region.id) == ["region"]
    local = await people.staff("customer_relations_specialist", project_id=org.project.id)
    assert await seen(local) == ["scheduled", "project", "region", "group"]
    assert await seen(local, target_id=stranger.project.id) == []
    hidden = next(version for version, name in ids.items() if name == "their project")
    answer = await client.get(f"/v1/policies/{hidden}", headers=local.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "policy_not_found")
    theirs = await in_force(client, boss, stranger.project.id)
    for url in (
        f"/v1/policy-snapshots/{theirs['policy_snapshot_id']}",
        f"/v1/policy-snapshots/{uuid7()}",
        f"/v1/policies/in-force?project_id={stranger.project.id}",
        f"/v1/policies/in-force?project_id={uuid7()}",
    ):
        assert (await client.get(url, headers=local.headers)).status_code == 404
    unknown = await client.get(f"/v1/policies/in-force?project_id={uuid7()}", headers=boss.headers)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "policy_target_not_found")
    own = await in_force(client, local, org.project.id)
    assert (
        await client.get(f"/v1/policy-snapshots/{own['policy_snapshot_id']}", headers=local.headers)
    ).status_code == 200


async def test_the_tree_is_the_properties_room_s(session: AsyncSession, org: Org, clock: FakeClock) -> None:
    sister = await make_org(session, now=clock(), values={}, name="湖畔里", region=org.region)
    stranger = await make_org(session, now=clock(), values={}, name="江南府")
    here, near, far = (ProjectPlace(place.project.id, place.region.id) for place in (org, sister, stranger))
    assert await policy_places(session, PolicyLevel.GROUP, None) == [here, near, far]
    assert await policy_places(session, PolicyLevel.REGION, org.region.id) == [here, near]
    assert await policy_places(session, PolicyLevel.PROJECT, stranger.project.id) == [far]
