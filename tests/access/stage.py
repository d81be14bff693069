"""The world of the matrix in its outer transaction, with the application bound to it."""

from dataclasses import dataclass

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.access.callers import Callers
from tests.access.world import World
from tests.conftest import FRIDAY_NOON, BoundDatabase, FakeClock

from ownercare_api.core.http.state import AppState
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.identity.access import PrincipalCache


@dataclass
class Stage:
    """The world in its outer transaction, and the application bound to it."""

    app: FastAPI
    connection: AsyncConnection
    state: AppState
    world: World
    callers: Callers

    def bind(self) -> None:
        """Bind the application to this transaction; other tests bind it to theirs."""
        self.state.database, self.state.clock = BoundDatabase(self.connection), FakeClock(FRIDAY_NOON)
        self.state.parts[CalendarStore] = CalendarStore()
        self.forget()

    def forget(self) -> None:
        """Forget who was loaded: a savepoint that was rolled back may have changed their grants."""
        self.state.parts[PrincipalCache] = PrincipalCache()
