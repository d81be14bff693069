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

from ownercare_api import wiring
from ownercare_api.core import field_keys, jobs, keeping, message_gateway
from ownercare_api.core.clock import Clock, business_date
from ownercare_api.core.crypto import Keyring, load_master_key
from ownercare_api.core.database import Database
from ownercare_api.core.ids import uuid7
from ownercare_api.core.settings import Settings
from ownercare_api.deadlines import alerts, calendar_import
from ownercare_api.deadlines import jobs as deadlines_jobs
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.exchange import jobs as exchange_jobs
from ownercare_api.files import jobs as files_jobs
from ownercare_api.files.storage import Store
from ownercare_api.identity import jobs as identity_jobs
from ownercare_api.owners import jobs as owners_jobs
from ownercare_api.privacy import jobs as privacy_jobs
from ownercare_api.privacy.columns import ENCRYPTED
from ownercare_api.settlements import confirmation
from ownercare_api.tables import metadata
from ownercare_api.timeline.audit import Keeper
from ownercare_api.timeline.chain import SealKey
from ownercare_api.timeline.heads import HeadFile

log = structlog.get_logger()

POLL_SECONDS = 1.0
_ALERTS_AT_ONCE, _JOBS_AT_ONCE, _DEEMED_AT_ONCE = 100, 20, 100
_SENDERS = 3
"""Messages that wait for a gateway at the same time."""
_BEAT, _SWEEP, _HOUSEKEEPING = timedelta(seconds=10), timedelta(seconds=30), timedelta(minutes=10)
_VERIFICATION = timedelta(minutes=10)
_TIDYING = timedelta(hours=6)
_KEYS_SECONDS = 3.0


KEPT = (*keeping.KEPT, *identity_jobs.KEPT)
"""What is not kept for ever, besides looks, copies and files, which their rooms delete."""


@dataclass
class Worker:
    """The parts of one worker process."""

    database: Database
    keyring: Keyring
    calendars: CalendarStore
    handlers: Mapping[str, jobs.AnyHandler]
    sending: frozenset[str] = frozenset()
    """Kinds of jobs that send messages: their gateway may hang, and a code is good for minutes."""
    daily: tuple[str, ...] = ()
    """Kinds of jobs that are queued once a day."""
    on_fired: alerts.OnFired | None = None
    audit: Keeper | None = None
    """Seals and verifies the audit trail."""
    verifying: bool = False
    """In the middle of the day's verification."""
    id: UUID = field(default_factory=uuid7)
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    started_at: datetime | None = None
    _next: dict[str, datetime] = field(default_factory=dict)

    @property
    def short(self) -> dict[str, jobs.AnyHandler]:
        """Return the handlers of jobs that are done in one transaction."""
        return {kind: one for kind, one in self.handlers.items() if not isinstance(one, jobs.LongHandler)}

    @property
    def long(self) -> dict[str, jobs.AnyHandler]:
        """Return the handlers of jobs that last."""
        lasting = {kind: one for kind, one in self.handlers.items() if isinstance(one, jobs.LongHandler)}
        return {kind: one for kind, one in lasting.items() if kind not in self.sending}

    @property
    def senders(self) -> dict[str, jobs.AnyHandler]:
        """Return the handlers of jobs that wait for somebody else's server."""
        return {kind: one for kind, one in self.handlers.items() if kind in self.sending}

    def every(self, pause: timedelta, name: str, *, now: datetime) -> bool:
        """Say whether something that is done now and then is due, and take note."""
        due = self._next.get(name)
        if due is not None and now < due:
            return False
        self._next[name] = now + pause
        return True


def keyring_of(settings: Settings) -> Keyring:
    """Return the installation's keys; those that were added later are learnt from the database."""
    configured = None if settings.master_key is None else settings.master_key.get_secret_value()
    return Keyring.from_master(load_master_key(configured=configured, data_dir=settings.data_dir))


def keeper_of(settings: Settings) -> Keeper:
    """Return what keeps the audit trail, with the key that follows from the settings' master key."""
    configured = None if settings.master_key is None else settings.master_key.get_secret_value()
    master = load_master_key(configured=configured, data_dir=settings.data_dir)
    return Keeper(key=SealKey(master), heads=HeadFile.within(settings.data_dir))


def assemble(*, database: Database, settings: Settings, keyring: Keyring | None = None) -> Worker:
    """Plug the rooms' background work together; without a keyring it is that of the settings."""
    keyring = keyring or keyring_of(settings)
    assert "ticket" in metadata.tables  # every room's tables are known here, whichever rooms the handlers are of
    calendars = CalendarStore()
    return Worker(
        database=database,
        keyring=keyring,
        calendars=calendars,
        handlers={
            **deadlines_jobs.handlers(calendars),
            **identity_jobs.handlers(
                keyring=keyring,
                directory=wiring.identity_directory(keyring),
                gateway=message_gateway.gateway(settings),
            ),
            **exchange_jobs.handlers(wiring.exchange_desk(settings, keyring)),
            **owners_jobs.handlers(),
            **privacy_jobs.handlers(wiring.privacy_parts(settings, keyring)),
            keeping.FORGET: keeping.handler(KEPT),
            files_jobs.SWEEP: files_jobs.sweep_handler(Store(settings.data_dir / "files")),
        },
        sending=frozenset({identity_jobs.SEND}),
        daily=(keeping.FORGET, files_jobs.SWEEP, *owners_jobs.DAILY),
        audit=keeper_of(settings),
    )


