"""What the parties of a survey found: part, cause, liable party, trades, estimate (REP-02..04)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.ids import uuid7
from ownercare_api.deadlines import service as deadlines
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.files import service as files
from ownercare_api.files.models import FilePurpose
from ownercare_api.identity.principal import Principal
from ownercare_api.policies import service as policies
from ownercare_api.properties.parts import BuildingPart, Trade
from ownercare_api.tickets import service as tickets
from ownercare_api.tickets.models import Ticket
from ownercare_api.workorders import history, partners, repository, surveys
from ownercare_api.workorders.facts import with_makers
from ownercare_api.workorders.lifecycle import SURVEY_LIFECYCLE, LiableParty, PartyRole
from ownercare_api.workorders.models import EstimateLine, SiteSurvey, SurveyParty
from ownercare_api.workorders.partners import CoveringContract
from ownercare_api.workorders.views import survey_facts

SITE_PURPOSES = (FilePurpose.PHOTO_SITE, FilePurpose.PHOTO_BEFORE, FilePurpose.DOCUMENT)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the estimate; `amount_fen` in fen."""

    description: str
    trade: Trade
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What the parties found (REP-04)."""

    visited_at: datetime
    building_part: BuildingPart
    cause: str
    liable_party: LiableParty
    trades: Collection[Trade]
    lines: Sequence[Line] = ()
    contract_id: UUID | None = None
    file_ids: Sequence[UUID] = ()


async def record_findings(
    session: AsyncSession, *, survey_id: UUID, findings: Findings, principal: Principal, now: datetime
) -> SiteSurvey:
    """Record what the parties found; stops the ticket's site-survey clock at the visit (REP-02, REP-04).

    Recording again clears the signatures given so far: they were for other findings. A contractor who was exempt for
    the expected cost must sign after all where the estimate is not below the limit. Raises `SurveyNotFound`,
    `OutOfReach`, `WrongStatus`, `TimeOutOfRange`, `PartyNotOfProject`, `FileNotUsable`.
    """
    survey = await surveys.take(session, survey_id=survey_id, scope="site_surveys:record", principal=principal)
    parties = await repository.party_rows(session, survey_id=survey.id)
    facts = survey_facts(survey, parties, captain_id=None)
    status = SURVEY_LIFECYCLE.check("findings", status=survey.status, subject=facts, actor=principal)
    ticket = await tickets.get_visible(session, ticket_id=survey.ticket_id, principal=principal)
    if not ticket.received_at <= findings.visited_at <= now:
        raise surveys.time_fault("visited_at")
    contract = await partners.contract_for(
        session,
        project_id=survey.project_id,
        building_part=findings.building_part,
        contract_id=findings.contract_id,
    )
    if contract is None and findings.contract_id is not None:
        raise surveys.not_of_project("contract_id")
    cleared = [party.role.value for party in parties if party.signed_by is not None]
    for party in parties:
        party.signed_by = party.signed_by_name = party.signed_at = None
        party.comment = party.signature_file_id = None
        party.persons = []
    survey.status = status
    _fill(survey, findings, contract=contract, principal=principal)
    await _reconsider_contractor(session, ticket, survey, parties, contract)
    await _replace_lines(session, survey, findings.lines)
    await surveys.invite(session, survey, (survey.contractor_firm_id,), now=now)
    await files.attach(
        session,
        file_ids=findings.file_ids,
        ticket_id=survey.ticket_id,
        project_id=survey.project_id,
        principal=principal,
        purposes=SITE_PURPOSES,
    )
    await deadlines.stop(
        session,
        subject_id=survey.ticket_id,
        kinds=(ClockKind.SITE_SURVEY,),
        at=findings.visited_at,
        actor=principal,
        now=now,
    )
    await history.of_survey(
        session,
        survey,
        "recorded",
        actor=principal,
        now=now,
        rules=("REP-02", "REP-04"),
        visited_at=findings.visited_at.isoformat(),
        liable_party=findings.liable_party.value,
        trades=survey.trades,
        estimate_fen=survey.estimate_fen,
        signatures_cleared=cleared,
    )
    return survey


def _fill(survey: SiteSurvey, findings: Findings, *, contract: CoveringContract | None, principal: Principal) -> None:
    survey.visited_at, survey.recorded_by = findings.visited_at, principal.id
    survey.building_part, survey.cause = findings.building_part, findings.cause
    survey.liable_party = findings.liable_party
    survey.contract_id = None if contract is None else contract.contract_id
    survey.contractor_firm_id = None if contract is None else contract.firm_id
    survey.trades = [trade.value for trade in Trade if trade in findings.trades]
    survey.estimate_fen = sum(line.amount_fen for line in findings.lines)
    persons = principal.acting("site_surveys:record", project_id=survey.project_id)
    survey.makers = with_makers(survey.makers, persons, "surveyed")


async def _replace_lines(session: AsyncSession, survey: SiteSurvey, lines: Sequence[Line]) -> None:
    await session.execute(delete(EstimateLine).where(EstimateLine.survey_id == survey.id))
    session.add_all(
        EstimateLine(
            id=uuid7(),
            survey_id=survey.id,
            position=position,
            description=line.description,
            trade=line.trade.value,
            amount_fen=line.amount_fen,
        )
        for position, line in enumerate(lines, start=1)
    )
    await session.flush()


async def _reconsider_contractor(
    session: AsyncSession,
    ticket: Ticket,
    survey: SiteSurvey,
    parties: Sequence[SurveyParty],
    contract: CoveringContract | None,
) -> None:
    party = next(one for one in parties if one.role is PartyRole.CONTRACTOR)
    party.firm_id = None if contract is None else contract.firm_id
    snapshot = await policies.snapshot(session, snapshot_id=ticket.policy_snapshot_id)
    limit = snapshot.integer(surveys.EXEMPT_KEY)
    if contract is None:
        party.exempt_because = surveys.NO_CONTRACT
    elif surveys.below(survey.expected_cost_fen, limit) and surveys.below(survey.estimate_fen, limit):
        party.exempt_because = surveys.BELOW_AMOUNT
    else:
        party.exempt_because = None
    party.required = party.exempt_because is None
