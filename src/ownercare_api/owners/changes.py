"""Use case: an owner notifies a change of what identifies him; it is entered, not yet applied (OWN-05).

New and former values are kept encrypted as JSON; `identities` reads what the record holds now.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.errors import FieldError, Invalid
from ownercare_api.core.ids import uuid7
from ownercare_api.core.numbers import next_number
from ownercare_api.identity.principal import Principal, PrincipalKind, Reach
from ownercare_api.owners import evidence, repository_changes
from ownercare_api.owners.archive import DocumentMismatch
from ownercare_api.owners.documents import DocumentKind, InvalidDocument, birth_date_of, check_document, sex_of
from ownercare_api.owners.identities import Phones, masked, other_holder, present
from ownercare_api.owners.lifecycle import ChangeStatus
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_changes import ChangeChannel, OwnerChange
from ownercare_api.owners.service import WRITE, OwnerNotFound, acting_for, owner_for_change, projects_of
from ownercare_api.timeline import service as timeline

SUBMITTED, FORMER = "owner_change.submitted", "owner_change.former"
"""The columns that the values are encrypted for."""
FIELDS = ("name", "document", "sex", "birth_date", "home_address", "add_phones", "remove_phones", "primary_phone")
"""What a change request may be about, in this order."""


class NothingChanges(Invalid):
    """422: the record says all of this already, or nothing was given."""

    code = "nothing_changes"
    zh, en = "所填内容与现有档案相同,无需变更。", "The record says all of this already."
    rules = ("OWN-05",)


@dataclass(frozen=True, slots=True)
class Notice:
    """How the owner told us, and what proves it."""

    channel: ChangeChannel
    note: str | None
    evidence_file_ids: Sequence[UUID]


async def submit(
    session: AsyncSession,
    *,
    owner_id: UUID,
    changes: Mapping[str, Any],
    notice: Notice,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> OwnerChange:
    """Enter what an owner notified. `changes` holds JSON values by the names of `FIELDS`; numbers in normal form.

    Raises `OwnerNotFound`, `OutOfReach`, `FileNotUsable`, `NothingChanges`, `InvalidDocument`, `DocumentMismatch`,
    `OwnerExists`, `PhoneKnown`, `PhoneNotFound`, `PrimaryPhone`.
    """
    owner = await owner_for_change(session, owner_id=owner_id, principal=principal)
    return await _enter(session, owner, changes=changes, notice=notice, keyring=keyring, principal=principal, now=now)


async def submit_own(
    session: AsyncSession,
    *,
    changes: Mapping[str, Any],
    note: str | None,
    evidence_file_ids: Sequence[UUID],
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> OwnerChange:
    """Enter what an owner, who calls himself, wants changed; raises as `submit` does."""
    if principal.kind is not PrincipalKind.OWNER or principal.owner_id is None:
        raise OwnerNotFound
    owner = await session.get(Owner, principal.owner_id, with_for_update={"key_share": True}, populate_existing=True)
    if owner is None or owner.merged_into is not None:
        raise OwnerNotFound
    notice = Notice(ChangeChannel.PORTAL, note, evidence_file_ids)
    return await _enter(session, owner, changes=changes, notice=notice, keyring=keyring, principal=principal, now=now)


def listed_own(*, owner_id: UUID) -> Select[Any]:
    """Return the query of an owner's own change requests, without order, for the owner himself: columns of the request
    but its encrypted values, and `owner_name`; continued by the id."""
    return repository_changes.changes(Reach(), filters={}, own=owner_id)


async def _enter(
    session: AsyncSession,
    owner: Owner,
    *,
    changes: Mapping[str, Any],
    notice: Notice,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> OwnerChange:
    projects = await projects_of(session, owner_id=owner.id)
    files = notice.evidence_file_ids
    await evidence.check(session, file_ids=files, about=[owner.id], project_ids=projects, principal=principal, now=now)
    wanted = await _checked(session, owner, changes, keyring=keyring, principal=principal, now=now)
    fields = [name for name in FIELDS if name in wanted]
    former = await present(session, owner=owner, fields=fields, keyring=keyring)
    made = OwnerChange(
        id=uuid7(),
        number=await next_number(session, kind="BG", day=business_date(now)),
        owner_id=owner.id,
        status=ChangeStatus.SUBMITTED,
        fields=fields,
        submitted_encrypted=keyring.encrypt(json.dumps(wanted, ensure_ascii=False), column=SUBMITTED),
        former_encrypted=keyring.encrypt(json.dumps(former, ensure_ascii=False), column=FORMER),
        submitted_masked=masked(wanted),
        former_masked=masked(former),
        channel=notice.channel,
        note=notice.note,
        evidence_file_ids=list(notice.evidence_file_ids),
        entered_by=principal.id,
        entered_by_kind=principal.kind.value,
        entered_by_name=principal.name,
        makers=sorted(await acting_for(session, owner_id=owner.id, principal=principal, scope=WRITE)),
        entered_at=now,
    )
    session.add(made)
    await session.flush()
    await timeline.record(
        session,
        kind="owner_change.submitted",
        subject_kind="owner_change",
        subject_id=made.id,
        actor=principal,
        now=now,
        project_id=min(projects, default=None),
        rules=("OWN-05",),
        data={"owner_id": str(owner.id), "number": made.number, "fields": fields, "channel": made.channel.value},
    )
    return made


async def _checked(
    session: AsyncSession,
    owner: Owner,
    changes: Mapping[str, Any],
    *,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> dict[str, Any]:
    """What is new in a request, with what a new document says of sex and birth date."""
    wanted = dict(changes)
    former = await present(session, owner=owner, fields=FIELDS, keyring=keyring)
    if "document" in wanted:
        await _check_document(session, owner, wanted, keyring=keyring, principal=principal, now=now)
    elif former["document"] is not None and ("sex" in wanted or "birth_date" in wanted):
        _check_against(wanted, DocumentKind(former["document"]["kind"]), former["document"]["number"])
    for name in ("name", "document", "sex", "birth_date", "home_address"):
        if name in wanted and wanted[name] == former[name]:
            del wanted[name]
    for name in ("add_phones", "remove_phones"):
        if not wanted.get(name, True):
            del wanted[name]
    phones = Phones.read(former["add_phones"])
    if "primary_phone" in wanted and wanted["primary_phone"] == phones.primary and phones.verified:
        del wanted["primary_phone"]
    phones.check(wanted)
    if not wanted:
        raise NothingChanges
    return wanted


async def _check_document(
    session: AsyncSession,
    owner: Owner,
    wanted: dict[str, Any],
    *,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> None:
    kind = DocumentKind(wanted["document"]["kind"])
    try:
        number = check_document(kind=kind, number=wanted["document"]["number"], today=business_date(now))
    except InvalidDocument as refusal:
        pointer = "#/changes/document/number"
        refusal.errors = (FieldError(pointer, refusal.code, refusal.detail("zh-CN"), refusal.detail("en")),)
        raise
    await other_holder(session, owner=owner, number=number, keyring=keyring, principal=principal)
    wanted["document"] = {"kind": kind.value, "number": number}
    _check_against(wanted, kind, number)
    born, sex = birth_date_of(kind=kind, number=number), sex_of(kind=kind, number=number)
    if born is not None:
        wanted["birth_date"] = born.isoformat()
    if sex is not None:
        wanted["sex"] = sex.value


def _check_against(wanted: Mapping[str, Any], kind: DocumentKind, number: str) -> None:
    born, sex = birth_date_of(kind=kind, number=number), sex_of(kind=kind, number=number)
    if born is not None and wanted.get("birth_date", born.isoformat()) != born.isoformat():
        raise DocumentMismatch("#/changes/birth_date")
    if sex is not None and wanted.get("sex", sex.value) != sex.value:
        raise DocumentMismatch("#/changes/sex")
