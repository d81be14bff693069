"""Attachments that a record names as evidence are kept with it."""

import sqlalchemy as sa
from alembic import op

revision = "keeping"
down_revision = "payments"
branch_labels = None
depends_on = None

# Each selects file_id and since of the attachments that rows of a table name, and the scope by which these are seen; no
# foreign key guards those in arrays.
_NAMED = (
    "SELECT unnest(evidence_file_ids), entered_at, 'owners:read' FROM owner_change",
    "SELECT unnest(evidence_file_ids), recorded_at, 'owners:read' FROM ownership_transfer",
    "SELECT unnest(evidence_file_ids), entered_at, 'bank_accounts:confirm' FROM firm_bank_account_change",
    "SELECT evidence_file_id, recorded_at, 'owners:read' FROM consent WHERE evidence_file_id IS NOT NULL",
    "SELECT authorisation_file_id, created_at, 'owners:read' FROM owner_contact_person"
    " WHERE authorisation_file_id IS NOT NULL",
)
_KEEP = f"""
UPDATE file_object SET kept_since = named.since, kept_scope = named.scope
  FROM (SELECT file_id, min(since) AS since, max(scope) AS scope
          FROM ({" UNION ALL ".join(_NAMED)}) AS one (file_id, since, scope)
         GROUP BY 1) named
 WHERE file_object.id = named.file_id
"""


def upgrade() -> None:
    """Add the columns; what is named already is kept from when it was named."""
    op.add_column("file_object", sa.Column("kept_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("file_object", sa.Column("kept_scope", sa.Text(), nullable=True))
    op.execute(_KEEP)


def downgrade() -> None:
    """Take the columns away."""
    op.drop_column("file_object", "kept_scope")
    op.drop_column("file_object", "kept_since")
