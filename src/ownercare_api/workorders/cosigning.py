"""Co-signing the 《现场勘察会签表》: signatures, the liability that follows, and what it means (REP-04)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import Conflict
from ownercare_api.files import service as files
from ownercare_api.files.models import FilePurpose
from ownercare_api.identity.principal import Principal
from ownercare_api.policies import service as policies
from ownercare_api.tickets import service as tickets
from ownercare_api.workorders import history, liability, partners, repository
from ownercare_api.workorders.liability import Derivation
from ownercare_api.workorders.lifecycle import SURVEY_LIFECYCLE, PartyRole, RepairClass
from ownercare_api.workorders.models import SiteSurvey, WorkOrder
from ownercare_api.workorders.surveys import SurveyNotFound, close_work, take
from ownercare_api.workorders.views import survey_facts


class FindingsMissing(Conflict):
    """409: nothing was found yet from which the liability could follow."""

    code = "findings_missing"
    zh = "尚未填写勘察结论,无法判定责任类别。"
    en = "There are no findings yet."
    rules = ("REP-04",)


async def derive(session: AsyncSession, *, survey: Any, principal: Principal) -> Derivation:
    """Derive the class from a survey (object or row) as it stands now; raises `FindingsMissing`."""
    if survey.building_part is None or survey.liable_party is None or survey.visited_at is None:
        raise FindingsMissing
    ticket = await tickets.get_visible(session, ticket_id=survey.ticket_id, principal=principal)
    snapshot = await policies.snapshot(session, snapshot_id=ticket.policy_snapshot_id)
    contract = None
    if survey.contract_id is not None:
        contract = await partners.contract_for(
            session,
            project_id=survey.project_id,
            building_part=survey.building_part,
            contract_id=survey.contract_id,
        )
    return liability.derive(
        building_part=survey.building_part,
        delivered_on=await repository.delivered_on(session, unit_id=survey.unit_id),
        contractor_accepted_on=None if contract is None else contract.accepted_on,
        contractor_months=None if contract is None else contract.months,
        owner_term=liability.owner_term(snapshot, survey.building_part),
        reported_on=business_date(ticket.received_at),
        liable_party=survey.liable_party,
    )


async def preview(session: AsyncSession, *, survey_id: UUID, principal: Principal) -> tuple[dict[str, Any], int]:
    """Return the derivation of a survey as JSON values, `final` once co-signed, and the survey's version."""
    survey = await repository.survey(session, survey_id=survey_id, principal=principal)
    if survey is None:
        raise SurveyNotFound
    if survey.derivation is not None:
        return survey.derivation | {"final": True}, survey.version
    found = await derive(session, survey=survey, principal=principal)
    return found.facts() | {"final": False}, survey.version


async def sign(
    session: AsyncSession,
    *,
    survey_id: UUID,
    role: PartyRole,
    comment: str | None,
    signature_file_id: UUID | None,
    principal: Principal,
    now: datetime,
) -> SiteSurvey:
    """Sign for a party; the last required signature co-signs the survey and fixes the class.

    Class none ends the work of the ticket: the owner is told so with the grounds. Emergency orders raised before any
    survey are joined to this one and get its class. Raises `SurveyNotFound`, `WrongStatus`, `NotInvited`,
    `OutOfReach`, `NotYourSeat`, `SeatTaken`, `OnePersonOneSeat`, `FileNotUsable`.
    """
    survey = await take(session, survey_id=survey_id, scope="site_surveys:read", principal=principal)
    parties = await repository.party_rows(session, survey_id=survey.id)
    captain_id = await partners.captain_of(session, team_id=survey.team_id)
    facts = survey_facts(survey, parties, captain_id=captain_id).wanting(role)
    SURVEY_LIFECYCLE.check("signatures", status=survey.status, subject=facts, actor=principal)
    if signature_file_id is not None:
        await files.attach(
            session,
            file_ids=[signature_file_id],
            ticket_id=survey.ticket_id,
            project_id=survey.project_id,
            principal=principal,
            purposes=(FilePurpose.SIGNATURE,),
        )
    party = next(one for one in parties if one.role is role)
    party.signed_by, party.signed_by_name, party.signed_at = principal.id, principal.name, now
    party.comment, party.signature_file_id = comment, signature_file_id
    scope = f"site_surveys:sign:{role.value}"
    party.persons = sorted(principal.acting(scope, project_id=survey.project_id, firm_ids=[party.firm_id]))
    await history.of_survey(
        session,
        survey,
        "signed",
        actor=principal,
        now=now,
        rules=("REP-02", "REP-04"),
        role=role.value,
        **principal.on_behalf_of(scope, project_id=survey.project_id, firm_ids=[party.firm_id]),
    )
    if not survey_facts(survey, parties, captain_id=captain_id).missing:
        await _co_sign(session, survey, principal=principal, now=now)
    return survey


async def _co_sign(session: AsyncSession, survey: SiteSurvey, *, principal: Principal, now: datetime) -> None:
    survey.status = SURVEY_LIFECYCLE.check("co-signing", status=survey.status, subject=survey, actor=principal)
    survey.co_signed_at = now
    found = await derive(session, survey=survey, principal=principal)
    survey.derivation = found.facts()
    await session.flush()
    joined = await repository.emergencies_without_survey(session, ticket_id=survey.ticket_id)
    for order in joined:
        await _join(session, order, survey=survey, found=found, principal=principal, now=now)
    if found.repair_class is RepairClass.NONE:
        await close_work(session, survey, done=True)
    elif joined:  # the work itself is open already
        await close_work(session, survey, done=False)
    await history.of_survey(
        session,
        survey,
        "co_signed",
        actor=principal,
        now=now,
        rules=("REP-04", "REP-08"),
        repair_class=found.repair_class.value,
        reasons=[one["code"] for one in found.reasons],
    )


async def _join(
    session: AsyncSession,
    order: WorkOrder,
    *,
    survey: SiteSurvey,
    found: Derivation,
    principal: Principal,
    now: datetime,
) -> None:
    """Give an emergency order its survey, and the class that follows from it while no account was filed."""
    order.survey_id = survey.id
    before = order.repair_class
    if order.account_filed:
        order.class_reasons = [*order.class_reasons, _TOO_LATE]
    elif found.repair_class is RepairClass.NONE:
        order.class_reasons = [*found.reasons, _DONE_ANYWAY]
    else:
        order.repair_class, order.class_reasons = found.repair_class, found.reasons
        order.contract_id = survey.contract_id if found.repair_class is RepairClass.A else None
        order.contractor_firm_id = survey.contractor_firm_id if found.repair_class is RepairClass.A else None
    await history.of_order(
        session,
        order,
        "surveyed",
        actor=principal,
        now=now,
        rules=("REP-04", "REP-08", "CMP-04"),
        survey_id=str(survey.id),
        class_before=before.value,
        repair_class=order.repair_class.value,
    )


_TOO_LATE = liability.reason(
    "survey_after_account",
    zh="勘察会签晚于决算报送,类别不再自动变更;如有出入由结算环节处理。",
    en="The survey was co-signed after the account was filed; the class stays, differences are for the settlement.",
    rule="REP-08",
)
_DONE_ANYWAY = liability.reason(
    "emergency_not_the_companys",
    zh="紧急维修先行实施,事后勘察认定不属公司承担;费用暂按原类别列支,由有权人员处理。",
    en="The emergency was repaired first and found not the company's to pay; the class stays as raised.",
    rule="CMP-04",
)
