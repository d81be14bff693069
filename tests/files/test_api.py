"""Attachments over HTTP."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.cases import bare_ticket
from tests.factories.contractors import make_contractor, make_firm
from tests.factories.files import JPEG, M4A, MP4_VIDEO, PDF, PNG, XLSX, make_file
from tests.factories.org import Org, make_org
from tests.factories.people import Actor, Desk

from ownercare_api.contractors.models import FirmKind
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.files.models import FileObject
from ownercare_api.timeline.models import Event


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


async def send(
    client: httpx.AsyncClient,
    actor: Actor,
    org: Org,
    *,
    content: bytes = JPEG,
    name: str = "主卧渗水.jpg",
    claimed: str = "image/jpeg",
    purpose: str = "photo_site",
    **headers: str,
) -> httpx.Response:
    return await client.post(
        "/v1/files",
        files={"file": (name, content, claimed)},
        data={"purpose": purpose, "project_id": str(org.project.id)},
        headers={**actor.headers, **{key.replace("_", "-"): value for key, value in headers.items()}},
    )


async def totals(session: AsyncSession) -> tuple[int, int]:
    files = await session.scalar(select(func.count()).select_from(FileObject))
    events = await session.scalar(select(func.count()).select_from(Event))
    return files or 0, events or 0


def folder(state: AppState, content: bytes) -> Path:
    sha256 = hashlib.sha256(content).hexdigest()
    return state.settings.data_dir / "files" / sha256[:2] / sha256


@pytest.mark.rule("CMP-14")
async def test_an_upload_is_kept_on_disk_and_recorded(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState, org: Org
) -> None:
    actor = await people.staff("records_clerk", project_id=org.project.id)
    answer = await send(client, actor, org, claimed="application/octet-stream")
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert answer.headers["location"] == f"/v1/files/{body['id']}"
    assert answer.headers["etag"].startswith('"1.')
    assert body == {
        "id": body["id"],
        "project_id": str(org.project.id),
        "ticket_id": None,
        "purpose": "photo_site",
        "name": "主卧渗水.jpg",
        "media_type": "image/jpeg",
        "size_bytes": len(JPEG),
        "sha256": hashlib.sha256(JPEG).hexdigest(),
        "uploaded_by": str(actor.id),
        "uploaded_by_firm_id": None,
        "created_at": "2026-11-20T04:00:00Z",
        "attached": False,
        "content": f"/v1/files/{body['id']}/content",
        "version": 1,
    }
    assert folder(state, JPEG).read_bytes() == JPEG
    event = (await session.scalars(select(Event).where(Event.subject_id == UUID(body["id"])))).one()
    assert (event.kind, event.project_id, event.actor_id) == ("file.uploaded", org.project.id, actor.id)
    assert set(event.data) == {"purpose", "media_type", "size_bytes", "sha256"}
    read = await client.get(f"/v1/files/{body['id']}", headers=actor.headers)
    assert read.json() == body
    again = await client.get(
        f"/v1/files/{body['id']}", headers={**actor.headers, "If-None-Match": read.headers["etag"]}
    )
    assert again.status_code == 304


async def test_the_content_comes_back_as_a_download(client: httpx.AsyncClient, people: Desk, org: Org) -> None:
    actor = await people.staff("records_clerk", project_id=org.project.id)
    file = (await send(client, actor, org, content=PNG, name="签名.png", purpose="signature")).json()
    answer = await client.get(file["content"], headers=actor.headers)
    assert answer.status_code == 200
    assert answer.content == PNG
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"file.png\"; filename*=UTF-8''%E7%AD%BE%E5%90%8D.png"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["etag"] == f'"{file["sha256"]}"'
    part = await client.get(file["content"], headers={**actor.headers, "Range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, b"PNG")
    known = await client.get(file["content"], headers={**actor.headers, "If-None-Match": answer.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


async def test_missing_bytes_are_a_problem_not_a_crash(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, org: Org
) -> None:
    actor = await people.staff("records_clerk", project_id=org.project.id)
    file = await make_file(session, project_id=org.project.id, uploaded_by=actor.id, now=clock())
    answer = await client.get(f"/v1/files/{file.id}/content", headers=actor.headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "file_content_unavailable")


@pytest.mark.parametrize(
    ("content", "purpose"),
    [
        (b"<svg onload='alert(1)'/>", "photo_site"),
        (MP4_VIDEO, "recording"),
        (PDF, "signature"),
        (M4A, "photo_before"),
        (XLSX, "recording"),
    ],
)
async def test_the_bytes_decide_not_the_claim(
    client: httpx.AsyncClient,
    people: Desk,
    session: AsyncSession,
    state: AppState,
    org: Org,
    content: bytes,
    purpose: str,
) -> None:
    actor = await people.staff("records_clerk", project_id=org.project.id)
    before = await totals(session)
    answer = await send(client, actor, org, content=content, purpose=purpose)
    assert (answer.status_code, answer.json()["code"]) == (415, "file_type_not_allowed")
    assert await totals(session) == before
    if content != PDF:
        assert not folder(state, content).exists()


@pytest.mark.parametrize(("content", "purpose"), [(PDF, "document"), (XLSX, "document"), (M4A, "recording")])
async def test_documents_and_recordings_are_taken(
    client: httpx.AsyncClient, people: Desk, org: Org, content: bytes, purpose: str
) -> None:
    actor = await people.staff("records_clerk", project_id=org.project.id)
    answer = await send(client, actor, org, content=content, purpose=purpose, name="资料")
    assert answer.status_code == 201, answer.text
    assert answer.json()["name"].rpartition(".")[2] in ("pdf", "xlsx", "m4a")


async def test_too_big_is_a_problem_however_it_is_sent(
    client: httpx.AsyncClient,
    people: Desk,
    session: AsyncSession,
    state: AppState,
    org: Org,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    actor = await people.staff("records_clerk", project_id=org.project.id)
    smaller = state.settings.model_copy(update={"max_file_bytes": 2_000_000})
    monkeypatch.setattr(state, "settings", smaller)
    before = await totals(session)

    async def refused(answer: httpx.Response) -> None:
        assert answer.status_code == 413, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "file_too_large"
        assert await totals(session) == before

    await refused(await send(client, actor, org, content=JPEG + bytes(3_000_000)))
    await refused(await send(client, actor, org, content=JPEG + bytes(2_000_001 - len(JPEG))))
    request = client.build_request("POST", "/v1/files", files={"file": ("a.jpg", JPEG + bytes(3_000_000))})
    body = request.read()

    async def in_parts() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    headers = {**actor.headers, "Content-Type": request.headers["content-type"]}
    await refused(await client.post("/v1/files", content=in_parts(), headers=headers))
    exactly = await send(client, actor, org, content=JPEG + bytes(2_000_000 - len(JPEG)))
    assert exactly.status_code == 201
    assert exactly.json()["size_bytes"] == 2_000_000


async def test_malformed_forms_are_told_apart(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org
) -> None:
    actor = await people.staff("records_clerk", project_id=org.project.id)
    before = await totals(session)
    photo = {"file": ("a.jpg", JPEG, "image/jpeg")}
    good = {"purpose": "photo_site", "project_id": str(org.project.id)}

    async def post(**parts: Any) -> tuple[int, str, list[tuple[str, str]]]:
        answer = await client.post("/v1/files", headers=actor.headers, **parts)
        body = answer.json()
        return answer.status_code, body["code"], [(one["pointer"], one["code"]) for one in body["errors"]]

    assert await post(files=photo, data=good | {"purpose": "selfie"}) == (
        422,
        "validation_failed",
        [("#/purpose", "enum")],
    )
    assert await post(files=photo, data={"purpose": "photo_site"}) == (
        422,
        "validation_failed",
        [("#/project_id", "missing")],
    )
    assert await post(files=photo, data=good | {"owner": "x"}) == (
        422,
        "validation_failed",
        [("#", "extra_forbidden")],
    )
    assert await post(files={"other": ("a.jpg", JPEG)}, data=good) == (
        422,
        "validation_failed",
        [("#/file", "missing")],
    )
    assert await post(files=[("file", photo["file"]), ("file", photo["file"])], data=good) == (400, "bad_request", [])
    assert await post(files=photo, data=good | {"purpose": ["photo_site", "document"]}) == (
        422,
        "validation_failed",
        [("#", "duplicate_key")],
    )
    assert await post(files={"file": ("a.jpg", b"")}, data=good) == (422, "file_empty", [])
    assert await post(json=good) == (415, "unsupported_media_type", [])
    assert await post(files=photo, data=good | {"purpose": "a\0b"}) == (422, "unstorable_text", [])
    assert await post(files=photo, data=good | {"project_id": str(uuid7())}) == (403, "out_of_reach", [])
    everywhere = await people.staff("records_clerk")
    answer = await client.post(
        "/v1/files", headers=everywhere.headers, files=photo, data=good | {"project_id": str(uuid7())}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "project_unknown")
    assert answer.json()["errors"][0]["pointer"] == "#/project_id"
    assert await totals(session) == before


async def test_a_repeated_upload_is_answered_once(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org
) -> None:
    actor = await people.staff("records_clerk", project_id=org.project.id)
    first = await send(client, actor, org, idempotency_key="photo-1")
    after_first = await totals(session)
    # Every sending has another boundary; what counts is what the form says.
    second = await send(client, actor, org, idempotency_key="photo-1")
    assert second.status_code == 201
    assert second.headers["idempotency-replayed"] == "true"
    assert second.json() == first.json()
    assert second.headers["location"] == first.headers["location"]
    other = await send(client, actor, org, content=PNG, idempotency_key="photo-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await totals(session) == after_first


async def test_who_may_not_write_is_refused_before_the_body_is_read(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, org: Org
) -> None:
    reader = await people.staff("data_analyst", project_id=org.project.id)
    before = await totals(session)

    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    nobody = await client.post("/v1/files", content=never(), headers=headers)
    assert (nobody.status_code, nobody.json()["code"]) == (401, "invalid_token")
    unable = await client.post("/v1/files", content=never(), headers={**headers, **reader.headers})
    assert (unable.status_code, unable.json()["code"]) == (403, "missing_scope")
    assert await totals(session) == before


@pytest.mark.rule("OWN-07")
async def test_each_sees_what_concerns_them(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, org: Org, queries: QueryRecorder
) -> None:
    now = clock()
    other = await make_org(session, now=now, name="临澜府", region=org.region)
    ours = await make_contractor(session, org)
    theirs = await make_firm(session, kind=FirmKind.CONTRACTOR)
    clerk = await people.staff("records_clerk", project_id=org.project.id)
    neighbour = await people.staff("records_clerk", project_id=other.project.id)
    manager = await people.staff("general_manager")
    contractor = await people.firm_user("contractor_representative", firm_id=ours.firm.id)
    stranger = await people.firm_user("contractor_representative", firm_id=theirs.id)
    shared = await bare_ticket(session, org, now=now, firm_id=ours.firm.id)
    private = await bare_ticket(session, org, now=now)
    rows = {
        "loose": await make_file(session, project_id=org.project.id, uploaded_by=clerk.id, now=now),
        "shared": await make_file(
            session, project_id=org.project.id, uploaded_by=clerk.id, ticket_id=shared.id, now=now
        ),
        "private": await make_file(
            session, project_id=org.project.id, uploaded_by=clerk.id, ticket_id=private.id, now=now
        ),
        "firm": await make_file(
            session, project_id=org.project.id, uploaded_by=contractor.id, firm_id=ours.firm.id, now=now
        ),
        "other": await make_file(session, project_id=other.project.id, uploaded_by=neighbour.id, now=now),
    }
    sees = [
        (clerk, {"loose", "shared", "private", "firm"}),
        (neighbour, {"other"}),
        (manager, set(rows)),
        (contractor, {"shared", "firm"}),
        (stranger, set()),
    ]
    for actor, visible in sees:
        listed = await client.get("/v1/files", params={"include_total": True}, headers=actor.headers)
        assert [one["id"] for one in listed.json()["items"]] == [
            str(file.id) for name, file in reversed(rows.items()) if name in visible
        ]
        assert listed.json()["total"] == len(visible)
        for name, file in rows.items():
            for path in (f"/v1/files/{file.id}", f"/v1/files/{file.id}/content"):
                answer = await client.get(path, headers=actor.headers)
                expected = 404 if name not in visible else 503 if path.endswith("content") else 200
                assert answer.status_code == expected, (actor.name, name)
    only = await client.get("/v1/files", params={"ticket_id": str(private.id)}, headers=clerk.headers)
    assert [one["id"] for one in only.json()["items"]] == [str(rows["private"].id)]
    hidden = await client.get("/v1/files", params={"ticket_id": str(private.id)}, headers=contractor.headers)
    assert hidden.json()["items"] == []
    page = await client.get("/v1/files", params={"limit": 3}, headers=clerk.headers)
    with queries:
        rest = await client.get(page.headers["link"].split(";")[0].strip("<>"), headers=clerk.headers)
    assert [one["id"] for one in rest.json()["items"]] == [str(rows["loose"].id)]
    assert queries.count == 1


@pytest.mark.rule("OWN-07")
async def test_firms_upload_only_for_projects_they_work_in(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, org: Org
) -> None:
    other = await make_org(session, now=clock(), name="临澜府", region=org.region)
    ours = await make_contractor(session, org)
    contractor = await people.firm_user("contractor_representative", firm_id=ours.firm.id)
    own = await send(client, contractor, org)
    assert own.status_code == 201
    assert own.json()["uploaded_by_firm_id"] == str(ours.firm.id)
    before = await totals(session)
    refused = await send(client, contractor, other)
    assert (refused.status_code, refused.json()["code"]) == (403, "out_of_reach")
    neighbour = await people.staff("records_clerk", project_id=other.project.id)
    refused = await send(client, neighbour, org)
    assert (refused.status_code, refused.json()["code"]) == (403, "out_of_reach")
    assert await totals(session) == before
    await bare_ticket(session, other, now=clock(), firm_id=ours.firm.id)
    assert (await send(client, contractor, other)).status_code == 201


@pytest.mark.rule("CMP-14")
async def test_only_the_uploader_deletes_and_only_while_loose(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState, clock: FakeClock, org: Org
) -> None:
    clerk = await people.staff("records_clerk", project_id=org.project.id)
    colleague = await people.staff("customer_service_manager", project_id=org.project.id)
    elsewhere = await people.staff("records_clerk", project_id=uuid7())
    ticket = await bare_ticket(session, org, now=clock())
    loose = (await send(client, clerk, org)).json()["id"]
    kept = await make_file(session, project_id=org.project.id, uploaded_by=clerk.id, ticket_id=ticket.id, now=clock())
    before = await totals(session)

    async def delete(actor: Actor, file_id: object) -> tuple[int, str]:
        answer = await client.delete(f"/v1/files/{file_id}", headers=actor.headers)
        return answer.status_code, answer.json()["code"] if answer.content else ""

    assert await delete(colleague, loose) == (403, "not_the_uploader")
    assert await delete(elsewhere, loose) == (404, "file_not_found")
    assert await delete(clerk, kept.id) == (409, "file_attached")
    assert await delete(clerk, uuid7()) == (404, "file_not_found")
    assert await totals(session) == before
    assert await delete(clerk, loose) == (204, "")
    assert await totals(session) == (before[0] - 1, before[1] + 1)
    assert await delete(clerk, loose) == (404, "file_not_found")
    assert folder(state, JPEG).exists()  # until the sweep
