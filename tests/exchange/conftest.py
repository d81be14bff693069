"""What tests of imports and exports share: a project with homes, people, and a worker that does what is queued."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.org import Org, make_org
from tests.factories.people import Actor, Desk
from tests.factories.rosters import room

from ownercare_api.core import jobs
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.exchange import jobs as exchange_jobs
from ownercare_api.exchange.checking import Desk as ExchangeDesk
from ownercare_api.owners.models import Owner, OwnerPhone, Ownership
from ownercare_api.properties.models import Building, Unit
from ownercare_api.timeline.models import Event

HOMES = 60
"""Homes 0 to 59 of `tests.factories.rosters.room` are on record."""


async def add_homes(session: AsyncSession, *, project_id: UUID, count: int = HOMES) -> list[Unit]:
    """Enter the first homes of the rosters."""
    buildings: dict[str, Building] = {}
    units = []
    for place in range(count):
        name, number = room(place)
        if name not in buildings:
            buildings[name] = Building(id=uuid7(), project_id=project_id, name=name, floors=20)
            session.add(buildings[name])
            await session.flush()
        units.append(
            Unit(
                id=uuid7(),
                project_id=project_id,
                building_id=buildings[name].id,
                number=number,
                address=f"云栖雅苑 {name} {number}室",
                floor=place // 10 % 20 + 1,
                house_type="三室两厅两卫",
                purchase_batch="一期",
                area_cm2=1_285_600,
            )
        )
    session.add_all(units)
    await session.flush()
    return units


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    """Give a project with homes."""
    found = await make_org(session, now=clock())
    found.units = await add_homes(session, project_id=found.project.id)
    return found


@pytest.fixture
async def clerk(people: Desk, org: Org) -> Actor:
    """Give the clerk of the project's rosters."""
    return await people.staff("records_clerk", project_id=org.project.id)


@pytest.fixture
def work(state: AppState, clock: FakeClock) -> Callable[[], Awaitable[None]]:
    """Give a worker: do every job of the room that is due."""
    handlers = exchange_jobs.handlers(state.parts[ExchangeDesk])

    async def work() -> None:
        while await jobs.run_next(state.database, handlers=handlers, now=clock()):
            pass

    return work


@dataclass
class Importer:
    """Uploads rosters and does the work in between."""

    client: httpx.AsyncClient
    org: Org
    work: Callable[[], Awaitable[None]]

    async def send(self, actor: Actor, content: bytes, *, name: str = "业主名册.xlsx", **fields: str) -> httpx.Response:
        """Upload a roster."""
        key = fields.pop("key", None)
        given = {"kind": "owners", "project_id": str(self.org.project.id)} | fields
        headers = actor.headers | ({} if key is None else {"Idempotency-Key": key})
        return await self.client.post(
            "/v1/imports", files={"file": (name, content, "application/octet-stream")}, data=given, headers=headers
        )

    async def checked(self, actor: Actor, content: bytes, **fields: str) -> dict[str, Any]:
        """Upload a roster and have it checked."""
        answer = await self.send(actor, content, **fields)
        assert answer.status_code == 201, answer.text
        await self.work()
        return await self.look(actor, answer.json()["id"])

    async def look(self, actor: Actor, import_id: str) -> dict[str, Any]:
        """Return an import."""
        answer = await self.client.get(f"/v1/imports/{import_id}", headers=actor.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def confirm(self, actor: Actor, import_id: str) -> httpx.Response:
        """Confirm an import."""
        return await self.client.post(f"/v1/imports/{import_id}/confirmation", headers=actor.headers)

    async def done(self, actor: Actor, content: bytes, **fields: str) -> dict[str, Any]:
        """Upload, check, confirm and take over."""
        found = await self.checked(actor, content, **fields)
        assert found["status"] == "checked", found
        answer = await self.confirm(actor, found["id"])
        assert answer.status_code == 201, answer.text
        await self.work()
        return await self.look(actor, found["id"])

    async def rows(self, actor: Actor, import_id: str, **params: Any) -> list[dict[str, Any]]:
        """Return the rows of an import."""
        given = {"limit": 200} | params
        answer = await self.client.get(f"/v1/imports/{import_id}/rows", params=given, headers=actor.headers)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


@pytest.fixture
def importer(client: httpx.AsyncClient, org: Org, work: Callable[[], Awaitable[None]]) -> Importer:
    """Give an importer into the project."""
    return Importer(client=client, org=org, work=work)


@pytest.fixture
def totals(session: AsyncSession) -> Callable[[], Awaitable[tuple[int, ...]]]:
    """Give the counts of owners, numbers, ownerships, homes, and events about them."""

    async def count() -> tuple[int, ...]:
        tables = [
            await session.scalar(select(func.count()).select_from(one)) for one in (Owner, OwnerPhone, Ownership, Unit)
        ]
        about = Event.subject_kind.in_(["owner", "unit", "building"])
        events = await session.scalar(select(func.count()).select_from(Event).where(about))
        return tuple(int(one or 0) for one in [*tables, events])

    return count
