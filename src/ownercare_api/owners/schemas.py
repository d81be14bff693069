"""What the owner room sends and takes. Numbers come in clear and go out masked."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from ownercare_api.core.phone_field import PhoneNumber
from ownercare_api.core.wire import BusinessDate, Fault, Inward, Line, Name, Note, Outward, PositiveFen, Ref
from ownercare_api.owners.documents import DocumentKind, Sex
from ownercare_api.owners.lifecycle import FilingStatus, PreferredChannel


def _example(**fields: Any) -> ConfigDict:
    return Inward.model_config | ConfigDict(json_schema_extra={"examples": [fields]})


class PaymentMethod(StrEnum):
    """How the home is paid for (OWN-13)."""

    FULL_PAYMENT = "full_payment"
    MORTGAGE = "mortgage"
    HOUSING_FUND = "housing_fund"
    COMBINATION = "combination"
    INSTALMENTS = "instalments"


class DisclosedField(StrEnum):
    """What can be looked at in clear."""

    MOBILE = "mobile"
    DOCUMENT_NUMBER = "document_number"
    HOME_ADDRESS = "home_address"


DocumentNumber = Annotated[str, StringConstraints(min_length=1, max_length=40)]
ShareBp = Annotated[int, Field(strict=True, ge=1, le=10_000)]
AreaCm2 = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]

_HOME: dict[str, Any] = {
    "unit_id": "0198c5f0-0000-7000-8000-000000000101",
    "share_bp": 10_000,
    "from_date": "2025-06-30",
    "contract_number": "HT-2024-0317",
    "contract_signed_on": "2024-03-17",
    "payment_method": "mortgage",
    "price_fen": 268_000_000,
}


class PurchaseNeed(Inward):
    """What the owner looked for when buying (购房需求): type, area, price, floor, layout, living needs (OWN-02,
    CHN-15)."""

    home_type: Name | None = Field(default=None, description="kind of home (物业类型)", examples=["高层住宅"])
    area_min_cm2: AreaCm2 | None = Field(default=None, description="smallest area, in square centimetres")
    area_max_cm2: AreaCm2 | None = Field(default=None, description="largest area, in square centimetres")
    budget_min_fen: PositiveFen | None = Field(default=None, description="budget from, in fen")
    budget_max_fen: PositiveFen | None = Field(default=None, description="budget up to, in fen")
    floors: Name | None = Field(default=None, description="wanted floors (楼层)", examples=["8 层以上"])
    layout: Name | None = Field(default=None, description="layout (户型)", examples=["三室两厅两卫"])
    living_needs: Line | None = Field(default=None, description="living needs (居住需求)")

    @model_validator(mode="after")
    def _in_order(self) -> "PurchaseNeed":
        for low, high in ((self.area_min_cm2, self.area_max_cm2), (self.budget_min_fen, self.budget_max_fen)):
            if low is not None and high is not None and low > high:
                raise Fault("not_in_order", zh="下限不能大于上限。", en="The lower bound is above the upper one.")
        return self


class OwnershipCreate(Inward):
    """A share of a home, with its purchase contract (OWN-13)."""

    model_config = _example(**_HOME)

    unit_id: UUID
    share_bp: ShareBp = Field(default=10_000, description="share in hundredths of a percent: 10,000 is the whole home")
    from_date: BusinessDate = Field(description="first day of owning it")
    contract_number: Name | None = Field(default=None, description="purchase contract (购房合同) number")
    contract_signed_on: BusinessDate | None = None
    payment_method: PaymentMethod | None = None
    price_fen: PositiveFen | None = Field(default=None, description="purchase price, in fen")
    purchase_place: Line | None = Field(default=None, description="where the contract was signed (购房地点)")
    deposit_fen: PositiveFen | None = Field(default=None, description="deposit (定金), in fen")
    first_payment_fen: PositiveFen | None = Field(default=None, description="first payment (首付款), in fen")


class OwnershipUpdate(Inward):
    """Contract data of an ownership; what is absent stays, null clears (JSON Merge Patch)."""

    model_config = _example(contract_number="HT-2024-0317", purchase_place="云栖雅苑售楼处")

    contract_number: Name | None = None
    contract_signed_on: BusinessDate | None = None
    payment_method: PaymentMethod | None = None
    price_fen: PositiveFen | None = Field(default=None, description="purchase price, in fen")
    purchase_place: Line | None = None
    deposit_fen: PositiveFen | None = Field(default=None, description="deposit (定金), in fen")
    first_payment_fen: PositiveFen | None = Field(default=None, description="first payment (首付款), in fen")


class FilingNote(Inward):
    """A remark on a contract that was reviewed."""

    model_config = _example(note="编号、金额与网签一致,已备案")

    note: Note | None = None


class FilingReturn(Inward):
    """Why a contract is returned."""

    model_config = _example(note="付款方式与首付款凭证不符,请更正")

    note: Note = Field(description="what is to be mended")


class OwnershipEnd(Inward):
    """The end of an ownership: sold or handed on."""

    model_config = _example(to_date="2026-11-20")

    to_date: BusinessDate = Field(description="first day of no longer owning it, after `from_date`")


class OwnershipRead(Outward):
    """An owner's share of a home over time, from `from_date` on and before `to_date`."""

    id: UUID
    owner: Ref
    unit_id: UUID
    project_id: UUID
    address: str = Field(examples=["云栖雅苑 3栋 1单元 1203室"])
    share_bp: int
    from_date: date
    to_date: date | None = Field(description="null: owns it still")
    contract_number: str | None
    contract_signed_on: date | None
    payment_method: str | None
    price_fen: int | None
    purchase_place: str | None
    deposit_fen: int | None
    first_payment_fen: int | None
    status: FilingStatus = Field(description="where the contract stands on its way to the files (审核备案)")
    submitted_by: UUID | None
    submitted_at: datetime | None
    reviewed_by: UUID | None
    reviewed_at: datetime | None
    review_note: str | None
    transfer_id: UUID | None = Field(description="the transfer by which it began")
    version: int
    allowed_actions: list[str] = Field(description="steps of the filing that this caller may take now")


