"""Use cases: a roster is uploaded, confirmed, cancelled (OWN-01, OWN-04, OWN-12)."""

import asyncio
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core import jobs
from ownercare_api.core.errors import Conflict, FieldError, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.exchange import keeping, steps, tables
from ownercare_api.exchange.lifecycle import IMPORT, IMPORTS, ImportMode, ImportStatus, RosterKind
from ownercare_api.exchange.models import ExchangeFile, ExchangePurpose, RosterImport
from ownercare_api.exchange.requesters import require_person
from ownercare_api.exchange.vault import Vault
from ownercare_api.files.service import UnknownProject
from ownercare_api.identity.principal import Principal
from ownercare_api.owners.service import WRITE as OWNERS_WRITE
from ownercare_api.properties.models import Project
from ownercare_api.properties.service import WRITE as PROPERTIES_WRITE

CHECK, APPLY = "exchange.check_import", "exchange.apply_import"
WRITES = {RosterKind.OWNERS: OWNERS_WRITE, RosterKind.UNITS: PROPERTIES_WRITE}
"""What the person must be allowed to do by hand to do it by roster."""


class ImportNotFound(NotFound):
    """404: no such import, or not visible."""

    code = "import_not_found"
    zh, en = "导入任务不存在,或您无权查看。", "The import does not exist, or you may not see it."


class NothingToImport(Conflict):
    """409: no row of the roster brings anything new."""

    code = "nothing_to_import"
    zh, en = "名册中没有可导入的新内容。", "No row of the roster brings anything new."
    rules = ("OWN-04",)


async def upload(
    session: AsyncSession,
    *,
    content: BinaryIO,
    name: str,
    kind: RosterKind,
    mode: ImportMode,
    dry_run: bool,
    project_id: UUID,
    vault: Vault,
    principal: Principal,
    now: datetime,
) -> RosterImport:
    """Take a roster in and queue its check. A file that is unsafe or of another type is refused before it is kept.

    Raises `PersonsOnly`, `UnknownProject`, `OutOfReach`, `RosterRefused`, `WrongRosterType`.
    """
    require_person(principal)
    principal.require(IMPORT, project_id=project_id)
    principal.require(WRITES[kind], project_id=project_id)
    if await session.get(Project, project_id) is None:
        fault = FieldError("#/project_id", UnknownProject.code, UnknownProject.zh, UnknownProject.en)
        raise UnknownProject(errors=(fault,))
    await asyncio.to_thread(tables.inspect, content, scratch=vault.scratch)
    file = await keeping.keep(
        session,
        vault=vault,
        content=content,
        purpose=ExchangePurpose.UPLOAD,
        name=name,
        media_type=keeping.XLSX if name.endswith(".xlsx") else keeping.CSV,
        now=now,
    )
    twin = (
        select(RosterImport.id)
        .join(ExchangeFile, ExchangeFile.id == RosterImport.file_id)
        .where(
            ExchangeFile.sha256 == file.sha256,
            RosterImport.kind == kind,
            RosterImport.project_id == project_id,
            RosterImport.status == ImportStatus.DONE,
            RosterImport.dry_run.is_(False),
        )
        .order_by(RosterImport.id.desc())
        .limit(1)
    )
    made = RosterImport(
        id=uuid7(),
        kind=kind,
        mode=mode,
        dry_run=dry_run,
        project_id=project_id,
        status=IMPORTS.initial,
        file_id=file.id,
        same_file_as=await session.scalar(twin),
        requested_by=principal.id,
        requested_by_name=principal.name,
        counts={},
        unknown_columns=[],
    )
    session.add(made)
    await session.flush()
    made.check_job_id = await steps.queue(session, made, kind=CHECK, requester_id=principal.id, now=now)
    await session.flush()
    data: dict[str, Any] = {"kind": kind.value, "mode": mode.value, "dry_run": dry_run, "sha256": file.sha256}
    await steps.record(session, made, step="uploaded", actor=principal, now=now, data=data)
    return made


async def confirm(session: AsyncSession, *, import_id: UUID, principal: Principal, now: datetime) -> RosterImport:
    """Let a checked roster be taken over; of two confirmations at once the second is refused.

    Raises `ImportNotFound`, `OutOfReach`, `WrongStatus`, `NothingToImport`.
    """
    found = await _locked(session, import_id=import_id, principal=principal)
    principal.require(WRITES[found.kind], project_id=found.project_id)
    target = IMPORTS.check("confirmation", status=found.status, subject=found, actor=principal)
    if not found.counts.get("valid"):
        raise NothingToImport
    found.status, found.confirmed_by, found.updated_at = target, principal.id, now
    found.apply_job_id = await steps.queue(session, found, kind=APPLY, requester_id=principal.id, now=now)
    await session.flush()
    await steps.record(session, found, step="confirmed", actor=principal, now=now)
    return found


async def cancel(session: AsyncSession, *, import_id: UUID, principal: Principal, now: datetime) -> RosterImport:
    """Give an import up. One that is being taken over is asked to stop: all-or-nothing leaves nothing behind, otherwise
    the rows done so far stay. Raises `ImportNotFound`, `OutOfReach`, `WrongStatus`."""
    found = await get(session, import_id=import_id, principal=principal)
    principal.require(IMPORT, project_id=found.project_id)
    if found.status is ImportStatus.APPLYING and found.apply_job_id is not None:
        # Not locked: the worker holds the row for as long as an all-or-nothing import lasts.
        await jobs.cancel(session, job_id=found.apply_job_id, now=now)
        return found
    found = await _locked(session, import_id=import_id, principal=principal)
    found.status = IMPORTS.check("cancellation", status=found.status, subject=found, actor=principal)
    found.finished_at = found.updated_at = now
    if found.check_job_id is not None:
        await jobs.cancel(session, job_id=found.check_job_id, now=now)
    await session.flush()
    await steps.record(session, found, step="cancelled", actor=principal, now=now)
    return found


async def get(session: AsyncSession, *, import_id: UUID, principal: Principal, lock: bool = False) -> RosterImport:
    """Return an import that the caller may see; raises `ImportNotFound`."""
    query = select(RosterImport).where(RosterImport.id == import_id).execution_options(populate_existing=True)
    found = await session.scalar(query.with_for_update(key_share=True) if lock else query)
    if found is None or not principal.may(IMPORT, project_id=found.project_id):
        raise ImportNotFound
    return found


async def _locked(session: AsyncSession, *, import_id: UUID, principal: Principal) -> RosterImport:
    return await get(session, import_id=import_id, principal=principal, lock=True)
