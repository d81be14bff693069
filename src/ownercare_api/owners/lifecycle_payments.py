"""What a buyer pays under a purchase contract: kinds of instalments, states that follow from the facts, and refusals.

A state is never stored: it follows from what was received, the due day and today's date in Asia/Shanghai.
"""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from ownercare_api.core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound


class InstalmentKind(StrEnum):
    """What an instalment is for (SAL-04)."""

    DEPOSIT = "deposit"
    """定金"""
    FIRST_PAYMENT = "first_payment"
    """首付款"""
    INSTALMENT = "instalment"
    """分期款"""
    LOAN = "loan"
    """按揭款, paid by the bank or the housing fund"""
    BALANCE = "balance"
    """尾款"""


class InstalmentState(StrEnum):
    """Where an instalment stands on a day."""

    OPEN = "open"
    PARTLY_PAID = "partly_paid"
    OVERDUE = "overdue"
    PAID = "paid"
    ENDED = "ended"
    """Nobody owns the home under the contract any more, so nothing is asked for."""


def state_of(*, amount_fen: int, received_fen: int, due_on: date, today: date, in_force: bool) -> InstalmentState:
    """Return where an instalment stands; on its due day it is not overdue yet. Paid in part and late is overdue."""
    if received_fen >= amount_fen:
        return InstalmentState.PAID
    if not in_force:
        return InstalmentState.ENDED
    if due_on < today:
        return InstalmentState.OVERDUE
    return InstalmentState.PARTLY_PAID if received_fen else InstalmentState.OPEN


def overdue_days(state: InstalmentState, *, due_on: date, today: date) -> int:
    """Return by how many calendar days an instalment is late; the day after the due day is the first."""
    return (today - due_on).days if state is InstalmentState.OVERDUE else 0


def fits(price_fen: int, prices: Sequence[int | None]) -> bool:
    """Say whether a contract's price is what the buyers' records say: each the whole of it, or each his part."""
    known = [one for one in prices if one is not None]
    return len(known) == len(prices) > 0 and (set(known) == {price_fen} or sum(known) == price_fen)


class ContractPaymentNotFound(NotFound):
    """404: no such instalment, or not visible."""

    code = "contract_payment_not_found"
    zh, en = "该期应付款不存在,或您无权查看。", "The instalment does not exist, or you may not see it."


class PaymentNotFound(NotFound):
    """404: no such payment of this instalment."""

    code = "payment_not_found"
    zh, en = "该收款记录不存在,或您无权查看。", "The payment does not exist, or you may not see it."


class PlanWithoutContract(Conflict):
    """409: a plan of payments needs a contract with number and price."""

    code = "plan_without_contract"
    zh, en = "请先登记合同编号和价款,再制定付款计划。", "Record the contract's number and price first."
    rules = ("OWN-13", "SAL-04")


class PlanUneven(Invalid):
    """422: the instalments add up to the price, to the fen."""

    code = "plan_uneven"
    zh, en = "各期金额合计须等于合同价款。", "The instalments must add up to the price."
    rules = ("OWN-13", "SAL-04")

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/instalments", self.code, self.zh, self.en),))


class PlanPriceDiffers(Conflict):
    """409: the plan's price is not that of the contract."""

    code = "plan_price_differs"
    zh = "付款计划的价款与合同登记的价款不一致,请先更正其中一处。"
    en = "The plan's price is not the contract's; correct one of the two."
    rules = ("OWN-13",)


class PlanFixed(Conflict):
    """409: the contract was filed; the plan is changed with a reason from then on."""

    code = "plan_fixed"
    zh, en = "合同已备案,付款计划只能说明理由后变更。", "The contract was filed; change the plan with a reason."
    rules = ("OWN-13",)


class PlanNotFixed(Conflict):
    """409: before the contract is filed the plan is simply replaced."""

    code = "plan_not_fixed"
    zh, en = "合同尚未备案,请直接修改付款计划。", "The contract was not filed yet; replace the plan instead."
    rules = ("OWN-13",)


class InstalmentUnknown(Invalid):
    """422: an id is not that of an instalment of this plan, or is given twice."""

    code = "instalment_unknown"
    zh, en = "所填分期不属于该付款计划,或重复填写。", "The id is not of this plan, or is given twice."
    rules = ("OWN-13",)

    def __init__(self, place: int) -> None:
        super().__init__(errors=(FieldError(f"#/instalments/{place}/id", self.code, self.zh, self.en),))


class InstalmentReceived(Conflict):
    """409: what was received stays covered: such an instalment is not dropped, nor made smaller than that."""

    code = "instalment_received"
    zh = "已收款的分期不能删除,金额也不能低于已收金额;请先冲销收款。"
    en = "An instalment is not dropped or made smaller than what was received; reverse the payment first."
    rules = ("OWN-13",)


class PaymentExceedsOpen(Conflict):
    """409: nobody pays more than is open: a surplus is recorded on the next instalment, or given back."""

    code = "payment_exceeds_open"
    zh = "收款金额超过该期未付金额({open_fen} 分);多出部分请记入其他分期或退回。"
    en = "The payment is more than is open ({open_fen} fen); record the rest on another instalment or give it back."
    rules = ("OWN-13",)


class PaymentKnown(Conflict):
    """409: this instalment has a payment with that reference already."""

    code = "payment_known"
    zh, en = "该凭证号的收款已登记。", "A payment with that reference is recorded already."
    rules = ("OWN-13",)


class ReceivedInFuture(Invalid):
    """422: money is recorded when it is there."""

    code = "received_in_future"
    zh, en = "收款日期不能晚于今天。", "The money can't have been received after today."
    rules = ("OWN-13",)

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/received_on", self.code, self.zh, self.en),))


class AlreadyReversed(Conflict):
    """409: a payment is taken back once."""

    code = "payment_reversed"
    zh, en = "该收款已冲销。", "The payment was reversed already."
    rules = ("OWN-13",)


class OwnPayment(Forbidden):
    """403: whoever recorded a payment, or lent the authority, does not take it back (reading 10)."""

    code = "own_payment"
    zh = "冲销须由他人办理:您登记了该笔收款,或代其行使权限。"
    en = "Somebody else reverses a payment: you recorded it, or act for who did."
    rules = ("OWN-13",)


class NothingOpen(Conflict):
    """409: nobody is reminded of what is paid, or of a contract that is over."""

    code = "nothing_open"
    zh, en = "该期已付清或合同已终止,无须催款。", "Nothing is open, or the contract is over."
    rules = ("OWN-13",)
