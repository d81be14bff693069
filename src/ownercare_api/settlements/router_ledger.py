"""Retention accounts and their releases, ledger entries, the trial balance."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic_core import to_json

from ownercare_api.contractors.service import ContractNotFound
from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import given
from ownercare_api.core.pagination import cut
from ownercare_api.identity.declaring import creates, lists, reads
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.settlements import repository_ledger as repository
from ownercare_api.settlements import retention
from ownercare_api.settlements import views_ledger as views
from ownercare_api.settlements.access import LedgerOpen, LedgerRead
from ownercare_api.settlements.models_ledger import LedgerEntryKind
from ownercare_api.settlements.release import RetentionNotFound
from ownercare_api.settlements.schemas_ledger import (
    LedgerEntryRead,
    RetentionAccountCreate,
    RetentionAccountRead,
    StatementLineRead,
    TrialBalanceRead,
)

router = APIRouter(prefix="/v1", tags=["ledger"], route_class=OwnerCareRoute)


async def _account(
    connection: repository.Connection, account_id: UUID, *, principal: Principal, status_code: int = 200
) -> Response:
    row = await repository.retention_account(connection, account_id=account_id, principal=principal)
    if row is None:
        raise RetentionNotFound
    positions = await repository.positions(connection, contract_ids=[row.contract_id])
    shown = views.retention_account(row, position=positions.get(row.contract_id))
    response = Response(to_json(shown), status_code=status_code, media_type="application/json")
    put_version(response, row.version)
    return response


@router.post(
    "/retention-accounts",
    **creates(
        "retention_accounts_create",
        "Open a retention account (建立保证金账户)",
        ContractNotFound,
        retention.RetentionExists,
        retention.RetentionAboveLimit,
        rules=("FIN-09", "FIN-11", "RPT-15"),
        model=RetentionAccountRead,
    ),
)
async def retention_accounts_create(
    principal: LedgerOpen, session: Tx, now: Now, body: RetentionAccountCreate
) -> Response:
    """Once for each construction contract, with what was withheld of its price: at most amount × percentage."""
    account = await retention.open_retention(
        session, contract_id=body.contract_id, opening_fen=body.opening_fen, principal=principal, now=now
    )
    response = await _account(session, account.id, principal=principal, status_code=201)
    response.headers["Location"] = f"/v1/retention-accounts/{account.id}"
    return response


@router.get(
    "/retention-accounts",
    **lists(
        "retention_accounts_list",
        "Retention positions (保证金台账)",
        rules=("RPT-15", "FIN-09"),
        model=PageOf[RetentionAccountRead],
    ),
)
async def retention_accounts_list(
    principal: LedgerRead,
    reader: Reader,
    paging: PageParams,
    firm_id: Annotated[UUID | None, Query(description="the contractor")] = None,
    project_id: UUID | None = None,
    contract_id: UUID | None = None,
) -> Response:
    """The accounts that the caller may see, newest first, each with its position; a contractor sees its own."""
    filters = given(firm_id=firm_id, project_id=project_id, contract_id=contract_id)
    wanted = paging.wanted
    after = None if wanted.after is None else wanted.after[0]
    rows = await repository.retention_page(
        reader, filters=filters, principal=principal, limit=wanted.limit, after=after
    )
    total = None
    if wanted.include_total:
        total = await repository.retention_count(reader, filters=filters, principal=principal)
    positions = await repository.positions(reader, contract_ids=[row.contract_id for row in rows])
    return paging.answer(
        cut(rows, limit=wanted.limit, key=lambda row: (row.id,), total=total),
        show=lambda row: views.retention_account(row, position=positions.get(row.contract_id)),
    )


@router.get(
    "/retention-accounts/{account_id}",
    **reads(
        "retention_accounts_read",
        "Read a retention position (保证金账户)",
        RetentionNotFound,
        rules=("RPT-15", "FIN-09"),
        model=RetentionAccountRead,
    ),
)
async def retention_accounts_read(principal: LedgerRead, reader: Reader, account_id: UUID) -> Response:
    """Opening, deductions, releases and balance, and what was claimed beyond it."""
    return await _account(reader, account_id, principal=principal)


@router.get(
    "/retention-accounts/{account_id}/postings",
    **lists(
        "retention_accounts_postings_list",
        "Statement of a retention account (保证金明细)",
        RetentionNotFound,
        rules=("RPT-15", "FIN-09"),
        model=PageOf[StatementLineRead],
    ),
)
async def retention_accounts_postings_list(
    principal: LedgerRead, reader: Reader, paging: PageParams, account_id: UUID
) -> Response:
    """Every posting of the account, newest first, each with the balance after it."""
    if await repository.retention_account(reader, account_id=account_id, principal=principal) is None:
        raise RetentionNotFound
    after = None if paging.wanted.after is None else paging.wanted.after[0]
    rows = await repository.statement(reader, account_id=account_id, limit=paging.wanted.limit, after=after)
    return paging.answer(cut(rows, limit=paging.wanted.limit, key=lambda row: (row.id,)), show=views.statement_line)


@router.get(
    "/ledger/entries",
    **lists(
        "ledger_entries_list", "Ledger entries (会计分录)", rules=("FIN-09", "RPT-15"), model=PageOf[LedgerEntryRead]
    ),
)
async def ledger_entries_list(
    principal: LedgerRead,
    reader: Reader,
    paging: PageParams,
    settlement_id: UUID | None = None,
    account_id: Annotated[UUID | None, Query(description="entries that touch this ledger account")] = None,
    contract_id: UUID | None = None,
    project_id: UUID | None = None,
    kind: LedgerEntryKind | None = None,
) -> Response:
    """Entries with all their postings, newest first, for our own people; firms read the statement of their account."""
    filters = given(
        settlement_id=settlement_id, account_id=account_id, contract_id=contract_id, project_id=project_id, kind=kind
    )
    wanted = paging.wanted
    after = None if wanted.after is None else wanted.after[0]
    rows = await repository.entries_page(reader, filters=filters, principal=principal, limit=wanted.limit, after=after)
    total = None
    if wanted.include_total:
        total = await repository.entries_count(reader, filters=filters, principal=principal)
    postings = await repository.postings_of(reader, entry_ids=[row.id for row in rows])
    return paging.answer(
        cut(rows, limit=wanted.limit, key=lambda row: (row.id,), total=total),
        show=lambda row: views.entry(row, postings=postings[row.id]),
    )


@router.get(
    "/ledger/trial-balance",
    **reads(
        "ledger_trial_balance_read",
        "Trial balance (试算平衡表)",
        OutOfReach,
        rules=("FIN-09", "RPT-15"),
        model=TrialBalanceRead,
    ),
)
async def ledger_trial_balance_read(principal: LedgerRead, reader: Reader) -> Response:
    """The whole ledger by kind of account, recomputed from the postings and compared with the stored balances. Only for
    those who may read the whole company's ledger."""
    if not principal.reach(repository.READ).everywhere:
        raise OutOfReach
    shown = views.trial_balance(await repository.balances(reader))
    return Response(to_json(shown), media_type="application/json")
