"""A running application with one repair case at every stage, for requests made up from the OpenAPI document."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.factories import cases
from tests.factories.people import Actor
from tests.factories.people import Desk as PeopleDesk

from ownercare_api.app import create_app
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.core.settings import Settings
from ownercare_api.identity.roles import ROLES
from ownercare_api.identity.service import Desk
from ownercare_api.tickets.models import RegisterEntry, Ticket

NOON = datetime(2026, 11, 20, 4, tzinfo=UTC)
STAGES = (
    cases.repair_ticket,
    cases.arranged_survey,
    cases.recorded_survey,
    cases.co_signed_survey,
    cases.raised_order,
    cases.approved_order,
    cases.dispatched_order,
    cases.accepted_order,
    cases.completed_order,
    cases.signed_off_order,
    cases.closed_order,
)


def clock() -> datetime:
    """Stand still at Friday noon."""
    return NOON


class Known:
    """Ids that answers have shown, by the name of the path parameter or body field that takes them."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.ids: dict[str, list[str]] = defaultdict(list)
        self._parameter_of: dict[str, str] = {}
        for path in document["paths"]:
            parts = path.strip("/").split("/")
            for collection, parameter in pairwise(parts):
                if parameter.startswith("{"):
                    self._parameter_of.setdefault(collection, parameter.strip("{}"))

    def learn(self, path: str, body: Any) -> None:
        """Remember the ids of an answer; `path` is the template."""
        own = next((name for part, name in self._parameter_of.items() if path.split("/")[2:3] == [part]), None)
        self._walk(body, own)

    def _walk(self, body: Any, own: str | None) -> None:
        if isinstance(body, list):
            for item in body[:50]:
                self._walk(item, own)
        if not isinstance(body, dict):
            return
        for name, value in body.items():
            if name == "items":
                self._walk(value, own)
            elif isinstance(value, str) and len(value) == 36 and (name.endswith("_id") or (name == "id" and own)):
                self._remember(own if name == "id" and own else name, value)
            elif isinstance(value, dict | list):
                self._walk(value, self._parameter_of.get(f"{name}s", f"{name}_id"))

    def _remember(self, name: str, value: str) -> None:
        if value not in self.ids[name] and len(self.ids[name]) < 200:
            self.ids[name].append(value)

    def substitute(self, fields: Any, *, dice: Random) -> None:
        """Put known ids in place of made-up ones, mostly."""
        if isinstance(fields, list):
            for item in fields:
                self.substitute(item, dice=dice)
        if not isinstance(fields, dict):
            return
        for name, value in fields.items():
            structured = isinstance(value, list) and any(isinstance(item, dict) for item in value)
            if structured or isinstance(value, dict):
                self.substitute(value, dice=dice)
            elif isinstance(value, list) and self.ids.get(name.removesuffix("s")) and dice.random() < 0.7:
                fields[name] = [dice.choice(self.ids[name.removesuffix("s")])]
            elif isinstance(value, str) and self.ids.get(name) and dice.random() < 0.8:
                fields[name] = dice.choice(self.ids[name])


class Bench:
    """The application on a committed database, spoken to without a socket."""

    def __init__(self, portal: BlockingPortal, *, url: str, data_dir: Path) -> None:
        self.portal, self.url, self.data_dir = portal, url, data_dir
        self.app: FastAPI
        self.actors: list[Actor] = []
        self._client: httpx.AsyncClient
        self._state: AppState
        self._people_made = 0

    async def open(self) -> None:
        """Build the application and its people and cases."""
        self._state = AppState(
            settings=Settings(data_dir=self.data_dir),
            database=PooledDatabase(self.url, pool_size=4),
            keyring=Keyring.from_master(bytes(range(32))),
            clock=clock,
        )
        self.app = create_app(self._state)
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://ownercare.test")
        async with self._state.database.session() as session:
            people = await self._people(session)
            cast = await cases.make_cast(session, people, now=NOON)
            everything = [role for role, held in ROLES.items() if not held.scopes <= {"work_orders:execute"}]
            self.actors = [await people.staff(*everything, name="全权")]
            self.actors += [cast.specialist, cast.colleague, cast.captain, cast.representative]
            self.actors.append(await people.staff("finance_officer"))
            for stage in STAGES:
                await stage(session, cast, now=NOON)
                await session.flush()
            for place, ticket in enumerate((await session.scalars(select(Ticket))).all(), start=1):
                session.add(_register_line(ticket, number=f"DJ-20261119-{place:04}"))
            await session.commit()

    async def _people(self, session: AsyncSession) -> PeopleDesk:
        desk: Desk = self._state.parts[Desk]
        await desk.keys.load(session, now=NOON)
        made = PeopleDesk(session=session, desk=desk, clock=clock, made=self._people_made)
        self._people_made += 1000  # user names go by number
        return made

    async def close(self) -> None:
        """Close what is open."""
        await self._client.aclose()
        await self._state.database.dispose()

    def newcomer(self) -> Actor:
        """Make one more all-powerful person, whose login may be ended."""

        async def go() -> Actor:
            async with self._state.database.session() as session:
                made = await (await self._people(session)).staff(*ROLES, name="临时")
                await session.commit()
                return made

        return self.portal.call(go)

    def send(self, method: str, url: str, *, headers: Mapping[str, str], content: Any) -> httpx.Response:
        """Send one request."""

        async def go() -> httpx.Response:
            return await self._client.request(method, url, headers=dict(headers), content=content)

        return self.portal.call(go)


def _register_line(ticket: Ticket, *, number: str) -> RegisterEntry:
    """Return the line of the register that the cases' own factory leaves out."""
    return RegisterEntry(
        id=uuid7(),
        number=number,
        project_id=ticket.project_id,
        ticket_id=ticket.id,
        channel=ticket.channel,
        category=ticket.category,
        caller_name=ticket.caller_name,
        summary=ticket.title,
        received_at=ticket.received_at,
        taken_by=ticket.registered_by,
        taken_by_name="王资料员",
    )


@contextmanager
def bench(url: str, *, data_dir: Path) -> Iterator[Bench]:
    """Run the application in an event loop of its own."""
    with start_blocking_portal() as portal:
        made = Bench(portal, url=url, data_dir=data_dir)
        portal.call(made.open)
        try:
            yield made
        finally:
            portal.call(made.close)
