"""Use cases: partner firms and the projects that property companies serve."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from ownercare_api.contractors import sealing
from ownercare_api.contractors.models import Firm, FirmKind, FirmProject, RepairTeam, RepairTeamProject
from ownercare_api.contractors.sealing import sealed_phone
from ownercare_api.contractors.service import WRITE, FirmNotFound, PartnerNameTaken, WrongFirmKind
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.errors import Conflict
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.properties.models import Project
from ownercare_api.properties.service import ProjectNotFound
from ownercare_api.timeline import service as timeline


class StillServed(Conflict):
    """409: a team of the firm works in a project that would be taken away."""

    code = "project_still_served"
    zh = "该物业公司仍有维修队服务于被移除的项目。"
    en = "A repair team of the firm still serves a project that would be removed."
    rules = ("ORG-23",)


async def register(
    session: AsyncSession,
    *,
    kind: FirmKind,
    name: str,
    uscc: str,
    contact_name: str,
    contact_phone: str,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> Firm:
    """Enter a partner firm. Firms are of the whole company: raises `OutOfReach` for less, and `PartnerNameTaken`.

    Its bank account comes afterwards, by two people: see `bank_accounts`.
    """
    principal.require(WRITE, project_id=None)
    await _free(session, or_(Firm.name == name, Firm.uscc == uscc))
    firm = Firm(
        id=uuid7(),
        kind=kind,
        name=name,
        uscc=uscc,
        contact_name=contact_name,
        contact_phone_set_at=now,
        active=True,
        **sealed_phone(keyring, contact_phone),
    )
    session.add(firm)
    await session.flush()
    await _record(session, firm=firm, kind="firm.registered", data={"kind": kind.value}, principal=principal, now=now)
    return firm


async def for_change(session: AsyncSession, *, firm_id: UUID, principal: Principal) -> Firm:
    """Return a firm locked for change; raises `FirmNotFound`, `OutOfReach`."""
    firm = await session.get(Firm, firm_id, with_for_update=True, populate_existing=True)
    if firm is None or (principal.firm_id is not None and principal.firm_id != firm_id):
        raise FirmNotFound
    principal.require(WRITE, project_id=None)
    return firm


async def update(
    session: AsyncSession,
    *,
    firm: Firm,
    changes: Mapping[str, Any],
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> None:
    """Change plain fields of a firm that the caller locked; raises `PartnerNameTaken`."""
    present = _present(firm, keyring=keyring)
    changed = {name: value for name, value in changes.items() if present[name] != value}
    if not changed:
        return
    if "name" in changed:
        await _free(session, Firm.name == changed["name"])
    for name, value in changed.items():
        columns = sealed_phone(keyring, value) if name == "contact_phone" else {name: value}
        for column, stored in columns.items():
            setattr(firm, column, stored)
    if "contact_phone" in changed:
        firm.contact_phone_set_at = now
    firm.updated_at = now
    await session.flush()
    data = {"fields": sorted(changed)}
    await _record(session, firm=firm, kind="firm.updated", data=data, principal=principal, now=now)


def _present(firm: Firm, *, keyring: Keyring) -> dict[str, Any]:
    return {
        "name": firm.name,
        "contact_name": firm.contact_name,
        "contact_phone": keyring.decrypt(bytes(firm.contact_phone_encrypted), column=sealing.PHONE),
        "active": firm.active,
    }


async def serve(
    session: AsyncSession, *, firm: Firm, project_ids: Collection[UUID], principal: Principal, now: datetime
) -> None:
    """Set all projects that a property company, locked by the caller, serves.

    Raises `WrongFirmKind`, `ProjectNotFound`, and `StillServed` where a team would lose its ground.
    """
    if firm.kind is not FirmKind.PROPERTY_COMPANY:
        raise WrongFirmKind
    wanted = set(project_ids)
    await projects_exist(session, project_ids=wanted)
    served = set(await session.scalars(select(FirmProject.project_id).where(FirmProject.firm_id == firm.id)))
    gone = served - wanted
    teams = (
        select(RepairTeam.id)
        .join(RepairTeamProject, RepairTeamProject.team_id == RepairTeam.id)
        .where(RepairTeam.firm_id == firm.id, RepairTeam.active, RepairTeamProject.project_id.in_(list(gone)))
        .limit(1)
    )
    if gone and await session.scalar(teams) is not None:
        raise StillServed
    await session.execute(
        delete(FirmProject).where(FirmProject.firm_id == firm.id, FirmProject.project_id.in_(list(gone)))
    )
    session.add_all(FirmProject(firm_id=firm.id, project_id=one) for one in sorted(wanted - served))
    firm.updated_at = now
    flag_modified(firm, "updated_at")  # the version rises though only rows beside the firm change
    await session.flush()
    data = {"added": sorted(map(str, wanted - served)), "removed": sorted(map(str, gone))}
    await _record(session, firm=firm, kind="firm.projects_set", data=data, principal=principal, now=now)


async def projects_exist(session: AsyncSession, *, project_ids: Collection[UUID]) -> None:
    """Raise `ProjectNotFound` unless all projects exist."""
    found = set(await session.scalars(select(Project.id).where(Project.id.in_(list(project_ids)))))
    if found != set(project_ids):
        raise ProjectNotFound


async def _free(session: AsyncSession, taken: ColumnElement[bool]) -> None:
    if await session.scalar(select(Firm.id).where(taken).limit(1)) is not None:
        raise PartnerNameTaken


async def _record(
    session: AsyncSession, *, firm: Firm, kind: str, data: dict[str, Any], principal: Principal, now: datetime
) -> None:
    await timeline.record(
        session,
        kind=kind,
        subject_kind="firm",
        subject_id=firm.id,
        actor=principal,
        now=now,
        firm_id=firm.id,
        data=data,
    )
