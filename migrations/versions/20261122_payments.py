"""What a buyer pays under a purchase contract, when, and the reminders (OWN-13); pairs of records that may be one."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "payments"
down_revision = "firm_bank"
branch_labels = None
depends_on = None

_KINDS = ("deposit", "first_payment", "instalment", "loan", "balance")
_CHANNELS = ("phone", "sms", "wechat", "email", "visit", "letter")
_TABLES = (
    "instalment_reminder", "instalment_reversal", "instalment_payment", "payment_plan_change", "instalment",
    "payment_plan",
)  # fmt: skip

# Comparing every record with every other takes ten seconds at a million; each one with the index when it changes takes
# none. A number or a name that thousands share is looked into so far only, by the limits: those are no duplicates.
_REFRESH = """
CREATE FUNCTION refresh_owner_twins(wanted uuid[]) RETURNS void
LANGUAGE sql AS $$
DELETE FROM owner_twin WHERE first_id = ANY(wanted) OR second_id = ANY(wanted);
WITH one AS (
    SELECT id, document_index, name_sort, birth_date FROM owner
     WHERE id = ANY(wanted) AND merged_into IS NULL AND erased_at IS NULL
), found AS (
    SELECT one.id AS this, two.id AS that, 'same_document' AS reason
      FROM one CROSS JOIN LATERAL (
        SELECT id FROM owner AS other
         WHERE other.document_index = one.document_index AND other.id <> one.id
           AND other.merged_into IS NULL AND other.erased_at IS NULL
         LIMIT 20) AS two
    UNION ALL
    SELECT one.id, two.id, 'same_name_and_birth'
      FROM one CROSS JOIN LATERAL (
        SELECT id FROM owner AS other
         WHERE other.name_sort = one.name_sort AND other.birth_date = one.birth_date AND other.id <> one.id
           AND other.merged_into IS NULL AND other.erased_at IS NULL
         LIMIT 20) AS two
    UNION ALL
    SELECT one.id, two.id, 'same_phone_and_name'
      FROM one JOIN owner_phone AS phone ON phone.owner_id = one.id CROSS JOIN LATERAL (
        SELECT other.id
          FROM (SELECT owner_id FROM owner_phone WHERE number_index = phone.number_index LIMIT 200) AS holder
          JOIN owner AS other ON other.id = holder.owner_id
         WHERE other.name_sort = one.name_sort AND other.id <> one.id
           AND other.merged_into IS NULL AND other.erased_at IS NULL
         LIMIT 20) AS two
)
INSERT INTO owner_twin (first_id, second_id, reasons)
SELECT least(this, that), greatest(this, that), array_agg(DISTINCT reason ORDER BY reason) FROM found GROUP BY 1, 2
ON CONFLICT (first_id, second_id) DO UPDATE SET reasons = EXCLUDED.reasons
$$
"""
_OF_OWNERS = """
CREATE FUNCTION owner_twins_of_owners() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    wanted uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        wanted := ARRAY(SELECT id FROM fresh ORDER BY id);
    ELSE
        wanted := ARRAY(
            SELECT fresh.id FROM fresh JOIN stale USING (id)
             WHERE (fresh.document_index, fresh.name_sort, fresh.birth_date, fresh.merged_into, fresh.erased_at)
                   IS DISTINCT FROM
                   (stale.document_index, stale.name_sort, stale.birth_date, stale.merged_into, stale.erased_at)
             ORDER BY fresh.id);
    END IF;
    IF cardinality(wanted) > 0 THEN
        PERFORM refresh_owner_twins(wanted);
    END IF;
    RETURN NULL;
