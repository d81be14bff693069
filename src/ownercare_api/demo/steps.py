"""The steps of a ticket in the history, as `tickets.triage` and `tickets.handling` take them, and the ladder."""

from datetime import datetime, timedelta

from ownercare_api.deadlines.clocks import of_policy, rung_at
from ownercare_api.deadlines.due import HeldInterval, Term, Unit, due_after_holds
from ownercare_api.deadlines.models import ClockKind, DeadlineAlert, Hold
from ownercare_api.demo.accounts import Actor
from ownercare_api.demo.bulk import Row
from ownercare_api.demo.cases import NOBODY, Case
from ownercare_api.demo.estate import END
from ownercare_api.tickets import clocks as ticket_clocks
from ownercare_api.tickets.lifecycle import CauseClass, TicketStatus
from ownercare_api.tickets.models import ContactKind

_OF_DEPARTMENT = (ClockKind.INVESTIGATION_START, ClockKind.DEPARTMENT_FEEDBACK)
_SWEEP = timedelta(seconds=30)
"""How long after a rung is reached the worker sees it."""


def classify(case: Case, *, by: Actor, cause: CauseClass, department: str, handler: Actor, note: str) -> None:
    """Verify and classify, name department and handler; their clocks start (CMP-05, CMP-06)."""
    assert handler.department == department
    ticket = case.ticket
    before = {"category": ticket["category"].value, "department": ticket["department"]}
    ticket["status"], ticket["cause_class"] = TicketStatus.ACCEPTED, cause
    ticket["department"], ticket["handler_id"] = department, handler.id
    case.touch()
    _start_department_clocks(case, by)
    case.event(
        "ticket.classified",
        actor=by,
        step="classification",
        data={
            "before": before,
            "category": ticket["category"].value,
            "cause_class": cause.value,
            "department": department,
            "handler_id": str(handler.id),
            "note": note,
        },
    )


def respond(case: Case, *, by: Actor, content: str) -> None:
    """Talk to the owner for the first time (CMP-02, REP-20)."""
    channel = case.contact(ContactKind.RESPONSE, content, by=by)
    case.stop(ClockKind.RESPONSE, ClockKind.FACILITY_RESPONSE, actor=by)
    case.touch()
    case.event("ticket.responded", actor=by, step="responses", data={"channel": channel.value})


def investigate(case: Case, *, by: Actor, note: str) -> None:
    """Begin the department's investigation (CMP-08)."""
    case.stop(ClockKind.INVESTIGATION_START, actor=by)
    case.touch()
    case.event("ticket.investigation_started", actor=by, step="investigation", data={"note": note})


def feed_back(case: Case, *, by: Actor, note: str) -> None:
    """Give the department's handling information (CMP-07)."""
    case.stop(ClockKind.DEPARTMENT_FEEDBACK, actor=by)
    case.touch()
    case.event("ticket.department_fed_back", actor=by, step="department-feedback", data={"note": note})


def resolve(case: Case, *, by: Actor, result: str) -> None:
    """Record the result (CMP-10, REP-20)."""
    ticket = case.ticket
    ticket["status"], ticket["result"], ticket["resolved_at"] = TicketStatus.RESOLVED, result, case.now
    ticket["owner_informed_at"] = None
    case.touch()
    case.stop(ClockKind.RESOLUTION, ClockKind.FACILITY_COMPLETION, actor=by)
    case.event("ticket.resolved", actor=by, step="resolution")


def inform(case: Case, *, by: Actor, content: str, opinion: str | None, satisfied: bool | None) -> None:
    """Tell the owner result and grounds (CMP-03, CMP-12, CMP-13)."""
    channel = case.contact(ContactKind.OWNER_FEEDBACK, content, by=by, opinion=opinion, satisfied=satisfied)
    case.ticket["owner_informed_at"] = case.now
    case.touch()
    case.stop(ClockKind.OWNER_FEEDBACK, ClockKind.SALES_OFFICE_FEEDBACK, ClockKind.RESPONSE, actor=by)
    data = {"channel": channel.value, "satisfied": satisfied}
    case.event("ticket.owner_informed", actor=by, step="owner-feedback", data=data)


def close(case: Case, *, by: Actor, note: str | None = None) -> None:
    """Close and archive (CMP-14)."""
    _end(case, TicketStatus.CLOSED, by)
    case.event("ticket.closed", actor=by, step="closure", data={"note": note})


def withdraw(case: Case, *, by: Actor, reason: str) -> None:
    """End a case that the owner withdrew."""
    _end(case, TicketStatus.WITHDRAWN, by)
    case.event("ticket.withdrawn", actor=by, step="withdrawal", data={"reason": reason})


def reopen(case: Case, *, by: Actor, reason: str) -> None:
    """Take a closed case up again: a new round with clocks of its own (reading 3)."""
    ticket = case.ticket
    earlier = ticket["result"]
    ticket["round"] += 1
    ticket["status"] = TicketStatus.ACCEPTED
    ticket["result"] = ticket["resolved_at"] = ticket["owner_informed_at"] = ticket["closed_at"] = None
    ticket["work_done"] = 0
    case.touch()
    for kind in ticket_clocks.of_ticket(domain=case.intake.domain, category=case.intake.category):
        case.start_clock(kind, actor=by, round_=ticket["round"])
    _start_department_clocks(case, by)
    data = {"reason": reason, "round": ticket["round"], "earlier_result": earlier}
    case.event("ticket.reopened", actor=by, step="reopening", data=data)


