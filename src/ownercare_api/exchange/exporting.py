"""An export is made: rows read in pieces with the requester's present reach, written, encrypted, kept for a day."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import SHANGHAI, business_date
from ownercare_api.core.errors import DomainError
from ownercare_api.core.jobs import Run
from ownercare_api.exchange import export_rows, exports, keeping, requesters, steps
from ownercare_api.exchange.checking import Desk
from ownercare_api.exchange.export_rows import Show
from ownercare_api.exchange.lifecycle import EXPORTS, ExportFormat, ExportStatus
from ownercare_api.exchange.models import ExchangeFile, ExchangePurpose, RosterExport
from ownercare_api.exchange.sheets import SeparatedWriter, WorkbookWriter, Writer
from ownercare_api.identity.principal import SYSTEM


async def make(run: Run, args: Mapping[str, Any], now: datetime, *, desk: Desk) -> None:
    """Make the file of an export; one that was made already stays."""
    export_id = UUID(args["export_id"])
    run.result = {"href": f"/v1/exports/{export_id}"}
    async with run.database.session() as session:
        found = await _lock(session, export_id=export_id)
        if found.status is not ExportStatus.QUEUED:
            return
        if not await _still_allowed(session, found, desk=desk, now=now):
            await _fail(session, found, cause="authority_lost", now=now)
        elif found.decided_by is None and await exports.over_the_cap(
            session, found, rows=await _count(session, found, now=now), now=now
        ):
            # It grew since it was asked for: now a second person decides.
            found.status = EXPORTS.check("referral", status=found.status, subject=found, actor=SYSTEM)
            found.job_id, found.updated_at = None, now
            await session.flush()
            await steps.record(session, found, step="referred", actor=SYSTEM, now=now)
        else:
            file = await _file(run, session, found, desk=desk, now=now)
            run.result_file_id = file.id
        await session.commit()


async def _file(run: Run, session: AsyncSession, found: RosterExport, *, desk: Desk, now: datetime) -> ExchangeFile:
    columns = [one for one in export_rows.COLUMNS[found.kind] if one.name in found.columns]
    show = Show(keyring=desk.keyring, clear=found.clear_values)
    with desk.vault.scratch() as out:
        writer = await asyncio.to_thread(
            _writer, found, out=out, desk=desk, heading=[one.zh for one in columns], now=now
        )
        query = export_rows.query(
            found.kind, project_id=found.project_id, filters=found.filters, today=business_date(now)
        )
        owners: set[UUID] = set()
        done = 0
        async for rows in export_rows.pieces(session, query, kind=found.kind):
            owners |= {row.owner_id for row in rows if getattr(row, "owner_id", None) is not None}
            await asyncio.to_thread(writer.add, [[one.value(row, show) for one in columns] for row in rows])
            done += len(rows)
            if done > exports.MAX_ROWS:
                raise exports.ExportTooLarge
            await run.progress(done=done, total=max(done, found.rows_expected))
        await asyncio.to_thread(writer.close)
        file = await keeping.keep(
            session,
            vault=desk.vault,
            content=out,
            purpose=ExchangePurpose.EXPORT,
            name=f"{export_rows.TITLES[found.kind]}-{business_date(now):%Y%m%d}.{found.format.value}",
            media_type=keeping.XLSX if found.format is ExportFormat.XLSX else keeping.CSV,
            now=now,
        )
    found.status = EXPORTS.check("completion", status=found.status, subject=found, actor=SYSTEM)
    found.file_id, found.rows, found.owner_ids = file.id, done, sorted(owners)
    found.ready_at, found.expires_at, found.updated_at = now, file.expires_at, now
    await session.flush()
    await steps.record(session, found, step="ready", actor=SYSTEM, now=now, data={"rows": done})
    return file


def _writer(found: RosterExport, *, out: BinaryIO, desk: Desk, heading: Sequence[str], now: datetime) -> Writer:
    moment = f"{now.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    mark = [
        f"导出人:{found.requested_by_name}",
        f"导出时间:{moment}",
        f"用途:{found.purpose}",
        *([] if found.decided_by_name is None else [f"批准人:{found.decided_by_name}"]),
        f"编号:{found.id}",
        "含个人信息,仅限上述用途使用,不得外传;24 小时后失效。",
    ]
    if found.format is ExportFormat.CSV:
        return SeparatedWriter(out, mark=mark, heading=heading)
    title = export_rows.TITLES[found.kind]
    return WorkbookWriter(out, folder=desk.vault.scratch_folder, title=title, mark=mark, heading=heading)


async def _count(session: AsyncSession, found: RosterExport, *, now: datetime) -> int:
    query = export_rows.query(found.kind, project_id=found.project_id, filters=found.filters, today=business_date(now))
    return await export_rows.count(session, query, most=exports.MAX_ROWS + 1)


async def _still_allowed(session: AsyncSession, found: RosterExport, *, desk: Desk, now: datetime) -> bool:
    principal = await requesters.present(session, account_id=found.requested_by, directory=desk.directory, now=now)
    if principal is None:
        return False
    try:
        exports.require(principal, kind=found.kind, project_id=found.project_id, clear_values=found.clear_values)
    except DomainError:
        return False
    return True


async def expire(session: AsyncSession, args: Mapping[str, Any], now: datetime, *, desk: Desk) -> None:
    """Delete a kept file whose time is over, and say so of an export."""
    file = await keeping.expire(session, vault=desk.vault, file_id=UUID(args["file_id"]), now=now)
    if file is None or file.purpose is not ExchangePurpose.EXPORT:
        return
    found = await session.scalar(select(RosterExport).where(RosterExport.file_id == file.id).with_for_update())
    if found is not None and found.status is ExportStatus.READY:
        found.status = EXPORTS.check("expiry", status=found.status, subject=found, actor=SYSTEM)
        found.updated_at = now
        await session.flush()
        await steps.record(session, found, step="expired", actor=SYSTEM, now=now)


async def give_up(session: AsyncSession, args: Mapping[str, Any], cause: str, now: datetime) -> None:
    """End an export whose job failed for good."""
    found = await _lock(session, export_id=UUID(args["export_id"]))
    if found.status is ExportStatus.QUEUED:
        await _fail(session, found, cause=cause, now=now)


async def _fail(session: AsyncSession, found: RosterExport, *, cause: str, now: datetime) -> None:
    found.status = EXPORTS.check("failure", status=found.status, subject=found, actor=SYSTEM)
    found.failure_code, found.updated_at = cause[:100], now
    await session.flush()
    await steps.record(session, found, step="failed", actor=SYSTEM, now=now, data={"cause": cause})


async def _lock(session: AsyncSession, *, export_id: UUID) -> RosterExport:
    query = select(RosterExport).where(RosterExport.id == export_id).with_for_update(key_share=True)
    found = await session.scalar(query.execution_options(populate_existing=True))
    assert found is not None
    return found
