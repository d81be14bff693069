"""Tables of firms, contracts, warranty terms, repair teams and workers."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Fen, Identified, Stamped, enum_column
from ownercare_api.properties.parts import BuildingPart


class FirmKind(StrEnum):
    """What a partner firm is to us."""

    CONTRACTOR = "contractor"
    PROPERTY_COMPANY = "property_company"


class FirmField(StrEnum):
    """What can be looked at in clear."""

    CONTACT_PHONE = "contact_phone"
    BANK_ACCOUNT = "bank_account"
    PROPOSED_BANK_ACCOUNT = "proposed_bank_account"
    """Of the change that waits for its confirmation: to be compared with what the firm says when it is called back."""


class Firm(Stamped, Base):
    """A partner firm: a contractor (施工单位) or a property company (物业公司)."""

    __tablename__ = "firm"

    kind: Mapped[FirmKind] = mapped_column(enum_column(FirmKind))
    name: Mapped[str] = mapped_column(unique=True)
    uscc: Mapped[str] = mapped_column(unique=True)
    """Unified social credit code (统一社会信用代码)."""
    contact_name: Mapped[str]
    contact_phone_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    contact_phone_masked: Mapped[str]
    contact_phone_set_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """Since when this number is on record: one that was only just entered is no number to call back."""
    bank_name: Mapped[str | None]
    """The bank with its branch (开户行)."""
    bank_account_holder: Mapped[str | None]
    """As the bank has it (户名)."""
    bank_account_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    bank_account_index: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    """Two firms with one account are found by it."""
    bank_account_masked: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True, server_default="true")


class FirmDisclosure(Identified, Base):
    """One look at a firm's telephone number or bank account in clear: who and why. Never changed."""

    __tablename__ = "firm_disclosure"
    __table_args__ = (
        Index("ix_firm_disclosure_firm", "firm_id", "id"),
        Index("ix_firm_disclosure_actor", "actor_id", "at"),
    )

    firm_id: Mapped[UUID] = mapped_column(ForeignKey("firm.id"))
    actor_id: Mapped[UUID]
    actor_name: Mapped[str]
    field: Mapped[str]
    purpose: Mapped[str]
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))
    at: Mapped[datetime]


class FirmProject(Base):
    """A property company serves a project."""

    __tablename__ = "firm_project"

    firm_id: Mapped[UUID] = mapped_column(ForeignKey("firm.id"), primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"), primary_key=True)


class ConstructionContract(Stamped, Base):
    """A construction contract of a contractor for a project (施工合同)."""

    __tablename__ = "construction_contract"
    __table_args__ = (
        CheckConstraint("retention_bp BETWEEN 0 AND 300", name="retention_at_most_3_percent"),
        Index("ix_construction_contract_project", "project_id"),
    )

    firm_id: Mapped[UUID] = mapped_column(ForeignKey("firm.id"))
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    number: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    amount_fen: Mapped[int] = mapped_column(Fen)
    retention_bp: Mapped[int]
    """Retention in hundredths of a percent of the amount, at most 300 (FIN-11)."""
    accepted_on: Mapped[date]
    """Completion acceptance (竣工验收): the contractor's warranty clock starts here."""
    has_repair_agreement: Mapped[bool]
    """The 售后维修补充协议 is signed, so that the repair team may do the contractor's work (REP-09)."""


class WarrantyTerm(Identified, Base):
    """The contractor's warranty period for one building part of a contract."""

    __tablename__ = "warranty_term"
    __table_args__ = (UniqueConstraint("contract_id", "building_part"), CheckConstraint("months > 0", name="months"))

    contract_id: Mapped[UUID] = mapped_column(ForeignKey("construction_contract.id"))
    building_part: Mapped[BuildingPart] = mapped_column(enum_column(BuildingPart))
    months: Mapped[int]


class RepairTeam(Stamped, Base):
    """A repair team (客户服务维修队): under a property company, its captain named by customer service (ORG-23)."""

    __tablename__ = "repair_team"

    firm_id: Mapped[UUID] = mapped_column(ForeignKey("firm.id"), index=True)
    name: Mapped[str] = mapped_column(unique=True)
    captain_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    active: Mapped[bool] = mapped_column(default=True, server_default="true")


class RepairTeamProject(Base):
    """A team's service area: a project."""

    __tablename__ = "repair_team_project"

    team_id: Mapped[UUID] = mapped_column(ForeignKey("repair_team.id"), primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"), primary_key=True)


class RepairWorker(Stamped, Base):
    """A repairer (维修人员, REP-14)."""

    __tablename__ = "repair_worker"
    __table_args__ = (CheckConstraint("skill_level BETWEEN 1 AND 5", name="skill_level"),)

    team_id: Mapped[UUID] = mapped_column(ForeignKey("repair_team.id"), index=True)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    name: Mapped[str]
    trades: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Values of `Trade`."""
    skill_level: Mapped[int]
    """1 helper … 5 senior technician (初级工…高级技师)."""
    experience_years: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True, server_default="true")
