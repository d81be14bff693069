"""Records of sharing: which firm got whose case, when, why, on which ground."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import bare_ticket
from tests.factories.contractors import make_firm
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.people import Desk

from ownercare_api.contractors.models import FirmKind
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_records import Consent, ConsentChannel, ConsentPurpose
from ownercare_api.owners.models_sharing import OwnerSharing, SharingGround
from ownercare_api.tickets import service as tickets


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def owner(session: AsyncSession, org: Org, state: AppState) -> Owner:
    return await make_owner(session, state.keyring, units=[org.units[0]])


async def say(session: AsyncSession, owner: Owner, clock: FakeClock, *, given: bool) -> None:
    session.add(
        Consent(
            id=uuid7(), owner_id=owner.id, purpose=ConsentPurpose.SHARE_WITH_PROPERTY_COMPANY, given=given, at=clock(),
            channel=ConsentChannel.PAPER_FORM, recorded_by=uuid7(), recorded_by_name="甲", recorded_at=clock(),
        )
    )  # fmt: skip
    await session.flush()


@pytest.mark.rule("OWN-07")
async def test_each_firm_that_gets_a_case_is_on_record_once_with_its_ground(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, owner: Owner, people: Desk, clock: FakeClock
) -> None:
    company = await make_firm(session, kind=FirmKind.PROPERTY_COMPANY, name="安庭物业")
    builder = await make_firm(session, kind=FirmKind.CONTRACTOR, name="固盾防水")
    await say(session, owner, clock, given=True)
    cases = []
    for _ in range(2):
        ticket = await bare_ticket(session, org, now=clock())
        ticket.owner_id = owner.id
        cases.append(ticket)
    nobodys = await bare_ticket(session, org, now=clock())
    await session.flush()
    for ticket in (cases[0], nobodys):
        for firm in (company, builder, company):
            await tickets.share_with_firm(
                session, ticket_id=ticket.id, firm_id=firm.id, reason="派工 PG-1", now=clock()
            )
    clock.forward(minutes=1)
    await say(session, owner, clock, given=False)
    await tickets.share_with_firm(session, ticket_id=cases[1].id, firm_id=company.id, reason="派工 PG-2", now=clock())
    rows = (await session.scalars(select(OwnerSharing).order_by(OwnerSharing.id))).all()
    assert [(one.firm_id, one.ticket_id, one.ground, one.purpose) for one in rows] == [
        (company.id, cases[0].id, SharingGround.CONSENT, "派工 PG-1"),
        (builder.id, cases[0].id, SharingGround.CONTRACT, "派工 PG-1"),
        (company.id, cases[1].id, SharingGround.CONTRACT, "派工 PG-2"),
    ]
    assert {one.owner_id for one in rows} == {owner.id}
    reader = await people.staff("complaint_supervisor", project_id=org.project.id)
    page = await client.get(f"/v1/owners/{owner.id}/sharings", headers=reader.headers)
    newest = page.json()["items"][0]
    assert newest == {
        "id": str(rows[2].id),
        "firm": {"id": str(company.id), "name": "安庭物业"},
        "ticket_id": str(cases[1].id),
        "categories": ["caller_name", "home_address", "case_description", "photographs"],
        "ground": "contract",
        "purpose": "派工 PG-2",
        "at": "2026-11-20T04:01:00Z",
    }
    assert len(page.json()["items"]) == 3
    sibling = await make_org(session, now=clock() + timedelta(0), name="滨江壹号", region=org.region)
    stranger = await people.staff("complaint_supervisor", project_id=sibling.project.id)
    hidden = await client.get(f"/v1/owners/{owner.id}/sharings", headers=stranger.headers)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "owner_not_found")
