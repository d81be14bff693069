"""The lives of a final account (决算书) and of a settlement (结算书): statuses, steps, and who may not take them."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from uuid import UUID

from ownercare_api.core.errors import Conflict, Forbidden
from ownercare_api.core.lifecycle import Lifecycle, Step
from ownercare_api.identity.principal import Principal, PrincipalKind
from ownercare_api.settlements.lifecycle_parts import (
    BEFORE_CERTIFICATION,
    BEFORE_PAYMENT,
    MAKERS,
    Hands,
    OwnWork,
    had_a_hand,
    in_person,
)
from ownercare_api.settlements.lifecycle_payee import PayeeFacts, ensure_payable
from ownercare_api.settlements.lifecycle_release import RELEASE_LIFECYCLE as RELEASE_LIFECYCLE
from ownercare_api.workorders.lifecycle import RepairClass


class AccountStatus(StrEnum):
    """Where a final account stands."""

    AWAITING_APPROVAL = "awaiting_approval"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    AUDITED = "audited"
    SETTLED = "settled"


class AuditDepartment(StrEnum):
    """Who audits an account (FIN-05)."""

    CUSTOMER_SERVICE = "customer_service"
    AUDIT_DEPARTMENT = "audit_department"


AUDIT_SCOPES: Mapping[AuditDepartment, str] = {
    AuditDepartment.CUSTOMER_SERVICE: "accounts:audit:customer_service",
    AuditDepartment.AUDIT_DEPARTMENT: "accounts:audit:audit_department",
}
_DEPARTMENT_NAMES: Mapping[AuditDepartment, tuple[str, str]] = {
    AuditDepartment.CUSTOMER_SERVICE: ("客服部", "customer service"),
    AuditDepartment.AUDIT_DEPARTMENT: ("审计核算部", "the audit department"),
}


class SettlementStatus(StrEnum):
    """Where a settlement stands."""

    WRITTEN = "written"
    NOTIFIED = "notified"
    REMINDED = "reminded"
    CONFIRMED = "confirmed"
    DEEMED_CONFIRMED = "deemed_confirmed"
    DISPUTED = "disputed"
    DETERMINED = "determined"
    CERTIFIED = "certified"
    PAID = "paid"


class ContractorAnswer(StrEnum):
    """What the contractor said to a class A settlement (FIN-07, reading 11)."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    PARTLY = "partly"
    DEEMED = "deemed"


class ResolutionKind(StrEnum):
    """How a dispute with the contractor ends (reading 11)."""

    CORRECTED_AMOUNT = "corrected_amount"
    DETERMINATION = "determination"
    MOVED_TO_B = "moved_to_b"


RESOLUTION_SCOPES: Mapping[ResolutionKind, str] = {
    ResolutionKind.CORRECTED_AMOUNT: "settlements:write",
    ResolutionKind.DETERMINATION: "settlements:certify",
    ResolutionKind.MOVED_TO_B: "settlements:certify",
}


class NotTheCaptain(Forbidden):
    """403: the final account is prepared by the captain of the team that did the work (FIN-04)."""

    code = "not_the_captain"
    zh = "维修工程决算书由承担该派工单的维修队队长编制。"
    en = "The final account is prepared by the captain of the team that did the work."
    rules = ("FIN-04",)


class OtherDepartmentAudits(Forbidden):
    """403: the amount decides which department audits (FIN-05)."""

    code = "other_department_audits"
    zh = "按金额,此决算由{department}审核。"
    en = "By its amount this account is audited by {department}."
    rules = ("FIN-05", "ORG-21")


class OrderNotApproved(Conflict):
    """409: no settlement of a work order whose cost was never approved, an emergency included (reading 8)."""

    code = "order_not_approved"
    zh = "该派工单(含紧急维修)的费用尚未审批通过,不得结算。"
    en = "The cost of the work order, emergencies included, has not been approved; there is no settlement without it."
    rules = ("FIN-01", "FIN-02", "FIN-03", "CMP-04")


class NotClassA(Conflict):
    """409: only class A concerns the contractor."""

    code = "not_class_a"
    zh = "仅 A 类(保修责任)结算须通知施工单位确认。"
    en = "Only class A settlements are put to the contractor."
    rules = ("FIN-07",)


class ContractorNotHeard(Conflict):
    """409: a class A settlement is certified only after the contractor has confirmed, or was overruled."""

    code = "contractor_not_heard"
    zh = "A 类结算须经施工单位确认(或视为确认、经认定)后方可由副总工程师认定。"
    en = "A class A settlement is certified only once the contractor has confirmed it, or it was determined."
    rules = ("FIN-07", "FIN-08")


