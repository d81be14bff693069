"""What the operations room sends."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from ownercare_api.core.jobs import JobStatus
from ownercare_api.core.wire import Outward


class JobRead(Outward):
    """A background job (后台任务). What it works on stays with the room that queued it."""

    id: UUID
    kind: str = Field(description="what it does (任务种类)", examples=["deadlines.recompute_year"])
    status: JobStatus
    attempts: int = Field(description="how often it was begun (已尝试次数)")
    run_at: datetime = Field(description="not before; while it runs, when it is given up for lost (计划时间)")
    last_error: str | None = Field(description="code of the last failure (最近错误)", examples=["concurrent_change"])
    created_at: datetime
    finished_at: datetime | None
    version: int


class AliveRead(Outward):
    """The process answers."""

    status: Literal["alive"] = "alive"


class WorkerRead(Outward):
    """The background workers, for information: the API works without one, but nobody is warned."""

    state: Literal["running", "silent", "none"] = Field(description="silent: not seen for a minute (后台任务状态)")
    seen_at: datetime | None


class ReadyRead(Outward):
    """The process can do its work."""

    status: Literal["ready"] = "ready"
    database: Literal["reachable"] = "reachable"
    migration: str = Field(description="revision of the tables, the one that this version needs", examples=["house"])
    worker: WorkerRead
