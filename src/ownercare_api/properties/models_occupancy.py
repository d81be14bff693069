"""The table of who lived in a home when, as far as occupancy goes (OWN-17)."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Identified, enum_column


class OccupiedBy(StrEnum):
    """Who lives in a home."""

    OWNER = "owner"
    """业主自住"""
    FAMILY = "family"
    """业主亲属"""
    TENANT = "tenant"
    """租户 (出租)"""
    OTHER = "other"


class UnitOccupancy(Identified, Base):
    """One household's time in a home, `[moved_in_on, moved_out_on)`; a home without an open one is vacant (空置)."""

    __tablename__ = "unit_occupancy"
    __table_args__ = (
        CheckConstraint("moved_out_on IS NULL OR moved_out_on >= moved_in_on", name="period"),
        Index("ix_unit_occupancy_unit", "unit_id", "id"),
        Index("uq_unit_occupancy_open", "unit_id", unique=True, postgresql_where=text("moved_out_on IS NULL")),
    )

    unit_id: Mapped[UUID] = mapped_column(ForeignKey("unit.id"))
    moved_in_on: Mapped[date]
    moved_out_on: Mapped[date | None]
    occupied_by: Mapped[OccupiedBy | None] = mapped_column(enum_column(OccupiedBy))
    """Null: nobody said."""
    recorded_by: Mapped[UUID | None]
    """Null: taken over from before histories were kept."""
    recorded_by_name: Mapped[str | None]
    recorded_at: Mapped[datetime]
    ended_by: Mapped[UUID | None]
