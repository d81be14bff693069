"""Use cases: a person looks at the logins of the account, and ends one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.identity.models import AuthSession
from ownercare_api.identity.people import SessionEnded, SessionNotFound
from ownercare_api.identity.principal import Principal
from ownercare_api.identity.repository import Connection
from ownercare_api.identity.service import Desk


async def open_sessions(
    connection: Connection, *, principal: Principal, after: UUID | None, limit: int, now: datetime
) -> Sequence[Any]:
    """Return up to `limit + 1` open logins of the caller's account, newest first; machines have none."""
    table = AuthSession.__table__.c
    query = select(table.id, table.created_at, table.expires_at, table.revoked_at).where(
        table.account_id == principal.id, table.revoked_at.is_(None), table.expires_at > now
    )
    if after is not None:
        query = query.where(table.id < after)
    return (await connection.execute(query.order_by(table.id.desc()).limit(limit + 1))).all()


async def end_session(
    session: AsyncSession, *, desk: Desk, session_id: UUID, principal: Principal, now: datetime
) -> AuthSession:
    """End one of the caller's own logins; raises `SessionNotFound`, `SessionEnded`."""
    own = select(AuthSession).where(AuthSession.id == session_id, AuthSession.account_id == principal.id)
    found = await session.scalar(own.with_for_update())
    if found is None:
        raise SessionNotFound
    if found.revoked_at is not None or found.expires_at <= now:
        raise SessionEnded
    found.revoked_at, found.revoked_because = now, "ended_by_its_person"
    await session.flush()
    await desk.directory.record(
        session,
        kind="session.ended",
        subject_kind="session",
        subject_id=found.id,
        actor=principal,
        now=now,
        rules=("ORG-28",),
    )
    return found
