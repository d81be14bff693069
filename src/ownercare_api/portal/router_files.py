"""An owner's attachments: what he uploads, and what is meant for him."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO
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
from ownercare_api.core.lifecycle import WrongStatus
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.files import own
from ownercare_api.files import service as attachments
from ownercare_api.files.media import FOR_PURPOSE
from ownercare_api.files.models import FilePurpose
from ownercare_api.files.naming import disposition
from ownercare_api.files.storage import Digest, Store
from ownercare_api.identity.access import MissingScope
from ownercare_api.identity.tokens import InvalidToken
from ownercare_api.owners.own import NotAnOwner
from ownercare_api.portal import service, views
from ownercare_api.portal.access import MyRead, MyWrite
from ownercare_api.portal.schemas_cases import MyFileRead, MyUploadFields
from ownercare_api.properties.service import UnitNotFound
from ownercare_api.tickets.service import TicketNotFound

router = APIRouter(prefix="/v1/my/files", tags=["my"], route_class=OwnerCareRoute)

_FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "additionalProperties": False,
                "properties": {
                    "file": {
                        "type": "string",
                        "format": "binary",
                        "description": "JPEG, PNG, WebP or HEIC, told by its bytes (照片)",
                    },
                    "purpose": {
                        "type": "string",
                        "enum": [purpose.value for purpose in own.PURPOSES],
                        "default": FilePurpose.PHOTO_SITE.value,
                        "description": MyUploadFields.model_fields["purpose"].description,
                    },
                    "ticket_id": {
                        "type": "string",
                        "format": "uuid",
                        "description": MyUploadFields.model_fields["ticket_id"].description,
                    },
                    "unit_id": {
                        "type": "string",
                        "format": "uuid",
                        "description": MyUploadFields.model_fields["unit_id"].description,
                    },
                },
            },
            "example": {
                "file": "主卧渗水照片.jpg",
                "purpose": "photo_site",
                "unit_id": "0198c5f0-0000-7000-8000-000000000101",
            },
        }
    },
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Any text of the caller's choice, best a fresh UUID. The same key with the same file and fields "
    "gives the first answer again for 48 hours, with `Idempotency-Replayed: true`.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A form as it came in."""

    content: BinaryIO
    name: str
    fields: MyUploadFields
    digest: Digest


async def _received(request: Request, state: State) -> AsyncIterator[Sent]:
    """Read the form, once the caller is known and before a database connection is taken."""
    most = state.settings.max_file_bytes
    too_large = attachments.FileTooLarge(max_bytes=most)
    async with form_with_file(request, max_bytes=most, too_large=too_large, fields=MyUploadFields) as (content, wanted):
        measured = await attachments.measure(content.file, max_bytes=most)
        yield Sent(content.file, content.filename or "", wanted, measured)


Received = Annotated[Sent, Depends(_received, scope="function")]


async def _transaction(request: Request, sent: Received) -> AsyncIterator[AsyncSession]:
    state = app_state(request)
    canonical = json.dumps([sent.fields.model_dump(mode="json"), sent.name, sent.digest.sha256]).encode()
    async with state.database.session() as session:
        same = SameForm(request, canonical)
        await idempotency.reserve(same, session=session, keyring=state.keyring, now=present(request))
        yield session
        await session.commit()


UploadTx = Annotated[AsyncSession, Depends(_transaction, scope="function")]


def _store(state: AppState) -> Store:
    return Store(state.settings.data_dir / "files")


@router.post(
    "",
    operation_id="my_files_create",
    summary="Upload a photo (上传照片)",
    status_code=201,
    response_model=MyFileRead,
    responses=problems(
        BadRequest, InvalidToken, MissingScope, NotAnOwner, TicketNotFound, UnitNotFound, WrongStatus,
        own.TooManyWaiting, idempotency.KeyMalformed, idempotency.KeyInFlight, attachments.FileTooLarge,
        attachments.WrongFileType, attachments.EmptyFile, UnstorableText, idempotency.KeyReused, Invalid,
    ),
    openapi_extra={"x-rules": ["REP-01", "REP-12", "CMP-14"], "requestBody": _FORM, "parameters": [_KEY]},
    max_body_size=COUNTED_HERE,
)  # fmt: skip
async def my_files_create(
    principal: MyWrite, sent: Received, session: UploadTx, state: State, now: Now, response: Response
) -> dict[str, Any]:
    """For an open case of his it belongs to the case at once. For a home it waits to be named in a case that he
    registers, or as his signature; at most twenty may wait, and what waits he can delete."""
    fields = sent.fields
    project_id = await service.place_of(
        session, ticket_id=fields.ticket_id, unit_id=fields.unit_id, principal=principal, now=now
    )
    given = attachments.Upload(
        content=sent.content,
        claimed_name=sent.name,
        purpose=fields.purpose,
        project_id=project_id,
        digest=sent.digest,
    )
    file = await own.upload(
        session, given=given, ticket_id=fields.ticket_id, store=_store(state), principal=principal, now=now
    )
    response.headers["Location"] = f"/v1/my/files/{file.id}"
    return _answer(response, file, principal=principal)


