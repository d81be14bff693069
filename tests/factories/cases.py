"""Repair cases, driven through the rooms' own doors: from the accepted ticket to the closed work order.

`cast = await make_cast(session, people, now=…)` makes the people and firms of one project; then each of
`repair_ticket`, `arranged_survey`, `recorded_survey`, `co_signed_survey`, `raised_order`, `approved_order`,
`dispatched_order`, `accepted_order`, `completed_order`, `signed_off_order`, `closed_order` makes what it is named
for and everything before it. `story` says what the case is about; the default is a class-A leak of 1,800 yuan with
two trades.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.factories.contractors import Contractor, PropertyCompany, make_contractor, make_property_company
from tests.factories.files import make_file
from tests.factories.org import Org, make_org
from tests.factories.people import Actor, Desk

from ownercare_api import wiring
from ownercare_api.approvals import service as approvals
from ownercare_api.approvals.models import Approval, ApprovalStatus, ApprovalStep, Decision, Tier
from ownercare_api.core.ids import uuid7
from ownercare_api.deadlines import service as deadlines
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.files.models import FilePurpose
from ownercare_api.identity.principal import Principal
from ownercare_api.properties.parts import BuildingPart, Trade
from ownercare_api.tickets.lifecycle import Category, Channel, Domain, TicketStatus
from ownercare_api.tickets.models import Ticket, TicketFirm
from ownercare_api.workorders import callbacks, completion, cosigning, dispatching, findings, raising, surveys
from ownercare_api.workorders.lifecycle import CallbackOutcome, LiableParty, PartyRole, SignatureSeat
from ownercare_api.workorders.models import SiteSurvey, WorkOrder


async def bare_ticket(
    session: AsyncSession, org: Org, *, now: datetime, with_unit: bool = True, firm_id: UUID | None = None
) -> Ticket:
    """Insert a ticket of the project without its events and clocks, shared with a firm if one is named."""
    ticket = _ticket(org, now=now, unit_id=org.units[0].id if with_unit else None, urgent=False)
    session.add(ticket)
    await session.flush()
    if firm_id is not None:
        session.add(TicketFirm(ticket_id=ticket.id, firm_id=firm_id, since=now, reason="派工"))
        await session.flush()
    return ticket


@dataclass
class Cast:
    """Everybody who takes part in repairs of one project."""

    org: Org
    contractor: Contractor
    company: PropertyCompany
    specialist: Actor
    """Customer service: arranges, records, raises, dispatches."""
    colleague: Actor
    """Customer service too: signs the acceptance."""
    engineer: Actor
    """Engineering and materials."""
    captain: Actor
    worker: Actor
    """A repairer of the property company with a login."""
    representative: Actor
    """The contractor's."""
    clerk: Actor
    """资料员: calls back."""
    deciders: dict[Tier, Actor]
    """One person for each seat of the approval chain."""


@dataclass(frozen=True)
class Story:
    """What a case is about; the lines are (description, trade, fen)."""

    part: BuildingPart = BuildingPart.WET_ROOM_WATERPROOFING
    liable: LiableParty = LiableParty.CONTRACTOR
    trades: Sequence[Trade] = (Trade.WATERPROOFING, Trade.TILING)
    lines: Sequence[tuple[str, Trade, int]] = field(
        default=(("重做防水", Trade.WATERPROOFING, 120_000), ("恢复地砖", Trade.TILING, 60_000))
    )
    urgent: bool = False
    expected_cost_fen: int | None = None

    @classmethod
    def costing(
        cls, estimate_fen: int, *, liable: LiableParty = LiableParty.CONTRACTOR, urgent: bool = False
    ) -> "Story":
        """Return a single-trade leak of one estimate line; `COMPANY` liable makes it class B."""
        lines = (("重做防水", Trade.WATERPROOFING, estimate_fen),)
        return cls(liable=liable, trades=(Trade.WATERPROOFING,), lines=lines, urgent=urgent)


