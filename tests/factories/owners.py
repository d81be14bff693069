"""Owners with telephone numbers and homes."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.ids import uuid7
from ownercare_api.core.names import name_sort_key
from ownercare_api.core.phones import normalise_phone
from ownercare_api.owners import sealing
from ownercare_api.owners.documents import DocumentKind
from ownercare_api.owners.models import Owner, OwnerPhone, Ownership
from ownercare_api.properties.models import Unit

SINCE = date(2025, 6, 30)


async def make_owner(
    session: AsyncSession,
    keyring: Keyring,
    *,
    name: str = "王秀英",
    phone: str | None = "13812341234",
    units: Sequence[Unit] = (),
    share_bp: int = 10_000,
    from_date: date = SINCE,
    document_number: str | None = None,
    home_address: str | None = None,
) -> Owner:
    """Make an owner with a primary number, holding the same share of each home since `from_date`."""
    owner = Owner(id=uuid7(), name=name, name_sort=name_sort_key(name))
    if document_number is not None:
        sealed = sealing.seal_document(keyring, document_number)
        owner.document_kind = DocumentKind.RESIDENT_ID
        owner.document_encrypted, owner.document_index = sealed.encrypted, sealed.index
        owner.document_masked = sealed.masked
    if home_address is not None:
        owner.home_address_encrypted = keyring.encrypt(home_address, column=sealing.HOME_ADDRESS)
    session.add(owner)
    await session.flush()
    if phone is not None:
        await add_phone(session, keyring, owner=owner, phone=phone, is_primary=True)
    for unit in units:
        await add_ownership(session, owner=owner, unit=unit, share_bp=share_bp, from_date=from_date)
    return owner


async def add_phone(
    session: AsyncSession, keyring: Keyring, *, owner: Owner, phone: str, is_primary: bool = False
) -> OwnerPhone:
    """Give an owner one more number."""
    sealed = sealing.seal_phone(keyring, normalise_phone(phone))
    made = OwnerPhone(
        id=uuid7(),
        owner_id=owner.id,
        number_encrypted=sealed.encrypted,
        number_index=sealed.index,
        number_masked=sealed.masked,
        is_primary=is_primary,
    )
    session.add(made)
    await session.flush()
    return made


async def add_ownership(
    session: AsyncSession,
    *,
    owner: Owner,
    unit: Unit,
    share_bp: int = 10_000,
    from_date: date = SINCE,
    to_date: date | None = None,
) -> Ownership:
    """Give an owner a share of a home."""
    made = Ownership(
        id=uuid7(), owner_id=owner.id, unit_id=unit.id, share_bp=share_bp, from_date=from_date, to_date=to_date
    )
    session.add(made)
    await session.flush()
    return made
