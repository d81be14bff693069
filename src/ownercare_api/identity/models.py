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


class GrantLevel(StrEnum):
    """How far a grant reaches."""

    COMPANY = "company"
    REGION = "region"
    PROJECT = "project"
    FIRM = "firm"


class Account(Stamped, Base):
    """One person who can log in (ORG-28). One person has one account: maker and checker are compared by it."""

    __tablename__ = "account"
    __table_args__ = (CheckConstraint("(kind = 'firm_user') = (firm_id IS NOT NULL)", name="firm_users_have_a_firm"),)

    kind: Mapped[AccountKind] = mapped_column(enum_column(AccountKind))
    username: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str | None]
    name: Mapped[str]
    post: Mapped[str]
    """The post (岗位) as a role code of `roles.toml`."""
    department: Mapped[str | None]
    """Department code (`identity.departments`); None for firm users."""
    firm_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm.id"), index=True)
    disabled_at: Mapped[datetime | None]
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


class ApiClient(Stamped, Base):
    """A machine that calls us: the 400 platform, a property company's system."""

    __tablename__ = "api_client"

    name: Mapped[str] = mapped_column(unique=True)
    client_id: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    level: Mapped[GrantLevel] = mapped_column(enum_column(GrantLevel))
    target_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    firm_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm.id"))
    disabled_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class ClientSecret(Identified, Base):
    """A client's secret, as a hash; a client has two of them while it rotates."""

    __tablename__ = "client_secret"

    client_id: Mapped[UUID] = mapped_column(ForeignKey("api_client.id"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]


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
