"""The check of a roster: every row is judged before anything is written (OWN-04)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import Database
from ownercare_api.core.jobs import Run
from ownercare_api.exchange import imports, keeping, reading, register, requesters, rowbook, steps
from ownercare_api.exchange.judging import Judge, OwnerJudge, UnitJudge
from ownercare_api.exchange.keeping import FileGone
from ownercare_api.exchange.lifecycle import IMPORT, IMPORTS, ImportMode, ImportStatus, RosterKind
from ownercare_api.exchange.models import ExchangeFile, RosterImport
from ownercare_api.exchange.reading import Reading
from ownercare_api.exchange.refusals import RosterRefused
from ownercare_api.exchange.register import Estate
from ownercare_api.exchange.vault import Vault
from ownercare_api.identity.directory import Directory
from ownercare_api.identity.principal import SYSTEM, Principal, Reach
from ownercare_api.owners import looks
from ownercare_api.owners.looks import Look
from ownercare_api.owners.service import READ

OWN_PLANS = text("SET LOCAL plan_cache_mode = 'force_custom_plan'")
"""Each piece is planned for its own thousands of keys: a plan kept from the first pieces, when the register was small,
reads the whole table once for every key."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts that the exchange room keeps in a process."""

    vault: Vault
    keyring: Keyring
    directory: Directory


async def check(run: Run, args: Mapping[str, Any], now: datetime, *, desk: Desk) -> None:
    """Judge every row of an upload; what was judged by a run that broke off is judged anew."""
    import_id = UUID(args["import_id"])
    found = await _begin(run.database, import_id=import_id, now=now)
    if found is None:
        return
    try:
        await _judge_all(run, found, desk=desk, now=now)
    except (RosterRefused, FileGone, requesters.PersonsOnly) as refusal:
        reason = refusal.reason if isinstance(refusal, RosterRefused) else "file_gone"
        await refuse(run.database, import_id=import_id, reason=reason, refusal=refusal, now=now)
    run.result = {"href": f"/v1/imports/{import_id}"}


async def _begin(database: Database, *, import_id: UUID, now: datetime) -> RosterImport | None:
    async with database.session() as session:
        found = await lock(session, import_id=import_id)
        if found.status not in (ImportStatus.UPLOADED, ImportStatus.CHECKING):
            return None
        found.status, found.updated_at = ImportStatus.CHECKING, now
        await session.commit()
        return found


async def _judge_all(run: Run, found: RosterImport, *, desk: Desk, now: datetime) -> None:
    seen: set[UUID] = set()
    async with run.database.session() as session:
        await session.execute(OWN_PLANS)
        principal = await authority(session, found, desk=desk, account_id=found.requested_by, now=now)
        rows = await open_upload(session, found, desk=desk, now=now)
        estate = await register.estate(session, project_id=found.project_id)
        judge = judge_of(found.kind, estate=estate, desk=desk, principal=principal)
        await rowbook.clear(session, import_id=found.id)
        total = 0
        while chunk := await rows.take():
            verdicts = await judge.judge(session, chunk)
            await rowbook.add(session, import_id=found.id, verdicts=verdicts)
            seen |= {met for one in verdicts for met in (one.owner_id, one.met_id) if met is not None}
            total += len(chunk)
            await run.progress(done=total, total=max(total, rows.about))
        if total == 0:
            raise RosterRefused("empty")
        await run.progress(done=total, total=total)
        await looks.record(session, owner_ids=seen, actor=principal, look=Look.IMPORT, now=now)
        await _report(session, found.id, rows=rows, total=total, desk=desk, now=now)
        await session.commit()


