"""Telephone numbers: mainland mobiles and landlines, Hong Kong and Macao mobiles.

The normal form is E.164; an extension (分机) follows as in RFC 3966: `+861012345678;ext=801`.
"""

import re

from ownercare_api.core.errors import Invalid

_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−ー"), "-")
_MAX_INPUT = 40

_MOBILE = re.compile(r"0?(1[3-9][0-9]{9})")
# Three-digit area codes (010, 02x) always have eight digits; 400 and 800 are service numbers, not areas.
_LANDLINE = re.compile(r"(10|2[0-57-9])([1-9][0-9]{7})|(?!400|800)([3-9][0-9]{2})([1-9][0-9]{6,7})")
_COUNTRY = re.compile(r"(?:\+|00)?86(.*)")
_HK_MACAO = re.compile(r"(?:\+|00)(852[4-9][0-9]{7}|8536[0-9]{7})")
_EXTENSION = re.compile(r"(.*?)[\s,;-]*\(?(?:;ext=|转接?|轉接?|転|分机号?|分機|ext\.?|x|#)[\s:.-]*([0-9]{1,6})\)?")
_HYPHEN_EXTENSION = re.compile(r"(.*[0-9])\s*-\s*([0-9]{1,6})")
_PUNCTUATION = re.compile(r"[\s().-]+")
_NORMAL = re.compile(r"\+(86|852|853)([0-9]+)(?:;ext=([0-9]{1,6}))?")

_REASONS: dict[str, tuple[str, str]] = {
    "empty": ("未填写", "it is empty"),
    "characters": ("含有不能识别的字符", "it has characters that do not belong to a number"),
    "area_code_missing": ("固定电话缺少区号", "the landline has no area code"),
    "extension_on_mobile": ("手机号不应带分机号", "a mobile has no extension"),
    "form": ("不是有效的手机号或固定电话", "it is no mobile or landline that we know"),
}


class InvalidPhone(Invalid):
    """422: not a telephone number we can use; `reason_code` says why and never holds the number.

    Reason codes: `empty`, `characters`, `area_code_missing`, `extension_on_mobile`, `form`.
    """

    code = "invalid_phone"
    zh, en = "电话号码有误：{reason}。", "The telephone number is not valid: {reason}."

    def __init__(self, reason_code: str) -> None:
        self.reason_code = reason_code
        super().__init__(reason=_REASONS[reason_code])


def normalise_phone(text: str) -> str:
    """Return the normal form of a number as people write it; raises `InvalidPhone`.

    Takes `138 1234 1234`, `0086-13812341234`, `010-12345678`, `(0755)1234567转8`, `+852 9123 4567` and
    full-width digits. Landlines need their area code. The normal form is returned unchanged.
    """
    plain = text.translate(_HALF_WIDTH).translate(_DASHES).strip().lower()
    if not plain:
        raise InvalidPhone("empty")
    if len(plain) > _MAX_INPUT:
        raise InvalidPhone("form")
    named = _EXTENSION.fullmatch(plain)
    if named is not None:
        return _assemble(named[1], named[2])
    # 0755-1234567-8: only where what stands before the last hyphen is a whole landline.
    hyphened = _HYPHEN_EXTENSION.fullmatch(plain)
    if hyphened is not None and _landline(_PUNCTUATION.sub("", hyphened[1])) is not None:
        return _assemble(hyphened[1], hyphened[2])
    return _assemble(plain, None)


def mask_phone(number: str) -> str:
    """Return a number in normal form for display: `138****1234`, `010-****5678`, `+852 ****4567`.

    At most the area and the last four digits are shown; an extension becomes `转***`. What is not in normal
    form is hidden whole.
    """
    found = _NORMAL.fullmatch(number)
    if found is None:
        return "*" * len(number)
    country, national, extension = found.groups()
    if country != "86":
        return f"+{country} {_hide_front(national)}"
    if _MOBILE.fullmatch(national):
        return national[:3] + "****" + national[-4:]
    landline = _LANDLINE.fullmatch(national)
    if landline is None:
        return "*" * len(number)
    area = landline[1] or landline[3]
    shown = f"0{area}-{_hide_front(national[len(area) :])}"
    return f"{shown}转{'*' * len(extension)}" if extension else shown


def _hide_front(digits: str) -> str:
    return "*" * (len(digits) - 4) + digits[-4:]


def _assemble(main: str, extension: str | None) -> str:
    digits = _PUNCTUATION.sub("", main)
    if not re.fullmatch(r"\+?[0-9]+", digits):
        raise InvalidPhone("characters")
    landline = _landline(digits)
    if landline is not None:
        return f"+86{landline};ext={extension}" if extension else f"+86{landline}"
    mobile = _mobile(digits)
    if mobile is not None:
        if extension:
            raise InvalidPhone("extension_on_mobile")
        return mobile
    if re.fullmatch(r"[2-9][0-9]{6,7}", digits):
        raise InvalidPhone("area_code_missing")
    raise InvalidPhone("form")


def _landline(digits: str) -> str | None:
    """Return area and subscriber digits without the trunk 0, which only a country code may replace."""
    abroad = _COUNTRY.fullmatch(digits)
    if abroad is not None:
        national = abroad[1].removeprefix("0")
    elif digits.startswith("0"):
        national = digits[1:]
    else:
        return None
    return national if _LANDLINE.fullmatch(national) else None


def _mobile(digits: str) -> str | None:
    special = _HK_MACAO.fullmatch(digits)
    if special is not None:
        return f"+{special[1]}"
    abroad = _COUNTRY.fullmatch(digits)
    found = _MOBILE.fullmatch(abroad[1] if abroad is not None else digits)
    return f"+86{found[1]}" if found is not None else None
