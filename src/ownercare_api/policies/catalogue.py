"""Every policy value: its key, type, bounds, rule, and what a fresh installation has (rulebook, "Policy values").

Where the regulation leaves a blank the factory value is the strictest safe choice; such keys are reported until
somebody publishes them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, TypeGuard

from ownercare_api.core.errors import FieldError, Invalid


class ValueKind(StrEnum):
    """The type of a value on the wire and in the database (JSON)."""

    INTEGER = "integer"
    OPTIONAL_FEN = "optional_fen"
    FEN = "fen"
    PERCENT = "percent"
    LADDER = "ladder"
    HOURS = "hours"
    BONUS = "bonus"


@dataclass(frozen=True, slots=True)
class PolicyKey:
    """One value of the policy."""

    key: str
    kind: ValueKind
    rules: tuple[str, ...]
    factory: Any
    zh: str
    blank: bool = False
    """The regulation leaves it blank: report it until it is published."""
    minimum: int = 0
    maximum: int = 1_000_000
    unit: str | None = None
    """`fen`, `percent`, `workdays`, `business_hours` …; None where the value is not one number."""


_UNITS = ("workdays", "percent", "months", "seasons")


def _unit(key: str) -> str:
    """Return what a number counts, from the last word of its key; `count` where it names none."""
    last = re.split(r"[._]", key)[-1]
    if last == "hours":  # the sales office counts plain hours, owners' homes business hours (reading 6)
        return "elapsed_hours" if key.startswith("sales_office.") else "business_hours"
    if last == "days":
        return "calendar_days"
    return last if last in _UNITS else "count"


def _days(key: str, rules: tuple[str, ...], factory: int, zh: str, *, blank: bool = False) -> PolicyKey:
    return PolicyKey(key, ValueKind.INTEGER, rules, factory, zh, blank, 1, 3650, _unit(key))


def _number(
    key: str, rules: tuple[str, ...], factory: int, zh: str, *, low: int = 0, high: int = 1_000_000, blank: bool = False
) -> PolicyKey:
    return PolicyKey(key, ValueKind.INTEGER, rules, factory, zh, blank, low, high, _unit(key))


def _fen(key: str, rules: tuple[str, ...], factory: int | None, zh: str, *, blank: bool = False) -> PolicyKey:
    kind = ValueKind.OPTIONAL_FEN if factory is None else ValueKind.FEN
    return PolicyKey(key, kind, rules, factory, zh, blank, 0, 10**13, "fen")


LADDER_ROLES = ("handler", "supervisor", "department_manager", "deputy_general_manager", "general_manager")
"""Whom an overdue clock may be reported to."""

_LADDER = [
    {"fraction": 0.8, "role": "handler"},
    {"workdays": 0, "role": "supervisor"},
    {"workdays": 1, "role": "department_manager"},
    {"workdays": 3, "role": "general_manager"},
]
_WARRANTY = {
    "roof_waterproofing_months": (60, "屋面防水"),
    "wet_room_waterproofing_months": (60, "卫生间等有防水要求的部位"),
    "facade_waterproofing_months": (60, "外墙面防渗漏"),
    "heating_cooling_seasons": (2, "供热与供冷系统(采暖期、供冷期)"),
    "electrics_months": (24, "电气管线"),
    "plumbing_months": (24, "给排水管道"),
    "equipment_months": (24, "设备安装"),
    "decoration_months": (24, "装修工程"),
}
"""The owner's warranty periods from delivery; the keys end in the unit."""

