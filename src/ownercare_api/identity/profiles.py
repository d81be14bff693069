"""A person as those see him who may, and lists of grants with what the caller may do about each."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import or_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.identity import authority, initial, people, views_admin
from ownercare_api.identity import repository_admin as repository
from ownercare_api.identity.authority import MANAGE, NEVER_LENT, Authority
from ownercare_api.identity.models import Delegation, RoleGrant
from ownercare_api.identity.principal import Principal
from ownercare_api.identity.roles import ROLES
from ownercare_api.identity.schemas_admin import DelegationRead, LoginsRead, PersonDetail, RoleGrantRead
from ownercare_api.identity.surroundings import Surroundings

SHOWN = 100
"""Grants and delegations in a person's answer; there are lists for more."""


def lendable(role: str) -> bool:
    """Say whether a role may be lent: not one that brings authority about."""
    return role in ROLES and NEVER_LENT.isdisjoint(ROLES[role].scopes)


def grant_view(far: Authority, *, principal: Principal, now: datetime) -> Callable[[Any], RoleGrantRead]:
    """Return how to show grants to somebody who administers so far."""

    def show(row: Any) -> RoleGrantRead:
        covered = far.covers(row.level, row.target_id)
        return views_admin.grant(row, covered=covered, lendable=lendable(row.role), principal=principal, now=now)

    return show


def delegation_view(far: Authority, *, principal: Principal, now: datetime) -> Callable[[Any], DelegationRead]:
    """Return how to show delegations to somebody who administers so far."""

    def show(row: Any) -> DelegationRead:
        covered = far.covers(row.level, row.target_id)
        return views_admin.delegation(row, covered=covered, principal=principal, now=now)

    return show


async def profile(
    connection: AsyncConnection | AsyncSession,
    row: Any,
    *,
    principal: Principal,
    surroundings: Surroundings,
    now: datetime,
) -> PersonDetail:
    """Return an account's row, which the caller may know of, as a whole; at most six statements."""
    far = await authority.of(connection, principal=principal, scope=MANAGE, surroundings=surroundings, now=now)
    administers = await people.administers(connection, far=far, person=row, now=now)
    grants = repository.grants(principal, now=now, person_id=row.id).order_by(RoleGrant.id.desc()).limit(SHOWN)
    involved = or_(Delegation.from_account_id == row.id, Delegation.to_account_id == row.id)
    delegations = repository.delegations(principal, now=now).where(involved)
    delegations = delegations.order_by(Delegation.id.desc()).limit(SHOWN)
    show_grant = grant_view(far, principal=principal, now=now)
    show_delegation = delegation_view(far, principal=principal, now=now)
    logins = None
    if administers or views_admin.is_self(row, principal):
        found = await repository.logins(connection, account_id=row.id, now=now)
        logins = LoginsRead(
            username=row.username,
            must_change_password=row.must_change_password,
            initial_password_expires_at=initial.expires_at(row),
            password_changed_at=row.password_changed_at,
            open_sessions=found.open_sessions,
            last_login_at=found.last_login_at,
        )
    return PersonDetail(
        **views_admin.person(row),
        disabled_at=row.disabled_at,
        grants=[show_grant(one) for one in await connection.execute(grants)],
        delegations=[show_delegation(one) for one in await connection.execute(delegations)],
        logins=logins,
        allowed_actions=views_admin.person_steps(
            row, administers=administers, principal=principal, has_authority=far != authority.NOWHERE
        ),
        version=row.version,
    )
