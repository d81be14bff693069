"""Use cases: machines that call us (接入系统) are registered, bounded, given secrets that rotate, and shut out."""

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from ownercare_api.core.errors import Conflict, FieldError, Invalid, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.identity import authority, service
from ownercare_api.identity import repository_admin as repository
from ownercare_api.identity.authority import CLIENTS, NEVER_LENT, Authority
from ownercare_api.identity.grants import TargetNotFound
from ownercare_api.identity.models import ApiClient, ClientSecret, GrantLevel
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.identity.roles import SCOPES
from ownercare_api.identity.surroundings import Surroundings

MOST_LIVE = 2
"""Secrets of one machine that are good at the same time: the one in use and the one it changes to."""

_PEOPLE_ONLY = ("my:", "approvals:decide:", "exports:approve", "privacy:approve", "bank_accounts:")

FOR_MACHINES = frozenset(scope for scope in SCOPES if not scope.startswith(_PEOPLE_ONLY)) - NEVER_LENT
"""What a machine may be given: neither what is an owner's own, nor administration, nor a decision of a person."""


class ClientNotFound(NotFound):
    """404: no such machine client, or not within the caller's reach."""

    code = "client_not_found"
    zh, en = "接入系统不存在,或您无权查看。", "The machine client does not exist, or you may not see it."


class SecretNotFound(NotFound):
    """404: the machine has no such live secret."""

    code = "secret_not_found"
    zh, en = "该接入系统没有此密钥,或密钥已失效。", "The machine has no such secret, or it has expired."


class ClientNameTaken(Conflict):
    """409: another machine has this name."""

    code = "client_name_taken"
    zh, en = "已有同名的接入系统。", "Another machine client has this name."


class ClientDisabled(Conflict):
    """409: the machine is shut out."""

    code = "client_disabled"
    zh, en = "该接入系统已停用。", "The machine client is disabled."


class ClientActive(Conflict):
    """409: the machine is not shut out."""

    code = "client_active"
    zh, en = "该接入系统并未停用。", "The machine client is not disabled."


class TooManySecrets(Conflict):
    """409: two secrets are live; the rotation before has not ended."""

    code = "too_many_secrets"
    zh = "已有两个有效密钥,请待旧密钥失效或先将其作废。"
    en = "Two secrets are live; wait until the older one expires, or expire it."


class ScopeNotForMachines(Invalid):
    """422: no such scope, or it is a person's: an owner's own, administration, a decision."""

    code = "scope_not_for_machines"
    zh = "权限不存在,或不可授予接入系统(业主本人事项、人员与接入系统管理、审批决定)。"
    en = "There is no such scope, or it is for people: owners' own, administration, decisions."
    rules = ("ORG-10", "ORG-28")

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/scopes", self.code, self.zh, self.en),))


class WrongTargets(Invalid):
    """422: regions and projects are named in `target_ids`, a firm in `firm_id`, the company by neither."""

    code = "wrong_targets"
    zh = "范围为区域、项目时须填 target_ids;为合作单位时只填 firm_id;为全公司时均不填。"
    en = "Name regions or projects in target_ids, a partner firm in firm_id only, and neither for the whole company."

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/target_ids", self.code, self.zh, self.en),))


class ClientDisablementReason(StrEnum):
    """Why a machine is shut out."""

    LEAKED = "leaked"
    CONTRACT_ENDED = "contract_ended"
    UNUSED = "unused"
    MISBEHAVING = "misbehaving"
    OTHER = "other"


async def register(
    session: AsyncSession,
    *,
    name: str,
    contact: str | None,
    scopes: Collection[str],
    level: GrantLevel,
    target_ids: Collection[UUID],
    firm_id: UUID | None,
    requests_per_minute: int | None,
    surroundings: Surroundings,
    principal: Principal,
    now: datetime,
) -> ApiClient:
    """Enter a machine; it has no secret yet. Raises `OutOfReach`, `WrongTargets`, `TargetNotFound`,
    `ScopeNotForMachines`, `ClientNameTaken`."""
    far = await authority.of(session, principal=principal, scope=CLIENTS, surroundings=surroundings, now=now)
    targets = _targets(level, target_ids, firm_id)
    if not far.covers_all(level, targets):
        raise OutOfReach
    await _allowed(session, level=level, targets=targets, scopes=scopes, surroundings=surroundings)
    await _free(session, name)
    client = ApiClient(
        id=uuid7(),
        name=name,
        client_id=f"oc-{secrets.token_hex(8)}",
        scopes=sorted(set(scopes)),
        level=level,
        target_ids=targets,
        firm_id=firm_id,
        requests_per_minute=requests_per_minute,
        contact=contact,
    )
    session.add(client)
    await session.flush()
    await _record(session, surroundings, "client.registered", client=client, principal=principal, now=now)
    return client


