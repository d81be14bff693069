"""What happened, told to the owner: which events, in which words. Nobody of the staff is named here; the department
is. Events that are not in these tables are not for him."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ownercare_api.core.clock import SHANGHAI
from ownercare_api.core.errors import Language
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.owners.looks import Look

SENTENCES: Mapping[str, tuple[str, str]] = {
    "ticket.registered": ("工单已登记", "The case was registered"),
    "ticket.responded": ("我们已与业主联系", "We got in touch with the owner"),
    "ticket.classified": ("已核实分类并指定责任部门", "The case was verified and given to a department"),
    "ticket.investigation_started": ("责任部门已启动调查", "The department began to investigate"),
    "ticket.resolved": ("处理完毕,等待向业主反馈", "The case was resolved; the owner is told next"),
    "ticket.owner_informed": ("处理结果已反馈给业主", "The owner was told the result"),
    "ticket.chased": ("业主催办已登记", "The owner asked again"),
    "ticket.reopening_asked": ("业主请求重新受理,等待客服部决定", "The owner asked to take the case up again"),
    "ticket.closed": ("工单已办结归档", "The case was closed"),
    "ticket.reopened": ("工单已重新受理", "The case was taken up again"),
    "ticket.withdrawn": ("工单已撤回", "The case was withdrawn"),
    "hold.started": ("计时已暂停", "The clocks stand still"),
    "hold.ended": ("计时已恢复", "The clocks run on"),
    "deadline.moved": ("“{clock}”时限调整为 {due_at}", "The time limit for the {clock} is now {due_at}"),
    "site_survey.arranged": ("已预约现场勘察:{scheduled_at}", "A site survey was arranged for {scheduled_at}"),
    "site_survey.co_signed": ("现场勘察已完成会签", "The site survey is signed by all parties"),
    "site_survey.cancelled": ("现场勘察已取消", "The site survey was cancelled"),
    "work_order.dispatched": ("已派出维修队", "A repair team was dispatched"),
    "work_order.accepted": ("维修队已接单", "The repair team took the order"),
    "work_order.extension_requested": (
        "维修队申请延期 {extra_workdays} 个工作日,须征得业主事先同意",
        "The team asked for {extra_workdays} more working days, which need the owner's consent beforehand",
    ),
    "work_order.extension_answered": ("延期申请已答复", "The request for more time was answered"),
    "work_order.completed": ("维修已完工,等待验收", "The work is done and awaits its acceptance"),
    "work_order.reworked": ("验收未通过,安排返工", "The acceptance found faults; the work is done again"),
    "work_order.signed": ("业主已签认", "The owner signed the acceptance"),
    "work_order.signed_off": ("竣工验收与业主签认完成", "The work is accepted and signed off"),
    "work_order.called_back": ("已进行电话回访", "A callback was made"),
    "work_order.closed": ("维修已回访完毕", "The repair is closed"),
    "work_order.cancelled": ("派工已取消", "The work order was cancelled"),
    "survey_response.recorded": ("满意度评价已记录", "The satisfaction survey was recorded"),
}
ONLY_WITH: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "deadline.moved": ("clock", ()),
    "work_order.signed": ("seat", ("owner",)),
}
"""Kinds of which only some events are for the owner: by a fact and its values; none given: the clocks of `CLOCKS`."""

_FACTS = ("clock", "due_at", "scheduled_at", "extra_workdays")
"""The facts of an event that may stand in a sentence; whatever else it holds stays inside."""

CLOCKS: Mapping[ClockKind, tuple[str, str]] = {
    ClockKind.RESPONSE: ("首次响应", "first response"),
    ClockKind.OWNER_FEEDBACK: ("反馈处理结果", "feedback of the result"),
    ClockKind.RESOLUTION: ("投诉解决", "solution"),
    ClockKind.SITE_SURVEY: ("现场勘察", "site survey"),
    ClockKind.REPAIR: ("维修", "repair"),
    ClockKind.CALLBACK: ("电话回访", "callback"),
    ClockKind.SALES_OFFICE_FEEDBACK: ("案场投诉反馈", "sales-office feedback"),
    ClockKind.FACILITY_RESPONSE: ("案场设施响应", "facility response"),
    ClockKind.FACILITY_COMPLETION: ("案场设施维修", "facility repair"),
}
"""The clocks that are owed to the owner. Those between departments and firms are not his."""

LOOKS: Mapping[Look, tuple[str, str]] = {
    Look.RECORD: ("打开了您的档案", "opened your record"),
    Look.PAGE: ("打开了您的业主全景页", "opened the page with everything about you"),
    Look.LIST: ("在列表中看到了您的信息", "saw you in a list"),
    Look.SEARCH: ("按号码或姓名查找到您", "found you by a number or name"),
    Look.SCREEN_POP: ("在您来电时看到了您的信息", "saw who you are when you called"),
    Look.DISCLOSURE: ("查看了您的明文信息", "looked at a value of yours in clear"),
    Look.EXPORT: ("导出了含有您信息的文件", "exported a file that you are in"),
    Look.COPY: ("制作或交付了您的个人信息副本", "made or handed out the copy of your data"),
    Look.CHANGE_REQUEST: ("查看了您的信息变更申请", "opened your change request"),
    Look.DUPLICATE: ("在重复档案比对中看到了您的信息", "saw you in a comparison of possible duplicates"),
    Look.CASE: ("打开了您的工单", "opened a case of yours"),
    Look.FILE: ("下载了有关您的附件", "downloaded an attachment about you"),
    Look.IMPORT: ("导入了含有您信息的名册", "imported a roster that you are in"),
}


def _column(language: Language) -> int:
    return 0 if language == "zh-CN" else 1


def sentence(*, kind: str, data: Mapping[str, Any], language: Language) -> str:
    """Return an event of `SENTENCES` as the owner reads it."""
    column = _column(language)
    return SENTENCES[kind][column].format_map({name: _fact(name, data.get(name), column) for name in _FACTS})


def clock_name(kind: str, *, language: Language) -> str:
    """Return the name of a clock of `CLOCKS`."""
    return CLOCKS[ClockKind(kind)][_column(language)]


def look_words(look: str, *, language: Language) -> str:
    """Return what somebody did; a look that is not known reads as its code."""
    return LOOKS[Look(look)][_column(language)] if look in set(Look) else look


def _fact(name: str, value: Any, column: int) -> str:
    if value is None:
        return "—"
    if name == "clock":
        return CLOCKS[ClockKind(value)][column] if value in set(CLOCKS) else "—"
    if name.endswith("_at"):
        return f"{datetime.fromisoformat(str(value)).astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    return str(value)
