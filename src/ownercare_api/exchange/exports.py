"""Use cases: an export is asked for, decided on, cancelled, handed out (OWN-07, OWN-08)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core import jobs
from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.exchange import export_rows, steps
from ownercare_api.exchange.lifecycle import (
    APPROVE,
    EXPORT,
    EXPORTS,
    ExportFormat,
    ExportKind,
    ExportStatus,
)
from ownercare_api.exchange.models import ExchangeFile, RosterExport
from ownercare_api.exchange.requesters import require_person
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import looks, restriction
from ownercare_api.owners.looks import Look
from ownercare_api.owners.service import DISCLOSE
from ownercare_api.owners.service import READ as OWNERS_READ
from ownercare_api.policies import service as policies
from ownercare_api.properties.service import READ as PROPERTIES_READ

MAKE = "exchange.make_export"
READS = {
    ExportKind.OWNERS: OWNERS_READ,
    ExportKind.UNITS: PROPERTIES_READ,
    ExportKind.TICKETS: "tickets:read",
}
"""What the person must be allowed to look at to take it away."""
MAX_ROWS = 100_000
_CAP, _QUOTA = "privacy.export_row_cap", "privacy.unmask_per_hour"
_DAY = timedelta(hours=24)
_COUNTED = (ExportStatus.QUEUED, ExportStatus.READY, ExportStatus.EXPIRED)


class ExportNotFound(NotFound):
    """404: no such export, or not visible."""

    code = "export_not_found"
    zh, en = "导出任务不存在,或您无权查看。", "The export does not exist, or you may not see it."


class OwnExport(Forbidden):
    """403: nobody approves an export of his own, nor one asked for with authority that he lent."""

    code = "own_export"
    zh = "不得审批本人申请的导出,也不得审批以本人授权提出的导出。"
    en = "Nobody approves an export of his own, or one asked for with authority he lent."
    rules = ("OWN-07", "ORG-10")


class ExportTooLarge(Invalid):
    """422: a file holds at most 100,000 rows; narrow the filters."""

    code = "export_too_large"
    zh, en = "导出行数超过 10 万,请缩小范围。", "More than 100,000 rows; narrow the filters."


class ExportEmpty(Invalid):
    """422: nothing fits the filters."""

    code = "export_empty"
    zh, en = "没有符合条件的数据。", "Nothing fits the filters."


class ExportNotReady(Conflict):
    """409: the file has not been made, or never will be."""

    code = "export_not_ready"
    zh, en = "导出文件尚未生成。", "The file has not been made."


class ExportExpired(Conflict):
    """409: the file's 24 hours are over; ask for a new one."""

    code = "export_expired"
    zh, en = "导出文件已超过 24 小时有效期,请重新申请。", "The file's 24 hours are over; ask for a new one."
    rules = ("OWN-07",)


class ExportOutdated(Conflict):
    """409: somebody in the file had his data erased or restricted since it was made; ask for a new one."""

    code = "export_outdated"
    zh = "文件生成后,其中有业主的个人信息被限制处理或删除,请重新申请导出。"
    en = "Since the file was made, an owner in it had his data erased or restricted; ask for a new one."
    rules = ("OWN-07",)


class UnknownColumn(Invalid):
    """422: a column that this kind of export does not have."""

    code = "export_column_unknown"
    zh, en = "所选列不存在;可选:{columns}。", "There is no such column; there are: {columns}."


