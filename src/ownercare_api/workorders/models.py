"""Tables of site surveys, work orders, extensions, signatures and callbacks."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Fen, Identified, Stamped, enum_column
from ownercare_api.properties.parts import BuildingPart
from ownercare_api.workorders.lifecycle import (
    CallbackOutcome,
    LiableParty,
    PartyRole,
    RepairClass,
    SignatureSeat,
    SurveyStatus,
    WorkOrderStatus,
)


class SiteSurvey(Stamped, Base):
    """A site survey and its 《现场勘察会签表》 (REP-02..04)."""

    __tablename__ = "site_survey"
    __table_args__ = (
        Index("ix_site_survey_status", "status", "id"),
        Index("ix_site_survey_project", "project_id", "id"),
        Index(
            "uq_site_survey_open", "ticket_id", unique=True, postgresql_where=text("status IN ('arranged', 'recorded')")
        ),
    )

    number: Mapped[str] = mapped_column(unique=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), index=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("unit.id"))
    status: Mapped[SurveyStatus] = mapped_column(enum_column(SurveyStatus))
    scheduled_at: Mapped[datetime]
    arranged_by: Mapped[UUID]
    expected_cost_fen: Mapped[int | None] = mapped_column(Fen)
    """Rough cost as arranged: below the policy's limit the contractor need not attend (REP-03)."""
    property_firm_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm.id"))
    contractor_firm_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm.id"))
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("repair_team.id"))
    # What the parties found:
    visited_at: Mapped[datetime | None]
    recorded_by: Mapped[UUID | None]
    building_part: Mapped[BuildingPart | None] = mapped_column(enum_column(BuildingPart))
    cause: Mapped[str | None]
    liable_party: Mapped[LiableParty | None] = mapped_column(enum_column(LiableParty))
    contract_id: Mapped[UUID | None] = mapped_column(ForeignKey("construction_contract.id"))
    """The contract that covers the part, where there is one."""
    trades: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    """Values of `Trade`; one trade or several decides 3 or 7 working days (reading 5)."""
    estimate_fen: Mapped[int | None] = mapped_column(Fen)
    co_signed_at: Mapped[datetime | None]
    derivation: Mapped[dict[str, Any] | None]
    """The class and its reasons as they stood at the last signature (`liability.Derivation.facts`)."""
    makers: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    """Account id → what the person did here: these people may not decide the cost (reading 10)."""
    work_open: Mapped[bool]
    """It counts among the ticket's open work: until it is cancelled, found not liable, or followed by a work order."""
    cancellation_reason: Mapped[str | None]


class SurveyParty(Identified, Base):
    """An invited party of a survey, and its signature."""

    __tablename__ = "survey_party"
    __table_args__ = (UniqueConstraint("survey_id", "role"),)

    survey_id: Mapped[UUID] = mapped_column(ForeignKey("site_survey.id"))
    role: Mapped[PartyRole] = mapped_column(enum_column(PartyRole))
    required: Mapped[bool]
    exempt_because: Mapped[str | None]
    firm_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm.id"))
    signed_by: Mapped[UUID | None]
    signed_by_name: Mapped[str | None]
    persons: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default="{}")
    """Whose signature it counts as: the signer's, and that of who lent him the authority (reading 10)."""
    signed_at: Mapped[datetime | None]
    comment: Mapped[str | None]
    signature_file_id: Mapped[UUID | None] = mapped_column(ForeignKey("file_object.id"))


class EstimateLine(Identified, Base):
    """A line of the survey's estimate."""

    __tablename__ = "estimate_line"
    __table_args__ = (UniqueConstraint("survey_id", "position"), CheckConstraint("amount_fen >= 0", name="amount"))

    survey_id: Mapped[UUID] = mapped_column(ForeignKey("site_survey.id"))
    position: Mapped[int]
    description: Mapped[str]
    trade: Mapped[str]
    amount_fen: Mapped[int] = mapped_column(Fen)
    work_order_id: Mapped[UUID | None] = mapped_column(ForeignKey("work_order.id"), index=True)
    """The last order that covers it; free again where that one was rejected or cancelled."""


