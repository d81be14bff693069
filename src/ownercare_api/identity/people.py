"""Use cases: accounts of staff and of partner firms' users are opened, changed, disabled; passwords given anew."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import Conflict, FieldError, Invalid, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.identity import administrators, authority, service
from ownercare_api.identity import repository_admin as repository
from ownercare_api.identity.administrators import UsernameTaken
from ownercare_api.identity.authority import MANAGE, Authority, OwnAccount
from ownercare_api.identity.models import Account, AccountKind, AuthSession
from ownercare_api.identity.passwords import hash_password
from ownercare_api.identity.principal import OutOfReach, Principal, PrincipalKind
from ownercare_api.identity.repository import Connection
from ownercare_api.identity.roles import DEPARTMENTS, ROLES
from ownercare_api.identity.surroundings import Surroundings

STAFF = "staff"
"""The `for` of roles that are our own employees'."""

_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class PersonNotFound(NotFound):
    """404: no such person, or not visible."""

    code = "person_not_found"
    zh, en = "人员不存在,或您无权查看。", "The person does not exist, or you may not see them."


class PersonDisabled(Conflict):
    """409: the account is disabled."""

    code = "person_disabled"
    zh, en = "该人员账号已停用。", "The account is disabled."


class PersonActive(Conflict):
    """409: the account is not disabled."""

    code = "person_active"
    zh, en = "该人员账号并未停用。", "The account is not disabled."


class SessionNotFound(NotFound):
    """404: the person has no such login."""

    code = "session_not_found"
    zh, en = "登录记录不存在。", "There is no such login."


class SessionEnded(Conflict):
    """409: the login has ended already."""

    code = "session_ended"
    zh, en = "该登录已结束。", "The login has ended already."


class UnsuitablePost(Invalid):
    """422: the post is no role, or is not one for this kind of person."""

    code = "unsuitable_post"
    zh = "岗位不存在,或不适用于此类人员(本公司员工、物业公司或施工单位人员各有其岗位)。"
    en = "There is no such post, or it is not one of staff, or not one of users of this kind of firm."
    rules = ("ORG-01", "ORG-28")

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/post", self.code, self.zh, self.en),))


class UnknownDepartment(Invalid):
    """422: no such department; users of firms have none."""

    code = "unknown_department"
    zh, en = "部门不存在;合作单位人员不设部门。", "There is no such department; users of partner firms have none."

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/department", self.code, self.zh, self.en),))


class UnknownFirm(Invalid):
    """422: no such firm, or we no longer work with it."""

    code = "unknown_firm"
    zh, en = "合作单位不存在或已停用。", "There is no such partner firm, or it is no longer active."

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/firm_id", self.code, self.zh, self.en),))


class DisablementReason(StrEnum):
    """Why an account is disabled."""

    LEFT = "left"
    TRANSFERRED = "transferred"
    LONG_LEAVE = "long_leave"
    CONTRACT_ENDED = "contract_ended"
    SECURITY = "security"
    OTHER = "other"


class ReinstatementReason(StrEnum):
    """Why an account is opened again."""

    RETURNED = "returned"
    MISTAKE = "mistake"
    CLEARED = "cleared"
    OTHER = "other"


