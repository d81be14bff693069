"""What identifies an owner, as JSON values in clear for change requests: read, masked, compared, written (OWN-05)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.ids import uuid7
from ownercare_api.core.names import name_sort_key
from ownercare_api.core.phones import mask_phone
from ownercare_api.identity import service as identity
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import document_lock, repository, sealing
from ownercare_api.owners.archive import OwnerExists, PhoneKnown, PhoneNotFound, PrimaryPhone
from ownercare_api.owners.documents import DocumentKind, Sex, mask_document
from ownercare_api.owners.models import Owner, OwnerPhone
from ownercare_api.owners.service import READ

PHONES = ("add_phones", "remove_phones", "primary_phone")
_HIDDEN = "******"


async def present(session: AsyncSession, *, owner: Owner, fields: Collection[str], keyring: Keyring) -> dict[str, Any]:
    """Return what the record says now of some fields. Of each field about telephones, all of them: what is added or
    removed depends on what is there."""
    found: dict[str, Any] = {}
    for name in fields:
        if name in PHONES:
            continue
        found[name] = _plain(owner, name, keyring=keyring)
    if any(name in PHONES for name in fields):
        query = select(OwnerPhone).where(OwnerPhone.owner_id == owner.id).order_by(OwnerPhone.id)
        phones = [
            {
                "id": str(phone.id),
                "number": keyring.decrypt(bytes(phone.number_encrypted), column=sealing.PHONE),
                "label": phone.label,
                "is_primary": phone.is_primary,
                "may_log_in": phone.may_log_in,
            }
            for phone in await session.scalars(query.execution_options(populate_existing=True))
        ]
        found |= {name: phones for name in fields if name in PHONES}
    return found


def _plain(owner: Owner, name: str, *, keyring: Keyring) -> Any:
    if name == "document":
        if owner.document_encrypted is None or owner.document_kind is None:
            return None
        number = keyring.decrypt(bytes(owner.document_encrypted), column=sealing.DOCUMENT)
        return {"kind": owner.document_kind.value, "number": number}
    if name == "home_address":
        if owner.home_address_encrypted is None:
            return None
        return keyring.decrypt(bytes(owner.home_address_encrypted), column=sealing.HOME_ADDRESS)
    if name == "birth_date":
        return None if owner.birth_date is None else owner.birth_date.isoformat()
    if name == "sex":
        return None if owner.sex is None else owner.sex.value
    return owner.name


def masked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values for display."""
    shown: dict[str, Any] = {}
    for name, value in values.items():
        if value is None:
            shown[name] = None
        elif name == "document":
            shown[name] = {"kind": value["kind"], "number": mask_document(value["number"])}
        elif name == "home_address":
            shown[name] = _HIDDEN
        elif name == "primary_phone" and isinstance(value, str):
            shown[name] = mask_phone(value)
        elif name in PHONES:
            shown[name] = [
                one if isinstance(one, str) else one | {"number": mask_phone(one["number"])} for one in value
            ]
        else:
            shown[name] = value
    return shown


@dataclass(frozen=True, slots=True)
class Phones:
    """An owner's telephone numbers in clear, by id."""

    numbers: Mapping[str, str]
    primary_id: str | None
    verified: bool
    """The primary number was collected with the record, or verified since."""

    @classmethod
    def read(cls, rows: Sequence[Mapping[str, Any]]) -> "Phones":
        """Read what `present` found."""
        primary = next((row for row in rows if row["is_primary"]), None)
        return cls(
            numbers={row["id"]: row["number"] for row in rows},
            primary_id=None if primary is None else primary["id"],
            verified=primary is not None and primary["may_log_in"],
        )

    @property
    def primary(self) -> str | None:
        """Return the primary number."""
        return None if self.primary_id is None else self.numbers[self.primary_id]

    def check(self, wanted: Mapping[str, Any]) -> None:
        """Raise why numbers can't be added, removed or made the primary one: `PhoneKnown`, `PhoneNotFound`,
        `PrimaryPhone`."""
        added = [one["number"] for one in wanted.get("add_phones", ())]
        removed = wanted.get("remove_phones", ())
        if any(number in self.numbers.values() for number in added):
            raise PhoneKnown
        if any(one not in self.numbers for one in removed):
            raise PhoneNotFound
        left = [number for one, number in self.numbers.items() if one not in removed] + added
        primary = wanted.get("primary_phone")
        if primary is not None and primary not in left:
            raise PhoneNotFound
        if primary is None and self.primary_id in removed:
            raise PrimaryPhone


