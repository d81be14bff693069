"""What the administration of people sends and takes."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from ownercare_api.core.wire import Code, Fault, Instant, Inward, Line, Name, Outward, Ref
from ownercare_api.identity.models import GrantLevel
from ownercare_api.identity.schemas import PersonRead


def example(**fields: Any) -> ConfigDict:
    """Return the settings of a body with one example."""
    return Inward.model_config | ConfigDict(json_schema_extra={"examples": [fields]})


Username = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9._-]{2,62}[a-z0-9]$")]
State = Literal["in_force", "future", "ended"]


class PersonCreate(Inward):
    """A new account: an employee of ours, or a user of a partner firm."""

    model_config = example(
        kind="staff",
        username="liang.sumei",
        name="梁素梅",
        post="records_clerk",
        department="customer_service",
    )

    kind: Literal["staff", "firm_user"] = Field(description="员工 or 合作单位人员")
    username: Username = Field(description="login name: lower-case letters, digits, `.`, `_`, `-`; never given twice")
    name: Name = Field(description="name of the person (姓名)")
    post: Code = Field(description="post (岗位): a role code of `GET /v1/roles`; it grants nothing by itself")
    department: Code | None = Field(default=None, description="department (部门) of staff; users of firms have none")
    firm_id: UUID | None = Field(default=None, description="partner firm (合作单位) of a firm's user")

    @model_validator(mode="after")
    def _kind_and_firm(self) -> "PersonCreate":
        if (self.kind == "firm_user") != (self.firm_id is not None):
            raise Fault(
                "firm_mismatch",
                zh="合作单位人员须填 firm_id,员工不得填。",
                en="A firm's user needs firm_id; staff have none.",
            )
        return self


class PersonUpdate(Inward):
    """Plain fields of an account; what is absent stays (JSON Merge Patch)."""

    model_config = example(name="梁素梅", post="complaint_specialist", department="customer_service")

    # The factories only make a field optional without making it nullable; their values are never used.
    name: Name = Field(default_factory=str, description="name of the person (姓名)")
    post: Code = Field(default_factory=str, description="post (岗位)")
    department: Code = Field(default_factory=str, description="department (部门); staff only")


class DisablementCreate(Inward):
    """Why an account is disabled."""

    model_config = example(reason="left")

    reason: Literal["left", "transferred", "long_leave", "contract_ended", "security", "other"] = Field(
        description="离职、调岗、长期休假、合作终止、安全原因、其他"
    )


class ReinstatementCreate(Inward):
    """Why an account is opened again."""

    model_config = example(reason="returned")

    reason: Literal["returned", "mistake", "cleared", "other"] = Field(description="复职、误停用、安全疑虑已排除、其他")


class GrantCreate(Inward):
    """A role to be given."""

    model_config = example(
        role="records_clerk",
        level="project",
        target_id="0198c5f0-0000-7000-8000-000000000021",
        starts_at="2026-12-01T00:00:00+08:00",
        ends_at="2027-11-30T00:00:00+08:00",
        reason="调任云栖雅苑客户服务处资料员",
    )

    role: Code = Field(description="role code of `GET /v1/roles`")
    level: GrantLevel = Field(description="company, region, project; firm for users of a partner firm")
    target_id: UUID | None = Field(default=None, description="regional company, project or firm; none for company")
    starts_at: Instant | None = Field(default=None, description="not in the past; from now on unless given")
    ends_at: Instant | None = Field(default=None, description="without end unless given")
    reason: Line = Field(description="why, for the review of grants (授权事由)")

    @model_validator(mode="after")
    def _target(self) -> "GrantCreate":
        if (self.level is GrantLevel.COMPANY) != (self.target_id is None):
            raise Fault(
                "target_mismatch",
                zh="全公司授权不填 target_id,其他范围必填。",
                en="A grant for the company has no target_id; every other has one.",
            )
        return self


class GrantEnd(Inward):
    """The end of a grant."""

    model_config = example(reason="post_changed")

    ends_at: Instant | None = Field(default=None, description="now unless given; never later than it ends anyway")
    reason: Literal["post_changed", "left", "review", "mistake", "security", "other"] = Field(
        description="岗位变动、离职、权限复核、误授、安全原因、其他"
    )


class RoleGrantRead(Outward):
    """A role of a person, for a while, within a reach."""

    id: UUID
    person: Ref
    role: str = Field(examples=["records_clerk"])
    role_name: str = Field(examples=["资料员"])
    level: GrantLevel
    target_id: UUID | None = Field(description="regional company, project or firm, as the level says")
    starts_at: datetime
    ends_at: datetime | None
    state: State
    reason: str | None
    granted_by: UUID | None
    ended_by: UUID | None = Field(description="who took it back before its time")
    allowed_actions: list[str] = Field(description="`end`; for one's own grant also `delegations`")


class DelegationCreate(Inward):
    """A grant of one's own to be lent."""

    model_config = example(
        grant_id="0198c5f0-0000-7000-8000-000000000401",
        to_person_id="0198c5f0-0000-7000-8000-000000000302",
        starts_at="2026-12-01T09:00:00+08:00",
        ends_at="2026-12-08T18:00:00+08:00",
        reason="年休假期间由韩书瑶代行审批",
    )

    grant_id: UUID = Field(description="a grant of one's own, from `GET /v1/me/grants`")
    to_person_id: UUID = Field(description="the deputy (受托人): another active employee")
    starts_at: Instant | None = Field(default=None, description="not in the past; from now on unless given")
    ends_at: Instant = Field(description="at most 90 days later, and not after the grant's own end")
    reason: Line = Field(description="why (委托事由)")


class DelegationRead(Outward):
    """A role lent to a colleague for a while (授权委托)."""

    id: UUID
    grant_id: UUID
    from_person: Ref
    to_person: Ref
    role: str
    role_name: str = Field(examples=["客户关系经理(客服部经理)"])
    level: GrantLevel
    target_id: UUID | None
    starts_at: datetime
    ends_at: datetime
    state: Literal["in_force", "future", "resting", "ended", "withdrawn"] = Field(
        description="resting: its time has come, but the grant is not in force or the lender is disabled"
    )
    reason: str
    withdrawn_at: datetime | None
    withdrawn_by: UUID | None
    allowed_actions: list[str]


class LoginsRead(Outward):
    """How a person logs in."""

    username: str
    must_change_password: bool = Field(description="has an initial password and holds nothing until it is changed")
    initial_password_expires_at: datetime | None = Field(
        description="72 hours after it was given: then an administrator gives another. null: the password is his own"
    )
    password_changed_at: datetime | None
    open_sessions: int
    last_login_at: datetime | None = Field(description="null: never, or so long ago that it is no longer kept")


class PersonDetail(PersonRead):
    """A person with what he may do."""

    disabled_at: datetime | None
    grants: list[RoleGrantRead] = Field(description="the newest 100 that the caller may see, whatever their state")
    delegations: list[DelegationRead] = Field(description="given and received, the newest 100 that the caller may see")
    logins: LoginsRead | None = Field(description="for the person himself and those who administer him; else null")
    allowed_actions: list[str]
    version: int


class PersonWithPassword(PersonDetail):
    """A person with an initial password, shown this once."""

    initial_password: str | None = Field(
        description="hand it over in person; it buys nothing but a new one, within 72 hours. null when this answer is"
        " given again"
    )


class PersonSessionRead(Outward):
    """A login of a person."""

    id: UUID
    person_id: UUID
    created_at: datetime
    expires_at: datetime
    is_open: bool
    revoked_at: datetime | None
    revoked_because: str | None = Field(examples=["logout"])
