"""The table of what partner firms were given."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Identified, enum_column


class SharingGround(StrEnum):
    """Why a firm may have the data (PIPL art. 13, 23)."""

    CONSENT = "consent"
    """the owner agreed to it (同意)"""
    CONTRACT = "contract"
    """the repair that the owner asked for can't be done without it (履行合同所必需)"""


class OwnerSharing(Identified, Base):
    """An owner's data was given to a partner firm: whose, to whom, what, why, on which ground (OWN-07).

    Never changed.
    """

    __tablename__ = "owner_sharing"
    __table_args__ = (
        Index("ix_owner_sharing_owner", "owner_id", "id"),
        Index("ix_owner_sharing_firm", "firm_id", "id"),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"))
    firm_id: Mapped[UUID] = mapped_column(ForeignKey("firm.id"))
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))
    categories: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """What it is: see `sharing.CASE`."""
    ground: Mapped[SharingGround] = mapped_column(enum_column(SharingGround))
    purpose: Mapped[str]
    at: Mapped[datetime]
