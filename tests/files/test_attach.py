"""Binding attachments to cases."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import bare_ticket
from tests.factories.contractors import make_firm
from tests.factories.files import make_file
from tests.factories.org import Org, make_org
from tests.factories.people import Actor, Desk

from ownercare_api.contractors.models import FirmKind
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.ids import uuid7
from ownercare_api.files import service
from ownercare_api.files.models import FileObject, FilePurpose
from ownercare_api.identity.principal import SYSTEM, Grant, Principal, PrincipalKind, Reach
from ownercare_api.tickets.models import Ticket

PHOTOS = (FilePurpose.PHOTO_SITE, FilePurpose.PHOTO_BEFORE)


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


async def attach(session: AsyncSession, actor: Actor, ticket: Ticket, ids: Sequence[UUID]) -> list[UUID]:
    assert actor.principal is not None
    bound = await service.attach(
        session,
        file_ids=ids,
        ticket_id=ticket.id,
        project_id=ticket.project_id,
        principal=actor.principal,
        purposes=PHOTOS,
    )
    return [file.id for file in bound]


@pytest.mark.rule("CMP-14")
async def test_attachments_follow_their_case_in_the_order_named(
    session: AsyncSession, people: Desk, clock: FakeClock, org: Org
) -> None:
    clerk = await people.staff("records_clerk", project_id=org.project.id)
    ticket = await bare_ticket(session, org, now=clock())
    first, second = [
        await make_file(session, project_id=org.project.id, uploaded_by=clerk.id, now=clock()) for _ in range(2)
    ]
    assert await attach(session, clerk, ticket, []) == []
    assert await attach(session, clerk, ticket, [second.id, first.id, second.id]) == [second.id, first.id]
    assert (first.ticket_id, second.ticket_id) == (ticket.id, ticket.id)
    # The same photo may serve two steps of one case.
    assert await attach(session, clerk, ticket, [first.id]) == [first.id]


@pytest.mark.rule("OWN-07")
async def test_one_bad_attachment_binds_none(session: AsyncSession, people: Desk, clock: FakeClock, org: Org) -> None:
    now = clock()
    other = await make_org(session, now=now, name="临澜府", region=org.region)
    clerk = await people.staff("records_clerk", project_id=org.project.id)
    firm = await make_firm(session, kind=FirmKind.CONTRACTOR)
    contractor = await people.firm_user("contractor_representative", firm_id=firm.id)
    ticket = await bare_ticket(session, org, now=now, firm_id=firm.id)
    elsewhere = await bare_ticket(session, org, now=now)
    here = org.project.id
    good = await make_file(session, project_id=here, uploaded_by=clerk.id, now=now)
    bad = [
        await make_file(session, project_id=other.project.id, uploaded_by=clerk.id, now=now),
        await make_file(session, project_id=here, uploaded_by=clerk.id, now=now, purpose=FilePurpose.DOCUMENT),
        await make_file(session, project_id=here, uploaded_by=clerk.id, now=now, ticket_id=elsewhere.id),
    ]
    for file_id in [*(file.id for file in bad), uuid7()]:
        with pytest.raises(service.FileNotUsable) as refused:
            await attach(session, clerk, ticket, [good.id, file_id])
        assert str(file_id) not in str(refused.value)
        assert good.ticket_id is None
    # A contractor can't guess the id of our unattached photo, but may use its own.
    with pytest.raises(service.FileNotUsable):
        await attach(session, contractor, ticket, [good.id])
    own = await make_file(session, project_id=here, uploaded_by=contractor.id, firm_id=firm.id, now=now)
    assert await attach(session, contractor, ticket, [own.id]) == [own.id]
    assert good.ticket_id is None


@pytest.mark.slow
async def test_two_cases_never_share_an_attachment(committed: PooledDatabase, clock: FakeClock) -> None:
    who = Principal(
        kind=PrincipalKind.STAFF,
        id=uuid7(),
        name="资料员",
        grants=(Grant(role="records_clerk", scopes=frozenset({"files:read"}), reach=Reach(everywhere=True)),),
    )
    async with committed.session() as session:
        org = await make_org(session, now=clock())
        tickets = [await bare_ticket(session, org, now=clock()) for _ in range(2)]
        files = [
            await make_file(session, project_id=org.project.id, uploaded_by=SYSTEM.id, now=clock()) for _ in range(20)
        ]
        project, cases, ids = org.project.id, [ticket.id for ticket in tickets], [file.id for file in files]
        await session.commit()

    async def claim(ticket_id: UUID, file_id: UUID) -> bool:
        async with committed.session() as session:
            try:
                await service.attach(
                    session,
                    file_ids=[file_id],
                    ticket_id=ticket_id,
                    project_id=project,
                    principal=who,
                    purposes=PHOTOS,
                )
            except service.FileNotUsable:
                return False
            await session.commit()
            return True

    for file_id in ids:
        won = await asyncio.gather(*(claim(ticket_id, file_id) for ticket_id in cases))
        assert sorted(won) == [False, True]
        async with committed.session() as session:
            holder = await session.scalar(select(FileObject.ticket_id).where(FileObject.id == file_id))
        assert holder == cases[won.index(True)]
