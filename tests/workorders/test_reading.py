"""Lists, filters, versions, and what may be done now."""

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.cases import (
    CLASS_B,
    Cast,
    Story,
    approved_order,
    closed_order,
    dispatched_order,
    make_cast,
    raised_order,
)
from tests.factories.org import make_org
from tests.factories.people import Actor, Desk
from tests.workorders.conftest import Post, refused
from tests.workorders.test_orders import ORDERS
from tests.workorders.test_surveys import SURVEYS

from ownercare_api.core.ids import uuid7
from ownercare_api.workorders.lifecycle import SURVEY_LIFECYCLE, WORK_ORDER_LIFECYCLE


async def ids(client: httpx.AsyncClient, actor: Actor, query: str = "", at: str = ORDERS) -> list[str]:
    answer = await client.get(f"{at}{query}", headers=actor.headers)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


async def test_filters_are_named_like_the_fields(
    session: AsyncSession, client: httpx.AsyncClient, cast: Cast, people: Desk, clock: FakeClock
) -> None:
    a = await dispatched_order(session, cast, now=clock())
    b = await approved_order(session, cast, now=clock(), story=CLASS_B)
    urgent = await raised_order(session, cast, now=clock(), story=Story.costing(90_000, urgent=True))
    elsewhere = await make_org(session, now=clock(), name="临澜府", region=cast.org.region)
    second = await make_cast(session, people, now=clock(), org=elsewhere)
    other = await raised_order(session, second, now=clock())
    boss = await people.staff("general_manager")
    every = [str(order.id) for order in (other, urgent, b, a)]
    assert await ids(client, boss) == every
    assert await ids(client, cast.specialist) == every[1:]
    assert await ids(client, boss, "?status=approved") == [str(b.id)]
    assert await ids(client, boss, "?repair_class=B") == [str(b.id)]
    assert await ids(client, boss, f"?ticket_id={a.ticket_id}") == [str(a.id)]
    assert await ids(client, boss, f"?project_id={elsewhere.project.id}") == [str(other.id)]
    assert await ids(client, boss, f"?team_id={cast.company.team.id}") == [str(a.id)]
    assert await ids(client, boss, f"?firm_id={cast.company.firm.id}&status=dispatched") == [str(a.id)]
    assert await ids(client, boss, "?emergency=true") == [str(urgent.id)]
    assert await ids(client, boss, f"?ticket_id={uuid7()}") == []
    for query in ("?status=unknown", "?ticket_id=x", "?limit=0", "?cursor=x"):
        assert (await client.get(f"{ORDERS}{query}", headers=boss.headers)).status_code == 422
    counted = await client.get(f"{ORDERS}?include_total=true&limit=1", headers=boss.headers)
    assert (counted.json()["total"], counted.json()["total_is_exact"]) == (4, True)
    following = await client.get(f"{ORDERS}?limit=1&cursor={counted.json()['next_cursor']}", headers=boss.headers)
    assert [one["id"] for one in following.json()["items"]] == every[1:2]


async def test_a_list_is_two_statements_however_long(
    session: AsyncSession, client: httpx.AsyncClient, cast: Cast, clock: FakeClock, queries: QueryRecorder
) -> None:
    await dispatched_order(session, cast, now=clock())
    await client.get(ORDERS, headers=cast.specialist.headers)  # the caller is known from here on

    async def statements(path: str) -> int:
        with queries:
            answer = await client.get(path, headers=cast.specialist.headers)
        assert answer.status_code == 200
        return queries.count

    short = (await statements(ORDERS), await statements(SURVEYS))
    for _ in range(3):
        await raised_order(session, cast, now=clock())
    assert (await statements(ORDERS), await statements(SURVEYS)) == short == (2, 1)


async def test_single_answers_carry_a_version_that_rises_with_every_step(
    session: AsyncSession, client: httpx.AsyncClient, cast: Cast, clock: FakeClock, post: Post
) -> None:
    order = await dispatched_order(session, cast, now=clock())
    path = f"{ORDERS}/{order.id}"
    first = await client.get(path, headers=cast.captain.headers)
    tag = first.headers["etag"]
    same = await client.get(path, headers=cast.captain.headers | {"If-None-Match": tag})
    assert same.status_code == 304
    asked = await post(cast.captain, f"{path}/extension", reason="养护", extra_workdays=1)
    assert asked.json()["version"] > first.json()["version"]
    changed = await client.get(path, headers=cast.captain.headers | {"If-None-Match": tag})
    assert changed.status_code == 200
    survey = await client.get(f"{SURVEYS}/{order.survey_id}/liability", headers=cast.captain.headers)
    assert survey.headers["etag"].startswith('"')
    assert survey.json()["final"] is True


@pytest.mark.rule("ORG-10")
async def test_allowed_actions_are_the_caller_s_own(
    session: AsyncSession, client: httpx.AsyncClient, cast: Cast, people: Desk, clock: FakeClock
) -> None:
    order = await approved_order(session, cast, now=clock())

    async def allowed(actor: Actor) -> list[str]:
        answer = await client.get(f"{ORDERS}/{order.id}", headers=actor.headers)
        return list(answer.json()["allowed_actions"])

    assert await allowed(cast.specialist) == ["update", "dispatch", "cancellation"]
    assert await allowed(cast.engineer) == []
    assert await allowed(cast.clerk) == []
    assert await allowed(cast.representative) == []
    closed = await closed_order(session, cast, now=clock())
    answer = await client.get(f"{ORDERS}/{closed.id}", headers=cast.specialist.headers)
    assert answer.json()["allowed_actions"] == []


async def test_an_order_of_another_project_is_not_there(
    session: AsyncSession, client: httpx.AsyncClient, cast: Cast, people: Desk, clock: FakeClock
) -> None:
    order = await raised_order(session, cast, now=clock())
    elsewhere = await make_org(session, now=clock(), name="临澜府", region=cast.org.region)
    stranger = await people.staff("customer_service_manager", project_id=elsewhere.project.id)
    hr = await people.staff("hr_officer")
    refused(await client.get(f"{ORDERS}/{order.id}", headers=stranger.headers), 404, "work_order_not_found")
    refused(await client.get(f"{ORDERS}/{order.id}", headers=hr.headers), 403, "missing_scope")
    refused(await client.get(f"{ORDERS}/{uuid7()}", headers=cast.specialist.headers), 404, "work_order_not_found")
    # A property company has not heard of it before it is dispatched.
    refused(await client.get(f"{ORDERS}/{order.id}", headers=cast.captain.headers), 404, "work_order_not_found")


@pytest.mark.rule("REP-13")
async def test_a_repeated_request_with_its_key_counts_once(
    session: AsyncSession, client: httpx.AsyncClient, cast: Cast, clock: FakeClock
) -> None:
    order = await dispatched_order(session, cast, now=clock())
    headers = cast.captain.headers | {"Idempotency-Key": "accept-1"}
    first = await client.post(f"{ORDERS}/{order.id}/acceptance", headers=headers)
    again = await client.post(f"{ORDERS}/{order.id}/acceptance", headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()


def test_the_life_cycles_are_drawn_from_the_tables() -> None:
    assert "    recorded --> co_signed: co-signing" in SURVEY_LIFECYCLE.mermaid()
    drawn = WORK_ORDER_LIFECYCLE.mermaid()
    for edge in ("completed --> signed_off: sign-off", "signed_off --> closed: closure", "dispatched --> approved"):
        assert edge in drawn
