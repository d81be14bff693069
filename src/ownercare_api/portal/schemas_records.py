"""What an owner sees and sends about his record: contacts, change requests, consents, requests of the law on personal
information."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from ownercare_api.core.wire import Inward, Name, Note, Outward
from ownercare_api.owners.lifecycle import ChangeStatus
from ownercare_api.owners.models_changes import ChangeChannel
from ownercare_api.owners.models_records import ConsentChannel, ConsentPurpose
from ownercare_api.owners.models_sharing import SharingGround
from ownercare_api.owners.schemas_changes import OwnChanges
from ownercare_api.portal.schemas import CaseRef, example
from ownercare_api.privacy.lifecycle import RefusalGround, RequestKind, RequestStatus


class MyChangeCreate(Inward):
    """A change that the owner wants in his record (信息变更)."""

    model_config = example(
        changes={
            "home_address": "临澜市滨江区江晖路 12 号 2 幢 501 室",
            "add_phones": [{"number": "139 1234 5678", "label": "本人新号码"}],
            "primary_phone": "139 1234 5678",
        },
        note="已搬家,号码也换了",
    )

    changes: OwnChanges
    note: Note | None = None
    evidence_file_ids: list[UUID] = Field(default_factory=list, max_length=9, description="photos that he uploaded")


class MyChangeWithdrawal(Inward):
    """Why a change request is taken back."""

    model_config = example(reason="号码填错了,重新提交")

    reason: Note


class MyChangeSummary(Outward):
    """A change request in a list."""

    id: UUID
    number: str = Field(examples=["BG-20261120-0001"])
    status: ChangeStatus
    fields: list[str] = Field(examples=[["home_address", "add_phones"]])
    channel: ChangeChannel
    by_you: bool = Field(description="entered by himself; false: by staff for him")
    entered_at: datetime
    verified_at: datetime | None
    ended_at: datetime | None = Field(description="applied, rejected or withdrawn")
    version: int
    allowed_actions: list[str] = Field(examples=[["withdrawal"]])


class MyChangeRead(MyChangeSummary):
    """A change request with the former and the new values, masked."""

    former: dict[str, Any]
    submitted: dict[str, Any]
    note: str | None
    reason: str | None = Field(description="why it was rejected or withdrawn")


class MyConsentState(Outward):
    """A purpose, and what the owner said about it last."""

    purpose: ConsentPurpose
    name: str = Field(examples=["满意度调查"])
    given: bool = Field(description="false also where he never said anything")
    since: datetime | None = Field(description="null: he never said anything")
    text_version: str | None = Field(description="the edition of the text that he agreed to")


class MyConsentsRead(Outward):
    """Where the owner stands on every purpose now."""

    items: list[MyConsentState]


class MyConsentGive(Inward):
    """The owner agrees to a purpose."""

    model_config = example(purpose="satisfaction_surveys", text_version="2026-01 知情同意书")

    purpose: ConsentPurpose
    text_version: Name = Field(description="the edition of the text that he was shown")


class MyConsentEvent(Outward):
    """What the owner said about a purpose once."""

    id: UUID
    purpose: ConsentPurpose
    given: bool
    at: datetime
    channel: ConsentChannel
    text_version: str | None


class MyPrivacyRequestCreate(Inward):
    """What the owner asks for of his personal information (PIPL art. 44 to 47)."""

    model_config = example(kind="copy", reason="希望了解贵司保存了我的哪些信息")

    kind: RequestKind
    reason: Note | None = None


class MyPrivacyRequestRead(Outward):
    """A request of the owner (个人信息权利请求)."""

    id: UUID
    number: str = Field(examples=["GX-20261120-0001"])
    kind: RequestKind
    status: RequestStatus
    reason: str | None
    received_at: datetime
    due_at: datetime = Field(description="fifteen working days after it was received")
    decided_at: datetime | None
    refusal_ground: RefusalGround | None
    decision_note: str | None = Field(description="what he is told")
    ended_at: datetime | None
    copy_expires_at: datetime | None = Field(description="until when the copy can be fetched; null: none is ready")
    allowed_actions: list[str]
    version: int


class MySharingRead(Outward):
    """What a partner firm was given of the owner's data (OWN-07)."""

    id: UUID
    at: datetime
    firm: str = Field(examples=["云栖物业服务有限公司"])
    categories: list[str] = Field(description="what it is (信息种类)")
    ground: SharingGround
    purpose: str
    ticket: CaseRef | None = Field(description="the case it was for")
