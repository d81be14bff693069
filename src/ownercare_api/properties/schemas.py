"""What the property room sends and takes."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from ownercare_api.core.wire import BusinessDate, Code, Fault, Inward, Line, Name, Note, Outward
from ownercare_api.deadlines.views import DeadlineRead
from ownercare_api.properties.models import CompanyLevel
from ownercare_api.properties.models_occupancy import OccupiedBy


def _example(**fields: Any) -> ConfigDict:
    return Inward.model_config | ConfigDict(json_schema_extra={"examples": [fields]})


Floor = Annotated[int, Field(strict=True, ge=-10, le=200)]
Area = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]


class CompanyRead(Outward):
    """The group or a regional company."""

    id: UUID
    level: CompanyLevel
    parent_id: UUID | None = Field(description="the group, for a regional company")
    code: str = Field(examples=["east"])
    name: str = Field(examples=["华东区域公司"])
    version: int


class CompanyCreate(Inward):
    """The group, or a new regional company."""

    model_config = _example(parent_id="0198c5f0-0000-7000-8000-000000000010", code="east", name="华东区域公司")

    parent_id: UUID | None = Field(default=None, description="the group, for a regional company (区域公司)")
    code: Code = Field(description="short code, unique in the group")
    name: Name


# The factories only make a field optional without making it nullable; their values are never used.


class CompanyUpdate(Inward):
    """A company's name; code and place in the tree stay."""

    model_config = _example(name="华东区域公司(筹)")

    name: Name = Field(default_factory=str)


class ProjectRead(Outward):
    """A project or community (项目/小区)."""

    id: UUID
    region_id: UUID
    code: str = Field(examples=["yunqi"])
    name: str = Field(examples=["云栖雅苑"])
    city: str = Field(examples=["临澜"])
    address: str = Field(examples=["临澜市滨江区云栖路 88 号"])
    has_sales_office: bool = Field(description="has a sales office (案场), with deadlines of its own")
    version: int


class ProjectCreate(Inward):
    """A new project."""

    model_config = _example(
        region_id="0198c5f0-0000-7000-8000-000000000011",
        code="yunqi",
        name="云栖雅苑",
        city="临澜",
        address="临澜市滨江区云栖路 88 号",
        has_sales_office=True,
    )

    region_id: UUID = Field(description="the regional company (区域公司) it belongs to")
    code: Code = Field(description="short code, unique in the group")
    name: Name
    city: Name
    address: Line
    has_sales_office: bool = Field(default=False, description="it has a sales office (案场)")


class ProjectUpdate(Inward):
    """Plain fields of a project; what is absent stays (JSON Merge Patch)."""

    model_config = _example(name="云栖雅苑(一期)", address="临澜市滨江区云栖路 90 号")

    name: Name = Field(default_factory=str)
    city: Name = Field(default_factory=str)
    address: Line = Field(default_factory=str)
    has_sales_office: bool = Field(default_factory=bool, description="it has a sales office (案场)")


class BuildingRead(Outward):
    """A building (楼栋)."""

    id: UUID
    project_id: UUID
    name: str = Field(examples=["3栋"])
    floors: int
    version: int


class BuildingCreate(Inward):
    """A new building of a project."""

    model_config = _example(project_id="0198c5f0-0000-7000-8000-000000000021", name="3栋", floors=33)

    project_id: UUID
    name: Name = Field(description="as it is called, unique in the project")
    floors: int = Field(strict=True, ge=1, le=200)


class BuildingUpdate(Inward):
    """Plain fields of a building; what is absent stays (JSON Merge Patch)."""

    model_config = _example(name="3号楼", floors=32)

    name: Name = Field(default_factory=str, description="as it is called, unique in the project")
    floors: int = Field(default_factory=int, strict=True, ge=1, le=200)


class UnitSummary(Outward):
    """A home in a list."""

    id: UUID
    project_id: UUID
    building_id: UUID
    building_name: str = Field(examples=["3栋"])
    number: str = Field(examples=["1-1203"])
    address: str = Field(examples=["云栖雅苑 3栋 1单元 1203室"])
    floor: int
    house_type: str = Field(description="house type (户型)", examples=["三室两厅两卫"])
    purchase_batch: str = Field(description="purchase batch (购房批次)", examples=["2024-一期"])
    area_cm2: int = Field(description="area in square centimetres", examples=[1_285_600])
    delivered_on: date | None = Field(description="acceptance by the owner; the owner's warranty clock starts here")
    moved_in_on: date | None = Field(description="since when it is lived in; null: nobody lives there")
    version: int


class UnitLinks(Outward):
    """What else there is about a home, each under its own permission."""

    owners: str = Field(examples=["/v1/owners?unit_id=…"])
    tickets: str = Field(examples=["/v1/tickets?unit_id=…"])


class UnitRead(UnitSummary):
    """A home."""

    project_name: str = Field(examples=["云栖雅苑"])
    allowed_actions: list[str] = Field(description="steps that this caller may take now", examples=[["delivery"]])
    deadlines: list[DeadlineRead] = Field(description="always empty: the clocks run on its tickets")
    links: UnitLinks


