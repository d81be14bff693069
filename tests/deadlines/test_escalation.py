"""How far a clock has run, and the steps after it ran out."""

from datetime import UTC
from decimal import Decimal

import pytest
from tests.deadlines.clocks import CALENDAR, MICROSECOND, due_at, hold, sh

from ownercare_api.deadlines.due import (
    Term,
    Unit,
    add_workdays,
    due,
    fraction_used,
    instant_at_fraction,
)


@pytest.mark.rule("CMP-15")
def test_working_days_after_the_due_instant() -> None:
    overdue = sh("2026-11-20T18:00")
    assert add_workdays(calendar=CALENDAR, instant=overdue, n=1) == sh("2026-11-23T18:00")
    assert add_workdays(calendar=CALENDAR, instant=overdue, n=3) == sh("2026-11-25T18:00")
    assert add_workdays(calendar=CALENDAR, instant=sh("2026-02-13T10:00"), n=3) == sh("2026-02-25T18:00")


@pytest.mark.rule("CMP-15")
@pytest.mark.parametrize(
    ("started_at", "term", "fraction", "expected"),
    [
        # Friday noon to Monday closing: 6 + 9 business hours, 12 of them passed.
        ("2026-11-20T12:00", Term(1, Unit.WORKDAYS), 0.8, "2026-11-23T15:00"),
        ("2026-11-20T12:00", Term(1, Unit.WORKDAYS), 0.4, "2026-11-20T18:00"),
        ("2026-11-21T11:00", Term(2, Unit.BUSINESS_HOURS), 0.8, "2026-11-23T10:36"),
        ("2026-11-20T17:00", Term(2, Unit.BUSINESS_HOURS), 0.5, "2026-11-20T18:00"),
        ("2026-02-14T20:00", Term(48, Unit.ELAPSED_HOURS), 0.8, "2026-02-16T10:24"),
        ("2026-11-20T18:00", Term(7, Unit.CALENDAR_DAYS), Decimal("0.8"), "2026-11-26T08:24"),
        ("2026-11-20T12:00", Term(1, Unit.WORKDAYS), 0, "2026-11-20T12:00"),
        ("2026-11-21T12:00", Term(1, Unit.WORKDAYS), 0, "2026-11-21T12:00"),
        ("2026-11-20T12:00", Term(1, Unit.WORKDAYS), 1, "2026-11-23T18:00"),
    ],
)
def test_instant_at_fraction(started_at: str, term: Term, fraction: float | Decimal, expected: str) -> None:
    start = sh(started_at)
    ends_at = due(calendar=CALENDAR, started_at=start, term=term).due_at
    found = instant_at_fraction(calendar=CALENDAR, started_at=start, due_at=ends_at, unit=term.unit, fraction=fraction)
    assert found == sh(expected)
    assert found.tzinfo is UTC
    assert fraction_used(
        calendar=CALENDAR, started_at=start, due_at=ends_at, unit=term.unit, at=found
    ) == pytest.approx(float(fraction))


@pytest.mark.rule("CMP-15")
def test_held_time_does_not_bring_escalation_nearer() -> None:
    start, held = sh("2026-11-20T12:00"), hold("2026-11-20T15:00", "2026-11-23T12:00")
    ends_at = due_at(start, 1, Unit.WORKDAYS, held)
    assert ends_at == sh("2026-11-23T18:00")
    # 3 hours on Friday and 6 on Monday are left.
    found = instant_at_fraction(
        calendar=CALENDAR, started_at=start, due_at=ends_at, unit=Unit.WORKDAYS, fraction=0.5, holds=[held]
    )
    assert found == sh("2026-11-23T13:30")
    for at, used in [("2026-11-20T15:00", 3 / 9), ("2026-11-22T12:00", 3 / 9), ("2026-11-23T13:30", 0.5)]:
        assert fraction_used(
            calendar=CALENDAR, started_at=start, due_at=ends_at, unit=Unit.WORKDAYS, at=sh(at), holds=[held]
        ) == pytest.approx(used)


def test_fractions_outside_the_clock() -> None:
    start, ends_at = sh("2026-11-21T10:00"), sh("2026-11-22T10:00")  # an agreed weekend without business time
    for unit, half in [(Unit.ELAPSED_HOURS, "2026-11-21T22:00"), (Unit.WORKDAYS, "2026-11-21T10:00")]:
        assert instant_at_fraction(calendar=CALENDAR, started_at=start, due_at=ends_at, unit=unit, fraction=0.5) == sh(
            half
        )
        assert (
            instant_at_fraction(calendar=CALENDAR, started_at=start, due_at=ends_at, unit=unit, fraction=1.0) == ends_at
        )
        for at, used in [(start, 0.0), (start - MICROSECOND, 0.0), (ends_at, 1.0), (ends_at + MICROSECOND, 1.0)]:
            assert fraction_used(calendar=CALENDAR, started_at=start, due_at=ends_at, unit=unit, at=at) == used
    assert (
        fraction_used(calendar=CALENDAR, started_at=start, due_at=ends_at, unit=Unit.WORKDAYS, at=ends_at - MICROSECOND)
        == 0.0
    )
    for fraction in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            instant_at_fraction(
                calendar=CALENDAR, started_at=start, due_at=ends_at, unit=Unit.WORKDAYS, fraction=fraction
            )
    with pytest.raises(ValueError, match="before it starts"):
        instant_at_fraction(calendar=CALENDAR, started_at=ends_at, due_at=start, unit=Unit.WORKDAYS, fraction=0.5)


def test_an_open_hold_stops_the_fraction_where_it_began() -> None:
    # 18 business hours, 9 of them passed when the hold began.
    start, ends_at, held = sh("2026-11-23T09:00"), sh("2026-11-24T18:00"), hold("2026-11-23T18:00", None)
    for at, used in [
        ("2026-11-23T13:30", 0.25),
        ("2026-11-23T18:00", 0.5),
        ("2026-11-24T12:00", 0.5),
        ("2026-11-25T12:00", 0.5),
    ]:
        assert (
            fraction_used(
                calendar=CALENDAR, started_at=start, due_at=ends_at, unit=Unit.WORKDAYS, at=sh(at), holds=[held]
            )
            == used
        )
    for fraction, expected in [(0.25, sh("2026-11-23T13:30")), (0.5, sh("2026-11-23T18:00")), (0.8, None), (1, None)]:
        assert (
            instant_at_fraction(
                calendar=CALENDAR, started_at=start, due_at=ends_at, unit=Unit.WORKDAYS, fraction=fraction, holds=[held]
            )
            == expected
        )