CLASS_A = Story()
CLASS_B = Story(liable=LiableParty.COMPANY)
NOT_OURS = Story(liable=LiableParty.OWNER)


def who(actor: Actor) -> Principal:
    """Return the principal of somebody who was made."""
    assert actor.principal is not None
    return actor.principal


async def calendar_of(session: AsyncSession) -> WorkingCalendar:
    """Return the working calendar, read at most every five seconds by one session."""
    store: CalendarStore = session.info.setdefault(CalendarStore, CalendarStore())
    return await store.get(session)


async def make_cast(
    session: AsyncSession,
    people: Desk,
    *,
    now: datetime,
    org: Org | None = None,
    values: dict[str, object] | None = None,
    has_repair_agreement: bool = True,
) -> Cast:
    """Make a project with a contractor, a property company with a team, and everybody's logins."""
    org = org or await make_org(session, now=now, values=values)
    contractor = await make_contractor(session, org, has_repair_agreement=has_repair_agreement)
    company = await make_property_company(session, org, people)
    here = org.project.id
    return Cast(
        org=org,
        contractor=contractor,
        company=company,
        specialist=await people.staff("customer_relations_specialist", project_id=here),
        colleague=await people.staff("customer_relations_supervisor", project_id=here),
        engineer=await people.staff("engineering_material_engineer", project_id=here),
        captain=company.captain,
        worker=await people.firm_user("repair_worker", firm_id=company.firm.id),
        representative=await people.firm_user("contractor_representative", firm_id=contractor.firm.id),
        clerk=await people.staff("records_clerk", project_id=here),
        deciders={
            Tier.DEPARTMENT_MANAGER: await people.staff("customer_service_manager", project_id=here),
            Tier.DEPUTY_CHIEF_ENGINEER: await people.staff("deputy_chief_engineer"),
            Tier.DEPUTY_GENERAL_MANAGER: await people.staff("deputy_general_manager"),
            Tier.GENERAL_MANAGER: await people.staff("general_manager"),
        },
    )


def _ticket(org: Org, *, now: datetime, unit_id: UUID | None, urgent: bool) -> Ticket:
    made = uuid7()
    return Ticket(
        id=made,
        number=f"TS-20261120-{made.hex[-8:]}",
        project_id=org.project.id,
        unit_id=unit_id,
        domain=Domain.OWNER_HOME,
        category=Category.REPAIR,
        channel=Channel.HOTLINE,
        status=TicketStatus.ACCEPTED,
        title="主卧飘窗渗水",
        description="雨后主卧飘窗左下角渗水,墙面起皮。",
        urgent=urgent,
        caller_name="沈若溪",
        received_at=now,
        registered_by=uuid7(),
        policy_snapshot_id=org.snapshot.id,
    )


async def repair_ticket(
    session: AsyncSession, cast: Cast, *, now: datetime, urgent: bool = False, unit: int = 0
) -> Ticket:
    """Make an accepted repair ticket, received now, with its site-survey clock running."""
    ticket = _ticket(cast.org, now=now, unit_id=cast.org.units[unit].id, urgent=urgent)
    session.add(ticket)
    await session.flush()
    await deadlines.start(
        session,
        calendar=await calendar_of(session),
        snapshot=cast.org.snapshot,
        kind=ClockKind.SITE_SURVEY,
        started_at=now,
        subject_kind="ticket",
        subject_id=ticket.id,
        ticket_id=ticket.id,
        project_id=ticket.project_id,
        actor=who(cast.specialist),
        now=now,
    )
    return ticket


