"""What the guards look at, and who may sign where: pure, asked by the steps and by `allowed_actions` alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from ownercare_api.core.errors import Conflict, DomainError, Forbidden
from ownercare_api.identity.principal import Principal, PrincipalKind
from ownercare_api.workorders.lifecycle import PartyRole, SignatureSeat


class SeatTaken(Conflict):
    """409: this seat is signed already."""

    code = "seat_taken"
    zh = "该签字位已签。"
    en = "This seat is signed already."
    rules = ("REP-02", "REP-12")


class NotInvited(Conflict):
    """409: this party does not take part in the survey."""

    code = "party_not_invited"
    zh = "该方未被邀请参加本次现场勘察。"
    en = "This party does not take part in the survey."
    rules = ("REP-02", "REP-03")


class OnePersonOneSeat(Forbidden):
    """403: a person signs in one seat only, whatever roles the person holds."""

    code = "one_person_one_seat"
    zh = "同一人不得在同一份会签中代表两方签字。"
    en = "One person may not sign for two parties."
    rules = ("REP-02", "REP-12")


class NotYourSeat(Forbidden):
    """403: the seat belongs to another firm or person."""

    code = "not_your_seat"
    zh = "该签字位应由受邀单位的人员(维修队为其队长)签字。"
    en = "This seat is for a person of the invited firm; the team's is for its captain."
    rules = ("REP-02", "REP-12")


class ReporterSignsAsCaptain(Forbidden):
    """403: who reported the work done does not accept it for others (reading 10)."""

    code = "own_work"
    zh = "报完工的人员只能以维修队长身份签字,不得代表其他方验收。"
    en = "Who reported the work done may sign as repair captain only."
    rules = ("REP-12",)


class NoSeat(Forbidden):
    """403: no seat is open to this person."""

    code = "no_seat_open"
    zh = "没有可由您签字的签字位。"
    en = "No seat is open to you."
    rules = ("REP-02", "REP-12")


FOR_FIRMS = frozenset({"site_surveys:read", "work_orders:read", "work_orders:execute", "accounts:file"})
"""What a partner firm's people and machines may do in what concerns the firm; every other step is the staff's, also
where such a scope was granted for a firm: it does not dispatch to itself, nor consent for the owner."""

_PEOPLE = (PrincipalKind.STAFF, PrincipalKind.FIRM_USER)


def _for_the_firm(actor: Principal, scope: str, *, project_id: UUID, firm_id: UUID | None) -> None:
    """Staff need the scope for the project; a firm's people must be of the invited firm."""
    if actor.kind is PrincipalKind.FIRM_USER and (firm_id is None or actor.firm_id != firm_id):
        raise NotYourSeat
    actor.require(scope, project_id=project_id, firm_ids=[firm_id])


def with_makers(makers: Mapping[str, object], persons: frozenset[UUID], part: str) -> dict[str, object]:
    """Return the makers with the persons who act now; who is one already keeps the earlier part (reading 10)."""
    return {**makers, **{str(person): makers.get(str(person), part) for person in sorted(persons)}}


@dataclass(frozen=True, slots=True)
class SurveySeat:
    """One party's place on the 《现场勘察会签表》."""

    role: PartyRole
    required: bool
    firm_id: UUID | None
    signed_by: UUID | None
    persons: frozenset[UUID] = frozenset()
    """The signer, and who lent the signer the authority."""


