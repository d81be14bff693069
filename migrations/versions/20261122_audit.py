"""The audit trail: hash chain, checkpoints, denials, grants."""

revision = "audit"
down_revision = "people"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Undo."""
