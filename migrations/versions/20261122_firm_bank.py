"""Changes of a partner firm's bank account, which a second person confirms."""

revision = "firm_bank"
down_revision = "lent_hands"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
