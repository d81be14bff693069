"""The catalogue against the rulebook's table, and which values it takes."""

from typing import Any

import pytest

from ownercare_api.core.errors import Invalid
from ownercare_api.demo.policy import DEMO_POLICY
from ownercare_api.policies.catalogue import CATALOGUE, FACTORY, InvalidPolicy, check_together, check_values

pytestmark = pytest.mark.rule("ADM-08")

LADDER = [
    {"fraction": 0.8, "role": "handler"},
    {"workdays": 0, "role": "supervisor"},
    {"workdays": 1, "role": "department_manager"},
    {"workdays": 3, "role": "general_manager"},
]
# The rulebook's "Policy values", row by row: key, factory, demo where it differs.
BOTH: dict[str, Any] = {
    "complaint.response_hours": 2,
    "complaint.investigation_start_workdays": 2,
    "complaint.department_feedback_workdays": 3,
    "complaint.owner_feedback_workdays": 5,
    "complaint.resolution_days": 7,
    "sales_office.complaint_feedback_hours": 48,
    "sales_office.facility_response_hours": 1,
    "sales_office.facility_completion_hours": 24,
    "claim.manager_threshold_fen": 1_000_000,
    "survey_visit.workdays": 1,
    "repair.single_trade_workdays": 3,
    "repair.multi_trade_workdays": 7,
    "callback.workdays": 1,
    "callback.max_attempts": 3,
    "approval.decision_workdays": 1,
    "approval.emergency_workdays": 1,
    "audit.department_threshold_fen": 2_000_000,
    "contractor.confirmation_workdays": 5,
    "contractor.reminder_workdays": 3,
    "retention.max_percent": 3,
    "retention.release_check_days": 14,
    "retention.return_days": 14,
    "budget.training_session_fen": 500_000,
    "budget.training_year_fen": 2_000_000,
    "budget.facility_year_fen": 5_000_000,
    "budget.survey_year_fen": 300_000,
    "revisit.occupancy_trigger_percent": 50,
    "revisit.first_coverage_percent": 90,
    "revisit.annual_sample_min_percent": 10,
    "revisit.annual_sample_max_percent": 25,
    "survey.min_per_year": 2,
    "satisfaction.scale_max": 5,
    "satisfaction.dissatisfied_max": 2,
    "satisfaction.severe_max": 1,
    "warranty.roof_waterproofing_months": 60,
    "warranty.wet_room_waterproofing_months": 60,
    "warranty.facade_waterproofing_months": 60,
    "warranty.heating_cooling_seasons": 2,
    "warranty.electrics_months": 24,
    "warranty.plumbing_months": 24,
    "warranty.equipment_months": 24,
    "warranty.decoration_months": 24,
    "escalation.ladder": LADDER,
    "early_warning.window_days": 30,
    "early_warning.building_count": 3,
    "early_warning.unit_count": 2,
    "calendar.business_hours": "09:00-18:00",
    "communication.interval_days": 90,
    "information_audit.interval_days": 180,
    "privacy.unmask_per_hour": 60,
    "privacy.export_row_cap": 5000,
    "privacy.log_days": 1095,
}
FACTORY_ONLY: dict[str, Any] = {
    "survey_visit.contractor_exempt_below_fen": 0,
    "approval.department_manager_max_fen": None,
    "approval.deputy_general_manager_max_fen": None,
    "fund.customer_service_limit_fen": None,
    "fund.repair_team_limit_fen": None,
    "bonus.rule": None,
}
DEMO_ONLY: dict[str, Any] = {
    "survey_visit.contractor_exempt_below_fen": 50_000,
    "approval.department_manager_max_fen": 200_000,
    "approval.deputy_general_manager_max_fen": 2_000_000,
    "fund.customer_service_limit_fen": 5_000_000,
    "fund.repair_team_limit_fen": 10_000_000,
}
UNITS = {
    "complaint.response_hours": "business_hours",
    "sales_office.facility_response_hours": "elapsed_hours",
    "complaint.resolution_days": "calendar_days",
    "survey_visit.workdays": "workdays",
    "callback.workdays": "workdays",
    "callback.max_attempts": "count",
    "repair.multi_trade_workdays": "workdays",
    "warranty.electrics_months": "months",
    "warranty.heating_cooling_seasons": "seasons",
    "retention.max_percent": "percent",
    "revisit.first_coverage_percent": "percent",
    "claim.manager_threshold_fen": "fen",
    "approval.department_manager_max_fen": "fen",
    "survey.min_per_year": "count",
    "escalation.ladder": None,
    "calendar.business_hours": None,
    "bonus.rule": None,
}


