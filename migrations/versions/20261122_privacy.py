"""Privacy: key rotation, looks, requests of the persons concerned, records of sharing."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from ownercare_api.core.crypto import Keyring, load_master_key
from ownercare_api.core.phones import mask_phone
from ownercare_api.core.settings import Settings

revision = "privacy"
down_revision = "owner_records"
branch_labels = None
depends_on = None

_KINDS = ("copy", "correction", "restriction", "erasure", "objection")
_STATUSES = ("received", "approved", "in_force", "done", "refused", "withdrawn", "lifted")
_CHANNELS = ("phone", "visit", "letter", "email", "wechat", "portal")
_CHECKS = ("saw_document", "called_back", "one_time_code", "authorised_agent", "next_of_kin")
_GROUNDS = ("open_cases", "warranty_running", "unpaid", "statutory_retention", "not_identified", "unfounded")

# Looks are kept for three years, whoever asks for less: the function runs as the owner of the tables, for the role of
# the application may not delete from them.
_FORGET_LOOKS = """
CREATE FUNCTION forget_looks(before timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    gone bigint;
BEGIN
    IF before IS NULL OR before > now() - interval '1095 days' THEN
        RAISE EXCEPTION 'looks at personal data are kept for 1095 days' USING ERRCODE = 'insufficient_privilege';
    END IF;
    DELETE FROM disclosure WHERE at < before;
    DELETE FROM owner_look WHERE at < before;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$
"""


# Looks and disclosures are never changed, but for one thing: when the owner's data were erased, what was written as
# purpose may go, for it may name him. Who looked at what and when stays.
ERASED_TEXT = "(已按个人信息删除请求清除)"
_KEPT = {
    "disclosure": "id, owner_id, actor_id, actor_name, field, ticket_id, at",
    "owner_look": "id, owner_ids, actor_kind, actor_id, actor_name, department, post, look, ticket_id, at",
}
_REDACT_LOOKS = f"""
CREATE FUNCTION redact_looks(erased uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    gone bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM owner WHERE id = erased AND erased_at IS NOT NULL) THEN
        RAISE EXCEPTION 'only what concerns an erased owner is redacted' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE disclosure SET purpose = '{ERASED_TEXT}' WHERE owner_id = erased;
    UPDATE owner_look SET purpose = '{ERASED_TEXT}' WHERE owner_ids @> ARRAY[erased] AND purpose IS NOT NULL;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$
"""


def upgrade() -> None:
    """Apply."""
    _looks()
    _field_keys()
    _sharing()
    _requests()
    _firms()


def _firms() -> None:
    for name in ("contact_phone_encrypted", "bank_account_encrypted", "bank_account_index"):
        op.add_column("firm", sa.Column(name, sa.LargeBinary(), nullable=True))
    for name in ("contact_phone_masked", "bank_name", "bank_account_holder", "bank_account_masked"):
        op.add_column("firm", sa.Column(name, sa.Text(), nullable=True))
    firms = op.get_bind().execute(sa.text("SELECT id, contact_phone FROM firm")).all()
    if firms:
        settings = Settings()
        configured = None if settings.master_key is None else settings.master_key.get_secret_value()
        keyring = Keyring.from_master(load_master_key(configured=configured, data_dir=settings.data_dir))
        seal = sa.text(
            "UPDATE firm SET contact_phone_encrypted = :sealed, contact_phone_masked = :masked WHERE id = :id"
        )
        for firm in firms:
            sealed = keyring.encrypt(firm.contact_phone, column="firm.contact_phone")
            masked = mask_phone(firm.contact_phone)
            op.get_bind().execute(seal, {"id": firm.id, "sealed": sealed, "masked": masked})
    op.alter_column("firm", "contact_phone_encrypted", nullable=False)
    op.alter_column("firm", "contact_phone_masked", nullable=False)
    op.drop_column("firm", "contact_phone")
    op.create_index(op.f("ix_firm_bank_account_index"), "firm", ["bank_account_index"])
    op.create_table(
        "firm_disclosure",
        sa.Column("firm_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.id"], name=op.f("fk_firm_disclosure_firm_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_firm_disclosure")),
    )
    op.create_index("ix_firm_disclosure_firm", "firm_disclosure", ["firm_id", "id"])
    op.execute(
        "CREATE TRIGGER firm_disclosure_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON firm_disclosure "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _sharing() -> None:
    op.create_table(
        "owner_sharing",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("firm_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("categories", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "ground",
            sa.Enum("consent", "contract", name="sharing_ground", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["owner.id"], name=op.f("fk_owner_sharing_owner_id")),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.id"], name=op.f("fk_owner_sharing_firm_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_owner_sharing_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owner_sharing")),
    )
    op.create_index("ix_owner_sharing_owner", "owner_sharing", ["owner_id", "id"])
    op.create_index("ix_owner_sharing_firm", "owner_sharing", ["firm_id", "id"])
    # Cases that were passed on before: on the ground of the contract, for consents were not kept then.
    op.execute(
        "INSERT INTO owner_sharing (id, owner_id, firm_id, ticket_id, categories, ground, purpose, at)"
        " SELECT gen_random_uuid(), t.owner_id, f.firm_id, t.id,"
        " ARRAY['caller_name', 'home_address', 'case_description', 'photographs'], 'contract', f.reason, f.since"
        " FROM ticket_firm f JOIN ticket t ON t.id = f.ticket_id WHERE t.owner_id IS NOT NULL"
    )


def _requests() -> None:
    op.add_column("owner", sa.Column("restricted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("owner", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("CREATE SEQUENCE number_seq_gx")
    op.create_table(
        "privacy_request",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("kind", _words("request_kind", *_KINDS), nullable=False),
        sa.Column("status", _words("request_status", *_STATUSES), nullable=False),
        sa.Column("channel", _words("request_channel", *_CHANNELS), nullable=False),
        sa.Column("identity_check", _words("identity_check", *_CHECKS), nullable=False),
        sa.Column("identity_note", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by", sa.Uuid(), nullable=False),
        sa.Column("entered_by_name", sa.Text(), nullable=False),
        sa.Column("makers", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_by_name", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refusal_ground", _words("refusal_ground", *_GROUNDS), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_by_name", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("change_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["owner.id"], name=op.f("fk_privacy_request_owner_id")),
        sa.ForeignKeyConstraint(["change_id"], ["owner_change.id"], name=op.f("fk_privacy_request_change_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privacy_request")),
        sa.UniqueConstraint("number", name=op.f("uq_privacy_request_number")),
    )
    op.create_index("ix_privacy_request_owner", "privacy_request", ["owner_id", "id"])
    op.create_index("ix_privacy_request_status", "privacy_request", ["status", "id"])
    op.create_index(
        "ix_privacy_request_due",
        "privacy_request",
        ["due_at"],
        postgresql_where=sa.text("status IN ('received', 'approved')"),
    )
    op.create_index(
        "uq_privacy_request_open",
        "privacy_request",
        ["owner_id", "kind"],
        unique=True,
        postgresql_where=sa.text("status IN ('received', 'approved', 'in_force')"),
    )
    op.create_table(
        "privacy_copy",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("content_encrypted", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["privacy_request.id"], name=op.f("fk_privacy_copy_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privacy_copy")),
        sa.UniqueConstraint("request_id", name=op.f("uq_privacy_copy_request_id")),
    )
    op.create_index(op.f("ix_privacy_copy_expires_at"), "privacy_copy", ["expires_at"])


def _words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _field_keys() -> None:
    op.create_table(
        "field_key",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "prepared",
                "active",
                "draining",
                "retired",
                name="key_state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_field_key")),
    )
    for state in ("active", "prepared"):
        op.create_index(
            f"uq_field_key_{state}", "field_key", ["state"], unique=True, postgresql_where=sa.text(f"state = '{state}'")
        )
    # The first key follows from the master key: what was written before stays readable.
    op.execute("INSERT INTO field_key (id, state, created_at, activated_at) VALUES (1, 'active', now(), now())")


def _looks() -> None:
    op.create_table(
        "owner_look",
        sa.Column("owner_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=True),
        sa.Column("post", sa.Text(), nullable=True),
        sa.Column("look", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_owner_look_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owner_look")),
    )
    op.create_index("ix_owner_look_owners", "owner_look", ["owner_ids"], postgresql_using="gin")
    op.create_index("ix_owner_look_at", "owner_look", ["at"])
    op.create_index("ix_owner_look_actor", "owner_look", ["actor_id", "id"])
    op.execute(
        "INSERT INTO owner_look (id, owner_ids, actor_kind, actor_id, actor_name, department, post, look, purpose,"
        " ticket_id, at) SELECT d.id, ARRAY[d.owner_id], coalesce(a.kind, 'client'), d.actor_id, d.actor_name,"
        " a.department, a.post, 'disclosure', d.purpose, d.ticket_id, d.at"
        " FROM disclosure d LEFT JOIN account a ON a.id = d.actor_id"
    )
    op.execute("DROP TRIGGER disclosure_append_only ON disclosure")
    for table, kept in _KEPT.items():
        old, new = (", ".join(f"{side}.{name}" for name in kept.split(", ")) for side in ("OLD", "NEW"))
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} FOR EACH ROW"
            f" WHEN (NEW.purpose IS DISTINCT FROM '{ERASED_TEXT}' OR ({old}) IS DISTINCT FROM ({new}))"
            " EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        "CREATE TRIGGER owner_look_kept BEFORE DELETE ON owner_look FOR EACH ROW EXECUTE FUNCTION refuse_young()"
    )
    op.execute(_FORGET_LOOKS)
    op.execute(_REDACT_LOOKS)


def downgrade() -> None:
    """Undo; lost are the looks that were no disclosures, and of the firms' telephone numbers all but the masks."""
    op.drop_table("firm_disclosure")
    op.add_column("firm", sa.Column("contact_phone", sa.Text(), nullable=True))
    op.execute("UPDATE firm SET contact_phone = contact_phone_masked")
    op.alter_column("firm", "contact_phone", nullable=False)
    for name in (
        "contact_phone_encrypted", "contact_phone_masked", "bank_name", "bank_account_holder", "bank_account_encrypted",
        "bank_account_index", "bank_account_masked",
    ):  # fmt: skip
        op.drop_column("firm", name)
    op.execute(
        "DO $$ BEGIN IF EXISTS (SELECT FROM field_key WHERE id > 1 AND state <> 'prepared') THEN RAISE EXCEPTION"
        " 'values are written with rotated keys; the tables before them can not read these'; END IF; END $$"
    )
    op.drop_table("privacy_copy")
    op.drop_table("privacy_request")
    op.execute("DROP SEQUENCE number_seq_gx")
    op.drop_column("owner", "erased_at")
    op.drop_column("owner", "restricted_at")
    op.drop_table("owner_sharing")
    op.drop_table("field_key")
    op.execute("DROP TRIGGER disclosure_not_emptied ON disclosure")
    op.execute("DROP TRIGGER disclosure_append_only ON disclosure")
    op.execute(
        "CREATE TRIGGER disclosure_append_only BEFORE UPDATE OR TRUNCATE ON disclosure "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute("DROP FUNCTION redact_looks(uuid)")
    op.execute("DROP FUNCTION forget_looks(timestamptz)")
    op.drop_table("owner_look")
