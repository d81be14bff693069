"""Logins over HTTP: people with passwords, clients at other addresses, servers of one installation."""

from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession
from tests.factories.people import Actor, Desk

from ownercare_api.app import create_app
from ownercare_api.core.clock import Clock
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import Database
from ownercare_api.core.http.state import AppState
from ownercare_api.core.settings import Settings
from ownercare_api.identity.models import Account
from ownercare_api.identity.passwords import hash_password

PASSWORD = "雨过天青云破处,这般颜色做将来"
OFFICE, ELSEWHERE = "203.0.113.7", "198.51.100.4"


_hashes: dict[str, str] = {}
"""By password: a hash costs as much as ten requests, and nobody's salt matters here."""


async def with_password(session: AsyncSession, people: Desk, password: str = PASSWORD) -> tuple[Actor, Account]:
    """Make a records clerk with a password."""
    actor = await people.staff("records_clerk")
    account = await session.get_one(Account, actor.id)
    if password not in _hashes:
        _hashes[password] = await hash_password(password)
    account.password_hash = _hashes[password]
    await session.flush()
    return actor, account


def at(app: FastAPI, address: str, **headers: str) -> httpx.AsyncClient:
    """Return a client that calls from an address."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=(address, 40000))
    return httpx.AsyncClient(transport=transport, base_url="http://ownercare.test", headers=headers)


def server(database: Database, *, clock: Clock, folder: Path, master: bytes, **settings: Any) -> FastAPI:
    """Build one server of an installation: its own caches over the common database."""
    made = Settings(data_dir=folder, **settings)
    return create_app(AppState(settings=made, database=database, keyring=Keyring.from_master(master), clock=clock))


async def log_in(client: httpx.AsyncClient, *, username: str, password: str = PASSWORD) -> httpx.Response:
    """Log in with a password."""
    form = {"grant_type": "password", "username": username, "password": password}
    return await client.post("/v1/auth/token", data=form)


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    """Exchange a refresh token."""
    return await client.post("/v1/auth/token", data={"grant_type": "refresh_token", "refresh_token": token})


def bearer(answer: httpx.Response) -> dict[str, str]:
    """Return the headers of whoever has just logged in."""
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}
