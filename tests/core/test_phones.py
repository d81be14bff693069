"""Telephone numbers. All numbers are made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownercare_api.core.phones import InvalidPhone, mask_phone, normalise_phone


@pytest.mark.parametrize(
    "text",
    [
        "13812341234",
        " 138 1234 1234 ",
        "138-1234-1234",
        "+86 138 1234 1234",
        "+86-13812341234",
        "8613812341234",
        "0086 13812341234",
        "(+86)13812341234",
        "013812341234",
        "１３８１２３４１２３４",
        "＋８６　１３８－１２３４－１２３４",
        "138–1234–1234",
    ],
)
def test_one_mobile_written_in_many_ways(text: str) -> None:
    assert normalise_phone(text) == "+8613812341234"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("010-12345678", "+861012345678"),
        ("(010)12345678", "+861012345678"),
        ("（０１０）１２３４５６７８", "+861012345678"),
        ("+86 10 1234 5678", "+861012345678"),
        ("+86 (0)10 1234 5678", "+861012345678"),
        ("86-10-12345678", "+861012345678"),
        ("0755-1234567", "+867551234567"),
        ("0755-82345678", "+8675582345678"),
        ("0755-8234-5678", "+8675582345678"),
        ("0755-1234567 転 8", "+867551234567;ext=8"),
        ("0755-1234567转8", "+867551234567;ext=8"),
        ("0755-1234567-8", "+867551234567;ext=8"),
        ("010-12345678-801", "+861012345678;ext=801"),
        ("010-12345678 ext. 801", "+861012345678;ext=801"),
        ("010-12345678（转801）", "+861012345678;ext=801"),
        ("010-12345678 分机号：801", "+861012345678;ext=801"),
        ("010 12345678 x801", "+861012345678;ext=801"),
        ("010-12345678#801", "+861012345678;ext=801"),
    ],
)
def test_landlines(text: str, normal: str) -> None:
    assert normalise_phone(text) == normal
    assert normalise_phone(normal) == normal


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("+852 9123 4567", "+85291234567"),
        ("00852-51234567", "+85251234567"),
        ("+853 6612 3456", "+85366123456"),
        ("００８５３６６１２３４５６", "+85366123456"),
    ],
)
def test_hong_kong_and_macao_mobiles(text: str, normal: str) -> None:
    assert normalise_phone(text) == normal


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \u3000", "empty"),
        ("联系人张先生", "characters"),
        ("138a1234123", "characters"),
        ("138++12341234", "characters"),
        ("١٣٨١٢٣٤١٢٣٤", "characters"),
        ("1381234123", "form"),
        ("138123412345", "form"),
        ("12812341234", "form"),
        ("82345678", "area_code_missing"),
        ("010-1234567", "form"),  # Beijing has eight digits
        ("0260-12345678", "form"),
        ("400-123-4567", "form"),
        ("+86 400 123 4567", "form"),
        ("85291234567", "form"),
        ("+852 2123 4567", "form"),  # a Hong Kong landline
        ("+853 2812 3456", "form"),
        ("+1 202 555 0100", "form"),
        ("13812341234转8", "extension_on_mobile"),
        ("1" * 41, "form"),
    ],
)
def test_refusals_have_a_reason_and_never_the_number(text: str, reason: str) -> None:
    with pytest.raises(InvalidPhone) as refused:
        normalise_phone(text)
    assert refused.value.reason_code == reason
    assert (refused.value.code, refused.value.status) == ("invalid_phone", 422)
    said = refused.value.detail("zh-CN") + refused.value.detail("en") + repr(refused.value)
    assert not any(char.isdigit() for char in said)


@pytest.mark.rule("OWN-07")
@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+8613812341234", "138****1234"),
        ("+861012345678", "010-****5678"),
        ("+867551234567", "0755-***4567"),
        ("+8675582345678", "0755-****5678"),
        ("+861012345678;ext=801", "010-****5678转***"),
        ("+85291234567", "+852 ****4567"),
        ("+85366123456", "+853 ****3456"),
        ("13812341234", "***********"),  # not the normal form
        ("+86123", "******"),
        ("", ""),
    ],
)
def test_mask(number: str, shown: str) -> None:
    assert mask_phone(number) == shown


separators = st.sampled_from(["", " ", "-", "　", "  ", " - "])


@given(
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    st.sampled_from(["", "+86", "0086", "86", "＋86"]),
    separators,
    separators,
    st.booleans(),
)
def test_every_mobile_in_every_dress(digits: str, country: str, first: str, second: str, wide: bool) -> None:
    text = f"{country}{first}{digits[:3]}{second}{digits[3:7]}{second}{digits[7:]}"
    if wide:
        text = "".join(chr(ord(char) + 0xFEE0) if char.isdigit() else char for char in text)
    assert normalise_phone(text) == f"+86{digits}"
    assert mask_phone(f"+86{digits}") == f"{digits[:3]}****{digits[7:]}"


@given(st.text("0123456789+-()转 x#;ext=８６", max_size=42) | st.text(max_size=42))
def test_any_text_is_refused_or_normal(text: str) -> None:
    try:
        normal = normalise_phone(text)
    except InvalidPhone:
        return
    assert normalise_phone(normal) == normal
    shown = mask_phone(normal)
    assert "***" in shown
    assert normal[-4:] in shown or ";ext=" in normal
