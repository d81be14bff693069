"""Building parts (保修部位) and trades (工种): the words that warranties, surveys and teams share."""

from enum import StrEnum


class BuildingPart(StrEnum):
    """A part of a home with a warranty period of its own (REP-08)."""

    ROOF_WATERPROOFING = "roof_waterproofing"
    WET_ROOM_WATERPROOFING = "wet_room_waterproofing"
    FACADE_WATERPROOFING = "facade_waterproofing"
    HEATING_COOLING = "heating_cooling"
    ELECTRICS = "electrics"
    PLUMBING = "plumbing"
    EQUIPMENT = "equipment"
    DECORATION = "decoration"


PART_ZH = {
    BuildingPart.ROOF_WATERPROOFING: "屋面防水",
    BuildingPart.WET_ROOM_WATERPROOFING: "有防水要求的卫生间、房间防水",
    BuildingPart.FACADE_WATERPROOFING: "外墙面防渗漏",
    BuildingPart.HEATING_COOLING: "供热与供冷系统",
    BuildingPart.ELECTRICS: "电气管线",
    BuildingPart.PLUMBING: "给排水管道",
    BuildingPart.EQUIPMENT: "设备安装",
    BuildingPart.DECORATION: "装修工程",
}

OWNER_WARRANTY_KEY = {
    part: f"warranty.{part}_{'seasons' if part is BuildingPart.HEATING_COOLING else 'months'}" for part in BuildingPart
}
"""The policy key of the owner's warranty period of each part, from delivery (REP-08)."""


class Trade(StrEnum):
    """A trade (工种). One trade: 3 working days; more than one: 7 (REP-05, REP-06)."""

    WATERPROOFING = "waterproofing"
    PLUMBING = "plumbing"
    ELECTRICS = "electrics"
    HVAC = "hvac"
    MASONRY = "masonry"
    TILING = "tiling"
    PAINTING = "painting"
    CARPENTRY = "carpentry"
    DOORS_WINDOWS = "doors_windows"
    EQUIPMENT = "equipment"


TRADE_ZH = {
    Trade.WATERPROOFING: "防水工",
    Trade.PLUMBING: "管道工",
    Trade.ELECTRICS: "电工",
    Trade.HVAC: "暖通工",
    Trade.MASONRY: "泥瓦工",
    Trade.TILING: "贴砖工",
    Trade.PAINTING: "油漆工",
    Trade.CARPENTRY: "木工",
    Trade.DOORS_WINDOWS: "门窗工",
    Trade.EQUIPMENT: "设备安装工",
}
