"""Use cases: a person's request is entered, decided by another, withdrawn, completed, lifted (PIPL art. 44 to 50)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core import jobs
from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import Conflict, FieldError, Invalid, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.core.numbers import next_number
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.due import add_workdays
from ownercare_api.identity.principal import SYSTEM, Principal
from ownercare_api.owners import service as owners
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_changes import OwnerChange
from ownercare_api.privacy import repository
from ownercare_api.privacy.lifecycle import (
    APPROVE,
    LIFECYCLE,
    MANAGE,
    READ,
    IdentityCheck,
    NotErasable,
    OwnRequest,
    RefusalGround,
    RequestChannel,
    RequestKind,
    RequestStatus,
)
from ownercare_api.privacy.models import PrivacyRequest
from ownercare_api.timeline import service as timeline

DUE_WORKDAYS = 15
"""Within so many working days the person gets the outcome, or the reasons why not."""
EXECUTE = "privacy.execute"
BY_WORKER = frozenset({RequestKind.COPY, RequestKind.RESTRICTION, RequestKind.ERASURE, RequestKind.OBJECTION})


class RequestNotFound(NotFound):
    """404: no such request, or not visible."""

    code = "privacy_request_not_found"
    zh, en = "个人信息请求不存在,或您无权查看。", "The request does not exist, or you may not see it."


class RequestOpen(Conflict):
    """409: a request of this kind is open for this owner."""

    code = "privacy_request_open"
    zh, en = "该业主已有同类请求在办理或生效中。", "A request of this kind is open or in force for this owner."


class ReceivedOutOfRange(Invalid):
    """422: received in the future."""

    code = "received_out_of_range"
    zh, en = "收到时间不能晚于现在。", "It can't have been received in the future."

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/received_at", self.code, self.zh, self.en),))


class ChangeNotAbout(Invalid):
    """422: the named change request is missing, or not about this owner, or was not applied."""

    code = "change_not_applied"
    zh, en = "所填信息变更申请不存在、未生效或与该业主无关。", "No applied change request of this owner."

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/change_id", self.code, self.zh, self.en),))


_GROUNDS: Mapping[RefusalGround, tuple[str, str]] = {
    RefusalGround.OPEN_CASES: ("有未办结的工单", "open cases"),
    RefusalGround.UNPAID: ("维修费用尚未结清", "repairs not settled and paid"),
}


async def enter(
    session: AsyncSession,
    *,
    owner_id: UUID,
    kind: RequestKind,
    channel: RequestChannel,
    identity_check: IdentityCheck,
    identity_note: str | None,
    reason: str | None,
    received_at: datetime | None,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> PrivacyRequest:
    """Enter what a person asked for; due within fifteen working days.

    Raises `OwnerNotFound`, `OwnerMerged`, `OutOfReach`, `RequestOpen`, `ReceivedOutOfRange`.
    """
    if received_at is not None and received_at > now:
        raise ReceivedOutOfRange
    await owners.owner_for_change(session, owner_id=owner_id, principal=principal, scope=MANAGE)
    acting = await owners.acting_for(session, owner_id=owner_id, principal=principal, scope=MANAGE)
    since = received_at or now
    return await keep(
        session,
        PrivacyRequest(
            id=uuid7(),
            number=await next_number(session, kind="GX", day=business_date(now)),
            owner_id=owner_id,
            kind=kind,
            status=RequestStatus.RECEIVED,
            channel=channel,
            identity_check=identity_check,
            identity_note=identity_note,
            reason=reason,
            received_at=since,
            due_at=add_workdays(calendar=calendar, instant=since, n=DUE_WORKDAYS),
            entered_by=principal.id,
            entered_by_name=principal.name,
            makers=sorted(acting),
        ),
        principal=principal,
        now=now,
    )


async def keep(
    session: AsyncSession, request: PrivacyRequest, *, principal: Principal, now: datetime
) -> PrivacyRequest:
    """Write a new request; raises `RequestOpen` where one of its kind is open."""
    try:
        async with session.begin_nested():
            session.add(request)
            await session.flush()
    except IntegrityError as error:
        if "uq_privacy_request_open" in str(error.orig):
            raise RequestOpen from None
        raise
    await record(session, request, "entered", actor=principal, now=now, data={"channel": request.channel.value})
    return request


async def take(session: AsyncSession, *, request_id: UUID, step: str, principal: Principal) -> PrivacyRequest:
    """Lock a request for a step and move it; raises `RequestNotFound`, `OutOfReach`, and what the table forbids."""
    scope = LIFECYCLE.steps[step].scope
    seen = [await repository.one(session, request_id=request_id, reach=principal.reach(one)) for one in (READ, scope)]
    if not any(row is not None for row in seen):
        raise RequestNotFound
    request = await session.get(PrivacyRequest, request_id, with_for_update=True, populate_existing=True)
    assert request is not None
    places = [*await owners.projects_of(session, owner_id=request.owner_id), None]
    if not any(principal.may(scope, project_id=place) for place in places):
        principal.require(scope, project_id=None)
    if scope == APPROVE:
        acting = await owners.acting_for(session, owner_id=request.owner_id, principal=principal, scope=scope)
        if acting & set(request.makers):
            raise OwnRequest
    request.status = LIFECYCLE.check(step, status=request.status, subject=request, actor=principal)
    return request


async def approve(
    session: AsyncSession, *, request_id: UUID, note: str | None, principal: Principal, now: datetime
) -> PrivacyRequest:
    """Approve a request; the worker carries it out, but for a correction.

    Raises `NotErasable` and what `take` raises.
    """
    request = await take(session, request_id=request_id, step="approval", principal=principal)
    if request.kind is RequestKind.ERASURE:
        standing = await blocked(session, request=request, now=now)
        if standing:
            words = [_GROUNDS[ground] for ground in standing]
            named = ("、".join(zh for zh, _ in words), ", ".join(en for _, en in words))
            raise NotErasable(hindrances=named)
    _decide(request, note=note, principal=principal, now=now)
    await start(session, request, requester_id=principal.id, now=now)
    await record(session, request, "approved", actor=principal, now=now)
    return request


async def start(session: AsyncSession, request: PrivacyRequest, *, requester_id: UUID, now: datetime) -> None:
    """Queue what the worker does for an approved request."""
    if request.kind in BY_WORKER:
        request.job_id = await jobs.enqueue_for(
            session,
            kind=EXECUTE,
            args={"request_id": str(request.id)},
            run_at=now,
            requester_id=requester_id,
            project_id=next(iter(sorted(await owners.projects_of(session, owner_id=request.owner_id))), None),
            unit="rooms",
        )
        await session.flush()


async def refuse(
    session: AsyncSession,
    *,
    request_id: UUID,
    ground: RefusalGround,
    note: str,
    principal: Principal,
    now: datetime,
) -> PrivacyRequest:
    """Refuse a request on a ground that the law knows; the person is told `note`."""
    request = await take(session, request_id=request_id, step="refusal", principal=principal)
    _decide(request, note=note, principal=principal, now=now)
    request.refusal_ground = ground
    await record(session, request, "refused", actor=principal, now=now, data={"ground": ground.value})
    return request


async def withdraw(session: AsyncSession, *, request_id: UUID, principal: Principal, now: datetime) -> PrivacyRequest:
    """The person takes the request back before it is decided."""
    request = await take(session, request_id=request_id, step="withdrawal", principal=principal)
    await end_withdrawn(session, request, principal=principal, now=now)
    return request


async def end_withdrawn(session: AsyncSession, request: PrivacyRequest, *, principal: Principal, now: datetime) -> None:
    """Write down who took a request back, and when."""
    _end(request, principal=principal, now=now)
    await record(session, request, "withdrawn", actor=principal, now=now)


async def complete(
    session: AsyncSession, *, request_id: UUID, change_id: UUID, principal: Principal, now: datetime
) -> PrivacyRequest:
    """A correction was made by a change request that was verified and applied (OWN-05); raises `ChangeNotAbout`."""
    request = await take(session, request_id=request_id, step="completion", principal=principal)
    query = select(OwnerChange.status).where(OwnerChange.id == change_id, OwnerChange.owner_id == request.owner_id)
    status = await session.scalar(query)
    if status is None or status.value != "applied":
        raise ChangeNotAbout
    request.change_id = change_id
    _end(request, principal=principal, now=now)
    await record(session, request, "done", actor=principal, now=now, data={"change_id": str(change_id)})
    return request


async def lift(
    session: AsyncSession, *, request_id: UUID, note: str, principal: Principal, now: datetime
) -> PrivacyRequest:
    """End a restriction that holds."""
    request = await take(session, request_id=request_id, step="lifting", principal=principal)
    owner = await session.get(Owner, request.owner_id, with_for_update={"key_share": True}, populate_existing=True)
    assert owner is not None
    owner.restricted_at, owner.updated_at = None, now
    request.decision_note = note
    _end(request, principal=principal, now=now)
    await record(session, request, "lifted", actor=principal, now=now)
    return request


async def hindrances(connection: repository.Connection, *, request: Any, now: datetime) -> tuple[RefusalGround, ...]:
    """Return what still needs an owner's data, as grounds of refusal; the first two stand in the way of erasure."""
    ids = [request.owner_id]
    found = []
    if await repository.open_cases(connection, owner_ids=ids):
        found.append(RefusalGround.OPEN_CASES)
    if await repository.unpaid(connection, owner_ids=ids):
        found.append(RefusalGround.UNPAID)
    if await repository.holds_home(connection, owner_ids=ids, today=business_date(now)):
        found.append(RefusalGround.WARRANTY_RUNNING)
    return tuple(found)


