"""What the site surveys send and take, and what both halves of the room share."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from ownercare_api.core.wire import Fault, FenAmount, Instant, Inward, Line, Note, Outward, PositiveFen, Ref
from ownercare_api.deadlines.views import DeadlineRead
from ownercare_api.properties.parts import BuildingPart, Trade
from ownercare_api.workorders.liability import Cover
from ownercare_api.workorders.lifecycle import LiableParty, PartyRole, RepairClass, SurveyStatus


def example(**fields: Any) -> ConfigDict:
    """Return a body's configuration with its example."""
    return Inward.model_config | ConfigDict(json_schema_extra={"examples": [fields]})


def only_once(trades: list[Trade]) -> None:
    """Raise where a trade is named twice."""
    if len(set(trades)) != len(trades):
        raise Fault("duplicate_trade", zh="工种不能重复。", en="A trade is named twice.")


Trades = Annotated[list[Trade], Field(min_length=1, max_length=len(Trade))]
FileIds = Annotated[list[UUID], Field(max_length=20)]


class SiteSurveyCreate(Inward):
    """A site survey to arrange (REP-02)."""

    model_config = example(
        ticket_id="0198c5f0-0000-7000-8000-000000000001",
        scheduled_at="2026-11-23T10:00:00+08:00",
        expected_cost_fen=180000,
        building_part="wet_room_waterproofing",
    )

    ticket_id: UUID = Field(description="a repair ticket that is accepted")
    scheduled_at: Instant = Field(description="when the parties meet (勘察时间)")
    expected_cost_fen: FenAmount | None = Field(
        default=None, description="rough cost; below the policy's limit the contractor need not attend (REP-03)"
    )
    building_part: BuildingPart | None = Field(
        default=None, description="the part as reported (报修部位); names the contractor whose contract covers it"
    )
    team_id: UUID | None = Field(
        default=None,
        description="the repair team whose captain attends; left out: the project's oldest",
    )
    property_firm_id: UUID | None = Field(
        default=None, description="the property company; the team's firm where left out"
    )


class EstimateLineCreate(Inward):
    """A line of the estimate (估价)."""

    description: Line = Field(examples=["主卧卫生间拆除面层、重做聚氨酯防水"])
    trade: Trade = Field(description="one of the survey's trades")
    amount_fen: PositiveFen = Field(examples=[120000])


class FindingsCreate(Inward):
    """What the parties found: part, cause, who is liable, trades and estimate (REP-04)."""

    model_config = example(
        visited_at="2026-11-23T10:20:00+08:00",
        building_part="wet_room_waterproofing",
        cause="地漏周边防水层未上翻,管根处开裂渗漏",
        liable_party="contractor",
        trades=["waterproofing", "tiling"],
        estimate_lines=[
            {"description": "拆除面层、重做聚氨酯防水", "trade": "waterproofing", "amount_fen": 120000},
            {"description": "恢复地面砖", "trade": "tiling", "amount_fen": 60000},
        ],
    )

    visited_at: Instant = Field(description="when the parties were on the spot; not in the future")
    building_part: BuildingPart
    cause: Note = Field(description="cause of the defect (原因分析)")
    liable_party: LiableParty = Field(description="who is liable (责任方认定)")
    contract_id: UUID | None = Field(
        default=None, description="the contract that covers the part; found by project and part where left out"
    )
    trades: Trades = Field(description="one trade: 3 working days; several: 7 (REP-05, REP-06)")
    estimate_lines: list[EstimateLineCreate] = Field(default_factory=list, max_length=50)
    file_ids: FileIds = Field(default_factory=list, description="photos of the site and documents")

    @model_validator(mode="after")
    def _consistent(self) -> "FindingsCreate":
        only_once(self.trades)
        if any(line.trade not in self.trades for line in self.estimate_lines):
            raise Fault(
                "trade_not_found",
                zh="估价行的工种须在勘察认定的工种之内。",
                en="A line's trade is not among the trades.",
            )
        return self


