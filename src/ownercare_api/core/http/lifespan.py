"""What an API process does beside answering requests."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI

from ownercare_api.core import field_keys
from ownercare_api.core.denials import DenialLog
from ownercare_api.core.http.state import AppState


def lifespan(state: AppState) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return the application's lifespan: it knows the field keys from its first request on, and learns of new ones
    within seconds."""

    @asynccontextmanager
    async def alive(_: FastAPI) -> AsyncIterator[None]:
        async with field_keys.kept_fresh(state.database, keyring=state.keyring):
            yield
            denials: DenialLog | None = state.parts.get(DenialLog)
            if denials is not None:
                await denials.close(state)

    return alive
