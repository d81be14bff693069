"""The life of a change of a firm's bank account: entered by one person, confirmed by another (reading 10)."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from ownercare_api.core.errors import Forbidden
from ownercare_api.core.lifecycle import Lifecycle, Step
from ownercare_api.identity.principal import Principal, PrincipalKind

ENTER, CONFIRM = "bank_accounts:write", "bank_accounts:confirm"


class AccountChangeStatus(StrEnum):
    """Where a change of a bank account (银行账户变更) stands."""

    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class AccountVerification(StrEnum):
    """How it was found out that the account is the firm's."""

    CALLED_BACK = "called_back"
    """The firm was called at the number that had been on record before (回拨档案所留号码)."""
    IN_PERSON = "in_person"
    """The firm's representative showed the originals (当面核验原件)."""
    TRIAL_TRANSFER = "trial_transfer"
    """A token amount was transferred, and the firm named it (小额打款验证)."""


class OwnAccountChange(Forbidden):
    """403: whoever entered a change of a bank account neither confirms nor rejects it (reading 10)."""

    code = "own_bank_account_change"
    zh = "银行账户变更须由他人核实确认:您是该变更的登记人,或代其行使权限。"
    en = "Somebody else confirms a change of a bank account: you entered it, or act for who did."
    rules = ("ORG-10", "ORG-20")


class EmployeeRequired(Forbidden):
    """403: an employee does this in person, not a machine and not a firm's own user."""

    code = "employee_required"
    zh, en = "银行账户变更须由公司员工本人办理。", "A change of a bank account is handled by an employee in person."
    rules = ("ORG-10", "ORG-20")


@dataclass(frozen=True, slots=True)
class AccountChangeFacts:
    """What the guards look at."""

    makers: frozenset[UUID]
    """Who entered it, and who lent the authority."""


def in_person(_: object, actor: Principal) -> None:
    """Raise `EmployeeRequired` for machines and users of firms."""
    if actor.kind is not PrincipalKind.STAFF:
        raise EmployeeRequired


def _another_person(change: AccountChangeFacts, actor: Principal) -> None:
    if change.makers & actor.acting(CONFIRM, project_id=None):
        raise OwnAccountChange


_S = AccountChangeStatus
_OPEN = frozenset({_S.SUBMITTED})
_RULES = ("ORG-20", "FIN-09")
ACCOUNT_CHANGE_LIFECYCLE: Lifecycle[AccountChangeStatus] = Lifecycle.of(
    "bank_account_change",
    _S.SUBMITTED,
    [
        Step("confirmation", _OPEN, _S.CONFIRMED, CONFIRM, (in_person, _another_person), _RULES),
        Step("rejection", _OPEN, _S.REJECTED, CONFIRM, (in_person, _another_person), _RULES),
        Step("withdrawal", _OPEN, _S.WITHDRAWN, ENTER, (in_person,), _RULES),
    ],
)
