"""What other rooms ask of the contractor room, and what its own use cases share."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.contractors import repository
from ownercare_api.contractors.models import Firm
from ownercare_api.core.errors import Conflict, FieldError, Invalid, NotFound
from ownercare_api.identity.principal import Principal
from ownercare_api.properties.parts import BuildingPart, Trade

Connection = AsyncConnection | AsyncSession
READ, WRITE, DISCLOSE, LOOKS = repository.READ, "contractors:write", "contractors:disclose", "contractors:looks"


class FirmNotFound(NotFound):
    """404: no such firm, or not visible."""

    code = "firm_not_found"
    zh, en = "合作单位不存在,或您无权查看。", "The firm does not exist, or you may not see it."


class ContractNotFound(NotFound):
    """404: no such contract, or not visible."""

    code = "contract_not_found"
    zh, en = "施工合同不存在,或您无权查看。", "The contract does not exist, or you may not see it."


class TeamNotFound(NotFound):
    """404: no such team, or not visible."""

    code = "team_not_found"
    zh, en = "维修队不存在,或您无权查看。", "The repair team does not exist, or you may not see it."


class WorkerNotFound(NotFound):
    """404: no such worker, or not visible."""

    code = "worker_not_found"
    zh, en = "维修人员不存在,或您无权查看。", "The repair worker does not exist, or you may not see it."


class FirmInactive(Conflict):
    """409: a firm we no longer work with gets no new contracts, projects or teams."""

    code = "firm_inactive"
    zh, en = "该合作单位已停用。", "The firm is no longer active."


class PartnerNameTaken(Conflict):
    """409: the name, credit code or number is in use already."""

    code = "partner_name_taken"
    zh = "名称、统一社会信用代码或合同编号已被占用。"
    en = "That name, credit code or contract number is in use already."


class WrongFirmKind(Invalid):
    """422: contracts are with contractors; teams and service areas are of property companies."""

    code = "wrong_firm_kind"
    zh = "合作单位类型不符:施工合同须为施工单位,维修队与服务项目须为物业公司。"
    en = "The firm is of the wrong kind: contracts are with contractors, teams belong to property companies."
    rules = ("ORG-23", "REP-09")

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/firm_id", self.code, self.zh, self.en),))


async def ensure_visible(connection: Connection, *, firm_id: UUID, principal: Principal, scope: str = READ) -> None:
    """Raise `FirmNotFound` unless the caller may see a firm."""
    if not await repository.sees_firm(connection, firm_id=firm_id, principal=principal, scope=scope):
        raise FirmNotFound


async def contract_for(
    connection: Connection, *, project_id: UUID, building_part: BuildingPart
) -> tuple[Any, int] | None:
    """Return (contract row with `firm_id`, `firm_name`, `accepted_on`, …; its warranty months for the part), or None.

    Where several contracts of a project cover the part, the one accepted last counts.
    """
    row = await repository.contract_for(connection, project_id=project_id, building_part=building_part)
    return None if row is None else (row, int(row.months))


async def contract(connection: Connection, *, contract_id: UUID) -> Any:
    """Return a contract's row whoever asks; raises `ContractNotFound`."""
    row = await repository.contract(connection, contract_id=contract_id)
    if row is None:
        raise ContractNotFound
    return row


async def team(connection: Connection, *, team_id: UUID) -> Any:
    """Return a team's row with `firm_id`, `captain_id`, `project_ids`, whoever asks; raises `TeamNotFound`."""
    row = await repository.team(connection, team_id=team_id)
    if row is None:
        raise TeamNotFound
    return row


async def teams_serving(connection: Connection, *, project_id: UUID) -> Sequence[Any]:
    """Return the active teams that serve a project, oldest first."""
    rows: Sequence[Any] = await repository.teams_serving(connection, project_id=project_id)
    return rows


async def team_for(connection: Connection, *, project_id: UUID) -> Any | None:
    """Return the team that serves a project; the oldest where there are several, None where there is none."""
    rows = await teams_serving(connection, project_id=project_id)
    return rows[0] if rows else None


async def workers_of(connection: Connection, *, team_id: UUID) -> Sequence[Any]:
    """Return a team's workers, active or not, oldest first."""
    rows: Sequence[Any] = await repository.workers_of(connection, team_id=team_id)
    return rows


async def workers_with(
    connection: Connection,
    *,
    trades: Collection[Trade],
    project_id: UUID | None = None,
    team_id: UUID | None = None,
    skill_level_min: int = 1,
) -> Sequence[Any]:
    """Return active workers who know all of the trades, the most skilled first; for a project or team where named."""
    rows: Sequence[Any] = await repository.workers_with(
        connection, trades=trades, project_id=project_id, team_id=team_id, skill_level=skill_level_min
    )
    return rows


async def property_company_for(connection: Connection, *, project_id: UUID) -> Any | None:
    """Return the property company that serves a project; the oldest where there are several, or None."""
    rows = await repository.property_companies(connection, project_id=project_id)
    return rows[0] if rows else None


async def projects_of_firms(connection: Connection, firm_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return the projects that firms serve or have built; the property room's hook asks it."""
    return await repository.projects_of_firms(connection, firm_ids)


async def hold_account(session: AsyncSession, *, firm_id: UUID) -> None:
    """Keep a firm's bank account as it is until the transaction ends: who pays to it calls this first."""
    await session.execute(select(Firm.id).where(Firm.id == firm_id).with_for_update(read=True))


async def account_of(connection: Connection, *, firm_id: UUID) -> Any:
    """Return a firm's `bank_name`, `bank_account_holder` and `bank_account_masked`; None where nothing is on record."""
    columns: list[Any] = [Firm.bank_name, Firm.bank_account_holder, Firm.bank_account_masked]
    return (await connection.execute(select(*columns).where(Firm.id == firm_id))).one()


async def account_change_in_force(connection: Connection, *, firm_id: UUID) -> UUID | None:
    """Return a firm's latest confirmed change of bank account; None where there was none."""
    return await repository.account_change_in_force(connection, firm_id=firm_id)
