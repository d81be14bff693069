"""The field keys in the database, and how they are changed while everything runs (PIPL art. 51).

A rotation has four phases, each of which a crash may interrupt: a new key is *prepared* and every process learns it;
after `SETTLE` it becomes *active* and the old one *draining*; what the old one wrote is rewritten in small pieces,
ciphertext and blind index together; once nothing is left the old one is *retired*. Readers know both keys all the
while, searches ask for both indexes. Any worker, or `ownercare keys rotate --wait`, takes the next step.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Index, LargeBinary, SmallInteger, func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.crypto import Keyring, KeyState, StoredKey
from ownercare_api.core.database import Base, Database, enum_column
from ownercare_api.core.errors import Conflict

log = structlog.get_logger()

REFRESH_SECONDS = 2.0
SETTLE = timedelta(seconds=10)
"""Longer than any living process goes without learning of keys, and than a transaction takes that began before."""
BLOCKS_AT_ONCE = 16
"""Pages of a table that one transaction rewrites: a few hundred rows."""


class FieldKeyRow(Base):
    """A key for personal fields, wrapped under the master key."""

    __tablename__ = "field_key"
    __table_args__ = (
        Index("uq_field_key_active", "state", unique=True, postgresql_where=text("state = 'active'")),
        Index("uq_field_key_prepared", "state", unique=True, postgresql_where=text("state = 'prepared'")),
    )

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    """First byte of what it writes: 1 to 255."""
    wrapped: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Null: the first key, which follows from the master key."""
    state: Mapped[KeyState] = mapped_column(enum_column(KeyState))
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]


class RotationRunning(Conflict):
    """409: a rotation has not ended yet."""

    code = "key_rotation_running"
    zh, en = "上一次密钥轮换尚未完成。", "The last rotation of keys has not ended yet."


class KeysSpent(Conflict):
    """409: all 255 key ids were used."""

    code = "key_ids_spent"
    zh, en = "密钥编号已用完。", "All key ids were used."


@dataclass(frozen=True, slots=True)
class EncryptedColumn:
    """A column of ciphertext, the name bound into it, and the blind index beside it."""

    table: str
    column: str
    aad: str
    index: str | None = None
    index_aad: str | None = None
    """Name bound into the index where it is not that of the ciphertext."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rotation is."""

    active: int
    draining: tuple[int, ...]
    prepared: int | None
    rows_left: int
    """Values not yet written with the active key."""

    @property
    def running(self) -> bool:
        """Say whether there is something left to do."""
        return self.prepared is not None or bool(self.draining)


async def load(connection: AsyncConnection | AsyncSession, *, keyring: Keyring) -> None:
    """Let a process learn the keys as they stand."""
    rows = (await connection.execute(select(FieldKeyRow.id, FieldKeyRow.state, FieldKeyRow.wrapped))).all()
    keyring.adopt(StoredKey(row.id, row.state, None if row.wrapped is None else bytes(row.wrapped)) for row in rows)


@contextlib.asynccontextmanager
async def kept_fresh(database: Database, *, keyring: Keyring, seconds: float = REFRESH_SECONDS) -> AsyncIterator[None]:
    """Learn the keys now and every few seconds for as long as the block runs."""
    await _first_load(database, keyring=keyring)
    task = asyncio.create_task(_keep_fresh(database, keyring=keyring, seconds=seconds))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _first_load(database: Database, *, keyring: Keyring, tries: int = 20) -> None:
    """Without the keys nothing may be written or searched: wait for a database that is just coming up."""
    for left in range(tries, 0, -1):
        try:
            async with database.reader() as connection:
                await load(connection, keyring=keyring)
            return
        except (OSError, DBAPIError, PoolTimeout) as error:
            if left == 1:
                raise
            log.warning("field_keys.not_loaded", error=type(error).__name__)
            await asyncio.sleep(0.5)


