"""The room's part of copies and erasure of personal data: the record and everything around it."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import Base
from ownercare_api.core.names import name_sort_key
from ownercare_api.core.personal import ERASED_NAME, ERASED_TEXT, Person, plain, sweep, wipe
from ownercare_api.owners import personal_payments, sealing
from ownercare_api.owners.changes import FORMER, SUBMITTED
from ownercare_api.owners.contacts import NUMBER
from ownercare_api.owners.looks import looks
from ownercare_api.owners.models import Owner, OwnerPhone, Ownership
from ownercare_api.owners.models_changes import (
    InformationAudit,
    OwnerChange,
    OwnerDistinct,
    OwnerMerge,
    OwnershipTransfer,
)
from ownercare_api.owners.models_records import (
    Consent,
    Household,
    HouseholdMember,
    OwnerContactPerson,
    OwnerGroupMember,
    OwnerTagging,
)
from ownercare_api.owners.sharing import sharings

_OWNER, _PHONE, _OWNERSHIP = Owner.__table__, OwnerPhone.__table__, Ownership.__table__
_CONTACT, _HOUSEHOLD, _MEMBER = OwnerContactPerson.__table__, Household.__table__, HouseholdMember.__table__
_CONSENT, _GROUPED, _TAGGED = Consent.__table__, OwnerGroupMember.__table__, OwnerTagging.__table__
_CHANGE, _AUDIT, _MERGE = OwnerChange.__table__, InformationAudit.__table__, OwnerMerge.__table__
_DISTINCT, _TRANSFER = OwnerDistinct.__table__, OwnershipTransfer.__table__

_EMPTY = (
    "sex", "birth_date", "document_kind", "document_encrypted", "document_index", "document_masked",
    "home_address_encrypted", "occupation", "preferences", "special_needs", "preferred_channel", "preferred_times",
    "language", "purchase_need", "checked_on", "restricted_at",
)  # fmt: skip
_CONTRACT = (
    "contract_number", "contract_signed_on", "payment_method", "price_fen", "purchase_place", "deposit_fen",
    "first_payment_fen", "review_note", "payment_plan_id",
)  # fmt: skip


async def erase(session: AsyncSession, *, person: Person, keyring: Keyring, now: datetime) -> dict[str, int]:
    """Empty the record and what hangs on it. Who owned which home when stays: it is the home's history."""
    count: dict[str, int] = {}
    owners = list(person.owner_ids)
    await _around(session, person, count)
    nothing = keyring.encrypt("{}", column=SUBMITTED), keyring.encrypt("{}", column=FORMER)
    blank: dict[str, Any] = {
        "submitted_encrypted": nothing[0],
        "former_encrypted": nothing[1],
        "evidence_file_ids": [],
    }
    blank |= {"submitted_masked": {}, "former_masked": {}, "note": None, "verification_note": None, "reason": None}
    await wipe(session, OwnerChange, where=_CHANGE.c.owner_id.in_(owners), count=count, **blank)
    await wipe(session, InformationAudit, where=_AUDIT.c.owner_id.in_(owners), count=count, note=None)
    merged = or_(_MERGE.c.survivor_id.in_(owners), _MERGE.c.merged_id.in_(owners))
    await wipe(session, OwnerMerge, where=merged, count=count, reason=ERASED_TEXT)
    decided = or_(_DISTINCT.c.first_id.in_(owners), _DISTINCT.c.second_id.in_(owners))
    await wipe(session, OwnerDistinct, where=decided, count=count, reason=ERASED_TEXT)
    held = _OWNERSHIP.c.owner_id.in_(owners)
    ended = select(_OWNERSHIP.c.id).where(held)
    transfers = or_(
        _TRANSFER.c.id.in_(select(_OWNERSHIP.c.transfer_id).where(held, _OWNERSHIP.c.transfer_id.is_not(None))),
        _TRANSFER.c.ended_ids.op("&&")(func.array(ended.scalar_subquery())),
    )
    gone: dict[str, Any] = {"contract_number": None, "contract_signed_on": None, "note": None, "evidence_file_ids": []}
    await wipe(session, OwnershipTransfer, where=transfers, count=count, **gone)
    await personal_payments.erase(session, owner_ids=owners, count=count)
    await wipe(session, Ownership, where=held, count=count, **dict.fromkeys(_CONTRACT))
    phones = delete(OwnerPhone).where(_PHONE.c.owner_id.in_(owners)).execution_options(synchronize_session=False)
    done = await session.execute(phones.returning(_PHONE.c.id))
    count["owner_phone"] = len(done.all())
    empty = dict.fromkeys(_EMPTY) | {"name": ERASED_NAME, "name_sort": name_sort_key(ERASED_NAME)}
    await wipe(session, Owner, where=_OWNER.c.id.in_(owners), count=count, **empty, erased_at=now, updated_at=now)
    for one in owners:
        await session.execute(select(func.redact_looks(one)))
    return count


