"""What goes over the wire about change requests, merges, transfers, information audits and the 360° page."""

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from ownercare_api.core.phone_field import PhoneNumber
from ownercare_api.core.wire import BusinessDate, Fault, Inward, Line, Name, Note, Outward, PositiveFen, Ref
from ownercare_api.owners.documents import DocumentKind, Sex
from ownercare_api.owners.lifecycle import ChangeStatus
from ownercare_api.owners.models_changes import AuditOutcome, ChangeChannel, Verification
from ownercare_api.owners.schemas import DocumentGiven, OwnerCreate, OwnerRead, OwnerSummary, PaymentMethod, ShareBp


def _example(**fields: Any) -> ConfigDict:
    return Inward.model_config | ConfigDict(json_schema_extra={"examples": [fields]})


_UNIT = "0198c5f0-0000-7000-8000-000000000101"
_OWNER = "0198c5f0-0000-7000-8000-000000000201"
_OTHER = "0198c5f0-0000-7000-8000-000000000202"

Evidence = Annotated[list[UUID], Field(default_factory=list, max_length=20)]
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]


class NewPhone(Inward):
    """A number to be added."""

    number: PhoneNumber = Field(description="mobile, or landline with area code")
    label: Name | None = None


class OwnChanges(Inward):
    """What an owner may have changed from afar; what is absent stays. A document is changed where it can be seen."""

    # The factories only make a field optional without making it nullable; their values are never used.
    name: Name = Field(default_factory=str)
    sex: Sex = Field(default_factory=lambda: Sex.MALE)
    birth_date: BusinessDate = Field(default_factory=lambda: date.min)
    home_address: Line = Field(default_factory=str, description="present home address (家庭住址)")
    add_phones: list[NewPhone] = Field(default_factory=list, max_length=10)
    remove_phones: list[UUID] = Field(default_factory=list, max_length=10, description="ids of recorded numbers")
    primary_phone: PhoneNumber = Field(
        default_factory=str, description="becomes the primary number: a recorded one, or one that is added"
    )

    @model_validator(mode="after")
    def _no_twins(self) -> Self:
        numbers = [phone.number for phone in self.add_phones]
        if len(set(numbers)) != len(numbers) or len(set(self.remove_phones)) != len(self.remove_phones):
            raise Fault("repeated", zh="同一电话不能重复填写。", en="The same number is given twice.")
        return self

    def given(self) -> dict[str, Any]:
        """Return what was given as JSON values."""
        return self.model_dump(mode="json", exclude_unset=True)


class Changes(OwnChanges):
    """What is to be changed; what is absent stays."""

    document: DocumentGiven = Field(default_factory=lambda: DocumentGiven(kind=DocumentKind.PASSPORT, number="-"))


class ChangeCreate(Inward):
    """A change that an owner notified (信息变更)."""

    model_config = _example(
        owner_id=_OWNER,
        changes={
            "home_address": "临澜市滨江区江晖路 12 号 2 幢 501 室",
            "add_phones": [{"number": "139 1234 5678", "label": "本人新号码"}],
            "primary_phone": "139 1234 5678",
        },
        channel="visit",
        note="业主到访,出示身份证",
    )

    owner_id: UUID
    changes: Changes
    channel: ChangeChannel = Field(description="how the owner told us")
    note: Note | None = None
    evidence_file_ids: Evidence = Field(description="what proves it: scans, recordings")


class VerificationCreate(Inward):
    """How a change was verified."""

    model_config = _example(verification="called_back", note="回拨原登记号码,业主本人确认")

    verification: Verification
    note: Note | None = None


class ChangeReason(Inward):
    """Why a change request is rejected or withdrawn."""

    model_config = _example(reason="回拨原号码,业主表示未申请变更")

    reason: Note


class ChangeSummary(Outward):
    """A change request in a list."""

    id: UUID
    number: str = Field(examples=["BG-20261120-0001"])
    owner: Ref
    status: ChangeStatus
    fields: list[str] = Field(examples=[["home_address", "add_phones", "primary_phone"]])
    channel: ChangeChannel
    entered_by: UUID
    entered_by_name: str
    entered_at: datetime
    verified_by: UUID | None
    verified_by_name: str | None
    verified_at: datetime | None
    verification: Verification | None
    ended_by: UUID | None = Field(description="who applied, rejected or withdrew it")
    ended_by_name: str | None
    ended_at: datetime | None
    version: int


class ChangeRead(ChangeSummary):
    """A change request with the former and the new values, masked."""

    former: dict[str, Any] = Field(description="the values it takes the place of, masked; kept for good")
    submitted: dict[str, Any] = Field(description="the new values, masked")
    note: str | None
    evidence_file_ids: list[UUID]
    verification_note: str | None
    reason: str | None
    allowed_actions: list[str]


class PairRead(Outward):
    """Two records that may be one person."""

    owners: list[OwnerSummary]
    reasons: list[str] = Field(
        description="same_document; same_phone_and_name; same_name_and_birth", examples=[["same_phone_and_name"]]
    )


class DistinctionCreate(Inward):
    """Two records that look alike are two people."""

    model_config = _example(owner_ids=[_OWNER, _OTHER], reason="父子同住,共用一部电话")

    owner_ids: list[UUID] = Field(min_length=2, max_length=2)
    reason: Note


class DistinctionRead(Outward):
    """Who was told apart from whom."""

    owner_ids: list[UUID]
    reason: str


