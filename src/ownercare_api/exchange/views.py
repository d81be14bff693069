"""Representations of imports, their rows and exports."""

from typing import Any

from ownercare_api.core.errors import Language
from ownercare_api.exchange import faults, refusals
from ownercare_api.exchange.columns import OWNERS, UNITS
from ownercare_api.exchange.lifecycle import APPROVE, EXPORTS, IMPORTS, ExportStatus
from ownercare_api.exchange.schemas import (
    ExportRead,
    ImportCounts,
    ImportRead,
    ImportRowRead,
    Progress,
    RefusalReason,
    RowFault,
)
from ownercare_api.identity.principal import Principal

_TITLES = {column.name: column.zh for column in (*UNITS, *OWNERS)}


def an_import(row: Any, *, principal: Principal, spoken: Language) -> ImportRead:
    """Return an import."""
    here = f"/v1/imports/{row.id}"
    links = {"rows": f"{here}/rows"}
    job = row.apply_job_id or row.check_job_id
    if job is not None:
        links["job"] = f"/v1/jobs/{job}"
    if row.error_file_id is not None:
        links["error_workbook"] = f"{here}/error-workbook"
    progress = None
    if row.progress_done is not None:
        progress = Progress(done=row.progress_done, expected=row.progress_total)
    return ImportRead(
        **{name: getattr(row, name) for name in _IMPORT_AS_IT_IS},
        allowed_actions=IMPORTS.allowed(
            status=row.status,
            subject=row,
            actor=principal,
            may=lambda scope: principal.may(scope, project_id=row.project_id),
        ),
        deadlines=[],
        counts=ImportCounts(**row.counts),
        refusal=_refusal(row, spoken=spoken),
        progress=progress,
        links=links,
    )


_MADE_HERE = ("allowed_actions", "deadlines", "counts", "refusal", "progress", "links")
_IMPORT_AS_IT_IS = [name for name in ImportRead.model_fields if name not in _MADE_HERE]


def _refusal(row: Any, *, spoken: Language) -> RefusalReason | None:
    if row.refusal_code is None:
        return None
    where = row.refusal_column or ""
    zh, en = refusals.words(row.refusal_code, column=(_TITLES.get(where, where), where), cell=(where, where))
    return RefusalReason(code=row.refusal_code, message=zh if spoken == "zh-CN" else en)


def a_row(row: Any, *, spoken: Language) -> ImportRowRead:
    """Return a row of an import."""
    chinese = spoken == "zh-CN"
    return ImportRowRead(
        row_number=row.row_number,
        outcome=row.outcome,
        faults=[
            RowFault(
                column=fault["column"],
                title=faults.title(fault["column"]),
                code=fault["code"],
                message=faults.message(fault, chinese=chinese),
            )
            for fault in row.faults
        ],
        owner_id=row.owner_id,
        unit_id=row.unit_id,
    )


def an_export(row: Any, *, principal: Principal) -> ExportRead:
    """Return an export."""
    links = {} if row.job_id is None else {"job": f"/v1/jobs/{row.job_id}"}
    own = row.requested_by == principal.id
    if row.status is ExportStatus.READY and own:
        links["content"] = f"/v1/exports/{row.id}/content"

    def may(scope: str) -> bool:
        if not principal.may(scope, project_id=row.project_id):
            return False
        # Who asked may give it up, another person decides.
        return own is not (scope == APPROVE)

    return ExportRead(
        **{name: getattr(row, name) for name in _EXPORT_AS_IT_IS},
        allowed_actions=EXPORTS.allowed(status=row.status, subject=row, actor=principal, may=may),
        deadlines=[],
        links=links,
    )


_EXPORT_AS_IT_IS = [name for name in ExportRead.model_fields if name not in ("allowed_actions", "deadlines", "links")]
