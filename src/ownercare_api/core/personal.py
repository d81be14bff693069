"""What each room does for a person who asks for a copy of his data or their erasure (PIPL art. 45, 47).

Every room that keeps personal data has a file `personal.py` with `erase` and `collect`; `privacy` plugs them together.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Table, func, or_, update
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring

ERASED_NAME = "已删除"
"""Stands where a person's name stood."""
ERASED_TEXT = "(已按个人信息删除请求清除)"
"""Stands where a text about the person stood."""
_HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Person:
    """The person concerned, and what is his."""

    owner_ids: tuple[UUID, ...]
    """The record, and those that were merged into it."""
    unit_ids: tuple[UUID, ...]
    """Homes that he has or had a share of."""
    ticket_ids: tuple[UUID, ...]
    """His own cases: their texts are about him."""
    near_ticket_ids: tuple[UUID, ...]
    """Other people's cases that may name him: of his homes, or called in from his number."""
    file_ids: tuple[UUID, ...]
    """Papers that are not attached to a case: evidence, authorisations, what he uploaded himself."""
    account_ids: tuple[UUID, ...]
    """His logins."""
    phone_indexes: tuple[bytes, ...]
    """Blind indexes of his numbers, under every live key."""
    names: tuple[str, ...]
    """Names and addresses, former ones too: hidden in texts about his homes, for others may share them."""
    numbers: tuple[str, ...]
    """Telephone and document numbers in clear, former ones too."""

    @property
    def everywhere(self) -> str:
        """Return the pattern (POSIX) of what is his wherever it stands: numbers, in any spelling."""
        return "|".join(_spellings(number) for number in self.numbers)

    @property
    def nearby(self) -> str:
        """Return the pattern of what is his in texts about his homes: numbers, and his names, which others share."""
        return "|".join(filter(None, (self.everywhere, *(_literal(name) for name in self.names))))


def _literal(text: str) -> str:
    return re.sub(r"([^\w])", r"\\\1", text)


def _spellings(number: str) -> str:
    """A number is found whatever stands between its digits, and with or without the country's code."""
    bare = re.sub(r"^\+86", "", number).split(";")[0]
    if not re.fullmatch(r"\+?[0-9A-Za-z]+", bare):
        return _literal(number)  # an address
    return r"[\s().·-]*".join(_literal(sign) for sign in bare)


class Room(Protocol):
    """The part of one room."""

    __name__: str

    async def erase(self, session: AsyncSession, *, person: Person, keyring: Keyring, now: datetime) -> dict[str, int]:
        """Erase what the room keeps of a person, in the caller's transaction; returns rows by table."""
        ...

    async def collect(self, session: AsyncSession, *, person: Person, keyring: Keyring) -> dict[str, Any]:
        """Return what the room keeps of a person, in clear, as JSON values."""
        ...


async def wipe(session: AsyncSession, table: Any, *, where: Any, count: dict[str, int], **values: Any) -> None:
    """Overwrite columns of the rows that fit, and raise their version where they have one."""
    target: Table = table.__table__ if hasattr(table, "__table__") else table
    if "version" in target.c:
        values["version"] = target.c.version + 1
    done: Any = await session.execute(update(target).where(where).values(values))
    count[target.name] = count.get(target.name, 0) + int(done.rowcount)


async def sweep(
    session: AsyncSession, table: Any, columns: Sequence[str], *, pattern: str, count: dict[str, int], where: Any = None
) -> None:
    """Hide what fits a pattern in text columns, in any case of letters; an empty pattern finds nothing."""
    if not pattern:
        return
    target: Table = table.__table__ if hasattr(table, "__table__") else table
    values: dict[str, Any] = {name: func.regexp_replace(target.c[name], pattern, _HIDDEN, "gi") for name in columns}
    if "version" in target.c:
        values["version"] = target.c.version + 1
    found = or_(*(target.c[name].op("~*")(pattern) for name in columns))
    query = update(target).where(found)
    done: Any = await session.execute((query if where is None else query.where(where)).values(values))
    if done.rowcount:
        count[target.name] = count.get(target.name, 0) + int(done.rowcount)


def plain(row: Any, *leave_out: str) -> dict[str, Any]:
    """Return a row's columns as JSON values; ids, dates and enums as texts, binary columns left out."""
    return {
        name: _plain(value)
        for name, value in row._mapping.items()
        if name not in leave_out and not isinstance(value, bytes | memoryview)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, UUID):
        return str(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return getattr(value, "value", value)
