"""Work orders of the history from raising to dispatch: approval by the amount, then the team (REP-08, FIN-01..03)."""

from dataclasses import dataclass, replace
from uuid import UUID

from ownercare_api.approvals.models import Approval, ApprovalMaker, ApprovalStatus, ApprovalStep, Decision, Tier
from ownercare_api.approvals.service import reason, route
from ownercare_api.deadlines.clocks import APPROVAL_EMERGENCY, CLOCKS, REPAIR_MULTI, REPAIR_SINGLE
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.demo.accounts import Actor
from ownercare_api.demo.bulk import Row
from ownercare_api.demo.cases import Case
from ownercare_api.demo.surveying import Visit, close_work
from ownercare_api.demo.trades import Team
from ownercare_api.properties.parts import PART_ZH, Trade
from ownercare_api.workorders.lifecycle import RepairClass, WorkOrderStatus
from ownercare_api.workorders.models import WorkOrder

_DECIDERS = {
    Tier.DEPARTMENT_MANAGER: ("customer_service_manager",),
    Tier.DEPUTY_CHIEF_ENGINEER: ("deputy_chief_engineer", "deputy_chief_engineer.2"),
    Tier.DEPUTY_GENERAL_MANAGER: ("deputy_general_manager", "deputy_general_manager.2"),
    Tier.GENERAL_MANAGER: ("general_manager",),
}
_COMMENTS = ("同意。", "同意,按勘察结论实施。", "同意,注意成品保护。", "费用合理,同意。")
_STEP_RULES: dict[str, tuple[str, ...]] = {
    "raised": ("REP-08",),
    "approved": ("FIN-01", "FIN-02", "FIN-03"),
    "dispatched": ("REP-08", "REP-14", "REP-15"),
    "accepted": ("REP-11",),
    "extension_requested": ("REP-07",),
    "extension_answered": ("REP-07",),
    "completed": ("REP-11", "REP-12"),
    "reworked": ("REP-12",),
    "signed": ("REP-12",),
    "signed_off": ("REP-12", "REP-13"),
    "called_back": ("REP-13",),
    "closed": ("REP-13",),
}


@dataclass(slots=True)
class Job:
    """A work order under way."""

    case: Case
    visit: Visit
    team: Team
    row: Row

    @property
    def id(self) -> UUID:
        """Return the work order's id."""
        found: UUID = self.row["id"]
        return found

    @property
    def multi(self) -> bool:
        """Say whether several trades are needed (REP-06)."""
        return len(self.row["trades"]) > 1

    def event(self, kind: str, *, by: Actor, rules: tuple[str, ...] = (), **data: object) -> None:
        """Record what happened to the order."""
        facts: Row = dict(data)
        self.case.stage.numbers.cite(self.row, target=facts, key="number")
        self.case.touch(self.row)
        self.case.event(
            f"work_order.{kind}",
            actor=by,
            rules=rules or _STEP_RULES[kind],
            subject=("work_order", self.id),
            firm_id=self.row["firm_id"],
            data=facts,
        )


def raise_order(visit: Visit) -> tuple[Job, Row, list[Row]]:
    """Raise the order that covers the whole survey, and ask for its approval; returns both and the approval's seats."""
    case, survey, derived = visit.case, visit.row, visit.derivation
    assert derived is not None
    is_a = derived.repair_class is RepairClass.A
    assert not is_a or (visit.contract is not None and visit.contract.has_repair_agreement)
    by = visit.specialist
    row = case.stage.sheet.add(
        WorkOrder,
        case.now,
        ticket_id=case.id,
        survey_id=survey["id"],
        project_id=case.project_id,
        unit_id=case.ticket["unit_id"],
        status=WorkOrderStatus.AWAITING_APPROVAL,
        repair_class=derived.repair_class,
        class_reasons=derived.reasons,
        building_part=visit.repair.part,
        trades=visit.trades,
        description=f"{case.intake.title}:{';'.join(text for text, _, _ in visit.lines)}",
        estimate_fen=visit.estimate_fen,
        emergency=case.intake.urgent,
        contract_id=survey["contract_id"] if is_a else None,
        contractor_firm_id=survey["contractor_firm_id"] if is_a else None,
        raised_by=by.id,
        account_filed=False,
        makers=dict(survey["makers"]),
        policy_snapshot_id=case.snapshot.id,
    )
    case.stage.numbers.ask("PG", row, at=case.now)
    for line in visit.line_rows:
        line["work_order_id"] = row["id"]
    case.share(row["contractor_firm_id"], row, "A 类派工 {}")
    case.ticket["open_work"] += 1
    close_work(visit, done=False)
    job = Job(case, visit, case.stage.trades.teams[case.intake.project], row)
    approval, seats = _ask(job, by)
    job.event(
        "raised",
        by=by,
        rules=("REP-08", "CMP-04") if row["emergency"] else ("REP-08",),
        repair_class=row["repair_class"].value,
        overridden=False,
        estimate_fen=row["estimate_fen"],
        emergency=row["emergency"],
        reasons=[one["code"] for one in row["class_reasons"]],
    )
    return job, approval, seats


