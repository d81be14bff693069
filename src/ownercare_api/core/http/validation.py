"""Causes of refused input, in Chinese and English, without ever repeating what was sent."""

from collections.abc import Iterable, Mapping
from typing import Any

from ownercare_api.core.errors import FieldError
from ownercare_api.core.wire import Fault

_CAUSES: Mapping[str, tuple[str, str]] = {
    "missing": ("缺少必填项。", "This is required."),
    "extra_forbidden": ("不认识的字段。", "There is no such field."),
    "json_invalid": ("不是合法的 JSON。", "This is not valid JSON."),
    "string_too_short": (
        "内容太短,至少 {min_length} 个字符。",
        "Too short; at least {min_length} characters.",
    ),
    "string_too_long": ("内容太长,至多 {max_length} 个字符。", "Too long; at most {max_length} characters."),
    "string_pattern_mismatch": ("格式不正确。", "The format is not right."),
    "string_type": ("应为文本。", "This must be a text."),
    "string_unicode": ("含有无法识别的字符。", "This holds characters that are not valid Unicode."),
    "int_type": ("应为整数。", "This must be a whole number."),
    "int_parsing_size": ("数字过大。", "The number is too large."),
    "int_parsing": ("应为整数。", "This must be a whole number."),
    "int_from_float": ("应为整数,不能有小数。", "This must be a whole number without a fraction."),
    "bool_type": ("应为 true 或 false。", "This must be true or false."),
    "bool_parsing": ("应为 true 或 false。", "This must be true or false."),
    "greater_than_equal": ("不能小于 {ge}。", "It must not be below {ge}."),
    "greater_than": ("必须大于 {gt}。", "It must be above {gt}."),
    "less_than_equal": ("不能大于 {le}。", "It must not be above {le}."),
    "less_than": ("必须小于 {lt}。", "It must be below {lt}."),
    "enum": ("应为以下之一:{expected}。", "This must be one of {expected}."),
    "literal_error": ("应为以下之一:{expected}。", "This must be one of {expected}."),
    "uuid_parsing": ("应为 UUID 编号。", "This must be a UUID."),
    "uuid_type": ("应为 UUID 编号。", "This must be a UUID."),
    "date_parsing": ("应为日期,如 2026-11-20。", "This must be a date such as 2026-11-20."),
    **dict.fromkeys(
        ("date_type", "date_from_datetime_parsing", "date_from_datetime_inexact"),
        ("应为日期,如 2026-11-20。", "This must be a date such as 2026-11-20."),
    ),
    **dict.fromkeys(
        ("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "datetime_object_invalid"),
        (
            "应为带时区的时间,如 2026-11-20T12:00:00+08:00。",
            "This must be a time with an offset such as 2026-11-20T12:00:00+08:00.",
        ),
    ),
    "timezone_aware": ("时间须带时区偏移。", "The time must carry an offset."),
    "list_type": ("应为列表。", "This must be a list."),
    "dict_type": ("应为对象。", "This must be an object."),
    "model_attributes_type": ("应为对象。", "This must be an object."),
    "model_type": ("应为对象。", "This must be an object."),
    "too_short": ("至少 {min_length} 项。", "At least {min_length} items."),
    "too_long": ("至多 {max_length} 项。", "At most {max_length} items."),
    "none_required": ("此处必须为空。", "This must be empty."),
}
_CAUSES_ELSE = ("内容不符合要求。", "This is not acceptable.")


def pointer(location: Iterable[object]) -> str:
    """Return the JSON pointer for a Pydantic location; the body is the root, other places carry their name."""
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in location]
    if parts and parts[0] == "body":
        parts = parts[1:]
    return "#" + "".join(f"/{part[:80]}" for part in parts)


def field_errors(raw: Iterable[Mapping[str, Any]]) -> tuple[FieldError, ...]:
    """Turn Pydantic's errors into ours, at most fifty."""
    found = []
    for item in list(raw)[:50]:
        context = dict(item.get("ctx") or {})
        fault = context.get("error")
        location = tuple(item["loc"])
        if item["type"] == "json_invalid":
            location = ("body",)
        if item["type"] == "extra_forbidden":  # the name of an unknown field is the caller's text: point at its parent
            location = location[:-1]
        if isinstance(fault, Fault):
            found.append(FieldError(pointer(location), fault.code, fault.zh, fault.en))
            continue
        zh, en = _CAUSES.get(item["type"], _CAUSES_ELSE)
        try:
            zh, en = zh.format(**context), en.format(**context)
        except (KeyError, IndexError):
            zh, en = _CAUSES_ELSE
        found.append(FieldError(pointer(location), item["type"], zh, en))
    return tuple(found)
