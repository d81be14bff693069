"""Composition root of the API: routers, error handlers, and what the rooms tell each other."""

from fastapi import FastAPI

from ownercare_api import docs_pages, wiring
from ownercare_api.approvals import router as approvals
from ownercare_api.approvals.service import ApprovalHooks
from ownercare_api.contractors import router as contractors
from ownercare_api.contractors import router_teams as contractors_teams
from ownercare_api.core.http import middleware, problems
from ownercare_api.core.http.state import AppState
from ownercare_api.deadlines import router as deadlines
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.deadlines.repository import Surroundings as DeadlineSurroundings
from ownercare_api.files import router as files
from ownercare_api.files.repository import Surroundings as FileSurroundings
from ownercare_api.identity import router as identity
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.identity.service import Desk
from ownercare_api.integrations import router as integrations
from ownercare_api.openapi import DocumentedAPI
from ownercare_api.operations import router as operations
from ownercare_api.owners import router as owners
from ownercare_api.owners import router_homes as owners_homes
from ownercare_api.policies import router as policies
from ownercare_api.policies.service import ProjectTree
from ownercare_api.properties import router as properties_router
from ownercare_api.properties import service as properties
from ownercare_api.settlements import router_accounts as settlements_accounts
from ownercare_api.settlements import router_ledger as settlements_ledger
from ownercare_api.settlements import router_releases as settlements_releases
from ownercare_api.settlements import router_settlements as settlements
from ownercare_api.surveys import router as surveys
from ownercare_api.tickets import router as tickets
from ownercare_api.tickets import router_steps as tickets_steps
from ownercare_api.timeline import router as timeline
from ownercare_api.workorders import router_orders as workorders
from ownercare_api.workorders import router_surveys as workorders_surveys
from ownercare_api.workorders import router_work as workorders_work

ROUTERS = (
    # The hot paths first: routes are tried in order.
    tickets.router,
    tickets_steps.router,
    integrations.router,
    identity.router,
    identity.public,
    files.router,
    timeline.router,
    surveys.router,
    approvals.router,
    policies.router,
    properties_router.router,
    owners.router,
    owners_homes.router,
    contractors.router,
    contractors_teams.router,
    workorders_surveys.router,
    workorders.router,
    workorders_work.router,
    settlements_accounts.router,
    settlements.router,
    settlements_ledger.router,
    settlements_releases.router,
    deadlines.router,
    operations.router,
    operations.public,
)


def create_app(state: AppState) -> FastAPI:
    """Build the API over the parts of a process."""
    app = DocumentedAPI(
        title="OwnerCare",
        version="0.1.0",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # served by docs_pages, rendered once
        redirect_slashes=False,
    )
    state.parts.setdefault(Desk, wiring.identity_desk(state.settings, state))
    state.parts.setdefault(CalendarStore, CalendarStore())
    state.parts.setdefault(PrincipalCache, PrincipalCache())
    state.parts.setdefault(ApprovalHooks, wiring.approval_hooks())
    state.parts.setdefault(ProjectTree, ProjectTree(places=properties.policy_places))
    state.parts.setdefault(DeadlineSurroundings, wiring.deadline_surroundings())
    state.parts.setdefault(FileSurroundings, wiring.file_surroundings())
    state.parts.setdefault(properties.FirmDirectory, wiring.firm_directory())
    app.state.ownercare = state
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(docs_pages.router)
    problems.install(app)
    app.add_middleware(middleware.EdgeMiddleware)
    return app
