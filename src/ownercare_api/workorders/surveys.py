"""Site surveys: arranging and cancellation (REP-02, REP-03). Findings are in `findings`, signing in `cosigning`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import Conflict, FieldError, Invalid, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.core.numbers import next_number
from ownercare_api.files.models import FilePurpose
from ownercare_api.identity.principal import Principal
from ownercare_api.policies import service as policies
from ownercare_api.properties.parts import BuildingPart
from ownercare_api.tickets import service as tickets
from ownercare_api.tickets.lifecycle import Category, TicketStatus
from ownercare_api.tickets.models import Ticket
from ownercare_api.workorders import history, partners, repository
from ownercare_api.workorders.facts import with_makers
from ownercare_api.workorders.lifecycle import SURVEY_LIFECYCLE, PartyRole, SurveyStatus
from ownercare_api.workorders.models import SiteSurvey, SurveyParty

EXEMPT_KEY = "survey_visit.contractor_exempt_below_fen"
BELOW_AMOUNT, NO_CONTRACT = "below_exempt_amount", "no_contract"
SITE_PURPOSES = (FilePurpose.PHOTO_SITE, FilePurpose.PHOTO_BEFORE, FilePurpose.DOCUMENT)


class SurveyNotFound(NotFound):
    """404: no such survey, or not visible to the caller."""

    code = "site_survey_not_found"
    zh, en = "勘察单不存在,或您无权查看。", "There is no such site survey, or you may not see it."


class NotARepair(Conflict):
    """409: only repair requests are surveyed and repaired."""

    code = "not_a_repair"
    zh = "该工单不是报修,不能安排勘察或派工。"
    en = "This ticket is not a repair request."
    rules = ("REP-01", "REP-02")


class TicketNotAccepted(Conflict):
    """409: the ticket is not accepted yet, or is finished already."""

    code = "ticket_not_accepted"
    zh = "工单当前状态为“{status}”,受理后、办结前方可安排勘察或派工。"
    en = "The ticket's status is {status}; surveys and work orders need an accepted one."
    rules = ("CMP-05", "REP-02")


class SurveyOpen(Conflict):
    """409: a survey of this ticket is under way."""

    code = "site_survey_open"
    zh = "该工单已有一次勘察尚未会签完成。"
    en = "A survey of this ticket is under way."
    rules = ("REP-02",)


class NoTeam(Conflict):
    """409: no repair team has this project in its service area."""

    code = "no_team_for_project"
    zh = "没有服务该项目的维修队。"
    en = "No repair team serves this project."
    rules = ("REP-02", "REP-14")


class PartyNotOfProject(Invalid):
    """422: a named team, property company or contract is not one of this project's."""

    code = "party_not_of_project"
    zh, en = "所选单位或合同须属于本项目(合同须覆盖该部位)。", "Name a firm or contract of this project."
    rules = ("REP-02", "REP-14")


class TimeOutOfRange(Invalid):
    """422: a visit lies before the report, or in the future."""

    code = "time_out_of_range"
    zh, en = "时间不得早于报修时间;勘察到场时间不得晚于当前时间。", "Not before the report, and no visit in the future."
    rules = ("REP-02",)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What a survey is arranged with."""

    scheduled_at: datetime
    expected_cost_fen: int | None = None
    building_part: BuildingPart | None = None
    team_id: UUID | None = None
    property_firm_id: UUID | None = None


def must_be_repairable(ticket: Ticket) -> None:
    """Raise unless the ticket is an accepted repair request."""
    if ticket.category is not Category.REPAIR:
        raise NotARepair
    if ticket.status is not TicketStatus.ACCEPTED:
        raise TicketNotAccepted(status=ticket.status.value)


async def take(session: AsyncSession, *, survey_id: UUID, scope: str, principal: Principal) -> SiteSurvey:
    """Lock a visible survey whose project the scope reaches; raises `SurveyNotFound` and `OutOfReach`."""
    survey = await repository.lock_survey(session, survey_id=survey_id, principal=principal)
    if survey is None:
        raise SurveyNotFound
    if scope != "site_surveys:read":  # seeing it is having that scope here
        principal.require(scope, project_id=survey.project_id)
    return survey


async def arrange(
    session: AsyncSession, *, ticket_id: UUID, arrangement: Arrangement, principal: Principal, now: datetime
) -> SiteSurvey:
    """Arrange the survey of an accepted repair ticket and invite the parties (REP-02, REP-03).

    The contractor whose contract covers the part must attend, unless the expected cost is below the policy's limit.
    The ticket is shared with the invited firms. Raises `TicketNotFound`, `OutOfReach`, `NotARepair`,
    `TicketNotAccepted`, `SurveyOpen`, `NoTeam`, `PartyNotOfProject`, `TimeOutOfRange`.
    """
    ticket = await tickets.get_visible(session, ticket_id=ticket_id, principal=principal, lock=True)
    principal.require("site_surveys:arrange", project_id=ticket.project_id)
    must_be_repairable(ticket)
    if await repository.open_survey(session, ticket_id=ticket.id) is not None:
        raise SurveyOpen
    if arrangement.scheduled_at < ticket.received_at:
        raise time_fault("scheduled_at")
    team_id, team_firm_id, property_firm_id = await _firms(session, ticket.project_id, arrangement)
    part = arrangement.building_part
    contract = None
    if part is not None:
        contract = await partners.contract_for(session, project_id=ticket.project_id, building_part=part)
    survey = SiteSurvey(
        id=uuid7(),
        number=await next_number(session, kind="KC", day=business_date(now)),
        ticket_id=ticket.id,
        project_id=ticket.project_id,
        unit_id=ticket.unit_id,
        status=SURVEY_LIFECYCLE.initial,
        scheduled_at=arrangement.scheduled_at,
        arranged_by=principal.id,
        expected_cost_fen=arrangement.expected_cost_fen,
        property_firm_id=property_firm_id,
        contractor_firm_id=None if contract is None else contract.firm_id,
        team_id=team_id,
        building_part=part,
        makers=with_makers({}, principal.acting("site_surveys:arrange", project_id=ticket.project_id), "arranged"),
        work_open=True,
        created_at=now,
        updated_at=now,
    )
    session.add(survey)
    await session.flush()
    exempt = await _invite_parties(session, survey, ticket=ticket, team_firm_id=team_firm_id)
    await invite(session, survey, (property_firm_id, team_firm_id, survey.contractor_firm_id), now=now)
    await tickets.work_opened(session, ticket_id=ticket.id)
    await history.of_survey(
        session,
        survey,
        "arranged",
        actor=principal,
        now=now,
        rules=("REP-02", "REP-03"),
        scheduled_at=arrangement.scheduled_at.isoformat(),
        contractor_exempt_because=exempt,
    )
    return survey


async def cancel(
    session: AsyncSession, *, survey_id: UUID, reason: str, principal: Principal, now: datetime
) -> SiteSurvey:
    """Cancel a survey that is not co-signed; the site-survey clock runs on. Raises what forbids the step."""
    survey = await take(session, survey_id=survey_id, scope="site_surveys:arrange", principal=principal)
    survey.status = SURVEY_LIFECYCLE.check("cancellation", status=survey.status, subject=survey, actor=principal)
    survey.cancellation_reason = reason
    await session.flush()
    await close_work(session, survey, done=False)
    await history.of_survey(session, survey, "cancelled", actor=principal, now=now, rules=("REP-02",), reason=reason)
    return survey


async def close_work(session: AsyncSession, survey: SiteSurvey, *, done: bool) -> None:
    """Take the survey out of the ticket's open work, once."""
    if survey.work_open:
        survey.work_open = False
        await session.flush()
        await tickets.work_finished(session, ticket_id=survey.ticket_id, done=done)