def _targets(level: GrantLevel, target_ids: Collection[UUID], firm_id: UUID | None) -> list[UUID]:
    if (level is GrantLevel.FIRM) != (firm_id is not None):
        raise WrongTargets
    if (level in (GrantLevel.REGION, GrantLevel.PROJECT)) != bool(target_ids):
        raise WrongTargets
    return sorted(set(target_ids)) if firm_id is None else [firm_id]


async def _allowed(
    session: AsyncSession,
    *,
    level: GrantLevel,
    targets: Collection[UUID],
    scopes: Collection[str],
    surroundings: Surroundings,
) -> None:
    if not FOR_MACHINES.issuperset(scopes):
        raise ScopeNotForMachines
    for target in targets:
        if not await surroundings.target_exists(session, level, target):
            raise TargetNotFound


async def _free(session: AsyncSession, name: str) -> None:
    if await session.scalar(select(ApiClient.id).where(ApiClient.name == name)) is not None:
        raise ClientNameTaken


async def for_change(
    session: AsyncSession, *, client_id: UUID, surroundings: Surroundings, principal: Principal, now: datetime
) -> tuple[ApiClient, Authority]:
    """Return a machine locked for change, and how far the caller reaches; raises `ClientNotFound`."""
    client = await session.get(ApiClient, client_id, with_for_update={"key_share": True}, populate_existing=True)
    far = await authority.of(session, principal=principal, scope=CLIENTS, surroundings=surroundings, now=now)
    if client is None or not far.covers_all(client.level, client.target_ids):
        raise ClientNotFound
    return client, far


async def update(
    session: AsyncSession,
    *,
    client: ApiClient,
    far: Authority,
    changes: Mapping[str, Any],
    surroundings: Surroundings,
    principal: Principal,
    now: datetime,
) -> None:
    """Change a machine that the caller locked; its tokens of before end. Raises as `register`."""
    merged: dict[str, Any] = {
        "level": client.level,
        "target_ids": [] if client.level is GrantLevel.FIRM else client.target_ids,
        "firm_id": client.firm_id,
        "scopes": client.scopes,
    } | dict(changes)
    level: GrantLevel = merged["level"]
    targets = _targets(level, merged["target_ids"], merged["firm_id"])
    if not far.covers_all(level, targets):
        raise OutOfReach
    wanted = dict(changes) | {
        "level": level,
        "target_ids": targets,
        "firm_id": merged["firm_id"],
        "scopes": sorted(set(merged["scopes"])),
    }
    changed = {field: value for field, value in wanted.items() if getattr(client, field) != value}
    if not changed:
        return
    if not changed.keys().isdisjoint(("level", "target_ids", "scopes")):
        await _allowed(session, level=level, targets=targets, scopes=wanted["scopes"], surroundings=surroundings)
    if "name" in changed:
        await _free(session, changed["name"])
    for field, value in changed.items():
        setattr(client, field, value)
    client.updated_at = now
    await session.flush()
    await _record(
        session, surroundings, "client.updated", client=client, principal=principal, now=now, fields=sorted(changed)
    )


async def disable(
    session: AsyncSession,
    *,
    client_id: UUID,
    reason: ClientDisablementReason,
    surroundings: Surroundings,
    principal: Principal,
    now: datetime,
) -> ApiClient:
    """Shut a machine out at once; its secrets stay. Raises `ClientNotFound`, `ClientDisabled`."""
    client, _ = await for_change(session, client_id=client_id, surroundings=surroundings, principal=principal, now=now)
    if client.disabled_at is not None:
        raise ClientDisabled
    client.disabled_at = client.updated_at = now
    await session.flush()
    await _record(
        session, surroundings, "client.disabled", client=client, principal=principal, now=now, reason=reason.value
    )
    return client


