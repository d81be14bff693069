"""What the operations room sends."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from ownercare_api.core.jobs import JobStatus
from ownercare_api.core.wire import Outward


class JobProgressRead(Outward):
    """How far a long job is (进度)."""

    done: int = Field(examples=[12000])
    expected: int | None = Field(description="how many in all; null: not known yet", examples=[50000])
    unit: str = Field(description="what is counted (计数单位)", examples=["rows"])
    cancel_requested: bool = Field(description="it stops at the next occasion (已请求取消)")


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
    project_id: UUID | None = Field(description="the project it works in, of those that somebody asked for")
    progress: JobProgressRead | None = Field(description="of jobs that somebody asked for (进度)")
    result: dict[str, Any] | None = Field(description="counts and codes, once it is done (结果)")
    result_file_id: UUID | None = Field(description="the file it made; handed out where `links.subject` leads")
    links: dict[str, str] = Field(description="`subject`: what it was about", examples=[{"subject": "/v1/imports/…"}])
    version: int


class AliveRead(Outward):
    """The process answers."""

    status: Literal["alive"] = "alive"


class WorkerRead(Outward):
    """The background workers, for information: the API works without one, but nobody is warned."""

    state: Literal["running", "silent", "none"] = Field(description="silent: not seen for a minute (后台任务状态)")
    seen_at: datetime | None


class SealingRead(Outward):
    """How far the audit trail is sealed, for information."""

    state: Literal["sealed", "late", "broken"] = Field(
        description="late: something waits for more than five minutes; broken: verification found a fault (审计封存)"
    )
    lag_seconds: float = Field(description="for how long the oldest unsealed event waits", examples=[0.0])


class ReadyRead(Outward):
    """The process can do its work."""

    status: Literal["ready"] = "ready"
    database: Literal["reachable"] = "reachable"
    migration: str = Field(description="revision of the tables, the one that this version needs", examples=["house"])
    worker: WorkerRead
    audit: SealingRead


class RefusalRead(Outward):
    """An error code (错误代码) and what it means."""

    code: str = Field(examples=["wrong_status"])
    status: int = Field(description="HTTP status", examples=[409])
    title_zh: str = Field(examples=["状态冲突"])
    title_en: str = Field(examples=["Conflict"])
    detail_zh: str = Field(description="the cause; … stands for what is filled in (原因)")
    detail_en: str
    about: str = Field(description="when it is given, for developers")
    rules: list[str] = Field(description="rules of the rulebook that refuse (依据的规则)", examples=[["REP-07"]])
