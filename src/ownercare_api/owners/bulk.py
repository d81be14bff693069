"""Use case: thousands of owners are registered in a few statements, by the rules of `archive.register`."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.copying import copy_rows, one_of
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.ids import uuid7
from ownercare_api.core.names import name_sort_key
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import document_lock, sealing
from ownercare_api.owners.archive import DocumentMismatch, HomeMissing, NewOwner, OwnerExists
from ownercare_api.owners.documents import birth_date_of, check_document, sex_of
from ownercare_api.owners.models import Owner, OwnerPhone, Ownership
from ownercare_api.owners.ownerships import (
    WHOLE,
    AlreadyHolds,
    Purchase,
    SharesExceeded,
    UnitAlreadySold,
    peak,
)
from ownercare_api.owners.service import WRITE
from ownercare_api.properties.models import Unit
from ownercare_api.properties.service import UnitNotFound
from ownercare_api.timeline import service as timeline
from ownercare_api.timeline.service import NewEvent


async def register_all(
    session: AsyncSession, *, news: Sequence[NewOwner], keyring: Keyring, principal: Principal, now: datetime
) -> list[UUID]:
    """Open the records of some owners with their numbers and homes; returns the owners' ids in their order.

    Holds every document number until the transaction ends. All or none: raises `InvalidDocument`, `DocumentMismatch`,
    `OwnerExists`, `HomeMissing`, `UnitNotFound`, `OutOfReach`, `AlreadyHolds`, `UnitAlreadySold`, `SharesExceeded`.
    """
    await document_lock.every(session)
    today = business_date(now)
    news = [_read(new, today=today) for new in news]
    if not principal.may(WRITE, project_id=None) and not all(new.homes for new in news):
        raise HomeMissing
    await _refuse_known(session, news=news, keyring=keyring)
    owners, phones = await asyncio.to_thread(_sealed, news, keyring=keyring, now=now)
    await copy_rows(session, Owner, owners)
    await copy_rows(session, OwnerPhone, phones)
    ids: list[UUID] = [owner["id"] for owner in owners]
    # Each one's homes in the order in which they are entered one at a time.
    purchases = [
        (owner_id, home)
        for owner_id, new in zip(ids, news, strict=True)
        for home in sorted(new.homes, key=lambda one: one.unit_id)
    ]
    units = await _units(session, purchases=purchases, principal=principal)
    made = await _ownerships(session, purchases=purchases, units=units, principal=principal)
    events: list[NewEvent] = []
    started = iter(made)
    for owner_id, new in zip(ids, news, strict=True):
        own = [next(started) for _ in new.homes]
        events += [_started(row, units=units) for row in own]
        events.append(_registered(owner_id, new, project_id=units[own[0]["unit_id"]] if own else None))
    await timeline.record_all(session, events=events, actor=principal, now=now)
    return ids


async def acquire_all(
    session: AsyncSession, *, purchases: Sequence[tuple[UUID, Purchase]], principal: Principal, now: datetime
) -> list[UUID]:
    """Give some owners, each by id, a share of a home; returns the ownerships' ids.

    All or none: raises what `ownerships.acquire` raises.
    """
    units = await _units(session, purchases=purchases, principal=principal)
    made = await _ownerships(session, purchases=purchases, units=units, principal=principal)
    events = [_started(row, units=units) for row in made]
    await timeline.record_all(session, events=events, actor=principal, now=now)
    return [row["id"] for row in made]


def _read(new: NewOwner, *, today: date) -> NewOwner:
    """Put the document into normal form and read from it what it carries."""
    if new.document is None:
        return new
    kind, given = new.document
    number = check_document(kind=kind, number=given, today=today)
    born, sex = birth_date_of(kind=kind, number=number), sex_of(kind=kind, number=number)
    if born is not None and new.birth_date not in (None, born):
        raise DocumentMismatch("#/birth_date")
    if sex is not None and new.sex not in (None, sex):
        raise DocumentMismatch("#/sex")
    return replace(new, document=(kind, number), birth_date=born or new.birth_date, sex=sex or new.sex)


async def _refuse_known(session: AsyncSession, *, news: Sequence[NewOwner], keyring: Keyring) -> None:
    numbers = [new.document[1] for new in news if new.document is not None]
    if len(set(numbers)) != len(numbers):
        raise OwnerExists
    indexes = [index for number in numbers for index in keyring.blind_indexes(number, column=sealing.DOCUMENT)]
    known = select(Owner.id).where(one_of(Owner.document_index, indexes)).limit(1)
    if indexes and await session.scalar(known) is not None:
        raise OwnerExists


def _sealed(
    news: Sequence[NewOwner], *, keyring: Keyring, now: datetime
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Make the rows of owners and numbers; takes a thread's time for encryption and pinyin."""
    owners, phones = [], []
    for new in news:
        document = None if new.document is None else sealing.seal_document(keyring, new.document[1])
        address = new.home_address
        owners.append(
            {
                "id": uuid7(),
                "name": new.name,
                "name_sort": name_sort_key(new.name),
                "sex": new.sex,
                "birth_date": new.birth_date,
                "document_kind": None if new.document is None else new.document[0],
                "document_encrypted": None if document is None else document.encrypted,
                "document_index": None if document is None else document.index,
                "document_masked": None if document is None else document.masked,
                "home_address_encrypted": (
                    None if address is None else keyring.encrypt(address, column=sealing.HOME_ADDRESS)
                ),
                "occupation": new.occupation,
                "preferences": new.preferences,
                **{name: new.profile.get(name) for name in PROFILE},
            }
        )
        for place, (number, label) in enumerate(new.phones):
            sealed = sealing.seal_phone(keyring, number)
            phones.append(
                {
                    "id": uuid7(),
                    "owner_id": owners[-1]["id"],
                    "number_encrypted": sealed.encrypted,
                    "number_index": sealed.index,
                    "number_masked": sealed.masked,
                    "is_primary": place == 0,
                    "label": label,
                }
            )
    return owners, phones


