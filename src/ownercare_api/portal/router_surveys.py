"""Questionnaires that are open to an owner, and his answers."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from ownercare_api.core.errors import Invalid
from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.idempotency import KeyInFlight, KeyReused
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.problems import problems
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.identity.access import MissingScope
from ownercare_api.identity.tokens import InvalidToken
from ownercare_api.owners.own import NotAnOwner, self_of
from ownercare_api.policies.service import NoPolicy
from ownercare_api.portal import service, views
from ownercare_api.portal.access import MyRead, MyWrite
from ownercare_api.portal.schemas_cases import MyQuestionnaireRead, MyResponseCreate, MyResponseRead, MyResponseSummary
from ownercare_api.properties.service import UnitNotFound
from ownercare_api.surveys import own
from ownercare_api.surveys.models import Questionnaire, SurveyResponse
from ownercare_api.surveys.own import AnsweredAlready, CaseNotFinished
from ownercare_api.surveys.questionnaires import QuestionnaireNotFound
from ownercare_api.surveys.scoring import InvalidAnswers
from ownercare_api.surveys.service import AlreadySurveyed, SurveyResponseNotFound
from ownercare_api.tickets.own import NotYourCase
from ownercare_api.tickets.service import TicketNotFound

router = APIRouter(prefix="/v1/my", tags=["my"], route_class=OwnerCareRoute)

_CASES_SHOWN = 20


@router.get(
    "/questionnaires",
    operation_id="my_questionnaires_list",
    summary="Questionnaires that are open to one (可填写的调查表)",
    response_model=PageOf[MyQuestionnaireRead],
    responses=problems(InvalidToken, MissingScope, NotAnOwner, InvalidCursor),
    openapi_extra={"x-rules": ["CBK-08", "SUR-03"]},
)
async def my_questionnaires_list(principal: MyRead, reader: Reader, now: Now, paging: PageParams) -> Response:
    """The newest published edition of each, with its questions: for which of his homes he has answered, and which
    finished cases of his wait for a judgement."""
    owner_id = self_of(principal)
    query = own.open_questionnaires()
    page = await newest_first(reader, query=query, key=Questionnaire.__table__.c.id, wanted=paging.wanted)
    homes = await service.homes_now(reader, principal=principal, now=now)
    answered = await own.homes_answered(reader, owner_id=owner_id)
    scales = await service.scales(reader, homes=homes, now=now)
    cases = await own.cases_to_judge(reader, owner_id=owner_id, limit=_CASES_SHOWN)
    return paging.answer(
        page,
        show=lambda row: views.questionnaire(row, homes=homes, answered=answered, scales=scales, cases=cases),
    )


@router.post(
    "/survey-responses",
    operation_id="my_survey_responses_create",
    summary="Answer a questionnaire (填写满意度调查)",
    status_code=201,
    response_model=MyResponseRead,
    responses=problems(
        InvalidToken, MissingScope, NotAnOwner, NotYourCase, QuestionnaireNotFound, TicketNotFound, UnitNotFound,
        CaseNotFinished, AlreadySurveyed, AnsweredAlready, NoPolicy, InvalidAnswers, Invalid, KeyInFlight, KeyReused,
    ),
    openapi_extra={"x-rules": ["SUR-03", "CBK-08", "CBK-12", "CBK-13"]},
)  # fmt: skip
async def my_survey_responses_create(
    principal: MyWrite, session: Tx, now: Now, response: Response, body: MyResponseCreate
) -> dict[str, Any]:
    """About a finished case in his own name, once; or about a home of his, once for each edition. It counts like one
    that staff entered."""
    made = await own.respond(
        session,
        questionnaire_id=body.questionnaire_id,
        ticket_id=body.ticket_id,
        unit_id=body.unit_id,
        answers=[(answer.question, answer.value) for answer in body.answers],
        principal=principal,
        now=now,
    )
    row = await own.response_of(session, response_id=made, owner_id=self_of(principal))
    response.headers["Location"] = f"/v1/my/survey-responses/{made}"
    put_version(response, row.version)
    return views.response(row)


@router.get(
    "/survey-responses",
    operation_id="my_survey_responses_list",
    summary="One's own answers (本人答卷列表)",
    response_model=PageOf[MyResponseSummary],
    responses=problems(InvalidToken, MissingScope, NotAnOwner, InvalidCursor, Invalid),
    openapi_extra={"x-rules": ["SUR-03"]},
)
async def my_survey_responses_list(
    principal: MyRead,
    reader: Reader,
    paging: PageParams,
    questionnaire_id: UUID | None = None,
    ticket_id: UUID | None = None,
    unit_id: UUID | None = None,
) -> Response:
    """What he answered by himself, and what he said when he was asked about a case of his; newest first."""
    query = own.own_responses(owner_id=self_of(principal))
    given = {"questionnaire_id": questionnaire_id, "ticket_id": ticket_id, "unit_id": unit_id}
    columns = SurveyResponse.__table__.c
    query = query.where(*(columns[name] == value for name, value in given.items() if value is not None))
    page = await newest_first(reader, query=query, key=columns.id, wanted=paging.wanted)
    return paging.answer(page, show=views.response_summary)


@router.get(
    "/survey-responses/{response_id}",
    operation_id="my_survey_responses_read",
    summary="An answer of one's own (本人答卷详情)",
    response_model=MyResponseRead,
    responses=problems(InvalidToken, MissingScope, NotAnOwner, SurveyResponseNotFound, Invalid),
    openapi_extra={"x-rules": ["SUR-03"]},
)
async def my_survey_responses_read(
    principal: MyRead, reader: Reader, response: Response, response_id: UUID
) -> dict[str, Any]:
    """What he said, in the questionnaire's order."""
    row = await own.response_of(reader, response_id=response_id, owner_id=self_of(principal))
    put_version(response, row.version)
    return views.response(row)
