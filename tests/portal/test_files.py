"""Photos of an owner's own, and what of others is meant for him."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import completed_order
from tests.factories.files import JPEG, PDF, PNG, make_file
from tests.factories.portal import Login, Neighbours, make_case, rows

from ownercare_api.files.models import FileObject, FilePurpose
from ownercare_api.files.own import WAITING
from ownercare_api.tickets.lifecycle import Category, TicketStatus
from ownercare_api.workorders.models import WorkOrderPhoto


async def upload(
    client: httpx.AsyncClient, who: Login, *, content: bytes = JPEG, key: str | None = None, **fields: Any
) -> httpx.Response:
    headers = who.headers | ({} if key is None else {"Idempotency-Key": key})
    return await client.post(
        "/v1/my/files", data=fields, files={"file": ("主卧渗水.jpg", content, "image/jpeg")}, headers=headers
    )


def matter(here: Neighbours, *file_ids: str) -> dict[str, Any]:
    return {
        "unit_id": str(here.home.id),
        "category": "repair",
        "title": "主卧飘窗渗水",
        "description": "见照片。",
        "file_ids": list(file_ids),
    }


@pytest.mark.rule("REP-01")
@pytest.mark.rule("CMP-14")
async def test_photos_are_uploaded_then_named_in_the_case(
    client: httpx.AsyncClient, session: AsyncSession, here: Neighbours
) -> None:
    sent = await upload(client, here.anna, unit_id=str(here.home.id))
    assert sent.status_code == 201, sent.text
    file = sent.json()
    assert sent.headers["location"] == f"/v1/my/files/{file['id']}"
    assert (file["name"], file["purpose"], file["by_you"], file["ticket_id"], file["version"]) == (
        "主卧渗水.jpg", "photo_site", True, None, 1,
    )  # fmt: skip
    assert {"sha256", "uploaded_by", "project_id"}.isdisjoint(file)
    made = await client.post("/v1/my/tickets", json=matter(here, file["id"]), headers=here.anna.headers)
    assert made.status_code == 201, made.text
    assert [(one["id"], one["ticket_id"]) for one in made.json()["files"]] == [(file["id"], made.json()["id"])]
    got = await client.get(file["content"], headers=here.anna.headers)
    assert (got.status_code, got.content) == (200, JPEG)
    assert got.headers["content-disposition"].startswith("attachment")
    same = await client.get(file["content"], headers=here.anna.headers | {"If-None-Match": got.headers["etag"]})
    assert same.status_code == 304
    kept = await client.delete(f"/v1/my/files/{file['id']}", headers=here.anna.headers)
    assert (kept.status_code, kept.json()["code"]) == (409, "file_attached")
    clerk = here.cast.specialist
    assert (await client.get(f"/v1/files/{file['id']}", headers=clerk.headers)).status_code == 200
    # The co-owner sees the case, and not the photos that she took.
    assert (await client.get(f"/v1/my/tickets/{made.json()['id']}", headers=here.carl.headers)).json()["files"] == []
    assert (await client.get(file["content"], headers=here.carl.headers)).status_code == 404


async def test_a_photo_for_an_open_case_belongs_to_it_at_once(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours
) -> None:
    case = await make_case(session, here.org, unit=here.home, owner=here.anna, received_at=clock())
    closed = await make_case(
        session, here.org, unit=here.home, owner=here.anna, received_at=clock(), status=TicketStatus.CLOSED
    )
    sent = await upload(client, here.anna, ticket_id=str(case.id), content=PNG)
    assert (sent.status_code, sent.json()["ticket_id"], sent.json()["version"]) == (201, str(case.id), 2)
    listed = await client.get(f"/v1/my/files?ticket_id={case.id}&include_total=true", headers=here.anna.headers)
    assert (listed.json()["total"], listed.json()["items"][0]["id"]) == (1, sent.json()["id"])
    before = await rows(session)
    late = await upload(client, here.anna, ticket_id=str(closed.id))
    assert (late.status_code, late.json()["code"]) == (409, "wrong_status")
    for fields, status, code in (
        ({"ticket_id": str(case.id), "unit_id": str(here.home.id)}, 422, "validation_failed"),
        ({}, 422, "validation_failed"),
        ({"unit_id": str(here.home.id), "purpose": "photo_before"}, 422, "validation_failed"),
        ({"unit_id": str(here.home.id), "project_id": str(here.org.project.id)}, 422, "validation_failed"),
        ({"unit_id": str(here.other_home.id)}, 404, "unit_not_found"),
    ):
        refused = await upload(client, here.anna, content=JPEG, key=None, **fields)
        assert (refused.status_code, refused.json()["code"]) == (status, code), fields
    wrong = await upload(client, here.anna, unit_id=str(here.home.id), content=PDF)
    assert (wrong.status_code, wrong.json()["code"]) == (415, "file_type_not_allowed")
    for person in (here.ben, here.fred):
        assert (await upload(client, person, ticket_id=str(case.id))).status_code == 404
        assert (await upload(client, person, unit_id=str(here.home.id))).status_code == 404
    assert await rows(session) == before


async def test_what_waits_is_bounded_and_can_be_deleted(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours
) -> None:
    for _ in range(WAITING - 1):
        await make_file(session, project_id=here.org.project.id, uploaded_by=here.anna.actor.id, now=clock())
    last = await upload(client, here.anna, unit_id=str(here.home.id), key="one")
    again = await upload(client, here.anna, unit_id=str(here.home.id), key="one")
    assert (again.headers["idempotency-replayed"], again.json()) == ("true", last.json())
    before = await rows(session)
    full = await upload(client, here.anna, unit_id=str(here.home.id))
    assert (full.status_code, full.json()["code"]) == (409, "uploads_waiting")
    assert await rows(session) == before
    path = f"/v1/my/files/{last.json()['id']}"
    assert (await client.delete(path, headers=here.ben.headers)).status_code == 404
    assert await rows(session) == before
    assert (await client.delete(path, headers=here.anna.headers)).status_code == 204
    assert (await upload(client, here.anna, unit_id=str(here.home.id))).status_code == 201


@pytest.mark.rule("OWN-07")
async def test_a_case_takes_only_his_own_photos(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours
) -> None:
    used = await make_case(session, here.org, unit=here.home, owner=here.anna, received_at=clock())
    project = here.org.project.id
    bad = {
        "bens": await make_file(session, project_id=project, uploaded_by=here.ben.actor.id, now=clock()),
        "staffs": await make_file(session, project_id=project, uploaded_by=here.cast.specialist.id, now=clock()),
        "used": await make_file(
            session, project_id=project, uploaded_by=here.anna.actor.id, now=clock(), ticket_id=used.id
        ),
        "signature": await make_file(
            session, project_id=project, uploaded_by=here.anna.actor.id, now=clock(), purpose=FilePurpose.SIGNATURE
        ),
    }
    before = await rows(session)
    for name, file in bad.items():
        refused = await client.post("/v1/my/tickets", json=matter(here, str(file.id)), headers=here.anna.headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "file_not_usable"), name
        assert await rows(session) == before
    many = [str(bad["bens"].id)] * 10
    assert (await client.post("/v1/my/tickets", json=matter(here, *many), headers=here.anna.headers)).status_code == 422


@pytest.mark.rule("OWN-07")
async def test_of_others_he_sees_the_photos_of_the_work_only(
    client: httpx.AsyncClient, session: AsyncSession, clock: FakeClock, here: Neighbours
) -> None:
    case = await make_case(
        session, here.org, unit=here.home, owner=here.anna, received_at=clock(), category=Category.REPAIR
    )
    await completed_order(session, here.cast, now=clock(), ticket=case)
    photos = set(await session.scalars(select(WorkOrderPhoto.file_id)))
    internal = [
        await make_file(
            session, project_id=case.project_id, uploaded_by=here.cast.specialist.id, now=clock(), ticket_id=case.id,
            purpose=purpose,
        )
        for purpose in (FilePurpose.DOCUMENT, FilePurpose.RECORDING, FilePurpose.SIGNATURE, FilePurpose.PHOTO_SITE)
    ]  # fmt: skip
    for person in (here.anna, here.carl):
        shown = (await client.get(f"/v1/my/tickets/{case.id}", headers=person.headers)).json()["files"]
        assert {one["id"] for one in shown} == {str(one) for one in photos}
        assert {(one["name"], one["by_you"]) for one in shown} == {
            ("photo_before.jpg", False),
            ("photo_after.jpg", False),
        }
    hidden = [one.id for one in internal]
    for person, files in ((here.anna, hidden), (here.ben, [*hidden, *photos]), (here.fred, [*hidden, *photos])):
        for file_id in files:
            for path in (f"/v1/my/files/{file_id}", f"/v1/my/files/{file_id}/content"):
                answer = await client.get(path, headers=person.headers)
                assert (answer.status_code, answer.json()["code"]) == (404, "file_not_found")
    listed = (await client.get("/v1/my/files?limit=1&include_total=true", headers=here.anna.headers)).json()
    assert (listed["total"], len(listed["items"])) == (2, 1)
    assert (await client.get("/v1/my/files", headers=here.ben.headers)).json()["items"] == []
    first = await session.get_one(FileObject, next(iter(photos)))
    away = await client.get(f"/v1/my/files/{first.id}/content", headers=here.anna.headers)
    assert (away.status_code, away.json()["code"]) == (503, "file_content_unavailable")
