"""What the contractor room sends and takes."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema
from stdnum.cn import uscc as uscc_rules

from ownercare_api.contractors.models import FirmKind
from ownercare_api.core.phone_field import PhoneNumber
from ownercare_api.core.wire import BusinessDate, Fault, Inward, Line, Name, Outward, PositiveFen, Ref
from ownercare_api.properties.parts import BuildingPart, Trade

Item = TypeVar("Item")


def example(**fields: Any) -> ConfigDict:
    """Return the configuration of a body with one realistic example."""
    return Inward.model_config | ConfigDict(json_schema_extra={"examples": [fields]})


def _uscc(text: str) -> str:
    plain = uscc_rules.compact(text).upper()
    if not plain.isascii() or not uscc_rules.is_valid(plain):
        raise Fault(
            "invalid_uscc",
            zh="统一社会信用代码有误,请核对 18 位代码及校验码。",
            en="This is no unified social credit code; check its 18 characters.",
        )
    return plain


def _no_twins(values: Sequence[Item]) -> Sequence[Item]:
    if len(set(values)) != len(values):
        raise Fault("repeated", zh="同一项不能重复填写。", en="The same thing is named twice.")
    return values


def _by_change(_: object) -> None:
    raise Fault(
        "bank_account_by_change",
        zh="银行账户不在此处登记或修改:请提交 POST /v1/firms/{id}/bank-account-changes,由他人核实确认后生效。",
        en="Enter accounts by POST /v1/firms/{id}/bank-account-changes; they count once somebody else confirmed them.",
    )


_ByChange = Annotated[SkipJsonSchema[None], BeforeValidator(_by_change)]
CreditCode = Annotated[str, StringConstraints(min_length=18, max_length=30), AfterValidator(_uscc)]
"""Unified social credit code (统一社会信用代码, GB 32100), in its 18 characters."""
Trades = Annotated[list[Trade], Field(min_length=1, max_length=len(Trade)), AfterValidator(_no_twins)]
Projects = Annotated[list[UUID], Field(max_length=200), AfterValidator(_no_twins)]
SkillLevel = Annotated[int, Field(strict=True, ge=1, le=5)]
Years = Annotated[int, Field(strict=True, ge=0, le=60)]


class FirmRead(Outward):
    """A partner firm."""

    id: UUID
    kind: FirmKind
    name: str = Field(examples=["临澜固盾防水工程有限公司"])
    uscc: str = Field(description="unified social credit code (统一社会信用代码)", examples=["91990000MA1K2ABC3B"])
    contact_name: str
    contact_phone_masked: str = Field(description="the firm's number for business", examples=["0571-****5678"])
    bank_name: str | None = Field(description="bank with branch (开户行)", examples=["临澜银行江晖支行"])
    bank_account_holder: str | None = Field(description="as the bank has it (户名)")
    bank_account_masked: str | None = Field(description="see disclosures", examples=["**** 5678"])
    bank_account_change_id: UUID | None = Field(description="the change of account that waits for its confirmation")
    active: bool
    project_ids: list[UUID] = Field(description="projects that a property company serves")
    version: int


class _WithoutAccount(Inward):
    """Bank accounts are not entered with the firm: one person alone must not say where money goes."""

    bank_name: _ByChange = None
    bank_account: _ByChange = None
    bank_account_holder: _ByChange = None


class FirmCreate(_WithoutAccount):
    """A new partner firm."""

    model_config = example(
        kind="contractor",
        name="临澜固盾防水工程有限公司",
        uscc="91990000MA1K2ABC3B",
        contact_name="赵建国",
        contact_phone="0571-12345678",
    )

    kind: FirmKind = Field(description="contractor (施工单位) or property company (物业公司)")
    name: Name = Field(description="registered name, unique")
    uscc: CreditCode = Field(description="unified social credit code (统一社会信用代码), unique")
    contact_name: Name
    contact_phone: PhoneNumber = Field(description="the firm's number for business; kept encrypted")


class FirmUpdate(_WithoutAccount):
    """Plain fields of a firm; what is absent stays (JSON Merge Patch)."""

    model_config = example(contact_name="孙丽", contact_phone="0571-87654321")

    # The factories only make a field optional without making it nullable; their values are never used.
    name: Name = Field(default_factory=str)
    contact_name: Name = Field(default_factory=str)
    contact_phone: PhoneNumber = Field(default_factory=str)
    active: bool = Field(default_factory=bool, description="false: no new contracts and teams")


class FirmProjectsReplace(Inward):
    """All projects that a property company serves."""

    model_config = example(project_ids=["0198c5f0-0000-7000-8000-000000000021"])

    project_ids: Projects


class WarrantyTermRead(Outward):
    """The contractor's warranty period of one part, from completion acceptance."""

    building_part: BuildingPart
    months: int = Field(examples=[60])


