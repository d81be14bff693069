"""What the identity room sends and takes."""

import re
from datetime import datetime
from typing import Annotated, Literal, Protocol
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field

from ownercare_api.core.errors import FieldError, Invalid
from ownercare_api.core.phone_field import PhoneNumber
from ownercare_api.core.phones import normalise_phone
from ownercare_api.core.wire import Fault, Inward, Outward

_MOBILE = re.compile(r"\+(?:861[3-9][0-9]{9}|852[4-9][0-9]{7}|8536[0-9]{7})")


class MobileNeeded(Invalid):
    """422: a landline gets no short messages."""

    code = "mobile_needed"
    zh, en = "请填写手机号,固定电话不能接收短信。", "Give a mobile; a landline gets no short messages."

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/mobile", self.code, self.zh, self.en),))


def mobile_number(text: str) -> str:
    """Return the normal form of a mobile as people write it; raises `InvalidPhone`, `MobileNeeded`."""
    number = normalise_phone(text)
    if not _MOBILE.fullmatch(number):
        raise MobileNeeded
    return number


def _is_mobile(number: str) -> str:
    if not _MOBILE.fullmatch(number):
        raise Fault(MobileNeeded.code, zh=MobileNeeded.zh, en=MobileNeeded.en)
    return number


class OneTimeCodeCreate(Inward):
    """The wish for a code."""

    model_config = Inward.model_config | ConfigDict(json_schema_extra={"examples": [{"mobile": "13812341234"}]})

    mobile: Annotated[PhoneNumber, AfterValidator(_is_mobile)] = Field(
        description="mobile on the owner's record (业主手机号)", examples=["13812341234"]
    )


class OneTimeCodeRead(Outward):
    """The same for every number."""

    expires_in: int = Field(description="seconds for which a code, if one was sent, is good")
    retry_after: int = Field(description="seconds until another code may be asked for")


class PasswordCreate(Inward):
    """A new password; nothing is trimmed off either."""

    model_config = Inward.model_config | ConfigDict(
        str_strip_whitespace=False,
        json_schema_extra={
            "examples": [{"current_password": "旧密码-示例-不可使用", "new_password": "青山不改绿水长流后会有期"}]
        },
    )

    current_password: str = Field(description="the present password (当前密码)", min_length=1, max_length=1024)
    new_password: str = Field(
        description="12 to 256 characters, any characters, not a common password (新密码)",
        min_length=1,
        max_length=1024,
    )


class SessionFacts(Protocol):
    """The columns of a login that are shown."""

    @property
    def id(self) -> UUID: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def expires_at(self) -> datetime: ...
    @property
    def revoked_at(self) -> datetime | None: ...


class SessionRead(Outward):
    """A login (会话)."""

    id: UUID
    current: bool = Field(description="the one this request was made with")
    opened_at: datetime
    expires_at: datetime = Field(description="when it ends unless it is refreshed before")
    ended_at: datetime | None

    @classmethod
    def of(cls, row: SessionFacts, *, current: UUID | None) -> "SessionRead":
        """Show a login to its person."""
        return cls(
            id=row.id,
            current=row.id == current,
            opened_at=row.created_at,
            expires_at=row.expires_at,
            ended_at=row.revoked_at,
        )


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
    owner_id: UUID | None = Field(description="the record of an owner (业主)")
    must_change_password: bool = Field(description="true: no scope is held until the password is changed")
    scopes: list[str]
    grants: list[GrantRead]


class RoleRead(Outward):
    """A role of `roles.toml`."""

    code: str
    name: str
    holder: str = Field(description="who it is for: staff, property_company, contractor, owner", examples=["staff"])
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
