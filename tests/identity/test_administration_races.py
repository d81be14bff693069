"""Two administrators at the same moment, on a really committed database: one always remains."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON
from tests.factories.administration import ADMINISTRATOR, account_of, grant_of

from ownercare_api import wiring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.errors import DomainError
from ownercare_api.identity import administrators, delegations, grants, people
from ownercare_api.identity.grants import GrantEndReason
from ownercare_api.identity.models import Account, Delegation, GrantLevel, RoleGrant
from ownercare_api.identity.people import DisablementReason
from ownercare_api.identity.principal import Grant, Principal, PrincipalKind, Reach
from ownercare_api.identity.roles import ROLES

TRIALS = 20
NOW = FRIDAY_NOON
AROUND = wiring.identity_surroundings()
Work = Callable[[AsyncSession], Awaitable[object]]


def principal_of(account_id: UUID, role: str = ADMINISTRATOR) -> Principal:
    held = (Grant(role, ROLES[role].scopes, Reach(everywhere=True)),)
    return Principal(kind=PrincipalKind.STAFF, id=account_id, name="丁浩然", grants=held)


async def two_administrators(database: PooledDatabase, trial: int) -> tuple[list[Principal], list[UUID]]:
    """Two administrators and nobody else who administers."""
    async with database.session() as session:
        await session.execute(
            update(RoleGrant).where(RoleGrant.ends_at.is_(None)).values(ends_at=NOW - timedelta(minutes=1))
        )
        accounts = [account_of(f"admin.{trial}.{number}") for number in range(2)]
        session.add_all(accounts)
        await session.flush()
        held = [grant_of(one.id, role=ADMINISTRATOR, starts_at=NOW - timedelta(days=1)) for one in accounts]
        session.add_all(held)
        await session.commit()
    return [principal_of(one.id) for one in accounts], [one.id for one in held]


async def at_once(database: PooledDatabase, *works: Work) -> list[str]:
    """Run transactions side by side; returns "done" or the code of the refusal of each."""

    async def run(work: Work) -> str:
        async with database.session() as session:
            try:
                await work(session)
            except DomainError as refusal:
                return refusal.code
            await session.commit()
            return "done"

    return list(await asyncio.gather(*map(run, works)))


async def remaining(database: PooledDatabase) -> int:
    async with database.session() as session:
        query = (
            select(func.count())
            .select_from(RoleGrant)
            .join(Account, Account.id == RoleGrant.account_id)
            .where(
                RoleGrant.role == ADMINISTRATOR,
                RoleGrant.level == GrantLevel.COMPANY,
                RoleGrant.ends_at.is_(None),
                Account.disabled_at.is_(None),
            )
        )
        return int(await session.scalar(query) or 0)


def ending(by: Principal, grant_id: UUID) -> Work:
    return lambda session: grants.end(
        session,
        grant_id=grant_id,
        ends_at=None,
        reason=GrantEndReason.OTHER,
        surroundings=AROUND,
        principal=by,
        now=NOW,
    )


def disabling(by: Principal, person_id: UUID) -> Work:
    return lambda session: people.disable(
        session,
        person_id=person_id,
        reason=DisablementReason.OTHER,
        surroundings=AROUND,
        principal=by,
        now=NOW,
    )


@pytest.mark.slow
@pytest.mark.rule("ORG-10", "ORG-28")
async def test_one_administrator_remains_in_every_race(committed: PooledDatabase) -> None:
    seen: Counter[str] = Counter()
    for trial in range(TRIALS):
        for number, ways in enumerate(("each other's grants", "each his own grant", "each other", "mixed")):
            (one, two), (first, second) = await two_administrators(committed, trial * 10 + number)
            works = {
                "each other's grants": (ending(one, second), ending(two, first)),
                "each his own grant": (ending(one, first), ending(two, second)),
                "each other": (disabling(one, two.id), disabling(two, one.id)),
                "mixed": (disabling(one, two.id), ending(two, first)),
            }[ways]
            outcomes = await at_once(committed, *works)
            assert outcomes.count("done") == 1, (ways, outcomes)
            assert await remaining(committed) == 1, ways
            seen.update(f"{ways}: {outcome}" for outcome in outcomes)
    assert seen["each his own grant: last_administrator"] == TRIALS
    assert seen["each other: out_of_reach"] == TRIALS


@pytest.mark.slow
@pytest.mark.rule("ORG-10")
async def test_the_same_grant_and_delegation_are_made_once(committed: PooledDatabase) -> None:
    async with committed.session() as session:
        admin_id = await administrators.add_administrator(
            session,
            username="admin",
            name="丁浩然",
            password="云栖-管理-2026-口令",
            record=AROUND.record,
            now=NOW - timedelta(days=1),
        )
        await session.commit()
    admin = principal_of(admin_id)
    for trial in range(TRIALS):
        async with committed.session() as session:
            person, deputy = account_of(f"person.{trial}"), account_of(f"deputy.{trial}")
            session.add_all([person, deputy])
            await session.flush()
            grant = grant_of(person.id, role="auditor", starts_at=NOW - timedelta(days=1))
            session.add(grant)
            await session.commit()

        def giving(session: AsyncSession, person_id: UUID = person.id) -> Awaitable[object]:
            return grants.give(
                session,
                person_id=person_id,
                role="records_clerk",
                level=GrantLevel.COMPANY,
                target_id=None,
                starts_at=None,
                ends_at=None,
                reason="同时授权",
                surroundings=AROUND,
                principal=admin,
                now=NOW,
            )

        def lending(session: AsyncSession, grant: RoleGrant = grant, deputy_id: UUID = deputy.id) -> Awaitable[object]:
            return delegations.make(
                session,
                grant_id=grant.id,
                to_person_id=deputy_id,
                starts_at=None,
                ends_at=NOW + timedelta(days=1),
                reason="同时委托",
                surroundings=AROUND,
                principal=principal_of(grant.account_id, "auditor"),
                now=NOW,
            )

        outcomes = await at_once(committed, giving, lending, giving, lending, giving)
        assert Counter(outcomes) == {"done": 2, "grant_overlaps": 2, "delegation_overlaps": 1}
    async with committed.session() as session:
        assert await session.scalar(select(func.count()).select_from(Delegation)) == TRIALS
