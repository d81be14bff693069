"""Site surveys of the history: arranged, found, co-signed; the class follows from both warranties (REP-02..04)."""

from dataclasses import dataclass

from ownercare_api.core.clock import business_date
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.demo.accounts import Actor
from ownercare_api.demo.bulk import Row
from ownercare_api.demo.cases import Case
from ownercare_api.demo.repair_situations import Repair
from ownercare_api.demo.trades import Contract
from ownercare_api.properties.parts import Trade
from ownercare_api.workorders import liability
from ownercare_api.workorders.liability import Derivation
from ownercare_api.workorders.lifecycle import LiableParty, PartyRole, RepairClass, SurveyStatus
from ownercare_api.workorders.models import EstimateLine, SiteSurvey, SurveyParty

PROPERTY_MANAGERS = {"yunqi": "property_company_manager", "jianglan": "property_company_manager.2"}
_CONTRACTORS = {
    "固盾防水": "contractor.1",
    "恒驰机电": "contractor.2",
    "筑雅装饰": "contractor.3",
    "明晟门窗幕墙": "contractor.4",
    "磐石建设": "contractor.5",
    "和风暖通": "contractor.6",
}
_EXEMPT_KEY = "survey_visit.contractor_exempt_below_fen"
_EXEMPT, _NO_CONTRACT = "below_exempt_amount", "no_contract"
_STEP_RULES = {
    "arranged": ("REP-02", "REP-03"),
    "recorded": ("REP-02", "REP-04"),
    "signed": ("REP-02", "REP-04"),
    "co_signed": ("REP-04", "REP-08"),
}


@dataclass(slots=True)
class Visit:
    """A survey under way: its rows, what it is about, and whom the contract names."""

    case: Case
    repair: Repair
    specialist: Actor
    contract: Contract | None
    liable: LiableParty
    lines: list[tuple[str, Trade, int]]
    row: Row
    parties: dict[PartyRole, Row]
    line_rows: list[Row]
    derivation: Derivation | None = None

    @property
    def estimate_fen(self) -> int:
        """Return the sum of the lines."""
        return sum(amount for _, _, amount in self.lines)

    @property
    def trades(self) -> list[str]:
        """Return the trades found, in the order of `Trade`."""
        found = {trade for _, trade, _ in self.lines}
        return [trade.value for trade in Trade if trade in found]

    def event(self, kind: str, *, by: Actor, **data: object) -> None:
        """Record what happened to the survey."""
        facts: Row = dict(data)
        self.case.stage.numbers.cite(self.row, target=facts, key="number")
        self.case.touch(self.row)
        self.case.event(
            f"site_survey.{kind}",
            actor=by,
            rules=_STEP_RULES[kind],
            subject=("site_survey", self.row["id"]),
            firm_id=self.row["property_firm_id"],
            data=facts,
        )


def property_manager(case: Case) -> Actor:
    """Return the property company's person for the project."""
    return case.stage.staff[PROPERTY_MANAGERS.get(case.intake.project, "property_company_manager.2")]


def arrange(case: Case, repair: Repair, specialist: Actor) -> Visit:
    """Arrange the survey within a working day, and invite the parties (REP-02, REP-03)."""
    contract = case.stage.trades.contracts[case.intake.project].get(repair.part)
    lines = [(line.text, line.trade, _price(case, line.low, line.high)) for line in repair.lines]
    rough = sum(amount for _, _, amount in lines)
    team = case.stage.trades.teams[case.intake.project]
    ahead = case.rng.randrange(1150, 1500) if case.chance(0.06) else case.rng.randrange(50, 310)
    scheduled_at = case.pace.later(case.now, case.speed * ahead)
    row = case.stage.sheet.add(
        SiteSurvey,
        case.now,
        ticket_id=case.id,
        project_id=case.project_id,
        unit_id=case.ticket["unit_id"],
        status=SurveyStatus.ARRANGED,
        scheduled_at=scheduled_at.replace(second=0, microsecond=0),
        arranged_by=specialist.id,
        expected_cost_fen=rough // 10_000 * 10_000 or 5_000,
        property_firm_id=team.firm_id,
        contractor_firm_id=None if contract is None else contract.firm_id,
        team_id=team.id,
        building_part=repair.part,
        trades=[],
        makers={str(specialist.id): "arranged"},
        work_open=True,
    )
    case.stage.numbers.ask("KC", row, at=case.now)
    visit = Visit(case, repair, specialist, contract, case.pick(repair.liable), lines, row, {}, [])
    _invite(visit)
    for firm_id in dict.fromkeys((team.firm_id, row["contractor_firm_id"])):
        case.share(firm_id, row, "现场勘察 {}")
    case.ticket["open_work"] += 1
    case.touch()
    exempt = visit.parties[PartyRole.CONTRACTOR]["exempt_because"]
    visit.event(
        "arranged", by=specialist, scheduled_at=row["scheduled_at"].isoformat(), contractor_exempt_because=exempt
    )
    return visit


