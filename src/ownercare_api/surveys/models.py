"""Tables of questionnaires and what owners answered."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Stamped, enum_column
from ownercare_api.surveys.lifecycle import QuestionnaireStatus, SurveyMode


class Questionnaire(Stamped, Base):
    """One edition of a 《客户满意度调查表》 (CBK-08). Editions of one code follow each other; published ones stay."""

    __tablename__ = "questionnaire"
    __table_args__ = (
        UniqueConstraint("code", "edition"),
        Index("uq_questionnaire_draft", "code", unique=True, postgresql_where=text("status = 'draft'")),
    )

    code: Mapped[str]
    edition: Mapped[int]
    """1, 2, … within the code."""
    title: Mapped[str]
    questions: Mapped[list[dict[str, Any]]]
    """In order, as `schemas.Question`."""
    status: Mapped[QuestionnaireStatus] = mapped_column(enum_column(QuestionnaireStatus))
    drafted_by: Mapped[UUID]
    drafted_at: Mapped[datetime]
    published_by: Mapped[UUID | None]
    published_at: Mapped[datetime | None]


class SurveyResponse(Stamped, Base):
    """What one owner answered (SUR-03), measured by the policy of that day."""

    __tablename__ = "survey_response"
    __table_args__ = (
        CheckConstraint("ticket_id IS NOT NULL OR unit_id IS NOT NULL", name="about_something"),
        Index("uq_survey_response_ticket", "ticket_id", unique=True, postgresql_where=text("ticket_id IS NOT NULL")),
        Index(
            "uq_survey_response_owner_home",
            "questionnaire_id",
            "owner_id",
            "unit_id",
            unique=True,
            postgresql_where=text("owner_id IS NOT NULL AND ticket_id IS NULL"),
        ),
        Index("ix_survey_response_owner", "owner_id", "id", postgresql_where=text("owner_id IS NOT NULL")),
        Index("ix_survey_response_questionnaire", "questionnaire_id", "id"),
        Index("ix_survey_response_project", "project_id", "id"),
        Index("ix_survey_response_unit", "unit_id", "id"),
        Index("ix_survey_response_dissatisfied", "id", postgresql_where=text("dissatisfied")),
    )

    number: Mapped[str] = mapped_column(unique=True)
    questionnaire_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.id"))
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))
    unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("unit.id"))
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("owner.id"))
    """The owner who answered by himself; null where staff asked and entered it."""
    mode: Mapped[SurveyMode] = mapped_column(enum_column(SurveyMode))
    respondent_name: Mapped[str | None]
    answers: Mapped[dict[str, Any]]
    """Question key to value."""
    score_hundredths: Mapped[int | None]
    """Mean of the scale answers times 100; null: no scale question was answered."""
    scale_max: Mapped[int]
    dissatisfied_max: Mapped[int]
    """The policy's scale, kept so that later policies do not change what was counted."""
    dissatisfied: Mapped[bool]
    """Some scale answer is at or below the policy's `satisfaction.dissatisfied_max` (CBK-13)."""
    severe: Mapped[bool]
    """Some scale answer is at or below `satisfaction.severe_max`: the manager joins the re-visit (CBK-12)."""
    recorded_by: Mapped[UUID]
    recorded_by_name: Mapped[str]
    recorded_at: Mapped[datetime]
    policy_snapshot_id: Mapped[UUID] = mapped_column(ForeignKey("policy_snapshot.id"))
