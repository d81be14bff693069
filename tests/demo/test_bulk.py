"""Rows in bulk: identifiers of past instants, and the minutes of work between two steps."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.deadlines.clocks import CALENDAR, sh

from ownercare_api.contractors.models import Firm, FirmKind
from ownercare_api.demo.bulk import PastIds, Sheet
from ownercare_api.demo.moments import Pace, sales_office

AT = datetime(2025, 3, 1, 2, 30, tzinfo=UTC)


def test_identifiers_of_one_instant_keep_their_order_and_tell_it() -> None:
    made = PastIds(7)
    ids = [made.at(AT) for _ in range(5000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 5000
    assert {one.version for one in ids} == {7}
    assert ids[0].int >> 80 == int(AT.timestamp() * 1000)
    assert ids[4999].int >> 80 == int(AT.timestamp() * 1000) + 1  # 4,096 fit into a millisecond
    assert made.at(AT + timedelta(seconds=1)) > ids[-1]
    again = PastIds(7)
    assert [again.at(AT) for _ in range(5000)] == ids


def test_a_row_gets_its_id_stamps_and_defaults() -> None:
    sheet = Sheet(seed=1)
    row = sheet.add(Firm, AT, kind=FirmKind.CONTRACTOR, name="某某", uscc="91", contact_name="某")
    assert (row["created_at"], row["updated_at"], row["version"], row["active"]) == (AT, AT, 1, True)
    assert row["id"].int >> 80 == int(AT.timestamp() * 1000)
    assert sheet.rows(Firm) == [row]


@pytest.mark.parametrize(
    ("at", "minutes", "later"),
    [
        ("2026-11-20T11:00", 90, "2026-11-20T12:30"),
        ("2026-11-20T17:30", 60, "2026-11-23T09:30"),  # Friday evening to Monday morning
        ("2026-11-20T07:00", 0, "2026-11-20T09:00"),
        ("2026-11-20T17:00", 60, "2026-11-23T09:00"),  # closing time is the next day's opening
        ("2026-02-13T17:00", 120, "2026-02-14T10:00"),  # a make-up Saturday
        ("2026-02-14T17:30", 60, "2026-02-24T09:30"),  # over the nine days of Spring Festival
        ("2026-11-18T10:00", 1080, "2026-11-20T10:00"),
    ],
)
def test_work_passes_in_business_hours(at: str, minutes: int, later: str) -> None:
    assert Pace(CALENDAR).later(sh(at), minutes) == sh(later)


def test_the_sales_office_works_every_day_until_the_evening() -> None:
    pace = sales_office(CALENDAR)
    assert pace.later(sh("2026-11-20T20:00"), 60) == sh("2026-11-21T09:00")
    assert pace.later(sh("2026-02-17T08:00"), 30) == sh("2026-02-17T09:00")
