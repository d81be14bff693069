"""Attachments tell whose data they show as evidence, so that the owner learns who fetched them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "evidence_about"
down_revision = "keeping"
branch_labels = None
depends_on = None

# Each selects file_id and owner_id: whose record names the attachment.
_NAMED = (
    "SELECT unnest(evidence_file_ids), owner_id FROM owner_change",
    "SELECT evidence_file_id, owner_id FROM consent WHERE evidence_file_id IS NOT NULL",
    "SELECT authorisation_file_id, owner_id FROM owner_contact_person WHERE authorisation_file_id IS NOT NULL",
    "SELECT file_id, ownership.owner_id FROM ownership_transfer AS deal"
    " CROSS JOIN LATERAL unnest(deal.evidence_file_ids) AS file_id"
    " JOIN ownership ON ownership.transfer_id = deal.id OR ownership.id = ANY(deal.ended_ids)",
)
_ABOUT = f"""
UPDATE file_object SET kept_about = named.owners
  FROM (SELECT file_id, array_agg(DISTINCT owner_id ORDER BY owner_id) AS owners
          FROM ({" UNION ALL ".join(_NAMED)}) AS one (file_id, owner_id)
         GROUP BY 1) named
 WHERE file_object.id = named.file_id
"""


def upgrade() -> None:
    """Add the column, and fill it from what names attachments."""
    op.add_column("file_object", sa.Column("kept_about", ARRAY(sa.Uuid()), server_default="{}", nullable=False))
    op.execute(_ABOUT)


def downgrade() -> None:
    """Take the column away."""
    op.drop_column("file_object", "kept_about")
