"""What a buyer pays under a purchase contract, when, and the reminders (OWN-13)."""

revision = "payments"
down_revision = "firm_bank"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
