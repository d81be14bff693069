"""What the work orders send and take."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field, model_validator

from ownercare_api.core.wire import Fault, Inward, Name, Note, Outward, PositiveFen, Ref
from ownercare_api.deadlines.views import DeadlineRead
from ownercare_api.properties.parts import BuildingPart, Trade
from ownercare_api.tickets.lifecycle import Channel
from ownercare_api.workorders.lifecycle import CallbackOutcome, RepairClass, SignatureSeat, WorkOrderStatus
from ownercare_api.workorders.schemas import (
    EstimateLineRead,
    FileIds,
    HomeRef,
    NumberRef,
    ReasonRead,
    Trades,
    example,
    only_once,
)

_EMERGENCY_FIELDS = ("building_part", "trades", "estimate_fen", "repair_class")


class ClassOverride(Inward):
    """Another class than the derived one, by an authorised person (reading 9)."""

    repair_class: Literal[RepairClass.A, RepairClass.B]
    reason: Note = Field(examples=["施工单位书面同意承担本次维修"])


class WorkOrderCreate(Inward):
    """A work order to raise: from a co-signed survey, or in an emergency straight from an urgent ticket (CMP-04)."""

    model_config = example(
        survey_id="0198c5f0-0000-7000-8000-000000000401",
        description="主卧卫生间重做防水并恢复地砖,完工后闭水试验 48 小时。",
    )

    survey_id: UUID | None = Field(default=None, description="a co-signed survey")
    ticket_id: UUID | None = Field(default=None, description="instead of a survey: an urgent repair ticket")
    description: Note = Field(description="what is to be done (维修内容)")
    emergency: bool = Field(default=False, description="work may start before approval; the ticket must be urgent")
    estimate_lines: list[int] | None = Field(
        default=None,
        min_length=1,
        max_length=50,
        description="positions of the survey's estimate lines that this order covers; where left out, all that no other"
        " live order covers",
    )
    override: ClassOverride | None = Field(default=None, description="needs `work_orders:override_class`")
    building_part: BuildingPart | None = Field(default=None, description="emergency without a survey only")
    trades: Trades | None = Field(default=None, description="emergency without a survey only")
    estimate_fen: PositiveFen | None = Field(default=None, description="emergency without a survey only")
    repair_class: Literal[RepairClass.A, RepairClass.B] | None = Field(
        default=None, description="emergency without a survey only: provisional until the survey is co-signed"
    )

    @model_validator(mode="after")
    def _one_way(self) -> "WorkOrderCreate":
        if (self.survey_id is None) == (self.ticket_id is None):
            raise Fault("survey_or_ticket", zh="须指明勘察单或工单其一。", en="Name a survey or a ticket, not both.")
        given = [name for name in _EMERGENCY_FIELDS if getattr(self, name) is not None]
        if self.survey_id is not None and given:
            raise Fault(
                "given_by_survey",
                zh="部位、工种、估价和类别由勘察会签表确定,不能另填。",
                en="Part, trades, estimate and class come from the survey.",
            )
        if self.ticket_id is not None:
            if not self.emergency or len(given) < len(_EMERGENCY_FIELDS):
                raise Fault(
                    "emergency_incomplete",
                    zh="无勘察直接派工仅限紧急维修,须填写部位、工种、估价和类别。",
                    en="Without a survey only an emergency is possible, with part, trades, estimate and class.",
                )
            if self.override is not None or self.estimate_lines is not None:
                raise Fault(
                    "needs_survey",
                    zh="无勘察单时不能改判或选择估价行。",
                    en="Without a survey there is nothing to override.",
                )
        if self.trades is not None:
            only_once(self.trades)
        return self


class WorkOrderUpdate(Inward):
    """Plain fields of a work order; a changed amount reopens its approval (reading 10)."""

    model_config = example(estimate_fen=210000)

    description: Note | None = None
    estimate_fen: PositiveFen | None = None

    @model_validator(mode="after")
    def _no_null(self) -> "WorkOrderUpdate":
        if any(getattr(self, name) is None for name in self.model_fields_set):
            raise Fault("not_null", zh="此项不能为空。", en="This can't be null.")
        return self


class DispatchCreate(Inward):
    """To whom the order goes (REP-14, REP-15)."""

    model_config = example(
        team_id="0198c5f0-0000-7000-8000-000000000501", worker_id="0198c5f0-0000-7000-8000-000000000511"
    )

    team_id: UUID
    worker_id: UUID | None = Field(default=None, description="a repairer of the team who knows one of the trades")


class WorkReasonCreate(Inward):
    """A step that needs a reason."""

    model_config = example(reason="该部位为预应力结构,维修队无相应资质,建议由施工单位处理")

    reason: Note


class ReworkCreate(Inward):
    """Why the work is not accepted (REP-12)."""

    model_config = example(reason="闭水试验 24 小时后楼下仍有渗水,需返工")

    reason: Note


class ExtensionCreate(Inward):
    """A request for more time (REP-07)."""

    model_config = example(reason="防水层需分两遍涂刷养护,原时限内无法完成闭水试验", extra_workdays=3)

    reason: Note
    extra_workdays: int = Field(strict=True, ge=1, le=60)


class ConsentCreate(Inward):
    """The owner's answer to the request for more time; it counts only before the old deadline (REP-07, reading 4)."""

    model_config = example(
        consented=True, channel="phone", consent_by="王秀英", note="业主同意延至下周三,要求施工期间提前一小时联系。"
    )

    consented: bool
    channel: Channel
    consent_by: Name = Field(description="who answered for the home")
    note: Note | None = None
    file_id: UUID | None = Field(default=None, description="recording or signed paper")


