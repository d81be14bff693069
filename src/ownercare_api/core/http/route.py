"""The route class of every endpoint: strict JSON, ETags, and the stored answers of idempotent writes."""

import json
import math
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.params import Form
from fastapi.routing import APIRoute
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from ownercare_api.core.errors import BadRequest, DomainError, FieldError, Invalid, UnsupportedMedia
from ownercare_api.core.http import etag
from ownercare_api.core.http.idempotency import Replay, Reservation

MAX_DEPTH = 32
"""Objects and lists inside one another; the deepest body of ours has six."""
_FORM = ("application/x-www-form-urlencoded",)
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class DuplicateKey(Invalid):
    """422: an object names the same field twice."""

    code = "duplicate_key"
    zh, en = "同一个对象中有重复的字段名。", "An object names the same field twice."


class UnstorableText(Invalid):
    """422: a text holds NUL or half a character."""

    code = "unstorable_text"
    zh = "文本中含有空字符(NUL)或不完整的 Unicode 字符。"
    en = "A text holds NUL or half a Unicode character."


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise DuplicateKey
    return found


def _no_constant(_: str) -> float:
    fault = FieldError("#", "number_not_finite", "数字不能是 NaN 或 Infinity。", "A number must be finite.")
    raise Invalid(errors=(fault,))


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_constant(text)


def _too_deep(value: Any) -> bool:
    level: list[Any] = [[value]]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _is_json(content_type: str) -> bool:
    return content_type == "application/json" or (
        content_type.startswith("application/") and content_type.endswith("+json")
    )


class StrictRequest(Request):
    """A request whose JSON must be plain: UTF-8, no duplicate keys, no NaN, no NUL, bounded depth."""

    async def json(self) -> Any:
        """Return the body; raises `BadRequest` or `Invalid`."""
        if not hasattr(self, "_strict"):
            body = await self.body()
            if b"\\u0000" in body and _ESCAPED_NUL.search(body):
                raise UnstorableText
            try:
                text = body.decode("utf-8")
                self._strict = json.loads(
                    text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
                )
            except json.JSONDecodeError:
                raise
            except (ValueError, RecursionError):  # not UTF-8, a number of thousands of digits, nested too deep
                raise BadRequest from None
            if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _too_deep(self._strict):
                raise BadRequest
            if "\\ud" in text.lower():
                try:
                    json.dumps(self._strict, ensure_ascii=False).encode("utf-8")
                except UnicodeEncodeError:
                    raise UnstorableText from None
        return self._strict

    async def _get_form(self, **limits: Any) -> FormData:
        """Return the form; its texts must be such as can be stored."""
        form = await super()._get_form(**limits)
        if any(isinstance(value, str) and ("\0" in value or "\ufffd" in value) for value in form.values()):
            raise UnstorableText
        return form


class OwnerCareRoute(APIRoute):
    """Runs inside the function-scoped stack: what it stores is committed together with the endpoint's work."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the framework's handler."""
        inner = super().get_route_handler()
        takes_body = self.body_field is not None
        takes_form = self.body_field is not None and isinstance(self.body_field.field_info, Form)

        async def handler(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            if takes_body:
                _check_media(request, form=takes_form)
            try:
                response = await inner(strict)
            except Replay as replay:
                return replay.response
            except HTTPException as error:
                if isinstance(error.__cause__, DomainError):  # the framework calls all faults of reading a body 400
                    raise error.__cause__ from None
                raise
            response = etag.complete(strict, response)
            reservation: Reservation | None = getattr(strict.state, "reservation", None)
            if reservation is not None:
                await reservation.keep(response)
            return response

        return handler


def _check_media(request: Request, *, form: bool) -> None:
    """Raise `UnsupportedMedia` for a body of another type than the operation takes; no body at all is validation's."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not content_type and request.headers.get("content-length", "0") == "0":
        return
    if not (content_type in _FORM if form else _is_json(content_type)):
        raise UnsupportedMedia
