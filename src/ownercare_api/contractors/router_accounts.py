"""Clear values of partner firms and who looked at them; changes of their bank accounts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from ownercare_api.contractors import bank_accounts, disclosures, repository, views, views_accounts
from ownercare_api.contractors.access import (
    BankAccountsConfirm,
    BankAccountsWrite,
    ContractorsDisclose,
    ContractorsLooks,
    ContractorsRead,
)
from ownercare_api.contractors.bank_accounts import AccountChangeNotFound
from ownercare_api.contractors.lifecycle import (
    ACCOUNT_CHANGE_LIFECYCLE,
    AccountChangeStatus,
    EmployeeRequired,
    OwnAccountChange,
)
from ownercare_api.contractors.models import FirmDisclosure, FirmField
from ownercare_api.contractors.models_accounts import FirmBankAccountChange
from ownercare_api.contractors.schemas_accounts import (
    AccountChangeCreate,
    AccountChangeRead,
    AccountChangeReason,
    AccountChangeSummary,
    AccountConfirmationCreate,
    FirmDisclosedRead,
    FirmDisclosureCreate,
    FirmDisclosureRead,
)
from ownercare_api.contractors.service import LOOKS, FirmNotFound, ensure_visible
from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.idempotency import shown_once
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import given, newest_first
from ownercare_api.core.wire import Instant
from ownercare_api.files.service import FileNotUsable
from ownercare_api.identity.declaring import Steps, creates, lists, reads
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.policies.looks import QuotaSpent

router = APIRouter(prefix="/v1/firms/{firm_id}", tags=["contractors"], route_class=OwnerCareRoute)

_RULES = ACCOUNT_CHANGE_LIFECYCLE.steps["confirmation"].rules
_CHANGES = "firms_bank_account_changes"
_step = Steps(
    _CHANGES,
    ACCOUNT_CHANGE_LIFECYCLE,
    model=AccountChangeRead,
    missing=(FirmNotFound, AccountChangeNotFound),
)


@router.post(
    "/disclosures",
    **creates(
        "firms_disclosures_create",
        "Look at a firm's number or bank account in clear (查看合作单位明文)",
        OutOfReach,
        FirmNotFound,
        disclosures.ForFinance,
        disclosures.TicketNotOfFirm,
        disclosures.FirmTicketEnded,
        disclosures.FirmValueMissing,
        QuotaSpent,
        rules=("OWN-07", "OWN-08"),
        model=FirmDisclosedRead,
    ),
)
async def firms_disclosures_create(
    principal: ContractorsDisclose, session: Tx, state: State, now: Now, request: Request, response: Response,
    firm_id: UUID, body: FirmDisclosureCreate,
) -> FirmDisclosedRead:  # fmt: skip
    """The contact's telephone number; the bank account for those who pay or look after accounts, and for the firm's own
    people; the account of an open change for those who enter and confirm them. Each look is recorded with its purpose
    and counts, with looks at owners' values, towards `privacy.unmask_per_hour`: after that 429 with `Retry-After`."""
    shown_once(request, "value")
    shown = await disclosures.disclose(
        session, firm_id=firm_id, **body.model_dump(), keyring=state.keyring, principal=principal, now=now
    )
    response.headers["Cache-Control"] = "no-store"
    record = FirmDisclosureRead.model_validate(shown.record).model_dump()
    return FirmDisclosedRead(**record, value=shown.value, remaining_this_hour=shown.remaining)


@router.get(
    "/disclosures",
    **lists(
        "firms_disclosures_list",
        "Who looked at a firm's clear values (合作单位明文查看记录)",
        FirmNotFound,
        rules=("OWN-08",),
        model=PageOf[FirmDisclosureRead],
    ),
)
async def firms_disclosures_list(
    principal: ContractorsLooks,
    reader: Reader,
    paging: PageParams,
    firm_id: UUID,
    actor_id: Annotated[UUID | None, Query(description="the looks of this person or machine")] = None,
    field: FirmField | None = None,
    from_: Annotated[Instant | None, Query(alias="from", description="from this instant on")] = None,
    to: Annotated[Instant | None, Query(description="before this instant")] = None,
) -> Response:
    """Every look, newest first: who, when, which value, why. For auditors and for who looks after firms; a firm's own
    people see who looked at their firm."""
    await ensure_visible(reader, firm_id=firm_id, principal=principal, scope=LOOKS)
    filters = given(actor_id=actor_id, field=field)
    query = repository.disclosures(firm_id=firm_id, filters=filters, since=from_, until=to)
    page = await newest_first(reader, query=query, key=FirmDisclosure.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=views.plain)


