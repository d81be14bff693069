"""Lists newest first, and searches for a piece of text, as every room asks for them."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.pagination import COUNT_CEILING, Page, PageRequest, cut


def given(**filters: Any) -> dict[str, Any]:
    """Return the filters that the caller gave; one that is left out is None."""
    return {name: value for name, value in filters.items() if value is not None}


def pattern(text: str) -> str:
    """Return the LIKE pattern for a piece of text, in which `%` and `_` are ordinary characters."""
    plain = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{plain}%"


def containing(text: str, *columns: Any) -> ColumnElement[bool]:
    """Return the condition that one of the columns holds a text, in any case."""
    return or_(*(column.ilike(pattern(text), escape="\\") for column in columns))


async def count_up_to_ceiling(connection: AsyncConnection | AsyncSession, query: Select[Any]) -> int:
    """Return how many rows a query finds, up to one more than the ceiling of 10,000."""
    bare = query.with_only_columns(literal(1), maintain_column_froms=True).order_by(None)
    matches = bare.limit(COUNT_CEILING + 1).subquery()
    return int((await connection.execute(select(func.count()).select_from(matches))).scalar_one())


async def newest_first(
    connection: AsyncConnection | AsyncSession, *, query: Select[Any], key: ColumnElement[UUID], wanted: PageRequest
) -> Page[Row[Any]]:
    """Return a page in descending order of `key`, a UUIDv7 that the query selects as `id`; counts where asked."""
    total = await count_up_to_ceiling(connection, query) if wanted.include_total else None
    if wanted.after is not None:
        query = query.where(key < wanted.after[0])
    rows = (await connection.execute(query.order_by(key.desc()).limit(wanted.limit + 1))).all()
    return cut(rows, limit=wanted.limit, key=lambda row: (row.id,), total=total)
