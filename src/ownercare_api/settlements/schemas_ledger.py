"""What goes over the wire about retention accounts and the ledger."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from ownercare_api.core.wire import FenAmount, Inward, Note, Outward, PositiveFen
from ownercare_api.settlements.lifecycle_release import ReleaseStatus
from ownercare_api.settlements.models_ledger import LedgerAccountKind, LedgerEntryKind
from ownercare_api.settlements.schemas import PayeeAccountRead, example


class RetentionAccountCreate(Inward):
    """Open the retention account of a construction contract."""

    model_config = example(contract_id="0198c5f0-0000-7000-8000-000000000401", opening_fen=30_000_000)

    contract_id: UUID
    opening_fen: FenAmount = Field(
        description="what was withheld of the contract price: at most amount × percentage; 0 is possible"
    )


class RetentionAccountRead(Outward):
    """A retention account and its position (RPT-15): opening − deductions − releases = balance."""

    id: UUID
    version: int
    contract_id: UUID
    contract_number: str = Field(examples=["SG-2024-003"])
    contract_title: str
    contract_amount_fen: int
    retention_bp: int = Field(description="hundredths of a percent of the contract amount")
    firm_id: UUID = Field(description="the contractor")
    firm_name: str
    project_id: UUID
    opened_at: datetime
    opening_fen: int
    deducted_fen: int = Field(description="class A repair cost taken from it, reversals taken off")
    released_fen: int = Field(description="paid back to the contractor")
    balance_fen: int
    claimed_fen: int = Field(description="claimed from the contractor for this contract: what it could not cover")


class StatementLineRead(Outward):
    """A posting as one account's statement shows it."""

    id: UUID
    entry_id: UUID
    kind: LedgerEntryKind
    occurred_at: datetime
    memo: str
    settlement_id: UUID | None
    settlement_number: str | None
    change_fen: int = Field(description="positive: credited; negative: debited")
    balance_fen: int = Field(description="the account's balance after it")


class PostingRead(Outward):
    """A positive amount from one account (debit, 借) to another (credit, 贷)."""

    position: int
    debit_account_id: UUID
    debit_code: str
    debit_kind: LedgerAccountKind
    credit_account_id: UUID
    credit_code: str
    credit_kind: LedgerAccountKind
    amount_fen: int


class LedgerEntryRead(Outward):
    """One business event in the ledger; corrected only by its reversal."""

    id: UUID
    kind: LedgerEntryKind
    occurred_at: datetime
    project_id: UUID
    contract_id: UUID | None
    settlement_id: UUID | None
    round: int | None = Field(description="which payment of the settlement")
    reverses_id: UUID | None
    memo: str
    posted_by: UUID
    posted_by_name: str
    postings: list[PostingRead]


class TrialBalanceLine(Outward):
    """All accounts of one kind."""

    kind: LedgerAccountKind
    accounts: int
    debit_fen: int
    credit_fen: int
    balance_fen: int = Field(description="credits minus debits, as stored on the accounts")


class TrialBalanceRead(Outward):
    """The trial balance (试算平衡表) of the whole ledger."""

    lines: list[TrialBalanceLine]
    debit_fen: int
    credit_fen: int
    balance_fen: int = Field(description="zero, or the ledger is wrong")
    balanced: bool = Field(description="debits equal credits, and every stored balance equals its postings")
    disagreeing: list[str] = Field(description="codes of accounts whose stored balance differs from their postings")


class ReleaseCreate(Inward):
    """Ask to pay retention back to the contractor."""

    model_config = example(amount_fen=25_000_000, note="缺陷责任期满,申请返还保证金。")

    amount_fen: PositiveFen
    note: Note | None = None


class OpinionCreate(Inward):
    """The 《工程尾款支付意见》 of customer service (FIN-11)."""

    model_config = example(supported=True, opinion="保修期内质量稳定,维修配合及时,同意支付。")

    supported: bool = Field(description="false advises against the payment and ends the request")
    opinion: Note = Field(description="quality in the warranty period and cooperation in repairs")


class WithdrawalCreate(Inward):
    """Take a request back."""

    model_config = example(reason="后续 A 类维修扣除后余额不足,重新申请。")

    reason: Note


class ReleaseRead(Outward):
    """A request to release retention."""

    id: UUID
    status: ReleaseStatus
    version: int
    account_id: UUID
    contract_id: UUID
    project_id: UUID
    firm_id: UUID
    amount_fen: int
    note: str | None
    requested_by: UUID
    requested_by_name: str
    opinion: str | None
    opinion_by: UUID | None
    opinion_by_name: str | None
    opinion_at: datetime | None
    released_by: UUID | None
    released_by_name: str | None
    released_at: datetime | None
    entry_id: UUID | None
    payee_account: PayeeAccountRead | None = Field(description="the contractor's")
    allowed_actions: list[str] = Field(examples=[["opinion"]])
    deadlines: list[str] = Field(default_factory=list, description="none are set by the regulation", max_length=0)
