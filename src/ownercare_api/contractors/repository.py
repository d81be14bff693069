"""Every SELECT of the contractor room."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, cast, column, func, literal, or_, select, table, text, union
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.types import Text, Uuid

from ownercare_api.contractors.lifecycle import AccountChangeStatus
from ownercare_api.contractors.models import (
    ConstructionContract,
    Firm,
    FirmDisclosure,
    FirmKind,
    FirmProject,
    RepairTeam,
    RepairTeamProject,
    RepairWorker,
    WarrantyTerm,
)
from ownercare_api.contractors.models_accounts import FirmBankAccountChange
from ownercare_api.core.listing import containing
from ownercare_api.identity.models import Account
from ownercare_api.identity.principal import Principal
from ownercare_api.properties.parts import BuildingPart, Trade

Connection = AsyncConnection | AsyncSession
READ = "contractors:read"

# The cases live in a room above; a look may name the one that it is for, so only these columns are known.
_ticket = table("ticket", column("id", Uuid()), column("project_id", Uuid()), column("status"))
_shared = table("ticket_firm", column("ticket_id", Uuid()), column("firm_id", Uuid()))

_NO_IDS = text("'{}'::uuid[]")
_served: Any = func.coalesce(
    select(func.array_agg(aggregate_order_by(FirmProject.project_id, FirmProject.project_id), type_=ARRAY(Uuid())))
    .where(FirmProject.firm_id == Firm.id)
    .correlate(Firm)
    .scalar_subquery(),
    _NO_IDS,
)
_area: Any = func.coalesce(
    select(
        func.array_agg(
            aggregate_order_by(RepairTeamProject.project_id, RepairTeamProject.project_id), type_=ARRAY(Uuid())
        )
    )
    .where(RepairTeamProject.team_id == RepairTeam.id)
    .correlate(RepairTeam)
    .scalar_subquery(),
    _NO_IDS,
)
_terms: Any = (
    select(
        func.json_agg(
            aggregate_order_by(
                func.json_build_object("building_part", WarrantyTerm.building_part, "months", WarrantyTerm.months),
                WarrantyTerm.building_part,
            )
        )
    )
    .where(WarrantyTerm.contract_id == ConstructionContract.id)
    .correlate(ConstructionContract)
    .scalar_subquery()
)

_open_change: Any = (
    select(FirmBankAccountChange.id)
    .where(FirmBankAccountChange.firm_id == Firm.id, FirmBankAccountChange.status == AccountChangeStatus.SUBMITTED)
    .correlate(Firm)
    .scalar_subquery()
)

FIRM: list[Any] = [
    Firm.id, Firm.kind, Firm.name, Firm.uscc, Firm.contact_name, Firm.contact_phone_masked, Firm.bank_name,
    Firm.bank_account_holder, Firm.bank_account_masked, _open_change.label("bank_account_change_id"), Firm.active,
    Firm.version, _served.label("project_ids"),
]  # fmt: skip
ACCOUNT_CHANGE: list[Any] = [
    *(one for one in FirmBankAccountChange.__table__.c if not one.name.endswith("_encrypted")),
    Firm.name.label("firm_name"), Firm.contact_phone_set_at,
]  # fmt: skip
CONTRACT: list[Any] = [*ConstructionContract.__table__.c, Firm.name.label("firm_name"), _terms.label("warranty_terms")]
TEAM: list[Any] = [
    RepairTeam.id, RepairTeam.firm_id, Firm.name.label("firm_name"), RepairTeam.name, RepairTeam.captain_id,
    Account.name.label("captain_name"), RepairTeam.active, RepairTeam.version, _area.label("project_ids"),
]  # fmt: skip
WORKER: list[Any] = [*RepairWorker.__table__.c]


def firms_visible_to(principal: Principal, *, scope: str = READ) -> ColumnElement[bool]:
    """Staff see every partner firm; people and machines of a firm see that firm only."""
    reach = principal.reach(scope)
    if principal.firm_id is None and (reach.everywhere or reach.projects):
        return literal(True)
    return Firm.id.in_(list(reach.firms))


def contracts_visible_to(principal: Principal) -> ColumnElement[bool]:
    """Contracts of projects in reach, and of one's own firm."""
    reach = principal.reach(READ)
    if reach.everywhere:
        return literal(True)
    return or_(
        ConstructionContract.project_id.in_(list(reach.projects)), ConstructionContract.firm_id.in_(list(reach.firms))
    )


def teams_visible_to(principal: Principal) -> ColumnElement[bool]:
    """Teams that serve a project in reach, and those of one's own firm."""
    reach = principal.reach(READ)
    if reach.everywhere:
        return literal(True)
    here = select(RepairTeamProject.team_id).where(RepairTeamProject.project_id.in_(list(reach.projects)))
    return or_(RepairTeam.id.in_(here), RepairTeam.firm_id.in_(list(reach.firms)))


