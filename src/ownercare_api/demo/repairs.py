"""Repairs from the first talk to the archive: survey, order, work, acceptance, callback (REP-01..13)."""

from ownercare_api.deadlines.models import ClockKind
from ownercare_api.demo import ordering, steps, surveying, talks
from ownercare_api.demo.accounts import Actor
from ownercare_api.demo.bulk import Row
from ownercare_api.demo.cases import Case
from ownercare_api.demo.ordering import Job
from ownercare_api.demo.repair_situations import Repair
from ownercare_api.demo.surveying import Visit
from ownercare_api.tickets.lifecycle import CauseClass, Channel, Domain
from ownercare_api.workorders.lifecycle import (
    CallbackOutcome,
    RepairClass,
    SignatureSeat,
    WorkOrderStatus,
)
from ownercare_api.workorders.models import CallbackAttempt, CompletionSignature, Extension

_RESPONSES = (
    "已联系业主,确认故障部位,约定上门勘察时间。",
    "电话安抚业主,指导先行关闭阀门/电源,安排现场勘察。",
    "已告知报修编号、勘察时限及联系人。",
)
_DONE = ("已按派工单完成维修,清理现场。", "维修完成,试验合格,成品保护完好。", "完工自检合格,已告知业主使用注意事项。")
_OPINIONS = ("维修及时,质量好。", "满意。", "师傅态度好,现场清理干净。", "修好了,谢谢。", None)
_GRUMBLES = ("等待时间偏长。", "修补处有轻微色差。", "希望提前约定上门时间。")
_COMMENTS = {
    5: ("非常满意。", "师傅专业,回访及时。", None),
    4: ("比较满意。", "修得不错,略慢。", None),
    3: ("一般,希望更快些。", "能用,外观一般。"),
    2: ("维修拖延,不太满意。", "修补痕迹明显。"),
    1: ("很不满意,要求重新处理。",),
}
_SATISFACTION = (5,) * 55 + (4,) * 31 + (3,) * 8 + (2,) * 4 + (1,) * 2
_EXTENSION_REASONS = (
    "材料需厂家补货,预计延后到货。",
    "基层含水率偏高,需干燥后方可施工。",
    "连续降雨,外墙吊绳作业暂停。",
)


def play(case: Case, repair: Repair) -> None:
    """Lead a repair through its life."""
    specialist = _take_up(case)
    if case.chance(0.02):
        case.wait(20, 300)
        steps.withdraw(case, by=specialist, reason="业主来电称故障已自行排除,撤销报修。")
        return
    talks.stay_open(case, 0.05)
    case.wait(4, 60)
    visit = surveying.arrange(case, repair, specialist)
    surveying.visit_and_sign(visit)
    assert visit.derivation is not None
    if visit.derivation.repair_class is RepairClass.NONE:
        _finish(case, specialist, _not_ours(visit))
        return
    case.wait(15, 200)
    job, approval, seats = ordering.raise_order(visit)
    if job.row["emergency"]:  # the work begins before the approval
        case.wait(3, 20)
        ordering.dispatch(job, by=specialist)
        ordering.decide(job, approval, seats)
    else:
        talks.stay_open(case, 0.06)
        ordering.decide(job, approval, seats)
        case.wait(8, 110)
        ordering.dispatch(job, by=specialist)
    talks.stay_open(case, 0.06)
    _work(job)
    _accept(job)
    _call_back(job)
    _finish(case, specialist, _result(job))


def _take_up(case: Case) -> Actor:
    """Respond and classify; the handler is of customer service or, at times, of the engineers."""
    sales = case.intake.domain is Domain.SALES_OFFICE
    specialist = case.one_of("customer_relations_specialist", "customer_relations_specialist.2")
    if case.chance(0.04):
        case.wait(170, 520)
    case.wait(3, 55)
    steps.respond(
        case, by=case.stage.staff["service_specialist"] if sales else specialist, content=case.pick(_RESPONSES)
    )
    case.wait(3, 45)
    engineers = not sales and case.chance(0.3)
    steps.classify(
        case,
        by=talks.triager(case),
        cause=CauseClass.PROPERTY_SERVICE if sales else CauseClass.CONSTRUCTION_QUALITY,
        department="engineering_material" if engineers else "customer_service",
        handler=case.one_of("engineering_material_engineer") if engineers else specialist,
        note="核实报修内容,安排现场勘察会签。",
    )
    return specialist


