"""What the administration of machine clients sends and takes."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from ownercare_api.core.wire import Code, Inward, Line, Name, Outward
from ownercare_api.identity.models import GrantLevel
from ownercare_api.identity.schemas_admin import example

Scopes = Annotated[list[Code], Field(min_length=1, max_length=100)]
Targets = Annotated[list[UUID], Field(max_length=200)]
Quota = Annotated[int, Field(strict=True, ge=1, le=100_000)]


class ClientCreate(Inward):
    """A new machine client (接入系统)."""

    model_config = example(
        name="安庭物业工单系统",
        contact="安庭物业信息部值班岗",
        scopes=["work_orders:read", "work_orders:execute", "changes:read"],
        level="firm",
        firm_id="0198c5f0-0000-7000-8000-000000000201",
        requests_per_minute=600,
    )

    name: Name = Field(description="what it is called, unique")
    contact: Line | None = Field(default=None, description="who answers for it: a department or post, no personal data")
    scopes: Scopes = Field(description="what it may do; neither administration nor decisions of people")
    level: GrantLevel = Field(description="company, region, project or firm")
    target_ids: Targets = Field(default=[], description="the regional companies or projects; for those levels only")
    firm_id: UUID | None = Field(default=None, description="the partner firm it belongs to; for that level only")
    requests_per_minute: Quota | None = Field(default=None, description="quota; null: the installation's default")


class ClientUpdate(Inward):
    """What a machine client shall be; what is absent stays (JSON Merge Patch)."""

    model_config = example(contact="安庭物业信息部值班岗", requests_per_minute=300)

    # The factories only make a field optional without making it nullable; their values are never used.
    name: Name = Field(default_factory=str, description="what it is called, unique")
    contact: Line | None = Field(default=None, description="a department or post, no personal data")
    scopes: Scopes = Field(default_factory=list, description="all of them, as they shall be")
    level: GrantLevel = Field(
        default_factory=lambda: GrantLevel.COMPANY, description="company, region, project or firm"
    )
    target_ids: Targets = Field(default_factory=list, description="all of them, as they shall be")
    firm_id: UUID | None = Field(default=None, description="the partner firm; for that level only")
    requests_per_minute: Quota | None = Field(default=None, description="quota; null: the installation's default")


class ClientRead(Outward):
    """A machine that calls us (接入系统)."""

    id: UUID
    client_id: str = Field(description="what it logs in with", examples=["oc-3f9d2c61a07be845"])
    name: str = Field(examples=["安庭物业工单系统"])
    contact: str | None
    scopes: list[str]
    level: GrantLevel
    target_ids: list[UUID]
    firm_id: UUID | None
    requests_per_minute: int | None
    active: bool
    disabled_at: datetime | None
    last_used_at: datetime | None = Field(description="when it last fetched a token")
    live_secrets: int = Field(description="0: it can't log in; 2: a rotation is under way")
    allowed_actions: list[str]
    version: int = Field(description="tokens name it: those of an earlier version are refused")


class ClientDisablementCreate(Inward):
    """Why a machine is shut out."""

    model_config = example(reason="leaked")

    reason: Literal["leaked", "contract_ended", "unused", "misbehaving", "other"] = Field(
        description="密钥泄露、合作终止、长期不用、行为异常、其他"
    )


class SecretCreate(Inward):
    """A new secret."""

    model_config = example(overlap_hours=72)

    overlap_hours: Annotated[int, Field(strict=True, ge=0, le=720)] = Field(
        default=168,
        description="how long the older secret stays good (密钥轮换重叠期); 0: it ends now, as do all tokens",
    )


class SecretRead(Outward):
    """A secret, as far as it is known: its last four characters and its dates."""

    id: UUID
    client_id: UUID
    hint: str | None = Field(description="its last four characters", examples=["x7Qe"])
    created_at: datetime
    expires_at: datetime | None = Field(description="null: until it is rotated")
    last_used_at: datetime | None
    live: bool


class SecretIssued(SecretRead):
    """A secret, shown this once."""

    secret: str | None = Field(description="keep it in a vault; null when this answer is given again")