async def _report(
    session: AsyncSession, import_id: UUID, *, rows: Reading, total: int, desk: Desk, now: datetime
) -> None:
    found = await lock(session, import_id=import_id)
    if found.status is not ImportStatus.CHECKING:  # cancelled in the meantime
        return
    found.counts, found.row_count = await rowbook.counts(session, import_id=import_id), total
    found.unknown_columns, found.checked_at, found.updated_at = list(rows.heading.unknown), now, now
    workbook = await rowbook.keep_error_workbook(session, found, vault=desk.vault, now=now)
    found.error_file_id = None if workbook is None else workbook.id
    bad = any(found.counts.get(outcome.value) for outcome in rowbook.BAD)
    step = "report"
    if bad and found.mode is ImportMode.ALL_OR_NOTHING:
        step, found.refusal_code = "refusal", "rows_invalid"
    elif found.dry_run:
        step = "completion"
    found.status = IMPORTS.check(step, status=found.status, subject=found, actor=SYSTEM)
    if found.status is not ImportStatus.CHECKED:
        found.finished_at = now
    await session.flush()
    event = "refused" if found.status is ImportStatus.REFUSED else "checked"
    await steps.record(session, found, step=event, actor=SYSTEM, now=now, data=dict(found.counts))


async def refuse(database: Database, *, import_id: UUID, reason: str, refusal: Exception | None, now: datetime) -> None:
    """End an import whose file can't be read, or whose rows no longer fit the register."""
    where = getattr(refusal, "where", None)
    async with database.session() as session:
        found = await lock(session, import_id=import_id)
        if found.status in (ImportStatus.CHECKING, ImportStatus.APPLYING):
            found.status = IMPORTS.check("refusal", status=found.status, subject=found, actor=SYSTEM)
            found.refusal_code, found.finished_at, found.updated_at = reason, now, now
            found.refusal_column = where[1] if isinstance(where, tuple) else where
            await session.flush()
            await steps.record(session, found, step="refused", actor=SYSTEM, now=now, data={"reason": reason})
        await session.commit()


async def give_up(session: AsyncSession, args: Mapping[str, Any], cause: str, now: datetime) -> None:
    """End an import whose job failed for good."""
    found = await lock(session, import_id=UUID(args["import_id"]))
    if found.status in (ImportStatus.UPLOADED, ImportStatus.CHECKING, ImportStatus.APPLYING):
        found.status = IMPORTS.check("failure", status=found.status, subject=found, actor=SYSTEM)
        found.finished_at = found.updated_at = now
        await session.flush()
        await steps.record(session, found, step="failed", actor=SYSTEM, now=now, data={"cause": cause})


async def lock(session: AsyncSession, *, import_id: UUID) -> RosterImport:
    """Return an import, locked."""
    query = select(RosterImport).where(RosterImport.id == import_id).with_for_update(key_share=True)
    found = await session.scalar(query.execution_options(populate_existing=True))
    assert found is not None
    return found


async def authority(
    session: AsyncSession, found: RosterImport, *, desk: Desk, account_id: UUID, now: datetime
) -> Principal:
    """Return who the import acts for, with what he may do now; raises `RosterRefused` where that is gone."""
    principal = await requesters.present(session, account_id=account_id, directory=desk.directory, now=now)
    scopes = (IMPORT, imports.WRITES[found.kind])
    if principal is None or not all(principal.may(scope, project_id=found.project_id) for scope in scopes):
        raise RosterRefused("authority_lost")
    return principal


async def open_upload(session: AsyncSession, found: RosterImport, *, desk: Desk, now: datetime) -> Reading:
    """Begin to read an import's file; raises `FileGone`, `RosterRefused`."""
    file = await session.get_one(ExchangeFile, found.file_id)
    key = keeping.key_of(file, now=now)
    return await reading.begin(
        desk.vault, file_id=file.id, key_encrypted=key, kind=found.kind, today=business_date(now)
    )


def judge_of(kind: RosterKind, *, estate: Estate, desk: Desk, principal: Principal) -> Judge:
    """Return the judge of a kind of roster, who knows of the register what the person may see."""
    if kind is RosterKind.UNITS:
        return UnitJudge(estate)
    reaches = [principal.reach(scope) for scope in (READ, IMPORT)]
    reach = Reach(
        everywhere=any(one.everywhere for one in reaches),
        projects=frozenset().union(*(one.projects for one in reaches)),
    )
    return OwnerJudge(estate, keyring=desk.keyring, reach=reach)