END $$
"""
_OF_PHONES = """
CREATE FUNCTION owner_twins_of_phones() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    wanted uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        wanted := ARRAY(SELECT DISTINCT owner_id FROM fresh ORDER BY owner_id);
    ELSIF TG_OP = 'DELETE' THEN
        wanted := ARRAY(SELECT DISTINCT owner_id FROM stale ORDER BY owner_id);
    ELSE
        wanted := ARRAY(
            SELECT DISTINCT both_.owner_id
              FROM fresh JOIN stale USING (id) CROSS JOIN LATERAL (VALUES (fresh.owner_id), (stale.owner_id))
                   AS both_ (owner_id)
             WHERE (fresh.owner_id, fresh.number_index) IS DISTINCT FROM (stale.owner_id, stale.number_index)
             ORDER BY both_.owner_id);
    END IF;
    IF cardinality(wanted) > 0 THEN
        PERFORM refresh_owner_twins(wanted);
    END IF;
    RETURN NULL;
END $$
"""
_FRESH, _STALE = "NEW TABLE AS fresh", "OLD TABLE AS stale"
_TRIGGERS = tuple(
    (table, f"{table}_twins_{event.lower()}", event, rows)
    for table, events in (
        ("owner", (("INSERT", _FRESH), ("UPDATE", f"{_STALE} {_FRESH}"))),
        ("owner_phone", (("INSERT", _FRESH), ("UPDATE", f"{_STALE} {_FRESH}"), ("DELETE", _STALE))),
    )
    for event, rows in events
)
"""Table, name, event, and which rows the function is shown."""


def upgrade() -> None:
    """Apply."""
    _plans()
    _money()
    op.add_column("ownership", sa.Column("makers", sa.ARRAY(sa.Uuid()), server_default="{}", nullable=False))
    op.execute("UPDATE ownership SET makers = array_remove(ARRAY[edited_by, submitted_by], NULL)")
    op.add_column("ownership", sa.Column("payment_plan_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_ownership_payment_plan_id"), "ownership", "payment_plan", ["payment_plan_id"], ["id"]
    )
    op.create_index(op.f("ix_ownership_payment_plan_id"), "ownership", ["payment_plan_id"], unique=False)
    _twins()


def downgrade() -> None:
    """Take it back."""
    for table, name, _, _ in _TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {table}")
    for function in ("owner_twins_of_phones()", "owner_twins_of_owners()", "refresh_owner_twins(uuid[])"):
        op.execute(f"DROP FUNCTION {function}")
    op.drop_table("owner_twin")
    for index in ("ix_owner_last_checked", "ix_owner_name_birth"):
        op.drop_index(index, table_name="owner")
    op.drop_index(op.f("ix_ownership_payment_plan_id"), table_name="ownership")
    op.drop_constraint(op.f("fk_ownership_payment_plan_id"), "ownership", type_="foreignkey")
    op.drop_column("ownership", "payment_plan_id")
    op.drop_column("ownership", "makers")
    for table in _TABLES:
        op.drop_table(table)


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def _stamps() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
    )


def _plans() -> None:
    op.create_table(
        "payment_plan",
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("price_fen", sa.BigInteger(), nullable=False),
        sa.Column("fixed_at", sa.DateTime(timezone=True), nullable=True),
        *_stamps(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("price_fen > 0", name=op.f("ck_payment_plan_price")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_payment_plan_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_plan")),
    )
    op.create_index(op.f("ix_payment_plan_unit_id"), "payment_plan", ["unit_id"], unique=False)
    op.create_table(
        "instalment",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("kind", _words("instalment_kind", _KINDS), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("received_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("due_noted_on", sa.Date(), nullable=True),
        sa.Column("overdue_noted_on", sa.Date(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        *_stamps(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "amount_fen > 0 AND received_fen BETWEEN 0 AND amount_fen", name=op.f("ck_instalment_amounts")
        ),
        sa.CheckConstraint("withdrawn_at IS NULL OR received_fen = 0", name=op.f("ck_instalment_withdrawn_empty")),
        sa.ForeignKeyConstraint(["plan_id"], ["payment_plan.id"], name=op.f("fk_instalment_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instalment")),
    )
    live, unpaid = "withdrawn_at IS NULL", "withdrawn_at IS NULL AND received_fen < amount_fen"
    op.create_index("ix_instalment_plan", "instalment", ["plan_id", "place"], unique=False)
    for name, columns, where in (
        ("due", ["due_on", "id"], live),
        ("unpaid", ["due_on", "id"], unpaid),
        ("unnoted", ["due_on"], f"{unpaid} AND overdue_noted_on IS NULL"),
    ):
        op.create_index(f"ix_instalment_{name}", "instalment", columns, unique=False, postgresql_where=sa.text(where))
    op.create_table(
        "payment_plan_change",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("former_price_fen", sa.BigInteger(), nullable=False),
        sa.Column("former", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=False),
        sa.Column("changed_by_name", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["payment_plan.id"], name=op.f("fk_payment_plan_change_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_plan_change")),
    )
    op.create_index("ix_payment_plan_change_plan", "payment_plan_change", ["plan_id", "id"], unique=False)


def _money() -> None:
    op.create_table(
        "instalment_payment",
        sa.Column("instalment_id", sa.Uuid(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_by_name", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("makers", sa.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_instalment_payment_amount")),
        sa.ForeignKeyConstraint(["instalment_id"], ["instalment.id"], name=op.f("fk_instalment_payment_instalment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instalment_payment")),
    )
    op.create_index("ix_instalment_payment_instalment", "instalment_payment", ["instalment_id", "id"], unique=False)
    op.create_table(
        "instalment_reversal",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reversed_by", sa.Uuid(), nullable=False),
        sa.Column("reversed_by_name", sa.Text(), nullable=False),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["instalment_payment.id"], name=op.f("fk_instalment_reversal_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instalment_reversal")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_instalment_reversal_payment_id")),
    )
    op.create_table(
        "instalment_reminder",
        sa.Column("instalment_id", sa.Uuid(), nullable=False),
        sa.Column("channel", _words("preferred_channel", _CHANNELS), nullable=False),
        sa.Column("reached", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("reminded_by", sa.Uuid(), nullable=False),
        sa.Column("reminded_by_name", sa.Text(), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instalment_id"], ["instalment.id"], name=op.f("fk_instalment_reminder_instalment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instalment_reminder")),
    )
    op.create_index("ix_instalment_reminder_instalment", "instalment_reminder", ["instalment_id", "id"], unique=False)


def _twins() -> None:
    op.create_index("ix_owner_name_birth", "owner", ["name_sort", "birth_date"], unique=False)
    checked = sa.text("COALESCE(checked_on, (created_at AT TIME ZONE 'Asia/Shanghai')::date)")
    op.create_index("ix_owner_last_checked", "owner", [checked], unique=False)
    op.create_table(
        "owner_twin",
        sa.Column("first_id", sa.Uuid(), nullable=False),
        sa.Column("second_id", sa.Uuid(), nullable=False),
        sa.Column("reasons", sa.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_owner_twin_in_order")),
        sa.ForeignKeyConstraint(["first_id"], ["owner.id"], name=op.f("fk_owner_twin_first_id")),
        sa.ForeignKeyConstraint(["second_id"], ["owner.id"], name=op.f("fk_owner_twin_second_id")),
        sa.PrimaryKeyConstraint("first_id", "second_id", name=op.f("pk_owner_twin")),
    )
    op.create_index(op.f("ix_owner_twin_second_id"), "owner_twin", ["second_id"], unique=False)
    for function in (_REFRESH, _OF_OWNERS, _OF_PHONES):
        op.execute(function)
    for table, name, event, rows in _TRIGGERS:
        op.execute(
            f"CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {rows} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION owner_twins_of_{table.removeprefix('owner_') + 's'}()"
        )
    op.execute("SELECT refresh_owner_twins(ARRAY(SELECT id FROM owner ORDER BY id))")
