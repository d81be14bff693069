"""What is kept for how long: sessions, initial passwords, denials."""

revision = "keeping"
down_revision = "payments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
