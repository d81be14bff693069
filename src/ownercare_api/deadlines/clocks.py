"""Which clock follows which rule and policy value, and what a clock looks like when it is started."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ownercare_api.core.ids import uuid7
from ownercare_api.deadlines.calendar import BusinessHours, WorkingCalendar
from ownercare_api.deadlines.due import HeldInterval, Term, Unit, add_workdays, due_after_holds, instant_at_fraction
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.policies.service import Snapshot


@dataclass(frozen=True, slots=True)
class ClockRule:
    """The rule behind a clock."""

    rule: str
    policy_key: str
    unit: Unit


CLOCKS: Mapping[ClockKind, ClockRule] = {
    ClockKind.RESPONSE: ClockRule("CMP-02", "complaint.response_hours", Unit.BUSINESS_HOURS),
    ClockKind.INVESTIGATION_START: ClockRule("CMP-08", "complaint.investigation_start_workdays", Unit.WORKDAYS),
    ClockKind.DEPARTMENT_FEEDBACK: ClockRule("CMP-07", "complaint.department_feedback_workdays", Unit.WORKDAYS),
    ClockKind.OWNER_FEEDBACK: ClockRule("CMP-03", "complaint.owner_feedback_workdays", Unit.WORKDAYS),
    ClockKind.RESOLUTION: ClockRule("CMP-10", "complaint.resolution_days", Unit.CALENDAR_DAYS),
    ClockKind.SITE_SURVEY: ClockRule("REP-02", "survey_visit.workdays", Unit.WORKDAYS),
    ClockKind.APPROVAL: ClockRule("FIN-01", "approval.decision_workdays", Unit.WORKDAYS),
    ClockKind.CALLBACK: ClockRule("REP-13", "callback.workdays", Unit.WORKDAYS),
    ClockKind.SALES_OFFICE_FEEDBACK: ClockRule("CMP-12", "sales_office.complaint_feedback_hours", Unit.ELAPSED_HOURS),
    ClockKind.FACILITY_RESPONSE: ClockRule("REP-20", "sales_office.facility_response_hours", Unit.ELAPSED_HOURS),
    ClockKind.FACILITY_COMPLETION: ClockRule("REP-20", "sales_office.facility_completion_hours", Unit.ELAPSED_HOURS),
    ClockKind.CONTRACTOR_CONFIRMATION: ClockRule("FIN-07", "contractor.confirmation_workdays", Unit.WORKDAYS),
    ClockKind.CONTRACTOR_REMINDER: ClockRule("FIN-07", "contractor.reminder_workdays", Unit.WORKDAYS),
}
"""Every clock with one policy value. A repair has two, by its trades (REP-05, REP-06); see `REPAIR`."""

REPAIR_SINGLE = ClockRule("REP-05", "repair.single_trade_workdays", Unit.WORKDAYS)
REPAIR_MULTI = ClockRule("REP-06", "repair.multi_trade_workdays", Unit.WORKDAYS)
APPROVAL_EMERGENCY = ClockRule("CMP-04", "approval.emergency_workdays", Unit.WORKDAYS)


def of_policy(calendar: WorkingCalendar, snapshot: Snapshot) -> WorkingCalendar:
    """Return the calendar with the policy's business hours."""
    hours = str(snapshot.values["calendar.business_hours"])
    return calendar if str(calendar.hours) == hours else calendar.with_hours(BusinessHours.parse(hours))


def rung_at(
    *,
    calendar: WorkingCalendar,
    ladder: list[dict[str, Any]],
    rung: int,
    started_at: datetime,
    due_at: datetime,
    unit: Unit,
    holds: Sequence[HeldInterval] = (),
) -> datetime | None:
    """Return when a rung of the escalation ladder is reached; None above the ladder (CMP-15).

    `holds` are the ended ones: they move the warning before `due_at`, not what comes after it.
    """
    if rung >= len(ladder):
        return None
    step = ladder[rung]
    if "fraction" in step:
        return instant_at_fraction(
            calendar=calendar, started_at=started_at, due_at=due_at, unit=unit, fraction=step["fraction"], holds=holds
        )
    return due_at if step["workdays"] == 0 else add_workdays(calendar=calendar, instant=due_at, n=step["workdays"])


def plan(
    *,
    calendar: WorkingCalendar,
    snapshot: Snapshot,
    kind: ClockKind,
    started_at: datetime,
    subject_kind: str,
    subject_id: UUID,
    ticket_id: UUID | None,
    project_id: UUID,
    clock_rule: ClockRule | None = None,
    round_: int = 1,
    holds: Sequence[HeldInterval] = (),
) -> dict[str, Any]:
    """Return the row of a clock that starts: pure, so that a registering statement can insert it with the rest.

    `holds` are the ended holds of its subject: a clock may start in the past.
    """
    rule = clock_rule or CLOCKS[kind]
    value = snapshot.integer(rule.policy_key)
    local = of_policy(calendar, snapshot)
    found = due_after_holds(calendar=local, started_at=started_at, term=Term(value, rule.unit), holds=holds)
    assert found is not None  # only an open hold leaves it open
    return {
        "id": uuid7(),
        "subject_kind": subject_kind,
        "subject_id": subject_id,
        "ticket_id": ticket_id,
        "project_id": project_id,
        "kind": kind,
        "round": round_,
        "rule": rule.rule,
        "policy_key": rule.policy_key,
        "policy_value": value,
        "unit": rule.unit.value,
        "policy_snapshot_id": snapshot.id,
        "started_at": started_at,
        "original_due_at": found.due_at,
        "due_at": found.due_at,
        "provisional": found.provisional,
        "next_alert_at": rung_at(
            calendar=local,
            ladder=snapshot.values["escalation.ladder"],
            rung=0,
            started_at=started_at,
            due_at=found.due_at,
            unit=rule.unit,
            holds=holds,
        ),
        "alerts_fired": 0,
    }
