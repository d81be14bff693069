"""Questionnaires that an owner answers by himself (业主本人), once for each of his cases and homes (SUR-03)."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased

from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import Conflict
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import own as owners
from ownercare_api.owners.models import Owner
from ownercare_api.owners.own import self_of
from ownercare_api.properties import service as properties
from ownercare_api.surveys import repository, service
from ownercare_api.surveys.lifecycle import QuestionnaireStatus, SurveyMode
from ownercare_api.surveys.models import Questionnaire, SurveyResponse
from ownercare_api.surveys.questionnaires import QuestionnaireNotFound
from ownercare_api.surveys.service import AlreadySurveyed, Place, SurveyResponseNotFound
from ownercare_api.tickets import own as tickets
from ownercare_api.tickets.lifecycle import TicketStatus
from ownercare_api.tickets.models import Ticket
from ownercare_api.tickets.own import NotYourCase

Connection = AsyncConnection | AsyncSession


class CaseNotFinished(Conflict):
    """409: a case is judged when it is resolved."""

    code = "case_not_finished"
    zh, en = "该工单尚未处理完毕,请在办结后评价。", "The case is not resolved yet; judge it afterwards."
    rules = ("CBK-08",)


class AnsweredAlready(Conflict):
    """409: one answer to an edition for each home."""

    code = "questionnaire_answered"
    zh, en = "您已就该房屋填写过此问卷。", "You have answered this questionnaire for this home already."
    rules = ("SUR-03",)


def open_questionnaires() -> Select[Any]:
    """Return the query of the newest published edition of every questionnaire, with its questions."""
    later = aliased(Questionnaire)
    newer = (
        select(later.id)
        .where(
            later.code == Questionnaire.code,
            later.edition > Questionnaire.edition,
            later.status == QuestionnaireStatus.PUBLISHED,
        )
        .exists()
    )
    columns: list[Any] = [
        Questionnaire.id, Questionnaire.code, Questionnaire.edition, Questionnaire.title, Questionnaire.questions,
        Questionnaire.published_at, Questionnaire.version,
    ]  # fmt: skip
    return select(*columns).where(Questionnaire.status == QuestionnaireStatus.PUBLISHED, ~newer)


async def homes_answered(connection: Connection, *, owner_id: UUID) -> frozenset[tuple[UUID, UUID]]:
    """Return (questionnaire, home) for which an owner has answered."""
    response = SurveyResponse
    columns: list[Any] = [response.questionnaire_id, response.unit_id]
    query = select(*columns).where(response.owner_id == owner_id, response.ticket_id.is_(None))
    return frozenset((row[0], row[1]) for row in await connection.execute(query))


async def cases_to_judge(connection: Connection, *, owner_id: UUID, limit: int) -> Sequence[Any]:
    """Return the owner's newest cases that are resolved or closed and that nobody has judged: id, number, title."""
    judged = select(SurveyResponse.id).where(SurveyResponse.ticket_id == Ticket.id).exists()
    query = (
        select(Ticket.id, Ticket.number, Ticket.title)
        .where(Ticket.owner_id == owner_id, Ticket.status.in_(_FINISHED), ~judged)
        .order_by(Ticket.id.desc())
        .limit(limit)
    )
    return (await connection.execute(query)).all()


_FINISHED = (TicketStatus.RESOLVED, TicketStatus.CLOSED)


def _his(owner_id: UUID) -> ColumnElement[bool]:
    """What he answered by himself, and what he said when he was asked about a case of his."""
    asked = and_(
        SurveyResponse.owner_id.is_(None),
        SurveyResponse.ticket_id.in_(select(Ticket.id).where(Ticket.owner_id == owner_id)),
    )
    return or_(SurveyResponse.owner_id == owner_id, asked)


def own_responses(*, owner_id: UUID) -> Select[Any]:
    """Return the query of an owner's answers, for lists."""
    columns: list[Any] = [
        SurveyResponse.id, SurveyResponse.number, SurveyResponse.questionnaire_id, Questionnaire.title,
        SurveyResponse.ticket_id, SurveyResponse.unit_id, SurveyResponse.mode, SurveyResponse.recorded_at,
        SurveyResponse.version, SurveyResponse.owner_id.is_not(None).label("by_yourself"),
    ]  # fmt: skip
    return (
        select(*columns).join(Questionnaire, Questionnaire.id == SurveyResponse.questionnaire_id).where(_his(owner_id))
    )


async def response_of(connection: Connection, *, response_id: UUID, owner_id: UUID) -> Any:
    """Return an answer of an owner with the questions; raises `SurveyResponseNotFound`."""
    query = own_responses(owner_id=owner_id).add_columns(SurveyResponse.answers, Questionnaire.questions)
    row = (await connection.execute(query.where(SurveyResponse.id == response_id))).one_or_none()
    if row is None:
        raise SurveyResponseNotFound
    return row


async def respond(
    session: AsyncSession,
    *,
    questionnaire_id: UUID,
    ticket_id: UUID | None,
    unit_id: UUID | None,
    answers: Sequence[tuple[str, Any]],
    principal: Principal,
    now: datetime,
) -> UUID:
    """Keep what an owner answers about a case of his that is finished, or about a home of his; one id is given.

    Raises `TicketNotFound`, `NotYourCase`, `CaseNotFinished`, `AlreadySurveyed`, `UnitNotFound`, `AnsweredAlready`,
    `QuestionnaireNotFound`, `NoPolicy`, `InvalidAnswers`.
    """
    owner_id, today = self_of(principal), business_date(now)
    if ticket_id is not None:
        place = await _case(session, ticket_id=ticket_id, owner_id=owner_id, today=today)
    else:
        assert unit_id is not None
        place = await _home(session, unit_id=unit_id, owner_id=owner_id, today=today)
    found = await repository.questionnaire(session, questionnaire_id=questionnaire_id)
    if found is None or found.status is not QuestionnaireStatus.PUBLISHED:
        raise QuestionnaireNotFound  # drafts are no owner's business
    made = await service.enter(
        session,
        questionnaire_id=questionnaire_id,
        place=place,
        mode=SurveyMode.QUESTIONNAIRE,
        respondent_name=(await session.execute(select(Owner.name).where(Owner.id == owner_id))).scalar_one(),
        answers=answers,
        principal=principal,
        now=now,
    )
    if made is None:
        raise AnsweredAlready if ticket_id is None else AlreadySurveyed
    return made


async def _case(session: AsyncSession, *, ticket_id: UUID, owner_id: UUID, today: date) -> Place:
    case = await tickets.case_of(session, ticket_id=ticket_id, owner_id=owner_id, today=today)
    if not case.mine:
        raise NotYourCase
    if case.status not in _FINISHED:
        raise CaseNotFinished
    return Place(case.project_id, case.id, case.unit_id, owner_id)


async def _home(session: AsyncSession, *, unit_id: UUID, owner_id: UUID, today: date) -> Place:
    if not await session.scalar(select(owners.holds(unit_id, owner_id=owner_id, today=today))):
        raise properties.UnitNotFound
    unit = await properties.unit(session, unit_id=unit_id)
    return Place(unit.project_id, None, unit_id, owner_id)