_KEYS = [
    _days("complaint.response_hours", ("CMP-02",), 2, "投诉首次响应时限(工作小时)", blank=True),
    _days("complaint.investigation_start_workdays", ("CMP-08",), 2, "责任部门启动调查时限", blank=True),
    _days("complaint.department_feedback_workdays", ("CMP-07",), 3, "责任部门反馈处理信息时限"),
    _days("complaint.owner_feedback_workdays", ("CMP-03",), 5, "向业主反馈结果时限", blank=True),
    _days("complaint.resolution_days", ("CMP-10",), 7, "其他投诉解决时限(自然日)"),
    _days("sales_office.complaint_feedback_hours", ("CMP-12",), 48, "案场投诉反馈时限(小时)"),
    _days("sales_office.facility_response_hours", ("REP-20",), 1, "案场设施维修响应时限(小时)"),
    _days("sales_office.facility_completion_hours", ("REP-20",), 24, "案场设施维修完成时限(小时)"),
    _fen("claim.manager_threshold_fen", ("CMP-17", "ORG-03"), 1_000_000, "由经理处理的索赔金额起点"),
    _days("survey_visit.workdays", ("REP-02",), 1, "现场勘察时限"),
    _fen("survey_visit.contractor_exempt_below_fen", ("REP-03",), 0, "施工单位可不到场的金额(低于)", blank=True),
    _days("repair.single_trade_workdays", ("REP-05",), 3, "单工种维修时限"),
    _days("repair.multi_trade_workdays", ("REP-06",), 7, "多工种维修时限"),
    _days("callback.workdays", ("REP-13",), 1, "竣工后电话回访时限"),
    _number("callback.max_attempts", ("REP-13",), 3, "回访最多拨打次数", low=1, high=10),
    _fen("approval.department_manager_max_fen", ("FIN-01",), None, "部门经理审批上限(含)", blank=True),
    _fen("approval.deputy_general_manager_max_fen", ("FIN-02",), None, "副总经理审批上限(含)", blank=True),
    _days("approval.decision_workdays", ("FIN-01", "FIN-02", "FIN-03"), 1, "审批时限", blank=True),
    _days("approval.emergency_workdays", ("FIN-01", "CMP-04"), 1, "紧急维修补批时限", blank=True),
    _fen("audit.department_threshold_fen", ("FIN-05", "ORG-21"), 2_000_000, "送审计核算部审核的金额起点(含)"),
    _days("contractor.confirmation_workdays", ("FIN-07",), 5, "施工单位确认时限", blank=True),
    _days("contractor.reminder_workdays", ("FIN-07",), 3, "催告后再确认时限", blank=True),
    PolicyKey("retention.max_percent", ValueKind.PERCENT, ("FIN-11",), 3, "保证金比例上限(%)", False, 0, 3, "percent"),
    _days("retention.release_check_days", ("FIN-11",), 14, "保证金返还核实期限(自然日)"),
    _days("retention.return_days", ("FIN-11",), 14, "保证金返还期限(自然日)"),
    _fen("fund.customer_service_limit_fen", ("FIN-13",), None, "客户服务周转金额度", blank=True),
    _fen("fund.repair_team_limit_fen", ("FIN-14",), None, "维修队工程周转金额度", blank=True),
    _fen("budget.training_session_fen", ("FIN-15",), 500_000, "单次培训预算"),
    _fen("budget.training_year_fen", ("FIN-15",), 2_000_000, "年度培训预算"),
    _fen("budget.facility_year_fen", ("FIN-15",), 5_000_000, "年度设施维护预算"),
    _fen("budget.survey_year_fen", ("FIN-15",), 300_000, "年度满意度调查预算"),
    PolicyKey("bonus.rule", ValueKind.BONUS, ("FIN-17",), None, "服务激励奖金规则", True),
    _number("revisit.occupancy_trigger_percent", ("CBK-03",), 50, "启动首次回访的入住比例", low=1, high=100),
    _number("revisit.first_coverage_percent", ("CBK-04",), 90, "首次回访覆盖率", low=1, high=100),
    _number("revisit.annual_sample_min_percent", ("CBK-05",), 10, "年度抽样下限", low=1, high=100),
    _number("revisit.annual_sample_max_percent", ("CBK-05",), 25, "年度抽样上限", low=1, high=100),
    _number("survey.min_per_year", ("SUR-01",), 2, "每年最少满意度调查次数", low=1, high=52, blank=True),
    _number("satisfaction.scale_max", ("CBK-12",), 5, "满意度满分", low=3, high=10),
    _number("satisfaction.dissatisfied_max", ("CBK-13",), 2, "不满意分值(含以下)", low=1, high=9),
    _number("satisfaction.severe_max", ("CBK-12",), 1, "严重不满意分值(含以下)", low=1, high=9),
    *(
        _number(f"warranty.{key}", ("REP-08",), term, f"业主保修期:{zh}", low=1, high=600)
        for key, (term, zh) in _WARRANTY.items()
    ),
    PolicyKey("escalation.ladder", ValueKind.LADDER, ("CMP-15",), _LADDER, "超期升级阶梯"),
    _days("early_warning.window_days", ("CMP-18",), 30, "预警统计窗口(自然日)"),
    _number("early_warning.building_count", ("CMP-18",), 3, "同楼栋同原因预警件数", low=1, high=1000),
    _number("early_warning.unit_count", ("CMP-18",), 2, "同户预警件数", low=1, high=1000),
    PolicyKey("calendar.business_hours", ValueKind.HOURS, ("CMP-02",), "09:00-18:00", "办公时间(北京时间)"),
    _days("communication.interval_days", ("CHN-07",), 90, "日常沟通间隔", blank=True),
    _days("information_audit.interval_days", ("OWN-06",), 180, "信息审核间隔", blank=True),
    _number("privacy.unmask_per_hour", ("OWN-07",), 60, "每人每小时查看明文次数", low=1, high=10_000),
    _number("privacy.export_row_cap", ("OWN-07",), 5000, "导出免复核行数上限", low=1),
    _days("privacy.log_days", ("OWN-07",), 1095, "查看记录保存天数"),
]

