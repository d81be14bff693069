"""Use cases: roles are given to people within a reach and a time, and taken back (ORG-10, ORG-28)."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import Conflict, FieldError, Invalid, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.identity import administrators, authority, people
from ownercare_api.identity import repository_admin as repository
from ownercare_api.identity.authority import MANAGE, OwnAccount
from ownercare_api.identity.models import Account, AccountKind, GrantLevel, RoleGrant
from ownercare_api.identity.people import STAFF, PersonDisabled, UnknownFirm
from ownercare_api.identity.principal import Principal
from ownercare_api.identity.roles import ROLES
from ownercare_api.identity.surroundings import Surroundings

_INSTANT = timedelta(microseconds=1)


class GrantNotFound(NotFound):
    """404: no such grant, or not visible."""

    code = "grant_not_found"
    zh, en = "授权不存在,或您无权查看。", "The grant does not exist, or you may not see it."


class RoleNotGrantable(Invalid):
    """422: no such role, or it is not for this kind of person; the role of owners is never granted."""

    code = "role_not_grantable"
    zh = "角色不存在,或不能授予此类人员(合作单位人员只能授予其单位类型的角色,业主角色不可授予)。"
    en = "There is no such role, or it is not for this kind of person; users of firms hold their kind of firm's roles."
    rules = ("ORG-10", "ORG-28")

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/role", self.code, self.zh, self.en),))


class WrongLevel(Invalid):
    """422: staff hold roles for the company, a region or a project; users of firms for their own firm."""

    code = "wrong_level"
    zh = "员工的授权范围须为全公司、区域或项目;合作单位人员只能以本单位为范围。"
    en = "Staff hold roles for the company, a region or a project; users of a partner firm only for their own firm."
    rules = ("ORG-28",)

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/level", self.code, self.zh, self.en),))


class TargetNotFound(Invalid):
    """422: there is no such regional company, project or active firm."""

    code = "target_not_found"
    zh, en = (
        "所指的区域公司、项目或合作单位不存在。",
        "There is no such regional company, project or active partner firm.",
    )

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/target_id", self.code, self.zh, self.en),))


class WrongPeriod(Invalid):
    """422: it would begin in the past, or end before it begins."""

    code = "wrong_period"
    zh = "起始时间不得早于现在,终止时间须晚于起始时间。"
    en = "It must not begin in the past, and it must end after it begins."

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/ends_at", self.code, self.zh, self.en),))


class GrantOverlaps(Conflict):
    """409: the person holds this role there for a part of that time already."""

    code = "grant_overlaps"
    zh = "该人员在此范围内已有同一角色的授权,且时间重叠。"
    en = "The person already holds this role there for a part of that time."


class GrantEnded(Conflict):
    """409: it has ended, or will end before that: ending never prolongs."""

    code = "grant_ended"
    zh = "该授权已终止,或将早于所填时间终止;终止授权不能延长期限。"
    en = "The grant has ended, or ends before that; ending it can't prolong it."


class GrantEndReason(StrEnum):
    """Why a grant is taken back."""

    POST_CHANGED = "post_changed"
    LEFT = "left"
    REVIEW = "review"
    MISTAKE = "mistake"
    SECURITY = "security"
    OTHER = "other"


async def give(
    session: AsyncSession,
    *,
    person_id: UUID,
    role: str,
    level: GrantLevel,
    target_id: UUID | None,
    starts_at: datetime | None,
    ends_at: datetime | None,
    reason: str,
    surroundings: Surroundings,
    principal: Principal,
    now: datetime,
) -> RoleGrant:
    """Give a role, from now on unless `starts_at` is later, without end unless `ends_at` is given.

    Raises `OwnAccount`, `PersonNotFound`, `OutOfReach`, `PersonDisabled`, `RoleNotGrantable`, `WrongLevel`,
    `TargetNotFound`, `UnknownFirm`, `WrongPeriod`, `GrantOverlaps`.
    """
    await administrators.take_turns(session)
    if person_id == principal.id:
        raise OwnAccount
    person = await people.visible(session, person_id=person_id, principal=principal)
    far = await authority.of(session, principal=principal, scope=MANAGE, surroundings=surroundings, now=now)
    far.require(level, target_id)
    if person.disabled_at is not None:
        raise PersonDisabled
    await _fits(session, person=person, role=role, level=level, target_id=target_id, surroundings=surroundings)
    begins = now if starts_at is None else starts_at
    if begins < now or (ends_at is not None and ends_at <= begins):
        raise WrongPeriod
    await _no_twin(
        session, person_id=person_id, role=role, level=level, target_id=target_id, begins=begins, ends_at=ends_at
    )
    grant = RoleGrant(id=uuid7(), account_id=person_id, role=role, level=level, target_id=target_id)
    grant.starts_at, grant.ends_at, grant.granted_by, grant.reason = begins, ends_at, principal.id, reason
    session.add(grant)
    await session.flush()
    await _record(session, surroundings, "grant.given", grant=grant, principal=principal, now=now)
    return grant


async def _fits(
    session: AsyncSession,
    *,
    person: Account,
    role: str,
    level: GrantLevel,
    target_id: UUID | None,
    surroundings: Surroundings,
) -> None:
    """Check that the role is one for such a person, and that the place is there."""
    holder: str | None = STAFF
    if person.kind is AccountKind.FIRM_USER:
        if level is not GrantLevel.FIRM or target_id != person.firm_id:
            raise WrongLevel
        assert person.firm_id is not None
        holder = await surroundings.firm_kind(session, person.firm_id)
        if holder is None:
            raise UnknownFirm
    elif level is GrantLevel.FIRM:
        raise WrongLevel
    if role not in ROLES or ROLES[role].holder != holder:
        raise RoleNotGrantable
    if target_id is not None and not await surroundings.target_exists(session, level, target_id):
        raise TargetNotFound


async def _no_twin(
    session: AsyncSession,
    *,
    person_id: UUID,
    role: str,
    level: GrantLevel,
    target_id: UUID | None,
    begins: datetime,
    ends_at: datetime | None,
) -> None:
    overlapping = select(RoleGrant.id).where(
        RoleGrant.account_id == person_id,
        RoleGrant.role == role,
        RoleGrant.level == level,
        RoleGrant.target_id.is_not_distinct_from(target_id),
        or_(RoleGrant.ends_at.is_(None), RoleGrant.ends_at > begins),
    )
    if ends_at is not None:
        overlapping = overlapping.where(RoleGrant.starts_at < ends_at)
    if await session.scalar(overlapping.limit(1)) is not None:
        raise GrantOverlaps


async def end(
    session: AsyncSession,
    *,
    grant_id: UUID,
    ends_at: datetime | None,
    reason: GrantEndReason,
    surroundings: Surroundings,
    principal: Principal,
    now: datetime,
) -> RoleGrant:
    """Let a grant end now, or at a later time before its own end. One's own may be laid down.

    A grant that has not begun and ends before it would is taken back whole: it was never in force. Raises
    `GrantNotFound`, `OutOfReach`, `WrongPeriod`, `GrantEnded`, `LastAdministrator`.
    """
    await administrators.take_turns(session)
    grant = await session.scalar(
        select(RoleGrant)
        .where(RoleGrant.id == grant_id, repository.grants_visible_to(principal, now=now))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if grant is None:
        raise GrantNotFound
    far = await authority.of(session, principal=principal, scope=MANAGE, surroundings=surroundings, now=now)
    far.require(grant.level, grant.target_id)
    at = now if ends_at is None else ends_at
    if at < now:
        raise WrongPeriod
    if grant.ends_at is not None and (grant.ends_at <= now or grant.ends_at <= at):
        raise GrantEnded
    was_permanent = await administrators.is_permanent(session, account_id=grant.account_id, now=now)
    meant = {"meant_from_at": grant.starts_at.isoformat()} if grant.starts_at >= at else {}
    if meant:
        # In force for the instant before now: in nobody's present or future.
        grant.starts_at, at = now - _INSTANT, now
    grant.ends_at, grant.ended_by = at, principal.id
    await session.flush()
    if was_permanent:
        await administrators.require_one(session, now=now)
    await _record(
        session, surroundings, "grant.ended", grant=grant, principal=principal, now=now, reason=reason.value, **meant
    )
    return grant


async def _record(
    session: AsyncSession,
    surroundings: Surroundings,
    kind: str,
    *,
    grant: RoleGrant,
    principal: Principal,
    now: datetime,
    **more: Any,
) -> None:
    data = {
        "person_id": str(grant.account_id),
        "role": grant.role,
        "level": grant.level.value,
        "target_id": None if grant.target_id is None else str(grant.target_id),
        "starts_at": grant.starts_at.isoformat(),
        "ends_at": None if grant.ends_at is None else grant.ends_at.isoformat(),
    }
    await surroundings.record(
        session,
        kind=kind,
        subject_kind="role_grant",
        subject_id=grant.id,
        actor=principal,
        now=now,
        rules=("ORG-10", "ORG-28"),
        data=data | more,
    )