async def run(
    *,
    database: Database,
    settings: Settings,
    clock: Clock,
    stop: asyncio.Event,
    poll_seconds: float = POLL_SECONDS,
    keyring: Keyring | None = None,
) -> None:
    """Work until `stop` is set; what is at hand is finished first. Woken by what is queued, and at every poll."""
    worker = assemble(database=database, settings=settings, keyring=keyring)
    async with field_keys.kept_fresh(database, keyring=worker.keyring):
        await _work(worker, clock=clock, stop=stop, poll_seconds=poll_seconds)


async def _work(worker: Worker, *, clock: Clock, stop: asyncio.Event, poll_seconds: float) -> None:
    database, wake = worker.database, asyncio.Event()
    listener = asyncio.create_task(_listen(database, wake=wake, stop=stop))
    long = asyncio.create_task(long_jobs(worker, clock=clock, stop=stop, poll_seconds=poll_seconds))
    sender = asyncio.create_task(messages(worker, clock=clock, stop=stop))
    log.info("worker.started", worker=worker.name)
    keys = asyncio.create_task(rotations(worker, clock=clock, stop=stop))
    try:
        while not stop.is_set():
            wake.clear()
            if not await tick(worker, now=clock()):
                await _first_of(wake, stop, seconds=poll_seconds)
    finally:
        listener.cancel()
        keys.cancel()  # a rotation goes on where it was
        long.cancel()  # what it was at comes back when its lease lapses, or goes on where it was
        sender.cancel()  # a message that may have been accepted is sent again with the same id
        for task in (listener, long, keys, sender):
            with contextlib.suppress(asyncio.CancelledError):
                await task
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
        _tidy,
        _seal,
        _verify,
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
        if not await jobs.run_next(worker.database, handlers=worker.short, now=now):
            return False
    return True


async def long_jobs(worker: Worker, *, clock: Clock, stop: asyncio.Event, poll_seconds: float) -> None:
    """Do the jobs that last, beside everything else: the clocks' alerts never wait for an import."""
    while not stop.is_set():
        try:
            busy = await jobs.run_next(worker.database, handlers=worker.long, now=clock(), clock=clock)
        except Exception as error:
            log.warning("worker.long_jobs_failed", error=type(error).__name__)
            busy = False
        if not busy:
            await _first_of(stop, seconds=poll_seconds)


async def messages(worker: Worker, *, clock: Clock, stop: asyncio.Event) -> None:
    """Send messages, beside everything else: neither a slow gateway nor an import holds the other up. One at a time,
    and several at once while there are more."""

    async def send() -> bool:
        try:
            return await jobs.run_next(worker.database, handlers=worker.senders, now=clock(), clock=clock)
        except Exception as error:
            log.warning("worker.messages_failed", error=type(error).__name__)
            return False

    at_once = 1
    while not stop.is_set():
        sent = await asyncio.gather(*(send() for _ in range(at_once)))
        at_once = _SENDERS if all(sent) else 1
        if not any(sent):
            await _first_of(stop, seconds=POLL_SECONDS)


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


async def _tidy(worker: Worker, now: datetime) -> bool:
    if worker.every(_TIDYING, "tidy", now=now):
        async with worker.database.session() as session:
            await privacy_jobs.tidy(session, now=now)
            await session.commit()
    return False


async def rotations(worker: Worker, *, clock: Clock, stop: asyncio.Event) -> None:
    """Take the steps of a rotation of the field keys, where one runs, beside everything else."""
    while not stop.is_set():
        try:
            await field_keys.advance(worker.database, keyring=worker.keyring, columns=ENCRYPTED, now=clock())
        except Exception as error:
            log.warning("worker.rotation_failed", error=type(error).__name__)
        await _first_of(stop, seconds=_KEYS_SECONDS)


async def _housekeeping(worker: Worker, now: datetime) -> bool:
    if not worker.every(_HOUSEKEEPING, "housekeeping", now=now):
        return False
    async with worker.database.session() as session:
        for rule in KEPT:  # a batch of each now and then; what is left goes with the daily job
            await keeping.forget_some(session, rule=rule, now=now)
        for kind in worker.daily:
            await jobs.enqueue_daily(session, kind=kind, day=business_date(now), run_at=now)
        await session.commit()
    return False


async def _seal(worker: Worker, now: datetime) -> bool:
    """Seal what has happened since into the audit trail's hash chain (CMP-14)."""
    return worker.audit is not None and await worker.audit.seal(worker.database, now=now)


async def _verify(worker: Worker, now: datetime) -> bool:
    """Verify the whole audit trail once a day, a stretch at a time."""
    if worker.audit is None or not (worker.verifying or worker.every(_VERIFICATION, "verification", now=now)):
        return False
    worker.verifying = await worker.audit.verify_some(worker.database, now=now)
    return worker.verifying


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
