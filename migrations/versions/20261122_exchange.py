"""Imports and exports."""

revision = "exchange"
down_revision = "privacy"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Undo."""
