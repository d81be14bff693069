"""Looking at clear values: purpose, case, quota, record, border."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON, FakeClock
from tests.factories.cases import bare_ticket
from tests.factories.org import Org, make_org
from tests.factories.owners import add_phone, make_owner
from tests.factories.people import Actor, Desk

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.demo.policy import DEMO_POLICY
from ownercare_api.identity.principal import Grant, Principal, PrincipalKind, Reach
from ownercare_api.owners.disclosures import disclose
from ownercare_api.owners.models import Disclosure, Owner
from ownercare_api.owners.schemas import DisclosedField
from ownercare_api.policies.looks import QuotaSpent
from ownercare_api.timeline.models import Event

DOCUMENT = "330106198503078528"
LOOK = {"field": "mobile", "purpose": "约定上门勘察时间"}


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock(), values={**DEMO_POLICY, "privacy.unmask_per_hour": 3})


@pytest.fixture
async def owner(session: AsyncSession, org: Org, state: AppState) -> Owner:
    return await make_owner(
        session,
        state.keyring,
        units=[org.units[0]],
        document_number=DOCUMENT,
        home_address="临澜市江晖路 12 号",
    )


@pytest.fixture
async def supervisor(people: Desk, org: Org) -> Actor:
    return await people.staff("complaint_supervisor", project_id=org.project.id, name="投诉主管甲")


async def counts(session: AsyncSession) -> tuple[int, ...]:
    return tuple(
        [
            int((await session.execute(select(func.count()).select_from(one))).scalar_one())
            for one in (Event, Disclosure)
        ]
    )


@pytest.mark.rule("OWN-07")
async def test_each_value_is_shown_for_a_purpose_and_put_on_record(
    client: httpx.AsyncClient,
    session: AsyncSession,
    org: Org,
    owner: Owner,
    supervisor: Actor,
    state: AppState,
    clock: FakeClock,
) -> None:
    path = f"/v1/owners/{owner.id}/disclosures"
    second = await add_phone(session, state.keyring, owner=owner, phone="010-12345678转801")
    ticket = await bare_ticket(session, org, now=clock())
    values, left = [], []
    for body in (
        LOOK | {"ticket_id": str(ticket.id)},
        LOOK | {"phone_id": str(second.id)},
        {"field": "document_number", "purpose": "核对产权"},
    ):
        shown = await client.post(path, json=body, headers=supervisor.headers)
        assert shown.status_code == 201, shown.text
        assert shown.headers["cache-control"] == "no-store"
        values.append(shown.json()["value"])
        left.append(shown.json()["remaining_this_hour"])
    assert values == ["+8613812341234", "+861012345678;ext=801", DOCUMENT]
    assert left == [2, 1, 0]
    clock.forward(hours=1)
    address = await client.post(path, json={"field": "home_address", "purpose": "寄送函件"}, headers=supervisor.headers)
    assert address.json()["value"] == "临澜市江晖路 12 号"
    listed = (await client.get(path, headers=supervisor.headers)).json()["items"]
    assert [(one["field"], one["purpose"], one["actor_name"], one["ticket_id"]) for one in listed] == [
        ("home_address", "寄送函件", "投诉主管甲", None),
        ("document_number", "核对产权", "投诉主管甲", None),
        ("mobile", "约定上门勘察时间", "投诉主管甲", None),
        ("mobile", "约定上门勘察时间", "投诉主管甲", str(ticket.id)),
    ]
    assert not [one for one in listed if "value" in one]
    events = (await session.scalars(select(Event).where(Event.kind == "owner.disclosed").order_by(Event.seq))).all()
    assert [(one.subject_id, one.ticket_id, one.project_id, one.data["field"]) for one in events] == [
        (owner.id, ticket.id, org.project.id, "mobile"),
        (owner.id, None, org.project.id, "mobile"),
        (owner.id, None, org.project.id, "document_number"),
        (owner.id, None, org.project.id, "home_address"),
    ]
    assert events[1].data["phone_id"] == str(second.id)


@pytest.mark.rule("OWN-07")
async def test_the_hour_s_quota_is_per_person_and_says_when_to_come_back(
    client: httpx.AsyncClient,
    session: AsyncSession,
    people: Desk,
    org: Org,
    owner: Owner,
    supervisor: Actor,
    clock: FakeClock,
) -> None:
    path = f"/v1/owners/{owner.id}/disclosures"
    for _ in range(3):
        assert (await client.post(path, json=LOOK, headers=supervisor.headers)).status_code == 201
        clock.forward(minutes=10)
    before = await counts(session)
    spent = await client.post(path, json=LOOK, headers=supervisor.headers)
    assert (spent.status_code, spent.json()["code"], spent.headers["retry-after"]) == (
        429,
        "disclosure_quota_spent",
        "1800",
    )
    assert await counts(session) == before
    colleague = await people.staff("complaint_specialist", project_id=org.project.id)
    assert (await client.post(path, json=LOOK, headers=colleague.headers)).status_code == 201
    clock.forward(minutes=30, microseconds=-1)
    assert (await client.post(path, json=LOOK, headers=supervisor.headers)).headers["retry-after"] == "1"
    clock.forward(microseconds=1)
    assert (await client.post(path, json=LOOK, headers=supervisor.headers)).status_code == 201


async def test_what_is_refused_is_not_recorded(
    client: httpx.AsyncClient,
    session: AsyncSession,
    people: Desk,
    org: Org,
    owner: Owner,
    supervisor: Actor,
    state: AppState,
    clock: FakeClock,
) -> None:
    path = f"/v1/owners/{owner.id}/disclosures"
    bare = await make_owner(session, state.keyring, name="李四", phone=None, units=[org.units[1]])
    foreign = await add_phone(session, state.keyring, owner=bare, phone="13700001111")
    other = await bare_ticket(session, org, now=clock(), with_unit=False)
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    before = await counts(session)
    for target, body, status, code in (
        (path, LOOK | {"phone_id": str(foreign.id)}, 404, "phone_not_found"),
        (path, {"field": "document_number", "purpose": "x", "phone_id": str(foreign.id)}, 422, "validation_failed"),
        (path, LOOK | {"ticket_id": str(other.id)}, 422, "ticket_not_about_owner"),
        (path, LOOK | {"ticket_id": str(uuid7())}, 422, "ticket_not_about_owner"),
        (path, {"field": "mobile"}, 422, "validation_failed"),
        (path, {"field": "name", "purpose": "x"}, 422, "validation_failed"),
        (f"/v1/owners/{bare.id}/disclosures", {"field": "document_number", "purpose": "x"}, 409, "value_not_recorded"),
        (f"/v1/owners/{bare.id}/disclosures", {"field": "mobile", "purpose": "x"}, 409, "value_not_recorded"),
        (f"/v1/owners/{uuid7()}/disclosures", LOOK, 404, "owner_not_found"),
    ):
        refused = await client.post(target, json=body, headers=supervisor.headers)
        assert (refused.status_code, refused.json()["code"]) == (status, code), body
    neighbour = await people.staff("complaint_supervisor", project_id=sibling.project.id)
    hidden = await client.post(path, json=LOOK, headers=neighbour.headers)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "owner_not_found")
    clerk = await people.staff("records_clerk", project_id=org.project.id)
    scopeless = await client.post(path, json=LOOK, headers=clerk.headers)
    assert (scopeless.status_code, scopeless.json()["code"]) == (403, "missing_scope")
    assert await counts(session) == before


async def test_seeing_everybody_is_not_disclosing_everybody(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, owner: Owner, clock: FakeClock
) -> None:
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    disclosing = Grant(
        role="a", scopes=frozenset({"owners:disclose"}), reach=Reach(projects=frozenset({sibling.project.id}))
    )
    reading = Grant(role="b", scopes=frozenset({"owners:read"}), reach=Reach(everywhere=True))
    principal = Principal(kind=PrincipalKind.STAFF, id=uuid7(), name="甲", grants=(disclosing, reading))
    before = await counts(session)
    with pytest.raises(Exception, match="out_of_reach"):
        await disclose(session, **_ask(owner.id, principal), keyring=Keyring.from_master(bytes(range(32))), now=clock())
    assert await counts(session) == before


def _ask(owner_id: UUID, principal: Principal) -> dict[str, Any]:
    return {
        "owner_id": owner_id,
        "field": DisclosedField.MOBILE,
        "phone_id": None,
        "purpose": "约定上门",
        "ticket_id": None,
        "principal": principal,
    }


@pytest.mark.slow
@pytest.mark.rule("OWN-07")
async def test_racing_looks_never_pass_the_quota(committed: PooledDatabase) -> None:
    keyring = Keyring.from_master(bytes(range(32)))
    grant = Grant(role="a", scopes=frozenset({"owners:read", "owners:disclose"}), reach=Reach(everywhere=True))
    async with committed.session() as session:
        org = await make_org(session, now=FRIDAY_NOON, values={**DEMO_POLICY, "privacy.unmask_per_hour": 3})
        owner = await make_owner(session, keyring, units=[org.units[0]])
        await session.commit()

    async def look(principal: Principal, place: int) -> bool:
        async with committed.session() as session:
            now = FRIDAY_NOON + timedelta(milliseconds=place)
            try:
                shown = await disclose(session, **_ask(owner.id, principal), keyring=keyring, now=now)
                await session.commit()
            except QuotaSpent:
                return False
            return shown.value == "+8613812341234"

    for _ in range(20):
        principal = Principal(kind=PrincipalKind.STAFF, id=uuid7(), name="甲", grants=(grant,))
        outcomes = await asyncio.gather(*(look(principal, place) for place in range(8)))
        assert outcomes.count(True) == 3
    async with committed.session() as session:
        assert await session.scalar(select(func.count()).select_from(Disclosure)) == 60
        assert await session.scalar(select(func.count()).where(Event.kind == "owner.disclosed")) == 60
