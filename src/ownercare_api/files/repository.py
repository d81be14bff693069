"""Every SELECT of the file room."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, SelectBase, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.files.models import FileObject
from ownercare_api.identity.principal import Principal, Reach

Connection = AsyncConnection | AsyncSession
F = FileObject.__table__.c


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the file room must know of the rooms above; the composition root plugs it in."""

    tickets_of_firms: Callable[[Collection[UUID]], SelectBase]
    """Ids of the tickets that are shared with some firms (OWN-07)."""
    projects_of_firms: Callable[[Collection[UUID]], SelectBase]
    """Ids of the projects in which some firms work."""


def within(reach: Reach, *, surroundings: Surroundings) -> ColumnElement[bool]:
    """Return what a reach shows: its projects' files, and for firms their own and those of tickets shared with them."""
    if reach.everywhere:
        return literal(True)
    ways: list[ColumnElement[bool]] = [F.project_id.in_(list(reach.projects))]
    if reach.firms:
        ways.append(F.uploaded_by_firm_id.in_(list(reach.firms)))
        ways.append(F.ticket_id.in_(surroundings.tickets_of_firms(reach.firms)))
    return or_(*ways)


async def one(
    connection: Connection, *, file_id: UUID, principal: Principal, scope: str, surroundings: Surroundings
) -> Any:
    """Return the row of a visible attachment, or None."""
    seen = within(principal.reach(scope), surroundings=surroundings)
    return (await connection.execute(select(*F).where(F.id == file_id, seen))).one_or_none()


def listed(*, filters: Mapping[str, Any], principal: Principal, surroundings: Surroundings) -> Select[Any]:
    """Return the query of what a caller may see, by columns; for `core.listing`."""
    seen = within(principal.reach("files:read"), surroundings=surroundings)
    return select(*F).where(seen, *(F[name] == value for name, value in filters.items()))


async def lock(
    session: AsyncSession, *, file_id: UUID, principal: Principal, scope: str, surroundings: Surroundings
) -> FileObject | None:
    """Return a visible attachment, locked for change."""
    seen = within(principal.reach(scope), surroundings=surroundings)
    return await session.scalar(select(FileObject).where(FileObject.id == file_id, seen).with_for_update())


async def lock_all(session: AsyncSession, *, file_ids: Collection[UUID]) -> dict[UUID, FileObject]:
    """Return and lock attachments by id, always in the same order."""
    found = await session.scalars(
        select(FileObject)
        .where(FileObject.id.in_(list(file_ids)))
        .order_by(FileObject.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {file.id: file for file in found}


async def works_in(
    connection: Connection, *, firms: Collection[UUID], project_id: UUID, surroundings: Surroundings
) -> bool:
    """Say whether one of the firms works in a project."""
    own = surroundings.projects_of_firms(firms)
    return bool((await connection.execute(select(literal(project_id).in_(own)))).scalar())


async def held(connection: Connection, *, hashes: Collection[str]) -> frozenset[str]:
    """Return which of these contents some row names."""
    found = await connection.execute(select(F.sha256).where(F.sha256.in_(list(hashes))).distinct())
    return frozenset(found.scalars())