CATALOGUE: Mapping[str, PolicyKey] = {entry.key: entry for entry in _KEYS}
"""Every key, in the order of the rulebook."""

FACTORY: Mapping[str, Any] = {entry.key: entry.factory for entry in _KEYS}
"""The values of a fresh installation."""


class InvalidPolicy(Invalid):
    """422: a key is unknown, or a value is of the wrong type or out of bounds."""

    code = "invalid_policy"
    zh, en = "政策值不符合要求,详见 errors。", "A policy value is not acceptable; see errors."
    rules = ("ADM-08",)


def check_values(values: Mapping[str, Any]) -> None:
    """Raise `InvalidPolicy` naming every unknown key and every value of a wrong type or out of bounds."""
    faults = []
    for key, value in values.items():
        entry = CATALOGUE.get(key)
        if entry is None:
            faults.append(FieldError("#/values", "unknown_key", "没有此政策键。", "There is no such policy key."))
        elif not _fits(entry, value):
            faults.append(
                FieldError(f"#/values/{key}", "wrong_value", f"“{entry.zh}”的取值不正确。", "The value is not right.")
            )
    if faults:
        raise InvalidPolicy(errors=tuple(faults))


def check_together(merged: Mapping[str, Any]) -> None:
    """Raise `InvalidPolicy` where values that are right alone contradict each other."""
    first, second = merged["approval.department_manager_max_fen"], merged["approval.deputy_general_manager_max_fen"]
    wrong = None
    if second is not None and (first is None or second <= first):
        wrong = "approval.deputy_general_manager_max_fen"
    elif merged["satisfaction.severe_max"] > merged["satisfaction.dissatisfied_max"]:
        wrong = "satisfaction.severe_max"
    elif merged["satisfaction.dissatisfied_max"] >= merged["satisfaction.scale_max"]:
        wrong = "satisfaction.dissatisfied_max"
    elif merged["revisit.annual_sample_min_percent"] > merged["revisit.annual_sample_max_percent"]:
        wrong = "revisit.annual_sample_min_percent"
    if wrong:
        fault = FieldError(
            f"#/values/{wrong}", "contradiction", "与其他政策值相互矛盾。", "It contradicts another policy value."
        )
        raise InvalidPolicy(errors=(fault,))


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _real(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fits(entry: PolicyKey, value: Any) -> bool:
    match entry.kind:
        case ValueKind.PERCENT:  # two decimals: whole hundredths of a percent
            return (
                _real(value) and entry.minimum <= value <= entry.maximum and round(value * 100, 6) == round(value * 100)
            )
        case ValueKind.INTEGER | ValueKind.FEN:
            return _whole(value) and entry.minimum <= value <= entry.maximum
        case ValueKind.OPTIONAL_FEN:
            return value is None or (_whole(value) and entry.minimum <= value <= entry.maximum)
        case ValueKind.HOURS:
            return isinstance(value, str) and _is_hours(value)
        case ValueKind.LADDER:
            return isinstance(value, list) and _is_ladder(value)
        case ValueKind.BONUS:
            return value is None or (isinstance(value, dict) and _is_bonus(value))


_BONUS_CEILINGS = {"fen_per_satisfied_signature": 10**9, "callback_weight_percent": 100, "floor_fen": 10**9}


def _is_bonus(rule: dict[Any, Any]) -> bool:
    return rule.keys() == _BONUS_CEILINGS.keys() and all(
        _whole(rule[name]) and 0 <= rule[name] <= ceiling for name, ceiling in _BONUS_CEILINGS.items()
    )


def _is_ladder(ladder: Sequence[Any]) -> bool:
    """Say whether every rung comes after the one before: fractions of the term, then working days after it."""
    heights = [_height(rung) for rung in ladder]
    if not 1 <= len(ladder) <= 10 or None in heights:
        return False
    known = [height for height in heights if height is not None]
    return all(lower < higher for lower, higher in pairwise(known))


def _height(rung: object) -> tuple[int, float] | None:
    if not isinstance(rung, dict) or rung.get("role") not in LADDER_ROLES:
        return None
    fraction, workdays = rung.get("fraction"), rung.get("workdays")
    if rung.keys() == {"role", "fraction"} and _real(fraction) and 0 < fraction < 1:
        return 0, fraction
    if rung.keys() == {"role", "workdays"} and _whole(workdays) and 0 <= workdays <= 365:
        return 1, workdays
    return None


_HOURS = re.compile(r"(?P<opens>(?:[01][0-9]|2[0-3]):[0-5][0-9])-(?P<closes>(?:[01][0-9]|2[0-3]):[0-5][0-9])")


def _is_hours(text: str) -> bool:
    found = _HOURS.fullmatch(text)
    return found is not None and found["opens"] < found["closes"]
