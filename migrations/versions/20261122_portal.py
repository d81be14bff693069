"""What owners do for themselves: whose answers they are, the score beside a signature given in person, own uploads."""

import sqlalchemy as sa
from alembic import op

revision = "portal"
down_revision = "exchange"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; rows of before were entered by staff."""
    op.add_column("completion_signature", sa.Column("satisfaction", sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("ck_completion_signature_owners_score"),
        "completion_signature",
        "satisfaction IS NULL OR (seat = 'owner' AND satisfaction >= 1)",
    )
    op.add_column("survey_response", sa.Column("owner_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_survey_response_owner_id"), "survey_response", "owner", ["owner_id"], ["id"])
    op.create_index(
        "uq_survey_response_owner_home",
        "survey_response",
        ["questionnaire_id", "owner_id", "unit_id"],
        unique=True,
        postgresql_where=sa.text("owner_id IS NOT NULL AND ticket_id IS NULL"),
    )
    op.create_index(
        "ix_survey_response_owner",
        "survey_response",
        ["owner_id", "id"],
        postgresql_where=sa.text("owner_id IS NOT NULL"),
    )
    op.create_index("ix_file_object_uploaded_by", "file_object", ["uploaded_by", "id"])


def downgrade() -> None:
    """Take the columns away again."""
    op.drop_index("ix_file_object_uploaded_by", table_name="file_object")
    op.drop_index("ix_survey_response_owner", table_name="survey_response")
    op.drop_index("uq_survey_response_owner_home", table_name="survey_response")
    op.drop_constraint(op.f("fk_survey_response_owner_id"), "survey_response", type_="foreignkey")
    op.drop_column("survey_response", "owner_id")
    op.drop_constraint(op.f("ck_completion_signature_owners_score"), "completion_signature", type_="check")
    op.drop_column("completion_signature", "satisfaction")
