"""Who the person concerned is to the whole system: records, homes, cases, papers, logins, names and numbers."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.personal import Person
from ownercare_api.files.models import FileObject
from ownercare_api.identity.models import Account
from ownercare_api.owners import sealing
from ownercare_api.owners.changes import FORMER, SUBMITTED
from ownercare_api.owners.models import Owner, OwnerPhone, Ownership
from ownercare_api.owners.models_changes import OwnerChange, OwnershipTransfer
from ownercare_api.owners.models_records import Consent, OwnerContactPerson
from ownercare_api.tickets.models import Ticket

_SHORTEST = 2
"""A name of one character is in too many texts to be hidden in any."""


async def person_of(session: AsyncSession, *, owner_id: UUID, keyring: Keyring) -> Person:
    """Gather what is a person's; the record may be one that others were merged into."""
    owners = await _records(session, owner_id)
    ids = [row.id for row in owners]
    names, numbers = await _marks(session, owners, keyring=keyring)
    indexes = [one for number in numbers for one in keyring.blind_indexes(number, column=sealing.PHONE)]
    units = await _all(session, select(Ownership.unit_id).where(Ownership.owner_id.in_(ids)).distinct())
    unnamed = Ticket.owner_id.is_(None) & Ticket.caller_phone_index.in_(indexes)
    own = await _all(session, select(Ticket.id).where(or_(Ticket.owner_id.in_(ids), unnamed)))
    near = select(Ticket.id).where(or_(Ticket.unit_id.in_(units), Ticket.caller_phone_index.in_(indexes)))
    accounts = await _all(session, select(Account.id).where(Account.owner_id.in_(ids)))
    return Person(
        owner_ids=tuple(ids),
        unit_ids=tuple(units),
        ticket_ids=tuple(own),
        near_ticket_ids=tuple(await _all(session, near.where(Ticket.id.not_in(own)))),
        file_ids=tuple(await _papers(session, ids=ids, accounts=accounts)),
        account_ids=tuple(accounts),
        phone_indexes=tuple(indexes),
        names=tuple(sorted(name for name in names if len(name) >= _SHORTEST)),
        numbers=tuple(sorted(numbers)),
    )


async def _records(session: AsyncSession, owner_id: UUID) -> list[Owner]:
    found: dict[UUID, Owner] = {}
    wanted = [owner_id]
    while wanted:
        query = select(Owner).where(or_(Owner.id.in_(wanted), Owner.merged_into.in_(wanted)), Owner.id.not_in(found))
        rows = (await session.scalars(query.order_by(Owner.id))).all()
        found |= {row.id: row for row in rows}
        wanted = [row.id for row in rows]
    return list(found.values())


async def _marks(session: AsyncSession, owners: list[Owner], *, keyring: Keyring) -> tuple[set[str], set[str]]:
    """Names and addresses, and numbers: those on record and those of change requests."""
    ids = [owner.id for owner in owners]
    names, numbers = {owner.name for owner in owners}, set()
    for owner in owners:
        if owner.document_encrypted is not None:
            numbers.add(keyring.decrypt(bytes(owner.document_encrypted), column=sealing.DOCUMENT))
        if owner.home_address_encrypted is not None:
            names.add(keyring.decrypt(bytes(owner.home_address_encrypted), column=sealing.HOME_ADDRESS))
    phones = await session.scalars(select(OwnerPhone.number_encrypted).where(OwnerPhone.owner_id.in_(ids)))
    numbers |= {keyring.decrypt(bytes(one), column=sealing.PHONE) for one in phones}
    changes = select(OwnerChange.submitted_encrypted, OwnerChange.former_encrypted).where(OwnerChange.owner_id.in_(ids))
    for row in (await session.execute(changes)).all():
        for stored, column in ((row.submitted_encrypted, SUBMITTED), (row.former_encrypted, FORMER)):
            values = json.loads(keyring.decrypt(bytes(stored), column=column))
            names |= {values[key] for key in ("name", "home_address") if isinstance(values.get(key), str)}
            numbers |= set(_numbers(values))
    return names, numbers


def _numbers(value: Any) -> Iterable[str]:
    """Every number in the values of a change request: they stand under `number`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "number" and isinstance(inner, str):
                yield inner
            else:
                yield from _numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _numbers(inner)


async def _papers(session: AsyncSession, *, ids: list[UUID], accounts: list[UUID]) -> set[UUID]:
    """Attachments that no case carries: evidence and authorisations, and what the person uploaded."""
    found = set(
        await _all(
            session,
            select(OwnerContactPerson.authorisation_file_id).where(
                OwnerContactPerson.owner_id.in_(ids), OwnerContactPerson.authorisation_file_id.is_not(None)
            ),
        )
    )
    evidence = select(Consent.evidence_file_id).where(Consent.owner_id.in_(ids), Consent.evidence_file_id.is_not(None))
    found |= set(await _all(session, evidence))
    for several in await _all(session, select(OwnerChange.evidence_file_ids).where(OwnerChange.owner_id.in_(ids))):
        found |= set(several)
    transfers = select(Ownership.transfer_id).where(Ownership.owner_id.in_(ids), Ownership.transfer_id.is_not(None))
    papers = select(OwnershipTransfer.evidence_file_ids).where(OwnershipTransfer.id.in_(transfers))
    for several in await _all(session, papers):
        found |= set(several)
    return found | set(await _all(session, select(FileObject.id).where(FileObject.uploaded_by.in_(accounts))))


async def _all(session: AsyncSession, query: Any) -> list[Any]:
    return list(await session.scalars(query))
