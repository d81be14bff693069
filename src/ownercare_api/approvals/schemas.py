"""What the approval room sends and takes."""

from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict, Field

from ownercare_api.approvals.models import ApprovalStatus, Decision, StepKind, Tier
from ownercare_api.core.wire import Inward, Note, Outward
from ownercare_api.deadlines.views import DeadlineRead


class DecisionCreate(Inward):
    """A decision in the seat whose turn it is (审核、批准或驳回)."""

    model_config = Inward.model_config | ConfigDict(
        json_schema_extra={"examples": [{"decision": "approved", "comment": "同意,按现场勘察会签表的维修范围执行。"}]}
    )

    decision: Decision = Field(description="`approved` (同意) or `rejected` (驳回)", examples=["approved"])
    comment: Note | None = Field(
        default=None,
        description="the opinion (审批意见); required for a rejection",
        examples=["同意,按现场勘察会签表的维修范围执行。"],
    )


class StepRead(Outward):
    """One seat, in order."""

    position: int = Field(description="from 1")
    kind: StepKind = Field(description="`review` (审核) or `approve` (批准)")
    tier: Tier
    decision: Decision | None
    comment: str | None
    decided_by: UUID | None
    decided_by_name: str | None
    decided_at: datetime | None


class MakerRead(Outward):
    """A person whose own work this is, and who may therefore not decide."""

    id: UUID
    part: str = Field(description="what the person did", examples=["estimated"])


class RouteRead(Outward):
    """Why the request takes this route: the rule, the policy value, and the policy it was asked under."""

    rule: str = Field(examples=["FIN-02"])
    policy_key: str = Field(examples=["approval.deputy_general_manager_max_fen"])
    value_fen: int | None = Field(description="the limit, included; null: unset", examples=[2_000_000])
    source: str = Field(description="id of the policy version that set the value, or `factory`")
    policy_snapshot_id: UUID = Field(description="all values: `/v1/policy-snapshots/{id}`")


class ApprovalRead(Outward):
    """An approval request (审批单)."""

    id: UUID
    number: str = Field(examples=["SP-20261120-0001"])
    status: ApprovalStatus
    version: int
    subject_kind: str = Field(description="what is to be approved", examples=["work_order"])
    subject_id: UUID
    ticket_id: UUID | None
    project_id: UUID
    title: str = Field(examples=["PG-20261120-0001 卫生间渗漏维修"])
    amount_fen: int
    total_fen: int = Field(
        description="the whole repair, all estimates of the ticket; it chooses the tier (FIN-01..03)"
    )
    emergency: bool
    requested_by: UUID
    requested_at: datetime
    decided_at: datetime | None
    turn: Tier | None = Field(description="whose turn it is; null once it has ended")
    steps: list[StepRead]
    makers: list[MakerRead]
    route: RouteRead
    deadlines: list[DeadlineRead]
    allowed_actions: list[str] = Field(description="what you may do now", examples=[["decisions"]])
