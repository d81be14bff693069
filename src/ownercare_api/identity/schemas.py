"""What the identity room sends and takes."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from ownercare_api.core.wire import Outward


class TokenAnswer(Outward):
    """RFC 6749 token answer."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind
    expires_in: int = Field(description="seconds")
    scope: str = Field(description="space-separated scopes")
    refresh_token: str | None = Field(default=None, description="people only; good for one use")


class ReachRead(Outward):
    """How far a grant reaches."""

    everywhere: bool
    project_ids: list[UUID]
    firm_ids: list[UUID]


class GrantRead(Outward):
    """A role in force."""

    role: str
    role_name: str
    reach: ReachRead


class MeRead(Outward):
    """The caller."""

    id: UUID
    kind: str
    name: str
    post: str | None
    department: str | None
    firm_id: UUID | None
    scopes: list[str]
    grants: list[GrantRead]


class RoleRead(Outward):
    """A role of `roles.toml`."""

    code: str
    name: str
    scopes: list[str]


class PersonRead(Outward):
    """A colleague, as much as everybody may see."""

    id: UUID
    name: str
    kind: str
    post: str
    post_name: str
    department: str | None
    firm_id: UUID | None
    active: bool
