"""The route class of every endpoint: strict JSON, ETags, and the stored answers of idempotent writes."""

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from ownercare_api.core.errors import BadRequest, FieldError, Invalid
from ownercare_api.core.http import etag
from ownercare_api.core.http.idempotency import Replay, Reservation

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


def _no_constant(_: str) -> None:
    fault = FieldError("#", "number_not_finite", "数字不能是 NaN 或 Infinity。", "A number must be finite.")
    raise Invalid(errors=(fault,))


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
                self._strict = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
            except json.JSONDecodeError:
                raise
            except (
                ValueError,
                RecursionError,
            ):  # not UTF-8, a number of thousands of digits, nested too deep
                raise BadRequest from None
            if "\\ud" in text.lower():
                try:
                    json.dumps(self._strict, ensure_ascii=False).encode("utf-8")
                except UnicodeEncodeError:
                    raise UnstorableText from None
        return self._strict


class OwnerCareRoute(APIRoute):
    """Runs inside the function-scoped stack: what it stores is committed together with the endpoint's work."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the framework's handler."""
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            try:
                response = await inner(strict)
            except Replay as replay:
                return replay.response
            response = etag.complete(strict, response)
            reservation: Reservation | None = getattr(strict.state, "reservation", None)
            if reservation is not None:
                await reservation.keep(response)
            return response

        return handler
