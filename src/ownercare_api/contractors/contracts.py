"""Use case: a construction contract with its warranty terms and retention (FIN-11, REP-08)."""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.contractors.models import ConstructionContract, Firm, FirmKind, WarrantyTerm
from ownercare_api.contractors.service import WRITE, FirmInactive, FirmNotFound, PartnerNameTaken, WrongFirmKind
from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import FieldError, Invalid
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.policies import service as policies
from ownercare_api.properties import service as properties
from ownercare_api.properties.models import Project
from ownercare_api.properties.parts import BuildingPart
from ownercare_api.timeline import service as timeline


class RetentionTooHigh(Invalid):
    """422: the retention is above what the policy in force allows."""

    code = "retention_too_high"
    zh, en = "保证金比例超过政策上限。", "The retention is above the policy's limit."
    rules = ("FIN-11",)

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/retention_bp", self.code, self.zh, self.en),))


class NotAcceptedYet(Invalid):
    """422: completion acceptance can't be in the future."""

    code = "not_accepted_yet"
    zh, en = "竣工验收日期不能晚于今天。", "Completion acceptance can't be in the future."
    rules = ("REP-08",)

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/accepted_on", self.code, self.zh, self.en),))


class PartTwice(Invalid):
    """422: a contract has one warranty period for a part."""

    code = "part_twice"
    zh, en = "同一部位只能约定一个保修期。", "A part has one warranty period in a contract."
    rules = ("REP-08",)

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/warranty_terms", self.code, self.zh, self.en),))


async def sign(
    session: AsyncSession,
    *,
    firm_id: UUID,
    project_id: UUID,
    number: str,
    title: str,
    amount_fen: int,
    retention_bp: int,
    accepted_on: date,
    has_repair_agreement: bool,
    terms: list[tuple[BuildingPart, int]],
    principal: Principal,
    now: datetime,
) -> ConstructionContract:
    """Enter a contract; `terms` are (part, months from completion acceptance).

    Raises `ProjectNotFound`, `OutOfReach`, `FirmNotFound`, `WrongFirmKind`, `FirmInactive`, `PartnerNameTaken`,
    `RetentionTooHigh`, `NotAcceptedYet`, `PartTwice`, `NoPolicy`.
    """
    if await session.get(Project, project_id) is None or not (
        principal.may(properties.READ, project_id=project_id) or principal.may(WRITE, project_id=project_id)
    ):
        raise properties.ProjectNotFound
    principal.require(WRITE, project_id=project_id)
    firm = await session.get(Firm, firm_id, with_for_update={"read": True})
    if firm is None:
        raise FirmNotFound
    if firm.kind is not FirmKind.CONTRACTOR:
        raise WrongFirmKind
    if not firm.active:
        raise FirmInactive
    if accepted_on > business_date(now):
        raise NotAcceptedYet
    months: Mapping[BuildingPart, int] = dict(terms)
    if len(months) != len(terms):
        raise PartTwice
    policy = await policies.in_force(session, project_id=project_id, at=now)
    if retention_bp > round(policy.values["retention.max_percent"] * 100):
        raise RetentionTooHigh
    same = select(ConstructionContract.id).where(ConstructionContract.number == number)
    if await session.scalar(same) is not None:
        raise PartnerNameTaken
    contract = ConstructionContract(
        id=uuid7(),
        firm_id=firm_id,
        project_id=project_id,
        number=number,
        title=title,
        amount_fen=amount_fen,
        retention_bp=retention_bp,
        accepted_on=accepted_on,
        has_repair_agreement=has_repair_agreement,
    )
    session.add(contract)
    await session.flush()
    session.add_all(
        WarrantyTerm(id=uuid7(), contract_id=contract.id, building_part=part, months=count)
        for part, count in months.items()
    )
    await session.flush()
    await timeline.record(
        session,
        kind="construction_contract.signed",
        subject_kind="construction_contract",
        subject_id=contract.id,
        actor=principal,
        now=now,
        project_id=project_id,
        firm_id=firm_id,
        rules=("REP-08", "FIN-11"),
        data={
            "amount_fen": amount_fen,
            "retention_bp": retention_bp,
            "accepted_on": accepted_on.isoformat(),
            "warranty_months": {part.value: count for part, count in months.items()},
        },
    )
    return contract
