"""Representations of people, grants, delegations and machines."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ownercare_api.core.wire import Ref
from ownercare_api.identity.models import GrantLevel
from ownercare_api.identity.principal import Principal, PrincipalKind
from ownercare_api.identity.roles import ROLES
from ownercare_api.identity.schemas_admin import DelegationRead, PersonSessionRead, RoleGrantRead
from ownercare_api.identity.schemas_clients import ClientRead, SecretRead


def role_name(code: str) -> str:
    """Return a role's Chinese name; its code if the role is no more."""
    return ROLES[code].zh if code in ROLES else code


def person(row: Any) -> dict[str, Any]:
    """Return the fields of `PersonRead`: as much as every colleague may see."""
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind.value,
        "post": row.post,
        "post_name": role_name(row.post),
        "department": row.department,
        "firm_id": row.firm_id,
        "active": row.disabled_at is None,
    }


def _state(starts_at: datetime, ends_at: datetime | None, *, now: datetime) -> Literal["in_force", "future", "ended"]:
    if ends_at is not None and ends_at <= now:
        return "ended"
    return "future" if starts_at > now else "in_force"


def grant(row: Any, *, covered: bool, lendable: bool, principal: Principal, now: datetime) -> RoleGrantRead:
    """Return a grant; `covered`: the caller administers its place; `lendable`: its role is such as may be lent."""
    state = _state(row.starts_at, row.ends_at, now=now)
    actions = ["end"] if covered else []
    if lendable and row.account_id == principal.id and principal.kind is PrincipalKind.STAFF:
        actions.append("delegations")
    return RoleGrantRead(
        id=row.id,
        person=Ref(id=row.account_id, name=row.person_name),
        role=row.role,
        role_name=role_name(row.role),
        level=row.level,
        target_id=row.target_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        state=state,
        reason=row.reason,
        granted_by=row.granted_by,
        ended_by=row.ended_by,
        allowed_actions=[] if state == "ended" else actions,
    )


def delegation(row: Any, *, covered: bool, principal: Principal, now: datetime) -> DelegationRead:
    """Return a delegation; `covered`: the caller administers the place of its grant."""
    state: Literal["in_force", "future", "resting", "ended", "withdrawn"] = "withdrawn"
    if row.withdrawn_at is None:
        state = _state(row.starts_at, row.ends_at, now=now)
        over = _state(row.grant_starts_at, row.grant_ends_at, now=now) != "in_force"
        if state == "in_force" and (over or row.from_rests):
            state = "resting"
    may = covered or principal.id in (row.from_account_id, row.to_account_id)
    return DelegationRead(
        id=row.id,
        grant_id=row.grant_id,
        from_person=Ref(id=row.from_account_id, name=row.from_name),
        to_person=Ref(id=row.to_account_id, name=row.to_name),
        role=row.role,
        role_name=role_name(row.role),
        level=row.level,
        target_id=row.target_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        state=state,
        reason=row.reason,
        withdrawn_at=row.withdrawn_at,
        withdrawn_by=row.withdrawn_by,
        allowed_actions=["withdrawal"] if may and state in ("in_force", "future", "resting") else [],
    )


def session(row: Any, *, now: datetime) -> PersonSessionRead:
    """Return a login."""
    return PersonSessionRead(
        id=row.id,
        person_id=row.account_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
        is_open=row.revoked_at is None and row.expires_at > now,
        revoked_at=row.revoked_at,
        revoked_because=row.revoked_because,
    )


def client(row: Any) -> ClientRead:
    """Return a machine; who sees it administers it."""
    active = row.disabled_at is None
    return ClientRead(
        id=row.id,
        client_id=row.client_id,
        name=row.name,
        contact=row.contact,
        scopes=row.scopes,
        level=row.level,
        target_ids=[] if row.level is GrantLevel.FIRM else row.target_ids,
        firm_id=row.firm_id,
        requests_per_minute=row.requests_per_minute,
        active=active,
        disabled_at=row.disabled_at,
        last_used_at=row.last_used_at,
        live_secrets=row.live_secrets,
        allowed_actions=["update", "secrets", "disablement"] if active else ["update", "reinstatement"],
        version=row.version,
    )


def secret(row: Any, *, now: datetime) -> SecretRead:
    """Return a secret's hint and dates."""
    return SecretRead(
        id=row.id,
        client_id=row.client_id,
        hint=row.hint,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        live=row.expires_at is None or row.expires_at > now,
    )


def person_steps(row: Any, *, administers: bool, principal: Principal, has_authority: bool) -> list[str]:
    """Return what a caller may do with an account; nobody administers himself."""
    if row.id == principal.id:
        return []
    active = row.disabled_at is None
    steps = ["grants"] if has_authority and active else []
    if administers:
        steps += ["update", "disablement", "password-reset"] if active else ["update", "reinstatement"]
    return steps


def is_self(row: Any, principal: Principal) -> bool:
    """Say whether an account is the caller's own."""
    persons = (PrincipalKind.STAFF, PrincipalKind.FIRM_USER)
    own: UUID = row.id
    return principal.kind in persons and own == principal.id