class SurveySignatureCreate(Inward):
    """A party's signature on the 《现场勘察会签表》."""

    model_config = example(role="repair_captain", comment="同意勘察结论,可安排两人两天完成。")

    role: PartyRole
    comment: Note | None = Field(default=None, description="the party's opinion (会签意见)")
    signature_file_id: UUID | None = Field(default=None, description="an attachment of purpose `signature`")


class ReasonGiven(Inward):
    """A step that needs a reason."""

    model_config = example(reason="业主当日不在家,改约后重新安排")

    reason: Note


class HomeRef(Outward):
    """The home it concerns."""

    id: UUID
    address: str = Field(examples=["云栖雅苑 3栋 1单元 1203室"])


class NumberRef(Outward):
    """A thing elsewhere, by its number."""

    id: UUID
    number: str = Field(examples=["TS-20261120-0007"])


class ReasonRead(Outward):
    """One reason of a derivation, in the order of thought."""

    model_config = ConfigDict(extra="allow")

    code: str = Field(examples=["contractor_covered"])
    zh: str = Field(examples=["有防水要求的卫生间、房间防水:施工单位质保期至 2030-05-31 止(含当日),报修时在质保期内。"])
    en: str
    rule: str = Field(examples=["REP-08"])


class LiabilityRead(Outward):
    """Class A, B or none, with both warranty clocks and the reasons (reading 9)."""

    repair_class: RepairClass
    owner_cover: Cover = Field(description="the owner's warranty, from delivery")
    owner_covered_until: date | None = Field(description="last day, included; null: not delivered yet")
    contractor_cover: Cover = Field(description="the contractor's own warranty, from completion acceptance")
    contractor_covered_until: date | None = Field(description="last day, included; null: no contract covers the part")
    reasons: list[ReasonRead]
    final: bool = Field(description="false: a preview before the parties have co-signed")


class PartyRead(Outward):
    """An invited party and its signature."""

    role: PartyRole
    required: bool
    exempt_because: str | None = Field(
        description="`below_exempt_amount` (REP-03) or `no_contract`; null where required", examples=["no_contract"]
    )
    firm: Ref | None
    signed_by: UUID | None
    signed_by_name: str | None
    signed_at: datetime | None
    comment: str | None
    signature_file_id: UUID | None


class EstimateLineRead(Outward):
    """A line of the estimate."""

    position: int = Field(description="from 1")
    description: str
    trade: Trade
    amount_fen: int
    work_order_id: UUID | None = Field(description="the live work order that covers it")


class SiteSurveySummary(Outward):
    """A site survey in a list."""

    id: UUID
    number: str = Field(examples=["KC-20261120-0003"])
    status: SurveyStatus
    version: int
    ticket: NumberRef
    project: Ref
    unit: HomeRef | None
    scheduled_at: datetime
    visited_at: datetime | None
    building_part: BuildingPart | None
    liable_party: LiableParty | None
    estimate_fen: int | None
    co_signed_at: datetime | None
    created_at: datetime
    updated_at: datetime


class SiteSurveyRead(SiteSurveySummary):
    """A site survey (现场勘察) with its form."""

    expected_cost_fen: int | None
    team_id: UUID | None
    property_firm_id: UUID | None
    contractor_firm_id: UUID | None
    arranged_by: UUID
    recorded_by: UUID | None
    cause: str | None
    contract_id: UUID | None
    trades: list[Trade]
    estimate_lines: list[EstimateLineRead]
    parties: list[PartyRead]
    missing_signatures: list[PartyRole] = Field(description="required parties that have not signed")
    signable_seats: list[PartyRole] = Field(description="where this caller may sign now")
    liability: LiabilityRead | None = Field(description="null before the findings are co-signed")
    cancellation_reason: str | None
    allowed_actions: list[str] = Field(description="steps that this caller may take now", examples=[["findings"]])
    deadlines: list[DeadlineRead] = Field(description="the site-survey clock of the ticket (REP-02)")
