"""Use case: one look at a firm's number or account in clear, for a purpose, within the hour's quota, on record.

These are no personal data of owners; the care is that for financial data (OWN-08).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.contractors import bank_accounts, repository, sealing
from ownercare_api.contractors.lifecycle import CONFIRM, ENTER
from ownercare_api.contractors.models import Firm, FirmDisclosure, FirmField
from ownercare_api.contractors.service import DISCLOSE, FirmNotFound, ensure_visible
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.errors import Conflict, FieldError, Forbidden, Invalid
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.policies.looks import spend
from ownercare_api.timeline import service as timeline

FOR_FIELD = {
    FirmField.BANK_ACCOUNT: frozenset({"settlements:pay", ENTER, CONFIRM}),
    FirmField.PROPOSED_BANK_ACCOUNT: frozenset({ENTER, CONFIRM}),
}
"""Accounts are shown to who also holds one of these; a firm's own people see their own account."""
_ENDED = frozenset({"closed", "withdrawn"})


class ForFinance(Forbidden):
    """403: bank accounts are shown to those who pay settlements or look after the accounts."""

    code = "bank_account_for_finance"
    zh, en = "银行账号仅供负责拨付或维护账户的人员查看。", "Bank accounts are shown to those who pay or keep them only."
    rules = ("OWN-08",)


class FirmValueMissing(Conflict):
    """409: there is no such value on record."""

    code = "value_not_recorded"
    zh, en = "该单位没有登记此项信息。", "The firm's record has no such value."


class TicketNotOfFirm(Invalid):
    """422: the named case is missing, out of sight, or in no project of the firm."""

    code = "ticket_not_of_firm"
    zh, en = (
        "所填工单不存在、您无权查看,或与该单位无关。",
        "The case does not exist, or has nothing to do with this firm.",
    )
    rules = ("OWN-08",)

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/ticket_id", self.code, self.zh, self.en),))


class FirmTicketEnded(Conflict):
    """409: the named case has ended: nothing is left that a clear value would be needed for."""

    code = "firm_ticket_ended"
    zh, en = "所填工单已办结或撤销,不能据此查看明文。", "The case has ended; no clear value is needed for it any more."
    rules = ("OWN-08",)


@dataclass(frozen=True, slots=True)
class FirmDisclosed:
    """A clear value with the record of the look."""

    record: FirmDisclosure
    value: str
    remaining: int


async def disclose(
    session: AsyncSession,
    *,
    firm_id: UUID,
    field: FirmField,
    purpose: str,
    ticket_id: UUID | None,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> FirmDisclosed:
    """Show a clear value and record who looked and why; the strictest project of the firm sets the quota.

    Raises `FirmNotFound`, `OutOfReach`, `ForFinance`, `TicketNotOfFirm`, `FirmTicketEnded`, `FirmValueMissing`,
    `QuotaSpent`.
    """
    await ensure_visible(session, firm_id=firm_id, principal=principal)
    projects = await repository.projects_of_firms(session, [firm_id])
    places = [*projects, None]
    if not any(principal.may(DISCLOSE, project_id=one, firm_ids=[firm_id]) for one in places):
        raise OutOfReach
    await _ensure_for(field, firm_id=firm_id, projects=projects, principal=principal)
    project_id = await _case(session, ticket_id, firm_id=firm_id, projects=projects, principal=principal)
    value = await _value(session, firm_id=firm_id, field=field, keyring=keyring)
    remaining = await spend(session, project_ids=projects, actor_id=principal.id, now=now)
    record = FirmDisclosure(
        id=uuid7(),
        firm_id=firm_id,
        actor_id=principal.id,
        actor_name=principal.name,
        field=field.value,
        purpose=purpose,
        ticket_id=ticket_id,
        at=now,
    )
    session.add(record)
    await session.flush()
    await timeline.record(
        session,
        kind="firm.disclosed",
        subject_kind="firm",
        subject_id=firm_id,
        actor=principal,
        now=now,
        ticket_id=ticket_id,
        project_id=project_id,
        firm_id=firm_id,
        rules=("OWN-08",),
        data={"disclosure_id": str(record.id), "field": field.value},
    )
    return FirmDisclosed(record=record, value=value, remaining=remaining)


async def _ensure_for(field: FirmField, *, firm_id: UUID, projects: Collection[UUID], principal: Principal) -> None:
    own = field is not FirmField.PROPOSED_BANK_ACCOUNT and principal.firm_id == firm_id
    wanted = FOR_FIELD.get(field)
    if wanted is None or own:
        return
    if not any(principal.may(scope, project_id=place) for scope in wanted for place in [*projects, None]):
        raise ForFinance


async def _case(
    session: AsyncSession,
    ticket_id: UUID | None,
    *,
    firm_id: UUID,
    projects: Collection[UUID],
    principal: Principal,
) -> UUID | None:
    """Return the project of the case that the look is for; a firm's own people name cases that were given to it."""
    if ticket_id is None:
        return None
    case = await repository.ticket_of(session, ticket_id=ticket_id, firm_id=firm_id)
    own = principal.firm_id == firm_id
    seen = case is not None and (case.shared if own else principal.may("tickets:read", project_id=case.project_id))
    if not seen or not (case.shared or case.project_id in projects):
        raise TicketNotOfFirm
    if case.status in _ENDED:
        raise FirmTicketEnded
    found: UUID = case.project_id
    return found


async def _value(session: AsyncSession, *, firm_id: UUID, field: FirmField, keyring: Keyring) -> str:
    if field is FirmField.PROPOSED_BANK_ACCOUNT:
        change = await bank_accounts.open_change(session, firm_id=firm_id)
        stored, column = None if change is None else change.account_encrypted, sealing.NEW_ACCOUNT
    else:
        firm = await session.get(Firm, firm_id)
        if firm is None:
            raise FirmNotFound
        stored, column = (
            (firm.contact_phone_encrypted, sealing.PHONE)
            if field is FirmField.CONTACT_PHONE
            else (firm.bank_account_encrypted, sealing.BANK_ACCOUNT)
        )
    if stored is None:
        raise FirmValueMissing
    return keyring.decrypt(bytes(stored), column=column)
