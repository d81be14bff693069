"""What needs no database: amounts, who audits which total, and the guards behind the guards."""

import csv
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownercare_api.core.errors import DomainError
from ownercare_api.core.ids import uuid7
from ownercare_api.demo.policy import DEMO_POLICY
from ownercare_api.identity.principal import Grant, Principal, PrincipalKind, Reach
from ownercare_api.settlements.lifecycle import (
    SETTLEMENT_LIFECYCLE,
    AuditDepartment,
    ContractorNotHeard,
    DeductionNotAudited,
    SettlementFacts,
    SettlementStatus,
    audit_department,
    line_amount,
)
from ownercare_api.settlements.lifecycle_parts import OwnWork, Part
from ownercare_api.settlements.lifecycle_payee import PayeeFacts
from ownercare_api.workorders.lifecycle import RepairClass

with (Path(__file__).parent.parent / "cases" / "tiers.csv").open(encoding="utf-8", newline="") as file:
    CASES = [row for row in csv.DictReader(file) if row["rule"] == "FIN-05"]
NAMES = {
    "customer_service_department": AuditDepartment.CUSTOMER_SERVICE,
    "audit_department": AuditDepartment.AUDIT_DEPARTMENT,
}
ALL_SCOPES = frozenset({"settlements:certify", "settlements:pay", "settlements:notify", "settlements:write"})


@pytest.mark.rule("FIN-05")
@pytest.mark.rule("ORG-21")
@pytest.mark.parametrize("case", CASES, ids=[row["ticket_estimates_fen"] for row in CASES])
def test_worked_cases(case: dict[str, str]) -> None:
    threshold = DEMO_POLICY["audit.department_threshold_fen"]
    total = int(case["ticket_estimates_fen"].removeprefix("account "))
    assert audit_department(total_fen=total, threshold_fen=threshold) is NAMES[case["route"]]


def test_every_worked_case_is_read() -> None:
    assert [row["ticket_estimates_fen"] for row in CASES] == ["account 1999999", "account 2000000"]


@pytest.mark.rule("FIN-04")
@pytest.mark.parametrize(
    ("quantity", "price", "amount"),
    [
        ("1", 1, 1),
        ("0.5", 1, 1),
        ("0.499", 1, 0),
        ("2.5", 1, 3),
        ("6.5", 8651, 56_232),
        ("0.001", 500, 1),
        ("0.001", 499, 0),
        ("999999999.999", 100, 100_000_000_000),
        ("3.333", 333, 1_110),
    ],
)
def test_half_a_fen_is_rounded_up(quantity: str, price: int, amount: int) -> None:
    assert line_amount(quantity=Decimal(quantity), unit_price_fen=price) == amount


@given(
    thousandths=st.integers(1, 10**12 - 1),
    price=st.integers(1, 10**12),
)
def test_a_line_is_the_nearest_fen(thousandths: int, price: int) -> None:
    amount = line_amount(quantity=Decimal(thousandths) / 1000, unit_price_fen=price)
    exact = Fraction(thousandths * price, 1000)
    assert Fraction(-1, 2) < exact - amount <= Fraction(1, 2) or exact + Fraction(1, 2) == amount
    assert amount == (thousandths * price * 2 + 1000) // 2000


def person() -> Principal:
    grant = Grant(role="all", scopes=ALL_SCOPES, reach=Reach(everywhere=True))
    return Principal(kind=PrincipalKind.STAFF, id=uuid7(), name="一人多岗", grants=(grant,))


FACTS = SettlementFacts(
    project_id=UUID(int=1),
    status=SettlementStatus.CONFIRMED,
    kind=RepairClass.A,
    contractor_firm_id=UUID(int=2),
    contractor_share_fen=1_999_999,
    department=AuditDepartment.CUSTOMER_SERVICE,
    audit_threshold_fen=2_000_000,
    confirmation_over=False,
    reminder_over=False,
    payers=frozenset(),
    payee=PayeeFacts(project_id=UUID(int=1), recorded=True, change_open=False, hands=frozenset()),
    hands={},
)


def refusal(step: str, facts: SettlementFacts, actor: Principal) -> type[DomainError] | None:
    try:
        SETTLEMENT_LIFECYCLE.check(step, status=facts.status, subject=facts, actor=actor)
    except DomainError as error:
        return type(error)
    return None


@pytest.mark.rule("FIN-10")
@pytest.mark.parametrize("step", ["certification", "payment"])
def test_a_deduction_from_the_threshold_on_has_passed_the_audit_department(step: str) -> None:
    status = SettlementStatus.CONFIRMED if step == "certification" else SettlementStatus.CERTIFIED
    below = replace(FACTS, status=status)
    assert refusal(step, below, person()) is None
    # No account is routed like this (FIN-05 and a CHECK of the table see to it); the step refuses it all the same.
    wrong = replace(below, contractor_share_fen=2_000_000)
    assert refusal(step, wrong, person()) is DeductionNotAudited
    assert refusal(step, replace(wrong, department=AuditDepartment.AUDIT_DEPARTMENT), person()) is None


@pytest.mark.rule("FIN-08")
def test_a_written_class_a_settlement_has_not_been_heard() -> None:
    written = replace(FACTS, status=SettlementStatus.WRITTEN)
    assert refusal("certification", written, person()) is ContractorNotHeard
    assert refusal("certification", replace(written, kind=RepairClass.B, contractor_share_fen=0), person()) is None


@pytest.mark.rule("ORG-10")
@pytest.mark.parametrize("part", list(Part))
def test_one_person_with_every_role_is_still_one_person(part: Part) -> None:
    actor = person()
    facts = replace(FACTS, hands={actor.id: {part}})
    after = {Part.DETERMINED, Part.CERTIFIED, Part.PAID, Part.REVERSED}
    assert refusal("certification", facts, actor) is (None if part in after else OwnWork)
    certified = replace(facts, status=SettlementStatus.CERTIFIED)
    assert refusal("payment", certified, actor) is (None if part in (Part.PAID, Part.REVERSED) else OwnWork)
    paid = replace(facts, status=SettlementStatus.PAID, payers=frozenset({uuid7()}))
    assert refusal("payment/reversal", paid, actor) is (None if part in (Part.PAID, Part.REVERSED) else OwnWork)
    assert refusal("payment/reversal", replace(paid, hands={}, payers=frozenset({actor.id})), actor) is OwnWork