def _serving(project_id: UUID) -> ColumnElement[bool]:
    return RepairTeam.id.in_(select(RepairTeamProject.team_id).where(RepairTeamProject.project_id == project_id))


def _knows(trades: Collection[Trade]) -> ColumnElement[bool]:
    known = cast(RepairWorker.__table__.c.trades, ARRAY(Text()))
    return known.contains([trade.value for trade in trades])


def firms(
    principal: Principal,
    *,
    kind: FirmKind | None = None,
    active: bool | None = None,
    account_change_open: bool | None = None,
    q: str | None = None,
) -> Select[Any]:
    """Return the query of the visible firms."""
    query: Select[Any] = select(*FIRM).where(firms_visible_to(principal))
    if kind is not None:
        query = query.where(Firm.kind == kind)
    if active is not None:
        query = query.where(Firm.active == active)
    if account_change_open is not None:
        query = query.where(_open_change.is_not(None) if account_change_open else _open_change.is_(None))
    if q is not None:
        query = query.where(containing(q, Firm.name, Firm.uscc))
    return query


async def sees_firm(connection: Connection, *, firm_id: UUID, principal: Principal, scope: str) -> bool:
    """Say whether there is such a firm that the caller may see."""
    query = select(Firm.id).where(Firm.id == firm_id, firms_visible_to(principal, scope=scope))
    return (await connection.execute(query)).one_or_none() is not None


def account_changes(*, firm_id: UUID, status: AccountChangeStatus | None = None) -> Select[Any]:
    """Return the query of the changes of a firm's bank account, without the encrypted values."""
    query: Select[Any] = (
        select(*ACCOUNT_CHANGE)
        .join(Firm, Firm.id == FirmBankAccountChange.firm_id)
        .where(FirmBankAccountChange.firm_id == firm_id)
    )
    return query if status is None else query.where(FirmBankAccountChange.status == status)


async def account_change(connection: Connection, *, firm_id: UUID, change_id: UUID) -> Any:
    """Return one change of a firm's bank account, or None."""
    query = account_changes(firm_id=firm_id).where(FirmBankAccountChange.id == change_id)
    return (await connection.execute(query)).one_or_none()


async def has_account_change(connection: Connection, *, firm_id: UUID, change_id: UUID) -> bool:
    """Say whether a change is one of a firm's."""
    change = FirmBankAccountChange
    query = select(change.id).where(change.id == change_id, change.firm_id == firm_id)
    return (await connection.execute(query)).one_or_none() is not None


async def account_change_in_force(connection: Connection, *, firm_id: UUID) -> UUID | None:
    """Return the id of a firm's latest confirmed change of bank account."""
    change = FirmBankAccountChange
    mine = select(change.id).where(change.firm_id == firm_id, change.status == AccountChangeStatus.CONFIRMED)
    return (await connection.execute(mine.order_by(change.id.desc()).limit(1))).scalar_one_or_none()


def disclosures(
    *,
    firm_id: UUID,
    filters: Mapping[str, Any],
    since: datetime | None = None,
    until: datetime | None = None,
) -> Select[Any]:
    """Return the query of who looked at a firm's clear values, from `since` until before `until`; `filters` are
    equalities by column."""
    looks = FirmDisclosure.__table__.c
    query: Select[Any] = select(*(one for one in looks if one.name != "firm_id")).where(looks.firm_id == firm_id)
    query = query.where(*(looks[name] == value for name, value in filters.items()))
    if since is not None:
        query = query.where(looks.at >= since)
    return query if until is None else query.where(looks.at < until)


async def ticket_of(connection: Connection, *, ticket_id: UUID, firm_id: UUID) -> Any:
    """Return project_id and status of a case, and whether it was `shared` with a firm; None where there is none."""
    given = select(_shared.c.firm_id).where(_shared.c.ticket_id == ticket_id, _shared.c.firm_id == firm_id)
    query = select(_ticket.c.project_id, _ticket.c.status, given.exists().label("shared"))
    return (await connection.execute(query.where(_ticket.c.id == ticket_id))).one_or_none()


def contracts(
    principal: Principal,
    *,
    firm_id: UUID | None = None,
    project_id: UUID | None = None,
    building_part: BuildingPart | None = None,
) -> Select[Any]:
    """Return the query of the visible contracts."""
    query = _contracts().where(contracts_visible_to(principal))
    if firm_id is not None:
        query = query.where(ConstructionContract.firm_id == firm_id)
    if project_id is not None:
        query = query.where(ConstructionContract.project_id == project_id)
    if building_part is not None:
        covering = select(WarrantyTerm.contract_id).where(WarrantyTerm.building_part == building_part)
        query = query.where(ConstructionContract.id.in_(covering))
    return query


def _contracts() -> Select[Any]:
    return select(*CONTRACT).join(Firm, Firm.id == ConstructionContract.firm_id)