def initial_password() -> str:
    """Return a random password of 20 letters and digits in groups, 115 bits, without letters easily confused."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


async def create(
    session: AsyncSession,
    *,
    kind: AccountKind,
    username: str,
    name: str,
    post: str,
    department: str | None,
    firm_id: UUID | None,
    surroundings: Surroundings,
    principal: Principal,
    now: datetime,
) -> tuple[Account, str]:
    """Open an account without any grant; returns it and its initial password, which is kept nowhere.

    Users of firms are administered for the whole company. Raises `OutOfReach`, `UnknownFirm`, `UnsuitablePost`,
    `UnknownDepartment`, `UsernameTaken`.
    """
    far = await authority.of(session, principal=principal, scope=MANAGE, surroundings=surroundings, now=now)
    if far == authority.NOWHERE or (kind is AccountKind.FIRM_USER and not far.everywhere):
        raise OutOfReach
    await _suits(session, post=post, department=department, firm_id=firm_id, surroundings=surroundings)
    if await session.scalar(select(Account.id).where(Account.username == username)) is not None:
        raise UsernameTaken
    password = initial_password()
    account = Account(
        id=uuid7(),
        kind=kind,
        username=username,
        name=name,
        post=post,
        department=department,
        firm_id=firm_id,
        password_hash=await hash_password(password),
        must_change_password=True,
        password_changed_at=now,
    )
    session.add(account)
    await session.flush()
    data = {"account_kind": kind.value, "post": post, "department": department, "firm_id": firm_id and str(firm_id)}
    await _record(
        session, surroundings, "person.created", account_id=account.id, principal=principal, now=now, data=data
    )
    return account, password


async def _suits(
    session: AsyncSession, *, post: str, department: str | None, firm_id: UUID | None, surroundings: Surroundings
) -> None:
    holder: str | None = STAFF
    if firm_id is not None:
        holder = await surroundings.firm_kind(session, firm_id)
        if holder is None:
            raise UnknownFirm
    if post not in ROLES or ROLES[post].holder != holder:
        raise UnsuitablePost
    if (department in DEPARTMENTS) != (firm_id is None):
        raise UnknownDepartment


async def for_change(
    session: AsyncSession, *, person_id: UUID, surroundings: Surroundings, principal: Principal, now: datetime
) -> Account:
    """Return an account locked for change; raises `OwnAccount`, `PersonNotFound`, `OutOfReach`."""
    if person_id == principal.id and principal.kind is PrincipalKind.STAFF:
        raise OwnAccount
    account = await visible(session, person_id=person_id, principal=principal)
    await session.refresh(account, with_for_update={"key_share": True})
    far = await authority.of(session, principal=principal, scope=MANAGE, surroundings=surroundings, now=now)
    if not await administers(session, far=far, person=account, now=now):
        raise OutOfReach
    return account


async def administers(session: Connection, *, far: Authority, person: Any, now: datetime) -> bool:
    """Say whether somebody's authority holds all that a person holds, or has lent to him."""
    if far.everywhere or far == authority.NOWHERE:
        return far.everywhere
    return far.administers(person, standing=await repository.standing(session, account_id=person.id, now=now))


async def visible(session: AsyncSession, *, person_id: UUID, principal: Principal) -> Account:
    """Return an account that the caller may know of; raises `PersonNotFound`."""
    query = select(Account).where(Account.id == person_id, repository.people_visible_to(principal))
    account = await session.scalar(query)
    if account is None:
        raise PersonNotFound
    return account


async def update(
    session: AsyncSession,
    *,
    account: Account,
    changes: Mapping[str, Any],
    surroundings: Surroundings,
    principal: Principal,
    now: datetime,
) -> None:
    """Change name, post and department of an account that the caller locked. Raises `UnsuitablePost`,
    `UnknownDepartment`."""
    changed = {field: value for field, value in changes.items() if getattr(account, field) != value}
    if not changed:
        return
    if not changed.keys().isdisjoint(("post", "department")):
        await _suits(
            session,
            post=changed.get("post", account.post),
            department=changed.get("department", account.department),
            firm_id=account.firm_id,
            surroundings=surroundings,
        )
    for field, value in changed.items():
        setattr(account, field, value)
    account.updated_at = now
    await session.flush()
    data = {"fields": sorted(changed)} | {field: changed[field] for field in ("post", "department") if field in changed}
    await _record(
        session, surroundings, "person.updated", account_id=account.id, principal=principal, now=now, data=data
    )


