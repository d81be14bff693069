"""Use cases: the owner's record: opening it, its plain fields, its telephone numbers (OWN-01 to OWN-04)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from ownercare_api.core.clock import business_date
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.errors import Conflict, FieldError, Invalid, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.core.names import name_sort_key
from ownercare_api.identity import service as identity
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import document_lock, repository, sealing
from ownercare_api.owners.documents import DocumentKind, InvalidDocument, Sex, birth_date_of, check_document, sex_of
from ownercare_api.owners.models import Owner, OwnerPhone
from ownercare_api.owners.ownerships import Purchase, acquire
from ownercare_api.owners.restriction import ensure_usable
from ownercare_api.owners.service import READ, WRITE, owner_for_change
from ownercare_api.timeline import service as timeline


class OwnerExists(Conflict):
    """409: somebody with this document is on record; `Location` names the record where the caller may see it."""

    code = "owner_exists"
    zh = "该证件号码已有业主档案,请在原档案上办理。"
    en = "There is a record for this document already; go on with that one."
    rules = ("OWN-04", "OWN-12")


class HomeMissing(Invalid):
    """422: a record must belong to a project in the caller's reach."""

    code = "home_missing"
    zh = "请至少填写一处您负责项目内的房屋。"
    en = "Name at least one home in a project of yours."
    rules = ("OWN-01",)

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/homes", self.code, self.zh, self.en),))


class DocumentMismatch(Invalid):
    """422: sex or birth date differ from what the document number says."""

    code = "document_mismatch"
    zh, en = "性别或出生日期与证件号码不符。", "Sex or birth date differ from the document number."
    rules = ("OWN-04",)

    def __init__(self, pointer: str) -> None:
        super().__init__(errors=(FieldError(pointer, self.code, self.zh, self.en),))


class PhoneNotFound(NotFound):
    """404: the owner has no such number."""

    code = "phone_not_found"
    zh, en = "该业主没有此电话记录。", "The owner has no such number."


class PhoneKnown(Conflict):
    """409: the owner has this number already."""

    code = "phone_known"
    zh, en = "该业主已登记此电话号码。", "The owner has this number already."


class PrimaryPhone(Conflict):
    """409: the primary number stays until another one takes its place."""

    code = "primary_phone"
    zh, en = (
        "主要联系电话不能删除,请先登记新的主要电话。",
        "The primary number can't be removed; add another one first.",
    )
    rules = ("OWN-01",)


@dataclass(frozen=True, slots=True)
class NewOwner:
    """What was collected at purchase; numbers of phones in normal form with their labels, the primary one first."""

    name: str
    sex: Sex | None
    birth_date: date | None
    document: tuple[DocumentKind, str] | None
    home_address: str | None
    occupation: str | None
    preferences: str | None
    phones: Sequence[tuple[str, str | None]]
    homes: Sequence[Purchase]
    profile: Mapping[str, Any] = field(default_factory=dict)
    """More plain fields: special_needs, preferred_channel, preferred_times, language, purchase_need."""


async def register(
    session: AsyncSession,
    *,
    new: NewOwner,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
    homes_follow: bool = False,
) -> Owner:
    """Open an owner's record with its numbers and homes; with `homes_follow` the caller adds one right after.

    Raises `InvalidDocument`, `DocumentMismatch`, `OwnerExists`, `HomeMissing`, and what `acquire` raises.
    """
    if not new.homes and not homes_follow and not principal.may(WRITE, project_id=None):
        raise HomeMissing
    owner = Owner(
        id=uuid7(),
        name=new.name,
        name_sort=name_sort_key(new.name),
        sex=new.sex,
        birth_date=new.birth_date,
        occupation=new.occupation,
        preferences=new.preferences,
        **new.profile,
    )
    if new.home_address is not None:
        owner.home_address_encrypted = keyring.encrypt(new.home_address, column=sealing.HOME_ADDRESS)
    if new.document is not None:
        await _put_document(session, owner, new=new, keyring=keyring, principal=principal, today=business_date(now))
    session.add(owner)
    await session.flush()
    for place, (number, label) in enumerate(new.phones):
        session.add(_phone(owner.id, number, label=label, is_primary=place == 0, keyring=keyring))
    await session.flush()
    projects = []
    # In one order, so that two registrations never wait for each other's homes.
    for home in sorted(new.homes, key=lambda one: one.unit_id):
        _, unit = await acquire(session, owner_id=owner.id, purchase=home, principal=principal, now=now)
        projects.append(unit.project_id)
    data = {"homes": len(new.homes), "phones": len(new.phones), "has_document": new.document is not None}
    await _record(
        session,
        owner,
        kind="owner.registered",
        data=data,
        principal=principal,
        now=now,
        project=next(iter(projects), None),
    )
    return owner


