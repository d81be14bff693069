"""Tables of what buyers pay under their purchase contracts (OWN-13, SAL-04)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Date, ForeignKey, Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Fen, Identified, Stamped, enum_column
from ownercare_api.owners.lifecycle import PreferredChannel
from ownercare_api.owners.lifecycle_payments import InstalmentKind


class PaymentPlan(Stamped, Base):
    """What is paid under one purchase contract (付款计划); its joint buyers share it, `ownership.payment_plan_id`."""

    __tablename__ = "payment_plan"
    __table_args__ = (CheckConstraint("price_fen > 0", name="price"),)

    unit_id: Mapped[UUID] = mapped_column(ForeignKey("unit.id"), index=True)
    price_fen: Mapped[int] = mapped_column(Fen)
    """The whole price of the contract; the live instalments add up to it."""
    fixed_at: Mapped[datetime | None]
    """When the contract was first filed: from then on the plan is changed with a reason only."""


class Instalment(Stamped, Base):
    """One instalment of a plan (应付款). One that was dropped stays, for what points at it."""

    __tablename__ = "instalment"
    __table_args__ = (
        CheckConstraint("amount_fen > 0 AND received_fen BETWEEN 0 AND amount_fen", name="amounts"),
        CheckConstraint("withdrawn_at IS NULL OR received_fen = 0", name="withdrawn_empty"),
        Index("ix_instalment_plan", "plan_id", "place"),
        Index("ix_instalment_due", "due_on", "id", postgresql_where=text("withdrawn_at IS NULL")),
        Index(
            "ix_instalment_unpaid",
            "due_on",
            "id",
            postgresql_where=text("withdrawn_at IS NULL AND received_fen < amount_fen"),
        ),
        Index(
            "ix_instalment_unnoted",
            "due_on",
            postgresql_where=text("withdrawn_at IS NULL AND received_fen < amount_fen AND overdue_noted_on IS NULL"),
        ),
    )

    plan_id: Mapped[UUID] = mapped_column(ForeignKey("payment_plan.id"))
    place: Mapped[int]
    """Which in the plan, from 1."""
    kind: Mapped[InstalmentKind] = mapped_column(enum_column(InstalmentKind))
    amount_fen: Mapped[int] = mapped_column(Fen)
    due_on: Mapped[date] = mapped_column(Date)
    received_fen: Mapped[int] = mapped_column(Fen, default=0, server_default="0")
    """The balance of what was received and not reversed, kept under the row's lock."""
    due_noted_on: Mapped[date | None] = mapped_column(Date)
    """When it was recorded that this due day has come; a new due day begins anew."""
    overdue_noted_on: Mapped[date | None] = mapped_column(Date)
    withdrawn_at: Mapped[datetime | None]


class PaymentPlanChange(Identified, Base):
    """A plan as it was before it was changed after filing, and why (付款计划变更)."""

    __tablename__ = "payment_plan_change"
    __table_args__ = (Index("ix_payment_plan_change_plan", "plan_id", "id"),)

    plan_id: Mapped[UUID] = mapped_column(ForeignKey("payment_plan.id"))
    reason: Mapped[str]
    former_price_fen: Mapped[int] = mapped_column(Fen)
    former: Mapped[list[dict[str, Any]]]
    """The instalments before, as JSON values."""
    changed_by: Mapped[UUID]
    changed_by_name: Mapped[str]
    changed_at: Mapped[datetime]


class InstalmentPayment(Identified, Base):
    """Money received for an instalment (收款). Never changed: a mistake is reversed."""

    __tablename__ = "instalment_payment"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount"),
        Index("ix_instalment_payment_instalment", "instalment_id", "id"),
    )

    instalment_id: Mapped[UUID] = mapped_column(ForeignKey("instalment.id"))
    amount_fen: Mapped[int] = mapped_column(Fen)
    received_on: Mapped[date] = mapped_column(Date)
    reference: Mapped[str]
    """Of the bank or of the receipt (凭证号)."""
    recorded_by: Mapped[UUID]
    recorded_by_name: Mapped[str]
    recorded_at: Mapped[datetime]
    makers: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default="{}")
    """Who recorded it and who lent the authority: none of them reverses it."""


class InstalmentReversal(Identified, Base):
    """A payment taken back (冲销), once."""

    __tablename__ = "instalment_reversal"

    payment_id: Mapped[UUID] = mapped_column(ForeignKey("instalment_payment.id"), unique=True)
    reason: Mapped[str]
    reversed_by: Mapped[UUID]
    reversed_by_name: Mapped[str]
    reversed_at: Mapped[datetime]


class InstalmentReminder(Identified, Base):
    """An attempt to remind the buyers (催款记录)."""

    __tablename__ = "instalment_reminder"
    __table_args__ = (Index("ix_instalment_reminder_instalment", "instalment_id", "id"),)

    instalment_id: Mapped[UUID] = mapped_column(ForeignKey("instalment.id"))
    channel: Mapped[PreferredChannel] = mapped_column(enum_column(PreferredChannel))
    reached: Mapped[bool]
    note: Mapped[str | None]
    reminded_by: Mapped[UUID]
    reminded_by_name: Mapped[str]
    reminded_at: Mapped[datetime]
