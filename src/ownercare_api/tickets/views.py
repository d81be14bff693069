"""Representations of tickets, built straight from rows: plain dictionaries, written to bytes once."""

from datetime import datetime
from typing import Any

from ownercare_api.deadlines.views import state_of
from ownercare_api.identity.principal import Principal
from ownercare_api.tickets.lifecycle import LIFECYCLE


class _Facts:
    """What the guards look at, from a row."""

    __slots__ = ("category", "department", "held", "open_work", "owner_informed", "work_done")

    def __init__(self, row: Any) -> None:
        self.category = row.category
        self.department = row.department
        self.open_work = row.open_work
        self.work_done = row.work_done
        self.owner_informed = row.owner_informed_at is not None
        self.held = row.held_at is not None


def _clock(raw: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Show a clock that PostgreSQL aggregated as JSON; see `repository.clocks`."""
    due, stopped, cancelled = raw["due_at"], raw["stopped_at"], raw.pop("cancelled_at")
    raw["state"] = state_of(
        due_at=datetime.fromisoformat(due),
        stopped_at=None if stopped is None else datetime.fromisoformat(stopped),
        cancelled_at=cancelled,
        now=now,
    )
    raw["why"] = f"/v1/deadlines/{raw['id']}"
    return raw


def summary(row: Any, *, principal: Principal, now: datetime) -> dict[str, Any]:
    """Return the fields of `TicketSummary`."""
    everywhere_or_here = principal.reach
    project_id = row.project_id

    def may(scope: str) -> bool:
        return everywhere_or_here(scope).covers(project_id=project_id)

    return {
        "id": row.id,
        "number": row.number,
        "status": row.status,
        "category": row.category,
        "domain": row.domain,
        "channel": row.channel,
        "title": row.title,
        "urgent": row.urgent,
        "project": {"id": project_id, "name": row.project_name},
        "unit": None if row.unit_id is None else {"id": row.unit_id, "address": row.unit_address},
        "owner": None
        if row.owner_id is None
        else {"id": row.owner_id, "name": row.owner_name, "phone_masked": row.owner_phone},
        "department": row.department,
        "handler": None if row.handler_id is None else {"id": row.handler_id, "name": row.handler_name},
        "received_at": row.received_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "version": row.version,
        "allowed_actions": LIFECYCLE.allowed(status=row.status, subject=_Facts(row), actor=principal, may=may),
        "deadlines": [_clock(raw, now) for raw in row.clocks],
    }


def full(row: Any, *, principal: Principal, now: datetime) -> dict[str, Any]:
    """Return the fields of `TicketRead`."""
    return summary(row, principal=principal, now=now) | {
        "description": row.description,
        "demand": row.demand,
        "claim_fen": row.claim_fen,
        "caller_name": row.caller_name,
        "caller_phone_masked": row.caller_phone_masked,
        "registered_by": row.registered_by,
        "register_number": row.register_number,
        "cause_class": row.cause_class,
        "open_work": row.open_work,
        "round": row.round,
        "result": row.result,
        "held_at": row.held_at,
        "resolved_at": row.resolved_at,
        "owner_informed_at": row.owner_informed_at,
        "closed_at": row.closed_at,
        "policy_snapshot_id": row.policy_snapshot_id,
    }
