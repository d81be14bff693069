"""Who sits in the seats of a request, and who may decide in one now: pure, asked by the steps and the answers alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ownercare_api.approvals.models import ApprovalStatus, Decision, StepKind, Tier
from ownercare_api.core.errors import Conflict, Forbidden
from ownercare_api.identity.principal import OutOfReach, Principal, PrincipalKind
from ownercare_api.policies.service import Snapshot

FIRST_LIMIT = "approval.department_manager_max_fen"
SECOND_LIMIT = "approval.deputy_general_manager_max_fen"

TIER_WORDS: dict[Tier, tuple[str, str]] = {
    Tier.DEPARTMENT_MANAGER: ("客服部经理", "department manager"),
    Tier.DEPUTY_CHIEF_ENGINEER: ("副总工程师", "deputy chief engineer"),
    Tier.DEPUTY_GENERAL_MANAGER: ("副总经理", "deputy general manager"),
    Tier.GENERAL_MANAGER: ("总经理", "general manager"),
}


def scope_of(tier: Tier) -> str:
    """Return the scope that seats a person in a tier."""
    return f"approvals:decide:{tier.value}"


class WrongTier(Forbidden):
    """403: the caller sits in no seat of this request."""

    code = "wrong_tier"
    zh = "此审批须由{tier}作出,您没有该审批权限。"
    en = "This decision belongs to the {tier}; it is not your seat."
    rules = ("FIN-01", "FIN-02", "FIN-03")


class OwnWork(Forbidden):
    """403: the caller prepared, estimated or edited what is to be approved (reading 10)."""

    code = "own_work"
    zh = "您参与过此事项的勘察、估价、编制或修改,不得审批自己经手的事项。"
    en = "You surveyed, estimated, prepared or edited this; nobody approves their own work."
    rules = ("FIN-01", "FIN-02", "FIN-03")


class TwoPeople(Forbidden):
    """403: review and approval of the middle tier are two people's work (readings 1 and 10)."""

    code = "two_people"
    zh = "审核与批准须由两人分别作出:您已在前一环节作出审核。"
    en = "Review and approval need two people: you decided in the seat before."
    rules = ("FIN-02",)


class PersonRequired(Forbidden):
    """403: a machine can't decide; the maker-checker rule compares people."""

    code = "person_required"
    zh = "审批须由公司员工本人作出,接入系统不得代为审批。"
    en = "A decision is made by an employee in person, not by a machine."
    rules = ("ORG-10",)


class AlreadyDecided(Conflict):
    """409: the request has ended."""

    code = "already_decided"
    zh = "此审批单已结束(状态:{status}),不能再作决定。"
    en = "This request has ended (status: {status}); nothing is left to decide."
    rules = ("FIN-01", "FIN-02", "FIN-03")


class OutOfTurn(Conflict):
    """409: another seat decides first, or the caller's seat has decided already."""

    code = "out_of_turn"
    zh = "尚未轮到您:当前环节由{tier}处理。"
    en = "It is not your turn: the {tier} decides now."
    rules = ("FIN-02",)


@dataclass(frozen=True, slots=True)
class Seat:
    """One seat of a route: a review comes before the approval it prepares."""

    kind: StepKind
    tier: Tier


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a route is what it is: the rule, and the policy limit that decided (`value_fen` None: unset)."""

    rule: str
    policy_key: str
    value_fen: int | None


_MANAGER = (Seat(StepKind.APPROVE, Tier.DEPARTMENT_MANAGER),)
_DEPUTIES = (
    Seat(StepKind.REVIEW, Tier.DEPUTY_CHIEF_ENGINEER),
    Seat(StepKind.APPROVE, Tier.DEPUTY_GENERAL_MANAGER),
)
_GENERAL_MANAGER = (Seat(StepKind.APPROVE, Tier.GENERAL_MANAGER),)


def _judged(snapshot: Snapshot, total_fen: int) -> tuple[tuple[Seat, ...], Reason]:
    first, second = snapshot.optional_fen(FIRST_LIMIT), snapshot.optional_fen(SECOND_LIMIT)
    if first is None:
        return _GENERAL_MANAGER, Reason("FIN-03", FIRST_LIMIT, None)
    if total_fen <= first:
        return _MANAGER, Reason("FIN-01", FIRST_LIMIT, first)
    if second is not None and total_fen <= second:
        return _DEPUTIES, Reason("FIN-02", SECOND_LIMIT, second)
    return _GENERAL_MANAGER, Reason("FIN-03", SECOND_LIMIT, second)


def route(snapshot: Snapshot, total_fen: int) -> tuple[Seat, ...]:
    """Return the seats for a whole repair of `total_fen` (FIN-01..03, readings 1 and 7).

    A limit includes its own number. Where a limit is unset, nobody below the general manager was empowered.
    """
    return _judged(snapshot, total_fen)[0]


def reason(snapshot: Snapshot, total_fen: int) -> Reason:
    """Return the rule and the policy value that chose `route(snapshot, total_fen)`."""
    return _judged(snapshot, total_fen)[1]


@dataclass(frozen=True, slots=True)
class Taken:
    """A seat of a real request, and what was decided in it."""

    position: int
    tier: Tier
    decision: Decision | None
    decided_by: UUID | None


@dataclass(frozen=True, slots=True)
class Chain:
    """What is judged about a request: its seats in order, and the people whose work it is about."""

    status: ApprovalStatus
    project_id: UUID
    seats: Sequence[Taken]
    makers: frozenset[UUID]

    @property
    def turn(self) -> Taken | None:
        """Return the seat that decides now; None once the request has ended."""
        if self.status is not ApprovalStatus.PENDING:
            return None
        return next((seat for seat in self.seats if seat.decision is None), None)

    def check(self, actor: Principal) -> Taken:
        """Return the seat in which `actor` decides now, or raise why not."""
        scopes = {seat.tier: scope_of(seat.tier) for seat in self.seats}
        if not any(actor.may(scope, project_id=self.project_id) for scope in scopes.values()):
            if any(scope in actor.scopes for scope in scopes.values()):
                raise OutOfReach
            raise WrongTier(tier=TIER_WORDS[(self.turn or self.seats[-1]).tier])
        if actor.kind is not PrincipalKind.STAFF:
            raise PersonRequired
        if actor.id in self.makers:
            raise OwnWork
        turn = self.turn
        if turn is None:
            raise AlreadyDecided(status=self.status.value)
        if not actor.may(scopes[turn.tier], project_id=self.project_id):
            raise OutOfTurn(tier=TIER_WORDS[turn.tier])
        persons = actor.acting(scopes[turn.tier], project_id=self.project_id)
        if persons & self.makers:  # lent by a maker
            raise OwnWork
        if any(seat.decided_by in persons for seat in self.seats):
            raise TwoPeople
        return turn
