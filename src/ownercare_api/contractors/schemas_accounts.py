"""What the contractor room sends and takes about clear values and bank accounts of firms."""

import re
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from ownercare_api.contractors.lifecycle import AccountChangeStatus, AccountVerification
from ownercare_api.contractors.models import FirmField
from ownercare_api.contractors.schemas import example
from ownercare_api.core.wire import Fault, Inward, Line, Name, Note, Outward, Ref


def _account(text: str) -> str:
    digits = re.sub(r"[\s-]+", "", text)
    if not re.fullmatch(r"[0-9]{8,30}", digits):
        raise Fault("invalid_bank_account", zh="银行账号须为 8 至 30 位数字。", en="A bank account has 8 to 30 digits.")
    return digits


BankAccount = Annotated[str, StringConstraints(min_length=8, max_length=50), AfterValidator(_account)]
"""A bank account of 8 to 30 digits; spaces and hyphens are dropped."""


class FirmDisclosureCreate(Inward):
    """A look at one clear value of a firm, for a purpose."""

    model_config = example(field="bank_account", purpose="拨付结算书 JD-20261120-0003")

    field: FirmField
    purpose: Line = Field(description="what it is needed for (查看事由); no owners' names")
    ticket_id: UUID | None = Field(default=None, description="the open case it is for, where there is one")


class FirmDisclosureRead(Outward):
    """Who looked at which clear value of a firm, when and why; the value is not in it."""

    id: UUID
    actor_id: UUID
    actor_name: str
    field: FirmField
    purpose: str
    ticket_id: UUID | None
    at: datetime


class FirmDisclosedRead(FirmDisclosureRead):
    """A clear value, shown once; do not keep it."""

    value: str | None = Field(
        examples=["6217001540001234567"],
        description="null where an `Idempotency-Key` gives the answer again: each look is one on record",
    )
    remaining_this_hour: int = Field(description="looks that are left, owners' values included")


class AccountChangeCreate(Inward):
    """A firm's first or new bank account, as the firm gave it."""

    model_config = example(
        bank_name="临澜银行江晖支行",
        bank_account="6217 0015 4000 1234 5678",
        bank_account_holder="临澜固盾防水工程有限公司",
        reason="原开户行网点撤销,单位来函变更收款账户。",
        evidence_file_ids=["0198c5f0-0000-7000-8000-000000000901"],
    )

    bank_name: Name = Field(description="bank with branch (开户行)")
    bank_account: BankAccount = Field(description="bank account (银行账号); kept encrypted")
    bank_account_holder: Name = Field(description="as the bank has it (户名)")
    reason: Note = Field(description="why it changes (变更原因)")
    evidence_file_ids: list[UUID] = Field(
        min_length=1, max_length=9, description="the firm's sealed letter (账户变更函) and the like"
    )


class AccountConfirmationCreate(Inward):
    """That the account is the firm's, and how that was found out."""

    model_config = example(
        verification="called_back", note="11 月 20 日 10:15 回拨档案所留号码,财务负责人孙丽逐位核对账号无误。"
    )

    verification: AccountVerification
    note: Note = Field(description="whom one spoke to, when, and what was compared")


class AccountChangeReason(Inward):
    """Why a change is rejected or withdrawn."""

    model_config = example(reason="回拨核实,单位表示未申请变更账户。")

    reason: Note


class AccountRead(Outward):
    """A bank account, masked."""

    bank_name: str | None = Field(examples=["临澜银行江晖支行"])
    bank_account_holder: str | None = Field(examples=["临澜固盾防水工程有限公司"])
    bank_account_masked: str | None = Field(examples=["**** 5678"])


class AccountChangeSummary(Outward):
    """A change of a firm's bank account in a list."""

    id: UUID
    firm: Ref
    status: AccountChangeStatus
    former: AccountRead = Field(description="empty for a first account")
    new: AccountRead
    entered_by: UUID
    entered_by_name: str
    entered_at: datetime
    verification: AccountVerification | None
    decided_by: UUID | None = Field(description="who confirmed, rejected or withdrew it")
    decided_by_name: str | None
    decided_at: datetime | None
    version: int


class AccountChangeRead(AccountChangeSummary):
    """A change of a firm's bank account with what one must know to confirm it."""

    reason: str
    evidence_file_ids: list[UUID]
    holder_is_firm: bool = Field(description="the new account's holder has the firm's registered name")
    number_is_known: bool = Field(
        description="the firm's number stood on record 30 days or longer when the change was entered, so that "
        "`called_back` proves something"
    )
    verification_note: str | None
    decision_reason: str | None
    allowed_actions: list[str] = Field(
        description="steps that this caller may take now", examples=[["confirmation", "rejection"]]
    )
