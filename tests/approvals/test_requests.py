"""Asking: seats, makers, the clock, the number, superseding and withdrawing."""

from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.approvals import clerk, everything, make_request
from tests.factories.org import Org, make_org

from ownercare_api.approvals import service
from ownercare_api.approvals.models import Approval, ApprovalMaker, ApprovalStep
from ownercare_api.core.ids import uuid7
from ownercare_api.deadlines.models import Deadline
from ownercare_api.identity.principal import SYSTEM
from ownercare_api.timeline.models import Event


async def seats_of(session: AsyncSession, approval_id: UUID) -> list[tuple[int, str, str]]:
    query = select(ApprovalStep).where(ApprovalStep.approval_id == approval_id).order_by(ApprovalStep.position)
    return [(step.position, step.kind.value, step.tier.value) for step in await session.scalars(query)]


async def makers_of(session: AsyncSession, approval_id: UUID) -> dict[UUID, str]:
    query = select(ApprovalMaker).where(ApprovalMaker.approval_id == approval_id)
    return {maker.account_id: maker.part for maker in await session.scalars(query)}


async def clock_of(session: AsyncSession, approval_id: UUID) -> Deadline:
    return (await session.scalars(select(Deadline).where(Deadline.subject_id == approval_id))).one()


@pytest.mark.rule("FIN-02")
async def test_a_request_holds_its_seats_makers_number_and_clock(
    session: AsyncSession, org: Org, clock: FakeClock
) -> None:
    asker, estimator = clerk(), uuid7()
    asked = await make_request(
        session,
        org=org,
        now=clock(),
        amount_fen=60_000,
        total_fen=210_000,
        actor=asker,
        makers={estimator: "estimated"},
    )
    assert asked.number == "SP-20261120-0001"
    assert (asked.status.value, asked.version, asked.decided_at) == ("pending", 1, None)
    assert await seats_of(session, asked.id) == [
        (1, "review", "deputy_chief_engineer"),
        (2, "approve", "deputy_general_manager"),
    ]
    assert await makers_of(session, asked.id) == {asker.id: "requested", estimator: "estimated"}
    started = await clock_of(session, asked.id)
    assert (started.rule, started.policy_key, started.policy_value, started.unit) == (
        "FIN-02",
        "approval.decision_workdays",
        1,
        "workdays",
    )
    assert started.due_at.isoformat() == "2026-11-23T10:00:00+00:00"
    assert started.policy_snapshot_id == org.snapshot.id
    event = (await session.scalars(select(Event).where(Event.kind == "approval.requested"))).one()
    assert event.project_id == org.project.id
    assert event.data == {
        "about": "work_order",
        "about_id": str(asked.subject_id),
        "number": "SP-20261120-0001",
        "amount_fen": 60_000,
        "total_fen": 210_000,
        "route": ["deputy_chief_engineer", "deputy_general_manager"],
        "policy_key": "approval.deputy_general_manager_max_fen",
        "policy_value": 2_000_000,
        "policy_snapshot_id": str(org.snapshot.id),
    }


@pytest.mark.rule("CMP-04")
async def test_an_emergency_has_a_clock_of_its_own(session: AsyncSession, clock: FakeClock) -> None:
    org = await make_org(
        session,
        now=clock(),
        values={"approval.emergency_workdays": 2, "approval.department_manager_max_fen": 200_000},
    )
    asked = await make_request(session, org=org, now=clock(), emergency=True)
    started = await clock_of(session, asked.id)
    assert (started.rule, started.policy_key, started.policy_value) == ("CMP-04", "approval.emergency_workdays", 2)
    assert started.due_at.isoformat() == "2026-11-24T10:00:00+00:00"
    event = (await session.scalars(select(Event).where(Event.kind == "approval.requested"))).one()
    assert event.rules == ["FIN-01", "CMP-04"]


@pytest.mark.rule("FIN-03")
async def test_without_published_limits_everything_goes_to_the_general_manager(
    session: AsyncSession, clock: FakeClock
) -> None:
    org = await make_org(session, now=clock(), values={})
    asked = await make_request(session, org=org, now=clock(), amount_fen=1)
    assert await seats_of(session, asked.id) == [(1, "approve", "general_manager")]


@pytest.mark.rule("FIN-01")
async def test_a_new_amount_supersedes_the_pending_request(session: AsyncSession, org: Org, clock: FakeClock) -> None:
    asker, editor, surveyor = clerk(), clerk("赵专员"), uuid7()
    asked = await make_request(session, org=org, now=clock(), actor=asker, makers={surveyor: "surveyed"})
    clock.forward(hours=1)
    anew = await make_request(
        session, org=org, now=clock(), amount_fen=200_001, subject_id=asked.subject_id, actor=editor
    )
    assert (asked.status.value, anew.status.value) == ("superseded", "pending")
    assert asked.decided_at is None
    assert await seats_of(session, asked.id) == [(1, "approve", "department_manager")]
    assert await makers_of(session, anew.id) == {asker.id: "requested", surveyor: "surveyed", editor.id: "requested"}
    assert (await clock_of(session, asked.id)).cancelled_at == clock()
    assert (await clock_of(session, anew.id)).cancelled_at is None
    kinds = list(await session.scalars(select(Event.kind).where(Event.subject_id == asked.id).order_by(Event.seq)))
    assert kinds == ["deadline.started", "approval.requested", "deadline.cancelled", "approval.superseded"]


@pytest.mark.rule("FIN-01")
async def test_requests_about_other_subjects_stay(session: AsyncSession, org: Org, clock: FakeClock) -> None:
    first = await make_request(session, org=org, now=clock())
    second = await make_request(session, org=org, now=clock())
    assert (first.status.value, second.status.value) == ("pending", "pending")
    assert (first.number, second.number) == ("SP-20261120-0001", "SP-20261120-0002")


async def test_the_system_is_no_maker(session: AsyncSession, org: Org, clock: FakeClock) -> None:
    asked = await make_request(session, org=org, now=clock(), actor=SYSTEM)
    assert await makers_of(session, asked.id) == {}


@pytest.mark.rule("FIN-01")
async def test_a_cancelled_subject_withdraws_its_request(session: AsyncSession, org: Org, clock: FakeClock) -> None:
    asked = await make_request(session, org=org, now=clock())
    ended = await service.withdraw(session, subject_id=asked.subject_id, actor=clerk(), now=clock.forward(hours=1))
    assert ended is asked
    status = await session.scalar(select(Approval.__table__.c.status).where(Approval.id == asked.id))
    assert status is not None
    assert status.value == "withdrawn"
    assert (await clock_of(session, asked.id)).cancelled_at == clock()
    before = await everything(session)
    assert await service.withdraw(session, subject_id=asked.subject_id, actor=clerk(), now=clock()) is None
    assert await everything(session) == before