def test_factory_values_are_the_rulebook_s() -> None:
    assert dict(FACTORY) == {**BOTH, **FACTORY_ONLY}


def test_demo_values_are_the_rulebook_s() -> None:
    published = dict(DEMO_POLICY)
    bonus = published.pop("bonus.rule")
    assert published == {**BOTH, **DEMO_ONLY}
    assert set(bonus) == {"fen_per_satisfied_signature", "callback_weight_percent", "floor_fen"}


def test_both_policies_pass_their_own_checks() -> None:
    for values in (FACTORY, DEMO_POLICY):
        check_values(values)
        check_together(values)


def test_what_the_regulation_leaves_blank() -> None:
    assert [key for key, entry in CATALOGUE.items() if entry.blank] == [
        "complaint.response_hours",
        "complaint.investigation_start_workdays",
        "complaint.owner_feedback_workdays",
        "survey_visit.contractor_exempt_below_fen",
        "approval.department_manager_max_fen",
        "approval.deputy_general_manager_max_fen",
        "approval.decision_workdays",
        "approval.emergency_workdays",
        "contractor.confirmation_workdays",
        "contractor.reminder_workdays",
        "fund.customer_service_limit_fen",
        "fund.repair_team_limit_fen",
        "bonus.rule",
        "survey.min_per_year",
        "communication.interval_days",
        "information_audit.interval_days",
    ]


@pytest.mark.parametrize(("key", "unit"), UNITS.items())
def test_units(key: str, unit: str | None) -> None:
    assert CATALOGUE[key].unit == unit


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("repair.single_trade_workdays", 1),
        ("approval.department_manager_max_fen", 0),
        ("approval.department_manager_max_fen", None),
        ("retention.max_percent", 2.75),
        ("retention.max_percent", 0),
        ("calendar.business_hours", "08:30-17:30"),
        ("bonus.rule", None),
        ("bonus.rule", {"fen_per_satisfied_signature": 2000, "callback_weight_percent": 100, "floor_fen": 0}),
        ("escalation.ladder", [{"workdays": 0, "role": "supervisor"}]),
        ("escalation.ladder", [{"fraction": 0.5, "role": "handler"}, {"fraction": 0.9, "role": "supervisor"}]),
    ],
)
def test_values_that_fit(key: str, value: Any) -> None:
    check_values({key: value})


