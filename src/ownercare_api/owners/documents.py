"""Identity documents (证件): check, normalise, read and mask their numbers (OWN-01, OWN-07)."""

import re
from datetime import date
from enum import StrEnum

from ownercare_api.core.errors import Invalid


class Sex(StrEnum):
    """As in the purchase form (OWN-01)."""

    MALE = "male"
    FEMALE = "female"


_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_SEPARATORS = re.compile(r"[\s\-·()]+")

# GB/T 2260, first two digits; 71 is Taiwan's code, 81-83 the residence permits of 2018.
_PROVINCES = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71")
_PERMIT_REGIONS = frozenset({"810000", "820000", "830000"})
_EARLIEST_BIRTH = date(1900, 1, 1)

_RESIDENT = re.compile(r"[0-9]{17}[0-9X]")
_FOREIGN_OLD = re.compile(r"[A-Z]{3}[0-9]{12}")
_HK_MACAO = re.compile(r"([HM][0-9]{8}|[HM]A[0-9]{7})(?:[0-9]{2})?")
_TAIWAN = re.compile(r"[0-9]{8}")
_PASSPORT = re.compile(r"(?=.*[0-9])[A-Z0-9]{5,9}")


class DocumentKind(StrEnum):
    """The kinds of identity document an owner may show."""

    RESIDENT_ID = "resident_id"
    """居民身份证, and the residence permit (居住证) of Hong Kong, Macao and Taiwan residents."""
    HK_MACAO_PERMIT = "hk_macao_permit"
    """港澳居民来往内地通行证"""
    TAIWAN_PERMIT = "taiwan_permit"
    """台湾居民来往大陆通行证"""
    PASSPORT = "passport"
    """护照"""
    FOREIGN_PERMANENT_RESIDENT = "foreign_permanent_resident"
    """外国人永久居留身份证"""


_REASONS: dict[str, tuple[str, str]] = {
    "empty": ("未填写", "it is empty"),
    "length": ("位数不对", "it has the wrong length"),
    "format": ("格式不对", "it has the wrong form"),
    "region": ("地区代码不存在", "its region code does not exist"),
    "birth_date": ("出生日期不存在", "its birth date does not exist"),
    "birth_date_in_future": ("出生日期晚于今天", "its birth date is in the future"),
    "check_digit": ("校验码不符", "its check digit does not match"),
}


class InvalidDocument(Invalid):
    """422: not a possible number of this kind of document; `reason_code` says why and never holds the number.

    Reason codes: `empty`, `length`, `format`, `region`, `birth_date`, `birth_date_in_future`, `check_digit`.
    """

    code = "invalid_document"
    zh, en = "证件号码有误：{reason}。", "The document number is not valid: {reason}."

    def __init__(self, reason_code: str) -> None:
        self.reason_code = reason_code
        super().__init__(reason=_REASONS[reason_code])


def check_document(*, kind: DocumentKind, number: str, today: date) -> str:
    """Return the number in its normal form: ASCII, upper case, without spaces, hyphens and brackets.

    `today` is the business date that a birth date may not be after. The two-digit count of reissues behind a
    Hong Kong or Macao permit number is dropped, for the nine characters before it stay with the person for life.
    Raises `InvalidDocument`. This says that a number is possible, not that the document exists.
    """
    text = _SEPARATORS.sub("", number.translate(_HALF_WIDTH))
    if not text:
        raise InvalidDocument("empty")
    if not text.isascii():
        raise InvalidDocument("format")
    text = text.upper()
    match kind:
        case DocumentKind.RESIDENT_ID:
            _check_resident_number(text, today)
        case DocumentKind.FOREIGN_PERMANENT_RESIDENT:
            _check_foreign_number(text, today)
        case DocumentKind.HK_MACAO_PERMIT:
            found = _require(_HK_MACAO, text, lengths={9, 11})
            return found[1]
        case DocumentKind.TAIWAN_PERMIT:
            _require(_TAIWAN, text, lengths={8})
        case DocumentKind.PASSPORT:
            _require(_PASSPORT, text, lengths=set(range(5, 10)))
    return text


