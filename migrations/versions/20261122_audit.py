"""The audit trail: hash chain, checkpoints, denials, verifications; guards of what is kept.

The role of the application and its rights are no part of the migrations: `ownercare migrate` completes them afterwards.
"""

import sqlalchemy as sa
from alembic import op

from ownercare_api.timeline.models import Xid8

revision = "audit"
down_revision = "people"
branch_labels = None
depends_on = None

APPEND_ONLY = ("audit_link", "audit_checkpoint", "audit_verification", "denial")

# After a restore into another server its transaction numbers begin anew, below those that the rows carry. Then these
# three are replaced by such as add a constant (`ownercare migrate` does it), and the order of the events goes on.
TRANSACTION_NUMBERS = """
CREATE FUNCTION audit_xid() RETURNS xid8 LANGUAGE sql VOLATILE PARALLEL UNSAFE
    AS 'SELECT pg_current_xact_id()';
CREATE FUNCTION audit_horizon() RETURNS xid8 LANGUAGE sql STABLE PARALLEL SAFE
    AS 'SELECT pg_snapshot_xmin(pg_current_snapshot())';
CREATE FUNCTION audit_next_xid() RETURNS xid8 LANGUAGE sql STABLE PARALLEL SAFE
    AS 'SELECT pg_snapshot_xmax(pg_current_snapshot())';
"""

# For tables of looks at personal data: a row may go when it is three years old, and not before.
REFUSE_YOUNG = """
CREATE FUNCTION refuse_young() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.at > now() - interval '1095 days' THEN
        RAISE EXCEPTION '% is kept for 1095 days', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END $$
"""


def upgrade() -> None:
    """Apply."""
    for statement in TRANSACTION_NUMBERS.split(";\n"):
        if statement.strip():
            op.execute(statement)
    op.execute("ALTER TABLE event ALTER xid SET DEFAULT audit_xid()")
    op.create_index("ix_event_actor", "event", ["actor_id", "seq"])
    op.create_index("ix_event_project", "event", ["project_id", "seq"])
    op.create_index("ix_event_occurred", "event", ["occurred_at"], postgresql_using="brin")
    op.create_table(
        "audit_link",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit_link")),
        sa.UniqueConstraint("stream", "seq", name=op.f("uq_audit_link_stream_seq")),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_xid", sa.BigInteger(), nullable=False),
        sa.Column("event_xid", sa.BigInteger(), nullable=False),
        sa.Column("event_seq", sa.BigInteger(), nullable=False),
        sa.Column("event_highest", sa.BigInteger(), nullable=False),
        sa.Column("denial_xid", sa.BigInteger(), nullable=False),
        sa.Column("denial_seq", sa.BigInteger(), nullable=False),
        sa.Column("denial_highest", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_checkpoint")),
        sa.UniqueConstraint("position", name=op.f("uq_audit_checkpoint_position")),
    )
    op.create_table(
        "audit_verification",
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("fault_code", sa.Text(), nullable=True),
        sa.Column("fault_position", sa.BigInteger(), nullable=True),
        sa.Column("fault_stream", sa.Text(), nullable=True),
        sa.Column("fault_seq", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_verification")),
    )
    _denials()
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(REFUSE_YOUNG)
    op.execute(
        "CREATE TRIGGER disclosure_append_only BEFORE UPDATE OR TRUNCATE ON disclosure "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER disclosure_kept BEFORE DELETE ON disclosure FOR EACH ROW EXECUTE FUNCTION refuse_young()"
    )


def _denials() -> None:
    op.create_table(
        "denial",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("source", sa.LargeBinary(), nullable=True),
        sa.Column("count", sa.Integer(), server_default="1", nullable=False),
        sa.Column("xid", Xid8(), server_default=sa.text("audit_xid()"), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_denial")),
    )
    op.create_index("ix_denial_xid", "denial", ["xid", "seq"])
    op.create_index("ix_denial_actor", "denial", ["actor_id", "seq"])
    op.create_index("ix_denial_subject", "denial", ["subject_id", "seq"])
    op.create_index("ix_denial_project", "denial", ["project_id", "seq"])
    op.create_index("ix_denial_at", "denial", ["at"], postgresql_using="brin")


def downgrade() -> None:
    """Undo; the role of the application stays, other databases of the server may use it."""
    op.execute("DROP TRIGGER disclosure_kept ON disclosure")
    op.execute("DROP TRIGGER disclosure_append_only ON disclosure")
    op.execute("DROP FUNCTION refuse_young()")
    for table in APPEND_ONLY:
        op.drop_table(table)
    op.drop_index("ix_event_occurred", table_name="event")
    op.drop_index("ix_event_project", table_name="event")
    op.drop_index("ix_event_actor", table_name="event")
    op.execute("ALTER TABLE event ALTER xid SET DEFAULT pg_current_xact_id()")
    for name in ("audit_next_xid", "audit_horizon", "audit_xid"):
        op.execute(f"DROP FUNCTION {name}()")