async def request(
    session: AsyncSession,
    *,
    kind: ExportKind,
    format: ExportFormat,  # noqa: A002 - the field's name
    project_id: UUID,
    filters: Mapping[str, Any],
    columns: Sequence[str] | None,
    clear_values: bool,
    purpose: str,
    principal: Principal,
    now: datetime,
) -> RosterExport:
    """Ask for a file. Above the cap, which counts what the person exported in the last 24 hours, it waits for a second
    person; with clear values the cap is also the hour's quota of looks.

    Raises `PersonsOnly`, `OutOfReach`, `UnknownColumn`, `ExportEmpty`, `ExportTooLarge`, `NoPolicy`.
    """
    require_person(principal)
    require(principal, kind=kind, project_id=project_id, clear_values=clear_values)
    chosen = _chosen(kind, columns)
    query = export_rows.query(kind, project_id=project_id, filters=filters, today=business_date(now))
    expected = await export_rows.count(session, query, most=MAX_ROWS + 1)
    if expected == 0:
        raise ExportEmpty
    if expected > MAX_ROWS:
        raise ExportTooLarge
    snapshot = await policies.in_force(session, project_id=project_id, at=now)
    cap = snapshot.integer(_CAP)
    if clear_values:
        cap = min(cap, snapshot.integer(_QUOTA))
    made = RosterExport(
        id=uuid7(),
        kind=kind,
        format=format,
        project_id=project_id,
        filters=dict(filters),
        columns=list(chosen),
        clear_values=clear_values,
        purpose=purpose,
        status=EXPORTS.initial,
        requested_by=principal.id,
        requested_by_name=principal.name,
        makers=sorted(principal.acting(EXPORT, project_id=project_id)),
        requested_at=now,
        rows_expected=expected,
        row_cap=cap,
    )
    session.add(made)
    await session.flush()
    if await over_the_cap(session, made, rows=expected, now=now):
        made.status = EXPORTS.check("referral", status=made.status, subject=made, actor=principal)
    else:
        made.job_id = await steps.queue(session, made, kind=MAKE, requester_id=made.requested_by, now=now)
    await session.flush()
    data = {"kind": kind.value, "rows": expected, "clear_values": clear_values, "waits": made.job_id is None}
    await steps.record(session, made, step="requested", actor=principal, now=now, data=data)
    return made


async def over_the_cap(session: AsyncSession, made: RosterExport, *, rows: int, now: datetime) -> bool:
    """Say whether so many rows need a second person: a large export cut into small ones is a large one."""
    # One at a time for each person: two at once would both see the last free rows.
    lock = int.from_bytes(made.requested_by.bytes[8:], signed=True)
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("export_cap"), func.hashtext(str(lock)))))
    table = RosterExport.__table__.c
    before = select(func.coalesce(func.sum(func.coalesce(table.rows, table.rows_expected)), 0)).where(
        table.requested_by == made.requested_by,
        table.id != made.id,
        table.kind == made.kind,
        table.requested_at > now - _DAY,
        table.status.in_(_COUNTED),
        table.decided_by.is_(None),
    )
    return rows + int(await session.scalar(before) or 0) > made.row_cap


async def decide(
    session: AsyncSession, *, export_id: UUID, approve: bool, reason: str, principal: Principal, now: datetime
) -> RosterExport:
    """Approve an export, which is then made, or reject it.

    Raises `ExportNotFound`, `OutOfReach`, `OwnExport`, `WrongStatus`.
    """
    found = await get(session, export_id=export_id, principal=principal, lock=True)
    principal.require(APPROVE, project_id=found.project_id)
    target = EXPORTS.check("decision" if approve else "rejection", status=found.status, subject=found, actor=principal)
    acting = principal.acting(APPROVE, project_id=found.project_id)
    if not acting.isdisjoint(found.makers):
        raise OwnExport
    found.status, found.updated_at = target, now
    found.decided_by, found.decided_by_name = principal.id, principal.name
    found.decision_reason, found.decided_at = reason, now
    if approve:
        found.job_id = await steps.queue(session, found, kind=MAKE, requester_id=found.requested_by, now=now)
    await session.flush()
    lenders = sorted(str(one) for one in acting - {principal.id})
    data: dict[str, Any] = {"rows": found.rows_expected} | ({"on_behalf_of": lenders} if lenders else {})
    await steps.record(session, found, step="approved" if approve else "rejected", actor=principal, now=now, data=data)
    return found


