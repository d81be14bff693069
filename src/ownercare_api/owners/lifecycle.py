"""The lives of a change request and of a purchase contract's filing: statuses, steps, guards; and closed lists."""

from enum import StrEnum
from typing import Protocol

from ownercare_api.core.errors import Conflict, Forbidden
from ownercare_api.core.lifecycle import Lifecycle, Step
from ownercare_api.identity.principal import Principal, PrincipalKind


class PreferredChannel(StrEnum):
    """How an owner likes to be reached (OWN-03)."""

    PHONE = "phone"
    SMS = "sms"
    WECHAT = "wechat"
    EMAIL = "email"
    VISIT = "visit"
    LETTER = "letter"


class ChangeStatus(StrEnum):
    """Where a change request (信息变更申请) stands."""

    SUBMITTED = "submitted"
    VERIFIED = "verified"
    APPLIED = "applied"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class FilingStatus(StrEnum):
    """Where a purchase contract stands on its way to the files (审核备案, OWN-13)."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    FILED = "filed"
    RETURNED = "returned"


class ChangeFacts(Protocol):
    """What the guards of a change request look at."""

    def check_not_own(self, actor: Principal) -> None:
        """Raise `OwnChange` where the actor, or who lent the authority, made the request."""

    def check_own(self, actor: Principal) -> None:
        """Raise `NotYourChange` where an owner did not make the request himself."""


class ContractFacts(Protocol):
    """What the guards of a filing look at."""

    @property
    def complete(self) -> bool: ...

    def check_not_own(self, actor: Principal) -> None:
        """Raise `OwnContract` where the actor, or who lent the authority, wrote or submitted it."""


class OwnChange(Forbidden):
    """403: whoever entered a change does not verify or reject it (OWN-05, reading 10)."""

    code = "own_change"
    zh = "信息变更须由他人核实:您是该申请的提交人,或代其行使权限。"
    en = "Somebody else verifies a change: you entered it, or act for who did."
    rules = ("OWN-05",)


class NotYourChange(Forbidden):
    """403: an owner withdraws only what he filed himself."""

    code = "not_your_change"
    zh, en = "只能撤回本人提交的申请。", "Only what you filed yourself can be withdrawn."
    rules = ("OWN-05",)


class EmployeeRequired(Forbidden):
    """403: an employee verifies in person, not a machine."""

    code = "employee_required"
    zh, en = "核实、审核须由公司员工本人办理。", "An employee does this in person, not a machine."
    rules = ("OWN-05", "OWN-13")


class OwnContract(Forbidden):
    """403: whoever wrote or submitted a contract does not review it (reading 10)."""

    code = "own_contract"
    zh = "合同备案须由他人审核:您填写或提交了该合同,或代其行使权限。"
    en = "Somebody else reviews a contract: you wrote or submitted it, or act for who did."
    rules = ("OWN-13",)


class ContractIncomplete(Conflict):
    """409: number, day of signing, way of payment or price is missing (OWN-13)."""

    code = "contract_incomplete"
    zh = "合同信息不完整:合同编号、签订日期、付款方式、价款均须填写。"
    en = "The contract is incomplete: number, day of signing, way of payment and price are needed."
    rules = ("OWN-13",)


def _person(_: object, actor: Principal) -> None:
    if actor.kind is not PrincipalKind.STAFF:
        raise EmployeeRequired


def _another_person(subject: ChangeFacts, actor: Principal) -> None:
    subject.check_not_own(actor)


def _own_request(subject: ChangeFacts, actor: Principal) -> None:
    subject.check_own(actor)


def _another_reviewer(subject: ContractFacts, actor: Principal) -> None:
    subject.check_not_own(actor)


def _complete(subject: ContractFacts, _: Principal) -> None:
    if not subject.complete:
        raise ContractIncomplete


_OPEN = frozenset({ChangeStatus.SUBMITTED, ChangeStatus.VERIFIED})

CHANGE_LIFECYCLE: Lifecycle[ChangeStatus] = Lifecycle.of(
    "owner_change_request",
    ChangeStatus.SUBMITTED,
    [
        Step(
            "verification",
            frozenset({ChangeStatus.SUBMITTED}),
            ChangeStatus.VERIFIED,
            "owners:verify",
            (_person, _another_person),
            ("OWN-05",),
        ),
        Step("application", frozenset({ChangeStatus.VERIFIED}), ChangeStatus.APPLIED, "owners:write", (), ("OWN-05",)),
        Step(
            "rejection",
            _OPEN,
            ChangeStatus.REJECTED,
            "owners:verify",
            (_person, _another_person),
            ("OWN-05",),
        ),
        Step("withdrawal", _OPEN, ChangeStatus.WITHDRAWN, "owners:write", (_own_request,), ("OWN-05",)),
    ],
)

FILING_LIFECYCLE: Lifecycle[FilingStatus] = Lifecycle.of(
    "ownership_filing",
    FilingStatus.DRAFT,
    [
        Step(
            "submission",
            frozenset({FilingStatus.DRAFT, FilingStatus.RETURNED}),
            FilingStatus.SUBMITTED,
            "owners:write",
            (_complete,),
            ("OWN-13", "SAL-04"),
        ),
        Step(
            "filing",
            frozenset({FilingStatus.SUBMITTED}),
            FilingStatus.FILED,
            "owners:verify",
            (_person, _another_reviewer),
            ("OWN-13", "SAL-04", "SAL-05"),
        ),
        Step(
            "return",
            frozenset({FilingStatus.SUBMITTED}),
            FilingStatus.RETURNED,
            "owners:verify",
            (_person, _another_reviewer),
            ("OWN-13",),
        ),
    ],
)
