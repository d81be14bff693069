"""Partner firms of the demonstration: contractors with contracts and warranty terms, property companies with teams."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from ownercare_api.contractors.models import (
    ConstructionContract,
    Firm,
    FirmKind,
    FirmProject,
    RepairTeam,
    RepairTeamProject,
    RepairWorker,
    WarrantyTerm,
)
from ownercare_api.contractors.sealing import sealed_account, sealed_phone
from ownercare_api.core.clock import SHANGHAI
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.phones import normalise_phone
from ownercare_api.demo.accounts import Actor, Staff
from ownercare_api.demo.bulk import Sheet
from ownercare_api.demo.estate import CUIHU, FOUNDED, JIANGLAN, YUNQI, Estate
from ownercare_api.demo.firms import Firm as MadeFirm
from ownercare_api.demo.firms import Worker, make_firms
from ownercare_api.demo.people import PeopleFactory
from ownercare_api.properties.parts import BuildingPart as Part
from ownercare_api.properties.parts import Trade

WORKERS_PER_COMPANY = 20


@dataclass(frozen=True, slots=True)
class Terms:
    """A contract: who, the parts with the contractor's months, the price in fen, and what was agreed."""

    firm: str
    title: str
    months: dict[Part, int]
    amount_fen: int
    accepted_on: date
    retention_bp: int = 300
    has_repair_agreement: bool = True


# One contract for each part and project. At 云栖雅苑 the 24 months of the fitters are over while those of later owners
# run, so that both classes occur; the waterproofers' 60 months still run.
CONTRACTS: dict[str, tuple[Terms, ...]] = {
    YUNQI: (
        Terms("固盾防水", "室内防水工程施工合同", {Part.WET_ROOM_WATERPROOFING: 60}, 862_000_000, date(2023, 3, 31)),
        Terms(
            "恒驰机电",
            "机电安装工程施工合同",
            {Part.ELECTRICS: 24, Part.PLUMBING: 24, Part.EQUIPMENT: 36},
            5_230_000_000,
            date(2023, 5, 31),
        ),
        Terms("筑雅装饰", "室内装饰工程施工合同", {Part.DECORATION: 24}, 4_180_000_000, date(2023, 5, 26)),
        Terms(
            "明晟门窗幕墙", "外墙及门窗工程施工合同", {Part.FACADE_WATERPROOFING: 60}, 2_960_000_000, date(2023, 4, 28)
        ),
        Terms("磐石建设", "土建总承包施工合同", {Part.ROOF_WATERPROOFING: 60}, 38_600_000_000, date(2023, 5, 15), 200),
        Terms("和风暖通", "暖通工程施工合同", {Part.HEATING_COOLING: 36}, 1_740_000_000, date(2023, 5, 31)),
    ),
    JIANGLAN: (
        Terms("固盾防水", "室内防水工程施工合同", {Part.WET_ROOM_WATERPROOFING: 60}, 326_000_000, date(2026, 9, 18)),
        Terms(
            "恒驰机电",
            "机电安装工程施工合同",
            {Part.ELECTRICS: 24, Part.PLUMBING: 24, Part.EQUIPMENT: 36},
            2_120_000_000,
            date(2026, 9, 28),
        ),
        Terms("筑雅装饰", "室内精装修工程施工合同", {Part.DECORATION: 24}, 3_050_000_000, date(2026, 9, 25)),
        Terms(
            "明晟门窗幕墙", "幕墙及门窗工程施工合同", {Part.FACADE_WATERPROOFING: 60}, 1_480_000_000, date(2026, 8, 31)
        ),
        Terms(
            "磐石建设",
            "土建总承包施工合同",
            {Part.ROOF_WATERPROOFING: 60},
            16_900_000_000,
            date(2026, 9, 10),
            200,
            False,
        ),
        Terms("和风暖通", "暖通工程施工合同", {Part.HEATING_COOLING: 36}, 960_000_000, date(2026, 9, 20)),
    ),
    CUIHU: (
        Terms(
            "恒驰机电",
            "案场机电安装工程施工合同",
            {Part.ELECTRICS: 24, Part.PLUMBING: 24, Part.EQUIPMENT: 24},
            168_000_000,
            date(2025, 8, 15),
        ),
        Terms("筑雅装饰", "案场及示范区装饰工程施工合同", {Part.DECORATION: 24}, 342_000_000, date(2025, 8, 22)),
        Terms(
            "和风暖通", "案场暖通工程施工合同", {Part.HEATING_COOLING: 12}, 96_000_000, date(2025, 8, 20), 300, False
        ),
    ),
}

SERVING: dict[str, tuple[str, ...]] = {"安庭物业": (YUNQI,), "和悦物业": (JIANGLAN, CUIHU)}

# What a repairer knows besides the main trade of `firms.WORKER_TRADES`, the main one first.
KNOWN: dict[str, tuple[Trade, ...]] = {
    "waterproofer": (Trade.WATERPROOFING, Trade.TILING, Trade.MASONRY),
    "plumber": (Trade.PLUMBING, Trade.WATERPROOFING, Trade.TILING),
    "electrician": (Trade.ELECTRICS, Trade.EQUIPMENT),
    "mason": (Trade.MASONRY, Trade.TILING, Trade.PAINTING),
    "carpenter": (Trade.CARPENTRY, Trade.DOORS_WINDOWS),
    "painter": (Trade.PAINTING, Trade.MASONRY, Trade.WATERPROOFING),
    "window_fitter": (Trade.DOORS_WINDOWS, Trade.WATERPROOFING),
    "hvac_fitter": (Trade.HVAC, Trade.ELECTRICS, Trade.PLUMBING),
}
_TEAMS = (
    (YUNQI, "安庭物业", "云栖雅苑客户服务维修队", "captain.yunqi", "repair_worker", slice(0, 20)),
    (JIANGLAN, "和悦物业", "江澜府客户服务维修队", "captain.jianglan", "repair_worker.2", slice(0, 10)),
    (CUIHU, "和悦物业", "翠湖里客户服务维修队", "captain.cuihu", "repair_worker.3", slice(10, 20)),
)


