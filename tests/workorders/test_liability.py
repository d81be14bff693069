"""Class A, B or none: the worked cases, the edges of both clocks, and an independent oracle (reading 9)."""

import calendar
import csv
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownercare_api.core.ids import uuid7
from ownercare_api.demo.policy import DEMO_POLICY
from ownercare_api.policies.service import Snapshot
from ownercare_api.properties.parts import BuildingPart
from ownercare_api.workorders.liability import (
    Cover,
    Derivation,
    OwnerTerm,
    TermUnit,
    derive,
    months_later,
    owner_term,
    seasons_end,
)
from ownercare_api.workorders.lifecycle import LiableParty, RepairClass

SNAPSHOT = Snapshot(uuid7(), DEMO_POLICY, {})
_TABLE = Path(__file__).parents[1] / "cases" / "liability.csv"
CASES = list(csv.DictReader(_TABLE.read_text(encoding="utf-8").splitlines()))


def judged(
    *,
    part: BuildingPart = BuildingPart.PLUMBING,
    delivered: str | None = "2025-01-15",
    accepted: str | None = "2024-12-31",
    months: int | None = 24,
    reported: str = "2026-11-20",
    liable: LiableParty = LiableParty.CONTRACTOR,
) -> Derivation:
    return derive(
        building_part=part,
        delivered_on=None if delivered is None else date.fromisoformat(delivered),
        contractor_accepted_on=None if accepted is None else date.fromisoformat(accepted),
        contractor_months=months,
        owner_term=owner_term(SNAPSHOT, part),
        reported_on=date.fromisoformat(reported),
        liable_party=liable,
    )


@pytest.mark.rule("REP-08")
@pytest.mark.parametrize("case", CASES, ids=[case["note"] for case in CASES])
def test_the_worked_cases(case: dict[str, str]) -> None:
    part = BuildingPart(case["building_part"])
    found = judged(
        part=part,
        delivered=case["delivered_on"],
        accepted=case["contractor_accepted_on"],
        months=owner_term(SNAPSHOT, part).amount,
        reported=case["reported_on"],
        liable=LiableParty(case["liable_party"]),
    )
    assert (found.owner_cover.value, found.contractor_cover.value) == (case["owner_cover"], case["contractor_cover"])
    assert found.repair_class.value == case["class"]


@pytest.mark.rule("REP-08")
@pytest.mark.rule("REP-04")
def test_the_reasons_are_told_in_the_order_of_thought() -> None:
    found = judged(delivered="2025-01-15", accepted="2024-06-30", reported="2026-11-20")
    assert [(reason["code"], reason["rule"]) for reason in found.reasons] == [
        ("liable_contractor", "REP-04"),
        ("owner_covered", "REP-08"),
        ("contractor_cover_over", "REP-08"),
        ("class_b", "REP-08"),
    ]
    assert found.reasons[1]["zh"] == "给排水管道:业主保修期至 2027-01-15 止(含当日),报修时在保修期内。"
    assert found.reasons[2]["en"] == "plumbing: the contractor's warranty ended on 2026-06-30, before the report."
    assert found.facts() == {
        "repair_class": "B",
        "owner_cover": "in",
        "owner_covered_until": "2027-01-15",
        "contractor_cover": "out",
        "contractor_covered_until": "2026-06-30",
        "reasons": found.reasons,
    }


@pytest.mark.parametrize(
    ("start", "months", "last"),
    [
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-02-29", 48, "2028-02-29"),
        ("2024-12-31", 24, "2026-12-31"),
        ("2024-08-31", 6, "2025-02-28"),
        ("2024-11-20", 24, "2026-11-20"),
    ],
)
def test_months_end_on_the_same_number_or_on_the_month_s_last_day(start: str, months: int, last: str) -> None:
    assert months_later(date.fromisoformat(start), months) == date.fromisoformat(last)


@pytest.mark.parametrize(
    ("delivered", "seasons", "last", "why"),
    [
        ("2024-11-20", 2, "2027-03-15", "heating had begun: the next two full ones end later than cooling"),
        ("2024-11-15", 2, "2026-09-15", "delivered on the first day of heating: it counts, cooling ends later"),
        ("2024-05-15", 1, "2025-03-15", "first day of cooling; heating ends later"),
        ("2024-05-16", 1, "2025-09-15", "one day late for cooling: the next summer is the first full one"),
        ("2025-06-30", 2, "2027-09-15", "2026 and 2027 summers, 2025/26 and 2026/27 winters"),
        ("2026-03-15", 1, "2027-03-15", "the last day of a winter begins nothing"),
    ],
)
@pytest.mark.rule("REP-08")
def test_heating_and_cooling_are_covered_for_full_seasons(delivered: str, seasons: int, last: str, why: str) -> None:
    assert seasons_end(date.fromisoformat(delivered), seasons) == date.fromisoformat(last), why


