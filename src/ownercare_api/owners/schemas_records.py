"""What goes over the wire about contacts, households, groups, tags and consents."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from ownercare_api.core.phone_field import PhoneNumber
from ownercare_api.core.wire import BusinessDate, Code, Fault, Instant, Inward, Line, Name, Note, Outward
from ownercare_api.owners.models_records import ConsentChannel, ConsentPurpose, ContactRelation


def _example(**fields: Any) -> ConfigDict:
    return Inward.model_config | ConfigDict(json_schema_extra={"examples": [fields]})


class ContactCreate(Inward):
    """Somebody to turn to about an owner."""

    model_config = _example(
        name="李建国",
        relation="spouse",
        number="139 1234 5678",
        is_emergency=True,
        may_speak_for_owner=True,
        authorisation="业主 2026-11-18 到访,书面授权配偶办理报修事宜",
    )

    name: Name
    relation: ContactRelation
    number: PhoneNumber = Field(description="mobile, or landline with area code; kept encrypted, shown masked")
    is_emergency: bool = Field(default=False, description="turn to in an emergency (紧急联系人)")
    valid_from: BusinessDate | None = Field(default=None, description="today if absent")
    valid_to: BusinessDate | None = Field(default=None, description="first day on which it is no longer so")
    may_speak_for_owner: bool = Field(
        default=False, description="may decide for the owner (代理人); needs authorisation"
    )
    authorisation: Note | None = Field(default=None, description="what the owner authorised, and how (授权说明)")
    authorisation_file_id: UUID | None = Field(default=None, description="the letter of authorisation (授权委托书)")
    note: Note | None = None


class ContactUpdate(Inward):
    """Fields of a contact; what is absent stays (JSON Merge Patch)."""

    model_config = _example(relation="agent", valid_to="2027-12-31")

    # The factories only make a field optional without making it nullable; their values are never used.
    name: Name = Field(default_factory=str)
    relation: ContactRelation = Field(default_factory=lambda: ContactRelation.OTHER)
    number: PhoneNumber = Field(default_factory=str, description="another number")
    is_emergency: bool = Field(default_factory=bool)
    valid_to: BusinessDate | None = Field(default=None, description="first day on which it is no longer so")
    may_speak_for_owner: bool = Field(default_factory=bool)
    authorisation: Note | None = None
    authorisation_file_id: UUID | None = None
    note: Note | None = None


class ContactRead(Outward):
    """A contact of an owner, masked."""

    id: UUID
    owner_id: UUID
    name: str = Field(examples=["李建国"])
    relation: ContactRelation
    number_masked: str = Field(examples=["139****5678"])
    is_emergency: bool
    valid_from: date
    valid_to: date | None = Field(description="null: no end")
    may_speak_for_owner: bool
    authorisation: str | None
    authorisation_file_id: UUID | None
    note: str | None
    recorded_by: UUID
    recorded_by_name: str
    created_at: datetime
    version: int


class MemberGiven(Inward):
    """A member of a household: exactly one of `owner_id`, `contact_id` and `name`."""

    owner_id: UUID | None = None
    contact_id: UUID | None = Field(default=None, description="a contact of an owner")
    name: Name | None = Field(default=None, description="somebody who is neither")
    relation: Name | None = Field(default=None, description="what the member is to the head (与户主关系)")
    is_head: bool = Field(default=False, description="head of the household (户主)")

    @model_validator(mode="after")
    def _one_person(self) -> "MemberGiven":
        if sum(one is not None for one in (self.owner_id, self.contact_id, self.name)) != 1:
            raise Fault(
                "one_person",
                zh="owner_id、contact_id、name 须且只能填写一项。",
                en="Give exactly one of owner_id, contact_id and name.",
            )
        return self


_HOUSEHOLD: dict[str, Any] = {
    "name": "王秀英一家",
    "from_date": "2026-01-10",
    "members": [
        {"owner_id": "0198c5f0-0000-7000-8000-000000000201", "is_head": True},
        {"name": "王小明", "relation": "儿子"},
    ],
}


class _Members(Inward):
    members: list[MemberGiven] = Field(default_factory=list, max_length=30)

    @model_validator(mode="after")
    def _one_head(self) -> "_Members":
        if sum(member.is_head for member in self.members) > 1:
            raise Fault("one_head", zh="一户只有一位户主。", en="A household has one head.")
        return self


class HouseholdCreate(_Members):
    """A household that lives in a home."""

    model_config = _example(**_HOUSEHOLD)

    name: Name
    from_date: BusinessDate


class HouseholdUpdate(Inward):
    """The name of a household (JSON Merge Patch)."""

    model_config = _example(name="王秀英、李建国一家")

    name: Name = Field(default_factory=str)


class MembersCreate(_Members):
    """More members of a household; a new head takes the present one's place."""

    model_config = _example(from_date="2026-11-20", members=[{"name": "李奶奶", "relation": "母亲"}])

    from_date: BusinessDate


class HouseholdEnd(Inward):
    """The household lives there no longer."""

    model_config = _example(to_date="2026-11-20")

    to_date: BusinessDate = Field(description="first day on which it is no longer so")


