"""Background jobs and health over HTTP."""

import asyncio
from functools import cache
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy import ColumnElement, Select, literal, or_, select

from ownercare_api.core import jobs, migrations
from ownercare_api.core.errors import NotFound, Unavailable
from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader
from ownercare_api.core.jobs import Job, JobProgress, JobStatus
from ownercare_api.core.listing import newest_first
from ownercare_api.core.wire import Code
from ownercare_api.identity.access import Anyone
from ownercare_api.identity.declaring import lists, reads
from ownercare_api.identity.principal import Principal
from ownercare_api.operations.access import JobsRead
from ownercare_api.operations.schemas import AliveRead, JobProgressRead, JobRead, ReadyRead, SealingRead, WorkerRead
from ownercare_api.timeline import audit

router = APIRouter(prefix="/v1", tags=["operations"], route_class=OwnerCareRoute)
public = APIRouter(prefix="/health", tags=["operations"], route_class=OwnerCareRoute)

_BESIDE = ("progress", "links")
_JOB: list[Any] = [getattr(Job, name) for name in JobRead.model_fields if name not in _BESIDE]
_PROGRESS: list[Any] = [
    JobProgress.unit, JobProgress.done, JobProgress.total, JobProgress.cancel_requested_at.is_not(None).label("cancel"),
]  # fmt: skip
_PATIENCE_SECONDS = 3


class JobNotFound(NotFound):
    """404: no such job; finished ones are kept for thirty days."""

    code = "job_not_found"
    zh, en = "后台任务不存在,已结束的任务保留三十天。", "There is no such job; finished ones are kept for thirty days."


class NotReady(Unavailable):
    """503: the database is away, or its tables are not those of this version."""

    code = "not_ready"
    zh, en = "服务尚未就绪:{reason}。", "Not ready: {reason}."


@router.get(
    "/jobs",
    **lists("jobs_list", "Background jobs, newest first (后台任务)", rules=("ORG-28",), model=PageOf[JobRead]),
)
async def jobs_list(
    principal: JobsRead,
    reader: Reader,
    paging: PageParams,
    status: Annotated[JobStatus | None, Query(description="where it stands (状态)")] = None,
    kind: Annotated[Code | None, Query(description="what it does (任务种类)")] = None,
) -> Response:
    """What the worker has to do, did, and failed at; without what a job works on, so that nobody sees into a project
    through it. Jobs that somebody asked for are listed for who reaches their project."""
    query = _jobs().where(_visible_to(principal))
    if status is not None:
        query = query.where(Job.status == status)
    if kind is not None:
        query = query.where(Job.kind == kind)
    page = await newest_first(reader, query=query, key=Job.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=_show)


@router.get(
    "/jobs/{job_id}",
    **reads("jobs_read", "A background job (后台任务详情)", JobNotFound, rules=("ORG-28",), model=JobRead, anyone=True),
)
async def jobs_read(principal: Anyone, reader: Reader, response: Response, job_id: UUID) -> JobRead:
    """Where a job stands, for who asked for it, and with `jobs:read` for who reaches its project. A failing one is
    begun again after growing pauses, eight times. `result` appears when it is done; `links` leads to what it is about.
    """
    row = (await reader.execute(_jobs().where(Job.id == job_id, _visible_to(principal)))).one_or_none()
    if row is None:
        raise JobNotFound
    put_version(response, row.version)
    return _show(row)


def _jobs() -> Select[Any]:
    return select(*_JOB, *_PROGRESS).outerjoin(JobProgress, JobProgress.job_id == Job.id)


def _visible_to(principal: Principal) -> ColumnElement[bool]:
    """One's own jobs; with the scope those of the projects in reach, and the technical ones that nobody asked for."""
    own = Job.requester_id == principal.id
    if "jobs:read" not in principal.scopes:
        return own
    reach = principal.reach("jobs:read")
    if reach.everywhere:
        return literal(True)
    technical = Job.requester_id.is_(None) & Job.project_id.is_(None)
    return or_(own, technical, Job.project_id.in_(list(reach.projects)))


def _show(row: Any) -> JobRead:
    told = {name: getattr(row, name) for name in JobRead.model_fields if name not in _BESIDE}
    progress = None
    if row.unit is not None:
        progress = JobProgressRead(done=row.done, expected=row.total, unit=row.unit, cancel_requested=row.cancel)
    href = (row.result or {}).get("href")
    return JobRead(**told, progress=progress, links={} if href is None else {"subject": href})


@public.get(
    "/live",
    operation_id="health_live_read",
    summary="Does the process answer? (存活检查)",
    response_model=AliveRead,
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def health_live_read() -> AliveRead:
    """For supervisors: restart the process when this stops answering. Asks nothing of the database."""
    return AliveRead()


@public.get(
    "/ready",
    operation_id="health_ready_read",
    summary="Can the process do its work? (就绪检查)",
    response_model=ReadyRead,
    responses=problems(NotReady),
    openapi_extra={"x-rules": ["ORG-28"]},
)
async def health_ready_read(state: State, now: Now) -> ReadyRead:
    """For load balancers: the database answers within three seconds and its tables are those of this version. How the
    worker and the audit trail are doing is told, but does not count."""
    wanted = await asyncio.to_thread(_wanted)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            applied = await migrations.applied(state.database)
            if applied == wanted:
                async with state.database.reader() as reader:
                    seen = await jobs.last_seen(reader)
                    trail = await audit.state(reader, now=now)
    except Exception:
        raise NotReady(reason=("数据库无法访问", "the database can't be reached")) from None
    if applied != wanted:
        raise NotReady(reason=("数据库结构不是本版本的", "the tables are not those of this version"))
    if seen is None:
        worker = WorkerRead(state="none", seen_at=None)
    else:
        worker = WorkerRead(state="running" if now - seen <= jobs.ALIVE else "silent", seen_at=seen)
    sealing = SealingRead(
        state="broken" if trail.broken else "late" if trail.late else "sealed", lag_seconds=trail.lag.total_seconds()
    )
    return ReadyRead(migration=wanted, worker=worker, audit=sealing)


@cache
def _wanted() -> str:
    return migrations.head()