async def disable(
    session: AsyncSession,
    *,
    person_id: UUID,
    reason: DisablementReason,
    surroundings: Surroundings,
    principal: Principal,
    now: datetime,
) -> Account:
    """Disable an account and end its logins; its grants stay, and what it lent rests.

    Raises `OwnAccount`, `PersonNotFound`, `OutOfReach`, `PersonDisabled`, `LastAdministrator`.
    """
    await administrators.take_turns(session)
    account = await for_change(session, person_id=person_id, surroundings=surroundings, principal=principal, now=now)
    if account.disabled_at is not None:
        raise PersonDisabled
    was_permanent = await administrators.is_permanent(session, account_id=account.id, now=now)
    account.disabled_at = account.updated_at = now
    await session.flush()
    if was_permanent:
        await administrators.require_one(session, now=now)
    await service.revoke_all(session, account_id=account.id, now=now, because="disabled")
    data = {"reason": reason.value}
    await _record(
        session, surroundings, "person.disabled", account_id=account.id, principal=principal, now=now, data=data
    )
    return account


async def reinstate(
    session: AsyncSession,
    *,
    person_id: UUID,
    reason: ReinstatementReason,
    surroundings: Surroundings,
    principal: Principal,
    now: datetime,
) -> Account:
    """Open a disabled account again, with the grants that have not ended. Raises as `for_change`, and `PersonActive`,
    `UnknownFirm`."""
    await administrators.take_turns(session)
    account = await for_change(session, person_id=person_id, surroundings=surroundings, principal=principal, now=now)
    if account.disabled_at is None:
        raise PersonActive
    if account.firm_id is not None and await surroundings.firm_kind(session, account.firm_id) is None:
        raise UnknownFirm
    account.disabled_at, account.updated_at = None, now
    await session.flush()
    data = {"reason": reason.value}
    await _record(
        session, surroundings, "person.reinstated", account_id=account.id, principal=principal, now=now, data=data
    )
    return account


async def reset_password(
    session: AsyncSession, *, person_id: UUID, surroundings: Surroundings, principal: Principal, now: datetime
) -> tuple[Account, str]:
    """Give a new initial password and end every login; returns it with the account. It is kept nowhere.

    Raises as `for_change`, and `PersonDisabled`.
    """
    password = initial_password()
    hashed = await hash_password(password)  # before any lock: it takes its time
    account = await for_change(session, person_id=person_id, surroundings=surroundings, principal=principal, now=now)
    if account.disabled_at is not None:
        raise PersonDisabled
    account.password_hash, account.must_change_password = hashed, True
    account.password_changed_at = account.updated_at = now
    await session.flush()
    await service.revoke_all(session, account_id=account.id, now=now, because="password_reset")
    await _record(session, surroundings, "person.password_reset", account_id=account.id, principal=principal, now=now)
    return account, password


async def revoke_session(
    session: AsyncSession,
    *,
    person_id: UUID,
    session_id: UUID,
    surroundings: Surroundings,
    principal: Principal,
    now: datetime,
) -> AuthSession:
    """End one login of a person. Raises as `for_change`, and `SessionNotFound`, `SessionEnded`."""
    await for_change(session, person_id=person_id, surroundings=surroundings, principal=principal, now=now)
    opened = await session.scalar(
        select(AuthSession)
        .where(AuthSession.id == session_id, AuthSession.account_id == person_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if opened is None:
        raise SessionNotFound
    if opened.revoked_at is not None or opened.expires_at <= now:
        raise SessionEnded
    opened.revoked_at, opened.revoked_because = now, "administrator"
    await session.flush()
    data = {"session_id": str(session_id)}
    await _record(
        session, surroundings, "person.session_revoked", account_id=person_id, principal=principal, now=now, data=data
    )
    return opened


async def _record(
    session: AsyncSession,
    surroundings: Surroundings,
    kind: str,
    *,
    account_id: UUID,
    principal: Principal,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    await surroundings.record(
        session,
        kind=kind,
        subject_kind="person",
        subject_id=account_id,
        actor=principal,
        now=now,
        rules=("ORG-28",),
        data=data,
    )