@pytest.mark.rule("REP-17")
def test_a_home_that_is_not_delivered_yet_is_covered() -> None:
    found = judged(delivered=None, accepted=None)
    assert (found.repair_class, found.owner_cover, found.contractor_cover) == (RepairClass.B, Cover.IN, Cover.NONE)
    assert [reason["code"] for reason in found.reasons] == [
        "liable_contractor",
        "not_delivered",
        "no_contractor_cover",
        "class_b",
    ]


@pytest.mark.rule("REP-08")
@pytest.mark.parametrize("liable", [LiableParty.OWNER, LiableParty.THIRD_PARTY])
def test_the_owner_s_own_doing_and_third_parties_are_nobody_s_class(liable: LiableParty) -> None:
    assert judged(liable=liable).repair_class is RepairClass.NONE
    assert judged(liable=liable, delivered=None).repair_class is RepairClass.NONE


@pytest.mark.rule("REP-08")
def test_a_part_without_a_term_in_the_contract_has_no_contractor_s_clock() -> None:
    found = judged(accepted="2026-01-01", months=None)
    assert (found.repair_class, found.contractor_cover, found.contractor_covered_until) == (
        RepairClass.B,
        Cover.NONE,
        None,
    )


def test_a_contractor_inside_its_own_longer_warranty_answers_after_the_owner_s_is_over() -> None:
    found = judged(delivered="2023-01-01", accepted="2022-12-01", months=60)
    assert (found.owner_cover, found.contractor_cover, found.repair_class) == (Cover.OUT, Cover.IN, RepairClass.A)


# The oracle counts days one by one and never adds months.


def _oracle_months(start: date, months: int) -> date:
    day, left = start.replace(day=1), months
    while left:
        day += timedelta(days=1)
        if day.day == 1:
            left -= 1
    return day.replace(day=min(start.day, calendar.monthrange(day.year, day.month)[1]))


def _oracle_seasons(start: date, seasons: int) -> date:
    ends = []
    for opening, closing in (("11-15", "03-15"), ("05-15", "09-15")):
        day, begun = start, 0
        while True:
            begun += f"{day:%m-%d}" == opening
            if begun == seasons and f"{day:%m-%d}" == closing:
                break
            day += timedelta(days=1)
        ends.append(day)
    return max(ends)


def _oracle(liable: LiableParty, owner_in: bool, contractor_in: bool) -> str:
    if liable in (LiableParty.OWNER, LiableParty.THIRD_PARTY):
        return "none"
    if liable is LiableParty.COMPANY:
        return "B"
    return "A" if contractor_in else "B" if owner_in else "none"


days = st.dates(date(2015, 1, 1), date(2032, 12, 31))


@given(
    delivered=st.none() | days,
    accepted=st.none() | days,
    months=st.none() | st.integers(1, 72),
    reported=days,
    amount=st.integers(1, 60),
    unit=st.sampled_from(TermUnit),
    liable=st.sampled_from(LiableParty),
)
@pytest.mark.rule("REP-08")
def test_against_the_oracle(
    delivered: date | None,
    accepted: date | None,
    months: int | None,
    reported: date,
    amount: int,
    unit: TermUnit,
    liable: LiableParty,
) -> None:
    amount = amount if unit is TermUnit.MONTHS else 1 + amount % 3
    found = derive(
        building_part=BuildingPart.HEATING_COOLING,
        delivered_on=delivered,
        contractor_accepted_on=accepted,
        contractor_months=months,
        owner_term=OwnerTerm(amount, unit),
        reported_on=reported,
        liable_party=liable,
    )
    counted = _oracle_months if unit is TermUnit.MONTHS else _oracle_seasons
    owner_in = delivered is None or reported <= counted(delivered, amount)
    clock = accepted is not None and months is not None
    contractor_in = clock and reported <= _oracle_months(accepted or reported, months or 0)
    assert (found.owner_cover is Cover.IN) == owner_in
    assert found.contractor_cover is (Cover.IN if contractor_in else Cover.OUT if clock else Cover.NONE)
    assert found.repair_class.value == _oracle(liable, owner_in, contractor_in)


@given(delivered=days, reported=days, amount=st.integers(1, 120))
def test_cover_ends_once_and_for_all(delivered: date, reported: date, amount: int) -> None:
    """A later report is never inside where an earlier one was outside, and the last day itself is inside."""

    def cover(on: date) -> Cover:
        return derive(
            building_part=BuildingPart.PLUMBING,
            delivered_on=delivered,
            contractor_accepted_on=None,
            contractor_months=None,
            owner_term=OwnerTerm(amount, TermUnit.MONTHS),
            reported_on=on,
            liable_party=LiableParty.COMPANY,
        ).owner_cover

    last = months_later(delivered, amount)
    assert (cover(last), cover(last + timedelta(days=1))) == (Cover.IN, Cover.OUT)
    if cover(reported) is Cover.OUT:
        assert cover(reported + timedelta(days=30)) is Cover.OUT
