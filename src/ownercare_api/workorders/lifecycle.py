"""The lives of a site survey and of a work order: statuses, steps, guards."""

from collections.abc import Collection
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from ownercare_api.core.errors import Conflict, Forbidden
from ownercare_api.core.lifecycle import Lifecycle, Step
from ownercare_api.identity.principal import Principal


class SurveyStatus(StrEnum):
    """Where a site survey (现场勘察) stands."""

    ARRANGED = "arranged"
    RECORDED = "recorded"
    CO_SIGNED = "co_signed"
    CANCELLED = "cancelled"


class PartyRole(StrEnum):
    """The parties of the 《现场勘察会签表》 (REP-02)."""

    CUSTOMER_SERVICE = "customer_service"
    ENGINEERING_OR_PROPERTY = "engineering_or_property"
    REPAIR_CAPTAIN = "repair_captain"
    CONTRACTOR = "contractor"


class LiableParty(StrEnum):
    """Who the co-signed survey holds liable (REP-04)."""

    CONTRACTOR = "contractor"
    COMPANY = "company"
    OWNER = "owner"
    THIRD_PARTY = "third_party"


class RepairClass(StrEnum):
    """Class A: contractor's warranty task; class B: the company bears it; none: not the company's to pay (REP-08)."""

    A = "A"
    B = "B"
    NONE = "none"


class WorkOrderStatus(StrEnum):
    """Where a work order (工程派工单) stands."""

    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    REJECTED = "rejected"
    DISPATCHED = "dispatched"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    SIGNED_OFF = "signed_off"
    CLOSED = "closed"
    CANCELLED = "cancelled"


DEAD = (WorkOrderStatus.REJECTED, WorkOrderStatus.CANCELLED)
"""Orders that no longer count: not in the ticket's total, and their estimate lines are free again."""


class SignatureSeat(StrEnum):
    """The seats of the completion acceptance (REP-12): three and the owner."""

    CUSTOMER_SERVICE = "customer_service"
    ENGINEERING_OR_PROPERTY = "engineering_or_property"
    REPAIR_CAPTAIN = "repair_captain"
    OWNER = "owner"


class CallbackOutcome(StrEnum):
    """How a callback attempt ended (REP-13)."""

    ANSWERED = "answered"
    UNREACHABLE = "unreachable"
    DECLINED = "declined"


class SurveyFacts(Protocol):
    """What the guards of a survey look at."""

    def check_signature(self, actor: Principal) -> None:
        """Raise why this actor can't sign."""


class WorkOrderFacts(Protocol):
    """What the guards of a work order look at."""

    @property
    def emergency(self) -> bool: ...
    @property
    def approved(self) -> bool: ...
    @property
    def dispatched(self) -> bool: ...
    @property
    def open_extension(self) -> bool: ...
    @property
    def captain_id(self) -> UUID | None: ...
    @property
    def missing_signatures(self) -> Collection[str]: ...

    def check_signature(self, actor: Principal) -> None:
        """Raise why this actor can't sign."""


class NotApproved(Conflict):
    """409: the estimate is not approved yet; only an emergency may start before (reading 8)."""

    code = "work_order_not_approved"
    zh = "维修费用尚未审批通过,非紧急维修不得派工。"
    en = "The estimate is not approved yet; only an emergency may start before."
    rules = ("FIN-01", "FIN-02", "FIN-03", "CMP-04")


class SignaturesMissing(Conflict):
    """409: seats are still empty."""

    code = "signatures_missing"
    zh = "尚缺以下签字:{seats}。"
    en = "These signatures are still missing: {seats}."
    rules = ("REP-12",)


class ExtensionOpen(Conflict):
    """409: a request for extension is still waiting for the owner."""

    code = "extension_open"
    zh = "已有一份延期申请在等待业主答复。"
    en = "A request for extension is already waiting for the owner."
    rules = ("REP-07",)


class NoExtensionOpen(Conflict):
    """409: nobody asked for an extension that the owner could answer."""

    code = "no_extension_open"
    zh = "没有等待业主答复的延期申请。"
    en = "No request for extension is waiting for the owner's answer."
    rules = ("REP-07",)


class NotTheCaptain(Forbidden):
    """403: only the captain of the team asks for more time."""

    code = "not_the_captain"
    zh = "延期须由承接该派工单的维修队队长申请。"
    en = "Only the captain of the team that has the order may ask for more time."
    rules = ("REP-07", "ORG-23")


class AmountFixed(Conflict):
    """409: work has begun under an approved estimate; what it cost more goes into the final account (reading 7)."""

    code = "estimate_fixed"
    zh = "已派工且费用已审批,不能再修改;超出部分随决算补充审批。"
    en = "The order is dispatched and its estimate approved; a higher cost is for the final account."
    rules = ("FIN-01", "FIN-04")


def _approved_or_emergency(order: WorkOrderFacts, _: object) -> None:
    if not (order.approved or order.emergency):
        raise NotApproved