class CompletionCreate(Inward):
    """The work is done (报完工)."""

    model_config = example(
        note="防水两遍、闭水试验 48 小时无渗漏,地砖已恢复。",
        photos_before=["0198c5f0-0000-7000-8000-000000000601"],
        photos_after=["0198c5f0-0000-7000-8000-000000000602"],
    )

    note: Note
    photos_before: FileIds = Field(min_length=1, description="attachments of purpose `photo_before`")
    photos_after: FileIds = Field(min_length=1, description="attachments of purpose `photo_after`")


class CompletionSignatureCreate(Inward):
    """A signature of the acceptance (竣工验收); the owner's is taken by staff or the captain (REP-12)."""

    model_config = example(seat="owner", owner_name="王秀英", satisfied=True, opinion="维修及时,现场清理干净。")

    seat: SignatureSeat
    opinion: Note | None = Field(default=None, description="维修意见")
    satisfied: bool | None = None
    signature_file_id: UUID | None = Field(default=None, description="an attachment of purpose `signature`")
    owner_name: Name | None = Field(
        default=None, description="owner's seat only: who signed for the home; the owner on file where left out"
    )

    @model_validator(mode="after")
    def _owner_only(self) -> "CompletionSignatureCreate":
        if self.owner_name is not None and self.seat is not SignatureSeat.OWNER:
            raise Fault(
                "owner_seat_only", zh="只有业主签认可填写业主姓名。", en="Only the owner's seat has an owner's name."
            )
        return self


class CallbackCreate(Inward):
    """A callback attempt (电话回访, REP-13)."""

    model_config = example(outcome="answered", satisfaction=5, comment="业主表示满意,无其他问题。")

    outcome: CallbackOutcome
    satisfaction: int | None = Field(
        default=None, strict=True, ge=1, le=100, description="1 to the policy's scale; exactly when answered"
    )
    comment: Note | None = None

    @model_validator(mode="after")
    def _answered(self) -> "CallbackCreate":
        if (self.outcome is CallbackOutcome.ANSWERED) != (self.satisfaction is not None):
            raise Fault(
                "satisfaction_when_answered",
                zh="接通回访须填写满意度,未接通或拒访则不填。",
                en="Satisfaction is given exactly when the call was answered.",
            )
        return self


