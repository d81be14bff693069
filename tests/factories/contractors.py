"""Contractors with their contracts and warranty terms; property companies with a repair team."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy.ext.asyncio import AsyncSession
from tests.factories.org import Org
from tests.factories.people import Actor, Desk

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
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.ids import uuid7
from ownercare_api.demo.firms import credit_code
from ownercare_api.properties.parts import BuildingPart, Trade

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
ACCEPTED = date(2025, 5, 31)
FOUNDED = datetime(2025, 1, 2, 4, tzinfo=UTC)
ACCOUNT = "6217001540001234567"


@dataclass
class Contractor:
    """A contractor, its contract for the project, and the months of each part."""

    firm: Firm
    contract: ConstructionContract
    terms: dict[BuildingPart, WarrantyTerm]


@dataclass
class PropertyCompany:
    """A property company that serves the project, its team, workers and captain."""

    firm: Firm
    team: RepairTeam
    workers: list[RepairWorker]
    captain: Actor


async def make_firm(
    session: AsyncSession, *, kind: FirmKind, name: str | None = None, account: str | None = ACCOUNT
) -> Firm:
    """Make a partner firm with a valid credit code of its own, known for long, with a bank account."""
    made, keyring = uuid7(), Keyring.from_master(bytes(range(32)))
    name = name or f"临澜{'固盾防水工程' if kind is FirmKind.CONTRACTOR else '安庭物业服务'}{made.hex[-6:]}有限公司"
    digits, rest = "", made.int & 0x3FFF_FFFF
    for _ in range(6):
        rest, digit = divmod(rest, len(_ALPHABET))
        digits += _ALPHABET[digit]
    firm = Firm(
        id=made,
        kind=kind,
        name=name,
        uscc=credit_code(region="990000", organisation=f"MA{digits}"),
        contact_name="赵建国",
        contact_phone_set_at=FOUNDED,
        bank_name=None if account is None else "临澜银行江晖支行",
        bank_account_holder=None if account is None else name,
        **sealed_phone(keyring, "+8657112345678"),
        **sealed_account(keyring, account),
    )
    session.add(firm)
    await session.flush()
    return firm


async def make_contractor(
    session: AsyncSession,
    org: Org,
    *,
    parts: Mapping[BuildingPart, int] | None = None,
    accepted_on: date = ACCEPTED,
    amount_fen: int = 500_000_000,
    retention_bp: int = 300,
    has_repair_agreement: bool = True,
    firm: Firm | None = None,
) -> Contractor:
    """Make a contractor with a contract for the project; `parts` gives the warranty months of each building part."""
    firm = firm or await make_firm(session, kind=FirmKind.CONTRACTOR)
    contract = ConstructionContract(
        id=uuid7(),
        firm_id=firm.id,
        project_id=org.project.id,
        number=f"SG-{uuid7().hex[-8:]}",
        title=f"{org.project.name}防水工程施工合同",
        amount_fen=amount_fen,
        retention_bp=retention_bp,
        accepted_on=accepted_on,
        has_repair_agreement=has_repair_agreement,
    )
    session.add(contract)
    await session.flush()
    months = {BuildingPart.WET_ROOM_WATERPROOFING: 60} if parts is None else parts
    terms = {
        part: WarrantyTerm(id=uuid7(), contract_id=contract.id, building_part=part, months=count)
        for part, count in months.items()
    }
    session.add_all(terms.values())
    await session.flush()
    return Contractor(firm=firm, contract=contract, terms=terms)


async def make_property_company(
    session: AsyncSession,
    org: Org,
    people: Desk,
    *,
    trades: Sequence[Sequence[Trade]] = ((Trade.WATERPROOFING, Trade.TILING), (Trade.PLUMBING,)),
    firm: Firm | None = None,
) -> PropertyCompany:
    """Make a property company serving the project, with a team, its captain, and one worker for each set of trades."""
    firm = firm or await make_firm(session, kind=FirmKind.PROPERTY_COMPANY)
    session.add(FirmProject(firm_id=firm.id, project_id=org.project.id))
    await session.flush()
    captain = await people.firm_user("repair_captain", firm_id=firm.id)
    team = RepairTeam(id=uuid7(), firm_id=firm.id, name=f"客户服务维修队{uuid7().hex[-6:]}", captain_id=captain.id)
    session.add(team)
    await session.flush()
    session.add(RepairTeamProject(team_id=team.id, project_id=org.project.id))
    workers = [
        RepairWorker(
            id=uuid7(),
            team_id=team.id,
            name=f"维修工{place + 1}",
            trades=[trade.value for trade in known],
            skill_level=3,
            experience_years=8,
        )
        for place, known in enumerate(trades)
    ]
    session.add_all(workers)
    await session.flush()
    return PropertyCompany(firm=firm, team=team, workers=workers, captain=captain)
