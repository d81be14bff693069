"""Tables around an owner: contacts, households, groups and tags, consents."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Identified, Stamped, enum_column


class ContactRelation(StrEnum):
    """What a contact is to the owner."""

    SPOUSE = "spouse"
    PARENT = "parent"
    CHILD = "child"
    RELATIVE = "relative"
    FRIEND = "friend"
    AGENT = "agent"
    """代理人"""
    TENANT = "tenant"
    EMPLOYEE = "employee"
    OTHER = "other"


class OwnerContactPerson(Stamped, Base):
    """Somebody to turn to about an owner: in an emergency, of the family, an agent. Ended, never deleted."""

    __tablename__ = "owner_contact_person"
    __table_args__ = (
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="period"),
        CheckConstraint("NOT may_speak_for_owner OR authorisation IS NOT NULL", name="speaks_with_authorisation"),
        Index("ix_owner_contact_person_owner", "owner_id", "id"),
        Index("ix_owner_contact_person_number", "number_index"),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"))
    name: Mapped[str]
    relation: Mapped[ContactRelation] = mapped_column(enum_column(ContactRelation))
    is_emergency: Mapped[bool]
    """紧急联系人"""
    number_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    number_index: Mapped[bytes] = mapped_column(LargeBinary)
    number_masked: Mapped[str]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    """First day on which it is no longer so."""
    may_speak_for_owner: Mapped[bool]
    authorisation: Mapped[str | None]
    """What the owner authorised, and how (授权说明)."""
    authorisation_file_id: Mapped[UUID | None] = mapped_column(ForeignKey("file_object.id"))
    note: Mapped[str | None]
    recorded_by: Mapped[UUID]
    recorded_by_name: Mapped[str]


class Household(Stamped, Base):
    """Those who live together in a home (家庭), from a day on."""

    __tablename__ = "household"
    __table_args__ = (
        CheckConstraint("to_date IS NULL OR to_date >= from_date", name="period"),
        Index("ix_household_unit", "unit_id", "id"),
    )

    unit_id: Mapped[UUID] = mapped_column(ForeignKey("unit.id"))
    name: Mapped[str]
    from_date: Mapped[date]
    to_date: Mapped[date | None]


class HouseholdMember(Identified, Base):
    """A member of a household: an owner, a contact of one, or somebody freely named."""

    __tablename__ = "household_member"
    __table_args__ = (
        CheckConstraint("num_nonnulls(owner_id, contact_id, name) = 1", name="one_person"),
        CheckConstraint("to_date IS NULL OR to_date >= from_date", name="period"),
        Index("ix_household_member_household", "household_id", "id"),
        Index("ix_household_member_owner", "owner_id"),
        Index(
            "uq_household_member_head", "household_id", unique=True,
            postgresql_where=text("is_head AND to_date IS NULL"),
        ),
        Index(
            "uq_household_member_present", "household_id", "owner_id", unique=True,
            postgresql_where=text("owner_id IS NOT NULL AND to_date IS NULL"),
        ),
    )  # fmt: skip

    household_id: Mapped[UUID] = mapped_column(ForeignKey("household.id"))
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("owner.id"))
    contact_id: Mapped[UUID | None] = mapped_column(ForeignKey("owner_contact_person.id"))
    name: Mapped[str | None]
    relation: Mapped[str | None]
    """What the member is to the head (与户主关系)."""
    is_head: Mapped[bool]
    """户主"""
    from_date: Mapped[date]
    to_date: Mapped[date | None]


class OwnerGroup(Stamped, Base):
    """A group for targeted service (分组, OWN-09): the group's own, or one project's."""

    __tablename__ = "owner_group"

    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    purpose: Mapped[str]
    project_id: Mapped[UUID | None] = mapped_column(ForeignKey("project.id"), index=True)
    """Only owners of this project are in it; null: of every project."""
    seen_by: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Role codes that may see the group and who is in it; empty: whoever may read owners."""
    active: Mapped[bool] = mapped_column(default=True, server_default="true")


class OwnerGroupMember(Identified, Base):
    """An owner's time in a group; ended, never deleted."""

    __tablename__ = "owner_group_member"
    __table_args__ = (
        CheckConstraint("to_date IS NULL OR to_date >= from_date", name="period"),
        Index("ix_owner_group_member_owner", "owner_id", "id"),
        Index("ix_owner_group_member_group", "group_id", "id"),
        Index(
            "uq_owner_group_member_present", "group_id", "owner_id", unique=True,
            postgresql_where=text("to_date IS NULL"),
        ),
    )  # fmt: skip

    group_id: Mapped[UUID] = mapped_column(ForeignKey("owner_group.id"))
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"))
    from_date: Mapped[date]
    to_date: Mapped[date | None]
    reason: Mapped[str | None]
    assigned_by: Mapped[UUID]
    assigned_by_name: Mapped[str]
    ended_by: Mapped[UUID | None]


class OwnerTag(Stamped, Base):
    """A word of the managed list of tags (标签)."""

    __tablename__ = "owner_tag"

    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True, server_default="true")


class OwnerTagging(Base):
    """A tag on an owner."""

    __tablename__ = "owner_tagging"
    __table_args__ = (Index("ix_owner_tagging_tag", "tag_id", "owner_id"),)

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"), primary_key=True)
    tag_id: Mapped[UUID] = mapped_column(ForeignKey("owner_tag.id"), primary_key=True)
    tagged_by: Mapped[UUID]
    tagged_by_name: Mapped[str]
    tagged_at: Mapped[datetime]


class ConsentPurpose(StrEnum):
    """What an owner may agree to (个人信息处理目的)."""

    SERVICE_CALLS = "service_calls"
    SATISFACTION_SURVEYS = "satisfaction_surveys"
    MARKETING = "marketing"
    EVENTS = "events"
    SHARE_WITH_PROPERTY_COMPANY = "share_with_property_company"
    SHARE_WITH_CONTRACTOR = "share_with_contractor"
    RECORDINGS = "recordings"
    PHOTOGRAPHS = "photographs"


class ConsentChannel(StrEnum):
    """How the owner said so."""

    PAPER_FORM = "paper_form"
    PHONE = "phone"
    WECHAT = "wechat"
    SMS = "sms"
    VISIT = "visit"
    PORTAL = "portal"
    LETTER = "letter"


class Consent(Identified, Base):
    """One statement of an owner about one purpose: given or withdrawn. Never changed; the latest one counts."""

    __tablename__ = "consent"
    __table_args__ = (Index("ix_consent_owner", "owner_id", "purpose", "at", "id"),)

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"))
    purpose: Mapped[ConsentPurpose] = mapped_column(enum_column(ConsentPurpose))
    given: Mapped[bool]
    at: Mapped[datetime]
    """From when on: when it was given; a withdrawal counts from the moment it is recorded."""
    channel: Mapped[ConsentChannel] = mapped_column(enum_column(ConsentChannel))
    text_version: Mapped[str | None]
    """Which edition of the text was agreed to."""
    evidence_file_id: Mapped[UUID | None] = mapped_column(ForeignKey("file_object.id"))
    note: Mapped[str | None]
    recorded_by: Mapped[UUID]
    recorded_by_name: Mapped[str]
    recorded_at: Mapped[datetime]