def _work(job: Job) -> None:
    """The team works; some ask for more time before the limit, some are late, a few must do it again."""
    case = job.case
    clock = next(row for row in case.clocks if row["kind"] is ClockKind.REPAIR)
    if job.multi and case.chance(0.05):
        case.wait(900, 2200)
        if case.now < clock["due_at"]:
            _extend(job, clock)
    case.wait(400, 2500) if job.multi else case.wait(90, 900)
    if case.chance(0.06):
        case.wait(900, 2400)
        case.chase(case.one_of("call_center_agent", "call_center_agent.2"))
        case.wait(60, 500)
    _complete(job)
    if case.chance(0.03):
        _rework(job)


def _extend(job: Job, clock: Row) -> None:
    """The captain asks, the owner agrees before the old limit, and the clock moves (REP-07)."""
    case, captain = job.case, job.team.captain
    by = case.one_of("records_clerk", "records_clerk.2")
    asked_at, old, days = case.now, clock["due_at"], 2 + case.rng.randrange(3)
    row = case.stage.sheet.add(
        Extension,
        asked_at,
        work_order_id=job.id,
        reason=case.pick(_EXTENSION_REASONS),
        extra_workdays=days,
        requested_by=captain.id,
        requested_by_name=captain.name,
        requested_at=asked_at,
        old_due_at=old,
    )
    job.event("extension_requested", by=captain, extra_workdays=days, old_due_at=old.isoformat())
    case.now = min(case.pace.later(asked_at, 20), old)
    row["consented"], row["consent_channel"], row["consent_by"] = True, Channel.PHONE.value, case.intake.caller_name
    row["answered_at"], row["recorded_by"] = case.now, by.id
    row["new_due_at"] = steps.move(case, clock, by=by, why="extension", extra=days)
    due_at = row["new_due_at"].isoformat()
    job.event("extension_answered", by=by, consented=True, old_due_at=old.isoformat(), due_at=due_at)


def _complete(job: Job) -> None:
    case, row, captain = job.case, job.row, job.team.captain
    row["status"], row["completed_by"], row["completed_at"] = WorkOrderStatus.COMPLETED, captain.id, case.now
    row["completion_note"] = case.pick(_DONE)
    case.stop(ClockKind.REPAIR, actor=captain, subject_id=job.id)
    job.event("completed", by=captain, round=row["round"], photos=0)


def _rework(job: Job) -> None:
    case, row, by = job.case, job.row, job.visit.specialist
    case.wait(20, 200)
    row["status"], row["round"] = WorkOrderStatus.IN_PROGRESS, row["round"] + 1
    row["rework_reason"] = "验收发现收口不平、色差明显,要求返工。"
    row["completed_by"] = row["completed_at"] = row["completion_note"] = None
    ordering.start_repair_clock(job, by=by)
    job.event("reworked", by=by, reason=row["rework_reason"], round=row["round"])
    case.wait(200, 900)
    _complete(job)


def _accept(job: Job) -> None:
    """Captain, owner, engineer or property company, customer service sign; the fourth signs off (REP-12)."""
    case, captain = job.case, job.team.captain
    engineer = case.one_of("engineering_material_engineer", "engineering_material_engineer.2")
    signers = {
        SignatureSeat.REPAIR_CAPTAIN: captain,
        SignatureSeat.OWNER: captain,
        SignatureSeat.ENGINEERING_OR_PROPERTY: surveying.property_manager(case) if case.chance(0.5) else engineer,
        SignatureSeat.CUSTOMER_SERVICE: job.visit.specialist,
    }
    content = case.chance(0.92)
    for seat, signer in signers.items():
        case.wait(4, 40) if seat in (SignatureSeat.REPAIR_CAPTAIN, SignatureSeat.OWNER) else case.wait(10, 180)
        _sign(job, seat, signer, content=content)
    job.row["status"], job.row["signed_off_at"] = WorkOrderStatus.SIGNED_OFF, case.now
    case.start_clock(ClockKind.CALLBACK, actor=signer, subject=("work_order", job.id))
    job.event("signed_off", by=signer)


