"""Attachments over HTTP: upload, look, fetch, delete."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import BadRequest, Invalid
from ownercare_api.core.http import idempotency
from ownercare_api.core.http.downloads import download
from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.forms import COUNTED_HERE, SameForm, form_with_file
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute, UnstorableText
from ownercare_api.core.http.state import AppState, Now, State, app_state, present
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.files import repository, service
from ownercare_api.files.access import FilesRead, FilesWrite
from ownercare_api.files.media import KINDS
from ownercare_api.files.models import FilePurpose
from ownercare_api.files.naming import disposition
from ownercare_api.files.repository import Surroundings
from ownercare_api.files.schemas import FileRead, UploadFields
from ownercare_api.files.storage import Store
from ownercare_api.identity.access import MissingScope
from ownercare_api.identity.principal import OutOfReach
from ownercare_api.identity.tokens import InvalidToken

router = APIRouter(prefix="/v1", tags=["files"], route_class=OwnerCareRoute)

_FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file", "purpose", "project_id"],
                "additionalProperties": False,
                "properties": {
                    "file": {
                        "type": "string",
                        "format": "binary",
                        "description": "JPEG, PNG, WebP, HEIC; PDF, XLSX; MP3, WAV, M4A, told by their bytes (附件)",
                    },
                    **UploadFields.model_json_schema(ref_template="#/components/schemas/{model}")["properties"],
                },
            },
            "example": {
                "file": "主卧渗水照片.jpg",
                "purpose": "photo_before",
                "project_id": "0198c5f0-0000-7000-8000-000000000001",
            },
        }
    },
}
_FORM["content"]["multipart/form-data"]["schema"]["properties"]["purpose"] = {  # type: ignore[index]
    "type": "string",
    "enum": [purpose.value for purpose in FilePurpose],
    "description": UploadFields.model_fields["purpose"].description,
}


_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Any text of the caller's choice, best a fresh UUID. The same key with the same file and fields "
    "gives the first answer again for 48 hours, with `Idempotency-Replayed: true`.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}


async def _received(request: Request, state: State) -> AsyncIterator[service.Upload]:
    """Read the form, once the caller is known and before a database connection is taken."""
    most = state.settings.max_file_bytes
    too_large = service.FileTooLarge(max_bytes=most)
    async with form_with_file(request, max_bytes=most, too_large=too_large, fields=UploadFields) as (content, wanted):
        yield service.Upload(
            content=content.file,
            claimed_name=content.filename or "",
            purpose=wanted.purpose,
            project_id=wanted.project_id,
            digest=await service.measure(content.file, max_bytes=most),
        )


Received = Annotated[service.Upload, Depends(_received, scope="function")]


async def _transaction(request: Request, upload: Received) -> AsyncIterator[AsyncSession]:
    state = app_state(request)
    facts = [upload.purpose, str(upload.project_id), upload.claimed_name, upload.digest.sha256]
    same = SameForm(request, json.dumps(facts).encode())
    async with state.database.session() as session:
        await idempotency.reserve(same, session=session, keyring=state.keyring, now=present(request))
        yield session
        await session.commit()


UploadTx = Annotated[AsyncSession, Depends(_transaction, scope="function")]
"""The transaction of an upload: begun when the body has been read, committed before the answer is sent."""


def _store(state: AppState) -> Store:
    return Store(state.settings.data_dir / "files")


def _surroundings(state: AppState) -> Surroundings:
    found: Surroundings = state.parts[Surroundings]
    return found


_MADE = ("attached", "content", "version")


def _show(row: Any) -> dict[str, Any]:
    kept = {name: getattr(row, name) for name in FileRead.model_fields if name not in _MADE}
    kept["attached"] = row.ticket_id is not None or row.kept_since is not None
    return kept | {"content": f"/v1/files/{row.id}/content", "version": _version(row)}


def _version(row: Any) -> int:
    """Return 1, one more when a case and one more when a record takes it: nothing else ever changes."""
    return 1 + (row.ticket_id is not None) + (row.kept_since is not None)


@router.post(
    "/files",
    operation_id="files_create",
    summary="Upload an attachment (上传附件)",
    status_code=201,
    response_model=FileRead,
    responses=problems(
        BadRequest,
        InvalidToken,
        MissingScope,
        OutOfReach,
        idempotency.KeyMalformed,
        idempotency.KeyInFlight,
        service.FileTooLarge,
        service.WrongFileType,
        service.EmptyFile,
        service.UnknownProject,
        UnstorableText,
        idempotency.KeyReused,
        Invalid,
    ),
    openapi_extra={"x-rules": ["REP-02", "REP-12", "CMP-14"], "requestBody": _FORM, "parameters": [_KEY]},
    max_body_size=COUNTED_HERE,
)
async def files_create(
    principal: FilesWrite, upload: Received, session: UploadTx, state: State, now: Now, response: Response
) -> dict[str, Any]:
    """Photos, signatures, recordings and documents of cases. The type is found in the bytes; photos and signatures are
    images, recordings are audio. When this answers 201 the content is on the disk. Then name its id in the step it
    belongs to; an attachment that is in no step yet can be deleted by its uploader."""
    file = await service.upload(
        session, upload=upload, store=_store(state), surroundings=_surroundings(state), principal=principal, now=now
    )
    response.headers["Location"] = f"/v1/files/{file.id}"
    put_version(response, _version(file))
    return _show(file)


@router.get(
    "/files",
    operation_id="files_list",
    summary="Attachments, newest first (附件列表)",
    response_model=PageOf[FileRead],
    responses=problems(InvalidToken, MissingScope, InvalidCursor, Invalid),
    openapi_extra={"x-rules": ["CMP-14", "OWN-07"]},
)
async def files_list(
    principal: FilesRead,
    reader: Reader,
    state: State,
    paging: PageParams,
    ticket_id: UUID | None = None,
    project_id: UUID | None = None,
    purpose: FilePurpose | None = None,
) -> Response:
    """Those of one's projects; for partner firms their own and those of cases that were passed to them."""
    given = {"ticket_id": ticket_id, "project_id": project_id, "purpose": purpose}
    filters: Mapping[str, Any] = {name: value for name, value in given.items() if value is not None}
    query = repository.listed(filters=filters, principal=principal, surroundings=_surroundings(state))
    page = await newest_first(reader, query=query, key=repository.F.id, wanted=paging.wanted)
    return paging.answer(page, show=_show)


