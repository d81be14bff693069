"""The columns of the rosters: their Chinese headings, what else they may be called, and what a heading row holds."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ownercare_api.exchange.lifecycle import RosterKind
from ownercare_api.exchange.refusals import RosterRefused
from ownercare_api.exchange.tables import Cell
from ownercare_api.exchange.workbooks import column_letters


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a roster."""

    name: str
    zh: str
    example: str
    note: str
    required: bool = False
    synonyms: tuple[str, ...] = ()
    text_only: bool = False
    """A number cell is refused: spreadsheets keep fifteen digits and drop leading zeros."""


_BUILDING = Column(
    "building",
    "楼栋",
    "3栋",
    "与系统中的楼栋名称一致",
    required=True,
    synonyms=("楼号", "楼座", "栋号", "幢号", "楼栋名称", "building"),
)
_ROOM = Column(
    "unit_number",
    "房号",
    "1-1203",
    "楼栋内唯一,如 1-1203(1 单元 1203 室)",
    required=True,
    text_only=True,
    synonyms=("室号", "房间号", "房屋编号", "单元房号", "购买单元号", "房屋号", "unit number"),
)

UNITS: tuple[Column, ...] = (
    _BUILDING,
    Column("building_floors", "总层数", "33", "新楼栋必填,1 至 200", synonyms=("楼栋层数", "楼层总数", "地上层数")),
    _ROOM,
    Column("floor", "楼层", "12", "整数,地下为负数", required=True, synonyms=("所在楼层", "层数", "所在层")),
    Column("house_type", "户型", "三室两厅两卫", "", required=True, synonyms=("房型",)),
    Column("purchase_batch", "购房批次", "一期", "", required=True, synonyms=("批次", "销售批次", "分期", "期数")),
    Column(
        "area",
        "建筑面积",
        "128.56",
        "平方米,至多四位小数",
        required=True,
        synonyms=("面积", "建筑面积(㎡)", "建面", "房屋面积"),
    ),
    Column(
        "address",
        "房屋地址",
        "云栖雅苑 3栋 1单元 1203室",
        "可不填,按项目、楼栋、房号生成",
        synonyms=("地址", "坐落", "房屋坐落"),
    ),
)

OWNERS: tuple[Column, ...] = (
    _BUILDING,
    _ROOM,
    Column(
        "name",
        "业主姓名",
        "王秀英",
        "",
        required=True,
        synonyms=("姓名", "业主", "业主名称", "客户姓名", "产权人", "买受人"),
    ),
    Column("sex", "性别", "女", "男或女;有居民身份证时可不填"),
    Column("birth_date", "出生日期", "1985-03-07", "有居民身份证时可不填", synonyms=("生日", "出生年月", "出生年月日")),
    Column(
        "document_kind",
        "证件类型",
        "居民身份证",
        "居民身份证、港澳居民来往内地通行证、台湾居民来往大陆通行证、护照、外国人永久居留身份证;不填为居民身份证",
        synonyms=("证件种类", "证件名称", "证件"),
    ),
    Column(
        "document_number",
        "证件号码",
        "330106198503078528",
        "单元格须为文本格式",
        text_only=True,
        synonyms=("证件号", "身份证号", "身份证号码", "身份证", "身份证件号码", "公民身份号码"),
    ),
    Column(
        "phone",
        "联系电话",
        "13812341234",
        "手机号或带区号的固定电话,单元格须为文本格式",
        required=True,
        text_only=True,
        synonyms=("手机", "手机号", "手机号码", "电话", "联系方式", "业主电话", "主要联系电话"),
    ),
    Column("phone_label", "电话备注", "本人", "", synonyms=("电话说明", "联系人关系")),
    Column(
        "phone_2",
        "备用电话",
        "057187654321",
        "",
        text_only=True,
        synonyms=("其他电话", "备用联系电话", "第二联系电话", "紧急联系电话"),
    ),
    Column("phone_2_label", "备用电话备注", "家里", "", synonyms=("备用电话说明",)),
    Column(
        "home_address",
        "家庭住址",
        "临澜市滨江区江晖路 12 号 2 幢 501 室",
        "现住址,加密保存",
        synonyms=("住址", "通讯地址", "联系地址", "现住址"),
    ),
    Column("occupation", "职业", "教师", "", synonyms=("工作", "工作单位及职业")),
    Column(
        "preferences",
        "特殊需求与偏好",
        "家中有幼儿,上门前请先电话联系",
        "",
        synonyms=("特殊需求", "偏好", "备注", "特殊需求及偏好"),
    ),
    Column(
        "share",
        "产权份额",
        "50%",
        "如 50%,不填为 100%",
        synonyms=("份额", "产权比例", "共有份额", "所占份额", "产权份额(%)"),
    ),
    Column(
        "from_date",
        "产权起始日期",
        "2025-06-30",
        "",
        required=True,
        synonyms=("起始日期", "购买日期", "购房日期", "拥有日期", "交易日期"),
    ),
    Column(
        "contract_number",
        "合同编号",
        "HT-2024-0317",
        "",
        text_only=True,
        synonyms=("合同号", "购房合同编号", "买卖合同编号"),
    ),
    Column("contract_signed_on", "签约日期", "2024-03-17", "", synonyms=("合同签订日期", "签订日期", "签约时间")),
    Column(
        "payment_method",
        "付款方式",
        "按揭贷款",
        "一次性付款、按揭贷款、公积金贷款、组合贷款、分期付款",
        synonyms=("支付方式",),
    ),
    Column(
        "price",
        "购房总价",
        "2680000.00",
        "元,至多两位小数",
        synonyms=("总价", "成交总价", "合同总价", "购房总价(元)", "房款"),
    ),
)

COLUMNS: Mapping[RosterKind, tuple[Column, ...]] = {RosterKind.UNITS: UNITS, RosterKind.OWNERS: OWNERS}

_BRACKETS = re.compile(r"\(.*?\)|\[.*?\]|【.*?】")
_NOISE = re.compile(r"[\s*:·_/-]+")


@dataclass(frozen=True, slots=True)
class Heading:
    """Where each known column stands, counted from 0, and the letters of the others."""

    places: Mapping[str, int]
    unknown: tuple[str, ...]


def matched(cells: Sequence[Cell], *, kind: RosterKind) -> Heading:
    """Find the columns of a roster by their headings, in any order.

    Raises `RosterRefused` for a column that is missing or stands there twice.
    """
    words = _words(kind)
    places: dict[str, int] = {}
    unknown = []
    for place, cell in enumerate(cells):
        if cell is None or not str(cell).strip():
            continue
        whole = plain(str(cell))
        column = words.get(whole) or words.get(plain(_BRACKETS.sub("", unicodedata.normalize("NFKC", str(cell)))))
        if column is None:
            unknown.append(column_letters(place + 1))
            continue
        if column.name in places:
            raise RosterRefused("column_repeated", column=(column.zh, column.name))
        places[column.name] = place
    for column in COLUMNS[kind]:
        if column.required and column.name not in places:
            raise RosterRefused("column_missing", column=(column.zh, column.name))
    return Heading(places=places, unknown=tuple(unknown))


def plain(heading: str) -> str:
    """Return a heading as it is compared: one width, no spaces, stars and punctuation, lower case."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", heading)).lower().removesuffix("(必填)")


def _words(kind: RosterKind) -> dict[str, Column]:
    found: dict[str, Column] = {}
    for column in COLUMNS[kind]:
        for word in (column.zh, column.name, *column.synonyms):
            found.setdefault(plain(word), column)
    return found
