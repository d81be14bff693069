"""What may be wrong with a row: codes with their words, and never the value itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ownercare_api.exchange.columns import OWNERS, UNITS

_TITLES = {column.name: column.zh for column in (*UNITS, *OWNERS)}

WORDS: dict[str, tuple[str, str]] = {
    "missing": ("未填写", "it is empty"),
    "too_long": ("文字过长", "it is too long"),
    "formula_like": ("内容形似公式", "it looks like a formula"),
    "unstorable": ("含有不能保存的字符", "it has characters that can't be kept"),
    "numeric_cell": (
        "是数字格式,长号码会丢失精度或前导零,请改为文本格式后重填",
        "it is a number cell, which loses digits; make it text and enter it again",
    ),
    "not_a_date": ("不是日期,请写作 2025-06-30", "it is no date; write 2025-06-30"),
    "out_of_range": ("超出允许范围", "it is out of range"),
    "date_in_future": ("日期晚于今天", "the date is in the future"),
    "not_a_number": ("不是数字", "it is no number"),
    "not_whole": ("须为整数", "it must be a whole number"),
    "too_precise": ("小数位数过多", "it has too many decimals"),
    "not_a_choice": ("不是可选项", "it is none of the choices"),
    "share_ambiguous": ("份额不明确,请写作 50%", "the share is ambiguous; write 50%"),
    "document_empty": ("未填写", "it is empty"),
    "document_length": ("位数不对", "it has the wrong length"),
    "document_format": ("格式不对", "it has the wrong form"),
    "document_region": ("地区代码不存在", "its region code does not exist"),
    "document_birth_date": ("其中的出生日期不存在", "its birth date does not exist"),
    "document_birth_date_in_future": ("其中的出生日期晚于今天", "its birth date is in the future"),
    "document_check_digit": ("校验码不符", "its check digit does not match"),
    "document_mismatch": ("与证件号码不符", "it differs from the document number"),
    "phone_empty": ("未填写", "it is empty"),
    "phone_characters": ("含有不能识别的字符", "it has characters that do not belong to a number"),
    "phone_area_code_missing": ("固定电话缺少区号", "the landline has no area code"),
    "phone_extension_on_mobile": ("手机号不应带分机号", "a mobile has no extension"),
    "phone_form": ("不是有效的手机号或固定电话", "it is no mobile or landline that we know"),
    "phone_repeated": ("与联系电话重复", "it repeats the first number"),
    "repeated_in_file": ("与第 {row} 行重复", "it repeats row {row}"),
    "contradicts_row": ("与第 {row} 行同一业主的内容不一致", "it contradicts row {row} about the same owner"),
    "contradicts_building": ("与第 {row} 行同一楼栋的内容不一致", "it contradicts row {row} about the same building"),
    "unit_unknown": ("项目中没有此房屋", "the project has no such home"),
    "building_floors_missing": ("新楼栋须填写总层数", "a new building needs its number of floors"),
    "floor_above_building": ("楼层高于楼栋总层数", "the floor is above the building"),
    "unit_already_sold": ("该房屋在此期间已全部售出", "the home belongs wholly to others in that time"),
    "shares_exceeded": ("产权份额合计超过 100%", "the shares would exceed the whole"),
    "owner_exists_elsewhere": (
        "该证件已有业主档案,不在您的管理范围,请由有权人员办理",
        "there is a record for this document out of your reach",
    ),
    "owner_restricted": (
        "该业主档案已限制处理,请联系个人信息保护负责人",
        "the owner's record is restricted; ask who is in charge of privacy",
    ),
    "differs": ("与档案不一致,请走信息变更流程", "it differs from the record; ask for a change of information"),
}
"""Codes with their words; `{row}` is the number of another row."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a row, by the name of its column."""

    column: str
    code: str
    row: int | None = None

    def kept(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return {"column": self.column, "code": self.code} | ({} if self.row is None else {"row": self.row})


def message(fault: dict[str, Any], *, chinese: bool) -> str:
    """Return a stored fault as a sentence."""
    words = WORDS[fault["code"]][0 if chinese else 1].format(row=fault.get("row", ""))
    return f"{title(fault['column'])}:{words}" if chinese else f"{fault['column']}: {words}"


def title(column: str) -> str:
    """Return the Chinese heading of a column."""
    return _TITLES.get(column, column)


def sentence(faults: Iterable[dict[str, Any]]) -> str:
    """Return the faults of a row in one Chinese cell."""
    return ";".join(message(fault, chinese=True) for fault in faults)
