"""Tables of the people and machines that act."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, LargeBinary, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Identified, Stamped, enum_column


class AccountKind(StrEnum):
    """Whose employee a person is."""

    STAFF = "staff"
    FIRM_USER = "firm_user"
    OWNER = "owner"


class GrantLevel(StrEnum):
    """How far a grant reaches."""

    COMPANY = "company"
    REGION = "region"
    PROJECT = "project"
    FIRM = "firm"


class Account(Stamped, Base):
    """One person who can log in (ORG-28). One person has one account: maker and checker are compared by it."""

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint("(kind = 'firm_user') = (firm_id IS NOT NULL)", name="firm_users_have_a_firm"),
        CheckConstraint("(kind = 'owner') = (owner_id IS NOT NULL)", name="owners_have_a_record"),
    )

    kind: Mapped[AccountKind] = mapped_column(enum_column(AccountKind))
    username: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str | None]
    name: Mapped[str]
    post: Mapped[str]
    """The post (岗位) as a role code of `roles.toml`."""
    department: Mapped[str | None]
    """Department code (`identity.departments`); None for firm users."""
    firm_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm.id"), index=True)
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("owner.id"), unique=True)
    """The owner's record. Such an account carries no name of the person: it is called 业主 everywhere."""
    disabled_at: Mapped[datetime | None]
    must_change_password: Mapped[bool] = mapped_column(default=False, server_default="false")
    """The password was given by an administrator: it buys nothing but a new one."""
    password_changed_at: Mapped[datetime | None]


class RoleGrant(Identified, Base):
    """A role for a person, for a while, within a reach (公司、区域、项目或合作单位)."""

    __tablename__ = "role_grant"
    __table_args__ = (
        CheckConstraint("(level = 'company') = (target_id IS NULL)", name="company_has_no_target"),
        CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name="ends_after_start"),
    )

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    role: Mapped[str]
    level: Mapped[GrantLevel] = mapped_column(enum_column(GrantLevel))
    target_id: Mapped[UUID | None]
    """A region's company id, a project id or a firm id, as the level says."""
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    granted_by: Mapped[UUID | None]
    reason: Mapped[str | None]
    ended_by: Mapped[UUID | None]
    """Who took it back before its time; then `ends_at` says when."""


class Delegation(Identified, Base):
    """A grant lent to a colleague for a while (授权委托). It is never lent on, and what the lender may not check, the
    deputy may not check with it (reading 10). It holds only while the grant itself does and its holder is active."""

    __tablename__ = "delegation"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint("from_account_id <> to_account_id", name="two_people"),
    )

    grant_id: Mapped[UUID] = mapped_column(ForeignKey("role_grant.id"), index=True)
    from_account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    to_account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str]
    made_by: Mapped[UUID]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[UUID | None]


class ApiClient(Stamped, Base):
    """A machine that calls us: the 400 platform, a property company's system."""

    __tablename__ = "api_client"

    name: Mapped[str] = mapped_column(unique=True)
    client_id: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    level: Mapped[GrantLevel] = mapped_column(enum_column(GrantLevel))
    target_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    firm_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm.id"))
    requests_per_minute: Mapped[int | None]
    """Quota over all workers; None: the installation's default."""
    contact: Mapped[str | None]
    """Who answers for the machine: a department or a post, no personal data."""
    disabled_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class ClientSecret(Identified, Base):
    """A client's secret, as a hash; a client has two of them while it rotates."""

    __tablename__ = "client_secret"

    client_id: Mapped[UUID] = mapped_column(ForeignKey("api_client.id"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    hint: Mapped[str | None]
    """Its last four characters, to tell the two apart."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class AuthSession(Identified, Base):
    """One login: the family of its refresh tokens. Revoking it ends every token of the family."""

    __tablename__ = "auth_session"
    __table_args__ = (Index("ix_auth_session_open", "account_id", postgresql_where=text("revoked_at IS NULL")),)

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    refresh_digest: Mapped[bytes] = mapped_column(LargeBinary)
    """Digest of the one refresh token that is good now; an older one being used again revokes the family."""
    generation: Mapped[int] = mapped_column(default=1)
    revoked_at: Mapped[datetime | None]
    revoked_because: Mapped[str | None]


class SigningKey(Base):
    """An ES256 key pair. The newest one that is not retired signs; all that are not expired verify."""

    __tablename__ = "signing_key"

    kid: Mapped[str] = mapped_column(primary_key=True)
    private_pem: Mapped[bytes] = mapped_column(LargeBinary)
    """Encrypted with the field key."""
    public_pem: Mapped[str]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]


class OneTimeCode(Identified, Base):
    """A code sent to an owner's mobile to log in with. Neither number nor code is kept, only their digests."""

    __tablename__ = "one_time_code"
    __table_args__ = (Index("ix_one_time_code_phone", "phone_index", "created_at"),)

    phone_index: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    used_at: Mapped[datetime | None]


class Throttle(Base):
    """A counter of attempts within a window, shared by every worker: per account, per source, per machine."""

    __tablename__ = "throttle"

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """Digest of what is counted, so that no name, number or address is kept."""
    window_start: Mapped[datetime]
    count: Mapped[int]
    blocked_until: Mapped[datetime | None]
