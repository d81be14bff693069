"""Whoever fetches an attachment that shows an owner's data leaves a look; a restricted owner's papers stay shut."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import bare_ticket
from tests.factories.files import JPEG, M4A
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.people import Actor, Desk
from tests.factories.records import get, post, rows

from ownercare_api.core.http.state import AppState
from ownercare_api.files.models import FileObject
from ownercare_api.owners.models import Owner, Ownership
from ownercare_api.owners.models_looks import OwnerLook

BYTES = {"recording": (M4A, "来电录音.m4a"), "photo_site": (JPEG, "主卧渗水.jpg"), "document": (JPEG, "身份证.jpg")}


@dataclass
class House:
    """A project with two owners, the clerk who enters papers, a colleague, and who handles the persons' requests."""

    client: httpx.AsyncClient
    session: AsyncSession
    org: Org
    owner: Owner
    other: Owner
    clerk: Actor
    colleague: Actor
    officer: Actor

    async def upload(self, purpose: str = "document") -> str:
        """Upload an attachment as the clerk; returns its id."""
        content, name = BYTES[purpose]
        answer = await self.client.post(
            "/v1/files",
            files={"file": (name, content, "application/octet-stream")},
            data={"purpose": purpose, "project_id": str(self.org.project.id)},
            headers=self.clerk.headers,
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def evidence(self) -> str:
        """Upload a scan and name it in a change request of the owner."""
        file_id = await self.upload()
        body = {"owner_id": str(self.owner.id), "changes": {"sex": "female"}, "channel": "visit"}
        await post(self.client, "/v1/owner-change-requests", self.clerk, **body, evidence_file_ids=[file_id])
        return file_id

    async def fetch(self, file_id: str, actor: Actor, **headers: str) -> httpx.Response:
        """Ask for the bytes."""
        return await self.client.get(
            f"/v1/files/{file_id}/content",
            headers={**actor.headers, **{k.replace("_", "-"): headers[k] for k in headers}},
        )

    async def looks(self, owner: Owner) -> list[tuple[UUID, str, UUID | None]]:
        """Return who fetched something about an owner."""
        query = sa.select(OwnerLook.actor_id, OwnerLook.look, OwnerLook.ticket_id).order_by(OwnerLook.id)
        found = await self.session.execute(
            query.where(OwnerLook.owner_ids.contains([owner.id]), OwnerLook.look == "file")
        )
        return [(actor_id, look, ticket_id) for actor_id, look, ticket_id in found]


@pytest.fixture
async def house(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, state: AppState, clock: FakeClock
) -> House:
    org = await make_org(session, now=clock())
    return House(
        client=client,
        session=session,
        org=org,
        owner=await make_owner(session, state.keyring, units=[org.units[0]]),
        other=await make_owner(session, state.keyring, name="顾长风", phone="13812340002", units=[org.units[1]]),
        clerk=await people.staff("customer_relations_supervisor", "records_clerk", project_id=org.project.id),
        colleague=await people.staff("customer_relations_specialist", project_id=org.project.id),
        officer=await people.staff("legal_counsel"),
    )


@pytest.mark.rule("OWN-07")
async def test_fetching_evidence_leaves_a_look_that_the_owner_sees(house: House, people: Desk) -> None:
    file_id = await house.evidence()
    login = await people.owner(house.owner.id)
    facts = await house.client.get(f"/v1/files/{file_id}", headers=house.colleague.headers)
    assert facts.status_code == 200
    assert await house.looks(house.owner) == []  # facts are no content
    answer = await house.fetch(file_id, house.colleague)
    assert (answer.status_code, answer.content) == (200, JPEG)
    assert await house.looks(house.owner) == [(house.colleague.id, "file", None)]
    told = [one for one in (await get(house.client, "/v1/my/looks", login))["items"] if one["look"] == "file"]
    assert [(one["who"], one["words"]) for one in told] == [(house.colleague.name, "下载了有关您的附件")]
    assert await house.looks(house.other) == []


@pytest.mark.rule("OWN-07")
async def test_a_part_is_a_look_too_and_what_is_at_hand_already_is_none(house: House) -> None:
    file_id = await house.evidence()
    part = await house.fetch(file_id, house.colleague, Range="bytes=1-3")
    assert (part.status_code, part.content) == (206, JPEG[1:4])
    assert len(await house.looks(house.owner)) == 1
    again = await house.fetch(file_id, house.colleague, If_None_Match=part.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert len(await house.looks(house.owner)) == 1


@pytest.mark.rule("OWN-07")
async def test_recordings_of_a_case_leave_a_look_and_photos_of_the_damage_none(house: House, clock: FakeClock) -> None:
    ticket = await bare_ticket(house.session, house.org, now=clock())
    ticket.owner_id = house.owner.id
    recording, photo = await house.upload("recording"), await house.upload("photo_site")
    await house.session.execute(
        sa.update(FileObject).where(FileObject.id.in_([UUID(recording), UUID(photo)])).values(ticket_id=ticket.id)
    )
    await house.session.flush()
    assert (await house.fetch(photo, house.colleague)).status_code == 200
    assert await house.looks(house.owner) == []
    assert (await house.fetch(recording, house.colleague)).status_code == 200
    assert await house.looks(house.owner) == [(house.colleague.id, "file", ticket.id)]


@pytest.mark.rule("OWN-07")
@pytest.mark.rule("OWN-13")
async def test_papers_of_a_transfer_are_about_all_who_sell_and_buy(house: House) -> None:
    file_id = await house.upload()
    sold = await house.session.scalar(sa.select(Ownership.id).where(Ownership.owner_id == house.owner.id))
    await post(
        house.client, f"/v1/units/{house.org.units[0].id}/transfers", house.clerk, on_date="2026-11-20",
        sellers=[{"ownership_id": str(sold)}], evidence_file_ids=[file_id],
        buyers=[{"owner_id": str(house.other.id), "share_bp": 4_000},
                {"new_owner": {"name": "陈晓东", "phones": [{"number": "13756781234"}]}, "share_bp": 6_000}],
    )  # fmt: skip
    new = await house.session.scalar(sa.select(Owner).where(Owner.name == "陈晓东"))
    assert new is not None
    assert (await house.fetch(file_id, house.colleague)).status_code == 200
    for owner in (house.owner, house.other, new):
        assert await house.looks(owner) == [(house.colleague.id, "file", None)]


@pytest.mark.rule("OWN-07")
@pytest.mark.parametrize("through", ["itself", "the record that it was merged into"])
async def test_a_restricted_owners_papers_are_shut_but_for_who_handles_requests(
    house: House, clock: FakeClock, through: str
) -> None:
    file_id = await house.evidence()
    restricted = house.owner if through == "itself" else house.other
    if restricted is house.other:
        house.owner.merged_into = house.other.id
    restricted.restricted_at = clock()
    await house.session.flush()
    before = await rows(house.session)
    for actor in (house.colleague, house.clerk):  # the clerk uploaded it
        for path in (f"/v1/files/{file_id}", f"/v1/files/{file_id}/content"):
            answer = await house.client.get(path, headers=actor.headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "file_not_found")
        listed: dict[str, Any] = await get(house.client, "/v1/files", actor)
        assert file_id not in [one["id"] for one in listed["items"]]
    assert await rows(house.session) == before
    assert await house.looks(house.owner) == []
    assert (await house.fetch(file_id, house.officer)).status_code == 200
    assert await house.looks(house.owner) == [(house.officer.id, "file", None)]
