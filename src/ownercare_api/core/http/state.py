"""What one API process holds, and how an endpoint gets at it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, cast

from fastapi import Depends, Request

from ownercare_api.core.clock import Clock, system_clock
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import Database
from ownercare_api.core.errors import Language
from ownercare_api.core.i18n import negotiate
from ownercare_api.core.settings import Settings


@dataclass
class AppState:
    """The parts of a process. `parts` holds what single rooms keep (caches, ports), by their type."""

    settings: Settings
    database: Database
    keyring: Keyring
    clock: Clock = system_clock
    parts: dict[type, Any] = field(default_factory=dict)


def app_state(request: Request) -> AppState:
    """Return the process's parts."""
    return cast(AppState, request.app.state.ownercare)


def present(request: Request) -> datetime:
    """Return the instant of this request, the same wherever it is asked for."""
    if not hasattr(request.state, "now"):
        request.state.now = app_state(request).clock()
    return cast(datetime, request.state.now)


def language(request: Request) -> Language:
    """Return the caller's language."""
    return negotiate(request.headers.get("accept-language"))


# FastAPI runs plain functions in a thread, which costs more than a whole read: dependencies are coroutines.
async def _state(request: Request) -> AppState:
    return app_state(request)


async def _present(request: Request) -> datetime:
    return present(request)


async def _language(request: Request) -> Language:
    return language(request)


State = Annotated[AppState, Depends(_state)]
Now = Annotated[datetime, Depends(_present)]
Lang = Annotated[Language, Depends(_language)]
