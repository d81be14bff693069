"""The bare reference: FastAPI and raw asyncpg, the columns of one table, nothing else."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

from ownercare_api.core.clock import system_clock
from ownercare_api.core.ids import uuid7

COLUMNS = (
    "id, number, project_id, unit_id, owner_id, domain, category, channel, status, title, description, demand, urgent, "
    "claim_fen, caller_name, caller_phone_masked, received_at, registered_by, department, handler_id, result, "
    "created_at, updated_at, version, policy_snapshot_id"
)


class Ticket(BaseModel):
    """The columns of a ticket."""

    id: UUID
    number: str
    project_id: UUID
    unit_id: UUID | None
    owner_id: UUID | None
    domain: str
    category: str
    channel: str
    status: str
    title: str
    description: str
    demand: str | None
    urgent: bool
    claim_fen: int | None
    caller_name: str
    caller_phone_masked: str | None
    received_at: datetime
    registered_by: UUID
    department: str | None
    handler_id: UUID | None
    result: str | None
    created_at: datetime
    updated_at: datetime
    version: int
    policy_snapshot_id: UUID


class NewTicket(BaseModel):
    """What a registration sends."""

    unit_id: UUID
    category: str
    channel: str
    title: str
    description: str
    caller_name: str
    caller_phone: str


class Items(BaseModel):
    """A list."""

    items: list[Ticket]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.pool = await asyncpg.create_pool(
        user=os.environ["BENCH_USER"],
        password=os.environ["BENCH_PASSWORD"],
        host=os.environ["BENCH_HOST"],
        database=os.environ["BENCH_DATABASE"],
        min_size=10,
        max_size=10,
    )
    yield
    await app.state.pool.close()


app = FastAPI(lifespan=_lifespan)


@app.get("/tickets/{ticket_id}", response_model=Ticket)
async def read(request: Request, ticket_id: UUID) -> Any:
    """Read one row."""
    row = await request.app.state.pool.fetchrow(f"SELECT {COLUMNS} FROM ticket WHERE id = $1", ticket_id)
    if row is None:
        raise HTTPException(404)
    return dict(row)


@app.get("/tickets", response_model=Items)
async def newest(request: Request, status: str | None = None, owner_id: UUID | None = None) -> Any:
    """Read fifty rows by status or owner, newest first."""
    if owner_id is not None:
        query = f"SELECT {COLUMNS} FROM ticket WHERE owner_id = $1 ORDER BY id DESC LIMIT 50"
        rows = await request.app.state.pool.fetch(query, owner_id)
    else:
        query = f"SELECT {COLUMNS} FROM ticket WHERE status = $1 ORDER BY id DESC LIMIT 50"
        rows = await request.app.state.pool.fetch(query, status)
    return {"items": [dict(row) for row in rows]}


@app.post("/tickets", response_model=Ticket, status_code=201)
async def register(request: Request, body: NewTicket) -> Any:
    """Insert one row and return it."""
    now, ticket_id = system_clock(), uuid7()
    row = await request.app.state.pool.fetchrow(
        "INSERT INTO ticket (id, number, project_id, unit_id, domain, category, channel, status, title, description, urgent, "
        "caller_name, received_at, registered_by, policy_snapshot_id, created_at, updated_at) "
        "SELECT $1, $2, u.project_id, u.id, 'owner_home', $4, $5, 'registered', $6, $7, false, $8, $9, $10, "
        f"(SELECT id FROM policy_snapshot LIMIT 1), $9, $9 FROM unit u WHERE u.id = $3 RETURNING {COLUMNS}",
        ticket_id,
        f"BM-{ticket_id.hex}",
        body.unit_id,
        body.category,
        body.channel,
        body.title,
        body.description,
        body.caller_name,
        now,
        UUID(int=0),
    )
    return dict(row)
