"""To whose account one pays, and who may not: who can change where money goes must not send it there (reading 10)."""

from dataclasses import dataclass
from uuid import UUID

from ownercare_api.core.errors import Conflict, Forbidden
from ownercare_api.identity.principal import Principal

_PAY = "settlements:pay"


class AccountMissing(Conflict):
    """409: no bank account of the firm was confirmed yet."""

    code = "bank_account_missing"
    zh = "收款单位尚无经核实确认的银行账户,不能拨付。"
    en = "The firm has no confirmed bank account yet; it can't be paid."
    rules = ("FIN-09", "ORG-20")


class AccountInQuestion(Conflict):
    """409: a change of the firm's account is open: neither the former one nor the new one is paid to."""

    code = "bank_account_in_question"
    zh = "收款单位的银行账户变更尚未核实确认,确认或驳回之前不能拨付。"
    en = "A change of the firm's bank account is open; confirm or reject it before paying."
    rules = ("FIN-09", "ORG-20")


class OwnPayeeAccount(Forbidden):
    """403: whoever entered or confirmed the account in the life of what is paid does not pay it (reading 10)."""

    code = "own_payee_account"
    zh = "您在该款项办理期间登记或确认过收款账户,须由他人拨付。"
    en = "You entered or confirmed the firm's account while this was under way; somebody else pays it."
    rules = ("ORG-10", "FIN-09")


@dataclass(frozen=True, slots=True)
class PayeeFacts:
    """The account of who is paid."""

    project_id: UUID
    recorded: bool
    change_open: bool
    hands: frozenset[UUID]
    """Who entered and who confirmed a change since the settlement or release was written, with their lenders.

    Earlier changes don't count: what is written afterwards was audited, certified and seen by others with the account
    in force, and in a small finance department everybody has confirmed some account of every firm in time.
    """


def ensure_payable(payee: PayeeFacts, actor: Principal) -> None:
    """Raise `AccountMissing`, `AccountInQuestion` or `OwnPayeeAccount` where the actor may not pay to the account."""
    if payee.hands & actor.acting(_PAY, project_id=payee.project_id):
        raise OwnPayeeAccount
    if not payee.recorded:
        raise AccountMissing
    if payee.change_open:
        raise AccountInQuestion