def birth_date_of(*, kind: DocumentKind, number: str) -> date | None:
    """Return the birth date inside a normalised number, or None where the kind does not carry a full one."""
    if not _carries_birth_date(kind, number):
        return None
    return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))


def sex_of(*, kind: DocumentKind, number: str) -> Sex | None:
    """Return the sex inside a normalised number (odd sequence: male), or None where the kind does not carry it."""
    if not _carries_birth_date(kind, number):
        return None
    return Sex.MALE if int(number[16]) % 2 else Sex.FEMALE


def check_digit(digits: str) -> str:
    """Return the MOD 11-2 check character (GB 11643, ISO 7064) of the first seventeen digits: 0-9 or X."""
    return "10X98765432"[sum(int(digit) << (17 - place) for place, digit in enumerate(digits[:17])) % 11]


def mask_document(number: str) -> str:
    """Return a normalised number for display, of the same length.

    18 characters show the first and the last (`1****************8`): more would give the number away to whoever
    knows the birth date. 6 to 17 characters show the last two; anything shorter shows nothing.
    """
    if len(number) >= 18:
        return number[0] + "*" * (len(number) - 2) + number[-1]
    if len(number) >= 6:
        return "*" * (len(number) - 2) + number[-2:]
    return "*" * len(number)


def _carries_birth_date(kind: DocumentKind, number: str) -> bool:
    if kind not in (DocumentKind.RESIDENT_ID, DocumentKind.FOREIGN_PERMANENT_RESIDENT):
        return False
    return len(number) == 18  # the foreign card before 2023 has fifteen, with a year of two digits


def _check_resident_number(text: str, today: date) -> None:
    _require(_RESIDENT, text, lengths={18})
    # A county code of 00 is real (Dongguan 441900), and so is a prefecture of 00 (old Hainan 460028).
    known = text[:6] in _PERMIT_REGIONS or (_PROVINCES.fullmatch(text[:2]) and text[2:6] != "0000")
    if not known:
        raise InvalidDocument("region")
    _check_birth_and_digit(text, today)


def _check_foreign_number(text: str, today: date) -> None:
    """The card of 2023: 9, province, numeric country code, birth date, sequence, check digit; or the one before it."""
    if len(text) == 15:
        _require(_FOREIGN_OLD, text, lengths={15})
        _check_two_digit_birth(text[7:13])
        return
    _require(_RESIDENT, text, lengths={15, 18})
    if text[0] != "9":
        raise InvalidDocument("format")
    if _PROVINCES.fullmatch(text[1:3]) is None or text[3:6] == "000":
        raise InvalidDocument("region")
    _check_birth_and_digit(text, today)


def _check_two_digit_birth(yymmdd: str) -> None:
    # Either century may be meant, so 29 February passes when one of the two years has it.
    for century in ("19", "20"):
        if _date_or_none(century + yymmdd) is not None:
            return
    raise InvalidDocument("birth_date")


def _check_birth_and_digit(text: str, today: date) -> None:
    born = _date_or_none(text[6:14])
    if born is None or born < _EARLIEST_BIRTH:
        raise InvalidDocument("birth_date")
    if born > today:
        raise InvalidDocument("birth_date_in_future")
    if check_digit(text) != text[17]:
        raise InvalidDocument("check_digit")


def _date_or_none(yyyymmdd: str) -> date | None:
    try:
        return date(int(yyyymmdd[:4]), int(yyyymmdd[4:6]), int(yyyymmdd[6:8]))
    except ValueError:
        return None


def _require(pattern: re.Pattern[str], text: str, *, lengths: set[int]) -> re.Match[str]:
    if len(text) not in lengths:
        raise InvalidDocument("length")
    found = pattern.fullmatch(text)
    if found is None:
        raise InvalidDocument("format")
    return found
