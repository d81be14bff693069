"""What the privacy room sends and takes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from ownercare_api.core.wire import Instant, Inward, Line, Note, Outward, Ref
from ownercare_api.privacy.lifecycle import IdentityCheck, RefusalGround, RequestChannel, RequestKind, RequestStatus


def _example(**fields: Any) -> ConfigDict:
    return Inward.model_config | ConfigDict(json_schema_extra={"examples": [fields]})


class PrivacyRequestCreate(Inward):
    """What a person asks for, and how we know that it is he (PIPL art. 44 to 50)."""

    model_config = _example(
        owner_id="0198c5f0-0000-7000-8000-000000000301",
        kind="erasure",
        channel="visit",
        identity_check="saw_document",
        identity_note="本人持身份证到客服部办理",
        reason="房屋已出售,要求删除个人信息",
    )

    owner_id: UUID
    kind: RequestKind
    channel: RequestChannel
    identity_check: IdentityCheck = Field(description="how the person was identified (身份核验方式)")
    identity_note: Line | None = None
    reason: Note | None = Field(default=None, description="what the person said; deleted when the data are erased")
    received_at: Instant | None = Field(default=None, description="when it reached us; now if absent")


class Approving(Inward):
    """An approval."""

    model_config = _example(note="同意,按规定期限办理")

    note: Note | None = Field(default=None, description="what the person is told")


class Refusing(Inward):
    """A refusal, with its ground in law and what the person is told (PIPL art. 50)."""

    model_config = _example(
        ground="warranty_running", note="房屋仍在保修期内,保修服务需要使用您的联系方式;已为您限制其他用途。"
    )

    ground: RefusalGround
    note: Note = Field(description="the explanation that the person gets")


class Completing(Inward):
    """A correction that was made."""

    model_config = _example(change_id="0198c5f0-0000-7000-8000-000000000701")

    change_id: UUID = Field(description="the applied change request (信息变更申请) that corrected the record")


class Lifting(Inward):
    """The end of a restriction."""

    model_config = _example(note="业主来电要求恢复正常服务")

    note: Note


class PrivacyRequestRead(Outward):
    """A request of the person concerned (个人信息权利请求)."""

    id: UUID
    number: str = Field(examples=["GX-20261120-0001"])
    owner_id: UUID
    kind: RequestKind
    status: RequestStatus
    channel: RequestChannel
    identity_check: IdentityCheck
    identity_note: str | None
    reason: str | None
    received_at: datetime
    due_at: datetime = Field(description="fifteen working days after it was received")
    overdue: bool
    entered_by: Ref
    decided_by: Ref | None
    decided_at: datetime | None
    refusal_ground: RefusalGround | None
    decision_note: str | None
    job_id: UUID | None = Field(description="what carries it out; see /v1/jobs")
    ended_at: datetime | None
    change_id: UUID | None
    outcome: dict[str, Any] | None = Field(description="rows by table for an erasure, size and hash for a copy")
    copy_expires_at: datetime | None = Field(description="until when the copy can be fetched")
    hindrances: list[RefusalGround] | None = Field(
        description="what still needs the data, for an erasure not decided yet; open cases and unpaid repairs stand in "
        "the way. Only in the single representation"
    )
    allowed_actions: list[str]
    version: int
