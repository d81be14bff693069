"""Changes of a partner firm's bank account, which a second person confirms; to which account a firm was paid."""

import sqlalchemy as sa
from alembic import op

revision = "firm_bank"
down_revision = "lent_hands"
branch_labels = None
depends_on = None

_STATUSES = ("submitted", "confirmed", "rejected", "withdrawn")
_VERIFICATIONS = ("called_back", "in_person", "trial_transfer")
_PAID = ("settlement", "retention_release")
_PAID_COLUMNS = ("paid_bank_name", "paid_account_holder", "paid_account_masked")


def upgrade() -> None:
    """Add the table and the columns."""
    # A number that is on record already may have been entered yesterday: it counts from the last change of the firm.
    op.add_column(
        "firm",
        sa.Column("contact_phone_set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.execute("UPDATE firm SET contact_phone_set_at = updated_at")
    op.add_column("firm_disclosure", sa.Column("ticket_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_firm_disclosure_ticket_id"), "firm_disclosure", "ticket", ["ticket_id"], ["id"])
    op.create_index("ix_firm_disclosure_actor", "firm_disclosure", ["actor_id", "at"])
    _changes()
    for table in _PAID:
        op.add_column(table, sa.Column("payee_change_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}_payee_change_id"), table, "firm_bank_account_change", ["payee_change_id"], ["id"]
        )
        for column in _PAID_COLUMNS:
            op.add_column(table, sa.Column(column, sa.Text(), nullable=True))


def _changes() -> None:
    op.create_table(
        "firm_bank_account_change",
        sa.Column("firm_id", sa.Uuid(), nullable=False),
        sa.Column("status", _words("account_change_status", *_STATUSES), nullable=False),
        sa.Column("bank_name", sa.Text(), nullable=False),
        sa.Column("account_holder", sa.Text(), nullable=False),
        sa.Column("account_encrypted", sa.LargeBinary(), nullable=False),
        sa.Column("account_masked", sa.Text(), nullable=False),
        sa.Column("former_bank_name", sa.Text(), nullable=True),
        sa.Column("former_account_holder", sa.Text(), nullable=True),
        sa.Column("former_account_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("former_account_masked", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence_file_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("entered_by", sa.Uuid(), nullable=False),
        sa.Column("entered_by_name", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("makers", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("verification", _words("account_verification", *_VERIFICATIONS), nullable=True),
        sa.Column("verification_note", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_by_name", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("checkers", sa.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(status = 'submitted') = (decided_by IS NULL)",
            name=op.f("ck_firm_bank_account_change_decided_by_somebody"),
        ),
        sa.CheckConstraint(
            "(status = 'confirmed') = (verification IS NOT NULL) AND NOT (makers && checkers)",
            name=op.f("ck_firm_bank_account_change_confirmed_by_another"),
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.id"], name=op.f("fk_firm_bank_account_change_firm_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_firm_bank_account_change")),
    )
    op.create_index("ix_firm_bank_account_change_firm", "firm_bank_account_change", ["firm_id", "id"])
    op.create_index(
        "uq_firm_bank_account_change_open",
        "firm_bank_account_change",
        ["firm_id"],
        unique=True,
        postgresql_where=sa.text("status = 'submitted'"),
    )


def _words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def downgrade() -> None:
    """Take them away again; accounts that were confirmed stay with the firms."""
    for table in _PAID:
        for column in (*_PAID_COLUMNS, "payee_change_id"):
            op.drop_column(table, column)
    op.drop_table("firm_bank_account_change")
    op.drop_index("ix_firm_disclosure_actor", "firm_disclosure")
    op.drop_column("firm_disclosure", "ticket_id")
    op.drop_column("firm", "contact_phone_set_at")