class UnitCreate(Inward):
    """A new home in a building."""

    model_config = _example(
        building_id="0198c5f0-0000-7000-8000-000000000031",
        number="1-1203",
        address="云栖雅苑 3栋 1单元 1203室",
        floor=12,
        house_type="三室两厅两卫",
        purchase_batch="2024-一期",
        area_cm2=1_285_600,
    )

    building_id: UUID
    number: Name = Field(description="room number, unique in the building")
    address: Line | None = Field(
        default=None, description="as it is spoken; made of project, building and number if absent"
    )
    floor: Floor
    house_type: Name = Field(description="house type (户型)")
    purchase_batch: Name = Field(description="purchase batch (购房批次)")
    area_cm2: Area = Field(description="area in square centimetres: 128.56 m² is 1,285,600")


class UnitUpdate(Inward):
    """Plain fields of a home; what is absent stays (JSON Merge Patch)."""

    model_config = _example(house_type="三室两厅一卫", area_cm2=1_284_300)

    # The factories only make a field optional without making it nullable; their values are never used.
    number: Name = Field(default_factory=str, description="room number, unique in the building")
    address: Line = Field(default_factory=str, description="as it is spoken")
    floor: Floor = Field(default_factory=int)
    house_type: Name = Field(default_factory=str, description="house type (户型)")
    purchase_batch: Name = Field(default_factory=str, description="purchase batch (购房批次)")
    area_cm2: Area = Field(default_factory=int, description="area in square centimetres")


class DeliveryCreate(Inward):
    """Acceptance and hand-over (验房交付) of a home to its owner (OWN-14)."""

    model_config = _example(
        delivered_on="2026-11-20",
        content="业主现场验收合格,水电表读数已抄录。",
        handover_material=["住宅质量保证书", "住宅使用说明书", "钥匙 3 把"],
    )

    delivered_on: BusinessDate = Field(description="day of acceptance; today or earlier")
    content: Note | None = Field(default=None, description="what was checked and found (验收内容)")
    handover_material: list[Line] = Field(
        default_factory=list, max_length=50, description="what was handed over (交接资料)"
    )
    correction_reason: Note | None = Field(
        default=None, description="only to correct a delivery that is recorded already: why"
    )


class OccupancyCreate(Inward):
    """Moving in or out (OWN-17)."""

    model_config = _example(moved_in_on="2026-11-20", occupied_by="tenant")

    moved_in_on: BusinessDate | None = Field(description="day of moving in, not before delivery; null: moved out")
    occupied_by: OccupiedBy | None = Field(default=None, description="who lives there: tenant means rented out (出租)")
    moved_out_on: BusinessDate | None = Field(
        default=None, description="with `moved_in_on: null`: first day without the household; today if absent"
    )

    @model_validator(mode="after")
    def _one_way(self) -> "OccupancyCreate":
        if self.moved_in_on is not None and self.moved_out_on is not None:
            raise Fault("one_way", zh="迁入与迁出须分别登记。", en="Record moving in and moving out separately.")
        return self


class OccupancyRead(Outward):
    """How many households of a project have moved in: it drives the 50 % trigger and the 10 % and 90 % quotas."""

    project_id: UUID
    units: int
    delivered: int
    moved_in: int
    rented: int = Field(description="moved-in households that rent (出租)")
    vacant: int = Field(description="delivered homes where nobody lives (空置)")
    moved_in_bp: int = Field(
        description="moved-in households per units, in hundredths of a percent, rounded down", examples=[5000]
    )


class OccupancyRecordRead(Outward):
    """One household's time in a home."""

    id: UUID
    unit_id: UUID
    moved_in_on: date
    moved_out_on: date | None = Field(description="first day without the household; null: lives there")
    occupied_by: OccupiedBy | None = Field(description="null: nobody said")
    recorded_by: UUID | None = Field(description="null: taken over from before histories were kept")
    recorded_by_name: str | None
    recorded_at: datetime


class DeliveryRead(Outward):
    """A record of acceptance and hand-over (房屋验收、交接记录)."""

    id: UUID
    unit_id: UUID
    delivered_on: date
    content: str | None = Field(description="what was checked and found (验收内容)")
    handover_material: list[str] = Field(description="what was handed over (交接资料)")
    correction_reason: str | None = Field(description="null: the first record")
    recorded_by: UUID
    recorded_by_name: str
    recorded_at: datetime


class BuildingPartRead(Outward):
    """A building part with a warranty period of its own (REP-08)."""

    code: str = Field(examples=["wet_room_waterproofing"])
    name: str = Field(examples=["有防水要求的卫生间、房间防水"])
    owner_warranty_key: str = Field(
        description="policy key of the owner's warranty period, which counts from delivery",
        examples=["warranty.wet_room_waterproofing_months"],
    )


class TradeRead(Outward):
    """A trade (工种)."""

    code: str = Field(examples=["waterproofing"])
    name: str = Field(examples=["防水工"])