@dataclass(frozen=True, slots=True)
class SurveyFactSheet:
    """A survey as the guards see it; `wanted` is the seat that somebody is about to sign."""

    project_id: UUID
    captain_id: UUID | None
    seats: Mapping[PartyRole, SurveySeat]
    wanted: PartyRole | None = None

    def wanting(self, role: PartyRole) -> "SurveyFactSheet":
        """Return the same facts about one seat."""
        return replace(self, wanted=role)

    @property
    def missing(self) -> list[PartyRole]:
        """Return the required parties that have not signed."""
        return [role for role, seat in self.seats.items() if seat.required and seat.signed_by is None]

    def check_signature(self, actor: Principal) -> None:
        """Raise why this actor can't sign the wanted seat, or any seat."""
        if self.wanted is not None:
            self._check(self.wanted, actor)
        elif not self.open_to(actor):
            raise NoSeat

    def open_to(self, actor: Principal) -> list[PartyRole]:
        """Return the seats that this actor could sign now."""
        found = []
        for role in self.seats:
            try:
                self._check(role, actor)
            except DomainError:
                continue
            found.append(role)
        return found

    def _check(self, role: PartyRole, actor: Principal) -> None:
        seat = self.seats.get(role)
        scope = f"site_surveys:sign:{role.value}"
        if seat is None or (role is PartyRole.CONTRACTOR and seat.firm_id is None):
            raise NotInvited
        if actor.kind not in _PEOPLE:
            raise NotYourSeat
        if role is PartyRole.CUSTOMER_SERVICE:
            actor.require(scope, project_id=self.project_id)
        else:
            _for_the_firm(actor, scope, project_id=self.project_id, firm_id=seat.firm_id)
        if role is PartyRole.REPAIR_CAPTAIN and actor.id != self.captain_id:
            raise NotYourSeat
        if role is PartyRole.CONTRACTOR and actor.firm_id != seat.firm_id:
            raise NotYourSeat
        if seat.signed_by is not None:
            raise SeatTaken
        persons = actor.acting(scope, project_id=self.project_id, firm_ids=[seat.firm_id])
        if any(persons & other.persons for other in self.seats.values()):
            raise OnePersonOneSeat


@dataclass(frozen=True, slots=True)
class OrderFactSheet:
    """A work order as the guards see it; `signed` holds this round's seats and the persons who signed: the signer
    and who lent the authority; nobody where the owner's signature was taken."""

    project_id: UUID
    firm_id: UUID | None
    captain_id: UUID | None
    emergency: bool
    approved: bool
    dispatched: bool
    open_extension: bool
    completed_by: UUID | None
    signed: Mapping[SignatureSeat, frozenset[UUID]] = field(default_factory=dict)
    wanted: SignatureSeat | None = None

    def wanting(self, seat: SignatureSeat) -> "OrderFactSheet":
        """Return the same facts about one seat."""
        return replace(self, wanted=seat)

    def with_signature(self, seat: SignatureSeat, persons: frozenset[UUID]) -> "OrderFactSheet":
        """Return the facts after a signature."""
        return replace(self, signed={**self.signed, seat: persons})

    @property
    def missing_signatures(self) -> list[str]:
        """Return the empty seats of this round."""
        return [seat.value for seat in SignatureSeat if seat not in self.signed]

    def check_signature(self, actor: Principal) -> None:
        """Raise why this actor can't sign the wanted seat, or any seat."""
        if self.wanted is not None:
            self._check(self.wanted, actor)
        elif not self.open_to(actor):
            raise NoSeat

    def open_to(self, actor: Principal) -> list[SignatureSeat]:
        """Return the seats that this actor could sign now (the owner's: take)."""
        found = []
        for seat in SignatureSeat:
            try:
                self._check(seat, actor)
            except DomainError:
                continue
            found.append(seat)
        return found

    def _check(self, seat: SignatureSeat, actor: Principal) -> None:
        scope = f"work_orders:sign:{seat.value}"
        if actor.kind not in _PEOPLE:
            raise NotYourSeat
        if seat is SignatureSeat.CUSTOMER_SERVICE:
            actor.require(scope, project_id=self.project_id)
        else:
            _for_the_firm(actor, scope, project_id=self.project_id, firm_id=self.firm_id)
        if seat is SignatureSeat.REPAIR_CAPTAIN and actor.id != self.captain_id:
            raise NotYourSeat
        if seat in self.signed:
            raise SeatTaken
        if seat is SignatureSeat.OWNER:  # the owner signs; staff or the captain only take the signature
            return
        persons = actor.acting(scope, project_id=self.project_id, firm_ids=[self.firm_id])
        if seat is not SignatureSeat.REPAIR_CAPTAIN and self.completed_by in persons:
            raise ReporterSignsAsCaptain
        if any(persons & others for others in self.signed.values()):
            raise OnePersonOneSeat
