"""What the owner room sends and takes. Numbers come in clear and go out masked."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from ownercare_api.core.phone_field import PhoneNumber
from ownercare_api.core.wire import BusinessDate, Fault, Inward, Line, Name, Note, Outward, PositiveFen, Ref
from ownercare_api.owners.documents import DocumentKind, Sex


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

_HOME: dict[str, Any] = {
    "unit_id": "0198c5f0-0000-7000-8000-000000000101",
    "share_bp": 10_000,
    "from_date": "2025-06-30",
    "contract_number": "HT-2024-0317",
    "contract_signed_on": "2024-03-17",
    "payment_method": "mortgage",
    "price_fen": 268_000_000,
}


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
    version: int


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


class OwnerSummary(Outward):
    """An owner in a list."""

    id: UUID
    name: str = Field(examples=["王秀英"])
    sex: Sex | None
    phone_masked: str | None = Field(description="the primary number", examples=["138****1234"])
    document_masked: str | None = Field(examples=["1****************8"])
    homes: list[HomeRead] = Field(description="homes in the caller's reach, past ones too")
    version: int


class OwnerRead(OwnerSummary):
    """An owner's record (业主档案), masked."""

    birth_date: date | None
    document_kind: DocumentKind | None
    home_address_recorded: bool = Field(description="a home address (家庭住址) is on record; see disclosures")
    occupation: str | None
    preferences: str | None = Field(description="special needs and preferences (OWN-03)")
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
    preferences: Note | None = Field(default=None, description="special needs and preferences (OWN-03)")
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
    """Plain fields of an owner; what is absent stays, null clears (JSON Merge Patch)."""

    model_config = _example(occupation="退休", preferences="听力不便,请优先发短信")

    occupation: Name | None = None
    preferences: Note | None = Field(default=None, description="special needs and preferences (OWN-03)")


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

    value: str = Field(examples=["+8613812341234"])
    remaining_this_hour: int = Field(description="how many more looks this person has in the hour")
