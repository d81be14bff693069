"""Several people at the same order at the same moment, on a really committed database."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON, MASTER
from tests.factories.cases import (
    Cast,
    Story,
    approved_order,
    calendar_of,
    completed_order,
    make_cast,
    raised_order,
    recorded_survey,
    repair_ticket,
    signed_off_order,
    who,
)
from tests.factories.contractors import make_property_company
from tests.factories.people import Desk

from ownercare_api import wiring
from ownercare_api.approvals.models import Approval, ApprovalStatus
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.errors import DomainError
from ownercare_api.core.http.problems import from_database
from ownercare_api.core.http.state import AppState
from ownercare_api.core.settings import Settings
from ownercare_api.deadlines.models import ClockKind, Deadline
from ownercare_api.tickets.models import Ticket
from ownercare_api.timeline.models import Event
from ownercare_api.workorders import callbacks, completion, cosigning, dispatching, raising
from ownercare_api.workorders.lifecycle import CallbackOutcome, PartyRole, SignatureSeat
from ownercare_api.workorders.models import CallbackAttempt, SiteSurvey, WorkOrder

TRIALS = 20
NOW = FRIDAY_NOON
Job = Callable[[AsyncSession], Awaitable[object]]

pytestmark = pytest.mark.slow


async def stage(committed: PooledDatabase, tmp_path: Path, session: AsyncSession) -> tuple[Cast, Desk]:
    state = AppState(settings=Settings(data_dir=tmp_path), database=committed, keyring=Keyring.from_master(MASTER))
    people = Desk(session=session, desk=wiring.identity_desk(state.settings, state), clock=lambda: NOW)
    return await make_cast(session, people, now=NOW), people


async def together(committed: PooledDatabase, jobs: Sequence[Job]) -> list[str]:
    """Run each job in a transaction of its own, all at once; return `done` or the code of the refusal."""

    async def one(job: Job) -> str:
        async with committed.session() as session:
            try:
                await job(session)
                await session.commit()
            except DomainError as refusal:
                return refusal.code
            except DBAPIError as error:
                known = from_database(error)
                return repr(error) if known is None else known.code
            return "done"

    return list(await asyncio.gather(*(one(job) for job in jobs)))


async def count(committed: PooledDatabase, model: Any, *where: Any) -> int:
    async with committed.session() as session:
        return int(await session.scalar(select(func.count()).select_from(model).where(*where)) or 0)


@pytest.mark.rule("REP-08")
async def test_of_two_dispatches_one_wins(committed: PooledDatabase, tmp_path: Path) -> None:
    async with committed.session() as session:
        cast, people = await stage(committed, tmp_path, session)
        second = await make_property_company(session, cast.org, people)
        made = [await approved_order(session, cast, now=NOW) for _ in range(TRIALS)]
        calendar = await calendar_of(session)
        await session.commit()

    def dispatch(order_id: UUID, team_id: UUID) -> Job:
        return lambda session: dispatching.dispatch(
            session,
            work_order_id=order_id,
            team_id=team_id,
            worker_id=None,
            calendar=calendar,
            principal=who(cast.specialist),
            now=NOW,
        )

    teams = (cast.company.team.id, second.team.id, cast.company.team.id)
    for order in made:
        outcomes = await together(committed, [dispatch(order.id, team) for team in teams])
        assert Counter(outcomes) == {"done": 1, "wrong_status": 2}
    assert await count(committed, Deadline, Deadline.kind == ClockKind.REPAIR) == TRIALS
    assert await count(committed, Event, Event.kind == "work_order.dispatched") == TRIALS


@pytest.mark.rule("REP-12")
async def test_the_last_signatures_at_once_sign_off_once(committed: PooledDatabase, tmp_path: Path) -> None:
    async with committed.session() as session:
        cast, _ = await stage(committed, tmp_path, session)
        made = [await completed_order(session, cast, now=NOW) for _ in range(TRIALS)]
        calendar = await calendar_of(session)
        await session.commit()

    def sign(order_id: UUID, seat: SignatureSeat, person: Any) -> Job:
        return lambda session: completion.sign(
            session,
            work_order_id=order_id,
            given=completion.Acceptance(seat=seat),
            calendar=calendar,
            principal=who(person),
            now=NOW,
        )

    people = {
        SignatureSeat.CUSTOMER_SERVICE: cast.colleague,
        SignatureSeat.ENGINEERING_OR_PROPERTY: cast.engineer,
        SignatureSeat.REPAIR_CAPTAIN: cast.captain,
        SignatureSeat.OWNER: cast.clerk,
    }
    for order in made:
        jobs = [sign(order.id, seat, person) for seat, person in people.items()]
        jobs.append(sign(order.id, SignatureSeat.CUSTOMER_SERVICE, cast.specialist))
        outcomes = await together(committed, jobs)
        assert outcomes.count("done") == 4
        # The fifth comes before or after the colleague, or after the sign-off.
        assert Counter(outcomes)["seat_taken"] + Counter(outcomes)["wrong_status"] == 1
    assert await count(committed, Event, Event.kind == "work_order.signed_off") == TRIALS
    assert await count(committed, Deadline, Deadline.kind == ClockKind.CALLBACK) == TRIALS
    assert await count(committed, WorkOrder, WorkOrder.status == "signed_off") == TRIALS


@pytest.mark.rule("REP-04")
async def test_the_last_parties_at_once_co_sign_once(committed: PooledDatabase, tmp_path: Path) -> None:
    async with committed.session() as session:
        cast, _ = await stage(committed, tmp_path, session)
        made = [await recorded_survey(session, cast, now=NOW) for _ in range(TRIALS)]
        await session.commit()

    def sign(survey_id: UUID, role: PartyRole, person: Any) -> Job:
        return lambda session: cosigning.sign(
            session,
            survey_id=survey_id,
            role=role,
            comment=None,
            signature_file_id=None,
            principal=who(person),
            now=NOW,
        )

    people = {
        PartyRole.CUSTOMER_SERVICE: cast.colleague,
        PartyRole.ENGINEERING_OR_PROPERTY: cast.engineer,
        PartyRole.REPAIR_CAPTAIN: cast.captain,
        PartyRole.CONTRACTOR: cast.representative,
    }
    for survey in made:
        outcomes = await together(committed, [sign(survey.id, role, person) for role, person in people.items()])
        assert outcomes == ["done"] * 4
    assert await count(committed, Event, Event.kind == "site_survey.co_signed") == TRIALS
    assert await count(committed, SiteSurvey, SiteSurvey.status == "co_signed") == TRIALS


@pytest.mark.rule("REP-13")
async def test_callbacks_at_once_never_exceed_the_attempts(committed: PooledDatabase, tmp_path: Path) -> None:
    async with committed.session() as session:
        cast, _ = await stage(committed, tmp_path, session)
        made = [await signed_off_order(session, cast, now=NOW) for _ in range(TRIALS)]
        await session.commit()

    def call(order_id: UUID) -> Job:
        return lambda session: callbacks.attempt(
            session,
            work_order_id=order_id,
            outcome=CallbackOutcome.UNREACHABLE,
            satisfaction=None,
            comment=None,
            principal=who(cast.clerk),
            now=NOW + timedelta(hours=1),
        )

    for order in made:
        outcomes = await together(committed, [call(order.id) for _ in range(5)])
        assert Counter(outcomes) == {"done": 3, "wrong_status": 2}
    assert await count(committed, CallbackAttempt) == 3 * TRIALS
    assert await count(committed, WorkOrder, WorkOrder.status == "closed") == TRIALS
    assert await count(committed, Ticket, Ticket.open_work == 0, Ticket.work_done == 1) == TRIALS


@pytest.mark.rule("FIN-02")
async def test_orders_raised_at_once_are_added_up(committed: PooledDatabase, tmp_path: Path) -> None:
    """Whoever comes second asks for the whole; nothing is raised twice, and no order is left at the lower tier."""
    async with committed.session() as session:
        cast, _ = await stage(committed, tmp_path, session)
        calendar = await calendar_of(session)
        pairs = []
        for _ in range(TRIALS):
            ticket = await repair_ticket(session, cast, now=NOW)
            story = Story.costing(110_000)
            first = await raised_order(session, cast, now=NOW, story=story, ticket=ticket)
            survey = await _fresh_survey(session, cast, ticket, story)
            more = await _fresh_survey(session, cast, ticket, story)
            pairs.append((ticket.id, first.id, survey.id, more.id))
        await session.commit()

    def raise_from(survey_id: UUID) -> Job:
        return lambda session: raising.raise_from_survey(
            session,
            survey_id=survey_id,
            description="同步派工",
            emergency=False,
            positions=None,
            override=None,
            calendar=calendar,
            principal=who(cast.specialist),
            now=NOW,
        )

    for ticket_id, _, survey_id, more_id in pairs:
        outcomes = await together(committed, [raise_from(survey_id), raise_from(more_id), raise_from(survey_id)])
        assert outcomes.count("done") == 2, outcomes
        async with committed.session() as session:
            totals = await session.scalars(
                select(Approval.total_fen)
                .where(Approval.ticket_id == ticket_id, Approval.status == ApprovalStatus.PENDING)
                .order_by(Approval.total_fen)
            )
            # 110,000 alone was the manager's: it followed to the deputies when the second lifted the total.
            assert list(totals) == [220_000, 220_000, 330_000]


async def _fresh_survey(session: AsyncSession, cast: Cast, ticket: Ticket, story: Story) -> SiteSurvey:
    survey = await recorded_survey(session, cast, now=NOW, story=story, ticket=ticket)
    for role, actor in (
        (PartyRole.CUSTOMER_SERVICE, cast.colleague),
        (PartyRole.ENGINEERING_OR_PROPERTY, cast.engineer),
        (PartyRole.REPAIR_CAPTAIN, cast.captain),
        (PartyRole.CONTRACTOR, cast.representative),
    ):
        await cosigning.sign(
            session,
            survey_id=survey.id,
            role=role,
            comment=None,
            signature_file_id=None,
            principal=who(actor),
            now=NOW,
        )
    return survey
