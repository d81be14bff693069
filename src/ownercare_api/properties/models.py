"""Tables of companies, projects, buildings and units."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Identified, Stamped, enum_column


class CompanyLevel(StrEnum):
    """The two levels of companies."""

    GROUP = "group"
    REGION = "region"


class Company(Stamped, Base):
    """The group (集团) or a regional company (区域公司)."""

    __tablename__ = "company"
    __table_args__ = (CheckConstraint("(level = 'region') = (parent_id IS NOT NULL)", name="regions_have_a_group"),)

    level: Mapped[CompanyLevel] = mapped_column(enum_column(CompanyLevel))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("company.id"))
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]


class Project(Stamped, Base):
    """A project or community (项目/小区)."""

    __tablename__ = "project"

    region_id: Mapped[UUID] = mapped_column(ForeignKey("company.id"), index=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    city: Mapped[str]
    address: Mapped[str]
    has_sales_office: Mapped[bool]
    """It has a sales office (案场), whose rules are a policy set of their own (reading 6)."""


class Building(Stamped, Base):
    """A building (楼栋)."""

    __tablename__ = "building"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    name: Mapped[str]
    floors: Mapped[int]


class Unit(Stamped, Base):
    """A home (房屋单元)."""

    __tablename__ = "unit"
    __table_args__ = (
        UniqueConstraint("building_id", "number"),
        CheckConstraint("moved_in_on IS NULL OR delivered_on IS NOT NULL", name="moved_in_after_delivery"),
        Index("ix_unit_project", "project_id", "id"),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    building_id: Mapped[UUID] = mapped_column(ForeignKey("building.id"))
    number: Mapped[str]
    """Room number such as `1-1203`."""
    address: Mapped[str]
    """As it is spoken: `云栖雅苑 3栋 1单元 1203室`."""
    floor: Mapped[int]
    house_type: Mapped[str]
    purchase_batch: Mapped[str]
    area_cm2: Mapped[int]
    delivered_on: Mapped[date | None]
    """Acceptance by the owner (OWN-14): the owner's warranty clock starts here."""
    moved_in_on: Mapped[date | None]
    """Occupancy (OWN-17)."""


class UnitDelivery(Identified, Base):
    """A record of acceptance and hand-over (OWN-14); a correction is a further record with its reason."""

    __tablename__ = "unit_delivery"

    unit_id: Mapped[UUID] = mapped_column(ForeignKey("unit.id"), index=True)
    delivered_on: Mapped[date]
    content: Mapped[str | None]
    """What was checked and found (验收内容)."""
    handover_material: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """What was handed over (交接资料)."""
    correction_reason: Mapped[str | None]
    recorded_by: Mapped[UUID]
    recorded_by_name: Mapped[str]
    recorded_at: Mapped[datetime]