async def arranged_survey(
    session: AsyncSession, cast: Cast, *, now: datetime, story: Story = CLASS_A, ticket: Ticket | None = None
) -> SiteSurvey:
    """Make a survey that is arranged for now."""
    ticket = ticket or await repair_ticket(session, cast, now=now, urgent=story.urgent)
    return await surveys.arrange(
        session,
        ticket_id=ticket.id,
        arrangement=surveys.Arrangement(
            scheduled_at=now,
            expected_cost_fen=story.expected_cost_fen,
            building_part=story.part,
            team_id=cast.company.team.id,
        ),
        principal=who(cast.specialist),
        now=now,
    )


async def recorded_survey(
    session: AsyncSession, cast: Cast, *, now: datetime, story: Story = CLASS_A, ticket: Ticket | None = None
) -> SiteSurvey:
    """Make a survey whose findings are recorded, by the specialist."""
    survey = await arranged_survey(session, cast, now=now, story=story, ticket=ticket)
    return await findings.record_findings(
        session,
        survey_id=survey.id,
        findings=findings.Findings(
            visited_at=now,
            building_part=story.part,
            cause="防水层失效",
            liable_party=story.liable,
            trades=story.trades,
            lines=[findings.Line(*line) for line in story.lines],
        ),
        principal=who(cast.specialist),
        now=now,
    )


def signer_of(cast: Cast, role: PartyRole) -> Actor:
    """Return who signs a survey for a party."""
    return {
        PartyRole.CUSTOMER_SERVICE: cast.colleague,
        PartyRole.ENGINEERING_OR_PROPERTY: cast.engineer,
        PartyRole.REPAIR_CAPTAIN: cast.captain,
        PartyRole.CONTRACTOR: cast.representative,
    }[role]


async def co_signed_survey(
    session: AsyncSession, cast: Cast, *, now: datetime, story: Story = CLASS_A, ticket: Ticket | None = None
) -> SiteSurvey:
    """Make a survey that all required parties have signed."""
    survey = await recorded_survey(session, cast, now=now, story=story, ticket=ticket)
    for role in PartyRole:
        if survey.co_signed_at is None:
            await cosigning.sign(
                session,
                survey_id=survey.id,
                role=role,
                comment=None,
                signature_file_id=None,
                principal=who(signer_of(cast, role)),
                now=now,
            )
    return survey


async def raised_order(
    session: AsyncSession,
    cast: Cast,
    *,
    now: datetime,
    story: Story = CLASS_A,
    ticket: Ticket | None = None,
    survey: SiteSurvey | None = None,
) -> WorkOrder:
    """Make a work order that waits for its approval; an emergency where the story is urgent."""
    survey = survey or await co_signed_survey(session, cast, now=now, story=story, ticket=ticket)
    return await raising.raise_from_survey(
        session,
        survey_id=survey.id,
        description="重做卫生间防水,闭水试验 48 小时",
        emergency=story.urgent,
        positions=None,
        override=None,
        calendar=await calendar_of(session),
        principal=who(cast.specialist),
        now=now,
    )


async def decide_all(
    session: AsyncSession,
    cast: Cast,
    *,
    approval_id: UUID,
    now: datetime,
    decision: Decision = Decision.APPROVED,
) -> None:
    """Decide in every seat of a request, each by its own person; a rejection ends it in the first."""
    hooks = wiring.approval_hooks()
    steps = await session.scalars(
        select(ApprovalStep).where(ApprovalStep.approval_id == approval_id).order_by(ApprovalStep.position)
    )
    for step in list(steps):
        approval = await approvals.decide(
            session,
            approval_id=approval_id,
            decision=decision,
            comment="按会签结论执行",
            hooks=hooks,
            actor=who(cast.deciders[step.tier]),
            now=now,
        )
        if approval.status is not ApprovalStatus.PENDING:
            return


async def approved_order(
    session: AsyncSession, cast: Cast, *, now: datetime, story: Story = CLASS_A, ticket: Ticket | None = None
) -> WorkOrder:
    """Make a work order that is approved."""
    order = await raised_order(session, cast, now=now, story=story, ticket=ticket)
    approval = await session.get_one(Approval, order.approval_id)
    await decide_all(session, cast, approval_id=approval.id, now=now)
    return order


