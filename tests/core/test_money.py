"""Whole fen: how amounts are written and divided."""

from fractions import Fraction

import cn2an
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ownercare_api.core.money import (
    MAX_FEN,
    AmountOutOfRange,
    capital_amount,
    fen_to_text,
    fen_to_yuan,
    split_fen,
)

amounts = st.integers(-MAX_FEN, MAX_FEN)
# Draws decimal digits one by one, so that runs of zeros are common.
zeroful = st.text("000123456789", min_size=1, max_size=15).map(int)


@pytest.mark.parametrize(
    ("fen", "text", "yuan"),
    [
        (0, "0.00", "0.00"),
        (5, "0.05", "0.05"),
        (-5, "-0.05", "-0.05"),
        (50, "0.50", "0.50"),
        (123456, "1,234.56", "1234.56"),
        (-123456, "-1,234.56", "-1234.56"),
        (100_000_000, "1,000,000.00", "1000000.00"),
        (MAX_FEN, "10,000,000,000,000.00", "10000000000000.00"),
    ],
)
def test_yuan(fen: int, text: str, yuan: str) -> None:
    assert fen_to_text(fen) == text
    assert fen_to_yuan(fen) == yuan


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (0, "零元整"),
        (5, "伍分"),
        (50, "伍角"),
        (54, "伍角肆分"),
        (100, "壹元整"),
        (101, "壹元零壹分"),
        (110, "壹元壹角"),
        (1000, "壹拾元整"),
        (123456, "壹仟贰佰叁拾肆元伍角陆分"),
        (-123456, "负壹仟贰佰叁拾肆元伍角陆分"),
        (-1, "负壹分"),
        # The examples of 支付结算办法, annex 1.
        (140950, "壹仟肆佰零玖元伍角"),
        (600714, "陆仟零柒元壹角肆分"),
        (168032, "壹仟陆佰捌拾元叁角贰分"),
        (10700053, "壹拾万柒仟元伍角叁分"),
        (1640902, "壹万陆仟肆佰零玖元零贰分"),
        (32504, "叁佰贰拾伍元零肆分"),
        # Zeros across 万 and 亿.
        (10_000_00, "壹万元整"),
        (10_000_05, "壹万元零伍分"),
        (10_000_50, "壹万元伍角"),
        (10_010_00, "壹万零壹拾元整"),
        (100_500_00, "壹拾万零伍佰元整"),
        (100_000_001_00, "壹亿零壹元整"),
        (100_005_000_00, "壹亿零伍仟元整"),
        (100_050_000_00, "壹亿零伍万元整"),
        (110_000_000_00, "壹亿壹仟万元整"),
        (1_000_000_000_000_00, "壹万亿元整"),
        (1_000_000_000_001_00, "壹万亿零壹元整"),
        (1_000_100_000_000_00, "壹万零壹亿元整"),
        (MAX_FEN, "壹拾万亿元整"),
        (-MAX_FEN, "负壹拾万亿元整"),
    ],
)
def test_capital_amount(fen: int, text: str) -> None:
    assert capital_amount(fen) == text


@given(amounts | zeroful)
@example(100_005_000_00)
def test_capital_amount_agrees_with_cn2an(fen: int) -> None:
    """One difference: after 亿, with 万 empty and 仟 not (壹亿零伍仟), cn2an leaves out 零.

    The annex allows both. We write 零, since 壹亿伍仟 is also said for 1.5 亿.
    """
    expected = cn2an.an2cn(fen_to_yuan(fen), "rmb")
    skips_ten_thousands = abs(fen) >= 10**10 and 10**5 <= abs(fen) % 10**10 < 10**6
    if skips_ten_thousands:
        assert capital_amount(fen) == expected.replace("亿", "亿零", 1)
    else:
        assert capital_amount(fen) == expected


@given(amounts)
def test_capital_amounts_differ(fen: int) -> None:
    assert capital_amount(fen) != capital_amount(fen - 1 if fen > 0 else fen + 1)
    assert "零零" not in capital_amount(fen)


@given(amounts)
def test_text_reads_back(fen: int) -> None:
    assert Fraction(fen_to_text(fen).replace(",", "")) * 100 == fen
    assert Fraction(fen_to_yuan(fen)) * 100 == fen


@pytest.mark.parametrize("fen", [MAX_FEN + 1, -MAX_FEN - 1])
def test_the_bound(fen: int) -> None:
    for write in (fen_to_text, fen_to_yuan, capital_amount):
        with pytest.raises(AmountOutOfRange):
            write(fen)
    with pytest.raises(AmountOutOfRange):
        split_fen(total=fen, weights=[1])


@pytest.mark.parametrize("amount", [1.0, True, "100"])
def test_only_whole_fen(amount: object) -> None:
    with pytest.raises(TypeError, match="whole number of fen"):
        fen_to_text(amount)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (101, [1, 1, 1], [34, 34, 33]),
        (1000, [90, 10], [900, 100]),
        (99, [90, 10], [89, 10]),
        (10, [1, 2, 4], [1, 3, 6]),
        (1, [0, 5, 5], [0, 1, 0]),
        (0, [3, 4], [0, 0]),
        (7, [1], [7]),
    ],
)
def test_split(total: int, weights: list[int], shares: list[int]) -> None:
    assert split_fen(total=total, weights=weights) == shares


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [3, -1]])
def test_split_needs_weights(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weight"):
        split_fen(total=100, weights=weights)


@given(amounts, st.lists(st.integers(0, 10**12), min_size=1, max_size=30).filter(any))
def test_shares_add_up_and_are_fair(total: int, weights: list[int]) -> None:
    shares = split_fen(total=total, weights=weights)
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(total * weight, sum(weights))) < 1
        assert weight or share == 0
    assert split_fen(total=-total, weights=weights) == [-share for share in shares]
