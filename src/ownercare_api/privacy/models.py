"""Tables of the requests of the persons concerned, and of the copies made for them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, LargeBinary, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Identified, Stamped, enum_column
from ownercare_api.identity.principal import Principal
from ownercare_api.privacy.lifecycle import (
    IdentityCheck,
    OwnRequest,
    RefusalGround,
    RequestChannel,
    RequestKind,
    RequestStatus,
)


class PrivacyRequest(Stamped, Base):
    """A person asks for a copy, correction, restriction or erasure of his data, or objects (PIPL art. 44 to 47)."""

    __tablename__ = "privacy_request"
    __table_args__ = (
        Index("ix_privacy_request_owner", "owner_id", "id"),
        Index("ix_privacy_request_status", "status", "id"),
        Index("ix_privacy_request_due", "due_at", postgresql_where=text("status IN ('received', 'approved')")),
        Index(
            "uq_privacy_request_open", "owner_id", "kind", unique=True,
            postgresql_where=text("status IN ('received', 'approved', 'in_force')"),
        ),
    )  # fmt: skip

    number: Mapped[str] = mapped_column(unique=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"))
    kind: Mapped[RequestKind] = mapped_column(enum_column(RequestKind))
    status: Mapped[RequestStatus] = mapped_column(enum_column(RequestStatus))
    channel: Mapped[RequestChannel] = mapped_column(enum_column(RequestChannel))
    identity_check: Mapped[IdentityCheck] = mapped_column(enum_column(IdentityCheck))
    identity_note: Mapped[str | None]
    reason: Mapped[str | None]
    """What the person said; goes when the data are erased."""
    received_at: Mapped[datetime]
    due_at: Mapped[datetime]
    """Fifteen working days after it was received."""
    entered_by: Mapped[UUID]
    entered_by_name: Mapped[str]
    makers: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    """Who entered it, and who lent the authority: none of them decides (reading 10)."""
    decided_by: Mapped[UUID | None]
    decided_by_name: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    refusal_ground: Mapped[RefusalGround | None] = mapped_column(enum_column(RefusalGround))
    decision_note: Mapped[str | None]
    """What the person is told; goes when the data are erased."""
    job_id: Mapped[UUID | None]
    ended_by: Mapped[UUID | None]
    """Who completed, withdrew or lifted it; null: the worker."""
    ended_by_name: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    change_id: Mapped[UUID | None] = mapped_column(ForeignKey("owner_change.id"))
    """The change request that corrected the record."""
    outcome: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Rows by table that an erasure touched; sizes of a copy. Never a value."""

    def check_not_own(self, actor: Principal) -> None:
        """Raise `OwnRequest` where the actor, or who lent the authority, entered the request."""
        if actor.id in self.makers:
            raise OwnRequest


class PrivacyCopy(Identified, Base):
    """The copy of a person's data, encrypted, until it expires (PIPL art. 45)."""

    __tablename__ = "privacy_copy"

    request_id: Mapped[UUID] = mapped_column(ForeignKey("privacy_request.id"), unique=True)
    content_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    """A ZIP archive in base64, encrypted with the field key."""
    size_bytes: Mapped[int]
    sha256: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    fetched_at: Mapped[datetime | None]
