"""What the settlement room takes, and its answers about final accounts and settlements."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from ownercare_api.core.wire import Fault, FenAmount, Inward, Line, Name, Note, Outward, PositiveFen
from ownercare_api.deadlines.views import DeadlineRead
from ownercare_api.properties.parts import Trade
from ownercare_api.settlements.lifecycle import (
    AccountStatus,
    AuditDepartment,
    ContractorAnswer,
    ResolutionKind,
    SettlementStatus,
)
from ownercare_api.workorders.lifecycle import RepairClass

_ACCOUNT_ID = "0198c5f0-0000-7000-8000-000000000701"
_ORDER_ID = "0198c5f0-0000-7000-8000-000000000501"


def example(**fields: JsonValue) -> ConfigDict:
    """Return the configuration of a body with one realistic example."""
    return Inward.model_config | ConfigDict(json_schema_extra={"examples": [fields]})


def _positive(value: str) -> str:
    if not value.strip("0."):
        raise Fault("quantity_zero", zh="数量必须大于零。", en="The quantity must be above zero.")
    return value


Quantity = Annotated[
    str,
    StringConstraints(pattern=r"^(0|[1-9][0-9]{0,8})(\.[0-9]{1,3})?$"),
    AfterValidator(_positive),
    Field(description="decimal text above zero with at most three decimals (数量)", examples=["6.5"]),
]


class AccountLineIn(Inward):
    """A line of the 《维修工程决算书》; its amount is quantity times unit price, half a fen rounded up."""

    description: Line = Field(examples=["卫生间地面防水层铲除重做(聚氨酯涂膜两遍)"])
    trade: Trade
    unit: Name = Field(description="unit of measure (计量单位)", examples=["平方米"])
    quantity: Quantity
    unit_price_fen: PositiveFen = Field(description="unit price in fen (单价)", examples=[8650])


Lines = Annotated[list[AccountLineIn], Field(min_length=1, max_length=200)]
_LINES: JsonValue = [
    {
        "description": "卫生间地面防水层铲除重做(聚氨酯涂膜两遍)",
        "trade": "waterproofing",
        "unit": "平方米",
        "quantity": "6.5",
        "unit_price_fen": 8650,
    },
    {"description": "地砖恢复铺贴", "trade": "tiling", "unit": "平方米", "quantity": "6.5", "unit_price_fen": 12000},
]


class FinalAccountCreate(Inward):
    """A final account filed by the captain (FIN-04)."""

    model_config = example(work_order_id=_ORDER_ID, lines=_LINES, note="闭水试验 48 小时合格,业主已签认。")

    work_order_id: UUID = Field(description="the order that was signed off")
    lines: Lines
    note: Note | None = None


class FinalAccountUpdate(Inward):
    """Merge patch of a returned account; `lines` replaces all of them."""

    model_config = example(lines=_LINES, note="已按审核意见更正地砖数量。")

    lines: Lines | None = Field(default=None, description="all lines anew; absent keeps them")
    note: Note | None = Field(default=None, description="null clears it; absent keeps it")

    @model_validator(mode="after")
    def _something(self) -> "FinalAccountUpdate":
        if "lines" in self.model_fields_set and self.lines is None:
            raise Fault("lines_missing", zh="决算明细不能清空。", en="An account has lines; they can't be cleared.")
        return self


class AuditedLineIn(Inward):
    """What the audit makes of one line."""

    position: int = Field(strict=True, ge=1, le=200, description="the line's position (序号)", examples=[1])
    audited_amount_fen: FenAmount = Field(description="at most what was claimed (审定金额)", examples=[56225])
    comment: Line | None = Field(default=None, examples=["按现场实测面积核减"])


class AuditCreate(Inward):
    """The audit result, line by line (FIN-05)."""

    model_config = example(
        lines=[
            {"position": 1, "audited_amount_fen": 56225},
            {"position": 2, "audited_amount_fen": 72000, "comment": "按现场实测面积 6.0 平方米核减"},
        ]
    )

    lines: list[AuditedLineIn] = Field(min_length=1, max_length=200, description="every line of the account, once")


class ReasonCreate(Inward):
    """A step that needs a reason."""

    model_config = example(reason="第 2 项数量与现场签认不符,请附实测记录后重新报送。")

    reason: Note


class SettlementCreate(Inward):
    """Write the 《维修工程结算书》 from an audited account (FIN-06)."""

    model_config = example(final_account_id=_ACCOUNT_ID)

    final_account_id: UUID


class ConfirmationCreate(Inward):
    """The contractor's answer (FIN-07)."""

    model_config = example(decision="partly", confirmed_amount_fen=100000, reason="楼下天花板修复不属我方保修范围。")

    decision: ContractorAnswer = Field(description="`confirmed`, `refused` or `partly`")
    confirmed_amount_fen: PositiveFen | None = Field(default=None, description="only with `partly`: what is accepted")
    reason: Note | None = Field(default=None, description="needed with `refused` and `partly`")

    @model_validator(mode="after")
    def _complete(self) -> "ConfirmationCreate":
        if self.decision is ContractorAnswer.DEEMED:
            raise Fault("not_an_answer", zh="“视为确认”不是答复。", en="`deemed` is no answer; it is recorded by us.")
        if (self.decision is ContractorAnswer.PARTLY) != (self.confirmed_amount_fen is not None):
            raise Fault(
                "amount_with_partly",
                zh="部分确认须填写确认金额,其他答复不填。",
                en="An amount belongs to `partly`, and only to it.",
            )
        if self.decision is not ContractorAnswer.CONFIRMED and self.reason is None:
            raise Fault("reason_missing", zh="拒绝或部分确认须说明理由。", en="A refusal needs a reason.")
        return self


