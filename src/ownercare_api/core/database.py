"""The database: one engine, one transaction per request or job, and a reader without a transaction for hot reads."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import BigInteger, DateTime, Enum, MetaData, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

from ownercare_api.core.hot import Driver
from ownercare_api.core.ids import uuid7

log = structlog.get_logger()

RUNTIME_ROLE = "ownercare_runtime"
"""The role of the API and the worker: it can't change what is append-only. `core.grants` makes it."""


class Base(DeclarativeBase):
    """Base of every table. Names of constraints are fixed so that migrations can find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        UUID: Uuid(),
        datetime: DateTime(timezone=True),
        str: Text(),
        dict[str, Any]: JSONB(),
        list[dict[str, Any]]: JSONB(),
    }


class Identified:
    """Mixin: UUIDv7 key, so that the key's order is the order of creation."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)


class Stamped(Identified):
    """Mixin: when it was made and changed, and a version for `ETag`; the version rises at every change."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    version: Mapped[int] = mapped_column(default=1, server_default="1")

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805
        return {"version_id_col": cls.version}


def enum_column(kind: type[StrEnum]) -> Enum:
    """Return a text type that holds the values of an enum, with a CHECK behind it."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=40,
        name=_snake(kind.__name__),
        values_callable=lambda cls: [member.value for member in cls],
    )


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


Fen = BigInteger
"""Money columns: whole fen."""


def normalise_url(url: str) -> URL:
    """Return an asyncpg URL for any spelling of a PostgreSQL URL; raises `ValueError` for other databases."""
    parsed = make_url(url)
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ValueError("DATABASE_URL must name a PostgreSQL server (postgresql://…)")
    query = dict(parsed.query)
    if "sslmode" in query:  # libpq's word; asyncpg says ssl
        query["ssl"] = query.pop("sslmode")
    return parsed.set(drivername="postgresql+asyncpg", query=query)


class Database(Protocol):
    """What the rooms see of the database; tests bind it to one outer transaction."""

    def session(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a session; the caller commits."""
        ...

    def reader(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a connection that reads without a transaction: each statement sees what is committed."""
        ...

    def driver(self) -> AbstractAsyncContextManager[Driver]:
        """Open the driver's own connection for hot statements: each one is a transaction of its own."""
        ...

    async def dispose(self) -> None:
        """Close every connection."""
        ...


_SERVER_SETTINGS = {
    "timezone": "UTC",
    "lock_timeout": "8s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "jit": "off",  # short statements only: compiling them costs more than it saves
}


Connect = Callable[..., Coroutine[Any, Any, Any]]


def _in_role(role: str | None) -> Connect:
    """Return how to connect: in a role that the login may take, else, said once, as the login itself.

    The role comes with the connection's start, so that RESET ROLE leads back to it.
    """
    if role is None:
        return asyncpg.connect  # type: ignore[no-any-return]
    missing = False

    async def connect(*args: Any, **options: Any) -> Any:
        nonlocal missing
        plain = dict(options.get("server_settings") or {})
        if not missing:
            try:
                return await asyncpg.connect(*args, **(options | {"server_settings": plain | {"role": role}}))
            except (asyncpg.InvalidParameterValueError, asyncpg.InsufficientPrivilegeError) as error:
                connection = await asyncpg.connect(*args, **options)  # something else is wrong where this fails too
                missing = True
                log.warning("database.without_role", role=role, error=type(error).__name__)
                return connection
        return await asyncpg.connect(*args, **options)

    return connect


class PooledDatabase:
    """The database of a running process; with a `role` that the login may take, every connection works in it."""

    def __init__(
        self, url: str | URL, *, pool_size: int = 10, application_name: str = "ownercare", role: str | None = None
    ) -> None:
        self._connect = _in_role(role)
        self.engine: AsyncEngine = create_async_engine(
            normalise_url(url if isinstance(url, str) else url.render_as_string(hide_password=False)),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            hide_parameters=True,  # errors are logged, and parameters hold personal data
            connect_args={
                "server_settings": _SERVER_SETTINGS | {"application_name": application_name},
                "async_creator_fn": self._connect,
            },
        )
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._hot: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()
        self._pool_size = pool_size
        self._server_settings = _SERVER_SETTINGS | {"application_name": f"{application_name}-hot"}

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """Open a session; closing it without a commit rolls back."""
        async with AsyncSession(self.engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[AsyncConnection]:
        """Open an AUTOCOMMIT connection."""
        async with self._autocommit.connect() as connection:
            yield connection

    @asynccontextmanager
    async def driver(self) -> AsyncIterator[Driver]:
        """Open a driver connection from a pool of its own."""
        pool = self._hot or await self._open_hot()
        try:
            connection = await pool.acquire(timeout=10)
        except TimeoutError:
            raise PoolTimeout("no connection became free within ten seconds") from None
        try:
            yield connection
        finally:
            await pool.release(connection)

    async def _open_hot(self) -> asyncpg.Pool:
        async with self._opening:
            if self._hot is None:
                url = self.engine.url
                ssl = url.query.get("ssl")
                self._hot = await asyncpg.create_pool(
                    user=url.username,
                    password=url.password,
                    host=url.query.get("host", url.host),
                    port=int(str(url.query.get("port", url.port or 5432))),
                    database=url.database,
                    ssl=ssl,
                    connect=self._connect,
                    min_size=0,
                    max_size=self._pool_size,
                    server_settings=self._server_settings,
                    reset=_nothing_to_reset,
                )
            return self._hot

    async def dispose(self) -> None:
        """Close every connection."""
        if self._hot is not None:
            await self._hot.close()
        await self.engine.dispose()


async def _nothing_to_reset(_: object) -> None:
    """Hot statements leave nothing behind: no transaction, no setting, no listener."""
