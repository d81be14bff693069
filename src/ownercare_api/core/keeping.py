"""What is kept for how long: each room says which rows of its tables are over, and a job deletes them in batches.

The audit trail, with its denials, and the ledger have no rule: the database refuses to remove a row of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core import idempotency_table
from ownercare_api.core.database import Base
from ownercare_api.core.idempotency_table import IdempotentAnswer
from ownercare_api.core.jobs import Job, LongHandler, Run, WorkerHeartbeat

FORGET = "keeping.forget"
BATCH = 1000
"""Rows of one transaction: short enough that nobody waits for it."""
JOBS_KEPT = timedelta(days=30)
"""Jobs that ended, with their results, and workers not seen any more."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of a table that are not kept any longer."""

    model: type[Base]
    over: Callable[[datetime], ColumnElement[bool]]
    """The condition on the table at an instant."""

    @property
    def table(self) -> Table:
        """Return the table."""
        return cast(Table, self.model.__table__)


def _jobs_over(now: datetime) -> ColumnElement[bool]:
    return Job.finished_at < now - JOBS_KEPT


def _workers_over(now: datetime) -> ColumnElement[bool]:
    return WorkerHeartbeat.seen_at < now - JOBS_KEPT


KEPT = (
    Rule(IdempotentAnswer, idempotency_table.over),
    Rule(Job, _jobs_over),
    Rule(WorkerHeartbeat, _workers_over),
)
"""What the tables of `core` do not keep for ever."""


async def forget_some(session: AsyncSession, *, rule: Rule, now: datetime, limit: int = BATCH) -> int:
    """Delete at most so many rows that are over; returns how many. What somebody works on waits for the next time."""
    key = list(rule.table.primary_key.columns)
    doomed = select(*key).where(rule.over(now)).limit(limit).with_for_update(skip_locked=True)
    one_of_them = tuple_(*key).in_(doomed) if len(key) > 1 else key[0].in_(doomed)
    gone: Any = await session.execute(
        delete(rule.table).where(one_of_them).execution_options(synchronize_session=False)
    )
    return int(gone.rowcount)


def handler(rules: Sequence[Rule], *, batch: int = BATCH) -> LongHandler:
    """Return the handler of `keeping.forget`, to be queued once a day; its result counts the rows by table."""

    async def work(run: Run, args: Mapping[str, Any], now: datetime) -> None:
        gone: dict[str, int] = {}
        for rule in rules:
            name, more = rule.table.name, True
            while more:
                async with run.database.session() as session:
                    count = await forget_some(session, rule=rule, now=now, limit=batch)
                    await session.commit()
                gone[name] = gone.get(name, 0) + count
                more = count == batch
                await run.progress(done=sum(gone.values()), total=None)
        run.result = {"rows": {name: count for name, count in gone.items() if count}}

    return LongHandler(work)
