"""The SELECTs of the screen-pop: one for cases, one for contacts, each the same text for every call."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.types import LargeBinary, Uuid

from ownercare_api.identity.principal import Reach

_OWNERS = bindparam("owners", type_=ARRAY(Uuid()))
_PROJECTS = bindparam("projects", type_=ARRAY(Uuid()))

_CASE = """
    t.id, t.number, t.status, t.category, t.title, t.urgent, t.owner_id, t.unit_id, t.received_at,
    due.kind AS due_kind, due.due_at, due.held_since
  FROM ticket t
  LEFT JOIN LATERAL (
      SELECT d.kind, d.due_at, d.held_since FROM deadline d
       WHERE d.ticket_id = t.id AND d.stopped_at IS NULL AND d.cancelled_at IS NULL
       ORDER BY d.due_at, d.id LIMIT 1
  ) due ON true
"""
_HERE = "(CAST(:everywhere AS boolean) OR t.project_id = ANY(:projects))"

_TICKETS = text(f"""
(SELECT {_CASE}
  WHERE t.owner_id = ANY(:owners) AND t.status IN ('registered', 'accepted', 'resolved') AND {_HERE}
  ORDER BY t.id DESC LIMIT 100)
UNION ALL
(SELECT {_CASE}
  WHERE t.caller_phone_index = ANY(:indexes) AND t.owner_id IS NULL AND {_HERE}
  ORDER BY t.id DESC LIMIT 10)
""").bindparams(_OWNERS, _PROJECTS, bindparam("indexes", type_=ARRAY(LargeBinary())))

_CONTACTS = text(f"""
SELECT o.owner_id, c.ticket_id, c.ticket_number, c.direction, c.kind, c.channel, c.content, c.at, c.by_name
  FROM unnest(:owners) AS o(owner_id)
 CROSS JOIN LATERAL (
    SELECT t.id AS ticket_id, t.number AS ticket_number, 'incoming' AS direction, e.category AS kind, e.channel,
           e.summary AS content, e.received_at AS at, e.taken_by_name AS by_name
      FROM ticket t JOIN register_entry e ON e.ticket_id = t.id
     WHERE t.owner_id = o.owner_id AND {_HERE}
    UNION ALL
    SELECT t.id, t.number, 'outgoing', k.kind, k.channel, k.content, k.at, k.by_name
      FROM ticket t JOIN owner_contact k ON k.ticket_id = t.id
     WHERE t.owner_id = o.owner_id AND {_HERE}
     ORDER BY at DESC, ticket_number DESC LIMIT 5
 ) c
 ORDER BY c.at DESC, c.ticket_number DESC
""").bindparams(_OWNERS, _PROJECTS)  # noqa: S608 - constants only


def _reach(reach: Reach) -> dict[str, Any]:
    return {"everywhere": reach.everywhere, "projects": list(reach.projects)}


async def tickets(
    connection: AsyncConnection | AsyncSession, *, owner_ids: Sequence[UUID], indexes: Sequence[bytes], reach: Reach
) -> Any:
    """Return the open cases of owners, and what a number registered without an owner, each with its next clock."""
    parameters = {"owners": list(owner_ids), "indexes": list(indexes), **_reach(reach)}
    return (await connection.execute(_TICKETS, parameters)).all()


async def contacts(connection: AsyncConnection | AsyncSession, *, owner_ids: Sequence[UUID], reach: Reach) -> Any:
    """Return the last five contacts of each owner, newest first."""
    return (await connection.execute(_CONTACTS, {"owners": list(owner_ids), **_reach(reach)})).all()
