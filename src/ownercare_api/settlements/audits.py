"""The audit of a final account by customer service or the audit department, as its total decides (FIN-05, ORG-21)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import FieldError, Invalid
from ownercare_api.identity.principal import Principal
from ownercare_api.settlements.lifecycle import ACCOUNT_LIFECYCLE
from ownercare_api.settlements.lifecycle_parts import Part
from ownercare_api.settlements.models import FinalAccount, FinalAccountLine
from ownercare_api.settlements.steps import begin_account, finish_account


class AuditIncomplete(Invalid):
    """422: an audit names every line of the account exactly once."""

    code = "audit_incomplete"
    zh = "审核须逐项给出审定金额:每一项一次,不多不少。"
    en = "An audit names every line of the account exactly once."
    rules = ("FIN-05",)


class AuditedAboveClaimed(Invalid):
    """422: an audit may cut a line, not raise it."""

    code = "audited_above_claimed"
    zh, en = "审定金额不得高于报送金额。", "An audited amount can't be above what was claimed."
    rules = ("FIN-05",)


class NothingLeft(Invalid):
    """422: an account audited to nothing is returned instead."""

    code = "audited_to_nothing"
    zh = "审定总额为零的决算书应退回,而非审核通过。"
    en = "An account of which nothing is left is returned, not audited."
    rules = ("FIN-05",)


@dataclass(frozen=True, slots=True)
class AuditedLine:
    """What the audit makes of the line at a position, in fen."""

    position: int
    audited_amount_fen: int
    comment: str | None = None


async def audit_account(
    session: AsyncSession, *, account_id: UUID, lines: Sequence[AuditedLine], principal: Principal, now: datetime
) -> FinalAccount:
    """Audit a submitted account line by line.

    Raises `OtherDepartmentAudits`, `OwnWork`, `WrongStatus`, `AuditIncomplete`, `AuditedAboveClaimed`, `NothingLeft`.
    """
    begun = await begin_account(session, account_id=account_id, step="audit", principal=principal)
    account = begun.account
    query = select(FinalAccountLine).where(FinalAccountLine.account_id == account.id)
    claimed = {line.position: line for line in await session.scalars(query)}
    _check(lines, claimed={position: line.amount_fen for position, line in claimed.items()})
    for audited in lines:
        line = claimed[audited.position]
        line.audited_amount_fen, line.audit_comment = audited.audited_amount_fen, audited.comment
    account.audited_total_fen = sum(line.audited_amount_fen for line in lines)
    account.status = begun.target
    account.audited_by, account.audited_by_name, account.audited_at = principal.id, principal.name, now
    await finish_account(
        session,
        account=account,
        kind="audited",
        part=Part.AUDITED,
        rules=ACCOUNT_LIFECYCLE.steps["audit"].rules,
        actor=principal,
        now=now,
        data={"audited_total_fen": account.audited_total_fen, "department": account.department.value},
    )
    return account


async def return_account(
    session: AsyncSession, *, account_id: UUID, reason: str, principal: Principal, now: datetime
) -> FinalAccount:
    """Send a submitted account back to the captain with a reason."""
    begun = await begin_account(session, account_id=account_id, step="return", principal=principal)
    account = begun.account
    account.status = begun.target
    account.return_reason, account.returned_by_name = reason, principal.name
    await finish_account(
        session,
        account=account,
        kind="returned",
        part=None,
        rules=ACCOUNT_LIFECYCLE.steps["return"].rules,
        actor=principal,
        now=now,
    )
    return account


def _check(lines: Sequence[AuditedLine], *, claimed: dict[int, int]) -> None:
    positions = [line.position for line in lines]
    if sorted(positions) != sorted(claimed):
        raise AuditIncomplete(errors=(_fault("#/lines", AuditIncomplete),))
    above = [place for place, line in enumerate(lines) if line.audited_amount_fen > claimed[line.position]]
    if above:
        pointers = [f"#/lines/{place}/audited_amount_fen" for place in above]
        raise AuditedAboveClaimed(errors=tuple(_fault(pointer, AuditedAboveClaimed) for pointer in pointers))
    if not any(line.audited_amount_fen for line in lines):
        raise NothingLeft(errors=(_fault("#/lines", NothingLeft),))


def _fault(pointer: str, kind: type[Invalid]) -> FieldError:
    return FieldError(pointer, kind.code, kind.zh, kind.en)
