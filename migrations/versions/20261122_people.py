"""People: owners' logins, delegation, one-time codes, throttles, quotas of machines."""

import sqlalchemy as sa
from alembic import op

revision = "people"
down_revision = "surveys"
branch_labels = None
depends_on = None

_KINDS = "ck_account_account_kind"


def upgrade() -> None:
    """Apply."""
    op.add_column("account", sa.Column("owner_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_account_owner_id"), "account", "owner", ["owner_id"], ["id"])
    op.create_unique_constraint(op.f("uq_account_owner_id"), "account", ["owner_id"])
    op.add_column(
        "account", sa.Column("must_change_password", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.drop_constraint(op.f(_KINDS), "account", type_="check")
    op.create_check_constraint(op.f(_KINDS), "account", "kind IN ('staff', 'firm_user', 'owner')")
    op.create_check_constraint(
        op.f("ck_account_owners_have_a_record"), "account", "(kind = 'owner') = (owner_id IS NOT NULL)"
    )
    op.add_column("role_grant", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("role_grant", sa.Column("ended_by", sa.Uuid(), nullable=True))
    op.add_column("api_client", sa.Column("requests_per_minute", sa.Integer(), nullable=True))
    op.add_column("api_client", sa.Column("contact", sa.Text(), nullable=True))
    op.add_column("client_secret", sa.Column("hint", sa.Text(), nullable=True))
    op.add_column("client_secret", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "delegation",
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("from_account_id", sa.Uuid(), nullable=False),
        sa.Column("to_account_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_delegation_ends_after_start")),
        sa.CheckConstraint("from_account_id <> to_account_id", name=op.f("ck_delegation_two_people")),
        sa.ForeignKeyConstraint(["grant_id"], ["role_grant.id"], name=op.f("fk_delegation_grant_id")),
        sa.ForeignKeyConstraint(["from_account_id"], ["account.id"], name=op.f("fk_delegation_from_account_id")),
        sa.ForeignKeyConstraint(["to_account_id"], ["account.id"], name=op.f("fk_delegation_to_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegation")),
    )
    for column in ("grant_id", "from_account_id", "to_account_id"):
        op.create_index(op.f(f"ix_delegation_{column}"), "delegation", [column])
    op.create_table(
        "one_time_code",
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_code")),
    )
    op.create_index("ix_one_time_code_phone", "one_time_code", ["phone_index", "created_at"])
    op.create_table(
        "throttle",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_throttle")),
    )


def downgrade() -> None:
    """Undo; owners' logins go, their records stay."""
    op.drop_table("throttle")
    op.drop_table("one_time_code")
    op.drop_table("delegation")
    op.drop_column("client_secret", "last_used_at")
    op.drop_column("client_secret", "hint")
    op.drop_column("api_client", "contact")
    op.drop_column("api_client", "requests_per_minute")
    op.drop_column("role_grant", "ended_by")
    op.drop_column("role_grant", "reason")
    op.execute("DELETE FROM auth_session USING account WHERE account.id = auth_session.account_id AND kind = 'owner'")
    op.execute("DELETE FROM account WHERE kind = 'owner'")
    op.drop_constraint(op.f("ck_account_owners_have_a_record"), "account", type_="check")
    op.drop_constraint(op.f(_KINDS), "account", type_="check")
    op.create_check_constraint(op.f(_KINDS), "account", "kind IN ('staff', 'firm_user')")
    op.drop_column("account", "must_change_password")
    op.drop_column("account", "owner_id")