WRONG = [
    ("repair.single_trade_workdays", 0),
    ("repair.single_trade_workdays", 3651),
    ("repair.single_trade_workdays", 3.0),
    ("repair.single_trade_workdays", "3"),
    ("repair.single_trade_workdays", True),
    ("repair.single_trade_workdays", None),
    ("claim.manager_threshold_fen", -1),
    ("claim.manager_threshold_fen", None),
    ("claim.manager_threshold_fen", 10**13 + 1),
    ("approval.department_manager_max_fen", -1),
    ("approval.department_manager_max_fen", 0.5),
    ("retention.max_percent", 3.01),
    ("retention.max_percent", 2.755),
    ("retention.max_percent", True),
    ("retention.max_percent", "3"),
    ("calendar.business_hours", "18:00-09:00"),
    ("calendar.business_hours", "09:00-09:00"),
    ("calendar.business_hours", "9:00-18:00"),
    ("calendar.business_hours", "09:00-24:00"),
    ("calendar.business_hours", "09:00-18:0²"),
    ("calendar.business_hours", "٠٩:٠٠-١٨:٠٠"),
    ("calendar.business_hours", "09:00-18:00\n"),
    ("calendar.business_hours", 9),
    ("escalation.ladder", []),
    ("escalation.ladder", {"workdays": 0, "role": "supervisor"}),
    ("escalation.ladder", ["supervisor"]),
    ("escalation.ladder", [{"workdays": 0}]),
    ("escalation.ladder", [{"workdays": 0, "role": "caretaker"}]),
    ("escalation.ladder", [{"workdays": 0, "role": ["supervisor"]}]),
    ("escalation.ladder", [{"workdays": -1, "role": "supervisor"}]),
    ("escalation.ladder", [{"workdays": True, "role": "supervisor"}]),
    ("escalation.ladder", [{"fraction": 1, "role": "supervisor"}]),
    ("escalation.ladder", [{"fraction": 0, "role": "supervisor"}]),
    ("escalation.ladder", [{"fraction": 0.5, "workdays": 1, "role": "supervisor"}]),
    ("escalation.ladder", [{"workdays": 1, "role": "supervisor"}, {"workdays": 1, "role": "general_manager"}]),
    ("escalation.ladder", [{"workdays": 0, "role": "supervisor"}, {"fraction": 0.8, "role": "handler"}]),
    ("escalation.ladder", [{"workdays": day, "role": "supervisor"} for day in range(11)]),
    ("bonus.rule", {}),
    ("bonus.rule", {"fen_per_satisfied_signature": 2000, "callback_weight_percent": 101, "floor_fen": 0}),
    ("bonus.rule", {"fen_per_satisfied_signature": -1, "callback_weight_percent": 50, "floor_fen": 0}),
    ("bonus.rule", {"fen_per_satisfied_signature": 2000.5, "callback_weight_percent": 50, "floor_fen": 0}),
    ("bonus.rule", "off"),
]


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_values_that_do_not_fit(key: str, value: Any) -> None:
    with pytest.raises(InvalidPolicy) as refusal:
        check_values({key: value})
    assert [(fault.pointer, fault.code) for fault in refusal.value.errors] == [(f"#/values/{key}", "wrong_value")]


def test_every_fault_is_named_and_unknown_keys_are_not_repeated() -> None:
    with pytest.raises(InvalidPolicy) as refusal:
        check_values({"repair.everything": 1, "callback.workdays": 0, "survey_visit.workdays": 1})
    assert [(fault.pointer, fault.code) for fault in refusal.value.errors] == [
        ("#/values", "unknown_key"),
        ("#/values/callback.workdays", "wrong_value"),
    ]


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"approval.department_manager_max_fen": 2_000_000}, "approval.deputy_general_manager_max_fen"),
        ({"approval.department_manager_max_fen": 2_000_001}, "approval.deputy_general_manager_max_fen"),
        ({"approval.department_manager_max_fen": None}, "approval.deputy_general_manager_max_fen"),
        ({"satisfaction.severe_max": 3}, "satisfaction.severe_max"),
        ({"satisfaction.dissatisfied_max": 5}, "satisfaction.dissatisfied_max"),
        ({"revisit.annual_sample_min_percent": 26}, "revisit.annual_sample_min_percent"),
    ],
)
def test_values_that_contradict_each_other(changed: dict[str, Any], wrong: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_together({**DEMO_POLICY, **changed})
    assert [(fault.pointer, fault.code) for fault in refusal.value.errors] == [(f"#/values/{wrong}", "contradiction")]


def test_the_second_limit_may_be_left_unset() -> None:
    check_together({**DEMO_POLICY, "approval.deputy_general_manager_max_fen": None})