def _invite(visit: Visit) -> None:
    case, row = visit.case, visit.row
    exempt = _exemption(visit)
    firms = {
        PartyRole.CUSTOMER_SERVICE: None,
        PartyRole.ENGINEERING_OR_PROPERTY: row["property_firm_id"],
        PartyRole.REPAIR_CAPTAIN: row["property_firm_id"],
        PartyRole.CONTRACTOR: row["contractor_firm_id"],
    }
    for role, firm_id in firms.items():
        why = exempt if role is PartyRole.CONTRACTOR else None
        visit.parties[role] = case.stage.sheet.add(
            SurveyParty,
            case.now,
            survey_id=row["id"],
            role=role,
            required=why is None,
            exempt_because=why,
            firm_id=firm_id,
            persons=[],
        )


def _exemption(visit: Visit) -> str | None:
    if visit.contract is None:
        return _NO_CONTRACT
    limit = visit.case.snapshot.integer(_EXEMPT_KEY)
    return _EXEMPT if max(visit.row["expected_cost_fen"], visit.estimate_fen) < limit else None


def _price(case: Case, low: int, high: int) -> int:
    """Return fen, a whole number of ten yuan."""
    return (low + case.rng.randrange(max(high - low, 1))) // 10 * 1_000


def visit_and_sign(visit: Visit) -> None:
    """Visit, record the findings, and let every required party sign; the last one fixes the class (REP-04)."""
    case, row = visit.case, visit.row
    case.now = max(case.now, row["scheduled_at"])
    visited_at = case.wait(0, 25)
    case.wait(12, 45)
    row["status"], row["visited_at"], row["recorded_by"] = SurveyStatus.RECORDED, visited_at, visit.specialist.id
    row["cause"], row["liable_party"] = visit.repair.cause, visit.liable
    row["contract_id"] = None if visit.contract is None else visit.contract.id
    row["trades"], row["estimate_fen"] = visit.trades, visit.estimate_fen
    for position, (text, trade, amount) in enumerate(visit.lines, start=1):
        visit.line_rows.append(
            case.stage.sheet.add(
                EstimateLine,
                case.now,
                survey_id=row["id"],
                position=position,
                description=text,
                trade=trade.value,
                amount_fen=amount,
            )
        )
    case.stop(ClockKind.SITE_SURVEY, actor=visit.specialist, happened_at=visited_at)
    visit.event(
        "recorded",
        by=visit.specialist,
        visited_at=visited_at.isoformat(),
        liable_party=visit.liable.value,
        trades=row["trades"],
        estimate_fen=row["estimate_fen"],
        signatures_cleared=[],
    )
    _sign(visit)


def _sign(visit: Visit) -> None:
    case, staff = visit.case, visit.case.stage.staff
    engineer = case.one_of("engineering_material_engineer", "engineering_material_engineer.2")
    contractor = visit.parties[PartyRole.CONTRACTOR]
    signers = {
        PartyRole.CUSTOMER_SERVICE: visit.specialist,
        PartyRole.REPAIR_CAPTAIN: case.stage.trades.teams[case.intake.project].captain,
        PartyRole.ENGINEERING_OR_PROPERTY: property_manager(case) if case.chance(0.6) else engineer,
    }
    if contractor["required"]:
        assert visit.contract is not None
        signers[PartyRole.CONTRACTOR] = staff[_CONTRACTORS[visit.contract.firm]]
    for role, signer in signers.items():
        slow = role is PartyRole.CONTRACTOR and case.chance(0.2)
        case.wait(60, 420) if slow else case.wait(2, 14)
        party = visit.parties[role]
        party["signed_by"], party["signed_by_name"], party["signed_at"] = signer.id, signer.name, case.now
        party["persons"] = [signer.id]
        visit.event("signed", by=signer, role=role.value)
    _co_sign(visit, by=signer)


def _co_sign(visit: Visit, *, by: Actor) -> None:
    case, row, contract, home = visit.case, visit.row, visit.contract, visit.case.intake.home
    found = liability.derive(
        building_part=visit.repair.part,
        delivered_on=None if home is None else home.delivered_on,
        contractor_accepted_on=None if contract is None else contract.accepted_on,
        contractor_months=None if contract is None else contract.months[visit.repair.part],
        owner_term=liability.owner_term(case.snapshot, visit.repair.part),
        reported_on=business_date(case.intake.received_at),
        liable_party=visit.liable,
    )
    visit.derivation = found
    row["status"], row["co_signed_at"], row["derivation"] = SurveyStatus.CO_SIGNED, case.now, found.facts()
    if found.repair_class is RepairClass.NONE:
        close_work(visit, done=True)
    visit.event(
        "co_signed",
        by=by,
        repair_class=found.repair_class.value,
        reasons=[one["code"] for one in found.reasons],
    )


def close_work(visit: Visit, *, done: bool) -> None:
    """Take the survey out of the ticket's open work."""
    visit.row["work_open"] = False
    visit.case.ticket["open_work"] -= 1
    visit.case.ticket["work_done"] += 1 if done else 0
    visit.case.touch()
