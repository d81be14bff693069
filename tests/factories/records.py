"""What stands around owners: contacts, groups, tags, change requests over HTTP."""

from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.factories.people import Actor

from ownercare_api.tables import metadata

_WATCHED = frozenset({"owner_look", "denial", "throttle"})
"""Tables that a refused request writes: looks, denials, counters of machines."""


async def rows(session: AsyncSession) -> dict[str, int]:
    """Count the rows of every table but those that watch, to prove that a refusal changed nothing."""
    counts = {}
    for table in metadata.sorted_tables:
        if table.name not in _WATCHED:
            counts[table.name] = int((await session.execute(select(func.count()).select_from(table))).scalar_one())
    return counts


async def post(client: httpx.AsyncClient, path: str, actor: Actor, **body: Any) -> dict[str, Any]:
    """POST as somebody and return the answer, which must be a creation."""
    answer = await client.post(path, json=body, headers=actor.headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def refused(client: httpx.AsyncClient, path: str, actor: Actor, **body: Any) -> tuple[int, str]:
    """POST as somebody and return status and code of the refusal."""
    answer = await client.post(path, json=body, headers=actor.headers)
    return answer.status_code, answer.json().get("code", answer.text)


async def get(client: httpx.AsyncClient, path: str, actor: Actor, **query: Any) -> Any:
    """GET as somebody and return the answer."""
    answer = await client.get(path, params=query, headers=actor.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def names(client: httpx.AsyncClient, actor: Actor, **query: Any) -> list[str]:
    """List owners as somebody and return their names."""
    return [one["name"] for one in (await get(client, "/v1/owners", actor, **query))["items"]]


async def enter_change(
    client: httpx.AsyncClient, actor: Actor, *, owner_id: UUID, changes: dict[str, Any], **more: Any
) -> dict[str, Any]:
    """Enter a change request."""
    body = {"owner_id": str(owner_id), "changes": changes, "channel": "visit", **more}
    return await post(client, "/v1/owner-change-requests", actor, **body)
