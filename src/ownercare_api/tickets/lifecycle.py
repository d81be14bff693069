"""The life of a ticket (工单): statuses, steps, and the pure guards that both the steps and `allowed_actions` ask."""

from enum import StrEnum
from typing import Protocol

from ownercare_api.core.errors import Conflict
from ownercare_api.core.lifecycle import Lifecycle, Step


class TicketStatus(StrEnum):
    """Where a ticket stands. Clocks are facts beside it, not statuses (reading 3)."""

    REGISTERED = "registered"
    ACCEPTED = "accepted"
    RESOLVED = "resolved"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class Category(StrEnum):
    """What the owner wants (CHN-05, CHN-08)."""

    CONSULTATION = "consultation"
    COMPLAINT = "complaint"
    SUGGESTION = "suggestion"
    REPAIR = "repair"
    PRAISE = "praise"


class Domain(StrEnum):
    """Which policy set applies (reading 6)."""

    OWNER_HOME = "owner_home"
    SALES_OFFICE = "sales_office"


class Channel(StrEnum):
    """How it reached us (CHN-01)."""

    HOTLINE = "hotline"
    PHONE = "phone"
    SMS = "sms"
    EMAIL = "email"
    WECHAT_GROUP = "wechat_group"
    VISIT = "visit"
    LETTER = "letter"
    WEB_FORM = "web_form"
    SUGGESTION_BOX = "suggestion_box"
    ONLINE_CHAT = "online_chat"
    FORUM = "forum"


class CauseClass(StrEnum):
    """Who caused it, as far as customer service sees (CMP-22)."""

    DESIGN = "design"
    CONSTRUCTION_QUALITY = "construction_quality"
    SALES_CONTRACT = "sales_contract"
    PROPERTY_SERVICE = "property_service"
    OTHER = "other"


class TicketFacts(Protocol):
    """What the guards look at."""

    category: Category
    department: str | None
    open_work: int
    work_done: int
    owner_informed: bool
    held: bool


class WorkOpen(Conflict):
    """409: surveys or work orders of this ticket are still open."""

    code = "ticket_work_open"
    zh = "该工单仍有 {count} 项未完成的勘察或派工,不能执行此操作。"
    en = "{count} survey(s) or work order(s) of this ticket are still open."
    rules = ("REP-11", "REP-12")


class RepairWithoutWork(Conflict):
    """409: a repair is resolved by finished work or a recorded refusal of liability, not by saying so."""

    code = "repair_without_work"
    zh = "报修工单须有竣工签认的维修,或经勘察认定不属公司承担,才能办结。"
    en = "A repair is resolved by signed-off work, or by a survey that found the company not liable."
    rules = ("REP-11", "REP-12")


class OwnerNotInformed(Conflict):
    """409: the result must be fed back to the owner before the ticket is closed."""

    code = "owner_not_informed"
    zh = "处理结果尚未向业主反馈,不能办结归档。"
    en = "The result has not been fed back to the owner yet."
    rules = ("CMP-03", "CMP-13")


class AlreadyHeld(Conflict):
    """409: the clocks of this ticket stand still already."""

    code = "already_held"
    zh, en = "该工单已处于暂停计时状态。", "This ticket is on hold already."


class NotHeld(Conflict):
    """409: the ticket is not on hold."""

    code = "not_held"
    zh, en = "该工单未处于暂停计时状态。", "This ticket is not on hold."


class DepartmentMissing(Conflict):
    """409: no responsible department has been named yet."""

    code = "department_missing"
    zh = "尚未指定责任部门。"
    en = "No responsible department has been named yet."
    rules = ("CMP-05",)


def _no_open_work(ticket: TicketFacts, _: object) -> None:
    if ticket.open_work > 0:
        raise WorkOpen(count=ticket.open_work)


def _repair_has_work(ticket: TicketFacts, _: object) -> None:
    if ticket.category == Category.REPAIR and ticket.work_done == 0:
        raise RepairWithoutWork


def _owner_informed(ticket: TicketFacts, _: object) -> None:
    if not ticket.owner_informed:
        raise OwnerNotInformed


def _has_department(ticket: TicketFacts, _: object) -> None:
    if ticket.department is None:
        raise DepartmentMissing


def _not_held(ticket: TicketFacts, _: object) -> None:
    if ticket.held:
        raise AlreadyHeld


def _held(ticket: TicketFacts, _: object) -> None:
    if not ticket.held:
        raise NotHeld


_S = TicketStatus
_OPEN = frozenset({_S.REGISTERED, _S.ACCEPTED, _S.RESOLVED})

LIFECYCLE: Lifecycle[TicketStatus] = Lifecycle.of(
    "ticket",
    _S.REGISTERED,
    [
        Step("responses", _OPEN, None, "tickets:handle", rules=("CMP-02",)),
        Step(
            "classification",
            frozenset({_S.REGISTERED, _S.ACCEPTED}),
            _S.ACCEPTED,
            "tickets:triage",
            rules=("CMP-05", "CMP-06", "CHN-08"),
        ),
        Step("investigation", frozenset({_S.ACCEPTED}), None, "tickets:handle", (_has_department,), ("CMP-08",)),
        Step("department-feedback", frozenset({_S.ACCEPTED}), None, "tickets:handle", (_has_department,), ("CMP-07",)),
        Step(
            "resolution",
            frozenset({_S.ACCEPTED}),
            _S.RESOLVED,
            "tickets:handle",
            (_no_open_work, _repair_has_work),
            ("CMP-10",),
        ),
        Step("owner-feedback", frozenset({_S.RESOLVED}), None, "tickets:handle", rules=("CMP-03", "CMP-13")),
        Step(
            "closure",
            frozenset({_S.RESOLVED}),
            _S.CLOSED,
            "tickets:close",
            (_no_open_work, _owner_informed),
            ("CMP-13", "CMP-14"),
        ),
        Step("reopening", frozenset({_S.RESOLVED, _S.CLOSED}), _S.ACCEPTED, "tickets:close", rules=("CMP-24",)),
        Step(
            "withdrawal",
            frozenset({_S.REGISTERED, _S.ACCEPTED}),
            _S.WITHDRAWN,
            "tickets:handle",
            (_no_open_work,),
            ("CMP-14",),
        ),
        Step("register-entries", _OPEN, None, "tickets:register", rules=("CHN-03",)),
        Step("hold", frozenset({_S.REGISTERED, _S.ACCEPTED}), None, "tickets:handle", (_not_held,)),
        Step("hold-release", frozenset({_S.REGISTERED, _S.ACCEPTED}), None, "tickets:handle", (_held,)),
    ],
)
