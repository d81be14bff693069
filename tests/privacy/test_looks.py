"""Who looked at an owner's data: recorded, shown, kept for three years."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.people import Desk

from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import SYSTEM, Principal, PrincipalKind
from ownercare_api.owners import looks
from ownercare_api.owners.looks import Look
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_looks import OwnerLook


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def owner(session: AsyncSession, org: Org, state: AppState) -> Owner:
    return await make_owner(session, state.keyring, units=[org.units[0]])


def staff(name: str = "李娜") -> Principal:
    return Principal(
        kind=PrincipalKind.STAFF, id=uuid7(), name=name, grants=(), department="customer_service", post="records_clerk"
    )


@pytest.mark.rule("OWN-07")
async def test_one_statement_records_everybody_who_stood_in_an_answer(
    session: AsyncSession, connection: AsyncConnection, queries: QueryRecorder, clock: FakeClock, owner: Owner
) -> None:
    actor, others = staff(), [uuid7() for _ in range(49)]
    with queries:
        await looks.record(connection, owner_ids=[owner.id, *others], actor=actor, look=Look.LIST, now=clock())
    assert queries.count == 1
    (row,) = (await session.scalars(select(OwnerLook))).all()
    assert (set(row.owner_ids), row.look, row.at) == ({owner.id, *others}, "list", clock())
    assert (row.actor_kind, row.actor_id, row.actor_name) == ("staff", actor.id, "李娜")
    assert (row.department, row.post, row.purpose, row.ticket_id) == ("customer_service", "records_clerk", None, None)


async def test_nobody_found_and_oneself_are_no_looks(
    session: AsyncSession, queries: QueryRecorder, clock: FakeClock, owner: Owner
) -> None:
    himself = Principal(kind=PrincipalKind.OWNER, id=uuid7(), name="业主", grants=(), owner_id=owner.id)
    other = uuid7()
    with queries:
        await looks.record(session, owner_ids=[], actor=staff(), look=Look.SEARCH, now=clock())
        await looks.record(session, owner_ids=[owner.id], actor=himself, look=Look.RECORD, now=clock())
    assert queries.count == 0
    await looks.record(session, owner_ids=[owner.id, other], actor=himself, look=Look.LIST, now=clock())
    assert [row.owner_ids for row in (await session.scalars(select(OwnerLook))).all()] == [[other]]


@pytest.mark.rule("OWN-07")
async def test_the_list_names_who_what_when_and_why_newest_first(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, owner: Owner, people: Desk, clock: FakeClock
) -> None:
    supervisor = await people.staff("complaint_supervisor", project_id=org.project.id, name="投诉主管甲")
    other = await make_owner_elsewhere(session, clock)
    await looks.record(session, owner_ids=[other], actor=SYSTEM, look=Look.LIST, now=clock())
    clock.forward(minutes=1)
    await looks.record(
        session, owner_ids=[owner.id, other], actor=SYSTEM, look=Look.EXPORT, now=clock(), purpose="年检"
    )
    clock.forward(minutes=1)
    shown = await client.post(
        f"/v1/owners/{owner.id}/disclosures",
        json={"field": "mobile", "purpose": "约定上门勘察时间"},
        headers=supervisor.headers,
    )
    assert shown.status_code == 201, shown.text
    page = await client.get(f"/v1/owners/{owner.id}/looks", params={"include_total": True}, headers=supervisor.headers)
    assert page.status_code == 200, page.text
    body = page.json()
    newest, oldest = body["items"]
    assert body["total"] == 2
    assert newest == {
        "id": shown.json()["id"],
        "actor_kind": "staff",
        "actor_id": str(supervisor.id),
        "actor_name": "投诉主管甲",
        "department": "customer_service",
        "post": "complaint_supervisor",
        "look": "disclosure",
        "field": "mobile",
        "purpose": "约定上门勘察时间",
        "ticket_id": None,
        "at": "2026-11-20T04:02:00Z",
    }
    assert (oldest["look"], oldest["actor_name"], oldest["field"], oldest["purpose"]) == (
        "export",
        "系统",
        None,
        "年检",
    )
    first = await client.get(f"/v1/owners/{owner.id}/looks", params={"limit": 1}, headers=supervisor.headers)
    again = await client.get(
        f"/v1/owners/{owner.id}/looks",
        params={"limit": 1, "cursor": first.json()["next_cursor"]},
        headers=supervisor.headers,
    )
    assert [one["id"] for one in again.json()["items"]] == [oldest["id"]]


async def make_owner_elsewhere(session: AsyncSession, clock: FakeClock) -> UUID:
    """Return the id of an owner of whom nothing else is needed."""
    other = Owner(id=uuid7(), name="李四", name_sort="li si")
    session.add(other)
    await session.flush()
    return other.id


@pytest.mark.rule("OWN-07")
async def test_the_list_of_an_owner_out_of_reach_is_absent(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, owner: Owner, people: Desk, clock: FakeClock
) -> None:
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    stranger = await people.staff("complaint_supervisor", project_id=sibling.project.id)
    answer = await client.get(f"/v1/owners/{owner.id}/looks", headers=stranger.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "owner_not_found")


@pytest.mark.rule("CHN-03", "OWN-07")
async def test_a_caller_who_is_known_was_looked_at(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, owner: Owner, people: Desk
) -> None:
    agent = await people.staff("call_center_agent", project_id=org.project.id)
    for phone in ("13812341234", "13700000000"):
        found = await client.post("/v1/call-center/caller-lookups", json={"phone": phone}, headers=agent.headers)
        assert found.status_code == 200, found.text
    (row,) = (await session.scalars(select(OwnerLook))).all()
    assert (row.owner_ids, row.look, row.actor_id) == ([owner.id], "screen_pop", agent.id)


@pytest.mark.rule("OWN-07")
async def test_looks_are_kept_for_three_years_whoever_asks(session: AsyncSession, clock: FakeClock) -> None:
    present = datetime.now(UTC)
    old, young = present - timedelta(days=1096), present - timedelta(days=1094)
    for at in (old, young):
        await looks.record(session, owner_ids=[uuid7()], actor=staff(), look=Look.RECORD, now=at)
    for refused in (young, present, None):
        with pytest.raises(DBAPIError, match="1095 days"):
            async with session.begin_nested():
                await session.execute(text("SELECT forget_looks(:before)"), {"before": refused})
    assert await looks.forget(session, before=present - timedelta(days=1095, hours=1)) == 1
    assert (await session.scalars(select(OwnerLook.at))).all() == [young]
