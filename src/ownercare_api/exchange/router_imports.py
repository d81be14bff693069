"""Imports over HTTP: upload, look, confirm, cancel, the error workbook, templates."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import BadRequest
from ownercare_api.core.http import idempotency
from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.forms import COUNTED_HERE, SameForm, form_with_file
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute, UnstorableText
from ownercare_api.core.http.state import Lang, Now, State, app_state, present
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.lifecycle import WrongStatus
from ownercare_api.core.listing import count_up_to_ceiling, given, newest_first
from ownercare_api.core.pagination import cut
from ownercare_api.exchange import imports, keeping, repository, sheets, tables, views
from ownercare_api.exchange.access import OwnersImport
from ownercare_api.exchange.checking import Desk
from ownercare_api.exchange.imports import ImportNotFound, NothingToImport
from ownercare_api.exchange.keeping import FileGone
from ownercare_api.exchange.lifecycle import ImportStatus, RosterKind, RowOutcome
from ownercare_api.exchange.models import ExchangeFile
from ownercare_api.exchange.refusals import RosterRefused, RosterTooLarge, WrongRosterType
from ownercare_api.exchange.requesters import PersonsOnly
from ownercare_api.exchange.schemas import ImportFields, ImportRead, ImportRowRead
from ownercare_api.files import service as files
from ownercare_api.files.media import XLSX, MediaKind
from ownercare_api.files.naming import disposition, safe_name
from ownercare_api.identity.declaring import creates, downloads, lists, operation, reads
from ownercare_api.identity.principal import OutOfReach, Principal

router = APIRouter(prefix="/v1", tags=["exchange"], route_class=OwnerCareRoute)

_FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file", "kind", "project_id"],
                "additionalProperties": False,
                "properties": {
                    "file": {"type": "string", "format": "binary", "description": ".xlsx or CSV, to 15 MB (名册文件)"},
                    "kind": {"type": "string", "enum": ["units", "owners"], "description": "what it lists (名册种类)"},
                    "project_id": {"type": "string", "format": "uuid", "description": "所属项目"},
                    "mode": {
                        "type": "string",
                        "enum": ["all_or_nothing", "valid_rows_only"],
                        "default": "all_or_nothing",
                        "description": "what happens to the good rows beside bad ones (导入方式)",
                    },
                    "dry_run": {"type": "boolean", "default": False, "description": "only check (仅校验)"},
                },
            },
            "example": {
                "file": "云栖雅苑业主名册.xlsx",
                "kind": "owners",
                "project_id": "0198c5f0-0000-7000-8000-000000000001",
                "mode": "valid_rows_only",
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


_CSV = MediaKind("text/csv", ("csv",))


def _kind_of(content: BinaryIO) -> MediaKind:
    """Tell a workbook from text by its first bytes; what it is in truth is found out later."""
    content.seek(0)
    return XLSX if content.read(2) == b"PK" else _CSV


@dataclass(frozen=True, slots=True)
class _Upload:
    content: BinaryIO
    name: str
    wanted: ImportFields
    sha256: str


async def _received(request: Request, state: State) -> AsyncIterator[_Upload]:
    """Read the form, once the caller is known and before a database connection is taken."""
    most = min(state.settings.max_file_bytes, tables.MAX_BYTES)
    too_large = RosterTooLarge(max_bytes=most)
    async with form_with_file(request, max_bytes=most, too_large=too_large, fields=ImportFields) as (content, wanted):
        found = await files.measure(content.file, max_bytes=most)
        name = safe_name(content.filename or "", kind=_kind_of(content.file))
        yield _Upload(content=content.file, name=name, wanted=wanted, sha256=found.sha256)


async def _transaction(request: Request, upload: Annotated[_Upload, Depends(_received, scope="function")]) -> Any:
    state = app_state(request)
    facts = [upload.wanted.model_dump(mode="json"), upload.name, upload.sha256]
    same = SameForm(request, json.dumps(facts).encode())
    async with state.database.session() as session:
        await idempotency.reserve(same, session=session, keyring=state.keyring, now=present(request))
        yield session
        await session.commit()


Received = Annotated[_Upload, Depends(_received, scope="function")]
UploadTx = Annotated[AsyncSession, Depends(_transaction, scope="function")]


@router.post(
    "/imports",
    max_body_size=COUNTED_HERE,
    **operation(
        "imports_create",
        "Upload a roster (上传名册)",
        BadRequest,
        OutOfReach,
        PersonsOnly,
        files.UnknownProject,
        idempotency.KeyMalformed,
        idempotency.KeyInFlight,
        RosterTooLarge,
        WrongRosterType,
        RosterRefused,
        files.EmptyFile,
        UnstorableText,
        idempotency.KeyReused,
        rules=("OWN-01", "OWN-02", "OWN-04", "OWN-12", "OWN-13"),
        model=ImportRead,
        status=201,
        extra={"requestBody": _FORM, "parameters": [_KEY]},
    ),
)
async def imports_create(
    principal: OwnersImport, upload: Received, session: UploadTx, state: State, now: Now, spoken: Lang,
    response: Response,
) -> ImportRead:  # fmt: skip
    """Takes .xlsx and CSV with Chinese headings in any order (see the template). Unsafe files are refused at once:
    macros, formulas, external links, archives that unpack too large, passwords. Then every row is checked by a job,
    before anything is written; with `all_or_nothing` a single bad row refuses the whole. Nothing is taken over before
    the confirmation. The same file again changes nothing. Besides `owners:import` the caller needs what it takes to
    enter the rows by hand: `owners:write` or `properties:write`."""
    desk: Desk = state.parts[Desk]
    wanted = upload.wanted
    made = await imports.upload(
        session,
        content=upload.content,
        name=upload.name,
        kind=wanted.kind,
        mode=wanted.mode,
        dry_run=wanted.dry_run,
        project_id=wanted.project_id,
        vault=desk.vault,
        principal=principal,
        now=now,
    )
    response.headers["Location"] = f"/v1/imports/{made.id}"
    return await _answer(session, response, import_id=made.id, principal=principal, spoken=spoken)


@router.get(
    "/imports",
    **lists("imports_list", "Imports, newest first (导入记录)", rules=("OWN-04", "OWN-12"), model=PageOf[ImportRead]),
)
async def imports_list(
    principal: OwnersImport,
    reader: Reader,
    paging: PageParams,
    spoken: Lang,
    project_id: UUID | None = None,
    kind: RosterKind | None = None,
    status: ImportStatus | None = None,
    requested_by: UUID | None = None,
) -> Response:
    """Those of one's projects, whoever uploaded them. They hold no personal values."""
    filters = given(project_id=project_id, kind=kind, status=status, requested_by=requested_by)
    query = repository.imports(principal=principal, filters=filters)
    page = await newest_first(reader, query=query, key=repository.I.id, wanted=paging.wanted)
    return paging.answer(page, show=lambda row: views.an_import(row, principal=principal, spoken=spoken))


