"""Final accounts, settlements, the append-only ledger and releases of retention."""

import sqlalchemy as sa
from alembic import op

revision = "settlements"
down_revision = "house"
branch_labels = None
depends_on = None

APPEND_ONLY = ("ledger_entry", "ledger_posting", "account_hand", "contractor_reply", "dispute_resolution")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "ledger_account",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "retention",
                "contractor_claim",
                "property_payable",
                "company_cost",
                "withheld_price",
                "bank",
                name="ledger_account_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("contract_id", sa.Uuid(), nullable=True),
        sa.Column("firm_id", sa.Uuid(), nullable=True),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("balance_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "CASE kind "
            "WHEN 'retention' THEN contract_id IS NOT NULL AND firm_id IS NOT NULL AND project_id IS NOT NULL "
            "WHEN 'contractor_claim' THEN firm_id IS NOT NULL AND project_id IS NULL "
            "WHEN 'property_payable' THEN firm_id IS NOT NULL AND project_id IS NULL "
            "WHEN 'bank' THEN firm_id IS NULL AND project_id IS NULL "
            "ELSE firm_id IS NULL AND project_id IS NOT NULL END AND (kind = 'retention') = (contract_id IS NOT NULL)",
            name=op.f("ck_ledger_account_owner_by_kind"),
        ),
        sa.CheckConstraint(
            "kind NOT IN ('contractor_claim', 'company_cost', 'withheld_price') OR balance_fen <= 0",
            name=op.f("ck_ledger_account_debit_side_not_above_zero"),
        ),
        sa.CheckConstraint(
            "kind NOT IN ('retention', 'property_payable') OR balance_fen >= 0",
            name=op.f("ck_ledger_account_credit_side_not_below_zero"),
        ),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["construction_contract.id"], name=op.f("fk_ledger_account_contract_id")
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.id"], name=op.f("fk_ledger_account_firm_id")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_ledger_account_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_account")),
        sa.UniqueConstraint("code", name=op.f("uq_ledger_account_code")),
    )
    op.create_index(
        "ix_ledger_account_project",
        "ledger_account",
        ["project_id", "id"],
        unique=False,
        postgresql_where=sa.text("kind = 'retention'"),
    )
    op.create_index(
        "ix_ledger_account_retention",
        "ledger_account",
        ["firm_id", "id"],
        unique=False,
        postgresql_where=sa.text("kind = 'retention'"),
    )
    op.create_table(
        "final_account",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("work_order_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("firm_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "awaiting_approval",
                "submitted",
                "returned",
                "audited",
                "settled",
                name="account_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("audited_total_fen", sa.BigInteger(), nullable=True),
        sa.Column(
            "department",
            sa.Enum(
                "customer_service",
                "audit_department",
                name="audit_department",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("audit_threshold_fen", sa.BigInteger(), nullable=False),
        sa.Column("prepared_by", sa.Uuid(), nullable=False),
        sa.Column("prepared_by_name", sa.Text(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=True),
        sa.Column("approved_fen", sa.BigInteger(), nullable=True),
        sa.Column("return_reason", sa.Text(), nullable=True),
        sa.Column("returned_by_name", sa.Text(), nullable=True),
        sa.Column("audited_by", sa.Uuid(), nullable=True),
        sa.Column("audited_by_name", sa.Text(), nullable=True),
        sa.Column("audited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("policy_snapshot_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(department = 'audit_department') = (total_fen >= audit_threshold_fen)",
            name=op.f("ck_final_account_department_by_total"),
        ),
        sa.CheckConstraint(
            "(status IN ('audited', 'settled')) = (audited_total_fen IS NOT NULL)",
            name=op.f("ck_final_account_audited_has_a_total"),
        ),
        sa.CheckConstraint(
            "audited_total_fen BETWEEN 1 AND total_fen", name=op.f("ck_final_account_audited_at_most_claimed")
        ),
        sa.CheckConstraint("total_fen > 0", name=op.f("ck_final_account_total")),
        sa.ForeignKeyConstraint(["approval_id"], ["approval.id"], name=op.f("fk_final_account_approval_id")),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.id"], name=op.f("fk_final_account_firm_id")),
        sa.ForeignKeyConstraint(
            ["policy_snapshot_id"], ["policy_snapshot.id"], name=op.f("fk_final_account_policy_snapshot_id")
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_final_account_project_id")),
        sa.ForeignKeyConstraint(["team_id"], ["repair_team.id"], name=op.f("fk_final_account_team_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_final_account_ticket_id")),
        sa.ForeignKeyConstraint(["work_order_id"], ["work_order.id"], name=op.f("fk_final_account_work_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_final_account")),
        sa.UniqueConstraint("number", name=op.f("uq_final_account_number")),
        sa.UniqueConstraint("work_order_id", name=op.f("uq_final_account_work_order_id")),
    )
    op.create_index("ix_final_account_firm", "final_account", ["firm_id", "id"], unique=False)
    op.create_index("ix_final_account_project", "final_account", ["project_id", "id"], unique=False)
    op.create_index("ix_final_account_status", "final_account", ["status", "id"], unique=False)
    op.create_index("ix_final_account_ticket", "final_account", ["ticket_id"], unique=False)
    op.create_table(
        "account_hand",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "part",
            sa.Enum(
                "estimated",
                "completed",
                "prepared",
                "audited",
                "written",
                "notified",
                "corrected",
                "determined",
                "certified",
                "paid",
                "reversed",
                name="part",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["account_id"], ["final_account.id"], name=op.f("fk_account_hand_account_id")),
        sa.PrimaryKeyConstraint("account_id", "person_id", "part", name=op.f("pk_account_hand")),
    )
    op.create_table(
        "final_account_line",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column(
            "trade",
            sa.Enum(
                "waterproofing",
                "plumbing",
                "electrics",
                "hvac",
                "masonry",
                "tiling",
                "painting",
                "carpentry",
                "doors_windows",
                "equipment",
                name="trade",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=12, scale=3), nullable=False),
        sa.Column("unit_price_fen", sa.BigInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("audited_amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("audit_comment", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "audited_amount_fen BETWEEN 0 AND amount_fen", name=op.f("ck_final_account_line_audited_at_most_claimed")
        ),
        sa.CheckConstraint(
            "quantity > 0 AND unit_price_fen > 0 AND amount_fen >= 0", name=op.f("ck_final_account_line_amounts")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["final_account.id"], name=op.f("fk_final_account_line_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_final_account_line")),
        sa.UniqueConstraint("account_id", "position", name=op.f("uq_final_account_line_account_id_position")),
    )
    op.create_table(
        "settlement",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("final_account_id", sa.Uuid(), nullable=False),
        sa.Column("work_order_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("firm_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("A", "B", "none", name="repair_class", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("contract_id", sa.Uuid(), nullable=True),
        sa.Column("contractor_firm_id", sa.Uuid(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "written",
                "notified",
                "reminded",
                "confirmed",
                "deemed_confirmed",
                "disputed",
                "determined",
                "certified",
                "paid",
                name="settlement_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("contractor_share_fen", sa.BigInteger(), nullable=False),
        sa.Column("written_by", sa.Uuid(), nullable=False),
        sa.Column("written_by_name", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), server_default="1", nullable=False),
        sa.Column("notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "contractor_answer",
            sa.Enum(
                "confirmed",
                "refused",
                "partly",
                "deemed",
                name="contractor_answer",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("certified_by", sa.Uuid(), nullable=True),
        sa.Column("certified_by_name", sa.Text(), nullable=True),
        sa.Column("certified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("certification_opinion", sa.Text(), nullable=True),
        sa.Column("paid_by", sa.Uuid(), nullable=True),
        sa.Column("paid_by_name", sa.Text(), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("payments", sa.Integer(), server_default="0", nullable=False),
        sa.Column("payment_entry_id", sa.Uuid(), nullable=True),
        sa.Column("payment_reference", sa.Text(), nullable=True),
        sa.Column("deducted_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("claimed_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("policy_snapshot_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'A') = (contractor_share_fen > 0)", name=op.f("ck_settlement_only_class_a_has_a_share")
        ),
        sa.CheckConstraint(
            "(status = 'paid') = (payment_entry_id IS NOT NULL) AND (status = 'paid') = (paid_by IS NOT NULL)",
            name=op.f("ck_settlement_paid_has_an_entry"),
        ),
        sa.CheckConstraint(
            "kind = 'B' OR (contract_id IS NOT NULL AND contractor_firm_id IS NOT NULL)",
            name=op.f("ck_settlement_class_a_has_a_contract"),
        ),
        sa.CheckConstraint("kind IN ('A', 'B')", name=op.f("ck_settlement_kind_is_a_or_b")),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_settlement_amount")),
        sa.CheckConstraint(
            "contractor_share_fen BETWEEN 0 AND amount_fen", name=op.f("ck_settlement_share_at_most_amount")
        ),
        sa.CheckConstraint(
            "deducted_fen + claimed_fen IN (0, contractor_share_fen)", name=op.f("ck_settlement_deducted_and_claimed")
        ),
        sa.ForeignKeyConstraint(["contract_id"], ["construction_contract.id"], name=op.f("fk_settlement_contract_id")),
        sa.ForeignKeyConstraint(["contractor_firm_id"], ["firm.id"], name=op.f("fk_settlement_contractor_firm_id")),
        sa.ForeignKeyConstraint(
            ["final_account_id"], ["final_account.id"], name=op.f("fk_settlement_final_account_id")
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.id"], name=op.f("fk_settlement_firm_id")),
        sa.ForeignKeyConstraint(
            ["policy_snapshot_id"], ["policy_snapshot.id"], name=op.f("fk_settlement_policy_snapshot_id")
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_settlement_project_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_settlement_ticket_id")),
        sa.ForeignKeyConstraint(["work_order_id"], ["work_order.id"], name=op.f("fk_settlement_work_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement")),
        sa.UniqueConstraint("final_account_id", name=op.f("uq_settlement_final_account_id")),
        sa.UniqueConstraint("number", name=op.f("uq_settlement_number")),
    )
    op.create_index("ix_settlement_contract", "settlement", ["contract_id"], unique=False)
    op.create_index("ix_settlement_contractor", "settlement", ["contractor_firm_id", "id"], unique=False)
    op.create_index("ix_settlement_firm", "settlement", ["firm_id", "id"], unique=False)
    op.create_index("ix_settlement_project", "settlement", ["project_id", "id"], unique=False)
    op.create_index("ix_settlement_status", "settlement", ["status", "id"], unique=False)
    op.create_index("ix_settlement_ticket", "settlement", ["ticket_id"], unique=False)
    op.create_index(op.f("ix_settlement_work_order_id"), "settlement", ["work_order_id"], unique=False)
    op.create_table(
        "contractor_reply",
        sa.Column("settlement_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("asked_fen", sa.BigInteger(), nullable=False),
        sa.Column(
            "answer",
            sa.Enum(
                "confirmed",
                "refused",
                "partly",
                "deemed",
                name="contractor_answer",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("confirmed_fen", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=False),
        sa.Column("answered_by_name", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(answer = 'partly') = (confirmed_fen IS NOT NULL)", name=op.f("ck_contractor_reply_partly_names_an_amount")
        ),
        sa.ForeignKeyConstraint(["settlement_id"], ["settlement.id"], name=op.f("fk_contractor_reply_settlement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contractor_reply")),
        sa.UniqueConstraint("settlement_id", "round", name=op.f("uq_contractor_reply_settlement_id_round")),
    )
    op.create_table(
        "dispute_resolution",
        sa.Column("settlement_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "corrected_amount",
                "determination",
                "moved_to_b",
                name="resolution_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("contractor_share_fen", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("resolved_by", sa.Uuid(), nullable=False),
        sa.Column("resolved_by_name", sa.Text(), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["settlement_id"], ["settlement.id"], name=op.f("fk_dispute_resolution_settlement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_resolution")),
        sa.UniqueConstraint("settlement_id", "round", name=op.f("uq_dispute_resolution_settlement_id_round")),
    )
    op.create_table(
        "ledger_entry",
        sa.Column(
            "kind",
            sa.Enum(
                "retention_opening",
                "settlement_payment",
                "payment_reversal",
                "retention_release",
                name="ledger_entry_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=True),
        sa.Column("settlement_id", sa.Uuid(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=True),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        sa.Column("memo", sa.Text(), nullable=False),
        sa.Column("posted_by", sa.Uuid(), nullable=False),
        sa.Column("posted_by_name", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'payment_reversal') = (reverses_id IS NOT NULL)",
            name=op.f("ck_ledger_entry_reversal_names_its_entry"),
        ),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["construction_contract.id"], name=op.f("fk_ledger_entry_contract_id")
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_ledger_entry_project_id")),
        sa.ForeignKeyConstraint(["reverses_id"], ["ledger_entry.id"], name=op.f("fk_ledger_entry_reverses_id")),
        sa.ForeignKeyConstraint(["settlement_id"], ["settlement.id"], name=op.f("fk_ledger_entry_settlement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_ledger_entry_reverses_id")),
        sa.UniqueConstraint("settlement_id", "kind", "round", name=op.f("uq_ledger_entry_settlement_id_kind_round")),
    )
    op.create_index("ix_ledger_entry_contract", "ledger_entry", ["contract_id", "id"], unique=False)
    op.create_index("ix_ledger_entry_project", "ledger_entry", ["project_id", "id"], unique=False)
    op.create_table(
        "ledger_posting",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("debit_account_id", sa.Uuid(), nullable=False),
        sa.Column("credit_account_id", sa.Uuid(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("debit_balance_fen", sa.BigInteger(), nullable=False),
        sa.Column("credit_balance_fen", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_ledger_posting_positive")),
        sa.CheckConstraint("debit_account_id <> credit_account_id", name=op.f("ck_ledger_posting_two_accounts")),
        sa.ForeignKeyConstraint(
            ["credit_account_id"], ["ledger_account.id"], name=op.f("fk_ledger_posting_credit_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["debit_account_id"], ["ledger_account.id"], name=op.f("fk_ledger_posting_debit_account_id")
        ),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"], name=op.f("fk_ledger_posting_entry_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_posting")),
        sa.UniqueConstraint("entry_id", "position", name=op.f("uq_ledger_posting_entry_id_position")),
    )
    op.create_index("ix_ledger_posting_credit", "ledger_posting", ["credit_account_id", "id"], unique=False)
    op.create_index("ix_ledger_posting_debit", "ledger_posting", ["debit_account_id", "id"], unique=False)
    op.create_table(
        "retention_release",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("firm_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "requested",
                "supported",
                "opposed",
                "released",
                "withdrawn",
                name="release_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("requested_by_name", sa.Text(), nullable=False),
        sa.Column("opinion", sa.Text(), nullable=True),
        sa.Column("opinion_by", sa.Uuid(), nullable=True),
        sa.Column("opinion_by_name", sa.Text(), nullable=True),
        sa.Column("opinion_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.Uuid(), nullable=True),
        sa.Column("released_by_name", sa.Text(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(status = 'released') = (entry_id IS NOT NULL)", name=op.f("ck_retention_release_released_has_an_entry")
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_retention_release_amount")),
        sa.ForeignKeyConstraint(["account_id"], ["ledger_account.id"], name=op.f("fk_retention_release_account_id")),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["construction_contract.id"], name=op.f("fk_retention_release_contract_id")
        ),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"], name=op.f("fk_retention_release_entry_id")),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.id"], name=op.f("fk_retention_release_firm_id")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_retention_release_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_release")),
    )
    op.create_index("ix_retention_release_account", "retention_release", ["account_id", "id"], unique=False)
    op.create_index(
        "uq_retention_release_open",
        "retention_release",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('requested', 'supported')"),
    )

    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    """Take back."""
    for table in APPEND_ONLY:
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
    op.drop_index(
        "uq_retention_release_open",
        table_name="retention_release",
        postgresql_where=sa.text("status IN ('requested', 'supported')"),
    )
    op.drop_index("ix_retention_release_account", table_name="retention_release")
    op.drop_table("retention_release")
    op.drop_index("ix_ledger_posting_debit", table_name="ledger_posting")
    op.drop_index("ix_ledger_posting_credit", table_name="ledger_posting")
    op.drop_table("ledger_posting")
    op.drop_index("ix_ledger_entry_project", table_name="ledger_entry")
    op.drop_index("ix_ledger_entry_contract", table_name="ledger_entry")
    op.drop_table("ledger_entry")
    op.drop_table("dispute_resolution")
    op.drop_table("contractor_reply")
    op.drop_index(op.f("ix_settlement_work_order_id"), table_name="settlement")
    op.drop_index("ix_settlement_ticket", table_name="settlement")
    op.drop_index("ix_settlement_status", table_name="settlement")
    op.drop_index("ix_settlement_project", table_name="settlement")
    op.drop_index("ix_settlement_firm", table_name="settlement")
    op.drop_index("ix_settlement_contractor", table_name="settlement")
    op.drop_index("ix_settlement_contract", table_name="settlement")
    op.drop_table("settlement")
    op.drop_table("final_account_line")
    op.drop_table("account_hand")
    op.drop_index("ix_final_account_ticket", table_name="final_account")
    op.drop_index("ix_final_account_status", table_name="final_account")
    op.drop_index("ix_final_account_project", table_name="final_account")
    op.drop_index("ix_final_account_firm", table_name="final_account")
    op.drop_table("final_account")
    op.drop_index(
        "ix_ledger_account_retention", table_name="ledger_account", postgresql_where=sa.text("kind = 'retention'")
    )
    op.drop_index(
        "ix_ledger_account_project", table_name="ledger_account", postgresql_where=sa.text("kind = 'retention'")
    )
    op.drop_table("ledger_account")
