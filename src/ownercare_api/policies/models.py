"""Tables of the policy: published versions, and what is in force for a project (ADM-08)."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Identified, enum_column


class PolicyLevel(StrEnum):
    """For whom a version is published; the nearer one wins."""

    GROUP = "group"
    REGION = "region"
    PROJECT = "project"


class PolicyVersion(Identified, Base):
    """A published set of values for the group, a region or a project. Never changed; a later one follows it."""

    __tablename__ = "policy_version"
    __table_args__ = (UniqueConstraint("level", "target_id", "number", postgresql_nulls_not_distinct=True),)

    level: Mapped[PolicyLevel] = mapped_column(enum_column(PolicyLevel))
    target_id: Mapped[UUID | None]
    number: Mapped[int]
    values: Mapped[dict[str, Any]]
    """Only what this level sets; keys and types as in `policies.catalogue`."""
    effective_from: Mapped[datetime]
    published_by: Mapped[UUID]
    published_at: Mapped[datetime]
    reason: Mapped[str]


class PolicySnapshot(Identified, Base):
    """The merged values of the versions in force somewhere; cases point at the one they started under."""

    __tablename__ = "policy_snapshot"

    digest: Mapped[str] = mapped_column(unique=True)
    values: Mapped[dict[str, Any]]
    """Every key of the catalogue."""
    sources: Mapped[dict[str, Any]]
    """For each key, the version id that set it; absent: factory value, confirmed by nobody."""
    created_at: Mapped[datetime]


class PolicyInForce(Identified, Base):
    """Which snapshot holds for a project from when on; rebuilt by publishing, read by every registration."""

    __tablename__ = "policy_in_force"
    __table_args__ = (Index("ix_policy_in_force_project", "project_id", "effective_from", unique=True),)

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    snapshot_id: Mapped[UUID] = mapped_column(ForeignKey("policy_snapshot.id"))
    effective_from: Mapped[datetime]
