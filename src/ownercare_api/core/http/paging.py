"""`limit`, `cursor`, `include_total` as parameters; pages as answers with a `Link` header."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from ownercare_api.core.http.state import app_state
from ownercare_api.core.pagination import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Page,
    PageRequest,
    decode_cursor,
    encode_cursor,
)

Item = TypeVar("Item")
Row = TypeVar("Row")


class PageOf(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next_cursor: str | None = Field(description="pass it as `cursor` for the next page; null on the last page")
    total: int | None = Field(default=None, description="only with `include_total=true`; counting stops at 10,000")
    total_is_exact: bool | None = Field(default=None, description="false: there are more than `total`")


@dataclass(frozen=True, slots=True)
class Paging:
    """The asked page of one request, and how its answer is written."""

    request: Request
    wanted: PageRequest
    shape: Any
    secret: bytes

    def fields(self, page: Page[Any], items: Sequence[Any]) -> dict[str, Any]:
        """Return the answer's fields for a page whose items are already representations."""
        following = None
        if page.next_key is not None:
            following = encode_cursor(key=page.next_key, shape=self.shape, secret=self.secret)
        total, exact = page.total, page.total_is_exact
        return {
            "items": items,
            "next_cursor": following,
            "total": total if total is None or exact else total - 1,
            "total_is_exact": exact,
        }

    def answer(self, page: Page[Row], *, show: Callable[[Row], Any]) -> Response:
        """Write a page straight to bytes; `show` gives each row's representation."""
        return self._written(to_json(self.fields(page, [show(row) for row in page.items])), page)

    def answer_text(self, page: Page[Row], *, texts: Callable[[Row], str]) -> Response:
        """Write a page whose items are finished JSON; `texts` gives each row's."""
        rest = to_json(self.fields(page, [])).decode().replace('"items":[]', "", 1)[1:]
        return self._written(f'{{"items":[{",".join(map(texts, page.items))}]{rest}'.encode(), page)

    def _written(self, body: bytes, page: Page[Any]) -> Response:
        headers = {"Cache-Control": "no-store"}
        if page.next_key is not None:
            following = encode_cursor(key=page.next_key, shape=self.shape, secret=self.secret)
            target = self.request.url.include_query_params(cursor=following)
            headers["Link"] = f'<{target.path}?{target.query}>; rel="next"'
        return Response(body, media_type="application/json", headers=headers)


async def _paging(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="items per page")] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None,
        Query(max_length=1000, description="`next_cursor` of the page before, with the same filters"),
    ] = None,
    include_total: Annotated[bool, Query(description="count the matches, up to 10,000")] = False,
) -> Paging:
    ignored = ("cursor", "limit", "include_total")
    filters = sorted((k, v) for k, v in request.query_params.multi_items() if k not in ignored)
    shape = [request.url.path, filters]
    secret = app_state(request).keyring.cursors
    after = None if cursor is None else decode_cursor(cursor=cursor, shape=shape, secret=secret)
    return Paging(request, PageRequest(limit=limit, after=after, include_total=include_total), shape, secret)


PageParams = Annotated[Paging, Depends(_paging)]
