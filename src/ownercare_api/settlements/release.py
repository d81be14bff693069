"""Paying retention back: request, the customer-service opinion, payment (FIN-11, reading 12)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.contractors import service as contractors
from ownercare_api.core.errors import Conflict, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.settlements import ledger, repository_ledger, views_ledger
from ownercare_api.settlements.ledger import BalanceTooSmall, Entry, Posting
from ownercare_api.settlements.lifecycle_release import OPINION_SCOPE, RELEASE_LIFECYCLE, ReleaseStatus
from ownercare_api.settlements.models_ledger import LedgerEntryKind
from ownercare_api.settlements.models_release import RetentionRelease
from ownercare_api.settlements.payee import paid_to
from ownercare_api.timeline import service as timeline

_RULES = ("FIN-11",)
_SCOPES = {
    "release_requested": "ledger:open",
    "release_opinion_given": OPINION_SCOPE,
    "released": "settlements:pay",
    "release_withdrawn": "ledger:open",
}


class RetentionNotFound(NotFound):
    """404: no such retention account, or not visible to the caller."""

    code = "retention_account_not_found"
    zh, en = "保证金账户不存在,或您无权查看。", "There is no such retention account, or you may not see it."


class ReleaseNotFound(NotFound):
    """404: no such request of this account."""

    code = "retention_release_not_found"
    zh, en = "没有此保证金返还申请。", "There is no such request to release retention."


class ReleaseOpen(Conflict):
    """409: one release of an account at a time."""

    code = "retention_release_open"
    zh, en = "该账户已有一份返还申请在办理中。", "Another release of this account is still under way."
    rules = _RULES


async def request_release(
    session: AsyncSession, *, account_id: UUID, amount_fen: int, note: str | None, principal: Principal, now: datetime
) -> RetentionRelease:
    """Ask to pay some retention back. Raises `RetentionNotFound`, `OutOfReach`, `ReleaseOpen`, `BalanceTooSmall`."""
    account = await repository_ledger.retention_account(session, account_id=account_id, principal=principal)
    if account is None:
        raise RetentionNotFound
    principal.require("ledger:open", project_id=account.project_id)
    key = ledger.retention(contract_id=account.contract_id, firm_id=account.firm_id, project_id=account.project_id)
    locked = await ledger.lock(session, keys={key}, actor=principal, now=now)
    waiting = select(RetentionRelease.id).where(
        RetentionRelease.account_id == account_id,
        RetentionRelease.status.in_([ReleaseStatus.REQUESTED, ReleaseStatus.SUPPORTED]),
    )
    if await session.scalar(waiting) is not None:
        raise ReleaseOpen
    if amount_fen > locked[key].balance_fen:
        raise BalanceTooSmall
    release = RetentionRelease(
        id=uuid7(),
        account_id=account.id,
        contract_id=account.contract_id,
        project_id=account.project_id,
        firm_id=account.firm_id,
        status=RELEASE_LIFECYCLE.initial,
        amount_fen=amount_fen,
        note=note,
        requested_by=principal.id,
        requested_by_name=principal.name,
        payee_change_id=await contractors.account_change_in_force(session, firm_id=account.firm_id),
        makers=sorted(principal.acting(_SCOPES["release_requested"], project_id=account.project_id)),
    )
    session.add(release)
    await _record(session, release, "release_requested", actor=principal, now=now)
    return release


async def give_opinion(
    session: AsyncSession,
    *,
    account_id: UUID,
    release_id: UUID,
    supported: bool,
    opinion: str,
    principal: Principal,
    now: datetime,
) -> RetentionRelease:
    """Give the 《工程尾款支付意见》; one against it ends the request.

    Raises `RetentionNotFound`, `ReleaseNotFound`, `OutOfReach`, `WrongStatus`, `OwnWork`.
    """
    release, target = await _begin(
        session, account_id=account_id, release_id=release_id, step="opinion", principal=principal
    )
    release.status = target if supported else ReleaseStatus.OPPOSED
    release.opinion, release.opinion_at = opinion, now
    release.opinion_by, release.opinion_by_name = principal.id, principal.name
    advisers = principal.acting(OPINION_SCOPE, project_id=release.project_id)
    release.makers = sorted({*release.makers, *advisers})
    await _record(session, release, "release_opinion_given", actor=principal, now=now)
    return release


async def pay_release(
    session: AsyncSession, *, account_id: UUID, release_id: UUID, principal: Principal, now: datetime
) -> RetentionRelease:
    """Pay retention back as customer service supported it, once every class A deduction of the contract is booked.

    Raises `RetentionNotFound`, `ReleaseNotFound`, `OutOfReach`, `WrongStatus`, `OwnWork`, `DeductionsOpen`,
    `OwnPayeeAccount`, `AccountMissing`, `AccountInQuestion`, `BalanceTooSmall`.
    """
    release, target = await _begin(
        session, account_id=account_id, release_id=release_id, step="release", principal=principal
    )
    key = ledger.retention(contract_id=release.contract_id, firm_id=release.firm_id, project_id=release.project_id)
    entry = await ledger.post(
        session,
        entry=Entry(
            kind=LedgerEntryKind.RETENTION_RELEASE,
            project_id=release.project_id,
            contract_id=release.contract_id,
            memo="保证金返还",
        ),
        postings=[Posting(key, ledger.BANK, release.amount_fen)],
        actor=principal,
        now=now,
    )
    release.status, release.entry_id = target, entry.id
    release.released_by, release.released_by_name, release.released_at = principal.id, principal.name, now
    await paid_to(session, release)
    await _record(session, release, "released", actor=principal, now=now, account=release.paid_account_masked or "")
    return release


async def withdraw_release(
    session: AsyncSession, *, account_id: UUID, release_id: UUID, reason: str, principal: Principal, now: datetime
) -> RetentionRelease:
    """Take an unpaid request back. Raises `RetentionNotFound`, `ReleaseNotFound`, `OutOfReach`, `WrongStatus`."""
    release, target = await _begin(
        session, account_id=account_id, release_id=release_id, step="withdrawal", principal=principal
    )
    release.status = target
    await _record(session, release, "release_withdrawn", actor=principal, now=now, reason=reason)
    return release


async def _begin(
    session: AsyncSession, *, account_id: UUID, release_id: UUID, step: str, principal: Principal
) -> tuple[RetentionRelease, ReleaseStatus]:
    account = await repository_ledger.retention_account(session, account_id=account_id, principal=principal)
    if account is None:
        raise RetentionNotFound
    query = select(RetentionRelease).where(RetentionRelease.id == release_id, RetentionRelease.account_id == account_id)
    release = await session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if release is None:
        raise ReleaseNotFound
    principal.require(RELEASE_LIFECYCLE.steps[step].scope, project_id=release.project_id)
    if step == "release":
        await contractors.hold_account(session, firm_id=release.firm_id)
    row = await repository_ledger.release(session, release_id=release_id, account_id=account_id)
    waiting = await repository_ledger.open_deductions(session, contract_id=release.contract_id)
    facts = views_ledger.release_facts(row, open_deductions=waiting)
    return release, RELEASE_LIFECYCLE.check(step, status=release.status, subject=facts, actor=principal)


async def _record(
    session: AsyncSession, release: RetentionRelease, kind: str, *, actor: Principal, now: datetime, **more: str
) -> None:
    await session.flush()
    lent = actor.on_behalf_of(_SCOPES[kind], project_id=release.project_id)
    await timeline.record(
        session,
        kind=f"retention.{kind}",
        subject_kind="retention_account",
        subject_id=release.account_id,
        project_id=release.project_id,
        firm_id=release.firm_id,
        actor=actor,
        now=now,
        rules=_RULES,
        data={
            "release_id": str(release.id),
            "contract_id": str(release.contract_id),
            "amount_fen": release.amount_fen,
            "status": release.status.value,
            **lent,
            **more,
        },
    )
