"""Lent hands: signatures, payments, releases and change requests keep who lent the authority, beside who acted."""

import sqlalchemy as sa
from alembic import op

revision = "lent_hands"
down_revision = "portal"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("survey_party", "persons", "array_remove(ARRAY[signed_by], NULL)"),
    ("completion_signature", "persons", "array_remove(ARRAY[signed_by], NULL)"),
    ("settlement", "payers", "array_remove(ARRAY[paid_by], NULL)"),
    ("retention_release", "makers", "array_remove(ARRAY[requested_by, opinion_by], NULL)"),
    ("owner_change", "makers", "ARRAY[entered_by]"),
)
"""Table, column, and what is known of the rows of before: who acted. Who lent authority stands in the timeline only."""


def upgrade() -> None:
    """Add the columns."""
    for table, column, before in _COLUMNS:
        op.add_column(table, sa.Column(column, sa.ARRAY(sa.Uuid()), server_default="{}", nullable=False))
        op.execute(f"UPDATE {table} SET {column} = {before}")


def downgrade() -> None:
    """Take the columns away again."""
    for table, column, _ in _COLUMNS:
        op.drop_column(table, column)
