"""Owner records: contacts, households, groups, consents, change requests, merges, transfers, information audits."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "owner_records"
down_revision = "audit"
branch_labels = None
depends_on = None

_NUMBER_KINDS = ("bg", "gh")
"""Change requests and transfers have numbers for people (`core.numbers`)."""

# A case that is registered while its owner is being merged away waits for the merge at the foreign key, and would then
# stand on the record that only keeps the past. This trigger fires after that wait, sees the merge and follows it.
_FOLLOW = """
CREATE FUNCTION follow_merged_owner() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ticket SET owner_id = owner.merged_into
      FROM owner
     WHERE ticket.id = NEW.id AND owner.id = NEW.owner_id AND owner.merged_into IS NOT NULL;
    RETURN NULL;
END $$
"""
# Triggers of one event fire in order of name: this one after those of the foreign keys, which begin with RI.
_FOLLOWS = """
CREATE TRIGGER ticket_follows_merged_owner AFTER INSERT ON ticket
FOR EACH ROW WHEN (NEW.owner_id IS NOT NULL) EXECUTE FUNCTION follow_merged_owner()
"""
# One household for each home that is lived in; the home's id, older than any row to come, keeps the order.
_OCCUPANCIES = """
INSERT INTO unit_occupancy (id, unit_id, moved_in_on, recorded_at)
SELECT id, id, moved_in_on, now() FROM unit WHERE moved_in_on IS NOT NULL
"""


def upgrade() -> None:
    """Apply."""
    _records()
    _changes()
    _owners()
    op.execute(_OCCUPANCIES)
    for kind in _NUMBER_KINDS:
        op.execute(f"CREATE SEQUENCE number_seq_{kind}")
    op.execute(_FOLLOW)
    op.execute(_FOLLOWS)


def _records() -> None:
    op.create_table(
        "owner_tag",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owner_tag")),
        sa.UniqueConstraint("code", name=op.f("uq_owner_tag_code")),
    )
    op.create_table(
        "owner_tagging",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("tag_id", sa.Uuid(), nullable=False),
        sa.Column("tagged_by", sa.Uuid(), nullable=False),
        sa.Column("tagged_by_name", sa.Text(), nullable=False),
        sa.Column("tagged_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["owner.id"], name=op.f("fk_owner_tagging_owner_id")),
        sa.ForeignKeyConstraint(["tag_id"], ["owner_tag.id"], name=op.f("fk_owner_tagging_tag_id")),
        sa.PrimaryKeyConstraint("owner_id", "tag_id", name=op.f("pk_owner_tagging")),
    )
    op.create_index("ix_owner_tagging_tag", "owner_tagging", ["tag_id", "owner_id"], unique=False)
    op.create_table(
        "owner_group",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("seen_by", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_owner_group_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owner_group")),
        sa.UniqueConstraint("code", name=op.f("uq_owner_group_code")),
    )
    op.create_index(op.f("ix_owner_group_project_id"), "owner_group", ["project_id"], unique=False)
    op.create_table(
        "owner_group_member",
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("to_date", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("assigned_by", sa.Uuid(), nullable=False),
        sa.Column("assigned_by_name", sa.Text(), nullable=False),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("to_date IS NULL OR to_date >= from_date", name=op.f("ck_owner_group_member_period")),
        sa.ForeignKeyConstraint(["group_id"], ["owner_group.id"], name=op.f("fk_owner_group_member_group_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["owner.id"], name=op.f("fk_owner_group_member_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owner_group_member")),
    )
    op.create_index("ix_owner_group_member_group", "owner_group_member", ["group_id", "id"], unique=False)
    op.create_index("ix_owner_group_member_owner", "owner_group_member", ["owner_id", "id"], unique=False)
    op.create_index(
        "uq_owner_group_member_present",
        "owner_group_member",
        ["group_id", "owner_id"],
        unique=True,
        postgresql_where=sa.text("to_date IS NULL"),
    )
    op.create_table(
        "household",
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("to_date", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("to_date IS NULL OR to_date >= from_date", name=op.f("ck_household_period")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_household_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household")),
    )
    op.create_index("ix_household_unit", "household", ["unit_id", "id"], unique=False)
    op.create_table(
        "unit_occupancy",
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("moved_in_on", sa.Date(), nullable=False),
        sa.Column("moved_out_on", sa.Date(), nullable=True),
        sa.Column(
            "occupied_by",
            sa.Enum(
                "owner",
                "family",
                "tenant",
                "other",
                name="occupied_by",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_by_name", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "moved_out_on IS NULL OR moved_out_on >= moved_in_on", name=op.f("ck_unit_occupancy_period")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_unit_occupancy_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_occupancy")),
    )
    op.create_index("ix_unit_occupancy_unit", "unit_occupancy", ["unit_id", "id"], unique=False)
    op.create_index(
        "uq_unit_occupancy_open",
        "unit_occupancy",
        ["unit_id"],
        unique=True,
        postgresql_where=sa.text("moved_out_on IS NULL"),
    )
    op.create_table(
        "consent",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "service_calls",
                "satisfaction_surveys",
                "marketing",
                "events",
                "share_with_property_company",
                "share_with_contractor",
                "recordings",
                "photographs",
                name="consent_purpose",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "paper_form",
                "phone",
                "wechat",
                "sms",
                "visit",
                "portal",
                "letter",
                name="consent_channel",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("text_version", sa.Text(), nullable=True),
        sa.Column("evidence_file_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_by_name", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["evidence_file_id"], ["file_object.id"], name=op.f("fk_consent_evidence_file_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["owner.id"], name=op.f("fk_consent_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index("ix_consent_owner", "consent", ["owner_id", "purpose", "at", "id"], unique=False)
    op.create_table(
        "owner_contact_person",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "relation",
            sa.Enum(
                "spouse",
                "parent",
                "child",
                "relative",
                "friend",
                "agent",
                "tenant",
                "employee",
                "other",
                name="contact_relation",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("is_emergency", sa.Boolean(), nullable=False),
        sa.Column("number_encrypted", sa.LargeBinary(), nullable=False),
        sa.Column("number_index", sa.LargeBinary(), nullable=False),
        sa.Column("number_masked", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("may_speak_for_owner", sa.Boolean(), nullable=False),
        sa.Column("authorisation", sa.Text(), nullable=True),
        sa.Column("authorisation_file_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_by_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "NOT may_speak_for_owner OR authorisation IS NOT NULL",
            name=op.f("ck_owner_contact_person_speaks_with_authorisation"),
        ),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("ck_owner_contact_person_period")),
        sa.ForeignKeyConstraint(
            ["authorisation_file_id"], ["file_object.id"], name=op.f("fk_owner_contact_person_authorisation_file_id")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["owner.id"], name=op.f("fk_owner_contact_person_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owner_contact_person")),
    )
    op.create_index("ix_owner_contact_person_number", "owner_contact_person", ["number_index"], unique=False)
    op.create_index("ix_owner_contact_person_owner", "owner_contact_person", ["owner_id", "id"], unique=False)
    op.create_table(
        "household_member",
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("relation", sa.Text(), nullable=True),
        sa.Column("is_head", sa.Boolean(), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("to_date", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("num_nonnulls(owner_id, contact_id, name) = 1", name=op.f("ck_household_member_one_person")),
        sa.CheckConstraint("to_date IS NULL OR to_date >= from_date", name=op.f("ck_household_member_period")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["owner_contact_person.id"], name=op.f("fk_household_member_contact_id")
        ),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_household_member_household_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["owner.id"], name=op.f("fk_household_member_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household_member")),
    )
    op.create_index("ix_household_member_household", "household_member", ["household_id", "id"], unique=False)
    op.create_index("ix_household_member_owner", "household_member", ["owner_id"], unique=False)
    op.create_index(
        "uq_household_member_head",
        "household_member",
        ["household_id"],
        unique=True,
        postgresql_where=sa.text("is_head AND to_date IS NULL"),
    )
    op.create_index(
        "uq_household_member_present",
        "household_member",
        ["household_id", "owner_id"],
        unique=True,
        postgresql_where=sa.text("owner_id IS NOT NULL AND to_date IS NULL"),
    )


def _changes() -> None:
    op.create_table(
        "owner_change",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "submitted",
                "verified",
                "applied",
                "rejected",
                "withdrawn",
                name="change_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("fields", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("submitted_encrypted", sa.LargeBinary(), nullable=False),
        sa.Column("former_encrypted", sa.LargeBinary(), nullable=False),
        sa.Column("submitted_masked", postgresql.JSONB(), nullable=False),
        sa.Column("former_masked", postgresql.JSONB(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "phone",
                "visit",
                "wechat",
                "letter",
                "email",
                "portal",
                "audit",
                name="change_channel",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("evidence_file_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("entered_by", sa.Uuid(), nullable=False),
        sa.Column("entered_by_kind", sa.Text(), nullable=False),
        sa.Column("entered_by_name", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_by", sa.Uuid(), nullable=True),
        sa.Column("verified_by_name", sa.Text(), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "verification",
            sa.Enum(
                "called_back",
                "saw_document",
                "met_in_person",
                "saw_certificate",
                name="verification",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("verification_note", sa.Text(), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_by_name", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["owner.id"], name=op.f("fk_owner_change_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owner_change")),
        sa.UniqueConstraint("number", name=op.f("uq_owner_change_number")),
    )
    op.create_index("ix_owner_change_owner", "owner_change", ["owner_id", "id"], unique=False)
    op.create_index("ix_owner_change_status", "owner_change", ["status", "id"], unique=False)
    op.create_table(
        "owner_distinct",
        sa.Column("first_id", sa.Uuid(), nullable=False),
        sa.Column("second_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("decided_by_name", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_owner_distinct_in_order")),
        sa.ForeignKeyConstraint(["first_id"], ["owner.id"], name=op.f("fk_owner_distinct_first_id")),
        sa.ForeignKeyConstraint(["second_id"], ["owner.id"], name=op.f("fk_owner_distinct_second_id")),
        sa.PrimaryKeyConstraint("first_id", "second_id", name=op.f("pk_owner_distinct")),
    )
    op.create_index(op.f("ix_owner_distinct_second_id"), "owner_distinct", ["second_id"], unique=False)
    op.create_table(
        "owner_merge",
        sa.Column("survivor_id", sa.Uuid(), nullable=False),
        sa.Column("merged_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("moved", postgresql.JSONB(), nullable=False),
        sa.Column("merged_by", sa.Uuid(), nullable=False),
        sa.Column("merged_by_name", sa.Text(), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("survivor_id <> merged_id", name=op.f("ck_owner_merge_two_records")),
        sa.ForeignKeyConstraint(["merged_id"], ["owner.id"], name=op.f("fk_owner_merge_merged_id")),
        sa.ForeignKeyConstraint(["survivor_id"], ["owner.id"], name=op.f("fk_owner_merge_survivor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owner_merge")),
        sa.UniqueConstraint("merged_id", name=op.f("uq_owner_merge_merged_id")),
    )
    op.create_index("ix_owner_merge_survivor", "owner_merge", ["survivor_id"], unique=False)
    op.create_table(
        "information_audit",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("checked_fields", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "method",
            sa.Enum(
                "called_back",
                "saw_document",
                "met_in_person",
                "saw_certificate",
                name="verification",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "outcome",
            sa.Enum(
                "accurate",
                "corrected",
                "unreachable",
                name="audit_outcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("change_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("checked_by", sa.Uuid(), nullable=False),
        sa.Column("checked_by_name", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(outcome = 'corrected') = (change_id IS NOT NULL)",
            name=op.f("ck_information_audit_corrections_have_a_request"),
        ),
        sa.ForeignKeyConstraint(["change_id"], ["owner_change.id"], name=op.f("fk_information_audit_change_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["owner.id"], name=op.f("fk_information_audit_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_information_audit")),
    )
    op.create_index("ix_information_audit_owner", "information_audit", ["owner_id", "id"], unique=False)
    op.create_table(
        "ownership_transfer",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("contract_number", sa.Text(), nullable=True),
        sa.Column("contract_signed_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("evidence_file_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("ended_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_by_name", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_ownership_transfer_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ownership_transfer")),
        sa.UniqueConstraint("number", name=op.f("uq_ownership_transfer_number")),
    )
    op.create_index(op.f("ix_ownership_transfer_unit_id"), "ownership_transfer", ["unit_id"], unique=False)


def _owners() -> None:
    op.add_column("owner_phone", sa.Column("may_log_in", sa.Boolean(), server_default=sa.text("true"), nullable=False))
    op.add_column("owner", sa.Column("special_needs", sa.Text(), nullable=True))
    op.add_column(
        "owner",
        sa.Column(
            "preferred_channel",
            sa.Enum(
                "phone",
                "sms",
                "wechat",
                "email",
                "visit",
                "letter",
                name="preferred_channel",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
    )
    op.add_column("owner", sa.Column("preferred_times", sa.Text(), nullable=True))
    op.add_column("owner", sa.Column("language", sa.Text(), nullable=True))
    op.add_column("owner", sa.Column("purchase_need", postgresql.JSONB(none_as_null=True), nullable=True))
    op.add_column("owner", sa.Column("checked_on", sa.Date(), nullable=True))
    op.add_column("owner", sa.Column("merged_into", sa.Uuid(), nullable=True))
    op.add_column("owner", sa.Column("merged_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_owner_merged_into",
        "owner",
        ["merged_into"],
        unique=False,
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_foreign_key(op.f("fk_owner_merged_into"), "owner", "owner", ["merged_into"], ["id"])
    op.create_check_constraint(op.f("ck_owner_not_into_itself"), "owner", "merged_into <> id")
    op.add_column("ownership", sa.Column("purchase_place", sa.Text(), nullable=True))
    op.add_column("ownership", sa.Column("deposit_fen", sa.BigInteger(), nullable=True))
    op.add_column("ownership", sa.Column("first_payment_fen", sa.BigInteger(), nullable=True))
    op.add_column(
        "ownership",
        sa.Column(
            "filing_status",
            sa.Enum(
                "draft",
                "submitted",
                "filed",
                "returned",
                name="filing_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="draft",
            nullable=False,
        ),
    )
    op.add_column("ownership", sa.Column("edited_by", sa.Uuid(), nullable=True))
    op.add_column("ownership", sa.Column("submitted_by", sa.Uuid(), nullable=True))
    op.add_column("ownership", sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("ownership", sa.Column("reviewed_by", sa.Uuid(), nullable=True))
    op.add_column("ownership", sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("ownership", sa.Column("review_note", sa.Text(), nullable=True))
    op.add_column("ownership", sa.Column("transfer_id", sa.Uuid(), nullable=True))
    op.create_index(op.f("ix_ownership_transfer_id"), "ownership", ["transfer_id"], unique=False)
    op.create_foreign_key(op.f("fk_ownership_transfer_id"), "ownership", "ownership_transfer", ["transfer_id"], ["id"])


def downgrade() -> None:
    """Undo; merged records stand by themselves again, without what was moved."""
    op.execute("DROP TRIGGER ticket_follows_merged_owner ON ticket")
    op.execute("DROP FUNCTION follow_merged_owner()")
    for kind in _NUMBER_KINDS:
        op.execute(f"DROP SEQUENCE number_seq_{kind}")
    op.drop_column("owner_phone", "may_log_in")
    op.drop_constraint(op.f("fk_ownership_transfer_id"), "ownership", type_="foreignkey")
    op.drop_index(op.f("ix_ownership_transfer_id"), table_name="ownership")
    op.drop_column("ownership", "transfer_id")
    op.drop_column("ownership", "review_note")
    op.drop_column("ownership", "reviewed_at")
    op.drop_column("ownership", "reviewed_by")
    op.drop_column("ownership", "submitted_at")
    op.drop_column("ownership", "submitted_by")
    op.drop_column("ownership", "edited_by")
    op.drop_column("ownership", "filing_status")
    op.drop_column("ownership", "first_payment_fen")
    op.drop_column("ownership", "deposit_fen")
    op.drop_column("ownership", "purchase_place")
    op.drop_constraint(op.f("fk_owner_merged_into"), "owner", type_="foreignkey")
    op.drop_index("ix_owner_merged_into", table_name="owner", postgresql_where=sa.text("merged_into IS NOT NULL"))
    op.drop_column("owner", "merged_at")
    op.drop_column("owner", "merged_into")
    op.drop_column("owner", "checked_on")
    op.drop_column("owner", "purchase_need")
    op.drop_column("owner", "language")
    op.drop_column("owner", "preferred_times")
    op.drop_column("owner", "preferred_channel")
    op.drop_column("owner", "special_needs")
    op.drop_table("household_member")
    op.drop_table("owner_contact_person")
    op.drop_table("consent")
    op.drop_table("unit_occupancy")
    op.drop_table("ownership_transfer")
    op.drop_table("household")
    op.drop_table("owner_group_member")
    op.drop_table("owner_group")
    op.drop_table("information_audit")
    op.drop_table("owner_tagging")
    op.drop_table("owner_merge")
    op.drop_table("owner_distinct")
    op.drop_table("owner_change")
    op.drop_table("owner_tag")
