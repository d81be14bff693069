"""Keyset pages with opaque, signed cursors (`limit`, `cursor`, `next_cursor`)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from ownercare_api.core.errors import Invalid

Item = TypeVar("Item")

MAX_LIMIT = 200
DEFAULT_LIMIT = 50
COUNT_CEILING = 10_000


class InvalidCursor(Invalid):
    """422: the cursor was not made by us for this list and these filters."""

    code = "invalid_cursor"
    zh = "分页游标无效,或与当前的筛选、排序条件不符;请从第一页重新开始。"
    en = "The cursor is not ours, or belongs to other filters or another sort; start again from the first page."


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is asked for. `after` is the last key of the page before, `shape` names list, filters and sort."""

    limit: int = DEFAULT_LIMIT
    after: tuple[Any, ...] | None = None
    include_total: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page: at most `limit` items, the key of the last where more follow, and a total where it was asked for."""

    items: Sequence[Item]
    next_key: tuple[Any, ...] | None = None
    total: int | None = None

    @property
    def total_is_exact(self) -> bool | None:
        """Say whether counting ended before its ceiling of 10,000."""
        return None if self.total is None else self.total <= COUNT_CEILING


def cut(rows: Sequence[Item], *, limit: int, key: Any, total: int | None = None) -> Page[Item]:
    """Turn `limit + 1` fetched rows into a page; `key(row)` is the tuple of its sort columns."""
    if len(rows) > limit:
        return Page(items=rows[:limit], next_key=tuple(key(rows[limit - 1])), total=total)
    return Page(items=rows, total=total)


def _plain(value: object) -> object:
    if isinstance(value, UUID):
        return {"u": value.hex}
    return value


def _shape(shape: object) -> bytes:
    return hashlib.sha256(json.dumps(shape, sort_keys=True, default=str).encode()).digest()[:8]


def encode_cursor(*, key: tuple[Any, ...], shape: object, secret: bytes) -> str:
    """Return an opaque cursor for a key; `shape` is anything JSON can print that names list, filters and sort."""
    body = _shape(shape) + json.dumps([_plain(value) for value in key], separators=(",", ":"), default=str).encode()
    return base64.urlsafe_b64encode(hmac.digest(secret, body, "sha256")[:12] + body).rstrip(b"=").decode()


def decode_cursor(*, cursor: str, shape: object, secret: bytes) -> tuple[Any, ...]:
    """Return the key in a cursor; raises `InvalidCursor`."""
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError:
        raise InvalidCursor from None
    signature, body = raw[:12], raw[12:]
    if not hmac.compare_digest(signature, hmac.digest(secret, body, "sha256")[:12]) or body[:8] != _shape(shape):
        raise InvalidCursor
    return tuple(UUID(value["u"]) if isinstance(value, dict) else value for value in json.loads(body[8:]))
