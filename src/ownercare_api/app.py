"""Composition root of the API: routers, error handlers, and what the rooms tell each other."""

from fastapi import FastAPI

from ownercare_api import wiring
from ownercare_api.core.http import middleware, problems
from ownercare_api.core.http.state import AppState
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.files import router as files
from ownercare_api.files.repository import Surroundings as FileSurroundings
from ownercare_api.identity import router as identity
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.identity.service import Desk
from ownercare_api.tickets import router as tickets
from ownercare_api.tickets import router_steps as tickets_steps

ROUTERS = (
    # The hot paths first: routes are tried in order.
    tickets.router,
    tickets_steps.router,
    identity.router,
    identity.public,
    files.router,
)


def create_app(state: AppState) -> FastAPI:
    """Build the API over the parts of a process."""
    app = FastAPI(
        title="OwnerCare",
        version="0.1.0",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        max_body_size=state.settings.max_body_bytes,
        redirect_slashes=False,
    )
    state.parts.setdefault(Desk, wiring.identity_desk(state.settings, state))
    state.parts.setdefault(CalendarStore, CalendarStore())
    state.parts.setdefault(PrincipalCache, PrincipalCache())
    state.parts.setdefault(FileSurroundings, wiring.file_surroundings())
    app.state.ownercare = state
    for router in ROUTERS:
        app.include_router(router)
    problems.install(app)
    app.add_middleware(middleware.EdgeMiddleware)
    return app
