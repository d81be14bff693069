"""Composition root of the background worker: alerts of the clocks, jobs, the calendar's sweep, housekeeping.

Any number of workers may run side by side: every piece of work is claimed by a row lock.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select

from ownercare_api.core import idempotency_table, jobs
from ownercare_api.core.clock import Clock, business_date
from ownercare_api.core.database import Database
from ownercare_api.core.ids import uuid7
from ownercare_api.core.settings import Settings
from ownercare_api.deadlines import alerts, calendar_import
from ownercare_api.deadlines import jobs as deadlines_jobs
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.files import jobs as files_jobs
from ownercare_api.files.storage import Store
from ownercare_api.settlements import confirmation
from ownercare_api.tables import metadata

log = structlog.get_logger()

POLL_SECONDS = 1.0
_ALERTS_AT_ONCE, _JOBS_AT_ONCE, _DEEMED_AT_ONCE = 100, 20, 100
_JOBS_KEPT = timedelta(days=30)
_BEAT, _SWEEP, _HOUSEKEEPING = timedelta(seconds=10), timedelta(seconds=30), timedelta(minutes=10)


@dataclass
class Worker:
    """The parts of one worker process."""

    database: Database
    calendars: CalendarStore
    handlers: Mapping[str, jobs.Handler]
    daily: tuple[str, ...] = ()
    """Kinds of jobs that are queued once a day."""
    on_fired: alerts.OnFired | None = None
    id: UUID = field(default_factory=uuid7)
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    started_at: datetime | None = None
    _next: dict[str, datetime] = field(default_factory=dict)

    def every(self, pause: timedelta, name: str, *, now: datetime) -> bool:
        """Say whether something that is done now and then is due, and take note."""
        due = self._next.get(name)
        if due is not None and now < due:
            return False
        self._next[name] = now + pause
        return True


def assemble(*, database: Database, settings: Settings) -> Worker:
    """Plug the rooms' background work together."""
    assert "ticket" in metadata.tables  # every room's tables are known here, whichever rooms the handlers are of
    calendars = CalendarStore()
    return Worker(
        database=database,
        calendars=calendars,
        handlers={
            **deadlines_jobs.handlers(calendars),
            files_jobs.SWEEP: files_jobs.sweep_handler(Store(settings.data_dir / "files")),
        },
        daily=(files_jobs.SWEEP,),
    )


async def run(
    *,
    database: Database,
    settings: Settings,
    clock: Clock,
    stop: asyncio.Event,
    poll_seconds: float = POLL_SECONDS,
) -> None:
    """Work until `stop` is set; what is at hand is finished first. Woken by what is queued, and at every poll."""
    worker = assemble(database=database, settings=settings)
    wake = asyncio.Event()
    listener = asyncio.create_task(_listen(database, wake=wake, stop=stop))
    log.info("worker.started", worker=worker.name)
    try:
        while not stop.is_set():
            wake.clear()
            if not await tick(worker, now=clock()):
                await _first_of(wake, stop, seconds=poll_seconds)
    finally:
        listener.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listener
        with contextlib.suppress(Exception):  # the database may be what went away
            async with database.session() as session:
                await jobs.sign_off(session, worker_id=worker.id)
                await session.commit()
        log.info("worker.stopped", worker=worker.name)


async def tick(worker: Worker, *, now: datetime) -> bool:
    """Make one pass over everything; says whether there may be more to do at once. A part that fails is logged."""
    parts: tuple[Callable[[Worker, datetime], Awaitable[bool]], ...] = (
        _beat,
        _alerts,
        _jobs,
        _silence,
        _sweep,
        _housekeeping,
    )
    busy = False
    for part in parts:
        try:
            busy = await part(worker, now) or busy
        except OSError as error:
            log.warning("worker.database_away", error=type(error).__name__)
            return False
        except Exception as error:
            log.error("worker.part_failed", part=part.__name__.strip("_"), exc_info=error)
    return busy


async def _beat(worker: Worker, now: datetime) -> bool:
    worker.started_at = worker.started_at or now
    if worker.every(_BEAT, "beat", now=now):
        async with worker.database.session() as session:
            await jobs.beat(session, worker_id=worker.id, name=worker.name, started_at=worker.started_at, now=now)
            await session.commit()
    return False


async def _alerts(worker: Worker, now: datetime) -> bool:
    async with worker.database.session() as session:
        calendar = await worker.calendars.get(session)
        fired = await alerts.fire(session, now=now, calendar=calendar, limit=_ALERTS_AT_ONCE, on_fired=worker.on_fired)
        await session.commit()
    return fired > 0


async def _jobs(worker: Worker, now: datetime) -> bool:
    for _ in range(_JOBS_AT_ONCE):
        if not await jobs.run_next(worker.database, handlers=worker.handlers, now=now):
            return False
    return True


async def _silence(worker: Worker, now: datetime) -> bool:
    """Deem settlements confirmed whose contractor stayed silent through period and reminder (FIN-07, reading 11)."""
    async with worker.database.session() as session:
        deemed = await confirmation.deem_confirmed_when_silent(session, now=now, limit=_DEEMED_AT_ONCE)
        await session.commit()
    return deemed > 0


async def _sweep(worker: Worker, now: datetime) -> bool:
    if not worker.every(_SWEEP, "sweep", now=now):
        return False
    async with worker.database.session() as session:
        worker.calendars.forget()
        calendar = await worker.calendars.get(session)
        await calendar_import.sweep(session, calendar=calendar, now=now)
        await session.commit()
    return False


async def _housekeeping(worker: Worker, now: datetime) -> bool:
    if not worker.every(_HOUSEKEEPING, "housekeeping", now=now):
        return False
    async with worker.database.session() as session:
        await idempotency_table.forget(session, now=now)
        await jobs.forget(session, before=now - _JOBS_KEPT)
        for kind in worker.daily:
            await jobs.enqueue_daily(session, kind=kind, day=business_date(now), run_at=now)
        await session.commit()
    return False


async def _listen(database: Database, *, wake: asyncio.Event, stop: asyncio.Event) -> None:
    """Set `wake` whenever a job is queued; connects again when the connection is lost, polling carries on meanwhile."""

    def woken(*_: Any) -> None:
        wake.set()

    while not stop.is_set():
        try:
            async with database.reader() as connection:
                driver: Any = (await connection.get_raw_connection()).driver_connection
                lost = asyncio.Event()
                driver.add_termination_listener(lambda _: lost.set())  # noqa: B023 - of this connection
                await driver.add_listener(jobs.CHANNEL, woken)
                try:
                    while not stop.is_set():
                        await _first_of(stop, lost, seconds=15)
                        await connection.execute(select(1))  # notices a server that is gone without a word
                finally:
                    if not driver.is_closed():
                        await driver.remove_listener(jobs.CHANNEL, woken)
        except Exception as error:
            log.warning("worker.listener_lost", error=type(error).__name__)
            await _first_of(stop, seconds=POLL_SECONDS)


async def _first_of(*events: asyncio.Event, seconds: float) -> None:
    """Wait until one of the events is set, or for so long."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
