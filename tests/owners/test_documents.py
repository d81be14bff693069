"""Identity documents. All numbers are made up."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric

from ownercare_api.owners.documents import (
    DocumentKind,
    InvalidDocument,
    birth_date_of,
    check_digit,
    check_document,
    mask_document,
    sex_of,
)

TODAY = date(2026, 11, 23)
RESIDENT = DocumentKind.RESIDENT_ID
FOREIGN = DocumentKind.FOREIGN_PERMANENT_RESIDENT


@pytest.mark.rule("OWN-01")
@pytest.mark.parametrize(
    ("number", "normal"),
    [
        ("11010119900307451X", None),
        ("110101199003074514", "110101199003074514"),
        ("11010519491231002x", "11010519491231002X"),
        (" 110105 19491231 002X ", "11010519491231002X"),
        ("１１０１０５１９４９１２３１００２ｘ", "11010519491231002X"),
        ("441900197511110118", "441900197511110118"),  # Dongguan has no districts: county code 00
        ("46002819800101012X", "46002819800101012X"),  # Hainan before 2003: prefecture code 00
        ("429004196602290025", None),  # 1966 had no 29 February
        ("810000199001010019", "810000199001010019"),  # residence permit, Hong Kong
        ("830000198512310020", "830000198512310020"),  # residence permit, Taiwan
    ],
)
def test_resident_id(number: str, normal: str | None) -> None:
    if normal is None:
        with pytest.raises(InvalidDocument):
            check_document(kind=RESIDENT, number=number, today=TODAY)
    else:
        assert check_document(kind=RESIDENT, number=number, today=TODAY) == normal


@pytest.mark.rule("OWN-01")
@pytest.mark.parametrize(
    ("kind", "number", "reason"),
    [
        (RESIDENT, " － ", "empty"),
        (RESIDENT, "110101900307451", "length"),  # the fifteen digits of the first generation
        (RESIDENT, "1101011990030745140", "length"),
        (RESIDENT, "11010119900307451Y", "format"),
        (RESIDENT, "1101011990X3074514", "format"),
        (RESIDENT, "١١٠١٠١١٩٩٠٠٣٠٧٤٥١٤", "format"),
        (RESIDENT, "160101199003074514", "region"),
        (RESIDENT, "110000199003074514", "region"),
        (RESIDENT, "810101199003074514", "region"),
        (RESIDENT, "92184019850615003X", "region"),
        (RESIDENT, "110101199013074514", "birth_date"),
        (RESIDENT, "110101202302290017", "birth_date"),
        (RESIDENT, "110101189912310017", "birth_date"),
        (RESIDENT, "110101202611240017", "birth_date_in_future"),
        (RESIDENT, "110101199003074515", "check_digit"),
        (RESIDENT, "11010119900307451X", "check_digit"),
        (FOREIGN, "110101199003074514", "format"),
        (FOREIGN, "916840198506150037", "region"),
        (FOREIGN, "921840198506150037", "check_digit"),
        (FOREIGN, "921840198506310037", "birth_date"),
        (FOREIGN, "USA310199023012", "birth_date"),
        (FOREIGN, "US1310185061512", "format"),
        (FOREIGN, "9218401985061500", "length"),
        (DocumentKind.HK_MACAO_PERMIT, "K12345678", "format"),
        (DocumentKind.HK_MACAO_PERMIT, "HB1234567", "format"),
        (DocumentKind.HK_MACAO_PERMIT, "H1234567", "length"),
        (DocumentKind.TAIWAN_PERMIT, "1234567", "length"),
        (DocumentKind.TAIWAN_PERMIT, "T1234567", "format"),
        (DocumentKind.PASSPORT, "E123", "length"),
        (DocumentKind.PASSPORT, "ABCDEFGH", "format"),
        (DocumentKind.PASSPORT, "ı1234567", "format"),
    ],
)
def test_refusals_have_a_reason_and_never_the_number(kind: DocumentKind, number: str, reason: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        check_document(kind=kind, number=number, today=TODAY)
    assert refused.value.reason_code == reason
    assert number not in refused.value.detail("zh-CN") + refused.value.detail("en") + repr(refused.value)


def test_the_cause_in_both_languages() -> None:
    refusal = InvalidDocument("check_digit")
    assert refusal.detail("zh-CN") == "证件号码有误：校验码不符。"
    assert refusal.detail("en") == "The document number is not valid: its check digit does not match."
    assert (refusal.code, refusal.status) == ("invalid_document", 422)


def test_born_today_is_not_the_future() -> None:
    digits = "11010120261123001"
    number = digits + check_digit(digits)
    assert check_document(kind=RESIDENT, number=number, today=TODAY) == number


@pytest.mark.parametrize(
    ("kind", "number", "normal"),
    [
        (DocumentKind.HK_MACAO_PERMIT, "h 0000 0001", "H00000001"),
        (DocumentKind.HK_MACAO_PERMIT, "M0000000102", "M00000001"),  # second issue of the same permit
        (DocumentKind.HK_MACAO_PERMIT, "ha0000001", "HA0000001"),  # of a foreign national
        (DocumentKind.TAIWAN_PERMIT, "０００００００１", "00000001"),
        (DocumentKind.PASSPORT, "e-00000001", "E00000001"),
        (FOREIGN, "92184019850615003x", "92184019850615003X"),
        (FOREIGN, "usa310185061512", "USA310185061512"),
        (FOREIGN, "USA310100022912", "USA310100022912"),  # 29 February 2000
    ],
)
def test_other_kinds(kind: DocumentKind, number: str, normal: str) -> None:
    assert check_document(kind=kind, number=number, today=TODAY) == normal
    assert check_document(kind=kind, number=normal, today=TODAY) == normal


def test_birth_date_and_sex() -> None:
    assert birth_date_of(kind=RESIDENT, number="11010519491231002X") == date(1949, 12, 31)
    assert sex_of(kind=RESIDENT, number="11010519491231002X") == "female"
    assert sex_of(kind=RESIDENT, number="110101199003074514") == "male"
    assert birth_date_of(kind=FOREIGN, number="92184019850615003X") == date(1985, 6, 15)
    assert sex_of(kind=FOREIGN, number="92184019850615003X") == "male"
    for kind, number in [
        (FOREIGN, "USA310185061512"),
        (DocumentKind.PASSPORT, "E00000001"),
        (DocumentKind.HK_MACAO_PERMIT, "H00000001"),
        (DocumentKind.TAIWAN_PERMIT, "00000001"),
    ]:
        assert birth_date_of(kind=kind, number=number) is None
        assert sex_of(kind=kind, number=number) is None


@pytest.mark.rule("OWN-07")
@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("110101199003074518", "1****************8"),
        ("11010519491231002X", "1****************X"),
        ("USA310185061512", "*************12"),
        ("H00000001", "*******01"),
        ("00000027", "******27"),
        ("E12345", "****45"),
        ("E1234", "*****"),
        ("", ""),
    ],
)
def test_mask(number: str, shown: str) -> None:
    assert mask_document(number) == shown


births = st.dates(min_value=date(1900, 1, 1), max_value=TODAY)
regions = st.sampled_from(["110101", "440304", "650102", "460028", "820000"])


@given(regions, births, st.integers(1, 999))
def test_built_numbers_pass_and_are_read_back(region: str, born: date, sequence: int) -> None:
    digits = f"{region}{born:%Y%m%d}{sequence:03d}"
    number = digits + check_digit(digits)
    assert check_digit(digits) == ric.calc_check_digit(number)
    assert check_document(kind=RESIDENT, number=number.lower(), today=TODAY) == number
    assert birth_date_of(kind=RESIDENT, number=number) == born
    assert sex_of(kind=RESIDENT, number=number) == ("male" if sequence % 2 else "female")


@given(regions, births, st.integers(1, 999), st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_never_passes(region: str, born: date, sequence: int, place: int, shift: int) -> None:
    digits = f"{region}{born:%Y%m%d}{sequence:03d}"
    wrong = digits[:place] + str((int(digits[place]) + shift) % 10) + digits[place + 1 :]
    with pytest.raises(InvalidDocument):
        check_document(kind=RESIDENT, number=wrong + check_digit(digits), today=TODAY)


@given(st.sampled_from(list(DocumentKind)), st.text(max_size=30))
def test_any_text_is_refused_or_normal(kind: DocumentKind, text: str) -> None:
    try:
        normal = check_document(kind=kind, number=text, today=TODAY)
    except InvalidDocument:
        return
    assert normal.isascii()
    assert normal == normal.upper()
    assert check_document(kind=kind, number=normal, today=TODAY) == normal


@given(st.text("0123456789X", max_size=30))
def test_a_mask_keeps_the_length_and_hides_most(number: str) -> None:
    shown = mask_document(number)
    assert len(shown) == len(number)
    visible = sum(char != "*" for char in shown)
    assert visible == (2 if len(number) >= 6 else 0)
