"""Class A, class B or not the company's to pay, derived from the survey and two warranty clocks (REP-08, reading 9).

Pure. The owner's clock runs from delivery, per building part; the contractor's own from completion acceptance, per
contract. Cover of n months from a date includes the day with the same number n months later; where that month is
shorter, its last day.
"""

import calendar
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from ownercare_api.policies.service import Snapshot
from ownercare_api.properties.parts import PART_ZH, BuildingPart
from ownercare_api.workorders.lifecycle import LiableParty, RepairClass


class TermUnit(StrEnum):
    """What the owner's warranty period is counted in."""

    MONTHS = "months"
    SEASONS = "seasons"


class Cover(StrEnum):
    """Whether a warranty clock still runs on the day of the report; `none`: there is no such clock."""

    IN = "in"
    OUT = "out"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class OwnerTerm:
    """The owner's warranty period of one building part."""

    amount: int
    unit: TermUnit


@dataclass(frozen=True, slots=True)
class Derivation:
    """The class with its reasons; each reason is `code`, `zh`, `en`, `rule`, in the order of thought."""

    repair_class: RepairClass
    owner_cover: Cover
    owner_covered_until: date | None
    contractor_cover: Cover
    contractor_covered_until: date | None
    reasons: list[dict[str, str]]

    def facts(self) -> dict[str, Any]:
        """Return it as JSON values."""
        until, contractor_until = self.owner_covered_until, self.contractor_covered_until
        return {
            "repair_class": self.repair_class.value,
            "owner_cover": self.owner_cover.value,
            "owner_covered_until": None if until is None else until.isoformat(),
            "contractor_cover": self.contractor_cover.value,
            "contractor_covered_until": None if contractor_until is None else contractor_until.isoformat(),
            "reasons": self.reasons,
        }


_HEATING = ((11, 15), (3, 15))
"""采暖期: first and last day."""
_COOLING = ((5, 15), (9, 15))
"""供冷期: first and last day."""


def owner_term(snapshot: Snapshot, part: BuildingPart) -> OwnerTerm:
    """Return the owner's warranty period of a part under a policy (`warranty.*`)."""
    if part is BuildingPart.HEATING_COOLING:
        return OwnerTerm(snapshot.integer("warranty.heating_cooling_seasons"), TermUnit.SEASONS)
    return OwnerTerm(snapshot.integer(f"warranty.{part.value}_months"), TermUnit.MONTHS)


def months_later(start: date, months: int) -> date:
    """Return the day with the same number some months later, or that month's last day."""
    index = start.year * 12 + start.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))


def seasons_end(start: date, seasons: int) -> date:
    """Return the last day of the n-th full season that begins on or after a date: heating or cooling, the later."""
    ends = []
    for opens, closes in (_HEATING, _COOLING):
        first = start.year if (start.month, start.day) <= opens else start.year + 1
        last_opening = first + seasons - 1
        ends.append(date(last_opening + (closes < opens), *closes))
    return max(ends)


def covered_until(start: date, term: OwnerTerm) -> date:
    """Return the last day of the owner's cover."""
    return (months_later if term.unit is TermUnit.MONTHS else seasons_end)(start, term.amount)


def derive(
    *,
    building_part: BuildingPart,
    delivered_on: date | None,
    contractor_accepted_on: date | None,
    contractor_months: int | None,
    owner_term: OwnerTerm,
    reported_on: date,
    liable_party: LiableParty,
) -> Derivation:
    """Derive the class of a repair (reading 9).

    Contractor liable and inside the contractor's own warranty: A. Company liable, or contractor liable after the
    contractor's warranty while the owner's runs: B. Otherwise none: the owner's own doing, a third party, both over.
    A home that is not delivered yet is covered, as is work that is not accepted yet (REP-17). No contract, or no
    term for this part: there is no contractor's clock.
    """
    part = PART_ZH[building_part]
    reasons = [_LIABLE[liable_party]]
    owner_until = None if delivered_on is None else covered_until(delivered_on, owner_term)
    owner_cover = Cover.IN if owner_until is None or reported_on <= owner_until else Cover.OUT
    reasons.append(_owner_reason(part, building_part, owner_until, owner_cover))
    contractor_until, contractor_cover = None, Cover.NONE
    if contractor_accepted_on is not None and contractor_months is not None:
        contractor_until = months_later(contractor_accepted_on, contractor_months)
        contractor_cover = Cover.IN if reported_on <= contractor_until else Cover.OUT
    reasons.append(_contractor_reason(part, building_part, contractor_until, contractor_cover))
    repair_class = RepairClass.NONE
    if liable_party is LiableParty.COMPANY:
        repair_class = RepairClass.B
    elif liable_party is LiableParty.CONTRACTOR:
        if contractor_cover is Cover.IN:
            repair_class = RepairClass.A
        elif owner_cover is Cover.IN:
            repair_class = RepairClass.B
    reasons.append(_CONCLUSION[repair_class])
    return Derivation(
        repair_class=repair_class,
        owner_cover=owner_cover,
        owner_covered_until=owner_until,
        contractor_cover=contractor_cover,
        contractor_covered_until=contractor_until,
        reasons=reasons,
    )