async def _around(session: AsyncSession, person: Person, count: dict[str, int]) -> None:
    """Contacts, households, groups, tags, consents."""
    owners = list(person.owner_ids)
    # Where the person is somebody else's contact, his number is there too: that goes as well.
    theirs = or_(_CONTACT.c.owner_id.in_(owners), _CONTACT.c.number_index.in_(list(person.phone_indexes)))
    contacts = select(_CONTACT.c.id).where(theirs)
    mine = or_(_MEMBER.c.owner_id.in_(owners), _MEMBER.c.contact_id.in_(contacts))
    homes = select(_MEMBER.c.household_id).where(mine)
    await wipe(session, Household, where=_HOUSEHOLD.c.id.in_(homes), count=count, name=ERASED_TEXT)
    removed: tuple[tuple[type[Base], Any], ...] = (
        (HouseholdMember, mine),
        (OwnerContactPerson, theirs),
        (OwnerTagging, _TAGGED.c.owner_id.in_(owners)),
    )
    for table, where in removed:
        done: Any = await session.execute(delete(table).where(where).execution_options(synchronize_session=False))
        count[table.__tablename__] = int(done.rowcount)
    await wipe(session, OwnerGroupMember, where=_GROUPED.c.owner_id.in_(owners), count=count, reason=None)
    texts = {"note": None, "evidence_file_id": None}
    await wipe(session, Consent, where=_CONSENT.c.owner_id.in_(owners), count=count, **texts)
    here = select(_HOUSEHOLD.c.id).where(_HOUSEHOLD.c.unit_id.in_(list(person.unit_ids)))
    await sweep(
        session, HouseholdMember, ("name",), pattern=person.nearby, count=count, where=_MEMBER.c.household_id.in_(here)
    )
    await sweep(session, Household, ("name",), pattern=person.nearby, count=count, where=_HOUSEHOLD.c.id.in_(here))
    await sweep(session, OwnerContactPerson, ("note", "authorisation"), pattern=person.everywhere, count=count)


async def collect(session: AsyncSession, *, person: Person, keyring: Keyring) -> dict[str, Any]:
    """Return the record in clear with everything around it, who looked at it, and which firms got what."""
    owners = list(person.owner_ids)
    found: dict[str, Any] = {}
    found["records"] = [
        plain(row, "name_sort")
        | {
            "document_number": _clear(keyring, row.document_encrypted, sealing.DOCUMENT),
            "home_address": _clear(keyring, row.home_address_encrypted, sealing.HOME_ADDRESS),
        }
        for row in await session.execute(select(*_OWNER.c).where(_OWNER.c.id.in_(owners)).order_by(_OWNER.c.id))
    ]
    for name, table, column in (("telephones", _PHONE, sealing.PHONE), ("contact_persons", _CONTACT, NUMBER)):
        rows = await session.execute(select(*table.c).where(table.c.owner_id.in_(owners)).order_by(table.c.id))
        found[name] = [plain(row) | {"number": _clear(keyring, row.number_encrypted, column)} for row in rows]
    changes = await session.execute(select(*_CHANGE.c).where(_CHANGE.c.owner_id.in_(owners)).order_by(_CHANGE.c.id))
    found["change_requests"] = [
        plain(row, "submitted_masked", "former_masked", "entered_by", "verified_by", "ended_by")
        | {
            "submitted": json.loads(keyring.decrypt(bytes(row.submitted_encrypted), column=SUBMITTED)),
            "former": json.loads(keyring.decrypt(bytes(row.former_encrypted), column=FORMER)),
        }
        for row in changes
    ]
    for name, table in (
        ("ownerships", _OWNERSHIP),
        ("consents", _CONSENT),
        ("household_memberships", _MEMBER),
        ("groups", _GROUPED),
        ("information_audits", _AUDIT),
    ):
        rows = await session.execute(select(*table.c).where(table.c.owner_id.in_(owners)).order_by(table.c.id))
        found[name] = [plain(row, "recorded_by", "checked_by", "assigned_by", "ended_by", "makers") for row in rows]
    found["contract_payments"] = await personal_payments.collect(session, owner_ids=owners)
    for owner_id in owners:
        seen, shared = looks(owner_id=owner_id), sharings(owner_id=owner_id)
        found.setdefault("looks", []).extend(plain(row, "actor_id") for row in await session.execute(seen))
        found.setdefault("shared_with_firms", []).extend(plain(row) for row in await session.execute(shared))
    return found


def _clear(keyring: Keyring, stored: Any, column: str) -> str | None:
    return None if stored is None else keyring.decrypt(bytes(stored), column=column)
