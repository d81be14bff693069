"""Tables of the double-entry ledger.

Chart of accounts (科目). A posting goes from one account (its debit, 借) to another (its credit, 贷) and is always
positive; a balance is credits minus debits, so the balances of the whole ledger add up to zero.

| Kind | One for each | Normal side | What it says |
|---|---|---|---|
| `retention` 工程质量保证金 | construction contract | credit, never below zero | held for the contractor |
| `contractor_claim` 应收施工单位 | contractor | debit | what retention could not cover |
| `property_payable` 应付物业公司 | property company | credit, never below zero | repair cost owed to its team |
| `company_cost` 公司承担维修成本 | project | debit | class B, and what a contractor need not bear |
| `withheld_price` 扣留工程款 | project | debit | where retention came from: the contract price |
| `bank` 银行存款 | the company | debit | what was paid out |

Class A: retention → property_payable as far as it reaches, contractor_claim → property_payable for the rest, then
property_payable → bank. Class B: company_cost → property_payable → bank. A reversal posts the same, swapped.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Fen, Identified, Stamped, enum_column


class LedgerAccountKind(StrEnum):
    """The chart of accounts."""

    RETENTION = "retention"
    CONTRACTOR_CLAIM = "contractor_claim"
    PROPERTY_PAYABLE = "property_payable"
    COMPANY_COST = "company_cost"
    WITHHELD_PRICE = "withheld_price"
    BANK = "bank"


class LedgerEntryKind(StrEnum):
    """What happened."""

    RETENTION_OPENING = "retention_opening"
    SETTLEMENT_PAYMENT = "settlement_payment"
    PAYMENT_REVERSAL = "payment_reversal"
    RETENTION_RELEASE = "retention_release"


class LedgerAccount(Stamped, Base):
    """An account and its balance, which only `ledger.post` changes, under the row's lock."""

    __tablename__ = "ledger_account"
    __table_args__ = (
        CheckConstraint(
            "kind NOT IN ('retention', 'property_payable') OR balance_fen >= 0", name="credit_side_not_below_zero"
        ),
        CheckConstraint(
            "kind NOT IN ('contractor_claim', 'company_cost', 'withheld_price') OR balance_fen <= 0",
            name="debit_side_not_above_zero",
        ),
        CheckConstraint(
            "CASE kind WHEN 'retention' THEN contract_id IS NOT NULL AND firm_id IS NOT NULL AND project_id IS NOT NULL"
            " WHEN 'contractor_claim' THEN firm_id IS NOT NULL AND project_id IS NULL"
            " WHEN 'property_payable' THEN firm_id IS NOT NULL AND project_id IS NULL"
            " WHEN 'bank' THEN firm_id IS NULL AND project_id IS NULL"
            " ELSE firm_id IS NULL AND project_id IS NOT NULL END AND (kind = 'retention') = (contract_id IS NOT NULL)",
            name="owner_by_kind",
        ),
        Index("ix_ledger_account_retention", "firm_id", "id", postgresql_where=text("kind = 'retention'")),
        Index("ix_ledger_account_project", "project_id", "id", postgresql_where=text("kind = 'retention'")),
    )

    code: Mapped[str] = mapped_column(unique=True)
    """`<kind>:<id of its owner>`; accounts are locked in the order of their codes, so that no two payments deadlock."""
    kind: Mapped[LedgerAccountKind] = mapped_column(enum_column(LedgerAccountKind))
    contract_id: Mapped[UUID | None] = mapped_column(ForeignKey("construction_contract.id"))
    firm_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm.id"))
    project_id: Mapped[UUID | None] = mapped_column(ForeignKey("project.id"))
    balance_fen: Mapped[int] = mapped_column(Fen, default=0, server_default="0")
    """Credits minus debits, in fen."""
    opened_at: Mapped[datetime]
    opened_by: Mapped[UUID]


class LedgerEntry(Identified, Base):
    """One business event in the ledger; never changed, corrected by its reversal."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        CheckConstraint("(kind = 'payment_reversal') = (reverses_id IS NOT NULL)", name="reversal_names_its_entry"),
        UniqueConstraint("settlement_id", "kind", "round"),
        Index("ix_ledger_entry_project", "project_id", "id"),
        Index("ix_ledger_entry_contract", "contract_id", "id"),
    )

    kind: Mapped[LedgerEntryKind] = mapped_column(enum_column(LedgerEntryKind))
    occurred_at: Mapped[datetime]
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    contract_id: Mapped[UUID | None] = mapped_column(ForeignKey("construction_contract.id"))
    settlement_id: Mapped[UUID | None] = mapped_column(ForeignKey("settlement.id"))
    round: Mapped[int | None]
    """Which payment of the settlement, from 1; makes a second one of the same round impossible."""
    reverses_id: Mapped[UUID | None] = mapped_column(ForeignKey("ledger_entry.id"), unique=True)
    memo: Mapped[str]
    posted_by: Mapped[UUID]
    posted_by_name: Mapped[str]


class LedgerPosting(Identified, Base):
    """A positive amount from one account (debit) to another (credit), and both balances after it."""

    __tablename__ = "ledger_posting"
    __table_args__ = (
        UniqueConstraint("entry_id", "position"),
        CheckConstraint("amount_fen > 0", name="positive"),
        CheckConstraint("debit_account_id <> credit_account_id", name="two_accounts"),
        Index("ix_ledger_posting_debit", "debit_account_id", "id"),
        Index("ix_ledger_posting_credit", "credit_account_id", "id"),
    )

    entry_id: Mapped[UUID] = mapped_column(ForeignKey("ledger_entry.id"))
    position: Mapped[int]
    debit_account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger_account.id"))
    credit_account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger_account.id"))
    amount_fen: Mapped[int] = mapped_column(Fen)
    debit_balance_fen: Mapped[int] = mapped_column(Fen)
    credit_balance_fen: Mapped[int] = mapped_column(Fen)
