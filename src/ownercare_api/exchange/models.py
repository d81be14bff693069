"""Tables of imports and exports. No personal values: the rows of a file stay in the file, which is encrypted."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Index, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Identified, Stamped, enum_column
from ownercare_api.exchange.lifecycle import (
    ExportFormat,
    ExportKind,
    ExportStatus,
    ImportMode,
    ImportStatus,
    RosterKind,
    RowOutcome,
)


class ExchangePurpose(StrEnum):
    """What a kept file is."""

    UPLOAD = "upload"
    ERROR_WORKBOOK = "error_workbook"
    EXPORT = "export"


class ExchangeFile(Identified, Base):
    """A roster that came in or goes out. Its bytes lie encrypted in the data folder under a key of their own, so that
    the file is gone for good when this row's key is."""

    __tablename__ = "exchange_file"

    purpose: Mapped[ExchangePurpose] = mapped_column(enum_column(ExchangePurpose))
    name: Mapped[str]
    media_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    key_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    """None: it has been deleted."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class RosterImport(Stamped, Base):
    """The import of one roster."""

    __tablename__ = "roster_import"
    __table_args__ = (Index("ix_roster_import_project", "project_id", "id"),)

    kind: Mapped[RosterKind] = mapped_column(enum_column(RosterKind))
    mode: Mapped[ImportMode] = mapped_column(enum_column(ImportMode))
    dry_run: Mapped[bool]
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    status: Mapped[ImportStatus] = mapped_column(enum_column(ImportStatus))
    file_id: Mapped[UUID] = mapped_column(ForeignKey("exchange_file.id"))
    error_file_id: Mapped[UUID | None] = mapped_column(ForeignKey("exchange_file.id"))
    check_job_id: Mapped[UUID | None]
    apply_job_id: Mapped[UUID | None]
    requested_by: Mapped[UUID]
    requested_by_name: Mapped[str]
    confirmed_by: Mapped[UUID | None]
    same_file_as: Mapped[UUID | None] = mapped_column(ForeignKey("roster_import.id"))
    """An earlier import of the very same bytes that is done."""
    row_count: Mapped[int | None]
    counts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """Rows by outcome."""
    unknown_columns: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    """Letters of the columns that were left out; their headings may be anything and are not kept."""
    refusal_code: Mapped[str | None]
    refusal_column: Mapped[str | None]
    checked_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class RosterRow(Base):
    """What became of one row of a roster."""

    __tablename__ = "roster_row"
    __table_args__ = (Index("ix_roster_row_outcome", "import_id", "outcome", "row_number"),)

    import_id: Mapped[UUID] = mapped_column(ForeignKey("roster_import.id", ondelete="CASCADE"), primary_key=True)
    row_number: Mapped[int] = mapped_column(primary_key=True)
    """As the spreadsheet numbers it: the heading is row 1."""
    outcome: Mapped[RowOutcome] = mapped_column(enum_column(RowOutcome))
    faults: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    """Column, code, and the number of another row: never a value."""
    owner_id: Mapped[UUID | None] = mapped_column(index=True)
    unit_id: Mapped[UUID | None]


class RosterExport(Stamped, Base):
    """A file that somebody asked for."""

    __tablename__ = "roster_export"
    __table_args__ = (
        Index("ix_roster_export_project", "project_id", "id"),
        Index("ix_roster_export_requester", "requested_by", "created_at"),
    )

    kind: Mapped[ExportKind] = mapped_column(enum_column(ExportKind))
    format: Mapped[ExportFormat] = mapped_column(enum_column(ExportFormat))
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    filters: Mapped[dict[str, Any]]
    columns: Mapped[list[str]] = mapped_column(ARRAY(Text))
    clear_values: Mapped[bool]
    purpose: Mapped[str]
    status: Mapped[ExportStatus] = mapped_column(enum_column(ExportStatus))
    requested_by: Mapped[UUID]
    requested_by_name: Mapped[str]
    makers: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    """Who asks, and who lent the authority: none of them approves (reading 10)."""
    requested_at: Mapped[datetime]
    rows_expected: Mapped[int]
    row_cap: Mapped[int]
    """Above so many rows a second person approves; counted with what the person exported in the last 24 hours."""
    rows: Mapped[int | None]
    owner_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default="{}")
    """Whose data is in the file."""
    job_id: Mapped[UUID | None]
    file_id: Mapped[UUID | None] = mapped_column(ForeignKey("exchange_file.id"))
    decided_by: Mapped[UUID | None]
    decided_by_name: Mapped[str | None]
    decision_reason: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    downloads: Mapped[int] = mapped_column(default=0, server_default="0")
    failure_code: Mapped[str | None]