def _ask(job: Job, by: Actor) -> tuple[Row, list[Row]]:
    case, order = job.case, job.row
    total = order["estimate_fen"]
    why = reason(case.snapshot, total)
    approval = case.stage.sheet.add(
        Approval,
        case.now,
        subject_kind="work_order",
        subject_id=order["id"],
        ticket_id=case.id,
        project_id=case.project_id,
        title="",
        amount_fen=total,
        total_fen=total,
        emergency=order["emergency"],
        status=ApprovalStatus.PENDING,
        policy_snapshot_id=case.snapshot.id,
        requested_by=by.id,
        requested_at=case.now,
    )
    order["approval_id"] = approval["id"]
    case.stage.numbers.ask("SP", approval, at=case.now)
    words = "{} " + f"{PART_ZH[order['building_part']]}维修"
    case.stage.numbers.cite(order, target=approval, key="title", words=words)
    seats = [
        case.stage.sheet.add(
            ApprovalStep, case.now, approval_id=approval["id"], position=position, kind=seat.kind, tier=seat.tier
        )
        for position, seat in enumerate(route(case.snapshot, total), start=1)
    ]
    for account, part in ({str(by.id): "requested"} | order["makers"]).items():
        case.stage.sheet.add(ApprovalMaker, case.now, approval_id=approval["id"], account_id=UUID(account), part=part)
    case.start_clock(
        ClockKind.APPROVAL,
        actor=by,
        subject=("approval", approval["id"]),
        rule=APPROVAL_EMERGENCY if order["emergency"] else replace(CLOCKS[ClockKind.APPROVAL], rule=why.rule),
    )
    data: Row = {
        "amount_fen": total,
        "total_fen": total,
        "route": [seat["tier"].value for seat in seats],
        "policy_key": why.policy_key,
        "policy_value": why.value_fen,
        "policy_snapshot_id": str(case.snapshot.id),
    }
    case.stage.numbers.cite(approval, target=data, key="number")
    rules = (why.rule, "CMP-04") if order["emergency"] else (why.rule,)
    _approval_event(job, approval, "requested", by=by, rules=rules, more=data)
    return approval, seats


def decide(job: Job, approval: Row, seats: list[Row]) -> None:
    """Let every seat approve in its turn; the last one approves the order (FIN-01..03)."""
    case = job.case
    rule = (reason(case.snapshot, approval["total_fen"]).rule,)
    if case.chance(0.05):
        case.wait(620, 1100)
    for seat in seats:
        case.wait(12, 190)
        by = case.one_of(*_DECIDERS[seat["tier"]])
        assert str(by.id) not in job.row["makers"]
        seat["decision"], seat["comment"] = Decision.APPROVED, case.pick(_COMMENTS)
        seat["decided_by"], seat["decided_by_name"], seat["decided_at"] = by.id, by.name, case.now
        case.touch(approval)
        _approval_event(
            job,
            approval,
            "decided",
            by=by,
            rules=rule,
            more={"position": seat["position"], "tier": seat["tier"].value, "decision": Decision.APPROVED.value},
        )
    approval["status"], approval["decided_at"] = ApprovalStatus.APPROVED, case.now
    case.stop(ClockKind.APPROVAL, actor=by, subject_id=approval["id"])
    _approval_event(job, approval, "approved", by=by, rules=rule, more={})
    job.row["approved_at"] = case.now
    if job.row["status"] is WorkOrderStatus.AWAITING_APPROVAL:
        job.row["status"] = WorkOrderStatus.APPROVED
    job.event("approved", by=by, approval_id=str(approval["id"]))


def _approval_event(job: Job, approval: Row, kind: str, *, by: Actor, rules: tuple[str, ...], more: Row) -> None:
    more |= {"about": "work_order", "about_id": str(job.id)}
    job.case.event(f"approval.{kind}", actor=by, rules=rules, subject=("approval", approval["id"]), data=more)


def dispatch(job: Job, *, by: Actor) -> None:
    """Dispatch to the project's team and a repairer who knows the trades; the repair clock starts (REP-05, REP-06)."""
    case, row = job.case, job.row
    able = job.team.workers_with(frozenset(map(Trade, row["trades"])))
    row["status"], row["firm_id"], row["team_id"] = WorkOrderStatus.DISPATCHED, job.team.firm_id, job.team.id
    row["worker_id"], row["dispatched_by"], row["dispatched_at"] = case.pick(able), by.id, case.now
    case.share(job.team.firm_id, row, "派工 {}")
    start_repair_clock(job, by=by)
    job.event(
        "dispatched",
        by=by,
        team_id=str(job.team.id),
        worker_id=str(row["worker_id"]),
        before_approval=row["approved_at"] is None,
    )
    case.wait(6, 90)
    row["status"], row["accepted_at"] = WorkOrderStatus.IN_PROGRESS, case.now
    job.event("accepted", by=job.team.captain)


def start_repair_clock(job: Job, *, by: Actor) -> None:
    """Start this round's repair clock: 3 working days for one trade, 7 for several."""
    job.case.start_clock(
        ClockKind.REPAIR,
        actor=by,
        subject=("work_order", job.id),
        rule=REPAIR_MULTI if job.multi else REPAIR_SINGLE,
        round_=job.row["round"],
    )