async def blocked(connection: repository.Connection, *, request: Any, now: datetime) -> list[RefusalGround]:
    """Return what stands in the way of an erasure."""
    return [ground for ground in await hindrances(connection, request=request, now=now) if ground in _GROUNDS]


async def reopen(session: AsyncSession, request: PrivacyRequest, *, now: datetime) -> None:
    """A case was opened, or money became due, since an erasure was approved: it is decided again."""
    request.status, request.job_id, request.updated_at = RequestStatus.RECEIVED, None, now
    request.decided_by = request.decided_by_name = request.decided_at = request.decision_note = None
    await record(session, request, "reopened", actor=SYSTEM, now=now)


def _decide(request: PrivacyRequest, *, note: str | None, principal: Principal, now: datetime) -> None:
    request.decided_by, request.decided_by_name = principal.id, principal.name
    request.decided_at = request.updated_at = now
    request.decision_note = note


def _end(request: PrivacyRequest, *, principal: Principal | None, now: datetime) -> None:
    if principal is not None:
        request.ended_by, request.ended_by_name = principal.id, principal.name
    request.ended_at = request.updated_at = now


async def record(
    session: AsyncSession,
    request: PrivacyRequest,
    what: str,
    *,
    actor: Principal,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """Put a step on the timeline; no word of the person's."""
    await session.flush()
    projects = await owners.projects_of(session, owner_id=request.owner_id)
    await timeline.record(
        session,
        kind=f"privacy_request.{what}",
        subject_kind="privacy_request",
        subject_id=request.id,
        actor=actor,
        now=now,
        project_id=min(projects, default=None),
        rules=("OWN-07",),
        data={"kind": request.kind.value, "owner_id": str(request.owner_id), **(data or {})},
    )