@router.post(
    "/bank-account-changes",
    **creates(
        f"{_CHANGES}_create",
        "Enter a firm's new bank account (登记银行账户变更)",
        OutOfReach,
        FirmNotFound,
        EmployeeRequired,
        FileNotUsable,
        bank_accounts.AccountChangeOpen,
        bank_accounts.AccountUnchanged,
        rules=_RULES,
        model=AccountChangeRead,
    ),
)
async def firms_bank_account_changes_create(
    principal: BankAccountsWrite, session: Tx, state: State, now: Now, response: Response, firm_id: UUID,
    body: AccountChangeCreate,
) -> AccountChangeRead:  # fmt: skip
    """The first account of a firm, or another one, as the firm's sealed letter says. Nothing is paid to it, and nothing
    to the former one, until a second person has confirmed or rejected the change. Needs company-wide reach."""
    change = await bank_accounts.enter(
        session,
        firm_id=firm_id,
        new=bank_accounts.NewAccount(body.bank_name, body.bank_account, body.bank_account_holder),
        reason=body.reason,
        evidence_file_ids=body.evidence_file_ids,
        keyring=state.keyring,
        principal=principal,
        now=now,
    )
    response.headers["Location"] = f"/v1/firms/{firm_id}/bank-account-changes/{change.id}"
    return await _answer(session, response, firm_id=firm_id, change_id=change.id, principal=principal)


@router.get(
    "/bank-account-changes",
    **lists(
        f"{_CHANGES}_list",
        "Changes of a firm's bank account (银行账户变更记录)",
        FirmNotFound,
        rules=_RULES,
        model=PageOf[AccountChangeSummary],
    ),
)
async def firms_bank_account_changes_list(
    principal: ContractorsRead,
    reader: Reader,
    paging: PageParams,
    firm_id: UUID,
    status: AccountChangeStatus | None = None,
) -> Response:
    """All of them, newest first, with former and new account masked. A firm's own people see those of their firm."""
    await ensure_visible(reader, firm_id=firm_id, principal=principal)
    query = repository.account_changes(firm_id=firm_id, status=status)
    page = await newest_first(reader, query=query, key=FirmBankAccountChange.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=views_accounts.account_change_summary)


@router.get(
    "/bank-account-changes/{change_id}",
    **reads(
        f"{_CHANGES}_read",
        "A change of a firm's bank account (银行账户变更详情)",
        FirmNotFound,
        AccountChangeNotFound,
        rules=_RULES,
        model=AccountChangeRead,
    ),
)
async def firms_bank_account_changes_read(
    principal: ContractorsRead, reader: Reader, response: Response, firm_id: UUID, change_id: UUID
) -> AccountChangeRead:
    """Who entered it and why, who confirmed it and how; whether holder and telephone number speak for it."""
    await ensure_visible(reader, firm_id=firm_id, principal=principal)
    return await _answer(reader, response, firm_id=firm_id, change_id=change_id, principal=principal)


@router.post(
    "/bank-account-changes/{change_id}/confirmation",
    **_step(
        "confirmation",
        "Confirm a bank account (核实确认银行账户)",
        EmployeeRequired,
        OwnAccountChange,
        bank_accounts.NumberNotKnown,
    ),
)
async def firms_bank_account_changes_confirmation_create(
    principal: BankAccountsConfirm, session: Tx, state: State, now: Now, response: Response, firm_id: UUID,
    change_id: UUID, body: AccountConfirmationCreate,
) -> AccountChangeRead:  # fmt: skip
    """By another person of finance than who entered it or lent the authority: best after calling the firm back at the
    number on record, which must have stood there for 30 days when the change was entered. From now on the firm is paid
    to this account. Who entered or confirmed it pays nothing to it that was written before."""
    await bank_accounts.confirm(
        session, firm_id=firm_id, change_id=change_id, **body.model_dump(), keyring=state.keyring, principal=principal,
        now=now,
    )  # fmt: skip
    return await _answer(session, response, firm_id=firm_id, change_id=change_id, principal=principal)


@router.post(
    "/bank-account-changes/{change_id}/rejection",
    **_step("rejection", "Reject a bank account (驳回银行账户变更)", EmployeeRequired, OwnAccountChange),
)
async def firms_bank_account_changes_rejection_create(
    principal: BankAccountsConfirm, session: Tx, now: Now, response: Response, firm_id: UUID, change_id: UUID,
    body: AccountChangeReason,
) -> AccountChangeRead:  # fmt: skip
    """It could not be verified: the former account stays."""
    await bank_accounts.reject(
        session, firm_id=firm_id, change_id=change_id, reason=body.reason, principal=principal, now=now
    )
    return await _answer(session, response, firm_id=firm_id, change_id=change_id, principal=principal)


@router.post(
    "/bank-account-changes/{change_id}/withdrawal",
    **_step("withdrawal", "Withdraw a change (撤回银行账户变更)", EmployeeRequired),
)
async def firms_bank_account_changes_withdrawal_create(
    principal: BankAccountsWrite, session: Tx, now: Now, response: Response, firm_id: UUID, change_id: UUID,
    body: AccountChangeReason,
) -> AccountChangeRead:  # fmt: skip
    """Takes an unconfirmed change back, such as one with a slip in the number; the former account stays."""
    await bank_accounts.withdraw(
        session, firm_id=firm_id, change_id=change_id, reason=body.reason, principal=principal, now=now
    )
    return await _answer(session, response, firm_id=firm_id, change_id=change_id, principal=principal)


async def _answer(
    connection: repository.Connection, response: Response, *, firm_id: UUID, change_id: UUID, principal: Principal
) -> AccountChangeRead:
    row = await repository.account_change(connection, firm_id=firm_id, change_id=change_id)
    if row is None:
        raise AccountChangeNotFound
    put_version(response, row.version)
    return AccountChangeRead.model_validate(views_accounts.account_change(row, principal=principal))
