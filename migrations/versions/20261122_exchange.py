"""Imports and exports: kept files, imports with their rows, exports; jobs that somebody may follow."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "exchange"
down_revision = "privacy"
branch_labels = None
depends_on = None

_STATUSES = "ck_job_job_status"


def _words(*words: str, name: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def _stamps() -> tuple[sa.Column, ...]:
    return (
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
    )


def upgrade() -> None:
    """Apply."""
    _jobs()
    _files_and_imports()
    _exports()


def _jobs() -> None:
    op.add_column("job", sa.Column("requester_id", sa.Uuid(), nullable=True))
    op.add_column("job", sa.Column("project_id", sa.Uuid(), nullable=True))
    op.add_column("job", sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("job", sa.Column("result_file_id", sa.Uuid(), nullable=True))
    op.create_index(op.f("ix_job_requester_id"), "job", ["requester_id"])
    op.drop_constraint(op.f(_STATUSES), "job", type_="check")
    op.create_check_constraint(op.f(_STATUSES), "job", "status IN ('queued', 'running', 'done', 'failed', 'cancelled')")
    op.create_table(
        "job_progress",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_job_progress_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_job_progress")),
    )


def _files_and_imports() -> None:
    op.create_table(
        "exchange_file",
        sa.Column("purpose", _words("upload", "error_workbook", "export", name="exchange_purpose"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("key_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_file")),
    )
    op.create_table(
        "roster_import",
        sa.Column("kind", _words("units", "owners", name="roster_kind"), nullable=False),
        sa.Column("mode", _words("all_or_nothing", "valid_rows_only", name="import_mode"), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            _words(
                "uploaded", "checking", "checked", "applying", "done", "refused", "cancelled", "failed",
                name="import_status",
            ),
            nullable=False,
        ),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("error_file_id", sa.Uuid(), nullable=True),
        sa.Column("check_job_id", sa.Uuid(), nullable=True),
        sa.Column("apply_job_id", sa.Uuid(), nullable=True),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("requested_by_name", sa.Text(), nullable=False),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("same_file_as", sa.Uuid(), nullable=True),
        sa.Column("row_count", sa.Integer(), nullable=True),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("unknown_columns", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("refusal_code", sa.Text(), nullable=True),
        sa.Column("refusal_column", sa.Text(), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        *_stamps(),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_roster_import_project_id")),
        sa.ForeignKeyConstraint(["file_id"], ["exchange_file.id"], name=op.f("fk_roster_import_file_id")),
        sa.ForeignKeyConstraint(["error_file_id"], ["exchange_file.id"], name=op.f("fk_roster_import_error_file_id")),
        sa.ForeignKeyConstraint(["same_file_as"], ["roster_import.id"], name=op.f("fk_roster_import_same_file_as")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_import")),
    )  # fmt: skip
    op.create_index("ix_roster_import_project", "roster_import", ["project_id", "id"])
    op.create_table(
        "roster_row",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "outcome",
            _words(
                "valid", "created", "extended", "unchanged", "needs_change_request", "invalid", name="row_outcome"
            ),
            nullable=False,
        ),
        sa.Column("faults", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["import_id"], ["roster_import.id"], name=op.f("fk_roster_row_import_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("import_id", "row_number", name=op.f("pk_roster_row")),
    )  # fmt: skip
    op.create_index("ix_roster_row_outcome", "roster_row", ["import_id", "outcome", "row_number"])
    op.create_index(op.f("ix_roster_row_owner_id"), "roster_row", ["owner_id"])


def _exports() -> None:
    op.create_table(
        "roster_export",
        sa.Column("kind", _words("owners", "units", "tickets", name="export_kind"), nullable=False),
        sa.Column("format", _words("xlsx", "csv", name="export_format"), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("filters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("columns", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("clear_values", sa.Boolean(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column(
            "status",
            _words(
                "waiting_for_approval", "queued", "ready", "rejected", "cancelled", "failed", "expired",
                name="export_status",
            ),
            nullable=False,
        ),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("requested_by_name", sa.Text(), nullable=False),
        sa.Column("makers", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows_expected", sa.Integer(), nullable=False),
        sa.Column("row_cap", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("owner_ids", sa.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_by_name", sa.Text(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("downloads", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failure_code", sa.Text(), nullable=True),
        *_stamps(),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_roster_export_project_id")),
        sa.ForeignKeyConstraint(["file_id"], ["exchange_file.id"], name=op.f("fk_roster_export_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_export")),
    )  # fmt: skip
    op.create_index("ix_roster_export_project", "roster_export", ["project_id", "id"])
    op.create_index("ix_roster_export_requester", "roster_export", ["requested_by", "created_at"])


def downgrade() -> None:
    """Undo; cancelled jobs go, what was imported stays."""
    op.drop_table("roster_export")
    op.drop_table("roster_row")
    op.drop_table("roster_import")
    op.drop_table("exchange_file")
    op.drop_table("job_progress")
    op.execute("DELETE FROM job WHERE status = 'cancelled'")
    op.drop_constraint(op.f(_STATUSES), "job", type_="check")
    op.create_check_constraint(op.f(_STATUSES), "job", "status IN ('queued', 'running', 'done', 'failed')")
    op.drop_index(op.f("ix_job_requester_id"), table_name="job")
    op.drop_column("job", "result_file_id")
    op.drop_column("job", "result")
    op.drop_column("job", "project_id")
    op.drop_column("job", "requester_id")