class ApprovalBrief(Outward):
    """The latest approval request."""

    id: UUID
    number: str = Field(examples=["SP-20261120-0001"])
    status: str = Field(examples=["pending"])
    total_fen: int = Field(description="the whole repair it was asked for")


class ExtensionRead(Outward):
    """A request for more time, and the owner's answer."""

    id: UUID
    reason: str
    extra_workdays: int
    requested_by: UUID
    requested_by_name: str
    requested_at: datetime
    old_due_at: datetime
    new_due_at: datetime | None
    consented: bool | None
    consent_channel: str | None
    consent_by: str | None
    consent_note: str | None
    consent_file_id: UUID | None
    answered_at: datetime | None
    recorded_by: UUID | None


class CompletionSignatureRead(Outward):
    """A signature of the acceptance."""

    round: int
    seat: SignatureSeat
    signed_by: UUID | None = Field(description="the account; null for an owner whose signature was taken")
    signed_by_name: str
    taken_by: UUID | None = Field(description="who took the owner's signature")
    opinion: str | None
    satisfied: bool | None
    satisfaction: int | None = Field(description="the score of an owner who signed in person, on the policy's scale")
    signature_file_id: UUID | None
    signed_at: datetime


class PhotoRead(Outward):
    """A photo of the work."""

    file_id: UUID
    phase: Literal["before", "after"]
    round: int


class CallbackRead(Outward):
    """A callback attempt."""

    number: str = Field(examples=["HF-20261125-0002"])
    attempt: int
    outcome: CallbackOutcome
    satisfaction: int | None
    comment: str | None
    called_at: datetime
    called_by: UUID
    called_by_name: str


class WorkOrderSummary(Outward):
    """A work order in a list."""

    id: UUID
    number: str = Field(examples=["PG-20261120-0002"])
    status: WorkOrderStatus
    version: int
    ticket: NumberRef
    survey_id: UUID | None
    project: Ref
    unit: HomeRef | None
    repair_class: RepairClass = Field(description="A: warranty task (质保); B: the company bears it (公司承担)")
    building_part: BuildingPart
    trades: list[Trade]
    description: str
    estimate_fen: int
    emergency: bool
    firm: Ref | None = Field(description="the property company whose team has it")
    team: Ref | None
    worker: Ref | None
    contractor: Ref | None = Field(description="class A: the contractor who answers for it")
    approved_at: datetime | None
    dispatched_at: datetime | None
    completed_at: datetime | None
    signed_off_at: datetime | None
    created_at: datetime
    updated_at: datetime
    deadlines: list[DeadlineRead]


class WorkOrderRead(WorkOrderSummary):
    """A work order (工程派工单) with everything about it."""

    class_reasons: list[ReasonRead]
    class_overridden_by: UUID | None
    contract_id: UUID | None
    estimate_lines: list[EstimateLineRead]
    raised_by: UUID
    approval: ApprovalBrief | None
    dispatched_by: UUID | None
    accepted_at: datetime | None
    completed_by: UUID | None
    completion_note: str | None
    round: int = Field(description="1, and one more for every rework")
    extensions: list[ExtensionRead]
    photos: list[PhotoRead]
    signatures: list[CompletionSignatureRead]
    missing_signatures: list[SignatureSeat]
    signable_seats: list[SignatureSeat] = Field(description="where this caller may sign now (the owner's: take)")
    callbacks: list[CallbackRead]
    callback_done_at: datetime | None
    satisfaction: int | None
    account_filed: bool
    refusal_reason: str | None
    rework_reason: str | None
    cancellation_reason: str | None
    policy_snapshot_id: UUID
    allowed_actions: list[str] = Field(description="steps that this caller may take now", examples=[["dispatch"]])
