"""Questionnaires, responses and results over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy import literal

from ownercare_api.core.errors import Invalid, PreconditionRequired, Stale
from ownercare_api.core.http.etag import IfMatch, put_version
from ownercare_api.core.http.idempotency import KeyInFlight, KeyReused
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.lifecycle import WrongStatus
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.identity.access import MissingScope
from ownercare_api.identity.principal import OutOfReach
from ownercare_api.identity.tokens import InvalidToken
from ownercare_api.owners.restriction import OwnerRestricted
from ownercare_api.policies.service import NoPolicy
from ownercare_api.properties.service import UnitNotFound
from ownercare_api.surveys import questionnaires, repository, service, views
from ownercare_api.surveys.access import SurveysManage, SurveysRead, SurveysRecord
from ownercare_api.surveys.lifecycle import QuestionKind, QuestionnaireStatus, SurveyMode
from ownercare_api.surveys.questionnaires import DraftExists, EditionPublished, QuestionnaireNotFound
from ownercare_api.surveys.schemas import (
    QuestionnaireCreate,
    QuestionnaireRead,
    QuestionnaireSummary,
    QuestionnaireUpdate,
    ResultsRead,
    SurveyResponseCreate,
    SurveyResponseRead,
    SurveyResponseSummary,
)
from ownercare_api.surveys.scoring import InvalidAnswers
from ownercare_api.surveys.service import AlreadySurveyed, NotPublished, SurveyResponseNotFound
from ownercare_api.tickets.service import TicketNotFound

router = APIRouter(prefix="/v1", tags=["surveys"], route_class=OwnerCareRoute)


@router.post(
    "/questionnaires",
    operation_id="questionnaires_create",
    summary="Draft a questionnaire or its next edition (编制客户满意度调查表)",
    status_code=201,
    response_model=QuestionnaireRead,
    responses=problems(InvalidToken, MissingScope, OutOfReach, DraftExists, KeyInFlight, KeyReused, Invalid),
    openapi_extra={"x-rules": ["CBK-08", "SUR-02", "SUR-08"]},
)
async def questionnaires_create(
    principal: SurveysManage, session: Tx, now: Now, response: Response, body: QuestionnaireCreate
) -> dict[str, Any]:
    """A 《客户满意度调查表》 of the whole group. A new code gets edition 1, a code that is published gets its next
    edition; answers to earlier editions may still come in. Each question belongs to one of the three dimensions."""
    made = await questionnaires.draft(
        session,
        code=body.code,
        title=body.title,
        questions=[question.model_dump(mode="json") for question in body.questions],
        principal=principal,
        now=now,
    )
    response.headers["Location"] = f"/v1/questionnaires/{made.id}"
    put_version(response, made.version)
    return views.questionnaire(made, principal=principal)


@router.get(
    "/questionnaires",
    operation_id="questionnaires_list",
    summary="Questionnaires, newest first (调查表列表)",
    response_model=PageOf[QuestionnaireSummary],
    responses=problems(InvalidToken, MissingScope, InvalidCursor, Invalid),
    openapi_extra={"x-rules": ["CBK-08"]},
)
async def questionnaires_list(
    principal: SurveysRead,
    reader: Reader,
    paging: PageParams,
    code: Annotated[str | None, Query(max_length=32)] = None,
    status: QuestionnaireStatus | None = None,
) -> Response:
    """Every edition, without its questions."""
    filters = {name: value for name, value in (("code", code), ("status", status)) if value is not None}
    query = repository.questionnaires(filters)
    page = await newest_first(reader, query=query, key=repository.Q.id, wanted=paging.wanted)
    return paging.answer(page, show=lambda row: views.questionnaire_summary(row, principal=principal))


@router.get(
    "/questionnaires/{questionnaire_id}",
    operation_id="questionnaires_read",
    summary="A questionnaire with its questions (调查表详情)",
    response_model=QuestionnaireRead,
    responses=problems(InvalidToken, MissingScope, QuestionnaireNotFound, Invalid),
    openapi_extra={"x-rules": ["CBK-08", "SUR-08"]},
)
async def questionnaires_read(
    principal: SurveysRead, reader: Reader, response: Response, questionnaire_id: UUID
) -> dict[str, Any]:
    """One edition, with its questions in the order they are asked."""
    row = await repository.questionnaire(reader, questionnaire_id=questionnaire_id)
    if row is None:
        raise QuestionnaireNotFound
    put_version(response, row.version)
    return views.questionnaire(row, principal=principal)


@router.patch(
    "/questionnaires/{questionnaire_id}",
    operation_id="questionnaires_update",
    summary="Change a draft (修改调查表草稿)",
    response_model=QuestionnaireRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, QuestionnaireNotFound, EditionPublished, Stale, PreconditionRequired,
        Invalid,
    ),
    openapi_extra={"x-rules": ["CBK-08"]},
)  # fmt: skip
async def questionnaires_update(
    principal: SurveysManage, session: Tx, now: Now, response: Response, if_match: IfMatch, questionnaire_id: UUID,
    body: QuestionnaireUpdate,
) -> dict[str, Any]:  # fmt: skip
    """JSON Merge Patch of title and questions, which are replaced as a whole. A published edition never changes."""
    found = await questionnaires.for_change(session, questionnaire_id=questionnaire_id, principal=principal)
    if_match.check(found.version)
    changes = body.model_dump(mode="json", exclude_unset=True)
    if "questions" in changes:  # with their defaults, unlike the body
        changes["questions"] = [question.model_dump(mode="json") for question in body.questions]
    await questionnaires.change(session, questionnaire=found, **changes, principal=principal, now=now)
    put_version(response, found.version)
    return views.questionnaire(found, principal=principal)


@router.post(
    "/questionnaires/{questionnaire_id}/publication",
    operation_id="questionnaires_publication_create",
    summary="Publish a draft (发布调查表)",
    status_code=201,
    response_model=QuestionnaireRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, QuestionnaireNotFound, WrongStatus, KeyInFlight, KeyReused, Invalid
    ),
    openapi_extra={"x-rules": ["CBK-08", "SUR-08"]},
)
async def questionnaires_publication_create(
    principal: SurveysManage, session: Tx, now: Now, response: Response, questionnaire_id: UUID
) -> dict[str, Any]:
    """From now on it takes answers and never changes."""
    found = await questionnaires.for_change(session, questionnaire_id=questionnaire_id, principal=principal)
    await questionnaires.publish(session, questionnaire=found, principal=principal, now=now)
    put_version(response, found.version)
    return views.questionnaire(found, principal=principal)


@router.get(
    "/questionnaires/{questionnaire_id}/results",
    operation_id="questionnaires_results_read",
    summary="What an edition found (调查结果统计)",
    response_model=ResultsRead,
    responses=problems(InvalidToken, MissingScope, QuestionnaireNotFound, Invalid),
    openapi_extra={"x-rules": ["CBK-09", "SUR-05", "SUR-08"]},
)
async def questionnaires_results_read(
    principal: SurveysRead, reader: Reader, questionnaire_id: UUID, project_id: UUID | None = None
) -> dict[str, Any]:
    """Counts, distributions, means and satisfied shares over the responses of the caller's projects, or of one of
    them. An answer is satisfied above the middle of the scale (4 and 5 of 5) and above the policy's dissatisfied
    values. Texts are counted, not shown."""
    totals = await repository.totals(
        reader, questionnaire_id=questionnaire_id, principal=principal, project_id=project_id
    )
    if totals is None:
        raise QuestionnaireNotFound
    counts = await repository.distribution(
        reader,
        questionnaire_id=questionnaire_id,
        text_keys=[one["key"] for one in totals.questions if one["kind"] == QuestionKind.TEXT],
        principal=principal,
        project_id=project_id,
    )
    return views.results(totals, counts, project_id=project_id)


@router.post(
    "/survey-responses",
    operation_id="survey_responses_create",
    summary="Record an owner's answers (录入满意度调查)",
    status_code=201,
    response_model=SurveyResponseRead,
    responses=problems(
        InvalidToken, MissingScope, OutOfReach, QuestionnaireNotFound, TicketNotFound, UnitNotFound, NotPublished,
        AlreadySurveyed, OwnerRestricted, NoPolicy, KeyInFlight, KeyReused, InvalidAnswers, Invalid,
    ),
    openapi_extra={"x-rules": ["SUR-03", "CBK-08", "CBK-12", "CBK-13"]},
)  # fmt: skip
async def survey_responses_create(
    principal: SurveysRecord, session: Tx, now: Now, response: Response, body: SurveyResponseCreate
) -> dict[str, Any]:
    """About a case, once, or about a home. The scale and what counts as dissatisfied come from the project's policy.
    One seriously dissatisfied answer marks the response: the manager joins the re-visit."""
    made = await service.record_response(
        session,
        **body.model_dump(exclude={"answers"}),
        answers=[(answer.question, answer.value) for answer in body.answers],
        principal=principal,
        now=now,
    )
    row = await repository.response(session, response_id=made, seen=literal(True))
    response.headers["Location"] = f"/v1/survey-responses/{made}"
    put_version(response, row.version)
    return views.response(row)


@router.get(
    "/survey-responses",
    operation_id="survey_responses_list",
    summary="Responses, newest first (答卷列表)",
    response_model=PageOf[SurveyResponseSummary],
    responses=problems(InvalidToken, MissingScope, InvalidCursor, Invalid),
    openapi_extra={"x-rules": ["SUR-03", "CBK-12"]},
)
async def survey_responses_list(
    principal: SurveysRead,
    reader: Reader,
    paging: PageParams,
    questionnaire_id: UUID | None = None,
    project_id: UUID | None = None,
    ticket_id: UUID | None = None,
    unit_id: UUID | None = None,
    mode: SurveyMode | None = None,
    dissatisfied: bool | None = None,
    severe: bool | None = None,
) -> Response:
    """Those of one's projects. `severe=true` is the list for the manager's re-visits."""
    given = {
        "questionnaire_id": questionnaire_id,
        "project_id": project_id,
        "ticket_id": ticket_id,
        "unit_id": unit_id,
        "mode": mode,
        "dissatisfied": dissatisfied,
        "severe": severe,
    }
    filters = {name: value for name, value in given.items() if value is not None}
    query = repository.responses(filters=filters, principal=principal)
    page = await newest_first(reader, query=query, key=repository.R.id, wanted=paging.wanted)
    return paging.answer(page, show=views.response_summary)


@router.get(
    "/survey-responses/{response_id}",
    operation_id="survey_responses_read",
    summary="A response with its answers (答卷详情)",
    response_model=SurveyResponseRead,
    responses=problems(InvalidToken, MissingScope, SurveyResponseNotFound, Invalid),
    openapi_extra={"x-rules": ["SUR-03"]},
)
async def survey_responses_read(
    principal: SurveysRead, reader: Reader, response: Response, response_id: UUID
) -> dict[str, Any]:
    """What one owner answered, in the questionnaire's order."""
    row = await repository.response(reader, response_id=response_id, seen=repository.visible_to(principal))
    if row is None:
        raise SurveyResponseNotFound
    put_version(response, row.version)
    return views.response(row)