async def cancel(session: AsyncSession, *, export_id: UUID, principal: Principal, now: datetime) -> RosterExport:
    """Give an export of one's own up before it is made. Raises `ExportNotFound`, `NotYourExport`, `WrongStatus`."""
    found = await get(session, export_id=export_id, principal=principal, lock=True)
    if found.requested_by != principal.id:
        raise NotYourExport
    found.status = EXPORTS.check("cancellation", status=found.status, subject=found, actor=principal)
    found.updated_at = now
    if found.job_id is not None:
        await jobs.cancel(session, job_id=found.job_id, now=now)
    await session.flush()
    await steps.record(session, found, step="cancelled", actor=principal, now=now)
    return found


class NotYourExport(Forbidden):
    """403: the file is for the person who asked for it."""

    code = "not_your_export"
    zh, en = "只有申请人本人可以取消或下载。", "Only the person who asked for it may cancel or download it."
    rules = ("OWN-07",)


async def hand_out(
    session: AsyncSession, *, export_id: UUID, principal: Principal, now: datetime
) -> tuple[RosterExport, ExchangeFile]:
    """Let the person who asked for a file download it, once more on record, in the owners' looks too (OWN-07).

    Whoever lost the reach since finds nothing. Raises `ExportNotFound`, `NotYourExport`, `ExportNotReady`,
    `ExportExpired`, `ExportOutdated`.
    """
    found = await get(session, export_id=export_id, principal=principal, lock=True)
    if found.requested_by != principal.id:
        raise NotYourExport
    if not _may(principal, kind=found.kind, project_id=found.project_id, clear_values=found.clear_values):
        raise ExportNotFound
    if found.status is ExportStatus.EXPIRED or (found.expires_at is not None and found.expires_at <= now):
        raise ExportExpired
    if found.status is not ExportStatus.READY or found.file_id is None:
        raise ExportNotReady
    file = await session.get_one(ExchangeFile, found.file_id)
    if file.key_encrypted is None:
        raise ExportExpired
    # Since it was asked for: what was restricted or erased while the file was being made may stand in it.
    if await restriction.any_changed(session, owner_ids=found.owner_ids, since=found.requested_at):
        raise ExportOutdated
    found.downloads += 1
    await session.flush()
    await steps.record(session, found, step="downloaded", actor=principal, now=now, data={"rows": found.rows})
    await looks.record(
        session, owner_ids=found.owner_ids, actor=principal, look=Look.EXPORT, now=now, purpose=found.purpose
    )
    return found, file


async def get(session: AsyncSession, *, export_id: UUID, principal: Principal, lock: bool = False) -> RosterExport:
    """Return an export that the caller may see: his own, or within the reach of who approves exports.

    Raises `ExportNotFound`.
    """
    query = select(RosterExport).where(RosterExport.id == export_id).execution_options(populate_existing=True)
    found = await session.scalar(query.with_for_update() if lock else query)
    if found is None or not visible(found, principal=principal):
        raise ExportNotFound
    return found


def visible(found: Any, *, principal: Principal) -> bool:
    """Say whether the caller may see an export."""
    own = found.requested_by == principal.id and principal.may(EXPORT, project_id=found.project_id)
    return own or principal.may(APPROVE, project_id=found.project_id)


def require(principal: Principal, *, kind: ExportKind, project_id: UUID, clear_values: bool) -> None:
    """Raise `OutOfReach` unless the caller may take this away from a project."""
    principal.require(EXPORT, project_id=project_id)
    principal.require(READS[kind], project_id=project_id)
    if clear_values:
        principal.require(DISCLOSE, project_id=project_id)


def _may(principal: Principal, *, kind: ExportKind, project_id: UUID, clear_values: bool) -> bool:
    scopes = [EXPORT, READS[kind], *([DISCLOSE] if clear_values else [])]
    return all(principal.may(scope, project_id=project_id) for scope in scopes)


def _chosen(kind: ExportKind, columns: Sequence[str] | None) -> list[str]:
    known = [column.name for column in export_rows.COLUMNS[kind]]
    if columns is None:
        return known
    if not set(columns) <= set(known):
        names = ", ".join(known)
        words = UnknownColumn.zh.format(columns=names), UnknownColumn.en.format(columns=names)
        raise UnknownColumn(columns=names, errors=(FieldError("#/columns", UnknownColumn.code, *words),))
    return [name for name in known if name in columns]
