"""The audit trail at work: sealing and the daily verification for the worker, its state, looks into it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.database import Database
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.timeline import repository_audit as repository
from ownercare_api.timeline import sealing, service
from ownercare_api.timeline.chain import Head, SealKey
from ownercare_api.timeline.heads import HeadFile
from ownercare_api.timeline.models_audit import AuditVerification
from ownercare_api.timeline.sealing import ChainBroken
from ownercare_api.timeline.verifying import Report, verify

log = structlog.get_logger()

LATE = timedelta(minutes=5)
"""Unsealed for longer than this, something is wrong: no worker runs, or it refuses to go on."""
STRETCH = 50_000
"""Entries that the worker verifies at a time, about a second: alerts and jobs wait no longer."""
_SAME_LOOK = timedelta(minutes=10)
_BATCHES_AT_ONCE = 5
_LOCK = select(func.pg_try_advisory_xact_lock(func.hashtext("audit_verify")))


@dataclass
class Keeper:
    """What a worker needs to keep the audit trail: the key, and the file that remembers the head."""

    key: SealKey
    heads: HeadFile
    _said: set[str] = field(default_factory=set)

    async def seal(self, database: Database, *, now: datetime) -> bool:
        """Seal what is complete; returns whether there may be more at once."""
        for _ in range(_BATCHES_AT_ONCE):
            try:
                sealed = await sealing.seal(database, key=self.key, now=now, known=self._known())
            except ChainBroken as broken:
                self._say_once("audit.chain_broken", code=broken.code, position=broken.position)
                return False
            if sealed is None:
                return False
            self._keep(sealed.checkpoint.head)
            if not sealed.more:
                return False
        return True

    def _known(self) -> Head | None:
        try:
            return self.heads.read()
        except (OSError, ValueError):
            self._say_once("audit.head_file_damaged")
            return None

    def _keep(self, head: Head) -> None:
        try:
            self.heads.keep(head)
        except OSError:
            self._say_once("audit.head_file_not_written")

    def _say_once(self, what: str, **facts: Any) -> None:
        if (said := f"{what} {facts}") not in self._said:
            self._said.add(said)
            log.error(what, **facts)

    async def verify_some(self, database: Database, *, now: datetime) -> bool:
        """Go on with the day's verification, a stretch of it; returns whether more is left. One worker at a time."""
        async with database.session() as session:
            if not (await session.execute(_LOCK)).scalar_one() or await repository.latest(session) is None:
                return False
            last = await repository.last_verification(session)
            fresh = last is None or last.complete
            if last is not None and last.complete and business_date(last.began_at) == business_date(now):
                return False
            report = await verify(
                database,
                keys=[self.key.public],
                start=0 if fresh else last.position,
                expect=[head for head in [self._known()] if head is not None],
                at_most=STRETCH,
            )
            began_at, before, spent = (now, 0, 0) if fresh else (last.began_at, last.entries, last.milliseconds)
            await record(session, report, began_at=began_at, entries=before, milliseconds=spent, now=now)
            await session.commit()
        if report.fault is not None:
            log.error("audit.broken", code=report.fault.code, position=report.fault.position, seq=report.fault.seq)
        elif report.complete:
            log.info("audit.verified", head=str(report.head), entries=before + report.entries)
        return report.fault is None and not report.complete


async def record(
    session: AsyncSession, report: Report, *, began_at: datetime, now: datetime, entries: int = 0, milliseconds: int = 0
) -> None:
    """Keep what a verification found; `entries` and `milliseconds` are those of its earlier stretches."""
    fault = report.fault
    await session.execute(
        insert(AuditVerification).values(
            id=uuid7(),
            began_at=began_at,
            at=now,
            position=report.head.position,
            digest=report.head.digest,
            entries=entries + report.entries,
            milliseconds=milliseconds + round(report.seconds * 1000),
            complete=report.complete or fault is not None,
            fault_code=None if fault is None else fault.code,
            fault_position=None if fault is None else fault.position,
            fault_stream=None if fault is None else fault.stream,
            fault_seq=None if fault is None else fault.seq,
        )
    )


@dataclass(frozen=True, slots=True)
class State:
    """How the audit trail is doing."""

    head: Head | None
    sealed_at: datetime | None
    waiting: int
    lag: timedelta
    """For how long the oldest complete row waits to be sealed; zero where none does."""
    verification: Any
    """The last stretch that was verified; None where none was."""

    @property
    def late(self) -> bool:
        """Say whether sealing is behind."""
        return self.lag > LATE

    @property
    def broken(self) -> bool:
        """Say whether the last verification found a fault."""
        return self.verification is not None and self.verification.fault_code is not None


async def state(connection: AsyncConnection | AsyncSession, *, now: datetime) -> State:
    """Return how the audit trail is doing; four statements."""
    checkpoint = await repository.latest(connection)
    waiting = await repository.waiting(connection, checkpoint=checkpoint)
    lag = timedelta(0)
    if waiting.since is not None:
        # What is entered afterwards, such as old cases, waits only since the last checkpoint.
        since = waiting.since if checkpoint is None else max(waiting.since, checkpoint.at)
        lag = max(now - since, lag)
    return State(
        head=None if checkpoint is None else Head(checkpoint.position, bytes(checkpoint.digest)),
        sealed_at=None if checkpoint is None else checkpoint.at,
        waiting=waiting.count,
        lag=lag,
        verification=await repository.last_verification(connection),
    )


async def looked(
    connection: AsyncConnection | AsyncSession,
    *,
    principal: Principal,
    what: str,
    filters: dict[str, str],
    project_id: UUID | None,
    now: datetime,
) -> None:
    """Record that somebody looks into the audit trail; the same look again within ten minutes is the same look."""
    look: dict[str, Any] = {"what": what, "filters": filters}
    if await repository.looked_lately(connection, actor_id=principal.id, look=look, since=now - _SAME_LOOK):
        return
    await service.record(
        connection,
        kind="audit.read",
        subject_kind="audit",
        subject_id=principal.id,
        project_id=project_id,
        actor=principal,
        now=now,
        rules=("CMP-14",),
        data=look,
    )
