"""Records of sharing with partner firms: which firm got whose data, what, when, why, on which ground (PIPL art. 23)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, column, insert, literal, select, table
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import DateTime, Text, Uuid

from ownercare_api.core.ids import uuid7
from ownercare_api.owners.models_records import Consent, ConsentPurpose
from ownercare_api.owners.models_sharing import OwnerSharing, SharingGround
from ownercare_api.owners.repository import stood_for

CASE = ("caller_name", "home_address", "case_description", "photographs")
"""What a firm sees of a case: the caller's name, which home, what is wrong with it, pictures. No number in clear."""

# Cases and firms live in rooms above and beside; only their columns are known here.
_ticket = table("ticket", column("id"), column("owner_id"))
_firm = table("firm", column("id"), column("kind"), column("name"))
_PROPERTY_COMPANY = "property_company"


async def record_case(session: AsyncSession, *, ticket_id: UUID, firm_id: UUID, purpose: str, now: datetime) -> None:
    """Put on record that a firm was given a case, in one statement; a case without an owner shares nobody's record.

    The ground is the owner's consent where it was given and not withdrawn, else the contract: the owner asked for the
    repair, and the firm does it.
    """
    wanted = case(
        (_firm.c.kind == _PROPERTY_COMPANY, literal(ConsentPurpose.SHARE_WITH_PROPERTY_COMPANY.value)),
        else_=literal(ConsentPurpose.SHARE_WITH_CONTRACTOR.value),
    )
    consented = (
        select(Consent.given)
        .where(Consent.owner_id == _ticket.c.owner_id, Consent.__table__.c.purpose.cast(Text) == wanted)
        .order_by(Consent.at.desc(), Consent.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    ground = case((consented, literal(SharingGround.CONSENT.value)), else_=literal(SharingGround.CONTRACT.value))
    shared = (
        select(
            literal(uuid7(), Uuid()),
            _ticket.c.owner_id,
            _firm.c.id,
            _ticket.c.id,
            literal(list(CASE), ARRAY(Text())),
            ground,
            literal(purpose, Text()),
            literal(now, DateTime(timezone=True)),
        )
        .select_from(_ticket.join(_firm, _firm.c.id == firm_id))
        .where(_ticket.c.id == ticket_id, _ticket.c.owner_id.is_not(None))
    )
    columns = ["id", "owner_id", "firm_id", "ticket_id", "categories", "ground", "purpose", "at"]
    await session.execute(insert(OwnerSharing).from_select(columns, shared))


def sharings(*, owner_id: UUID) -> Select[Any]:
    """Return the query of what was shared of an owner, without order: id, firm_id, firm_name, ticket_id, categories,
    ground, purpose, at; continued by `KEY`."""
    columns: list[Any] = [
        OwnerSharing.id,
        OwnerSharing.firm_id,
        _firm.c.name.label("firm_name"),
        OwnerSharing.ticket_id,
        OwnerSharing.categories,
        OwnerSharing.ground,
        OwnerSharing.purpose,
        OwnerSharing.at,
    ]
    query: Select[Any] = select(*columns).join(_firm, _firm.c.id == OwnerSharing.firm_id)
    return query.where(OwnerSharing.owner_id.in_(stood_for(owner_id)))


KEY = OwnerSharing.__table__.c.id
"""The column by which lists of sharings are ordered and continued."""
