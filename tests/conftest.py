"""The test bench: one embedded PostgreSQL, one migrated template, one outer transaction per test."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path
from shutil import disk_usage, rmtree
from tempfile import mkdtemp
from typing import Any, ClassVar

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from tests.factories.people import Desk as PeopleDesk

from ownercare_api.app import create_app
from ownercare_api.core import embedded, migrations
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import RUNTIME_ROLE, PooledDatabase
from ownercare_api.core.denials import DenialLog
from ownercare_api.core.hot import Driver, driver_of
from ownercare_api.core.http.state import AppState
from ownercare_api.core.logs import configure
from ownercare_api.core.settings import Settings
from ownercare_api.deadlines import calendars
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.identity import access, keys
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.identity.service import Desk
from ownercare_api.timeline.denials import Denials

configure("INFO")

SERVER = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "1GB"}
"""The tests' server need not outlive a power cut: nothing waits for the disk."""
TEMPLATE = "ownercare_template"
MASTER = bytes(range(32))
FRIDAY_NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
"""Friday 2026-11-20 12:00 in Shanghai: the instant at which tests begin."""


class FakeClock:
    """A clock that tests move by hand."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> datetime:
        """Move on by a `timedelta` and return the new instant."""
        self.now += timedelta(**delta)
        return self.now


class BoundDatabase:
    """A database bound to one connection inside one outer transaction, so that a test leaves nothing behind."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """Open a session whose commit releases a savepoint."""
        async with AsyncSession(
            self.connection, join_transaction_mode="create_savepoint", expire_on_commit=False, autoflush=False
        ) as session:
            yield session

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[AsyncConnection]:
        """Read in the outer transaction."""
        yield self.connection

    @asynccontextmanager
    async def driver(self) -> AsyncIterator[Driver]:
        """Give the driver's connection under the outer transaction."""
        yield RecordingDriver(await driver_of(self.connection))

    async def dispose(self) -> None:
        """Nothing to close."""


class RecordingDriver:
    """Lets the query recorder see hot statements."""

    seen: ClassVar[list[str] | None] = None

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """Run a statement and note it."""
        if self.seen is not None:
            self.seen.append(query)
        return await self._driver.fetch(query, *args)


class QueryRecorder:
    """Counts the statements of a block: `with queries: …; assert queries.count == 2`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.sync_engine
        self.statements: list[str] = []

    def _seen(self, conn: object, cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            self.statements.append(statement)

    def __enter__(self) -> "QueryRecorder":
        self.statements.clear()
        RecordingDriver.seen = self.statements
        event.listen(self._engine, "before_cursor_execute", self._seen)
        return self

    def __exit__(self, *_: object) -> None:
        RecordingDriver.seen = None
        event.remove(self._engine, "before_cursor_execute", self._seen)

    @property
    def count(self) -> int:
        """Return how many statements ran."""
        return len(self.statements)


async def _sql(url: str, *statements: str) -> None:
    parsed = make_url(url)
    query = dict(parsed.query)
    connection = await asyncpg.connect(
        user=parsed.username,
        password=parsed.password,
        host=str(query.get("host", parsed.host)),
        port=int(str(query.get("port", parsed.port or 5432))),
        database="postgres",
    )
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def seed(url: str) -> None:
    """Put the working calendar into the template: every test needs it, and none changes it for another."""
    database = PooledDatabase(url, pool_size=1)
    async with database.session() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(1)"))
        await calendars.seed(session, now=FRIDAY_NOON)
        await session.commit()
    await database.dispose()


MEMORY_NAME, MEMORY_NEEDED = "OWNERCARE_TEST_SERVERS", 3 << 30


def pytest_configure(config: pytest.Config) -> None:
    """Keep the servers' files in memory where there is enough of it: they are small, and made by the hundred."""
    memory = Path("/dev/shm")  # noqa: S108 - no name in it is guessed by anybody: mkdtemp makes it
    if hasattr(config, "workerinput") or not os.access(memory, os.W_OK) or disk_usage(memory).free < MEMORY_NEEDED:
        return
    os.environ[MEMORY_NAME] = mkdtemp(prefix="ownercare-tests-", dir=memory)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give the memory back when the last worker is gone."""
    if not hasattr(config, "workerinput") and (folder := os.environ.pop(MEMORY_NAME, None)):
        rmtree(folder, ignore_errors=True)


@contextmanager
def server_in(tmp_path_factory: pytest.TempPathFactory, name: str) -> Iterator[str]:
    """Run one server for all workers; gives the URL of its migrated template database."""
    base = tmp_path_factory.getbasetemp()
    root = Path(os.environ.get(MEMORY_NAME) or (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base))
    with embedded.running(data_dir=root / name, database=TEMPLATE, settings=SERVER) as running:
        migrations.upgrade(running.url)
        asyncio.run(seed(running.url))
        yield running.url


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the server of the databases in which tests commit; no long transaction holds its readers up."""
    with server_in(tmp_path_factory, "committing") as url:
        yield url


