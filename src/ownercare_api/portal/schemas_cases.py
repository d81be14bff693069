"""What an owner sees and sends about his cases, repairs, attachments and questionnaires."""

from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import Field, model_validator

from ownercare_api.core.wire import Fault, Inward, Line, Note, Outward, PositiveFen, Ref
from ownercare_api.deadlines.views import DeadlineState
from ownercare_api.files.models import FilePurpose
from ownercare_api.portal.lifecycle import RepairStatus
from ownercare_api.portal.schemas import CaseRef, CodeName, HomeBrief, example
from ownercare_api.properties.parts import BuildingPart, Trade
from ownercare_api.surveys.lifecycle import SurveyMode
from ownercare_api.surveys.schemas import AnswerCreate, AnswerRead, QuestionRead
from ownercare_api.tickets.lifecycle import Category, Channel, TicketStatus
from ownercare_api.tickets.models import ContactKind
from ownercare_api.workorders.lifecycle import SurveyStatus

OnlineChannel = Literal[Channel.WEB_FORM, Channel.ONLINE_CHAT]


class MyDeadlineRead(Outward):
    """A time limit that is owed to the owner."""

    kind: str = Field(examples=["site_survey"])
    name: str = Field(description="for people, in the caller's language", examples=["现场勘察"])
    round: int
    due_at: datetime
    original_due_at: datetime = Field(description="before any extension or pause; stays visible (REP-07)")
    stopped_at: datetime | None
    state: DeadlineState
    held_since: datetime | None = Field(description="it stands still since then (暂停计时)")


class MyTicketCreate(Inward):
    """A matter of an owner, about a home of his."""

    model_config = example(
        unit_id="0198c5f0-0000-7000-8000-000000000101",
        category="repair",
        title="主卧卫生间渗漏",
        description="昨晚起主卧卫生间地面渗水,楼下天花板滴水,请尽快上门。",
        demand="两日内止漏",
        urgent=False,
        file_ids=["0198c5f0-0000-7000-8000-000000000901"],
    )

    unit_id: UUID = Field(description="a home that is his now")
    category: Category
    channel: OnlineChannel = Field(default=Channel.WEB_FORM, description="where he writes (渠道)")
    title: Line
    description: Note
    demand: Note | None = Field(default=None, description="what he asks for (CMP-01)")
    urgent: bool = Field(default=False, description="asks for the emergency procedure (CMP-04); staff verify it")
    claim_fen: PositiveFen | None = Field(default=None, description="compensation claimed, in fen (CMP-17)")
    phone_id: UUID | None = Field(default=None, description="which of his numbers to call; the primary one if absent")
    file_ids: list[UUID] = Field(default_factory=list, max_length=9, description="photos that he uploaded before")


class ChaseCreate(Inward):
    """Urging (催办), or the wish to take a finished case up again."""

    model_config = example(summary="约定昨天上门,至今无人联系,请尽快安排。")

    summary: Line = Field(description="in his own words")
    channel: OnlineChannel = Channel.WEB_FORM


class WithdrawalCreate(Inward):
    """Why a case is withdrawn."""

    model_config = example(reason="已自行处理好,不再需要上门。")

    reason: Note


class MyTicketSummary(Outward):
    """A case in a list."""

    id: UUID
    number: str = Field(examples=["TS-20261120-0007"])
    status: TicketStatus
    category: Category
    title: str
    urgent: bool
    mine: bool = Field(description="in his own name; false: he sees it because it is about his home")
    home: HomeBrief | None
    project: Ref
    department: CodeName | None = Field(description="the responsible department, once it is named (责任部门)")
    received_at: datetime
    updated_at: datetime
    version: int
    allowed_actions: list[str] = Field(description="steps that he may take now", examples=[["chase", "withdrawal"]])
    deadlines: list[MyDeadlineRead]


class ToldRead(Outward):
    """What was said to the owner about a case, and what he said."""

    kind: ContactKind
    channel: Channel
    content: str
    opinion: str | None = Field(description="what he said; only of a case in his own name")
    satisfied: bool | None
    at: datetime


