"""Publications at the same moment, on a really committed database: what is in force follows from all of them."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select
from tests.conftest import FRIDAY_NOON
from tests.factories.org import HEAD_OFFICE, Org, make_org

from ownercare_api.core.database import PooledDatabase
from ownercare_api.policies import service
from ownercare_api.policies.catalogue import FACTORY
from ownercare_api.policies.models import PolicyInForce, PolicyLevel, PolicyVersion
from ownercare_api.policies.service import ProjectPlace, ProjectTree
from ownercare_api.properties.service import policy_places

TRIALS = 20
GROUP_KEYS = ("survey_visit.workdays", "repair.single_trade_workdays", "repair.multi_trade_workdays")
REGION_KEY, PROJECT_KEY, SHARED = "callback.max_attempts", "survey.min_per_year", "callback.workdays"


async def publish(database: PooledDatabase, *, level: PolicyLevel, org: Org, key: str, value: int, trial: int) -> None:
    target = {PolicyLevel.GROUP: None, PolicyLevel.REGION: org.region.id, PolicyLevel.PROJECT: org.project.id}[level]
    at = FRIDAY_NOON + timedelta(hours=trial, milliseconds=value)
    async with database.session() as session:
        await service.publish(
            session,
            level=level,
            target_id=target,
            values={key: value, SHARED: value},
            effective_from=at,
            reason="并发发布",
            tree=ProjectTree(places=policy_places),
            actor=HEAD_OFFICE,
            now=at,
        )
        await session.commit()


@pytest.mark.slow
@pytest.mark.rule("ADM-08")
async def test_publications_at_once_leave_one_consistent_policy(committed: PooledDatabase) -> None:
    async with committed.session() as session:
        org = await make_org(session, now=FRIDAY_NOON, values={})
        await session.commit()
    expected = dict(FACTORY)
    for trial in range(TRIALS):
        values = {key: 1 + (trial * 7 + place) % 30 for place, key in enumerate(GROUP_KEYS)}
        await asyncio.gather(
            *(
                publish(committed, level=PolicyLevel.GROUP, org=org, key=key, value=value, trial=trial)
                for key, value in values.items()
            ),
            publish(committed, level=PolicyLevel.REGION, org=org, key=REGION_KEY, value=2 + trial % 5, trial=trial),
            publish(committed, level=PolicyLevel.PROJECT, org=org, key=PROJECT_KEY, value=1 + trial, trial=trial),
        )
        expected |= values | {REGION_KEY: 2 + trial % 5, PROJECT_KEY: 1 + trial}
        expected[SHARED] = 1 + trial  # the project's own
        async with committed.session() as session:
            found = await service.in_force(
                session, project_id=org.project.id, at=FRIDAY_NOON + timedelta(hours=trial, minutes=30)
            )
        assert dict(found.values) == expected
    async with committed.session() as session:
        numbers = (
            await session.execute(
                select(PolicyVersion.level, PolicyVersion.number).order_by(PolicyVersion.level, PolicyVersion.number)
            )
        ).all()
        starts = list(
            await session.scalars(select(PolicyInForce.effective_from).order_by(PolicyInForce.effective_from))
        )
        versions = set(await session.scalars(select(PolicyVersion.effective_from)))
    per_level = {level: [row.number for row in numbers if row.level is level] for level in PolicyLevel}
    assert per_level == {
        PolicyLevel.GROUP: list(range(1, 3 * TRIALS + 1)),
        PolicyLevel.REGION: list(range(1, TRIALS + 1)),
        PolicyLevel.PROJECT: list(range(1, TRIALS + 1)),
    }
    assert set(starts) - {FRIDAY_NOON - timedelta(days=365)} == versions
    assert len(starts) == len(set(starts))


@pytest.mark.slow
@pytest.mark.rule("ADM-08")
async def test_a_project_opened_during_a_publication_has_it_too(committed: PooledDatabase) -> None:
    async with committed.session() as session:
        org = await make_org(session, now=FRIDAY_NOON, values={})
        await session.commit()

    async def open_one(trial: int) -> Org:
        async with committed.session() as session:
            fresh = await make_org(session, now=FRIDAY_NOON, values={}, name=f"新盘{trial}", region=org.region)
            later = ProjectPlace(project_id=fresh.project.id, region_id=org.region.id)
            await service.open_project(session, place=later, now=FRIDAY_NOON + timedelta(hours=trial))
            await session.commit()
        return fresh

    for trial in range(TRIALS):
        key, value = GROUP_KEYS[0], 2 + trial
        fresh, _ = await asyncio.gather(
            open_one(trial),
            publish(committed, level=PolicyLevel.GROUP, org=org, key=key, value=value, trial=trial),
        )
        async with committed.session() as session:
            at = FRIDAY_NOON + timedelta(hours=trial, minutes=30)
            for place in (org, fresh):
                found = await service.in_force(session, project_id=place.project.id, at=at)
                assert found.integer(key) == value