async def reinstate(
    session: AsyncSession, *, client_id: UUID, surroundings: Surroundings, principal: Principal, now: datetime
) -> ApiClient:
    """Let a machine in again, with new tokens only. Raises `ClientNotFound`, `ClientActive`, `TargetNotFound`."""
    client, _ = await for_change(session, client_id=client_id, surroundings=surroundings, principal=principal, now=now)
    if client.disabled_at is None:
        raise ClientActive
    await _allowed(session, level=client.level, targets=client.target_ids, scopes=(), surroundings=surroundings)
    client.disabled_at, client.updated_at = None, now
    await session.flush()
    await _record(session, surroundings, "client.reinstated", client=client, principal=principal, now=now)
    return client


async def issue_secret(
    session: AsyncSession,
    *,
    client_id: UUID,
    overlap_hours: int,
    surroundings: Surroundings,
    principal: Principal,
    now: datetime,
) -> tuple[ClientSecret, str]:
    """Give a machine a new secret; the one in use expires `overlap_hours` later. Returns its row and the secret itself,
    which is kept nowhere.

    Tokens stay good, so that a rotation is not felt; with no overlap those of the older secret end too. Raises
    `ClientNotFound`, `ClientDisabled`, `TooManySecrets`.
    """
    client, _ = await for_change(session, client_id=client_id, surroundings=surroundings, principal=principal, now=now)
    if client.disabled_at is not None:
        raise ClientDisabled
    live = await _live(session, client_id=client_id, now=now)
    if len(live) >= MOST_LIVE:
        raise TooManySecrets
    ends = now + timedelta(hours=overlap_hours)
    for older in live:
        older.expires_at = ends if older.expires_at is None else min(ends, older.expires_at)
    if live and not overlap_hours:
        _end_tokens(client, now=now)
    clear = secrets.token_urlsafe(32)
    made = ClientSecret(id=uuid7(), client_id=client_id, digest=service.digest(clear), hint=clear[-4:])
    made.created_at, made.expires_at, made.last_used_at = now, None, None
    session.add(made)
    await session.flush()
    await _record(
        session,
        surroundings,
        "client.secret_issued",
        client=client,
        principal=principal,
        now=now,
        secret_id=str(made.id),
        replaces=[str(older.id) for older in live],
        overlap_hours=overlap_hours if live else None,
    )
    return made, clear


async def expire_secret(
    session: AsyncSession,
    *,
    client_id: UUID,
    secret_id: UUID,
    surroundings: Surroundings,
    principal: Principal,
    now: datetime,
) -> None:
    """End a secret at once, and every token of the machine with it. Raises `ClientNotFound`, `SecretNotFound`."""
    client, _ = await for_change(session, client_id=client_id, surroundings=surroundings, principal=principal, now=now)
    found = [one for one in await _live(session, client_id=client_id, now=now) if one.id == secret_id]
    if not found:
        raise SecretNotFound
    found[0].expires_at = now
    _end_tokens(client, now=now)
    await session.flush()
    await _record(
        session,
        surroundings,
        "client.secret_expired",
        client=client,
        principal=principal,
        now=now,
        secret_id=str(secret_id),
    )


def _end_tokens(client: ApiClient, *, now: datetime) -> None:
    """Raise the version, which every token of the machine names."""
    client.updated_at = now
    flag_modified(client, "updated_at")


async def _live(session: AsyncSession, *, client_id: UUID, now: datetime) -> list[ClientSecret]:
    """Return the live secrets, oldest first; the machine's row is locked, so nobody else changes them."""
    query = (
        select(ClientSecret)
        .where(ClientSecret.client_id == client_id, repository.secret_is_live(now))
        .order_by(ClientSecret.id)
        .execution_options(populate_existing=True)
    )
    return list(await session.scalars(query))


async def _record(
    session: AsyncSession,
    surroundings: Surroundings,
    kind: str,
    *,
    client: ApiClient,
    principal: Principal,
    now: datetime,
    **more: Any,
) -> None:
    data = {"scopes": client.scopes, "level": client.level.value, "target_ids": [str(one) for one in client.target_ids]}
    await surroundings.record(
        session,
        kind=kind,
        subject_kind="client",
        subject_id=client.id,
        actor=principal,
        now=now,
        rules=("ORG-28",),
        data=data | more,
    )
