"""What the ticket room sends and takes."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from ownercare_api.core.wire import Code, Fault, Instant, Inward, Line, Name, Note, Outward, PositiveFen, Ref
from ownercare_api.deadlines.views import DeadlineRead
from ownercare_api.tickets.lifecycle import Category, CauseClass, Channel, Domain, TicketStatus


def _example(**fields: JsonValue) -> ConfigDict:
    return Inward.model_config | ConfigDict(json_schema_extra={"examples": [fields]})


class TicketCreate(Inward):
    """A call, visit, letter or message to register."""

    model_config = _example(
        unit_id="0198c5f0-0000-7000-8000-000000000101",
        owner_id="0198c5f0-0000-7000-8000-000000000201",
        category="repair",
        channel="hotline",
        title="主卧卫生间渗漏,楼下天花板滴水",
        description="业主来电:昨晚起主卧卫生间地面渗水,楼下 1103 室天花板开始滴水,要求尽快上门。",
        demand="两日内止漏,并修复楼下天花板",
        urgent=False,
        caller_name="王秀英",
        caller_phone="138 1234 1234",
        received_at="2026-11-20T09:12:00+08:00",
    )

    unit_id: UUID | None = Field(default=None, description="the home it concerns")
    project_id: UUID | None = Field(default=None, description="needed only where no home is named")
    owner_id: UUID | None = Field(default=None, description="the owner, if the caller is known; must own the home")
    domain: Domain = Field(default=Domain.OWNER_HOME, description="owner's home or sales office: two sets of deadlines")
    category: Category
    channel: Channel
    title: Line
    description: Note
    demand: Note | None = Field(default=None, description="what the owner asks for (CMP-01)")
    urgent: bool = Field(default=False, description="starts the emergency procedure (CMP-04)")
    claim_fen: PositiveFen | None = Field(default=None, description="compensation claimed, in fen (CMP-17)")
    caller_name: Name
    caller_phone: str | None = Field(default=None, min_length=3, max_length=40, description="shown masked afterwards")
    received_at: Instant | None = Field(default=None, description="when the owner turned to us; now if absent")

    @model_validator(mode="after")
    def _somewhere(self) -> "TicketCreate":
        if self.unit_id is None and self.project_id is None:
            raise Fault("place_missing", zh="须指明房屋或项目。", en="Name the home, or at least the project.")
        return self


class TicketFilters(BaseModel):
    """Filters of the list: the same words as the fields."""

    status: TicketStatus | None = None
    category: Category | None = None
    domain: Domain | None = None
    channel: Channel | None = None
    project_id: UUID | None = None
    unit_id: UUID | None = None
    owner_id: UUID | None = None
    handler_id: UUID | None = None
    department: str | None = Field(default=None, max_length=64, description="the responsible department's code")
    urgent: bool | None = None
    overdue: Literal[True] | None = Field(default=None, description="only those with a clock past its due time")
    received_from: Instant | None = Field(default=None, description="received at or after")
    received_before: Instant | None = Field(default=None, description="received before")
    q: str | None = Field(
        default=None, min_length=1, max_length=100, description="substring of number, title, caller or description"
    )
    sort: Literal["newest", "oldest"] = "newest"


class OwnerBrief(Outward):
    """An owner, as a ticket shows one."""

    id: UUID
    name: str
    phone_masked: str | None = Field(examples=["138****1234"])


class UnitBrief(Outward):
    """A home, as a ticket shows it."""

    id: UUID
    address: str


class TicketSummary(Outward):
    """A ticket in a list."""

    id: UUID
    number: str = Field(examples=["TS-20261120-0007"])
    status: TicketStatus
    category: Category
    domain: Domain
    channel: Channel
    title: str
    urgent: bool
    project: Ref
    unit: UnitBrief | None
    owner: OwnerBrief | None
    department: str | None
    handler: Ref | None
    received_at: datetime
    created_at: datetime
    updated_at: datetime
    version: int
    allowed_actions: list[str] = Field(description="steps that this caller may take now", examples=[["classification"]])
    deadlines: list[DeadlineRead]


class TicketRead(TicketSummary):
    """A ticket with everything about it."""

    description: str
    demand: str | None
    claim_fen: int | None
    caller_name: str
    caller_phone_masked: str | None
    registered_by: UUID
    register_number: str = Field(description="its line in the 《来电、来访登记表》", examples=["DJ-20261120-0012"])
    cause_class: CauseClass | None
    open_work: int = Field(description="surveys and work orders that are not finished")
    round: int = Field(description="1, and one more for each reopening")
    result: str | None
    held_at: datetime | None
    resolved_at: datetime | None
    owner_informed_at: datetime | None
    closed_at: datetime | None
    policy_snapshot_id: UUID = Field(description="the policy it started under and keeps")


class RegisterEntryRead(Outward):
    """A line of the 《来电、来访登记表》 (CHN-03)."""

    id: UUID
    number: str
    ticket_id: UUID
    ticket_number: str
    project_id: UUID
    channel: Channel
    category: Category
    caller_name: str
    caller_phone_masked: str | None
    summary: str
    received_at: datetime
    taken_by_name: str


class RegisterEntryCreate(Inward):
    """A further call about a ticket that is open."""

    model_config = _example(channel="hotline", caller_name="王秀英", summary="业主来电催问上门时间")

    channel: Channel
    caller_name: Name
    caller_phone: str | None = Field(default=None, min_length=3, max_length=40)
    summary: Line
    received_at: Instant | None = None


class ResponseCreate(Inward):
    """The first response to the owner (CMP-02)."""

    model_config = _example(channel="phone", content="已致电业主,告知明日上午 10 点上门勘察。")

    channel: Channel
    content: Note


class ClassificationCreate(Inward):
    """Verification, classification, the responsible department and its fixed person (CMP-05, CMP-06)."""

    model_config = _example(
        cause_class="construction_quality",
        department="engineering_material",
        handler_id="0198c5f0-0000-7000-8000-000000000301",
        note="电话核实:渗漏点在主卧卫生间地漏周边,初判防水层失效。",
    )

    category: Category | None = Field(default=None, description="corrects the category; clocks follow it")
    cause_class: CauseClass
    department: Code = Field(description="department code, see /v1/departments")
    handler_id: UUID = Field(description="the fixed person; belongs to the department")
    urgent: bool | None = None
    claim_fen: PositiveFen | None = None
    note: Note


class NoteCreate(Inward):
    """A step that is told in words."""

    model_config = _example(note="已到现场查看,正在核对施工资料。")

    note: Note


class ReasonCreate(Inward):
    """A step that needs a reason."""

    model_config = _example(reason="业主外出,约定 12 月 1 日后再上门")

    reason: Note


class ResolutionCreate(Inward):
    """What was done, with grounds (CMP-13)."""

    model_config = _example(result="已重做主卧卫生间防水并完成 48 小时闭水试验,无渗漏;楼下天花板已修复。")

    result: Note


class OwnerFeedbackCreate(Inward):
    """The result as told to the owner, and what the owner said (CMP-03, CMP-13)."""

    model_config = _example(
        channel="phone",
        content="已向业主说明渗漏原因为防水层施工缺陷,维修由施工单位承担,闭水试验合格。",
        owner_opinion="满意,感谢及时处理",
        satisfied=True,
    )

    channel: Channel
    content: Note
    owner_opinion: Note | None = None
    satisfied: bool | None = None


class ClosureCreate(Inward):
    """Closing and archiving."""

    model_config = _example(note="资料齐全,归档。")

    note: Note | None = None