@router.get(
    "",
    operation_id="my_files_list",
    summary="One's own attachments (本人附件列表)",
    response_model=PageOf[MyFileRead],
    responses=problems(InvalidToken, MissingScope, NotAnOwner, InvalidCursor, Invalid),
    openapi_extra={"x-rules": ["CMP-14", "OWN-07"]},
)
async def my_files_list(
    principal: MyRead,
    reader: Reader,
    now: Now,
    paging: PageParams,
    ticket_id: UUID | None = None,
    purpose: FilePurpose | None = None,
) -> Response:
    """What he uploaded; photos of the repairs in his cases; and what holds his own consent or signature."""
    query = own.own_files(principal=principal, meant=service.meant(principal, now=now))
    given = {"ticket_id": ticket_id, "purpose": purpose}
    query = query.where(*(own.F[name] == value for name, value in given.items() if value is not None))
    page = await newest_first(reader, query=query, key=own.F.id, wanted=paging.wanted)
    return paging.answer(page, show=lambda row: views.file(row, principal=principal))


@router.get(
    "/{file_id}",
    operation_id="my_files_read",
    summary="An attachment's facts (附件信息)",
    response_model=MyFileRead,
    responses=problems(InvalidToken, MissingScope, NotAnOwner, attachments.FileNotFound, Invalid),
    openapi_extra={"x-rules": ["CMP-14", "OWN-07"]},
)
async def my_files_read(
    principal: MyRead, reader: Reader, now: Now, response: Response, file_id: UUID
) -> dict[str, Any]:
    """What it is, and the case it belongs to."""
    meant = service.meant(principal, now=now)
    row = await own.one(reader, file_id=file_id, principal=principal, meant=meant)
    return _answer(response, row, principal=principal)


@router.get(
    "/{file_id}/content",
    operation_id="my_files_content_read",
    summary="An attachment's bytes (下载附件)",
    response_class=FileResponse,
    responses=problems(
        InvalidToken, MissingScope, NotAnOwner, attachments.FileNotFound, Invalid, attachments.ContentAway
    )
    | {
        200: {
            "description": "the bytes",
            "content": {kind: {"schema": {"type": "string"}} for kind in sorted({
                one.media_type for purpose in FilePurpose for one in FOR_PURPOSE[purpose]
            })},
        }
    },
    openapi_extra={"x-rules": ["CMP-14", "OWN-07"]},
)  # fmt: skip
async def my_files_content_read(
    principal: MyRead, reader: Reader, request: Request, state: State, now: Now, file_id: UUID
) -> Response:
    """Always as a download. `Range` is understood."""
    row = await own.one(reader, file_id=file_id, principal=principal, meant=service.meant(principal, now=now))
    return download(
        request,
        path=_store(state).path(row.sha256),
        stat=await attachments.content_stat(_store(state), sha256=row.sha256),
        tag=row.sha256,
        media_type=row.media_type,
        disposition=disposition(views.file_name(row, principal=principal)),
    )


@router.delete(
    "/{file_id}",
    operation_id="my_files_delete",
    summary="Delete an upload that no case holds (删除未使用的附件)",
    status_code=204,
    responses=problems(
        InvalidToken, MissingScope, NotAnOwner, attachments.FileNotFound, attachments.FileAttached, Invalid
    ),
    openapi_extra={"x-rules": ["CMP-14"]},
)
async def my_files_delete(principal: MyWrite, session: Tx, now: Now, file_id: UUID) -> Response:
    """Only his own, and only before it is part of a case's records."""
    await own.remove(session, file_id=file_id, principal=principal, now=now)
    return Response(status_code=204)


def _answer(response: Response, row: Any, *, principal: MyRead) -> dict[str, Any]:
    shown = views.file(row, principal=principal)
    put_version(response, shown["version"])
    return shown