def _no_open_extension(order: WorkOrderFacts, _: object) -> None:
    if order.open_extension:
        raise ExtensionOpen


def _an_open_extension(order: WorkOrderFacts, _: object) -> None:
    if not order.open_extension:
        raise NoExtensionOpen


def _by_the_captain(order: WorkOrderFacts, actor: Principal) -> None:
    if actor.id != order.captain_id:
        raise NotTheCaptain


def _amount_open(order: WorkOrderFacts, _: object) -> None:
    # An emergency whose approval is still owed, or was refused, must be able to ask again (reading 8).
    if order.dispatched and (order.approved or not order.emergency):
        raise AmountFixed


def _may_sign(subject: SurveyFacts | WorkOrderFacts, actor: Principal) -> None:
    subject.check_signature(actor)


def _all_signed(order: WorkOrderFacts, _: object) -> None:
    if order.missing_signatures:
        raise SignaturesMissing(seats=", ".join(order.missing_signatures))


SYSTEM_STEP = ""
"""The scope of what follows by itself from a step, such as the last signature: nobody holds it."""

_V = SurveyStatus
SURVEY_LIFECYCLE: Lifecycle[SurveyStatus] = Lifecycle.of(
    "site_survey",
    _V.ARRANGED,
    [
        Step("findings", frozenset({_V.ARRANGED, _V.RECORDED}), _V.RECORDED, "site_surveys:record", rules=("REP-04",)),
        # Signing keeps the status; the last required signature makes it co-signed.
        Step(
            "signatures",
            frozenset({_V.RECORDED}),
            None,
            "site_surveys:read",
            (_may_sign,),
            ("REP-02", "REP-04"),
        ),
        Step("co-signing", frozenset({_V.RECORDED}), _V.CO_SIGNED, SYSTEM_STEP, rules=("REP-04",)),
        Step("cancellation", frozenset({_V.ARRANGED, _V.RECORDED}), _V.CANCELLED, "site_surveys:arrange"),
    ],
)

_W = WorkOrderStatus
_BEFORE_WORK = frozenset({_W.AWAITING_APPROVAL, _W.APPROVED, _W.DISPATCHED})
_AT_WORK = frozenset({_W.DISPATCHED, _W.IN_PROGRESS})
_LIVE = frozenset(_W) - frozenset(DEAD)
WORK_ORDER_LIFECYCLE: Lifecycle[WorkOrderStatus] = Lifecycle.of(
    "work_order",
    _W.AWAITING_APPROVAL,
    [
        Step("update", _LIVE, None, "work_orders:raise", (_amount_open,), ("FIN-01",)),
        Step("approval", frozenset({_W.AWAITING_APPROVAL}), _W.APPROVED, SYSTEM_STEP, rules=("FIN-01", "FIN-03")),
        Step("rejection", frozenset({_W.AWAITING_APPROVAL}), _W.REJECTED, SYSTEM_STEP, rules=("FIN-01", "FIN-03")),
        Step(
            "dispatch",
            frozenset({_W.AWAITING_APPROVAL, _W.APPROVED}),
            _W.DISPATCHED,
            "work_orders:dispatch",
            (_approved_or_emergency,),
            ("REP-08", "REP-14", "REP-15"),
        ),
        Step("acceptance", frozenset({_W.DISPATCHED}), _W.IN_PROGRESS, "work_orders:execute", rules=("REP-11",)),
        Step("refusal", frozenset({_W.DISPATCHED}), _W.APPROVED, "work_orders:execute", rules=("REP-10",)),
        Step(
            "extension",
            _AT_WORK,
            None,
            "work_orders:execute",
            (_by_the_captain, _no_open_extension),
            ("REP-07",),
        ),
        Step("consent", _AT_WORK, None, "work_orders:consent", (_an_open_extension,), ("REP-07",)),
        Step(
            "completion", frozenset({_W.IN_PROGRESS}), _W.COMPLETED, "work_orders:execute", rules=("REP-11", "REP-12")
        ),
        # The acceptance found faults: a new round of work, clock and signatures.
        Step(
            "rework", frozenset({_W.COMPLETED}), _W.IN_PROGRESS, "work_orders:sign:customer_service", rules=("REP-12",)
        ),
        # Signing keeps the status; the fourth signature signs off.
        Step("signatures", frozenset({_W.COMPLETED}), None, "work_orders:read", (_may_sign,), ("REP-12",)),
        Step("sign-off", frozenset({_W.COMPLETED}), _W.SIGNED_OFF, SYSTEM_STEP, (_all_signed,), ("REP-12",)),
        Step("callbacks", frozenset({_W.SIGNED_OFF}), None, "callbacks:record", rules=("REP-13",)),
        Step("closure", frozenset({_W.SIGNED_OFF}), _W.CLOSED, SYSTEM_STEP, rules=("REP-13",)),
        Step("cancellation", _BEFORE_WORK, _W.CANCELLED, "work_orders:raise"),
    ],
)
