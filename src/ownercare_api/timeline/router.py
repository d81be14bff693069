"""Incremental sync for other systems."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import StringConstraints
from pydantic_core import to_json

from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Lang, State
from ownercare_api.core.http.transaction import Reader
from ownercare_api.core.pagination import MAX_LIMIT, InvalidCursor, decode_cursor, encode_cursor
from ownercare_api.identity.declaring import reads
from ownercare_api.timeline import repository, views
from ownercare_api.timeline.access import ChangesSync
from ownercare_api.timeline.repository import Position

router = APIRouter(prefix="/v1", tags=["timeline"], route_class=OwnerCareRoute)

_SHAPE = "changes"
Kind = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}\.[a-z_]{1,40}$")]


@router.get(
    "/changes",
    **reads(
        "changes_list",
        "What has happened since the last time (增量同步)",
        InvalidCursor,
        rules=("CMP-14", "OWN-07"),
        model=views.ChangesRead,
    ),
)
async def changes_list(
    principal: ChangesSync,
    reader: Reader,
    state: State,
    spoken: Lang,
    after: Annotated[str | None, Query(max_length=300, description="`next_after` of the last answer")] = None,
    kinds: Annotated[list[Kind], Query(max_length=50, description="only these kinds of events")] = [],  # noqa: B006
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="events per answer")] = 100,
) -> Response:
    """Every event within the caller's projects, or concerning its firm, once and in a stable order; nothing is ever
    skipped. Without `after` it starts at the very first. Begin with it, keep `next_after`, ask again at once while
    `has_more` is true and every few seconds otherwise. Events appear as soon as no older transaction is open."""
    secret = state.keyring.cursors
    begin = None if after is None else _position(decode_cursor(cursor=after, shape=_SHAPE, secret=secret))
    found = await repository.changes(reader, principal=principal, after=begin, kinds=kinds, limit=limit)
    body = {
        "items": [views.show(row, language=spoken) for row in found.rows],
        "next_after": encode_cursor(key=(found.next.xid, found.next.seq), shape=_SHAPE, secret=secret),
        "has_more": found.has_more,
    }
    return Response(to_json(body), media_type="application/json", headers={"Cache-Control": "no-store"})


def _position(key: tuple[int, int]) -> Position:
    return Position(xid=key[0], seq=key[1])
