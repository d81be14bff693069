"""Every SELECT of the file room."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, SelectBase, and_, literal, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.files.models import KEPT_SCOPES, PHOTOS, FileObject
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
    withheld: Callable[[ColumnElement[list[UUID]], Principal], ColumnElement[bool]]
    """Whether evidence about some owners is kept from a caller, as a restricted record is."""
    looked_at: Callable[..., Awaitable[None]]
    """Put on record that a caller fetched what shows owners' data: `(connection, owner_ids=, ticket_id=, actor=,
    now=)`; the owner of the case is meant too."""


def within(reach: Reach, *, surroundings: Surroundings) -> ColumnElement[bool]:
    """Return what a reach shows: its projects' files, and for firms their own and those of tickets shared with them."""
    if reach.everywhere:
        return literal(True)
    ways: list[ColumnElement[bool]] = [F.project_id.in_(list(reach.projects))]
    if reach.firms:
        ways.append(F.uploaded_by_firm_id.in_(list(reach.firms)))
        ways.append(F.ticket_id.in_(surroundings.tickets_of_firms(reach.firms)))
    return or_(*ways)


def seen(principal: Principal, scope: str, *, surroundings: Surroundings) -> ColumnElement[bool]:
    """Return what a caller sees within a scope's reach. What no case holds, such as a scan of an identity card, is the
    uploader's, but for photos; and of those who see the record that it is evidence of, a restricted one's of hardly
    anybody (OWN-07)."""
    ways: list[ColumnElement[bool]] = [
        F.ticket_id.is_not(None),
        F.uploaded_by == principal.id,
        and_(F.kept_scope.is_(None), F.purpose.in_(PHOTOS)),
    ]
    ways += [
        and_(F.kept_scope == needed, within(principal.reach(needed), surroundings=surroundings))
        for needed in KEPT_SCOPES
        if needed in principal.scopes
    ]
    evidence_only = and_(F.kept_scope.is_not(None), F.ticket_id.is_(None))
    withheld = and_(evidence_only, surroundings.withheld(F.kept_about, principal))
    return and_(within(principal.reach(scope), surroundings=surroundings), or_(*ways), not_(withheld))


async def one(
    connection: Connection, *, file_id: UUID, principal: Principal, scope: str, surroundings: Surroundings
) -> Any:
    """Return the row of a visible attachment, or None."""
    visible = seen(principal, scope, surroundings=surroundings)
    return (await connection.execute(select(*F).where(F.id == file_id, visible))).one_or_none()


def listed(*, filters: Mapping[str, Any], principal: Principal, surroundings: Surroundings) -> Select[Any]:
    """Return the query of what a caller may see, by columns; for `core.listing`."""
    visible = seen(principal, "files:read", surroundings=surroundings)
    return select(*F).where(visible, *(F[name] == value for name, value in filters.items()))


async def lock(
    session: AsyncSession, *, file_id: UUID, principal: Principal, scope: str, surroundings: Surroundings
) -> FileObject | None:
    """Return a visible attachment, locked for change."""
    visible = seen(principal, scope, surroundings=surroundings)
    return await session.scalar(select(FileObject).where(FileObject.id == file_id, visible).with_for_update())


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