@router.get(
    "/imports/{import_id}",
    **reads("imports_read", "An import (导入详情)", ImportNotFound, rules=("OWN-04", "OWN-12"), model=ImportRead),
)
async def imports_read(
    principal: OwnersImport, reader: Reader, spoken: Lang, response: Response, import_id: UUID
) -> ImportRead:
    """Where it stands, how far it is, and how many rows have which outcome."""
    return await _answer(reader, response, import_id=import_id, principal=principal, spoken=spoken)


@router.get(
    "/imports/{import_id}/rows",
    **lists(
        "imports_rows_list",
        "Rows of an import with their faults (导入逐行结果)",
        ImportNotFound,
        rules=("OWN-04", "OWN-05"),
        model=PageOf[ImportRowRead],
    ),
)
async def imports_rows_list(
    principal: OwnersImport,
    reader: Reader,
    paging: PageParams,
    spoken: Lang,
    import_id: UUID,
    outcome: RowOutcome | None = None,
) -> Response:
    """In the order of the file. A fault names column and reason, never the value: that stands in the error workbook."""
    if await repository.one_import(reader, import_id=import_id, principal=principal) is None:
        raise ImportNotFound
    wanted = paging.wanted
    counted = repository.counted_rows(import_id=import_id, outcome=outcome)
    total = await count_up_to_ceiling(reader, counted) if wanted.include_total else None
    after = None if wanted.after is None else wanted.after[0]
    rows = await repository.rows(reader, import_id=import_id, outcome=outcome, after=after, limit=wanted.limit)
    page = cut(rows, limit=wanted.limit, key=lambda row: (row.row_number,), total=total)
    return paging.answer(page, show=lambda row: views.a_row(row, spoken=spoken))


