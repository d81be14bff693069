"""Which amount goes to whom: FIN-01..03 under readings 1 and 7."""

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownercare_api.approvals.chain import Reason
from ownercare_api.approvals.models import StepKind, Tier
from ownercare_api.approvals.service import Seat, reason, route
from ownercare_api.core.ids import uuid7
from ownercare_api.demo.policy import DEMO_POLICY
from ownercare_api.policies.catalogue import FACTORY
from ownercare_api.policies.service import Snapshot

POLICIES: dict[str, dict[str, Any]] = {"demo": {**FACTORY, **DEMO_POLICY}, "factory": dict(FACTORY)}
ROUTES = {"department_manager", "deputy_chief_engineer>deputy_general_manager", "general_manager"}
FIRST, SECOND = "approval.department_manager_max_fen", "approval.deputy_general_manager_max_fen"

with (Path(__file__).parent.parent / "cases" / "tiers.csv").open(encoding="utf-8", newline="") as file:
    CASES = [row for row in csv.DictReader(file) if row["rule"].startswith("FIN-0") and row["route"] in ROUTES]


def under(first: int | None, second: int | None) -> Snapshot:
    return Snapshot(id=uuid7(), values={**FACTORY, FIRST: first, SECOND: second}, sources={})


@pytest.mark.rule("FIN-01")
@pytest.mark.rule("FIN-02")
@pytest.mark.rule("FIN-03")
@pytest.mark.parametrize("case", CASES, ids=[f"{row['policy']}:{row['ticket_estimates_fen']}" for row in CASES])
def test_worked_cases(case: dict[str, str]) -> None:
    snapshot = Snapshot(id=uuid7(), values=POLICIES[case["policy"]], sources={})
    total = sum(int(part) for part in case["ticket_estimates_fen"].split("+"))
    assert ">".join(seat.tier.value for seat in route(snapshot, total)) == case["route"]
    assert reason(snapshot, total).rule == case["rule"]


def test_every_worked_case_is_read() -> None:
    assert [(row["policy"], row["ticket_estimates_fen"]) for row in CASES] == [
        ("demo", "200000"),
        ("demo", "200001"),
        ("demo", "2000000"),
        ("demo", "2000001"),
        ("demo", "150000+60000"),
        ("factory", "1"),
    ]


@pytest.mark.rule("FIN-02")
def test_the_middle_tier_is_a_review_and_then_an_approval() -> None:
    assert route(under(100, 200), 101) == (
        Seat(StepKind.REVIEW, Tier.DEPUTY_CHIEF_ENGINEER),
        Seat(StepKind.APPROVE, Tier.DEPUTY_GENERAL_MANAGER),
    )
    assert route(under(100, 200), 100) == (Seat(StepKind.APPROVE, Tier.DEPARTMENT_MANAGER),)
    assert route(under(100, 200), 201) == (Seat(StepKind.APPROVE, Tier.GENERAL_MANAGER),)


@pytest.mark.rule("FIN-03")
@pytest.mark.parametrize(
    ("first", "second", "total", "expected"),
    [
        (None, None, 1, Reason("FIN-03", FIRST, None)),
        (100, None, 100, Reason("FIN-01", FIRST, 100)),
        (100, None, 101, Reason("FIN-03", SECOND, None)),
        (100, 200, 200, Reason("FIN-02", SECOND, 200)),
        (100, 200, 201, Reason("FIN-03", SECOND, 200)),
        (0, 200, 1, Reason("FIN-02", SECOND, 200)),
    ],
)
def test_a_route_names_the_policy_value_behind_it(
    first: int | None, second: int | None, total: int, expected: Reason
) -> None:
    assert reason(under(first, second), total) == expected


_FEN = st.integers(min_value=1, max_value=10**13)
_RANK = {Tier.DEPARTMENT_MANAGER: 1, Tier.DEPUTY_GENERAL_MANAGER: 2, Tier.GENERAL_MANAGER: 3}


@given(first=_FEN, more=_FEN, total=_FEN, extra=_FEN)
def test_more_money_never_goes_to_a_lower_tier(first: int, more: int, total: int, extra: int) -> None:
    snapshot = under(first, first + more)
    low, high = route(snapshot, total)[-1], route(snapshot, total + extra)[-1]
    assert low.kind is high.kind is StepKind.APPROVE
    assert _RANK[low.tier] <= _RANK[high.tier]
    assert _RANK[low.tier] == 1 + (total > first) + (total > first + more)
