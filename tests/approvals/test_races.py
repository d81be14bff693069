"""Two people at the same request at the same moment, on a really committed database."""

import asyncio
from collections import Counter
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON
from tests.factories.approvals import make_request
from tests.factories.org import make_org

from ownercare_api.approvals import service
from ownercare_api.approvals.models import Approval, ApprovalStatus, Decision
from ownercare_api.approvals.service import ApprovalHooks
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.errors import DomainError
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Grant, Principal, PrincipalKind, Reach
from ownercare_api.timeline.models import Event

TRIALS = 20


def sitting_in(*tiers: str) -> Principal:
    scopes = frozenset({"approvals:read", *(f"approvals:decide:{tier}" for tier in tiers)})
    grants = (Grant("test", scopes, Reach(everywhere=True)),)
    return Principal(kind=PrincipalKind.STAFF, id=uuid7(), name="审批人", grants=grants)


@pytest.mark.slow
@pytest.mark.rule("FIN-03")
async def test_of_two_who_decide_at_once_one_wins(committed: PooledDatabase) -> None:
    told: list[UUID] = []

    async def listen(session: AsyncSession, approval: Approval, actor: Principal, now: datetime) -> None:
        told.append(approval.id)

    hooks = ApprovalHooks({"work_order": listen})
    bosses = [sitting_in("general_manager") for _ in range(3)]

    async def decide(approval_id: UUID, actor: Principal, decision: Decision) -> str:
        async with committed.session() as session:
            try:
                await service.decide(
                    session,
                    approval_id=approval_id,
                    decision=decision,
                    comment="已阅",
                    hooks=hooks,
                    actor=actor,
                    now=FRIDAY_NOON,
                )
            except DomainError as refusal:
                return refusal.code
            await session.commit()
            return decision.value

    async with committed.session() as session:
        org = await make_org(session, now=FRIDAY_NOON)
        asked = [
            (await make_request(session, org=org, now=FRIDAY_NOON, amount_fen=3_000_000)).id for _ in range(TRIALS)
        ]
        await session.commit()
    choices = [Decision.APPROVED, Decision.REJECTED, Decision.APPROVED]
    for approval_id in asked:
        outcomes = await asyncio.gather(
            *(decide(approval_id, boss, choice) for boss, choice in zip(bosses, choices, strict=True))
        )
        assert Counter(outcomes)["already_decided"] == 2
    assert sorted(told) == sorted(asked)
    async with committed.session() as session:
        open_ones = await session.scalar(
            select(func.count()).select_from(Approval).where(Approval.status == ApprovalStatus.PENDING)
        )
        decided = await session.scalar(select(func.count()).select_from(Event).where(Event.kind == "approval.decided"))
    assert (open_ones, decided) == (0, TRIALS)


@pytest.mark.slow
@pytest.mark.rule("FIN-02")
async def test_one_person_can_t_take_both_seats_by_asking_twice_at_once(committed: PooledDatabase) -> None:
    both = sitting_in("deputy_chief_engineer", "deputy_general_manager")

    async def decide(approval_id: UUID) -> str:
        async with committed.session() as session:
            try:
                await service.decide(
                    session,
                    approval_id=approval_id,
                    decision=Decision.APPROVED,
                    comment=None,
                    hooks=ApprovalHooks(),
                    actor=both,
                    now=FRIDAY_NOON,
                )
            except DomainError as refusal:
                return refusal.code
            await session.commit()
            return "taken"

    async with committed.session() as session:
        org = await make_org(session, now=FRIDAY_NOON)
        asked = [(await make_request(session, org=org, now=FRIDAY_NOON, amount_fen=900_000)).id for _ in range(TRIALS)]
        await session.commit()
    for approval_id in asked:
        outcomes = await asyncio.gather(*(decide(approval_id) for _ in range(3)))
        assert Counter(outcomes) == {"taken": 1, "two_people": 2}
