"""Questionnaires and survey responses."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "surveys"
down_revision = "settlements"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "questionnaire",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("questions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "draft", "published", name="questionnaire_status", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("drafted_by", sa.Uuid(), nullable=False),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questionnaire")),
        sa.UniqueConstraint("code", "edition", name=op.f("uq_questionnaire_code_edition")),
    )
    op.create_index(
        "uq_questionnaire_draft", "questionnaire", ["code"], unique=True, postgresql_where=sa.text("status = 'draft'")
    )
    op.create_table(
        "survey_response",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("questionnaire_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column(
            "mode",
            sa.Enum(
                "phone",
                "questionnaire",
                "interview",
                "sms",
                "email",
                "wechat",
                name="survey_mode",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("respondent_name", sa.Text(), nullable=True),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("score_hundredths", sa.Integer(), nullable=True),
        sa.Column("scale_max", sa.Integer(), nullable=False),
        sa.Column("dissatisfied_max", sa.Integer(), nullable=False),
        sa.Column("dissatisfied", sa.Boolean(), nullable=False),
        sa.Column("severe", sa.Boolean(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_by_name", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("policy_snapshot_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "ticket_id IS NOT NULL OR unit_id IS NOT NULL", name=op.f("ck_survey_response_about_something")
        ),
        sa.ForeignKeyConstraint(
            ["policy_snapshot_id"], ["policy_snapshot.id"], name=op.f("fk_survey_response_policy_snapshot_id")
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_survey_response_project_id")),
        sa.ForeignKeyConstraint(
            ["questionnaire_id"], ["questionnaire.id"], name=op.f("fk_survey_response_questionnaire_id")
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_survey_response_ticket_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_survey_response_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_response")),
        sa.UniqueConstraint("number", name=op.f("uq_survey_response_number")),
    )
    op.create_index(
        "ix_survey_response_dissatisfied",
        "survey_response",
        ["id"],
        unique=False,
        postgresql_where=sa.text("dissatisfied"),
    )
    op.create_index("ix_survey_response_project", "survey_response", ["project_id", "id"], unique=False)
    op.create_index("ix_survey_response_questionnaire", "survey_response", ["questionnaire_id", "id"], unique=False)
    op.create_index("ix_survey_response_unit", "survey_response", ["unit_id", "id"], unique=False)
    op.create_index(
        "uq_survey_response_ticket",
        "survey_response",
        ["ticket_id"],
        unique=True,
        postgresql_where=sa.text("ticket_id IS NOT NULL"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("survey_response")
    op.drop_table("questionnaire")
