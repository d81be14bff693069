"""Use case: an exact search by blind index, on record without what was searched for (OWN-07, OWN-15)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.errors import FieldError
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import looks, repository, sealing
from ownercare_api.owners.documents import DocumentKind, InvalidDocument, check_document
from ownercare_api.owners.looks import Look
from ownercare_api.owners.models import Owner
from ownercare_api.owners.restriction import may_see
from ownercare_api.owners.service import READ, phone_indexes
from ownercare_api.timeline import service as timeline

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of `repository.SUMMARY`, newest first, and whether there are more."""

    rows: Sequence[Any]
    more: bool


async def find(
    session: AsyncSession,
    *,
    phone: str | None,
    document_number: str | None,
    name: str | None,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> Found:
    """Find the visible owners that fit every given criterion; raises `InvalidPhone`, `InvalidDocument`."""
    documents = None
    if document_number is not None:
        numbers = _normal_forms(document_number, today=business_date(now))
        documents = [one for number in numbers for one in keyring.blind_indexes(number, column=sealing.DOCUMENT)]
    query = repository.exact(
        principal.reach(READ),
        phone_indexes=None if phone is None else phone_indexes(keyring, phone),
        document_indexes=documents,
        name=name,
        today=business_date(now),
        seen=may_see(principal),
    )
    rows = (await session.execute(query.order_by(Owner.id.desc()).limit(SHOWN + 1))).all()
    given = {"phone": phone, "document_number": document_number, "name": name}
    shown = [row.id for row in rows[:SHOWN]]
    await looks.record(session, owner_ids=shown, actor=principal, look=Look.SEARCH, now=now)
    await timeline.record(
        session,
        kind="owner.searched",
        subject_kind="owner_search",
        subject_id=uuid7(),
        actor=principal,
        now=now,
        rules=("OWN-07",),
        data={"by": [key for key, value in given.items() if value is not None], "matches": len(rows)},
    )
    return Found(rows=rows[:SHOWN], more=len(rows) > SHOWN)


def _normal_forms(number: str, *, today: date) -> set[str]:
    """The kind is not asked for, so the number counts as whatever it can be."""
    forms = set()
    refusals = []
    for kind in DocumentKind:
        try:
            forms.add(check_document(kind=kind, number=number, today=today))
        except InvalidDocument as refusal:
            refusals.append(refusal)
    if not forms:
        first = refusals[0]
        first.errors = (FieldError("#/document_number", first.code, first.detail("zh-CN"), first.detail("en")),)
        raise first
    return forms
