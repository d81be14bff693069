"""The lists of the policy room, cut to what a caller may see."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, exists, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.identity.principal import Reach
from ownercare_api.policies.models import PolicyInForce, PolicyLevel, PolicySnapshot, PolicyVersion

Connection = AsyncConnection | AsyncSession
V, K, F = PolicyVersion.__table__.c, PolicySnapshot.__table__.c, PolicyInForce.__table__.c


def visible_versions(reach: Reach, *, regions: Collection[UUID]) -> ColumnElement[bool]:
    """Return the condition on versions: the group's are everybody's; `regions` are those of the projects in reach."""
    if reach.everywhere:
        return literal(True)
    return or_(
        V.level == PolicyLevel.GROUP,
        and_(V.level == PolicyLevel.REGION, V.target_id.in_(list(regions))),
        and_(V.level == PolicyLevel.PROJECT, V.target_id.in_(list(reach.projects))),
    )


def versions(
    *,
    visible: ColumnElement[bool],
    level: PolicyLevel | None,
    target_id: UUID | None,
    effective: bool | None,
    now: datetime,
) -> Select[Any]:
    """Return the query of the published versions; `effective` False: scheduled for later than `now`."""
    query = select(*V).where(visible)
    if level is not None:
        query = query.where(V.level == level)
    if target_id is not None:
        query = query.where(V.target_id == target_id)
    if effective is not None:
        query = query.where(V.effective_from <= now if effective else V.effective_from > now)
    return query


async def version(connection: Connection, *, version_id: UUID, visible: ColumnElement[bool]) -> Row[Any] | None:
    """Return a visible version."""
    return (await connection.execute(select(*V).where(V.id == version_id, visible))).one_or_none()


async def snapshot(connection: Connection, *, snapshot_id: UUID, reach: Reach) -> Row[Any] | None:
    """Return a snapshot that is, was or will be in force for a project in reach."""
    query = select(*K).where(K.id == snapshot_id)
    if not reach.everywhere:
        query = query.where(exists().where(F.snapshot_id == K.id, F.project_id.in_(list(reach.projects))))
    return (await connection.execute(query)).one_or_none()


async def in_force(connection: Connection, *, project_id: UUID, at: datetime) -> Any:
    """Return what is in force for a project: the row's `effective_from` and its snapshot; None where nothing is."""
    query = (
        select(K.id, K["values"], K.sources, F.effective_from)
        .join(PolicyInForce.__table__, F.snapshot_id == K.id)
        .where(F.project_id == project_id, F.effective_from <= at)
        .order_by(F.effective_from.desc())
        .limit(1)
    )
    row: Any = (await connection.execute(query)).one_or_none()
    return row