class ResolutionCreate(Inward):
    """How a dispute with the contractor is settled (reading 11)."""

    model_config = example(kind="determination", amount_fen=110000, reason="渗漏系防水层施工缺陷,天花板按连带损失计。")

    kind: ResolutionKind
    amount_fen: PositiveFen | None = Field(
        default=None, description="what the contractor bears; not with `moved_to_b`, where it is nothing"
    )
    reason: Note

    @model_validator(mode="after")
    def _amount(self) -> "ResolutionCreate":
        if (self.kind is ResolutionKind.MOVED_TO_B) == (self.amount_fen is not None):
            raise Fault(
                "amount_by_kind",
                zh="更正金额与认定须填写金额;转 B 类不填。",
                en="A corrected amount and a determination name the amount; moving to B does not.",
            )
        return self


class CertificationCreate(Inward):
    """The determination of the deputy chief engineer (FIN-08)."""

    model_config = example(opinion="价格与技术方案合理,同意结算。")

    opinion: Note | None = None


class PaymentCreate(Inward):
    """The payment by finance (FIN-09)."""

    model_config = example(reference="网银流水 20261120-000318")

    reference: Line = Field(description="the bank's reference (付款凭证号)")


class AccountLineRead(Outward):
    """A line of a final account, and what the audit made of it."""

    position: int
    description: str
    trade: Trade
    unit: str
    quantity: str = Field(examples=["6.5"])
    unit_price_fen: int
    amount_fen: int
    audited_amount_fen: int | None
    audit_comment: str | None


class FinalAccountSummary(Outward):
    """A final account in a list."""

    id: UUID
    number: str = Field(examples=["JS-20261120-0003"])
    status: AccountStatus
    version: int
    work_order_id: UUID
    work_order_number: str
    ticket_id: UUID
    project_id: UUID
    firm_id: UUID = Field(description="the property company whose team did the work")
    team_id: UUID
    estimate_fen: int = Field(description="the approved estimate of the work order")
    total_fen: int
    audited_total_fen: int | None
    department: AuditDepartment = Field(description="who audits it, by its total (FIN-05)")
    prepared_by: UUID
    prepared_by_name: str
    submitted_at: datetime
    settlement_id: UUID | None
    allowed_actions: list[str] = Field(
        description="steps that this caller may take now", examples=[["audit", "return"]]
    )
    deadlines: list[DeadlineRead] = Field(description="of the supplementary approval, where there is one")


