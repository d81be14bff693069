"""Use case: one look at one clear value, for a purpose, within the hour's quota, on record (OWN-07)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.errors import Conflict, FieldError, Invalid
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.owners import looks, repository, sealing
from ownercare_api.owners.archive import PhoneNotFound
from ownercare_api.owners.looks import Look
from ownercare_api.owners.models import Disclosure, Owner, OwnerPhone
from ownercare_api.owners.restriction import ensure_unrestricted
from ownercare_api.owners.schemas import DisclosedField
from ownercare_api.owners.service import DISCLOSE, READ, OwnerNotFound, projects_of
from ownercare_api.policies.looks import spend
from ownercare_api.timeline import service as timeline

ENDED = frozenset({"closed", "withdrawn"})
"""Statuses of cases that are over; cases live in a room above."""


class NotRecorded(Conflict):
    """409: there is no such value on record."""

    code = "value_not_recorded"
    zh, en = "该业主档案中没有此项信息。", "The owner's record has no such value."


class TicketNotAbout(Invalid):
    """422: the named case is missing, or not about this owner."""

    code = "ticket_not_about_owner"
    zh, en = "所填工单不存在,或与该业主无关。", "The case does not exist, or is not about this owner."
    rules = ("OWN-07",)

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/ticket_id", self.code, self.zh, self.en),))


class TicketEnded(Conflict):
    """409: the named case has ended: nothing is left that a clear value would be needed for."""

    code = "ticket_ended"
    zh, en = "所填工单已办结或撤销,不能据此查看明文。", "The case has ended; no clear value is needed for it any more."
    rules = ("OWN-07",)


@dataclass(frozen=True, slots=True)
class Disclosed:
    """A clear value with the record of the look."""

    record: Disclosure
    value: str
    remaining: int


async def disclose(
    session: AsyncSession,
    *,
    owner_id: UUID,
    field: DisclosedField,
    phone_id: UUID | None,
    purpose: str,
    ticket_id: UUID | None,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> Disclosed:
    """Show a clear value and record who looked and why.

    Raises `OwnerNotFound`, `OutOfReach`, `OwnerRestricted`, `TicketNotAbout`, `TicketEnded`, `PhoneNotFound`,
    `NotRecorded`, `QuotaSpent`.
    """
    projects = await projects_of(session, owner_id=owner_id)
    owner = await session.get(Owner, owner_id)
    places = [*projects, None]
    if (
        owner is None
        or owner.erased_at is not None
        or not any(principal.may(scope, project_id=one) for scope in (READ, DISCLOSE) for one in places)
    ):
        raise OwnerNotFound
    if not any(principal.may(DISCLOSE, project_id=one) for one in places):
        raise OutOfReach
    ensure_unrestricted(owner)
    project_id = None
    if ticket_id is not None:
        case = await repository.ticket_of(session, ticket_id=ticket_id, owner_id=owner_id)
        if case is None:
            raise TicketNotAbout
        if case.status in ENDED:
            raise TicketEnded
        project_id = case.project_id
    value, chosen = await _value(session, owner, field=field, phone_id=phone_id, keyring=keyring)
    remaining = await spend(session, project_ids=projects, actor_id=principal.id, now=now)
    record = Disclosure(
        id=uuid7(),
        owner_id=owner_id,
        actor_id=principal.id,
        actor_name=principal.name,
        field=field.value,
        purpose=purpose,
        ticket_id=ticket_id,
        at=now,
    )
    session.add(record)
    await session.flush()
    await looks.record(
        session,
        owner_ids=[owner_id],
        actor=principal,
        look=Look.DISCLOSURE,
        now=now,
        ticket_id=ticket_id,
        purpose=purpose,
        look_id=record.id,
    )
    await timeline.record(
        session,
        kind="owner.disclosed",
        subject_kind="owner",
        subject_id=owner_id,
        actor=principal,
        now=now,
        ticket_id=ticket_id,
        project_id=project_id or min(projects, default=None),
        rules=("OWN-07",),
        data={"disclosure_id": str(record.id), "field": field.value, **({"phone_id": str(chosen)} if chosen else {})},
    )
    return Disclosed(record=record, value=value, remaining=remaining)


async def _value(
    session: AsyncSession, owner: Owner, *, field: DisclosedField, phone_id: UUID | None, keyring: Keyring
) -> tuple[str, UUID | None]:
    if field is DisclosedField.MOBILE:
        query = select(OwnerPhone).where(OwnerPhone.owner_id == owner.id)
        wanted = OwnerPhone.is_primary if phone_id is None else OwnerPhone.id == phone_id
        phone = await session.scalar(query.where(wanted))
        if phone is None:
            raise NotRecorded if phone_id is None else PhoneNotFound
        return keyring.decrypt(bytes(phone.number_encrypted), column=sealing.PHONE), phone.id
    stored, column = (
        (owner.document_encrypted, sealing.DOCUMENT)
        if field is DisclosedField.DOCUMENT_NUMBER
        else (owner.home_address_encrypted, sealing.HOME_ADDRESS)
    )
    if stored is None:
        raise NotRecorded
    return keyring.decrypt(bytes(stored), column=column), None
