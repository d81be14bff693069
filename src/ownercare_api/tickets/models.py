"""Tables of the register and of tickets."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Fen, Identified, Stamped, enum_column
from ownercare_api.tickets.lifecycle import Category, CauseClass, Channel, Domain, TicketStatus


class Ticket(Stamped, Base):
    """One case of an owner, from the call to the archive."""

    __tablename__ = "ticket"
    __table_args__ = (
        # Every list is newest first by id, so each filter column is followed by it.
        Index("ix_ticket_project", "project_id", "id"),
        Index("ix_ticket_status", "status", "id"),
        Index("ix_ticket_project_status", "project_id", "status", "id"),
        Index("ix_ticket_owner", "owner_id", "id"),
        Index("ix_ticket_unit", "unit_id", "id"),
        Index("ix_ticket_handler", "handler_id", "id", postgresql_where=text("status IN ('registered', 'accepted')")),
        Index("ix_ticket_caller", "caller_phone_index"),
    )

    number: Mapped[str] = mapped_column(unique=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("unit.id"))
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("owner.id"))
    domain: Mapped[Domain] = mapped_column(enum_column(Domain))
    category: Mapped[Category] = mapped_column(enum_column(Category))
    channel: Mapped[Channel] = mapped_column(enum_column(Channel))
    status: Mapped[TicketStatus] = mapped_column(enum_column(TicketStatus))
    title: Mapped[str]
    description: Mapped[str]
    demand: Mapped[str | None]
    """What the owner asks for (CMP-01)."""
    urgent: Mapped[bool]
    claim_fen: Mapped[int | None] = mapped_column(Fen)
    """Compensation claimed; 1,000,000 fen and above goes to the manager (CMP-17)."""
    caller_name: Mapped[str]
    caller_phone_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    caller_phone_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    caller_phone_masked: Mapped[str | None]
    received_at: Mapped[datetime]
    """When the owner turned to us: the clocks count from here."""
    registered_by: Mapped[UUID]
    cause_class: Mapped[CauseClass | None] = mapped_column(enum_column(CauseClass))
    department: Mapped[str | None]
    """The responsible department's code (CMP-05)."""
    handler_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    """The fixed person for it (CMP-06)."""
    open_work: Mapped[int] = mapped_column(default=0, server_default="0")
    """Surveys and work orders not finished; kept by `workorders`."""
    work_done: Mapped[int] = mapped_column(default=0, server_default="0")
    """Work orders signed off, and surveys that found the company not liable."""
    round: Mapped[int] = mapped_column(default=1, server_default="1")
    """1, and one more for every reopening (reading 3)."""
    result: Mapped[str | None]
    """What was done, with grounds; told to the owner (CMP-13)."""
    resolved_at: Mapped[datetime | None]
    owner_informed_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    held_at: Mapped[datetime | None]
    """Since when the clocks stand still; null: they run."""
    policy_snapshot_id: Mapped[UUID] = mapped_column(ForeignKey("policy_snapshot.id"))

    @property
    def owner_informed(self) -> bool:
        """Say whether the result was fed back in this round."""
        return self.owner_informed_at is not None

    @property
    def held(self) -> bool:
        """Say whether the clocks stand still."""
        return self.held_at is not None


class RegisterEntry(Identified, Base):
    """A line of the 《来电、来访登记表》: every item from every channel, in one numbering (CHN-03)."""

    __tablename__ = "register_entry"
    __table_args__ = (
        Index("ix_register_entry_ticket", "ticket_id"),
        Index("ix_register_entry_project", "project_id", "id"),
    )

    number: Mapped[str] = mapped_column(unique=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    channel: Mapped[Channel] = mapped_column(enum_column(Channel))
    category: Mapped[Category] = mapped_column(enum_column(Category))
    caller_name: Mapped[str]
    caller_phone_masked: Mapped[str | None]
    summary: Mapped[str]
    received_at: Mapped[datetime]
    taken_by: Mapped[UUID]
    taken_by_name: Mapped[str]


class ContactKind(StrEnum):
    """What a talk with the owner was about."""

    RESPONSE = "response"
    OWNER_FEEDBACK = "owner_feedback"
    CHASE = "chase"


class OwnerContact(Identified, Base):
    """A talk with the owner about a ticket: the first response, the feedback of the result (CMP-02, CMP-13)."""

    __tablename__ = "owner_contact"
    __table_args__ = (Index("ix_owner_contact_ticket", "ticket_id"),)

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    kind: Mapped[ContactKind] = mapped_column(enum_column(ContactKind))
    channel: Mapped[Channel] = mapped_column(enum_column(Channel))
    content: Mapped[str]
    owner_opinion: Mapped[str | None]
    satisfied: Mapped[bool | None]
    at: Mapped[datetime]
    by: Mapped[UUID]
    by_name: Mapped[str]


class TicketFirm(Base):
    """A partner firm that a case was passed to, and so may see it; the record of sharing (OWN-07)."""

    __tablename__ = "ticket_firm"
    __table_args__ = (Index("ix_ticket_firm_firm", "firm_id", "ticket_id"),)

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    firm_id: Mapped[UUID] = mapped_column(ForeignKey("firm.id"), primary_key=True)
    since: Mapped[datetime]
    reason: Mapped[str]