@dataclass(frozen=True, slots=True)
class Partners:
    """The partner firms as they were made, before teams need their captains' accounts."""

    made: dict[str, MadeFirm]
    ids: dict[str, UUID]
    """By short name."""


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract as the history needs it."""

    id: UUID
    firm_id: UUID
    firm: str
    accepted_on: date
    accepted_at: datetime
    months: dict[Part, int]
    retention_fen: int
    has_repair_agreement: bool


@dataclass(frozen=True, slots=True)
class Team:
    """A repair team with its captain and workers: (id, the trades known)."""

    id: UUID
    firm_id: UUID
    captain: Actor
    workers: tuple[tuple[UUID, frozenset[Trade]], ...]

    def workers_with(self, trades: frozenset[Trade]) -> list[UUID]:
        """Return the workers who know all of some trades."""
        return [worker for worker, known in self.workers if trades <= known]


@dataclass(frozen=True, slots=True)
class Trades:
    """Contracts by project and part, and the team of each project."""

    contracts: dict[str, dict[Part, Contract]]
    teams: dict[str, Team]


def enter_firms(sheet: Sheet, *, keyring: Keyring, people: PeopleFactory) -> Partners:
    """Add six contractors and two property companies."""
    made = {
        firm.short_name: firm
        for firm in make_firms(seed=20260603, people=people, workers_per_company=WORKERS_PER_COMPANY)
    }
    ids = {
        short_name: sheet.add(
            Firm,
            FOUNDED,
            kind=FirmKind(firm.kind),
            name=firm.name,
            uscc=firm.credit_code,
            contact_name=firm.contact.name,
            contact_phone_set_at=FOUNDED,
            bank_name=firm.bank_name,
            bank_account_holder=firm.name,
            **sealed_phone(keyring, normalise_phone(firm.contact.mobile)),
            **sealed_account(keyring, firm.bank_account),
        )["id"]
        for short_name, firm in made.items()
    }
    return Partners(made=made, ids=ids)


def build(sheet: Sheet, estate: Estate, partners: Partners, staff: Staff) -> Trades:
    """Add contracts with warranty terms, service areas, and a repair team with its workers for each project."""
    contracts = {
        project: _contracts(sheet, terms, project=project, project_id=estate.projects[project], firms=partners.ids)
        for project, terms in CONTRACTS.items()
    }
    for firm, projects in SERVING.items():
        for project in projects:
            sheet.add(FirmProject, FOUNDED, firm_id=partners.ids[firm], project_id=estate.projects[project])
    rng = random.Random(20260604)
    teams: dict[str, Team] = {}
    for project, firm, name, captain, with_login, part in _TEAMS:
        team = sheet.add(RepairTeam, FOUNDED, firm_id=partners.ids[firm], name=name, captain_id=staff[captain].id)
        sheet.add(RepairTeamProject, FOUNDED, team_id=team["id"], project_id=estate.projects[project])
        workers = _workers(sheet, rng, partners.made[firm].workers[part], team_id=team["id"], login=staff[with_login])
        teams[project] = Team(team["id"], partners.ids[firm], staff[captain], workers)
    return Trades(contracts=contracts, teams=teams)


def _contracts(
    sheet: Sheet, terms: tuple[Terms, ...], *, project: str, project_id: UUID, firms: dict[str, UUID]
) -> dict[Part, Contract]:
    found: dict[Part, Contract] = {}
    for place, term in enumerate(terms, start=1):
        accepted_on = term.accepted_on
        at = datetime(accepted_on.year, accepted_on.month, accepted_on.day, 16, tzinfo=SHANGHAI).astimezone(UTC)
        row = sheet.add(
            ConstructionContract,
            at,
            firm_id=firms[term.firm],
            project_id=project_id,
            number=f"SG-{project[:2].upper()}-{place:02d}",
            title=term.title,
            amount_fen=term.amount_fen,
            retention_bp=term.retention_bp,
            accepted_on=accepted_on,
            has_repair_agreement=term.has_repair_agreement,
        )
        contract = Contract(
            id=row["id"],
            firm_id=firms[term.firm],
            firm=term.firm,
            accepted_on=accepted_on,
            accepted_at=at,
            months=term.months,
            retention_fen=term.amount_fen * term.retention_bp // 10_000,
            has_repair_agreement=term.has_repair_agreement,
        )
        for part, months in term.months.items():
            sheet.add(WarrantyTerm, at, contract_id=row["id"], building_part=part, months=months)
            found[part] = contract
    return found


def _workers(
    sheet: Sheet, rng: random.Random, people: tuple[Worker, ...], *, team_id: UUID, login: Actor
) -> tuple[tuple[UUID, frozenset[Trade]], ...]:
    """The first worker has an account, and that account's name."""
    made = []
    for place, worker in enumerate(people):
        trades = KNOWN[worker.trades[0]]
        row = sheet.add(
            RepairWorker,
            FOUNDED,
            team_id=team_id,
            account_id=login.id if place == 0 else None,
            name=login.name if place == 0 else worker.person.name,
            trades=[trade.value for trade in trades],
            skill_level=2 + rng.randrange(4),
            experience_years=3 + rng.randrange(22),
        )
        made.append((row["id"], frozenset(trades)))
    return tuple(made)
