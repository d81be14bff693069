"""Use case: an owner's answers are recorded, checked and scored (SUR-03, CBK-12, CBK-13)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import Conflict, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.core.numbers import next_number
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.owners.restriction import ensure_may_be_asked
from ownercare_api.policies import service as policies
from ownercare_api.properties import service as properties
from ownercare_api.surveys import repository
from ownercare_api.surveys.lifecycle import QuestionnaireStatus, SurveyMode
from ownercare_api.surveys.models import SurveyResponse
from ownercare_api.surveys.questionnaires import QuestionnaireNotFound
from ownercare_api.surveys.scoring import Scale, check_answers, score
from ownercare_api.tickets import service as tickets
from ownercare_api.timeline import service as timeline

RECORD = "surveys:record"


class SurveyResponseNotFound(NotFound):
    """404: no such response, or not visible."""

    code = "survey_response_not_found"
    zh, en = "答卷不存在,或您无权查看。", "There is no such response, or you may not see it."


class NotPublished(Conflict):
    """409: a draft takes no answers."""

    code = "questionnaire_not_published"
    zh, en = "问卷尚未发布,不能录入答卷。", "The questionnaire is not published yet."
    rules = ("CBK-08",)


class AlreadySurveyed(Conflict):
    """409: one response per case."""

    code = "already_surveyed"
    zh, en = "该工单已录入过满意度调查。", "This case has a response already."
    rules = ("CBK-08",)


@dataclass(frozen=True, slots=True)
class Place:
    """What a response is about; `owner_id` where the owner answers by himself."""

    project_id: UUID
    ticket_id: UUID | None
    unit_id: UUID | None
    owner_id: UUID | None = None


async def record_response(
    session: AsyncSession,
    *,
    questionnaire_id: UUID,
    ticket_id: UUID | None,
    unit_id: UUID | None,
    mode: SurveyMode,
    respondent_name: str | None,
    answers: Sequence[tuple[str, Any]],
    principal: Principal,
    now: datetime,
) -> UUID:
    """Record what an owner answered about a case or a home; exactly one of the two ids is given. Returns its id.

    Scale, dissatisfied and seriously dissatisfied are those of the project's policy now. Raises `TicketNotFound`,
    `UnitNotFound`, `OutOfReach`, `QuestionnaireNotFound`, `NotPublished`, `NoPolicy`, `InvalidAnswers`,
    `AlreadySurveyed`, `OwnerRestricted`.
    """
    place, owner_id = await _place(session, ticket_id=ticket_id, unit_id=unit_id, principal=principal)
    await ensure_may_be_asked(session, owner_id=owner_id, unit_id=place.unit_id, today=business_date(now))
    made = await enter(
        session,
        questionnaire_id=questionnaire_id,
        place=place,
        mode=mode,
        respondent_name=respondent_name,
        answers=answers,
        principal=principal,
        now=now,
    )
    if made is None:
        raise AlreadySurveyed
    return made


async def enter(
    session: AsyncSession,
    *,
    questionnaire_id: UUID,
    place: Place,
    mode: SurveyMode,
    respondent_name: str | None,
    answers: Sequence[tuple[str, Any]],
    principal: Principal,
    now: datetime,
) -> UUID | None:
    """Check, score and keep a response, of which the caller has made sure; None where there is one already.

    Raises `QuestionnaireNotFound`, `NotPublished`, `NoPolicy`, `InvalidAnswers`.
    """
    questionnaire = await repository.questionnaire(session, questionnaire_id=questionnaire_id)
    if questionnaire is None:
        raise QuestionnaireNotFound
    if questionnaire.status is not QuestionnaireStatus.PUBLISHED:
        raise NotPublished
    policy = await policies.in_force(session, project_id=place.project_id, at=now)
    scale = Scale(
        top=policy.integer("satisfaction.scale_max"),
        dissatisfied=policy.integer("satisfaction.dissatisfied_max"),
        severe=policy.integer("satisfaction.severe_max"),
    )
    given = check_answers(questionnaire.questions, answers, scale=scale)
    found = score(questionnaire.questions, given, scale=scale)
    number = await next_number(session, kind="WJ", day=business_date(now))
    # The unique indexes are the judges, so that two with the same case, or twice the same owner, can't both win.
    made: UUID | None = await session.scalar(
        insert(SurveyResponse)
        .values(
            id=uuid7(),
            number=number,
            questionnaire_id=questionnaire_id,
            project_id=place.project_id,
            ticket_id=place.ticket_id,
            unit_id=place.unit_id,
            owner_id=place.owner_id,
            mode=mode,
            respondent_name=respondent_name,
            answers=given,
            score_hundredths=found.hundredths,
            scale_max=scale.top,
            dissatisfied_max=scale.dissatisfied,
            dissatisfied=found.dissatisfied,
            severe=found.severe,
            recorded_by=principal.id,
            recorded_by_name=principal.name,
            recorded_at=now,
            policy_snapshot_id=policy.id,
        )
        .on_conflict_do_nothing()
        .returning(SurveyResponse.id)
    )
    if made is None:
        return None
    await timeline.record(
        session,
        kind="survey_response.recorded",
        subject_kind="survey_response",
        subject_id=made,
        ticket_id=place.ticket_id,
        project_id=place.project_id,
        actor=principal,
        now=now,
        rules=("SUR-03", *(("CBK-13",) if found.dissatisfied else ()), *(("CBK-12",) if found.severe else ())),
        data={
            "number": number,
            "questionnaire_id": str(questionnaire_id),
            "mode": mode.value,
            "score_hundredths": found.hundredths,
            "dissatisfied": found.dissatisfied,
            "severe": found.severe,
            "dissatisfied_questions": list(found.low),
        },
    )
    return made


async def _place(
    session: AsyncSession, *, ticket_id: UUID | None, unit_id: UUID | None, principal: Principal
) -> tuple[Place, UUID | None]:
    """Return what a response is about, and the owner of the case."""
    if ticket_id is not None:
        ticket = await tickets.get_visible(session, ticket_id=ticket_id, principal=principal)
        principal.require(RECORD, project_id=ticket.project_id)
        return Place(ticket.project_id, ticket.id, ticket.unit_id), ticket.owner_id
    assert unit_id is not None
    unit = await properties.unit(session, unit_id=unit_id)
    if not principal.may(RECORD, project_id=unit.project_id):
        raise OutOfReach if principal.may(properties.READ, project_id=unit.project_id) else properties.UnitNotFound
    return Place(unit.project_id, None, unit_id), None
