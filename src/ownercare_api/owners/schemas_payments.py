"""What goes over the wire about plans of payments under purchase contracts, payments and reminders (OWN-13)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from ownercare_api.core.wire import BusinessDate, Inward, Name, Note, Outward, PositiveFen, Ref
from ownercare_api.owners.lifecycle import PreferredChannel
from ownercare_api.owners.lifecycle_payments import InstalmentKind, InstalmentState

_TERMS: dict[str, Any] = {
    "price_fen": 268_000_000,
    "instalments": [
        {"kind": "deposit", "amount_fen": 10_000_000, "due_on": "2026-11-20"},
        {"kind": "first_payment", "amount_fen": 70_400_000, "due_on": "2026-12-20"},
        {"kind": "loan", "amount_fen": 187_600_000, "due_on": "2027-03-31"},
    ],
}


def _example(**fields: Any) -> ConfigDict:
    return Inward.model_config | ConfigDict(json_schema_extra={"examples": [fields]})


class InstalmentGiven(Inward):
    """One instalment of a plan."""

    id: UUID | None = Field(default=None, description="one that exists keeps what was received; null: a new one")
    kind: InstalmentKind = Field(
        description="deposit 定金, first_payment 首付款, instalment 分期款, loan 按揭款, balance 尾款"
    )
    amount_fen: PositiveFen
    due_on: BusinessDate = Field(description="the last day to pay in time")


class PaymentPlanPut(Inward):
    """A contract's plan of payments as a whole: instalments left out are dropped."""

    model_config = _example(**_TERMS)

    price_fen: PositiveFen = Field(
        description="the whole price of the contract (合同总价); the instalments add up to it"
    )
    instalments: list[InstalmentGiven] = Field(min_length=1, max_length=120)


class PaymentPlanChangeCreate(PaymentPlanPut):
    """A plan as it is to be from now on, and why."""

    model_config = _example(**_TERMS, reason="银行放款推迟,买卖双方已签补充协议")

    reason: Note = Field(description="why the plan of a filed contract changes")


class InstalmentPaymentCreate(Inward):
    """Money received for an instalment (收款)."""

    model_config = _example(amount_fen=10_000_000, received_on="2026-11-20", reference="收据 20261120-0031 号")

    amount_fen: PositiveFen = Field(description="all that is open, or a part; never more")
    received_on: BusinessDate
    reference: Name = Field(description="number of the bank's or our receipt (凭证号); once for each instalment")


class PaymentReversalCreate(Inward):
    """Why a payment is taken back."""

    model_config = _example(reason="刷卡被银行退回,款项未到账")

    reason: Note


class PaymentReminderCreate(Inward):
    """An attempt to remind the buyers (催款)."""

    model_config = _example(channel="phone", reached=True, note="已告知 12 月 20 日前付清首付款")

    channel: PreferredChannel
    reached: bool = Field(description="false: nobody was reached")
    note: Note | None = None


class InstalmentRead(Outward):
    """An instalment, and where it stands today."""

    id: UUID
    place: int = Field(description="which in the plan, from 1")
    kind: InstalmentKind
    amount_fen: int
    due_on: date
    received_fen: int
    open_fen: int
    state: InstalmentState = Field(
        description="as of today in Asia/Shanghai; ended: nobody owns the home under the contract any more"
    )
    overdue_days: int = Field(description="calendar days since the due day; 0 unless overdue")


class ContractPaymentSummary(InstalmentRead):
    """An instalment in the list of who is to be reminded."""

    plan_id: UUID
    contract_number: str | None
    unit_id: UUID
    project_id: UUID
    address: str = Field(examples=["云栖雅苑 3栋 1单元 1203室"])
    owners: list[Ref] = Field(description="who bought under the contract")
    reminders: int = Field(description="how many attempts to remind there were")
    last_reminded_at: datetime | None
    version: int


class InstalmentPaymentRead(Outward):
    """A payment; one that was reversed counts no more."""

    id: UUID
    amount_fen: int
    received_on: date
    reference: str
    recorded_by: UUID
    recorded_by_name: str
    recorded_at: datetime
    reason: str | None = Field(description="why it was reversed; null: it counts")
    reversed_by: UUID | None
    reversed_by_name: str | None
    reversed_at: datetime | None


class PaymentReminderRead(Outward):
    """An attempt to remind the buyers."""

    id: UUID
    channel: PreferredChannel
    reached: bool
    note: str | None
    reminded_by: UUID
    reminded_by_name: str
    reminded_at: datetime


class ContractPaymentRead(ContractPaymentSummary):
    """An instalment with its payments and reminders, oldest first."""

    payments: list[InstalmentPaymentRead]
    reminded: list[PaymentReminderRead]
    allowed_actions: list[str] = Field(examples=[["payments", "reminders"]])


class PaymentPlanChangeRead(Outward):
    """A plan as it was before a change after filing."""

    id: UUID
    reason: str
    former_price_fen: int
    former: list[dict[str, Any]] = Field(description="the instalments before")
    changed_by: UUID
    changed_by_name: str
    changed_at: datetime


class PaymentPlanRead(Outward):
    """A contract's plan of payments. Version 0 without instalments: there is none yet."""

    id: UUID | None
    ownership_ids: list[UUID] = Field(description="the shares that were bought under the contract, past ones too")
    unit_id: UUID
    project_id: UUID
    price_fen: int | None
    received_fen: int
    open_fen: int
    fixed_at: datetime | None = Field(description="when the contract was first filed; changes need a reason since")
    instalments: list[InstalmentRead]
    changes: list[PaymentPlanChangeRead] = Field(description="newest first")
    version: int
    allowed_actions: list[str] = Field(description="`replacement` (PUT) or `changes`", examples=[["replacement"]])
