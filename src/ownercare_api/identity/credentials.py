"""Use case: a person changes the password."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from ownercare_api.core.database import Database
from ownercare_api.core.errors import FieldError, Forbidden, Invalid
from ownercare_api.core.names import name_sort_key
from ownercare_api.identity import initial, limits
from ownercare_api.identity.models import Account
from ownercare_api.identity.passwords import hash_password, verify_password
from ownercare_api.identity.principal import Principal, PrincipalKind
from ownercare_api.identity.service import Desk, revoke_all
from ownercare_api.identity.strength import check_strength, normalise


class NoPassword(Forbidden):
    """403: owners log in with codes and machines with secrets."""

    code = "no_password"
    zh, en = "此账号不使用密码登录。", "This caller has no password."


class WrongPassword(Invalid):
    """422: the present password is not the one given."""

    code = "wrong_password"
    zh, en = "当前密码不正确。", "The present password is wrong."

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/current_password", self.code, self.zh, self.en),))


class SamePassword(Invalid):
    """422: the new password is the present one."""

    code = "same_password"
    zh, en = "新密码不能与当前密码相同。", "The new password must differ from the present one."

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/new_password", self.code, self.zh, self.en),))


def names_of(*, username: str, name: str) -> tuple[str, ...]:
    """Return what a person's password must not contain: login name, name, and the name in pinyin."""
    return (username, name, "".join(name_sort_key(name).split()))


async def change_password(
    database: Database, *, desk: Desk, principal: Principal, current: str, new: str, now: datetime
) -> None:
    """Change the caller's password and end all other logins; raises `NoPassword`, `TooManyAttempts`, `WrongPassword`,
    `SamePassword`, `WeakPassword`, `LoginsBusy`, `InitialPasswordExpired`."""
    if principal.kind not in (PrincipalKind.STAFF, PrincipalKind.FIRM_USER):
        raise NoPassword
    stored, names, counted = await _check_current(database, desk=desk, account_id=principal.id, given=current, now=now)
    if normalise(new) == normalise(current):
        raise SamePassword
    check_strength(new, names=names, pointer="#/new_password")
    fresh = await hash_password(new)
    async with database.session() as session:
        still = select(Account).where(Account.id == principal.id, Account.password_hash == stored)
        account = await session.scalar(still.where(Account.disabled_at.is_(None)).with_for_update())
        if account is None:
            raise WrongPassword
        if initial.is_over(account, now=now):
            raise initial.InitialPasswordExpired
        account.password_hash, account.password_changed_at = fresh, now
        account.must_change_password = False
        await session.flush()
        ended = await revoke_all(
            session, account_id=account.id, now=now, because="password_changed", but=principal.session_id
        )
        await limits.give_back(session, counted)
        await desk.directory.record(
            session,
            kind="password.changed",
            subject_kind="person",
            subject_id=account.id,
            actor=principal,
            now=now,
            rules=("ORG-28",),
            data={"sessions_ended": ended},
        )
        await session.commit()


async def _check_current(
    database: Database, *, desk: Desk, account_id: UUID, given: str, now: datetime
) -> tuple[str, tuple[str, ...], list[limits.Counted]]:
    key = limits.key_of(desk.keyring, limits.PASSWORD_CHANGE.name, account_id.hex)
    async with database.reader() as connection:
        counted = await limits.admit(connection, wanted=[(limits.PASSWORD_CHANGE, key)], now=now)
        found = await connection.execute(
            select(Account.password_hash, Account.username, Account.name).where(Account.id == account_id)
        )
        row = found.one()
    if not await verify_password(given, row.password_hash) or row.password_hash is None:
        raise WrongPassword
    return row.password_hash, names_of(username=row.username, name=row.name), counted