async def other_holder(
    session: AsyncSession, *, owner: Owner, number: str, keyring: Keyring, principal: Principal
) -> None:
    """Raise `OwnerExists` where another person's record has this document.

    Whoever enters the same document at the same time waits here until this transaction ends.
    """
    await document_lock.one(session, number=number, keyring=keyring)
    indexes = keyring.blind_indexes(number, column=sealing.DOCUMENT)
    query = select(func.coalesce(Owner.merged_into, Owner.id)).where(
        Owner.document_index.in_(indexes),
        Owner.id != owner.id,
        or_(Owner.merged_into.is_(None), Owner.merged_into != owner.id),
    )
    known = await session.scalar(query.limit(1))
    if known is not None:
        seen = await repository.owner(session, owner_id=known, reach=principal.reach(READ))
        raise OwnerExists(headers={} if seen is None else {"Location": f"/v1/owners/{known}"})


async def write(
    session: AsyncSession, *, owner: Owner, values: Mapping[str, Any], keyring: Keyring, now: datetime
) -> None:
    """Write values to a record that the caller locked and compared; what must be checked was checked."""
    if "name" in values:
        owner.name, owner.name_sort = values["name"], name_sort_key(values["name"])
    if "document" in values:
        sealed = sealing.seal_document(keyring, values["document"]["number"])
        owner.document_kind, owner.document_masked = DocumentKind(values["document"]["kind"]), sealed.masked
        owner.document_encrypted, owner.document_index = sealed.encrypted, sealed.index
    if "sex" in values:
        owner.sex = Sex(values["sex"])
    if "birth_date" in values:
        owner.birth_date = date.fromisoformat(values["birth_date"])
    if "home_address" in values:
        owner.home_address_encrypted = keyring.encrypt(values["home_address"], column=sealing.HOME_ADDRESS)
    if any(name in PHONES for name in values):
        await _write_phones(session, owner, values, keyring=keyring)
        if "remove_phones" in values:
            await identity.end_owner_logins(session, owner_id=owner.id, now=now, because="phone_removed")
    owner.updated_at = now
    await session.flush()


async def _write_phones(session: AsyncSession, owner: Owner, values: Mapping[str, Any], *, keyring: Keyring) -> None:
    phones = list(await session.scalars(select(OwnerPhone).where(OwnerPhone.owner_id == owner.id)))
    numbers = {phone.id: keyring.decrypt(bytes(phone.number_encrypted), column=sealing.PHONE) for phone in phones}
    removed = {UUID(one) for one in values.get("remove_phones", ())}
    for phone in phones:
        if phone.id in removed:
            await session.delete(phone)
    kept = [phone for phone in phones if phone.id not in removed]
    for one in values.get("add_phones", ()):
        sealed = sealing.seal_phone(keyring, one["number"])
        made = OwnerPhone(
            id=uuid7(),
            owner_id=owner.id,
            number_encrypted=sealed.encrypted,
            number_index=sealed.index,
            number_masked=sealed.masked,
            is_primary=False,
            label=one.get("label"),
        )
        session.add(made)
        kept.append(made)
        numbers[made.id] = one["number"]
    await session.flush()
    primary = values.get("primary_phone")
    if primary is not None:
        for phone in kept:
            phone.is_primary = False
        await session.flush()  # before the new one: there is never a moment with two
        chosen = next(phone for phone in kept if numbers[phone.id] == primary)
        chosen.is_primary = chosen.may_log_in = True  # verified by a second person
    elif kept and not any(phone.is_primary for phone in kept):
        kept[0].is_primary = True
    await session.flush()
