"""Representations of tickets: PostgreSQL's JSON, and the steps that this caller may take, put together as text."""

import json
from typing import Any

from ownercare_api.identity.principal import Principal
from ownercare_api.tickets.lifecycle import LIFECYCLE, Category, TicketStatus


class _Facts:
    """What the guards look at, from a record."""

    __slots__ = ("category", "department", "held", "open_work", "owner_informed", "work_done")

    def __init__(self, record: Any) -> None:
        self.category = Category(record["category"])
        self.department = record["department"]
        self.open_work = record["open_work"]
        self.work_done = record["work_done"]
        self.owner_informed = record["owner_informed"]
        self.held = record["held"]


class TicketShower:
    """Shows tickets to one caller; tickets in the same situation share one judgement."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._known: dict[tuple[Any, ...], str] = {}

    def text(self, record: Any) -> str:
        """Return a ticket as JSON: the database's fields and `allowed_actions`."""
        situation = (
            record["status"],
            record["category"],
            record["project_id"],
            record["department"] is None,
            record["open_work"] > 0,
            record["work_done"] > 0,
            record["owner_informed"],
            record["held"],
        )
        actions = self._known.get(situation)
        if actions is None:
            actions = self._known[situation] = self._judge(record)
        return f'{record["body"][:-1]}, "allowed_actions": {actions}}}'

    def _judge(self, record: Any) -> str:
        def may(scope: str) -> bool:
            return self._principal.may(scope, project_id=record["project_id"])

        status = TicketStatus(record["status"])
        return json.dumps(LIFECYCLE.allowed(status=status, subject=_Facts(record), actor=self._principal, may=may))