class WorkOrder(Stamped, Base):
    """A work order 《工程派工单》, of class A or B (REP-08). One table for both."""

    __tablename__ = "work_order"
    __table_args__ = (
        Index("ix_work_order_ticket", "ticket_id"),
        Index("ix_work_order_status", "status", "id"),
        Index("ix_work_order_project", "project_id", "id"),
        Index("ix_work_order_firm", "firm_id", "id"),
        Index("ix_work_order_contractor_firm", "contractor_firm_id", "id"),
        Index("ix_work_order_team", "team_id", "id"),
        Index("ix_work_order_survey", "survey_id"),
        CheckConstraint("repair_class IN ('A', 'B')", name="class_is_a_or_b"),
        CheckConstraint("repair_class = 'B' OR contract_id IS NOT NULL", name="class_a_has_a_contract"),
        CheckConstraint("estimate_fen > 0", name="estimate"),
    )

    number: Mapped[str] = mapped_column(unique=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    survey_id: Mapped[UUID | None] = mapped_column(ForeignKey("site_survey.id"))
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("unit.id"))
    status: Mapped[WorkOrderStatus] = mapped_column(enum_column(WorkOrderStatus))
    repair_class: Mapped[RepairClass] = mapped_column(enum_column(RepairClass))
    class_reasons: Mapped[list[dict[str, Any]]]
    """How the class was derived, or who overrode it and why (reading 9)."""
    class_overridden_by: Mapped[UUID | None]
    building_part: Mapped[BuildingPart] = mapped_column(enum_column(BuildingPart))
    trades: Mapped[list[str]] = mapped_column(ARRAY(Text))
    description: Mapped[str]
    estimate_fen: Mapped[int] = mapped_column(Fen)
    emergency: Mapped[bool]
    contract_id: Mapped[UUID | None] = mapped_column(ForeignKey("construction_contract.id"))
    contractor_firm_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm.id"))
    raised_by: Mapped[UUID]
    approval_id: Mapped[UUID | None] = mapped_column(ForeignKey("approval.id"))
    """The latest approval request."""
    approved_at: Mapped[datetime | None]
    firm_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm.id"))
    """The property company whose team does it."""
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("repair_team.id"))
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("repair_worker.id"))
    dispatched_by: Mapped[UUID | None]
    dispatched_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    round: Mapped[int] = mapped_column(default=1, server_default="1")
    """1, and one more for every rework: photos, signatures and the repair clock belong to a round."""
    completed_by: Mapped[UUID | None]
    completed_at: Mapped[datetime | None]
    completion_note: Mapped[str | None]
    signed_off_at: Mapped[datetime | None]
    callback_done_at: Mapped[datetime | None]
    satisfaction: Mapped[int | None]
    account_filed: Mapped[bool] = mapped_column(default=False, server_default="false")
    """A final account was filed; kept by `settlements`."""
    makers: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    """Account id → `arranged`, `surveyed`, `raised`, `edited`: may not approve (reading 10)."""
    refusal_reason: Mapped[str | None]
    rework_reason: Mapped[str | None]
    cancellation_reason: Mapped[str | None]
    policy_snapshot_id: Mapped[UUID] = mapped_column(ForeignKey("policy_snapshot.id"))

    @property
    def approved(self) -> bool:
        """Say whether its present estimate is approved."""
        return self.approved_at is not None


class WorkOrderPhoto(Base):
    """A photo before or after the work."""

    __tablename__ = "work_order_photo"

    work_order_id: Mapped[UUID] = mapped_column(ForeignKey("work_order.id"), primary_key=True)
    file_id: Mapped[UUID] = mapped_column(ForeignKey("file_object.id"), primary_key=True)
    phase: Mapped[str]
    """`before` or `after`."""
    round: Mapped[int] = mapped_column(server_default="1")


class Extension(Identified, Base):
    """A request for more time, which only the owner's prior consent grants (REP-07)."""

    __tablename__ = "extension"
    __table_args__ = (
        Index("uq_extension_open", "work_order_id", unique=True, postgresql_where=text("answered_at IS NULL")),
        CheckConstraint("extra_workdays BETWEEN 1 AND 60", name="extra_workdays"),
    )

    work_order_id: Mapped[UUID] = mapped_column(ForeignKey("work_order.id"))
    reason: Mapped[str]
    extra_workdays: Mapped[int]
    requested_by: Mapped[UUID]
    requested_by_name: Mapped[str]
    requested_at: Mapped[datetime]
    old_due_at: Mapped[datetime]
    new_due_at: Mapped[datetime | None]
    consented: Mapped[bool | None]
    """True: the owner agreed before the old deadline; false: did not; null: waiting, or overtaken by events."""
    consent_channel: Mapped[str | None]
    consent_by: Mapped[str | None]
    """Name of the person who answered for the home."""
    consent_note: Mapped[str | None]
    consent_file_id: Mapped[UUID | None] = mapped_column(ForeignKey("file_object.id"))
    answered_at: Mapped[datetime | None]
    recorded_by: Mapped[UUID | None]


class CompletionSignature(Identified, Base):
    """A signature of the completion acceptance (REP-12). Rework clears the seats by a new round."""

    __tablename__ = "completion_signature"
    __table_args__ = (
        UniqueConstraint("work_order_id", "round", "seat"),
        CheckConstraint("satisfaction IS NULL OR (seat = 'owner' AND satisfaction >= 1)", name="owners_score"),
    )

    work_order_id: Mapped[UUID] = mapped_column(ForeignKey("work_order.id"))
    round: Mapped[int]
    seat: Mapped[SignatureSeat] = mapped_column(enum_column(SignatureSeat))
    signed_by: Mapped[UUID | None]
    """The account; null for an owner whose signature `taken_by` took. One who signs in person has both his account
    here and nobody who took it."""
    signed_by_name: Mapped[str]
    persons: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default="{}")
    """Whose signature it counts as: the signer's, and that of who lent him the authority (reading 10)."""
    taken_by: Mapped[UUID | None]
    opinion: Mapped[str | None]
    """维修意见"""
    satisfied: Mapped[bool | None]
    satisfaction: Mapped[int | None]
    """The owner's score on the policy's scale, where he signed in person."""
    signature_file_id: Mapped[UUID | None] = mapped_column(ForeignKey("file_object.id"))
    signed_at: Mapped[datetime]


class CallbackAttempt(Identified, Base):
    """A callback attempt after completion (REP-13)."""

    __tablename__ = "callback_attempt"
    __table_args__ = (UniqueConstraint("work_order_id", "attempt"),)

    work_order_id: Mapped[UUID] = mapped_column(ForeignKey("work_order.id"))
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), index=True)
    number: Mapped[str] = mapped_column(unique=True)
    attempt: Mapped[int]
    outcome: Mapped[CallbackOutcome] = mapped_column(enum_column(CallbackOutcome))
    satisfaction: Mapped[int | None]
    comment: Mapped[str | None]
    called_at: Mapped[datetime]
    called_by: Mapped[UUID]
    called_by_name: Mapped[str]