class ContractRead(Outward):
    """A construction contract (施工合同)."""

    id: UUID
    firm: Ref
    project_id: UUID
    number: str = Field(examples=["SG-2024-017"])
    title: str = Field(examples=["云栖雅苑防水工程施工合同"])
    amount_fen: int
    retention_bp: int = Field(description="retention (工程质量保证金) in hundredths of a percent", examples=[300])
    accepted_on: date = Field(
        description="completion acceptance (竣工验收): the contractor's warranty clock starts here"
    )
    has_repair_agreement: bool = Field(description="the 售后维修补充协议 is signed (REP-09)")
    warranty_terms: list[WarrantyTermRead]
    version: int


class WarrantyTermCreate(Inward):
    """The contractor's warranty period of one part."""

    building_part: BuildingPart
    months: int = Field(strict=True, ge=1, le=600, description="from completion acceptance")


class ContractCreate(Inward):
    """A construction contract with its warranty terms."""

    model_config = example(
        firm_id="0198c5f0-0000-7000-8000-000000000401",
        project_id="0198c5f0-0000-7000-8000-000000000021",
        number="SG-2024-017",
        title="云栖雅苑防水工程施工合同",
        amount_fen=386_000_000,
        retention_bp=300,
        accepted_on="2025-05-31",
        has_repair_agreement=True,
        warranty_terms=[{"building_part": "wet_room_waterproofing", "months": 60}],
    )

    firm_id: UUID = Field(description="a contractor (施工单位)")
    project_id: UUID
    number: Name = Field(description="contract number, unique")
    title: Line
    amount_fen: PositiveFen
    retention_bp: int = Field(
        strict=True,
        ge=0,
        le=300,
        description="retention in hundredths of a percent, within the policy's limit (FIN-11)",
    )
    accepted_on: BusinessDate = Field(description="completion acceptance (竣工验收); today or earlier")
    has_repair_agreement: bool = Field(description="the 售后维修补充协议 is signed (REP-09)")
    warranty_terms: list[WarrantyTermCreate] = Field(min_length=1, max_length=len(BuildingPart))


class TeamSummary(Outward):
    """A repair team (客户服务维修队) in a list."""

    id: UUID
    firm: Ref
    name: str = Field(examples=["云栖雅苑客户服务维修队"])
    captain: Ref
    project_ids: list[UUID] = Field(description="its service area")
    active: bool
    version: int


class WorkerRead(Outward):
    """A repairer (维修人员)."""

    id: UUID
    team_id: UUID
    account_id: UUID | None = Field(description="login, where the worker has one")
    name: str
    trades: list[Trade]
    skill_level: int = Field(description="1 helper … 5 senior technician")
    experience_years: int
    active: bool
    version: int


class TeamRead(TeamSummary):
    """A repair team with its workers."""

    workers: list[WorkerRead]


class TeamCreate(Inward):
    """A new repair team under a property company; customer service names the captain (ORG-23)."""

    model_config = example(
        firm_id="0198c5f0-0000-7000-8000-000000000411",
        name="云栖雅苑客户服务维修队",
        captain_id="0198c5f0-0000-7000-8000-000000000501",
        project_ids=["0198c5f0-0000-7000-8000-000000000021"],
    )

    firm_id: UUID = Field(description="a property company")
    name: Name = Field(description="unique")
    captain_id: UUID = Field(description="account of a person of that firm")
    project_ids: Projects = Field(min_length=1, description="service area: projects that the firm serves")


class WorkerCreate(Inward):
    """A new repairer of a team (REP-14)."""

    model_config = example(
        team_id="0198c5f0-0000-7000-8000-000000000421",
        name="李德胜",
        trades=["waterproofing", "tiling"],
        skill_level=3,
        experience_years=8,
    )

    team_id: UUID
    account_id: UUID | None = Field(default=None, description="account of a person of the team's firm")
    name: Name
    trades: Trades
    skill_level: SkillLevel = Field(description="1 helper … 5 senior technician (初级工…高级技师)")
    experience_years: Years


class WorkerUpdate(Inward):
    """Plain fields of a repairer; what is absent stays (JSON Merge Patch)."""

    model_config = example(skill_level=4, experience_years=9)

    name: Name = Field(default_factory=str)
    trades: Trades = Field(default_factory=list)
    skill_level: SkillLevel = Field(default_factory=int)
    experience_years: Years = Field(default_factory=int)
    active: bool = Field(default_factory=bool)
