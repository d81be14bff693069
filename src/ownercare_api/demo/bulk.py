"""Many rows at once: collected by table with ids of their own time, then copied in the order of the foreign keys."""

import json
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from asyncpg.pgproto import pgproto
from sqlalchemy import Column, FromClause, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.database import Base
from ownercare_api.core.numbers import KINDS, NumberDay
from ownercare_api.tables import metadata

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STAMPS = ("created_at", "updated_at")
_FILLED_BY_DATABASE = {("event", "seq"), ("event", "xid")}

_as_json = json.JSONEncoder(ensure_ascii=False).encode

Row = dict[str, Any]


class PastIds:
    """UUIDv7 identifiers of past instants, in the order in which they are asked for; one seed, one series."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._made: dict[int, int] = defaultdict(int)

    def at(self, instant: datetime) -> UUID:
        """Return the next identifier of an instant."""
        since = instant - _EPOCH
        milliseconds = (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000
        while (place := self._made[milliseconds]) > 0xFFF:
            milliseconds += 1
        self._made[milliseconds] = place + 1
        number = (milliseconds << 80) | (0x7 << 76) | (place << 64) | (0x2 << 62) | self._rng.getrandbits(62)
        # The driver's own kind of UUID is written three times as fast.
        made: UUID = pgproto.UUID(number.to_bytes(16))
        return made


@dataclass(frozen=True, slots=True)
class _Layout:
    """The columns of a table as rows are copied, and what stands where a row says nothing."""

    columns: tuple[str, ...]
    defaults: Row
    json_columns: frozenset[str]
    stamps: tuple[str, ...]
    has_id: bool

    @classmethod
    def of(cls, table: FromClause) -> "_Layout":
        columns: list[Any] = [
            column for column in table.c if (table.description, column.name) not in _FILLED_BY_DATABASE
        ]
        return cls(
            columns=tuple(column.name for column in columns),
            defaults={column.name: _default(column) for column in columns if _has_default(column)},
            json_columns=frozenset(column.name for column in columns if isinstance(column.type, JSONB)),
            stamps=tuple(name for name in _STAMPS if name in table.c),
            has_id="id" in table.c,
        )


def _has_default(column: Column[Any]) -> bool:
    return bool(column.nullable) or (column.default is not None and column.default.is_scalar)


def _default(column: Column[Any]) -> Any:
    default = column.default
    return default.arg if default is not None and default.is_scalar else None  # type: ignore[attr-defined]


class Sheet:
    """The rows of one load, by table. A row stays a dictionary until it is written, so that it can be changed."""

    def __init__(self, *, seed: int) -> None:
        self.ids = PastIds(seed)
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._layouts: dict[type[Base], tuple[str, _Layout]] = {}

    def add(self, model: type[Base], at: datetime, /, **values: Any) -> Row:
        """Add a row made `at` an instant: its id and stamps follow from that unless they are given."""
        known = self._layouts.get(model)
        if known is None:
            known = self._layouts[model] = (model.__tablename__, _Layout.of(model.__table__))
        name, layout = known
        row: Row = {**layout.defaults, **values}
        if layout.has_id and "id" not in values:
            row["id"] = self.ids.at(at)
        for stamp in layout.stamps:
            row.setdefault(stamp, at)
        self._rows[name].append(row)
        return row

    def rows(self, model: type[Base]) -> list[Row]:
        """Return the rows of a table so far."""
        return self._rows[model.__tablename__]

    def sort(self, model: type[Base], *, key: str) -> None:
        """Put the rows of a table into the order of a column; equal ones keep theirs."""
        self._rows[model.__tablename__].sort(key=lambda row: row[key])

    async def write(self, session: AsyncSession) -> dict[str, int]:
        """Copy the rows into the session's transaction and forget them; returns how many, by table."""
        connection = await session.connection()
        driver: Any = (await connection.get_raw_connection()).driver_connection
        layouts = dict(self._layouts.values())
        counts: dict[str, int] = {}
        for table in metadata.sorted_tables:
            rows = self._rows.pop(table.name, None)
            if rows:
                layout = layouts[table.name]
                await driver.copy_records_to_table(
                    table.name, records=_records(layout, rows), columns=list(layout.columns)
                )
                counts[table.name] = len(rows)
        return counts


def _records(layout: _Layout, rows: Iterable[Row]) -> Iterable[tuple[Any, ...]]:
    for row in rows:
        for name in layout.json_columns:
            if row[name] is not None:
                row[name] = _as_json(row[name])
        if len(row) != len(layout.columns):
            raise KeyError(sorted(set(row) ^ set(layout.columns)))
        yield tuple([row[name] for name in layout.columns])


@dataclass(slots=True)
class _Asked:
    """A row that waits for its number, and the texts that will cite it."""

    at: datetime
    row: Row
    cited: list[tuple[Row, str, str]]


class Numbers:
    """Numbers for people, given when all rows are known: by kind and business date, in order of time (REP-01)."""

    def __init__(self) -> None:
        self._asked: dict[str, list[_Asked]] = {kind: [] for kind in KINDS}
        self._by_row: dict[int, _Asked] = {}

    def ask(self, kind: str, row: Row, *, at: datetime) -> None:
        """Let a row's `number` be filled in; `at` is when it was drawn."""
        asked = _Asked(at, row, [])
        self._asked[kind].append(asked)
        self._by_row[id(row)] = asked

    def cite(self, row: Row, *, target: Row, key: str, words: str = "{}") -> None:
        """Let `target[key]` say the number of a row that was asked for."""
        self._by_row[id(row)].cited.append((target, key, words))

    async def give(self, session: AsyncSession, sheet: Sheet) -> None:
        """Fill in every number, and let the database go on counting behind them."""
        for kind, asked in self._asked.items():
            if not asked:
                continue
            sequence = f"number_seq_{kind.lower()}"
            drawn = await session.scalar(
                text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}")  # noqa: S608
            )
            assert isinstance(drawn, int)
            asked.sort(key=lambda one: one.at)
            day: date | None = None
            base = drawn
            for one in asked:
                today = business_date(one.at)
                if today != day:
                    day, base = today, drawn
                    sheet.add(NumberDay, one.at, kind=kind, day=day, base=base)
                drawn += 1
                one.row["number"] = number = f"{kind}-{today:%Y%m%d}-{drawn - base:04d}"
                for target, key, words in one.cited:
                    target[key] = words.format(number)
            await session.execute(  # drawn, not set: the application's role may not set sequences
                text("SELECT count(nextval(CAST(:sequence AS regclass))) FROM generate_series(1, :count)"),
                {"sequence": sequence, "count": len(asked)},
            )
