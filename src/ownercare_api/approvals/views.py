"""How a request is shown: built from one row of `repository.everything`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ownercare_api.approvals.chain import Chain, Taken, reason
from ownercare_api.approvals.models import Decision, Tier
from ownercare_api.approvals.schemas import ApprovalRead, MakerRead, RouteRead, StepRead
from ownercare_api.core.errors import DomainError
from ownercare_api.deadlines.views import DeadlineRead
from ownercare_api.identity.principal import Principal
from ownercare_api.policies.service import Snapshot


def chain_of(row: Any) -> Chain:
    """Return what is judged about a row."""
    return Chain(
        status=row.status,
        project_id=row.project_id,
        seats=[
            Taken(
                position=step["position"],
                tier=Tier(step["tier"]),
                decision=Decision(step["decision"]) if step["decision"] else None,
                decided_by=UUID(step["decided_by"]) if step["decided_by"] else None,
            )
            for step in row.steps
        ],
        makers=frozenset(UUID(maker["id"]) for maker in row.makers),
    )


def show(row: Any, *, snapshot: Snapshot, deadlines: Sequence[DeadlineRead], principal: Principal) -> ApprovalRead:
    """Return a request as this caller sees it."""
    chain = chain_of(row)
    try:
        chain.check(principal)
        allowed = ["decisions"]
    except DomainError:
        allowed = []
    why = reason(snapshot, row.total_fen)
    return ApprovalRead(
        id=row.id,
        number=row.number,
        status=row.status,
        version=row.version,
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        ticket_id=row.ticket_id,
        project_id=row.project_id,
        title=row.title,
        amount_fen=row.amount_fen,
        total_fen=row.total_fen,
        emergency=row.emergency,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        decided_at=row.decided_at,
        turn=chain.turn.tier if chain.turn else None,
        steps=[StepRead.model_validate(step) for step in row.steps],
        makers=[MakerRead.model_validate(maker) for maker in row.makers],
        route=RouteRead(
            rule=why.rule,
            policy_key=why.policy_key,
            value_fen=why.value_fen,
            source=snapshot.sources.get(why.policy_key, "factory"),
            policy_snapshot_id=snapshot.id,
        ),
        deadlines=list(deadlines),
        allowed_actions=allowed,
    )
