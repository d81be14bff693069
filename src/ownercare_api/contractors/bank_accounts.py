"""Use cases: a firm's bank account changes only by two people: one enters the change, another confirms it.

The account is where money goes, and somebody who can change it alone can change it, pay, and change it back. So the
first account of a firm goes the same way as every later one: entered with the firm at its creation, it would be one
person's word. A change is never edited; what was confirmed is what was entered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.contractors import evidence, repository, sealing
from ownercare_api.contractors.lifecycle import (
    ACCOUNT_CHANGE_LIFECYCLE,
    CONFIRM,
    ENTER,
    AccountChangeFacts,
    AccountChangeStatus,
    AccountVerification,
    in_person,
)
from ownercare_api.contractors.models import Firm
from ownercare_api.contractors.models_accounts import FirmBankAccountChange
from ownercare_api.contractors.sealing import sealed_account
from ownercare_api.contractors.service import ensure_visible
from ownercare_api.contractors.views_accounts import number_is_known
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.errors import Conflict, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.timeline import service as timeline


class AccountChangeNotFound(NotFound):
    """404: the firm has no such change of its account."""

    code = "bank_account_change_not_found"
    zh, en = "该单位没有此银行账户变更。", "The firm has no such change of its bank account."


class AccountChangeOpen(Conflict):
    """409: one change of a firm's account at a time."""

    code = "bank_account_change_open"
    zh, en = "该单位已有一项银行账户变更在办理中。", "Another change of this firm's bank account is still open."
    rules = ("ORG-20",)


class AccountUnchanged(Conflict):
    """409: the firm has this account already."""

    code = "bank_account_unchanged"
    zh, en = "该单位登记的正是此账户,无需变更。", "This is the firm's account already."


class NumberNotKnown(Conflict):
    """409: the firm's number was only just entered or changed, so that calling it proves nothing."""

    code = "number_not_known"
    zh = "档案所留电话在账户变更登记前 30 天内登记或修改过,回拨不足以核实,请当面核验或小额打款验证。"
    en = "The number on record is too new to prove anything: verify in person, or by a trial transfer."
    rules = ("ORG-20",)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account as it was entered; the number in digits."""

    bank_name: str
    account: str
    holder: str


async def enter(
    session: AsyncSession,
    *,
    firm_id: UUID,
    new: NewAccount,
    reason: str,
    evidence_file_ids: Sequence[UUID],
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> FirmBankAccountChange:
    """Enter a firm's first or new account; it counts once somebody else has confirmed it.

    Raises `FirmNotFound`, `OutOfReach`, `EmployeeRequired`, `FileNotUsable`, `AccountChangeOpen`, `AccountUnchanged`.
    """
    firm = await _locked(session, firm_id=firm_id, scope=ENTER, principal=principal)
    in_person(firm, principal)
    if await open_change(session, firm_id=firm_id) is not None:
        raise AccountChangeOpen
    former = firm.bank_account_encrypted
    former_account = None if former is None else keyring.decrypt(bytes(former), column=sealing.BANK_ACCOUNT)
    if (firm.bank_name, former_account, firm.bank_account_holder) == (new.bank_name, new.account, new.holder):
        raise AccountUnchanged
    await evidence.check(session, file_ids=evidence_file_ids, principal=principal, now=now)
    change = FirmBankAccountChange(
        id=uuid7(),
        firm_id=firm_id,
        status=ACCOUNT_CHANGE_LIFECYCLE.initial,
        bank_name=new.bank_name,
        account_holder=new.holder,
        account_encrypted=keyring.encrypt(new.account, column=sealing.NEW_ACCOUNT),
        account_masked=sealing.mask_account(new.account),
        former_bank_name=firm.bank_name,
        former_account_holder=firm.bank_account_holder,
        former_account_encrypted=None
        if former_account is None
        else keyring.encrypt(former_account, column=sealing.FORMER_ACCOUNT),
        former_account_masked=firm.bank_account_masked,
        reason=reason,
        evidence_file_ids=list(evidence_file_ids),
        entered_by=principal.id,
        entered_by_name=principal.name,
        entered_at=now,
        makers=sorted(principal.acting(ENTER, project_id=None)),
        checkers=[],
    )
    session.add(change)
    await _record(session, change, "submitted", scope=ENTER, principal=principal, now=now)
    return change


async def confirm(
    session: AsyncSession,
    *,
    firm_id: UUID,
    change_id: UUID,
    verification: AccountVerification,
    note: str,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> FirmBankAccountChange:
    """Confirm that the account is the firm's, and say how that was found out: from now on it is paid to it.

    Raises `FirmNotFound`, `AccountChangeNotFound`, `OutOfReach`, `WrongStatus`, `EmployeeRequired`,
    `OwnAccountChange`, `NumberNotKnown`.
    """
    firm, change = await _step(session, "confirmation", firm_id=firm_id, change_id=change_id, principal=principal)
    if verification is AccountVerification.CALLED_BACK and not number_is_known(firm, change):
        raise NumberNotKnown
    change.verification, change.verification_note = verification, note
    change.checkers = sorted(principal.acting(CONFIRM, project_id=None))
    _decided(change, principal=principal, now=now, reason=None)
    account = keyring.decrypt(bytes(change.account_encrypted), column=sealing.NEW_ACCOUNT)
    firm.bank_name, firm.bank_account_holder, firm.updated_at = change.bank_name, change.account_holder, now
    for column, stored in sealed_account(keyring, account).items():
        setattr(firm, column, stored)
    said = {"verification": verification.value}
    await _record(session, change, "confirmed", scope=CONFIRM, principal=principal, now=now, data=said)
    await timeline.record(
        session,
        kind="firm.bank_account_changed",
        subject_kind="firm",
        subject_id=firm_id,
        actor=principal,
        now=now,
        firm_id=firm_id,
        rules=ACCOUNT_CHANGE_LIFECYCLE.steps["confirmation"].rules,
        data={"change_id": str(change.id), "account": change.account_masked},
    )
    return change


async def reject(
    session: AsyncSession, *, firm_id: UUID, change_id: UUID, reason: str, principal: Principal, now: datetime
) -> FirmBankAccountChange:
    """Refuse a change that could not be verified; the former account stays.

    Raises `FirmNotFound`, `AccountChangeNotFound`, `OutOfReach`, `WrongStatus`, `EmployeeRequired`, `OwnAccountChange`.
    """
    _, change = await _step(session, "rejection", firm_id=firm_id, change_id=change_id, principal=principal)
    _decided(change, principal=principal, now=now, reason=reason)
    await _record(session, change, "rejected", scope=CONFIRM, principal=principal, now=now)
    return change


async def withdraw(
    session: AsyncSession, *, firm_id: UUID, change_id: UUID, reason: str, principal: Principal, now: datetime
) -> FirmBankAccountChange:
    """Take an unconfirmed change back.

    Raises `FirmNotFound`, `AccountChangeNotFound`, `OutOfReach`, `WrongStatus`, `EmployeeRequired`.
    """
    _, change = await _step(session, "withdrawal", firm_id=firm_id, change_id=change_id, principal=principal)
    _decided(change, principal=principal, now=now, reason=reason)
    await _record(session, change, "withdrawn", scope=ENTER, principal=principal, now=now)
    return change


async def open_change(session: AsyncSession, *, firm_id: UUID) -> FirmBankAccountChange | None:
    """Return a firm's change that waits for its confirmation, or None."""
    query = select(FirmBankAccountChange).where(
        FirmBankAccountChange.firm_id == firm_id, FirmBankAccountChange.status == AccountChangeStatus.SUBMITTED
    )
    return await session.scalar(query)


