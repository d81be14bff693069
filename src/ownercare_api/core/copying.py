"""Many rows at once: copied into a table inside the session's transaction, and asked for by thousands of keys."""

import json
from collections.abc import Collection, Iterator, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, any_, literal
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.database import Base

_as_json = json.JSONEncoder(ensure_ascii=False).encode


def one_of(column: Any, values: Collection[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of some values, sent as one array however many there are."""
    return column == any_(literal(list(values), ARRAY(column.type)))  # type: ignore[no-any-return]


async def copy_rows(session: AsyncSession, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Copy rows of the same columns into a table; columns that no row names get the database's default.

    Python-side defaults of the model do not apply. What the session has pending is flushed first.
    """
    if not rows:
        return
    await session.flush()
    names = tuple(rows[0])
    columns = model.__table__.c
    as_json = [place for place, name in enumerate(names) if isinstance(columns[name].type, JSONB)]
    driver: Any = (await (await session.connection()).get_raw_connection()).driver_connection
    await driver.copy_records_to_table(model.__tablename__, records=list(_records(rows, names, as_json)), columns=names)


def _records(rows: Sequence[dict[str, Any]], names: Sequence[str], as_json: Sequence[int]) -> Iterator[Sequence[Any]]:
    values = itemgetter(*names)
    for row in rows:
        if len(row) != len(names):
            raise KeyError(sorted(set(row) ^ set(names)))
        record = values(row)
        if as_json:
            changed = list(record)
            for place in as_json:
                if changed[place] is not None:
                    changed[place] = _as_json(changed[place])
            yield changed
        else:
            yield record
