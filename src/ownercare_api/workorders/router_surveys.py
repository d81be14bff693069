"""Site surveys: arranging, findings, co-signing, liability."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import given, newest_first
from ownercare_api.files.service import FileNotUsable
from ownercare_api.identity.declaring import Steps, creates, lists, reads
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.tickets.service import TicketNotFound
from ownercare_api.workorders import cosigning, facts, findings, repository, showing, surveys, views
from ownercare_api.workorders.access import SiteSurveysArrange, SiteSurveysRead, SiteSurveysRecord
from ownercare_api.workorders.lifecycle import SURVEY_LIFECYCLE, PartyRole, SurveyStatus
from ownercare_api.workorders.schemas import (
    FindingsCreate,
    LiabilityRead,
    ReasonGiven,
    SiteSurveyCreate,
    SiteSurveyRead,
    SiteSurveySummary,
    SurveySignatureCreate,
)
from ownercare_api.workorders.surveys import SurveyNotFound

router = APIRouter(prefix="/v1/site-surveys", tags=["site-surveys"], route_class=OwnerCareRoute)

_step = Steps("site_surveys", SURVEY_LIFECYCLE, model=SiteSurveyRead, missing=(SurveyNotFound,))


async def _answer(
    connection: repository.Connection, survey_id: UUID, *, principal: Principal, now: Now, response: Response
) -> dict[str, Any]:
    row = await repository.survey(connection, survey_id=survey_id, principal=principal)
    if row is None:
        raise SurveyNotFound
    put_version(response, row.version)
    return await showing.survey(connection, row, principal=principal, now=now)


@router.post(
    "",
    **creates(
        "site_surveys_create",
        "Arrange a site survey (安排现场勘察)",
        OutOfReach,
        TicketNotFound,
        surveys.NotARepair,
        surveys.TicketNotAccepted,
        surveys.SurveyOpen,
        surveys.NoTeam,
        surveys.PartyNotOfProject,
        surveys.TimeOutOfRange,
        rules=("REP-02", "REP-03"),
        model=SiteSurveyRead,
    ),
)
async def site_surveys_create(
    principal: SiteSurveysArrange, session: Tx, now: Now, response: Response, body: SiteSurveyCreate
) -> dict[str, Any]:
    """Of a visible ticket (`tickets:read`). Invites customer service, engineering or the property company, the repair
    captain and the contractor whose contract covers the part. The contractor need not attend where the expected cost is
    strictly below the policy's amount (REP-03), or where no contract covers the part. The invited firms see the ticket
    from now on. One survey at a time for an accepted repair ticket; its clock runs since the owner turned to us
    (REP-02)."""
    survey = await surveys.arrange(
        session,
        ticket_id=body.ticket_id,
        arrangement=surveys.Arrangement(
            scheduled_at=body.scheduled_at,
            expected_cost_fen=body.expected_cost_fen,
            building_part=body.building_part,
            team_id=body.team_id,
            property_firm_id=body.property_firm_id,
        ),
        principal=principal,
        now=now,
    )
    response.headers["Location"] = f"/v1/site-surveys/{survey.id}"
    return await _answer(session, survey.id, principal=principal, now=now, response=response)


@router.get(
    "",
    **lists("site_surveys_list", "Site surveys (现场勘察列表)", rules=("REP-02",), model=PageOf[SiteSurveySummary]),
)
async def site_surveys_list(
    principal: SiteSurveysRead,
    reader: Reader,
    paging: PageParams,
    status: SurveyStatus | None = None,
    ticket_id: UUID | None = None,
    project_id: UUID | None = None,
) -> Response:
    """The surveys of your projects, or those your firm is invited to; newest first."""
    filters = given(status=status, ticket_id=ticket_id, project_id=project_id)
    query = repository.surveys(principal=principal, filters=filters)
    page = await newest_first(reader, query=query, key=repository.S.id, wanted=paging.wanted)
    return paging.answer(page, show=views.survey_summary)


@router.get(
    "/{survey_id}",
    **reads(
        "site_surveys_read",
        "One site survey with its form (现场勘察会签表)",
        SurveyNotFound,
        rules=("REP-02", "REP-04"),
        model=SiteSurveyRead,
    ),
)
async def site_surveys_read(
    principal: SiteSurveysRead, reader: Reader, now: Now, response: Response, survey_id: UUID
) -> dict[str, Any]:
    """The parties and their signatures, what was found, the estimate, and where you may sign now."""
    return await _answer(reader, survey_id, principal=principal, now=now, response=response)


@router.post(
    "/{survey_id}/findings",
    **_step(
        "findings",
        "Record what was found (填写勘察结论)",
        surveys.TimeOutOfRange,
        surveys.PartyNotOfProject,
        FileNotUsable,
        rules=("REP-02", "REP-03", "REP-04"),
    ),
)
async def site_surveys_findings_create(
    principal: SiteSurveysRecord,
    session: Tx,
    now: Now,
    response: Response,
    survey_id: UUID,
    body: FindingsCreate,
) -> dict[str, Any]:
    """Part, cause, liable party, trades and estimate; stops the ticket's site-survey clock at the visit; needs
    `tickets:read`. May be recorded again until all have signed, which clears the signatures given so far. A contractor
    who was exempt for the expected cost must sign after all where the estimate reaches the amount (REP-03)."""
    await findings.record_findings(
        session,
        survey_id=survey_id,
        findings=findings.Findings(
            visited_at=body.visited_at,
            building_part=body.building_part,
            cause=body.cause,
            liable_party=body.liable_party,
            trades=body.trades,
            lines=[findings.Line(line.description, line.trade, line.amount_fen) for line in body.estimate_lines],
            contract_id=body.contract_id,
            file_ids=body.file_ids,
        ),
        principal=principal,
        now=now,
    )
    return await _answer(session, survey_id, principal=principal, now=now, response=response)


@router.post(
    "/{survey_id}/signatures",
    **_step(
        "signatures",
        "Sign for a party (会签)",
        facts.NotInvited,
        facts.NotYourSeat,
        facts.SeatTaken,
        facts.OnePersonOneSeat,
        FileNotUsable,
        one_of=[f"site_surveys:sign:{role.value}" for role in PartyRole],
    ),
)
async def site_surveys_signatures_create(
    principal: SiteSurveysRead,
    session: Tx,
    now: Now,
    response: Response,
    survey_id: UUID,
    body: SurveySignatureCreate,
) -> dict[str, Any]:
    """Besides `site_surveys:read` you need the scope of the party (`site_surveys:sign:…`) for the project or your
    firm. A firm's seat is for its own people, the repair captain's for the captain of the team. Each party signs
    once, and one person for one party only. The last required signature co-signs the survey and fixes the class
    with its reasons; class `none` ends the ticket's work, and the owner is told so with the grounds."""
    await cosigning.sign(
        session,
        survey_id=survey_id,
        role=body.role,
        comment=body.comment,
        signature_file_id=body.signature_file_id,
        principal=principal,
        now=now,
    )
    return await _answer(session, survey_id, principal=principal, now=now, response=response)


