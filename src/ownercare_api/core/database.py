"""The database: one engine, one transaction per request or job, and a reader without a transaction for hot reads."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Enum, MetaData, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

from ownercare_api.core.ids import uuid7


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

    async def dispose(self) -> None:
        """Close every connection."""
        ...


class PooledDatabase:
    """The database of a running process."""

    def __init__(self, url: str | URL, *, pool_size: int = 10, application_name: str = "ownercare") -> None:
        self.engine: AsyncEngine = create_async_engine(
            normalise_url(url if isinstance(url, str) else url.render_as_string(hide_password=False)),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            connect_args={
                "server_settings": {
                    "application_name": application_name,
                    "timezone": "UTC",
                    "lock_timeout": "8s",
                    "statement_timeout": "30s",
                    "idle_in_transaction_session_timeout": "60s",
                    "jit": "off",  # short statements only: compiling them costs more than it saves
                },
            },
        )
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")

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

    async def dispose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