class VisitRead(Outward):
    """An appointment for a site survey (上门勘察)."""

    id: UUID
    number: str = Field(examples=["KC-20261120-0003"])
    status: SurveyStatus
    scheduled_at: datetime
    visited_at: datetime | None


class RepairRef(Outward):
    """A repair of a case."""

    id: UUID
    number: str = Field(examples=["PG-20261120-0002"])
    status: RepairStatus


class MyFileRead(Outward):
    """An attachment of the owner, or one that is meant for him."""

    id: UUID
    ticket_id: UUID | None = Field(description="the case it belongs to; null: not used yet")
    purpose: FilePurpose
    name: str = Field(description="as he named it; others' are named by what they are", examples=["主卧渗水.jpg"])
    media_type: str = Field(examples=["image/jpeg"])
    size_bytes: int
    by_you: bool = Field(description="he uploaded it himself")
    created_at: datetime
    content: str = Field(description="where the bytes are", examples=["/v1/my/files/…/content"])
    version: int = Field(description="1; 2 once it belongs to a case")


class MyTicketRead(MyTicketSummary):
    """A case with everything that is for its owner."""

    channel: Channel
    description: str
    demand: str | None
    claim_fen: int | None = Field(description="only of a case in his own name, like the caller")
    caller_name: str | None
    caller_phone_masked: str | None
    round: int = Field(description="1, and one more for each reopening")
    held_since: datetime | None
    resolved_at: datetime | None
    told_at: datetime | None = Field(description="when he was told the result")
    closed_at: datetime | None
    result: str | None = Field(description="result and grounds, once he was told (CMP-13)")
    told: list[ToldRead]
    visits: list[VisitRead]
    work_orders: list[RepairRef]
    files: list[MyFileRead]


class Who(StrEnum):
    """Who did something, without a name."""

    YOU = "you"
    OTHER_OWNER = "other_owner"
    STAFF = "staff"
    PARTNER = "partner"
    SYSTEM = "system"


class MyEventRead(Outward):
    """Something that happened in a case."""

    id: UUID
    kind: str = Field(examples=["ticket.responded"])
    sentence: str = Field(description="for people, in the caller's language", examples=["我们已与业主联系"])
    who: Who = Field(description="`partner`: a property company or contractor")
    department: CodeName | None = Field(description="of the staff who did it")
    occurred_at: datetime


# Repairs.


class MyExtensionRead(Outward):
    """A request of the team for more time, and the owner's answer (REP-07)."""

    id: UUID
    reason: str
    extra_workdays: int
    requested_at: datetime
    old_due_at: datetime
    new_due_at: datetime | None
    consented: bool | None = Field(description="null: waiting, or overtaken by events")
    answered_at: datetime | None


class MySignatureRead(Outward):
    """The owner's signature of the acceptance (业主签认)."""

    satisfied: bool | None
    satisfaction: int | None
    opinion: str | None
    signed_at: datetime


class MyPhotoRead(Outward):
    """A photo of the work."""

    file_id: UUID
    phase: Literal["before", "after"]
    round: int


class MyWorkOrderSummary(Outward):
    """A repair in a list."""

    id: UUID
    number: str = Field(examples=["PG-20261120-0002"])
    status: RepairStatus
    ticket: CaseRef
    home: HomeBrief | None
    project: Ref
    building_part: BuildingPart
    trades: list[Trade]
    emergency: bool
    company: str | None = Field(description="the property company whose team comes", examples=["云栖物业"])
    team: str | None = Field(examples=["维修一队"])
    worker: str | None = Field(description="who comes to the door (上门师傅)", examples=["陈建国"])
    dispatched_at: datetime | None
    completed_at: datetime | None
    signed_off_at: datetime | None
    updated_at: datetime
    version: int
    deadlines: list[MyDeadlineRead]


