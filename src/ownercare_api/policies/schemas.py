"""What the policy room sends and takes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from ownercare_api.core.wire import Code, Instant, Inward, Note, Outward
from ownercare_api.policies.catalogue import ValueKind
from ownercare_api.policies.models import PolicyLevel


class PolicyKeyRead(Outward):
    """A key of the catalogue (政策项)."""

    key: str = Field(examples=["survey_visit.workdays"])
    name: str = Field(examples=["现场勘察时限"])
    kind: ValueKind
    unit: str | None = Field(
        description="`fen`, `percent`, `workdays`, `business_hours`, `elapsed_hours`, `calendar_days`, `months`, "
        "`seasons`, `count`; null where the value is not one number"
    )
    minimum: int | None = Field(description="smallest number accepted")
    maximum: int | None = Field(description="largest number accepted")
    rules: list[str] = Field(examples=[["REP-02"]])
    factory: Any = Field(description="value of a fresh installation; null: unset")
    blank: bool = Field(description="the regulation leaves it blank: reported until it is published")


class PolicyVersionCreate(Inward):
    """Values to publish for the group, a region or a project (发布政策值)."""

    model_config = Inward.model_config | ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "level": "group",
                    "target_id": None,
                    "values": {
                        "approval.department_manager_max_fen": 200_000,
                        "approval.deputy_general_manager_max_fen": 2_000_000,
                    },
                    "effective_from": "2027-01-01T00:00:00+08:00",
                    "reason": "经总经理办公会讨论,明确维修费用分级审批额度。",
                }
            ]
        }
    )

    level: PolicyLevel = Field(
        description="`group` (集团), `region` (区域公司) or `project` (项目)", examples=["group"]
    )
    target_id: UUID | None = Field(
        default=None,
        description="the region's company id or the project id; absent for the group",
        examples=["0198c5f0-0000-7000-8000-000000000001"],
    )
    values: dict[Code, Any] = Field(
        max_length=200,
        description="keys of `/v1/policies/catalogue` with their values; the other keys stay as they are",
        examples=[{"survey_visit.workdays": 1}],
    )
    effective_from: Instant | None = Field(
        default=None,
        description="not before now; absent: at once (生效时间)",
        examples=["2027-01-01T00:00:00+08:00"],
    )
    reason: Note = Field(description="why, as decided by whom (发布依据)", examples=["经总经理办公会讨论通过。"])


class PolicyVersionRead(Outward):
    """A published version; it never changes."""

    id: UUID
    version: int = Field(description="for the `ETag`; always 1")
    level: PolicyLevel
    target_id: UUID | None
    number: int = Field(description="1, 2, 3 … of this level and target")
    values: dict[str, Any] = Field(description="what this version sets")
    effective_from: datetime
    effective: bool = Field(description="it has taken effect; false: scheduled")
    published_by: UUID
    published_at: datetime
    reason: str


class PolicySnapshotRead(Outward):
    """Merged values that cases keep: whatever is published later, a case goes on under its snapshot."""

    id: UUID
    version: int = Field(description="for the `ETag`; always 1")
    values: dict[str, Any] = Field(description="every key of the catalogue")
    sources: dict[str, str] = Field(description="for every key: the id of the version that set it, or `factory`")
    created_at: datetime


class PolicyInForceRead(Outward):
    """What is in force for a project at an instant."""

    project_id: UUID
    at: datetime
    effective_from: datetime = Field(description="since when exactly these values hold for the project")
    policy_snapshot_id: UUID
    values: dict[str, Any] = Field(description="every key of the catalogue")
    sources: dict[str, str] = Field(description="for every key: the id of the version that set it, or `factory`")
    unconfirmed: list[str] = Field(
        description="keys that the regulation leaves blank and nobody has published: the strictest safe choice holds"
    )
