"""Tables of final accounts, audits and settlements."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Fen, Identified, Stamped, enum_column
from ownercare_api.properties.parts import Trade
from ownercare_api.settlements.lifecycle import (
    AccountStatus,
    AuditDepartment,
    ContractorAnswer,
    ResolutionKind,
    SettlementStatus,
)
from ownercare_api.settlements.lifecycle_parts import Part
from ownercare_api.settlements.models_payee import PaidToFirm
from ownercare_api.workorders.lifecycle import RepairClass


class FinalAccount(Stamped, Base):
    """A 《维修工程决算书》, filed by the captain after completion; one for each work order (FIN-04)."""

    __tablename__ = "final_account"
    __table_args__ = (
        Index("ix_final_account_status", "status", "id"),
        Index("ix_final_account_project", "project_id", "id"),
        Index("ix_final_account_firm", "firm_id", "id"),
        Index("ix_final_account_ticket", "ticket_id"),
        CheckConstraint("total_fen > 0", name="total"),
        CheckConstraint("audited_total_fen BETWEEN 1 AND total_fen", name="audited_at_most_claimed"),
        CheckConstraint(
            "(department = 'audit_department') = (total_fen >= audit_threshold_fen)", name="department_by_total"
        ),
        CheckConstraint(
            "(status IN ('audited', 'settled')) = (audited_total_fen IS NOT NULL)", name="audited_has_a_total"
        ),
    )

    number: Mapped[str] = mapped_column(unique=True)
    work_order_id: Mapped[UUID] = mapped_column(ForeignKey("work_order.id"), unique=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    firm_id: Mapped[UUID] = mapped_column(ForeignKey("firm.id"))
    """The property company whose team did the work."""
    team_id: Mapped[UUID] = mapped_column(ForeignKey("repair_team.id"))
    status: Mapped[AccountStatus] = mapped_column(enum_column(AccountStatus))
    note: Mapped[str | None]
    total_fen: Mapped[int] = mapped_column(Fen)
    audited_total_fen: Mapped[int | None] = mapped_column(Fen)
    department: Mapped[AuditDepartment] = mapped_column(enum_column(AuditDepartment))
    """Who audits it, by the total (FIN-05)."""
    audit_threshold_fen: Mapped[int] = mapped_column(Fen)
    """The policy value that it was routed by."""
    prepared_by: Mapped[UUID]
    prepared_by_name: Mapped[str]
    submitted_at: Mapped[datetime]
    approval_id: Mapped[UUID | None] = mapped_column(ForeignKey("approval.id"))
    """The latest supplementary approval (reading 7)."""
    approved_fen: Mapped[int | None] = mapped_column(Fen)
    """The total that a supplementary approval covered; an edited total needs a new one (reading 10)."""
    return_reason: Mapped[str | None]
    returned_by_name: Mapped[str | None]
    audited_by: Mapped[UUID | None]
    audited_by_name: Mapped[str | None]
    audited_at: Mapped[datetime | None]
    policy_snapshot_id: Mapped[UUID] = mapped_column(ForeignKey("policy_snapshot.id"))


class FinalAccountLine(Identified, Base):
    """A line of a final account, and what the audit made of it."""

    __tablename__ = "final_account_line"
    __table_args__ = (
        UniqueConstraint("account_id", "position"),
        CheckConstraint("quantity > 0 AND unit_price_fen > 0 AND amount_fen >= 0", name="amounts"),
        CheckConstraint("audited_amount_fen BETWEEN 0 AND amount_fen", name="audited_at_most_claimed"),
    )

    account_id: Mapped[UUID] = mapped_column(ForeignKey("final_account.id"))
    position: Mapped[int]
    description: Mapped[str]
    trade: Mapped[Trade] = mapped_column(enum_column(Trade))
    unit: Mapped[str]
    """Unit of measure (计量单位), such as 平方米."""
    quantity: Mapped[Decimal] = mapped_column(Numeric(12, 3))
    unit_price_fen: Mapped[int] = mapped_column(Fen)
    amount_fen: Mapped[int] = mapped_column(Fen)
    """Quantity times unit price, half a fen rounded up."""
    audited_amount_fen: Mapped[int | None] = mapped_column(Fen)
    audit_comment: Mapped[str | None]


class AccountHand(Base):
    """A person who had a part in an account, from the survey to the payment; the maker is never the checker."""

    __tablename__ = "account_hand"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("final_account.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    part: Mapped[Part] = mapped_column(enum_column(Part), primary_key=True)


class Settlement(PaidToFirm, Stamped, Base):
    """A 《维修工程结算书》, written from the audit result (FIN-06)."""

    __tablename__ = "settlement"
    __table_args__ = (
        Index("ix_settlement_status", "status", "id"),
        Index("ix_settlement_project", "project_id", "id"),
        Index("ix_settlement_firm", "firm_id", "id"),
        Index("ix_settlement_contractor", "contractor_firm_id", "id"),
        Index("ix_settlement_contract", "contract_id"),
        Index("ix_settlement_ticket", "ticket_id"),
        CheckConstraint("kind IN ('A', 'B')", name="kind_is_a_or_b"),
        CheckConstraint(
            "kind = 'B' OR (contract_id IS NOT NULL AND contractor_firm_id IS NOT NULL)", name="class_a_has_a_contract"
        ),
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint("contractor_share_fen BETWEEN 0 AND amount_fen", name="share_at_most_amount"),
        CheckConstraint("(kind = 'A') = (contractor_share_fen > 0)", name="only_class_a_has_a_share"),
        CheckConstraint(
            "(status = 'paid') = (payment_entry_id IS NOT NULL) AND (status = 'paid') = (paid_by IS NOT NULL)",
            name="paid_has_an_entry",
        ),
        CheckConstraint("deducted_fen + claimed_fen IN (0, contractor_share_fen)", name="deducted_and_claimed"),
    )

    number: Mapped[str] = mapped_column(unique=True)
    final_account_id: Mapped[UUID] = mapped_column(ForeignKey("final_account.id"), unique=True)
    work_order_id: Mapped[UUID] = mapped_column(ForeignKey("work_order.id"), index=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    firm_id: Mapped[UUID] = mapped_column(ForeignKey("firm.id"))
    """The property company that is paid."""
    kind: Mapped[RepairClass] = mapped_column(enum_column(RepairClass))
    """Class A or B, from the work order; a dispute may move it to B (reading 11)."""
    contract_id: Mapped[UUID | None] = mapped_column(ForeignKey("construction_contract.id"))
    contractor_firm_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm.id"))
    """Only where it was written as class A."""
    status: Mapped[SettlementStatus] = mapped_column(enum_column(SettlementStatus))
    amount_fen: Mapped[int] = mapped_column(Fen)
    """The team's cost as audited: what the property company gets."""
    contractor_share_fen: Mapped[int] = mapped_column(Fen)
    """What the contractor bears of it; the company bears the rest, all of it in class B."""
    written_by: Mapped[UUID]
    written_by_name: Mapped[str]
    round: Mapped[int] = mapped_column(default=1, server_default="1")
    """1, and one more for each corrected amount that the contractor is asked about again."""
    notified_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    contractor_answer: Mapped[ContractorAnswer | None] = mapped_column(enum_column(ContractorAnswer))
    answered_at: Mapped[datetime | None]
    certified_by: Mapped[UUID | None]
    certified_by_name: Mapped[str | None]
    certified_at: Mapped[datetime | None]
    certification_opinion: Mapped[str | None]
    paid_by: Mapped[UUID | None]
    paid_by_name: Mapped[str | None]
    payers: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default="{}")
    """Who paid it, and who lent the payer the authority: they don't reverse it (reading 10)."""
    paid_at: Mapped[datetime | None]
    payments: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often it was paid, reversed payments included."""
    payment_entry_id: Mapped[UUID | None]
    """The ledger entry of the payment that stands."""
    payment_reference: Mapped[str | None]
    deducted_fen: Mapped[int] = mapped_column(Fen, default=0, server_default="0")
    """Taken from the contractor's retention by the payment that stands (FIN-09)."""
    claimed_fen: Mapped[int] = mapped_column(Fen, default=0, server_default="0")
    """What retention could not cover (reading 11)."""
    policy_snapshot_id: Mapped[UUID] = mapped_column(ForeignKey("policy_snapshot.id"))


