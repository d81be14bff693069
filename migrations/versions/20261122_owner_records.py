"""Owner records: contacts, households, groups, consents, change requests, merges, information audits."""

revision = "owner_records"
down_revision = "audit"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Undo."""
