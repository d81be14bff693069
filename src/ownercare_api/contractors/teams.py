"""Use cases: repair teams with captain, service area and workers (ORG-23, REP-14)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.contractors.firms import projects_exist
from ownercare_api.contractors.models import Firm, FirmKind, FirmProject, RepairTeam, RepairTeamProject, RepairWorker
from ownercare_api.contractors.service import (
    READ,
    WRITE,
    FirmInactive,
    FirmNotFound,
    PartnerNameTaken,
    TeamNotFound,
    WorkerNotFound,
    WrongFirmKind,
)
from ownercare_api.core.errors import FieldError, Invalid
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.models import Account
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.properties.parts import Trade
from ownercare_api.timeline import service as timeline


class NotOfFirm(Invalid):
    """422: captain and workers with a login are people of the team's firm, with an open account."""

    code = "not_of_firm"
    zh, en = "该账号不属于此物业公司,或已停用。", "That account is not of this firm, or is disabled."
    rules = ("ORG-23",)

    def __init__(self, pointer: str) -> None:
        super().__init__(errors=(FieldError(pointer, self.code, self.zh, self.en),))


class FirmNotServing(Invalid):
    """422: a team works only where its property company serves."""

    code = "firm_not_serving"
    zh, en = "该物业公司未服务于所选项目。", "The property company does not serve one of these projects."
    rules = ("ORG-23",)

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/project_ids", self.code, self.zh, self.en),))


async def form(
    session: AsyncSession,
    *,
    firm_id: UUID,
    name: str,
    captain_id: UUID,
    project_ids: Sequence[UUID],
    principal: Principal,
    now: datetime,
) -> RepairTeam:
    """Form a team under a property company; the caller must reach all of its projects.

    Raises `ProjectNotFound`, `OutOfReach`, `FirmNotFound`, `WrongFirmKind`, `FirmInactive`, `NotOfFirm`,
    `FirmNotServing`, `PartnerNameTaken`.
    """
    await projects_exist(session, project_ids=project_ids)
    for project_id in project_ids:
        principal.require(WRITE, project_id=project_id)
    # The firm's row keeps its service area still until this team stands on it.
    firm = await session.get(Firm, firm_id, with_for_update=True, populate_existing=True)
    if firm is None:
        raise FirmNotFound
    if firm.kind is not FirmKind.PROPERTY_COMPANY:
        raise WrongFirmKind
    if not firm.active:
        raise FirmInactive
    await _of_firm(session, account_id=captain_id, firm_id=firm_id, pointer="#/captain_id")
    served = set(await session.scalars(select(FirmProject.project_id).where(FirmProject.firm_id == firm_id)))
    if not set(project_ids) <= served:
        raise FirmNotServing
    if await session.scalar(select(RepairTeam.id).where(RepairTeam.name == name)) is not None:
        raise PartnerNameTaken
    team = RepairTeam(id=uuid7(), firm_id=firm_id, name=name, captain_id=captain_id, active=True)
    session.add(team)
    await session.flush()
    session.add_all(RepairTeamProject(team_id=team.id, project_id=project_id) for project_id in project_ids)
    await session.flush()
    await timeline.record(
        session,
        kind="repair_team.formed",
        subject_kind="repair_team",
        subject_id=team.id,
        actor=principal,
        now=now,
        project_id=project_ids[0] if len(project_ids) == 1 else None,
        firm_id=firm_id,
        rules=("ORG-23",),
        data={"captain_id": str(captain_id), "project_ids": [str(one) for one in project_ids]},
    )
    return team


async def hire(
    session: AsyncSession,
    *,
    team_id: UUID,
    account_id: UUID | None,
    name: str,
    trades: Sequence[Trade],
    skill_level: int,
    experience_years: int,
    principal: Principal,
    now: datetime,
) -> RepairWorker:
    """Enter a repairer of a team; raises `TeamNotFound`, `OutOfReach`, `NotOfFirm`."""
    team = await session.get(RepairTeam, team_id)
    if team is None:
        raise TeamNotFound
    await _team_in_reach(session, team=team, principal=principal, missing=TeamNotFound)
    if account_id is not None:
        await _of_firm(session, account_id=account_id, firm_id=team.firm_id, pointer="#/account_id")
    worker = RepairWorker(
        id=uuid7(),
        team_id=team_id,
        account_id=account_id,
        name=name,
        trades=[trade.value for trade in trades],
        skill_level=skill_level,
        experience_years=experience_years,
        active=True,
    )
    session.add(worker)
    await session.flush()
    await _record(
        session, worker=worker, team=team, kind="repair_worker.hired", fields=[], principal=principal, now=now
    )
    return worker


async def worker_for_change(session: AsyncSession, *, worker_id: UUID, principal: Principal) -> RepairWorker:
    """Return a repairer locked for change; raises `WorkerNotFound`, `OutOfReach`."""
    worker = await session.get(RepairWorker, worker_id, with_for_update=True, populate_existing=True)
    if worker is None:
        raise WorkerNotFound
    team = await session.get_one(RepairTeam, worker.team_id)
    await _team_in_reach(session, team=team, principal=principal, missing=WorkerNotFound)
    return worker


async def update_worker(
    session: AsyncSession, *, worker: RepairWorker, changes: Mapping[str, Any], principal: Principal, now: datetime
) -> None:
    """Change plain fields of a repairer that the caller locked."""
    given = {
        name: [Trade(one).value for one in value] if name == "trades" else value for name, value in changes.items()
    }
    changed = {name: value for name, value in given.items() if getattr(worker, name) != value}
    if not changed:
        return
    for name, value in changed.items():
        setattr(worker, name, value)
    worker.updated_at = now
    await session.flush()
    team = await session.get_one(RepairTeam, worker.team_id)
    await _record(
        session, worker=worker, team=team, kind="repair_worker.updated", fields=sorted(changed), principal=principal,
        now=now,
    )  # fmt: skip


async def _team_in_reach(
    session: AsyncSession, *, team: RepairTeam, principal: Principal, missing: type[TeamNotFound | WorkerNotFound]
) -> None:
    places = await session.scalars(select(RepairTeamProject.project_id).where(RepairTeamProject.team_id == team.id))
    projects = [*places, None]  # a team without projects is a matter of the whole company
    if any(principal.may(WRITE, project_id=one) for one in projects):
        return
    if not any(principal.may(READ, project_id=one, firm_ids=[team.firm_id]) for one in projects):
        raise missing
    raise OutOfReach


async def _of_firm(session: AsyncSession, *, account_id: UUID, firm_id: UUID, pointer: str) -> None:
    found = select(Account.id).where(
        Account.id == account_id, Account.firm_id == firm_id, Account.disabled_at.is_(None)
    )
    if await session.scalar(found) is None:
        raise NotOfFirm(pointer)


async def _record(
    session: AsyncSession,
    *,
    worker: RepairWorker,
    team: RepairTeam,
    kind: str,
    fields: list[str],
    principal: Principal,
    now: datetime,
) -> None:
    await timeline.record(
        session,
        kind=kind,
        subject_kind="repair_worker",
        subject_id=worker.id,
        actor=principal,
        now=now,
        firm_id=team.firm_id,
        rules=("REP-14",),
        data={"team_id": str(team.id), "trades": list(worker.trades), "fields": fields},
    )