def _sign(job: Job, seat: SignatureSeat, signer: Actor, *, content: bool) -> None:
    case, by_owner = job.case, seat is SignatureSeat.OWNER
    satisfied = content if by_owner else None
    case.stage.sheet.add(
        CompletionSignature,
        case.now,
        work_order_id=job.id,
        round=job.row["round"],
        seat=seat,
        signed_by=None if by_owner else signer.id,
        signed_by_name=case.intake.caller_name if by_owner else signer.name,
        persons=[] if by_owner else [signer.id],
        taken_by=signer.id if by_owner else None,
        opinion=case.pick(_OPINIONS if content else _GRUMBLES) if by_owner else "验收合格。",
        satisfied=satisfied,
        signed_at=case.now,
    )
    job.event("signed", by=signer, seat=seat.value, satisfied=satisfied, round=job.row["round"])


def _call_back(job: Job) -> None:
    """The records clerk calls within a working day; unreachable owners are tried up to three times (REP-13)."""
    case = job.case
    by = case.one_of("records_clerk", "records_clerk.2", "call_center_agent")
    case.wait(700, 1300) if case.chance(0.05) else case.wait(40, 420)
    for attempt in (1, 2, 3):
        draw = case.rng.random()
        outcome = CallbackOutcome.ANSWERED if draw < 0.87 else CallbackOutcome.UNREACHABLE
        outcome = CallbackOutcome.DECLINED if draw > 0.985 else outcome
        satisfaction = case.pick(_SATISFACTION) if outcome is CallbackOutcome.ANSWERED else None
        _attempt(job, by, attempt, outcome, satisfaction)
        if outcome is not CallbackOutcome.UNREACHABLE or attempt == 3:
            break
        case.wait(60, 260)
    row = job.row
    row["status"], row["callback_done_at"], row["satisfaction"] = WorkOrderStatus.CLOSED, case.now, satisfaction
    case.stop(ClockKind.CALLBACK, actor=by, subject_id=job.id)
    case.ticket["open_work"] -= 1
    case.ticket["work_done"] += 1
    case.touch()
    job.event("closed", by=by, outcome=outcome.value)


def _attempt(job: Job, by: Actor, attempt: int, outcome: CallbackOutcome, satisfaction: int | None) -> None:
    case = job.case
    call = case.stage.sheet.add(
        CallbackAttempt,
        case.now,
        work_order_id=job.id,
        ticket_id=case.id,
        attempt=attempt,
        outcome=outcome,
        satisfaction=satisfaction,
        comment=None if satisfaction is None else case.pick(_COMMENTS[satisfaction]),
        called_at=case.now,
        called_by=by.id,
        called_by_name=by.name,
    )
    case.stage.numbers.ask("HF", call, at=case.now)
    severe = satisfaction is not None and satisfaction <= case.snapshot.integer("satisfaction.severe_max")
    job.event(
        "called_back",
        by=by,
        rules=("REP-13", "CBK-12") if severe else ("REP-13",),
        outcome=outcome.value,
        attempt=attempt,
        satisfaction=satisfaction,
        seriously_dissatisfied=severe,
    )


def _finish(case: Case, specialist: Actor, result: str) -> None:
    """Resolve, tell the owner, archive."""
    sales = case.intake.domain is Domain.SALES_OFFICE
    case.wait(5, 90)
    steps.resolve(case, by=specialist, result=result)
    case.wait(3, 60)
    content = case.chance(0.92)
    by = case.stage.staff["service_specialist"] if sales else specialist
    steps.inform(case, by=by, content=result, opinion=case.pick(_OPINIONS if content else _GRUMBLES), satisfied=content)
    case.wait(30, 480)
    steps.close(case, by=talks.closer(case))


def _not_ours(visit: Visit) -> str:
    assert visit.derivation is not None
    grounds = "".join(one["zh"] for one in visit.derivation.reasons[:-1])
    return f"经现场勘察会签,不属本公司承担范围:{grounds}已向业主说明依据,可有偿委托物业公司维修。"


def _result(job: Job) -> str:
    whose = "A 类(施工单位质保)" if job.row["repair_class"] is RepairClass.A else "B 类(公司承担)"
    return f"经现场勘察会签认定为 {whose};原因:{job.visit.repair.cause}维修完成,验收合格,业主已签认。"