class NotTheContractor(Forbidden):
    """403: only the contractor's own people confirm for it."""

    code = "not_the_contractor"
    zh = "只能由该施工单位自己的人员答复。"
    en = "Only the contractor's own people answer for it."
    rules = ("FIN-07",)


class StillInTime(Conflict):
    """409: the contractor's time is not over yet."""

    code = "contractor_still_in_time"
    zh = "施工单位的确认期限尚未届满。"
    en = "The contractor still has time to answer."
    rules = ("FIN-07",)


class MayNotResolve(Forbidden):
    """403: a dispute is settled by customer service (corrected amount) or the deputy chief engineer."""

    code = "may_not_resolve"
    zh = "争议由客服部(更正金额)或副总工程师(认定、转 B 类)处理。"
    en = "A dispute is settled by customer service (corrected amount) or the deputy chief engineer."
    rules = ("FIN-07", "FIN-08")


class DeductionNotAudited(Conflict):
    """409: a deduction from retention at or above the threshold passes the audit department (FIN-10)."""

    code = "deduction_not_audited"
    zh = "达到审计金额起点的保证金扣除须经审计核算部审核。"
    en = "A deduction from retention at or above the threshold must have passed the audit department."
    rules = ("FIN-10", "ORG-21")


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the guards of a final account look at."""

    project_id: UUID
    firm_id: UUID
    captain_id: UUID
    department: AuditDepartment
    order_approved: bool
    hands: Hands


@dataclass(frozen=True, slots=True)
class SettlementFacts:
    """What the guards of a settlement look at."""

    project_id: UUID
    status: SettlementStatus
    kind: RepairClass
    contractor_firm_id: UUID | None
    contractor_share_fen: int
    department: AuditDepartment
    audit_threshold_fen: int
    confirmation_over: bool
    reminder_over: bool
    payers: frozenset[UUID]
    """Who paid it, and who lent the payer the authority; empty while it is not paid."""
    payee: PayeeFacts
    hands: Hands


def line_amount(*, quantity: Decimal, unit_price_fen: int) -> int:
    """Return quantity times unit price in whole fen, half a fen rounded up."""
    return int((quantity * unit_price_fen).quantize(Decimal(1), ROUND_HALF_UP))


def audit_department(*, total_fen: int, threshold_fen: int) -> AuditDepartment:
    """Return who audits an account: exactly the threshold goes to the audit department (FIN-05, reading 1)."""
    return AuditDepartment.AUDIT_DEPARTMENT if total_fen >= threshold_fen else AuditDepartment.CUSTOMER_SERVICE


def _captain(account: AccountFacts, actor: Principal) -> None:
    # A property company's own system files for its captains; it is limited to its firm by its grant.
    if actor.kind is not PrincipalKind.CLIENT and actor.id != account.captain_id:
        raise NotTheCaptain


def _auditor(account: AccountFacts, actor: Principal) -> None:
    scope = AUDIT_SCOPES[account.department]
    if not actor.may(scope, project_id=account.project_id):
        raise OtherDepartmentAudits(department=_DEPARTMENT_NAMES[account.department])
    if had_a_hand(account.hands, actor.acting(scope, project_id=account.project_id), MAKERS):
        raise OwnWork


def _order_approved(account: AccountFacts, _: Principal) -> None:
    if not account.order_approved:
        raise OrderNotApproved


def _class_a(settlement: SettlementFacts, _: Principal) -> None:
    if settlement.kind is not RepairClass.A:
        raise NotClassA


def _own_contractor(settlement: SettlementFacts, actor: Principal) -> None:
    if settlement.contractor_firm_id not in actor.reach("settlements:confirm").firms:
        raise NotTheContractor


def _confirmation_over(settlement: SettlementFacts, _: Principal) -> None:
    if not settlement.confirmation_over:
        raise StillInTime


def _reminder_over(settlement: SettlementFacts, _: Principal) -> None:
    if not settlement.reminder_over:
        raise StillInTime


def _may_resolve(settlement: SettlementFacts, actor: Principal) -> None:
    scopes = set(RESOLUTION_SCOPES.values())
    if not any(actor.may(scope, project_id=settlement.project_id) for scope in scopes):
        raise MayNotResolve


def _contractor_heard(settlement: SettlementFacts, _: Principal) -> None:
    if settlement.kind is RepairClass.A and settlement.status is SettlementStatus.WRITTEN:
        raise ContractorNotHeard


def independent_of(settlement: SettlementFacts, actor: Principal) -> None:
    """Raise `OwnWork` where the actor prepared, audited or wrote what is to be certified."""
    persons = actor.acting("settlements:certify", project_id=settlement.project_id)
    if had_a_hand(settlement.hands, persons, BEFORE_CERTIFICATION):
        raise OwnWork


def _payer_is_new(settlement: SettlementFacts, actor: Principal) -> None:
    persons = actor.acting("settlements:pay", project_id=settlement.project_id)
    if had_a_hand(settlement.hands, persons, BEFORE_PAYMENT):
        raise OwnWork


def _account_stands(settlement: SettlementFacts, actor: Principal) -> None:
    ensure_payable(settlement.payee, actor)


def _not_the_payer(settlement: SettlementFacts, actor: Principal) -> None:
    if settlement.payers & actor.acting("settlements:pay", project_id=settlement.project_id):
        raise OwnWork


def _deduction_audited(settlement: SettlementFacts, _: Principal) -> None:
    needed = settlement.contractor_share_fen >= settlement.audit_threshold_fen
    if needed and settlement.department is not AuditDepartment.AUDIT_DEPARTMENT:
        raise DeductionNotAudited


_A = AccountStatus
ACCOUNT_LIFECYCLE: Lifecycle[AccountStatus] = Lifecycle.of(
    "final_account",
    _A.SUBMITTED,
    [
        # Taken by the decision of the supplementary approval, by nobody's hand: the scopes are held by no role.
        Step("supplementary-approval", frozenset({_A.AWAITING_APPROVAL}), _A.SUBMITTED, "", rules=("FIN-01",)),
        Step("supplementary-rejection", frozenset({_A.AWAITING_APPROVAL}), _A.RETURNED, "", rules=("FIN-01",)),
        Step("update", frozenset({_A.RETURNED}), None, "accounts:file", (_captain,), ("FIN-04",)),
        # To `awaiting_approval` instead where the total is above what was approved (reading 7).
        Step("submission", frozenset({_A.RETURNED}), _A.SUBMITTED, "accounts:file", (_captain,), ("FIN-04",)),
        Step(
            "audit",
            frozenset({_A.SUBMITTED}),
            _A.AUDITED,
            "settlements:read",
            (in_person, _auditor),
            ("FIN-05", "ORG-21"),
        ),
        Step(
            "return",
            frozenset({_A.SUBMITTED}),
            _A.RETURNED,
            "settlements:read",
            (in_person, _auditor),
            ("FIN-05", "ORG-21"),
        ),
        Step("settlement", frozenset({_A.AUDITED}), _A.SETTLED, "settlements:write", (_order_approved,), ("FIN-06",)),
    ],
)

_S = SettlementStatus
_ASKED = frozenset({_S.NOTIFIED, _S.REMINDED})
_HEARD = frozenset({_S.CONFIRMED, _S.DEEMED_CONFIRMED, _S.DETERMINED})


SETTLEMENT_LIFECYCLE: Lifecycle[SettlementStatus] = Lifecycle.of(
    "settlement",
    _S.WRITTEN,
    [
        Step("contractor-notice", frozenset({_S.WRITTEN}), _S.NOTIFIED, "settlements:notify", (_class_a,), ("FIN-07",)),
        # To `disputed` instead where the contractor refuses, or confirms only a part.
        Step(
            "contractor-confirmation",
            _ASKED,
            _S.CONFIRMED,
            "settlements:confirm",
            (_own_contractor,),
            ("FIN-07",),
        ),
        Step(
            "reminder",
            frozenset({_S.NOTIFIED}),
            _S.REMINDED,
            "settlements:notify",
            (_confirmation_over,),
            ("FIN-07",),
        ),
        Step(
            "deemed-confirmation",
            frozenset({_S.REMINDED}),
            _S.DEEMED_CONFIRMED,
            "settlements:notify",
            (_reminder_over,),
            ("FIN-07",),
        ),
        # To `notified` (corrected amount), `determined`, or `written` as class B.
        Step(
            "dispute-resolution",
            frozenset({_S.DISPUTED}),
            None,
            "settlements:read",
            (in_person, _may_resolve),
            ("FIN-07", "FIN-08"),
        ),
        Step(
            "certification",
            _HEARD | {_S.WRITTEN},
            _S.CERTIFIED,
            "settlements:certify",
            (in_person, _contractor_heard, independent_of, _deduction_audited),
            ("FIN-08", "FIN-10"),
        ),
        Step(
            "payment",
            frozenset({_S.CERTIFIED}),
            _S.PAID,
            "settlements:pay",
            (in_person, _payer_is_new, _deduction_audited, _account_stands),
            ("FIN-09", "FIN-10"),
        ),
        Step(
            "payment/reversal",
            frozenset({_S.PAID}),
            _S.CERTIFIED,
            "settlements:pay",
            (in_person, _payer_is_new, _not_the_payer),
            ("FIN-09",),
        ),
    ],
)
