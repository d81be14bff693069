"""Use cases: a change request is verified by another person, then applied; or rejected, or withdrawn (OWN-05)."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.errors import ConcurrentChange, Conflict, NotFound
from ownercare_api.identity.principal import Principal, PrincipalKind
from ownercare_api.owners.changes import FORMER, SUBMITTED
from ownercare_api.owners.identities import other_holder, present, write
from ownercare_api.owners.lifecycle import CHANGE_LIFECYCLE, NotYourChange, OwnChange
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_changes import OwnerChange, Verification
from ownercare_api.owners.service import VERIFY, OwnerNotFound, acting_for, owner_for_change, projects_of
from ownercare_api.timeline import service as timeline


class ChangeNotFound(NotFound):
    """404: no such change request, or not visible."""

    code = "owner_change_not_found"
    zh, en = "信息变更申请不存在,或您无权查看。", "The change request does not exist, or you may not see it."


class RecordChanged(Conflict):
    """409: the record was changed since the request was entered; what it compares with is gone."""

    code = "record_changed"
    zh = "申请提交后档案已有变动,请驳回或撤回后重新申请。"
    en = "The record was changed since the request was entered; reject or withdraw it and enter another one."
    rules = ("OWN-05",)


@dataclass(frozen=True, slots=True)
class Standing:
    """A change request with who acts, for the guards of `CHANGE_LIFECYCLE`."""

    entered_by: UUID
    makers: frozenset[UUID]
    acting: frozenset[UUID]

    def check_not_own(self, actor: Principal) -> None:
        """Raise `OwnChange` where the actor, or who lent the authority, made the request."""
        if not self.makers.isdisjoint(self.acting | {actor.id}):
            raise OwnChange

    def check_own(self, actor: Principal) -> None:
        """Raise `NotYourChange` where an owner did not make the request himself."""
        if actor.kind is PrincipalKind.OWNER and actor.id != self.entered_by:
            raise NotYourChange


async def verify(
    session: AsyncSession,
    *,
    change_id: UUID,
    verification: Verification,
    note: str | None,
    principal: Principal,
    now: datetime,
) -> OwnerChange:
    """Confirm that the owner means it and that it is true, and say how that was found out.

    Raises `ChangeNotFound`, `OutOfReach`, `WrongStatus`, `OwnChange`, `EmployeeRequired`.
    """
    change, _ = await _step(session, "verification", change_id=change_id, principal=principal)
    change.verified_by, change.verified_by_name, change.verified_at = principal.id, principal.name, now
    change.verification, change.verification_note = verification, note
    await _record(session, change, "verified", principal=principal, now=now, data={"verification": verification.value})
    return change


async def apply(
    session: AsyncSession, *, change_id: UUID, keyring: Keyring, principal: Principal, now: datetime
) -> OwnerChange:
    """Write a verified change to the record; the former values stay with the request.

    Raises `ChangeNotFound`, `OutOfReach`, `WrongStatus`, `RecordChanged`, `OwnerExists`.
    """
    change, owner = await _step(session, "application", change_id=change_id, principal=principal)
    former = json.loads(keyring.decrypt(bytes(change.former_encrypted), column=FORMER))
    if await present(session, owner=owner, fields=change.fields, keyring=keyring) != former:
        raise RecordChanged
    values = json.loads(keyring.decrypt(bytes(change.submitted_encrypted), column=SUBMITTED))
    if "document" in values:
        number = values["document"]["number"]
        await other_holder(session, owner=owner, number=number, keyring=keyring, principal=principal)
    await write(session, owner=owner, values=values, keyring=keyring, now=now)
    _end(change, principal=principal, now=now, reason=None)
    await _record(session, change, "applied", principal=principal, now=now)
    await timeline.record(
        session,
        kind="owner.identity_changed",
        subject_kind="owner",
        subject_id=owner.id,
        actor=principal,
        now=now,
        project_id=min(await projects_of(session, owner_id=owner.id), default=None),
        rules=("OWN-05",),
        data={"change_id": str(change.id), "fields": change.fields},
    )
    return change


async def reject(
    session: AsyncSession, *, change_id: UUID, reason: str, principal: Principal, now: datetime
) -> OwnerChange:
    """Refuse a change, also a verified one that is not applied yet.

    Raises `ChangeNotFound`, `OutOfReach`, `WrongStatus`, `OwnChange`, `EmployeeRequired`.
    """
    change, _ = await _step(session, "rejection", change_id=change_id, principal=principal)
    _end(change, principal=principal, now=now, reason=reason)
    await _record(session, change, "rejected", principal=principal, now=now)
    return change


async def withdraw(
    session: AsyncSession, *, change_id: UUID, reason: str, principal: Principal, now: datetime
) -> OwnerChange:
    """Take a request back that is not applied yet; an owner only his own.

    Raises `ChangeNotFound`, `OutOfReach`, `WrongStatus`, `NotYourChange`.
    """
    change, _ = await _step(session, "withdrawal", change_id=change_id, principal=principal)
    _end(change, principal=principal, now=now, reason=reason)
    await _record(session, change, "withdrawn", principal=principal, now=now)
    return change


async def standing(session: Any, change: Any, *, principal: Principal) -> Standing:
    """Return what the guards look at, from a request's row or object."""
    acting = await acting_for(session, owner_id=change.owner_id, principal=principal, scope=VERIFY)
    return Standing(entered_by=change.entered_by, makers=frozenset(change.makers), acting=acting)


