"""Every SELECT of the exchange room that answers a request."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.jobs import Job, JobProgress, JobStatus
from ownercare_api.exchange.lifecycle import APPROVE, EXPORT, IMPORT, RowOutcome
from ownercare_api.exchange.models import ExchangeFile, RosterExport, RosterImport, RosterRow
from ownercare_api.identity.principal import Principal

Connection = AsyncConnection | AsyncSession
I = RosterImport.__table__.c  # noqa: E741 - the table's columns, as elsewhere
E = RosterExport.__table__.c
R = RosterRow.__table__.c


def _among(column: Any, principal: Principal, scope: str) -> ColumnElement[bool]:
    reach = principal.reach(scope)
    return literal(True) if reach.everywhere else column.in_(list(reach.projects))


def imports(*, principal: Principal, filters: Mapping[str, Any]) -> Select[Any]:
    """Return the query of the visible imports, with the file's name and the progress of the latest job."""
    latest = func.coalesce(I.apply_job_id, I.check_job_id)
    columns: list[Any] = [
        *I,
        ExchangeFile.name.label("file_name"),
        ExchangeFile.sha256,
        Job.status.label("job_status"),
        JobProgress.done.label("progress_done"),
        JobProgress.total.label("progress_total"),
    ]
    query: Select[Any] = (
        select(*columns)
        .join(ExchangeFile, ExchangeFile.id == I.file_id)
        .outerjoin(Job, and_(Job.id == latest, Job.status.in_([JobStatus.QUEUED, JobStatus.RUNNING])))
        .outerjoin(JobProgress, JobProgress.job_id == Job.id)
        .where(_among(I.project_id, principal, IMPORT))
    )
    for name, value in filters.items():
        query = query.where(I[name] == value)
    return query


async def one_import(connection: Connection, *, import_id: UUID, principal: Principal) -> Any:
    """Return a visible import, or None."""
    query = imports(principal=principal, filters={}).where(I.id == import_id)
    return (await connection.execute(query)).one_or_none()


async def rows(
    connection: Connection, *, import_id: UUID, outcome: RowOutcome | None, after: int | None, limit: int
) -> Any:
    """Return up to `limit + 1` rows of an import in the order of the file."""
    query: Select[Any] = select(R.row_number, R.outcome, R.faults, R.owner_id, R.unit_id).where(
        R.import_id == import_id
    )
    if outcome is not None:
        query = query.where(R.outcome == outcome)
    if after is not None:
        query = query.where(R.row_number > after)
    return (await connection.execute(query.order_by(R.row_number).limit(limit + 1))).all()


def counted_rows(*, import_id: UUID, outcome: RowOutcome | None) -> Select[Any]:
    """Return the query to count the rows of an import."""
    query: Select[Any] = select(R.row_number).where(R.import_id == import_id)
    return query if outcome is None else query.where(R.outcome == outcome)


_EXPORT: list[Any] = [column for column in E if column.name not in ("owner_ids", "makers")]


def exports(*, principal: Principal, filters: Mapping[str, Any]) -> Select[Any]:
    """Return the query of the visible exports: one's own, and those that one may approve."""
    own = and_(E.requested_by == principal.id, _among(E.project_id, principal, EXPORT))
    ways = [own] if APPROVE not in principal.scopes else [own, _among(E.project_id, principal, APPROVE)]
    query: Select[Any] = select(*_EXPORT).where(or_(*ways))
    for name, value in filters.items():
        query = query.where(E[name] == value)
    return query


async def one_export(connection: Connection, *, export_id: UUID, principal: Principal) -> Any:
    """Return a visible export, or None."""
    query = exports(principal=principal, filters={}).where(E.id == export_id)
    return (await connection.execute(query)).one_or_none()
