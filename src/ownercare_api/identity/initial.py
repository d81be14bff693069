"""Initial passwords (初始密码): given by an administrator, good for nothing but a new one, and that for 72 hours."""

from datetime import datetime, timedelta
from typing import Any

from ownercare_api.core.errors import Forbidden

GOOD_FOR = timedelta(hours=72)


class InitialPasswordExpired(Forbidden):
    """403: the password is right, and was an initial one that nobody changed in time."""

    code = "initial_password_expired"
    zh = "初始密码已超过 72 小时未修改,现已失效;请联系管理员重新设置。"
    en = "The initial password was not changed within 72 hours and is no longer good; ask an administrator for another."
    rules = ("ORG-28",)


def expires_at(account: Any) -> datetime | None:
    """Return when an account's initial password ends; None where its password is the person's own."""
    if not account.must_change_password:
        return None
    given: datetime = account.password_changed_at or account.created_at
    return given + GOOD_FOR


def is_over(account: Any, *, now: datetime) -> bool:
    """Say whether an account's initial password has ended."""
    end = expires_at(account)
    return end is not None and now >= end