@router.post(
    "/imports/{import_id}/confirmation",
    **creates(
        "imports_confirmation_create",
        "Take a checked roster over (确认导入)",
        OutOfReach,
        ImportNotFound,
        WrongStatus,
        NothingToImport,
        rules=("OWN-04", "OWN-12"),
        model=ImportRead,
    ),
)
async def imports_confirmation_create(
    principal: OwnersImport, session: Tx, now: Now, spoken: Lang, response: Response, import_id: UUID
) -> ImportRead:
    """A job takes the good rows over, each judged once more. An import never overwrites: what differs from a record
    is reported as `needs_change_request` and goes through a change of information (OWN-05)."""
    await imports.confirm(session, import_id=import_id, principal=principal, now=now)
    return await _answer(session, response, import_id=import_id, principal=principal, spoken=spoken)


@router.post(
    "/imports/{import_id}/cancellation",
    **creates(
        "imports_cancellation_create",
        "Give an import up (取消导入)",
        OutOfReach,
        ImportNotFound,
        WrongStatus,
        rules=("OWN-04",),
        model=ImportRead,
    ),
)
async def imports_cancellation_create(
    principal: OwnersImport, session: Tx, now: Now, spoken: Lang, response: Response, import_id: UUID
) -> ImportRead:
    """At once while it waits. One that is being taken over stops at the next piece: of `all_or_nothing` nothing stays,
    of `valid_rows_only` the rows done so far."""
    await imports.cancel(session, import_id=import_id, principal=principal, now=now)
    return await _answer(session, response, import_id=import_id, principal=principal, spoken=spoken)


class NotTheImporter(PersonsOnly):
    """403: the error workbook holds the upload's values; it is for who uploaded it."""

    code = "not_the_importer"
    zh, en = "错误工作簿含上传的原始内容,只有上传人本人可以下载。", "The error workbook is for who uploaded the roster."


class NoErrorWorkbook(ImportNotFound):
    """404: no row has faults, or it has not been checked."""

    code = "error_workbook_not_found"
    zh, en = "没有错误工作簿:尚未校验,或没有错误行。", "There is no error workbook: no faults, or not checked yet."


@router.get(
    "/imports/{import_id}/error-workbook",
    response_class=StreamingResponse,
    **downloads(
        "imports_error_workbook_read",
        "The bad rows with the reason beside each (下载错误工作簿)",
        NotTheImporter,
        ImportNotFound,
        NoErrorWorkbook,
        FileGone,
        rules=("OWN-04", "OWN-07"),
        what="the workbook",
        media=(keeping.XLSX,),
    ),
)
async def imports_error_workbook_read(
    principal: OwnersImport, session: Tx, state: State, now: Now, import_id: UUID
) -> Response:
    """The rows as they were uploaded, with 「错误原因」 in front: the bad ones on one sheet, all of them on another.
    Kept for seven days, for the person who uploaded the roster."""
    found = await imports.get(session, import_id=import_id, principal=principal)
    if found.requested_by != principal.id:
        raise NotTheImporter
    if found.error_file_id is None:
        raise NoErrorWorkbook
    file = await session.get_one(ExchangeFile, found.error_file_id)
    return handed_out(state.parts[Desk], file, key=keeping.key_of(file, now=now))


def handed_out(desk: Desk, file: ExchangeFile, *, key: bytes) -> Response:
    """Answer with a kept file, decrypted while it is sent."""
    return StreamingResponse(
        desk.vault.chunks(file.id, key_encrypted=key),
        media_type=file.media_type,
        headers={
            "Content-Disposition": disposition(file.name),
            "Content-Length": str(file.size_bytes),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox",
            "Cache-Control": "no-store",
        },
    )


@router.get(
    "/import-templates/{kind}",
    response_class=Response,
    **downloads(
        "import_templates_read",
        "An empty roster to fill in (下载导入模板)",
        ImportNotFound,
        rules=("OWN-01", "OWN-02", "OWN-13"),
        what="the workbook",
        media=(keeping.XLSX,),
    ),
)
async def import_templates_read(principal: OwnersImport, kind: RosterKind) -> Response:
    """Chinese headings, one example row, and a sheet that explains every column and what else it may be called."""
    name = "业主名册模板.xlsx" if kind is RosterKind.OWNERS else "房源名册模板.xlsx"
    headers = {"Content-Disposition": disposition(name), "Cache-Control": "no-store"}
    return Response(sheets.template(kind), media_type=keeping.XLSX, headers=headers)


async def _answer(
    connection: repository.Connection, response: Response, *, import_id: UUID, principal: Principal, spoken: Any
) -> ImportRead:
    row = await repository.one_import(connection, import_id=import_id, principal=principal)
    if row is None:
        raise ImportNotFound
    put_version(response, row.version)
    return views.an_import(row, principal=principal, spoken=spoken)
