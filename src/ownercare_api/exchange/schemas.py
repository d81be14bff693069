"""What the exchange room sends and takes."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from ownercare_api.core.wire import Fault, Instant, Inward, Line, Outward
from ownercare_api.exchange.lifecycle import (
    ExportFormat,
    ExportKind,
    ExportStatus,
    ImportMode,
    ImportStatus,
    RosterKind,
    RowOutcome,
)
from ownercare_api.tickets.lifecycle import TicketStatus


def _example(**fields: Any) -> ConfigDict:
    return Inward.model_config | ConfigDict(json_schema_extra={"examples": [fields]})


class ImportFields(Inward):
    """The fields beside the file in the form."""

    kind: RosterKind = Field(description="units: buildings and homes; owners: owners with homes (名册种类)")
    project_id: UUID = Field(description="the project it is about (所属项目)")
    mode: ImportMode = Field(
        default=ImportMode.ALL_OR_NOTHING, description="what happens to the good rows beside bad ones (导入方式)"
    )
    dry_run: bool = Field(default=False, description="only check, never take over (仅校验)")


class ImportCounts(Outward):
    """Rows by outcome."""

    valid: int = Field(default=0, description="to be taken over (待导入)")
    created: int = Field(default=0, description="made a record (已新增)")
    extended: int = Field(default=0, description="gave an owner one more home or share (已补充)")
    unchanged: int = Field(default=0, description="were on record already (无变化)")
    needs_change_request: int = Field(
        default=0, description="differ from the record; an import overwrites nothing (须走信息变更)"
    )
    invalid: int = Field(default=0, description="have faults (有错误)")


class RefusalReason(Outward):
    """Why an import ended without taking anything over."""

    code: str = Field(examples=["column_missing"])
    message: str = Field(examples=["缺少必填列“房号”"])


class Progress(Outward):
    """How far the work is (进度)."""

    done: int = Field(examples=[12000])
    expected: int | None = Field(description="rows in all; null: not known yet", examples=[50000])


class ImportRead(Outward):
    """An import of a roster (名册导入)."""

    id: UUID
    kind: RosterKind
    mode: ImportMode
    dry_run: bool
    project_id: UUID
    status: ImportStatus
    allowed_actions: list[str]
    deadlines: list[Any] = Field(description="always empty: imports have no deadlines")
    file_name: str = Field(examples=["云栖雅苑业主名册.xlsx"])
    sha256: str = Field(description="of the file")
    same_file_as: UUID | None = Field(description="an earlier import of the very same file; its rows are unchanged")
    row_count: int | None = Field(description="null until it is checked")
    counts: ImportCounts
    unknown_columns: list[str] = Field(description="letters of columns that were left out", examples=[["Q", "R"]])
    refusal: RefusalReason | None
    progress: Progress | None = Field(description="of the check, then of the take-over; null when nothing runs")
    requested_by: UUID
    requested_by_name: str
    created_at: datetime
    checked_at: datetime | None
    finished_at: datetime | None
    links: dict[str, str] = Field(
        description="rows, job, error_workbook where there is one", examples=[{"rows": "/v1/imports/…/rows"}]
    )
    version: int


class RowFault(Outward):
    """One fault of a row, without the value."""

    column: str = Field(examples=["document_number"])
    title: str = Field(description="heading of the column", examples=["证件号码"])
    code: str = Field(examples=["document_check_digit"])
    message: str = Field(examples=["证件号码:校验码不符"])


class ImportRowRead(Outward):
    """What became of a row."""

    row_number: int = Field(description="as the spreadsheet numbers it; the heading is row 1", examples=[17])
    outcome: RowOutcome
    faults: list[RowFault]
    owner_id: UUID | None = Field(description="the record it made or is about")
    unit_id: UUID | None


class ExportFilters(Inward):
    """Which rows; what does not fit the kind is refused."""

    building_id: UUID | None = Field(default=None, description="one building (owners, units)")
    occupied: bool | None = Field(default=None, description="lived in or empty (owners, units)")
    current_only: bool | None = Field(default=None, description="present owners only; true if absent (owners)")
    status: TicketStatus | None = Field(default=None, description="status of the case (tickets)")
    received_from: Instant | None = Field(default=None, description="received at or after (tickets)")
    received_before: Instant | None = Field(default=None, description="received before (tickets)")


_FITTING = {
    ExportKind.OWNERS: {"building_id", "occupied", "current_only"},
    ExportKind.UNITS: {"building_id", "occupied"},
    ExportKind.TICKETS: {"status", "received_from", "received_before"},
}


class ExportCreate(Inward):
    """A file that somebody wants to take away (OWN-07)."""

    model_config = _example(
        kind="owners",
        format="xlsx",
        project_id="0198c5f0-0000-7000-8000-000000000001",
        filters={"occupied": True},
        columns=["unit_address", "name", "phones"],
        clear_values=False,
        purpose="年度满意度回访抽样",
    )

    kind: ExportKind
    format: ExportFormat = ExportFormat.XLSX
    project_id: UUID = Field(description="a file is of one project")
    filters: ExportFilters = Field(default_factory=ExportFilters)
    columns: Annotated[list[str], Field(min_length=1, max_length=30)] | None = Field(
        default=None, description="a choice of the kind's columns; all if absent (列)"
    )
    clear_values: bool = Field(
        default=False, description="numbers and addresses in clear; needs owners:disclose (是否明文)"
    )
    purpose: Line = Field(description="what it is needed for; stands in the file and before the owners (用途)")

    @model_validator(mode="after")
    def _fitting(self) -> "ExportCreate":
        given = self.filters.model_dump(exclude_none=True).keys()
        if not given <= _FITTING[self.kind]:
            raise Fault("filter_not_fitting", zh="筛选条件不适用于此种导出。", en="A filter does not fit this kind.")
        return self


class ExportDecision(Inward):
    """A second person's word on an export."""

    model_config = _example(decision="approve", reason="用途正当,范围合理")

    decision: Annotated[str, Field(pattern="^(approve|reject)$", description="approve | reject (批准或驳回)")]
    reason: Line = Field(description="kept with the export (意见)")


class ExportRead(Outward):
    """An export (导出)."""

    id: UUID
    kind: ExportKind
    format: ExportFormat
    project_id: UUID
    filters: dict[str, Any]
    columns: list[str]
    clear_values: bool
    purpose: str
    status: ExportStatus
    allowed_actions: list[str]
    deadlines: list[Any] = Field(description="always empty: `expires_at` says until when it can be had")
    requested_by: UUID
    requested_by_name: str
    requested_at: datetime
    rows_expected: int
    row_cap: int = Field(description="above so many rows within 24 hours a second person approves")
    rows: int | None = Field(description="null until it is made")
    decided_by: UUID | None
    decided_by_name: str | None
    decision_reason: str | None
    decided_at: datetime | None
    ready_at: datetime | None
    expires_at: datetime | None
    downloads: int
    failure_code: str | None
    links: dict[str, str] = Field(description="content when it is ready, job", examples=[{"job": "/v1/jobs/…"}])
    version: int
