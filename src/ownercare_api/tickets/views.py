"""Representations of tickets: PostgreSQL's JSON, and the steps that this caller may take, put together as text."""

import json
from typing import Any

from ownercare_api.core.names import mask_name
from ownercare_api.identity.principal import Principal
from ownercare_api.owners.restriction import may_see
from ownercare_api.tickets.lifecycle import LIFECYCLE, Category, TicketStatus
from ownercare_api.tickets.schemas import RegisterEntryRead


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


def _veiled(body: str) -> str:
    """Mask the names of a ticket whose owner's record is restricted, and leave the numbers out; few are."""
    fields = json.loads(body)
    fields["owner"] |= {"name": mask_name(fields["owner"]["name"]), "phone_masked": None}
    if "caller_name" in fields:
        fields |= {"caller_name": mask_name(fields["caller_name"]), "caller_phone_masked": None}
    return json.dumps(fields, ensure_ascii=False)


def register_entry(row: Any, *, principal: Principal) -> dict[str, Any]:
    """Return the fields of `RegisterEntryRead`; the caller is masked where the owner's record is restricted."""
    fields = {name: getattr(row, name) for name in RegisterEntryRead.model_fields}
    if row.restricted and not may_see(principal):
        fields |= {"caller_name": mask_name(row.caller_name), "caller_phone_masked": None}
    return fields


class TicketShower:
    """Shows tickets to one caller; tickets in the same situation share one judgement.

    The names of an owner whose record is restricted are masked unless the caller may see them.
    """

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._sees_restricted = may_see(principal)
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
        body = record["body"]
        if record["restricted"] and not self._sees_restricted:
            body = _veiled(body)
        return f'{body[:-1]}, "allowed_actions": {actions}}}'

    def _judge(self, record: Any) -> str:
        def may(scope: str) -> bool:
            return self._principal.may(scope, project_id=record["project_id"])

        status = TicketStatus(record["status"])
        return json.dumps(LIFECYCLE.allowed(status=status, subject=_Facts(record), actor=self._principal, may=may))