async def _keep_fresh(database: Database, *, keyring: Keyring, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            async with database.reader() as connection:
                await load(connection, keyring=keyring)
        except Exception as error:
            log.warning("field_keys.not_refreshed", error=type(error).__name__)


async def prepare(session: AsyncSession, *, keyring: Keyring, now: datetime) -> int:
    """Begin a rotation: add a key that nobody writes with yet; returns its id.

    Raises `RotationRunning`, `KeysSpent`.
    """
    await _lock(session)
    keys = (await session.scalars(select(FieldKeyRow))).all()
    if any(key.state in (KeyState.PREPARED, KeyState.DRAINING) for key in keys):
        raise RotationRunning
    made = max(key.id for key in keys) + 1
    if made > 255:
        raise KeysSpent
    session.add(FieldKeyRow(id=made, wrapped=keyring.wrap_new(made), state=KeyState.PREPARED, created_at=now))
    await session.flush()
    return made


async def activate(session: AsyncSession, *, now: datetime, settle: timedelta = SETTLE) -> bool:
    """Write with the prepared key from now on, if there is one and every process had the time to learn it."""
    await _lock(session)
    due = select(FieldKeyRow.id).where(FieldKeyRow.state == KeyState.PREPARED, FieldKeyRow.created_at <= now - settle)
    prepared = await session.scalar(due)
    if prepared is None:
        return False
    for old, new, more in (
        (KeyState.ACTIVE, KeyState.DRAINING, {}),
        (KeyState.PREPARED, KeyState.ACTIVE, {"activated_at": now}),
    ):
        await session.execute(update(FieldKeyRow).where(FieldKeyRow.state == old).values(state=new, **more))
    log.info("field_keys.activated", key=prepared)
    return True


async def rewrite(
    database: Database, *, keyring: Keyring, columns: Sequence[EncryptedColumn], blocks: int = BLOCKS_AT_ONCE
) -> int:
    """Write every value of the columns with the active key, in pieces that commit by themselves; returns how many.

    Rows that somebody has locked are left for the next time, so nobody ever waits for this in a circle.
    """
    rewritten = 0
    for column in columns:
        block = 0
        while block < await _pages(database, table=column.table):
            async with database.session() as session:
                rewritten += await _rewrite_piece(session, column, keyring=keyring, first=block, last=block + blocks)
                await session.commit()
            block += blocks
    return rewritten


async def _pages(database: Database, *, table: str) -> int:
    async with database.reader() as connection:
        size = await connection.execute(
            text("SELECT pg_relation_size(CAST(:table AS regclass)) / current_setting('block_size')::int"),
            {"table": table},
        )
        return int(size.scalar_one())


async def _rewrite_piece(
    session: AsyncSession, column: EncryptedColumn, *, keyring: Keyring, first: int, last: int
) -> int:
    names = f"{column.column} AS old" + (f", {column.index} AS old_index" if column.index else "")
    piece = text(
        f"SELECT ctid::text AS place, {names} FROM {column.table}"  # noqa: S608 - names from the registry
        f" WHERE ctid >= CAST(CAST(:first AS text) AS tid) AND ctid < CAST(CAST(:last AS text) AS tid)"
        f" AND {column.column} IS NOT NULL AND get_byte({column.column}, 0) <> :active"
        " FOR NO KEY UPDATE SKIP LOCKED"
    )
    bounds = {"first": f"({first},0)", "last": f"({last},0)", "active": keyring.key_id}
    rows = (await session.execute(piece, bounds)).all()
    if not rows:
        return 0
    places, olds, news, indexes = [], [], [], []
    for row in rows:
        clear = keyring.decrypt(bytes(row.old), column=column.aad)
        places.append(row.place)
        olds.append(bytes(row.old))
        news.append(keyring.encrypt(clear, column=column.aad))
        if column.index:
            indexes.append(
                None if row.old_index is None else keyring.blind_index(clear, column=column.index_aad or column.aad)
            )
    return await _put(session, column, places=places, olds=olds, news=news, indexes=indexes)


async def _put(
    session: AsyncSession,
    column: EncryptedColumn,
    *,
    places: list[str],
    olds: list[bytes],
    news: list[bytes],
    indexes: list[bytes | None],
) -> int:
    # A value that changed in the meantime stays as it is now: whoever changed it wrote with a key of his own time.
    index = f", {column.index} = v.fresh_index" if column.index else ""
    change = text(
        f"UPDATE {column.table} AS t SET {column.column} = v.fresh{index}"  # noqa: S608 - names from the registry
        " FROM unnest(CAST(:places AS text[]), CAST(:olds AS bytea[]), CAST(:news AS bytea[]),"
        "             CAST(:indexes AS bytea[])) AS v(place, old, fresh, fresh_index)"
        f" WHERE t.ctid = CAST(v.place AS tid) AND t.{column.column} = v.old"
    )
    given = {"places": places, "olds": olds, "news": news, "indexes": indexes or [None] * len(places)}
    done: Any = await session.execute(change, given)
    return int(done.rowcount)


async def used_by(
    connection: AsyncConnection | AsyncSession, *, columns: Sequence[EncryptedColumn]
) -> dict[tuple[str, str], dict[int, int]]:
    """Return how many values of each column each key wrote."""
    found: dict[tuple[str, str], dict[int, int]] = {}
    for column in columns:
        rows = await connection.execute(
            text(
                f"SELECT get_byte({column.column}, 0) AS key, count(*) AS rows FROM {column.table}"  # noqa: S608
                f" WHERE {column.column} IS NOT NULL GROUP BY 1 ORDER BY 1"
            )
        )
        found[(column.table, column.column)] = {row.key: row.rows for row in rows.all()}
    return found


async def progress(connection: AsyncConnection | AsyncSession, *, columns: Sequence[EncryptedColumn]) -> Progress:
    """Say how far a rotation is."""
    keys = (await connection.execute(select(FieldKeyRow.id, FieldKeyRow.state))).all()
    by_state = {state: [key.id for key in keys if key.state is state] for state in KeyState}
    (active,) = by_state[KeyState.ACTIVE]
    counts = await used_by(connection, columns=columns)
    left = sum(rows for keys_of in counts.values() for key, rows in keys_of.items() if key != active)
    return Progress(
        active=active,
        draining=tuple(by_state[KeyState.DRAINING]),
        prepared=next(iter(by_state[KeyState.PREPARED]), None),
        rows_left=left,
    )


async def retire(
    session: AsyncSession, *, columns: Sequence[EncryptedColumn], now: datetime, settle: timedelta = SETTLE
) -> bool:
    """Retire the draining keys once the active one is settled and nothing in the database was written with them."""
    await _lock(session)
    active = await session.scalar(select(FieldKeyRow).where(FieldKeyRow.state == KeyState.ACTIVE))
    if active is None or active.activated_at is None or active.activated_at > now - settle:
        return False
    if (await progress(session, columns=columns)).rows_left:
        return False
    gone = update(FieldKeyRow).where(FieldKeyRow.state == KeyState.DRAINING)
    retired = await session.execute(gone.values(state=KeyState.RETIRED, retired_at=now).returning(FieldKeyRow.id))
    keys = list(retired.scalars())
    if keys:
        log.info("field_keys.retired", keys=keys)
    return bool(keys)


async def advance(
    database: Database,
    *,
    keyring: Keyring,
    columns: Sequence[EncryptedColumn],
    now: datetime,
    settle: timedelta = SETTLE,
) -> Progress | None:
    """Take the next step of a running rotation; returns where it stands then, None where none runs.

    Only one process works on it at a time; another one finds it busy and returns None.
    """
    async with _alone(database) as alone:
        if not alone:
            return None
        async with database.session() as session:
            states = set(await session.scalars(select(FieldKeyRow.state)))
            if not states & {KeyState.PREPARED, KeyState.DRAINING}:
                return None
            await activate(session, now=now, settle=settle)
            await session.commit()
            await load(session, keyring=keyring)
            activated_at = await session.scalar(
                select(FieldKeyRow.activated_at).where(FieldKeyRow.state == KeyState.ACTIVE)
            )
        if activated_at is not None and activated_at <= now - settle and KeyState.DRAINING in states:
            await rewrite(database, keyring=keyring, columns=columns)
            async with database.session() as session:
                await retire(session, columns=columns, now=now, settle=settle)
                await session.commit()
                await load(session, keyring=keyring)
        async with database.session() as session:
            return await progress(session, columns=columns)


@contextlib.asynccontextmanager
async def _alone(database: Database) -> AsyncIterator[bool]:
    """Say whether no other process takes steps of a rotation; none begins to while the block runs.

    The lock is the connection's, for a transaction may not lie idle for as long as a rewriting takes.
    """
    async with database.reader() as guard:
        name = func.hashtext("field_keys.advance")
        if not (await guard.execute(select(func.pg_try_advisory_lock(name)))).scalar_one():
            yield False
            return
        try:
            yield True
        finally:
            await guard.execute(select(func.pg_advisory_unlock(name)))


async def _lock(session: AsyncSession) -> None:
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("field_key"))))
