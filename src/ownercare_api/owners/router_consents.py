"""Consents of owners."""

from uuid import UUID

from fastapi import APIRouter, Response

from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Lang, Now
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import newest_first
from ownercare_api.files.service import FileNotUsable
from ownercare_api.owners import consents, looks, service
from ownercare_api.owners import repository_records as records
from ownercare_api.owners.access import OwnersRead, OwnersWrite
from ownercare_api.owners.consents import PURPOSES
from ownercare_api.owners.looks import Look
from ownercare_api.owners.models_records import Consent
from ownercare_api.owners.router_parts import reads, writes
from ownercare_api.owners.schemas_records import (
    ConsentGive,
    ConsentRead,
    ConsentsRead,
    ConsentWithdraw,
    PurposeRead,
    PurposesRead,
    PurposeState,
)
from ownercare_api.owners.service import OwnerNotFound

router = APIRouter(prefix="/v1", tags=["owners"], route_class=OwnerCareRoute)

_RULES = ("OWN-07",)


@router.get(
    "/consent-purposes",
    **reads("consent_purposes_read", "Purposes of consent (同意事项)", rules=_RULES, model=PurposesRead),
)
async def consent_purposes_read(principal: OwnersRead, language: Lang) -> PurposesRead:
    """The closed list of what owners are asked to agree to."""
    return PurposesRead(
        items=[PurposeRead(purpose=one, name=_name(one, language)) for one in PURPOSES],
    )


@router.get(
    "/owners/{owner_id}/consents",
    **reads(
        "owners_consents_read", "Where an owner stands (同意现状)", OwnerNotFound, rules=_RULES, model=ConsentsRead
    ),
)
async def owners_consents_read(
    principal: OwnersRead, reader: Reader, now: Now, language: Lang, owner_id: UUID
) -> ConsentsRead:
    """Every purpose with the owner's latest word on it. Who never said anything does not agree."""
    await service.ensure_visible(reader, owner_id=owner_id, principal=principal)
    await looks.record(reader, owner_ids=[owner_id], actor=principal, look=Look.RECORD, now=now)
    return await _now(reader, owner_id, language)


@router.get(
    "/owners/{owner_id}/consents/history",
    **reads(
        "owners_consents_history_list",
        "Everything an owner said (同意与撤回记录)",
        OwnerNotFound,
        rules=_RULES,
        model=PageOf[ConsentRead],
        paged=True,
    ),
)
async def owners_consents_history_list(
    principal: OwnersRead, reader: Reader, now: Now, paging: PageParams, owner_id: UUID
) -> Response:
    """Consents and withdrawals, newest record first: when, how, by which text, with what evidence, recorded by whom."""
    await service.ensure_visible(reader, owner_id=owner_id, principal=principal)
    query = records.consents(owner_id=owner_id)
    page = await newest_first(reader, query=query, key=Consent.__table__.c.id, wanted=paging.wanted)
    await looks.record(reader, owner_ids=[owner_id], actor=principal, look=Look.RECORD, now=now)
    return paging.answer(page, show=lambda row: dict(row._mapping))


@router.post(
    "/owners/{owner_id}/consents",
    **writes(
        "owners_consents_create",
        "Record a consent (登记同意)",
        consents.ConsentInFuture,
        FileNotUsable,
        rules=_RULES,
        model=ConsentsRead,
    ),
)
async def owners_consents_create(
    principal: OwnersWrite, session: Tx, now: Now, language: Lang, owner_id: UUID, body: ConsentGive
) -> ConsentsRead:
    """The owner agreed to a purpose, by which edition of the text; the signed form is the evidence."""
    await consents.give(session, owner_id=owner_id, **body.model_dump(), principal=principal, now=now)
    return await _now(session, owner_id, language)


@router.post(
    "/owners/{owner_id}/consents/withdrawal",
    **writes(
        "owners_consents_withdrawal_create",
        "Withdraw a consent (撤回同意)",
        FileNotUsable,
        rules=_RULES,
        model=ConsentsRead,
    ),
)
async def owners_consents_withdrawal_create(
    principal: OwnersWrite, session: Tx, now: Now, language: Lang, owner_id: UUID, body: ConsentWithdraw
) -> ConsentsRead:
    """Always possible, and in force at once; what was done before stays lawful, and both stay on record."""
    await consents.withdraw(session, owner_id=owner_id, **body.model_dump(), principal=principal, now=now)
    return await _now(session, owner_id, language)


def _name(purpose: str, language: Lang) -> str:
    zh, en = next(words for one, words in PURPOSES.items() if one == purpose)
    return zh if language == "zh-CN" else en


async def _now(connection: records.Connection, owner_id: UUID, language: Lang) -> ConsentsRead:
    rows = (await connection.execute(records.consents_now(owner_id=owner_id))).all()
    said = {row.purpose: row for row in rows}
    items = []
    for purpose in PURPOSES:
        row = said.get(purpose)
        items.append(
            PurposeState(
                purpose=purpose,
                name=_name(purpose, language),
                given=row is not None and row.given,
                since=None if row is None else row.at,
            )
        )
    return ConsentsRead(items=items)