async def _locked(session: AsyncSession, *, firm_id: UUID, scope: str, principal: Principal) -> Firm:
    """Lock a firm before its changes, so that they come one after another and never beside a payment."""
    await ensure_visible(session, firm_id=firm_id, principal=principal)
    principal.require(scope, project_id=None)
    return await session.get_one(Firm, firm_id, with_for_update=True, populate_existing=True)


async def _step(
    session: AsyncSession, name: str, *, firm_id: UUID, change_id: UUID, principal: Principal
) -> tuple[Firm, FirmBankAccountChange]:
    await ensure_visible(session, firm_id=firm_id, principal=principal)
    if not await repository.has_account_change(session, firm_id=firm_id, change_id=change_id):
        raise AccountChangeNotFound
    step = ACCOUNT_CHANGE_LIFECYCLE.steps[name]
    firm = await _locked(session, firm_id=firm_id, scope=step.scope, principal=principal)
    change = await session.get_one(FirmBankAccountChange, change_id, with_for_update=True, populate_existing=True)
    facts = AccountChangeFacts(makers=frozenset(change.makers))
    change.status = ACCOUNT_CHANGE_LIFECYCLE.check(name, status=change.status, subject=facts, actor=principal)
    return firm, change


def _decided(change: FirmBankAccountChange, *, principal: Principal, now: datetime, reason: str | None) -> None:
    change.decided_by, change.decided_by_name, change.decided_at = principal.id, principal.name, now
    change.decision_reason = reason


async def _record(
    session: AsyncSession,
    change: FirmBankAccountChange,
    what: str,
    *,
    scope: str,
    principal: Principal,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    change.updated_at = now
    await session.flush()
    await timeline.record(
        session,
        kind=f"bank_account_change.{what}",
        subject_kind="bank_account_change",
        subject_id=change.id,
        actor=principal,
        now=now,
        firm_id=change.firm_id,
        rules=ACCOUNT_CHANGE_LIFECYCLE.steps["confirmation"].rules,
        data={
            "firm_id": str(change.firm_id),
            "account": change.account_masked,
            "former_account": change.former_account_masked,
            **(data or {}),
            **principal.on_behalf_of(scope, project_id=None),
        },
    )