class FinalAccountRead(FinalAccountSummary):
    """A final account with its lines."""

    total_capital: str = Field(description="the total in capital characters (大写)", examples=["壹仟叁佰元整"])
    note: str | None
    lines: list[AccountLineRead]
    approval_id: UUID | None = Field(description="supplementary approval, where the total is above the estimate")
    approved_fen: int | None
    return_reason: str | None
    returned_by_name: str | None
    audited_by: UUID | None
    audited_by_name: str | None
    audited_at: datetime | None
    policy_snapshot_id: UUID


class ReplyRead(Outward):
    """An answer of the contractor, or its silence (`deemed`)."""

    round: int
    asked_fen: int
    answer: ContractorAnswer
    confirmed_fen: int | None
    reason: str | None
    answered_by: UUID
    answered_by_name: str
    answered_at: datetime


class DisputeResolutionRead(Outward):
    """How a dispute was settled."""

    round: int
    kind: ResolutionKind
    contractor_share_fen: int
    reason: str
    resolved_by: UUID
    resolved_by_name: str
    resolved_at: datetime


class SettlementSummary(Outward):
    """A settlement in a list."""

    id: UUID
    number: str = Field(examples=["JD-20261120-0002"])
    status: SettlementStatus
    version: int
    kind: RepairClass = Field(description="class A or B")
    final_account_id: UUID
    final_account_number: str
    work_order_id: UUID
    work_order_number: str
    ticket_id: UUID
    project_id: UUID
    firm_id: UUID = Field(description="the property company that is paid")
    contract_id: UUID | None
    contractor_firm_id: UUID | None = Field(description="where it was written as class A")
    amount_fen: int = Field(description="the audited cost: what the property company gets")
    contractor_share_fen: int = Field(description="what the contractor bears of it")
    company_share_fen: int = Field(description="what the company bears of it")
    contractor_answer: ContractorAnswer | None
    certified_at: datetime | None
    paid_at: datetime | None
    deducted_fen: int = Field(description="taken from retention by the payment that stands")
    claimed_fen: int = Field(description="claimed from the contractor: what retention could not cover")
    allowed_actions: list[str] = Field(description="steps that this caller may take now", examples=[["certification"]])
    deadlines: list[DeadlineRead]


class PayeeAccountRead(Outward):
    """The bank account that a firm is paid to, masked: before the payment as it is now, afterwards as it was then."""

    bank_name: str | None = Field(examples=["临澜银行江晖支行"])
    bank_account_holder: str | None = Field(examples=["临澜安庭物业服务有限公司"])
    bank_account_masked: str | None = Field(examples=["**** 5678"])
    change_open: bool = Field(description="a change of the account waits for its confirmation; nothing is paid")
    changed_since_written: bool = Field(
        description="the account was changed after this was written; who entered or confirmed that does not pay it"
    )


class SettlementRead(SettlementSummary):
    """A settlement with everything about it."""

    amount_capital: str = Field(description="the amount in capital characters (大写)", examples=["壹仟贰佰元整"])
    lines: list[AccountLineRead]
    department: AuditDepartment = Field(description="who audited it (FIN-05, FIN-10)")
    written_by: UUID
    written_by_name: str
    round: int
    notified_at: datetime | None
    reminded_at: datetime | None
    answered_at: datetime | None
    replies: list[ReplyRead]
    resolutions: list[DisputeResolutionRead]
    certified_by: UUID | None
    certified_by_name: str | None
    certification_opinion: str | None
    paid_by: UUID | None
    paid_by_name: str | None
    payment_entry_id: UUID | None
    payment_reference: str | None
    payee_account: PayeeAccountRead | None = Field(description="the property company's; null for the contractor")
    policy_snapshot_id: UUID