class HomeRead(Outward):
    """A home of an owner, in the caller's reach."""

    ownership_id: UUID
    unit_id: UUID
    project_id: UUID
    project_name: str = Field(examples=["云栖雅苑"])
    address: str = Field(examples=["云栖雅苑 3栋 1单元 1203室"])
    share_bp: int = Field(description="hundredths of a percent", examples=[5000])
    from_date: date
    to_date: date | None


class PhoneRead(Outward):
    """A telephone number, masked."""

    id: UUID
    number_masked: str = Field(examples=["138****1234"])
    is_primary: bool
    label: str | None = Field(examples=["本人"])
    may_log_in: bool = Field(description="collected with the record, or verified since: the owner may log in with it")


class OwnerSummary(Outward):
    """An owner in a list."""

    id: UUID
    name: str = Field(examples=["王秀英"])
    sex: Sex | None
    phone_masked: str | None = Field(description="the primary number", examples=["138****1234"])
    document_masked: str | None = Field(examples=["1****************8"])
    homes: list[HomeRead] = Field(description="homes in the caller's reach, past ones too")
    restricted: bool = Field(description="the data may only be kept (限制处理): name masked, the rest empty")
    version: int


class OwnerRead(OwnerSummary):
    """An owner's record (业主档案), masked."""

    birth_date: date | None
    document_kind: DocumentKind | None
    home_address_recorded: bool = Field(description="a home address (家庭住址) is on record; see disclosures")
    age: int | None = Field(description="whole years on the day of the answer", examples=[41])
    occupation: str | None
    preferences: str | None = Field(description="preferences in general (OWN-03)")
    special_needs: str | None = Field(description="special needs (特殊需求)")
    preferred_channel: PreferredChannel | None
    preferred_times: str | None = Field(examples=["工作日 18:00 以后"])
    language: str | None = Field(examples=["普通话"])
    purchase_need: PurchaseNeed | None
    checked_on: date | None = Field(description="when the record was last audited (OWN-06)")
    phones: list[PhoneRead]


class PhoneCreate(Inward):
    """A telephone number of an owner."""

    model_config = _example(number="139 1234 5678", label="配偶", is_primary=False)

    number: PhoneNumber = Field(description="mobile, or landline with area code")
    label: Name | None = Field(default=None, description="whose or what it is")
    is_primary: bool = Field(default=False, description="takes the place of the present primary number")


class PhoneGiven(Inward):
    """A telephone number of a new owner; the first one is the primary number."""

    number: PhoneNumber = Field(description="mobile, or landline with area code")
    label: Name | None = Field(default=None, description="whose or what it is")


class DocumentGiven(Inward):
    """An identity document."""

    kind: DocumentKind
    number: DocumentNumber


