"""The history of the demonstration data: its clocks, its coverage, and what must never be in it."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from tests.demo.conftest import rows

from ownercare_api.core.database import PooledDatabase
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.deadlines.due import HeldInterval, Term, Unit, due, due_after_holds
from ownercare_api.deadlines.models import Deadline, Hold
from ownercare_api.demo.estate import END
from ownercare_api.demo.fitting_situations import FACILITY_REPAIRS
from ownercare_api.demo.history import HOME_REPAIRS
from ownercare_api.demo.policy import DEMO_POLICY


async def test_every_clock_can_be_computed_again(demo: PooledDatabase) -> None:
    async with demo.session() as session:
        clocks = (await session.scalars(select(Deadline))).all()
        holds: dict[Any, list[HeldInterval]] = defaultdict(list)
        for hold in await session.scalars(select(Hold).where(Hold.ended_at.is_not(None))):
            holds[hold.subject_id].append(HeldInterval(hold.started_at, hold.ended_at))
        calendar = await CalendarStore().get(session)
    assert len(clocks) > 7000
    for clock in clocks:
        assert clock.policy_value == DEMO_POLICY[clock.policy_key]
        term = Term(clock.policy_value, Unit(clock.unit))
        assert clock.original_due_at == due(calendar=calendar, started_at=clock.started_at, term=term).due_at
        now_due = due_after_holds(
            calendar=calendar,
            started_at=clock.started_at,
            term=Term(clock.policy_value + clock.extended_by, Unit(clock.unit)),
            holds=[one for one in holds[clock.subject_id] if clock.due_at != clock.original_due_at],
        )
        assert now_due is not None
        assert clock.due_at == now_due.due_at
        over = clock.stopped_at is not None or clock.cancelled_at is not None or clock.held_since is not None
        assert clock.next_alert_at is None or not over
        assert clock.next_alert_at is None or clock.next_alert_at > END - timedelta(minutes=1)


async def test_most_clocks_were_met(demo: PooledDatabase) -> None:
    met, late, running, overdue = (
        await rows(
            demo,
            "SELECT count(*) FILTER (WHERE stopped_at <= due_at), count(*) FILTER (WHERE stopped_at > due_at), "
            "count(*) FILTER (WHERE stopped_at IS NULL AND due_at >= :now), "
            "count(*) FILTER (WHERE stopped_at IS NULL AND due_at < :now) FROM deadline WHERE cancelled_at IS NULL",
            now=END,
        )
    )[0]
    assert 0.02 < late / (met + late) < 0.08
    assert running > 20
    assert overdue > 10


async def test_the_history_covers_everything(demo: PooledDatabase) -> None:
    async def one(sql: str) -> Any:
        return (await rows(demo, sql))[0][0]

    open_now = await one("SELECT count(*) FROM ticket WHERE status IN ('registered', 'accepted', 'resolved')")
    assert 50 <= open_now <= 75
    for column, count in (("category", 5), ("domain", 2), ("channel", 11), ("cause_class", 5), ("status", 5)):
        assert await one(f"SELECT count(DISTINCT {column}) FROM ticket") == count, column
    assert await one("SELECT count(DISTINCT title) FROM ticket") >= 60
    assert {row[0] for row in await rows(demo, "SELECT DISTINCT derivation->>'repair_class' FROM site_survey")} >= {
        "A",
        "B",
        "none",
    }
    assert {row[0] for row in await rows(demo, "SELECT DISTINCT tier FROM approval_step")} == {
        "department_manager",
        "deputy_chief_engineer",
        "deputy_general_manager",
        "general_manager",
    }
    assert await one("SELECT count(*) FROM work_order WHERE satisfaction IS NOT NULL") > 250
    assert await one("SELECT count(*) FROM ticket WHERE round = 2") > 5
    assert await one("SELECT count(*) FROM ticket WHERE held_at IS NOT NULL") > 0
    assert await one("SELECT count(*) FROM extension WHERE consented") >= 5
    # Nothing is later than the demonstration's present.
    for column in ("ticket.created_at", "ticket.updated_at", "event.occurred_at", "deadline.stopped_at"):
        table, name = column.split(".")
        assert await one(f"SELECT max({name}) FROM {table}") <= END
    assert await one("SELECT min(received_at) FROM ticket") >= datetime(2024, 11, 19, 16, tzinfo=UTC)


NEVER = {
    "closed without telling the owner": "SELECT FROM ticket WHERE status = 'closed' AND owner_informed_at IS NULL",
    "a repair resolved without work": "SELECT FROM ticket WHERE category = 'repair' "
    "AND status IN ('resolved', 'closed') AND work_done = 0",
    "open work counted wrong": "SELECT FROM ticket t WHERE t.open_work <> (SELECT count(*) FROM site_survey s "
    "WHERE s.ticket_id = t.id AND s.work_open) + (SELECT count(*) FROM work_order w WHERE w.ticket_id = t.id "
    "AND w.status NOT IN ('closed', 'cancelled', 'rejected'))",
    "a handler of another department": "SELECT FROM ticket t JOIN account a ON a.id = t.handler_id "
    "WHERE a.department <> t.department",
    "a large claim without the manager": "SELECT FROM ticket t JOIN account a ON a.id = t.handler_id "
    "WHERE t.claim_fen >= 1000000 AND a.post <> 'customer_service_manager'",
    "numbers out of the order of time": "SELECT FROM (SELECT number < lag(number) OVER "
    "(ORDER BY created_at, id) AS wrong FROM ticket) x WHERE wrong",
    "a number of another day": "SELECT FROM ticket WHERE substr(number, 4, 8) <> "
    "to_char(created_at AT TIME ZONE 'Asia/Shanghai', 'YYYYMMDD')",
    "ids out of the order of time": "SELECT FROM (SELECT created_at < lag(created_at) OVER (ORDER BY id) AS wrong "
    "FROM ticket) x WHERE wrong",
    "a ticket without a register line": "SELECT FROM ticket t WHERE NOT EXISTS "
    "(SELECT FROM register_entry r WHERE r.ticket_id = t.id)",
    "an owner who does not own the home": "SELECT FROM ticket t WHERE owner_id IS NOT NULL AND NOT EXISTS "
    "(SELECT FROM ownership o WHERE o.owner_id = t.owner_id AND o.unit_id = t.unit_id "
    "AND o.from_date <= t.received_at::date AND (o.to_date IS NULL OR o.to_date > t.received_at::date))",
    "registered before it was received": "SELECT FROM ticket WHERE created_at < received_at",
    "a co-signed survey without a signature": "SELECT FROM site_survey s JOIN survey_party p ON p.survey_id = s.id "
    "WHERE s.status = 'co_signed' AND p.required AND p.signed_by IS NULL",
    "one person in two seats of a survey": "SELECT FROM survey_party GROUP BY survey_id, signed_by "
    "HAVING signed_by IS NOT NULL AND count(*) > 1",
    "an exempt contractor above the limit": "SELECT FROM survey_party p JOIN site_survey s ON s.id = p.survey_id "
    "WHERE p.exempt_because = 'below_exempt_amount' AND s.estimate_fen >= 50000",
    "an estimate that is not its lines": "SELECT FROM site_survey s WHERE s.estimate_fen IS NOT NULL "
    "AND s.estimate_fen <> (SELECT sum(l.amount_fen) FROM estimate_line l WHERE l.survey_id = s.id)",
    "a class that was not derived": "SELECT FROM work_order w JOIN site_survey s ON s.id = w.survey_id "
    "WHERE w.repair_class <> s.derivation->>'repair_class'",
    "class A without the repair agreement": "SELECT FROM work_order w JOIN construction_contract c "
    "ON c.id = w.contract_id WHERE w.repair_class = 'A' AND NOT c.has_repair_agreement",
    "a maker who decides": "SELECT FROM approval_step s JOIN approval_maker m ON m.approval_id = s.approval_id "
    "AND m.account_id = s.decided_by",
    "one person in both seats": "SELECT FROM approval_step GROUP BY approval_id, decided_by "
    "HAVING decided_by IS NOT NULL AND count(*) > 1",
    "a decision outside one's tier": "SELECT FROM approval_step s JOIN account a ON a.id = s.decided_by "
    "WHERE a.post <> replace(s.tier, 'department_manager', 'customer_service_manager')",
    "the wrong tier": "SELECT FROM approval_step s JOIN approval a ON a.id = s.approval_id "
    "WHERE (s.tier = 'general_manager') <> (a.total_fen > 2000000) "
    "OR (s.tier = 'department_manager') <> (a.total_fen <= 200000)",
    "dispatched before approval without an emergency": "SELECT FROM work_order WHERE dispatched_at < approved_at "
    "AND NOT emergency",
    "an emergency that was not urgent": "SELECT FROM work_order w JOIN ticket t ON t.id = w.ticket_id "
    "WHERE w.emergency AND NOT t.urgent",
    "a repairer without the trades": "SELECT FROM work_order w JOIN repair_worker r ON r.id = w.worker_id "
    "WHERE NOT r.trades @> w.trades OR r.team_id <> w.team_id",
    "a team that does not serve the project": "SELECT FROM work_order w WHERE w.team_id IS NOT NULL AND NOT EXISTS "
    "(SELECT FROM repair_team_project p WHERE p.team_id = w.team_id AND p.project_id = w.project_id)",
    "closed without four signatures": "SELECT FROM work_order w WHERE w.status IN ('signed_off', 'closed') AND "
    "(SELECT count(*) FROM completion_signature s WHERE s.work_order_id = w.id AND s.round = w.round) <> 4",
    "one person in two seats of an acceptance": "SELECT FROM completion_signature "
    "GROUP BY work_order_id, round, signed_by HAVING signed_by IS NOT NULL AND count(*) > 1",
    "the reporter accepts for others": "SELECT FROM completion_signature s JOIN work_order w ON w.id = s.work_order_id "
    "WHERE s.signed_by = w.completed_by AND s.seat <> 'repair_captain'",
    "closed without a callback": "SELECT FROM work_order w WHERE w.status = 'closed' AND NOT EXISTS "
    "(SELECT FROM callback_attempt c WHERE c.work_order_id = w.id)",
    "a clock that runs on a closed case": "SELECT FROM deadline d JOIN ticket t ON t.id = d.ticket_id "
    "WHERE t.status IN ('closed', 'withdrawn') AND d.stopped_at IS NULL AND d.cancelled_at IS NULL",
    "a firm that works on a case it may not see": "SELECT FROM work_order w WHERE w.firm_id IS NOT NULL AND NOT EXISTS "
    "(SELECT FROM ticket_firm f WHERE f.ticket_id = w.ticket_id AND f.firm_id = w.firm_id)",
    "moved in before the hand-over": "SELECT FROM unit WHERE moved_in_on < delivered_on",
    "a hand-over that is not the home's": "SELECT FROM unit u LEFT JOIN unit_delivery d ON d.unit_id = u.id "
    "WHERE u.delivered_on IS DISTINCT FROM d.delivered_on",
    "events out of the order of a case": "SELECT FROM (SELECT occurred_at < lag(occurred_at) OVER "
    "(PARTITION BY ticket_id ORDER BY seq) AS wrong FROM event WHERE ticket_id IS NOT NULL) x WHERE wrong",
    "an event of a survey, order or approval without its number": "SELECT FROM event WHERE "
    "(subject_kind IN ('site_survey', 'work_order') AND kind NOT LIKE 'deadline.%' OR kind = 'approval.requested') "
    "AND data->>'number' IS NULL",
    "retention that is not the contract's share": "SELECT FROM construction_contract c LEFT JOIN ledger_account l "
    "ON l.contract_id = c.id WHERE l.balance_fen IS DISTINCT FROM c.amount_fen * c.retention_bp / 10000",
}


@pytest.mark.parametrize("sql", list(NEVER.values()), ids=list(NEVER))
async def test_never(demo: PooledDatabase, sql: str) -> None:
    assert (await rows(demo, f"SELECT count(*) FROM ({sql}) x"))[0][0] == 0


async def test_every_trade_combination_has_a_repairer_in_every_team(demo: PooledDatabase) -> None:
    teams: dict[str, list[set[str]]] = defaultdict(list)
    for name, known in await rows(
        demo, "SELECT t.name, w.trades FROM repair_team t JOIN repair_worker w ON w.team_id = t.id"
    ):
        teams[name].append(set(known))
    assert len(teams) == 3
    for workers in teams.values():
        assert len(workers) >= 8
        for repair in (*HOME_REPAIRS, *FACILITY_REPAIRS):
            assert any({trade.value for trade in repair.trades} <= known for known in workers), repair.title