class MyWorkOrderRead(MyWorkOrderSummary):
    """A repair with everything that is for the owner; no money, nothing between the firms."""

    surveyed_at: datetime | None = Field(description="when the site was surveyed")
    survey_appointment_at: datetime | None
    accepted_at: datetime | None = Field(description="when the team took it")
    work_done: str | None = Field(description="what the team reports, once the work is done")
    called_back_at: datetime | None
    round: int = Field(description="1, and one more for every rework")
    extensions: list[MyExtensionRead]
    signature: MySignatureRead | None = Field(description="the owner's, of this round; only his own opinion is shown")
    photos: list[MyPhotoRead]
    allowed_actions: list[str] = Field(description="steps that he may take now", examples=[["signature"]])


class MyConsentCreate(Inward):
    """The owner's answer to a request for more time."""

    model_config = example(consented=True, note="同意延期两个工作日,请周三前完工。")

    consented: bool
    note: Note | None = None


class MySignatureCreate(Inward):
    """The owner's signature of the acceptance."""

    model_config = example(satisfaction=5, opinion="维修及时,现场打扫干净。")

    satisfaction: int = Field(
        strict=True, ge=1, le=100, description="1 is the worst, up to the policy's scale (满意度)"
    )
    opinion: Note | None = Field(default=None, description="维修意见")
    signature_file_id: UUID | None = Field(default=None, description="a signature that he uploaded")


# Questionnaires.


class HomeToAnswer(Outward):
    """A home about which a questionnaire may be answered."""

    id: UUID
    address: str
    answered: bool
    scale_max: int | None = Field(description="top of the scale there; null: no policy is in force")


class MyQuestionnaireRead(Outward):
    """A questionnaire that is open to the owner, with its questions."""

    id: UUID
    code: str = Field(examples=["MYD-WX"])
    edition: int
    title: str
    published_at: datetime | None
    questions: list[QuestionRead]
    homes: list[HomeToAnswer] = Field(description="once for each")
    cases: list[CaseRef] = Field(description="his finished cases that nobody has judged yet, the newest twenty")


class MyResponseCreate(Inward):
    """What an owner answers, about a finished case of his or a home of his."""

    model_config = example(
        questionnaire_id="0198c5f0-0000-7000-8000-000000000081",
        ticket_id="0198c5f0-0000-7000-8000-000000000031",
        answers=[
            {"question": "repair_quality", "value": 5},
            {"question": "suggestion", "value": "希望维修前先电话约时间。"},
        ],
    )

    questionnaire_id: UUID
    ticket_id: UUID | None = Field(default=None, description="the case it is about, or")
    unit_id: UUID | None = Field(default=None, description="the home it is about: exactly one of the two")
    answers: list[AnswerCreate] = Field(min_length=1, max_length=60)

    @model_validator(mode="after")
    def _about_one(self) -> "MyResponseCreate":
        if (self.ticket_id is None) == (self.unit_id is None):
            raise Fault(
                "ticket_or_unit",
                zh="ticket_id 与 unit_id 须且只能填写一个。",
                en="Name exactly one of ticket_id and unit_id.",
            )
        return self


class MyResponseSummary(Outward):
    """An answer of the owner in a list."""

    id: UUID
    number: str = Field(examples=["WJ-20261120-0001"])
    questionnaire_id: UUID
    title: str
    ticket_id: UUID | None
    unit_id: UUID | None
    mode: SurveyMode
    by_yourself: bool = Field(description="false: he was asked, and staff entered it")
    recorded_at: datetime
    version: int


class MyResponseRead(MyResponseSummary):
    """An answer with what was said."""

    answers: list[AnswerRead]


class MyUploadFields(Inward):
    """The fields beside the file in the form."""

    purpose: Literal[FilePurpose.PHOTO_SITE, FilePurpose.SIGNATURE] = Field(
        default=FilePurpose.PHOTO_SITE,
        description="what is wrong (现场照片), or his signature (签名)",
    )
    ticket_id: UUID | None = Field(default=None, description="his open case that it belongs to, or")
    unit_id: UUID | None = Field(default=None, description="his home, for a case to be registered: exactly one of both")

    @model_validator(mode="after")
    def _for_one(self) -> "MyUploadFields":
        if (self.ticket_id is None) == (self.unit_id is None):
            raise Fault(
                "ticket_or_unit",
                zh="ticket_id 与 unit_id 须且只能填写一个。",
                en="Name exactly one of ticket_id and unit_id.",
            )
        return self