@pytest.fixture(scope="session")
def long_transactions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the server of the outer transactions, and of whatever else keeps one open for long."""
    with server_in(tmp_path_factory, "long_transactions") as url:
        yield url


@pytest.fixture(scope="session")
async def database_url(long_transactions: str, worker_id: str) -> str:
    """Give this worker's database."""
    name = f"ownercare_{worker_id}"
    await _sql(
        long_transactions,
        f"DROP DATABASE IF EXISTS {name}",
        f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY WAL_LOG",
    )
    return make_url(long_transactions).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Give this worker's engine."""
    options = {"server_settings": {"timezone": "UTC"}, "prepared_statement_cache_size": 1000}
    engine = create_async_engine(database_url, pool_size=2, connect_args=options)
    yield engine
    await engine.dispose()


@pytest.fixture
async def connection(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Give a connection inside an outer transaction that is rolled back."""
    async with engine.connect() as connection:
        transaction = await connection.begin()
        await connection.execute(text("SELECT 1"))  # the driver begins at the first statement, not by itself
        yield connection
        await transaction.rollback()


@pytest.fixture
def queries(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> QueryRecorder:
    """Count statements; what a process keeps for some seconds stays fresh, however slow the machine."""
    monkeypatch.setattr(access, "FRESH_SECONDS", inf)
    monkeypatch.setattr(keys, "FRESH_SECONDS", inf)
    monkeypatch.setattr(calendars, "_FRESH_SECONDS", inf)
    return QueryRecorder(engine)


@pytest.fixture
async def session(connection: AsyncConnection) -> AsyncIterator[AsyncSession]:
    """Give a session for arranging and looking; what it flushes, the application sees."""
    async with BoundDatabase(connection).session() as session:
        yield session


@pytest.fixture
def clock() -> FakeClock:
    """Give the clock of this test: Friday noon."""
    return FakeClock(FRIDAY_NOON)


@pytest.fixture(scope="session")
def app_shell(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """Build the application once; each test binds it to its own transaction."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"))
    state = AppState(settings=settings, database=None, keyring=Keyring.from_master(MASTER))  # type: ignore[arg-type]
    app = create_app(state)
    # As in `asgi`: what start-up made stays for good, and the collector need not walk it at every turn.
    gc.collect()
    gc.freeze()
    return app


@pytest.fixture
def state(app_shell: FastAPI, connection: AsyncConnection, clock: FakeClock) -> AppState:
    """Give the parts of the application, bound to this test."""
    state: AppState = app_shell.state.ownercare
    state.database, state.clock = BoundDatabase(connection), clock
    state.parts[CalendarStore] = CalendarStore()
    state.parts[PrincipalCache] = PrincipalCache()
    state.parts[DenialLog] = Denials()
    return state


@pytest.fixture
def app(app_shell: FastAPI, state: AppState) -> FastAPI:
    """Give the application bound to this test."""
    return app_shell


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Give an HTTP client that speaks to the application without a socket."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://ownercare.test") as client:
        yield client


@pytest.fixture
async def people(session: AsyncSession, state: AppState, clock: FakeClock) -> PeopleDesk:
    """Make logged-in people: `await people.staff("finance_officer")`, then `.headers`."""
    desk: Desk = state.parts[Desk]
    await desk.keys.load(session, now=clock())
    return PeopleDesk(session=session, desk=desk, clock=clock)


@pytest.fixture
async def committed(postgres: str, tmp_path: Path) -> AsyncIterator[PooledDatabase]:
    """Give a database of its own, in the application's role, for races and for what must really be committed."""
    name = f"race_{os.getpid()}_{tmp_path.name.replace('-', '_')}"[:60].lower()
    await _sql(postgres, f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE} STRATEGY WAL_LOG')
    url = make_url(postgres).set(database=name).render_as_string(hide_password=False)
    database = PooledDatabase(url, pool_size=12, role=RUNTIME_ROLE)
    yield database
    await database.dispose()
    await _sql(postgres, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session", autouse=True)
def worker_id(request: pytest.FixtureRequest) -> str:
    """Name this worker, also without xdist."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")