PROFILE = ("special_needs", "preferred_channel", "preferred_times", "language", "purchase_need")


async def _units(
    session: AsyncSession, *, purchases: Sequence[tuple[UUID, Purchase]], principal: Principal
) -> dict[UUID, UUID]:
    """Lock the homes in the order in which all lock them; returns their projects, where the caller may sell."""
    wanted = sorted({purchase.unit_id for _, purchase in purchases})
    query = select(Unit.id, Unit.project_id).where(one_of(Unit.id, wanted)).order_by(Unit.id)
    rows = await session.execute(query.with_for_update(key_share=True))
    found: dict[UUID, UUID] = {row.id: row.project_id for row in rows}
    if len(found) != len(wanted):
        raise UnitNotFound
    for project_id in set(found.values()):
        principal.require(WRITE, project_id=project_id)
    return found


async def _ownerships(
    session: AsyncSession,
    *,
    purchases: Sequence[tuple[UUID, Purchase]],
    units: dict[UUID, UUID],
    principal: Principal,
) -> list[dict[str, Any]]:
    columns: list[Any] = [Ownership.owner_id, Ownership.share_bp, Ownership.from_date, Ownership.to_date]
    query = select(Ownership.unit_id, *columns).where(one_of(Ownership.unit_id, units)).order_by(Ownership.id)
    held: dict[UUID, list[Any]] = defaultdict(list)
    for one in await session.execute(query):
        held[one.unit_id].append(one)
    made = []
    for owner_id, purchase in purchases:
        share = _Share(owner_id, purchase.share_bp, purchase.from_date)
        _check_share(share, others=held[purchase.unit_id])
        held[purchase.unit_id].append(share)
        made.append(
            {
                "id": uuid7(),
                "owner_id": owner_id,
                "unit_id": purchase.unit_id,
                "share_bp": purchase.share_bp,
                "from_date": purchase.from_date,
                "contract_number": purchase.contract_number,
                "contract_signed_on": purchase.contract_signed_on,
                "payment_method": purchase.payment_method,
                "price_fen": purchase.price_fen,
                "purchase_place": purchase.purchase_place,
                "deposit_fen": purchase.deposit_fen,
                "first_payment_fen": purchase.first_payment_fen,
                "edited_by": principal.id,
                "makers": [principal.id],
            }
        )
    await copy_rows(session, Ownership, made)
    return made


@dataclass(frozen=True, slots=True)
class _Share:
    """An ownership as far as shares are added up."""

    owner_id: UUID
    share_bp: int
    from_date: date
    to_date: date | None = None


def _check_share(new: _Share, *, others: Sequence[Any]) -> None:
    overlapping = [one for one in others if one.to_date is None or one.to_date > new.from_date]
    if any(one.owner_id == new.owner_id for one in overlapping):
        raise AlreadyHolds
    left = WHOLE - peak(overlapping, since=new.from_date) if overlapping else WHOLE
    if left <= 0:
        raise UnitAlreadySold
    if new.share_bp > left:
        raise SharesExceeded(left_bp=left)


def _registered(owner_id: UUID, new: NewOwner, *, project_id: UUID | None) -> NewEvent:
    return NewEvent(
        kind="owner.registered",
        subject_kind="owner",
        subject_id=owner_id,
        project_id=project_id,
        rules=("OWN-04",),
        data={"homes": len(new.homes), "phones": len(new.phones), "has_document": new.document is not None},
    )


def _started(row: dict[str, Any], *, units: dict[UUID, UUID]) -> NewEvent:
    return NewEvent(
        kind="ownership.started",
        subject_kind="owner",
        subject_id=row["owner_id"],
        project_id=units[row["unit_id"]],
        rules=("OWN-13",),
        data={
            "ownership_id": str(row["id"]),
            "unit_id": str(row["unit_id"]),
            "share_bp": row["share_bp"],
            "on": row["from_date"].isoformat(),
        },
    )
