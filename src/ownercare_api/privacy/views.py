"""Representations of requests."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from ownercare_api.identity.principal import Principal
from ownercare_api.privacy.lifecycle import LIFECYCLE, OwnRequest, RefusalGround, RequestStatus

_PENDING = (RequestStatus.RECEIVED, RequestStatus.APPROVED)
_PLAIN = (
    "id", "number", "owner_id", "kind", "status", "channel", "identity_check", "identity_note", "reason", "received_at",
    "due_at", "decided_at", "refusal_ground", "decision_note", "job_id", "ended_at", "change_id", "outcome", "version",
)  # fmt: skip


class _Facts:
    def __init__(self, row: Any) -> None:
        self.kind, self._makers = row.kind, row.makers

    def check_not_own(self, actor: Principal) -> None:
        if actor.id in self._makers:
            raise OwnRequest


def show(
    row: Any,
    *,
    principal: Principal,
    now: datetime,
    copy_expires_at: datetime | None,
    hindrances: Sequence[RefusalGround] | None = None,
) -> dict[str, Any]:
    """Return the fields of `PrivacyRequestRead`, from a row or an object."""
    actions = LIFECYCLE.allowed(
        status=row.status, subject=_Facts(row), actor=principal, may=lambda scope: scope in principal.scopes
    )
    decided = None
    if row.decided_by is not None:
        decided = _ref(row.decided_by, row.decided_by_name)
    return {name: getattr(row, name) for name in _PLAIN} | {
        "overdue": row.status in _PENDING and now > row.due_at,
        "entered_by": _ref(row.entered_by, row.entered_by_name),
        "decided_by": decided,
        "copy_expires_at": copy_expires_at,
        "hindrances": None if hindrances is None else list(hindrances),
        "allowed_actions": actions,
    }


def _ref(account_id: UUID, name: str) -> dict[str, Any]:
    return {"id": account_id, "name": name}
