"""Releases of retention: request, customer-service opinion, payment."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic_core import to_json

from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.pagination import cut
from ownercare_api.identity.declaring import Steps, creates, lists, reads
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.settlements import release
from ownercare_api.settlements import repository_ledger as repository
from ownercare_api.settlements import views_ledger as views
from ownercare_api.settlements.access import LedgerOpen, LedgerRead, RetentionOpinion, RetentionPay
from ownercare_api.settlements.ledger import BalanceTooSmall
from ownercare_api.settlements.lifecycle_parts import OwnWork, PersonRequired
from ownercare_api.settlements.lifecycle_payee import AccountInQuestion, AccountMissing, OwnPayeeAccount
from ownercare_api.settlements.lifecycle_release import RELEASE_LIFECYCLE, DeductionsOpen
from ownercare_api.settlements.schemas_ledger import OpinionCreate, ReleaseCreate, ReleaseRead, WithdrawalCreate

router = APIRouter(
    prefix="/v1/retention-accounts/{account_id}/release-requests", tags=["ledger"], route_class=OwnerCareRoute
)
_RULES = ("FIN-11", "RPT-15")
_HANDS = (OwnWork, PersonRequired)


_step = Steps(
    "retention_releases",
    RELEASE_LIFECYCLE,
    model=ReleaseRead,
    missing=(release.RetentionNotFound, release.ReleaseNotFound),
)


async def _answer(
    connection: repository.Connection,
    account_id: UUID,
    release_id: UUID,
    *,
    principal: Principal,
    status_code: int = 200,
) -> Response:
    row = await repository.release(connection, release_id=release_id, account_id=account_id)
    if row is None:
        raise release.ReleaseNotFound
    waiting = await repository.open_deductions(connection, contract_id=row.contract_id)
    shown = views.release(row, open_deductions=waiting, principal=principal)
    response = Response(to_json(shown), status_code=status_code, media_type="application/json")
    put_version(response, row.version)
    return response


async def _visible(reader: repository.Connection, account_id: UUID, principal: Principal) -> Any:
    account = await repository.retention_account(reader, account_id=account_id, principal=principal)
    if account is None:
        raise release.RetentionNotFound
    return account


@router.post(
    "",
    **creates(
        "retention_releases_create",
        "Ask to release retention (申请返还保证金)",
        OutOfReach,
        release.RetentionNotFound,
        release.ReleaseOpen,
        BalanceTooSmall,
        rules=_RULES,
        model=ReleaseRead,
    ),
)
async def retention_releases_create(
    principal: LedgerOpen, session: Tx, now: Now, account_id: UUID, body: ReleaseCreate
) -> Response:
    """By finance, at most what the account holds; one request at a time."""
    found = await release.request_release(
        session, account_id=account_id, amount_fen=body.amount_fen, note=body.note, principal=principal, now=now
    )
    response = await _answer(session, account_id, found.id, principal=principal, status_code=201)
    response.headers["Location"] = f"/v1/retention-accounts/{account_id}/release-requests/{found.id}"
    return response


@router.get(
    "",
    **lists(
        "retention_releases_list",
        "Releases of a retention account (保证金返还申请)",
        release.RetentionNotFound,
        rules=_RULES,
        model=PageOf[ReleaseRead],
    ),
)
async def retention_releases_list(
    principal: LedgerRead, reader: Reader, paging: PageParams, account_id: UUID
) -> Response:
    """The account's requests, newest first."""
    account = await _visible(reader, account_id, principal)
    waiting = await repository.open_deductions(reader, contract_id=account.contract_id)
    after = None if paging.wanted.after is None else paging.wanted.after[0]
    rows = await repository.releases_page(reader, account_id=account_id, limit=paging.wanted.limit, after=after)
    return paging.answer(
        cut(rows, limit=paging.wanted.limit, key=lambda row: (row.id,)),
        show=lambda row: views.release(row, open_deductions=waiting, principal=principal),
    )


@router.get(
    "/{release_id}",
    **reads(
        "retention_releases_read",
        "Read a release (保证金返还详情)",
        release.RetentionNotFound,
        release.ReleaseNotFound,
        rules=_RULES,
        model=ReleaseRead,
    ),
)
async def retention_releases_read(
    principal: LedgerRead, reader: Reader, account_id: UUID, release_id: UUID
) -> Response:
    """The request, the opinion of customer service, and the payment."""
    await _visible(reader, account_id, principal)
    return await _answer(reader, account_id, release_id, principal=principal)


@router.post("/{release_id}/opinion", **_step("opinion", "Give the opinion (工程尾款支付意见)", *_HANDS, rules=_RULES))
async def retention_releases_opinion(
    principal: RetentionOpinion, session: Tx, now: Now, account_id: UUID, release_id: UUID, body: OpinionCreate
) -> Response:
    """By the customer-service manager, weighing quality in the warranty period and cooperation in repairs (FIN-11). An
    opinion against the payment ends the request."""
    await release.give_opinion(
        session,
        account_id=account_id,
        release_id=release_id,
        supported=body.supported,
        opinion=body.opinion,
        principal=principal,
        now=now,
    )
    return await _answer(session, account_id, release_id, principal=principal, status_code=201)


@router.post(
    "/{release_id}/release",
    **_step(
        "release",
        "Pay retention back (返还保证金)",
        *_HANDS,
        DeductionsOpen,
        OwnPayeeAccount,
        AccountMissing,
        AccountInQuestion,
        BalanceTooSmall,
        rules=_RULES,
        keyed=True,
    ),
)
async def retention_releases_release(
    principal: RetentionPay, session: Tx, now: Now, account_id: UUID, release_id: UUID
) -> Response:
    """Only with the supporting opinion, and once every class A deduction of the contract is booked; by another person
    than asked for it, and than changed the contractor's bank account meanwhile. Needs an `Idempotency-Key`."""
    await release.pay_release(session, account_id=account_id, release_id=release_id, principal=principal, now=now)
    return await _answer(session, account_id, release_id, principal=principal, status_code=201)


@router.post(
    "/{release_id}/withdrawal", **_step("withdrawal", "Withdraw a request (撤回返还申请)", *_HANDS, rules=_RULES)
)
async def retention_releases_withdrawal(
    principal: LedgerOpen, session: Tx, now: Now, account_id: UUID, release_id: UUID, body: WithdrawalCreate
) -> Response:
    """Takes a request back that was not paid, such as one for more than later deductions have left."""
    await release.withdraw_release(
        session, account_id=account_id, release_id=release_id, reason=body.reason, principal=principal, now=now
    )
    return await _answer(session, account_id, release_id, principal=principal, status_code=201)
