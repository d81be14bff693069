"""What an owner sees of himself, of his homes, and of those who looked."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from ownercare_api.core.wire import Inward, Outward, Ref
from ownercare_api.identity.principal import PrincipalKind
from ownercare_api.owners.documents import DocumentKind, Sex
from ownercare_api.owners.lifecycle import PreferredChannel
from ownercare_api.owners.looks import Look
from ownercare_api.owners.models_records import ContactRelation
from ownercare_api.owners.schemas import DisclosedField, PhoneRead
from ownercare_api.properties.parts import BuildingPart


def example(**fields: Any) -> ConfigDict:
    """Return the configuration of a body with its example."""
    return Inward.model_config | ConfigDict(json_schema_extra={"examples": [fields]})


class CodeName(Outward):
    """A department or post: its code, and its name for people."""

    code: str = Field(examples=["customer_service"])
    name: str = Field(examples=["客服部"])


class HomeBrief(Outward):
    """A home, as a case names it."""

    id: UUID
    address: str = Field(examples=["云栖雅苑 3栋 1单元 1203室"])


class MyHomeSummary(Outward):
    """A home that is the owner's now."""

    id: UUID = Field(description="the home's id, for `unit_id` elsewhere")
    project: Ref
    address: str = Field(examples=["云栖雅苑 3栋 1单元 1203室"])
    share_bp: int = Field(description="his share, in hundredths of a percent", examples=[10000])
    from_date: date = Field(description="first day of owning it")
    delivered_on: date | None = Field(description="acceptance by the owner: the warranty counts from here (交付)")
    moved_in_on: date | None = Field(description="入住")


class CoverRead(Outward):
    """The warranty of one part of the home."""

    building_part: BuildingPart
    name: str = Field(examples=["电气管线"])
    covered_until: date | None = Field(description="last day, included; null: not delivered, so not begun")
    in_warranty: bool


class MyHomeRead(MyHomeSummary):
    """A home with its warranty and the owner's own purchase."""

    building: str = Field(examples=["3栋"])
    number: str = Field(examples=["1-1203"])
    floor: int
    house_type: str = Field(examples=["三室两厅"])
    area_cm2: int = Field(description="floor area in square centimetres", examples=[895300])
    contract_number: str | None
    contract_signed_on: date | None
    payment_method: str | None
    price_fen: int | None
    warranty: list[CoverRead] = Field(description="the owner's clock of each part, under the policy in force")
    version: int


class MyContactRead(Outward):
    """Somebody to turn to about the owner, whom he named (联系人)."""

    id: UUID
    name: str = Field(examples=["李建国"])
    relation: ContactRelation
    number_masked: str = Field(examples=["139****5678"])
    is_emergency: bool
    valid_from: date
    valid_to: date | None
    may_speak_for_owner: bool


class MyProfileRead(Outward):
    """The owner's own record, masked: who steals a token learns no numbers. The whole is in the copy of one's data."""

    id: UUID
    name: str = Field(examples=["王秀英"])
    sex: Sex | None
    birth_date: date | None
    document_kind: DocumentKind | None
    document_masked: str | None = Field(examples=["3****************8"])
    home_address_recorded: bool = Field(description="a home address (家庭住址) is on record")
    occupation: str | None
    preferences: str | None = Field(description="preferences (OWN-03)")
    special_needs: str | None
    preferred_channel: PreferredChannel | None
    preferred_times: str | None
    phones: list[PhoneRead]
    contacts: list[MyContactRead] = Field(description="at present")
    homes: list[MyHomeSummary]
    version: int


class CaseRef(Outward):
    """A case by number."""

    id: UUID
    number: str = Field(examples=["TS-20261120-0007"])


class MyLookRead(Outward):
    """Who looked at the owner's data, when and why (OWN-07)."""

    id: UUID
    at: datetime
    who: str = Field(description="name of the person, or of the machine", examples=["周晓岚"])
    who_kind: PrincipalKind
    department: CodeName | None = Field(description="of the person at the time (部门)")
    post: CodeName | None = Field(description="岗位")
    look: Look
    words: str = Field(description="the same for people, in the caller's language", examples=["打开了您的档案"])
    field: DisclosedField | None = Field(description="which clear value was shown")
    purpose: str | None = Field(examples=["联系业主确认上门时间"])
    ticket: CaseRef | None = Field(description="the case it was for")
