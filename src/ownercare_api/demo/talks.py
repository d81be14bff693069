"""Complaints, questions, suggestions and praise from the first talk to the archive."""

from ownercare_api.demo import steps
from ownercare_api.demo.accounts import Actor
from ownercare_api.demo.cases import Case, Ended
from ownercare_api.demo.talk_situations import Talk
from ownercare_api.tickets.lifecycle import Category, Domain

CLAIM_FOR_THE_MANAGER_FEN = 1_000_000

_HANDLERS: dict[str, tuple[str, ...]] = {
    "customer_service": ("complaint_specialist", "complaint_specialist.2"),
    "engineering_material": ("engineering_material_engineer", "engineering_material_engineer.2"),
    "design": ("design_engineer",),
    "sales_operations": ("sales_deputy_manager", "sales_manager"),
}
_RESPONSES = (
    "已联系业主,核实情况并告知处理流程与反馈时间。",
    "电话致歉并了解诉求,约定由专人跟进。",
    "已向业主说明受理编号与责任部门,将在时限内答复。",
)
_NOTES = ("情况属实,转责任部门处理。", "已核对来电记录与现场照片,按分类转办。", "经初步核实,指定专人跟进。")
_INVESTIGATIONS = ("已约业主及相关人员现场了解情况。", "调取记录与资料,开始核查。", "会同物业公司现场查看。")
_FEEDBACKS = (
    "已查明原因并拟定处理措施,报客服部。",
    "处理方案经部门负责人同意,正在落实。",
    "整改已安排,预计两日内完成。",
)
_OPINIONS = ("认可处理结果。", "满意,感谢跟进。", "可以接受,希望以后不再发生。", None)
_GRUMBLES = ("对处理结果不满意,保留意见。", "认为处理时间过长。")


def play(case: Case, talk: Talk) -> None:
    """Lead a case through its life."""
    match case.intake.category:
        case Category.COMPLAINT:
            _complaint(case, talk)
        case Category.CONSULTATION:
            _answer(case, talk, soon=(2, 45))
        case Category.SUGGESTION:
            _answer(case, talk, soon=(240, 1500))
        case _:
            _answer(case, talk, soon=(20, 300))


def triager(case: Case) -> Actor:
    """Return who classifies: complaints at head office, the service supervisor at the sales office."""
    if case.intake.domain is Domain.SALES_OFFICE:
        return case.stage.staff["service_supervisor"]
    return case.one_of("complaint_supervisor", "complaint_specialist", "complaint_specialist.2")


def closer(case: Case) -> Actor:
    """Return who archives."""
    if case.intake.domain is Domain.SALES_OFFICE:
        return case.stage.staff["service_supervisor"]
    return case.one_of("records_clerk", "records_clerk.2", "complaint_supervisor")


def handler(case: Case, department: str) -> Actor:
    """Return the fixed person of a department; the manager for large claims (CMP-17)."""
    claim = case.intake.claim_fen
    if department == "customer_service" and claim is not None and claim >= CLAIM_FOR_THE_MANAGER_FEN:
        return case.stage.staff["customer_service_manager"]
    if case.intake.domain is Domain.SALES_OFFICE:
        return case.stage.staff["service_specialist"]
    return case.one_of(*_HANDLERS[department])


def department_of(case: Case, talk: Talk) -> str:
    """Return the responsible department: customer service itself where the manager must handle the claim."""
    claim = case.intake.claim_fen
    return talk.department if claim is None or claim < CLAIM_FOR_THE_MANAGER_FEN else "customer_service"


def take_up(case: Case, talk: Talk, *, late: float = 0.05) -> Actor:
    """Respond and classify, in either order; returns the handler."""
    department = department_of(case, talk)
    person = handler(case, department)
    first = case.chance(0.5)
    if case.chance(late):
        case.wait(170, 620)
    if first:
        case.wait(4, 60)
        steps.respond(case, by=_responder(case, person), content=case.pick(_RESPONSES))
    case.wait(6, 50)
    steps.classify(
        case, by=triager(case), cause=talk.cause, department=department, handler=person, note=case.pick(_NOTES)
    )
    if not first:
        case.wait(4, 45)
        steps.respond(case, by=_responder(case, person), content=case.pick(_RESPONSES))
    return person


def stay_open(case: Case, share: float) -> None:
    """Leave some of the latest cases where they are: overdue, for the ladder and the lists."""
    if case.chance(share) and case.lately:
        raise Ended


def _complaint(case: Case, talk: Talk) -> None:
    person = take_up(case, talk)
    if case.chance(0.025):
        case.wait(30, 600)
        steps.withdraw(case, by=person, reason="业主来电撤销,称问题已自行协商解决。")
        return
    stay_open(case, 0.08)
    if case.chance(0.02):
        _pause(case, person)
    _work_out(case, talk, person)
    if case.chance(0.03):
        case.wait(400, 2600)
        steps.reopen(case, by=closer(case), reason="业主来电表示问题再次发生,要求重新处理。")
        case.wait(8, 90)
        steps.respond(case, by=_responder(case, person), content="已致歉并说明将重新核查、升级跟进。")
        _work_out(case, talk, person)


def _work_out(case: Case, talk: Talk, person: Actor) -> None:
    """From the investigation to the archive; one in twelve takes too long, and its owner asks again."""
    at_home = case.intake.domain is Domain.OWNER_HOME
    slow = case.chance(0.08)
    if at_home:
        case.wait(40, 420)
        steps.investigate(case, by=person, note=case.pick(_INVESTIGATIONS))
        case.wait(100, 700)
        steps.feed_back(case, by=person, note=case.pick(_FEEDBACKS))
    if slow:
        case.wait(1100, 2400)
        case.chase(case.one_of("call_center_agent", "call_center_agent.2"))
        stay_open(case, 0.3)
        case.wait(300, 1200)
    case.wait(120, 640)
    steps.resolve(case, by=person, result=talk.result)
    case.wait(15, 220)
    _tell(case, talk, person)
    case.wait(40, 520)
    steps.close(case, by=closer(case))


def _answer(case: Case, talk: Talk, *, soon: tuple[int, int]) -> None:
    person = take_up(case, talk, late=0.03)
    case.wait(*soon)
    steps.resolve(case, by=person, result=talk.result)
    case.wait(2, 60)
    _tell(case, talk, person)
    case.wait(20, 400)
    steps.close(case, by=closer(case))


def _tell(case: Case, talk: Talk, person: Actor) -> None:
    satisfied = None if case.intake.category is Category.PRAISE else case.chance(0.9)
    opinion = case.pick(_GRUMBLES if satisfied is False else _OPINIONS)
    steps.inform(case, by=_responder(case, person), content=talk.result, opinion=opinion, satisfied=satisfied)


def _pause(case: Case, person: Actor) -> None:
    held = steps.hold(case, by=person, reason="业主外出,约定返回后再行处理。")
    stay_open(case, 0.5)
    case.wait(700, 2600)
    steps.release(case, held, by=person)


def _responder(case: Case, person: Actor) -> Actor:
    """Customer service talks to owners; at the sales office its own people do."""
    if case.intake.domain is Domain.SALES_OFFICE or person.department == "customer_service":
        return person
    return case.one_of("complaint_specialist", "complaint_specialist.2")
