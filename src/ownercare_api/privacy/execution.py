"""Use cases: what the worker does for an approved request, with progress: copy, restriction, erasure, objection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import String, cast, delete, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core import jobs
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.personal import Person, Room
from ownercare_api.files import personal as files
from ownercare_api.files.storage import Store
from ownercare_api.identity.principal import SYSTEM
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_records import Consent, ConsentChannel, ConsentPurpose
from ownercare_api.privacy import answers, copies, requests
from ownercare_api.privacy.lifecycle import LIFECYCLE, RequestKind, RequestStatus
from ownercare_api.privacy.models import PrivacyCopy, PrivacyRequest
from ownercare_api.privacy.persons import person_of
from ownercare_api.privacy.requests import record

OPTIONAL = (
    ConsentPurpose.MARKETING,
    ConsentPurpose.EVENTS,
    ConsentPurpose.SATISFACTION_SURVEYS,
    ConsentPurpose.PHOTOGRAPHS,
    ConsentPurpose.RECORDINGS,
)
"""What rests on consent alone, and ends with an objection."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the worker works with. The order of the rooms is that of their foreign keys, attachments last."""

    keyring: Keyring
    store: Store
    rooms: Sequence[Room]


async def execute(run: jobs.Run, args: Mapping[str, Any], now: datetime, *, parts: Parts) -> None:
    """Carry a request out; one that was carried out already is left alone."""
    request_id, contents = UUID(args["request_id"]), frozenset[str]()
    async with run.database.session() as session:
        request = await session.get(PrivacyRequest, request_id, with_for_update=True)
        if request is None or request.status is not RequestStatus.APPROVED:
            return
        match request.kind:
            case RequestKind.ERASURE:
                if await requests.blocked(session, request=request, now=now):
                    await requests.reopen(session, request, now=now)
                    await session.commit()
                    return
                contents = await _erase(session, run, request, parts=parts, now=now)
            case RequestKind.COPY:
                request.outcome = await _copy(session, run, request, parts=parts, now=now)
            case RequestKind.RESTRICTION:
                await _restrict(session, request, now=now)
            case RequestKind.OBJECTION:
                request.outcome = {"withdrawn": await _object(session, request, now=now)}
            case RequestKind.CORRECTION:  # staff do it, by a change request
                return
        request.status = LIFECYCLE.check("execution", status=request.status, subject=request, actor=SYSTEM)
        what = "done"
        if request.kind is RequestKind.RESTRICTION:
            request.status, what = RequestStatus.IN_FORCE, "in_force"
        else:
            request.ended_at = now
        request.updated_at = now
        await record(session, request, what, actor=SYSTEM, now=now)
        run.result = {"request_id": str(request_id), **(request.outcome or {})}
        await session.commit()
    if contents:
        async with run.database.session() as session:
            await files.shred(session, store=parts.store, contents=contents, now=now)


async def _erase(
    session: AsyncSession, run: jobs.Run, request: PrivacyRequest, *, parts: Parts, now: datetime
) -> frozenset[str]:
    """Erase a person from every room in one transaction; returns the contents of attachments that may go."""
    person = await person_of(session, owner_id=request.owner_id, keyring=parts.keyring)
    await session.execute(select(Owner.id).where(Owner.id.in_(person.owner_ids)).order_by(Owner.id).with_for_update())
    contents = await files.hashes(session, person=person)
    outcome: dict[str, Any] = {}
    for done, room in enumerate(parts.rooms):
        await run.progress(done=done, total=len(parts.rooms))
        found = await room.erase(session, person=person, keyring=parts.keyring, now=now)
        outcome |= {table: rows for table, rows in found.items() if rows}
    outcome |= await _leftovers(session, person, parts=parts, now=now)
    await session.flush()
    session.expire(request)
    await session.refresh(request)
    request.outcome = {"rows": outcome}
    await run.progress(done=len(parts.rooms), total=len(parts.rooms))
    return contents


