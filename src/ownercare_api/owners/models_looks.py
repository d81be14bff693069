"""The table of looks at personal data."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Identified


class OwnerLook(Identified, Base):
    """Somebody looked at owners' data: who, what, when, why (OWN-07, PIPL art. 17, 44). One row for one answer, however
    many owners stood in it. Never changed; kept for three years. A disclosure has the same id as its own row."""

    __tablename__ = "owner_look"
    __table_args__ = (
        Index("ix_owner_look_owners", "owner_ids", postgresql_using="gin"),
        Index("ix_owner_look_at", "at"),
        Index("ix_owner_look_actor", "actor_id", "id"),
    )

    owner_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID]
    actor_name: Mapped[str]
    department: Mapped[str | None]
    """Department and post of the person at the time; None for machines."""
    post: Mapped[str | None]
    look: Mapped[str]
    purpose: Mapped[str | None]
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))
    at: Mapped[datetime]