@router.post(
    "/{survey_id}/cancellation",
    **_step("cancellation", "Cancel a survey (取消勘察)", rules=("REP-02",)),
)
async def site_surveys_cancellation_create(
    principal: SiteSurveysArrange,
    session: Tx,
    now: Now,
    response: Response,
    survey_id: UUID,
    body: ReasonGiven,
) -> dict[str, Any]:
    """Cancels a survey that is not co-signed yet. The site-survey clock of the ticket runs on: a survey is still
    owed."""
    await surveys.cancel(session, survey_id=survey_id, reason=body.reason, principal=principal, now=now)
    return await _answer(session, survey_id, principal=principal, now=now, response=response)


@router.get(
    "/{survey_id}/liability",
    **reads(
        "site_surveys_liability_read",
        "Class A, B or none, with the reasons (责任与类别判定)",
        SurveyNotFound,
        cosigning.FindingsMissing,
        rules=("REP-04", "REP-08"),
        model=LiabilityRead,
    ),
)
async def site_surveys_liability_read(
    principal: SiteSurveysRead, session: Tx, response: Response, survey_id: UUID
) -> dict[str, Any]:
    """Derived from the liable party, the owner's warranty clock (from delivery, by building part) and the
    contractor's own (from completion acceptance, by contract). A preview while the survey is recorded; `final`
    once it is co-signed."""
    found, version = await cosigning.preview(session, survey_id=survey_id, principal=principal)
    put_version(response, version)
    return found
