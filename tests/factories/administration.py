"""Grants with a time, delegations, and proof that a refused change of authority left nothing behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.factories.people import Actor

from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.identity.models import (
    Account,
    AccountKind,
    ApiClient,
    AuthSession,
    ClientSecret,
    Delegation,
    GrantLevel,
    RoleGrant,
)
from ownercare_api.timeline.models import Event

ADMINISTRATOR = "system_administrator"


def grant_of(
    account_id: UUID,
    *,
    role: str,
    starts_at: datetime,
    ends_at: datetime | None = None,
    level: GrantLevel = GrantLevel.COMPANY,
    target_id: UUID | None = None,
) -> RoleGrant:
    """Return a grant to be added."""
    grant = RoleGrant(id=uuid7(), account_id=account_id, role=role, level=level, target_id=target_id)
    grant.starts_at, grant.ends_at = starts_at, ends_at
    return grant


def lent(grant: RoleGrant, *, to: UUID, starts_at: datetime, ends_at: datetime) -> Delegation:
    """Return a delegation to be added."""
    made = Delegation(id=uuid7(), grant_id=grant.id, from_account_id=grant.account_id, to_account_id=to)
    made.starts_at, made.ends_at, made.reason, made.made_by = starts_at, ends_at, "出差期间代行", grant.account_id
    return made


def account_of(username: str, *, name: str = "何俊峰", post: str = "records_clerk") -> Account:
    """Return an employee's account to be added, without grants or logins."""
    return Account(
        id=uuid7(),
        kind=AccountKind.STAFF,
        username=username,
        name=name,
        post=post,
        department="customer_service",
    )


async def own_grant(session: AsyncSession, actor: Actor) -> RoleGrant:
    """Return the one grant of an actor."""
    return (await session.scalars(select(RoleGrant).where(RoleGrant.account_id == actor.id))).one()


async def events(session: AsyncSession, kind: str) -> list[Event]:
    """Return the events of a kind, oldest first."""
    return list(await session.scalars(select(Event).where(Event.kind == kind).order_by(Event.seq)))


def forget(state: AppState) -> None:
    """Let the two seconds pass for which a process trusts what it loaded."""
    state.parts[PrincipalCache] = PrincipalCache()


async def picture(session: AsyncSession) -> list[Any]:
    """Return all that administration can change."""
    seen: list[Any] = []
    for table in (Account, RoleGrant, Delegation, ApiClient, ClientSecret, AuthSession):
        rows = await session.execute(select(*table.__table__.c).order_by(table.__table__.c.id))
        seen.append([tuple(row) for row in rows])
    seen.append(await session.scalar(select(func.count()).select_from(Event)))
    return seen


@asynccontextmanager
async def nothing_changes(session: AsyncSession) -> AsyncIterator[None]:
    """Prove that a block left accounts, grants, delegations, machines, logins and events as they were."""
    before = await picture(session)
    yield
    assert await picture(session) == before
