"""The life of a request of the person concerned (个人信息权利请求): statuses, steps, guards; and closed lists."""

from enum import StrEnum
from typing import Protocol

from ownercare_api.core.errors import Conflict, Forbidden
from ownercare_api.core.lifecycle import Lifecycle, Step
from ownercare_api.identity.principal import Principal

READ, MANAGE, APPROVE = "privacy:read", "privacy:manage", "privacy:approve"
BY_ITSELF = "system"
"""In place of a scope: the worker takes the step."""


class RequestKind(StrEnum):
    """What the person asks for."""

    COPY = "copy"
    """a copy of one's data (查阅、复制, PIPL art. 45)"""
    CORRECTION = "correction"
    """wrong data to be put right (更正、补充, art. 46)"""
    RESTRICTION = "restriction"
    """data to be kept and not used (限制处理, art. 44)"""
    ERASURE = "erasure"
    """data to be deleted (删除, art. 47)"""
    OBJECTION = "objection"
    """no more use for what needs consent: marketing, events, surveys (拒绝处理、撤回同意, art. 15, 44)"""


class RequestStatus(StrEnum):
    """Where a request stands."""

    RECEIVED = "received"
    APPROVED = "approved"
    """decided; the worker, or for a correction the staff, carries it out"""
    IN_FORCE = "in_force"
    """a restriction that holds"""
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LIFTED = "lifted"
    """a restriction that was ended"""


class RequestChannel(StrEnum):
    """How the person turned to us."""

    PHONE = "phone"
    VISIT = "visit"
    LETTER = "letter"
    EMAIL = "email"
    WECHAT = "wechat"
    PORTAL = "portal"


class IdentityCheck(StrEnum):
    """How it was made sure that the person is who he says."""

    SAW_DOCUMENT = "saw_document"
    """the document was seen (核验证件原件)"""
    CALLED_BACK = "called_back"
    """the recorded number was called (回拨登记号码)"""
    ONE_TIME_CODE = "one_time_code"
    """a code sent to the recorded number (短信验证码)"""
    AUTHORISED_AGENT = "authorised_agent"
    """an agent with a notarised authorisation (公证委托)"""
    NEXT_OF_KIN = "next_of_kin"
    """a close relative of a deceased person (近亲属, PIPL art. 49)"""


class RefusalGround(StrEnum):
    """Why a request may be refused by law."""

    OPEN_CASES = "open_cases"
    """cases of the owner are not closed; needed to perform the contract (art. 13)"""
    WARRANTY_RUNNING = "warranty_running"
    """the home is still under the owner's warranty (art. 13, 47)"""
    UNPAID = "unpaid"
    """money is still owed to or by the person, or in dispute"""
    STATUTORY_RETENTION = "statutory_retention"
    """a law orders the data to be kept; they are restricted instead (art. 47)"""
    NOT_IDENTIFIED = "not_identified"
    """the person could not be identified (art. 50)"""
    UNFOUNDED = "unfounded"
    """there is nothing to correct or to object to"""


class NotErasable(Conflict):
    """409: something still needs the data; `errors` names what."""

    code = "not_erasable_yet"
    zh = "仍有未结事项需要使用该业主的信息,暂不能删除:{hindrances}。可拒绝并说明法定理由,或先限制处理。"
    en = "Something still needs the data: {hindrances}. Refuse on that ground, or restrict the processing instead."
    rules = ("OWN-07",)


class OwnRequest(Forbidden):
    """403: whoever entered a request does not decide on it (reading 10)."""

    code = "own_privacy_request"
    zh = "个人信息请求须由他人审批:您是该请求的登记人,或代其行使权限。"
    en = "Somebody else decides on this request: you entered it, or act for who did."
    rules = ("OWN-07",)


class NotThisKind(Conflict):
    """409: the step belongs to requests of another kind."""

    code = "wrong_request_kind"
    zh, en = "该步骤不适用于此类请求。", "This step is not for requests of this kind."


class RequestFacts(Protocol):
    """What the guards look at."""

    kind: RequestKind

    def check_not_own(self, actor: Principal) -> None:
        """Raise `OwnRequest` where the actor, or who lent the authority, entered the request."""


def _by_another(subject: RequestFacts, actor: Principal) -> None:
    subject.check_not_own(actor)


def _correction(subject: RequestFacts, actor: Principal) -> None:
    if subject.kind is not RequestKind.CORRECTION:
        raise NotThisKind


_S = RequestStatus
_RULES = ("OWN-07",)
LIFECYCLE: Lifecycle[RequestStatus] = Lifecycle.of(
    "privacy_request",
    _S.RECEIVED,
    (
        Step("approval", frozenset({_S.RECEIVED}), _S.APPROVED, APPROVE, (_by_another,), _RULES),
        Step("refusal", frozenset({_S.RECEIVED}), _S.REFUSED, APPROVE, (_by_another,), _RULES),
        Step("withdrawal", frozenset({_S.RECEIVED}), _S.WITHDRAWN, MANAGE, (), _RULES),
        Step("completion", frozenset({_S.APPROVED}), _S.DONE, MANAGE, (_correction,), _RULES),
        Step("lifting", frozenset({_S.IN_FORCE}), _S.LIFTED, APPROVE, (_by_another,), _RULES),
        Step("execution", frozenset({_S.APPROVED}), _S.DONE, BY_ITSELF, (), _RULES),
    ),
)
