"""Maker is never checker, by person (reading 10): every way round it that people have found."""

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.approvals.conftest import Heard
from tests.approvals.test_decisions import decide, refused
from tests.conftest import FakeClock
from tests.factories.approvals import everything, make_request
from tests.factories.org import Org
from tests.factories.people import Desk

from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.identity.models import GrantLevel, RoleGrant

pytestmark = [pytest.mark.rule("FIN-01"), pytest.mark.rule("FIN-02"), pytest.mark.rule("FIN-03")]


@pytest.mark.parametrize(
    ("role", "amount_fen"),
    [("customer_service_manager", 200_000), ("deputy_chief_engineer", 2_000_000), ("general_manager", 2_000_001)],
)
async def test_who_asked_does_not_decide(
    client: httpx.AsyncClient,
    people: Desk,
    session: AsyncSession,
    org: Org,
    clock: FakeClock,
    role: str,
    amount_fen: int,
) -> None:
    person = await people.staff(role)
    asked = await make_request(session, org=org, now=clock(), amount_fen=amount_fen, actor=person.principal)
    await refused(client, session, asked.id, person, status=403, code="own_work")
    seen = (await client.get(f"/v1/approvals/{asked.id}", headers=person.headers)).json()
    assert seen["makers"] == [{"id": str(person.id), "part": "requested"}]
    assert seen["allowed_actions"] == []


@pytest.mark.parametrize("part", ["estimated", "surveyed", "edited"])
async def test_who_worked_on_it_does_not_decide(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock, part: str, heard: Heard
) -> None:
    manager = await people.staff("customer_service_manager")
    asked = await make_request(session, org=org, now=clock(), makers={manager.id: part})
    await refused(client, session, asked.id, manager, status=403, code="own_work")
    other = await people.staff("customer_service_manager")
    assert (await decide(client, asked.id, other)).json()["status"] == "approved"


async def test_who_worked_on_it_decides_in_no_later_seat_either(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock
) -> None:
    deputy = await people.staff("deputy_general_manager")
    asked = await make_request(session, org=org, now=clock(), amount_fen=900_000, makers={deputy.id: "estimated"})
    await refused(client, session, asked.id, deputy, status=403, code="own_work")
    assert (await decide(client, asked.id, await people.staff("deputy_chief_engineer"))).status_code == 201
    await refused(client, session, asked.id, deputy, status=403, code="own_work")


async def test_one_person_does_not_sit_in_both_seats(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock, heard: Heard
) -> None:
    both = await people.staff("deputy_chief_engineer", "deputy_general_manager")
    asked = await make_request(session, org=org, now=clock(), amount_fen=900_000)
    reviewed = await decide(client, asked.id, both)
    assert (reviewed.status_code, reviewed.json()["turn"]) == (201, "deputy_general_manager")
    assert reviewed.json()["allowed_actions"] == []
    await refused(client, session, asked.id, both, status=403, code="two_people")
    other = await people.staff("deputy_general_manager")
    assert (await decide(client, asked.id, other)).json()["status"] == "approved"
    assert [told[2] for told in heard] == [other.id]


async def test_a_role_granted_later_does_not_make_a_checker_of_a_maker(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock, state: AppState
) -> None:
    specialist = await people.staff("customer_relations_specialist")
    asked = await make_request(session, org=org, now=clock(), makers={specialist.id: "estimated"})
    await refused(client, session, asked.id, specialist, status=403, code="wrong_tier")
    grant = RoleGrant(
        id=uuid7(),
        account_id=specialist.id,
        role="customer_service_manager",
        level=GrantLevel.COMPANY,
        target_id=None,
    )
    grant.starts_at = clock.forward(hours=1)
    session.add(grant)
    await session.flush()
    state.parts[PrincipalCache] = PrincipalCache()
    clock.forward(minutes=1)
    await refused(client, session, asked.id, specialist, status=403, code="own_work")


async def test_an_edit_after_the_review_starts_the_seats_anew_and_forgets_no_maker(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock, heard: Heard
) -> None:
    engineer, deputy = await people.staff("deputy_chief_engineer"), await people.staff("deputy_general_manager")
    first_deputy = await people.staff("deputy_general_manager")
    asked = await make_request(session, org=org, now=clock(), amount_fen=300_000, actor=first_deputy.principal)
    assert (await decide(client, asked.id, engineer)).json()["turn"] == "deputy_general_manager"
    clock.forward(minutes=5)
    anew = await make_request(session, org=org, now=clock(), amount_fen=400_000, subject_id=asked.subject_id)
    await refused(client, session, asked.id, deputy, status=409, code="already_decided")
    await refused(client, session, anew.id, deputy, status=409, code="out_of_turn")
    await refused(client, session, anew.id, first_deputy, status=403, code="own_work")
    assert (await decide(client, anew.id, engineer)).status_code == 201
    assert (await decide(client, anew.id, deputy)).json()["status"] == "approved"
    assert heard == [(asked.subject_id, "approved", deputy.id)]


@pytest.mark.rule("ORG-10")
async def test_a_machine_never_decides(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org, clock: FakeClock
) -> None:
    machine = await people.machine("approvals:read", "approvals:decide:department_manager")
    asked = await make_request(session, org=org, now=clock())
    await refused(client, session, asked.id, machine, status=403, code="person_required")
    mine = await client.get("/v1/approvals?mine=true", headers=machine.headers)
    assert mine.json()["items"] == []
    assert len((await everything(session))[0]) == 1
