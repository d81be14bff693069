"""What owners do for themselves."""

revision = "portal"
down_revision = "exchange"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Undo."""
