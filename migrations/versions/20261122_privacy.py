"""Privacy: key rotation, looks, requests of the persons concerned, records of sharing."""

revision = "privacy"
down_revision = "owner_records"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Undo."""
