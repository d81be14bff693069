"""Questionnaires, responses and results over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy import literal

from ownercare_api.core.hot import driver_of
from ownercare_api.core.http.etag import IfMatch, put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.lifecycle import WrongStatus
from ownercare_api.core.listing import given, newest_first
from ownercare_api.identity.declaring import creates, lists, reads, updates
from ownercare_api.identity.principal import OutOfReach
from ownercare_api.owners.looks import CaseLooks
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
    **creates(
        "questionnaires_create",
        "Draft a questionnaire or its next edition (编制客户满意度调查表)",
        OutOfReach,
        DraftExists,
        rules=("CBK-08", "SUR-02", "SUR-08"),
        model=QuestionnaireRead,
    ),
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
    **lists(
        "questionnaires_list",
        "Questionnaires, newest first (调查表列表)",
        rules=("CBK-08",),
        model=PageOf[QuestionnaireSummary],
    ),
)
async def questionnaires_list(
    principal: SurveysRead,
    reader: Reader,
    paging: PageParams,
    code: Annotated[str | None, Query(max_length=32)] = None,
    status: QuestionnaireStatus | None = None,
) -> Response:
    """Every edition, without its questions."""
    filters = given(code=code, status=status)
    query = repository.questionnaires(filters)
    page = await newest_first(reader, query=query, key=repository.Q.id, wanted=paging.wanted)
    return paging.answer(page, show=lambda row: views.questionnaire_summary(row, principal=principal))


@router.get(
    "/questionnaires/{questionnaire_id}",
    **reads(
        "questionnaires_read",
        "A questionnaire with its questions (调查表详情)",
        QuestionnaireNotFound,
        rules=("CBK-08", "SUR-08"),
        model=QuestionnaireRead,
    ),
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
    **updates(
        "questionnaires_update",
        "Change a draft (修改调查表草稿)",
        QuestionnaireNotFound,
        EditionPublished,
        rules=("CBK-08",),
        model=QuestionnaireRead,
    ),
)
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
    **creates(
        "questionnaires_publication_create",
        "Publish a draft (发布调查表)",
        OutOfReach,
        QuestionnaireNotFound,
        WrongStatus,
        rules=("CBK-08", "SUR-08"),
        model=QuestionnaireRead,
    ),
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
    **reads(
        "questionnaires_results_read",
        "What an edition found (调查结果统计)",
        QuestionnaireNotFound,
        rules=("CBK-09", "SUR-05", "SUR-08"),
        model=ResultsRead,
    ),
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
    **creates(
        "survey_responses_create",
        "Record an owner's answers (录入满意度调查)",
        OutOfReach,
        QuestionnaireNotFound,
        TicketNotFound,
        UnitNotFound,
        NotPublished,
        AlreadySurveyed,
        OwnerRestricted,
        NoPolicy,
        InvalidAnswers,
        rules=("SUR-03", "CBK-08", "CBK-12", "CBK-13"),
        model=SurveyResponseRead,
    ),
)
async def survey_responses_create(
    principal: SurveysRecord, session: Tx, now: Now, response: Response, body: SurveyResponseCreate
) -> dict[str, Any]:
    """About a visible case (`tickets:read`), once, or about a home. The scale and what counts as dissatisfied come from
    the project's policy. One seriously dissatisfied answer marks the response: the manager joins the re-visit."""
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
    return views.response(row, principal=principal)


@router.get(
    "/survey-responses",
    **lists(
        "survey_responses_list",
        "Responses, newest first (答卷列表)",
        rules=("SUR-03", "CBK-12"),
        model=PageOf[SurveyResponseSummary],
    ),
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
    filters = given(
        questionnaire_id=questionnaire_id,
        project_id=project_id,
        ticket_id=ticket_id,
        unit_id=unit_id,
        mode=mode,
        dissatisfied=dissatisfied,
        severe=severe,
    )
    query = repository.responses(filters=filters, principal=principal)
    page = await newest_first(reader, query=query, key=repository.R.id, wanted=paging.wanted)
    return paging.answer(page, show=views.response_summary)


@router.get(
    "/survey-responses/{response_id}",
    **reads(
        "survey_responses_read",
        "A response with its answers (答卷详情)",
        SurveyResponseNotFound,
        rules=("SUR-03",),
        model=SurveyResponseRead,
    ),
)
async def survey_responses_read(
    principal: SurveysRead, reader: Reader, state: State, now: Now, response: Response, response_id: UUID
) -> dict[str, Any]:
    """What one owner answered, in the questionnaire's order."""
    row = await repository.response(reader, response_id=response_id, seen=repository.visible_to(principal))
    if row is None:
        raise SurveyResponseNotFound
    looks: CaseLooks = state.parts[CaseLooks]
    driver = await driver_of(reader)
    await looks.opened(driver, owner_id=row.whose_id, ticket_id=row.ticket_id, actor=principal, now=now)
    put_version(response, row.version)
    return views.response(row, principal=principal)