async def _step(
    session: AsyncSession, name: str, *, change_id: UUID, principal: Principal
) -> tuple[OwnerChange, Owner]:
    """Lock the owner, then the request; check the step and take it."""
    owner_id = await session.scalar(select(OwnerChange.owner_id).where(OwnerChange.id == change_id))
    if owner_id is None:
        raise ChangeNotFound
    scope = CHANGE_LIFECYCLE.steps[name].scope
    owner = await _owner(session, owner_id=owner_id, scope=scope, principal=principal)
    change = await session.get_one(OwnerChange, change_id, with_for_update=True, populate_existing=True)
    if change.owner_id != owner_id:
        raise ConcurrentChange  # the records were merged in the meantime
    subject = await standing(session, change, principal=principal)
    change.status = CHANGE_LIFECYCLE.check(name, status=change.status, subject=subject, actor=principal)
    return change, owner


async def _owner(session: AsyncSession, *, owner_id: UUID, scope: str, principal: Principal) -> Owner:
    if principal.kind is PrincipalKind.OWNER:
        if principal.owner_id != owner_id:
            raise ChangeNotFound
        return await session.get_one(Owner, owner_id, with_for_update={"key_share": True}, populate_existing=True)
    try:
        return await owner_for_change(session, owner_id=owner_id, principal=principal, scope=scope)
    except OwnerNotFound:
        raise ChangeNotFound from None


def _end(change: OwnerChange, *, principal: Principal, now: datetime, reason: str | None) -> None:
    change.ended_by, change.ended_by_name, change.ended_at = principal.id, principal.name, now
    change.reason = reason


async def _record(
    session: AsyncSession,
    change: OwnerChange,
    what: str,
    *,
    principal: Principal,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    change.updated_at = now
    await session.flush()
    acting = await acting_for(session, owner_id=change.owner_id, principal=principal, scope=VERIFY)
    lenders = sorted(str(one) for one in acting - {principal.id}) if what in ("verified", "rejected") else []
    await timeline.record(
        session,
        kind=f"owner_change.{what}",
        subject_kind="owner_change",
        subject_id=change.id,
        actor=principal,
        now=now,
        project_id=min(await projects_of(session, owner_id=change.owner_id), default=None),
        rules=("OWN-05",),
        data={
            "owner_id": str(change.owner_id),
            "fields": change.fields,
            **(data or {}),
            **({"on_behalf_of": lenders} if lenders else {}),
        },
    )