class OwnerCreate(Inward):
    """What is collected at purchase (OWN-01 to OWN-03)."""

    model_config = _example(
        name="王秀英",
        document={"kind": "resident_id", "number": "330106198503078528"},
        home_address="临澜市滨江区江晖路 12 号 2 幢 501 室",
        occupation="教师",
        preferences="家中有幼儿,上门前请先电话联系",
        phones=[{"number": "138 1234 1234", "label": "本人"}],
        homes=[_HOME],
    )

    name: Name
    sex: Sex | None = Field(default=None, description="taken from the resident ID number where there is one")
    birth_date: BusinessDate | None = Field(default=None, description="taken from the ID number where it carries one")
    document: DocumentGiven | None = None
    home_address: Line | None = Field(default=None, description="present home address (家庭住址); kept encrypted")
    occupation: Name | None = None
    preferences: Note | None = Field(default=None, description="preferences in general (OWN-03)")
    special_needs: Note | None = Field(default=None, description="special needs (特殊需求), such as impaired hearing")
    preferred_channel: PreferredChannel | None = None
    preferred_times: Line | None = Field(default=None, description="when to call, in the owner's words")
    language: Name | None = Field(default=None, description="language or dialect spoken with us")
    purchase_need: PurchaseNeed | None = Field(default=None, description="purchase need (OWN-02)")
    phones: list[PhoneGiven] = Field(min_length=1, max_length=10, description="the first one is the primary number")
    homes: list[OwnershipCreate] = Field(
        default_factory=list,
        max_length=20,
        description="homes bought; callers who don't reach every project must name at least one",
    )

    @model_validator(mode="after")
    def _no_twins(self) -> "OwnerCreate":
        if len({phone.number for phone in self.phones}) != len(self.phones):
            raise Fault("repeated", zh="同一电话号码不能重复填写。", en="The same number is given twice.")
        return self


class OwnerUpdate(Inward):
    """Plain fields of an owner; what is absent stays, null clears (JSON Merge Patch). The purchase need is replaced as
    a whole."""

    model_config = _example(occupation="退休", special_needs="听力不便", preferred_channel="sms")

    occupation: Name | None = None
    preferences: Note | None = Field(default=None, description="preferences in general (OWN-03)")
    special_needs: Note | None = Field(default=None, description="special needs (特殊需求), such as impaired hearing")
    preferred_channel: PreferredChannel | None = None
    preferred_times: Line | None = Field(default=None, description="when to call, in the owner's words")
    language: Name | None = Field(default=None, description="language or dialect spoken with us")
    purchase_need: PurchaseNeed | None = Field(default=None, description="purchase need (OWN-02)")


class OwnerSearch(Inward):
    """An exact search; every criterion given must fit."""

    model_config = _example(phone="138 1234 1234")

    phone: PhoneNumber | None = Field(default=None, description="whole number")
    document_number: DocumentNumber | None = Field(default=None, description="whole number of any kind of document")
    name: Name | None = Field(default=None, description="whole name")

    @model_validator(mode="after")
    def _something(self) -> "OwnerSearch":
        if self.phone is None and self.document_number is None and self.name is None:
            raise Fault("criterion_missing", zh="请至少填写一个查询条件。", en="Give at least one criterion.")
        return self


class OwnersFound(Outward):
    """The owners that an exact search found, newest first."""

    items: list[OwnerSummary]
    more: bool = Field(description="more than fifty fit; add a criterion")


class DisclosureCreate(Inward):
    """A look at one clear value, for a purpose (OWN-07)."""

    model_config = _example(
        field="mobile", purpose="约定上门勘察时间", ticket_id="0198c5f0-0000-7000-8000-000000000601"
    )

    field: DisclosedField
    phone_id: UUID | None = Field(default=None, description="which number; the primary one if absent")
    purpose: Line = Field(description="what it is needed for (查看事由); kept and shown to the owner")
    ticket_id: UUID | None = Field(default=None, description="the case it is for; about this owner")

    @model_validator(mode="after")
    def _phone_only(self) -> "DisclosureCreate":
        if self.phone_id is not None and self.field is not DisclosedField.MOBILE:
            raise Fault("not_a_phone", zh="只有查看电话时才能指定 phone_id。", en="phone_id goes with mobile only.")
        return self


class DisclosureRead(Outward):
    """Who looked at what, and why."""

    id: UUID
    actor_id: UUID
    actor_name: str
    field: DisclosedField
    purpose: str
    ticket_id: UUID | None
    at: datetime


class DisclosedRead(DisclosureRead):
    """A clear value, shown once; do not keep it."""

    value: str | None = Field(
        examples=["+8613812341234"],
        description="null where an `Idempotency-Key` gives the answer again: each look is one on record",
    )
    remaining_this_hour: int = Field(description="how many more looks this person has in the hour")