async def dispatched_order(
    session: AsyncSession, cast: Cast, *, now: datetime, story: Story = CLASS_A, ticket: Ticket | None = None
) -> WorkOrder:
    """Make a work order that the cast's team has."""
    order = await approved_order(session, cast, now=now, story=story, ticket=ticket)
    return await dispatching.dispatch(
        session,
        work_order_id=order.id,
        team_id=cast.company.team.id,
        worker_id=cast.company.workers[0].id,
        calendar=await calendar_of(session),
        principal=who(cast.specialist),
        now=now,
    )


async def accepted_order(
    session: AsyncSession, cast: Cast, *, now: datetime, story: Story = CLASS_A, ticket: Ticket | None = None
) -> WorkOrder:
    """Make a work order on which the team is at work."""
    order = await dispatched_order(session, cast, now=now, story=story, ticket=ticket)
    return await dispatching.accept(session, work_order_id=order.id, principal=who(cast.worker), now=now)


async def photo(session: AsyncSession, cast: Cast, purpose: FilePurpose, *, now: datetime) -> UUID:
    """Upload a photo as the worker's."""
    firm_id = cast.company.firm.id
    file = await make_file(
        session,
        project_id=cast.org.project.id,
        uploaded_by=cast.worker.id,
        now=now,
        purpose=purpose,
        firm_id=firm_id,
    )
    return file.id


async def completed_order(
    session: AsyncSession, cast: Cast, *, now: datetime, story: Story = CLASS_A, ticket: Ticket | None = None
) -> WorkOrder:
    """Make a work order whose work the worker has reported done, with photos."""
    order = await accepted_order(session, cast, now=now, story=story, ticket=ticket)
    return await completion.complete(
        session,
        work_order_id=order.id,
        note="防水两遍,闭水试验 48 小时无渗漏",
        photos_before=[await photo(session, cast, FilePurpose.PHOTO_BEFORE, now=now)],
        photos_after=[await photo(session, cast, FilePurpose.PHOTO_AFTER, now=now)],
        principal=who(cast.worker),
        now=now,
    )


def accepting(cast: Cast, seat: SignatureSeat) -> Actor:
    """Return who signs the acceptance in a seat; the captain takes the owner's signature."""
    return {
        SignatureSeat.CUSTOMER_SERVICE: cast.colleague,
        SignatureSeat.ENGINEERING_OR_PROPERTY: cast.engineer,
        SignatureSeat.REPAIR_CAPTAIN: cast.captain,
        SignatureSeat.OWNER: cast.captain,
    }[seat]


async def signed_off_order(
    session: AsyncSession,
    cast: Cast,
    *,
    now: datetime,
    story: Story = CLASS_A,
    ticket: Ticket | None = None,
    satisfied: bool = True,
) -> WorkOrder:
    """Make a work order with all four signatures."""
    order = await completed_order(session, cast, now=now, story=story, ticket=ticket)
    for seat in SignatureSeat:
        await completion.sign(
            session,
            work_order_id=order.id,
            given=completion.Acceptance(seat=seat, satisfied=satisfied if seat is SignatureSeat.OWNER else None),
            calendar=await calendar_of(session),
            principal=who(accepting(cast, seat)),
            now=now,
        )
    return order


async def closed_order(
    session: AsyncSession,
    cast: Cast,
    *,
    now: datetime,
    story: Story = CLASS_A,
    ticket: Ticket | None = None,
    satisfaction: int = 5,
) -> WorkOrder:
    """Make a work order whose owner answered the callback."""
    order = await signed_off_order(session, cast, now=now, story=story, ticket=ticket)
    return await callbacks.attempt(
        session,
        work_order_id=order.id,
        outcome=CallbackOutcome.ANSWERED,
        satisfaction=satisfaction,
        comment="业主满意",
        principal=who(cast.clerk),
        now=now,
    )