async def _leftovers(session: AsyncSession, person: Person, *, parts: Parts, now: datetime) -> dict[str, int]:
    """Stored answers, arguments of jobs, this room's own requests and copies."""
    gone = await answers.forget(session, person=person, keyring=parts.keyring)
    indexes = [one.hex() for one in person.phone_indexes]
    if indexes:
        named = or_(*(cast(jobs.Job.args, String).contains(one) for one in indexes))
        await session.execute(
            update(jobs.Job).where(named).values(args={}).execution_options(synchronize_session=False)
        )
    own = select(PrivacyRequest.id).where(PrivacyRequest.owner_id.in_(person.owner_ids))
    await session.execute(delete(PrivacyCopy).where(PrivacyCopy.request_id.in_(own)))
    blank = update(PrivacyRequest).where(PrivacyRequest.owner_id.in_(person.owner_ids))
    await session.execute(
        blank.values(reason=None, identity_note=None, decision_note=None).execution_options(synchronize_session=False)
    )
    await _close_others(session, person, now=now)
    return {"idempotent_answer": gone}


async def _close_others(session: AsyncSession, person: Person, *, now: datetime) -> None:
    """Nothing is left to copy, correct, restrict or object to."""
    ends = {
        RequestStatus.RECEIVED: RequestStatus.WITHDRAWN,
        RequestStatus.APPROVED: RequestStatus.WITHDRAWN,
        RequestStatus.IN_FORCE: RequestStatus.LIFTED,
    }
    query = select(PrivacyRequest).where(
        PrivacyRequest.owner_id.in_(person.owner_ids),
        PrivacyRequest.kind != RequestKind.ERASURE,
        PrivacyRequest.status.in_(ends),
    )
    for other in (await session.scalars(query.execution_options(populate_existing=True).with_for_update())).all():
        other.status, other.ended_at, other.updated_at = ends[other.status], now, now
        await record(session, other, other.status.value, actor=SYSTEM, now=now)


async def _copy(
    session: AsyncSession, run: jobs.Run, request: PrivacyRequest, *, parts: Parts, now: datetime
) -> dict[str, Any]:
    person = await person_of(session, owner_id=request.owner_id, keyring=parts.keyring)
    collected: dict[str, Any] = {}
    for done, room in enumerate(parts.rooms):
        await run.progress(done=done, total=len(parts.rooms))
        collected |= await room.collect(session, person=person, keyring=parts.keyring)
    kept = copies.seal(request_id=request.id, collected=collected, keyring=parts.keyring, now=now)
    session.add(kept)
    await session.flush()
    await run.progress(done=len(parts.rooms), total=len(parts.rooms))
    return {"size_bytes": kept.size_bytes, "sha256": kept.sha256}


async def _restrict(session: AsyncSession, request: PrivacyRequest, *, now: datetime) -> None:
    owner = await session.get(Owner, request.owner_id, with_for_update={"key_share": True})
    assert owner is not None
    owner.restricted_at, owner.updated_at = now, now


async def _object(session: AsyncSession, request: PrivacyRequest, *, now: datetime) -> list[str]:
    """Withdraw every consent that the owner gave to what rests on consent alone."""
    latest = (
        select(Consent.purpose, Consent.given)
        .where(Consent.owner_id == request.owner_id, Consent.purpose.in_(OPTIONAL))
        .ext(distinct_on(Consent.purpose))
        .order_by(Consent.purpose, Consent.at.desc(), Consent.id.desc())
    )
    given = [row.purpose for row in (await session.execute(latest)).all() if row.given]
    for purpose in given:
        session.add(
            Consent(
                owner_id=request.owner_id,
                purpose=purpose,
                given=False,
                at=now,
                channel=ConsentChannel.PORTAL if request.channel.value == "portal" else ConsentChannel.LETTER,
                recorded_by=request.entered_by,
                recorded_by_name=request.entered_by_name,
                recorded_at=now,
            )
        )
    await session.flush()
    return sorted(purpose.value for purpose in given)
