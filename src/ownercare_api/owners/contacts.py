"""Use cases: whom to turn to about an owner: in an emergency, of the family, an agent (紧急联系人、家属、代理人)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.errors import Conflict, FieldError, Invalid, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.core.phones import mask_phone
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import evidence, sealing
from ownercare_api.owners.models_records import ContactRelation, OwnerContactPerson
from ownercare_api.owners.service import owner_for_change, projects_of
from ownercare_api.timeline import service as timeline

NUMBER = "owner_contact_person.number"
"""The column that a contact's number is encrypted for. Its blind index is that of owners' numbers, so that one search
finds both."""
MOST = 50
"""Contacts that an owner may have at a time."""


class ContactNotFound(NotFound):
    """404: the owner has no such contact."""

    code = "contact_not_found"
    zh, en = "该业主没有此联系人。", "The owner has no such contact."


class ContactEnded(Conflict):
    """409: the contact was ended; enter a new one."""

    code = "contact_ended"
    zh, en = "该联系人已停用,请另行登记。", "The contact was ended; enter a new one."


class TooManyContacts(Conflict):
    """409: an owner has fifty contacts at most."""

    code = "too_many_contacts"
    zh, en = "联系人已达 50 人上限。", "An owner has fifty contacts at most."


class AuthorisationMissing(Invalid):
    """422: who may speak for the owner does so by an authorisation."""

    code = "authorisation_missing"
    zh = "可代表业主的联系人须填写授权说明。"
    en = "Say what the owner authorised, and how."
    rules = ("OWN-07",)

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/authorisation", self.code, self.zh, self.en),))


class ContactPeriod(Invalid):
    """422: a contact ends after it begins."""

    code = "contact_period"
    zh, en = "结束日期不能早于开始日期。", "The end is before the beginning."

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/valid_to", self.code, self.zh, self.en),))


@dataclass(frozen=True, slots=True)
class NewContact:
    """A contact as it was given; the number in normal form."""

    name: str
    relation: ContactRelation
    number: str
    is_emergency: bool
    valid_from: date
    valid_to: date | None
    may_speak_for_owner: bool
    authorisation: str | None
    authorisation_file_id: UUID | None
    note: str | None


async def add(
    session: AsyncSession, *, owner_id: UUID, new: NewContact, keyring: Keyring, principal: Principal, now: datetime
) -> OwnerContactPerson:
    """Enter a contact of an owner.

    Raises `OwnerNotFound`, `OutOfReach`, `TooManyContacts`, `AuthorisationMissing`, `ContactPeriod`, `FileNotUsable`.
    """
    await owner_for_change(session, owner_id=owner_id, principal=principal)
    present = select(OwnerContactPerson.id).where(
        OwnerContactPerson.owner_id == owner_id, OwnerContactPerson.valid_to.is_(None)
    )
    if len((await session.scalars(present)).all()) >= MOST:
        raise TooManyContacts
    contact = OwnerContactPerson(
        id=uuid7(),
        owner_id=owner_id,
        name=new.name,
        relation=new.relation,
        is_emergency=new.is_emergency,
        valid_from=new.valid_from,
        valid_to=new.valid_to,
        may_speak_for_owner=new.may_speak_for_owner,
        authorisation=new.authorisation,
        authorisation_file_id=new.authorisation_file_id,
        note=new.note,
        recorded_by=principal.id,
        recorded_by_name=principal.name,
    )
    _seal(contact, new.number, keyring=keyring)
    await _check(session, contact, principal=principal, now=now)
    session.add(contact)
    await session.flush()
    data = {"relation": contact.relation.value, "may_speak_for_owner": contact.may_speak_for_owner}
    await _record(session, contact, "owner.contact_added", principal=principal, now=now, data=data)
    return contact


async def for_change(
    session: AsyncSession, *, owner_id: UUID, contact_id: UUID, principal: Principal
) -> OwnerContactPerson:
    """Return a contact locked for change.

    Raises `OwnerNotFound`, `OutOfReach`, `ContactNotFound`, `ContactEnded`.
    """
    await owner_for_change(session, owner_id=owner_id, principal=principal)
    contact = await session.get(OwnerContactPerson, contact_id, with_for_update=True, populate_existing=True)
    if contact is None or contact.owner_id != owner_id:
        raise ContactNotFound
    return contact


async def update(
    session: AsyncSession,
    *,
    contact: OwnerContactPerson,
    changes: Mapping[str, Any],
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> None:
    """Change a contact that the caller locked.

    Raises `ContactEnded`, `AuthorisationMissing`, `ContactPeriod`, `FileNotUsable`.
    """
    if contact.valid_to is not None and contact.valid_to <= business_date(now):
        raise ContactEnded
    fields = dict(changes)
    number = fields.pop("number", None)
    changed = [name for name, value in fields.items() if getattr(contact, name) != value]
    for name in changed:
        setattr(contact, name, fields[name])
    if number is not None and keyring.decrypt(bytes(contact.number_encrypted), column=NUMBER) != number:
        _seal(contact, number, keyring=keyring)
        changed.append("number")
    if not changed:
        return
    await _check(session, contact, principal=principal, now=now)
    contact.updated_at = now
    await session.flush()
    await _record(
        session, contact, "owner.contact_updated", principal=principal, now=now, data={"fields": sorted(changed)}
    )


async def end(session: AsyncSession, *, contact: OwnerContactPerson, principal: Principal, now: datetime) -> None:
    """End a contact that the caller locked: from today on it is not one any more; raises `ContactEnded`."""
    today = business_date(now)
    if contact.valid_to is not None and contact.valid_to <= today:
        raise ContactEnded
    contact.valid_to, contact.updated_at = max(today, contact.valid_from), now
    await session.flush()
    await _record(session, contact, "owner.contact_ended", principal=principal, now=now)


def _seal(contact: OwnerContactPerson, number: str, *, keyring: Keyring) -> None:
    contact.number_encrypted = keyring.encrypt(number, column=NUMBER)
    contact.number_index = keyring.blind_index(number, column=sealing.PHONE)
    contact.number_masked = mask_phone(number)


async def _check(session: AsyncSession, contact: OwnerContactPerson, *, principal: Principal, now: datetime) -> None:
    if contact.may_speak_for_owner and contact.authorisation is None:
        raise AuthorisationMissing
    if contact.valid_to is not None and contact.valid_to < contact.valid_from:
        raise ContactPeriod
    if contact.authorisation_file_id is not None:
        projects = await projects_of(session, owner_id=contact.owner_id)
        files = [contact.authorisation_file_id]
        about = [contact.owner_id]
        await evidence.check(session, file_ids=files, about=about, project_ids=projects, principal=principal, now=now)


async def _record(
    session: AsyncSession,
    contact: OwnerContactPerson,
    kind: str,
    *,
    principal: Principal,
    now: datetime,
    data: Mapping[str, Any] | None = None,
) -> None:
    await timeline.record(
        session,
        kind=kind,
        subject_kind="owner",
        subject_id=contact.owner_id,
        actor=principal,
        now=now,
        project_id=min(await projects_of(session, owner_id=contact.owner_id), default=None),
        rules=("OWN-01", "OWN-07"),
        data={"contact_id": str(contact.id), **(data or {})},
    )
