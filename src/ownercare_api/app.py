"""Composition root of the API: routers, error handlers, and what the rooms tell each other."""

from fastapi import FastAPI

from ownercare_api import docs_pages, wiring
from ownercare_api.approvals import router as approvals
from ownercare_api.approvals.service import ApprovalHooks
from ownercare_api.contractors import router as contractors
from ownercare_api.contractors import router_accounts as contractors_accounts
from ownercare_api.contractors import router_teams as contractors_teams
from ownercare_api.core.denials import DenialLog
from ownercare_api.core.http import middleware, problems, route_index
from ownercare_api.core.http.lifespan import lifespan
from ownercare_api.core.http.state import AppState
from ownercare_api.deadlines import router as deadlines
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.deadlines.repository import Surroundings as DeadlineSurroundings
from ownercare_api.exchange import router_exports, router_imports
from ownercare_api.exchange.checking import Desk as ExchangeDesk
from ownercare_api.files import router as files
from ownercare_api.files.repository import Surroundings as FileSurroundings
from ownercare_api.identity import router as identity
from ownercare_api.identity import router_clients as identity_clients
from ownercare_api.identity import router_delegations as identity_delegations
from ownercare_api.identity import router_grants as identity_grants
from ownercare_api.identity import router_me as identity_me
from ownercare_api.identity import router_people as identity_people
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.identity.quotas import Quotas
from ownercare_api.identity.service import Desk
from ownercare_api.identity.surroundings import Surroundings as IdentitySurroundings
from ownercare_api.integrations import router as integrations
from ownercare_api.openapi import DocumentedAPI
from ownercare_api.operations import router as operations
from ownercare_api.operations import router_refusals as operations_refusals
from ownercare_api.owners import router as owners
from ownercare_api.owners import router_changes as owners_changes
from ownercare_api.owners import router_consents as owners_consents
from ownercare_api.owners import router_contacts as owners_contacts
from ownercare_api.owners import router_groups as owners_groups
from ownercare_api.owners import router_homes as owners_homes
from ownercare_api.owners import router_households as owners_households
from ownercare_api.owners import router_looks as owners_looks
from ownercare_api.owners import router_merges as owners_merges
from ownercare_api.owners import router_page as owners_page
from ownercare_api.owners import router_payments as owners_payments
from ownercare_api.owners import router_transfers as owners_transfers
from ownercare_api.owners.looks import CaseLooks
from ownercare_api.owners.merging import OwnerHooks
from ownercare_api.owners.page import OwnerPage
from ownercare_api.policies import router as policies
from ownercare_api.policies.service import ProjectTree
from ownercare_api.portal import router_files as portal_files
from ownercare_api.portal import router_orders as portal_orders
from ownercare_api.portal import router_payments as portal_payments
from ownercare_api.portal import router_privacy as portal_privacy
from ownercare_api.portal import router_profile as portal_profile
from ownercare_api.portal import router_records as portal_records
from ownercare_api.portal import router_surveys as portal_surveys
from ownercare_api.portal import router_tickets as portal_tickets
from ownercare_api.privacy import router as privacy
from ownercare_api.properties import router as properties_router
from ownercare_api.properties import router_history as properties_history
from ownercare_api.properties import router_tree as properties_tree
from ownercare_api.properties import service as properties
from ownercare_api.settlements import router_accounts as settlements_accounts
from ownercare_api.settlements import router_ledger as settlements_ledger
from ownercare_api.settlements import router_releases as settlements_releases
from ownercare_api.settlements import router_settlements as settlements
from ownercare_api.surveys import router as surveys
from ownercare_api.tickets import router as tickets
from ownercare_api.tickets import router_steps as tickets_steps
from ownercare_api.timeline import router as timeline
from ownercare_api.timeline import router_audit as timeline_audit
from ownercare_api.timeline.denials import Denials
from ownercare_api.workorders import router_orders as workorders
from ownercare_api.workorders import router_surveys as workorders_surveys
from ownercare_api.workorders import router_work as workorders_work

ROUTERS = (
    # The hot paths first: routes are tried in order.
    tickets.router,
    tickets_steps.router,
    integrations.router,
    identity.router,
    identity_me.router,
    identity.public,
    identity_people.router,
    identity_grants.router,
    identity_delegations.router,
    identity_clients.router,
    files.router,
    timeline.router,
    timeline_audit.router,
    surveys.router,
    portal_profile.router,
    portal_tickets.router,
    portal_orders.router,
    portal_surveys.router,
    portal_files.router,
    portal_records.router,
    portal_payments.router,
    portal_privacy.router,
    approvals.router,
    policies.router,
    properties_router.router,
    properties_history.router,
    properties_tree.router,
    owners.router,
    owners_homes.router,
    owners_looks.router,
    privacy.router,
    owners_page.router,
    owners_contacts.router,
    owners_households.router,
    owners_groups.router,
    owners_consents.router,
    owners_changes.router,
    owners_merges.router,
    owners_transfers.router,
    owners_payments.router,
    contractors.router,
    contractors_accounts.router,
    contractors_teams.router,
    workorders_surveys.router,
    workorders.router,
    workorders_work.router,
    settlements_accounts.router,
    settlements.router,
    settlements_ledger.router,
    settlements_releases.router,
    deadlines.router,
    router_imports.router,
    router_exports.router,
    operations.router,
    operations.public,
    operations_refusals.router,
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
        lifespan=lifespan(state),
    )
    state.parts.setdefault(Desk, wiring.identity_desk(state.settings, state))
    state.parts.setdefault(CalendarStore, CalendarStore())
    state.parts.setdefault(PrincipalCache, PrincipalCache())
    state.parts.setdefault(
        Quotas, Quotas(keyring=state.keyring, default_per_minute=state.settings.client_requests_per_minute)
    )
    state.parts.setdefault(DenialLog, Denials())
    state.parts.setdefault(ApprovalHooks, wiring.approval_hooks())
    state.parts.setdefault(OwnerHooks, wiring.owner_hooks())
    state.parts.setdefault(OwnerPage, wiring.owner_page())
    state.parts.setdefault(CaseLooks, CaseLooks())
    state.parts.setdefault(ProjectTree, ProjectTree(places=properties.policy_places))
    state.parts.setdefault(DeadlineSurroundings, wiring.deadline_surroundings())
    state.parts.setdefault(ExchangeDesk, wiring.exchange_desk(state.settings, state.keyring))
    state.parts.setdefault(FileSurroundings, wiring.file_surroundings())
    state.parts.setdefault(properties.FirmDirectory, wiring.firm_directory())
    state.parts.setdefault(IdentitySurroundings, wiring.identity_surroundings())
    app.state.ownercare = state
    route_index.include(app, (*ROUTERS, docs_pages.router))
    problems.install(app)
    app.add_middleware(middleware.EdgeMiddleware)
    return app
