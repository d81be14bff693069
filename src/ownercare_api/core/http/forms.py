"""Forms with a file in them: read once, bounded while they arrive, their fields checked like any body."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect
from starlette.types import Message

from ownercare_api.core.errors import BadRequest, DomainError, FieldError, Invalid, UnsupportedMedia
from ownercare_api.core.http.route import UnstorableText
from ownercare_api.core.http.validation import field_errors

Fields = TypeVar("Fields", bound=BaseModel)

FORM_BYTES = 65_536
"""What a form may add to its file: boundaries, headers, the fields."""
COUNTED_HERE = 1 << 40
"""For `max_body_size` of an operation that reads its form here: the framework's own limit answers without a problem
document."""


def _fault(pointer: str, code: str, zh: str, en: str) -> Invalid:
    return Invalid(errors=(FieldError(pointer, code, zh, en),))


@asynccontextmanager
async def form_with_file(
    request: Request, *, max_bytes: int, too_large: DomainError, fields: type[Fields]
) -> AsyncIterator[tuple[UploadFile, Fields]]:
    """Give the part `file` of a form and its other parts as `fields`; closed afterwards.

    Raises `UnsupportedMedia`, `too_large`, `BadRequest`, `UnstorableText`, `Invalid`.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise UnsupportedMedia
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > max_bytes + FORM_BYTES:
        raise too_large
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await request.receive()
        seen += len(message.get("body", b""))
        if seen > max_bytes + FORM_BYTES:
            raise too_large
        return message

    try:
        form = await Request(request.scope, counted).form(max_files=1, max_fields=10, max_part_size=4096)
    except ClientDisconnect:
        raise BadRequest from None
    try:
        content = form.get("file")
        if not isinstance(content, UploadFile):
            raise _fault("#/file", "missing", "缺少附件。", "The file is missing.")
        given = [(name, value) for name, value in form.multi_items() if name != "file"]
        if len(dict(given)) != len(given):
            raise _fault("#", "duplicate_key", "表单中有重复的字段。", "The form names the same field twice.")
        if any(isinstance(value, str) and "\0" in value for _, value in given):
            raise UnstorableText
        try:
            wanted = fields.model_validate(dict(given))
        except ValidationError as error:
            raise Invalid(errors=field_errors(error.errors())) from None
        yield content, wanted
    finally:
        await form.close()


class SameForm(Request):
    """The request as idempotency compares it: by what the form says, since every sending has another boundary."""

    def __init__(self, request: Request, canonical: bytes) -> None:
        super().__init__(request.scope)
        self._canonical = canonical

    async def body(self) -> bytes:
        """Return the canonical form."""
        return self._canonical
