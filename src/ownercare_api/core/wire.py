"""Building blocks of what goes over the wire: strict models, bounded texts, money, instants and dates."""

import re
from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints


class Fault(ValueError):
    """Raised in a schema's validator: a code and a cause in both languages, which must not repeat the input."""

    def __init__(self, code: str, *, zh: str, en: str) -> None:
        super().__init__(code)
        self.code, self.zh, self.en = code, zh, en


class Inward(BaseModel):
    """Base of what callers send: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Outward(BaseModel):
    """Base of what we answer."""

    model_config = ConfigDict(from_attributes=True)


def _bounded_instant(value: datetime) -> datetime:
    try:
        instant = value.astimezone(UTC)
    except OverflowError:
        instant = None
    if instant is None or not 1990 <= instant.year <= 2100:
        raise Fault("out_of_range", zh="时间须在 1990 年至 2100 年之间。", en="Times must lie between 1990 and 2100.")
    return instant


def _bounded_date(value: date) -> date:
    if not 1900 <= value.year <= 2100:
        raise Fault("out_of_range", zh="日期须在 1900 年至 2100 年之间。", en="Dates must lie between 1900 and 2100.")
    return value


def _written_out(value: object) -> object:
    """Refuse Unix timestamps and the like: times and dates are written out, as RFC 3339 has them."""
    if isinstance(value, date | datetime) or (isinstance(value, str) and "-" in value[1:]):
        return value
    raise Fault(
        "not_written_out",
        zh="时间、日期须按 RFC 3339 书写,如 2026-11-20T12:00:00+08:00。",
        en="Write times and dates out as in RFC 3339, such as 2026-11-20T12:00:00+08:00.",
    )


_ENDS_OF_PLANES = "".join(chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
_COMMANDS = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef{_ENDS_OF_PLANES}]")
"""What moves the cursor, turns the text around, or is no character at all."""
_BREAKS = re.compile("[\t\n\r\u2028\u2029]")
_UNSEEN = re.compile("[\\s\u00ad\u180e\u200b-\u200f\u2060-\u2064\u3164\ufeff]*")


def _readable(value: str) -> str:
    """Refuse what would look like another text than it is, or like none, wherever it is shown or printed."""
    if _COMMANDS.search(value):
        raise Fault("unreadable_text", zh="文字中含有不可显示的控制字符。", en="The text has control characters.")
    if _UNSEEN.fullmatch(value):
        raise Fault("blank_text", zh="文字不能只含不可见字符。", en="The text has no visible character.")
    return value


def _one_line(value: str) -> str:
    if _BREAKS.search(value):
        raise Fault("several_lines", zh="此项须为一行文字。", en="This must be one line of text.")
    return _readable(value)


Instant = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_bounded_instant)]
"""RFC 3339 with offset; kept in UTC."""
BusinessDate = Annotated[date, BeforeValidator(_written_out), AfterValidator(_bounded_date)]
"""A date in Asia/Shanghai."""
FenAmount = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000_000)]
"""Whole fen, 0 to ten billion yuan."""
PositiveFen = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000_000)]
"""Whole fen, at least one."""
Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_one_line)]
"""A name or short label, 1 to 100 characters."""
Line = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_one_line)]
"""One line of text, 1 to 300 characters."""
Note = Annotated[str, StringConstraints(min_length=1, max_length=4000), AfterValidator(_readable)]
"""Free text, 1 to 4,000 characters."""
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.:-]{0,63}$")]
"""A stable code word."""


class Ref(Outward):
    """A thing elsewhere, named enough to show it."""

    id: UUID
    name: str
