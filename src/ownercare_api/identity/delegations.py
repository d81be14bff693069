"""Use cases: a person lends a role of his own to a colleague for a while (授权委托), and takes it back.

Whatever is done with it counts as done by both: what the lender may not check, the deputy may not check (reading 10).
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.identity import administrators, authority
from ownercare_api.identity import repository_admin as repository
from ownercare_api.identity.authority import MANAGE, NEVER_LENT
from ownercare_api.identity.grants import GrantEnded, GrantNotFound, WrongPeriod
from ownercare_api.identity.models import Account, AccountKind, Delegation, RoleGrant
from ownercare_api.identity.principal import OutOfReach, Principal, PrincipalKind
from ownercare_api.identity.roles import ROLES
from ownercare_api.identity.surroundings import Surroundings

LONGEST = timedelta(days=90)


class DelegationNotFound(NotFound):
    """404: no such delegation, or not visible."""

    code = "delegation_not_found"
    zh, en = "授权委托不存在,或您无权查看。", "The delegation does not exist, or you may not see it."


class StaffOnly(Forbidden):
    """403: partner firms, owners and machines have nothing to lend."""

    code = "staff_only"
    zh, en = "授权委托仅限本公司员工办理。", "Only our own staff lend their roles."
    rules = ("ORG-10",)


class LentOn(Forbidden):
    """403: what is lent is not lent on."""

    code = "lent_on"
    zh, en = "受托的授权不得转委托。", "A role that was lent to you can't be lent on."
    rules = ("ORG-10",)


class NotLendable(Forbidden):
    """403: the role administers people or machines."""

    code = "not_lendable"
    zh = "含人员授权或接入系统管理权限的角色不得委托;请由其他管理员办理,或另行授权。"
    en = "A role that administers people or machines is not lent; let another administrator act, or grant the role."
    rules = ("ORG-10", "ORG-28")


class UnsuitableDeputy(Invalid):
    """422: a deputy is another active employee of ours."""

    code = "unsuitable_deputy"
    zh, en = "受托人须为本公司其他在用账号的员工。", "The deputy must be another active employee."
    rules = ("ORG-10",)

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/to_person_id", self.code, self.zh, self.en),))


class TooLong(Invalid):
    """422: a delegation lasts at most 90 days, and not beyond the grant itself."""

    code = "delegation_too_long"
    zh, en = (
        "委托期限最长 90 天,且不得超出该授权本身的期限。",
        "At most 90 days, and within the time of the grant itself.",
    )
    rules = ("ORG-10",)

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/ends_at", self.code, self.zh, self.en),))


class DelegationOverlaps(Conflict):
    """409: this grant is lent to this person for a part of that time already."""

    code = "delegation_overlaps"
    zh, en = "该授权在此期间已委托给同一人。", "This grant is lent to this person for a part of that time already."


class DelegationOver(Conflict):
    """409: it has ended or was withdrawn."""

    code = "delegation_over"
    zh, en = "该授权委托已到期或已收回。", "The delegation has ended or was withdrawn."


async def make(
    session: AsyncSession,
    *,
    grant_id: UUID,
    to_person_id: UUID,
    starts_at: datetime | None,
    ends_at: datetime,
    reason: str,
    surroundings: Surroundings,
    principal: Principal,
    now: datetime,
) -> Delegation:
    """Lend one's own grant, from now on unless `starts_at` is later.

    Raises `StaffOnly`, `GrantNotFound`, `LentOn`, `NotLendable`, `GrantEnded`, `WrongPeriod`, `TooLong`,
    `UnsuitableDeputy`, `DelegationOverlaps`.
    """
    if principal.kind is not PrincipalKind.STAFF:
        raise StaffOnly
    await administrators.take_turns(session)
    grant = await _own_grant(session, grant_id=grant_id, principal=principal, now=now)
    begins = now if starts_at is None else starts_at
    if begins < now or ends_at <= begins:
        raise WrongPeriod
    outside = begins < grant.starts_at or (grant.ends_at is not None and ends_at > grant.ends_at)
    if outside or ends_at - begins > LONGEST:
        raise TooLong
    deputy = await session.get(Account, to_person_id, populate_existing=True)
    fit = deputy is not None and deputy.kind is AccountKind.STAFF and deputy.disabled_at is None
    if not fit or to_person_id == principal.id:
        raise UnsuitableDeputy
    twin = select(Delegation.id).where(
        Delegation.grant_id == grant_id,
        Delegation.to_account_id == to_person_id,
        Delegation.withdrawn_at.is_(None),
        Delegation.starts_at < ends_at,
        Delegation.ends_at > begins,
    )
    if await session.scalar(twin.limit(1)) is not None:
        raise DelegationOverlaps
    made = Delegation(id=uuid7(), grant_id=grant_id, from_account_id=principal.id, to_account_id=to_person_id)
    made.starts_at, made.ends_at, made.reason, made.made_by = begins, ends_at, reason, principal.id
    session.add(made)
    await session.flush()
    await _record(session, surroundings, "delegation.made", made=made, principal=principal, now=now, role=grant.role)
    return made


async def _own_grant(session: AsyncSession, *, grant_id: UUID, principal: Principal, now: datetime) -> RoleGrant:
    grant = await session.get(RoleGrant, grant_id, populate_existing=True)
    if grant is None or grant.account_id != principal.id:
        lent = select(Delegation.id).where(
            Delegation.grant_id == grant_id, Delegation.to_account_id == principal.id, Delegation.ends_at > now
        )
        if grant is not None and await session.scalar(lent.limit(1)) is not None:
            raise LentOn
        raise GrantNotFound
    role = ROLES.get(grant.role)
    if role is None or not NEVER_LENT.isdisjoint(role.scopes):
        raise NotLendable
    if grant.ends_at is not None and grant.ends_at <= now:
        raise GrantEnded
    return grant


async def withdraw(
    session: AsyncSession, *, delegation_id: UUID, surroundings: Surroundings, principal: Principal, now: datetime
) -> Delegation:
    """End a delegation before its time: the lender, the deputy, or who administers the grant's place.

    Raises `DelegationNotFound`, `OutOfReach`, `DelegationOver`.
    """
    await administrators.take_turns(session)
    visible = repository.delegations(principal, now=now).where(Delegation.id == delegation_id)
    row = (await session.execute(visible)).one_or_none()
    if row is None:
        raise DelegationNotFound
    if principal.id not in (row.from_account_id, row.to_account_id):
        far = await authority.of(session, principal=principal, scope=MANAGE, surroundings=surroundings, now=now)
        if not far.covers(row.level, row.target_id):
            raise OutOfReach
    made = await session.get_one(Delegation, delegation_id, with_for_update=True, populate_existing=True)
    if made.withdrawn_at is not None or made.ends_at <= now:
        raise DelegationOver
    made.withdrawn_at, made.withdrawn_by = now, principal.id
    await session.flush()
    await _record(session, surroundings, "delegation.withdrawn", made=made, principal=principal, now=now, role=row.role)
    return made


async def _record(
    session: AsyncSession,
    surroundings: Surroundings,
    kind: str,
    *,
    made: Delegation,
    principal: Principal,
    now: datetime,
    role: str,
) -> None:
    data: dict[str, Any] = {
        "grant_id": str(made.grant_id),
        "role": role,
        "from_person_id": str(made.from_account_id),
        "to_person_id": str(made.to_account_id),
        "starts_at": made.starts_at.isoformat(),
        "ends_at": made.ends_at.isoformat(),
    }
    await surroundings.record(
        session,
        kind=kind,
        subject_kind="delegation",
        subject_id=made.id,
        actor=principal,
        now=now,
        rules=("ORG-10",),
        data=data,
    )
