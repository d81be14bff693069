"""Opening the retention account (工程质量保证金) of a construction contract."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.contractors.models import ConstructionContract
from ownercare_api.contractors.service import ContractNotFound
from ownercare_api.core.errors import Conflict, FieldError, Invalid
from ownercare_api.identity.principal import Principal
from ownercare_api.settlements import ledger, repository_ledger
from ownercare_api.settlements.ledger import Entry, Posting
from ownercare_api.settlements.models_ledger import LedgerAccount, LedgerEntryKind
from ownercare_api.timeline import service as timeline

_RULES = ("FIN-09", "FIN-11")


class RetentionExists(Conflict):
    """409: a contract has one retention account."""

    code = "retention_exists"
    zh, en = "该合同已建立保证金账户。", "The contract has its retention account already."
    rules = _RULES


class RetentionAboveLimit(Invalid):
    """422: retention is at most the contract's percentage of its amount."""

    code = "retention_above_limit"
    zh = "建账金额超出合同约定的保证金(合同价 × 保证金比例)。"
    en = "More than the contract's percentage of its amount."
    rules = ("FIN-11",)


def most_retention(contract: ConstructionContract) -> int:
    """Return the most that may be retained of a contract, in fen, rounded down."""
    return contract.amount_fen * contract.retention_bp // 10_000


async def open_retention(
    session: AsyncSession, *, contract_id: UUID, opening_fen: int, principal: Principal, now: datetime
) -> LedgerAccount:
    """Open the retention account of a contract once, with what was withheld of its price; zero is possible.

    Raises `ContractNotFound`, `RetentionExists`, `RetentionAboveLimit`.
    """
    query = select(ConstructionContract).where(ConstructionContract.id == contract_id)
    # Two openings of one contract queue here; nobody who only refers to the contract does.
    contract = await session.scalar(query.with_for_update(key_share=True).execution_options(populate_existing=True))
    if contract is None or not principal.may("ledger:open", project_id=contract.project_id):
        raise ContractNotFound
    if await repository_ledger.retention_of(session, contract_id=contract.id) is not None:
        raise RetentionExists
    if opening_fen > most_retention(contract):
        fault = FieldError("#/opening_fen", RetentionAboveLimit.code, RetentionAboveLimit.zh, RetentionAboveLimit.en)
        raise RetentionAboveLimit(errors=(fault,))
    key = ledger.retention(contract_id=contract.id, firm_id=contract.firm_id, project_id=contract.project_id)
    withheld = ledger.withheld_price(contract.project_id)
    accounts = await ledger.lock(session, keys={key, withheld}, actor=principal, now=now)
    if opening_fen:
        await ledger.post(
            session,
            entry=Entry(
                kind=LedgerEntryKind.RETENTION_OPENING,
                project_id=contract.project_id,
                contract_id=contract.id,
                memo=f"合同 {contract.number} 保证金建账",
            ),
            postings=[Posting(withheld, key, opening_fen)],
            actor=principal,
            now=now,
        )
    account = accounts[key]
    await timeline.record(
        session,
        kind="retention.opened",
        subject_kind="retention_account",
        subject_id=account.id,
        project_id=contract.project_id,
        firm_id=contract.firm_id,
        actor=principal,
        now=now,
        rules=_RULES,
        data={"contract_id": str(contract.id), "opening_fen": opening_fen},
    )
    return account