async def _put_document(
    session: AsyncSession, owner: Owner, *, new: NewOwner, keyring: Keyring, principal: Principal, today: date
) -> None:
    assert new.document is not None
    kind, given = new.document
    try:
        number = check_document(kind=kind, number=given, today=today)
    except InvalidDocument as refusal:
        refusal.errors = (FieldError("#/document/number", refusal.code, refusal.detail("zh-CN"), refusal.detail("en")),)
        raise
    sealed = sealing.seal_document(keyring, number)
    # Two clerks entering the same person at once: the second waits here and then finds the first one's record.
    await document_lock.one(session, number=number, keyring=keyring)
    indexes = keyring.blind_indexes(number, column=sealing.DOCUMENT)
    known = await session.scalar(select(Owner.id).where(Owner.document_index.in_(indexes)).limit(1))
    if known is not None:
        seen = await repository.owner(session, owner_id=known, reach=principal.reach(READ))
        raise OwnerExists(headers={} if seen is None else {"Location": f"/v1/owners/{known}"})
    owner.document_kind, owner.document_masked = kind, sealed.masked
    owner.document_encrypted, owner.document_index = sealed.encrypted, sealed.index
    born, sex = birth_date_of(kind=kind, number=number), sex_of(kind=kind, number=number)
    if born is not None and owner.birth_date not in (None, born):
        raise DocumentMismatch("#/birth_date")
    if sex is not None and owner.sex not in (None, sex):
        raise DocumentMismatch("#/sex")
    owner.birth_date, owner.sex = born or owner.birth_date, sex or owner.sex


async def update(
    session: AsyncSession, *, owner: Owner, changes: Mapping[str, Any], principal: Principal, now: datetime
) -> None:
    """Change plain fields of an owner that the caller locked; identity fields are not among them (OWN-05).

    Raises `OwnerRestricted`.
    """
    ensure_usable(owner, principal=principal)
    changed = {name: value for name, value in changes.items() if getattr(owner, name) != value}
    if not changed:
        return
    for name, value in changed.items():
        setattr(owner, name, value)
    owner.updated_at = now
    await session.flush()
    await _record(session, owner, kind="owner.updated", data={"fields": sorted(changed)}, principal=principal, now=now)


async def add_phone(
    session: AsyncSession,
    *,
    owner_id: UUID,
    number: str,
    label: str | None,
    is_primary: bool,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> Owner:
    """Add a number in normal form; as the primary one it takes the present one's place. Nobody logs in with it before a
    second person has verified it by a change request (OWN-05).

    Raises `OwnerNotFound`, `OutOfReach`, `OwnerRestricted`, `PhoneKnown`.
    """
    owner = await owner_for_change(session, owner_id=owner_id, principal=principal)
    ensure_usable(owner, principal=principal)
    made = _phone(owner_id, number, label=label, is_primary=is_primary, keyring=keyring)
    made.may_log_in = False
    phones = (await session.scalars(select(OwnerPhone).where(OwnerPhone.owner_id == owner_id))).all()
    indexes = keyring.blind_indexes(number, column=sealing.PHONE)
    if any(phone.number_index in indexes for phone in phones):
        raise PhoneKnown
    if is_primary:
        for phone in phones:
            phone.is_primary = False
        await session.flush()  # before the new one: there is never a moment with two
    made.is_primary = is_primary or not phones
    session.add(made)
    _touch(owner, now=now)
    await session.flush()
    data = {"phone_id": str(made.id), "is_primary": made.is_primary}
    await _record(session, owner, kind="owner.phone_added", data=data, principal=principal, now=now)
    return owner


async def remove_phone(
    session: AsyncSession, *, owner_id: UUID, phone_id: UUID, principal: Principal, now: datetime
) -> None:
    """Remove a number that is not the primary one.

    Raises `OwnerNotFound`, `OutOfReach`, `PhoneNotFound`, `PrimaryPhone`.
    """
    owner = await owner_for_change(session, owner_id=owner_id, principal=principal)
    phone = await session.get(OwnerPhone, phone_id)
    if phone is None or phone.owner_id != owner_id:
        raise PhoneNotFound
    if phone.is_primary:
        raise PrimaryPhone
    await session.delete(phone)
    await identity.end_owner_logins(session, owner_id=owner_id, now=now, because="phone_removed")
    _touch(owner, now=now)
    await session.flush()
    data = {"phone_id": str(phone_id)}
    await _record(session, owner, kind="owner.phone_removed", data=data, principal=principal, now=now)


def _touch(owner: Owner, *, now: datetime) -> None:
    """Raise the owner's version though only rows beside it change, also twice in one instant."""
    owner.updated_at = now
    flag_modified(owner, "updated_at")


def _phone(owner_id: UUID, number: str, *, label: str | None, is_primary: bool, keyring: Keyring) -> OwnerPhone:
    sealed = sealing.seal_phone(keyring, number)
    return OwnerPhone(
        id=uuid7(),
        owner_id=owner_id,
        number_encrypted=sealed.encrypted,
        number_index=sealed.index,
        number_masked=sealed.masked,
        is_primary=is_primary,
        label=label,
    )


async def _record(
    session: AsyncSession,
    owner: Owner,
    *,
    kind: str,
    data: dict[str, Any],
    principal: Principal,
    now: datetime,
    project: UUID | None = None,
) -> None:
    await timeline.record(
        session,
        kind=kind,
        subject_kind="owner",
        subject_id=owner.id,
        actor=principal,
        now=now,
        project_id=project,
        rules=("OWN-04",),
        data=data,
    )
