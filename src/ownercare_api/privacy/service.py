"""What the rooms above ask: an owner's own requests and the copy of his data (业主本人)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.ids import uuid7
from ownercare_api.core.numbers import next_number
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.due import add_workdays
from ownercare_api.identity.principal import SYSTEM, Principal
from ownercare_api.owners import sharing
from ownercare_api.owners.own import self_of
from ownercare_api.privacy import copies
from ownercare_api.privacy.lifecycle import LIFECYCLE, IdentityCheck, RequestChannel, RequestKind, RequestStatus
from ownercare_api.privacy.models import PrivacyCopy, PrivacyRequest
from ownercare_api.privacy.requests import DUE_WORKDAYS, RequestNotFound, end_withdrawn, keep, record, start


async def ask(
    session: AsyncSession,
    *,
    kind: RequestKind,
    reason: str | None,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> PrivacyRequest:
    """Enter what an owner asks for himself; the login with a one-time code has identified him.

    A copy and an objection concern nobody else and are carried out at once; the rest is decided by staff. Raises
    `NotAnOwner`, `RequestOpen`.
    """
    owner_id = self_of(principal)
    at_once = kind in (RequestKind.COPY, RequestKind.OBJECTION)
    request = PrivacyRequest(
        id=uuid7(),
        number=await next_number(session, kind="GX", day=business_date(now)),
        owner_id=owner_id,
        kind=kind,
        status=RequestStatus.APPROVED if at_once else RequestStatus.RECEIVED,
        channel=RequestChannel.PORTAL,
        identity_check=IdentityCheck.ONE_TIME_CODE,
        reason=reason,
        received_at=now,
        due_at=add_workdays(calendar=calendar, instant=now, n=DUE_WORKDAYS),
        entered_by=principal.id,
        entered_by_name=principal.name,
        makers=[principal.id],
        decided_by_name=SYSTEM.name if at_once else None,
        decided_at=now if at_once else None,
    )
    await keep(session, request, principal=principal, now=now)
    if at_once:
        await start(session, request, requester_id=principal.id, now=now)
        await record(session, request, "approved", actor=SYSTEM, now=now)
    return request


def own_requests(*, principal: Principal) -> Select[Any]:
    """Return the query of an owner's own requests, without order: id, number, kind, status, reason, received_at,
    due_at, decided_at, refusal_ground, decision_note, ended_at, version, copy_expires_at; continued by `KEY`."""
    row = PrivacyRequest
    columns: list[Any] = [
        row.id, row.number, row.kind, row.status, row.reason, row.received_at, row.due_at, row.decided_at,
        row.refusal_ground, row.decision_note, row.ended_at, row.version,
        PrivacyCopy.expires_at.label("copy_expires_at"),
    ]  # fmt: skip
    query = select(*columns).outerjoin(PrivacyCopy, PrivacyCopy.request_id == row.id)
    return query.where(row.owner_id == self_of(principal))


async def withdraw_own(
    session: AsyncSession, *, request_id: UUID, principal: Principal, now: datetime
) -> PrivacyRequest:
    """Take back a request about oneself that nobody has decided yet, also one that staff entered at one's word.

    Raises `NotAnOwner`, `RequestNotFound`, `WrongStatus`.
    """
    own = select(PrivacyRequest).where(PrivacyRequest.id == request_id, PrivacyRequest.owner_id == self_of(principal))
    request = await session.scalar(own.with_for_update().execution_options(populate_existing=True))
    if request is None:
        raise RequestNotFound
    request.status = LIFECYCLE.check("withdrawal", status=request.status, subject=request, actor=principal)
    await end_withdrawn(session, request, principal=principal, now=now)
    return request


def own_steps(row: Any) -> list[str]:
    """Return what an owner may do with a request about himself: take it back until it is decided."""
    return ["withdrawal"] if row.status in LIFECYCLE.steps["withdrawal"].sources else []


KEY = PrivacyRequest.__table__.c.id
"""The column by which lists of requests are ordered and continued."""


async def own_copy(
    session: AsyncSession, *, request_id: UUID, keyring: Keyring, principal: Principal, now: datetime
) -> bytes:
    """Return the archive that an owner asked for; raises `NotAnOwner`, `RequestNotFound`, `CopyGone`."""
    request = await session.get(PrivacyRequest, request_id)
    if request is None or request.owner_id != self_of(principal) or request.kind is not RequestKind.COPY:
        raise RequestNotFound
    return await copies.fetch(session, request_id=request_id, keyring=keyring, now=now)


def own_sharings(*, principal: Principal) -> Select[Any]:
    """Return the query of what partner firms were given of an owner's data; `owners.sharing.KEY` continues it."""
    return sharing.sharings(owner_id=self_of(principal))
