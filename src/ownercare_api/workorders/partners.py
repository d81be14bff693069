"""Which firms, teams and contracts stand behind a project: what surveys and dispatch ask of the contractor room."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.contractors import service as contractors
from ownercare_api.contractors.models import Firm, FirmKind, FirmProject
from ownercare_api.properties.parts import BuildingPart


@dataclass(frozen=True, slots=True)
class CoveringContract:
    """A contract of the project that covers a building part, with the contractor's own warranty period in months."""

    contract_id: UUID
    firm_id: UUID
    accepted_on: date
    months: int
    has_repair_agreement: bool


async def contract_for(
    session: AsyncSession, *, project_id: UUID, building_part: BuildingPart, contract_id: UUID | None = None
) -> CoveringContract | None:
    """Return the contract that covers a part in a project, the last accepted where several do; or the named one.

    None where there is none, or the named one is of another project or does not cover the part.
    """
    if contract_id is None:
        found = await contractors.contract_for(session, project_id=project_id, building_part=building_part)
        return None if found is None else _covering(*found)
    try:
        row = await contractors.contract(session, contract_id=contract_id)
    except contractors.ContractNotFound:
        return None
    months = {term["building_part"]: term["months"] for term in row.warranty_terms or ()}.get(building_part.value)
    return None if row.project_id != project_id or months is None else _covering(row, int(months))


async def serves(session: AsyncSession, *, project_id: UUID, firm_id: UUID) -> bool:
    """Say whether a firm is an active property company that serves the project."""
    query = (
        select(FirmProject.firm_id)
        .join(Firm, Firm.id == FirmProject.firm_id)
        .where(
            FirmProject.firm_id == firm_id,
            FirmProject.project_id == project_id,
            Firm.kind == FirmKind.PROPERTY_COMPANY,
            Firm.active,
        )
    )
    return await session.scalar(query) is not None


async def team(session: AsyncSession, *, project_id: UUID, wanted: UUID | None) -> Any:
    """Return the active team that serves a project (REP-14): the wanted one, else the oldest; None if none."""
    serving = await contractors.teams_serving(session, project_id=project_id)
    return next((row for row in serving if wanted in (None, row.id)), None)


async def captain_of(session: AsyncSession, *, team_id: UUID | None) -> UUID | None:
    """Return the account of a team's captain (ORG-23)."""
    if team_id is None:
        return None
    captain: UUID = (await contractors.team(session, team_id=team_id)).captain_id
    return captain


async def workers(session: AsyncSession, *, team_id: UUID) -> list[Any]:
    """Return the active repairers of a team."""
    return [row for row in await contractors.workers_of(session, team_id=team_id) if row.active]


def trades_missing(team: Collection[Any], trades: Collection[str]) -> list[str]:
    """Return the trades that nobody of these repairers knows."""
    known = {trade for worker in team for trade in worker.trades}
    return sorted(set(trades) - known)


def _covering(row: Any, months: int) -> CoveringContract:
    return CoveringContract(
        contract_id=row.id,
        firm_id=row.firm_id,
        accepted_on=row.accepted_on,
        months=months,
        has_repair_agreement=row.has_repair_agreement,
    )
