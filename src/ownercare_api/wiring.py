"""What the rooms tell each other, plugged together for the API and the worker alike."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import SelectBase, select, union
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.approvals import personal as approvals_personal
from ownercare_api.approvals.service import ApprovalHooks
from ownercare_api.contractors import personal as contractors_personal
from ownercare_api.contractors import service as contractors
from ownercare_api.contractors.models import ConstructionContract, Firm, FirmProject
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.http.state import AppState
from ownercare_api.core.settings import Settings
from ownercare_api.deadlines import personal as deadlines_personal
from ownercare_api.deadlines.repository import Surroundings as DeadlineSurroundings
from ownercare_api.exchange import personal as exchange_personal
from ownercare_api.exchange.checking import Desk as ExchangeDesk
from ownercare_api.exchange.vault import Vault
from ownercare_api.files import personal as files_personal
from ownercare_api.files.repository import Surroundings as FileSurroundings
from ownercare_api.files.storage import Store
from ownercare_api.identity import personal as identity_personal
from ownercare_api.identity import service as identity
from ownercare_api.identity.directory import Directory
from ownercare_api.identity.keys import KeyStore
from ownercare_api.identity.models import GrantLevel
from ownercare_api.identity.principal import Principal
from ownercare_api.identity.repository import Connection
from ownercare_api.identity.surroundings import Surroundings as IdentitySurroundings
from ownercare_api.identity.tokens import TokenMint
from ownercare_api.owners import looks, restriction
from ownercare_api.owners import page as owners_page
from ownercare_api.owners import personal as owners_personal
from ownercare_api.owners.login import LoginBook
from ownercare_api.owners.looks import Look
from ownercare_api.owners.merging import Move, OwnerHooks
from ownercare_api.owners.page import OwnerPage
from ownercare_api.privacy.execution import Parts as PrivacyParts
from ownercare_api.properties import personal as properties_personal
from ownercare_api.properties import service as properties
from ownercare_api.properties.models import Company, CompanyLevel, Project
from ownercare_api.settlements import accounts
from ownercare_api.settlements import personal as settlements_personal
from ownercare_api.surveys import owner_page as surveys_page
from ownercare_api.surveys import personal as surveys_personal
from ownercare_api.tickets import owner_page as tickets_page
from ownercare_api.tickets import personal as tickets_personal
from ownercare_api.tickets.models import Ticket, TicketFirm
from ownercare_api.timeline import service as timeline
from ownercare_api.workorders import owner_page as workorders_page
from ownercare_api.workorders import personal as workorders_personal
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
        directory=identity_directory(state.keyring),
        keyring=state.keyring,
        refresh_lifetime=timedelta(days=settings.refresh_token_days),
        refresh_idle=timedelta(hours=settings.refresh_idle_hours),
    )


def identity_directory(keyring: Keyring) -> Directory:
    """Return what identity asks from above: the company tree, the owners' records, the timeline."""
    return Directory(
        projects_of_regions=properties.projects_of_regions, owners=LoginBook(keyring), record=timeline.record
    )


def identity_surroundings() -> IdentitySurroundings:
    """Return what the administration of people asks: the company tree, the partner firms, the timeline."""

    async def target_exists(connection: Connection, level: GrantLevel, target_id: UUID) -> bool:
        query = {
            GrantLevel.REGION: select(Company.id).where(Company.level == CompanyLevel.REGION, Company.id == target_id),
            GrantLevel.PROJECT: select(Project.id).where(Project.id == target_id),
            GrantLevel.FIRM: select(Firm.id).where(Firm.active, Firm.id == target_id),
        }.get(level)
        return query is not None and (await connection.execute(query)).one_or_none() is not None

    async def firm_kind(connection: Connection, firm_id: UUID) -> str | None:
        found = await connection.execute(select(Firm.kind).where(Firm.active, Firm.id == firm_id))
        kind = found.scalar_one_or_none()
        return None if kind is None else str(kind.value)

    return IdentitySurroundings(
        record=timeline.record,
        projects_of_regions=properties.projects_of_regions,
        target_exists=target_exists,
        firm_kind=firm_kind,
    )


def exchange_desk(settings: Settings, keyring: Keyring) -> ExchangeDesk:
    """Return the exchange room's parts for a process."""
    vault = Vault(settings.data_dir / "exchange", keyring=keyring)
    return ExchangeDesk(vault=vault, keyring=keyring, directory=identity_directory(keyring))


def owner_page() -> OwnerPage:
    """Return the sections of the 360° page of an owner, in their order."""
    sections = (*owners_page.SECTIONS, *tickets_page.SECTIONS, *workorders_page.SECTIONS, *surveys_page.SECTIONS)
    return OwnerPage(sections=sections)


async def _logins_merged(session: AsyncSession, move: Move) -> int:
    await identity.close_owner_account(session, owner_id=move.merged_id, now=move.now, because="owner_merged")
    return 0


def owner_hooks() -> OwnerHooks:
    """Return who moves what when two records of one owner are merged. A login is closed: the number leads to the record
    that stands for both."""
    return OwnerHooks(
        moved={
            "tickets": tickets_page.owner_moved,
            "survey_responses": surveys_page.owner_moved,
            "logins": _logins_merged,
        }
    )


def privacy_parts(settings: Settings, keyring: Keyring) -> PrivacyParts:
    """Return what the worker carries out requests of the persons concerned with. The rooms that keep personal data
    stand in the order of their foreign keys, attachments last."""
    rooms: tuple[Any, ...] = (
        surveys_personal,
        settlements_personal,
        approvals_personal,
        workorders_personal,
        deadlines_personal,
        tickets_personal,
        owners_personal,
        contractors_personal,
        properties_personal,
        exchange_personal,
        identity_personal,
        files_personal,
    )
    return PrivacyParts(keyring=keyring, store=Store(settings.data_dir / "files"), rooms=rooms)


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
    """Return what the file room asks: which cases firms were given, in which projects they work, and whose data a file
    shows."""

    def projects_of_firms(firms: Collection[UUID]) -> SelectBase:
        own = list(firms)
        return union(
            select(FirmProject.project_id).where(FirmProject.firm_id.in_(own)),
            select(ConstructionContract.project_id).where(ConstructionContract.firm_id.in_(own)),
            select(Ticket.project_id).where(Ticket.id.in_(tickets_of_firms(own))),
        )

    async def looked_at(
        connection: AsyncConnection | AsyncSession,
        *,
        owner_ids: Collection[UUID],
        ticket_id: UUID | None,
        actor: Principal,
        now: datetime,
    ) -> None:
        seen = set(owner_ids)
        if ticket_id is not None:
            owner_id = (await connection.execute(select(Ticket.owner_id).where(Ticket.id == ticket_id))).scalar()
            seen |= {owner_id} if owner_id is not None else set()
        await looks.record(connection, owner_ids=seen, actor=actor, look=Look.FILE, now=now, ticket_id=ticket_id)

    return FileSurroundings(
        tickets_of_firms=tickets_of_firms,
        projects_of_firms=projects_of_firms,
        withheld=restriction.withheld,
        looked_at=looked_at,
    )


def firm_directory() -> properties.FirmDirectory:
    """Return what the property room asks: in which projects partner firms work."""
    return properties.FirmDirectory(projects_of_firms=contractors.projects_of_firms)
