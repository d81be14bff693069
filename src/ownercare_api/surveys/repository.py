"""Every SELECT of the survey room."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    case,
    cast,
    column,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.identity.principal import Principal
from ownercare_api.owners.models import Owner, Ownership
from ownercare_api.surveys.models import Questionnaire, SurveyResponse
from ownercare_api.tickets.models import Ticket

Connection = AsyncConnection | AsyncSession
Q = Questionnaire.__table__.c
R = SurveyResponse.__table__.c

_SUMMARY = [one for one in R if one.name not in ("answers", "respondent_name", "policy_snapshot_id")]


def visible_to(principal: Principal, *, scope: str = "surveys:read") -> ColumnElement[bool]:
    """Return the condition on responses: those of one's projects. Partner firms see none, they are what is judged."""
    reach = principal.reach(scope)
    return literal(True) if reach.everywhere else R.project_id.in_(list(reach.projects))


def questionnaires(filters: Mapping[str, Any]) -> Select[Any]:
    """Return the query of editions without their questions; questionnaires are the group's, for all to look at."""
    plain = [one for one in Q if one.name != "questions"]
    query = select(*plain, func.jsonb_array_length(Q.questions).label("question_count"))
    return query.where(*(Q[name] == value for name, value in filters.items()))


async def questionnaire(connection: Connection, *, questionnaire_id: UUID) -> Any:
    """Return an edition's row, or None."""
    return (await connection.execute(select(*Q).where(Q.id == questionnaire_id))).one_or_none()


async def lock_questionnaire(session: AsyncSession, *, questionnaire_id: UUID) -> Questionnaire | None:
    """Return an edition locked for change."""
    return await session.get(Questionnaire, questionnaire_id, with_for_update=True, populate_existing=True)


async def lock_newest_edition(session: AsyncSession, *, code: str) -> Questionnaire | None:
    """Return the newest edition of a code, locked."""
    newest = select(Questionnaire).where(Questionnaire.code == code).order_by(Questionnaire.edition.desc()).limit(1)
    return await session.scalar(newest.with_for_update())


def responses(*, filters: Mapping[str, Any], principal: Principal) -> Select[Any]:
    """Return the query of the responses that a caller may see."""
    return select(*_SUMMARY).where(visible_to(principal), *(R[name] == value for name, value in filters.items()))


def _of_both(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(*conditions).correlate(SurveyResponse.__table__, Owner)


# Whose name a response may carry: the owner who answered, the case's owner, the owners of the home.
_names = or_(
    Owner.id == R.owner_id,
    _of_both(Ticket.id == R.ticket_id, Ticket.owner_id == Owner.id),
    _of_both(Ownership.unit_id == R.unit_id, Ownership.owner_id == Owner.id),
)
_restricted = exists().where(Owner.restricted_at.is_not(None), _names).correlate(SurveyResponse.__table__)


async def response(connection: Connection, *, response_id: UUID, seen: ColumnElement[bool]) -> Any:
    """Return a response's row with its questionnaire's `questions`, or None."""
    of_case = select(Ticket.owner_id).where(Ticket.id == R.ticket_id).scalar_subquery()
    owner_id = func.coalesce(R.owner_id, of_case).label("whose_id")
    query = select(*R, Q.questions, owner_id, _restricted.label("restricted")).join_from(
        SurveyResponse.__table__, Questionnaire.__table__, R.questionnaire_id == Q.id
    )
    return (await connection.execute(query.where(R.id == response_id, seen))).one_or_none()


def _counted(principal: Principal, project_id: UUID | None) -> list[ColumnElement[bool]]:
    only = [] if project_id is None else [R.project_id == project_id]
    return [visible_to(principal), *only]


async def totals(
    connection: Connection, *, questionnaire_id: UUID, principal: Principal, project_id: UUID | None
) -> Any:
    """Return an edition's questions with the sums over its visible responses, or None; one statement."""
    middle = (R.scale_max + 1) * 100
    sums = (
        select(
            func.count().label("responses"),
            func.count(R.score_hundredths).label("scored"),
            func.coalesce(func.sum(R.score_hundredths), 0).label("score_sum"),
            func.count().filter(2 * R.score_hundredths > middle).label("satisfied"),
            func.count().filter(R.dissatisfied).label("dissatisfied"),
            func.count().filter(R.severe).label("severe"),
            func.coalesce(func.max(R.scale_max), 0).label("scale_top"),
        )
        .where(R.questionnaire_id == Q.id, *_counted(principal, project_id))
        .correlate(Questionnaire.__table__)
        .lateral("sums")
    )
    query = select(Q.id, Q.status, Q.questions, *sums.c).select_from(Questionnaire.__table__.join(sums, true()))
    return (await connection.execute(query.where(Q.id == questionnaire_id))).one_or_none()


async def distribution(
    connection: Connection,
    *,
    questionnaire_id: UUID,
    text_keys: Collection[str],
    principal: Principal,
    project_id: UUID | None,
) -> Any:
    """Return (key, value, count, satisfied) over the visible responses; texts are counted, not listed."""
    answer = func.jsonb_each(R.answers).table_valued(column("key"), column("value", JSONB)).lateral("answer")
    number = case((func.jsonb_typeof(answer.c.value) == "number", cast(answer.c.value, Integer)))
    value = case((answer.c.key.in_(list(text_keys)), null()), else_=answer.c.value).label("value")
    satisfied = func.count().filter(2 * number > R.scale_max + 1, number > R.dissatisfied_max)
    query = (
        select(answer.c.key, value, func.count().label("given"), satisfied.label("satisfied"))
        .select_from(SurveyResponse.__table__.join(answer, true()))
        .where(R.questionnaire_id == questionnaire_id, *_counted(principal, project_id))
        .group_by(answer.c.key, value)
    )
    return (await connection.execute(query)).all()
