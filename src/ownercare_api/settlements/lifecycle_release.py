"""The life of a release of retention (保证金返还): request, customer-service opinion, payment."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from ownercare_api.core.errors import Conflict
from ownercare_api.core.lifecycle import Lifecycle, Step
from ownercare_api.identity.principal import Principal
from ownercare_api.settlements.lifecycle_parts import OwnWork, in_person
from ownercare_api.settlements.lifecycle_payee import PayeeFacts, ensure_payable


class ReleaseStatus(StrEnum):
    """Where a release stands."""

    REQUESTED = "requested"
    SUPPORTED = "supported"
    OPPOSED = "opposed"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What the guards look at."""

    project_id: UUID
    makers: frozenset[UUID]
    """Who asked for it, and later who gave the opinion; with those who lent the authority."""
    open_deductions: int
    payee: PayeeFacts


class DeductionsOpen(Conflict):
    """409: class A deductions of the contract are not booked yet (reading 12)."""

    code = "deductions_open"
    zh = "该合同尚有 {count} 项 A 类维修费用未扣除入账,保证金不得返还。"
    en = "{count} class A deduction(s) of this contract are not booked yet; retention is not released before."
    rules = ("FIN-11",)


OPINION_SCOPE = "approvals:decide:department_manager"
"""The opinion is the customer-service manager's (FIN-11)."""


def _others_than(scope: str) -> Callable[[ReleaseFacts, Principal], None]:
    def others(release: ReleaseFacts, actor: Principal) -> None:
        if release.makers & actor.acting(scope, project_id=release.project_id):
            raise OwnWork

    return others


def _deductions_booked(release: ReleaseFacts, _: Principal) -> None:
    if release.open_deductions:
        raise DeductionsOpen(count=release.open_deductions)


def _account_stands(release: ReleaseFacts, actor: Principal) -> None:
    ensure_payable(release.payee, actor)


_R = ReleaseStatus
RELEASE_LIFECYCLE: Lifecycle[ReleaseStatus] = Lifecycle.of(
    "retention_release",
    _R.REQUESTED,
    [
        # To `opposed` instead where customer service advises against it.
        Step(
            "opinion",
            frozenset({_R.REQUESTED}),
            _R.SUPPORTED,
            OPINION_SCOPE,
            (in_person, _others_than(OPINION_SCOPE)),
            ("FIN-11",),
        ),
        Step(
            "release",
            frozenset({_R.SUPPORTED}),
            _R.RELEASED,
            "settlements:pay",
            (in_person, _others_than("settlements:pay"), _deductions_booked, _account_stands),
            ("FIN-11",),
        ),
        # Such as one that a deduction has overtaken: the account no longer holds so much.
        Step("withdrawal", frozenset({_R.REQUESTED, _R.SUPPORTED}), _R.WITHDRAWN, "ledger:open", rules=("FIN-11",)),
    ],
)
