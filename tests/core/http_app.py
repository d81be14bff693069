"""A small application on the house's HTTP parts, to see what they do by themselves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import httpx
from fastapi import APIRouter, Depends, FastAPI, Form, Request, Response
from pydantic import Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import MASTER, FakeClock

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import Database
from ownercare_api.core.errors import Conflict
from ownercare_api.core.http import middleware, problems
from ownercare_api.core.http.etag import IfMatch, put_version
from ownercare_api.core.http.idempotency import KeyRequired
from ownercare_api.core.http.paging import PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import AppState
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.pagination import cut
from ownercare_api.core.settings import Settings
from ownercare_api.core.wire import BusinessDate, FenAmount, Instant, Inward, Note
from ownercare_api.identity.principal import Grant, Principal, PrincipalKind, Reach

router = APIRouter(route_class=OwnerCareRoute)


class Full(Conflict):
    """409: no more things."""

    code = "full"
    zh, en = "“{name}”已满。", "{name} is full."
    rules = ("REP-02",)


class ThingWrite(Inward):
    """Something with every kind of field."""

    name: Note
    amount_fen: FenAmount = 0
    on: BusinessDate = date(2026, 11, 20)
    at: Instant | None = None
    more: dict[str, Any] = Field(default_factory=dict)
    fail: str | None = None


async def caller(request: Request) -> str:
    """Stand in for the principal: the caller is what the header says."""
    request.state.caller = request.headers.get("x-caller", "staff:1")
    projects = frozenset(UUID(int=int(one)) for one in request.headers.get("x-projects", "1").split())
    grant = Grant("clerk", frozenset({"things:write"}), Reach(projects=projects))
    request.state.authority = Principal(PrincipalKind.STAFF, UUID(int=1), "甲", (grant,))
    return str(request.state.caller)


Caller = Annotated[str, Depends(caller)]


class Gate:
    """Lets a test hold a request inside its transaction."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()


async def _insert(session: AsyncSession, name: str) -> int:
    found = await session.scalar(text("INSERT INTO thing (name) VALUES (:name) RETURNING id").bindparams(name=name))
    assert isinstance(found, int)
    return found


@router.post("/things", status_code=201)
async def create(who: Caller, session: Tx, request: Request, response: Response, body: ThingWrite) -> dict[str, Any]:
    """Make a thing, or fail as told."""
    gate: Gate = request.app.state.gate
    number = await _insert(session, body.name)
    gate.entered.set()
    await gate.open.wait()
    if body.fail == "refuse":
        raise Full(name=("仓库", "the store"))
    if body.fail == "defect":
        raise RuntimeError(f"defect near {body.name}")
    if body.fail == "orphan":
        await session.execute(text("INSERT INTO part (thing_id) VALUES (-1)"))
    if body.fail == "twin":
        twins = text("INSERT INTO part (thing_id, label) SELECT :id, 'x' FROM generate_series(1, 2)")
        await session.execute(twins.bindparams(id=number))
    response.headers["Location"] = f"/things/{number}"
    put_version(response, 1)
    return {"id": number, "name": body.name, "caller": who}


@router.post("/payments", status_code=201, dependencies=[KeyRequired])
async def pay(who: Caller, session: Tx) -> dict[str, int]:
    """Move money: only with a key."""
    return {"id": await _insert(session, "payment")}


@router.post("/searches")
async def search(who: Caller, session: Tx) -> Response:
    """Look, which is on record, and answer with what is no text."""
    number = await _insert(session, "look")
    return Response(b"PK\xff" + str(number).encode(), media_type="application/zip")


@router.get("/things/{thing_id}")
async def read(reader: Reader, response: Response, thing_id: int) -> dict[str, Any]:
    """Show a thing."""
    row = (await reader.execute(text("SELECT name, version FROM thing WHERE id = :id").bindparams(id=thing_id))).one()
    put_version(response, row.version)
    return {"id": thing_id, "name": row.name}


@router.patch("/things/{thing_id}")
async def update(session: Tx, if_match: IfMatch, response: Response, thing_id: int, body: ThingWrite) -> dict[str, Any]:
    """Change a thing."""
    version = await session.scalar(text("SELECT version FROM thing WHERE id = :id FOR UPDATE").bindparams(id=thing_id))
    assert isinstance(version, int)
    if_match.check(version)
    change = text("UPDATE thing SET name = :name, version = version + 1 WHERE id = :id")
    await session.execute(change.bindparams(id=thing_id, name=body.name))
    put_version(response, version + 1)
    return {"id": thing_id, "name": body.name}


@router.get("/things")
async def page(reader: Reader, paging: PageParams, colour: str | None = None) -> Response:
    """List things, newest first."""
    after = paging.wanted.after[0] if paging.wanted.after else 1 << 40
    query = text("SELECT id, name FROM thing WHERE id < :after ORDER BY id DESC LIMIT :limit")
    rows = (await reader.execute(query.bindparams(after=after, limit=paging.wanted.limit + 1))).all()
    return paging.answer(
        cut(rows, limit=paging.wanted.limit, key=lambda row: (row.id,)), show=lambda row: {"id": row.id}
    )


@router.post("/login")
async def login(name: Annotated[str, Form()]) -> dict[str, int]:
    """Take a form."""
    return {"length": len(name)}


@router.get("/away")
async def away() -> None:
    """Find the database gone."""
    raise ConnectionRefusedError(111, "refused")


TABLES = (
    "CREATE TABLE thing (id serial PRIMARY KEY, name text NOT NULL, version int NOT NULL DEFAULT 1)",
    "CREATE TABLE part (thing_id int REFERENCES thing DEFERRABLE INITIALLY DEFERRED, label text, "
    "UNIQUE (thing_id, label) DEFERRABLE INITIALLY DEFERRED)",
)
EMPTY = ("TRUNCATE thing, part, idempotent_answer",)
DROP = ("DROP TABLE part", "DROP TABLE thing", "TRUNCATE idempotent_answer")


async def execute(database: Database, statements: tuple[str, ...]) -> None:
    """Run and commit some statements: `TABLES` before a module, `EMPTY` after each test, `DROP` at the end."""
    async with database.session() as session:
        for statement in statements:
            await session.execute(text(statement))
        await session.commit()


@asynccontextmanager
async def running(database: Database, clock: FakeClock, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Run the application; gives a client."""
    app = FastAPI(redirect_slashes=False)
    app.state.ownercare = AppState(
        settings=settings, database=database, keyring=Keyring.from_master(MASTER), clock=clock
    )
    app.state.gate = Gate()
    app.include_router(router)
    problems.install(app)
    app.add_middleware(middleware.EdgeMiddleware)
    transport = httpx.ASGITransport(app=app)  # what the application raises would be raised here too
    async with httpx.AsyncClient(transport=transport, base_url="http://ownercare.test") as client:
        client.app = app  # type: ignore[attr-defined]
        yield client


def gate_of(client: httpx.AsyncClient) -> Gate:
    """Return the gate of a running application."""
    found: Gate = client.app.state.gate  # type: ignore[attr-defined]
    return found