def reason(code: str, *, zh: str, en: str, rule: str) -> dict[str, str]:
    """Return one reason."""
    return {"code": code, "zh": zh, "en": en, "rule": rule}


_LIABLE = {
    LiableParty.CONTRACTOR: reason(
        "liable_contractor",
        zh="现场勘察会签认定责任方为施工单位。",
        en="The co-signed survey holds the contractor liable.",
        rule="REP-04",
    ),
    LiableParty.COMPANY: reason(
        "liable_company",
        zh="现场勘察会签认定责任方为本公司。",
        en="The co-signed survey holds the company liable.",
        rule="REP-04",
    ),
    LiableParty.OWNER: reason(
        "liable_owner",
        zh="现场勘察会签认定责任方为业主自身(自行改造或使用不当)。",
        en="The co-signed survey holds the owner liable.",
        rule="REP-04",
    ),
    LiableParty.THIRD_PARTY: reason(
        "liable_third_party",
        zh="现场勘察会签认定责任方为第三方。",
        en="The co-signed survey holds a third party liable.",
        rule="REP-04",
    ),
}
_CONCLUSION = {
    RepairClass.A: reason(
        "class_a",
        zh="A 类:施工单位质保责任,费用从其工程质量保证金中扣除。",
        en="Class A: the contractor's warranty task.",
        rule="REP-08",
    ),
    RepairClass.B: reason(
        "class_b", zh="B 类:由本公司承担费用。", en="Class B: the company bears the cost.", rule="REP-08"
    ),
    RepairClass.NONE: reason(
        "class_none",
        zh="不属本公司承担范围,须向业主说明依据。",
        en="Not the company's to pay; the owner is told so with the grounds.",
        rule="REP-08",
    ),
}


def _owner_reason(part: str, code: BuildingPart, until: date | None, cover: Cover) -> dict[str, str]:
    if until is None:
        return reason(
            "not_delivered",
            zh="房屋尚未交付,业主保修期未起算,仍由开发企业负责。",
            en="The home is not delivered yet: the owner's period has not begun, and the developer answers.",
            rule="REP-17",
        )
    if cover is Cover.IN:
        return reason(
            "owner_covered",
            zh=f"{part}:业主保修期至 {until} 止(含当日),报修时在保修期内。",
            en=f"{code.value}: the owner's cover runs to {until}, that day included; the report is inside it.",
            rule="REP-08",
        )
    return reason(
        "owner_cover_over",
        zh=f"{part}:业主保修期已于 {until} 届满,报修时已过保修期。",
        en=f"{code.value}: the owner's cover ended on {until}, before the report.",
        rule="REP-08",
    )


def _contractor_reason(part: str, code: BuildingPart, until: date | None, cover: Cover) -> dict[str, str]:
    if until is None:
        return reason(
            "no_contractor_cover",
            zh=f"{part}:没有约定质保期的施工合同。",
            en=f"{code.value}: no contract sets a warranty period for it.",
            rule="REP-08",
        )
    if cover is Cover.IN:
        return reason(
            "contractor_covered",
            zh=f"{part}:施工单位质保期至 {until} 止(含当日),报修时在质保期内。",
            en=f"{code.value}: the contractor's warranty runs to {until}, that day included; the report is inside it.",
            rule="REP-08",
        )
    return reason(
        "contractor_cover_over",
        zh=f"{part}:施工单位质保期已于 {until} 届满。",
        en=f"{code.value}: the contractor's warranty ended on {until}, before the report.",
        rule="REP-08",
    )
