"""Companies, projects, buildings and homes of the demonstration. The cities Linlan and Jiangdong do not exist."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from ownercare_api.core.clock import SHANGHAI
from ownercare_api.demo.bulk import Sheet
from ownercare_api.properties.models import Building, Company, CompanyLevel, Project, Unit, UnitDelivery

FOUNDED = datetime(2023, 1, 1, tzinfo=SHANGHAI).astimezone(UTC)
"""When companies, projects, people and the policy began."""
END = datetime(2026, 11, 20, 11, 30, tzinfo=SHANGHAI).astimezone(UTC)
"""The demonstration's present: nothing that it tells is later. Friday, in Asia/Shanghai."""

GROUP_CODE = "JT-DEMO"
YUNQI, JIANGLAN, CUIHU = "yunqi", "jianglan", "cuihu"


@dataclass(frozen=True, slots=True)
class HouseType:
    """A house type (户型) by its place on the floor."""

    name: str
    area_cm2: int


@dataclass(frozen=True, slots=True)
class Phase:
    """Buildings that were sold as one purchase batch; handed over within `days` from `first`, None: not yet."""

    batch: str
    buildings: tuple[int, ...]
    first: date | None
    days: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How a project is built: entrances per building, floors, and the house types of a floor."""

    key: str
    code: str
    name: str
    region: str
    city: str
    address: str
    has_sales_office: bool
    entrances: int
    floors: int
    types: tuple[HouseType, ...]
    phases: tuple[Phase, ...]


PLANS = (
    Plan(
        key=YUNQI,
        code="XM-YQ",
        name="云栖雅苑",
        region="QY-LINLAN",
        city="临澜市",
        address="临澜市西溪区云栖路 18 号",
        has_sales_office=False,
        entrances=2,
        floors=15,
        types=(
            HouseType("四室两厅", 1_428_600),
            HouseType("三室两厅", 1_184_200),
            HouseType("两室两厅", 895_300),
            HouseType("三室两厅", 1_180_700),
        ),
        phases=(
            Phase("一期", (1, 2, 3, 4), date(2023, 6, 18), 40),
            Phase("二期", (5, 6, 7), date(2024, 5, 25), 35),
            Phase("三期", (8, 9, 10), date(2025, 3, 29), 30),
        ),
    ),
    Plan(
        key=JIANGLAN,
        code="XM-JL",
        name="江澜府",
        region="QY-JIANGDONG",
        city="江东市",
        address="江东市滨江大道 266 号",
        has_sales_office=False,
        entrances=2,
        floors=20,
        types=(HouseType("四室两厅", 1_636_900), HouseType("三室两厅", 1_251_400)),
        phases=(
            Phase("首开批次", (1, 2, 3), date(2026, 11, 2), 12),
            Phase("加推批次", (5, 6), date(2026, 11, 9), 10),
        ),
    ),
    Plan(
        key=CUIHU,
        code="XM-CH",
        name="翠湖里",
        region="QY-LINLAN",
        city="临澜市",
        address="临澜市东湖区翠湖街 9 号",
        has_sales_office=True,
        entrances=1,
        floors=20,
        types=(
            HouseType("三室两厅", 1_093_800),
            HouseType("两室两厅", 828_500),
            HouseType("四室两厅", 1_402_200),
        ),
        phases=(Phase("首开批次", (1, 2), None, 0), Phase("加推批次", (3, 5), None, 0)),
    ),
)
_REGIONS = {"QY-LINLAN": "临澜区域公司", "QY-JIANGDONG": "江东区域公司"}

_HANDED_OVER = ["房屋钥匙", "住宅质量保证书", "住宅使用说明书", "竣工验收备案表复印件", "水电气表底数确认单"]
_FOUND = (
    "逐项验收门窗、防水、水电、墙地面,未见异常,业主签收。",
    "验收发现 1 处户内门划痕,已登记整改,业主同意先行收房。",
    "验收发现 2 处墙面空鼓,已登记整改,业主同意先行收房。",
    "卫生间闭水试验、水电通断及门窗启闭检查合格,业主签收。",
    "验收发现阳台地砖色差 1 处,已登记整改,其余合格。",
)


@dataclass(frozen=True, slots=True)
class Home:
    """A home (房屋单元) as the other parts of the demonstration need it."""

    id: UUID
    project: str
    address: str
    building: str
    floor: int
    house_type: str
    batch: str
    area_cm2: int
    delivered_on: date | None
    moved_in_on: date | None


@dataclass(frozen=True, slots=True)
class Estate:
    """What was built, by the key of the project."""

    group_id: UUID
    regions: dict[str, UUID]
    projects: dict[str, UUID]
    homes: dict[str, list[Home]]


def build(sheet: Sheet) -> Estate:
    """Add the group, two regional companies, three projects and their homes."""
    group = sheet.add(Company, FOUNDED, level=CompanyLevel.GROUP, parent_id=None, code=GROUP_CODE, name="云澜控股集团")
    regions = {
        code: sheet.add(Company, FOUNDED, level=CompanyLevel.REGION, parent_id=group["id"], code=code, name=name)["id"]
        for code, name in _REGIONS.items()
    }
    projects: dict[str, UUID] = {}
    homes: dict[str, list[Home]] = {}
    rng = random.Random(20260601)
    for plan in PLANS:
        projects[plan.key] = sheet.add(
            Project,
            FOUNDED,
            region_id=regions[plan.region],
            code=plan.code,
            name=plan.name,
            city=plan.city,
            address=plan.address,
            has_sales_office=plan.has_sales_office,
        )["id"]
        homes[plan.key] = _homes(sheet, rng, plan, projects[plan.key])
    return Estate(group_id=group["id"], regions=regions, projects=projects, homes=homes)


def hand_over(sheet: Sheet, estate: Estate, *, clerk_id: UUID, clerk_name: str) -> None:
    """Add the record of every hand-over (OWN-14)."""
    rng = random.Random(20260602)
    for homes in estate.homes.values():
        for home in homes:
            if home.delivered_on is None:
                continue
            day = datetime(home.delivered_on.year, home.delivered_on.month, home.delivered_on.day, tzinfo=SHANGHAI)
            at = (day + timedelta(minutes=rng.randrange(9 * 60, 17 * 60 + 30))).astimezone(UTC)
            sheet.add(
                UnitDelivery,
                at,
                unit_id=home.id,
                delivered_on=home.delivered_on,
                content=_FOUND[rng.randrange(len(_FOUND))],
                handover_material=_HANDED_OVER,
                recorded_by=clerk_id,
                recorded_by_name=clerk_name,
                recorded_at=at,
            )


def _homes(sheet: Sheet, rng: random.Random, plan: Plan, project_id: UUID) -> list[Home]:
    made: list[Home] = []
    for phase in plan.phases:
        for number in phase.buildings:
            building = f"{number}栋"
            building_id = sheet.add(Building, FOUNDED, project_id=project_id, name=building, floors=plan.floors)["id"]
            for entrance in range(1, plan.entrances + 1):
                for floor in range(1, plan.floors + 1):
                    for place, house_type in enumerate(plan.types, start=1):
                        delivered_on, moved_in_on = _dates(rng, plan, phase)
                        room = f"{floor}{place:02d}"
                        row = sheet.add(
                            Unit,
                            FOUNDED,
                            project_id=project_id,
                            building_id=building_id,
                            number=f"{entrance}-{room}",
                            address=f"{plan.name} {building} {entrance}单元 {room}室",
                            floor=floor,
                            house_type=house_type.name,
                            purchase_batch=phase.batch,
                            area_cm2=house_type.area_cm2,
                            delivered_on=delivered_on,
                            moved_in_on=moved_in_on,
                        )
                        home = Home(
                            id=row["id"],
                            project=plan.key,
                            address=row["address"],
                            building=building,
                            floor=floor,
                            house_type=house_type.name,
                            batch=phase.batch,
                            area_cm2=house_type.area_cm2,
                            delivered_on=delivered_on,
                            moved_in_on=moved_in_on,
                        )
                        made.append(home)
    return made


def _dates(rng: random.Random, plan: Plan, phase: Phase) -> tuple[date | None, date | None]:
    """Return hand-over and move-in: all in at 云栖雅苑, few at 江澜府, where some have not come for the keys yet."""
    late, stays, waits = rng.random(), rng.random(), rng.randrange(25, 420)
    if phase.first is None:
        return None, None
    delivered_on = phase.first + timedelta(days=rng.randrange(phase.days))
    if plan.key == YUNQI:
        return delivered_on, delivered_on + timedelta(days=waits)
    if late < 0.06:
        return None, None
    moved_in_on = delivered_on + timedelta(days=1 + waits % 7)
    return delivered_on, moved_in_on if stays < 0.04 and moved_in_on <= END.astimezone(SHANGHAI).date() else None