class MergeCreate(Inward):
    """Two records are one person's."""

    model_config = _example(survivor_id=_OWNER, merged_id=_OTHER, reason="同一业主购买两套房时重复建档")

    survivor_id: UUID = Field(description="the record that stays")
    merged_id: UUID = Field(description="the record that only keeps the past from now on")
    reason: Note


class MergeRead(Outward):
    """A merge of two records."""

    id: UUID
    survivor_id: UUID
    merged_id: UUID
    reason: str
    moved: dict[str, int] = Field(description="rows that moved, by kind", examples=[{"ownerships": 1, "tickets": 2}])
    merged_by: UUID
    merged_by_name: str
    merged_at: datetime


class SaleGiven(Inward):
    """What a seller gives up."""

    ownership_id: UUID
    share_bp: ShareBp | None = Field(default=None, description="hundredths of a percent; absent: all of it")


class BuyerGiven(Inward):
    """Who acquires: exactly one of `owner_id` and `new_owner`."""

    owner_id: UUID | None = None
    new_owner: OwnerCreate | None = Field(default=None, description="a new record, without homes")
    share_bp: ShareBp
    price_fen: PositiveFen | None = Field(default=None, description="what this buyer pays, in fen")

    @model_validator(mode="after")
    def _one_person(self) -> "BuyerGiven":
        if (self.owner_id is None) == (self.new_owner is None):
            raise Fault(
                "one_buyer", zh="owner_id 与 new_owner 须且只能填写一项。", en="Give either owner_id or new_owner."
            )
        if self.new_owner is not None and self.new_owner.homes:
            raise Fault("homes_given", zh="新业主的房屋由本次过户产生。", en="The transfer itself gives the home.")
        return self


class TransferCreate(Inward):
    """A home, or a share of it, goes to others on one day."""

    model_config = _example(
        on_date="2026-11-20",
        sellers=[{"ownership_id": "0198c5f0-0000-7000-8000-000000000301"}],
        buyers=[
            {
                "new_owner": {"name": "陈晓东", "phones": [{"number": "137 5678 1234", "label": "本人"}]},
                "share_bp": 10_000,
                "price_fen": 312_000_000,
            }
        ],
        contract_number="ESF-2026-0088",
        note="二手房过户,不动产权证已变更",
    )

    on_date: BusinessDate = Field(description="the buyers' first day")
    sellers: list[SaleGiven] = Field(min_length=1, max_length=20)
    buyers: list[BuyerGiven] = Field(min_length=1, max_length=20)
    contract_number: Name | None = None
    contract_signed_on: BusinessDate | None = None
    payment_method: PaymentMethod | None = None
    note: Note | None = None
    evidence_file_ids: Evidence = Field(description="the certificate of title (不动产权证), the contract")

    @model_validator(mode="after")
    def _no_twins(self) -> "TransferCreate":
        known = [buyer.owner_id for buyer in self.buyers if buyer.owner_id is not None]
        if len(set(known)) != len(known):
            raise Fault("repeated", zh="同一受让人不能重复填写。", en="The same buyer is given twice.")
        return self


class BegunRead(Outward):
    """An ownership that a transfer began."""

    id: UUID
    owner_id: UUID
    share_bp: int


class TransferRead(Outward):
    """A transfer (产权转移)."""

    id: UUID
    number: str = Field(examples=["GH-20261120-0001"])
    unit_id: UUID
    on_date: date
    contract_number: str | None
    contract_signed_on: date | None
    note: str | None
    evidence_file_ids: list[UUID]
    ended_ids: list[UUID] = Field(description="ownerships that it ended")
    begun: list[BegunRead] = Field(description="ownerships that it began; also what a seller keeps")
    recorded_by: UUID
    recorded_by_name: str
    recorded_at: datetime


class AuditCreate(Inward):
    """A record was checked for truth and accuracy (信息审核)."""

    model_config = _example(
        owner_id=_OWNER,
        checked_fields=["name", "phones", "home_address"],
        method="called_back",
        outcome="accurate",
        note="电话核对无误",
    )

    owner_id: UUID
    checked_fields: list[FieldName] = Field(min_length=1, max_length=30)
    method: Verification = Field(description="how it was checked")
    outcome: AuditOutcome
    change_request_id: UUID | None = Field(default=None, description="the change request that corrects the record")
    note: Note | None = None

    @model_validator(mode="after")
    def _correction(self) -> "AuditCreate":
        if (self.outcome is AuditOutcome.CORRECTED) != (self.change_request_id is not None):
            raise Fault(
                "correction_needs_request",
                zh="结果为“已更正”时须填写变更申请,其他结果不填。",
                en="A correction, and only a correction, names its change request.",
            )
        return self


class AuditRead(Outward):
    """An information audit."""

    id: UUID
    owner: Ref
    checked_fields: list[str]
    method: Verification
    outcome: AuditOutcome
    change_request_id: UUID | None
    note: str | None
    checked_by: UUID
    checked_by_name: str
    checked_at: datetime


class AuditMade(AuditRead):
    """An information audit that was just recorded."""

    next_due_on: date = Field(description="when the record is due again; unchanged where the owner was not reached")


class DueRead(Outward):
    """A record that is due for an audit."""

    owner: Ref
    checked_on: date | None = Field(description="null: never audited")
    due_on: date


class SectionRead(Outward):
    """One section of the 360° page."""

    items: list[dict[str, Any]]
    next_cursor: str | None = Field(description="pass it as `cursor` with only this section in `sections`")


class OwnerPageRead(Outward):
    """Everything about one owner."""

    owner: OwnerRead
    sections: dict[str, SectionRead] = Field(description="by name; sections whose scope the caller lacks are left out")
