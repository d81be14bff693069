"""Numbers for people: unique, in order of time, also when the first of a day are drawn at once (REP-01, CHN-03)."""

import asyncio
import re
from datetime import date, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.numbers import KINDS, next_number

DAY = date(2026, 11, 21)


@pytest.mark.rule("REP-01")
async def test_the_form(session: AsyncSession) -> None:
    numbers = [await next_number(session, kind="TS", day=DAY) for _ in range(7)]
    assert numbers == [f"TS-20261121-000{n}" for n in range(1, 8)]
    assert await next_number(session, kind="TS", day=DAY + timedelta(days=1)) == "TS-20261122-0001"
    assert await next_number(session, kind="DJ", day=DAY) == "DJ-20261121-0001"


@pytest.mark.rule("CHN-03")
@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_every_kind_has_its_sequence(session: AsyncSession, kind: str) -> None:
    assert await next_number(session, kind=kind, day=DAY) == f"{kind}-20261121-0001"


async def test_a_late_number_of_yesterday_is_still_new(session: AsyncSession) -> None:
    """A call registered for the day before, after the new day began."""
    first = await next_number(session, kind="TS", day=DAY)
    await next_number(session, kind="TS", day=DAY + timedelta(days=1))
    late = await next_number(session, kind="TS", day=DAY)
    assert (first, late > first) == ("TS-20261121-0001", True)
    assert await next_number(session, kind="TS", day=DAY + timedelta(days=1)) > "TS-20261122-0001"


async def test_more_than_four_digits(session: AsyncSession) -> None:
    connection = await session.connection()
    await next_number(session, kind="WJ", day=DAY)
    await connection.exec_driver_sql("SELECT setval('number_seq_wj', currval('number_seq_wj') + 9998)")
    assert await next_number(session, kind="WJ", day=DAY) == "WJ-20261121-10000"


@pytest.mark.slow
@pytest.mark.rule("REP-01")
async def test_unique_and_in_order_when_a_day_begins(committed: PooledDatabase) -> None:
    """Eight callers at the first instant of a day, twenty times; each waits for its commit before it draws again."""
    for trial in range(20):
        day = DAY + timedelta(days=trial)
        together = asyncio.Barrier(8)

        async def draw(day: date = day, together: asyncio.Barrier = together) -> list[str]:
            mine = []
            await together.wait()
            for _ in range(3):
                async with committed.session() as session:
                    mine.append(await next_number(session, kind="TS", day=day))
                    await session.commit()
            return mine

        drawn = await asyncio.gather(*(draw() for _ in range(8)))
        for mine in drawn:
            assert mine == sorted(mine), trial
        everything = [number for mine in drawn for number in mine]
        assert len(set(everything)) == 24, trial
        assert all(re.fullmatch(rf"TS-{day:%Y%m%d}-[0-9]{{4}}", number) for number in everything)
        async with committed.session() as session:
            assert await next_number(session, kind="TS", day=day) > max(everything), trial


@pytest.mark.slow
async def test_the_first_of_a_day_may_fail(committed: PooledDatabase) -> None:
    """Its transaction rolls back while others wait for it: they get numbers, each one once."""
    for trial in range(20):
        day = DAY + timedelta(days=trial)

        async def draw(keep: bool, day: date = day) -> str | None:
            async with committed.session() as session:
                number = await next_number(session, kind="PG", day=day)
                await (session.commit() if keep else session.rollback())
            return number if keep else None

        drawn = await asyncio.gather(*(draw(n % 2 == 1) for n in range(8)))
        kept = [number for number in drawn if number is not None]
        assert len(set(kept)) == 4, trial
