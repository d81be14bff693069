"""The double-entry ledger: the only code that changes a balance. The chart of accounts stands in `models_ledger`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import Conflict
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.settlements.models_ledger import (
    LedgerAccount,
    LedgerAccountKind,
    LedgerEntry,
    LedgerEntryKind,
    LedgerPosting,
)

_NEVER_BELOW_ZERO = (LedgerAccountKind.RETENTION, LedgerAccountKind.PROPERTY_PAYABLE)


class BalanceTooSmall(Conflict):
    """409: a posting would take more than the account holds."""

    code = "balance_too_small"
    zh = "账户余额不足,不能入账。"
    en = "The account does not hold that much."
    rules = ("FIN-09", "FIN-11")


@dataclass(frozen=True, slots=True)
class AccountKey:
    """Which account of the chart; made by the functions below."""

    kind: LedgerAccountKind
    contract_id: UUID | None = None
    firm_id: UUID | None = None
    project_id: UUID | None = None

    @property
    def code(self) -> str:
        """Return the account's unique code."""
        owner = self.contract_id or self.firm_id or self.project_id
        return self.kind.value if owner is None else f"{self.kind.value}:{owner}"


def retention(*, contract_id: UUID, firm_id: UUID, project_id: UUID) -> AccountKey:
    """Name the retention of a contract, held for its contractor."""
    return AccountKey(LedgerAccountKind.RETENTION, contract_id=contract_id, firm_id=firm_id, project_id=project_id)


def contractor_claim(firm_id: UUID) -> AccountKey:
    """Name what a contractor owes us."""
    return AccountKey(LedgerAccountKind.CONTRACTOR_CLAIM, firm_id=firm_id)


def property_payable(firm_id: UUID) -> AccountKey:
    """Name what we owe a property company."""
    return AccountKey(LedgerAccountKind.PROPERTY_PAYABLE, firm_id=firm_id)


def company_cost(project_id: UUID) -> AccountKey:
    """Name the repair cost that the company bears in a project."""
    return AccountKey(LedgerAccountKind.COMPANY_COST, project_id=project_id)


def withheld_price(project_id: UUID) -> AccountKey:
    """Name the contract price withheld in a project, where retention comes from."""
    return AccountKey(LedgerAccountKind.WITHHELD_PRICE, project_id=project_id)


BANK = AccountKey(LedgerAccountKind.BANK)
"""The company's bank account."""


@dataclass(frozen=True, slots=True)
class Posting:
    """A positive amount in fen from one account (debit) to another (credit)."""

    debit: AccountKey
    credit: AccountKey
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry is about; `round` numbers the payments of one settlement."""

    kind: LedgerEntryKind
    project_id: UUID
    memo: str
    contract_id: UUID | None = None
    settlement_id: UUID | None = None
    round: int | None = None
    reverses_id: UUID | None = None


async def lock(
    session: AsyncSession, *, keys: Collection[AccountKey], actor: Principal, now: datetime
) -> Mapping[AccountKey, LedgerAccount]:
    """Return the accounts, opened where they are new, locked until the transaction ends.

    New accounts are opened and then all are locked in the order of their codes: every transaction waits in the same
    order. So a transaction names all its accounts in its first call.
    """
    by_code = {key.code: key for key in keys}
    codes = sorted(by_code)
    there = set(await session.scalars(select(LedgerAccount.code).where(LedgerAccount.code.in_(codes))))
    for code in codes:
        if code not in there:
            await session.execute(
                insert(LedgerAccount)
                .values(
                    id=uuid7(),
                    code=code,
                    kind=by_code[code].kind,
                    contract_id=by_code[code].contract_id,
                    firm_id=by_code[code].firm_id,
                    project_id=by_code[code].project_id,
                    balance_fen=0,
                    opened_at=now,
                    opened_by=actor.id,
                )
                .on_conflict_do_nothing(index_elements=[LedgerAccount.code])
            )
    query = select(LedgerAccount).where(LedgerAccount.code.in_(codes)).order_by(LedgerAccount.code)
    # Read committed: the locked row is read anew after the wait, so the balance is the one that others left.
    locked = await session.scalars(query.with_for_update().execution_options(populate_existing=True))
    return {by_code[account.code]: account for account in locked}


async def post(
    session: AsyncSession, *, entry: Entry, postings: Sequence[Posting], actor: Principal, now: datetime
) -> LedgerEntry:
    """Book an entry and move the balances, in order. Raises `BalanceTooSmall`; `ValueError` for a posting of nothing.

    No account that must not go below zero does so even between two postings.
    """
    if not postings or any(posting.amount_fen <= 0 or posting.debit == posting.credit for posting in postings):
        raise ValueError("an entry has postings, each of a positive amount between two accounts")
    keys = {key for posting in postings for key in (posting.debit, posting.credit)}
    accounts = await lock(session, keys=keys, actor=actor, now=now)
    booked = LedgerEntry(
        id=uuid7(),
        kind=entry.kind,
        occurred_at=now,
        project_id=entry.project_id,
        contract_id=entry.contract_id,
        settlement_id=entry.settlement_id,
        round=entry.round,
        reverses_id=entry.reverses_id,
        memo=entry.memo,
        posted_by=actor.id,
        posted_by_name=actor.name,
    )
    session.add(booked)
    await session.flush()
    for position, posting in enumerate(postings, start=1):
        debit, credit = accounts[posting.debit], accounts[posting.credit]
        debit.balance_fen -= posting.amount_fen
        credit.balance_fen += posting.amount_fen
        if debit.kind in _NEVER_BELOW_ZERO and debit.balance_fen < 0:
            raise BalanceTooSmall
        session.add(
            LedgerPosting(
                id=uuid7(),
                entry_id=booked.id,
                position=position,
                debit_account_id=debit.id,
                credit_account_id=credit.id,
                amount_fen=posting.amount_fen,
                debit_balance_fen=debit.balance_fen,
                credit_balance_fen=credit.balance_fen,
            )
        )
    await session.flush()
    return booked


async def reverse(
    session: AsyncSession, *, entry_id: UUID, kind: LedgerEntryKind, memo: str, actor: Principal, now: datetime
) -> LedgerEntry:
    """Book the opposite of an entry, its postings swapped and in reverse order. An entry is reversed at most once."""
    original = await session.get_one(LedgerEntry, entry_id)
    debit = LedgerAccount.__table__.alias("debit")
    credit = LedgerAccount.__table__.alias("credit")
    names = ("kind", "contract_id", "firm_id", "project_id")
    query = (
        select(
            LedgerPosting.amount_fen,
            *(debit.c[name].label(f"debit_{name}") for name in names),
            *(credit.c[name].label(f"credit_{name}") for name in names),
        )
        .join(debit, debit.c.id == LedgerPosting.debit_account_id)
        .join(credit, credit.c.id == LedgerPosting.credit_account_id)
        .where(LedgerPosting.entry_id == entry_id)
        .order_by(LedgerPosting.position.desc())
    )
    rows = (await session.execute(query)).mappings()
    swapped = [
        Posting(
            debit=AccountKey(*(row[f"credit_{name}"] for name in names)),
            credit=AccountKey(*(row[f"debit_{name}"] for name in names)),
            amount_fen=row["amount_fen"],
        )
        for row in rows
    ]
    about = Entry(
        kind=kind,
        project_id=original.project_id,
        memo=memo,
        contract_id=original.contract_id,
        settlement_id=original.settlement_id,
        round=original.round,
        reverses_id=original.id,
    )
    return await post(session, entry=about, postings=swapped, actor=actor, now=now)
