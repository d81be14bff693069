"""Background work of the owner room."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.jobs import AnyHandler, LongHandler, Run
from ownercare_api.owners import payments_due
from ownercare_api.owners.repository_changes import refresh_twins

NOTE_DUE, COMPARE = "contract_payments.note_due", "owners.compare_recent"
DAILY = (NOTE_DUE, COMPARE)
_RECENT = timedelta(days=3)
_AT_ONCE = 500


async def _note_due(run: Run, args: Mapping[str, Any], now: datetime) -> None:
    """Record what became due or overdue under purchase contracts, some hundred a transaction."""
    done = 0
    while True:
        async with run.database.session() as session:
            found = await payments_due.note(session, now=now, limit=_AT_ONCE)
            await session.commit()
        done += found
        if found < _AT_ONCE:
            break
        await run.progress(done=done, total=None)
    run.result = {"noted": done}


async def _compare(session: AsyncSession, args: Mapping[str, Any], now: datetime) -> None:
    """Look for duplicates among the records of the last days once more."""
    await refresh_twins(session, since=now - _RECENT)


def handlers() -> dict[str, AnyHandler]:
    """Return this room's handlers; all are to be queued once a day (`DAILY`)."""
    return {NOTE_DUE: LongHandler(_note_due), COMPARE: _compare}