class MemberRead(Outward):
    """A member of a household."""

    id: UUID
    owner_id: UUID | None
    contact_id: UUID | None
    name: str
    relation: str | None
    is_head: bool
    from_date: date
    to_date: date | None


class HouseholdRead(Outward):
    """Those who live together in a home (家庭)."""

    id: UUID
    unit_id: UUID
    project_id: UUID
    address: str
    name: str
    from_date: date
    to_date: date | None
    members: list[MemberRead] = Field(description="past ones too")
    version: int


class GroupCreate(Inward):
    """A group for targeted service (分组)."""

    model_config = _example(
        code="elderly_alone",
        name="独居老人",
        purpose="每周电话关怀,恶劣天气前上门",
        seen_by=["customer_service_manager", "customer_relations_supervisor", "customer_relations_specialist"],
    )

    code: Code
    name: Name
    purpose: Line = Field(description="what the group is for")
    project_id: UUID | None = Field(default=None, description="owners of this project only; null: of every project")
    seen_by: list[Code] = Field(
        default_factory=list, max_length=50, description="role codes that may see the group; empty: who may read owners"
    )


class GroupUpdate(Inward):
    """Fields of a group; what is absent stays (JSON Merge Patch)."""

    model_config = _example(purpose="每周电话关怀", active=False)

    name: Name = Field(default_factory=str)
    purpose: Line = Field(default_factory=str)
    seen_by: list[Code] = Field(default_factory=list, max_length=50)
    active: bool = Field(default_factory=bool, description="false: nobody is put into it any more")


class GroupRead(Outward):
    """A group of owners."""

    id: UUID
    code: str
    name: str
    purpose: str
    project_id: UUID | None
    seen_by: list[str]
    active: bool
    owners: int | None = Field(description="how many are in it now; null where the caller does not reach everywhere")
    version: int


class GroupAssign(Inward):
    """An owner comes into a group."""

    model_config = _example(group_id="0198c5f0-0000-7000-8000-000000000711", reason="子女在外地,家访确认")

    group_id: UUID
    from_date: BusinessDate | None = Field(default=None, description="today if absent")
    reason: Line | None = None


class MembershipRead(Outward):
    """An owner's time in a group."""

    id: UUID
    group_id: UUID
    code: str
    name: str
    project_id: UUID | None
    from_date: date
    to_date: date | None
    reason: str | None
    assigned_by: UUID
    assigned_by_name: str


class TagCreate(Inward):
    """A tag (标签) of the managed list."""

    model_config = _example(code="has_pets", name="家有宠物")

    code: Code
    name: Name


class TagUpdate(Inward):
    """Fields of a tag; what is absent stays (JSON Merge Patch)."""

    model_config = _example(name="家有犬只")

    name: Name = Field(default_factory=str)
    active: bool = Field(default_factory=bool, description="false: not given any more")


class TagRead(Outward):
    """A tag."""

    id: UUID
    code: str
    name: str
    active: bool
    version: int


class TagBrief(Outward):
    """A tag on an owner."""

    id: UUID
    code: str
    name: str


class TagsRead(Outward):
    """The tags of an owner."""

    items: list[TagBrief]


class TagAssign(Inward):
    """A tag is put on an owner."""

    model_config = _example(tag_id="0198c5f0-0000-7000-8000-000000000721")

    tag_id: UUID


class ConsentGive(Inward):
    """An owner agrees to a purpose."""

    model_config = _example(
        purpose="satisfaction_surveys", channel="paper_form", text_version="2026-01", note="交房时签署的知情同意书"
    )

    purpose: ConsentPurpose
    channel: ConsentChannel
    text_version: Name = Field(description="which edition of the text was agreed to")
    at: Instant | None = Field(default=None, description="when, if not now")
    evidence_file_id: UUID | None = Field(default=None, description="the signed form or the recording")
    note: Note | None = None


class ConsentWithdraw(Inward):
    """An owner takes back what he agreed to, or refuses it; in force at once."""

    model_config = _example(purpose="marketing", channel="phone", note="来电要求不再接收推介")

    purpose: ConsentPurpose
    channel: ConsentChannel
    evidence_file_id: UUID | None = None
    note: Note | None = None


class ConsentRead(Outward):
    """What an owner said about a purpose."""

    id: UUID
    purpose: ConsentPurpose
    given: bool
    at: datetime
    channel: ConsentChannel
    text_version: str | None
    evidence_file_id: UUID | None
    note: str | None
    recorded_by: UUID
    recorded_by_name: str
    recorded_at: datetime


class PurposeState(Outward):
    """A purpose, and what the owner said about it last."""

    purpose: ConsentPurpose
    name: str = Field(examples=["满意度调查"])
    given: bool = Field(description="false also where the owner never said anything")
    since: datetime | None = Field(description="null: the owner never said anything")


class ConsentsRead(Outward):
    """Where an owner stands on every purpose now."""

    items: list[PurposeState]


class PurposeRead(Outward):
    """A purpose that an owner may agree to."""

    purpose: ConsentPurpose
    name: str = Field(examples=["满意度调查"])


class PurposesRead(Outward):
    """The catalogue of purposes."""

    items: list[PurposeRead]
