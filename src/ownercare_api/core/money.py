"""Money is a whole number of fen (分), 100 to the yuan. Here: how it is written, and how it is divided."""

from collections.abc import Sequence

from ownercare_api.core.errors import Invalid

MAX_FEN = 10**15
"""The largest amount either way, in fen: ten trillion yuan. It fits PostgreSQL's bigint and JavaScript's integers."""

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")


class AmountOutOfRange(Invalid):
    """422: an amount beyond `MAX_FEN`."""

    code = "amount_out_of_range"
    zh, en = "金额超出允许范围。", "The amount is out of range."


def fen_to_text(fen: int) -> str:
    """Return yuan with separators for people: 123456 is `1,234.56`. Raises `AmountOutOfRange`."""
    sign, yuan, rest = _parts(fen)
    return f"{sign}{yuan:,}.{rest:02d}"


def fen_to_yuan(fen: int) -> str:
    """Return yuan for machines and spreadsheets: 123456 is `1234.56`. Raises `AmountOutOfRange`."""
    sign, yuan, rest = _parts(fen)
    return f"{sign}{yuan}.{rest:02d}"


def capital_amount(fen: int) -> str:
    """Return the capital amount (大写金额): 123456 is `壹仟贰佰叁拾肆元伍角陆分`. Raises `AmountOutOfRange`.

    As in 支付结算办法, annex 1: 整 after 元, not after 分; where the annex leaves a choice, no 整 after 角, and
    no 零 for a zero that ends 万 or 元 (107000.53 is `壹拾万柒仟元伍角叁分`). A negative amount begins with 负.
    """
    sign, yuan, rest = _parts(fen)
    jiao, cents = divmod(rest, 10)
    text = f"{_integer(yuan)}元" if yuan or not rest else ""
    if jiao:
        text += f"{_DIGITS[jiao]}角"
    elif cents and yuan:
        text += "零"
    text += f"{_DIGITS[cents]}分" if cents else ""
    text += "" if rest else "整"
    return ("负" if sign else "") + text


def split_fen(*, total: int, weights: Sequence[int]) -> list[int]:
    """Divide an amount in fen in proportion to the weights; the shares add up to `total` exactly.

    Every share is the exact one rounded down or up (largest remainder; equal remainders: the earlier first). A
    zero weight gets zero. A negative total is divided as its opposite. Raises `AmountOutOfRange`, and
    `ValueError` for a negative weight or when no weight is positive.
    """
    _parts(total)
    if any(weight < 0 for weight in weights):
        raise ValueError("a weight is negative")
    whole = sum(weights)
    if whole == 0:
        raise ValueError("no weight is positive")
    size = abs(total)
    shares = [size * weight // whole for weight in weights]
    remainders = [size * weight % whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: -remainders[place])
    for place in by_remainder[: size - sum(shares)]:
        shares[place] += 1
    return shares if total >= 0 else [-share for share in shares]


def _parts(fen: int) -> tuple[str, int, int]:
    """Return the sign, whole yuan and the fen below one yuan."""
    if isinstance(fen, bool) or not isinstance(fen, int):
        raise TypeError("an amount is a whole number of fen")
    if abs(fen) > MAX_FEN:
        raise AmountOutOfRange
    yuan, rest = divmod(abs(fen), 100)
    return "-" if fen < 0 else "", yuan, rest


def _integer(yuan: int) -> str:
    """Write whole yuan below 10**16 in capital digits."""
    high, low = divmod(yuan, 10**8)
    if not high:
        return _below_hundred_million(low)
    text = _below_hundred_million(high) + "亿"
    if not low:
        return text
    return text + ("零" if low < 10**7 else "") + _below_hundred_million(low)


def _below_hundred_million(number: int) -> str:
    ten_thousands, rest = divmod(number, 10**4)
    if not ten_thousands:
        return _below_ten_thousand(rest)
    text = _below_ten_thousand(ten_thousands) + "万"
    if not rest:
        return text
    return text + ("零" if rest < 1000 else "") + _below_ten_thousand(rest)


def _below_ten_thousand(number: int) -> str:
    """Write 0 to 9999, one 零 for each run of zeros inside."""
    if not number:
        return _DIGITS[0]
    text = ""
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            text += _DIGITS[digit] + _PLACES[place]
        elif text and not text.endswith("零"):
            text += "零"
    return text.rstrip("零")