async def _visible(principal: FilesRead, reader: Reader, state: State, file_id: UUID) -> Any:
    row = await repository.one(
        reader, file_id=file_id, principal=principal, scope="files:read", surroundings=_surroundings(state)
    )
    if row is None:
        raise service.FileNotFound
    return row


Visible = Annotated[Any, Depends(_visible, scope="function")]


@router.get(
    "/files/{file_id}",
    operation_id="files_read",
    summary="An attachment's facts (附件信息)",
    response_model=FileRead,
    responses=problems(InvalidToken, MissingScope, service.FileNotFound, Invalid),
    openapi_extra={"x-rules": ["CMP-14", "OWN-07"]},
)
async def files_read(principal: FilesRead, row: Visible, response: Response) -> dict[str, Any]:
    """What it is, who uploaded it, and the case it belongs to."""
    put_version(response, _version(row))
    return _show(row)


@router.get(
    "/files/{file_id}/content",
    operation_id="files_content_read",
    summary="An attachment's bytes (下载附件)",
    response_class=FileResponse,
    responses=problems(InvalidToken, MissingScope, service.FileNotFound, Invalid, service.ContentAway)
    | {200: {"description": "the bytes", "content": {kind: {"schema": {"type": "string"}} for kind in KINDS}}},
    openapi_extra={"x-rules": ["CMP-14", "OWN-07"]},
)
async def files_content_read(
    principal: FilesRead, row: Visible, reader: Reader, request: Request, state: State, now: Now
) -> Response:
    """Always as a download, never to be shown in the browser's own pages. `Range` is understood. What shows an owner's
    data (evidence in owners' records; recordings, signatures and documents of cases) leaves a look that the owner
    sees; 304 leaves none."""
    stat = await service.content_stat(_store(state), sha256=row.sha256)
    answer = download(
        request,
        path=_store(state).path(row.sha256),
        stat=stat,
        tag=row.sha256,
        media_type=row.media_type,
        disposition=disposition(row.name),
    )
    if answer.status_code != 304:
        await service.note_fetched(reader, row=row, surroundings=_surroundings(state), principal=principal, now=now)
    return answer


@router.delete(
    "/files/{file_id}",
    operation_id="files_delete",
    summary="Delete one's own attachment that no record holds (删除未归档的附件)",
    status_code=204,
    responses=problems(
        InvalidToken, MissingScope, service.NotTheUploader, service.FileNotFound, service.FileAttached, Invalid
    ),
    openapi_extra={"x-rules": ["CMP-14"]},
)
async def files_delete(principal: FilesWrite, session: Tx, state: State, now: Now, file_id: UUID) -> Response:
    """Only its uploader, and only before it is part of a case or another record."""
    await service.remove(session, file_id=file_id, surroundings=_surroundings(state), principal=principal, now=now)
    return Response(status_code=204)
