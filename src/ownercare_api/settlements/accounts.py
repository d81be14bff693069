"""Filing the 《维修工程决算书》: file, edit, submit again, what a supplementary approval decided (FIN-04, reading 7)"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.approvals import service as approvals
from ownercare_api.approvals.models import Approval, ApprovalStatus
from ownercare_api.contractors.models import RepairTeam
from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import Conflict, FieldError, Invalid
from ownercare_api.core.ids import uuid7
from ownercare_api.core.numbers import next_number
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.identity.principal import Principal, PrincipalKind
from ownercare_api.policies import service as policies
from ownercare_api.policies.service import Snapshot
from ownercare_api.properties.parts import Trade
from ownercare_api.settlements import repository
from ownercare_api.settlements.lifecycle import (
    ACCOUNT_LIFECYCLE,
    AccountStatus,
    NotTheCaptain,
    audit_department,
    line_amount,
)
from ownercare_api.settlements.lifecycle_parts import MAKERS, Part
from ownercare_api.settlements.models import FinalAccount, FinalAccountLine
from ownercare_api.settlements.steps import FinalAccountNotFound, begin_account, finish_account
from ownercare_api.workorders import service as workorders
from ownercare_api.workorders.lifecycle import WorkOrderStatus
from ownercare_api.workorders.models import WorkOrder

MAX_TOTAL_FEN = 1_000_000_000_000
_FILE = "accounts:file"
SUBJECT_KIND = "final_account"
"""The subject kind of a supplementary approval."""


class WorkNotSignedOff(Conflict):
    """409: the final account comes after completion (FIN-04)."""

    code = "work_not_signed_off"
    zh = "维修工程尚未竣工签认,不能报送决算书。"
    en = "The work has not been signed off yet; the final account comes after completion."
    rules = ("FIN-04", "REP-12")


class AccountExists(Conflict):
    """409: a work order has one final account."""

    code = "account_exists"
    zh = "该派工单已报送决算书。"
    en = "A final account has been filed for this work order already."
    rules = ("FIN-04",)


class TotalOutOfRange(Invalid):
    """422: an account of nothing, or of more than ten billion yuan."""

    code = "total_out_of_range"
    zh = "决算总额须在 0.01 元至 100 亿元之间。"
    en = "The total must lie between 0.01 yuan and ten billion yuan."
    rules = ("FIN-04",)


@dataclass(frozen=True, slots=True)
class AccountLine:
    """A line as the captain wrote it; `quantity` has at most three decimals."""

    description: str
    trade: Trade
    unit: str
    quantity: Decimal
    unit_price_fen: int

    @property
    def amount_fen(self) -> int:
        """Return quantity times unit price, half a fen rounded up."""
        return line_amount(quantity=self.quantity, unit_price_fen=self.unit_price_fen)


async def file_account(
    session: AsyncSession,
    *,
    work_order_id: UUID,
    lines: Sequence[AccountLine],
    note: str | None,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> FinalAccount:
    """File the account of a finished work order, once, by the captain of its team.

    Above the approved estimate it waits for a supplementary approval (reading 7). Raises `WorkOrderNotFound`,
    `OutOfReach`, `NotTheCaptain`, `WorkNotSignedOff`, `AccountExists`, `TotalOutOfRange`.
    """
    seen = await workorders.get(session, work_order_id=work_order_id, principal=principal, scope=_FILE)
    await repository.lock_ticket(session, ticket_id=seen.ticket_id)
    order = await workorders.get(session, work_order_id=work_order_id, principal=principal, scope=_FILE, lock=True)
    principal.require(_FILE, project_id=order.project_id, firm_ids=[order.firm_id])
    if order.status not in (WorkOrderStatus.SIGNED_OFF, WorkOrderStatus.CLOSED):
        raise WorkNotSignedOff
    assert order.firm_id is not None
    assert order.team_id is not None
    team = await session.get_one(RepairTeam, order.team_id)
    if principal.kind is not PrincipalKind.CLIENT and principal.id != team.captain_id:
        raise NotTheCaptain
    if await repository.account_of_order(session, work_order_id=order.id) is not None:
        raise AccountExists
    snapshot = await policies.snapshot(session, snapshot_id=order.policy_snapshot_id)
    account = FinalAccount(
        id=uuid7(),
        number=await next_number(session, kind="JS", day=business_date(now)),
        work_order_id=order.id,
        ticket_id=order.ticket_id,
        project_id=order.project_id,
        firm_id=order.firm_id,
        team_id=order.team_id,
        status=ACCOUNT_LIFECYCLE.initial,
        note=note,
        prepared_by=principal.id,
        prepared_by_name=principal.name,
        submitted_at=now,
        policy_snapshot_id=snapshot.id,
    )
    _total(account, lines, snapshot)
    session.add(account)
    await session.flush()
    _add_lines(session, account, lines)
    await session.flush()
    for person, part in _makers(order).items():
        await repository.add_hand(session, account_id=account.id, person_id=person, part=part)
    await workorders.account_filed(session, work_order_id=order.id)
    await _send(session, account, order, snapshot=snapshot, calendar=calendar, principal=principal, now=now)
    await _record(session, account, "filed", actor=principal, now=now)
    return account


async def edit_account(
    session: AsyncSession,
    *,
    account_id: UUID,
    lines: Sequence[AccountLine] | None,
    fields: Mapping[str, Any],
    expect: Callable[[int], None],
    principal: Principal,
    now: datetime,
) -> FinalAccount:
    """Change a returned account; `expect` checks the version that the caller read. An edited total needs a new
    supplementary approval where it is above the estimate (reading 10)."""
    begun = await begin_account(session, account_id=account_id, step="update", principal=principal)
    account = begun.account
    expect(account.version)
    if "note" in fields:
        account.note = fields["note"]
    if lines is not None:
        snapshot = await policies.snapshot(session, snapshot_id=account.policy_snapshot_id)
        _total(account, lines, snapshot)
        await session.execute(delete(FinalAccountLine).where(FinalAccountLine.account_id == account.id))
        _add_lines(session, account, lines)
    account.updated_at = now  # the version rises also where only lines were replaced
    await _record(session, account, "edited", actor=principal, now=now)
    return account


async def submit_account(
    session: AsyncSession, *, account_id: UUID, calendar: WorkingCalendar, principal: Principal, now: datetime
) -> FinalAccount:
    """Submit a returned account again, to the audit or, above what was approved, to a supplementary approval."""
    ticket_id = await repository.account_ticket(session, account_id=account_id, principal=principal)
    if ticket_id is None:
        raise FinalAccountNotFound
    await repository.lock_ticket(session, ticket_id=ticket_id)
    begun = await begin_account(session, account_id=account_id, step="submission", principal=principal)
    account = begun.account
    account.status, account.submitted_at = begun.target, now
    account.return_reason = account.returned_by_name = None
    order = await session.get_one(WorkOrder, account.work_order_id)
    snapshot = await policies.snapshot(session, snapshot_id=account.policy_snapshot_id)
    await _send(session, account, order, snapshot=snapshot, calendar=calendar, principal=principal, now=now)
    await _record(session, account, "submitted", actor=principal, now=now)
    return account


async def on_account_approval_decided(
    session: AsyncSession, approval: Approval, actor: Principal, now: datetime
) -> None:
    """Hook of the approvals for `final_account`: approved goes to the audit, rejected goes back to the captain."""
    account = await repository.lock_account(session, account_id=approval.subject_id, principal=None)
    assert account is not None
    approved = approval.status is ApprovalStatus.APPROVED
    step = "supplementary-approval" if approved else "supplementary-rejection"
    account.status = ACCOUNT_LIFECYCLE.check(step, status=account.status, subject=None, actor=actor)
    if approved:
        account.approved_fen = approval.amount_fen
    else:
        account.return_reason, account.returned_by_name = f"补充审批 {approval.number} 未通过", actor.name
    kind = "approved" if approved else "rejected"
    await finish_account(
        session,
        account=account,
        kind=kind,
        part=None,
        rules=("FIN-01", "FIN-02", "FIN-03"),
        actor=actor,
        now=now,
        data={"approval_id": str(approval.id)},
    )


def _total(account: FinalAccount, lines: Sequence[AccountLine], snapshot: Snapshot) -> None:
    total = sum(line.amount_fen for line in lines)
    if not 0 < total <= MAX_TOTAL_FEN:
        fault = FieldError("#/lines", "total_out_of_range", TotalOutOfRange.zh, TotalOutOfRange.en)
        raise TotalOutOfRange(errors=(fault,))
    account.total_fen = total
    account.audit_threshold_fen = snapshot.integer("audit.department_threshold_fen")
    account.department = audit_department(total_fen=total, threshold_fen=account.audit_threshold_fen)


def _add_lines(session: AsyncSession, account: FinalAccount, lines: Sequence[AccountLine]) -> None:
    session.add_all(
        FinalAccountLine(
            id=uuid7(),
            account_id=account.id,
            position=position,
            description=line.description,
            trade=line.trade,
            unit=line.unit,
            quantity=line.quantity,
            unit_price_fen=line.unit_price_fen,
            amount_fen=line.amount_fen,
        )
        for position, line in enumerate(lines, start=1)
    )


def _makers(order: WorkOrder) -> dict[UUID, Part]:
    """Return who estimated and did the work: they will not audit its account (reading 10)."""
    people = {UUID(person): Part.ESTIMATED for person in order.makers} | {order.raised_by: Part.ESTIMATED}
    if order.class_overridden_by is not None:
        people[order.class_overridden_by] = Part.ESTIMATED
    if order.completed_by is not None:
        people.setdefault(order.completed_by, Part.COMPLETED)
    return people


async def _send(
    session: AsyncSession,
    account: FinalAccount,
    order: WorkOrder,
    *,
    snapshot: Snapshot,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> None:
    """Ask for the supplementary approval that the total needs, if any; else the account stands as submitted."""
    if account.total_fen <= order.estimate_fen or account.total_fen == account.approved_fen:
        return
    account.status = AccountStatus.AWAITING_APPROVAL
    estimates = await workorders.estimates_total(session, ticket_id=order.ticket_id)
    others = await repository.estimates_replaced(session, ticket_id=order.ticket_id, but=account.id)
    hands = await repository.hands(session, account_id=account.id, parts=MAKERS)
    makers = {**hands, **{person: part.value for person, part in _makers(order).items()}}
    approval = await approvals.request(
        session,
        subject_kind=SUBJECT_KIND,
        subject_id=account.id,
        ticket_id=account.ticket_id,
        project_id=account.project_id,
        title=f"决算书 {account.number} 超出派工单 {order.number} 审批金额",
        amount_fen=account.total_fen,
        total_fen=estimates + others - order.estimate_fen + account.total_fen,
        emergency=False,
        snapshot=snapshot,
        calendar=calendar,
        makers={**makers, account.prepared_by: Part.PREPARED.value},
        actor=principal,
        now=now,
    )
    account.approval_id = approval.id


async def _record(session: AsyncSession, account: FinalAccount, kind: str, *, actor: Principal, now: datetime) -> None:
    await finish_account(
        session,
        account=account,
        kind=kind,
        part=Part.PREPARED,
        rules=ACCOUNT_LIFECYCLE.steps["submission"].rules,
        actor=actor,
        now=now,
        data={"department": account.department.value, "status": account.status.value},
    )