def hold(case: Case, *, by: Actor, reason: str) -> Row:
    """Let the ticket's clocks stand still from now on (reading 3)."""
    case.ticket["held_at"] = case.now
    case.touch()
    held = case.stage.sheet.add(
        Hold,
        case.now,
        subject_kind="ticket",
        subject_id=case.id,
        reason=reason,
        started_at=case.now,
        started_by=by.id,
    )
    for row in case.running(case.id):
        if case.now < row["due_at"]:
            row["held_since"] = case.now
    case.event("hold.started", actor=by, data={"hold_id": str(held["id"]), "reason": reason})
    return held


def release(case: Case, held: Row, *, by: Actor) -> None:
    """Let the clocks run on, each later by the time it stood still."""
    case.ticket["held_at"] = None
    held["ended_at"], held["ended_by"] = case.now, by.id
    case.touch()
    data = {"hold_id": str(held["id"]), "started_at": held["started_at"].isoformat()}
    case.event("hold.ended", actor=by, data=data)
    interval = HeldInterval(held["started_at"], case.now)
    for row in case.running(case.id):
        if row["held_since"] is not None:
            row["held_since"] = None
            move(case, row, by=by, why="hold", holds=(interval,))
    case.held = interval


def move(
    case: Case, row: Row, *, by: Actor, why: str, holds: tuple[HeldInterval, ...] = (), extra: int = 0
) -> datetime:
    """Move a clock by a hold or by what the owner consented to; returns the new due time."""
    before = row["due_at"]
    row["extended_by"] += extra
    found = due_after_holds(
        calendar=of_policy(case.stage.calendar, case.snapshot),
        started_at=row["started_at"],
        term=Term(row["policy_value"] + row["extended_by"], Unit(row["unit"])),
        holds=holds,
    )
    assert found is not None
    row["due_at"], row["provisional"] = found.due_at, found.provisional
    if found.due_at != before:
        case.clock_event(row, "deadline.moved", actor=by, more={"from": before.isoformat(), "because": why})
    return found.due_at


def climb(case: Case) -> None:
    """Fire the rungs of the escalation ladder that each clock reached while it ran (CMP-15)."""
    ladder = case.snapshot.values["escalation.ladder"]
    local = of_policy(case.stage.calendar, case.snapshot)
    for row in case.clocks:
        over_at = row["stopped_at"] or row["cancelled_at"] or row["held_since"]
        until = min(over_at or END, END)
        holds = () if case.held is None or row["subject_id"] != case.id else (case.held,)
        # The start has computed the first rung already.
        known = row["next_alert_at"] if not holds and row["due_at"] == row["original_due_at"] else None
        while True:
            reached_at = known or rung_at(
                calendar=local,
                ladder=ladder,
                rung=row["alerts_fired"],
                started_at=row["started_at"],
                due_at=row["due_at"],
                unit=Unit(row["unit"]),
                holds=holds,
            )
            known = None
            if reached_at is None or reached_at + _SWEEP > until:
                break
            _alert(case, row, ladder[row["alerts_fired"]], reached_at)
            row["alerts_fired"] += 1
        row["next_alert_at"] = reached_at if over_at is None else None


def _alert(case: Case, row: Row, step: Row, reached_at: datetime) -> None:
    fired_at = max(reached_at, case.intake.registered_at) + _SWEEP
    case.stage.sheet.add(
        DeadlineAlert,
        fired_at,
        deadline_id=row["id"],
        rung=row["alerts_fired"],
        due_at=row["due_at"],
        role=step["role"],
        fired_at=fired_at,
    )
    if "fraction" in step:
        kind = "deadline.due_soon"
    else:
        kind = "deadline.due" if step["workdays"] == 0 else "deadline.escalated"
    case.event(
        kind,
        actor=NOBODY,
        rules=("CMP-15", row["rule"]),
        subject=(row["subject_kind"], row["subject_id"]),
        at=fired_at,
        data={
            "deadline_id": str(row["id"]),
            "clock": row["kind"].value,
            "due_at": row["due_at"].isoformat(),
            "role": step["role"],
            "rung": row["alerts_fired"],
            "reached_at": reached_at.isoformat(),
        },
    )


def _end(case: Case, status: TicketStatus, by: Actor) -> None:
    case.ticket["status"], case.ticket["closed_at"] = status, case.now
    case.touch()
    case.cancel(actor=by)


def _start_department_clocks(case: Case, by: Actor) -> None:
    kinds = ticket_clocks.of_department(domain=case.intake.domain, category=case.intake.category)
    case.cancel(*_OF_DEPARTMENT, actor=by)
    for kind in kinds:
        last = max((row["round"] for row in case.clocks if row["kind"] is kind), default=0)
        case.start_clock(kind, actor=by, round_=last + 1)
