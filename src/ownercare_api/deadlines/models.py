"""Tables of the working calendar, the clocks, their holds and the alerts they fired."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Identified, enum_column


class CalendarYear(Base):
    """A year of the working calendar."""

    __tablename__ = "calendar_year"

    year: Mapped[int] = mapped_column(primary_key=True)
    provisional: Mapped[bool]
    source: Mapped[str]
    """The notice it comes from, or that there is none yet."""
    revised_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=1, server_default="1")
    """How often the year was put on file: its version for `ETag`."""


class CalendarDay(Base):
    """One day in Asia/Shanghai."""

    __tablename__ = "calendar_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    is_working: Mapped[bool]
    note: Mapped[str | None]
    """Name of the holiday, or 调休 for a make-up working day."""


class ClockKind(StrEnum):
    """The independent clocks of a case (reading 3)."""

    RESPONSE = "response"
    INVESTIGATION_START = "investigation_start"
    DEPARTMENT_FEEDBACK = "department_feedback"
    OWNER_FEEDBACK = "owner_feedback"
    RESOLUTION = "resolution"
    SITE_SURVEY = "site_survey"
    APPROVAL = "approval"
    REPAIR = "repair"
    CALLBACK = "callback"
    SALES_OFFICE_FEEDBACK = "sales_office_feedback"
    FACILITY_RESPONSE = "facility_response"
    FACILITY_COMPLETION = "facility_completion"
    CONTRACTOR_CONFIRMATION = "contractor_confirmation"
    CONTRACTOR_REMINDER = "contractor_reminder"


class Deadline(Identified, Base):
    """One clock of one subject: a fact with a start, a due time and, once it happened, a stop.

    `original_due_at` never changes; `due_at` moves only by a recorded extension, hold or official calendar.
    """

    __tablename__ = "deadline"
    __table_args__ = (
        CheckConstraint("cancelled_at IS NULL OR stopped_at IS NULL", name="stopped_or_cancelled"),
        # The unique constraint serves the look-up by subject.
        Index("ix_deadline_ticket", "ticket_id"),
        Index("ix_deadline_alert", "next_alert_at", postgresql_where=text("next_alert_at IS NOT NULL")),
        Index("ix_deadline_open", "due_at", "id", postgresql_where=text("stopped_at IS NULL AND cancelled_at IS NULL")),
        Index("ix_deadline_project", "project_id", "id"),
        Index("ix_deadline_open_provisional", "id", postgresql_where=text("provisional AND stopped_at IS NULL")),
        UniqueConstraint("subject_id", "kind", "round"),
    )

    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    kind: Mapped[ClockKind] = mapped_column(enum_column(ClockKind))
    round: Mapped[int] = mapped_column(default=1, server_default="1")
    """1 for the first clock of its kind; a reopened case gets the next one and keeps the first."""
    rule: Mapped[str]
    policy_key: Mapped[str]
    policy_value: Mapped[int]
    unit: Mapped[str]
    extended_by: Mapped[int] = mapped_column(default=0, server_default="0")
    """What the owner consented to on top of the policy value, in the same unit (REP-07)."""
    policy_snapshot_id: Mapped[UUID] = mapped_column(ForeignKey("policy_snapshot.id"))
    started_at: Mapped[datetime]
    original_due_at: Mapped[datetime]
    due_at: Mapped[datetime]
    provisional: Mapped[bool]
    stopped_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    held_since: Mapped[datetime | None]
    """Since when it stands still, in a hold that began before it ran out. One that was stopped like this is in time."""
    next_alert_at: Mapped[datetime | None]
    """When the next rung of the ladder is due; null above the ladder, on hold, and once stopped."""
    alerts_fired: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many rungs of the escalation ladder have fired."""


class Hold(Identified, Base):
    """An interval in which a subject's clocks stand still; open while `ended_at` is null."""

    __tablename__ = "hold"
    __table_args__ = (
        Index("ix_hold_subject", "subject_id"),
        Index("uq_hold_open", "subject_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    reason: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    started_by: Mapped[UUID]
    ended_by: Mapped[UUID | None]


class DeadlineAlert(Identified, Base):
    """One rung of the escalation ladder, fired exactly once (CMP-15)."""

    __tablename__ = "deadline_alert"
    __table_args__ = (UniqueConstraint("deadline_id", "rung", "due_at"),)

    deadline_id: Mapped[UUID] = mapped_column(ForeignKey("deadline.id"))
    rung: Mapped[int]
    due_at: Mapped[datetime]
    """The due time it was about; an extension re-arms the ladder for the new one."""
    role: Mapped[str]
    fired_at: Mapped[datetime]
