"""What stands around the owners of the demonstration: every list has something in it, and it all fits together."""

import pytest
from tests.demo.conftest import rows

from ownercare_api.core.database import PooledDatabase

COUNTS = {
    "owner_contact_person": 60,
    "household": 60,
    "owner_group": 4,
    "owner_tag": 8,
    "owner_change": 24,
    "owner_twin": 3,
    "owner_merge": 2,
    "payment_plan": 90,
    "instalment": 270,
}


async def test_every_list_has_something_in_it(demo: PooledDatabase) -> None:
    assert {name: (await rows(demo, f"SELECT count(*) FROM {name}"))[0][0] for name in COUNTS} == COUNTS
    for table, column, wanted in (
        ("owner_change", "status", {"submitted", "verified", "applied", "rejected", "withdrawn"}),
        ("information_audit", "outcome", {"accurate", "corrected", "unreachable"}),
        ("consent", "given", {True, False}),
        ("unit_occupancy", "occupied_by", {"owner", "family", "tenant"}),
        ("ownership", "filing_status", {"draft", "submitted", "returned", "filed"}),
        ("instalment_reminder", "reached", {True, False}),
    ):
        assert {row[0] for row in await rows(demo, f"SELECT DISTINCT {column} FROM {table}")} == wanted


@pytest.mark.rule("OWN-13")
async def test_plans_add_up_and_balances_are_what_was_received(demo: PooledDatabase) -> None:
    assert await rows(
        demo,
        "SELECT p.id FROM payment_plan p JOIN ownership o ON o.payment_plan_id = p.id "
        "WHERE p.price_fen <> o.price_fen OR p.price_fen <> "
        "(SELECT sum(amount_fen) FROM instalment i WHERE i.plan_id = p.id AND i.withdrawn_at IS NULL)",
    ) == []  # fmt: skip
    assert await rows(
        demo,
        "SELECT i.id FROM instalment i WHERE i.received_fen <> coalesce((SELECT sum(p.amount_fen) "
        "FROM instalment_payment p LEFT JOIN instalment_reversal r ON r.payment_id = p.id "
        "WHERE p.instalment_id = i.id AND r.id IS NULL), 0)",
    ) == []  # fmt: skip
    late = "received_fen < amount_fen AND due_on < DATE '2026-11-20'"
    assert (await rows(demo, f"SELECT count(*) > 10 FROM instalment WHERE {late}"))[0][0]


@pytest.mark.rule("OWN-05")
async def test_nobody_verified_his_own_change_or_reversed_his_own_payment(demo: PooledDatabase) -> None:
    assert await rows(demo, "SELECT id FROM owner_change WHERE verified_by = entered_by") == []
    assert await rows(
        demo,
        "SELECT r.id FROM instalment_reversal r JOIN instalment_payment p ON p.id = r.payment_id "
        "WHERE r.reversed_by = p.recorded_by",
    ) == []  # fmt: skip