def teams(
    principal: Principal, *, project_id: UUID | None = None, firm_id: UUID | None = None, trade: Trade | None = None
) -> Select[Any]:
    """Return the query of the visible teams; `trade`: with an active worker who knows it."""
    query = _teams().where(teams_visible_to(principal))
    if project_id is not None:
        query = query.where(_serving(project_id))
    if firm_id is not None:
        query = query.where(RepairTeam.firm_id == firm_id)
    if trade is not None:
        knowing = select(RepairWorker.team_id).where(RepairWorker.active, _knows([trade]))
        query = query.where(RepairTeam.id.in_(knowing))
    return query


def _teams() -> Select[Any]:
    return select(*TEAM).join(Firm, Firm.id == RepairTeam.firm_id).join(Account, Account.id == RepairTeam.captain_id)


def workers(
    principal: Principal,
    *,
    team_id: UUID | None = None,
    project_id: UUID | None = None,
    trade: Trade | None = None,
    skill_level_min: int | None = None,
    active: bool | None = None,
) -> Select[Any]:
    """Return the query of the visible workers."""
    query: Select[Any] = (
        select(*WORKER).join(RepairTeam, RepairTeam.id == RepairWorker.team_id).where(teams_visible_to(principal))
    )
    if team_id is not None:
        query = query.where(RepairWorker.team_id == team_id)
    if project_id is not None:
        query = query.where(_serving(project_id))
    if trade is not None:
        query = query.where(_knows([trade]))
    if skill_level_min is not None:
        query = query.where(RepairWorker.skill_level >= skill_level_min)
    if active is not None:
        query = query.where(RepairWorker.active == active)
    return query


async def contract_for(connection: Connection, *, project_id: UUID, building_part: BuildingPart) -> Any:
    """Return the newest accepted contract of a project that covers a part, with `months`; None where there is none."""
    query = (
        select(*ConstructionContract.__table__.c, Firm.name.label("firm_name"), WarrantyTerm.months)
        .join(WarrantyTerm, WarrantyTerm.contract_id == ConstructionContract.id)
        .join(Firm, Firm.id == ConstructionContract.firm_id)
        .where(ConstructionContract.project_id == project_id, WarrantyTerm.building_part == building_part)
        .order_by(ConstructionContract.accepted_on.desc(), ConstructionContract.id.desc())
        .limit(1)
    )
    return (await connection.execute(query)).one_or_none()


async def contract(connection: Connection, *, contract_id: UUID) -> Any:
    """Return a contract whoever asks, or None."""
    return (await connection.execute(_contracts().where(ConstructionContract.id == contract_id))).one_or_none()


async def team(connection: Connection, *, team_id: UUID) -> Any:
    """Return a team whoever asks, or None."""
    return (await connection.execute(_teams().where(RepairTeam.id == team_id))).one_or_none()


async def teams_serving(connection: Connection, *, project_id: UUID) -> Any:
    """Return the active teams of active firms that serve a project, oldest first."""
    query = _teams().where(_serving(project_id), RepairTeam.active, Firm.active).order_by(RepairTeam.id)
    return (await connection.execute(query)).all()


async def workers_of(connection: Connection, *, team_id: UUID) -> Any:
    """Return a team's workers, oldest first."""
    query = select(*WORKER).where(RepairWorker.team_id == team_id).order_by(RepairWorker.id)
    return (await connection.execute(query)).all()


async def workers_with(
    connection: Connection,
    *,
    trades: Collection[Trade],
    project_id: UUID | None,
    team_id: UUID | None,
    skill_level: int,
) -> Any:
    """Return active workers of active teams who know all of the trades, the most skilled first."""
    query: Select[Any] = (
        select(*WORKER)
        .join(RepairTeam, RepairTeam.id == RepairWorker.team_id)
        .where(RepairWorker.active, RepairTeam.active, _knows(trades), RepairWorker.skill_level >= skill_level)
        .order_by(RepairWorker.skill_level.desc(), RepairWorker.id)
    )
    if project_id is not None:
        query = query.where(_serving(project_id))
    if team_id is not None:
        query = query.where(RepairWorker.team_id == team_id)
    return (await connection.execute(query)).all()


async def property_companies(connection: Connection, *, project_id: UUID) -> Any:
    """Return the active property companies that serve a project, oldest first."""
    query = (
        select(*FIRM)
        .join(FirmProject, FirmProject.firm_id == Firm.id)
        .where(FirmProject.project_id == project_id, Firm.active, Firm.kind == FirmKind.PROPERTY_COMPANY)
        .order_by(Firm.id)
    )
    return (await connection.execute(query)).all()


async def projects_of_firms(connection: Connection, firm_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return the projects that firms serve or have a construction contract for."""
    ids = list(firm_ids)
    served = select(FirmProject.project_id).where(FirmProject.firm_id.in_(ids))
    built = select(ConstructionContract.project_id).where(ConstructionContract.firm_id.in_(ids))
    return frozenset((await connection.execute(union(served, built))).scalars())