def must_be_co_signed(survey: SiteSurvey) -> None:
    """Raise unless all required parties have signed."""
    if survey.status is not SurveyStatus.CO_SIGNED:
        raise NotCoSigned


class NotCoSigned(Conflict):
    """409: the required parties have not all signed yet."""

    code = "survey_not_co_signed"
    zh = "现场勘察会签表尚未会签完成。"
    en = "The survey is not co-signed yet."
    rules = ("REP-04", "REP-08")


async def _firms(session: AsyncSession, project_id: UUID, arrangement: Arrangement) -> tuple[UUID, UUID, UUID]:
    """Return the team, its firm, and the property company: as named, else the oldest team and its firm."""
    team = await partners.team(session, project_id=project_id, wanted=arrangement.team_id)
    if team is None:
        raise NoTeam if arrangement.team_id is None else not_of_project("team_id")
    wanted = arrangement.property_firm_id
    if wanted is not None and not await partners.serves(session, project_id=project_id, firm_id=wanted):
        raise not_of_project("property_firm_id")
    return team.id, team.firm_id, wanted or team.firm_id


async def _invite_parties(
    session: AsyncSession, survey: SiteSurvey, *, ticket: Ticket, team_firm_id: UUID
) -> str | None:
    """Enter the parties of the form; return why the contractor need not attend, or None."""
    snapshot = await policies.snapshot(session, snapshot_id=ticket.policy_snapshot_id)
    exempt = None
    if survey.building_part is not None and survey.contractor_firm_id is None:
        exempt = NO_CONTRACT
    elif below(survey.expected_cost_fen, snapshot.integer(EXEMPT_KEY)):
        exempt = BELOW_AMOUNT
    firms = {
        PartyRole.CUSTOMER_SERVICE: None,
        PartyRole.ENGINEERING_OR_PROPERTY: survey.property_firm_id,
        PartyRole.REPAIR_CAPTAIN: team_firm_id,
        PartyRole.CONTRACTOR: survey.contractor_firm_id,
    }
    for role, firm_id in firms.items():
        why = exempt if role is PartyRole.CONTRACTOR else None
        session.add(
            SurveyParty(
                id=uuid7(), survey_id=survey.id, role=role, required=why is None, exempt_because=why, firm_id=firm_id
            )
        )
    await session.flush()
    return exempt


def below(amount_fen: int | None, limit_fen: int) -> bool:
    """Say whether an amount is known and strictly below a limit (REP-03: 以下 would include it, 不到 does not)."""
    return amount_fen is not None and amount_fen < limit_fen


async def invite(session: AsyncSession, survey: SiteSurvey, firms: Collection[UUID | None], *, now: datetime) -> None:
    """Share the ticket with invited firms (OWN-07)."""
    for firm_id in {firm for firm in firms if firm is not None}:
        await tickets.share_with_firm(
            session, ticket_id=survey.ticket_id, firm_id=firm_id, reason=f"现场勘察 {survey.number}", now=now
        )


def not_of_project(field: str) -> PartyNotOfProject:
    """Return the refusal that points at a field."""
    return PartyNotOfProject(
        errors=(FieldError(f"#/{field}", PartyNotOfProject.code, PartyNotOfProject.zh, PartyNotOfProject.en),)
    )


def time_fault(field: str) -> TimeOutOfRange:
    """Return the refusal that points at a field."""
    return TimeOutOfRange(errors=(FieldError(f"#/{field}", TimeOutOfRange.code, TimeOutOfRange.zh, TimeOutOfRange.en),))