class ContractorReply(Identified, Base):
    """An answer of the contractor, or its silence, once for each round (FIN-07)."""

    __tablename__ = "contractor_reply"
    __table_args__ = (
        UniqueConstraint("settlement_id", "round"),
        CheckConstraint("(answer = 'partly') = (confirmed_fen IS NOT NULL)", name="partly_names_an_amount"),
    )

    settlement_id: Mapped[UUID] = mapped_column(ForeignKey("settlement.id"))
    round: Mapped[int]
    asked_fen: Mapped[int] = mapped_column(Fen)
    answer: Mapped[ContractorAnswer] = mapped_column(enum_column(ContractorAnswer))
    confirmed_fen: Mapped[int | None] = mapped_column(Fen)
    reason: Mapped[str | None]
    answered_by: Mapped[UUID]
    answered_by_name: Mapped[str]
    answered_at: Mapped[datetime]


class DisputeResolution(Identified, Base):
    """How a dispute about one round was settled (reading 11)."""

    __tablename__ = "dispute_resolution"
    __table_args__ = (UniqueConstraint("settlement_id", "round"),)

    settlement_id: Mapped[UUID] = mapped_column(ForeignKey("settlement.id"))
    round: Mapped[int]
    kind: Mapped[ResolutionKind] = mapped_column(enum_column(ResolutionKind))
    contractor_share_fen: Mapped[int] = mapped_column(Fen)
    """What the contractor bears from now on."""
    reason: Mapped[str]
    resolved_by: Mapped[UUID]
    resolved_by_name: Mapped[str]
    resolved_at: Mapped[datetime]
