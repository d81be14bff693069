"""What the rooms tell each other, plugged together for the API and the worker alike."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import SelectBase, select, union

from ownercare_api.approvals.service import ApprovalHooks
from ownercare_api.contractors import service as contractors
from ownercare_api.contractors.models import ConstructionContract, FirmProject
from ownercare_api.core.http.state import AppState
from ownercare_api.core.settings import Settings
from ownercare_api.deadlines.repository import Surroundings as DeadlineSurroundings
from ownercare_api.files.repository import Surroundings as FileSurroundings
from ownercare_api.identity import service as identity
from ownercare_api.identity.directory import Directory
from ownercare_api.identity.keys import KeyStore
from ownercare_api.identity.tokens import TokenMint
from ownercare_api.properties import service as properties
from ownercare_api.settlements import accounts
from ownercare_api.tickets.models import Ticket, TicketFirm
from ownercare_api.workorders import service as workorders


def identity_desk(settings: Settings, state: AppState) -> identity.Desk:
    """Return the identity room's parts for a process."""
    return identity.Desk(
        mint=TokenMint(
            issuer=settings.issuer,
            audience=settings.audience,
            lifetime=timedelta(minutes=settings.access_token_minutes),
        ),
        keys=KeyStore(keyring=state.keyring),
        directory=Directory(projects_of_regions=properties.projects_of_regions),
        refresh_lifetime=timedelta(days=settings.refresh_token_days),
    )


def approval_hooks() -> ApprovalHooks:
    """Return who is told of a decision, by what it was about."""
    return ApprovalHooks(
        on_decided={
            workorders.SUBJECT_KIND: workorders.on_approval_decided,
            accounts.SUBJECT_KIND: accounts.on_account_approval_decided,
        }
    )


def tickets_of_firms(firms: Collection[UUID]) -> SelectBase:
    """Return the query of the cases that were given to some firms (OWN-07)."""
    return select(TicketFirm.ticket_id).where(TicketFirm.firm_id.in_(list(firms)))


def deadline_surroundings() -> DeadlineSurroundings:
    """Return what the deadline room asks: which cases firms were given."""
    return DeadlineSurroundings(tickets_of_firms=tickets_of_firms)


def file_surroundings() -> FileSurroundings:
    """Return what the file room asks: which cases firms were given, and in which projects they work."""

    def projects_of_firms(firms: Collection[UUID]) -> SelectBase:
        own = list(firms)
        return union(
            select(FirmProject.project_id).where(FirmProject.firm_id.in_(own)),
            select(ConstructionContract.project_id).where(ConstructionContract.firm_id.in_(own)),
            select(Ticket.project_id).where(Ticket.id.in_(tickets_of_firms(own))),
        )

    return FileSurroundings(tickets_of_firms=tickets_of_firms, projects_of_firms=projects_of_firms)


def firm_directory() -> properties.FirmDirectory:
    """Return what the property room asks: in which projects partner firms work."""
    return properties.FirmDirectory(projects_of_firms=contractors.projects_of_firms)
